/* The process object, of config.json and of exec. */
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "dialect/oci/internal.h"

/* The kernel's order: capability.h. */
static const char *const capabilities[] = { "CHOWN", "DAC_OVERRIDE", "DAC_READ_SEARCH", "FOWNER", "FSETID", "KILL", "SETGID",
	"SETUID", "SETPCAP", "LINUX_IMMUTABLE", "NET_BIND_SERVICE", "NET_BROADCAST", "NET_ADMIN", "NET_RAW", "IPC_LOCK",
	"IPC_OWNER", "SYS_MODULE", "SYS_RAWIO", "SYS_CHROOT", "SYS_PTRACE", "SYS_PACCT", "SYS_ADMIN", "SYS_BOOT", "SYS_NICE",
	"SYS_RESOURCE", "SYS_TIME", "SYS_TTY_CONFIG", "MKNOD", "LEASE", "AUDIT_WRITE", "AUDIT_CONTROL", "SETFCAP",
	"MAC_OVERRIDE", "MAC_ADMIN", "SYSLOG", "WAKE_ALARM", "BLOCK_SUSPEND", "AUDIT_READ", "PERFMON", "BPF",
	"CHECKPOINT_RESTORE", NULL };

uint64_t oci_capability_bit(const char *name)
{
	if (strncasecmp(name, "CAP_", 4) != 0)
		return 0;
	for (int i = 0; capabilities[i]; i++)
		if ((capabilities[i][0] | 0x20) == (name[4] | 0x20) && strcasecmp(capabilities[i], name + 4) == 0)
			return 1ULL << i;
	return 0;
}

static int read_capabilities(const struct json_at *process, struct spec_oci *oci)
{
	static const char *const sets[] = { "bounding", "effective", "permitted", "inheritable", "ambient" };
	uint64_t *const masks[] = { &oci->cap_bounding, &oci->cap_effective, &oci->cap_permitted, &oci->cap_inheritable,
		&oci->cap_ambient };
	struct json_at at;
	int r = json_member(process, "capabilities", JSON_OBJECT, &at);

	for (int i = 0; r > 0 && i < 5; i++) {
		struct string_list names = { 0 };
		int set_r = json_take_texts(&at, sets[i], &names);
		vector_for_each (name, &names) /* an unknown one is none that the container could get */
			*masks[i] |= oci_capability_bit(*name);
		string_list_clear(&names);
		if (set_r < 0)
			return set_r;
	}
	return r < 0 ? r : 0;
}

static int read_rlimit(const struct json_at *at, struct spec *spec)
{
	static const char *const known[] = { "as", "core", "cpu", "data", "fsize", "locks", "memlock", "msgqueue", "nice", "nofile",
		"nproc", "rss", "rtprio", "rttime", "sigpending", "stack", NULL };
	auto_free char *type = NULL;
	struct spec_rlimit limit = { .origin = json_origin(at) };
	int r = json_take_text(at, "type", &type);

	if (r == 0)
		return json_missing(at, "type");
	r = r < 0 ? r : json_take_u64(at, "soft", &limit.soft);
	r = r < 0 ? r : json_take_u64(at, "hard", &limit.hard);
	if (r < 0)
		return r;
	if (strncmp(type, "RLIMIT_", 7) != 0)
		return json_fault(at, "unknown type %s", type);
	for (char *c = type + 7; *c; c++)
		*c = (char)(*c >= 'A' && *c <= 'Z' ? *c - 'A' + 'a' : '#');
	if (oci_word(known, type + 7) < 0)
		return json_fault(at, "unknown type of limit");
	if (limit.soft > limit.hard)
		return json_fault(at, "soft is above hard");
	vector_for_each (other, &spec->process.rlimits)
		if (strcmp(other->name, type + 7) == 0)
			return json_fault(at, "this limit is given twice");
	struct spec_rlimit *slot = vector_add(&spec->process.rlimits);
	if (!slot || !(limit.name = strdup(type + 7)))
		return json_no_memory(at);
	*slot = limit;
	return 0;
}

static int read_rlimits(const struct json_at *process, struct spec *spec)
{
	struct json_at list, item;
	int r = json_member(process, "rlimits", JSON_ARRAY, &list);

	for (size_t i = 0; r > 0 && i < json_count(&list); i++) {
		int item_r = json_item(&list, i, JSON_OBJECT, &item);
		item_r = item_r < 0 ? item_r : read_rlimit(&item, spec);
		if (item_r < 0)
			return item_r;
	}
	return r < 0 ? r : 0;
}

