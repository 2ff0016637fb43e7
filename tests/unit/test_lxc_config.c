/* LXC's configuration language: files, includes, keys of today and of 2012, reading back, saving, updating. */
#include "dialect/lxc/config.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char directory[] = "/tmp/wabe-config-XXXXXX";

static void write_bytes(const char *name, const char *text, size_t length)
{
	char path[256];
	snprintf(path, sizeof(path), "%s/%s", directory, name);
	FILE *file = fopen(path, "w");
	assert_non_null(file);
	assert_int_equal(fwrite(text, 1, length, file), length);
	assert_int_equal(fclose(file), 0);
}

/* Loads text as a file; the configuration, with the result in *ret and the rendered fault in message. */
static struct lxc_config *load_bytes(const char *text, size_t length, int *ret, char message[1024])
{
	char path[256];
	struct error err = { 0 };
	struct lxc_config *config = lxc_config_new("box", "/var/lib/lxc");
	assert_non_null(config);
	write_bytes("config", text, length);
	snprintf(path, sizeof(path), "%s/config", directory);
	*ret = lxc_config_load(config, path, &err);
	error_render(&err, message, 1024);
	return config;
}

static struct lxc_config *load(const char *text)
{
	int r;
	char message[1024];
	struct lxc_config *config = load_bytes(text, strlen(text), &r, message);
	if (r < 0)
		fail_msg("%s", message);
	return config;
}

static void expect(struct lxc_config *config, const char *key, const char *value)
{
	char *got = NULL;
	assert_int_equal(lxc_config_get(config, key, &got), 0);
	assert_string_equal(got, value);
	free(got);
}

static void expect_text(struct lxc_config *config, const char *text)
{
	char *got = NULL;
	assert_int_equal(lxc_config_text(config, &got), 0);
	assert_string_equal(got, text);
	free(got);
}

static void expect_set(struct lxc_config *config, const char *key, const char *value)
{
	struct error err = { 0 };
	assert_int_equal(lxc_config_set(config, key, value, "API", &err), 0);
}

/* The text is refused with a message that holds part. */
static void expect_fault(const char *text, const char *part)
{
	int r;
	char message[1024];
	struct lxc_config *config = load_bytes(text, strlen(text), &r, message);
	lxc_config_free(config);
	if (r >= 0)
		fail_msg("accepted: %s", text);
	if (!strstr(message, part))
		fail_msg("'%s' does not hold '%s'", message, part);
}

static void test_lines(void **state)
{
	(void)state;
	struct lxc_config *config = load("# comment\r\n\r\n  lxc.uts.name\t=  \"a b\"\t\r\nlxc.tty.max=4\rarch: amd64\n"
					 "lxc.init.cmd = /bin/a # b\nlxc.rootfs.path = 'dir:/x'");
	expect(config, "lxc.uts.name", "a b");
	expect(config, "lxc.tty.max", "4");
	expect(config, "lxc.init.cmd", "/bin/a # b");
	expect(config, "lxc.rootfs.path", "/x");
	lxc_config_free(config);

	static const char with_nul[] = "lxc.tty.max = 1\n\0lxc.tty.max = 2\n";
	int r;
	char message[1024];
	config = load_bytes(with_nul, sizeof(with_nul) - 1, &r, message);
	assert_int_equal(r, 0);
	expect(config, "lxc.tty.max", "1");
	lxc_config_free(config);
}

