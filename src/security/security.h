#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/error.h"
#include "spec/spec.h"

struct sock_filter;

/*
 * What init gives up before exec. All functions but security_seccomp_prepare act on the calling process and
 * return 0 or -errno with *err filled. Nothing is done, and no system call spent, for what is not configured.
 */

/* Compiled seccomp filter; zeroed: none. */
struct seccomp_filter {
	struct sock_filter *instructions; /* owned */
	size_t count;
	bool allow_nesting; /* load it although the caller is below a filter already */
	unsigned flags;	    /* SECCOMP_FILTER_FLAG_* for its load */
	bool notifies;	    /* some calls are answered by a listener */
	char warning[160];  /* what of the policy was skipped, "LINE: TEXT", or "" */
};

/* lxc.prlimit.* and core scheduling (a new cookie). */
int security_apply_limits(const struct spec *spec, struct error *err);

/* lxc.proc.*: files of the caller's own /proc/PID, through a procfs that the container can not fake. */
int security_write_proc_files(const struct spec *spec, struct error *err);

/* lxc.arch. */
int security_personality(const struct spec *spec, struct error *err);

/* A new session keyring unless lxc.keyring.session keeps the caller's. */
int security_session_keyring(const struct spec *spec, struct error *err);

/* What a container runs under, chosen by the supervisor. */
struct security_labels {
	char *apparmor;	   /* owned; NULL: as its caller */
	char warning[448]; /* one line about what was asked for and the kernel has not, or "" */
};

/* Is a profile made for this container alone? Then its name goes into the journal before security_choose_labels. */
bool security_generates_profile(const struct spec *spec);
/* The name of that profile. size: 256. */
void security_apparmor_label(const struct spec *spec, char *buffer, size_t size);

/*
 * Chooses, and has generated profiles made and loaded (apparmor_parser only for one that is not kept compiled). In the
 * supervisor. One system call where the kernel has no AppArmor.
 */
int security_choose_labels(const struct spec *spec, struct security_labels *ret, struct error *err);
void security_clear_labels(struct security_labels *labels);
/* Takes a generated profile out of the kernel, once nothing runs under it. Best effort. */
void security_unload_profile(const char *label);

/* The AppArmor label of pid by the host's /proc, malloc'ed; NULL: none. 0 or -errno. */
int security_read_label(pid_t pid, char **ret);

/* AppArmor label (NULL: none) and SELinux context of the next exec; the latter ignored where the kernel has none. */
int security_set_lsm(const struct spec *spec, const char *apparmor_label, struct error *err);
/* The label at once, for a process that executes nothing. */
int security_set_apparmor_now(const struct spec *spec, const char *apparmor_label, struct error *err);

/*
 * lxc.landlock.*: which files the caller and its children may use from now on; nothing where the kernel has no Landlock.
 * Without CAP_SYS_ADMIN it sets no_new_privs.
 */
bool security_has_file_rules(const struct spec *spec);
int security_restrict_files(const struct spec *spec, struct error *err);

/* lxc.cap.drop and .keep: what no program in the container can ever gain. Before security_set_identity. */
int security_drop_bounding_set(const struct spec *spec, struct error *err);

/*
 * Becomes uid and gid with the supplementary groups (decimal; NULL or empty: none). Permitted capabilities
 * outlive the change until exec, because security_seccomp_load needs one.
 */
int security_set_identity(const struct spec *spec, uid_t uid, gid_t gid, const struct string_list *groups,
	struct error *err);

/* Empties the inheritable and with it the ambient set; what stays permitted ends at exec by the bounding set. */
int security_drop_capabilities(const struct spec *spec, struct error *err);

int security_no_new_privs(struct error *err);

/*
 * Number of a capability by name ("sys_admin") or decimal number, as lxc.cap.* takes it; -EINVAL for anything
 * else, upper case and a CAP_ prefix among it.
 */
int security_capability_number(const char *name);

/* Mask of the capabilities that lxc.cap.drop and .keep leave. 0 or -EINVAL. For attach. */
int security_capability_mask(const struct spec *spec, unsigned long long *ret_mask, struct error *err);

/*
 * The BPF for lxc.seccomp.profile: out of a cache, else compiled by the helper program and cached. In the
 * supervisor. ret is zeroed when no profile is set.
 * cache_dir: private to the user, made when missing; NULL: none. A file holds the whole policy text beside the program,
 *   so that two policies of one hash can not be mistaken.
 */
int security_seccomp_prepare_in(const struct spec *spec, const char *cache_dir, const char *compiler_path,
	struct seccomp_filter *ret, struct error *err);
/* The same with seccomp_cache_directory() and the installed compiler. */
int security_seccomp_prepare(const struct spec *spec, struct seccomp_filter *ret, struct error *err);

/*
 * Loads it into the caller, last before exec. Skipped below another filter unless nesting is allowed.
 * *ret_listener_fd: of a filter that notifies, else -1.
 */
int security_seccomp_load(const struct seccomp_filter *filter, int *ret_listener_fd, struct error *err);
void security_seccomp_clear(struct seccomp_filter *filter);
