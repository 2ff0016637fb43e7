/* Ten thousand operations: neither fds nor memory become more. */
#include "main.h"

#include <malloc.h>
#include <stdio.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define KEEPS_FREED_MEMORY true
#else
#define KEEPS_FREED_MEMORY false
#endif

struct usage {
	int fds;
	size_t heap_bytes;
	long resident_kib;
};

static struct usage usage_now(void)
{
	struct usage usage = { .fds = open_fds(), .heap_bytes = mallinfo2().uordblks };
	char *text = read_file("/proc/self/status");
	const char *line = text ? strstr(text, "VmRSS:") : NULL;
	if (line)
		(void)sscanf(line, "VmRSS: %ld", &usage.resident_kib);
	free(text);
	return usage;
}

static void operate_cheaply(struct lxc_container *c, int number)
{
	char text[256];
	struct lxc_container *other;
	switch (number % 8) {
	case 0:
		(void)CALL(c, state);
		break;
	case 1:
		(void)CALL(c, get_config_item, "lxc.rootfs.path", text, sizeof(text));
		break;
	case 2:
		(void)FUNCTION(list_all_containers, setting("API_PATH"), NULL, NULL);
		break;
	case 3:
		free_list(CALL(c, get_ips, NULL, NULL, 0));
		break;
	case 4:
		(void)CALL(c, set_config_item, number % 16 < 8 ? "lxc.group" : "lxc.nothing", "endurance");
		(void)CALL(c, clear_config_item,
			"lxc.group"); /* else the text grows by a line, as it does in LXC */
		break;
	case 5:
		other = open_container("endurance");
		(void)CALL(other, is_running);
		(void)FUNCTION(lxc_container_put, other);
		break;
	case 6:
		free(CALL(c, get_running_config_item, "lxc.uts.name"));
		(void)CALL(c, get_cgroup_item, "cgroup.procs", text, sizeof(text));
		break;
	default:
		(void)CALL(c, init_pid);
		free_list(CALL(c, get_interfaces));
	}
}

static void operate(struct lxc_container *c, int from, int to)
{
	for (int number = from; number < to; number++) {
		if (number % 300 == 299) {
			if (!CALL(c, stop) || !CALL(c, start, 0, NULL))
				group_fault("start: %s", c->error_string);
		} else if (number % 30 == 29) {
			if (CALL(c, attach_run_waitl, NULL, "/bin/true", "true", NULL) != 0)
				group_fault("attach: %s", c->error_string ? c->error_string : "?");
		} else if (number % 100 == 98) {
			if (!CALL(c, freeze) || !CALL(c, unfreeze) || CALL(c, wait, "STOPPED", 0))
				group_fault("freeze: %s", c->error_string ? c->error_string : "?");
		} else {
			operate_cheaply(c, number);
		}
	}
}

void test_endurance(void)
{
	const char *value = getenv("API_OPERATIONS");
	int operations = value ? atoi(value) : 10000;
	struct lxc_container *c = start_container("endurance", NULL);
	watch_calls(false); /* a thousand times is enough, and this is to be quick */
	operate(c, 0, operations / 10);
	struct usage before = usage_now();
	operate(c, operations / 10, operations);
	struct usage after = usage_now();
	end_group("operations");
	check_number("fds", before.fds, after.fds);
	/* what a thread's cache keeps counts as in use, a few KiB; 16 lost bytes in one call of the eight are more */
	result("heap", after.heap_bytes <= before.heap_bytes + 12288, "%zu bytes, before %zu",
		after.heap_bytes, before.heap_bytes);
	if (KEEPS_FREED_MEMORY || getenv("API_VALGRIND"))
		skipped("resident", "a tool keeps freed memory");
	else
		result("resident", after.resident_kib <= before.resident_kib + 512, "%ld KiB, before %ld",
			after.resident_kib, before.resident_kib);
	drop_container(c);
}
