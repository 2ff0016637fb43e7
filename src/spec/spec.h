#pragma once
#include "base/namespace_kind.h"
#include "base/vector.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * What a container shall be. Filled by a dialect, completed by spec_set_defaults, checked by spec_validate,
 * immutable from then on. Every field stands in the table of spec/fields.c, which drives the flat form, copy,
 * free and compare: a field that is not in the table does not travel. Strings are owned and may be NULL (not
 * set). All objects are zeroed when empty, but for what spec_new sets (uid ~0 and the like are named below).
 */

/* Where something was written: indexes into spec->sources (0: unknown), line from 1 (0: none). */
struct origin {
	uint32_t source; /* file or "command line" */
	uint32_t line;
	uint32_t key; /* key as the user wrote it */
};

struct spec_identity {
	char *dialect;	   /* "lxc" */
	char *name;	   /* container name */
	char *base_path;   /* directory that holds the containers (lxcpath), absolute */
	char *config_file; /* the user's file, absolute, or NULL */
	char *hostname;	   /* NULL: the name */
	char *domain;
	struct origin hostname_origin;
};

struct spec_rlimit {
	char *name; /* lower case without RLIMIT_ */
	uint64_t soft, hard; /* UINT64_MAX: unlimited */
	struct origin origin;
};

struct spec_setting { /* a name and a value: sysctl, /proc/PID file, cgroup file */
	char *name;
	char *value;
	struct origin origin;
};

struct spec_process {
	char *command;		 /* lxc.init.cmd as written, NULL: /sbin/init */
	char *execute_command;	 /* lxc.execute.cmd as written */
	struct string_list argv; /* what is really executed; filled by the front end before a start */
	bool use_init;		 /* run argv below the tiny pid 1 (application container) */
	bool is_application;	 /* started by lxc-execute or the like */
	struct string_list environment;		/* NAME=VALUE for init, attach and hooks */
	struct string_list environment_runtime; /* init and attach only */
	struct string_list environment_hooks;	/* hooks only */
	char *cwd;
	uint32_t uid, gid; /* of init, inside */
	struct string_list groups; /* supplementary, decimal */
	VECTOR(struct spec_rlimit) rlimits;
	VECTOR(struct spec_setting) proc_files; /* lxc.proc.NAME */
	struct string_list cap_drop; /* as written: names or numbers */
	struct string_list cap_keep; /* as written; one item "none" keeps nothing */
	struct origin capability_origin;
	struct origin command_origin;
	bool no_new_privs;	   /* as written; see spec_wants_no_new_privs */
	struct origin no_new_privs_origin;
	bool core_scheduling;
	bool keep_session_keyring;
	uint32_t personality; /* UINT32_MAX: not set; else PER_LINUX (0) or PER_LINUX32 (8) */
};

struct spec_rootfs {
	char *store;   /* "dir", "overlay", ...; NULL: found by looking */
	char *path;    /* without the store prefix; NULL: the host's root */
	char *mount;   /* where it is mounted before pivot_root; NULL: compiled-in */
	char *options; /* as written */
	bool unmanaged; /* destroy leaves the storage alone */
	uint64_t size_limit, inode_limit; /* bytes, files; 0: none */
	bool user_quota;     /* the container's root manages user and group quotas of its own file system */
	uint32_t limit_guard; /* enum spec_guard: what keeps the limit, found out when the container starts or is entered */
	struct origin origin, limit_origin;
};

/* What the container's root must not do, or it were free of its limit. */
enum spec_guard {
	GUARD_PROJECT = 1U << 0,	 /* give files to another project, change quotas, be above them (CAP_SYS_RESOURCE) */
	GUARD_SUBVOLUME_GROUPS = 1U << 1, /* make a subvolume with groups of its own choice */
	GUARD_SUBVOLUMES = 1U << 2,	 /* make subvolumes */
	GUARD_GROUPS = 1U << 3,		 /* change the quota groups of btrfs */
	GUARD_STATFS = 1U << 4,		 /* ... but be told the limit by statfs(2), where the kernel does not know it */
};

enum mount_create { MOUNT_CREATE_NONE, MOUNT_CREATE_DIRECTORY, MOUNT_CREATE_FILE };

