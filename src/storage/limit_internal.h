#pragma once
#include "storage/limit.h"

/* Shared by the files of this folder; not for others. */

/* LIMIT_IMAGE; see storage_limit_set and _get. */
int image_set_size(const char *path, int mounted_fd, uint64_t bytes, struct error *err);
int image_get(const char *path, int mounted_fd, struct storage_usage *ret, struct error *err);

/* ext4 in an image that is not mounted: a copy of the right size takes its place. image_fd: the old one. */
int image_resize_ext(const char *path, int image_fd, uint64_t bytes, struct error *err);

/* LIMIT_DATASET */
int dataset_set(const char *dataset, uint64_t bytes, struct error *err);
int dataset_get(const char *dataset, struct storage_usage *ret, struct error *err);

/* LIMIT_GROUP; fd: top of the subvolume at path. */
int group_set(const char *path, int fd, uint64_t bytes, struct error *err);
int group_clear(const char *path, int fd, struct error *err);
int group_get(const char *path, int fd, struct storage_usage *ret, struct error *err);
