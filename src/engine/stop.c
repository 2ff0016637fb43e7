/* Signals, the end of a container, freezing, its cgroup files: all by pidfd and cgroup, no supervisor asked. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "cgroup/cgroup.h"
#include "engine/monitor.h"
#include "engine/running.h"
#include "kernel/pidfd.h"

static bool thaw_if_frozen(const struct container_id *id, struct running *running)
{
	if (!running->has_cgroups || cgroup_is_frozen(&running->cgroups) <= 0)
		return false;
	if (cgroup_thaw(&running->cgroups, 10000) == 0)
		monitor_publish(NULL, id, 0, STATE_THAWED);
	return true;
}

int engine_signal(const struct container_id *id, int signal, bool thaw, struct error *err)
{
	struct running running;
	int r = container_load(id, thaw ? RUNNING_CGROUPS : 0, &running, err);
	if (r < 0)
		return r;
	r = pidfd_send_signal_number(running.init_pidfd, signal);
	if (thaw)
		thaw_if_frozen(id, &running); /* after the signal: it is delivered the moment init runs */
	running_clear(&running);
	return r < 0 ? error_set(err, r, "send signal %d to %s", signal, id->name) : 0;
}

int engine_kill(const struct container_id *id, int timeout_ms, struct error *err)
{
	struct running running;

	if (container_load(id, RUNNING_CGROUPS | RUNNING_SPEC, &running, err) < 0)
		return 0;
	int signal = (int)running.spec->lifecycle.signal_stop ?: SIGKILL;
	auto_close int supervisor = process_pidfd(running.state.supervisor_pid);
	int r = pidfd_send_signal_number(running.init_pidfd, signal);
	thaw_if_frozen(id, &running);
	/* the supervisor releases everything and ends; without one the next look does it */
	int waited = pidfd_wait(supervisor >= 0 ? supervisor : running.init_pidfd, timeout_ms);
	running_clear(&running);
	if (r < 0 && r != -ESRCH)
		return error_set(err, r, "kill %s", id->name);
	if (waited == -ETIMEDOUT)
		return error_set(err, ETIMEDOUT, "%s did not end", id->name);
	struct status status;
	engine_status(id, &status, NULL);
	return 0;
}

int engine_freeze(const struct container_id *id, struct error *err)
{
	struct running running;
	int r = container_load(id, RUNNING_CGROUPS, &running, err);
	if (r < 0)
		return r;
	monitor_publish(NULL, id, 0, STATE_FREEZING);
	r = cgroup_freeze(&running.cgroups, 10000);
	if (r == 0)
		monitor_publish(NULL, id, 0, STATE_FROZEN);
	running_clear(&running);
	return r < 0 ? error_set(err, r, "freeze %s", id->name) : 0;
}

int engine_unfreeze(const struct container_id *id, struct error *err)
{
	struct running running;
	int r = container_load(id, RUNNING_CGROUPS, &running, err);
	if (r < 0)
		return r;
	r = cgroup_thaw(&running.cgroups, 10000);
	if (r == 0) {
		monitor_publish(NULL, id, 0, STATE_THAWED);
		monitor_publish(NULL, id, 0, STATE_RUNNING);
	}
	running_clear(&running);
	return r < 0 ? error_set(err, r, "thaw %s", id->name) : 0;
}

int engine_cgroup_get(const struct container_id *id, const char *file, char **ret_value, struct error *err)
{
	struct running running;
	int r = container_load(id, RUNNING_CGROUPS, &running, err);
	if (r < 0)
		return r;
	r = cgroup_get(&running.cgroups, file, ret_value);
	running_clear(&running);
	return r < 0 ? error_set(err, r, "read %s of %s", file, id->name) : (int)strlen(*ret_value);
}

int engine_cgroup_set(const struct container_id *id, const char *file, const char *value, struct error *err)
{
	char devices[PATH_MAX + 16];
	struct running running;
	int r = container_load(id, RUNNING_CGROUPS, &running, err);
	if (r < 0)
		return r;
	snprintf(devices, sizeof(devices), "%s/devices", running.dir.path);
	r = cgroup_set_value(&running.cgroups, file, value, devices);
	running_clear(&running);
	return r < 0 ? error_set(err, r, "write %s to %s of %s", value, file, id->name) : 0;
}

