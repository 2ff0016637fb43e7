/* A directory of the test's own, which is the working directory while it runs. */
#pragma once
#include "storage/storage.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char top[64];

static int set_up(void **state)
{
	(void)state;
	strcpy(top, "/tmp/wabe-test-XXXXXX");
	return mkdtemp(top) && chdir(top) == 0 ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	return chdir("/") < 0 ? -1 : storage_remove_tree(top, NULL, NULL);
}

static void put(const char *path, const char *text)
{
	FILE *file = fopen(path, "we");
	assert_non_null(file);
	fputs(text, file);
	assert_int_equal(fclose(file), 0);
}
