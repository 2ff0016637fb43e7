/* wabe-dhcp: its sockets, and what it does to the interface. */
#include "programs/dhcp.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/if_addr.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "kernel/netlink.h"

#ifndef PACKET_IGNORE_OUTGOING
#define PACKET_IGNORE_OUTGOING 23
#endif
#ifndef RTPROT_DHCP
#define RTPROT_DHCP 16
#endif
#define RECEIVE_BUFFER 65536

/* UDP to our port, no fragment: the rest never wakes us. */
static int filter_packets(int fd)
{
	static const struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 9),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, IPPROTO_UDP, 0, 6),
		BPF_STMT(BPF_LD | BPF_H | BPF_ABS, 6),
		BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, 0x3fff, 4, 0),
		BPF_STMT(BPF_LDX | BPF_B | BPF_MSH, 0),
		BPF_STMT(BPF_LD | BPF_H | BPF_IND, 2),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, DHCP_CLIENT_PORT, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, 1500),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};
	const struct sock_fprog program = { sizeof(code) / sizeof(*code), (struct sock_filter *)(uintptr_t)code };

	return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)) < 0 ? -errno : 0;
}

static int open_packet(int index)
{
	const struct sockaddr_ll address = { .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_IP), .sll_ifindex = index };
	const int on = 1, size = RECEIVE_BUFFER;
	auto_close int fd = socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return -errno;
	int r = filter_packets(fd);
	if (r < 0)
		return r;
	(void)setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &on, sizeof(on)); /* 4.20; else some are read in vain */
	if (setsockopt(fd, SOL_PACKET, PACKET_AUXDATA, &on, sizeof(on)) < 0 ||
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size)) < 0 ||
		bind(fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
		return -errno;
	return take_fd(&fd);
}

/* The port has an owner, so the kernel tells no server that nobody is there. */
static int open_udp(const char *interface)
{
	static const struct sock_filter nothing[] = { BPF_STMT(BPF_RET | BPF_K, 0) };
	const struct sock_fprog program = { 1, (struct sock_filter *)(uintptr_t)nothing };
	const struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(DHCP_CLIENT_PORT) };
	const int on = 1;
	auto_close int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)) < 0 ||
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0 ||
		setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, interface, (socklen_t)strlen(interface)) < 0 ||
		bind(fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
		return -errno;
	return take_fd(&fd);
}

static int bring_up(int fd, int index)
{
	struct netlink_batch batch = { 0 };
	struct ifinfomsg header = { .ifi_index = index, .ifi_flags = IFF_UP, .ifi_change = IFF_UP };

	netlink_message(&batch, RTM_NEWLINK, 0, &header, sizeof(header));
	int r = netlink_send(fd, &batch, NULL);
	netlink_clear(&batch);
	return r;
}

int dhcp_sockets_open(const char *interface, struct dhcp_sockets *ret, unsigned char ret_hwaddr[6])
{
	auto_close int netlink_fd = netlink_open();

	if (netlink_fd < 0)
		return netlink_fd;
	int index = netlink_ifindex(netlink_fd, interface);
	int r = index < 0 ? index : netlink_hwaddr(netlink_fd, interface, ret_hwaddr);
	r = r ?: bring_up(netlink_fd, index);
	if (r < 0)
		return r;
	auto_close int packet_fd = open_packet(index);
	if (packet_fd < 0)
		return packet_fd;
	int udp_fd = open_udp(interface);
	if (udp_fd < 0)
		return udp_fd;
	*ret = (struct dhcp_sockets){ take_fd(&packet_fd), udp_fd, take_fd(&netlink_fd), index };
	return 0;
}

int dhcp_send_to_all(const struct dhcp_sockets *sockets, const unsigned char *packet, size_t length)
{
	struct sockaddr_ll address = { .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_IP),
		.sll_ifindex = sockets->index, .sll_halen = ETH_ALEN };

	memset(address.sll_addr, 0xff, ETH_ALEN);
	return sendto(sockets->packet_fd, packet, length, 0, (struct sockaddr *)&address, sizeof(address)) < 0 ? -errno : 0;
}

int dhcp_send_to_server(const struct dhcp_sockets *sockets, struct in_addr server, const unsigned char *message, size_t length)
{
	const struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(DHCP_SERVER_PORT), .sin_addr = server };

	return sendto(sockets->udp_fd, message, length, MSG_DONTWAIT, (const struct sockaddr *)&address, sizeof(address)) < 0 ?
		       -errno :
		       0;
}

ssize_t dhcp_receive(const struct dhcp_sockets *sockets, unsigned char *packet, size_t size, bool *ret_has_checksum)
{
	union {
		struct cmsghdr header;
		char room[CMSG_SPACE(sizeof(struct tpacket_auxdata))];
	} control = { 0 };
	struct iovec part = { packet, size };
	struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control) };
	ssize_t length = recvmsg(sockets->packet_fd, &message, 0);

	if (length < 0)
		return -errno;
	*ret_has_checksum = true;
	for (struct cmsghdr *one = CMSG_FIRSTHDR(&message); one; one = CMSG_NXTHDR(&message, one)) {
		struct tpacket_auxdata data;
		if (one->cmsg_level != SOL_PACKET || one->cmsg_type != PACKET_AUXDATA ||
			one->cmsg_len < CMSG_LEN(sizeof(data)))
			continue;
		memcpy(&data, CMSG_DATA(one), sizeof(data));
		if (data.tp_status & TP_STATUS_CSUMNOTREADY)
			*ret_has_checksum = false;
	}
	return length;
}

