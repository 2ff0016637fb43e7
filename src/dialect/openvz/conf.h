#pragma once
#include "base/error.h"
#include "base/vector.h"

#include <stdint.h>

/*
 * A configuration file of OpenVZ: lines KEY="value" as a shell would read them, and never run. What is not such a line
 * (comments, other shell, quotes that do not end in their line) is kept as it is. Only $VEID and the like stand for something, see ct.h.
 */
struct vz_line {
	char *text;  /* as it stands in the file, without its last newline; of several lines behind a backslash at the end */
	char *key;   /* NULL: no assignment */
	char *value; /* quotes and backslashes undone */
	uint32_t number;
};

struct vz_conf {
	struct vz_line *items;
	size_t count, capacity;
	char *path; /* NULL: of no file */
};

/* Adds the lines of a file to an empty conf. 0 or -errno with *err filled. */
int vz_conf_load(struct vz_conf *conf, const char *path, struct error *err);
int vz_conf_parse(struct vz_conf *conf, const char *text);

/* The value of the first line with that key (a second one does not count), or NULL. */
const char *vz_conf_get(const struct vz_conf *conf, const char *key);
const struct vz_line *vz_conf_line(const struct vz_conf *conf, const char *key);

/* Replaces the value in its line, or adds a line at the end; value NULL takes the line out. 0, -ENOMEM, -EINVAL: a newline. */
int vz_conf_set(struct vz_conf *conf, const char *key, const char *value);

/* The text as it would be saved, malloc'ed; NULL: no memory. */
char *vz_conf_text(const struct vz_conf *conf);
/* Saves atomically. */
int vz_conf_write(const struct vz_conf *conf, const char *path, struct error *err);
void vz_conf_clear(struct vz_conf *conf);
