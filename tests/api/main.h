#pragma once
#include "api.h"

#include <stdio.h>

/* results.c for main.c: out gets the lines; the number of failures. */
void results_begin(const char *subject, FILE *out);
int results_end(void);

void test_globals(void);
void test_objects(void);
void test_config(void);
void test_config_files(void);
void test_life(void);
void test_foreground(void);
void test_wait(void);
void test_create(void);
void test_clone(void);
void test_snapshot(void);
void test_attach(void);
void test_console(void);
void test_inside(void);
void test_network(void);
void test_lists(void);
void test_log(void);
void test_null(void);
void test_threads(void);
void test_shared(void);
void test_fork(void);
void test_endurance(void);
