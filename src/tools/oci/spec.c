/* wabe spec, features. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/paths.h"
#include "base/text.h"
#include "dialect/oci/oci.h"
#include "kernel/capability.h"
#include "kernel/lsm.h"
#include "tools/oci/wabe.h"

static const struct value_option spec_options[] = {
	TEXT("bundle", 'b', bundle, "DIR", "Directory to write config.json to (the current one)"),
	FLAG("rootless", 0, rootless_spec, "For an ordinary user"),
	OPTIONS_END,
};
static const struct value_option no_options[] = { OPTIONS_END };

static const char head[] = "{\n\t\"ociVersion\": \"1.2.0\",\n\t\"process\": {\n\t\t\"terminal\": true,\n\t\t\"user\": { \"uid\": 0, "
	"\"gid\": 0 },\n\t\t\"args\": [ \"sh\" ],\n\t\t\"env\": [\n\t\t\t\"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:"
	"/sbin:/bin\",\n\t\t\t\"TERM=xterm\"\n\t\t],\n\t\t\"cwd\": \"/\",\n\t\t\"capabilities\": {\n"
	"\t\t\t\"bounding\": [ \"CAP_AUDIT_WRITE\", \"CAP_KILL\", \"CAP_NET_BIND_SERVICE\" ],\n"
	"\t\t\t\"effective\": [ \"CAP_AUDIT_WRITE\", \"CAP_KILL\", \"CAP_NET_BIND_SERVICE\" ],\n"
	"\t\t\t\"permitted\": [ \"CAP_AUDIT_WRITE\", \"CAP_KILL\", \"CAP_NET_BIND_SERVICE\" ]\n\t\t},\n"
	"\t\t\"rlimits\": [ { \"type\": \"RLIMIT_NOFILE\", \"hard\": 1024, \"soft\": 1024 } ],\n\t\t\"noNewPrivileges\": true\n\t},\n"
	"\t\"root\": { \"path\": \"rootfs\", \"readonly\": true },\n\t\"hostname\": \"wabe\",\n\t\"mounts\": [\n"
	"\t\t{ \"destination\": \"/proc\", \"type\": \"proc\", \"source\": \"proc\", \"options\": [ \"nosuid\", \"noexec\", \"nodev\" ] },\n"
	"\t\t{ \"destination\": \"/dev\", \"type\": \"tmpfs\", \"source\": \"tmpfs\", \"options\": [ \"nosuid\", \"strictatime\", "
	"\"mode=755\", \"size=65536k\" ] },\n"
	"\t\t{ \"destination\": \"/dev/pts\", \"type\": \"devpts\", \"source\": \"devpts\", \"options\": [ \"nosuid\", \"noexec\", "
	"\"newinstance\", \"ptmxmode=0666\", \"mode=0620\"";
static const char gid_option[] = ", \"gid=5\"";
static const char middle[] = " ] },\n"
	"\t\t{ \"destination\": \"/dev/shm\", \"type\": \"tmpfs\", \"source\": \"shm\", \"options\": [ \"nosuid\", \"noexec\", "
	"\"nodev\", \"mode=1777\", \"size=65536k\" ] },\n"
	"\t\t{ \"destination\": \"/dev/mqueue\", \"type\": \"mqueue\", \"source\": \"mqueue\", \"options\": [ \"nosuid\", \"noexec\", "
	"\"nodev\" ] },\n";
static const char sys_new[] = "\t\t{ \"destination\": \"/sys\", \"type\": \"sysfs\", \"source\": \"sysfs\", \"options\": [ \"nosuid\", "
	"\"noexec\", \"nodev\", \"ro\" ] },\n"
	"\t\t{ \"destination\": \"/sys/fs/cgroup\", \"type\": \"cgroup\", \"source\": \"cgroup\", \"options\": [ \"nosuid\", \"noexec\", "
	"\"nodev\", \"relatime\", \"ro\" ] }\n";
static const char sys_bound[] = "\t\t{ \"destination\": \"/sys\", \"type\": \"none\", \"source\": \"/sys\", \"options\": [ \"rbind\", "
	"\"nosuid\", \"noexec\", \"nodev\", \"ro\" ] }\n";
static const char tail[] = "\t\t\"maskedPaths\": [ \"/proc/acpi\", \"/proc/asound\", \"/proc/kcore\", \"/proc/keys\", "
	"\"/proc/latency_stats\", \"/proc/timer_list\", \"/proc/timer_stats\", \"/proc/sched_debug\", \"/sys/firmware\", \"/proc/scsi\" ],\n"
	"\t\t\"readonlyPaths\": [ \"/proc/bus\", \"/proc/fs\", \"/proc/irq\", \"/proc/sys\", \"/proc/sysrq-trigger\" ]\n\t}\n}\n";

static int build_example(bool is_rootless, char **ret)
{
	size_t size;
	FILE *out = open_memstream(ret, &size);

	if (!out)
		return -ENOMEM;
	fprintf(out, "%s%s%s%s\t],\n\t\"linux\": {\n", head, is_rootless ? "" : gid_option, middle, is_rootless ? sys_bound : sys_new);
	if (is_rootless)
		fprintf(out, "\t\t\"uidMappings\": [ { \"containerID\": 0, \"hostID\": %u, \"size\": 1 } ],\n"
			     "\t\t\"gidMappings\": [ { \"containerID\": 0, \"hostID\": %u, \"size\": 1 } ],\n", geteuid(), getegid());
	else
		fprintf(out, "\t\t\"resources\": { \"devices\": [ { \"allow\": false, \"access\": \"rwm\" } ] },\n");
	fprintf(out, "\t\t\"namespaces\": [ { \"type\": \"pid\" }, %s{ \"type\": \"ipc\" }, { \"type\": \"uts\" }, { \"type\": \"mount\" }, "
		     "{ \"type\": \"cgroup\" } ],\n%s", is_rootless ? "{ \"type\": \"user\" }, " : "{ \"type\": \"network\" }, ", tail);
	return fclose(out) == 0 ? 0 : -ENOMEM;
}

static int run_spec(struct wabe_call *call, struct error *err)
{
	auto_free char *text = NULL, *file = NULL;
	const char *bundle = call->options.bundle ? call->options.bundle : ".";
	bool is_rootless = call->options.rootless_spec;
	int r = build_example(is_rootless, &text);

	r = r ?: text_format(&file, "%s/config.json", bundle);
	r = r ?: file_write(AT_FDCWD, file, O_WRONLY | O_CREAT | O_EXCL, 0666, text, strlen(text));
	return r < 0 ? error_set(err, r, "write %s/config.json", bundle) : 0;
}

/* ---- features ---- */

