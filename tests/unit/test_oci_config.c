/* config.json as a language: what becomes of each part, and that faults name their JSON path. */
#include "dialect/oci/oci.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>

#include <cmocka.h>

#define HEAD    "{\"ociVersion\":\"1.0.2\",\"root\":{\"path\":\"rootfs\"},"
#define PROCESS "\"process\":{\"cwd\":\"/\",\"args\":[\"sh\"],\"user\":{\"uid\":0,\"gid\":0}}"

static int parse(struct spec *spec, const char *text, char message[1024])
{
	struct error err = { 0 };
	int r = oci_parse_config(spec, "config.json", "/bundle", text, strlen(text), &err);

	error_render(&err, message, 1024);
	return r;
}

static struct spec *accepted(const char *text)
{
	char message[1024];
	struct spec *spec = spec_new();
	int r = parse(spec, text, message);

	if (r < 0)
		fail_msg("%s: %s", text, message);
	return spec;
}

static void refused(const char *text, const char *expected)
{
	char message[1024];
	struct spec *spec = spec_new();
	int r = parse(spec, text, message);

	spec_free(spec);
	if (r >= 0)
		fail_msg("accepted: %s", text);
	if (!strstr(message, expected))
		fail_msg("\"%s\" is not in \"%s\"", expected, message);
}

/* Everything but a part of the linux object. */
static struct spec *accepted_linux(const char *part)
{
	char text[4096];

	snprintf(text, sizeof(text), HEAD PROCESS ",\"linux\":{%s}}", part);
	return accepted(text);
}

static void refused_linux(const char *part, const char *expected)
{
	char text[4096];

	snprintf(text, sizeof(text), HEAD PROCESS ",\"linux\":{%s}}", part);
	refused(text, expected);
}

static const char *setting(const struct spec *spec, bool is_v2, const char *file)
{
	const char *found = NULL;

	vector_for_each (one, &spec->cgroup.settings)
		if (one->is_v2 == is_v2 && strcmp(one->file, file) == 0)
			found = one->value;
	return found ? found : "";
}

static void test_top(void **state)
{
	(void)state;
	struct spec *spec = accepted(HEAD PROCESS ",\"annotations\":{\"a.b\":\"c\"},\"later\":{\"x\":[1]}}");
	assert_string_equal(spec->identity.dialect, "oci");
	assert_string_equal(spec->rootfs.path, "/bundle/rootfs");
	assert_string_equal(spec->oci.annotations.items[0].value, "c");
	assert_string_equal(spec->process.argv.items[0], "sh");
	spec_free(spec);
	refused("{", "config.json:1: no JSON");
	refused("[]", "it must be one object");
	refused("{} x", "no JSON");
	refused("{" PROCESS "}", "ociVersion: must be given");
	refused("{\"ociVersion\":\"2.0.0\",\"root\":{\"path\":\"r\"}," PROCESS "}", "only version 1");
	refused("{\"ociVersion\":\"1.0.2\"," PROCESS "}", "root: must be given");
	refused(HEAD "\"annotations\":{\"a\":1}," PROCESS "}", "annotations.a: must be a string");
	refused(HEAD "\"hostname\":\"x\"," PROCESS "}", "needs a namespace of type uts");
}