static void test_faults(void **state)
{
	(void)state;
	expect_fault("\nlxc.uts.nam = x\n", "config:2: unknown key lxc.uts.nam (did you mean lxc.uts.name?)");
	expect_fault("lxc.uts.name\n", "config:1: a line without =");
	expect_fault("lxc.tty.max = 1x\n", "config:1: lxc.tty.max: 1x: is no number");
	expect_fault("lxc.tty.max = -1\n", "is no number");
	expect_fault("lxc.pts = x\n", "config:1: lxc.pts: x");
	expect_fault("lxc.autodev = 2\n", "is not 0 or 1");
	expect_fault("lxc.arch = vax\n", "unknown architecture");
	expect_fault("lxc.net.eth0.type = veth\n", "no number");
	expect_fault("lxc.net.0.lnik = br0\n", "did you mean link?");
	expect_fault("lxc.net.0.type = bridge\n", "unknown type");
	expect_fault("lxc.net.0.ipv4.address = 10.0.0.1/33\n", "is no address");
	expect_fault("lxc.net.0.hwaddr = 00:16:3e\n", "hardware address");
	expect_fault("lxc.net = x\n", "takes no value");
	expect_fault("lxc.idmap = b 0 1 2\n", "is no id map");
	expect_fault("lxc.signal.halt = PWR\n", "is no signal");
	expect_fault("lxc.cap.drop = CAP_CHOWN\n", "lower case");
	expect_fault("lxc.mount.auto = dev\n", "automatic mount");
	expect_fault("lxc.mount.entry = a\n", "mount entry");
	expect_fault("lxc.cgroup.dir = /a\n", "relative");
	expect_fault("lxc.cgroup.dir = a/../b\n", "..");
	expect_fault("lxc.rootfs.options = ro,optional\n", "for lxc.mount.entry");
	expect_fault("lxc.hook.version = 2\n", "0 or 1");
	expect_fault("lxc.namespace.keep = net foo\n", "unknown namespace");
	expect_fault("lxc.time.offset.boot = 5\n", "time offset");
	expect_fault("lxc.include = /nonexistent/x\n", "config:1: lxc.include: include /nonexistent/x");
}

static void test_long_line(void **state)
{
	(void)state;
	size_t length = 1024 * 1024 + 64;
	char *text = malloc(length + 1), message[1024];
	int r;
	assert_non_null(text);
	memset(text, 'x', length);
	text[length] = '\0';
	memcpy(text, "lxc.environment = A=", 20);
	lxc_config_free(load_bytes(text, 1000000, &r, message));
	assert_int_equal(r, 0);
	lxc_config_free(load_bytes(text, length, &r, message));
	assert_true(r < 0);
	assert_non_null(strstr(message, "config:1: "));
	free(text);
}

static void test_includes(void **state)
{
	char text[512], path[256];
	(void)state;
	snprintf(path, sizeof(path), "%s/more", directory);
	assert_int_equal(mkdir(path, 0755), 0);
	write_bytes("more/20-b.conf", "lxc.tty.max = 2\n", 16);
	write_bytes("more/10-a.conf", "lxc.tty.max = 1\nlxc.pty.max = 7\n", 32);
	write_bytes("more/30-c.conf~", "nonsense\nlxc.nonsense\n", 22);
	snprintf(text, sizeof(text), "lxc.include = %s/more\nlxc.include = %s/none/\n", directory, directory);
	struct lxc_config *config = load(text);
	expect(config, "lxc.tty.max", "2");
	expect(config, "lxc.pty.max", "7");
	expect_text(config, text); /* what was included is not part of what is saved */
	lxc_config_free(config);

	snprintf(text, sizeof(text), "lxc.include = %s/config\n", directory);
	expect_fault(text, "config:1: lxc.include: ");
}

