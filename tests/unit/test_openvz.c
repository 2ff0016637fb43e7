/* OpenVZ's configuration: reading, saving, parameters, and the spec that they make. */
#include "dialect/openvz/conf.h"
#include "dialect/openvz/ct.h"
#include "dialect/openvz/limits.h"
#include "dialect/openvz/network.h"
#include "dialect/openvz/params.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char *value_of(const char *text)
{
	static struct vz_conf conf;
	vz_conf_clear(&conf);
	assert_int_equal(vz_conf_parse(&conf, text), 0);
	return vz_conf_get(&conf, "KEY");
}

static void test_values_are_read_as_a_shell_would(void **state)
{
	static const struct {
		const char *text, *value;
	} rows[] = {
		{ "KEY=\"a b\"\n", "a b" }, { "KEY='a \"b'\n", "a \"b" }, { "KEY=plain # said so\n", "plain" },
		{ "  export KEY=\"x\"; OTHER=y\n", "x" }, { "KEY=\"a\\\nb\"\n", "ab" }, { "KEY=\"a\nb\"\n", NULL },
		{ "KEY=a\\ b\n", "a b" }, { "KEY=\"\\$HOME \\q\"\n", "$HOME \\q" }, { "KEY=\n", "" }, { "KEY=\"first\"\nKEY=second\n", "first" },
		{ "KEY=\"/vz/$VEID\"", "/vz/$VEID" }, { "KEY=\"open\nKEY2=x", NULL }, { "A=\"open\nKEY=x", "x" }, { "#KEY=no\n", NULL }, { "KEY =no\n", NULL },
		{ "KEY=a\"b c\"d\n", "ab cd" }, { "", NULL },
	};
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		const char *value = value_of(rows[i].text);
		if (rows[i].value)
			assert_string_equal(value, rows[i].value);
		else
			assert_null(value);
	}
}

static void test_saving_keeps_other_lines(void **state)
{
	struct vz_conf conf = { 0 };
	static const char text[] = "# head\nA=\"1\"\n\nif [ -e x ]; then B=2; fi\nC='3' # why\n";
	(void)state;
	assert_int_equal(vz_conf_parse(&conf, text), 0);
	char *same = vz_conf_text(&conf);
	assert_string_equal(same, text);
	free(same);

	assert_int_equal(vz_conf_set(&conf, "A", "say \"hi\" $5"), 0);
	assert_int_equal(vz_conf_set(&conf, "NEW", "/vz/$VEID"), 0);
	assert_int_equal(vz_conf_set(&conf, "C", NULL), 0);
	assert_int_equal(vz_conf_set(&conf, "D", "two\nlines"), -EINVAL);
	char *changed = vz_conf_text(&conf);
	assert_string_equal(changed, "# head\nA=\"say \\\"hi\\\" \\$5\"\n\nif [ -e x ]; then B=2; fi\nNEW=\"/vz/$VEID\"\n");
	free(changed);
	vz_conf_clear(&conf);
}

static void test_options_become_plain_numbers(void **state)
{
	static const struct {
		const char *option, *text, *saved;
	} rows[] = {
		{ "physpages", "256M", "65536:65536" }, { "physpages", "0:1G", "0:262144" }, { "privvmpages", "10", "10:10" },
		{ "kmemsize", "2.5M:3m", "2621440:3145728" }, { "numproc", "unlimited", "9223372036854775807:9223372036854775807" },
		{ "numproc", "20:10", NULL }, { "numproc", "-1", NULL }, { "numproc", "x", NULL }, { "diskspace", "1G:1.1G", "1048576:1153433" },
		{ "diskspace", "1000", "1000:1000" }, { "diskinodes", "100k:200k", "102400:204800" }, { "cpulimit", "50%", "50" },
		{ "cpulimit", "-5", NULL }, { "cpuunits", "7", NULL }, { "cpuunits", "500000", "500000" }, { "onboot", "yes", "yes" },
		{ "onboot", "1", NULL }, { "iolimit", "10", "10485760" }, { "iolimit", "10K", "10240" }, { "iolimit", "unlimited", "0" },
		{ "iolimit", "3G", NULL }, { "ioprio", "8", NULL }, { "cpumask", "0-2,7", "0-2,7" }, { "cpumask", "x", NULL },
		{ "netfilter", "full", "full" }, { "netfilter", "no", NULL }, { "iolimit", "2.5", "2621440" }, { "iolimit", "unlimited", "0" },
		{ "cpumask", "auto", "auto" }, { "nodemask", "auto", NULL }, { "meminfo", "pages:10", "pages:10" }, { "meminfo", "none", "none" },
		{ "meminfo", "pages:x", NULL }, { "rate", "*:1:1000", "*:1:1000" }, { "rate", "eth0:1:5 eth1:2:6", "eth0:1:5 eth1:2:6" },
		{ "rate", "eth0:1", NULL }, { "rate", "::1", NULL }, { "rate", "eth0:x:1", NULL }, { "ratebound", "maybe", NULL },
	};
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		const struct vz_param *param = vz_param_option(rows[i].option);
		char *text = NULL;
		assert_non_null(param);
		int r = vz_param_parse(param, rows[i].text, &text);
		assert_int_equal(r, rows[i].saved ? 0 : -EINVAL);
		if (rows[i].saved)
			assert_string_equal(text, rows[i].saved);
		free(text);
	}
}

