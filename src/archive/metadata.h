#pragma once
#include <stdbool.h>
#include <stdint.h>

struct archive_entry;

/*
 * Gives the file name in dir_fd (no link is followed; "." for the directory itself) the owner, mode, attributes, ACLs and
 * times of entry. *ret_skipped is set when the caller may not set an attribute or the file system has none.
 * 0 or -errno.
 */
int metadata_apply(int dir_fd, const char *name, struct archive_entry *entry, bool keeps_owner, bool *ret_skipped);
/* Bytes that the attributes of entry take. */
uint64_t metadata_size(struct archive_entry *entry);
