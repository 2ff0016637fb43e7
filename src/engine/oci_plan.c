/* How an OCI container comes to be: the two lists of start_plan.c in OCI's order. `create` ends before init's await-start. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/journal.h"
#include "engine/oci_clone.h"
#include "engine/oci_internal.h"
#include "engine/oci_net.h"
#include "engine/oci_ready.h"
#include "engine/oci_sources.h"
#include "engine/oci_systemd.h"
#include "engine/placement.h"
#include "engine/restore.h"
#include "engine/terminals.h"
#include "kernel/fd_pile.h"
#include "kernel/mount.h"
#include "kernel/path_in_root.h"
#include "rootfs/bundle.h"

/* ---- conditions ---- */

static bool has_idmap(const struct start *start)
{
	return start->spec->idmaps.count > 0;
}

static bool has_mapped_sources(const struct start *start)
{
	return has_idmap(start) && oci_has_container_maps(start);
}

static bool has_user_namespace(const struct start *start)
{
	return has_idmap(start) || start->spec->namespaces.share[NAMESPACE_USER];
}

static bool has_cgroups(const struct start *start)
{
	return !start->spec->oci.no_cgroups;
}

static bool has_unit(const struct start *start)
{
	return start->spec->oci.systemd_unit && has_cgroups(start);
}

static bool has_cgroups_to_enter(const struct start *start)
{
	return start->has_cgroups && cgroup_set_needs_enter(&start->cgroups);
}

static bool has_seccomp(const struct start *start)
{
	return start->spec->oci.seccomp != NULL;
}

static bool has_terminal(const struct start *start)
{
	return start->spec->oci.terminal;
}

static bool is_create(const struct start *start)
{
	return strcmp(start->spec->oci.command, "create") == 0;
}

static bool is_run(const struct start *start)
{
	return !is_create(start);
}

static bool has_early_hooks(const struct start *start)
{
	return oci_has_hooks(start->spec, OCI_PRESTART) || oci_has_hooks(start->spec, OCI_CREATE_RUNTIME);
}

static bool has_net_devices(const struct start *start)
{
	return start->spec->network.links.count > 0;
}

/* Does the supervisor do anything to a mounted container whose program is not to be executed yet? */
static bool has_work_at_mounted(const struct start *start)
{
	return has_early_hooks(start) || has_net_devices(start);
}

static bool has_to_tell_ready(const struct start *start)
{
	return is_run(start) && start->spec->oci.notify_socket;
}

/* Does init have to wait for what the supervisor does beside it? */
static bool has_to_wait(const struct start *start)
{
	return is_create(start) || has_work_at_mounted(start) || has_unit(start) || start->spec->oci.oom_score_adj ||
	       start->spec->oci.has_rdt;
}

static bool has_to_be_told(const struct start *start)
{
	return is_run(start) && has_to_wait(start);
}

/* Without a note of init a kill of ours is made up for by its cgroup, which the journal has; hooks may ask for the state. */
static bool has_to_note_init(const struct start *start)
{
	return !start->has_cgroups || has_work_at_mounted(start) || has_terminal(start) || start->spec->oci.seccomp_listener;
}

static bool has_to_save_now(const struct start *start)
{
	return !oci_may_end_at_once(start);
}

/*
 * Only where init waits for something anyway. A device that the rules do not let anybody make is bound: then they have to
 * be there before it is made. Hooks are programs.
 */
static bool restricts_beside(const struct start *start)
{
	return has_to_wait(start) && start->has_cgroups && cgroup_set_has_device_filter(&start->cgroups) &&
	       start->spec->oci.devices.count == 0 && !oci_has_hooks(start->spec, OCI_CREATE_CONTAINER);
}

static bool restricts_before(const struct start *start)
{
	return has_cgroups(start) && !restricts_beside(start);
}

static bool has_cgroup_namespace(const struct start *start)
{
	return start->namespaces & 1U << NAMESPACE_CGROUP;
}

static bool has_own_mounts(const struct start *start)
{
	return start->namespaces & 1U << NAMESPACE_MOUNT;
}

static bool has_own_network(const struct start *start)
{
	return start->namespaces & 1U << NAMESPACE_NET || has_net_devices(start);
}

