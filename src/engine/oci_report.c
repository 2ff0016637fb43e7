/* What an OCI command tells its caller: faults, the pid file, the seccomp listener. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "engine/oci.h"
#include "kernel/fd_passing.h"
#include "kernel/pidfd.h"

static void write_log(const struct spec *spec, const char *line)
{
	auto_close int fd = open(spec->oci.log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY, 0644);
	auto_free char *quoted = NULL;
	char when[32];

	oci_time_text(time(NULL), when);
	if (fd < 0 || oci_quote(line, &quoted) < 0)
		return; /* it stands on standard error */
	if (spec->oci.log_json)
		dprintf(fd, "{\"level\":\"error\",\"msg\":%s,\"time\":\"%s\"}\n", quoted, when);
	else
		dprintf(fd, "time=\"%s\" level=error msg=%s\n", when, quoted);
}

void oci_report(const struct spec *spec, const struct error *err)
{
	char line[1200];

	(void)error_render(err, line, sizeof(line));
	dprintf(STDERR_FILENO, "wabe: %s\n", line);
	if (spec && spec->oci.log)
		write_log(spec, line);
}

int oci_connect(int type, const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	auto_close int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);
	auto_close int dir_fd = -1;

	if (fd < 0)
		return -errno;
	if (strlen(path) < sizeof(address.sun_path)) {
		strcpy(address.sun_path, path);
	} else {
		auto_free char *parent = strdup(path);
		char *slash = parent ? strrchr(parent, '/') : NULL;
		if (!slash)
			return -ENAMETOOLONG;
		*slash = '\0';
		dir_fd = open(*parent ? parent : "/", O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (dir_fd < 0)
			return -errno;
		int length = snprintf(address.sun_path, sizeof(address.sun_path), "/proc/self/fd/%d/%s", dir_fd, slash + 1);
		if (length >= (int)sizeof(address.sun_path))
			return -ENAMETOOLONG;
	}
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		return -errno;
	return take_fd(&fd);
}

int oci_send_listener(const struct spec *spec, int listener_fd, pid_t pid, enum oci_status status, struct error *err)
{
	auto_free char *state = NULL, *metadata = NULL, *text = NULL;

	if (!spec->oci.seccomp_listener)
		return error_set_kind(err, ERROR_CONFIG, 0, "linux.seccomp: SCMP_ACT_NOTIFY needs listenerPath");
	int r = oci_state_text(spec, status, pid, 0, false, &state);
	r = r ?: oci_quote(spec->oci.seccomp_metadata ? spec->oci.seccomp_metadata : "", &metadata);
	r = r ?: text_format(&text, "{\"ociVersion\":\"1.2.0\",\"fds\":[\"seccompFd\"],\"pid\":%d,\"metadata\":%s,\"state\":%s}", pid,
		metadata, state);
	if (r < 0)
		return error_set(err, r, "tell of the seccomp listener");
	auto_close int fd = oci_connect(SOCK_STREAM, spec->oci.seccomp_listener);
	struct iovec part = { text, strlen(text) };
	r = fd < 0 ? fd : fd_passing_send(fd, &part, 1, &listener_fd, 1);
	return r < 0 ? error_set(err, r, "send the seccomp listener to %s", spec->oci.seccomp_listener) : 0;
}

const char *oci_annotation(const struct spec *spec, const char *name)
{
	vector_for_each (one, &spec->oci.annotations)
		if (strcmp(one->name, name) == 0)
			return one->value;
	return NULL;
}

int oci_send_pidfd(const struct spec *spec, pid_t pid, struct error *err)
{
	const char *path = spec->oci.pidfd_socket ? spec->oci.pidfd_socket : oci_annotation(spec, "run.oci.pidfd_receiver");
	char name[] = "pidfd";
	struct iovec part = { name, sizeof(name) - 1 };

	if (!path)
		return 0;
	auto_close int pidfd = process_pidfd(pid);
	auto_close int fd = pidfd < 0 ? pidfd : oci_connect(SOCK_STREAM, path);
	int r = fd < 0 ? fd : fd_passing_send(fd, &part, 1, &pidfd, 1);
	return r < 0 ? error_set(err, r, "send the pidfd to %s", path) : 0;
}

int oci_write_pid_file(const char *path, pid_t pid, struct error *err)
{
	auto_free char *temporary = NULL;
	char text[16];

	int length = snprintf(text, sizeof(text), "%d", pid);
	int r = text_format(&temporary, "%s.tmp", path);
	auto_close int fd = r < 0 ? r : open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);
	if (r == 0 && (fd < 0 || write(fd, text, (size_t)length) != length || rename(temporary, path) < 0))
		r = -errno;
	return r < 0 ? error_set(err, r, "write the pid file %s", path) : 0;
}
