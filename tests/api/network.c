/* Interfaces and addresses. api.sh made the bridge API_BRIDGE and the free link API_LINK. */
#include "main.h"

#include <errno.h>
#include <net/if.h>
#include <stdio.h>

static bool has_addresses(const void *argument)
{
	struct lxc_container *c = *(struct lxc_container *const *)argument;
	char **list = CALL(c, get_ips, NULL, NULL, 0);
	bool is_there = list_has(list, "10.97.0.2") && list_has(list, "fd00:97::2");
	free_list(list);
	return is_there;
}

static void check_list(const char *name, char **list, const char *wanted)
{
	char text[512] = "";
	for (char **item = list; item && *item; item++) {
		(void)strncat(text, *item, sizeof(text) - strlen(text) - 2);
		(void)strcat(text, " ");
	}
	check_text(name, wanted, text);
	free_list(list);
}

static void lists_addresses(struct lxc_container *c)
{
	CHECK("addresses", soon(5, has_addresses, &c));
	check_list("ipv4", CALL(c, get_ips, "eth0", "inet", 0), "10.97.0.2 ");
	check_list("ipv6", CALL(c, get_ips, "eth0", "inet6", 0), "fd00:97::2 ");
	check_list("of-lo", CALL(c, get_ips, "lo", "inet", 0), "127.0.0.1 ");
	CHECK("unknown-family", !CALL(c, get_ips, NULL, "ipx", 0));
	CHECK("unknown-interface", !CALL(c, get_ips, "nothing0", NULL, 0));
	char **list = CALL(c, get_interfaces);
	CHECK("interfaces", list_has(list, "lo") && list_has(list, "eth0"));
	free_list(list);
}

static void moves_links(struct lxc_container *c)
{
	const char *link = setting("API_LINK");
	CHECK("link-is-here", if_nametoindex(link) != 0);
	CHECK("attach-interface", CALL(c, attach_interface, link, "inner0") && if_nametoindex(link) == 0);
	char **list = CALL(c, get_interfaces);
	CHECK("link-is-inside", list_has(list, "inner0"));
	free_list(list);
	CHECK("detach-interface", CALL(c, detach_interface, "inner0", link) && if_nametoindex(link) != 0);
	CHECK("attach-by-its-name", CALL(c, attach_interface, link, NULL) && if_nametoindex(link) == 0);
	CHECK("detach-by-its-name", CALL(c, detach_interface, link, NULL) && if_nametoindex(link) != 0);
	CHECK("attach-missing",
		!CALL(c, attach_interface, "nothing0", NULL) && c->error_num && c->error_string);
	CHECK("detach-missing", !CALL(c, detach_interface, "nothing0", NULL) && c->error_num);
	CHECK("attach-no-name",
		!CALL(c, attach_interface, NULL, NULL) && !CALL(c, detach_interface, NULL, NULL));
	CHECK("attach-taken-name", !CALL(c, attach_interface, link, "eth0") && c->error_num);
	/* a kernel that moves first and renames then leaves it inside, by its own name */
	CHECK("link-is-not-lost", if_nametoindex(link) != 0 || CALL(c, detach_interface, link, NULL));
}

static void names_its_veth(struct lxc_container *c)
{
	char *pair = CALL(c, get_running_config_item, "lxc.net.0.veth.pair");
	CHECK("veth-pair", pair && if_nametoindex(pair) != 0);
	free(pair);
}

static void knows_that_it_is_stopped(struct lxc_container *c)
{
	CHECK("stop", CALL(c, stop));
	CHECK("stopped-interfaces", !CALL(c, get_interfaces));
	CHECK("stopped-addresses", !CALL(c, get_ips, NULL, NULL, 0));
	CHECK("stopped-attach",
		!CALL(c, attach_interface, setting("API_LINK"), NULL) && c->error_num == ESRCH);
	CHECK("stopped-detach", !CALL(c, detach_interface, "eth0", NULL) && c->error_num == ESRCH);
}

void test_network(void)
{
	static char link[64];
	static const char *const lines[] = { "lxc.net.0.type = veth", link, "lxc.net.0.flags = up",
		"lxc.net.0.ipv4.address = 10.97.0.2/24", "lxc.net.0.ipv6.address = fd00:97::2/64", NULL };
	(void)snprintf(link, sizeof(link), "lxc.net.0.link = %s", setting("API_BRIDGE"));
	struct lxc_container *c = start_container("network", lines);
	lists_addresses(c);
	moves_links(c);
	names_its_veth(c);
	knows_that_it_is_stopped(c);
	drop_container(c);
}
