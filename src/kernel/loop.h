#pragma once
#include <stdbool.h>
#include <stdint.h>

/* Loop devices: a block device that is a file. All return >= 0 or -errno; CAP_SYS_ADMIN of the first user namespace. */

/* Room for "/dev/loop1048575". */
#define LOOP_PATH_SIZE 32

/*
 * A device for the file image_fd (its size up to the last whole sector), past the page cache of the file where its file
 * system can. It ends by itself with its last user: keep the fd that comes back open until it is mounted.
 */
int loop_attach(int image_fd, bool read_only, char ret_path[LOOP_PATH_SIZE]);

/* The device that has the file as its own, open. -ENOENT: none. */
int loop_find(int image_fd, char ret_path[LOOP_PATH_SIZE]);

/* The file's size is another now. */
int loop_update_size(int device_fd);
