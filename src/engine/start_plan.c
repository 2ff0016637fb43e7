/*
 * How a container starts. Two lists run side by side, one in the supervisor, one in init; they meet only at the
 * SIGNAL and AWAIT rows. Each row is a small adapter to the one subsystem call that does it.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/paths.h"
#include "base/file.h"
#include "base/journal.h"
#include "engine/disk.h"
#include "engine/hooks.h"
#include "engine/idmaps.h"
#include "engine/mapped.h"
#include "engine/payload.h"
#include "engine/placement.h"
#include "engine/resources.h"
#include "engine/restore.h"
#include "engine/start.h"
#include "engine/control.h"
#include "kernel/pidfd.h"

/* ---- conditions: fixed before clone-init ---- */

static bool has_idmap(const struct start *start)
{
	return start->spec->idmaps.count > 0;
}

static bool has_mapped_sources(const struct start *start)
{
	return has_idmap(start) && placement_has_idmapped(start);
}

static bool has_cgroups_to_enter(const struct start *start)
{
	return start->has_cgroups && cgroup_set_needs_enter(&start->cgroups);
}

/* root gives them away when it makes them */
static bool has_cgroups_to_give(const struct start *start)
{
	return engine_needs_mapping(start->spec) && start->cgroups.groups.count > 0;
}

static bool has_lent_devices(const struct start *start)
{
	vector_for_each (link, &start->spec->network.links)
		if (link->type == LINK_PHYS)
			return start->network != NULL;
	return false;
}

static bool has_links(const struct start *start)
{
	return start->network != NULL;
}

static bool has_routers(const struct start *start)
{
	vector_for_each (link, &start->spec->network.links)
		if (spec_link_is_router(link) && (link->ipv4_gateway || link->ipv6_gateway))
			return start->network != NULL;
	return false;
}

static bool has_dhcp(const struct start *start)
{
	return start->network != NULL && network_wants_dhcp(start->spec);
}

static bool has_cgroup_namespace(const struct start *start)
{
	return start->namespaces & 1U << NAMESPACE_CGROUP;
}

static bool has_rootfs(const struct start *start)
{
	return start->spec->rootfs.path != NULL;
}

static bool has_devpts(const struct start *start)
{
	return start->console.devpts_fd >= 0 && has_rootfs(start);
}

static bool has_own_mounts(const struct start *start)
{
	return start->namespaces & 1U << NAMESPACE_MOUNT;
}

static bool has_own_uts(const struct start *start)
{
	return start->namespaces & 1U << NAMESPACE_UTS;
}

static bool has_own_network(const struct start *start)
{
	return start->namespaces & 1U << NAMESPACE_NET;
}

static bool has_autodev(const struct start *start)
{
	return has_rootfs(start) && !start->spec->console.no_autodev;
}

static bool has_host_root(const struct start *start)
{
	return !has_rootfs(start) && has_own_mounts(start);
}

static bool wants_own_supervisor_mounts(const struct start *start)
{
	return start->spec->lifecycle.unshare_mounts && !start->is_reboot;
}

/* ---- supervisor ---- */

static int unshare_mounts(struct start *start, struct error *err)
{
	(void)start;
	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_SLAVE | MS_REC, NULL) < 0)
		return error_set(err, errno, "give the supervisor its own mount namespace");
	return 0;
}

static int open_control(struct start *start, struct error *err)
{
	return start->control_fd >= 0 ? 0 : control_listen(&start->id, &start->control_fd, err);
}

static int run_hooks(struct start *start, enum hook_moment moment, struct error *err)
{
	struct hook_context context = { .spec = start->spec,
		.log = start->log,
		.rootfs_mount = start->root.mount_point,
		.init_pid = start->init_pid };

	return hooks_run(&context, moment, err);
}

static int run_pre_start_hooks(struct start *start, struct error *err)
{
	return run_hooks(start, HOOK_PRE_START, err);
}

static int add_journal(void *data, const char *kind, const char *argument)
{
	struct start *start = data;

	return journal_add(start->journal_fd, kind, argument);
}

