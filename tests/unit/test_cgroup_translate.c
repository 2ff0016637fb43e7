/* Settings of one cgroup version in the words of the other, both ways. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cgroup/internal.h"

#include <errno.h>
#include <stdio.h>

/* Files of a group that is not there: name, content, name, content, NULL. */
static int read_fake(void *data, const char *file, char **ret)
{
	for (const char *const *at = data; *at; at += 2)
		if (strcmp(at[0], file) == 0)
			return (*ret = strdup(at[1])) ? 0 : -ENOMEM;
	return -ENOENT;
}

static const char *const v2_files[] = { "memory.max", "1048576\n", "memory.swap.max", "max\n", "cpu.max", "max 100000\n",
	"cpu.weight", "100\n", "cgroup.events", "populated 1\nfrozen 1\n", "cpu.stat", "usage_usec 12\nuser_usec 1\n",
	"memory.events", "low 0\nhigh 0\nmax 5\noom 0\noom_kill 2\n", "memory.current", "4096\n", NULL };
static const char *const v1_files[] = { "memory.limit_in_bytes", "1048576\n", "memory.memsw.limit_in_bytes", "3145728\n",
	"cpu.cfs_quota_us", "-1\n", "cpu.cfs_period_us", "50000\n", "cpu.shares", "1024\n", "freezer.state", "THAWED\n",
	"cpuacct.usage", "5000\n", NULL };

static const struct translate_source now_v2 = { read_fake, (void *)v2_files };
static const struct translate_source now_v1 = { read_fake, (void *)v1_files };

struct expected {
	const char *file, *value; /* what is given */
	const char *to, *result;  /* the last step; NULL: -errno is result_code */
	int code;
};

static void check(const struct expected *list, size_t count, bool to_v2)
{
	for (size_t i = 0; i < count; i++) {
		struct translation t;
		int r = to_v2 ? translate_to_v2(list[i].file, list[i].value, &now_v2, &t) :
				translate_to_v1(list[i].file, list[i].value, &now_v1, &t);
		if (r != list[i].code)
			fail_msg("%s = %s gives %d", list[i].file, list[i].value, r);
		if (!list[i].to)
			continue;
		assert_true(t.count > 0);
		assert_string_equal(t.steps[t.count - 1].file, list[i].to);
		assert_string_equal(t.steps[t.count - 1].value, list[i].result);
	}
}

static void test_to_v2(void **state)
{
	(void)state;
	const struct expected list[] = {
		{ "memory.limit_in_bytes", "64M", "memory.max", "67108864", 0 },
		{ "memory.limit_in_bytes", "-1", "memory.max", "max", 0 },
		{ "memory.limit_in_bytes", "9223372036854771712", "memory.max", "max", 0 },
		{ "memory.limit_in_bytes", "lots", NULL, NULL, -EINVAL },
		{ "memory.soft_limit_in_bytes", "4096", "memory.low", "4096", 0 },
		{ "memory.memsw.limit_in_bytes", "3M", "memory.swap.max", "2097152", 0 },
		{ "memory.memsw.limit_in_bytes", "-1", "memory.swap.max", "max", 0 },
		{ "cpu.shares", "2", "cpu.weight", "1", 0 },
		{ "cpu.shares", "1024", "cpu.weight", "39", 0 },
		{ "cpu.shares", "262144", "cpu.weight", "10000", 0 },
		{ "cpu.shares", "1000000", "cpu.weight", "10000", 0 },
		{ "cpu.cfs_quota_us", "50000", "cpu.max", "50000 100000", 0 },
		{ "cpu.cfs_quota_us", "-1", "cpu.max", "max 100000", 0 },
		{ "cpu.cfs_period_us", "20000", "cpu.max", "max 20000", 0 },
		{ "cpuset.cpus", "0-1", "cpuset.cpus", "0-1", 0 },
		{ "pids.max", "100", "pids.max", "100", 0 },
		{ "blkio.weight", "10", "io.weight", "default 1", 0 },
		{ "blkio.weight", "1000", "io.weight", "default 10000", 0 },
		{ "blkio.weight_device", "8:0 500", "io.weight", "8:0 4950", 0 },
		{ "blkio.throttle.read_bps_device", "8:0 1048576", "io.max", "8:0 rbps=1048576", 0 },
		{ "blkio.throttle.write_iops_device", "8:0 0", "io.max", "8:0 wiops=max", 0 },
		{ "hugetlb.2MB.limit_in_bytes", "2M", "hugetlb.2MB.max", "2097152", 0 },
		{ "freezer.state", "FROZEN", "cgroup.freeze", "1", 0 },
		{ "net_cls.classid", "1", NULL, NULL, -EOPNOTSUPP },
		{ "net_prio.ifpriomap", "lo 1", NULL, NULL, -EOPNOTSUPP },
		{ "memory.kmem.limit_in_bytes", "1M", NULL, NULL, -EOPNOTSUPP },
	};
	check(list, sizeof(list) / sizeof(*list), true);
}

