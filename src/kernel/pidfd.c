#include "kernel/pidfd.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/file.h"

#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

int process_pidfd(pid_t pid)
{
	int fd = (int)syscall(SYS_pidfd_open, pid, 0);
	return fd < 0 ? -errno : fd;
}

int pidfd_send_signal_number(int pidfd, int signal)
{
	return syscall(SYS_pidfd_send_signal, pidfd, signal, NULL, 0) < 0 ? -errno : 0;
}

int pidfd_wait(int pidfd, int timeout_ms)
{
	struct pollfd poll_fd = { .fd = pidfd, .events = POLLIN };
	int64_t end = timeout_ms < 0 ? 0 : clock_ms() + timeout_ms;
	for (;;) {
		int64_t left = timeout_ms < 0 ? -1 : end - clock_ms();
		int r = poll(&poll_fd, 1, left < -1 ? 0 : (int)left);
		if (r > 0)
			return 0;
		if (r == 0)
			return -ETIMEDOUT;
		if (errno != EINTR)
			return -errno;
	}
}

/* The first fields of the kernel's struct pidfd_info; newer headers have it as <linux/pidfd.h>. */
struct pidfd_info_v1 {
	uint64_t mask;
	uint64_t cgroupid;
	uint32_t pid, tgid, ppid;
	uint32_t ids[8];
	int32_t exit_code;
};
#define PIDFD_GET_INFO_V1 _IOWR(0xFF, 11, struct pidfd_info_v1)
#define PIDFD_INFO_EXIT_V1 (1UL << 3)

int pidfd_exit_status(int pidfd, int *ret_status)
{
	siginfo_t info = { 0 };
	if (waitid((idtype_t)3 /* P_PIDFD */, (id_t)pidfd, &info, WEXITED | WNOHANG) == 0 && info.si_pid) {
		*ret_status = info.si_code == CLD_EXITED ? info.si_status << 8 :
			      info.si_status | (info.si_code == CLD_DUMPED ? 0x80 : 0);
		return 0;
	}
	struct pidfd_info_v1 answer = { .mask = PIDFD_INFO_EXIT_V1 };
	if (ioctl(pidfd, PIDFD_GET_INFO_V1, &answer) < 0 || !(answer.mask & PIDFD_INFO_EXIT_V1))
		return -ESRCH;
	*ret_status = answer.exit_code;
	return 0;
}

/* A number of /proc/PID/stat, counted from 1 as proc(5) does. ret_state: gets the letter of its state, or NULL. */
static int read_stat(pid_t pid, int wanted, uint64_t *ret, char *ret_state)
{
	char path[32];
	char text[1024];
	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	auto_close int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? -ESRCH : -errno;
	ssize_t length = read(fd, text, sizeof(text) - 1);
	if (length < 0)
		return -errno;
	text[length] = '\0';
	char *at = strrchr(text, ')'); /* the name may hold anything, parentheses too */
	char state = at && at[1] ? at[2] : '\0';
	for (int field = 2; at && field < wanted; field++)
		at = strchr(at + 1, ' ');
	if (!at)
		return -ESRCH;
	*ret = strtoull(at + 1, NULL, 10);
	if (ret_state)
		*ret_state = state;
	return 0;
}

int process_start_ticks(pid_t pid, uint64_t *ret_ticks)
{
	return read_stat(pid, 22, ret_ticks, NULL);
}

int process_living_start_ticks(pid_t pid, uint64_t *ret_ticks)
{
	char state;
	int r = read_stat(pid, 22, ret_ticks, &state);

	return r < 0 ? r : state == 'Z' || state == 'X' ? -ESRCH : 0;
}

bool process_is_below(pid_t ancestor)
{
	uint64_t parent = (uint64_t)getpid();
	while (parent > 1 && parent != (uint64_t)ancestor)
		if (read_stat((pid_t)parent, 4, &parent, NULL) < 0)
			return false;
	return parent == (uint64_t)ancestor;
}