/* The examples measured from LXC 5 and 7. */
static void test_read_back(void **state)
{
	static const char *const cases[][3] = {
		{ "lxc.cap.drop = sys_admin net_raw\n", "lxc.cap.drop", "sys_admin\nnet_raw\n" },
		{ "lxc.cap.keep = chown\n", "lxc.cap.drop", "" },
		{ "lxc.idmap = u 0 100000 65536\nlxc.idmap = g 0 100000 65536\n", "lxc.idmap",
			"u 0 100000 65536\ng 0 100000 65536" },
		{ "lxc.environment = A=1\nlxc.environment = B=\n", "lxc.environment", "A=1\nB=\n" },
		{ "lxc.group = a b\nlxc.group = c\n", "lxc.group", "a\nb\nc\n" },
		{ "lxc.hook.start = /a b\n", "lxc.hook.start", "/a b\n" },
		{ "lxc.net.0.type = veth\nlxc.net.1.type = phys\n", "lxc.net", "veth\nphys\n" },
		{ "lxc.net.0.ipv4.address = 10.0.0.2/24\n", "lxc.net.0.ipv4.address", "10.0.0.2/24" },
		{ "lxc.net.0.ipv4.address = 10.0.0.2\n", "lxc.net.0.ipv4.address", "10.0.0.2/8" },
		{ "lxc.net.0.flags = down\n", "lxc.net.0.flags", "up" },
		{ "lxc.cgroup2.memory.max = 1M\nlxc.cgroup2.memory.max = 2M\n", "lxc.cgroup2.memory.max", "1M\n2M\n" },
		{ "lxc.cgroup2.memory.max = 1M\n", "lxc.cgroup2", "lxc.cgroup2.memory.max = 1M\n" },
		{ "lxc.cgroup.cpu.shares = 9\n", "lxc.cgroup", "lxc.cgroup.cpu.shares = 9\n" },
		{ "lxc.prlimit.nofile = 1:2\n", "lxc.prlimit", "lxc.prlimit.nofile = 1:2\n" },
		{ "lxc.prlimit.nofile = unlimited\n", "lxc.prlimit.nofile", "unlimited" },
		{ "lxc.limit.core = 5\n", "lxc.prlimit.core", "5" },
		{ "lxc.sysctl.net.x = 0\nlxc.sysctl.net.x = 1\n", "lxc.sysctl.net.x", "1" },
		{ "lxc.proc.oom_score_adj = 10\n", "lxc.proc", "lxc.proc.oom_score_adj = 10\n" },
		{ "lxc.arch = amd64\n", "lxc.arch", "x86_64" },
		{ "lxc.signal.halt = sigusr1\n", "lxc.signal.halt", "10" },
		{ "lxc.signal.stop = 12\n", "lxc.stopsignal", "12" },
		{ "lxc.log.level = trace\n", "lxc.log.level", "TRACE" },
		{ "lxc.mount.auto = proc sys cgroup\n", "lxc.mount.auto", "proc:mixed sys:mixed cgroup" },
		{ "lxc.mount.auto = proc sys\nlxc.mount.auto =\n", "lxc.mount.auto", "" },
		{ "lxc.namespace.keep = net ipc\n", "lxc.namespace.keep", "ipc\nnet\n" },
		{ "lxc.namespace.share.net = 17\n", "lxc.namespace.share.net", "17" },
		{ "lxc.console.size = auto\n", "lxc.console.size", "131072" },
		{ "lxc.console.buffer.size = 5 kB\n", "lxc.console.buffer.size", "8192" },
		{ "lxc.time.offset.boot = -5s\n", "lxc.time.offset.boot", "-5s" },
		{ "lxc.init.groups = 10,20\n", "lxc.init.groups", "10,20" },
		{ "", "lxc.tty.max", "0" },
		{ "", "lxc.autodev", "1" },
		{ "", "lxc.rootfs.managed", "1" },
		{ "", "lxc.console.path", "" },
		{ "", "lxc.monitor.signal.pdeath", "9" },
		{ "lxc.monitor.signal.pdeath =\n", "lxc.monitor.signal.pdeath", "0" },
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct lxc_config *config = load(cases[i][0]);
		expect(config, cases[i][1], cases[i][2]);
		lxc_config_free(config);
	}
	char *value;
	struct lxc_config *config = load("");
	assert_true(lxc_config_get(config, "lxc.nothing", &value) < 0);
	assert_true(lxc_config_get(config, "lxc.net.3.type", &value) < 0);
	lxc_config_free(config);
}

