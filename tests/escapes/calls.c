/* System calls on the one kernel of all: with arguments that the kernel refuses after it has asked for the rights. */
#include "attempts.h"

#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/keyctl.h>
#include <linux/perf_event.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/io.h>
#include <sys/ioctl.h>
#include <sys/klog.h>
#include <sys/ptrace.h>
#include <sys/reboot.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/swap.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/timex.h>
#include <time.h>
#include <unistd.h>

static const char *init_module_call(void) { return word_unless(syscall(SYS_init_module, NULL, 0, ""), "loaded"); }
static const char *finit_module_call(void) { return word_unless(syscall(SYS_finit_module, -1, "", 0), "loaded"); }
static const char *delete_module_call(void)
{
	return word_unless(syscall(SYS_delete_module, "wabe_no_such_module", O_NONBLOCK), "deleted");
}
static const char *kexec(void) { return word_unless(syscall(SYS_kexec_load, 0, 0, NULL, ~0UL), "loaded"); }
static const char *kexec_file(void)
{
#ifdef SYS_kexec_file_load
	return word_unless(syscall(SYS_kexec_file_load, -1, -1, 0, NULL, ~0UL), "loaded");
#else
	return "ENOSYS";
#endif
}

/* A file by its handle, past every mount: the own root, and what has inode 2 in the same file system. */
static const char *by_handle(bool own)
{
	struct {
		struct file_handle head;
		unsigned char body[128];
	} handle = { .head.handle_bytes = 128 };
	int mount_id, fd = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0 || name_to_handle_at(fd, "", &handle.head, &mount_id, AT_EMPTY_PATH) < 0)
		return errno_word(errno);
	if (!own) { /* FILEID_INO32_GEN with generation 0 */
		handle.head.handle_bytes = 8;
		handle.head.handle_type = 1;
		memset(handle.head.f_handle, 0, 8);
		handle.head.f_handle[0] = 2;
	}
	int opened = open_by_handle_at(fd, &handle.head, O_RDONLY | O_CLOEXEC);
	return word_unless(opened, "opened");
}
static const char *handle_own(void) { return by_handle(true); }
static const char *handle_host(void) { return by_handle(false); }

static const char *bpf_map(void)
{
	union bpf_attr attribute = { .map_type = BPF_MAP_TYPE_ARRAY, .key_size = 4, .value_size = 4, .max_entries = 1 };

	return word_unless(syscall(SYS_bpf, BPF_MAP_CREATE, &attribute, sizeof(attribute)), "made");
}
static const char *bpf_program(void)
{
	const struct bpf_insn code[] = { { .code = 0xb7 }, { .code = 0x95 } }; /* r0 = 0; exit */
	union bpf_attr attribute = { .prog_type = BPF_PROG_TYPE_KPROBE, .insn_cnt = 2, .insns = (unsigned long)code,
				     .license = (unsigned long)"GPL" };

	return word_unless(syscall(SYS_bpf, BPF_PROG_LOAD, &attribute, sizeof(attribute)), "loaded");
}
static const char *perf_all(void)
{
	struct perf_event_attr attribute = { .type = PERF_TYPE_SOFTWARE, .size = sizeof(attribute), .config = PERF_COUNT_SW_CPU_CLOCK,
					     .disabled = 1 };

	return word_unless(syscall(SYS_perf_event_open, &attribute, -1, 0, -1, PERF_FLAG_FD_CLOEXEC), "opened");
}
static const char *userfault(void) { return word_unless(syscall(SYS_userfaultfd, O_CLOEXEC), "opened"); }
static const char *io_uring(void)
{
	unsigned char parameters[120] = "";

	return word_unless(syscall(SYS_io_uring_setup, 1, parameters), "opened");
}
static const char *fanotify(void) { return word_unless(syscall(SYS_fanotify_init, 4 /* CONTENT */, O_RDONLY), "opened"); }

/* --- keys: the runner's session has one by this name, its user keyring another --- */

static const char *key_in(int ring, const char *name)
{
	return word_unless(syscall(SYS_keyctl, KEYCTL_SEARCH, ring, "user", name, 0), "host");
}
static const char *key_session(void) { return key_in(KEY_SPEC_SESSION_KEYRING, "wabe-host-secret"); }
static const char *key_list(void)
{
	char line[512];
	const char *word = "own";
	FILE *file = fopen("/proc/keys", "re");

	if (!file)
		return errno_word(errno);
	while (fgets(line, sizeof(line), file))
		if (strstr(line, "wabe-host-secret"))
			word = "host";
	fclose(file);
	return word;
}
int tool_key(char **arguments)
{
	if (syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL) < 0)
		fprintf(stderr, "no session keyring: %s\n", errno_word(errno));
	else if (syscall(SYS_add_key, "user", "wabe-host-secret", "x", 1, KEY_SPEC_SESSION_KEYRING) < 0)
		fprintf(stderr, "no key: %s\n", errno_word(errno));
	execvp(arguments[0], arguments);
	return 127;
}

/* --- clock, power, swap, accounting, ports --- */

