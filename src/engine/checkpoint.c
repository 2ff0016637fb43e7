/* Dumps of running containers. */
#include "engine/checkpoint.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/text.h"
#include "engine/checkpoint_image.h"
#include "engine/checkpoint_stats.h"
#include "engine/checkpoint_turn.h"
#include "engine/criu.h"
#include "engine/running.h"
#include "kernel/pidfd.h"
#include "memory/image.h"
#include "memory/memory.h"

#define DUMP_LOG "dump.log"
#define STOP_TIMEOUT_MS 60000

/* One dump under way. */
struct dumping {
	const struct container_id *id;
	const struct checkpoint_dump *dump;
	struct running running;
	struct image image;
	struct criu_call call;
	char *log;
	struct memory_server server; /* of the pages, which it compares with those of the pass before */
	int dir_fd, work_fd;
	bool is_predump;
	uint64_t copied; /* pages */
	bool is_copying; /* passes are ours: this kernel gives criu none */
};

static uint64_t microseconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

/* ---- what criu can do ---- */

static bool has_feature(char *program, const char *feature)
{
	char check[] = "check", option[] = "--feature", answer[8];
	char *argv[] = { program, check, option, (char *)(uintptr_t)feature, NULL };

	return criu_ask(argv, false, answer, sizeof(answer)) == 0;
}

int checkpoint_probe(const char *criu, struct checkpoint_features *ret_features, struct error *err)
{
	char version[] = "--version", check[] = "check", answer[128] = "";
	auto_free char *program = criu_program(criu);
	char *ask_version[] = { program, version, NULL }, *ask_check[] = { program, check, NULL };

	*ret_features = (struct checkpoint_features){ 0 };
	if (!program)
		return error_set(err, ENOMEM, "look for criu");
	int r = criu_ask(ask_version, false, answer, sizeof(answer));
	if (r < 0) {
		error_set(err, r, "execute %s", program);
		return error_hint(err, "install criu, or name one by WABE_CRIU or wabe.criu in lxc.conf");
	}
	const char *number = strstr(answer, "Version: ");
	snprintf(ret_features->version, sizeof(ret_features->version), "%s", number ? number + strlen("Version: ") : "");
	ret_features->works = criu_ask(ask_check, true, ret_features->why_not, sizeof(ret_features->why_not)) == 0;
	ret_features->memory_track = memory_is_tracked();
	ret_features->lazy_pages = has_feature(program, "uffd-noncoop");
	return 0;
}

/* ---- the directory ---- */

static int open_directory(struct dumping *dumping, struct error *err)
{
	const char *directory = dumping->dump->directory, *work = dumping->dump->work_directory ?: directory;
	auto_free char *text = NULL;
	size_t length;

	if (mkdir(directory, 0700) < 0 && errno != EEXIST)
		return error_set(err, errno, "make directory %s", directory);
	dumping->dir_fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dumping->dir_fd < 0)
		return error_set(err, errno, "open directory %s", directory);
	dumping->work_fd = open(work, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dumping->work_fd < 0)
		return error_set(err, errno, "open directory %s", work);
	if (unlinkat(dumping->dir_fd, IMAGE_FILE, 0) < 0 && errno != ENOENT)
		return error_set(err, errno, "remove %s/%s", directory, IMAGE_FILE);
	int r = spec_to_flat(dumping->running.spec, &text, &length);
	r = r ?: file_write_atomic(dumping->dir_fd, IMAGE_SPEC, 0600, text, length);
	r = r < 0 ? r : text_format(&dumping->log, "%s/%s", work, DUMP_LOG);
	return r < 0 ? error_set(err, r, "write %s/%s", directory, IMAGE_SPEC) : 0;
}

/* ---- the command line ---- */

static void add_externals(struct dumping *dumping)
{
	vector_for_each (mount, &dumping->image.mounts) {
		criu_add(&dumping->call, "--external");
		criu_add(&dumping->call, "mnt[%s]:%s", mount->target, mount->key);
	}
	vector_for_each (terminal, &dumping->image.terminals) {
		criu_add(&dumping->call, "--external");
		criu_add(&dumping->call, "%s", terminal->key);
	}
	vector_for_each (file, &dumping->image.stdio) {
		if (!file->is_external)
			continue;
		criu_add(&dumping->call, "--external");
		criu_add(&dumping->call, "%s", file->key);
	}
	if (dumping->image.network) {
		criu_add(&dumping->call, "--external");
		criu_add(&dumping->call, "net[%llu]:" IMAGE_NETWORK, (unsigned long long)dumping->image.network);
	}
}

