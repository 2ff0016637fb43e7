/*
 * vzcalc, vzmemcheck, vzcpucheck: what of the host a container uses, was promised, and may take at most. vzsplit: a sample
 * configuration for a share of the host. Promised: what memory.low keeps for it, or the barrier; at most: the limit.
 */
#include "tools/openvz/vzlist.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "base/text.h"

#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <strings.h>
#include <sys/statvfs.h>

#define PAGE 4096

struct host {
	double ram, swap, processes; /* bytes, bytes, number */
};

/* A share of the host: -1: no promise, no limit. */
struct share {
	double current, promised, most, of;
};
enum { SHARE_KERNEL, SHARE_RAM, SHARE_SWAP, SHARE_ALLOCATED, SHARE_PROCESSES, SHARES };

static double meminfo(const char *text, const char *name)
{
	const char *line = strstr(text, name);
	return line ? strtod(line + strlen(name), NULL) * 1024 : 0;
}

static int read_host(struct host *ret)
{
	auto_free char *memory = NULL, *pids = NULL;
	size_t length;
	int r = file_read(-1, "/proc/meminfo", 1 << 16, &memory, &length);
	r = r ?: file_read(-1, "/proc/sys/kernel/pid_max", 64, &pids, &length);
	if (r < 0)
		return r;
	*ret = (struct host){ meminfo(memory, "MemTotal:"), meminfo(memory, "SwapTotal:"), strtod(pids, NULL) };
	return 0;
}

/* ---- shares of a container ---- */

struct counter {
	double held, barrier, limit; /* in bytes where it is memory; below 0: no limit */
};

static struct counter read_counter(struct vl_row *row, const char *name, double unit)
{
	const struct vl_field *field = vl_find(name, strlen(name));
	uint64_t v[5];
	const uint64_t none = (uint64_t)VZ_UNLIMITED;
	if (!vl_ubc(row, field, v))
		return (struct counter){ 0, -1, -1 };
	return (struct counter){ (double)v[0] * unit, v[2] == none ? -1 : (double)v[2] * unit, v[3] == none ? -1 : (double)v[3] * unit };
}

static void read_shares(struct vl_row *row, const struct host *host, struct share ret[SHARES])
{
	struct counter kernel = read_counter(row, "kmemsize", 1), ram = read_counter(row, "physpages", PAGE);
	struct counter swap = read_counter(row, "swappages", PAGE), kept = read_counter(row, "vmguarpages", PAGE);
	struct counter allocated = read_counter(row, "privvmpages", PAGE), processes = read_counter(row, "numproc", 1);
	double both = ram.limit < 0 || swap.limit < 0 ? -1 : ram.limit + swap.limit;
	double total = host->ram + host->swap;
	ret[SHARE_KERNEL] = (struct share){ kernel.held, kernel.barrier, kernel.limit, host->ram };
	ret[SHARE_RAM] = (struct share){ ram.held, kept.barrier, ram.limit, host->ram };
	ret[SHARE_SWAP] = (struct share){ ram.held + swap.held, kept.barrier, both, total };
	ret[SHARE_ALLOCATED] = (struct share){ allocated.held, kept.barrier, allocated.limit < 0 ? both : allocated.limit, total };
	ret[SHARE_PROCESSES] = (struct share){ processes.held, processes.barrier, processes.limit, host->processes };
}

static const char *percent(double part, double of, char buffer[16])
{
	if (part < 0 || of <= 0)
		return "-";
	(void)snprintf(buffer, 16, "%.2f", part * 100 / of);
	return buffer;
}

/* ---- vzcalc ---- */

static void print_share(const char *name, const struct share *share)
{
	char a[16], b[16], c[16];
	printf("%-11s %11s %12s %7s\n", name, percent(share->current, share->of, a), percent(share->promised, share->of, b),
		percent(share->most, share->of, c));
}

int vzcalc_main(int argc, char **argv)
{
	static const char *const names[] = { "Low Mem", "Total RAM", "Mem + Swap", "Alloc. Mem", "Num. Proc" };
	struct share shares[SHARES];
	struct vl_row row = { 0 };
	struct host host;
	bool is_verbose = argc > 1 && strcmp(argv[1], "-v") == 0;
	bool is_asked = argc == 2 && strcmp(argv[1], "--help") == 0;
	if (argc != 2 + is_verbose || is_asked) {
		fputs("Usage: vzcalc [-v] CTID\nWhat the container uses of the host now, was promised, and gets at most; -v: each kind.\n",
			is_asked ? stdout : stderr);
		return !is_asked;
	}
	if (vl_open("vzcalc", argv[argc - 1], &row) < 0 || read_host(&host) < 0)
		return 1;
	read_shares(&row, &host, shares);
	struct share memory = shares[SHARE_RAM];
	puts("Resource     Current(%)  Promised(%)  Max(%)");
	for (int i = 0; is_verbose && i < SHARES; i++)
		print_share(names[i], &shares[i]);
	if (is_verbose)
		puts("--------------------------------------------");
	for (int i = SHARE_SWAP; i <= SHARE_ALLOCATED; i++) { /* the tightest of them counts */
		memory.current = memory.current / memory.of >= shares[i].current / shares[i].of ? memory.current :
												 shares[i].current * memory.of / shares[i].of;
	}
	print_share("Memory", &memory);
	vl_close(&row);
	return 0;
}