static void test_process(void **state)
{
	(void)state;
	struct spec *spec = accepted(HEAD "\"process\":{\"cwd\":\"/tmp\",\"args\":[\"a\",\"\"],\"env\":[\"A=1\"],"
		"\"user\":{\"uid\":1,\"gid\":2,\"umask\":63,\"additionalGids\":[7,8]},\"noNewPrivileges\":true,\"oomScoreAdj\":-5,"
		"\"capabilities\":{\"bounding\":[\"CAP_CHOWN\",\"CAP_NO_SUCH\"],\"ambient\":[\"CAP_KILL\"]},"
		"\"rlimits\":[{\"type\":\"RLIMIT_CORE\",\"soft\":0,\"hard\":18446744073709551615}],"
		"\"ioPriority\":{\"class\":\"IOPRIO_CLASS_BE\",\"priority\":6},\"scheduler\":{\"policy\":\"SCHED_BATCH\",\"nice\":3},"
		"\"terminal\":true,\"consoleSize\":{\"height\":33,\"width\":99}}}");
	assert_int_equal(spec->process.uid, 1);
	assert_int_equal(spec->process.groups.count, 2);
	assert_int_equal(spec->oci.umask, 077);
	assert_int_equal(spec->oci.cap_bounding, 1);
	assert_int_equal(spec->oci.cap_ambient, 1 << 5);
	assert_true(spec->process.rlimits.items[0].hard == UINT64_MAX);
	assert_string_equal(spec->process.rlimits.items[0].name, "core");
	assert_string_equal(spec->oci.oom_score_adj, "-5");
	assert_int_equal(spec->oci.io_priority, 2 << 13 | 6);
	assert_string_equal(spec->oci.scheduler, "3 0 3 0 0 0 0");
	assert_int_equal(spec->oci.console_width, 99);
	spec_free(spec);
	refused(HEAD "\"process\":{\"cwd\":\"/\",\"args\":\"sh\"}}", "process.args: must be an array");
	refused(HEAD "\"process\":{\"cwd\":\"/\",\"args\":[]}}", "process.args: must be given");
	refused(HEAD "\"process\":{\"cwd\":\"tmp\",\"args\":[\"a\"]}}", "must be absolute");
	refused(HEAD "\"process\":{\"cwd\":\"/\",\"args\":[\"a\",1]}}", "process.args[1]: must be a string");
	refused(HEAD "\"process\":{\"cwd\":\"/\",\"args\":[\"a\\u0000b\"]}}", "NUL");
	refused(HEAD "\"process\":{\"cwd\":\"/\",\"args\":[\"a\"],\"user\":{\"uid\":-1}}}", "process.user.uid: must not be negative");
	refused(HEAD "\"process\":{\"cwd\":\"/\",\"args\":[\"a\"],\"rlimits\":[{\"type\":\"RLIMIT_NOPE\",\"soft\":1,\"hard\":1}]}}",
		"process.rlimits[0]");
	refused(HEAD "\"process\":{\"cwd\":\"/\",\"args\":[\"a\"],\"oomScoreAdj\":2000}}", "between -1000 and 1000");
}

static void test_mounts(void **state)
{
	(void)state;
	struct spec *spec = accepted(HEAD PROCESS ",\"mounts\":["
		"{\"destination\":\"/../a//b/./c/..\",\"source\":\"rel\",\"options\":[\"rbind\",\"ro\",\"rw\",\"rro\",\"rslave\"]},"
		"{\"destination\":\"data\",\"type\":\"tmpfs\",\"source\":\"t\",\"options\":[\"defaults\",\"size=3m\",\"mode=700\",\"tmpcopyup\"]}]}");
	const struct spec_mount *bind = &spec->mounts.entries.items[0], *tmpfs = &spec->mounts.entries.items[1];
	assert_string_equal(bind->target, "a/b");
	assert_string_equal(bind->source, "/bundle/rel");
	assert_true(bind->flags_set == (MS_BIND | MS_REC));
	assert_true(bind->flags_clear == MS_RDONLY);
	assert_true(bind->recursive_set == MS_RDONLY);
	assert_true(bind->propagation == (MS_SLAVE | MS_REC));
	assert_string_equal(tmpfs->data, "size=3m,mode=700");
	assert_true(tmpfs->copy_up);
	spec_free(spec);
	refused(HEAD PROCESS ",\"mounts\":[{\"type\":\"tmpfs\"}]}", "mounts[0].destination: must be given");
	refused(HEAD PROCESS ",\"mounts\":[{\"destination\":\"/a\",\"options\":[\"bind\"]}]}", "mounts[0].source: must be given");
	refused(HEAD PROCESS ",\"mounts\":[{\"destination\":\"/a\",\"source\":\"/b\",\"options\":[\"bind\"],"
		"\"uidMappings\":[{\"containerID\":0,\"hostID\":1,\"size\":1}]}]}", "need each other");
}

