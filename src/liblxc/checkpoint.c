/* Checkpoints through criu: the API's checkpoint, restore and migrate, and what lxc-checkpoint needs beside. */
#include "engine/checkpoint.h"

#include "base/file.h"

#include "liblxc/extra.h"
#include "liblxc/internal.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* wabe.criu of lxc.conf; the environment comes first. */
const char *criu_setting(void)
{
	const char *variable = getenv("WABE_CRIU");

	return variable && *variable ? variable : lxc_get_global_config_item("wabe.criu");
}

static int check_running(struct lxc_container *c, bool wanted, struct error *err)
{
	bool is_running = c->is_running(c);

	if (is_running && !wanted)
		return error_set_kind(err, ERROR_BUSY, EBUSY, "%s is running", c->name);
	return is_running == wanted ? 0 : error_set_kind(err, ERROR_NOT_FOUND, ESRCH, "%s is not running", c->name);
}

static int make_directory(const char *directory, struct error *err)
{
	int r = mkdir_parents(directory, 0700);

	return r < 0 ? error_set(err, r, "make directory %s", directory) : 0;
}

static int dump(struct lxc_container *c, const struct migrate_opts *options, bool is_predump, struct error *err)
{
	struct container_id id = id_of(c);
	const struct checkpoint_dump wish = { .directory = options->directory,
		.parent = options->predump_dir,
		.criu = criu_setting(),
		.action_script = options->action_script,
		.page_server_address = options->pageserver_port ? options->pageserver_address : NULL,
		.page_server_port = options->pageserver_port,
		.ghost_limit_bytes = options->ghost_limit,
		.stop = options->stop,
		.no_skip_in_flight = options->disable_skip_in_flight,
		.verbose = options->verbose };
	int r = check_running(c, true, err);

	r = r < 0 ? r : make_directory(options->directory, err);
	if (r < 0)
		return r;
	return is_predump ? checkpoint_predump(&id, &wish, NULL, err) : checkpoint_dump(&id, &wish, NULL, err);
}

/* 1: it runs, *err is a warning. */
static int restore_from(struct lxc_container *c, const struct checkpoint_restore *restore, const struct start_options *options,
	struct error *err)
{
	struct start_result result = { 0 };

	auto_lock(c);
	int r = check_running(c, false, err);
	r = r < 0 ? r : prepare_start(c, NULL, false, err);
	r = r < 0 ? r : checkpoint_restore(lxc_config_spec(self(c)->config), options, restore, &result, err);
	if (r < 0 || !*result.warning.what)
		return r < 0 ? r : 0;
	*err = result.warning;
	return 1;
}

static int restore_options(struct lxc_container *c, const struct migrate_opts *options, struct error *err)
{
	const struct checkpoint_restore restore = { .directory = options->directory,
		.criu = criu_setting(),
		.action_script = options->action_script,
		.verbose = options->verbose };
	const struct start_options start = { .close_all_fds = true };

	return restore_from(c, &restore, &start, err);
}

static int check_features(struct migrate_opts *options, struct error *err)
{
	struct checkpoint_features features;
	uint64_t wanted = options->features_to_check, found = 0;
	int r = checkpoint_probe(criu_setting(), &features, err);

	if (r < 0)
		return r;
	if (features.memory_track)
		found |= FEATURE_MEM_TRACK;
	if (features.lazy_pages)
		found |= FEATURE_LAZY_PAGES;
	options->features_to_check = wanted & found;
	if ((wanted & found) == wanted)
		return 0;
	return error_set_kind(err, ERROR_UNSUPPORTED, 0, "this kernel lacks what was asked for: %s%s",
		wanted & ~found & FEATURE_MEM_TRACK ? "tracking of memory " : "",
		wanted & ~found & FEATURE_LAZY_PAGES ? "lazy pages" : "");
}