static int read_user(const struct json_at *process, struct spec *spec)
{
	struct json_at at, list, item;
	int r = json_member(process, "user", JSON_OBJECT, &at);

	if (r <= 0)
		return r;
	r = json_take_u32(&at, "uid", &spec->process.uid);
	r = r < 0 ? r : json_take_u32(&at, "gid", &spec->process.gid);
	r = r < 0 ? r : json_take_u32(&at, "umask", &spec->oci.umask);
	if (r > 0 && spec->oci.umask > 0777)
		return json_fault(&at, "umask %u is above 511 (octal 777)", spec->oci.umask);
	r = r < 0 ? r : json_member(&at, "additionalGids", JSON_ARRAY, &list);
	for (size_t i = 0; r > 0 && i < json_count(&list); i++) {
		char text[16];
		int item_r = json_item(&list, i, JSON_INTEGER, &item);
		if (item_r < 0)
			return item_r;
		int64_t gid = json_i64_of(&item);
		if (gid < 0 || gid >= UINT32_MAX)
			return json_fault(&item, "no group id");
		snprintf(text, sizeof(text), "%u", (unsigned)gid);
		if (string_list_add(&spec->process.groups, text) < 0)
			return json_no_memory(&item);
	}
	return r < 0 ? r : 0;
}

static int read_scheduler(const struct json_at *process, struct spec_oci *oci)
{
	static const char *const policies[] = { "SCHED_OTHER", "SCHED_FIFO", "SCHED_RR", "SCHED_BATCH", "SCHED_ISO", "SCHED_IDLE",
		"SCHED_DEADLINE", NULL };
	static const char *const flags[] = { "SCHED_FLAG_RESET_ON_FORK", "SCHED_FLAG_RECLAIM", "SCHED_FLAG_DL_OVERRUN",
		"SCHED_FLAG_KEEP_POLICY", "SCHED_FLAG_KEEP_PARAMS", "SCHED_FLAG_UTIL_CLAMP_MIN", "SCHED_FLAG_UTIL_CLAMP_MAX", NULL };
	auto_free char *policy = NULL;
	struct string_list names = { 0 };
	struct json_at at;
	int64_t nice = 0, priority = 0;
	uint64_t mask = 0, times[3] = { 0 };
	int r = json_member(process, "scheduler", JSON_OBJECT, &at);

	if (r <= 0)
		return r;
	r = json_take_text(&at, "policy", &policy);
	if (r == 0)
		return json_missing(&at, "policy");
	int number = r < 0 ? -1 : oci_word(policies, policy);
	if (r > 0 && number < 0)
		return json_fault(&at, "unknown policy %s", policy);
	r = r < 0 ? r : json_take_i64(&at, "nice", &nice);
	r = r < 0 ? r : json_take_i64(&at, "priority", &priority);
	r = r < 0 ? r : json_take_u64(&at, "runtime", &times[0]);
	r = r < 0 ? r : json_take_u64(&at, "deadline", &times[1]);
	r = r < 0 ? r : json_take_u64(&at, "period", &times[2]);
	r = r < 0 ? r : json_take_texts(&at, "flags", &names);
	vector_for_each (name, &names) {
		int bit = oci_word(flags, *name);
		if (bit < 0 && r >= 0)
			r = json_fault(&at, "unknown flag %s", *name);
		mask |= bit < 0 ? 0 : 1ULL << bit;
	}
	string_list_clear(&names);
	if (r < 0)
		return r;
	if (nice && ((number != 0 && number != 3) || nice < -20 || nice > 19))
		return json_fault(&at, "nice %lld does not fit %s", (long long)nice, policy);
	if (priority && number != 1 && number != 2)
		return json_fault(&at, "priority only with SCHED_FIFO and SCHED_RR");
	if ((times[0] || times[1] || times[2]) && number != 6)
		return json_fault(&at, "runtime, deadline and period only with SCHED_DEADLINE");
	free(oci->scheduler);
	r = text_format(&oci->scheduler, "%d %llu %lld %lld %llu %llu %llu", number, (unsigned long long)mask, (long long)nice,
		(long long)priority, (unsigned long long)times[0], (unsigned long long)times[1], (unsigned long long)times[2]);
	return r < 0 ? json_no_memory(&at) : 0;
}

static int read_io_priority(const struct json_at *process, struct spec_oci *oci)
{
	static const char *const classes[] = { "IOPRIO_CLASS_NONE", "IOPRIO_CLASS_RT", "IOPRIO_CLASS_BE", "IOPRIO_CLASS_IDLE", NULL };
	auto_free char *name = NULL;
	struct json_at at;
	uint32_t priority = 0;
	int r = json_member(process, "ioPriority", JSON_OBJECT, &at);

	if (r <= 0)
		return r;
	r = json_take_text(&at, "class", &name);
	if (r == 0)
		return json_missing(&at, "class");
	r = r < 0 ? r : json_take_u32(&at, "priority", &priority);
	if (r < 0)
		return r;
	int class = oci_word(classes, name);
	if (class < 1)
		return json_fault(&at, "unknown class %s", name);
	if (priority > 7)
		return json_fault(&at, "priority is above 7");
	oci->has_io_priority = true;
	oci->io_priority = (uint32_t)class << 13 | priority;
	return 0;
}

static int read_terminal(const struct json_at *process, struct spec_oci *oci)
{
	struct json_at at;
	int r = json_take_bool(process, "terminal", &oci->terminal);

	r = r < 0 ? r : json_member(process, "consoleSize", JSON_OBJECT, &at);
	if (r <= 0)
		return r;
	r = json_take_u32(&at, "height", &oci->console_height);
	r = r < 0 ? r : json_take_u32(&at, "width", &oci->console_width);
	return r < 0 ? r : 0;
}