static void test_linux(void **state)
{
	(void)state;
	refused_linux("\"netDevices\":{\"eth0\":{}}", "linux.netDevices: needs a namespace of type network");
	refused_linux("\"netDevices\":{\"a/b\":{}},\"namespaces\":[{\"type\":\"network\"}]", "linux.netDevices.a/b: no name of an interface");
	refused_linux("\"memoryPolicy\":{\"mode\":\"MPOL_LOCAL\",\"nodes\":\"1\"}", "linux.memoryPolicy: MPOL_LOCAL takes no nodes");
	refused_linux("\"intelRdt\":{\"closID\":\"a/b\"}", "linux.intelRdt: closID a/b is no name of a group");
	refused_linux("\"intelRdt\":{\"memBwSchema\":\"L3:0=f\"}", "does not begin with MB:");
	refused_linux("\"intelRdt\":{\"l3CacheSchema\":\"ff\"}", "ff is no line of schemata");
	struct spec *spec = accepted_linux("\"namespaces\":[{\"type\":\"pid\"},{\"type\":\"network\",\"path\":\"/n\"}],"
		"\"cgroupsPath\":\"/a/../../b/c\",\"rootfsPropagation\":\"rshared\",\"sysctl\":{\"net.ipv4.ip_forward\":\"1\"}");
	assert_int_equal(spec_new_namespaces(spec), 1 << NAMESPACE_PID);
	assert_string_equal(spec->namespaces.share[NAMESPACE_NET], "/n");
	assert_string_equal(spec->cgroup.dir_container, "b/c");
	assert_true(spec->oci.root_propagation == (MS_SHARED | MS_REC));
	spec_free(spec);
	spec = accepted_linux("\"namespaces\":[]");
	assert_int_equal(spec_new_namespaces(spec), 0);
	spec_free(spec);
	refused_linux("\"namespaces\":[{\"type\":\"pid\"},{\"type\":\"pid\"}]", "linux.namespaces[1]: type pid is given twice");
	refused_linux("\"namespaces\":[{\"type\":\"nope\"}]", "unknown type");
	refused_linux("\"namespaces\":[{\"type\":\"ipc\",\"path\":\"x\"}]", "must be absolute");
	refused_linux("\"uidMappings\":[{\"containerID\":0,\"hostID\":1,\"size\":1}]", "needs a namespace of type user");
	refused_linux("\"sysctl\":{\"vm.swappiness\":\"1\"}", "linux.sysctl.vm.swappiness: belongs to no namespace");
	refused_linux("\"sysctl\":{\"net/ipv4/x\":\"1\"}", "no network namespace of its own");
	refused_linux("\"rootfsPropagation\":\"sideways\"", "linux.rootfsPropagation: unknown word");
	refused_linux("\"devices\":[{\"path\":\"/dev/x\",\"type\":\"z\"}]", "linux.devices[0]: unknown type z");
	refused_linux("\"timeOffsets\":{\"boottime\":{\"secs\":1}}", "needs a new namespace of type time");
}

static void test_resources(void **state)
{
	(void)state;
	struct spec *spec = accepted_linux("\"resources\":{\"memory\":{\"limit\":40,\"swap\":60,\"reservation\":20},"
		"\"cpu\":{\"shares\":512,\"quota\":40000,\"period\":80000,\"cpus\":\"0-1\"},\"pids\":{\"limit\":-1},"
		"\"unified\":{\"memory.high\":\"30\"},\"devices\":[{\"allow\":false,\"access\":\"rwm\"},"
		"{\"allow\":true,\"type\":\"c\",\"major\":10,\"access\":\"r\"}]}");
	assert_string_equal(setting(spec, false, "memory.limit_in_bytes"), "40");
	assert_string_equal(setting(spec, false, "memory.memsw.limit_in_bytes"), "60");
	assert_string_equal(setting(spec, true, "memory.swap.max"), "20");
	assert_string_equal(setting(spec, true, "memory.low"), "20");
	assert_string_equal(setting(spec, true, "cpu.weight"), "59");
	assert_string_equal(setting(spec, true, "cpu.max"), "40000 80000");
	assert_string_equal(setting(spec, false, "cpuset.cpus"), "0-1");
	assert_string_equal(setting(spec, true, "pids.max"), "max");
	assert_string_equal(setting(spec, true, "memory.high"), "30");
	assert_string_equal(setting(spec, false, "devices.deny"), "a");
	assert_string_equal(spec->cgroup.settings.items[1].value, "c 10:* r");
	spec_free(spec);
	spec = accepted_linux("\"resources\":{\"cpu\":{\"shares\":1024}}");
	assert_string_equal(setting(spec, true, "cpu.weight"), "100");
	spec_free(spec);
	refused_linux("\"resources\":{\"memory\":{\"limit\":\"1G\"}}", "linux.resources.memory.limit: must be a whole number");
	refused_linux("\"resources\":{\"memory\":{\"limit\":40,\"swap\":20}}", "must not be below limit");
	refused_linux("\"resources\":{\"hugepageLimits\":[{\"pageSize\":\"../x\",\"limit\":1}]}", "unknown pageSize");
	spec = accepted_linux("\"resources\":{\"rdma\":{\"mlx5_1\":{\"hcaHandles\":3,\"hcaObjects\":10000},\"ocrdma0\":{\"hcaObjects\":0}}}");
	assert_string_equal(spec->cgroup.settings.items[1].value, "mlx5_1 hca_handle=3 hca_object=10000");
	assert_string_equal(setting(spec, true, "rdma.max"), "ocrdma0 hca_object=0");
	assert_string_equal(setting(spec, false, "rdma.max"), "ocrdma0 hca_object=0");
	spec_free(spec);
	refused_linux("\"resources\":{\"rdma\":{\"a b\":{\"hcaObjects\":1}}}", "no name of a device");
	refused_linux("\"resources\":{\"rdma\":{\"a\":{}}}", "needs hcaHandles or hcaObjects");
	refused_linux("\"resources\":{\"unified\":{\"../x\":\"1\"}}", "no name of a cgroup file");
	refused_linux("\"resources\":{\"devices\":[{\"allow\":true}]}", "access must be");
}

