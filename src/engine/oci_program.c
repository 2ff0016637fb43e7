/* From init, or a process that has joined, to the program: identity, rights, execve. */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/sched/types.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/text.h"
#include "engine/oci_internal.h"
#include "kernel/capability.h"

#define DEFAULT_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

/* ---- which program ---- */

static const char *variable(const struct string_list *list, const char *name)
{
	size_t length = strlen(name);

	vector_for_each (item, list)
		if (strncmp(*item, name, length) == 0 && (*item)[length] == '=')
			return *item + length + 1;
	return NULL;
}

/* 0, -EACCES: no program; -ENOENT. */
static int look_at(const char *path)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return -errno;
	return S_ISREG(st.st_mode) && st.st_mode & 0111 ? 0 : -EACCES;
}

/* In the words and small letters that docker's client makes the exit statuses 127 and 126 of. */
static int program_fault(int r, const char *name, struct error *err)
{
	if (r == -ENOENT)
		return error_set_kind(err, ERROR_NOT_FOUND, 0, "exec: \"%s\": no such file or directory", name);
	if (r == -EACCES)
		return error_set_kind(err, ERROR_PERMISSION, 0, "exec: \"%s\": permission denied", name);
	return error_set(err, r, "exec: \"%s\"", name);
}

static int search(struct spec *spec, const char *name, struct error *err)
{
	const char *path = variable(&spec->process.environment, "PATH");
	struct string_list directories = { 0 };
	int r = text_split(path ? path : DEFAULT_PATH, ":", &directories), found = -ENOENT;

	for (size_t i = 0; r == 0 && found != 0 && i < directories.count; i++) {
		auto_free char *one = NULL;
		r = text_format(&one, "%s/%s", directories.items[i], name);
		int now = r < 0 ? r : look_at(one);
		if (now == 0)
			r = text_replace(&spec->process.command, one);
		if (now == 0 || now == -EACCES)
			found = now;
	}
	string_list_clear(&directories);
	if (r < 0)
		return error_set(err, r, "look for \"%s\"", name);
	if (found == 0)
		return 0;
	return found == -EACCES ? program_fault(found, name, err) :
				  error_set_kind(err, ERROR_NOT_FOUND, 0, "exec: \"%s\": executable file not found in $PATH", name);
}

int oci_find_program(struct spec *spec, struct error *err)
{
	const char *name = spec->process.argv.items[0];

	if (!strchr(name, '/'))
		return search(spec, name, err);
	int r = *name == '/' ? look_at(name) : 0; /* else relative to a directory that is entered later */
	if (r == 0)
		r = text_replace(&spec->process.command, name);
	return r < 0 ? program_fault(r, name, err) : 0;
}

/* ---- environment ---- */

/* Directory of uid in the container's passwd; "/" when it has none. */
static int add_home(struct spec *spec)
{
	auto_free char *text = NULL;
	const char *home = "/";
	size_t length;

	if (variable(&spec->process.environment, "HOME"))
		return 0;
	if (file_read(AT_FDCWD, "/etc/passwd", 1 << 20, &text, &length) == 0) {
		char *rest = text;
		for (char *line; (line = strsep(&rest, "\n"));) {
			char *fields[7] = { NULL };
			for (int i = 0; i < 7; i++)
				fields[i] = strsep(&line, ":");
			uint32_t uid;
			if (fields[5] && *fields[5] && text_to_u32(fields[2], &uid) == 0 && uid == spec->process.uid) {
				home = fields[5];
				break;
			}
		}
	}
	return text_add_variable(&spec->process.environment, "HOME", home);
}