/* The rootfs shows the host's hierarchies (lxc.mount.auto = cgroup); what it needs of them was read here already. */
int start_keep_network(struct start *start, struct error *err)
{
	char source[64], target[sizeof(start->dir.path) + sizeof("/netns")];

	snprintf(source, sizeof(source), "/proc/%d/ns/net", start->init_pid);
	snprintf(target, sizeof(target), "%s/netns", start->dir.path);
	int r = journal_add(start->journal_fd, RESOURCE_NETNS, target);
	r = r ?: file_write(start->dir.fd, "netns", O_WRONLY | O_CREAT | O_NOFOLLOW, 0600, "", 0);
	if (r == 0 && mount(source, target, NULL, MS_BIND, NULL) < 0)
		r = -errno;
	return r < 0 ? error_set(err, r, "keep the network namespace at %s", target) : 0;
}

int start_describe_hierarchies(struct start *start)
{
	size_t count = start->layout.hierarchies.count;

	start->hierarchies = calloc(count + 1, sizeof(*start->hierarchies));
	if (!start->hierarchies)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++) {
		const struct cgroup_hierarchy *hierarchy = &start->layout.hierarchies.items[i];
		struct rootfs_hierarchy *one = &start->hierarchies[i];
		one->mount = hierarchy->mount;
		one->controllers = hierarchy->is_v2 ? NULL : hierarchy->controllers;
		vector_for_each (group, &start->cgroups.groups)
			if (strcmp(group->mount, hierarchy->mount) == 0)
				one->own = group->inner_path;
	}
	start->root.hierarchies = start->hierarchies;
	start->root.hierarchy_count = count;
	return 0;
}

static int create_cgroups(struct start *start, struct error *err)
{
	int r = cgroup_layout_detect(&start->layout, start->spec->cgroup.relative, err);
	if (r < 0)
		return r;
	r = cgroup_set_plan(&start->cgroups, &start->layout, start->spec, err);
	if (r < 0)
		return r;
	start->has_cgroups = true;
	r = cgroup_set_create(&start->cgroups, add_journal, start, err);
	if (r < 0)
		return r;
	r = cgroup_set_enter_monitor(&start->cgroups, add_journal, start, err);
	if (r < 0)
		return r;
	if (start->cgroups.groups.count == 0 && start->layout.hierarchies.count > 0) {
		struct error warning = { 0 };
		(void)error_set_kind(&warning, ERROR_UNSUPPORTED, 0, "the container is in no cgroup of its own: it can not be "
				"limited, frozen or measured");
		error_hint(&warning, "lxc-unpriv-start asks systemd for a cgroup");
		start_warn(start, &warning);
	}
	start->cgroup_fd = cgroup_set_open_v2(&start->cgroups);
	r = start_describe_hierarchies(start);
	return r < 0 ? error_set(err, r, "create the cgroups") : 0;
}

static int limit_cgroups(struct start *start, struct error *err)
{
	return cgroup_set_apply(&start->cgroups, start->spec, err);
}

struct cgroup_gift {
	const struct cgroup_set *set;
	gid_t keeper; /* the caller's group, as it is called inside */
};

static int give(void *data, struct error *err)
{
	const struct cgroup_gift *gift = data;

	return cgroup_set_give(gift->set, gift->keeper, err);
}

/* Only root of the container's user namespace may give files of its maker to its own ids. */
static int give_cgroups(struct start *start, struct error *err)
{
	struct cgroup_gift gift = { &start->cgroups, idmaps_self(start->spec, true, getegid()) };

	return engine_run_mapped(start->spec, give, &gift, err);
}

static int prepare_seccomp(struct start *start, struct error *err)
{
	int r = security_seccomp_prepare(start->spec, &start->seccomp, err);

	if (*start->seccomp.warning)
		log_warn(start->log, "seccomp profile %s:%s", start->spec->security.seccomp_profile,
			start->seccomp.warning);
	return r;
}

