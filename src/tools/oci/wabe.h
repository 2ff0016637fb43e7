#pragma once
#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "base/vector.h"
#include "engine/oci.h"
#include "spec/spec.h"

/* wabe COMMAND: one `struct command` per command; its table of options is the one source for parsing and help. */

enum value_kind { VALUE_FLAG, VALUE_TEXT, VALUE_NUMBER, VALUE_LIST };

struct value_option {
	const char *name; /* long; NULL ends the table */
	char letter;      /* or 0 */
	enum value_kind kind;
	size_t offset;	  /* in struct wabe_options */
	const char *value_name;
	const char *help; /* NULL: not listed */
};

/* All options of all commands. */
struct wabe_options {
	/* before the command */
	char *root, *log, *log_format, *log_level, *cgroup_manager, *rootless;
	bool debug, systemd_cgroup, version;
	/* create, run, exec */
	char *bundle, *config, *console_socket, *pid_file, *pidfd_socket;
	bool no_pivot, no_new_keyring, detach, keep, no_subreaper, tty, no_new_privs, ignore_paused;
	long preserve_fds;
	char *process, *cwd, *user, *label, *apparmor;
	struct string_list environment, capabilities, groups, cgroups;
	/* the rest */
	char *image_path, *work_path, *parent_path, *page_server, *cgroups_mode, *empty_ns, *lsm_profile, *lsm_mount_context;
	bool leave_running, pre_dump, tcp_established, tcp_close, tcp_skip_in_flight, ext_unix_sk, file_locks, link_remap, shell_job;
	bool all, force, quiet, stats, rootless_spec;
	char *format, *resources, *interval;
	char *memory, *memory_reservation, *memory_swap, *kernel_memory, *kernel_memory_tcp, *l3_cache_schema, *mem_bw_schema, *cpu_period, *cpu_quota, *cpu_burst,
		*cpu_share, *cpu_rt_period, *cpu_rt_runtime, *cpu_idle, *cpuset_cpus, *cpuset_mems, *pids_limit, *blkio_weight;
};

struct wabe_call {
	const struct command *command;
	struct wabe_options options;
	char *root;	   /* absolute state directory */
	struct spec *sink; /* where faults are told: log and its format */
	char **arguments;
	int argument_count;
};

struct command {
	const char *name, *usage, *summary;
	const struct value_option *options;
	bool stops_at_argument; /* what follows the first argument belongs to the program */
	int least, most;	/* arguments; most -1: any */
	int (*run)(struct wabe_call *call, struct error *err); /* exit status, or -errno with *err filled */
};

#define OPTION_AT(member)                       offsetof(struct wabe_options, member)
#define FLAG(name, letter, member, help)        { name, letter, VALUE_FLAG, OPTION_AT(member), NULL, help }
#define TEXT(name, letter, member, value, help) { name, letter, VALUE_TEXT, OPTION_AT(member), value, help }
#define NUMBER(name, letter, member, value, help) { name, letter, VALUE_NUMBER, OPTION_AT(member), value, help }
#define LIST(name, letter, member, value, help) { name, letter, VALUE_LIST, OPTION_AT(member), value, help }
#define OPTIONS_END { NULL, 0, VALUE_FLAG, 0, NULL, NULL }

extern const struct command command_create, command_run, command_exec, command_start, command_state, command_kill,
	command_delete, command_pause, command_resume, command_list, command_ps, command_update, command_events, command_spec,
	command_features, command_checkpoint, command_restore;
extern const struct command *const commands[]; /* ended by NULL */
extern const struct value_option global_options[];

/*
 * Parses options from arguments[*index] on. stops: at the first that is none; else what is none is moved to the front.
 * *index: the first argument that is left. 1: --help was given.
 */
int options_parse(const struct value_option *table, bool stops, char **arguments, int count, int *index,
	struct wabe_options *ret, struct error *err);
void options_clear(struct wabe_options *options);
void help_print_wabe(const char *program);
void help_print_command(const struct command *command);

/* The container of the first argument; flags: of enum oci_load_flags, OCI_LOCK for a command that changes it. 0 or -errno. */
int call_load(const struct wabe_call *call, unsigned flags, struct oci_container *ret, struct error *err);
/* What a start or exec shares: how it was called, into spec. 0 or -errno. */
int call_describe(const struct wabe_call *call, struct spec *spec, struct error *err);
/* path, relative to the working directory. 0 or -errno. */
int call_absolute(const char *path, char **ret);
/*
 * Makes a container out of the bundle; restore: text of checkpoint_describe_restore, or NULL. Goes on as the supervisor's
 * program, so it returns only when it failed.
 */
int call_make(struct wabe_call *call, const char *restore, struct error *err);
int call_usage(const struct wabe_call *call, struct error *err, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
