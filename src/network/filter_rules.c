/* The rules for what comes in from a container. docs/network.md has them in words. */
#include "network/filter_rules.h"

#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/netfilter/nf_tables.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <string.h>

/* libnftables, enum datatypes; a concatenation is one number shifted over the next. */
enum { TYPE_IPADDR = 7, TYPE_IP6ADDR = 8, TYPE_ETHERADDR = 9, TYPE_IFINDEX = 20, TYPE_SHIFT = 6 };

#define WITH_DEVICE(type) (TYPE_IFINDEX << TYPE_SHIFT | (type))

const struct nft_set filter_sets[FILTER_SETS] = {
	[FILTER_LINKS] = { "links", TYPE_IFINDEX, 4 },
	[FILTER_CLOSED_LINKS] = { "closed", TYPE_IFINDEX, 4 },
	[FILTER_ALL4] = { "all4", TYPE_IPADDR, 4 },
	[FILTER_ALL6] = { "all6", TYPE_IP6ADDR, 16 },
	[FILTER_CLOSED4] = { "closed4", TYPE_IPADDR, 4 },
	[FILTER_CLOSED6] = { "closed6", TYPE_IP6ADDR, 16 },
	[FILTER_OWN4] = { "own4", WITH_DEVICE(TYPE_IPADDR), 8 },
	[FILTER_OWN6] = { "own6", WITH_DEVICE(TYPE_IP6ADDR), 20 },
	[FILTER_HWADDRS] = { "hwaddrs", WITH_DEVICE(TYPE_ETHERADDR), 12 },
};

#define LINK NFT_PAYLOAD_LL_HEADER
#define NET  NFT_PAYLOAD_NETWORK_HEADER
#define PORT NFT_PAYLOAD_TRANSPORT_HEADER

/* Offsets. */
enum {
	ETH_SOURCE = 6, ETH_TYPE = 12,
	IP_SOURCE = 12, IP_TARGET = 16,
	IP6_SOURCE = 8, IP6_TARGET = 24,
	ARP_HEAD = 0, ARP_SENDER_HWADDR = 8, ARP_SENDER = 14, ARP_TARGET = 24,
	ICMP6_ND_TARGET = 8,
};

#define DHCP_SERVER  67
#define DHCP6_SERVER 547
#define ICMP_REDIRECT_TYPE 5

/* One rule at the end of a chain. */
struct rule {
	struct netlink_batch *batch;
	size_t place;
};

static struct rule begin(struct netlink_batch *batch, const char *chain)
{
	struct rule rule = { .batch = batch };
	nft_begin_rule(batch, FILTER_TABLE, chain, &rule.place);
	return rule;
}

static void end(struct rule rule, int32_t verdict, const char *chain)
{
	nft_verdict(rule.batch, verdict, chain);
	nft_end_rule(rule.batch, rule.place);
}

/* Goes on if the field compares so with a number of 1 or 2 bytes. */
static void field(struct rule rule, uint32_t operation, uint32_t base, uint32_t offset, uint32_t size, uint16_t number)
{
	unsigned char value[2] = { (unsigned char)(number >> 8), (unsigned char)number };
	nft_load_payload(rule.batch, base, offset, size, 0);
	nft_compare(rule.batch, operation, 0, value + 2 - size, size);
}

static void protocol(struct rule rule, unsigned char number)
{
	nft_load_meta(rule.batch, NFT_META_L4PROTO, 0);
	nft_compare(rule.batch, NFT_CMP_EQ, 0, &number, 1);
}

/* Goes on if device and field are (has_not: are not) in the set. */
static void owned(struct rule rule, enum filter_set set, uint32_t base, uint32_t offset, bool has_not)
{
	uint32_t size = set == FILTER_HWADDRS ? ETH_ALEN : filter_sets[set].key_length - 4;
	nft_load_meta(rule.batch, NFT_META_IIF, 0);
	nft_load_payload(rule.batch, base, offset, size, 1);
	nft_look_up(rule.batch, filter_sets[set].name, 0, has_not);
}

static void zeros(struct rule rule, uint32_t offset, uint32_t size)
{
	static const unsigned char nothing[16];
	nft_load_payload(rule.batch, NET, offset, size, 0);
	nft_compare(rule.batch, NFT_CMP_EQ, 0, nothing, size);
}

/* The EtherType is read in the frame itself: nf_tables' own idea of it is what stands behind a VLAN tag. */
static void by_type(struct netlink_batch *batch, const char *chain, uint16_t type, const char *target)
{
	struct rule rule = begin(batch, chain);
	field(rule, NFT_CMP_EQ, LINK, ETH_TYPE, 2, type);
	end(rule, NFT_GOTO, target);
}

static void drop_server(struct netlink_batch *batch, const char *chain, uint16_t port)
{
	struct rule rule = begin(batch, chain);
	protocol(rule, IPPROTO_UDP);
	field(rule, NFT_CMP_EQ, PORT, 0, 2, port);
	end(rule, NFT_DROP, NULL);
}