/* By the freezer all stop at once, and what is frozen already can be dumped. */
static void add_freezer(struct dumping *dumping)
{
	const struct cgroup_group *freezer = image_find_group(&dumping->running.cgroups, "freezer");

	if (!freezer)
		freezer = image_find_group(&dumping->running.cgroups, "");
	if (!freezer)
		return;
	criu_add(&dumping->call, "--freeze-cgroup");
	criu_add(&dumping->call, "%s%s", freezer->mount, freezer->limit_path);
}

/* Where criu sends the memory to; 0: nowhere. */
static int page_socket(const struct dumping *dumping)
{
	return dumping->dump->page_server_fd > 0 ? dumping->dump->page_server_fd : dumping->server.socket_fd;
}

static void add_memory(struct dumping *dumping)
{
	const struct checkpoint_dump *dump = dumping->dump;
	struct criu_call *call = &dumping->call;
	bool is_tracking = dumping->is_predump || dump->track_memory || dump->parent;

	if (is_tracking && !dumping->is_copying)
		criu_add(call, "--track-mem");
	if (dump->parent && !dumping->is_copying) {
		criu_add(call, "--prev-images-dir");
		criu_add(call, "%s", dump->parent);
	}
	if (page_socket(dumping) > 0) {
		criu_add(call, "--page-server");
		criu_add(call, "--ps-socket");
		criu_add(call, "%d", page_socket(dumping));
	} else if (dump->page_server_address) {
		criu_add(call, "--page-server");
		criu_add(call, "--address");
		criu_add(call, "%s", dump->page_server_address);
		criu_add(call, "--port");
		criu_add(call, "%s", dump->page_server_port);
	} else if (dump->lazy_pages && !dumping->is_predump) {
		criu_add(call, "--lazy-pages");
		criu_add(call, "--address");
		criu_add(call, "%s", dump->lazy_address ? dump->lazy_address : "127.0.0.1");
		criu_add(call, "--port");
		criu_add(call, "%u", dump->lazy_port);
	}
}

static void add_dump_options(struct dumping *dumping)
{
	const struct checkpoint_dump *dump = dumping->dump;
	struct criu_call *call = &dumping->call;

	criu_add_limits(call, &dump->limits, dump->tcp_close);
	if (!dump->no_skip_in_flight)
		criu_add(call, "--skip-in-flight");
	criu_add(call, "--force-irmap");
	criu_add(call, "--manage-cgroups=ignore");
	criu_add(call, "--network-lock");
	criu_add(call, "nftables");
	criu_add(call, "--enable-fs");
	criu_add(call, "hugetlbfs,tracefs");
	if (dump->ghost_limit_bytes) {
		criu_add(call, "--ghost-limit");
		criu_add(call, "%llu", (unsigned long long)dump->ghost_limit_bytes);
	}
	if (!dump->stop)
		criu_add(call, "--leave-running");
}

static int build_call(struct dumping *dumping, struct error *err)
{
	const struct checkpoint_dump *dump = dumping->dump;
	struct criu_call *call = &dumping->call;
	auto_free char *program = criu_program(dump->criu);

	if (!program)
		return error_set(err, ENOMEM, "prepare criu");
	criu_begin(call, program, dumping->is_predump ? "pre-dump" : "dump", dump->directory, DUMP_LOG, dump->verbose);
	if (dump->work_directory) {
		criu_add(call, "--work-dir");
		criu_add(call, "%s", dump->work_directory);
	}
	criu_add_action(call, dump->action_script);
	criu_add(call, "--tree");
	criu_add(call, "%d", dumping->running.init_pid);
	add_externals(dumping);
	add_freezer(dumping);
	add_memory(dumping);
	if (!dumping->is_predump)
		add_dump_options(dumping);
	return call->is_broken ? error_set(err, ENOMEM, "prepare criu") : 0;
}

/* ---- the dump ---- */

