/* What is in a running container: cgroup files, interfaces, devices, mounts, console. */
#include "base/process.h"
#include "engine/terminal_relay.h"
#include "liblxc/internal.h"

#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

static int get_cgroup_item(struct lxc_container *c, const char *file, char *retv, int inlen)
{
	auto_free char *value = NULL;
	if (!c || !file)
		return -1;
	struct container_id id = id_of(c);
	struct error err = { 0 };
	if (engine_cgroup_get(&id, file, &value, &err) < 0) {
		return container_fault(c, &err, -1);
	}
	return copy_out(value, retv, inlen);
}

static bool set_cgroup_item(struct lxc_container *c, const char *file, const char *value)
{
	struct error err = { 0 };
	if (!c || !file || !value)
		return false;
	struct container_id id = id_of(c);
	return container_result(c, &err, engine_cgroup_set(&id, file, value, &err));
}

/* A list as C callers free it: NULL-ended, each string malloc'ed. NULL when it is empty. */
static char **give_list(struct string_list *list)
{
	if (list->count == 0 || !vector_add(list)) {
		string_list_clear(list);
		return NULL;
	}
	return list->items;
}

static char **get_interfaces(struct lxc_container *c)
{
	struct string_list names = { 0 };
	if (!c)
		return NULL;
	struct container_id id = id_of(c);
	(void)engine_interfaces(&id, &names, NULL); /* none then */
	string_list_sort(&names);			   /* as LXC gives them */
	return give_list(&names);
}

static char **get_ips(struct lxc_container *c, const char *interface, const char *family, int scope)
{
	struct string_list addresses = { 0 };
	if (!c)
		return NULL;
	struct container_id id = id_of(c);
	(void)engine_addresses(&id, interface, family, scope, &addresses, NULL); /* none then */
	return give_list(&addresses);
}

static bool attach_interface(struct lxc_container *c, const char *name, const char *inside_name)
{
	struct error err = { 0 };
	if (!c || !name)
		return false;
	struct container_id id = id_of(c);
	return container_result(c, &err, engine_attach_interface(&id, name, inside_name, &err));
}

static bool detach_interface(struct lxc_container *c, const char *name, const char *host_name)
{
	struct error err = { 0 };
	if (!c || !name)
		return false;
	struct container_id id = id_of(c);
	return container_result(c, &err, engine_detach_interface(&id, name, host_name, &err));
}

/* ---- device nodes ---- */

struct node_job {
	const char *path;
	mode_t mode;
	dev_t device;
	bool removes;
};

/* In the container, where its links lead nowhere else. */
static int change_node(void *payload)
{
	const struct node_job *job = payload;
	if (job->removes)
		return unlink(job->path) < 0 && errno != ENOENT ? errno : 0;
	auto_free char *parent = strdup(job->path);
	for (char *slash = parent; slash && (slash = strchr(slash + 1, '/')); *slash = '/') {
		*slash = '\0';
		(void)mkdir(parent, 0755); /* mknod says what is wrong */
	}
	umask(0);
	(void)unlink(job->path);
	return mknod(job->path, job->mode, job->device) < 0 ? errno : 0;
}

static int change_device(struct lxc_container *c, const char *source, const char *target, bool removes, struct error *err)
{
	struct container_id id = id_of(c);
	struct stat info;
	char rule[64];
	if (geteuid() != 0)
		return error_set(err, EPERM, "change a device of %s", c->name);
	if (stat(source, &info) < 0)
		return error_set(err, errno, "device %s", source);
	if (!S_ISCHR(info.st_mode) && !S_ISBLK(info.st_mode))
		return error_set(err, EINVAL, "%s is no device", source);
	(void)snprintf(rule, sizeof(rule), "%c %u:%u rwm", S_ISCHR(info.st_mode) ? 'c' : 'b', major(info.st_rdev),
		minor(info.st_rdev));
	int r = engine_cgroup_set(&id, removes ? "devices.deny" : "devices.allow", rule, err);
	if (r < 0 && !removes)
		return r;
	struct node_job job = { target ?: source, info.st_mode, info.st_rdev, removes };
	/* the caller's own user namespace: root of another one may not make device nodes */
	struct attach_options options = { .namespaces = CLONE_NEWNS, .personality = -1, .uid = (uid_t)-1, .gid = (gid_t)-1,
		.initial_cwd = "/", .stdin_fd = -1, .stdout_fd = -1, .stderr_fd = -1 };
	pid_t pid;
	int status = 0;
	r = engine_attach(&id, change_node, &job, &options, &pid, err);
	if (r < 0)
		return r;
	(void)process_wait(pid, &status); /* our child: it is there */
	int failed = WIFEXITED(status) ? WEXITSTATUS(status) : EIO;
	return failed ? error_set(err, failed, "%s %s in the container", removes ? "remove" : "make", job.path) : 0;
}

static bool add_device_node(struct lxc_container *c, const char *source, const char *target)
{
	struct error err = { 0 };
	if (!c || !source)
		return false;
	return container_result(c, &err, change_device(c, source, target, false, &err));
}

static bool remove_device_node(struct lxc_container *c, const char *source, const char *target)
{
	struct error err = { 0 };
	if (!c || !source)
		return false;
	return container_result(c, &err, change_device(c, source, target, true, &err));
}

/* ---- console ---- */

static int console_getfd(struct lxc_container *c, int *tty, int *ptxfd)
{
	struct error err = { 0 };
	int hold_fd = -1;
	if (!c || !tty || !ptxfd)
		return -1;
	struct container_id id = id_of(c);
	if (engine_console_open(&id, tty, ptxfd, &hold_fd, &err) < 0)
		return container_fault(c, &err, -1);
	return hold_fd;
}

static int console_log(struct lxc_container *c, struct lxc_console_log *log)
{
	struct error err = { 0 };
	char *data = NULL;
	size_t length = 0;
	if (!c || !log)
		return -EINVAL;
	struct container_id id = id_of(c);
	int r = engine_console_log(&id, log->read, log->clear, log->read_max ? *log->read_max : 0, &data, &length, &err);
	if (r < 0)
		return container_fault(c, &err, r);
	if (log->read) {
		log->data = data;
		if (log->read_max)
			*log->read_max = length;
	}
	return 0;
}

/* Of a container that this very process supervises: never, the supervisor is a process of its own. */
static int seccomp_notify_fd(struct lxc_container *c)
{
	(void)c;
	return -EBADF;
}

static int seccomp_notify_fd_active(struct lxc_container *c)
{
	struct error err = { 0 };
	if (!c)
		return -EBADF;
	struct container_id id = id_of(c);
	int fd = engine_seccomp_listener(&id, &err);
	return fd < 0 ? container_fault(c, &err, fd) : fd;
}

static int devpts_fd(struct lxc_container *c)
{
	pid_t pid = c ? c->init_pid(c) : -1;
	return pid < 0 ? -EBADF : terminal_open_devpts(pid);
}

void wire_inside(struct lxc_container *c)
{
	c->get_cgroup_item = get_cgroup_item;
	c->set_cgroup_item = set_cgroup_item;
	c->get_interfaces = get_interfaces;
	c->get_ips = get_ips;
	c->attach_interface = attach_interface;
	c->detach_interface = detach_interface;
	c->add_device_node = add_device_node;
	c->remove_device_node = remove_device_node;
	c->console_getfd = console_getfd;
	c->console_log = console_log;
	c->seccomp_notify_fd = seccomp_notify_fd;
	c->seccomp_notify_fd_active = seccomp_notify_fd_active;
	c->devpts_fd = devpts_fd;
}
