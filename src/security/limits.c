/* Resource limits, core scheduling and the files of /proc/PID that a configuration sets. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "kernel/mount.h"
#include "kernel/path_in_root.h"
#include "kernel/rlimit.h"
#include "kernel/scheduler.h"
#include "security/security.h"

int security_apply_limits(const struct spec *spec, struct error *err)
{
	for (size_t i = 0; i < spec->process.rlimits.count; i++) {
		const struct spec_rlimit *limit = &spec->process.rlimits.items[i];
		int resource = rlimit_from_name(limit->name);
		if (resource < 0)
			return spec_error(err, EINVAL, spec, &limit->origin, "there is no resource limit %s",
				limit->name);
		int r = rlimit_set(0, resource, limit->soft, limit->hard);
		if (r < 0)
			return spec_error(err, r, spec, &limit->origin, "limit %s", limit->name);
	}
	if (!spec->process.core_scheduling)
		return 0;
	int r = scheduler_new_core_cookie();
	return r < 0 ? error_set(err, r, "make a core scheduling group") : 0;
}

/* proc_fd is a procfs that nobody faked; "self" in it is the caller by the procfs's own pid namespace. */
static int write_proc_file(int proc_fd, const struct spec_setting *file)
{
	auto_close int self_fd = openat(proc_fd, "self", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (self_fd < 0)
		return -errno;
	auto_close int fd = path_open_beneath(self_fd, file->name, O_WRONLY);
	if (fd < 0)
		return fd;
	return write(fd, file->value, strlen(file->value)) < 0 ? -errno : 0;
}

int security_write_proc_files(const struct spec *spec, struct error *err)
{
	if (spec->process.proc_files.count == 0)
		return 0;
	auto_close int proc_fd = mount_open_procfs();
	if (proc_fd < 0)
		return spec_error(err, proc_fd, spec, &spec->process.proc_files.items[0].origin, "open procfs");
	for (size_t i = 0; i < spec->process.proc_files.count; i++) {
		const struct spec_setting *file = &spec->process.proc_files.items[i];
		int r = write_proc_file(proc_fd, file);
		if (r < 0)
			return spec_error(err, r, spec, &file->origin, "write %s to /proc/self/%s", file->value,
				file->name);
	}
	return 0;
}