static int prepare_labels(struct start *start, struct error *err)
{
	char profile[256];
	int r = 0;

	if (security_generates_profile(start->spec)) {
		security_apparmor_label(start->spec, profile, sizeof(profile));
		r = journal_add(start->journal_fd, RESOURCE_APPARMOR, profile);
		if (r < 0)
			return error_set(err, r, "note the AppArmor profile");
	}
	return security_choose_labels(start->spec, &start->labels, err);
}

static int open_console(struct start *start, struct error *err)
{
	int r = console_open(&start->console, start->spec, start->options->foreground, err);

	start->root.devpts_fd = start->console.devpts_fd;
	start->root.console_index = start->console.slave_index;
	start->root.tty_indexes = start->console.tty_indexes;
	start->root.tty_count = start->console.tty_count;
	return r;
}

static int open_sources(struct start *start, struct error *err)
{
	return placement_open_sources(start, err);
}

static int map_idmapped_sources(struct start *start, struct error *err)
{
	return placement_map_sources(start, err);
}

static int prepare_network(struct start *start, struct error *err)
{
	return network_prepare(start->spec, add_journal, start, &start->network, err);
}

static int clone_init(struct start *start, struct error *err)
{
	int r = placement_clone_init(start, err);

	close_fd(&start->cgroup_fd);
	(void)process_start_ticks(start->init_pid, &start->init_start_ticks); /* our child: it can not be gone */
	return r;
}

static int save_starting(struct start *start, struct error *err)
{
	return start_set_state(start, STATE_STARTING, err);
}

static int write_id_maps(struct start *start, struct error *err)
{
	return placement_write_id_maps(start, err);
}

static int keep_network(struct start *start, struct error *err)
{
	return start_keep_network(start, err);
}

static int create_network(struct start *start, struct error *err)
{
	return network_create(start->network, start->init_pid, err);
}

static int proxy_gateways(struct start *start, struct error *err)
{
	return network_proxy_gateways(start->network, err);
}

/* After the exec: until then an ordinary user may not look at init's namespaces (its memory is still the supervisor's). */
static int start_dhcp(struct start *start, struct error *err)
{
	return network_start_dhcp(start->network, start->init_pid, start->init_start_ticks, start->dir.path, err);
}

static int restrict_devices(struct start *start, struct error *err)
{
	return cgroup_set_apply_devices(&start->cgroups, start->spec, -1, err);
}

static int run_start_host_hooks(struct start *start, struct error *err)
{
	return run_hooks(start, HOOK_START_HOST, err);
}

/* The program's seccomp filter may notify of the very execve that is waited for. */
static void serve_until_readable(struct start *start, int fd)
{
	struct pollfd fds[] = { { .fd = fd, .events = POLLIN }, { .fd = start->notify.epoll_fd, .events = POLLIN } };

	while (start->notify.first && (poll(fds, 2, -1) < 0 || !fds[0].revents))
		if (fds[1].revents)
			notify_serve(start);
}

/* The sockets of init's side close with its exec: end of file is success. */
static int await_exec(struct start *start, struct error *err)
{
	struct message message;
	int r, listener_fd, fd = start->handover.supervisor_fd;

	while ((r = message_receive_fd(fd, &message, &listener_fd)) == 0 && message.kind == MESSAGE_LISTENER) {
		r = notify_add(start, listener_fd);
		if (r < 0)
			return error_set(err, r, "take the seccomp listener");
		serve_until_readable(start, fd);
	}
	if (r == -ECONNRESET)
		return 0;
	if (r == 0 && message.kind == MESSAGE_ERROR) {
		*err = message.error;
		return err->errnum ? -err->errnum : -EINVAL;
	}
	return error_set(err, r ? r : EBADMSG, "wait for the program's start");
}

static int save_running(struct start *start, struct error *err)
{
	return start_set_state(start, STATE_RUNNING, err);
}

