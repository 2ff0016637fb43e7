/* Addresses of a container for lxc-ls: one visit to its network namespace, no process of its own. */
#include "tools/lxc/ls.h"

#include "base/cleanup.h"
#include "base/text.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <sched.h>
#include <string.h>

void ls_append(char **list, const char *text)
{
	char *joined = NULL;

	if (text_format(&joined, "%s%s%s", *list ? *list : "", *list ? ", " : "", text) < 0)
		return;
	free(*list);
	*list = joined;
}

/* The container's root chooses the name: no order for the terminal of who reads it. */
static void add_name(struct ls_addresses *addresses, const char *name)
{
	char text[IF_NAMESIZE];

	snprintf(text, sizeof(text), "%s", name);
	for (char *at = text; *at; at++)
		if (*at <= ' ' || *at >= 0x7f)
			*at = '?';
	ls_append(&addresses->interfaces, text);
}

static void add_address(struct ls_addresses *addresses, const struct ifaddrs *interface)
{
	char text[INET6_ADDRSTRLEN];

	if (interface->ifa_addr->sa_family == AF_PACKET) {
		add_name(addresses, interface->ifa_name);
	} else if (interface->ifa_addr->sa_family == AF_INET) {
		const struct sockaddr_in *in = (const struct sockaddr_in *)interface->ifa_addr;

		if (inet_ntop(AF_INET, &in->sin_addr, text, sizeof(text)))
			ls_append(&addresses->ipv4, text);
	} else if (interface->ifa_addr->sa_family == AF_INET6) {
		const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)interface->ifa_addr;

		/* Link-local ones have a scope; they lead nowhere from here. */
		if (!in6->sin6_scope_id && inet_ntop(AF_INET6, &in6->sin6_addr, text, sizeof(text)))
			ls_append(&addresses->ipv6, text);
	}
}

static int read_here(struct ls_addresses *ret)
{
	struct ifaddrs *interfaces;

	if (getifaddrs(&interfaces))
		return -errno;
	for (const struct ifaddrs *at = interfaces; at; at = at->ifa_next) {
		bool is_loopback = at->ifa_flags & IFF_LOOPBACK;

		if (at->ifa_addr && (!is_loopback || at->ifa_addr->sa_family == AF_PACKET))
			add_address(ret, at);
	}
	freeifaddrs(interfaces);
	return 0;
}

int ls_read_addresses(int pid, struct ls_addresses *ret)
{
	auto_close int own_fd = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	auto_close int container_fd = -1;
	char path[64];
	int ret_read;

	snprintf(path, sizeof(path), "/proc/%d/ns/net", pid);
	container_fd = open(path, O_RDONLY | O_CLOEXEC);
	if (own_fd < 0 || container_fd < 0 || setns(container_fd, CLONE_NEWNET))
		return -errno;
	ret_read = read_here(ret);
	/* Only what was opened before can lead back; it was. */
	if (setns(own_fd, CLONE_NEWNET))
		return -errno;
	return ret_read;
}