static void put_list(const char *name, const char *const *words, const char *end)
{
	printf("\"%s\":[", name);
	for (int i = 0; words[i]; i++)
		printf("%s\"%s\"", i ? "," : "", words[i]);
	printf("]%s", end);
}

static void put_capabilities(void)
{
	const char *comma = "";

	printf("\"capabilities\":[");
	for (unsigned number = 0; number <= (unsigned)capability_last() && capability_name(number); number++, comma = ",") {
		printf("%s\"CAP_", comma);
		for (const char *c = capability_name(number); *c; c++)
			putchar(*c >= 'a' && *c <= 'z' ? *c - 'a' + 'A' : *c);
		putchar('"');
	}
	printf("],");
}

static void put_mount_options(void)
{
	static const char *const shared[] = { "async", "atime", "bind", "defaults", "dev", "diratime", "dirsync", "exec", "lazytime",
		"mand", "noatime", "nodev", "nodiratime", "noexec", "nomand", "norelatime", "nostrictatime", "nosuid", "nosymfollow",
		"private", "rbind", "relatime", "remount", "ro", "rprivate", "rshared", "rslave", "runbindable", "rw", "shared",
		"slave", "strictatime", "suid", "sync", "unbindable" };

	printf("\"mountOptions\":[");
	for (size_t i = 0; i < sizeof(shared) / sizeof(*shared); i++)
		printf("\"%s\",", shared[i]);
	for (int i = 0; oci_own_mount_options[i]; i++)
		printf("%s\"%s\"", i ? "," : "", oci_own_mount_options[i]);
	printf("],");
}

static void put_seccomp(void)
{
	static const char *const actions[] = { "SCMP_ACT_ALLOW", "SCMP_ACT_ERRNO", "SCMP_ACT_KILL", "SCMP_ACT_KILL_PROCESS",
		"SCMP_ACT_KILL_THREAD", "SCMP_ACT_LOG", "SCMP_ACT_NOTIFY", "SCMP_ACT_TRACE", "SCMP_ACT_TRAP", NULL };
	static const char *const operators[] = { "SCMP_CMP_EQ", "SCMP_CMP_GE", "SCMP_CMP_GT", "SCMP_CMP_LE", "SCMP_CMP_LT",
		"SCMP_CMP_MASKED_EQ", "SCMP_CMP_NE", NULL };
	static const char *const flags[] = { "SECCOMP_FILTER_FLAG_TSYNC", "SECCOMP_FILTER_FLAG_LOG", "SECCOMP_FILTER_FLAG_SPEC_ALLOW",
		"SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV", NULL };

	printf("\"seccomp\":{\"enabled\":true,");
	put_list("actions", actions, ",");
	put_list("operators", operators, ",");
	put_list("knownFlags", flags, "},");
}

static int run_features(struct wabe_call *call, struct error *err)
{
	(void)call;
	(void)err;
	printf("{\"ociVersionMin\":\"1.0.0\",\"ociVersionMax\":\"1.3.0\",");
	put_list("hooks", oci_hooks, ",");
	put_mount_options();
	printf("\"linux\":{");
	put_list("namespaces", oci_namespaces, ",");
	put_capabilities();
	const char *systemd = access(WABE_SYSTEMD, X_OK) == 0 ? "true" : "false";
	printf("\"cgroup\":{\"v1\":true,\"v2\":true,\"systemd\":%s,\"systemdUser\":%s,\"rdma\":true},", systemd, systemd);
	put_seccomp();
	printf("\"apparmor\":{\"enabled\":%s},\"selinux\":{\"enabled\":%s},\"intelRdt\":{\"enabled\":true,\"schemata\":true,\"monitoring\":true},"
	       "\"mountExtensions\":{\"idmap\":{\"enabled\":true}}},", lsm_has_apparmor() ? "true" : "false",
		lsm_has_selinux() ? "true" : "false");
	printf("\"annotations\":{\"org.opencontainers.runc.checkpoint.enabled\":\"true\"},"
	       "\"potentiallyUnsafeConfigAnnotations\":[\"run.oci.hooks.stdout\",\"run.oci.hooks.stderr\"]}\n");
	return 0;
}

const struct command command_spec = { .name = "spec", .usage = "[OPTION]...", .options = spec_options, .most = 0,
	.summary = "Write an example of config.json", .run = run_spec };
const struct command command_features = { .name = "features", .usage = "", .options = no_options, .most = 0,
	.summary = "Print what this runtime can do, as JSON", .run = run_features };