static int build_environment(struct spec *spec, bool is_init, struct error *err)
{
	char number[16];
	int r = add_home(spec);

	if (is_init && spec->oci.notify_socket)
		r = r ?: text_add_variable(&spec->process.environment, "NOTIFY_SOCKET", "/run/notify/notify.sock");
	if (is_init && spec->oci.listen) {
		(void)snprintf(number, sizeof(number), "%u", spec->oci.preserve_fds);
		r = r ?: text_add_variable(&spec->process.environment, "LISTEN_FDS", number);
		r = r ?: text_add_variable(&spec->process.environment, "LISTEN_PID", "1");
	}
	if (r == 0 && (!vector_add(&spec->process.environment) || !vector_add(&spec->process.argv)))
		r = -ENOMEM;
	return r < 0 ? error_set(err, r, "prepare the environment") : 0;
}

/* ---- scheduling ---- */

static int set_scheduling(const struct spec *spec, struct error *err)
{
	struct sched_attr attr = { .size = sizeof(attr) };
	const struct spec_oci *oci = &spec->oci;
	unsigned long long flags, times[3];
	long long nice, priority;
	int policy;

	if (oci->has_io_priority && syscall(SYS_ioprio_set, 1 /* one process */, 0, oci->io_priority) < 0)
		return error_set(err, errno, "set process.ioPriority");
	if (!oci->scheduler)
		return 0;
	if (sscanf(oci->scheduler, "%d %llu %lld %lld %llu %llu %llu", &policy, &flags, &nice, &priority, &times[0], &times[1],
		    &times[2]) != 7)
		return error_set(err, EBADMSG, "set process.scheduler");
	attr.sched_policy = (uint32_t)policy;
	attr.sched_flags = flags;
	attr.sched_nice = (int32_t)nice;
	attr.sched_priority = (uint32_t)priority;
	attr.sched_runtime = times[0];
	attr.sched_deadline = times[1];
	attr.sched_period = times[2];
	return syscall(SYS_sched_setattr, 0, &attr, 0) < 0 ? error_set(err, errno, "set process.scheduler") : 0;
}

int oci_set_label(const struct spec *spec, struct error *err)
{
	return security_set_lsm(spec, spec->security.apparmor_profile, err);
}

int oci_set_oom_score(const struct spec *spec, pid_t pid, struct error *err)
{
	char path[48];

	if (!spec->oci.oom_score_adj)
		return 0;
	(void)snprintf(path, sizeof(path), "/proc/%d/oom_score_adj", pid);
	int r = file_write_text(-1, path, spec->oci.oom_score_adj);
	if (r == -EACCES && geteuid() != 0)
		return 0;
	return r < 0 ? error_set(err, r, "set process.oomScoreAdj") : 0;
}

/* set_mempolicy(2). */
static int set_memory_policy(const struct spec *spec, struct error *err)
{
	uint64_t nodes[SPEC_NODE_WORDS];
	const char *policy = spec->oci.memory_policy;
	char *list;

	if (!policy)
		return 0;
	unsigned long mode = strtoul(policy, &list, 10);
	int r = text_to_bits(list, nodes, SPEC_NODE_WORDS);
	bool has_nodes = list[strspn(list, " ")] != '\0';
	if (r == 0 && syscall(SYS_set_mempolicy, (int)mode, has_nodes ? nodes : NULL, has_nodes ? sizeof(nodes) * 8 : 0UL) < 0)
		r = -errno;
	if (r == -ENOSYS)
		return spec_error(err, r, spec, &spec->oci.memory_policy_origin, "this kernel has no memory policies (CONFIG_NUMA)");
	return r < 0 ? spec_error(err, r, spec, &spec->oci.memory_policy_origin, "set the memory policy") : 0;
}

/* ---- directory ---- */

/* Only a directory below the container's root is one (CVE-2024-21626): the kernel tells another one as unreachable. */
static int check_directory(const char *cwd, struct error *err)
{
	char path[PATH_MAX];

	if (syscall(SYS_getcwd, path, sizeof(path)) > 0 && *path == '/')
		return 0;
	return error_set(err, EPERM, "process.cwd %s leads out of the container", cwd);
}