/* Every key of the table can be read, cleared, and cleared by an empty line, of an empty configuration. */
static void test_every_key(void **state)
{
	(void)state;
	struct lxc_config *config = load("");
	struct error err = { 0 };
	const char *key;
	for (size_t i = 0; (key = lxc_config_known_key(i)); i++) {
		char *value = NULL;
		assert_true(lxc_config_is_supported(key));
		assert_int_equal(lxc_config_get(config, key, &value), 0);
		free(value);
		assert_int_equal(lxc_config_clear(config, key, &err), 0);
		assert_int_equal(lxc_config_set(config, key, "", "API", &err), 0);
	}
	expect_text(config, "");
	lxc_config_free(config);
}

static void test_networks(void **state)
{
	(void)state;
	struct lxc_config *config = load("lxc.net.7.name = seven\nlxc.net.2.link = br2\nlxc.net.7.type = veth\n"
					 "lxc.net.2.type = macvlan\nlxc.net.2.hwaddr = xX:16:3e:xx:0x:01\n");
	const struct spec *spec = lxc_config_spec(config);
	assert_int_equal(spec->network.links.count, 2);
	assert_int_equal(spec->network.links.items[0].index, 2);
	const char *hwaddr = spec->network.links.items[0].hwaddr;
	assert_null(strpbrk(hwaddr, "xX"));
	unsigned first = (unsigned)strtoul(hwaddr, NULL, 16);
	assert_int_equal(first & 3, 2); /* one host's address, locally administered */
	assert_memory_equal(hwaddr + 2, ":16:3e:", 7);
	expect(config, "lxc.net.7.name", "seven");
	expect(config, "lxc.net", "macvlan\nveth\n");
	expect_set(config, "lxc.net.2", "");
	expect(config, "lxc.net", "veth\n");
	expect_text(config, "lxc.net.7.name = seven\nlxc.net.7.type = veth\n");
	lxc_config_free(config);
}

static void test_routed_networks(void **state)
{
	(void)state;
	struct lxc_config *config = load("lxc.net.0.type = veth\nlxc.net.1.type = ipvlan\nlxc.net.2.type = vlan\n"
					 "lxc.net.0.veth.ipv4.route = 10.1.2.3/8\nlxc.net.0.veth.ipv4.route = 0.0.0.0/0\n"
					 "lxc.net.0.veth.ipv6.route = FD00:0::/48\nlxc.net.0.veth.vlan.id = none\n"
					 "lxc.net.0.veth.vlan.tagged.id = 0\nlxc.net.0.veth.vlan.tagged.id = 4094\n");
	expect(config, "lxc.net.0.veth.mode", "bridge");
	expect(config, "lxc.net.0.l2proxy", "0");
	expect(config, "lxc.net.0.veth.ipv4.route", "10.1.2.3/8\n0.0.0.0/0\n");
	expect(config, "lxc.net.0.veth.ipv6.route", "fd00::/48\n");
	expect(config, "lxc.net.0.veth.vlan.id", "none");
	expect(config, "lxc.net.0.veth.vlan.tagged.id", "0\n4094\n");
	expect(config, "lxc.net.0.ipvlan.mode", "");
	expect(config, "lxc.net.1.ipvlan.mode", "l3");
	expect(config, "lxc.net.1.ipvlan.isolation", "bridge");
	expect(config, "lxc.net.1.veth.mode", "");
	expect_set(config, "lxc.net.0.veth.mode", "router");
	expect_set(config, "lxc.net.1.ipvlan.mode", "l3s");
	expect_set(config, "lxc.net.1.l2proxy", "1");
	expect(config, "lxc.net.1.ipv4.dhcp", "0");
	expect_set(config, "lxc.net.1.ipv4.dhcp", "1");
	expect(config, "lxc.net.1.ipv4.dhcp", "1");
	expect_set(config, "lxc.net.1.ipv4.dhcp", "");
	expect(config, "lxc.net.1.ipv4.dhcp", "0");
	expect_set(config, "lxc.net.2.vlan.id", "4094");
	expect(config, "lxc.net.0.veth.mode", "router");
	expect(config, "lxc.net.1.ipvlan.mode", "l3s");
	expect(config, "lxc.net.1.l2proxy", "1");
	expect(config, "lxc.net.2.vlan.id", "4094");
	expect_set(config, "lxc.net.0.veth.ipv4.route", "");
	expect(config, "lxc.net.0.veth.ipv4.route", "");
	lxc_config_free(config);
	expect_fault("lxc.net.0.veth.ipv4.route = 10.0.0.0\n", "config:1: lxc.net.0.veth.ipv4.route: 10.0.0.0: is no route");
	expect_fault("lxc.net.0.veth.ipv4.route = 10.0.0.0/33\n", "is no route");
	expect_fault("lxc.net.0.veth.ipv6.route = 10.0.0.0/8\n", "is no route");
	expect_fault("lxc.net.0.veth.vlan.id = 4095\n", "config:1: lxc.net.0.veth.vlan.id: 4095: is no VLAN");
	expect_fault("lxc.net.0.veth.vlan.tagged.id = none\n", "is no VLAN");
	expect_fault("lxc.net.0.vlan.id = none\n", "is no VLAN");
	expect_fault("lxc.net.0.veth.mode = routed\n", "unknown mode");
	expect_fault("lxc.net.0.ipvlan.isolation = passthru\n", "unknown mode");
}

