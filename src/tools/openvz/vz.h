#pragma once
#include "base/error.h"
#include "dialect/openvz/ct.h"
#include "dialect/openvz/params.h"
#include "engine/engine.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

/* Exit statuses that scripts look at; the numbers are OpenVZ's. */
enum vz_exit {
	VZ_OK = 0,
	VZ_SYSTEM = 3,
	VZ_ENVIRONMENT = 7,
	VZ_COMMAND_FAILED = 8,
	VZ_LOCKED = 9,
	VZ_NO_GLOBAL = 10,
	VZ_PERMISSION = 12,
	VZ_NO_CONFIG = 14,
	VZ_SUSPEND = 16,
	VZ_RESUME = 17,
	VZ_SYNTAX = 20,
	VZ_BAD_VALUE = 21,
	VZ_NO_ROOT_SET = 22,
	VZ_NO_PRIVATE_SET = 23,
	VZ_NO_TEMPLATE_SET = 24,
	VZ_NO_TEMPLATE_NAME = 29,
	VZ_NOT_RUNNING = 31,
	VZ_RUNNING = 32,
	VZ_STOP_FAILED = 33,
	VZ_ADD_IP = 34,
	VZ_NOT_MOUNTED = 40,
	VZ_MOUNTED = 41,
	VZ_NO_PRIVATE = 43,
	VZ_PRIVATE_EXISTS = 44,
	VZ_NO_SPACE = 46,
	VZ_BAD_TEMPLATE = 47,
	VZ_PRIVATE_FAILED = 48,
	VZ_MOUNT_POINT = 49,
	VZ_MOUNT_FAILED = 50,
	VZ_UMOUNT_FAILED = 51,
	VZ_DELETE_FAILED = 52,
	VZ_DIRECTORY = 54,
	VZ_QUOTA_ON = 60,
	VZ_QUOTA_INIT = 61,
	VZ_QUOTA_LIMIT = 62,
	VZ_NO_DISKSPACE = 63,
	VZ_NO_DISKINODES = 64,
	VZ_QUOTA_OFF = 66,
	VZ_HOSTNAME = 70,
	VZ_IP_FORMAT = 71,
	VZ_DNS = 72,
	VZ_SEARCHDOMAIN = 73,
	VZ_PASSWORD = 74,
	VZ_NO_LOCKDIR = 77,
	VZ_IP_IN_USE = 78,
	VZ_SCRIPT_FAILED = 79,
	VZ_CONFIG_COPY = 82,
	VZ_BAD_CONFIG = 85,
	VZ_NO_TEMPLATE = 91,
	VZ_NETDEV = 104,
	VZ_DISABLED = 105,
	VZ_APPLYCONFIG = 109,
	VZ_VETH = 130,
	VZ_NAME = 131,
	VZ_WAIT_FAILED = 133,
	VZ_NOT_SAVED = 139,
	VZ_IO = 148,
	VZ_NO_IMAGE = 150,
	VZ_IMAGE_CREATE = 151,
	VZ_IMAGE_MOUNT = 152,
	VZ_IMAGE_UMOUNT = 153,
	VZ_IMAGE_RESIZE = 154,
	VZ_CONVERT = 155,
	VZ_SNAPSHOT_CREATE = 156,
	VZ_SNAPSHOT_DELETE = 158,
	VZ_SNAPSHOT_SWITCH = 159,
	VZ_SNAPSHOT_MOUNT = 160,
	VZ_SNAPSHOT_UMOUNT = 161,
	VZ_COMPACT = 166,
	VZ_SNAPSHOT_LIST = 167,
};

/* One call of vzctl. */
struct vz {
	const char *command;
	int quiet, verbose;
	bool skips_lock;
	struct vz_ct ct;
	int argc; /* what is behind the container's id */
	char **argv;
	int lock_fd;
	char *lock_path;
};