/* What the guard has spoiled is put right. */
static void let_in(struct rule rule)
{
	unsigned char host = PACKET_HOST;
	nft_load_value(rule.batch, &host, sizeof(host), 0);
	nft_store_meta(rule.batch, NFT_META_PKTTYPE, 0);
	end(rule, NFT_ACCEPT, NULL);
}

/* Where a packet may not go: who allows peers reaches those that allow them, too; who does not, reaches none. */
static void drop_targets(struct netlink_batch *batch, const char *chain, enum filter_set set, uint32_t offset)
{
	struct rule rule = begin(batch, chain);
	nft_load_payload(batch, NET, offset, filter_sets[set].key_length, 0);
	nft_look_up(batch, filter_sets[set].name, 0, false);
	end(rule, NFT_DROP, NULL);
}

/* An IP version in a venet, and where other containers are that can not be reached. */
struct venet_rules {
	const char *chain; /* what is not TCP */
	uint16_t type;
	enum filter_set own, unreachable;
	uint32_t source, target; /* offsets */
	uint32_t special_size;
	uint16_t special; /* from this target on: IPv4 multicast, reserved, broadcast; IPv6 link-local, site-local, multicast */
	uint16_t server;  /* of DHCP */
};

/* The most common packets take one rule: an expression costs little, a rule or a chain more. */
static void accept_tcp(struct netlink_batch *batch, const char *chain, const struct venet_rules *rules)
{
	struct rule rule = begin(batch, chain);
	field(rule, NFT_CMP_EQ, LINK, ETH_TYPE, 2, rules->type);
	protocol(rule, IPPROTO_TCP);
	owned(rule, rules->own, NET, rules->source, false);
	field(rule, NFT_CMP_LT, NET, rules->target, rules->special_size, rules->special);
	nft_load_payload(batch, NET, rules->target, filter_sets[rules->unreachable].key_length, 0);
	nft_look_up(batch, filter_sets[rules->unreachable].name, 0, true);
	let_in(rule);
}

static void drop_neighbour_messages(struct netlink_batch *batch, const char *chain)
{
	for (uint16_t type = ND_ROUTER_SOLICIT; type <= ND_REDIRECT; type++) {
		struct rule rule = begin(batch, chain);
		protocol(rule, IPPROTO_ICMPV6);
		field(rule, NFT_CMP_EQ, PORT, 0, 1, type);
		end(rule, NFT_DROP, NULL);
	}
}

static void put_venet_rest(struct netlink_batch *batch, const struct venet_rules *rules)
{
	struct rule rule = begin(batch, rules->chain);
	owned(rule, rules->own, NET, rules->source, true);
	end(rule, NFT_DROP, NULL);
	rule = begin(batch, rules->chain);
	field(rule, NFT_CMP_GTE, NET, rules->target, rules->special_size, rules->special);
	end(rule, NFT_DROP, NULL);
	drop_targets(batch, rules->chain, rules->unreachable, rules->target);
	if (rules->type == ETH_P_IPV6)
		drop_neighbour_messages(batch, rules->chain);
	drop_server(batch, rules->chain, rules->server);
	let_in(begin(batch, rules->chain));
}

static void put_venet(struct netlink_batch *batch, const char *chain, const struct venet_rules rules[2])
{
	accept_tcp(batch, chain, &rules[0]);
	accept_tcp(batch, chain, &rules[1]);
	for (int i = 0; i < 2; i++) {
		by_type(batch, chain, rules[i].type, rules[i].chain);
		put_venet_rest(batch, &rules[i]);
	}
}

static void put_closed(struct netlink_batch *batch)
{
	static const struct venet_rules rules[] = {
		{ "closed_4", ETH_P_IP, FILTER_OWN4, FILTER_ALL4, IP_SOURCE, IP_TARGET, 1, 224, DHCP_SERVER },
		{ "closed_6", ETH_P_IPV6, FILTER_OWN6, FILTER_ALL6, IP6_SOURCE, IP6_TARGET, 2, 0xfe80, DHCP6_SERVER },
	};
	put_venet(batch, FILTER_CLOSED, rules);
}

static void put_open(struct netlink_batch *batch)
{
	static const struct venet_rules rules[] = {
		{ "open_4", ETH_P_IP, FILTER_OWN4, FILTER_CLOSED4, IP_SOURCE, IP_TARGET, 1, 224, DHCP_SERVER },
		{ "open_6", ETH_P_IPV6, FILTER_OWN6, FILTER_CLOSED6, IP6_SOURCE, IP6_TARGET, 2, 0xfe80, DHCP6_SERVER },
	};
	put_venet(batch, FILTER_OPEN, rules);
}

static void pass_port(struct netlink_batch *batch)
{
	const unsigned char no_group = 0xfe;
	struct rule rule = begin(batch, "port_pass");
	nft_load_payload(batch, LINK, ETH_SOURCE, 1, 0);
	nft_mask(batch, 0, &no_group, 1);
	nft_store_payload(batch, LINK, ETH_SOURCE, 1, 0);
	end(rule, NFT_ACCEPT, NULL);
}

