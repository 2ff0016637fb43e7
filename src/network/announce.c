#include "network/announce.h"

#include "base/cleanup.h"
#include "kernel/netlink.h"

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <netinet/icmp6.h>
#include <netinet/ip6.h>
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

static void send_frame(int index, uint16_t type, const unsigned char target[6], const void *packet, size_t size)
{
	auto_close int fd = socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct sockaddr_ll address = { .sll_family = AF_PACKET, .sll_protocol = htons(type), .sll_ifindex = index,
		.sll_halen = ETH_ALEN };
	memcpy(address.sll_addr, target, ETH_ALEN);
	if (fd >= 0)
		(void)sendto(fd, packet, size, 0, (const struct sockaddr *)&address, sizeof(address)); /* best effort */
}

static void announce4(int index, const unsigned char hwaddr[6], const unsigned char address[4])
{
	static const unsigned char everybody[6] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };
	struct arp arp = { htons(1), htons(ETH_P_IP), 6, 4, htons(1), { 0 }, { 0 }, { 0 }, { 0 } };
	memcpy(arp.sender_hwaddr, hwaddr, 6);
	memcpy(arp.sender, address, 4);
	memcpy(arp.target, address, 4);
	send_frame(index, ETH_P_ARP, everybody, &arp, sizeof(arp));
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
static void announce6(int index, const unsigned char hwaddr[6], const unsigned char address[16])
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
	message.body.nd_na_flags_reserved = ND_NA_FLAG_OVERRIDE | ND_NA_FLAG_ROUTER;
	memcpy(&message.body.nd_na_target, address, 16);
	memcpy(message.hwaddr, hwaddr, 6);
	message.body.nd_na_cksum = checksum6(&message);
	send_frame(index, ETH_P_IPV6, all_nodes_hwaddr, &message, sizeof(message));
}

void announce_address(int index, const char *address)
{
	char device[IFNAMSIZ];
	unsigned char hwaddr[6], binary[16];
	auto_close int fd = netlink_open();
	if (fd < 0 || !if_indextoname((unsigned)index, device) || netlink_hwaddr(fd, device, hwaddr) < 0)
		return; /* no Ethernet: nobody asks for hardware addresses */
	if (inet_pton(AF_INET, address, binary) == 1)
		announce4(index, hwaddr, binary);
	else if (inet_pton(AF_INET6, address, binary) == 1)
		announce6(index, hwaddr, binary);
}
