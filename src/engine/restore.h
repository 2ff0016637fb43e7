#pragma once
#include "base/error.h"
#include "engine/checkpoint.h"
#include "engine/checkpoint_image.h"

struct start;

/* Of the run directory: which checkpoint the supervisor is to start from, lines of "NAME VALUE". */
#define RESTORE_FILE "restore"

/* In the supervisor. All strings owned. */
struct restore {
	char *directory, *work, *criu, *action_script, *log, *lsm_profile, *lsm_mount_context;
	bool lazy_pages; /* the memory comes afterwards: engine/pages.h */
	bool tcp_close, verbose;
	struct checkpoint_limits limits;
	pid_t criu_pid;
	struct image image;
};

/* Reads the file and the checkpoint that it names into start->restore. */
int restore_load(struct start *start, struct error *err);
void restore_clear(struct start *start);

/*
 * The step that stands for clone-init to await-exec: runs criu in the container's cgroups and with its rootfs mounted;
 * init is a child of the supervisor, as after a clone. On return the container runs and the state file says so.
 */
int restore_run(struct start *start, struct error *err);

/* ---- of its files alone ---- */

/* In the child: enters cgroups and namespaces, mounts the rootfs, becomes criu. Returns only on failure. */
int restore_become_criu(struct start *start, int channel_fd, struct error *err);
