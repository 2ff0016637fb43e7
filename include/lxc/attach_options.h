/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef LXC_ATTACH_OPTIONS_H
#define LXC_ATTACH_OPTIONS_H

#include <errno.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum lxc_attach_env_policy_t {
	LXC_ATTACH_KEEP_ENV,
	LXC_ATTACH_CLEAR_ENV
} lxc_attach_env_policy_t;

enum {
	/* on by default */
	LXC_ATTACH_MOVE_TO_CGROUP = 0x00000001,
	LXC_ATTACH_DROP_CAPABILITIES = 0x00000002,
	LXC_ATTACH_SET_PERSONALITY = 0x00000004,
	LXC_ATTACH_LSM_EXEC = 0x00000008,
	/* off by default */
	LXC_ATTACH_REMOUNT_PROC_SYS = 0x00010000,
	LXC_ATTACH_LSM_NOW = 0x00020000,
	LXC_ATTACH_NO_NEW_PRIVS = 0x00040000,
	LXC_ATTACH_TERMINAL = 0x00080000,
	LXC_ATTACH_LSM_LABEL = 0x00100000,
	LXC_ATTACH_SETGROUPS = 0x00200000,
	LXC_ATTACH_DEFAULT = 0x0000FFFF
};

#define LXC_ATTACH_LSM (LXC_ATTACH_LSM_EXEC | LXC_ATTACH_LSM_NOW | LXC_ATTACH_LSM_LABEL)
#define LXC_ATTACH_DETECT_PERSONALITY ~0L

/* Runs in the container; its value is the exit status. */
typedef int (*lxc_attach_exec_t)(void *payload);

typedef struct lxc_groups_t {
	size_t size;
	gid_t *list;
} lxc_groups_t;

typedef struct lxc_attach_options_t {
	int attach_flags;
	int namespaces; /* CLONE_NEW* to join; -1: all of the container's own */
	long personality;
	char *initial_cwd; /* NULL: the caller's, or / */
	uid_t uid;	   /* -1: root of the container */
	gid_t gid;
	lxc_attach_env_policy_t env_policy;
	char **extra_env_vars; /* NULL-ended NAME=VALUE */
	char **extra_keep_env; /* NULL-ended names */
	int stdin_fd, stdout_fd, stderr_fd;
	int log_fd;
	char *lsm_label;
	lxc_groups_t groups;
} lxc_attach_options_t;

#define LXC_ATTACH_OPTIONS_DEFAULT                                                                           \
	{                                                                                                    \
		LXC_ATTACH_DEFAULT, -1, LXC_ATTACH_DETECT_PERSONALITY, NULL, (uid_t)-1, (gid_t)-1,           \
			LXC_ATTACH_KEEP_ENV, NULL, NULL, 0, 1, 2, -EBADF, NULL, { 0, NULL },                 \
	}

typedef struct lxc_attach_command_t {
	char *program;
	char **argv; /* NULL-ended, with the name of the program */
} lxc_attach_command_t;

/* For attach: payload is a lxc_attach_command_t. Returns only on failure. */
int lxc_attach_run_command(void *payload);
/* For attach: the login shell of the user; payload is not used. */
int lxc_attach_run_shell(void *payload);

#ifdef __cplusplus
}
#endif

#endif