static bool has_create_container_hooks(const struct start *start)
{
	return oci_has_hooks(start->spec, OCI_CREATE_CONTAINER);
}

static bool has_start_container_hooks(const struct start *start)
{
	return oci_has_hooks(start->spec, OCI_START_CONTAINER);
}

static bool has_names(const struct start *start)
{
	return start->spec->identity.hostname || start->spec->identity.domain;
}

static bool has_resctrl(const struct start *start)
{
	return start->spec->oci.has_rdt;
}

static bool has_oom_score(const struct start *start)
{
	return start->spec->oci.oom_score_adj != NULL;
}

/* ---- the command's side ---- */

static int add_journal(void *data, const char *kind, const char *argument)
{
	struct start *start = data;

	return journal_add(start->journal_fd, kind, argument);
}

/* Only device rules, which a user namespace does not need. */
static bool has_no_limits(const struct spec *spec)
{
	vector_for_each (setting, &spec->cgroup.settings)
		if (strncmp(setting->file, "devices.", strlen("devices.")) != 0)
			return false;
	return true;
}

/* An ordinary user is not everywhere allowed to: its containers stay in the caller's cgroup. */
static int do_without_cgroups(struct start *start, int r, struct error *err)
{
	bool is_refused = r == -EACCES || r == -EPERM || r == -EROFS || r == -ENOENT;

	if (!is_refused || !has_no_limits(start->spec) || !oci_is_rootless())
		return r;
	(void)err;
	cgroup_set_clear(&start->cgroups);
	start->has_cgroups = false;
	return 0;
}

int oci_plan_cgroups(const struct spec *spec, struct cgroup_layout *layout, struct cgroup_set *set, struct error *err)
{
	/* cgroupsPath is below the mount of each hierarchy, wherever the caller is */
	int r = cgroup_layout_detect_mounts(layout, err);

	return r < 0 ? r : cgroup_set_plan(set, layout, spec, err);
}

static int start_unit(struct start *start, struct error *err)
{
	return oci_unit_start(start, err);
}

static int leave_unit(struct start *start, struct error *err)
{
	(void)err;
	oci_unit_leave(start);
	return 0;
}

static int create_cgroups(struct start *start, struct error *err)
{
	int r = oci_plan_cgroups(start->spec, &start->layout, &start->cgroups, err);

	if (r < 0)
		return r;
	start->has_cgroups = true;
	r = cgroup_set_create(&start->cgroups, add_journal, start, err);
	if (r < 0)
		r = do_without_cgroups(start, r, err);
	if (r < 0)
		return r;
	start->cgroup_fd = start->has_cgroups ? cgroup_set_open_v2(&start->cgroups) : -1;
	r = start_describe_hierarchies(start);
	return r < 0 ? error_set(err, r, "create the cgroups") : 0;
}

static int limit_cgroups(struct start *start, struct error *err)
{
	return !start->has_cgroups ? 0 : cgroup_set_apply(&start->cgroups, start->spec, err);
}

static int prepare_seccomp(struct start *start, struct error *err)
{
	return security_seccomp_prepare(start->spec, &start->seccomp, err);
}

static int connect_console(struct start *start, struct error *err)
{
	return oci_console_open(start->spec, &start->console.slave_fd, &start->console.master_fd, err);
}

/* The devpts of the restored container, and the pty that its console's users have open. */
static int open_restored_terminals(struct start *start, struct error *err)
{
	struct console *console = &start->console;
	auto_close int socket_fd = -1;
	int own_fd = -1, r = has_terminal(start) ? oci_console_open(start->spec, &socket_fd, &own_fd, err) : 0;

	r = r ?: terminals_open(console, start->spec, has_terminal(start), err);
	r = r ?: has_terminal(start) ? oci_terminal_send(socket_fd, console->master_fd, err) : 0;
	close_fd(&console->master_fd);
	console->master_fd = own_fd;
	return r;
}

/* init waits at it when nobody else is there any more. */
static int listen_for_start(struct start *start, struct error *err)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	(void)snprintf(address.sun_path, sizeof(address.sun_path), "/proc/self/fd/%d/" OCI_START_SOCKET, start->dir.fd);
	start->control_fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (start->control_fd < 0 || bind(start->control_fd, (struct sockaddr *)&address, sizeof(address)) < 0 ||
		listen(start->control_fd, 1) < 0)
		return error_set(err, errno, "make the start socket in %s", start->dir.path);
	return 0;
}