static void test_network_rates(void **state)
{
	(void)state;
	struct lxc_config *config = load("lxc.net.0.type = veth\nlxc.net.0.rate.egress = 10M\nlxc.net.0.rate.ingress = 2gbit\n"
					 "lxc.net.0.rate.burst = 64k\n");
	expect(config, "lxc.net.0.rate.egress", "10M");
	expect(config, "lxc.net.0.rate.ingress", "2gbit");
	expect(config, "lxc.net.0.rate.burst", "64k");
	expect_set(config, "lxc.net.0.rate.egress", "none");
	expect(config, "lxc.net.0.rate.egress", "none");
	expect_set(config, "lxc.net.0.rate.ingress", "");
	expect(config, "lxc.net.0.rate.ingress", "");
	expect_text(config, "lxc.net.0.type = veth\nlxc.net.0.rate.egress = 10M\nlxc.net.0.rate.burst = 64k\n"
			    "lxc.net.0.rate.egress = none\n");
	lxc_config_free(config);
	expect_fault("lxc.net.0.rate.egress = fast\n", "config:1: lxc.net.0.rate.egress: fast: is no rate");
	expect_fault("lxc.net.0.rate.egress = 10Mbps\n", "is no rate"); /* tc(8) means bytes by that */
	expect_fault("lxc.net.0.rate.ingress = -1\n", "is no rate");
	expect_fault("lxc.net.0.rate.ingress = 7999\n", "is out of range");
	expect_fault("lxc.net.0.rate.ingress = 1001G\n", "is out of range");
	expect_fault("lxc.net.0.rate.burst = 100\n", "is out of range");
	expect_fault("lxc.net.0.rate.bust = 64k\n", "did you mean rate.burst?");
}

static void test_filtered_networks(void **state)
{
	(void)state;
	static const char text[] = "lxc.net.0.type = venet\nlxc.net.0.ipv4.address = 10.0.0.5/32\nlxc.net.0.venet.peers = 1\n"
				   "lxc.net.1.type = veth\nlxc.net.1.security = 1\n";
	struct lxc_config *config = load(text);
	expect(config, "lxc.net.0.type", "venet");
	expect(config, "lxc.net.0.venet.peers", "1");
	expect(config, "lxc.net.0.security", "0");
	expect(config, "lxc.net.1.security", "1");
	expect_text(config, text);
	expect_set(config, "lxc.net.0.venet.peers", "0");
	expect_set(config, "lxc.net.1.security", "");
	expect(config, "lxc.net.0.venet.peers", "0");
	expect(config, "lxc.net.1.security", "0");
	lxc_config_free(config);
	expect_fault("lxc.net.0.venet.peers = 2\n", "config:1: lxc.net.0.venet.peers: 2: is not 0 or 1");
	expect_fault("lxc.net.0.security = yes\n", "is not 0 or 1");
	expect_fault("lxc.net.0.type = venets\n", "unknown type");
}

