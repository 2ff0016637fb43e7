#pragma once
#include "base/vector.h"

#include <stdbool.h>
#include <stdint.h>

/* Lines KEY=VALUE: what the two sides tell each other about themselves, and what each writes down. */

/* Zeroed: empty. */
struct pairs {
	struct string_list lines;
};

/* Replaces or adds; value NULL: nothing is changed. Newlines in value become spaces. 0 or -ENOMEM. */
int pairs_set(struct pairs *pairs, const char *key, const char *value);
int pairs_set_number(struct pairs *pairs, const char *key, uint64_t value);
/* Adds a line of a key that may be there more than once. */
int pairs_add(struct pairs *pairs, const char *key, const char *value);

/* The first value, borrowed until the next change; otherwise when there is none. */
const char *pairs_get(const struct pairs *pairs, const char *key, const char *otherwise);
uint64_t pairs_get_number(const struct pairs *pairs, const char *key);
bool pairs_is(const struct pairs *pairs, const char *key, const char *value);
/* Is word among the words of key's value, which spaces divide? */
bool pairs_has_word(const struct pairs *pairs, const char *key, const char *word);

/* All of it as one text, malloc'ed; and back, appended. Lines without "=" are left out. 0 or -ENOMEM. */
int pairs_text(const struct pairs *pairs, char **ret);
int pairs_parse(struct pairs *pairs, const char *text);
void pairs_clear(struct pairs *pairs);
