/* lxc-checkpoint: a running container's state as files, and back. */
#include "tools/tool.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "base/text.h"
#include "liblxc/extra.h"

#include <lxc/lxccontainer.h>

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define LATEST "latest"

enum { KEY_PREDUMP_DIR = 256, KEY_CHECK, KEY_EVERY, KEY_LAZY, END_S = 2 };

struct checkpoint_state {
	char *directory, *predump_dir, *action_script;
	bool restore, stop, verbose, predump, foreground, check, lazy;
	uint32_t every_s;
};

static const struct tool_option options[] = {
	{ "restore", 'r', ARGUMENT_NONE, NULL, "Restore the container" },
	{ "lazy", KEY_LAZY, ARGUMENT_NONE, NULL, "With -r: let it run at once, its memory comes while it does" },
	{ "checkpoint-dir", 'D', ARGUMENT_REQUIRED, "DIR", "The directory of the checkpoint" },
	{ "stop", 's', ARGUMENT_NONE, NULL, "Stop the container once it is saved" },
	{ "verbose", 'v', ARGUMENT_NONE, NULL, "Let criu write all it does to its log in DIR" },
	{ "action-script", 'A', ARGUMENT_REQUIRED, "FILE", "Let criu call FILE at its stages" },
	{ "pre-dump", 'p', ARGUMENT_NONE, NULL, "Save only the memory; a later checkpoint saves what has changed" },
	{ "predump-dir", KEY_PREDUMP_DIR, ARGUMENT_REQUIRED, "DIR", "The directory of the pre-dump before, relative to -D" },
	{ "check", KEY_CHECK, ARGUMENT_NONE, NULL, "List what keeps the container from being saved; it is not touched" },
	{ "every", KEY_EVERY, ARGUMENT_REQUIRED, "SECONDS", "Save it again and again while it runs, the last whole one is DIR/latest" },
	{ "daemon", 'd', ARGUMENT_NONE, NULL, "Restore in the background (the default)" },
	{ "foreground", 'F', ARGUMENT_NONE, NULL, "Restore in the foreground, with this terminal as the console" },
	{ "rcfile", TOOL_KEY_RCFILE, ARGUMENT_REQUIRED, "FILE", "Load the configuration from FILE instead" },
	{ NULL, 0, ARGUMENT_NONE, NULL, NULL },
};

/* criu's children work in other directories. */
static int take_path(const struct call *call, const char *value, char **ret)
{
	char *cwd = *value == '/' ? NULL : getcwd(NULL, 0);
	int r = cwd ? text_format(ret, "%s/%s", cwd, value) : text_replace(ret, value);

	free(cwd);
	if (r < 0)
		tool_error(call, "no memory");
	return r < 0 ? -1 : 0;
}

static int take_option(struct call *call, int key, const char *value)
{
	struct checkpoint_state *state = call->state;

	switch (key) {
	case 'r': state->restore = true; return 0;
	case 'D': return take_path(call, value, &state->directory);
	case 's': state->stop = true; return 0;
	case 'v': state->verbose = true; return 0;
	case 'A': return take_path(call, value, &state->action_script);
	case 'p': state->predump = true; return 0;
	case KEY_PREDUMP_DIR: return text_replace(&state->predump_dir, value);
	case KEY_CHECK: state->check = true; return 0;
	case KEY_LAZY: state->lazy = true; return 0;
	case KEY_EVERY:
		if (text_to_u32(value, &state->every_s) == 0 && state->every_s > 0)
			return 0;
		tool_error(call, "--every: %s is not a number of seconds", value);
		return -1;
	case 'd': state->foreground = false; return 0;
	case 'F': state->foreground = true; return 0;
	default: return -1;
	}
}

