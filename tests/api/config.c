/* Items of a configuration: set, read, cleared, listed. */
#include "main.h"

#include <errno.h>
#include <stdio.h>

static const struct item {
	const char *key, *value;	   /* "\n" parts values that are set one after the other */
	const char *read_key, *read_value; /* NULL: key */
} items[] = {
	{ "lxc.cap.drop", "sys_admin net_raw", NULL, "sys_admin\nnet_raw\n" },
	{ "lxc.idmap", "u 0 100000 65536\ng 0 100000 65536", NULL, "u 0 100000 65536\ng 0 100000 65536" },
	{ "lxc.environment", "A=1\nB=2", NULL, "A=1\nB=2\n" },
	{ "lxc.group", "one\ntwo", NULL, "one\ntwo\n" },
	{ "lxc.hook.start", "/bin/a\n/bin/b", NULL, "/bin/a\n/bin/b\n" },
	{ "lxc.mount.entry", "proc proc proc rw 0 0", NULL, "proc proc proc rw 0 0\n" },
	{ "lxc.net.0.type", "veth", "lxc.net", "veth\n" },
	{ "lxc.net.0.type", "veth", NULL, "veth" },
	{ "lxc.cgroup2.memory.max", "1M\n2M", "lxc.cgroup2",
		"lxc.cgroup2.memory.max = 1M\nlxc.cgroup2.memory.max = 2M\n" },
	{ "lxc.cgroup2.memory.max", "1M\n2M", NULL, "1M\n2M\n" },
	{ "lxc.prlimit.nofile", "1:2", "lxc.prlimit", "lxc.prlimit.nofile = 1:2\n" },
	{ "lxc.prlimit.nofile", "1:2", NULL, "1:2" },
	{ "lxc.sysctl.net.x", "1", "lxc.sysctl", "lxc.sysctl.net.x = 1\n" },
	{ "lxc.sysctl.net.x", "1", NULL, "1" },
	{ "lxc.arch", "amd64", NULL, "x86_64" },
	{ "lxc.signal.halt", "SIGUSR1", NULL, "10" },
	{ "lxc.log.level", "trace", NULL, "TRACE" },
	{ "lxc.rootfs.path", "dir:/abc", NULL, "/abc" },
	{ "lxc.mount.auto", "proc sys cgroup", NULL, "proc:mixed sys:mixed cgroup" },
	{ "lxc.namespace.keep", "net ipc", NULL, "ipc\nnet\n" },
	{ "lxc.console.size", "auto", NULL, "131072" },
	{ "lxc.uts.name", "\"q\"", NULL, "\"q\"" },
	{ "lxc.uts.name", "some", "lxc.tty.max", "0" },
	{ "lxc.uts.name", "some", "lxc.autodev", "1" },
	{ "lxc.uts.name", "some", "lxc.ephemeral", "0" },
	{ "lxc.uts.name", "some", "lxc.console.path", "" },
	{ "lxc.uts.name", "some", "lxc.monitor.signal.pdeath", "9" },
	{ "lxc.uts.name", "some", "lxc.hook.version", "0" },
};

static void set_values(struct lxc_container *c, const struct item *item)
{
	char *copy = strdup(item->value);
	char *next = copy;
	for (char *value; (value = strsep(&next, "\n"));)
		if (!CALL(c, set_config_item, item->key, value))
			group_fault("%s = %s: %s", item->key, value, c->error_string);
	free(copy);
}

static void reads_back(struct lxc_container *c)
{
	for (size_t i = 0; i < sizeof(items) / sizeof(*items); i++) {
		const char *key = items[i].read_key ? items[i].read_key : items[i].key;
		int wanted = (int)strlen(items[i].read_value);
		char text[256] = "";
		COUNTED_VOID("clear_config", c->clear_config(c));
		set_values(c, &items[i]);
		if (CALL(c, get_config_item, key, NULL, 0) != wanted ||
			CALL(c, get_config_item, key, text, sizeof(text)) != wanted ||
			strcmp(text, items[i].read_value) != 0)
			group_fault("%s is '%s', not '%s'", key, text, items[i].read_value);
	}
	end_group("read-back");
}

static void cuts_to_the_buffer(struct lxc_container *c)
{
	char text[6] = "zzzzz";
	COUNTED_VOID("clear_config", c->clear_config(c));
	CHECK("set-two", CALL(c, set_config_item, "lxc.idmap", "u 0 100000 65536") &&
				 CALL(c, set_config_item, "lxc.idmap", "g 0 100000 65536"));
	check_number("length-of-cut-value", 33, CALL(c, get_config_item, "lxc.idmap", text, sizeof(text)));
	check_text("cut-value", "u 0 1", text);
}