/* ---- the interface ---- */

static uint32_t network_mask(uint32_t prefix)
{
	return prefix ? htonl(UINT32_MAX << (32 - prefix)) : 0;
}

static bool is_same_route(const struct dhcp_route *a, const struct dhcp_route *b)
{
	return a->destination.s_addr == b->destination.s_addr && a->prefix == b->prefix && a->gateway.s_addr == b->gateway.s_addr;
}

static void put_address(struct netlink_batch *batch, uint16_t type, int index, const struct dhcp_lease *lease)
{
	struct ifaddrmsg header = { .ifa_family = AF_INET, .ifa_prefixlen = (unsigned char)lease->prefix, .ifa_index = (uint32_t)index };
	const struct ifa_cacheinfo times = { .ifa_prefered = lease->seconds, .ifa_valid = lease->seconds };
	const uint32_t broadcast = lease->address.s_addr | ~network_mask(lease->prefix);

	netlink_message(batch, type, type == RTM_NEWADDR ? NLM_F_CREATE | NLM_F_REPLACE : 0, &header, sizeof(header));
	netlink_attribute(batch, IFA_LOCAL, &lease->address, sizeof(lease->address));
	netlink_attribute(batch, IFA_ADDRESS, &lease->address, sizeof(lease->address));
	if (type == RTM_DELADDR)
		return;
	if (lease->prefix < 31)
		netlink_attribute(batch, IFA_BROADCAST, &broadcast, sizeof(broadcast));
	netlink_attribute(batch, IFA_CACHEINFO, &times, sizeof(times)); /* it ends with the lease, whatever becomes of us */
}

/* With the address as source: the kernel takes the route away together with it. */
static void put_route(struct netlink_batch *batch, uint16_t type, int index, uint32_t metric, const struct dhcp_lease *lease,
	const struct dhcp_route *route)
{
	uint32_t gateway = route->gateway.s_addr;
	bool is_near = ((gateway ^ lease->address.s_addr) & network_mask(lease->prefix)) == 0;
	struct rtmsg header = { .rtm_family = AF_INET, .rtm_dst_len = (unsigned char)route->prefix, .rtm_table = RT_TABLE_MAIN,
		.rtm_protocol = RTPROT_DHCP, .rtm_type = RTN_UNICAST, .rtm_scope = gateway ? RT_SCOPE_UNIVERSE : RT_SCOPE_LINK,
		.rtm_flags = gateway && !is_near ? RTNH_F_ONLINK : 0 };

	netlink_message(batch, type, type == RTM_NEWROUTE ? NLM_F_CREATE | NLM_F_REPLACE : 0, &header, sizeof(header));
	if (route->prefix)
		netlink_attribute(batch, RTA_DST, &route->destination, sizeof(route->destination));
	if (gateway)
		netlink_attribute(batch, RTA_GATEWAY, &gateway, sizeof(gateway));
	netlink_attribute(batch, RTA_PREFSRC, &lease->address, sizeof(lease->address));
	netlink_u32(batch, RTA_OIF, (uint32_t)index);
	netlink_u32(batch, RTA_PRIORITY, metric);
}

/* Routes that are no more; those of an address that goes, go with it. */
static void put_old_routes(struct netlink_batch *batch, int index, uint32_t metric, const struct dhcp_lease *lease,
	const struct dhcp_lease *old)
{
	for (size_t i = 0; i < old->route_count; i++) {
		bool stays = false;
		for (size_t j = 0; j < lease->route_count; j++)
			stays = stays || is_same_route(&old->routes[i], &lease->routes[j]);
		if (!stays)
			put_route(batch, RTM_DELROUTE, index, metric, old, &old->routes[i]);
	}
}

int dhcp_configure(const struct dhcp_sockets *sockets, const struct dhcp_lease *lease, const struct dhcp_lease *old,
	uint32_t metric)
{
	struct netlink_batch batch = { 0 };
	bool is_same = lease && lease->address.s_addr == old->address.s_addr && lease->prefix == old->prefix;

	if (old->address.s_addr && !is_same)
		put_address(&batch, RTM_DELADDR, sockets->index, old);
	if (metric && is_same)
		put_old_routes(&batch, sockets->index, metric, lease, old);
	if (batch.count > 0)
		(void)netlink_send(sockets->netlink_fd, &batch, NULL); /* root of the container may have been faster */
	int r = 0;
	if (lease) {
		put_address(&batch, RTM_NEWADDR, sockets->index, lease);
		for (size_t i = 0; metric && i < lease->route_count; i++)
			put_route(&batch, RTM_NEWROUTE, sockets->index, metric, lease, &lease->routes[i]);
		r = netlink_send(sockets->netlink_fd, &batch, NULL);
	}
	netlink_clear(&batch);
	return r;
}
