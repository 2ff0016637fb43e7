#pragma once
#include "base/error.h"
#include "base/vector.h"
#include "cgroup/cgroup.h"
#include "engine/running.h"

#include <stdbool.h>
#include <sys/types.h>

/*
 * What a checkpoint holds beside criu's images, in the file "checkpoint": how the parts of the container that criu
 * leaves to us (external mounts, terminals, interfaces, cgroups) are called in the images, and what they are. Words of
 * a line are parted by blanks, octal escapes as in mountinfo.
 */
#define IMAGE_FILE "checkpoint"
#define IMAGE_SPEC "spec"

enum image_source {
	IMAGE_HOST,    /* path: a file or directory of the host */
	IMAGE_PTS,     /* path: below the container's devpts, "" the whole */
	IMAGE_CONSOLE, /* its console's device */
	IMAGE_TTY,     /* number: of /dev/ttyN */
	IMAGE_CGROUP,  /* controllers; path: below the container's group */
};

struct image_mount {
	char *key;    /* criu's: mnt[KEY] */
	char *target; /* inside */
	enum image_source source;
	unsigned number;
	char *controllers, *path;
};

struct image_terminal {
	char *key; /* criu's: tty[...] */
	unsigned number; /* 0: console, N: /dev/ttyN */
};

/* An inherited standard descriptor of init, which whoever restores has to give again. */
struct image_stdio {
	unsigned fd;
	bool is_external; /* criu takes it for the container's own unless it is told */
	char *key;	  /* criu's: pipe:[...], file[...] */
};
#define IMAGE_NETWORK "network" /* criu's name of a network namespace that the container has joined */

struct image_link {
	unsigned place;	   /* among the spec's interfaces that have a side on the host, from 0 */
	char *inside_name; /* as it is called now, whoever has renamed it */
	int index;	   /* inside; 0: not known */
};

/* A group below the container's own, a process in it, or a limit. */
struct image_group {
	char *controllers; /* of the hierarchy; "": cgroup2 */
	char *path;	   /* below the container's group: "/system.slice", "" itself */
};
struct image_task {
	pid_t pid; /* as it is numbered inside */
	char *controllers, *path;
};
struct image_limit {
	char *controllers, *path; /* the group, as above */
	char *file, *value;
};

struct image {
	bool root_is_shared, root_is_slave;
	bool is_frozen;
	uint64_t network; /* inode of the network namespace that it has joined; 0: it has its own. Not in the file */
	VECTOR(struct image_mount) mounts;
	VECTOR(struct image_terminal) terminals;
	VECTOR(struct image_stdio) stdio;
	VECTOR(struct image_link) links;
	VECTOR(struct image_group) groups;
	VECTOR(struct image_task) tasks;
	VECTOR(struct image_limit) limits;
	struct string_list profiles; /* the AppArmor labels that its processes have */
};

/* The mount that an open file is in; -1: there is none, or the file is gone. */
int image_file_mount(pid_t pid, const char *fd_number);
/* criu's name of an open file that is none of the container's own; malloc'ed, NULL: it is no file, or it is gone. */
char *image_file_key(pid_t pid, const char *fd_number);

void image_clear(struct image *image);

/* Terminals, mounts, interfaces of the running container; before it is frozen. */
int image_collect(struct image *image, const struct running *running, const struct container_id *id, struct error *err);
/* Groups, processes in them, limits; while it is frozen. */
int image_collect_cgroups(struct image *image, const struct running *running, struct error *err);

/* Whole or not at all; 0 or -errno. */
int image_write(const struct image *image, int dir_fd);
/* -ENOENT: no checkpoint. */
int image_read(struct image *image, int dir_fd, const char *directory, struct error *err);

/*
 * Into the restored cgroups, in this order: the groups below the container's own, before criu runs; the processes, by
 * their numbers in init's pid namespace, and the limits in force, before they run.
 */
int image_make_groups(const struct image *image, const struct cgroup_set *set, struct error *err);
int image_restore_groups(const struct image *image, const struct cgroup_set *set, struct error *err);
/* The group of the hierarchy with these controllers; NULL: this host has none. */
const struct cgroup_group *image_find_group(const struct cgroup_set *set, const char *controllers);
