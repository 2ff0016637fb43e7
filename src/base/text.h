#pragma once
#include "base/vector.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>

/* Strings. Functions that return int return 0 or -errno. */

/* printf into a malloc'ed *ret. -ENOMEM. */
int text_format(char **ret, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
int text_vformat(char **ret, const char *fmt, va_list arguments) __attribute__((format(printf, 2, 0)));

/* Cuts white space off both ends, in place; returns the first character that is left. */
char *text_trim(char *text);
bool text_starts(const char *text, const char *prefix);
bool text_ends(const char *text, const char *suffix);
/* Has it a byte that a terminal may take for an order (below the space, or DEL)? */
bool text_has_control(const char *text);
/* Equal, where NULL is equal to NULL alone. */
bool text_equal(const char *a, const char *b);
/* Is word (length bytes of it) one of the comma-separated words of list? */
bool text_list_has(const char *list, const char *word, size_t length);
/* Replaces *slot by a copy of text (NULL: frees it). 0 or -ENOMEM. */
int text_replace(char **slot, const char *text);

/* The whole text is one decimal number (no sign, no white space but for _i32). -EINVAL, -ERANGE. */
int text_to_u64(const char *text, uint64_t *ret);
int text_to_u32(const char *text, uint32_t *ret);
int text_to_i32(const char *text, int32_t *ret);
/* "64M", "1.5"-free: a number with an optional unit k, K, M, G, T (times 1024), followed by an optional B. */
int text_to_bytes(const char *text, uint64_t *ret);
/*
 * Bits per second: a number with an optional unit k, M, G, T (times 1000, as for all rates of networks), and an optional
 * "bit". "0" and "none": no limit, *ret is 0. -EINVAL; -ERANGE: below 8k or above 1T.
 */
int text_to_rate(const char *text, uint64_t *ret);

/* Appends "NAME=VALUE"; nothing when value is NULL. */
int text_add_variable(struct string_list *list, const char *name, const char *value);

/* The parts between any of separators; empty parts are left out. Appends. */
int text_split(const char *text, const char *separators, struct string_list *ret);

/*
 * A command line as a shell would cut it: white space separates, '...' and "..." group, a backslash takes the
 * next character as it is; nothing is expanded. Appends. -EINVAL: a quote is not closed.
 */
int text_split_command(const char *line, struct string_list *ret);

/*
 * "0-3,8" as bits: number n is bit n of bits[n / 64]; spaces and empty parts count for nothing, words is the length of bits.
 * -EINVAL, -ERANGE: above what bits can hold.
 */
int text_to_bits(const char *text, uint64_t *bits, size_t words);
