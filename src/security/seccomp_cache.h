#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * A compiled policy as a file: this, the policy's whole text, the instructions. Beside the policy (POLICY.bpf, made
 * when the profiles are installed) or in the run directory.
 */
struct seccomp_cache_header {
	uint32_t magic;
	uint32_t text_length;
	uint32_t count;
	uint32_t padding;
};

#define SECCOMP_CACHE_MAGIC   0x33637357U /* "Wsc3": also changes when the compiler's output for one text changes */
#define SECCOMP_CACHE_SUFFIX  ".bpf"
#define SECCOMP_POLICY_LENGTH (1024 * 1024)

struct seccomp_filter;

/*
 * Takes the program for the text (length bytes) out of the bytes of a cache file. *ret gets instructions (to be
 * freed) and count. 0, -EBADMSG: it is not one for this text, -ENOMEM.
 */
int seccomp_cache_parse(const char *data, size_t data_length, const char *text, size_t length,
	struct seccomp_filter *ret);

/* The same from the file at path, which must be a regular one that only root or the caller can write. 0 or -errno. */
int seccomp_cache_load(const char *path, const char *text, size_t length, struct seccomp_filter *ret);

/* Writes to fd. 0 or -errno. */
int seccomp_cache_write(int fd, const char *text, size_t length, const struct seccomp_filter *filter);

/* The caller's private cache directory, below $XDG_RUNTIME_DIR or ~/.cache for an ordinary user. 0 or -ENOENT. */
int seccomp_cache_directory(char *buffer, size_t size);

/* Keeps the program at path, in a directory that is made when missing. Best effort: nothing is reported. */
void seccomp_cache_save(const char *path, const char *text, size_t length, const struct seccomp_filter *filter);