static int open_sources(struct start *start, struct error *err)
{
	return oci_open_sources(start, err);
}

static int clone_init(struct start *start, struct error *err)
{
	int r = start->join_fds[NAMESPACE_USER] < 0 ? placement_clone_init(start, err) : oci_clone_in_user_namespace(start, err);

	if (r == -EACCES && has_unit(start)) /* cgroups(7): the group above both has to be the user's */
		error_hint(err, "the user's systemd has only its own groups: call by systemd-run --user --scope");
	return r;
}

static int write_oom_score(struct start *start, struct error *err)
{
	return oci_set_oom_score(start->spec, start->init_pid, err);
}

static int join_resctrl(struct start *start, struct error *err)
{
	return oci_join_resctrl(start->spec, start->init_pid, add_journal, start, err);
}

static int write_id_maps(struct start *start, struct error *err)
{
	return placement_write_id_maps(start, err);
}

static int map_sources(struct start *start, struct error *err)
{
	return placement_map_sources(start, err);
}

static int prepare_network(struct start *start, struct error *err)
{
	int r = oci_net_keep_addresses(start->spec, err);

	return r < 0 ? r : network_prepare(start->spec, add_journal, start, &start->network, err);
}

static int keep_network(struct start *start, struct error *err)
{
	return start_keep_network(start, err);
}

/* By its own mount at the namespace, not by init: that may have joined one. */
static int create_network(struct start *start, struct error *err)
{
	return network_create(start->network, start->init_pid, err);
}

int oci_run_early_hooks(struct start *start, struct error *err)
{
	int r = oci_run_hooks(start->spec, OCI_PRESTART, OCI_CREATING, start->init_pid, err);

	return r < 0 ? r : oci_run_hooks(start->spec, OCI_CREATE_RUNTIME, OCI_CREATING, start->init_pid, err);
}

static int restrict_devices(struct start *start, struct error *err)
{
	return !start->has_cgroups ? 0 : cgroup_set_apply_devices(&start->cgroups, start->spec, start->cgroup_fd, err);
}

static int listen_for_ready(struct start *start, struct error *err)
{
	return oci_ready_open(start->spec, start->dir.fd, &start->ready_fd, err);
}

static int await_exec(struct start *start, struct error *err)
{
	return oci_await_exec(start->spec, start->handover.supervisor_fd, start->init_pid, OCI_CREATED, err);
}

static int run_poststart_hooks(struct start *start, struct error *err)
{
	return oci_run_hooks(start->spec, OCI_POSTSTART, OCI_RUNNING, start->init_pid, err);
}

/* clang-format off */
const struct step oci_supervisor_plan[] = {
	RUN("start-unit",           has_unit,           start_unit),
	RUN("create-cgroups",       has_cgroups,        create_cgroups),
	RUN("limit-cgroups",        has_cgroups,        limit_cgroups),
	FRESH("prepare-seccomp",      has_seccomp,        prepare_seccomp),
	FRESH("connect-console",      has_terminal,       connect_console),
	FRESH("open-sources",         oci_has_sources,    open_sources),
	FRESH("listen-for-start",     is_create,          listen_for_start),
	FRESH("listen-for-ready",     has_to_tell_ready,  listen_for_ready),
	FRESH("restrict-devices",     restricts_before,   restrict_devices),
	RESTORED("open-terminals",  NULL,               open_restored_terminals),
	RESTORED("restore",         NULL,               restore_run),
	FRESH("prepare-network",      has_net_devices,    prepare_network),
	FRESH("clone-init",           NULL,               clone_init),
	FRESH("save-starting",        has_to_note_init,   oci_save_starting),
	FRESH("write-oom-score",      has_oom_score,      write_oom_score),
	RUN("join-resctrl",         has_resctrl,        join_resctrl),
	FRESH("write-id-maps",        has_idmap,          write_id_maps),
	FRESH("map-sources",          has_mapped_sources, map_sources),
	SIGNAL("signal-mapped",     has_idmap,          POINT_MAPPED),
	FRESH("restrict-devices-now", restricts_beside,   restrict_devices),
	FRESH("prepare-running",      is_create,          oci_prepare_running),
	AWAIT("await-mounted",      has_work_at_mounted, POINT_MOUNTED),
	FRESH("keep-network",         has_net_devices,    keep_network),
	FRESH("create-network",       has_net_devices,    create_network),
	SIGNAL("signal-network",    has_net_devices,    POINT_NETWORK_READY),
	FRESH("run-hooks-runtime",    has_early_hooks,    oci_run_early_hooks),
	SIGNAL("signal-hooks",      has_early_hooks,    POINT_HOOKS_DONE),
	AWAIT("await-rootfs",       has_to_wait,        POINT_ROOTFS_READY),
	RUN("leave-unit",           has_unit,           leave_unit),
	SIGNAL("signal-go",         has_to_be_told,     POINT_GO),
	FRESH("await-exec",           is_run,             await_exec),
	RUN("save-running",         has_to_save_now,    oci_save_running),
	RUN("run-hooks-poststart",  is_run,             run_poststart_hooks),
	{ 0 },
};
/* clang-format on */

