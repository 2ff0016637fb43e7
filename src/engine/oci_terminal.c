/* The terminal of an OCI process: a pty of the container's own devpts, whose master goes to the console socket. */
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "engine/oci_internal.h"
#include "kernel/fd_passing.h"
#include "kernel/path_in_root.h"

#ifndef TIOCGPTPEER
#define TIOCGPTPEER 0x5441
#endif

int oci_terminal_open(int root_fd, const struct spec *spec, int *ret_master, int *ret_slave, struct error *err)
{
	struct statfs fs;
	int unlocked = 0;
	struct winsize size = { .ws_row = (unsigned short)spec->oci.console_height, .ws_col = (unsigned short)spec->oci.console_width };
	auto_close int master_fd = path_open_in_root(root_fd, "dev/pts/ptmx", O_RDWR | O_NOCTTY, 0);

	if (master_fd < 0)
		return error_set(err, master_fd, "open a terminal in the container's /dev/pts");
	/* whatever the image has there, it must be the kernel's */
	if (fstatfs(master_fd, &fs) < 0 || fs.f_type != DEVPTS_SUPER_MAGIC)
		return error_set(err, ENODEV, "the container's /dev/pts is no devpts");
	auto_close int slave_fd = ioctl(master_fd, TIOCSPTLCK, &unlocked) < 0 ? -1 :
				  ioctl(master_fd, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (slave_fd < 0)
		return error_set(err, errno, "open the terminal");
	if (size.ws_row && size.ws_col)
		(void)ioctl(master_fd, TIOCSWINSZ, &size); /* a wish */
	(void)fchown(slave_fd, spec->process.uid, (gid_t)-1); /* refused in some user namespaces: then by root's mode */
	*ret_master = take_fd(&master_fd);
	*ret_slave = take_fd(&slave_fd);
	return 0;
}

int oci_terminal_send(int socket_fd, int master_fd, struct error *err)
{
	char name[] = "/dev/ptmx";
	struct iovec part = { name, strlen(name) };
	int r = fd_passing_send(socket_fd, &part, 1, &master_fd, 1);

	return r < 0 ? error_set(err, r, "send the terminal to the console socket") : 0;
}

int oci_terminal_take(int slave_fd, struct error *err)
{
	for (int fd = 0; fd < 3; fd++)
		if (dup2(slave_fd, fd) < 0)
			return error_set(err, errno, "set up the terminal");
	return ioctl(0, TIOCSCTTY, 0) < 0 ? error_set(err, errno, "take the terminal as the controlling one") : 0;
}

int oci_console_open(const struct spec *spec, int *ret_socket, int *ret_own_fd, struct error *err)
{
	int pair[2];

	if (spec->oci.console_socket) {
		*ret_socket = oci_connect(SOCK_STREAM, spec->oci.console_socket);
		return *ret_socket < 0 ? error_set(err, *ret_socket, "connect to console socket %s", spec->oci.console_socket) : 0;
	}
	if (spec->oci.detach || strcmp(spec->oci.command, "create") == 0) {
		int r = error_set_kind(err, ERROR_USAGE, 0, "process.terminal is set, so somebody has to take the terminal");
		error_hint(err, "give --console-socket");
		return r;
	}
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return error_set(err, errno, "make a socket pair");
	*ret_socket = pair[0];
	*ret_own_fd = pair[1];
	return 0;
}