/* clang-format off */
const struct step supervisor_plan[] = {
	RUN("unshare-supervisor-mounts", wants_own_supervisor_mounts, unshare_mounts),
	RUN("open-control-socket",  NULL,           open_control),
	RUN("run-hooks-pre-start",  NULL,           run_pre_start_hooks),
	RUN("create-cgroups",       NULL,           create_cgroups),
	RUN("limit-cgroups",        NULL,           limit_cgroups),
	RUN("give-cgroups",         has_cgroups_to_give, give_cgroups),
	RUN("limit-rootfs",         disk_is_limited, disk_limit_start),
	FRESH("prepare-seccomp",      NULL,           prepare_seccomp),
	RUN("prepare-labels",       NULL,           prepare_labels),
	RUN("open-console",         NULL,           open_console),
	RUN("open-sources",         placement_has_sources, open_sources),
	RUN("prepare-network",      NULL,           prepare_network),
	RESTORED("map-sources-early", has_mapped_sources, placement_map_sources_early),
	RESTORED("restore",         NULL,           restore_run),
	FRESH("clone-init",           NULL,           clone_init),
	FRESH("save-starting",        NULL,           save_starting),
	FRESH("write-id-maps",        has_idmap,      write_id_maps),
	FRESH("map-idmapped-sources", has_mapped_sources, map_idmapped_sources),
	SIGNAL("signal-mapped",     has_idmap,      POINT_MAPPED),
	RUN("keep-network",         has_lent_devices, keep_network),
	FRESH("create-network",       has_links,      create_network),
	SIGNAL("signal-network",    has_links,      POINT_NETWORK_READY),
	AWAIT("await-rootfs",       NULL,           POINT_ROOTFS_READY),
	RUN("proxy-gateways",       has_routers,    proxy_gateways),
	FRESH("restrict-devices",     NULL,           restrict_devices),
	FRESH("run-hooks-start-host", NULL,           run_start_host_hooks),
	SIGNAL("signal-go",         NULL,           POINT_GO),
	FRESH("await-exec",           NULL,           await_exec),
	RUN("start-dhcp",           has_dhcp,       start_dhcp),
	FRESH("save-running",         NULL,           save_running),
	{ 0 },
};
/* clang-format on */

/* ---- init ---- */

static int die_with_supervisor(struct start *start, struct error *err)
{
	close_fd(&start->handover.supervisor_fd);
	/* until exec: a half-made container must not outlive who makes it */
	return prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 ? error_set(err, errno, "follow the supervisor's death") : 0;
}

/* Groups that were handed to the container's root let only those in to whom that id is mapped: after the maps. */
static int enter_cgroups(struct start *start, struct error *err)
{
	return cgroup_set_enter(&start->cgroups, start->is_placed_by_clone, err);
}

static int become_root(struct start *start, struct error *err)
{
	rootfs_open_source(&start->root);
	return security_set_identity(start->spec, 0, 0, NULL, err);
}

static int enter_cgroup_namespace(struct start *start, struct error *err)
{
	(void)start;
	return unshare(CLONE_NEWCGROUP) < 0 ? error_set(err, errno, "make a cgroup namespace") : 0;
}

static int join_namespaces(struct start *start, struct error *err)
{
	return placement_join(start, err);
}

static int make_mounts_private(struct start *start, struct error *err)
{
	return rootfs_make_private(&start->root, err);
}

static int run_pre_mount_hooks(struct start *start, struct error *err)
{
	return run_hooks(start, HOOK_PRE_MOUNT, err);
}

static int mount_rootfs(struct start *start, struct error *err)
{
	return rootfs_mount(&start->root, err);
}

static int prepare_host_root(struct start *start, struct error *err)
{
	return rootfs_prepare_host_root(&start->root, err);
}

static int mount_dev(struct start *start, struct error *err)
{
	return rootfs_mount_dev(&start->root, err);
}

static int mount_devpts(struct start *start, struct error *err)
{
	return rootfs_mount_devpts(&start->root, err);
}

static int mount_proc_sys(struct start *start, struct error *err)
{
	return rootfs_mount_auto_proc_sys(&start->root, err);
}