struct spec_mount {
	char *line;   /* the fstab line as written (for read back) */
	char *source; /* escapes undone */
	char *target; /* relative: below the rootfs; absolute: see spec/mount_options.h */
	char *type;
	char *options; /* as written */
	char *data;    /* what is left for the file system, or NULL */
	uint64_t flags_set;   /* MS_* to set */
	uint64_t flags_clear; /* MS_* to clear */
	uint64_t propagation; /* MS_PRIVATE, MS_SLAVE, ... | MS_REC, or 0 */
	bool optional;	      /* a failure is only logged */
	bool source_in_rootfs; /* option relative */
	uint32_t create;       /* enum mount_create */
	char *idmap;	       /* "container" or the path of a user namespace file */
	/* OCI */
	uint64_t recursive_set, recursive_clear; /* MS_* for the mount and all below it */
	bool copy_up;	       /* a tmpfs starts with what it hides */
	struct origin origin;
};

enum auto_mount { AUTO_MOUNT_NONE, AUTO_MOUNT_MIXED, AUTO_MOUNT_RO, AUTO_MOUNT_RW, AUTO_MOUNT_UNSET_SUFFIX };

struct spec_mounts {
	char *fstab; /* a file, read when the container starts, before entries */
	struct origin fstab_origin;
	VECTOR(struct spec_mount) entries;
	uint32_t auto_proc, auto_sys; /* enum auto_mount */
	uint32_t auto_cgroup;	      /* enum auto_mount; UNSET_SUFFIX: mixed or rw by the capabilities */
	bool auto_cgroup_full, auto_cgroup_v2, auto_cgroup_force;
	char *shmounts_host, *shmounts_container;
};

struct spec_namespaces {
	uint32_t clone_mask; /* bits 1 << NAMESPACE_x: exactly these are new; 0: not set */
	uint32_t keep_mask;  /* these stay the caller's */
	char *share[NAMESPACE_KINDS]; /* container name, pid or path of a namespace file: join it */
	struct origin origin;
	int64_t time_offset_boot_ns, time_offset_monotonic_ns;
	char *time_offset_boot, *time_offset_monotonic; /* as written */
};

struct spec_idmap {
	bool is_gid;
	uint32_t inside, outside, count;
	struct origin origin;
};

struct spec_cgroup_setting {
	bool is_v2;  /* key lxc.cgroup2. */
	bool optional; /* a host that can not do it starts the container without */
	char *file;  /* "memory.limit_in_bytes" */
	char *value;
	struct origin origin;
};

struct spec_cgroup {
	char *dir;		   /* lxc.cgroup.dir */
	char *dir_container;	   /* .dir.container: limits here */
	char *dir_container_inner; /* processes here, below dir_container */
	char *dir_monitor;	   /* of the supervisor */
	char *dir_monitor_pivot;
	bool relative;
	struct origin origin;
	VECTOR(struct spec_cgroup_setting) settings; /* written in order */
};

enum link_type { LINK_UNSET, LINK_NONE, LINK_EMPTY, LINK_VETH, LINK_MACVLAN, LINK_PHYS, LINK_VLAN, LINK_IPVLAN, LINK_VENET };

struct spec_address {
	char *address;	 /* canonical, no prefix */
	uint32_t prefix; /* bits */
	char *broadcast; /* IPv4; NULL: computed */
};

struct spec_link {
	uint32_t index; /* N of lxc.net.N */
	uint32_t type;	/* enum link_type */
	bool up;
	char *link;	/* bridge, parent or device */
	char *name;	/* inside; NULL: ethN, N counted over the links in use */
	char *hwaddr;	/* with all x replaced */
	char *hwaddr_template; /* as written */
	char *mtu;	/* as written, checked to be a number; NULL: the parent's */
	bool l2proxy;
	VECTOR(struct spec_address) ipv4, ipv6;
	char *ipv4_gateway, *ipv6_gateway; /* address, "auto" or "dev" */
	bool ipv4_dhcp; /* a client outside of the container gets an address */
	struct string_list ipv4_routes, ipv6_routes; /* veth.ipvX.route */
	char *script_up, *script_down;
	char *veth_pair; /* host side */
	char *veth_mode; /* bridge, router; NULL: bridge */
	char *vlan_id;	 /* veth.vlan.id or vlan.id as written */
	struct string_list vlan_tagged;
	uint32_t rx_queues, tx_queues;
	char *macvlan_mode, *ipvlan_mode, *ipvlan_isolation;
	char *rate_egress, *rate_ingress; /* what the container sends and receives, as written: see text_to_rate */
	char *rate_burst;		  /* as written: see text_to_bytes; NULL: chosen by the rate */
	bool venet_peers; /* traffic with other containers that allow it, too */
	bool security;	  /* veth: only its own addresses come out of it */
	struct origin origin;
};

/* Is it a veth in router mode? */
bool spec_link_is_router(const struct spec_link *link);
/* Has it another end, on the host? */
bool spec_link_has_host_side(const struct spec_link *link);

struct spec_network {
	VECTOR(struct spec_link) links; /* sorted by index */
};