/* ---- vzmemcheck ---- */

/* kernel memory, its promise, RAM, RAM and swap, its promise, allocated memory, its promise, its limit */
#define COLUMNS 8

static void print_columns(const char *name, const double values[COLUMNS], const double totals[COLUMNS], bool is_absolute)
{
	printf("%-8s", name);
	for (int i = 0; i < COLUMNS; i++)
		printf(" %7.2f", is_absolute ? values[i] / 1048576 : totals[i] > 0 ? values[i] * 100 / totals[i] : 0);
	putchar('\n');
}

static void add_container(const char *name, const struct host *host, double sums[COLUMNS], double totals[COLUMNS], bool shows,
	bool is_absolute)
{
	struct vl_row row = { 0 };
	struct share s[SHARES];
	if (vl_open("vzmemcheck", name, &row) < 0)
		return;
	read_shares(&row, host, s);
	const double values[COLUMNS] = { s[SHARE_KERNEL].current, s[SHARE_KERNEL].promised, s[SHARE_RAM].current, s[SHARE_SWAP].current,
		s[SHARE_SWAP].promised, s[SHARE_ALLOCATED].current, s[SHARE_ALLOCATED].promised, s[SHARE_ALLOCATED].most };
	double shown[COLUMNS];
	for (int i = 0; i < COLUMNS; i++) {
		shown[i] = values[i] < 0 ? 0 : values[i];
		sums[i] += shown[i];
		totals[i] = i < 3 ? host->ram : host->ram + host->swap;
	}
	if (shows)
		print_columns(name, shown, totals, is_absolute);
	vl_close(&row);
}

int vzmemcheck_main(int argc, char **argv)
{
	bool is_verbose = false, is_absolute = false, is_asked = false, is_wrong = false;
	double sums[COLUMNS] = { 0 }, totals[COLUMNS] = { 0 };
	struct string_list running = { 0 };
	struct host host;
	for (int i = 1; i < argc; i++) {
		bool is_v = strcmp(argv[i], "-v") == 0, is_a = strcmp(argv[i], "-A") == 0;
		is_verbose |= is_v;
		is_absolute |= is_a;
		is_asked |= strcmp(argv[i], "--help") == 0;
		is_wrong |= !is_v && !is_a;
	}
	if (is_wrong) {
		fputs("Usage: vzmemcheck [-v] [-A]\nHow much of the host's memory the running containers use and were promised; -v: each "
		      "one; -A: in megabytes.\n", is_asked ? stdout : stderr);
		return !is_asked;
	}
	if (read_host(&host) < 0 || vl_running(&running) < 0)
		return 1;
	puts(is_absolute ? "Output values in Mbytes" : "Output values in %");
	puts("veid      LowMem  LowMem     RAM MemSwap MemSwap   Alloc   Alloc   Alloc");
	puts("            util  commit    util    util  commit    util  commit   limit");
	for (int i = 0; i < COLUMNS; i++)
		totals[i] = i < 3 ? host.ram : host.ram + host.swap;
	for (size_t i = 0; i < running.count; i++)
		add_container(running.items[i], &host, sums, totals, is_verbose, is_absolute);
	if (is_verbose)
		puts("-------------------------------------------------------------------------");
	print_columns("Summary:", sums, totals, is_absolute);
	if (is_absolute)
		print_columns("Total:", totals, totals, true);
	string_list_clear(&running);
	return 0;
}

/* ---- vzcpucheck ---- */

static double read_power(void)
{
	auto_free char *text = NULL;
	size_t length;
	double sum = 0;
	if (file_read(-1, "/proc/cpuinfo", 16 << 20, &text, &length) < 0)
		return 0;
	for (char *next = text, *line; (line = strsep(&next, "\n"));)
		if (strncasecmp(line, "bogomips", 8) == 0 && strchr(line, ':'))
			sum += strtod(strchr(line, ':') + 1, NULL);
	return sum * 25; /* OpenVZ's unit of it */
}