/* All is written and the container frozen: what the restore needs beside, last, makes a checkpoint of the directory. */
static int complete(struct dumping *dumping, struct error *err)
{
	int r = dumping->dump->limits.no_groups ? 0 : image_collect_cgroups(&dumping->image, &dumping->running, err);

	if (r < 0)
		return r;
	if (!dumping->dump->no_sync && syncfs(dumping->dir_fd) < 0)
		return error_set(err, errno, "sync %s", dumping->dump->directory);
	r = image_write(&dumping->image, dumping->dir_fd);
	if (r < 0)
		return error_set(err, r, "write %s/%s", dumping->dump->directory, IMAGE_FILE);
	return dumping->dump->on_dumped ? dumping->dump->on_dumped(dumping->dump->data, err) : 0;
}

static int serve_stage(const struct criu_stage *stage, void *data, struct error *err)
{
	struct dumping *dumping = data;

	return strcmp(stage->name, "post-dump") == 0 && !dumping->is_predump ? complete(dumping, err) : 0;
}

static int run_criu(struct dumping *dumping, struct error *err)
{
	struct criu_process process;
	const char *what = dumping->is_predump ? "pre-dump" : "dump";

	if (page_socket(dumping) > 0 && fcntl(page_socket(dumping), F_SETFD, 0) < 0)
		return error_set(err, errno, "pass the page server's socket on");
	int r = criu_spawn(&dumping->call, &process, err);
	if (dumping->server.socket_fd > 0)
		close_fd(&dumping->server.socket_fd); /* criu's now: the server ends with it */
	r = r ?: criu_serve(&process, serve_stage, dumping, dumping->log, what, err);
	struct error why;
	int served = memory_serve_end(&dumping->server, r < 0 ? &why : err);
	if (served < 0 && r < 0)
		*err = why;
	r = r ?: served;
	if (r < 0 && dumping->dir_fd >= 0)
		(void)unlinkat(dumping->dir_fd, IMAGE_FILE, 0); /* it runs on: what was written is none */
	/* criu thaws by itself, unless it was killed */
	if (r < 0 && !dumping->image.is_frozen && cgroup_is_frozen(&dumping->running.cgroups) > 0)
		(void)cgroup_thaw(&dumping->running.cgroups, 10000);
	return r;
}

/* The supervisor, when there is one, sees the end as any other, and releases what is the host's. */
static int await_stop(struct dumping *dumping, struct error *err)
{
	int r = container_has_supervisor(dumping->id) ? engine_wait(dumping->id, 1U << STATE_STOPPED, STOP_TIMEOUT_MS, err) :
							pidfd_wait(dumping->running.init_pidfd, STOP_TIMEOUT_MS);

	return r == -ETIMEDOUT ? error_set(err, r, "%s was dumped, but does not end", dumping->id->name) : r;
}

static int name_blocker(const struct container_id *id, const struct checkpoint_blockers *blockers, struct error *err)
{
	const struct checkpoint_blocker *first = blockers->items;
	char who[128] = "", more[32] = "";

	if (first->pid > 0)
		snprintf(who, sizeof(who), "process %d (%s)%s%s: ", first->pid, first->process, first->service ? " of " : "",
			first->service ?: "");
	if (blockers->count > 1)
		snprintf(more, sizeof(more), ", and %zu more", blockers->count - 1);
	return error_set_kind(err, ERROR_UNSUPPORTED, 0, "%s can not be checkpointed: %s%.250s%s", id->name, who, first->what,
		more);
}

static int check_blockers(const struct container_id *id, struct error *err)
{
	struct checkpoint_blockers blockers = { 0 };
	int r = checkpoint_preflight(id, &blockers, err);

	if (r > 0) {
		(void)name_blocker(id, &blockers, err);
		r = -EINVAL;
		if (container_has_supervisor(id))
			error_hint(err, "lxc-checkpoint --check lists all");
	}
	checkpoint_blockers_clear(&blockers);
	return r;
}

static int take_turn(struct dumping *dumping, struct error *err)
{
	int fd = checkpoint_turn_take(dumping->id, dumping->running.dir.fd, err);

	dumping->call.kept_fd = fd > 0 ? fd : 0;
	return fd < 0 ? fd : 0;
}

/* A link in the directory leads to the pass before, as criu makes it. */
static int link_parent(struct dumping *dumping, struct error *err)
{
	if ((unlinkat(dumping->dir_fd, MEMORY_PARENT, 0) < 0 && errno != ENOENT) ||
		symlinkat(dumping->dump->parent, dumping->dir_fd, MEMORY_PARENT) < 0)
		return error_set(err, errno, "link the pass before into %s", dumping->dump->directory);
	return 0;
}

