/* What a hostile root in a container tries. Nothing here does harm where it succeeds: what could is only opened. */
#pragma once

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>

/*
 * One attempt. run says what happened in one word: an errno by name; "own": it worked, on something of the container's
 * alone; "host": on something of the host's; or a word of its own. The working directory may be filled with rubbish.
 */
struct attempt {
	const char *id;
	const char *(*run)(void);
};

extern const struct attempt file_attempts[], call_attempts[], process_attempts[], network_attempts[];

/* The name of an errno, of a negative r too. Static. */
const char *errno_word(int error);
/* errno's name when r is negative, otherwise word. */
const char *word_unless(long r, const char *word);
/* Opens and closes: "opened", or the errno. Nothing is read or written. */
const char *open_word(const char *path, int flags);
/* "own" or "host": is this namespace (a name in /proc/self/ns) that of the host? */
const char *namespace_word(const char *kind);
/* Says what the runner wrote on NAME into the file "host"; "" when nothing. Static. */
const char *host_fact(const char *name);

/* Helpers of the runner; each is called with its arguments after its name and gives the exit status. */
int tool_swap(char **arguments);
int tool_watch(char **arguments);
int tool_bomb(char **arguments);
int tool_connect(char **arguments);
int tool_listen(char **arguments);
int tool_key(char **arguments);
int tool_sti(char **arguments);