static void test_legacy_networks(void **state)
{
	(void)state;
	struct lxc_config *config = load("lxc.network.type = veth\nlxc.network.link = a\nlxc.network.type = phys\n"
					 "lxc.network.link = b\nlxc.network.ipv4 = 10.0.0.1/8\nlxc.utsname = u\nlxc.kmsg = 0\n");
	expect(config, "lxc.net.0.link", "a");
	expect(config, "lxc.network.1.link", "b");
	expect(config, "lxc.network.1.ipv4", "10.0.0.1/8");
	expect_set(config, "lxc.net.0.link", "");
	expect_set(config, "lxc.utsname", "");
	expect_text(config, "lxc.network.type = veth\nlxc.network.type = phys\n"
			    "lxc.network.link = b\nlxc.network.ipv4 = 10.0.0.1/8\nlxc.kmsg = 0\n");
	lxc_config_free(config);
}

static void test_saving(void **state)
{
	static const char text[] = "# mine\r\n\n  lxc.cgroup.dir=a\nfoo = bar\nlxc.cgroup.cpu.shares = 9\n"
				   "lxc.autodev = 0\nlxc.autodev.tmpfs.size = 1000\nlxc.tty.max = 3";
	(void)state;
	struct lxc_config *config = load(text);
	expect_text(config, text);
	expect_set(config, "lxc.uts.name", "\"q\"");
	expect(config, "lxc.uts.name", "\"q\""); /* quotes are stripped from lines alone */
	expect_set(config, "lxc.cgroup", "");
	expect(config, "lxc.cgroup.dir", "a");
	expect_set(config, "lxc.autodev", "");
	expect_text(config, "# mine\r\n\n  lxc.cgroup.dir=a\nfoo = bar\nlxc.autodev.tmpfs.size = 1000\n"
			    "lxc.tty.max = 3\nlxc.uts.name = \"q\"\n");
	lxc_config_reset(config);
	expect_text(config, "");
	expect(config, "lxc.tty.max", "0");
	lxc_config_free(config);
}

static void test_update(void **state)
{
	char *text;
	struct error err = { 0 };
	(void)state;
	assert_int_equal(lxc_config_update_text("# c\nlxc.utsname = a\r\nlxc.kmsg = 0\nlxc.rootfs = /r\nlxc.network.type=veth\n"
						"lxc.network.ipv4 = 10.0.0.1\nlxc.network.type=phys\nlxc.pts = 4",
				 "config", &text, &err), 0);
	assert_string_equal(text, "# c\nlxc.uts.name = a\r\nlxc.rootfs.path = dir:/r\nlxc.net.0.type=veth\n"
				  "lxc.net.0.ipv4.address = 10.0.0.1\nlxc.net.1.type=phys\nlxc.pty.max = 4");
	free(text);
}

static void test_rootfs(void **state)
{
	static const char *const texts[] = { "lxc.rootfs.backend = overlayfs\nlxc.rootfs = /a:/b\n",
		"lxc.rootfs = /a:/b\nlxc.rootfs.backend = overlayfs\n", "lxc.rootfs.path = overlayfs:/a:/b\n" };
	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		struct lxc_config *config = load(texts[i]);
		assert_string_equal(lxc_config_spec(config)->rootfs.store, "overlayfs");
		expect(config, "lxc.rootfs.path", "/a:/b");
		expect_set(config, "lxc.rootfs.path", "/c");
		assert_null(lxc_config_spec(config)->rootfs.store);
		lxc_config_free(config);
	}
}