static int migrate_with(struct lxc_container *c, unsigned int command, struct migrate_opts *options, struct error *err)
{
	if (command != MIGRATE_FEATURE_CHECK && (!options->directory || !*options->directory))
		return error_set_kind(err, ERROR_USAGE, EINVAL, "a checkpoint needs a directory");
	switch (command) {
	case MIGRATE_PRE_DUMP:
	case MIGRATE_DUMP:
		return dump(c, options, command == MIGRATE_PRE_DUMP, err);
	case MIGRATE_RESTORE:
		return restore_options(c, options, err);
	default:
		return check_features(options, err);
	}
}

/* A caller's older struct ends sooner, a newer one may have only zeros where we know nothing. */
static int take_options(const struct migrate_opts *given, unsigned int size, struct migrate_opts *ret)
{
	const char *bytes = (const char *)given;

	for (unsigned int i = sizeof(*ret); i < size; i++)
		if (bytes[i])
			return -E2BIG;
	*ret = (struct migrate_opts){ 0 };
	memcpy(ret, given, size < sizeof(*ret) ? size : sizeof(*ret));
	return 0;
}

static int migrate(struct lxc_container *c, unsigned int command, struct migrate_opts *options, unsigned int size)
{
	struct migrate_opts own;
	struct error err = { 0 };

	if (!c || !options || command > MIGRATE_FEATURE_CHECK)
		return -EINVAL;
	int r = take_options(options, size, &own);
	if (r < 0)
		return r;
	r = migrate_with(c, command, &own, &err);
	if (command == MIGRATE_FEATURE_CHECK && size >= sizeof(own))
		options->features_to_check = own.features_to_check;
	return r < 0 ? container_fault(c, &err, r) : 0;
}

static bool checkpoint(struct lxc_container *c, char *directory, bool stop, bool verbose)
{
	struct migrate_opts options = { .directory = directory, .stop = stop, .verbose = verbose };

	return migrate(c, MIGRATE_DUMP, &options, sizeof(options)) == 0;
}

static bool restore(struct lxc_container *c, char *directory, bool verbose)
{
	struct migrate_opts options = { .directory = directory, .verbose = verbose };

	return migrate(c, MIGRATE_RESTORE, &options, sizeof(options)) == 0;
}

void wire_checkpoint(struct lxc_container *c)
{
	c->checkpoint = checkpoint;
	c->restore = restore;
	c->migrate = migrate;
}

/* ---- of the commands alone ---- */

int extra_restore(struct lxc_container *c, const struct extra_restore_options *options)
{
	struct error err = { 0 };
	const struct checkpoint_restore wish = { .directory = options->directory,
		.criu = criu_setting(),
		.action_script = options->action_script,
		.lazy_pages = options->lazy,
		.verbose = options->verbose };
	const struct start_options start = { .foreground = options->foreground,
		.replace_process = options->foreground,
		.command = options->command,
		.close_all_fds = true };
	int r = restore_from(c, &wish, &start, &err);

	return r != 0 ? container_fault(c, &err, r) : 0;
}

int extra_await_memory(struct lxc_container *c)
{
	struct container_id id = id_of(c);
	struct error err = { 0 };
	int r = checkpoint_await_pages(&id, -1, &err);

	return r < 0 ? container_fault(c, &err, r) : 0;
}

uint64_t extra_memory_bytes(const char *directory)
{
	return checkpoint_memory_bytes(directory);
}

int extra_blockers(struct lxc_container *c, struct extra_blocker **ret_blockers)
{
	struct checkpoint_blockers found = { 0 };
	struct container_id id = id_of(c);
	struct error err = { 0 };
	int r = checkpoint_preflight(&id, &found, &err);

	if (r < 0)
		return container_fault(c, &err, r);
	*ret_blockers = (struct extra_blocker *)found.items; /* the same struct */
	return r;
}

void extra_blockers_free(struct extra_blocker *blockers, size_t count)
{
	struct checkpoint_blockers found = { (struct checkpoint_blocker *)blockers, count, count };

	checkpoint_blockers_clear(&found);
}

int extra_checkpoint(struct lxc_container *c, const char *directory, const char *action_script, bool verbose)
{
	struct migrate_opts options = { .directory = (char *)(uintptr_t)directory,
		.action_script = (char *)(uintptr_t)action_script,
		.verbose = verbose };

	return migrate(c, MIGRATE_DUMP, &options, sizeof(options));
}