/* ---- init ---- */

/* A half-made container must not outlive who makes it; the lock is not ours to hold. */
static int begin(struct start *start, struct error *err)
{
	int *const fds[] = { &start->handover.supervisor_fd, &start->dir.fd, &start->signal_fd, &start->journal_fd, &start->cgroup_fd, &start->console.master_fd,
		&start->keeper_fd };
	struct fd_pile pile = { 0 };

	for (size_t i = 0; i < sizeof(fds) / sizeof(*fds); i++) {
		fd_pile_add(&pile, *fds[i]);
		*fds[i] = -1;
	}
	fd_pile_close(&pile);
	(void)setsid(); /* a fresh child leads no group */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
		return error_set(err, errno, "follow the runtime's death");
	/* it may have died before that */
	struct pollfd other = { .fd = start->handover.init_fd };
	return poll(&other, 1, 0) > 0 ? error_set(err, ECONNRESET, "the runtime is gone") : 0;
}

static int enter_cgroups(struct start *start, struct error *err)
{
	return cgroup_set_enter(&start->cgroups, start->is_placed_by_clone, err);
}

static int join_namespaces(struct start *start, struct error *err)
{
	return placement_join(start, err);
}

static int become_root(struct start *start, struct error *err)
{
	int r = security_set_identity(start->spec, 0, 0, NULL, err);

	if (r < 0)
		return r;
	/* becoming another user cleared it */
	return prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 ? error_set(err, errno, "follow the runtime's death") : 0;
}

static int enter_cgroup_namespace(struct start *start, struct error *err)
{
	(void)start;
	return unshare(CLONE_NEWCGROUP) < 0 ? error_set(err, errno, "make a cgroup namespace") : 0;
}

static int mount_root(struct start *start, struct error *err)
{
	return bundle_mount_root(&start->root, err);
}

static int mount_entries(struct start *start, struct error *err)
{
	return bundle_mount_entries(&start->root, err);
}

static int make_devices(struct start *start, struct error *err)
{
	return bundle_make_devices(&start->root, err);
}

