#pragma once
#include <stdbool.h>

/*
 * Opens the file at path as a block device: the fd of a loop device, which the kernel takes apart when its last fd and
 * the last mount of it are gone (LO_FLAGS_AUTOCLEAR). Its path, /dev/loopN, in device. -errno. man 4 loop; LOOP_CONFIGURE
 * is in Linux 5.8.
 */
#define LOOP_PATH_SIZE 32
int loop_open(const char *path, bool is_read_only, char device[LOOP_PATH_SIZE]);