static const char *clock_set(void)
{
	struct timeval *none = NULL;

	return word_unless(syscall(SYS_settimeofday, none, NULL), "allowed"); /* asks for the right, sets nothing */
}
static const char *clock_adjust(void)
{
	struct timex wrong = { .modes = ADJ_TICK, .tick = 1 };

	return word_unless(adjtimex(&wrong), "allowed");
}
static const char *clock_settime_wrong(void)
{
	struct timespec wrong = { .tv_nsec = -1 };

	return word_unless(clock_settime(CLOCK_REALTIME, &wrong), "allowed");
}
static const char *reboot_host(void) { return word_unless(reboot(RB_DISABLE_CAD), "host"); }
static const char *swap_on(void) { return word_unless(swapon("/no/such/file", 0), "on"); }
static const char *swap_off(void) { return word_unless(swapoff("/no/such/file"), "off"); }
static const char *accounting(void) { return word_unless(syscall(SYS_acct, "/no/such/file"), "on"); }
static const char *ports(void)
{
#ifdef __x86_64__
	return word_unless(ioperm(0x80, 1, 1), "allowed");
#else
	return "ENOSYS";
#endif
}
static const char *port_level(void)
{
#ifdef __x86_64__
	return word_unless(iopl(3), "allowed");
#else
	return "ENOSYS";
#endif
}
static const char *kernel_log(void) { return word_unless(klogctl(10 /* size of the buffer */, NULL, 0), "read"); }
static const char *kernel_log_clear(void) { return word_unless(klogctl(8 /* level */, NULL, 99 /* wrong */), "set"); }
static const char *host_name(void)
{
	const char *word = namespace_word("uts");

	return sethostname("escaped", 7) < 0 ? errno_word(errno) : word;
}
static const char *process_quota(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return errno_word(errno);
	limit.rlim_max++;
	return word_unless(setrlimit(RLIMIT_NOFILE, &limit), "raised");
}
static const char *real_time(void)
{
	struct sched_param one = { .sched_priority = 1 };

	return word_unless(sched_setscheduler(0, SCHED_FIFO, &one), "allowed");
}
static const char *out_of_memory(void)
{
	int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);

	return word_unless(fd < 0 ? fd : write(fd, "-1000", 5), "allowed");
}

/* --- terminals: of what is open here first --- */

static int terminal(void)
{
	return isatty(0) ? dup(0) : open("/dev/console", O_RDWR | O_NOCTTY | O_CLOEXEC);
}
static const char *push_input(void) /* nothing: the kernel looks for it after it has asked for the rights */
{
	int fd = terminal();

	return word_unless(fd < 0 ? fd : syscall(SYS_ioctl, fd, TIOCSTI, NULL), "pushed");
}
static const char *push_input_high(void) /* the high half of the number: a filter must not look at it, the kernel does not */
{
	int fd = terminal();

	return word_unless(fd < 0 ? fd : syscall(SYS_ioctl, fd, TIOCSTI | 1UL << 32, NULL), "pushed");
}
static const char *paste_selection(void)
{
	int fd = terminal();
	char code = 3;

	return word_unless(fd < 0 ? fd : ioctl(fd, TIOCLINUX, &code), "pasted");
}
/* Whose terminal is it? The runner's has another devpts. */
static const char *terminal_owner(void)
{
	struct stat status, pts;
	int fd = terminal();

	if (fd < 0 || fstat(fd, &status) < 0)
		return errno == ENXIO || errno == ENOENT ? "none" : errno_word(errno);
	return stat("/dev/pts", &pts) == 0 && *host_fact("pts") && status.st_dev == strtoul(host_fact("pts"), NULL, 0) ? "host" : "own";
}
int tool_sti(char **arguments)
{
	const char *text = arguments[0] ? arguments[0] : "#";
	long r = 0;

	for (; *text && r == 0; text++)
		r = syscall(SYS_ioctl, 0, TIOCSTI, text);
	printf("%s\n", word_unless(r, "pushed"));
	return 0;
}

const struct attempt call_attempts[] = {
	{ "module-init", init_module_call }, { "module-finit", finit_module_call }, { "module-delete", delete_module_call },
	{ "kexec-load", kexec }, { "kexec-file-load", kexec_file }, { "handle-own", handle_own }, { "handle-host", handle_host },
	{ "bpf-map", bpf_map }, { "bpf-program", bpf_program }, { "perf-all", perf_all }, { "userfaultfd", userfault },
	{ "io-uring", io_uring }, { "fanotify", fanotify }, { "key-session", key_session }, { "key-list", key_list },
	{ "clock-settimeofday", clock_set }, { "clock-adjtimex", clock_adjust }, { "clock-settime", clock_settime_wrong },
	{ "reboot", reboot_host }, { "swapon", swap_on }, { "swapoff", swap_off }, { "acct", accounting },
	{ "ioperm", ports }, { "iopl", port_level }, { "syslog-read", kernel_log }, { "syslog-level", kernel_log_clear },
	{ "hostname", host_name }, { "rlimit-raise", process_quota }, { "real-time", real_time }, { "oom-score", out_of_memory },
	{ "tiocsti", push_input }, { "tiocsti-high", push_input_high }, { "tioclinux", paste_selection },
	{ "terminal-owner", terminal_owner }, { NULL, NULL },
};
