#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/* JSON written as it goes, no tree: json_object(j, NULL); json_text(j, "name", "a"); json_end(j); */
struct json {
	FILE *out;
	int depth;
	bool has_item[16];
	bool is_array[16];
};
void json_start(struct json *json, FILE *out);
void json_object(struct json *json, const char *key); /* key NULL: in an array or at the top */
void json_array(struct json *json, const char *key);
void json_end(struct json *json); /* ends the innermost; a newline after the outermost */
void json_text(struct json *json, const char *key, const char *value); /* value NULL: null */
void json_number(struct json *json, const char *key, int64_t value);
void json_unsigned(struct json *json, const char *key, uint64_t value); /* UINT64_MAX: null */
/* text: a value as JSON has it already (a number with a fraction); NULL: null. */
void json_raw(struct json *json, const char *key, const char *text);
void json_bool(struct json *json, const char *key, bool value);