struct vz_command {
	const char *name;
	int (*run)(struct vz *vz);
	unsigned flags; /* enum command_flag */
	const char *usage, *help; /* usage: behind CTID */
};
enum command_flag {
	COMMAND_LOCKS = 1,
	COMMAND_NEEDS_CONFIG = 2, /* CTID.conf has to be there */
	COMMAND_HOST = 4,	  /* works on container 0 */
	COMMAND_HIDDEN = 8,
	COMMAND_PATH_FIRST = 16, /* register PATH CTID */
};
extern const struct vz_command vz_commands[];

/* ---- message.c: standard output; errors on standard error; both in the log ---- */
void vz_say(const struct vz *vz, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void vz_detail(const struct vz *vz, const char *fmt, ...) __attribute__((format(printf, 2, 3))); /* with --verbose */
void vz_note(const struct vz *vz, const char *fmt, ...) __attribute__((format(printf, 2, 3))); /* in the log, with --verbose shown */
/* Prints; returns status. */
int vz_fail(const struct vz *vz, int status, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
int vz_fail_error(const struct vz *vz, int status, const struct error *err);

/* ---- lock.c ---- */
int vz_lock(struct vz *vz);
void vz_unlock(struct vz *vz);

/* ---- names.c ---- */
/* The id of a container by its number or its name; 0: there is none. */
uint32_t vz_find(const char *text);
/* Gives it a name ("" takes it away) in names/ and in ct.own. An exit status. */
int vz_set_name(struct vz *vz, const char *name);

/* ---- state.c ---- */
struct container_id vz_id(const struct vz *vz);
bool vz_is_running(const struct vz *vz);
bool vz_is_mounted_at(const char *root);
bool vz_is_mounted(const struct vz *vz);

/* ---- script.c: N.WORD and vps.WORD of the directory of configurations ---- */
/* 0, or VZ_SCRIPT_FAILED. On the host. */
int vz_run_scripts(const struct vz *vz, const char *word, bool own_first);
/* N.start and N.stop, run inside. */
int vz_run_inside_script(const struct vz *vz, const char *word);

/* ---- mount.c ---- */
/* Are VE_ROOT and VE_PRIVATE set? An exit status. */
int vz_check_places(const struct vz *vz);
int vz_mount(struct vz *vz);
/*
 * The container's root makes files of the host's root, set-uid ones among them: others on the host must not reach them. Takes
 * the rights of others from the directory above path if that is below VZDIR, else warns.
 */
void vz_close(const struct vz *vz, const char *path);
/* Makes the directory; the one above it, if that is new too, is root's alone. 0 or -errno. */
int vz_make_closed(const char *path);
int vz_umount(struct vz *vz);
int vz_command_mount(struct vz *vz);
int vz_command_umount(struct vz *vz);

/* ---- prepare.c ---- */
/* What the engine starts. An exit status. */
int vz_make_spec(struct vz *vz, struct spec **ret_spec);
/* Takes limits out of spec that the file system of its root can not keep, with a warning. */
void vz_check_disk(const struct vz *vz, struct spec *spec);
/* Picks ids that no other container has, into ct.own. */
int vz_choose_ids(struct vz_ct *ct);
/* Can the file system of path show its files to other ids? (mount_setattr(2), MOUNT_ATTR_IDMAP) */
bool vz_can_map(const char *path);

/* ---- start.c, stop.c, create.c, destroy.c ... : commands; exit statuses ---- */
int vz_start(struct vz *vz, bool waits, bool forces);
bool vz_is_start_option(const char *word);
int vz_stop(struct vz *vz, bool is_fast, bool skips_umount);
int vz_command_start(struct vz *vz);
int vz_command_stop(struct vz *vz);
int vz_command_restart(struct vz *vz);
int vz_command_stopped(struct vz *vz);
int vz_command_suspend(struct vz *vz);
int vz_command_resume(struct vz *vz);
/* Mounts it and lets it go on from the dump in directory; says why it can not. */
int vz_restore(struct vz *vz, const char *directory, bool is_lazy);
int vz_command_create(struct vz *vz);
int vz_command_destroy(struct vz *vz);
int vz_command_status(struct vz *vz);
int vz_command_set(struct vz *vz);
int vz_command_exec(struct vz *vz);
int vz_command_exec2(struct vz *vz);
int vz_command_exec3(struct vz *vz);
int vz_command_enter(struct vz *vz);
int vz_command_console(struct vz *vz);
int vz_command_runscript(struct vz *vz);
int vz_command_quotaon(struct vz *vz);
int vz_command_quotaoff(struct vz *vz);
int vz_command_quotainit(struct vz *vz);
int vz_command_register(struct vz *vz);
int vz_command_unregister(struct vz *vz);
int vz_command_snapshot(struct vz *vz);
int vz_command_snapshot_switch(struct vz *vz);
int vz_command_snapshot_delete(struct vz *vz);
int vz_command_snapshot_list(struct vz *vz);
int vz_command_snapshot_mount(struct vz *vz);
int vz_command_snapshot_umount(struct vz *vz);
int vz_command_compact(struct vz *vz);
int vz_command_convert(struct vz *vz);

/* ---- exec.c ---- */
struct vz_program {
	char *const *argv;	/* NULL-ended */
	const char *shell_line; /* with argv NULL: for a shell */
	int stdin_fd;		/* -1: the caller's */
	const char *home;
};
/* Runs it in the running container: *ret_status as of waitpid. 0 or -errno. */
int vz_run(const struct vz *vz, const struct vz_program *program, int *ret_status, struct error *err);
/* The status of a shell for what waitpid gave. */
int vz_exit_status(int wait_status);
/* In a container that does not run: only its files, no network, a process that sleeps; then it is ended again. */
int vz_start_bare(struct vz *vz);
void vz_stop_bare(struct vz *vz);

/* ---- inside.c: files of the system inside ---- */
struct vz_inside {
	const char *hostname;		 /* NULL: stays */
	const char *nameservers, *search; /* NULL: stay */
};
/* In the running container, or (root: of its files, mounted) before it starts. 0 or -errno. */
int vz_write_inside(const struct vz *vz, const struct vz_inside *inside, const char *root, struct error *err);
/* USER:PASSWORD by programs of the container, which runs. An exit status. */
int vz_set_password(const struct vz *vz, const char *text);
/* "inherit" is the host's. malloc'ed: blank separated. */
char *vz_inherit(const char *value, const char *word);

/* ---- limits ---- */
int vz_apply_disk(struct vz *vz);
/* An image as large as DISKSPACE in the directory area, which is made. An exit status. */
int vz_make_image(struct vz *vz, const char *area);
/* A private area with what is in archive; nothing half-made stays. An exit status. */
int vz_make_area(struct vz *vz, const char *archive, const char *area, bool is_ploop);

/* ---- vzpid.c ---- */
/* The name of the container that a process is in, malloc'ed; "0": none; NULL: no such process. */
char *vz_container_of(const char *pid);

/* Other programs. */
int vzlist_main(int argc, char **argv);
int vzpid_main(int argc, char **argv);
int vzctl_main(int argc, char **argv);
int vzubc_main(int argc, char **argv);
int vzcfgvalidate_main(int argc, char **argv);
int vzmigrate_main(int argc, char **argv);
int vzrestore_main(int argc, char **argv);
int vzps_main(int argc, char **argv);
int vztop_main(int argc, char **argv);
int vzcalc_main(int argc, char **argv);
int vzmemcheck_main(int argc, char **argv);
int vzcpucheck_main(int argc, char **argv);
int vzsplit_main(int argc, char **argv);
int vzquota_main(int argc, char **argv);
int vzdump_main(int argc, char **argv);
int arpsend_main(int argc, char **argv);
int ndsend_main(int argc, char **argv);
int vzifup_post_main(int argc, char **argv);
