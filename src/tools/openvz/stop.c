/* Stopping. */
#include "tools/openvz/vzlist.h"

#include "base/text.h"

#include <inttypes.h>
#include <string.h>

#define STOP_SECONDS 120

static int timeout_ms(const struct vz *vz)
{
	uint32_t seconds;
	const char *value = vz_ct_get(&vz->ct, "STOP_TIMEOUT");
	if (!value || text_to_u32(value, &seconds) < 0 || seconds == 0 || seconds > 1000000)
		seconds = STOP_SECONDS;
	return (int)seconds * 1000;
}

/* Which limits it has met while it ran: their counters go with its group. */
static void note_limits(const struct vz *vz)
{
	struct vl_row row = { 0 };
	if (vl_open("vzctl", vz->ct.name, &row) < 0)
		return;
	for (const struct vl_field *field = vl_fields; field->name; field++) {
		uint64_t v[5];
		if (field->type == VL_UBC && vl_ubc(&row, field, v) && v[4] > 0)
			vz_note(vz, "The limit of %s was met %" PRIu64 " times", field->name, v[4]);
	}
	vl_close(&row);
}

static int halt(struct vz *vz, bool is_fast)
{
	struct container_id id = vz_id(vz);
	struct error err = { 0 };
	note_limits(vz);
	if (!is_fast) {
		vz_say(vz, "Stopping container ...");
		(void)vz_run_inside_script(vz, "stop"); /* told, and no reason to leave it running */
		if (engine_shutdown(&id, timeout_ms(vz), &err) == 0)
			return VZ_OK;
		(void)vz_fail(vz, 0, "Unable to stop container: operation timed out");
	}
	vz_say(vz, "Killing container ...");
	if (engine_kill(&id, 60000, &err) < 0)
		return vz_fail_error(vz, VZ_STOP_FAILED, &err);
	return VZ_OK;
}

int vz_stop(struct vz *vz, bool is_fast, bool skips_umount)
{
	if (!vz_is_running(vz)) {
		(void)vz_fail(vz, 0, "Unable to stop: container is not running");
		return VZ_OK;
	}
	int status = halt(vz, is_fast);
	if (status != VZ_OK)
		return status;
	vz_say(vz, "Container was stopped");
	return skips_umount || !vz_is_mounted(vz) ? VZ_OK : vz_umount(vz);
}

int vz_command_stop(struct vz *vz)
{
	bool is_fast = false, skips_umount = false;
	for (int i = 0; i < vz->argc; i++) {
		if (strcmp(vz->argv[i], "--fast") == 0)
			is_fast = true;
		else if (strcmp(vz->argv[i], "--skip-umount") == 0)
			skips_umount = true;
		else
			return vz_fail(vz, VZ_SYNTAX, "Invalid extra arguments: %s", vz->argv[i]);
	}
	return vz_stop(vz, is_fast, skips_umount);
}

int vz_command_restart(struct vz *vz)
{
	bool waits = false, forces = false, is_fast = false;
	for (int i = 0; i < vz->argc; i++) {
		waits |= strcmp(vz->argv[i], "--wait") == 0;
		forces |= strcmp(vz->argv[i], "--force") == 0;
		is_fast |= strcmp(vz->argv[i], "--fast") == 0;
		if (!vz_is_start_option(vz->argv[i]) && strcmp(vz->argv[i], "--fast") != 0 && strcmp(vz->argv[i], "--skip-umount") != 0)
			return vz_fail(vz, VZ_SYNTAX, "Invalid extra arguments: %s", vz->argv[i]);
	}
	vz_say(vz, "Restarting container");
	if (vz_is_running(vz)) {
		int status = vz_stop(vz, is_fast, false);
		if (status != VZ_OK)
			return status;
	}
	return vz_start(vz, waits, forces);
}

/* Called by the engine when a container has ended by itself. Who stops it on purpose has the lock, and unmounts it. */
int vz_command_stopped(struct vz *vz)
{
	if (text_equal(getenv("LXC_TARGET"), "reboot") || !vz_is_mounted(vz))
		return VZ_OK;
	return vz_umount(vz);
}