static int read_oom(const struct json_at *process, struct spec_oci *oci)
{
	struct json_at at;
	int r = json_member(process, "oomScoreAdj", JSON_INTEGER, &at);

	if (r <= 0)
		return r;
	int64_t value = json_i64_of(&at);
	if (value < -1000 || value > 1000)
		return json_fault(&at, "must be between -1000 and 1000");
	free(oci->oom_score_adj);
	return text_format(&oci->oom_score_adj, "%d", (int)value) < 0 ? json_no_memory(&at) : 0;
}

static int check_cpus(const struct json_at *at, const char *name, const char *list)
{
	uint64_t bits[SPEC_CPU_WORDS];

	if (!list || text_to_bits(list, bits, SPEC_CPU_WORDS) == 0)
		return 0;
	return json_fault(at, "%s: %s is no list of CPUs as 0-3,7", name, list);
}

static int read_affinity(const struct json_at *process, struct spec_oci *oci)
{
	struct json_at at;
	int r = json_member(process, "execCPUAffinity", JSON_OBJECT, &at);

	if (r <= 0)
		return r;
	r = json_take_text(&at, "initial", &oci->cpus_before);
	r = r < 0 ? r : json_take_text(&at, "final", &oci->cpus_after);
	r = r < 0 ? r : check_cpus(&at, "initial", oci->cpus_before);
	return r < 0 ? r : check_cpus(&at, "final", oci->cpus_after);
}

static int read_arguments(const struct json_at *at, struct spec *spec)
{
	int r = json_take_texts(at, "args", &spec->process.argv);

	if (r == 0 || (r > 0 && (spec->process.argv.count == 0 || !*spec->process.argv.items[0])))
		return json_missing(at, "args");
	r = r < 0 ? r : json_take_texts(at, "env", &spec->process.environment);
	r = r < 0 ? r : json_take_text(at, "cwd", &spec->process.cwd);
	if (r == 0)
		return json_missing(at, "cwd");
	if (r > 0 && *spec->process.cwd != '/')
		return json_fault(at, "cwd \"%s\" must be absolute", spec->process.cwd);
	return r < 0 ? r : 0;
}

static int read_process(const struct json_at *at, struct spec *spec)
{
	struct spec_oci *oci = &spec->oci;
	int r = read_arguments(at, spec);

	spec->process.command_origin = json_origin(at);
	r = r < 0 ? r : read_terminal(at, oci);
	r = r < 0 ? r : read_user(at, spec);
	r = r < 0 ? r : read_capabilities(at, oci);
	r = r < 0 ? r : read_rlimits(at, spec);
	r = r < 0 ? r : json_take_bool(at, "noNewPrivileges", &spec->process.no_new_privs);
	r = r < 0 ? r : json_take_text(at, "apparmorProfile", &spec->security.apparmor_profile);
	r = r < 0 ? r : json_take_text(at, "selinuxLabel", &spec->security.selinux_context);
	r = r < 0 ? r : read_oom(at, oci);
	r = r < 0 ? r : read_scheduler(at, oci);
	r = r < 0 ? r : read_io_priority(at, oci);
	r = r < 0 ? r : read_affinity(at, oci);
	return r < 0 ? r : 0;
}

int oci_read_process(const struct json_at *root, struct spec *spec)
{
	struct json_at at;
	int r = json_member(root, "process", JSON_OBJECT, &at);

	return r == 0 ? json_missing(root, "process") : r < 0 ? r : read_process(&at, spec);
}

/* But oomScoreAdj: a process of the container that does not say it has the container's, not the caller's. */
static void forget_process(struct spec *spec)
{
	struct spec_oci *oci = &spec->oci;

	string_list_clear(&spec->process.argv);
	string_list_clear(&spec->process.environment);
	string_list_clear(&spec->process.groups);
	vector_for_each (limit, &spec->process.rlimits)
		free(limit->name);
	spec->process.rlimits.count = 0;
	(void)text_replace(&spec->security.apparmor_profile, NULL);
	(void)text_replace(&spec->security.selinux_context, NULL);
	(void)text_replace(&oci->scheduler, NULL);
	(void)text_replace(&oci->cpus_before, NULL);
	(void)text_replace(&oci->cpus_after, NULL);
	spec->process.uid = spec->process.gid = 0;
	spec->process.no_new_privs = oci->terminal = oci->has_io_priority = false;
	oci->umask = UINT32_MAX;
	oci->console_height = oci->console_width = 0;
	oci->cap_bounding = oci->cap_effective = oci->cap_permitted = oci->cap_inheritable = oci->cap_ambient = 0;
}

int oci_parse_process(struct spec *spec, const char *file, const char *text, size_t length, struct error *err)
{
	struct reading in = { spec, file, err };
	struct json_tree tree;
	int r = json_parse(&in, text, length, &tree);

	if (r < 0)
		return r;
	struct json_at root = { .in = &in, .value = tree.root };
	forget_process(spec);
	r = read_process(&root, spec);
	json_tree_clear(&tree);
	return r;
}