static void refuses_what_is_wrong(struct lxc_container *c)
{
	static const char *const wrong[][2] = { { "lxc.nothing", "1" }, { "lxc.tty.max", "many" },
		{ "lxc.net.0.mtu", "x" }, { "lxc.idmap", "u 0" }, { "lxc.signal.halt", "SIGNOTHING" },
		{ "", "1" }, { "lxc.arch", "pdp11" }, { "lxc.prlimit.nofile", "a:b" } };
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		c->error_num = 0;
		if (CALL(c, set_config_item, wrong[i][0], wrong[i][1]))
			group_fault("%s = %s is taken", wrong[i][0], wrong[i][1]);
		if (!c->error_string || !*c->error_string || strchr(c->error_string, '\n') ||
			c->error_num == 0)
			group_fault("%s: no error line, or no number", wrong[i][0]);
	}
	end_group("wrong-items");
	CHECK("no-key", !CALL(c, set_config_item, NULL, "1"));
	check_number("get-unknown", -EINVAL, CALL(c, get_config_item, "lxc.nothing", NULL, 0));
	check_number(
		"get-index-that-is-not-there", -EINVAL, CALL(c, get_config_item, "lxc.net.9.type", NULL, 0));
	CHECK("get-no-key", CALL(c, get_config_item, NULL, NULL, 0) < 0);
	CHECK("clear-unknown", !CALL(c, clear_config_item, "lxc.nothing"));
	CHECK("clear-no-key", !CALL(c, clear_config_item, NULL));
}

static void clears_items(struct lxc_container *c)
{
	char text[64] = "x";
	CHECK("set-before-clear", CALL(c, set_config_item, "lxc.uts.name", "some"));
	CHECK("clear-item", CALL(c, clear_config_item, "lxc.uts.name"));
	check_number("cleared-is-unset", 0, CALL(c, get_config_item, "lxc.uts.name", text, sizeof(text)));
	check_text("cleared-is-empty", "", text);
	CHECK("clear-by-empty",
		CALL(c, set_config_item, "lxc.group", "a") && CALL(c, set_config_item, "lxc.group", ""));
	check_number("empty-list", 0, CALL(c, get_config_item, "lxc.group", NULL, 0));
	CHECK("clear-by-null",
		CALL(c, set_config_item, "lxc.group", "a") && CALL(c, set_config_item, "lxc.group", NULL));
	check_number("empty-list-again", 0, CALL(c, get_config_item, "lxc.group", NULL, 0));
}

static void lists_keys(struct lxc_container *c)
{
	char text[4096] = "";
	int length = CALL(c, get_keys, NULL, NULL, 0);
	CHECK("all-keys", length > 1000 && CALL(c, get_keys, NULL, text, sizeof(text)) == length);
	CHECK("all-keys-as-lines", strstr(text, "lxc.uts.name\n") && (int)strlen(text) == length);
	check_number("empty-key-is-all", length, CALL(c, get_keys, "", NULL, 0));
	CHECK("keys-of-a-network", CALL(c, set_config_item, "lxc.net.0.type", "veth") &&
					   CALL(c, get_keys, "lxc.net.0", text, sizeof(text)) > 0 &&
					   strstr(text, "veth.pair\n"));
	check_number("keys-of-nothing", -EINVAL, CALL(c, get_keys, "lxc.nothing", NULL, 0));
}

static void has_none(void)
{
	struct lxc_container *c = open_container("none");
	CHECK("none-get", CALL(c, get_config_item, "lxc.uts.name", NULL, 0) < 0);
	CHECK("none-clear", !CALL(c, clear_config_item, "lxc.uts.name"));
	CHECK("none-daemonize", !CALL(c, want_daemonize, true));
	CHECK("none-close-fds", !CALL(c, want_close_all_fds, true));
	CHECK("none-running-item", !CALL(c, get_running_config_item, "lxc.uts.name"));
	CHECK("set-makes-one", CALL(c, set_config_item, "lxc.uts.name", "n") && c->lxc_conf);
	CHECK("daemonize", CALL(c, want_daemonize, false) && !c->daemonize && CALL(c, want_daemonize, true) &&
				   c->daemonize);
	CHECK("close-fds", CALL(c, want_close_all_fds, true) && CALL(c, want_close_all_fds, false));
	(void)FUNCTION(lxc_container_put, c);
}

void test_config(void)
{
	struct lxc_container *c = open_container("items");
	reads_back(c);
	cuts_to_the_buffer(c);
	refuses_what_is_wrong(c);
	clears_items(c);
	lists_keys(c);
	COUNTED_VOID("clear_config", c->clear_config(c));
	CHECK("clear-all", !c->lxc_conf && CALL(c, get_config_item, "lxc.uts.name", NULL, 0) < 0);
	(void)FUNCTION(lxc_container_put, c);
	has_none();
}