/* Sender: own, or 0.0.0.0 that asks for an own one. */
static void put_port_arp(struct netlink_batch *batch)
{
	static const unsigned char head[6] = { 0, 1, 8, 0, 6, 4 }; /* Ethernet, IPv4, and their lengths */
	struct rule rule = begin(batch, "port_arp");
	nft_load_payload(batch, NET, ARP_HEAD, sizeof(head), 0);
	nft_compare(batch, NFT_CMP_NEQ, 0, head, sizeof(head));
	end(rule, NFT_DROP, NULL);
	rule = begin(batch, "port_arp");
	owned(rule, FILTER_HWADDRS, NET, ARP_SENDER_HWADDR, true);
	end(rule, NFT_DROP, NULL);
	rule = begin(batch, "port_arp");
	owned(rule, FILTER_OWN4, NET, ARP_SENDER, false);
	end(rule, NFT_GOTO, "port_pass");
	rule = begin(batch, "port_arp");
	zeros(rule, ARP_SENDER, 4);
	owned(rule, FILTER_OWN4, NET, ARP_TARGET, false);
	end(rule, NFT_GOTO, "port_pass");
}

static void put_port4(struct netlink_batch *batch)
{
	drop_server(batch, "port4", DHCP_SERVER);
	struct rule rule = begin(batch, "port4");
	protocol(rule, IPPROTO_ICMP);
	field(rule, NFT_CMP_EQ, PORT, 0, 1, ICMP_REDIRECT_TYPE);
	end(rule, NFT_DROP, NULL);
	rule = begin(batch, "port4");
	owned(rule, FILTER_OWN4, NET, IP_SOURCE, false);
	end(rule, NFT_GOTO, "port_pass");
}

/* A search for duplicates comes from :: and names its address; an advertisement names the one that it is about. */
static void put_port_icmp6(struct netlink_batch *batch)
{
	static const unsigned char unwanted[] = { ND_ROUTER_ADVERT, ND_REDIRECT };
	struct rule rule;
	for (size_t i = 0; i < sizeof(unwanted); i++) {
		rule = begin(batch, "port_icmp6");
		field(rule, NFT_CMP_EQ, PORT, 0, 1, unwanted[i]);
		end(rule, NFT_DROP, NULL);
	}
	rule = begin(batch, "port_icmp6");
	field(rule, NFT_CMP_EQ, PORT, 0, 1, ND_NEIGHBOR_SOLICIT);
	zeros(rule, IP6_SOURCE, 16);
	owned(rule, FILTER_OWN6, PORT, ICMP6_ND_TARGET, false);
	end(rule, NFT_GOTO, "port_pass");
	rule = begin(batch, "port_icmp6");
	field(rule, NFT_CMP_EQ, PORT, 0, 1, ND_NEIGHBOR_ADVERT);
	owned(rule, FILTER_OWN6, PORT, ICMP6_ND_TARGET, false);
	end(rule, NFT_GOTO, "port_source6");
	rule = begin(batch, "port_icmp6");
	field(rule, NFT_CMP_NEQ, PORT, 0, 1, ND_NEIGHBOR_ADVERT);
	end(rule, NFT_GOTO, "port_source6");
}

/* A chain of headers that does not end in the packet has no protocol, and gets no further. */
static void put_port6(struct netlink_batch *batch)
{
	unsigned char reserved = 255;
	struct rule rule = begin(batch, "port6");
	protocol(rule, IPPROTO_ICMPV6);
	end(rule, NFT_GOTO, "port_icmp6");
	drop_server(batch, "port6", DHCP6_SERVER);
	rule = begin(batch, "port6");
	nft_load_meta(batch, NFT_META_L4PROTO, 0);
	nft_compare(batch, NFT_CMP_NEQ, 0, &reserved, 1);
	end(rule, NFT_GOTO, "port_source6");

	rule = begin(batch, "port_source6");
	owned(rule, FILTER_OWN6, NET, IP6_SOURCE, false);
	end(rule, NFT_GOTO, "port_pass");
}

void filter_put_table(struct netlink_batch *batch)
{
	static const char *const chains[] = { FILTER_CLOSED, "closed_4", "closed_6", FILTER_OPEN, "open_4", "open_6", FILTER_PORT,
		"port_arp", "port4", "port6", "port_icmp6", "port_source6", "port_pass" };
	nft_add_table(batch, FILTER_TABLE);
	for (uint32_t i = 0; i < FILTER_SETS; i++)
		nft_add_set(batch, FILTER_TABLE, &filter_sets[i], i + 1);
	for (size_t i = 0; i < sizeof(chains) / sizeof(*chains); i++)
		nft_add_chain(batch, FILTER_TABLE, chains[i]);
	put_closed(batch);
	put_open(batch);
	struct rule rule = begin(batch, FILTER_PORT);
	owned(rule, FILTER_HWADDRS, LINK, ETH_SOURCE, true);
	end(rule, NFT_DROP, NULL);
	by_type(batch, FILTER_PORT, ETH_P_ARP, "port_arp");
	by_type(batch, FILTER_PORT, ETH_P_IP, "port4");
	by_type(batch, FILTER_PORT, ETH_P_IPV6, "port6");
	pass_port(batch);
	put_port_arp(batch);
	put_port4(batch);
	put_port6(batch);
	put_port_icmp6(batch);
}
