/* enter: a login shell in the container, on a terminal of its own. console: its terminals. */
#include "tools/openvz/vz.h"

#include "base/cleanup.h"
#include "base/process.h"
#include "base/text.h"
#include "engine/terminal_relay.h"

#include <poll.h>
#include <string.h>
#include <sys/wait.h>
#include <termios.h>

struct shell {
	const struct terminal_relay *relay;
	char **command; /* typed first, then the shell; NULL: a shell alone */
	int count;
};

static int exec_login(void *payload)
{
	struct shell *shell = payload;
	relay_enter_child(shell->relay);
	if (shell->count > 0) {
		execvp(shell->command[0], shell->command);
		return 127;
	}
	execl("/bin/bash", "-bash", (char *)NULL);
	execl("/bin/sh", "-sh", (char *)NULL);
	return 127;
}

static int attach_shell(const struct vz *vz, struct shell *shell, struct terminal_relay *relay, pid_t *ret_pid, struct error *err)
{
	struct container_id id = vz_id(vz);
	auto_free char *terminal = NULL;
	if (text_format(&terminal, "TERM=%s", getenv("TERM") ?: "linux") < 0)
		return error_set(err, ENOMEM, "enter the container");
	const char *const environment[] = { "HOME=/root", terminal, "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
		"USER=root", "LOGNAME=root", "SHELL=/bin/sh", NULL };
	struct attach_options options = { .namespaces = -1, .move_to_cgroup = true, .drop_capabilities = true,
		.set_personality = true, .apply_lsm = true, .personality = -1, .uid = (uid_t)-1, .gid = (gid_t)-1,
		.clear_environment = true, .extra_environment = (char *const *)environment, .initial_cwd = "/root",
		.stdin_fd = STDIN_FILENO, .stdout_fd = STDOUT_FILENO, .stderr_fd = STDERR_FILENO };
	int *fds[] = { &options.stdin_fd, &options.stdout_fd, &options.stderr_fd };
	for (int i = 0; i < 3; i++)
		if (relay->replaces[i])
			*fds[i] = relay->slave_fd;
	int r = engine_attach(&id, exec_login, shell, &options, ret_pid, err);
	if (r >= 0)
		(void)relay_run(relay, *ret_pid); /* the shell is there, whatever became of the terminal */
	return r;
}

int vz_command_enter(struct vz *vz)
{
	struct container_id id = vz_id(vz);
	struct terminal_relay relay;
	struct shell shell = { .relay = &relay };
	struct error err = { 0 };
	int status = 0;
	pid_t pid;
	if (vz->argc > 0 && strcmp(vz->argv[0], "--exec") != 0)
		return vz_fail(vz, VZ_SYNTAX, "Invalid extra arguments: %s", vz->argv[0]);
	if (vz->argc > 1) {
		shell.command = vz->argv + 1;
		shell.count = vz->argc - 1;
	}
	pid_t init = engine_init_pid(&id, NULL);
	if (init <= 0)
		return vz_fail(vz, VZ_NOT_RUNNING, "Container is not running");
	auto_close int devpts_fd = terminal_open_devpts(init);
	vz_say(vz, "entered into CT %s", vz->ct.name);
	int r = relay_open(&relay, devpts_fd, -1);
	r = r < 0 ? error_set(&err, r, "open a terminal") : attach_shell(vz, &shell, &relay, &pid, &err);
	relay_close(&relay);
	if (r >= 0)
		r = process_wait(pid, &status);
	if (r < 0)
		return vz_fail_error(vz, VZ_SYSTEM, &err);
	vz_say(vz, "exited from CT %s", vz->ct.name);
	return vz_exit_status(status);
}

/* ---- console ---- */

/* Esc and . at the start of a line leave it. */
struct keys {
	bool at_start, was_escape;
};

/* What is to be passed on of length bytes, in place; -1: the end. */
static ssize_t filter_keys(struct keys *keys, char *bytes, ssize_t length, char *out)
{
	ssize_t count = 0;
	for (ssize_t i = 0; i < length; i++) {
		if (keys->was_escape && bytes[i] == '.')
			return -1;
		if (keys->was_escape)
			out[count++] = '\033';
		keys->was_escape = keys->at_start && bytes[i] == '\033' && !keys->was_escape;
		if (!keys->was_escape)
			out[count++] = bytes[i];
		keys->at_start = bytes[i] == '\r' || bytes[i] == '\n' || keys->was_escape;
	}
	return count;
}

static void relay_console(int master_fd)
{
	char bytes[4096], out[8192];
	struct keys keys = { .at_start = true };
	struct pollfd fds[2] = { { .fd = STDIN_FILENO, .events = POLLIN }, { .fd = master_fd, .events = POLLIN } };
	while (poll(fds, 2, -1) > 0) {
		if (fds[1].revents) {
			ssize_t length = read(master_fd, bytes, sizeof(bytes));
			if (length <= 0 || write(STDOUT_FILENO, bytes, (size_t)length) < 0)
				return;
		}
		if (fds[0].revents) {
			ssize_t length = read(STDIN_FILENO, bytes, sizeof(bytes));
			length = length > 0 ? filter_keys(&keys, bytes, length, out) : -1;
			if (length < 0 || (length > 0 && write(master_fd, out, (size_t)length) < 0))
				return;
		}
	}
}

int vz_command_console(struct vz *vz)
{
	struct container_id id = vz_id(vz);
	struct error err = { 0 };
	struct termios saved, raw;
	int tty = 0;
	if (vz->argc > 1 || (vz->argc == 1 && sscanf(vz->argv[0], text_starts(vz->argv[0], "tty") ? "tty%d" : "%d", &tty) != 1))
		return vz_fail(vz, VZ_SYNTAX, "Invalid extra arguments: %s", vz->argv[vz->argc - 1]);
	if (tty == 1)
		tty = 0; /* OpenVZ's tty1 is /dev/console */
	if (!vz_is_running(vz))
		return vz_fail(vz, VZ_NOT_RUNNING, "Container is not running");
	auto_close int master_fd = -1, hold_fd = -1;
	if (engine_console_open(&id, &tty, &master_fd, &hold_fd, &err) < 0)
		return vz_fail_error(vz, VZ_SYSTEM, &err);
	bool is_terminal = tcgetattr(STDIN_FILENO, &saved) == 0;
	vz_say(vz, "Attached to CT %s (ESC . to detach)", vz->ct.name);
	if (is_terminal) {
		raw = saved;
		cfmakeraw(&raw);
		(void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &raw);
	}
	relay_console(master_fd);
	if (is_terminal)
		(void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &saved);
	vz_say(vz, "\nDetached from CT %s", vz->ct.name);
	return VZ_OK;
}