static void test_to_v1(void **state)
{
	(void)state;
	const struct expected list[] = {
		{ "memory.max", "max", "memory.limit_in_bytes", "-1", 0 },
		{ "memory.max", "1G", "memory.limit_in_bytes", "1073741824", 0 },
		{ "memory.low", "4096", "memory.soft_limit_in_bytes", "4096", 0 },
		{ "memory.swap.max", "1M", "memory.memsw.limit_in_bytes", "2097152", 0 },
		{ "cpu.weight", "1", "cpu.shares", "2", 0 },
		{ "cpu.weight", "10000", "cpu.shares", "262144", 0 },
		{ "cpu.weight", "0", NULL, NULL, -EINVAL },
		{ "cpu.max", "20000 50000", "cpu.cfs_quota_us", "20000", 0 },
		{ "cpu.max", "max", "cpu.cfs_quota_us", "-1", 0 },
		{ "io.weight", "default 10000", "blkio.weight", "1000", 0 },
		{ "io.max", "8:0 rbps=max wiops=10", "blkio.throttle.write_iops_device", "8:0 10", 0 },
		{ "io.max", "8:0", NULL, NULL, -EINVAL },
		{ "cgroup.freeze", "1", "freezer.state", "FROZEN", 0 },
		{ "memory.oom.group", "1", NULL, NULL, -EOPNOTSUPP },
	};
	check(list, sizeof(list) / sizeof(*list), false);
}

/* A value that was translated and is translated back is the same for all of v2's range. */
static void test_weight_round_trip(void **state)
{
	(void)state;
	for (unsigned weight = 1; weight <= 10000; weight++) {
		struct translation there, back;
		char text[16];
		snprintf(text, sizeof(text), "%u", weight);
		assert_int_equal(translate_to_v1("cpu.weight", text, &now_v1, &there), 0);
		assert_int_equal(translate_to_v2("cpu.shares", there.steps[0].value, &now_v2, &back), 0);
		assert_string_equal(back.steps[0].value, text);
	}
}

static void check_read(const char *file, bool is_v1, const char *expected)
{
	char *text = NULL;
	int r = is_v1 ? translate_read_v1_from_v2(file, &now_v2, &text) : translate_read_v2_from_v1(file, &now_v1, &text);
	if (r < 0)
		fail_msg("%s gives %d", file, r);
	assert_string_equal(text, expected);
	free(text);
}

static void test_read(void **state)
{
	(void)state;
	check_read("memory.limit_in_bytes", true, "1048576\n");
	check_read("memory.memsw.limit_in_bytes", true, "9223372036854771712\n");
	check_read("memory.usage_in_bytes", true, "4096\n");
	check_read("memory.failcnt", true, "5\n");
	check_read("cpu.cfs_quota_us", true, "-1\n");
	check_read("cpu.cfs_period_us", true, "100000\n");
	check_read("cpu.shares", true, "2598\n");
	check_read("cpuacct.usage", true, "12000\n");
	check_read("freezer.state", true, "FROZEN\n");
	check_read("memory.max", false, "1048576\n");
	check_read("memory.swap.max", false, "2097152\n");
	check_read("cpu.max", false, "max 50000\n");
	check_read("cpu.weight", false, "39\n");
	check_read("cgroup.freeze", false, "0\n");
	char *text = NULL;
	assert_int_equal(translate_read_v1_from_v2("net_cls.classid", &now_v2, &text), -EOPNOTSUPP);
}

static void test_device_rules(void **state)
{
	(void)state;
	const struct {
		const char *text;
		int code;
		struct device_rule rule;
	} list[] = {
		{ "a", 0, { 'a', DEVICE_ANY, DEVICE_ANY, DEVICE_ALL } },
		{ "a *:* rwm", 0, { 'a', DEVICE_ANY, DEVICE_ANY, DEVICE_ALL } },
		{ "c 1:3 rw", 0, { 'c', 1, 3, DEVICE_READ | DEVICE_WRITE } },
		{ "b *:* m", 0, { 'b', DEVICE_ANY, DEVICE_ANY, DEVICE_MKNOD } },
		{ "c 136:* rwm", 0, { 'c', 136, DEVICE_ANY, DEVICE_ALL } },
		{ "", -EINVAL, { 0 } },
		{ "d 1:3 rw", -EINVAL, { 0 } },
		{ "c 1 rw", -EINVAL, { 0 } },
		{ "c 1:3", -EINVAL, { 0 } },
		{ "c 1:3 x", -EINVAL, { 0 } },
		{ "c -1:3 r", -EINVAL, { 0 } },
	};
	for (size_t i = 0; i < sizeof(list) / sizeof(*list); i++) {
		struct device_rule rule;
		assert_int_equal(device_rule_parse(list[i].text, &rule), list[i].code);
		if (list[i].code == 0)
			assert_memory_equal(&rule, &list[i].rule, sizeof(rule));
	}
}

static void test_text(void **state)
{
	(void)state;
	const char *text = "1\t\t/sys/fs/cgroup/unified\t\t/lxc.payload.a\t/lxc.payload.a\n"
			   "0\tcpu,cpuacct\t/sys/fs/cgroup/cpu\t/x\t/x/lxc.payload.a\t/x/lxc.payload.a/in\n"
			   "devices\ndefault deny\nc 1 3 7\nb 4294967295 4294967295 1\n";
	struct cgroup_set set;
	assert_int_equal(cgroup_set_from_text(&set, text), 0);
	assert_int_equal(set.groups.count, 2);
	assert_string_equal(cgroup_path(&set, "cpuacct"), "/x/lxc.payload.a");
	assert_string_equal(cgroup_inner_path(&set, "cpu"), "/x/lxc.payload.a/in");
	assert_string_equal(cgroup_path(&set, "memory"), "/lxc.payload.a");
	assert_int_equal(set.devices.exceptions.count, 2);
	char *again = cgroup_set_to_text(&set);
	assert_string_equal(again, text);
	free(again);
	cgroup_set_clear(&set);
	assert_int_equal(cgroup_set_from_text(&set, "1\tx\n"), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_to_v2),
		cmocka_unit_test(test_to_v1),
		cmocka_unit_test(test_weight_round_trip),
		cmocka_unit_test(test_read),
		cmocka_unit_test(test_device_rules),
		cmocka_unit_test(test_text),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