static void test_hooks(void **state)
{
	(void)state;
	struct spec *spec = accepted(HEAD PROCESS ",\"hooks\":{\"poststop\":[{\"path\":\"/b\",\"args\":[\"x\",\"y\"],\"timeout\":3}],"
		"\"prestart\":[{\"path\":\"/a\"}]}}");
	assert_int_equal(spec->oci.hooks.items[0].moment, OCI_PRESTART);
	assert_string_equal(spec->oci.hooks.items[0].argv.items[0], "/a");
	assert_int_equal(spec->oci.hooks.items[1].timeout, 3);
	spec_free(spec);
	refused(HEAD PROCESS ",\"hooks\":{\"poststop\":[{\"path\":\"b\"}]}}", "hooks.poststop[0]: path b must be absolute");
	refused(HEAD PROCESS ",\"hooks\":{\"poststop\":[{\"path\":\"/b\",\"timeout\":0}]}}", "timeout must be greater than 0");
}

static void test_process_alone(void **state)
{
	(void)state;
	struct error err;
	struct spec *spec = accepted(HEAD "\"process\":{\"cwd\":\"/\",\"args\":[\"a\"],\"env\":[\"A=1\"],\"noNewPrivileges\":true,"
		"\"rlimits\":[{\"type\":\"RLIMIT_CORE\",\"soft\":0,\"hard\":1}]}}");
	static const char text[] = "{\"cwd\":\"/x\",\"args\":[\"b\"]}";
	assert_int_equal(oci_parse_process(spec, "p.json", text, strlen(text), &err), 0);
	assert_string_equal(spec->process.argv.items[0], "b");
	assert_int_equal(spec->process.environment.count, 0);
	assert_int_equal(spec->process.rlimits.count, 0);
	assert_false(spec->process.no_new_privs);
	spec_free(spec);
}

static void test_words(void **state)
{
	(void)state;
	char path[] = "/../../a/./b//../c/", top[] = "../..";
	oci_clean_path(path);
	assert_string_equal(path, "a/c");
	oci_clean_path(top);
	assert_string_equal(top, "");
	assert_true(oci_is_id("a.b-c_1+2"));
	assert_false(oci_is_id("") || oci_is_id("..") || oci_is_id("a/b") || oci_is_id("/a") || oci_is_id("a b"));
	assert_int_equal(oci_capability_bit("CAP_SYS_ADMIN"), 1 << 21);
	assert_int_equal(oci_capability_bit("SYS_ADMIN"), 0);
}

/* What a start passes on is what was read. */
static void test_flat(void **state)
{
	(void)state;
	char *text;
	size_t length;
	struct error err;
	struct spec *copy, *spec = accepted(HEAD PROCESS ",\"mounts\":[{\"destination\":\"/a\",\"type\":\"tmpfs\",\"options\":[\"rro\"]}],"
		"\"hooks\":{\"poststart\":[{\"path\":\"/a\",\"env\":[\"A=b\\nc\"]}]},\"linux\":{\"devices\":[{\"path\":\"/dev/x\",\"type\":\"c\","
		"\"major\":1,\"minor\":3,\"fileMode\":384}],\"seccomp\":{\"defaultAction\":\"SCMP_ACT_ALLOW\"}}}");
	assert_int_equal(spec_to_flat(spec, &text, &length), 0);
	assert_int_equal(spec_parse_flat(text, length, &copy, &err), 0);
	assert_true(spec_equal(spec, copy));
	free(text);
	spec_free(copy);
	spec_free(spec);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_top), cmocka_unit_test(test_process), cmocka_unit_test(test_mounts),
		cmocka_unit_test(test_linux), cmocka_unit_test(test_resources), cmocka_unit_test(test_hooks),
		cmocka_unit_test(test_process_alone), cmocka_unit_test(test_words), cmocka_unit_test(test_flat) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