/* A line end in a value would be another line when it is saved. */
static void test_line_end_in_value(void **state)
{
	struct error err = { 0 };
	(void)state;
	struct lxc_config *config = load("lxc.tty.max = 1\rlxc.pty.max = 2\r\nlxc.autodev = 0\n");
	assert_true(lxc_config_set(config, "lxc.environment", "A=1\nlxc.init.cmd = /x", "API", &err) < 0);
	expect(config, "lxc.environment", "");
	expect_set(config, "lxc.pty.max", "");
	expect_text(config, "lxc.tty.max = 1\rlxc.autodev = 0\n");
	lxc_config_free(config);
}

static void test_origin(void **state)
{
	(void)state;
	struct lxc_config *config = load("\nlxc.utsname = box\n");
	const struct spec *spec = lxc_config_spec(config);
	const struct origin *origin = &spec->identity.hostname_origin;
	assert_int_equal(origin->line, 2);
	assert_string_equal(spec->sources.items[origin->key], "lxc.utsname");
	assert_non_null(strstr(spec->sources.items[origin->source], "/config"));
	lxc_config_free(config);
}

static void test_prepare(void **state)
{
	char *const own[] = { (char *)"/bin/x", (char *)"a b", NULL };
	struct error err = { 0 };
	(void)state;
	struct lxc_config *config = load("lxc.init.cmd = /sbin/init 'single user'\n");
	const struct spec *spec = lxc_config_spec(config);
	assert_int_equal(lxc_config_prepare(config, NULL, false, &err), 0);
	assert_int_equal(spec->process.argv.count, 2);
	assert_string_equal(spec->process.argv.items[1], "single user");
	assert_int_equal(lxc_config_prepare(config, own, false, &err), 0);
	assert_string_equal(spec->process.argv.items[1], "a b");
	assert_true(lxc_config_prepare(config, NULL, true, &err) < 0); /* no lxc.execute.cmd */
	lxc_config_free(config);

	config = load("");
	assert_true(lxc_config_prepare(config, NULL, false, &err) < 0); /* the host's init on the host's files */
	assert_string_equal(err.what, "no root file system for /sbin/init");
	assert_int_equal(lxc_config_prepare(config, own, false, &err), 0);
	lxc_config_free(config);

	config = load("lxc.rootfs.path = /x\n");
	assert_int_equal(lxc_config_prepare(config, NULL, false, &err), 0);
	assert_string_equal(lxc_config_spec(config)->process.argv.items[0], "/sbin/init");
	lxc_config_free(config);
}

static int make_directory(void **state)
{
	(void)state;
	return mkdtemp(directory) ? 0 : -1;
}

static int remove_directory(void **state)
{
	static const char *const names[] = { "more/10-a.conf", "more/20-b.conf", "more/30-c.conf~", "more", "config", "" };
	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		char path[256];
		snprintf(path, sizeof(path), "%s/%s", directory, names[i]);
		(void)remove(path); /* what a failed test did not make is not there */
	}
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_faults),
		cmocka_unit_test(test_long_line),
		cmocka_unit_test(test_includes),
		cmocka_unit_test(test_read_back),
		cmocka_unit_test(test_every_key),
		cmocka_unit_test(test_networks),
		cmocka_unit_test(test_routed_networks),
		cmocka_unit_test(test_network_rates),
		cmocka_unit_test(test_filtered_networks),
		cmocka_unit_test(test_legacy_networks),
		cmocka_unit_test(test_saving),
		cmocka_unit_test(test_update),
		cmocka_unit_test(test_rootfs),
		cmocka_unit_test(test_line_end_in_value),
		cmocka_unit_test(test_origin),
		cmocka_unit_test(test_prepare),
	};
	return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
