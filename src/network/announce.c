#include "network/announce.h"

#include "base/cleanup.h"
#include "base/vector.h"
#include "kernel/netlink.h"

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/netconf.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <netinet/icmp6.h>
#include <netinet/ip6.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define HOPS 255 /* RFC 4861: nobody has forwarded it */

struct arp {
	uint16_t hardware, protocol;
	unsigned char hardware_length, protocol_length;
	uint16_t operation;
	unsigned char sender_hwaddr[6], sender[4], target_hwaddr[6], target[4];
} __attribute__((packed));

struct advertisement {
	struct ip6_hdr ip;
	struct nd_neighbor_advert body;
	unsigned char option, length, hwaddr[6];
} __attribute__((packed));

/* An interface through which neighbours are told something. */
struct speaker {
	int packet_fd, index;
	bool is_router; /* IPv6: whoever hears a router say that it is none takes its routes by it away */
	unsigned char hwaddr[6];
};

static void send_frame(const struct speaker *speaker, uint16_t type, const unsigned char target[6], const void *packet, size_t size)
{
	struct sockaddr_ll address = { .sll_family = AF_PACKET, .sll_protocol = htons(type), .sll_ifindex = speaker->index,
		.sll_halen = ETH_ALEN };
	memcpy(address.sll_addr, target, ETH_ALEN);
	(void)sendto(speaker->packet_fd, packet, size, 0, (const struct sockaddr *)&address, sizeof(address)); /* best effort */
}

static void announce4(const struct speaker *speaker, const unsigned char address[4])
{
	static const unsigned char everybody[6] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };
	struct arp arp = { htons(1), htons(ETH_P_IP), 6, 4, htons(1), { 0 }, { 0 }, { 0 }, { 0 } };
	memcpy(arp.sender_hwaddr, speaker->hwaddr, 6);
	memcpy(arp.sender, address, 4);
	memcpy(arp.target, address, 4);
	send_frame(speaker, ETH_P_ARP, everybody, &arp, sizeof(arp));
}

/* RFC 4443 and 8200: over addresses, length, next header and the message. */
static uint16_t checksum6(const struct advertisement *message)
{
	unsigned char bytes[16 + 16 + 8 + 32] = { [35] = 32, [39] = IPPROTO_ICMPV6 };
	uint32_t sum = 0;
	memcpy(bytes, &message->ip.ip6_src, 32);
	memcpy(bytes + 40, (const char *)message + sizeof(message->ip), 32);
	for (size_t i = 0; i < sizeof(bytes); i += 2)
		sum += (uint32_t)bytes[i] << 8 | bytes[i + 1];
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return htons((uint16_t)~sum);
}

/* From the address itself, to all nodes, and it replaces what they have (override). */
static void announce6(const struct speaker *speaker, const unsigned char address[16])
{
	static const unsigned char all_nodes[16] = { 0xff, 0x02, [15] = 1 }, all_nodes_hwaddr[6] = { 0x33, 0x33, 0, 0, 0, 1 };
	struct advertisement message = { .option = ND_OPT_TARGET_LINKADDR, .length = 1 };
	message.ip.ip6_flow = htonl(6U << 28);
	message.ip.ip6_plen = htons(sizeof(message) - sizeof(message.ip));
	message.ip.ip6_nxt = IPPROTO_ICMPV6;
	message.ip.ip6_hlim = HOPS;
	memcpy(&message.ip.ip6_src, address, 16);
	memcpy(&message.ip.ip6_dst, all_nodes, 16);
	message.body.nd_na_type = ND_NEIGHBOR_ADVERT;
	message.body.nd_na_flags_reserved = ND_NA_FLAG_OVERRIDE | (speaker->is_router ? ND_NA_FLAG_ROUTER : 0);
	memcpy(&message.body.nd_na_target, address, 16);
	memcpy(message.hwaddr, speaker->hwaddr, 6);
	message.body.nd_na_cksum = checksum6(&message);
	send_frame(speaker, ETH_P_IPV6, all_nodes_hwaddr, &message, sizeof(message));
}

