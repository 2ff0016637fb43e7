/* lxc-unshare: a command in new namespaces, without a container. */
#include "tools/lxc/namespace_child.h"
#include "tools/lxc/namespace_link.h"
#include "tools/lxc/namespace_names.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "base/text.h"

#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <sched.h>
#include <string.h>
#include <sys/mount.h>

struct unshare_state {
	int flags;
	bool has_user, is_daemon, mounts_default;
	uid_t uid;
	const char *hostname;
	struct string_list links;
};

static const struct tool_option options[] = {
	{ "namespaces", 's', ARGUMENT_REQUIRED, "NAMESPACE[|NAMESPACE]...",
		"New namespaces: MOUNT, PID, UTSNAME, IPC, USER, NETWORK, CGROUP, TIME" },
	{ "user", 'u', ARGUMENT_REQUIRED, "USER", "Run the command as USER (a name or number)" },
	{ "hostname", 'H', ARGUMENT_REQUIRED, "NAME", "Set the hostname (with UTSNAME)" },
	{ "ifname", 'i', ARGUMENT_REQUIRED, "LINK", "Move a network interface in (with NETWORK); may be repeated" },
	{ "daemon", 'd', ARGUMENT_NONE, NULL, "Do not wait for the command" },
	{ "remount", 'M', ARGUMENT_NONE, NULL, "Mount /proc, /dev/shm and /dev/mqueue anew (with MOUNT)" },
	{ NULL, 0, ARGUMENT_NONE, NULL, NULL },
};

static int parse_user(const char *text, uid_t *ret_uid)
{
	const struct passwd *user;

	if (text_to_u32(text, ret_uid) >= 0)
		return 0;
	user = getpwnam(text);
	if (!user)
		return -ENOENT;
	*ret_uid = user->pw_uid;
	return 0;
}

static int take_option(struct call *call, int key, const char *value)
{
	struct unshare_state *state = call->state;

	switch (key) {
	case 's':
		if (namespace_flags_from_names(value, &state->flags) >= 0)
			return 0;
		tool_error(call, "'%s' are no namespaces (MOUNT, PID, UTSNAME, IPC, USER, NETWORK, CGROUP, TIME)", value);
		return -1;
	case 'u':
		state->has_user = true;
		if (parse_user(value, &state->uid) >= 0)
			return 0;
		tool_error(call, "there is no user '%s'", value);
		return -1;
	case 'H':
		state->hostname = value;
		return 0;
	case 'i':
		return string_list_add(&state->links, value);
	case 'd':
		state->is_daemon = true;
		return 0;
	default:
		state->mounts_default = true;
		return 0;
	}
}

/* NULL: the options go together. */
static const char *find_conflict(const struct call *call)
{
	const struct unshare_state *state = call->state;

	if (!state->flags)
		return "no namespaces given, use --namespaces";
	if (!call->argument_count)
		return "a command to run is missing";
	if (state->hostname && !(state->flags & CLONE_NEWUTS))
		return "--hostname needs --namespaces UTSNAME";
	if (state->links.count && !(state->flags & CLONE_NEWNET))
		return "--ifname needs --namespaces NETWORK";
	if (state->mounts_default && !(state->flags & CLONE_NEWNS))
		return "--remount needs --namespaces MOUNT";
	return NULL;
}

/*
 * Root keeps all ids: what it may see does not change, its capabilities end at the namespace. A user can map the own
 * id alone, and the own group only without setgroups(2): user_namespaces(7).
 */
static int write_maps(pid_t pid, const struct unshare_state *state)
{
	auto_free char *users = NULL, *groups = NULL;
	char path[64];
	int ret;

	if (geteuid() == 0) {
		ret = namespace_write_map(pid, false, "0 0 4294967295\n");
		return ret < 0 ? ret : namespace_write_map(pid, true, "0 0 4294967295\n");
	}
	snprintf(path, sizeof(path), "/proc/%d/setgroups", pid);
	ret = file_write_text(AT_FDCWD, path, "deny");
	if (ret < 0)
		return ret;
	if (text_format(&users, "%u %u 1\n", state->has_user ? state->uid : 0, geteuid()) < 0 ||
		text_format(&groups, "0 %u 1\n", getegid()) < 0)
		return -ENOMEM;
	ret = namespace_write_map(pid, false, users);
	return ret < 0 ? ret : namespace_write_map(pid, true, groups);
}