static int mount_cgroup(struct start *start, struct error *err)
{
	return rootfs_mount_auto_cgroup(&start->root, err);
}

static int mount_entries(struct start *start, struct error *err)
{
	return rootfs_mount_entries(&start->root, err);
}

static int run_mount_hooks(struct start *start, struct error *err)
{
	return run_hooks(start, HOOK_MOUNT, err);
}

static int run_autodev_hooks(struct start *start, struct error *err)
{
	return run_hooks(start, HOOK_AUTODEV, err);
}

static int setup_console(struct start *start, struct error *err)
{
	return rootfs_setup_console(&start->root, err);
}

static int setup_ttys(struct start *start, struct error *err)
{
	return rootfs_setup_ttys(&start->root, err);
}

static int pivot_root_step(struct start *start, struct error *err)
{
	return rootfs_pivot(&start->root, err);
}

static int set_hostname(struct start *start, struct error *err)
{
	return rootfs_set_hostname(start->spec, err);
}

static int configure_interfaces(struct start *start, struct error *err)
{
	return network_configure_inside(start->spec, start->network, err);
}

static int write_sysctls(struct start *start, struct error *err)
{
	return rootfs_write_sysctls(start->spec, err);
}

static int run_start_hooks(struct start *start, struct error *err)
{
	return run_hooks(start, HOOK_START, err);
}

static int set_limits(struct start *start, struct error *err)
{
	int r = security_apply_limits(start->spec, err);

	return r < 0 ? r : security_write_proc_files(start->spec, err);
}

static int connect_console(struct start *start, struct error *err)
{
	return console_become_stdio(&start->console, err);
}

static int execute(struct start *start, struct error *err)
{
	return payload_execute(start, err);
}

/* clang-format off */
const struct step init_plan[] = {
	RUN("die-with-supervisor",    NULL,                 die_with_supervisor),
	AWAIT("await-mapped",         has_idmap,            POINT_MAPPED),
	RUN("enter-cgroups",          has_cgroups_to_enter, enter_cgroups),
	RUN("join-namespaces",        NULL,                 join_namespaces),
	RUN("become-root",            has_idmap,            become_root),
	RUN("enter-cgroup-namespace", has_cgroup_namespace, enter_cgroup_namespace),
	RUN("make-mounts-private",    has_own_mounts,       make_mounts_private),
	RUN("run-hooks-pre-mount",    NULL,                 run_pre_mount_hooks),
	RUN("mount-rootfs",           NULL,                 mount_rootfs),
	RUN("prepare-host-root",      has_host_root,        prepare_host_root),
	RUN("mount-dev",              has_autodev,          mount_dev),
	RUN("mount-devpts",           has_devpts,           mount_devpts),
	RUN("mount-proc-sys",         has_rootfs,           mount_proc_sys),
	RUN("mount-cgroup",           has_rootfs,           mount_cgroup),
	RUN("mount-entries",          NULL,                 mount_entries),
	RUN("run-hooks-mount",        NULL,                 run_mount_hooks),
	RUN("run-hooks-autodev",      has_autodev,          run_autodev_hooks),
	RUN("setup-console",          has_devpts,           setup_console),
	RUN("setup-ttys",             has_devpts,           setup_ttys),
	RUN("pivot-root",             has_rootfs,           pivot_root_step),
	RUN("set-hostname",           has_own_uts,          set_hostname),
	AWAIT("await-network",        has_links,            POINT_NETWORK_READY),
	RUN("configure-interfaces",   has_own_network,      configure_interfaces),
	RUN("write-sysctls",          NULL,                 write_sysctls),
	SIGNAL("signal-rootfs",       NULL,                 POINT_ROOTFS_READY),
	AWAIT("await-go",             NULL,                 POINT_GO),
	RUN("run-hooks-start",        NULL,                 run_start_hooks),
	RUN("set-limits",             NULL,                 set_limits),
	RUN("connect-console",        NULL,                 connect_console),
	RUN("execute",                NULL,                 execute),
	{ 0 },
};
/* clang-format on */
