#pragma once
#include "engine/engine.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * Checkpoints of running containers, made and restored by criu (4.2 or newer on recent kernels). All int functions
 * return >= 0 or -errno with *err filled; when criu itself failed, the error has criu's own reason and the path of its
 * log. criu is found by: the argument criu, else $WABE_CRIU, else PATH.
 *
 * A directory of images holds criu's files (*.img), its logs (dump.log, restore.log), "spec" (the container as it was
 * started) and "checkpoint" (what the restore has to know). The last is written, and synced, when all the rest is
 * there: a directory without it is no checkpoint.
 */

/* ---- what keeps a container from being dumped ---- */

struct checkpoint_blocker {
	pid_t pid;     /* as the host numbers it; 0: the container as a whole */
	char *process; /* its name; NULL with pid 0 */
	char *service; /* systemd's unit that it belongs to, or NULL */
	char *what;    /* one clause that names the file, mount, device, ...: "file /srv/x of the host is open" */
};
struct checkpoint_blockers {
	struct checkpoint_blocker *items;
	size_t count, capacity;
};

/* Looks through the live container without stopping it. Number of blockers (0: none was found). */
int checkpoint_preflight(const struct container_id *id, struct checkpoint_blockers *ret_blockers, struct error *err);
void checkpoint_blockers_clear(struct checkpoint_blockers *blockers);

/* What criu can do on this kernel. */
struct checkpoint_features {
	bool works;	   /* criu is there and says that it can work */
	char why_not[160]; /* else: its first error */
	bool memory_track; /* pre-dumps (soft-dirty) */
	bool lazy_pages;   /* userfaultfd */
	char version[32];  /* "4.2.1" */
};
/* criu NULL: as above. Negative only when there is no criu. */
int checkpoint_probe(const char *criu, struct checkpoint_features *ret_features, struct error *err);

/* What is an error instead of being saved or restored. */
struct checkpoint_limits {
	bool no_connections;	 /* of TCP, established */
	bool no_outside_sockets; /* unix sockets whose other end is outside */
	bool no_file_locks;
	bool no_network; /* the network namespace comes back empty */
	bool no_groups; /* the groups below the container's own and the limits in force are left out, without an error */
};

/* ---- dump ---- */

struct checkpoint_dump {
	const char *directory;	     /* for the images; made when missing (one level, 0700) */
	const char *work_directory;  /* for criu's log and figures; NULL: directory */
	const char *parent;	     /* directory of the pre-dump before this, relative to directory; NULL: none */
	const char *criu;	     /* NULL: see above */
	const char *action_script;   /* of the user, called by criu; NULL: none */
	const char *page_server_address, *page_server_port; /* memory goes there rather than into directory; NULL: no */
	int page_server_fd;	     /* the same through a connected socket; 0 or less: no */
	uint64_t ghost_limit_bytes;  /* largest deleted file that is taken along; 0: criu's own (1 MiB) */
	bool stop;		     /* the container has ended afterwards; else it runs on */
	bool track_memory;	     /* a dump with parent comes after this one (pre-dumps always do) */
	bool lazy_pages;	     /* with stop: memory stays behind; criu serves it at lazy_port until all is fetched */
	const char *lazy_address;    /* where it listens; NULL: 127.0.0.1 */
	uint16_t lazy_port;
	bool no_skip_in_flight;	     /* connections that are being set up are an error, not dropped */
	bool tcp_close;		     /* established connections are not kept */
	struct checkpoint_limits limits;
	bool no_sync;		     /* after a crash of this host the images are not used: they need not be on the disk */
	bool no_preflight;	     /* the caller has done it */
	bool verbose;
	/*
	 * Called once all images are written and synced, while the container is frozen and its network locked. 0: the
	 * container goes the way that stop says. Negative with *err filled: it runs on as if nothing had been. What has to be
	 * decided between two hosts is decided here: as long as it has not returned 0, the container here is the living one.
	 * When the caller is killed in it, the container runs on. NULL: nothing to decide. With lazy_pages it is called
	 * before criu serves the memory (the port is not open yet), and the container here ends only when all of that was
	 * fetched; when the other side breaks off before, this one lives on and checkpoint_dump fails.
	 */
	int (*on_dumped)(void *data, struct error *err);
	void *data;
};

/* How long it took, all in microseconds; 0: not known. */
struct checkpoint_times {
	uint64_t total_us;  /* the whole call */
	uint64_t frozen_us; /* the container stood still */
	uint64_t pages_written;
};

/* Can memory be saved while the container runs, here? */
bool checkpoint_has_passes(void);

/*
 * Memory only, the container runs on: by criu where the kernel tracks changes of memory, else by copies (memory/memory.h), not to
 * a page server. -EOPNOTSUPP: neither is possible, see checkpoint_has_passes.
 */
int checkpoint_predump(const struct container_id *id, const struct checkpoint_dump *dump, struct checkpoint_times *ret_times,
	struct error *err);

/*
 * ret_times may be NULL. After a failure the container runs on, whole, and the directory is no checkpoint. With stop:
 * returns when the container is STOPPED.
 */
int checkpoint_dump(const struct container_id *id, const struct checkpoint_dump *dump, struct checkpoint_times *ret_times,
	struct error *err);

/*
 * After the end of a process that was in checkpoint_dump: waits until its criu has ended too. From then on the container
 * runs on for good, or is about to be STOPPED. 0 (at once when there is none) or -ETIMEDOUT.
 */
int checkpoint_await(const struct container_id *id, int timeout_ms);

/* ---- restore ---- */

/* The spec that the container had when it was dumped, out of the directory; the caller frees it. */
int checkpoint_spec(const char *directory, struct spec **ret_spec, struct error *err);
/* Is there a whole checkpoint in directory? 1 or 0. */
int checkpoint_is_complete(const char *directory);

struct checkpoint_restore {
	const char *directory;
	const char *work_directory; /* for criu's log; NULL: directory */
	const char *criu;	   /* NULL: see above */
	const char *action_script; /* of the user; NULL: none */
	const char *lsm_profile, *lsm_mount_context; /* as criu takes them, instead of the saved ones; NULL */
	struct checkpoint_limits limits;
	bool lazy_pages;	   /* the memory comes afterwards, where it can: checkpoint_await_pages. Not for OCI containers */
	bool tcp_close;
	bool verbose;
};

/*
 * The same for a process that becomes the supervisor's program by itself: what it has to find in the run directory, as the
 * file RESTORE_FILE. malloc'ed.
 */
int checkpoint_describe_restore(const struct checkpoint_restore *restore, char **ret_text, struct error *err);

/*
 * Starts spec (of the same container, or one that was moved here: storage and addresses are there) from a checkpoint.
 * As engine_start in all else: options, result; -EBUSY: it runs already; a failed restore leaves nothing behind. The
 * directory stays as it is.
 */
int checkpoint_restore(const struct spec *spec, const struct start_options *options,
	const struct checkpoint_restore *restore, struct start_result *ret_result, struct error *err);

/*
 * After a restore with lazy_pages: waits until all of the memory is there; the images must stay until then. At once 0 when
 * it came with the restore. The container is ended when criu fails to bring it: -EINVAL and the reason. -ESRCH: it has
 * ended by itself. -ETIMEDOUT: not yet; timeout_ms -1: for ever.
 */
int checkpoint_await_pages(const struct container_id *id, int timeout_ms, struct error *err);
/* Size of the memory in a checkpoint, its pre-dumps counted in. */
uint64_t checkpoint_memory_bytes(const char *directory);