static int mount_default(const struct call *call, const struct unshare_state *state)
{
	/* A /proc of the old pid namespace shows the wrong processes; shm and mqueue belong to IPC. */
	const struct {
		const char *type, *target;
		int flag;
	} mounts[] = {
		{ "proc", "/proc", CLONE_NEWPID },
		{ "tmpfs", "/dev/shm", CLONE_NEWIPC },
		{ "mqueue", "/dev/mqueue", CLONE_NEWIPC },
	};

	for (size_t i = 0; i < sizeof(mounts) / sizeof(mounts[0]); i++) {
		if (!(state->flags & mounts[i].flag))
			continue;
		if (!mount(mounts[i].type, mounts[i].target, mounts[i].type, MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL))
			continue;
		/* a host without the directory or without mqueue */
		if (errno == ENOENT || errno == ENODEV)
			continue;
		tool_error(call, "can not mount %s: %s", mounts[i].target, strerror(errno));
		return -1;
	}
	return 0;
}

static int become_user(const struct call *call, const struct unshare_state *state)
{
	uid_t uid = state->has_user ? state->uid : 0;
	const struct passwd *user;

	if (!state->has_user && !(state->flags & CLONE_NEWUSER))
		return 0;
	user = getpwuid(uid);
	/* a user's namespace refuses setgroups and knows group 0 alone */
	if (setgroups(0, NULL) < 0 && errno != EPERM)
		return -errno;
	if (user && setresgid(user->pw_gid, user->pw_gid, user->pw_gid) < 0 && errno != EINVAL)
		return -errno;
	if (setresuid(uid, uid, uid) >= 0)
		return 0;
	tool_error(call, "can not become user %u: %s", uid, strerror(errno));
	return -errno;
}

static void run_child(const struct call *call)
{
	const struct unshare_state *state = call->state;

	if (state->is_daemon)
		(void)setsid(); /* a new process is never a group leader */
	if ((state->flags & CLONE_NEWNS) && mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL)) {
		tool_error(call, "can not make mounts private: %s", strerror(errno));
		_exit(EXIT_FAILURE);
	}
	if (state->mounts_default && mount_default(call, state) < 0)
		_exit(EXIT_FAILURE);
	if (state->hostname && sethostname(state->hostname, strlen(state->hostname))) {
		tool_error(call, "can not set the hostname: %s", strerror(errno));
		_exit(EXIT_FAILURE);
	}
	if (become_user(call, state) < 0)
		_exit(EXIT_FAILURE);
	namespace_exec(call, call->arguments);
}

/* What the parent does for the child, which waits. */
static int prepare(const struct call *call, pid_t pid)
{
	const struct unshare_state *state = call->state;
	int ret = state->flags & CLONE_NEWUSER ? write_maps(pid, state) : 0;

	if (ret < 0) {
		tool_error(call, "can not map users: %s", strerror(-ret));
		return ret;
	}
	for (size_t i = 0; i < state->links.count; i++) {
		ret = namespace_move_link(state->links.items[i], pid);
		if (ret < 0) {
			tool_error(call, "can not move %s: %s", state->links.items[i], strerror(-ret));
			return ret;
		}
	}
	return 0;
}

static int start(const struct call *call)
{
	const struct unshare_state *state = call->state;
	int release_fd = -1, ret;
	pid_t pid = namespace_child_start(state->flags, &release_fd);

	if (pid < 0) {
		tool_error(call, "can not make the namespaces: %s", strerror(-pid));
		return EXIT_FAILURE;
	}
	if (pid == 0)
		run_child(call);
	ret = prepare(call, pid);
	if (ret >= 0)
		namespace_child_release(&release_fd);
	close_fd(&release_fd); /* without the release the child ends */
	if (ret >= 0 && state->is_daemon)
		return EXIT_SUCCESS;
	return namespace_child_wait(pid);
}

static int run(struct call *call)
{
	struct unshare_state *state = call->state;
	const char *conflict = find_conflict(call);
	int status = EXIT_FAILURE;

	if (conflict)
		tool_error(call, "%s", conflict);
	else
		status = start(call);
	string_list_clear(&state->links);
	return status;
}

const struct tool lxc_unshare_tool = {
	.name = "lxc-unshare",
	.summary = "Run a command in new namespaces",
	.usage = "-s NAMESPACE[|NAMESPACE]... [OPTION]... [--] COMMAND [ARGUMENT]...",
	.options = options,
	.description = "In a new user namespace root keeps all ids, another user becomes root or the one of --user.\n\n"
		       "The exit status is that of the command, 128 + N when signal N killed it.",
	.takes_arguments = true,
	.no_name = true,
	.stop_at_argument = true,
	.option = take_option,
	.run = run,
	.state_size = sizeof(struct unshare_state),
};
