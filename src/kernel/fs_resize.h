#pragma once
#include <stdint.h>

/*
 * Makes the mounted file system that fd is in (ext4, XFS, btrfs on one device) as large as bytes; its device must have
 * them. Smaller: btrfs alone, before its device shrinks. -ENOTSUP: another file system, or it can not shrink; -EPERM: ext4
 * asks for CAP_SYS_RESOURCE. The first user namespace's root.
 */
int fs_resize(int fd, uint64_t bytes);