/* As the user first; where only root may pass, root has been there before. */
static int enter_directory(const struct spec *spec, bool is_last_try, struct error *err)
{
	const char *cwd = spec->process.cwd;

	if (strcmp(cwd, "/") == 0)
		return 0; /* where the change of roots and the entry of a mount namespace lead */
	if (chdir(cwd) == 0)
		return check_directory(cwd, err);
	if (!is_last_try && errno == ENOENT && mkdir_parents(cwd, 0755) == 0 && chdir(cwd) == 0)
		return check_directory(cwd, err);
	return is_last_try && errno == EACCES ? error_set(err, EACCES, "enter process.cwd %s", cwd) :
	       is_last_try ? error_set(err, errno, "process.cwd %s can not be entered", cwd) : 1;
}

/* ---- identity ---- */

static int set_groups(const struct spec *spec)
{
	const struct string_list *groups = &spec->process.groups;
	auto_free gid_t *ids = calloc(groups->count + 1, sizeof(*ids));

	if (!ids)
		return -ENOMEM;
	for (size_t i = 0; i < groups->count; i++)
		ids[i] = (gid_t)strtoul(groups->items[i], NULL, 10);
	if (syscall(SYS_setgroups, groups->count, ids) == 0)
		return 0;
	/* user_namespaces(7): denied to a maker of the namespace that may not drop groups */
	return groups->count == 0 && errno == EPERM ? 0 : -errno;
}

static int drop_bounding(const struct spec *spec)
{
	for (unsigned number = 0; number < CAPABILITY_NUMBERS; number++) {
		if (spec->oci.cap_bounding & 1ULL << number)
			continue;
		int r = capability_drop_bound(number);
		if (r == -EINVAL)
			return 0; /* the kernel knows none from here on */
		if (r < 0)
			return r;
	}
	return 0;
}

static int set_capabilities(const struct spec *spec)
{
	const struct spec_oci *oci = &spec->oci;
	struct capability_sets sets = { .permitted = oci->cap_permitted, .inheritable = oci->cap_inheritable,
		.effective = oci->cap_effective & oci->cap_permitted };
	struct capability_sets now;
	int r = capability_set(&sets);

	if (r == -EPERM && (r = capability_get(&now)) == 0) { /* what the caller has not, can not be given */
		sets.permitted &= now.permitted;
		sets.inheritable &= now.permitted | now.inheritable;
		sets.effective &= sets.permitted;
		r = capability_set(&sets);
	}
	for (unsigned number = 0; r == 0 && oci->cap_ambient >> number && number < CAPABILITY_NUMBERS; number++)
		if (oci->cap_ambient & sets.permitted & sets.inheritable & 1ULL << number)
			(void)prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, number, 0, 0); /* one that can not be given */
	return r;
}

/* Did this program begin as the host's root, whom the program inside is to be as well? */
static bool is_user_already(const struct spec *spec)
{
	bool has_user_namespace = spec->idmaps.count > 0 || spec->namespaces.share[NAMESPACE_USER];

	return !has_user_namespace && spec->process.uid == 0 && spec->process.gid == 0 && getauxval(AT_UID) == 0 &&
	       getauxval(AT_EUID) == 0 && getauxval(AT_GID) == 0 && getauxval(AT_EGID) == 0;
}

static int become_user(const struct spec *spec, struct error *err)
{
	int r = drop_bounding(spec);

	if (r < 0)
		return error_set(err, r, "limit the capabilities");
	r = set_groups(spec);
	if (r < 0)
		return error_set(err, r, "set the supplementary groups");
	if (is_user_already(spec))
		return 0;
	if (spec->process.uid != 0 && (r = capability_keep_on_setuid()) < 0)
		return error_set(err, r, "keep the capabilities");
	if (syscall(SYS_setresgid, spec->process.gid, spec->process.gid, spec->process.gid) < 0)
		return error_set(err, errno, "become group %u", spec->process.gid);
	if (syscall(SYS_setresuid, spec->process.uid, spec->process.uid, spec->process.uid) < 0)
		return error_set(err, errno, "become user %u", spec->process.uid);
	return 0;
}