static int open_terminal(struct start *start, struct error *err)
{
	auto_close int master_fd = -1;
	auto_close int slave_fd = -1;
	auto_close int host_root = has_own_mounts(start) ? -1 :
		open(start->spec->rootfs.path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	int root_fd = has_own_mounts(start) ? start->root.root_fd : host_root;
	int r = oci_terminal_open(root_fd, start->spec, &master_fd, &slave_fd, err);

	if (r == 0 && has_own_mounts(start))
		r = bundle_bind_console(&start->root, slave_fd, err);
	r = r ?: oci_terminal_send(start->console.slave_fd, master_fd, err);
	close_fd(&start->console.slave_fd);
	return r ?: oci_terminal_take(slave_fd, err);
}

static int run_create_container_hooks(struct start *start, struct error *err)
{
	return oci_run_hooks(start->spec, OCI_CREATE_CONTAINER, OCI_CREATING, getpid(), err);
}

static int cover(struct start *start, struct error *err)
{
	return bundle_cover(&start->root, err);
}

static int enter_root(struct start *start, struct error *err)
{
	int r = bundle_enter(&start->root, has_own_mounts(start), err);

	return r == 0 && has_own_mounts(start) ? bundle_set_propagation(&start->root, err) : r;
}

static int set_names(struct start *start, struct error *err)
{
	const struct spec_identity *identity = &start->spec->identity;

	if (identity->hostname && sethostname(identity->hostname, strlen(identity->hostname)) < 0)
		return error_set(err, errno, "set host name %s", identity->hostname);
	if (identity->domain && setdomainname(identity->domain, strlen(identity->domain)) < 0)
		return error_set(err, errno, "set domain name %s", identity->domain);
	return 0;
}

static int configure_interfaces(struct start *start, struct error *err)
{
	return network_configure_inside(start->spec, start->network, err);
}

static int write_sysctls(struct start *start, struct error *err)
{
	return rootfs_write_sysctls(start->spec, err);
}

static int find_program(struct start *start, struct error *err)
{
	return oci_find_program(start->spec, err);
}

static int set_label(struct start *start, struct error *err)
{
	return oci_set_label(start->spec, err);
}

static int stay_alive(struct start *start, struct error *err)
{
	(void)start;
	return prctl(PR_SET_PDEATHSIG, 0) < 0 ? error_set(err, errno, "outlive the runtime") : 0;
}

/* Who connects says go, or has ended before it could. */
static int await_start(struct start *start, struct error *err)
{
	close_fd(&start->handover.init_fd);
	start->handover.init_fd = accept4(start->control_fd, NULL, NULL, SOCK_CLOEXEC);
	close_fd(&start->control_fd);
	return start->handover.init_fd < 0 ? error_set(err, errno, "wait for the start") : 0;
}

static int run_start_container_hooks(struct start *start, struct error *err)
{
	return oci_run_hooks(start->spec, OCI_START_CONTAINER, OCI_CREATED, getpid(), err);
}

static int execute(struct start *start, struct error *err)
{
	return oci_execute(start->spec, &start->seccomp, start->handover.init_fd, true, err);
}

/* clang-format off */
const struct step oci_init_plan[] = {
	RUN("begin",                  NULL,                 begin),
	AWAIT("await-mapped",         has_idmap,            POINT_MAPPED),
	RUN("enter-cgroups",          has_cgroups_to_enter, enter_cgroups),
	RUN("join-namespaces",        NULL,                 join_namespaces),
	RUN("become-root",            has_user_namespace,   become_root),
	RUN("enter-cgroup-namespace", has_cgroup_namespace, enter_cgroup_namespace),
	RUN("mount-root",             has_own_mounts,       mount_root),
	RUN("mount-entries",          has_own_mounts,       mount_entries),
	RUN("make-devices",           has_own_mounts,       make_devices),
	RUN("open-terminal",          has_terminal,         open_terminal),
	SIGNAL("signal-mounted",      has_work_at_mounted,  POINT_MOUNTED),
	AWAIT("await-network",        has_net_devices,      POINT_NETWORK_READY),
	AWAIT("await-hooks",          has_early_hooks,      POINT_HOOKS_DONE),
	RUN("run-hooks-create",       has_create_container_hooks, run_create_container_hooks),
	RUN("cover-paths",            has_own_mounts,       cover),
	RUN("enter-root",             NULL,                 enter_root),
	RUN("set-names",              has_names,            set_names),
	RUN("configure-interfaces",   has_own_network,      configure_interfaces),
	RUN("write-sysctls",          NULL,                 write_sysctls),
	RUN("find-program",           NULL,                 find_program),
	RUN("set-label",              NULL,                 set_label),
	RUN("stay-alive",             is_create,            stay_alive),
	SIGNAL("signal-rootfs",       has_to_wait,          POINT_ROOTFS_READY),
	RUN("await-start",            is_create,            await_start),
	AWAIT("await-go",             has_to_wait,          POINT_GO),
	RUN("run-hooks-start",        has_start_container_hooks, run_start_container_hooks),
	RUN("execute",                NULL,                 execute),
	{ 0 },
};
/* clang-format on */