int vzcpucheck_main(int argc, char **argv)
{
	struct string_list running = { 0 };
	bool is_verbose = argc == 2 && strcmp(argv[1], "-v") == 0, is_asked = argc == 2 && strcmp(argv[1], "--help") == 0;
	uint64_t sum = 1000; /* the host itself */
	if (argc > 1 && !is_verbose) {
		fputs("Usage: vzcpucheck [-v]\nThe CPUUNITS of the running containers and of the host; -v: each one's.\n", is_asked ? stdout : stderr);
		return is_asked ? 0 : 2;
	}
	if (vl_running(&running) < 0)
		return 1;
	if (is_verbose)
		puts("VEID\t\tCPUUNITS\n-------------------------\n0\t\t1000");
	for (size_t i = 0; i < running.count; i++) {
		struct vl_row row = { 0 };
		uint64_t units;
		if (vl_open("vzcpucheck", running.items[i], &row) < 0)
			continue;
		if (text_to_u64(vz_ct_get(&row.ct, "CPUUNITS") ?: "", &units) < 0)
			units = 1000;
		sum += units;
		if (is_verbose)
			printf("%s\t\t%" PRIu64 "\n", running.items[i], units);
		vl_close(&row);
	}
	double power = read_power();
	printf("Current CPU utilization: %" PRIu64 "\n", sum);
	printf("Power of the node: %.0f\n", power);
	if (power > 0 && (double)sum > power)
		puts("Warning: hardware node is overcommitted");
	string_list_clear(&running);
	return 0;
}

/* ---- vzsplit ---- */

/* A tenth of the memory, half of the processes and of the disk stay the host's. */
static int make_sample(const struct host *host, double count, double swap, char **ret)
{
	struct statvfs disk = { 0 };
	struct vz_ct ct = { 0 };
	auto_free char *area = vz_ct_open(&ct, 1, NULL) < 0 ? NULL : vz_ct_path(&ct, "TEMPLATE");
	const char *place = area && access(area, F_OK) == 0 ? area : "/";
	double pages = host->ram * 0.9 / count / PAGE, processes = host->processes / 2 / count;
	double space = statvfs(place, &disk) == 0 ? (double)disk.f_bavail * (double)disk.f_frsize / 2048 / count : 0;
	vz_ct_clear(&ct);
	if (pages < 4096 || processes < 16)
		return -ERANGE;
	return text_format(ret, "# One of %.0f equal shares of this host (vzsplit)\nONBOOT=\"yes\"\nCPUUNITS=\"1000\"\nPHYSPAGES=\"0:%.0f\"\n"
		"SWAPPAGES=\"0:%.0f\"\nNUMPROC=\"%.0f:%.0f\"\nDISKSPACE=\"%.0f:%.0f\"\nQUOTATIME=\"0\"\n",
		count, pages, swap / count / PAGE, processes, processes, space, space);
}

static bool take_number(const char *text, double *ret)
{
	uint32_t number;
	bool is_good = text_to_u32(text, &number) == 0;
	*ret = number;
	return is_good;
}

int vzsplit_main(int argc, char **argv)
{
	struct host host;
	const char *name = NULL;
	auto_free char *text = NULL, *path = NULL;
	char answer[16];
	double count = 0, swap = -1;
	bool is_good = true, is_asked = argc == 2 && strcmp(argv[1], "--help") == 0;
	for (int i = 1; is_good && i < argc; i += 2) {
		is_good = i + 1 < argc;
		if (is_good && strcmp(argv[i], "-n") == 0)
			is_good = take_number(argv[i + 1], &count) && count > 0;
		else if (is_good && strcmp(argv[i], "-s") == 0)
			is_good = take_number(argv[i + 1], &swap);
		else if (is_good && strcmp(argv[i], "-f") == 0)
			is_good = !strchr(name = argv[i + 1], '/');
		else
			is_good = false;
	}
	if (!is_good || read_host(&host) < 0) {
		fputs("Usage: vzsplit [-n COUNT] [-f NAME] [-s SWAP-KB]\nA configuration with one of COUNT shares of this host, as "
		      "ve-NAME.conf-sample or on standard output.\n", is_asked ? stdout : stderr);
		return !is_asked;
	}
	if (count == 0) {
		fputs("Number of containers: ", stderr);
		if (scanf("%15s", answer) != 1 || !take_number(answer, &count) || count == 0)
			return 1;
	}
	int r = make_sample(&host, count, swap < 0 ? host.swap : swap * 1024, &text);
	if (r < 0) {
		fprintf(stderr, "vzsplit: this host is not large enough for %.0f containers\n", count);
		return 1;
	}
	if (!name)
		return fputs(text, stdout) < 0;
	r = text_format(&path, "%s/conf/ve-%s.conf-sample", vz_config_directory(), name);
	r = r ?: file_write(-1, path, O_WRONLY | O_CREAT | O_EXCL, 0644, text, strlen(text));
	if (r < 0)
		fprintf(stderr, "vzsplit: write %s: %s\n", path ?: "", strerror(-r));
	return r < 0;
}