/* Pipes and files of the caller's become the user's; a device of the host never does. */
static void give_stdio(const struct spec *spec)
{
	struct stat st;

	if (spec->process.uid == 0)
		return;
	for (int fd = 0; fd < 3; fd++) {
		if (fstat(fd, &st) < 0 || st.st_uid == spec->process.uid)
			continue;
		bool is_pty = S_ISCHR(st.st_mode) && major(st.st_rdev) >= 136 && major(st.st_rdev) <= 143;
		if (is_pty || S_ISFIFO(st.st_mode) || S_ISSOCK(st.st_mode) || S_ISREG(st.st_mode))
			(void)fchown(fd, spec->process.uid, (gid_t)-1); /* refused across user namespaces */
	}
}

/* ---- execve ---- */

/* Field 33 of /proc/self/stat: one look instead of a question for each signal. */
void oci_reset_signals(void)
{
	auto_close int fd = open("/proc/self/stat", O_RDONLY | O_CLOEXEC);
	char text[1024];
	unsigned long ignored = ~0UL;
	ssize_t length = fd < 0 ? fd : read(fd, text, sizeof(text) - 1); /* one line, given whole */

	if (length > 0) {
		text[length] = '\0';
		char *field = strrchr(text, ')');
		for (int number = 2; field && number < 33; number++)
			field = strchr(field + 1, ' ');
		ignored = field ? strtoul(field + 1, NULL, 10) : ~0UL;
	}
	for (int number = 1; number < 32; number++)
		if (ignored & 1UL << (number - 1) && number != SIGKILL && number != SIGSTOP)
			(void)signal(number, SIG_DFL);
}

static void unblock_signals(void)
{
	sigset_t none;

	sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
}

static int load_seccomp(const struct seccomp_filter *seccomp, int fd, struct error *err)
{
	return seccomp->count == 0 ? 0 : handover_load_seccomp(fd, seccomp, err);
}

static int give_up_privileges(struct spec *spec, const struct seccomp_filter *seccomp, int fd, struct error *err)
{
	bool no_new_privs = spec->process.no_new_privs;
	int r = security_personality(spec, err);

	r = r ?: security_session_keyring(spec, err);
	r = r ?: set_scheduling(spec, err);
	r = r ?: set_memory_policy(spec, err);
	r = r ?: security_apply_limits(spec, err);
	int entered = r < 0 ? r : enter_directory(spec, false, err);
	r = entered < 0 ? entered : 0;
	if (r == 0)
		give_stdio(spec);
	/* only while it is still CAP_SYS_ADMIN's */
	if (r == 0 && !no_new_privs)
		r = load_seccomp(seccomp, fd, err);
	r = r ?: become_user(spec, err);
	if (r == 0 && (r = set_capabilities(spec)) < 0)
		return error_set(err, r, "set the capabilities");
	if (r == 0 && entered == 1)
		r = enter_directory(spec, true, err);
	if (r == 0 && no_new_privs)
		r = security_no_new_privs(err);
	if (spec->oci.umask != UINT32_MAX && spec->oci.umask != 022) /* which it is */
		(void)umask((mode_t)spec->oci.umask);
	if (r == 0 && no_new_privs)
		r = load_seccomp(seccomp, fd, err);
	return r;
}

int oci_execute(struct spec *spec, const struct seccomp_filter *seccomp, int handover_fd, bool is_init, struct error *err)
{
	int r = build_environment(spec, is_init, err);

	if (r < 0)
		return r;
	(void)close_range(3 + spec->oci.preserve_fds, ~0U, CLOSE_RANGE_CLOEXEC); /* before 5.11 each is close-on-exec anyway */
	unblock_signals();
	r = give_up_privileges(spec, seccomp, handover_fd, err);
	if (r < 0)
		return r;
	(void)prctl(PR_SET_PDEATHSIG, 0);
	execve(spec->process.command, spec->process.argv.items, spec->process.environment.items);
	return program_fault(-errno, spec->process.argv.items[0], err);
}