struct spec_security {
	char *seccomp_profile; /* policy file in LXC's language */
	struct origin seccomp_origin;
	bool seccomp_allow_nesting;
	char *seccomp_notify_proxy, *seccomp_notify_cookie;
	char *apparmor_profile;
	struct origin apparmor_origin;
	bool apparmor_allow_incomplete, apparmor_allow_nesting;
	struct string_list apparmor_raw;
	char *selinux_context, *selinux_keyring_context;
	struct origin selinux_origin;
	/* paths inside; with any of them set, no other files may be used (execute and write: read, too) */
	struct string_list landlock_read, landlock_execute, landlock_write;
	VECTOR(struct spec_setting) sysctls; /* NAME with dots */
};

struct spec_console {
	char *path;    /* device, "none", NULL: a new pty */
	char *logfile;
	uint64_t log_size;    /* bytes; 0: unlimited */
	bool log_rotate;
	uint64_t buffer_size; /* bytes of the ring buffer; 0: none */
	uint32_t tty_max, pty_max;
	char *tty_dir;
	bool no_autodev; /* lxc.autodev = 0 */
	uint64_t dev_size; /* size= of the tmpfs on /dev, bytes; 0: default */
	struct origin origin;
};

enum hook_moment {
	HOOK_PRE_START,
	HOOK_PRE_MOUNT,
	HOOK_MOUNT,
	HOOK_AUTODEV,
	HOOK_START_HOST,
	HOOK_START,
	HOOK_STOP,
	HOOK_POST_STOP,
	HOOK_CLONE,
	HOOK_DESTROY,
	HOOK_MOMENTS,
};

struct spec_hook {
	uint32_t moment; /* enum hook_moment */
	char *command;	 /* command line as written */
	struct origin origin;
};

struct spec_hooks {
	uint32_t version; /* 0: arguments, 1: environment only */
	VECTOR(struct spec_hook) hooks;
};

enum death_policy { DEATH_DEFAULT, DEATH_SIGNAL };

struct spec_lifecycle {
	uint32_t signal_halt, signal_reboot, signal_stop; /* 0: default */
	bool has_death_signal; /* lxc.monitor.signal.pdeath was given */
	uint32_t death_signal; /* sent to init when the supervisor dies; 0: none */
	bool ephemeral;
	bool unshare_mounts; /* supervisor in a mount namespace of its own */
	bool start_auto;
	uint32_t start_delay; /* seconds */
	int32_t start_order;
	struct string_list groups;
};

struct spec_log {
	char *file;
	char *level;  /* name in upper case, NULL: not set */
	char *syslog;
};

/* What only an OCI bundle says; empty for all other dialects. */
struct spec_device {
	char *path;
	uint32_t kind; /* 'c', 'b' or 'p' */
	uint32_t major, minor, mode, uid, gid;
	struct origin origin;
};

struct spec_oci_hook {
	uint32_t moment; /* enum oci_moment */
	char *path;
	struct string_list argv, environment;
	uint32_t timeout; /* seconds; 0: none */
	struct origin origin;
};

enum oci_moment { OCI_PRESTART, OCI_CREATE_RUNTIME, OCI_CREATE_CONTAINER, OCI_START_CONTAINER, OCI_POSTSTART, OCI_POSTSTOP,
	OCI_MOMENTS };

/* Sizes of bit sets: numbers of CPUs and of memory nodes. */
#define SPEC_CPU_WORDS	128
#define SPEC_NODE_WORDS 16

struct spec_oci {
	char *bundle;  /* absolute */
	char *version; /* ociVersion */
	VECTOR(struct spec_setting) annotations;
	bool root_read_only;
	uint64_t root_propagation; /* MS_SHARED | MS_REC ...; 0: slave, then private */
	VECTOR(struct spec_device) devices;
	struct string_list masked, read_only;
	VECTOR(struct spec_oci_hook) hooks;
	/* process */
	bool terminal;
	uint32_t console_height, console_width;
	uint32_t umask; /* UINT32_MAX: 0022 */
	uint64_t cap_bounding, cap_effective, cap_permitted, cap_inheritable, cap_ambient;
	char *oom_score_adj;
	char *scheduler; /* the fields of struct sched_attr: "POLICY FLAGS NICE PRIORITY RUNTIME DEADLINE PERIOD" */
	bool has_io_priority;
	uint32_t io_priority; /* as ioprio_set(2) takes it */
	char *cpus_before, *cpus_after; /* execCPUAffinity */
	char *seccomp; /* linux.seccomp as JSON */
	char *seccomp_listener, *seccomp_metadata;
	char *mount_label;
	uint32_t seccomp_flags; /* SECCOMP_FILTER_FLAG_* */
	char *memory_policy;	/* for set_mempolicy(2): "MODE NODES", flags in the mode, nodes as 0-3,7 */
	struct origin memory_policy_origin;
	bool has_rdt, rdt_monitoring; /* linux.intelRdt: cgroup/resctrl.h */
	char *rdt_clos;		      /* "/": the group of all; NULL: one of the container's name */
	struct string_list rdt_schemata;
	struct origin rdt_origin;
	struct string_list exec_cgroups; /* of exec: "[CONTROLLER,...:]PATH" below the container's */
	char *systemd_unit;		 /* the groups are systemd's: "SLICE UNIT" */
	/* how the command was called */
	char *command; /* "create" */
	char *console_socket, *pidfd_socket, *pid_file, *log, *notify_socket;
	bool log_json, no_pivot, no_new_keyring, detach, keep, no_subreaper, no_cgroups, listen;
	uint32_t preserve_fds;
};