/* Whose memory goes to a server of criu's has its pass there, if at all. */
static int begin_comparing(struct dumping *dumping, struct error *err)
{
	const struct checkpoint_dump *dump = dumping->dump;

	dumping->is_copying = dump->parent && !memory_is_tracked();
	if (!dumping->is_copying || dump->page_server_fd > 0 || dump->page_server_address)
		return 0;
	int r = link_parent(dumping, err);
	return r ?: memory_serve(dumping->dir_fd, &dumping->server, err);
}

static int copy_memory(struct dumping *dumping, struct error *err)
{
	struct memory_pids pids = { 0 };
	int r = dumping->dump->parent ? link_parent(dumping, err) : 0;

	if (r == 0 && running_processes(&dumping->running, &pids) < 0)
		r = error_set(err, ENOMEM, "list the processes of %s", dumping->id->name);
	r = r ?: memory_copy(&pids, dumping->running.init_pid, dumping->dir_fd, &dumping->copied, err);
	free(pids.items);
	return r;
}

static int run_dump(struct dumping *dumping, struct error *err)
{
	int r = image_collect(&dumping->image, &dumping->running, dumping->id, err);

	if (r == 0 && !dumping->is_predump)
		r = begin_comparing(dumping, err);
	r = r ?: build_call(dumping, err);
	return r ?: run_criu(dumping, err);
}

static int run(struct dumping *dumping, struct error *err)
{
	int r = container_load(dumping->id, RUNNING_SPEC | RUNNING_CGROUPS, &dumping->running, err);

	if (r == 0 && geteuid() != 0)
		r = error_set_kind(err, ERROR_PERMISSION, EPERM, "criu dumps containers for root alone");
	if (r == 0 && !dumping->dump->no_preflight)
		r = check_blockers(dumping->id, err);
	r = r < 0 ? r : take_turn(dumping, err);
	r = r ?: open_directory(dumping, err);
	r = r ?: dumping->is_predump && dumping->is_copying ? copy_memory(dumping, err) : run_dump(dumping, err);
	if (r == 0 && dumping->dump->stop && !dumping->is_predump)
		r = await_stop(dumping, err);
	return r;
}

static int run_and_measure(struct dumping *dumping, struct checkpoint_times *ret_times, struct error *err)
{
	uint64_t begin = microseconds();
	int r = run(dumping, err);

	if (r == 0 && ret_times) {
		*ret_times = (struct checkpoint_times){ .total_us = microseconds() - begin, .pages_written = dumping->copied };
		checkpoint_stats_read(dumping->work_fd, ret_times);
	}
	close_fd(&dumping->dir_fd);
	close_fd(&dumping->work_fd);
	free(dumping->log);
	if (dumping->call.kept_fd > 0)
		close_fd(&dumping->call.kept_fd);
	criu_clear(&dumping->call);
	image_clear(&dumping->image);
	running_clear(&dumping->running);
	return r;
}

bool checkpoint_has_passes(void)
{
	return memory_is_tracked() || memory_can_copy();
}

int checkpoint_predump(const struct container_id *id, const struct checkpoint_dump *dump, struct checkpoint_times *ret_times,
	struct error *err)
{
	struct dumping dumping = { .id = id, .dump = dump, .dir_fd = -1, .work_fd = -1, .is_predump = true,
		.is_copying = !memory_is_tracked(), .running = { .dir.fd = -1, .init_pidfd = -1 } };

	if (!checkpoint_has_passes() || (dumping.is_copying && (dump->page_server_fd > 0 || dump->page_server_address))) {
		(void)error_set_kind(err, ERROR_UNSUPPORTED, EOPNOTSUPP, "pre-dump%s: this kernel does not track changes of memory (CONFIG_MEM_SOFT_DIRTY)",
			checkpoint_has_passes() ? " to a page server" : "");
		return -EOPNOTSUPP;
	}
	return run_and_measure(&dumping, ret_times, err);
}

int checkpoint_dump(const struct container_id *id, const struct checkpoint_dump *dump, struct checkpoint_times *ret_times,
	struct error *err)
{
	struct dumping dumping = { .id = id, .dump = dump, .dir_fd = -1, .work_fd = -1, .running = { .dir.fd = -1, .init_pidfd = -1 } };

	return run_and_measure(&dumping, ret_times, err);
}