static void test_addresses(void **state)
{
	char address[64];
	bool is_ipv6;
	unsigned prefix;
	(void)state;
	assert_int_equal(vz_parse_address("10.0.0.1/255.255.255.0", address, sizeof(address), &is_ipv6, &prefix), 0);
	assert_int_equal(prefix, 24);
	assert_int_equal(vz_parse_address("FD00:0::1/64", address, sizeof(address), &is_ipv6, &prefix), 0);
	assert_string_equal(address, "fd00::1");
	assert_true(is_ipv6);
	static const char *const bad[] = { "", "10.0.0", "10.0.0.1/33", "10.0.0.1/0", "::g", "10.0.0.1/x", "300.1.1.1" };
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_int_equal(vz_parse_address(bad[i], address, sizeof(address), &is_ipv6, &prefix), -EINVAL);
}

static void test_interfaces_come_back(void **state)
{
	static const char text[] = "ifname=eth0,bridge=vmbr0,mac=00:18:51:01:02:03,host_ifname=veth101.0;ifname=eth1,bridge=br1";
	struct vz_netifs list = { 0 };
	(void)state;
	assert_int_equal(vz_netif_parse(text, &list), 0);
	assert_int_equal(list.count, 2);
	assert_string_equal(list.items[1].bridge, "br1");
	char *back = vz_netif_text(&list);
	assert_string_equal(back, text);
	free(back);
	free(list.items);
	list = (struct vz_netifs){ 0 };
	assert_int_equal(vz_netif_parse("bridge=x", &list), -EINVAL);
	free(list.items);
}

static struct vz_ct make(const char *text)
{
	struct vz_ct ct = { .id = 101, .name = "101", .conf_dir = "/etc/vz/conf", .conf_path = "/etc/vz/conf/101.conf" };
	assert_int_equal(vz_conf_parse(&ct.own, text), 0);
	return ct;
}

static const struct spec_cgroup_setting *setting(const struct spec *spec, const char *file)
{
	for (size_t i = 0; i < spec->cgroup.settings.count; i++)
		if (strcmp(spec->cgroup.settings.items[i].file, file) == 0)
			return &spec->cgroup.settings.items[i];
	return NULL;
}

static void test_spec_of_a_container(void **state)
{
	struct vz_ct ct = make("HOSTNAME=one\nIP_ADDRESS='10.0.0.1 fd00::1/64'\nPHYSPAGES=0:256M\nSWAPPAGES=0:1000\nNUMPROC=10:20\n"
			       "CPUUNITS=2000\nCPULIMIT=50\nCPUS=4\nNUMPTY=16\nDISKSPACE=1000:2000\nDISKINODES=5:6\nKMEMSIZE=1:2\n"
			       "NETIF='ifname=eth0,bridge=br0,mac=00:18:51:01:02:03'\nCAPABILITY='SYS_TIME:on NET_RAW:off SETVEID:on'\n");
	struct spec *spec = NULL;
	struct error err = { 0 };
	(void)state;
	assert_int_equal(vz_ct_spec(&ct, "/vz/private/101", true, &spec, &err), 0);
	assert_int_equal(spec_validate(spec, &err), 0);
	assert_string_equal(spec->identity.hostname, "one");
	assert_string_equal(spec->rootfs.options, "idmap=container");
	assert_int_equal(spec->rootfs.size_limit, 2000 * 1024);
	assert_int_equal(spec->rootfs.inode_limit, 6);
	assert_int_equal(spec->idmaps.count, 2);
	assert_int_equal(spec->console.pty_max, 16);
	assert_string_equal(setting(spec, "memory.max")->value, "268435456");
	assert_string_equal(setting(spec, "memory.swap.max")->value, "4096000");
	assert_string_equal(setting(spec, "pids.max")->value, "20");
	assert_string_equal(setting(spec, "cpu.weight")->value, "200");
	assert_string_equal(setting(spec, "cpu.shares")->value, "2048");
	assert_string_equal(setting(spec, "cpu.max")->value, "50000 100000");
	for (size_t i = 0; i < spec->cgroup.settings.count; i++)
		assert_true(spec->cgroup.settings.items[i].optional);
	assert_int_equal(spec->network.links.count, 2);
	assert_int_equal(spec->network.links.items[0].type, LINK_VENET);
	assert_int_equal(spec->network.links.items[0].ipv6.items[0].prefix, 128);
	assert_string_equal(spec->network.links.items[1].link, "br0");
	assert_false(string_list_has(&spec->process.cap_drop, "sys_time"));
	assert_true(string_list_has(&spec->process.cap_drop, "net_raw"));
	spec_free(spec);
	vz_ct_clear(&ct);
}