struct spec {
	struct string_list sources; /* item 0 is "" */
	struct spec_identity identity;
	struct spec_process process;
	struct spec_rootfs rootfs;
	struct spec_mounts mounts;
	struct spec_namespaces namespaces;
	VECTOR(struct spec_idmap) idmaps;
	struct spec_cgroup cgroup;
	struct spec_network network;
	struct spec_security security;
	struct spec_console console;
	struct spec_hooks hooks;
	struct spec_lifecycle lifecycle;
	struct spec_log log;
	struct spec_oci oci;
};

struct error;

/* An empty spec: personality UINT32_MAX, sources[0] = "". NULL: no memory. spec_free takes NULL. */
struct spec *spec_new(void);
void spec_free(struct spec *spec);
struct spec *spec_copy(const struct spec *spec);
bool spec_equal(const struct spec *a, const struct spec *b);

static inline void cleanup_spec(struct spec **spec)
{
	spec_free(*spec);
}
#define auto_spec __attribute__((cleanup(cleanup_spec)))

/* Number of text in spec->sources, added when new; 0 when there is no memory or text is NULL. */
uint32_t spec_source(struct spec *spec, const char *text);

/*
 * error_set with the place in the user's file that origin names (NULL: none). Returns as error_set.
 * "return spec_error(err, r, spec, &entry->origin, "mount %s", entry->target);"
 */
int spec_error(struct error *err, int errnum, const struct spec *spec, const struct origin *origin,
	const char *fmt, ...) __attribute__((format(printf, 5, 6)));

/* Releases what one item of a vector owns and takes it out, by the type's name in the table of fields.c. */
void spec_clear_mounts(struct spec *spec);
void spec_clear_links(struct spec *spec);

/*
 * Flat text, one "name value" line per field that is not at its default: "mounts.entries[3].target /srv".
 * Newline and backslash in values are escaped. spec_parse_flat ignores unknown names (a newer version wrote
 * them) and leaves missing ones at their default.
 * spec_to_flat: *ret_text is malloc'ed. Both: 0, -ENOMEM, -EINVAL (not flat text, *err says the line).
 */
int spec_to_flat(const struct spec *spec, char **ret_text, size_t *ret_length);
/* The same, but not where each value was written: a third of the text, which only a spec that is still to be checked needs. */
int spec_to_flat_without_origins(const struct spec *spec, char **ret_text, size_t *ret_length);
int spec_parse_flat(const char *text, size_t length, struct spec **ret_spec, struct error *err);

/* What can not be true together, and keys whose mechanism does not exist yet. 0 or -EINVAL with *err filled. */
int spec_validate(const struct spec *spec, struct error *err);

/* Is its disk space or its number of files limited? */
bool spec_has_disk_limit(const struct spec *spec);

/* Are quotactl(2) and quotactl_fd(2) of the container's root carried out for it? */
bool spec_serves_quota(const struct spec *spec);

/*
 * no_new_privs for the program: as lxc.no_new_privs says; where it says nothing, for application containers (but with
 * a SELinux context, which could not be entered).
 */
bool spec_wants_no_new_privs(const struct spec *spec);

/*
 * An application container on the host's ids whose configuration says nothing about capabilities gives up those that
 * reach past every namespace: modules, ports and memory, kexec, clock, kernel log, mandatory access control. An empty
 * lxc.cap.drop keeps them.
 */
bool spec_drops_host_capabilities(const struct spec *spec);

/*
 * The namespaces that a start makes: the mask of spec->namespaces, or all (user only with an idmap, time only
 * with an offset, net not with a link of type none and not without any link, cgroup when the kernel has it),
 * without those that are shared.
 */
uint32_t spec_new_namespaces(const struct spec *spec);