static int list_blockers(const struct call *call, struct lxc_container *c)
{
	struct extra_blocker *blockers = NULL;
	int count = extra_blockers(c, &blockers);

	if (count < 0) {
		tool_container_error(call, c, "can not look through the container");
		return EXIT_FAILURE;
	}
	for (int i = 0; i < count; i++) {
		const struct extra_blocker *one = &blockers[i];
		if (one->pid > 0)
			printf("%d %s%s%s: ", one->pid, one->process, one->service ? " of " : "", one->service ?: "");
		printf("%s\n", one->what);
	}
	extra_blockers_free(blockers, (size_t)count);
	return count > 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

static int save(const struct call *call, struct lxc_container *c)
{
	const struct checkpoint_state *state = call->state;
	struct migrate_opts wish = { .directory = state->directory,
		.predump_dir = state->predump_dir,
		.action_script = state->action_script,
		.stop = state->stop,
		.verbose = state->verbose };

	if (c->migrate(c, state->predump ? MIGRATE_PRE_DUMP : MIGRATE_DUMP, &wish, sizeof(wish)) == 0)
		return EXIT_SUCCESS;
	tool_container_error(call, c, "failed to checkpoint");
	return EXIT_FAILURE;
}

/* The link changes in one step: whoever restores has a whole one, at any moment. */
static int point_to(const char *directory, const char *name)
{
	auto_free char *link = NULL, *new_link = NULL;

	if (text_format(&link, "%s/" LATEST, directory) < 0 || text_format(&new_link, "%s/." LATEST, directory) < 0)
		return -ENOMEM;
	(void)unlink(new_link); /* of one that was killed */
	return symlink(name, new_link) < 0 || rename(new_link, link) < 0 ? -errno : 0;
}

/* Two places in turn; the one that "latest" does not name is free. */
static const char *free_place(const char *directory)
{
	auto_free char *link = NULL;
	char target[8] = "";

	if (text_format(&link, "%s/" LATEST, directory) == 0)
		(void)!readlink(link, target, sizeof(target) - 1); /* none yet: empty */
	return strcmp(target, "a") == 0 ? "b" : "a";
}

static int save_once(const struct call *call, struct lxc_container *c)
{
	const struct checkpoint_state *state = call->state;
	const char *name = free_place(state->directory);
	auto_free char *place = NULL;

	if (text_format(&place, "%s/%s", state->directory, name) < 0)
		return -1;
	if (extra_checkpoint(c, place, state->action_script, state->verbose) < 0) {
		if (c->wait(c, "STOPPED", END_S)) /* its end may be what criu fell over, and is told a moment later */
			return 1;
		tool_container_error(call, c, "failed to checkpoint");
		return -1;
	}
	int r = point_to(state->directory, name);
	if (r < 0)
		tool_error(call, "%s/%s: %s", state->directory, LATEST, strerror(-r));
	return r < 0 ? -1 : 0;
}

static int save_again_and_again(const struct call *call, struct lxc_container *c)
{
	const struct checkpoint_state *state = call->state;
	int r = mkdir_parents(state->directory, 0700);

	if (r < 0) {
		tool_error(call, "make directory %s: %s", state->directory, strerror(-r));
		return EXIT_FAILURE;
	}
	for (;;) {
		r = save_once(call, c);
		if (r != 0)
			return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
		if (c->wait(c, "STOPPED", (int)state->every_s))
			return EXIT_SUCCESS;
	}
}

/* Who breaks off here changes nothing. */
static int await_memory(const struct call *call, struct lxc_container *c, const char *directory)
{
	struct timespec begin, end;

	clock_gettime(CLOCK_MONOTONIC, &begin);
	if (!call->quiet)
		printf("pages: %" PRIu64 " MiB to fill\n", extra_memory_bytes(directory) >> 20);
	fflush(stdout);
	if (extra_await_memory(c) < 0) {
		tool_container_error(call, c, "its memory is not whole");
		return EXIT_FAILURE;
	}
	clock_gettime(CLOCK_MONOTONIC, &end);
	if (!call->quiet)
		printf("pages: done in %lld ms\n", (long long)(end.tv_sec - begin.tv_sec) * 1000 + (end.tv_nsec - begin.tv_nsec) / 1000000);
	return EXIT_SUCCESS;
}

static int bring_back(const struct call *call, struct lxc_container *c)
{
	const struct checkpoint_state *state = call->state;
	auto_free char *latest = NULL;

	if (text_format(&latest, "%s/" LATEST, state->directory) < 0)
		return EXIT_FAILURE;
	const struct extra_restore_options wish = { .directory = access(latest, F_OK) == 0 ? latest : state->directory,
		.action_script = state->action_script,
		.command = call->tool->name,
		.foreground = state->foreground,
		.lazy = state->lazy,
		.verbose = state->verbose };
	int r = extra_restore(c, &wish);

	if (r < 0) {
		tool_container_error(call, c, "failed to restore");
		return EXIT_FAILURE;
	}
	if (r > 0)
		tool_error(call, "warning: %s", c->error_string);
	return r == 0 && state->lazy ? await_memory(call, c, wish.directory) : EXIT_SUCCESS;
}

static int run_on(const struct call *call, struct lxc_container *c)
{
	const struct checkpoint_state *state = call->state;

	if (!state->directory && !state->check) {
		tool_error(call, "the directory is missing: -D DIR");
		return EXIT_FAILURE;
	}
	if (!state->restore && !c->is_running(c)) {
		tool_error(call, "Container is not running");
		return EXIT_FAILURE;
	}
	if (state->check)
		return list_blockers(call, c);
	if (state->restore)
		return bring_back(call, c);
	return state->every_s ? save_again_and_again(call, c) : save(call, c);
}

static int run(struct call *call)
{
	struct checkpoint_state *state = call->state;
	struct lxc_container *c = tool_container(call, true);
	int status = c ? run_on(call, c) : EXIT_FAILURE;

	free(state->directory);
	free(state->predump_dir);
	free(state->action_script);
	if (c)
		lxc_container_put(c);
	return status;
}

const struct tool lxc_checkpoint_tool = {
	.name = "lxc-checkpoint",
	.summary = "Save the state of a running container, restore it",
	.usage = "-n NAME -D DIR [-r] [OPTION]...",
	.options = options,
	.description = "Processes, memory, open files and connections are saved by criu, a program of its own: version 4.2 or "
		       "newer on kernels from 6.16 on. It is the one that WABE_CRIU in the environment or wabe.criu in "
		       "/etc/lxc/lxc.conf names, else that in PATH. The root file system is not saved: it must be, when "
		       "the container is restored, as it was.\n\nWithout -s the container runs on. When something fails it "
		       "runs on too, and DIR is no checkpoint; the error has criu's reason, DIR/dump.log or DIR/restore.log "
		       "the rest. Before anything is stopped the container is looked through for what criu can not save; "
		       "--check lists all of it, with exit status 1 if there is any.\n\nWith --every the command stays "
		       "until the container has stopped.\n\nWith -r --lazy the container goes on before its memory has been "
		       "read: a page comes when it is touched, all others beside, and the command stays until all are there (it "
		       "may be killed without harm). DIR must stay until then. Should criu fail meanwhile, the container is "
		       "killed at once. Where it can not be done, it is restored as without --lazy, with a warning.",
	.option = take_option,
	.run = run,
	.state_size = sizeof(struct checkpoint_state),
};