void announce_address(int index, const char *address)
{
	char device[IFNAMSIZ];
	unsigned char binary[16];
	auto_close int fd = netlink_open();
	auto_close int packet_fd = socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct speaker speaker = { .packet_fd = packet_fd, .index = index, .is_router = true };
	if (fd < 0 || packet_fd < 0 || !if_indextoname((unsigned)index, device) || netlink_hwaddr(fd, device, speaker.hwaddr) < 0)
		return; /* no Ethernet: nobody asks for hardware addresses */
	if (inet_pton(AF_INET, address, binary) == 1)
		announce4(&speaker, binary);
	else if (inet_pton(AF_INET6, address, binary) == 1)
		announce6(&speaker, binary);
}

/* ---- a whole namespace ---- */

struct address {
	int index;
	unsigned char family, binary[16];
};
struct address_list {
	VECTOR(struct address);
};

/* What is still looked for on the link, or was found there, is not its own. */
static void take_address(const struct nlmsghdr *message, void *data)
{
	const struct ifaddrmsg *header = NLMSG_DATA(message);
	const struct rtattr *flags = netlink_find(message, sizeof(*header), IFA_FLAGS);
	const struct rtattr *own = netlink_find(message, sizeof(*header), IFA_LOCAL) ?: netlink_find(message, sizeof(*header), IFA_ADDRESS);
	uint32_t set = flags ? *(const uint32_t *)RTA_DATA(flags) : header->ifa_flags;
	size_t size = header->ifa_family == AF_INET ? 4 : 16;
	if (!own || RTA_PAYLOAD(own) != size || set & (IFA_F_TENTATIVE | IFA_F_DADFAILED))
		return;
	struct address *address = vector_add((struct address_list *)data);
	if (!address)
		return; /* best effort */
	*address = (struct address){ .index = (int)header->ifa_index, .family = header->ifa_family };
	memcpy(address->binary, RTA_DATA(own), size);
}

static void take_link(const struct nlmsghdr *message, void *data)
{
	const struct ifinfomsg *header = NLMSG_DATA(message);
	const struct rtattr *hwaddr = netlink_find(message, sizeof(*header), IFLA_ADDRESS);
	struct speaker *speaker = data;
	if (header->ifi_type != ARPHRD_ETHER || !(header->ifi_flags & IFF_UP) || header->ifi_flags & (IFF_NOARP | IFF_LOOPBACK) ||
		!hwaddr || RTA_PAYLOAD(hwaddr) != 6)
		return;
	memcpy(speaker->hwaddr, RTA_DATA(hwaddr), 6);
	speaker->index = header->ifi_index;
}

static void take_forwarding(const struct nlmsghdr *message, void *data)
{
	const struct rtattr *forwarding = netlink_find(message, sizeof(struct netconfmsg), NETCONFA_FORWARDING);
	((struct speaker *)data)->is_router = forwarding && *(const int32_t *)RTA_DATA(forwarding) > 0;
}

static bool find_speaker(int fd, int index, struct speaker *speaker)
{
	struct netlink_batch batch = { 0 };
	const struct netconfmsg header = { .ncm_family = AF_INET6 };
	speaker->index = 0;
	speaker->is_router = false;
	if (netlink_get_link_at(fd, index, take_link, speaker) < 0 || speaker->index != index)
		return false;
	netlink_message(&batch, RTM_GETNETCONF, 0, &header, sizeof(header));
	netlink_u32(&batch, NETCONFA_IFINDEX, (uint32_t)index);
	(void)netlink_ask(fd, &batch, take_forwarding, speaker); /* no IPv6: no router */
	return true;
}

void announce_namespace(int netns_fd)
{
	struct address_list addresses = { 0 };
	auto_close int fd = netlink_open_in(netns_fd);
	auto_close int packet_fd = fd < 0 ? -1 : netlink_open_packet_in(netns_fd);
	struct speaker speaker = { .packet_fd = packet_fd };
	if (packet_fd >= 0)
		(void)netlink_dump(fd, RTM_GETADDR, AF_UNSPEC, take_address, &addresses);
	vector_for_each (address, &addresses) {
		if (speaker.index != address->index && !find_speaker(fd, address->index, &speaker))
			continue;
		if (address->family == AF_INET)
			announce4(&speaker, address->binary);
		else
			announce6(&speaker, address->binary);
	}
	free(addresses.items);
}