static void test_rate_limits_where_vz_conf_says_so(void **state)
{
	static const struct {
		const char *own, *global, *rate;
	} rows[] = {
		{ "RATE='*:1:1000'\nRATEBOUND=yes\n", "TRAFFIC_SHAPING=yes\n", "1000kbit" }, { "RATE='eth0:1:2'\nRATEBOUND=yes\n", "TRAFFIC_SHAPING=yes\n", "8kbit" },
		{ "RATE='*:1:1000'\n", "TRAFFIC_SHAPING=yes\n", NULL }, { "RATE='*:1:1000'\nRATEBOUND=yes\n", "", NULL },
		{ "RATE='*:1'\nRATEBOUND=yes\n", "TRAFFIC_SHAPING=yes\n", NULL }, { "RATE=x\nRATEBOUND=yes\n", "TRAFFIC_SHAPING=yes\n", NULL },
	};
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct vz_ct ct = make(rows[i].own);
		struct spec *spec = NULL;
		struct error err = { 0 };
		assert_int_equal(vz_conf_parse(&ct.global, rows[i].global), 0);
		assert_int_equal(vz_ct_spec(&ct, "/vz/private/101", false, &spec, &err), 0);
		assert_int_equal(spec_validate(spec, &err), 0);
		const char *rate = spec->network.links.items[0].rate_egress;
		if (rows[i].rate)
			assert_string_equal(rate, rows[i].rate);
		else
			assert_null(rate);
		spec_free(spec);
		vz_ct_clear(&ct);
	}
}

static void test_privileged_container_has_device_rules(void **state)
{
	struct vz_ct ct = make("LOCAL_UID=0\nDEVICES='b:8:all:r c:10:200:rw'\n");
	struct spec *spec = NULL;
	struct error err = { 0 };
	bool has_disk = false, has_tun = false;
	(void)state;
	assert_int_equal(vz_ct_spec(&ct, "/vz/private/101", false, &spec, &err), 0);
	assert_int_equal(spec->idmaps.count, 0);
	assert_null(spec->rootfs.options);
	assert_true(string_list_has(&spec->process.cap_drop, "sys_module"));
	assert_string_equal(setting(spec, "devices.deny")->value, "a");
	for (size_t i = 0; i < spec->cgroup.settings.count; i++) {
		has_disk |= strcmp(spec->cgroup.settings.items[i].value, "b 8:* rm") == 0;
		has_tun |= strcmp(spec->cgroup.settings.items[i].value, "c 10:200 rwm") == 0;
	}
	assert_true(has_disk && has_tun);
	spec_free(spec);
	vz_ct_clear(&ct);
}

static void test_no_value_of_a_parameter_stops_the_spec(void **state)
{
	static const char *const bad[] = { "PHYSPAGES=x\n", "NUMPROC=9:1\n", "CPUUNITS=\n", "CPULIMIT=many\n", "IP_ADDRESS='x 10.0.0.300'\n",
		"NETIF='nonsense'\n", "NETIF=';;,'\n", "DEVICES='q:w:e x'\n", "DEVNODES='../../etc/passwd:rw a'\n", "CAPABILITY=':off :'\n",
		"DISKSPACE=lots\n", "NUMPTY=-3\n", "IOLIMIT=x\n", "LOCAL_UID=-1\n" };
	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		struct vz_ct ct = make(bad[i]);
		struct spec *spec = NULL;
		struct error err = { 0 };
		assert_int_equal(vz_ct_spec(&ct, "/vz/private/101", false, &spec, &err), 0);
		assert_int_equal(spec->mounts.entries.count, 1);
		spec_free(spec);
		vz_ct_clear(&ct);
	}
}

static void test_paths_and_names(void **state)
{
	struct vz_ct ct = make("VE_ROOT=/vz/root/$VEID\n");
	(void)state;
	assert_int_equal(vz_conf_parse(&ct.global, "VZDIR=/srv/vz\nLOCAL_UID=100000\n"), 0);
	char *root = vz_ct_path(&ct, "VE_ROOT"), *area = vz_ct_path(&ct, "VE_PRIVATE");
	assert_string_equal(root, "/vz/root/101");
	assert_string_equal(area, "/srv/vz/private/101");
	assert_int_not_equal(vz_ct_uid_base(&ct), 100000); /* one range for all is not taken */
	free(root);
	free(area);
	assert_true(vz_is_name("web server_1.a"));
	static const char *const bad[] = { "", "101", ".a", "a/b", "a\nb", "ä" };
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_false(vz_is_name(bad[i]));
	assert_int_equal(vz_parse_id("101"), 101);
	assert_int_equal(vz_parse_id("2147483645"), 0);
	assert_int_equal(vz_parse_id("-1"), 0);
	vz_ct_clear(&ct);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_values_are_read_as_a_shell_would),
		cmocka_unit_test(test_saving_keeps_other_lines),
		cmocka_unit_test(test_options_become_plain_numbers),
		cmocka_unit_test(test_addresses),
		cmocka_unit_test(test_interfaces_come_back),
		cmocka_unit_test(test_spec_of_a_container),
		cmocka_unit_test(test_rate_limits_where_vz_conf_says_so),
		cmocka_unit_test(test_privileged_container_has_device_rules),
		cmocka_unit_test(test_no_value_of_a_parameter_stops_the_spec),
		cmocka_unit_test(test_paths_and_names),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
