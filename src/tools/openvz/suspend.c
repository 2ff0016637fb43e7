/* Saving a running container to files and bringing it back. */
#include "tools/openvz/vz.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "base/text.h"
#include "engine/checkpoint.h"
#include "storage/storage.h"

#include <string.h>
#include <sys/stat.h>

enum part { PART_FREEZE = 1, PART_DUMP = 2, PART_KILL = 4, PART_THAW = 8 };

struct suspend {
	char *directory; /* owned */
	bool is_default; /* nobody has named it */
	unsigned parts;	 /* 0: all */
};

static int choose_directory(struct vz *vz, struct suspend *suspend)
{
	suspend->is_default = !suspend->directory;
	auto_free char *dumps = suspend->directory ? NULL : vz_ct_path(&vz->ct, "DUMPDIR");

	if (!suspend->directory && text_format(&suspend->directory, "%s/Dump.%s", dumps ?: "/vz/dump", vz->ct.name) < 0)
		return VZ_SYSTEM;
	if (*suspend->directory == '/')
		return VZ_OK;
	return vz_fail(vz, VZ_BAD_VALUE, "The dump file's path is not absolute: %s", suspend->directory);
}

static int parse(struct vz *vz, bool is_resume, struct suspend *ret)
{
	for (int i = 0; i < vz->argc; i++) {
		const char *word = vz->argv[i];
		if (strcmp(word, "--dumpfile") == 0 && i + 1 < vz->argc) {
			if (text_replace(&ret->directory, vz->argv[++i]) < 0)
				return VZ_SYSTEM;
		} else if (!is_resume && strcmp(word, "--suspend") == 0) {
			ret->parts |= PART_FREEZE;
		} else if (!is_resume && strcmp(word, "--dump") == 0) {
			ret->parts |= PART_DUMP;
		} else if (!is_resume && strcmp(word, "--kill") == 0) {
			ret->parts |= PART_KILL;
		} else if (!is_resume && strcmp(word, "--resume") == 0) {
			ret->parts |= PART_THAW;
		} else {
			return vz_fail(vz, VZ_SYNTAX, "Invalid extra arguments: %s", word);
		}
	}
	return choose_directory(vz, ret);
}

/* Each part says what it does before it does it. */
static int run_parts(struct vz *vz, const struct suspend *suspend, struct error *err)
{
	struct container_id id = vz_id(vz);
	unsigned parts = suspend->parts ?: PART_DUMP | PART_KILL;
	struct checkpoint_dump dump = { .directory = suspend->directory, .stop = (parts & PART_DUMP) && (parts & PART_KILL) };
	int r = 0;

	if (parts & PART_FREEZE) {
		vz_say(vz, "\tsuspend...");
		r = engine_freeze(&id, err);
	}
	if (r == 0 && parts & PART_DUMP) {
		vz_say(vz, "\tdump...");
		r = mkdir_parents(suspend->directory, 0700);
		r = r < 0 ? error_set(err, r, "make directory %s", suspend->directory) : checkpoint_dump(&id, &dump, NULL, err);
	}
	if (r == 0 && parts & PART_KILL && !(parts & PART_DUMP)) {
		vz_say(vz, "\tkill...");
		r = engine_kill(&id, 60000, err);
	}
	if (r == 0 && parts & PART_THAW) {
		vz_say(vz, "\tresume...");
		r = engine_unfreeze(&id, err);
	}
	return r;
}

int vz_command_suspend(struct vz *vz)
{
	struct suspend suspend = { 0 };
	struct error err = { 0 };

	int status = parse(vz, false, &suspend);
	if (status == VZ_OK && !vz_is_running(vz))
		status = vz_fail(vz, VZ_NOT_RUNNING, "Container is not running");
	if (status == VZ_OK) {
		vz_say(vz, "Setting up checkpoint...");
		if (run_parts(vz, &suspend, &err) < 0) {
			(void)vz_fail_error(vz, VZ_SUSPEND, &err);
			status = vz_fail(vz, VZ_SUSPEND, "Checkpointing failed");
		} else {
			vz_say(vz, "Checkpointing completed successfully");
		}
	}
	if (status == VZ_OK && !vz_is_running(vz) && vz_is_mounted(vz))
		status = vz_umount(vz);
	free(suspend.directory);
	return status;
}

int vz_restore(struct vz *vz, const char *directory, bool is_lazy)
{
	struct error err = { 0 };
	struct start_options options = { 0 };
	struct start_result result = { 0 };
	struct checkpoint_restore wish = { .directory = directory, .lazy_pages = is_lazy };
	auto_spec struct spec *spec = NULL;

	int status = vz_make_spec(vz, &spec);
	if (status != VZ_OK)
		return status;
	bool was_mounted = vz_is_mounted(vz);
	status = was_mounted ? VZ_OK : vz_mount(vz);
	if (status != VZ_OK)
		return status;
	vz_say(vz, "\tundump...");
	if (checkpoint_restore(spec, &options, &wish, &result, &err) < 0) {
		(void)vz_fail_error(vz, VZ_RESUME, &err);
		if (!was_mounted)
			(void)vz_umount(vz); /* its own error has been told */
		return vz_fail(vz, VZ_RESUME, "Restoring failed");
	}
	if (*result.warning.what)
		(void)vz_fail_error(vz, 0, &result.warning);
	return VZ_OK;
}

/* The dump in its usual place goes once the container runs: it would be of the past then. */
static int resume(struct vz *vz, const struct suspend *suspend)
{
	const char *directory = suspend->directory;
	struct stat info;
	struct error err = { 0 };

	if (vz_is_running(vz))
		return vz_fail(vz, VZ_RUNNING, "Container is already running");
	if (stat(directory, &info) < 0 || !checkpoint_is_complete(directory))
		return vz_fail(vz, VZ_RESUME, "Unable to open dump %s", directory);
	vz_say(vz, "Restoring container ...");
	int status = vz_restore(vz, directory, false);
	if (status != VZ_OK)
		return status;
	vz_say(vz, "Restoring completed successfully");
	if (suspend->is_default && storage_remove_tree(directory, NULL, &err) < 0)
		(void)vz_fail_error(vz, 0, &err);
	return VZ_OK;
}

int vz_command_resume(struct vz *vz)
{
	struct suspend suspend = { 0 };
	int status = parse(vz, true, &suspend);

	status = status ?: resume(vz, &suspend);
	free(suspend.directory);
	return status;
}
