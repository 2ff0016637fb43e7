#pragma once
#include "cgroup/cgroup.h"

#include <limits.h>

/* Shared by the files of this folder; not for others. */

/* The group that has controller ("memory"; "" or NULL: cgroup2); NULL: none. */
const struct cgroup_group *set_find(const struct cgroup_set *set, const char *controller);
const struct cgroup_group *set_v2(const struct cgroup_set *set);

/* mount + path into buffer. */
const char *group_path(const struct cgroup_group *group, const char *path, char buffer[PATH_MAX]);

/* A file of the limit group; the `read` of struct translate_source with a struct cgroup_group as its data. */
int group_read(void *group, const char *file, char **ret);

/* "memory" of "memory.max"; "" without a dot. */
void controller_of(const char *file, char *buffer, size_t size);

/* ---- translate.c ---- */

/*
 * One write in the words of one version in those of the other. steps: files and values to write, in order.
 * -EOPNOTSUPP: no equal; -EINVAL: the value is wrong.
 */
struct setting_step {
	char file[64];
	char value[256];
};
struct translation {
	struct setting_step steps[4];
	size_t count;
	const char *controller; /* of the other version */
};
struct translate_source { /* what is there already, for values that two files share */
	int (*read)(void *data, const char *file, char **ret); /* of the other version */
	void *data;
};
int translate_to_v2(const char *file, const char *value, const struct translate_source *now, struct translation *ret);
int translate_to_v1(const char *file, const char *value, const struct translate_source *now, struct translation *ret);
/* What reading `file` of one version gives, from the other's; malloc'ed. -EOPNOTSUPP: no equal. */
int translate_read_v1_from_v2(const char *file, const struct translate_source *now, char **ret);
int translate_read_v2_from_v1(const char *file, const struct translate_source *now, char **ret);
/* Controller of the other version that has an equal of file, or NULL. */
const char *translate_controller(const char *file);

/* ---- devices.c ---- */

/* "c 1:3 rwm", "a", "b *:* m". -EINVAL. */
int device_rule_parse(const char *text, struct device_rule *ret);
/* allow of "devices.allow", deny of "devices.deny"; -ENOENT for other files. 1: allow, 0: deny. */
int device_file_kind(const char *file);
int devices_attach(const struct cgroup_set *set, const struct device_rules *rules);
/* The rule list as lines of text, malloc'ed, and back. */
char *devices_to_text(const struct device_rules *rules);
int devices_from_text(struct device_rules *ret, const char *text);

/* ---- apply.c ---- */

/* Writes one file, in the words of either version. -EOPNOTSUPP, -ENOENT: the host has no equal. */
int cgroup_write_setting(const struct cgroup_set *set, bool is_v2, const char *file, const char *value);

/*
 * Enables set's controllers for what is below directory. When processes of the group itself are in the way they move to
 * a group below it. Best effort: what is missing is seen when a limit is set.
 */
void delegate_controllers(const struct cgroup_set *set, const char *directory);

/*
 * What callers of an OCI runtime read of a group without limits: use of CPU, memory, devices, and the number of processes.
 * 0 or -ENOMEM.
 */
int delegate_plan_counters(struct cgroup_set *set, const struct cgroup_group *group);

/* An ordinary user's container gets all controllers that the user has: LXC hands on all, too. 0 or -ENOMEM. */
int delegate_plan(struct cgroup_set *set, const struct cgroup_group *group);
