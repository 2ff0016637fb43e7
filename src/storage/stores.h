#pragma once
#include "storage/store.h"

#include <stdarg.h>
#include <stddef.h>

/* Shared by the stores of this folder; not for others. */

extern const struct store store_btrfs, store_dir, store_loop, store_lvm, store_nbd, store_rbd, store_zfs;

/* A new volume's size and file system when nothing else is asked for: as LXC's. */
#define STORE_SIZE_DEFAULT   (1ULL << 30)
#define STORE_FSTYPE_DEFAULT "ext4"

/*
 * Runs a program of the host (looked up in PATH) with the arguments up to a NULL. 0, or -errno with its last words in
 * *err; a program that is not there is named with what has it.
 */
int store_run(struct error *err, const char *program, ...) __attribute__((sentinel));

/* The same with exit statuses up to max_status being good. */
int store_run_status(int max_status, struct error *err, const char *program, ...) __attribute__((sentinel));

/* Its output, without the last newline, in *ret (malloc'ed). */
int store_run_output(char **ret, struct error *err, const char *program, ...) __attribute__((sentinel));

/* Makes a file system of request's type on device (a block device or a file). */
int store_make_file_system(const struct store_request *request, const char *device, struct error *err);

/* The file system on device, mounted with options and attached nowhere: see struct store, mount. */
int store_open_device(const char *device, const char *options, bool is_read_only, struct error *err);

/* Is path a block device whose name, its links resolved or not, begins with prefix? */
bool store_is_device_below(const char *path, const char *prefix);

/* exists of the stores whose source is a path. */
bool store_path_exists(const char *source);

/* Do the options ask for it to be read-only? */
bool store_wants_read_only(const char *options);

/* The name beside the source request->beside: its last component replaced, by request->name. 0 or -ENOMEM. */
int store_name_beside(const struct store_request *request, char **ret);
