#include "kernel/nftables.h"

#include "base/cleanup.h"

#include <arpa/inet.h>
#include <linux/filter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <string.h>
#include <sys/socket.h>

#define MESSAGE(type) ((uint16_t)(NFNL_SUBSYS_NFTABLES << 8 | (type)))

int nft_open(void)
{
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER);
	return fd < 0 ? -errno : fd;
}

/* ---- messages ---- */

static void put_u32(struct netlink_batch *batch, uint16_t type, uint32_t value)
{
	netlink_u32(batch, type, htonl(value));
}

static size_t begin(struct netlink_batch *batch, uint16_t type)
{
	return netlink_begin(batch, type | NLA_F_NESTED, NULL, 0);
}

static void message(struct netlink_batch *batch, uint16_t type, uint16_t flags)
{
	struct nfgenmsg header = { .nfgen_family = NFT_FAMILY_NETDEV, .version = NFNETLINK_V0 };
	netlink_message(batch, MESSAGE(type), flags, &header, sizeof(header));
}

/* struct nfgenmsg: the subsystem is in network order, unlike the type of a message. */
void nft_begin(struct netlink_batch *batch, uint32_t generation)
{
	struct nfgenmsg header = { .version = NFNETLINK_V0, .res_id = htons(NFNL_SUBSYS_NFTABLES) };
	netlink_bracket(batch, NFNL_MSG_BATCH_BEGIN, &header, sizeof(header));
	if (generation)
		put_u32(batch, NFNL_BATCH_GENID, generation);
}

void nft_end(struct netlink_batch *batch)
{
	struct nfgenmsg header = { .version = NFNETLINK_V0, .res_id = htons(NFNL_SUBSYS_NFTABLES) };
	netlink_bracket(batch, NFNL_MSG_BATCH_END, &header, sizeof(header));
}

static void take_generation(const struct nlmsghdr *answer, void *data)
{
	const struct rtattr *number = netlink_find(answer, sizeof(struct nfgenmsg), NFTA_GEN_ID);
	if (number)
		memcpy(data, RTA_DATA(number), sizeof(uint32_t));
}

int nft_generation(int fd, uint32_t *ret_generation)
{
	struct netlink_batch batch = { 0 };
	uint32_t number = 0;
	message(&batch, NFT_MSG_GETGEN, 0);
	int r = netlink_ask(fd, &batch, take_generation, &number);
	if (r == 0)
		*ret_generation = ntohl(number);
	return r;
}

void nft_add_table(struct netlink_batch *batch, const char *table)
{
	message(batch, NFT_MSG_NEWTABLE, NLM_F_CREATE | NLM_F_EXCL);
	netlink_text(batch, NFTA_TABLE_NAME, table);
}

void nft_delete_table(struct netlink_batch *batch, const char *table)
{
	message(batch, NFT_MSG_DELTABLE, 0);
	netlink_text(batch, NFTA_TABLE_NAME, table);
}

/* ---- sets ---- */

void nft_add_set(struct netlink_batch *batch, const char *table, const struct nft_set *set, uint32_t id)
{
	message(batch, NFT_MSG_NEWSET, NLM_F_CREATE | NLM_F_EXCL);
	netlink_text(batch, NFTA_SET_TABLE, table);
	netlink_text(batch, NFTA_SET_NAME, set->name);
	put_u32(batch, NFTA_SET_ID, id);
	put_u32(batch, NFTA_SET_FLAGS, 0);
	put_u32(batch, NFTA_SET_KEY_TYPE, set->key_type);
	put_u32(batch, NFTA_SET_KEY_LEN, set->key_length);
}

static void put_value(struct netlink_batch *batch, uint16_t type, const void *value, size_t length)
{
	size_t place = begin(batch, type);
	netlink_attribute(batch, NFTA_DATA_VALUE, value, length);
	netlink_end(batch, place);
}

static void put_element(struct netlink_batch *batch, const char *table, const char *set, const void *key, size_t key_length)
{
	netlink_text(batch, NFTA_SET_ELEM_LIST_TABLE, table);
	netlink_text(batch, NFTA_SET_ELEM_LIST_SET, set);
	size_t list = begin(batch, NFTA_SET_ELEM_LIST_ELEMENTS);
	size_t element = begin(batch, NFTA_LIST_ELEM);
	put_value(batch, NFTA_SET_ELEM_KEY, key, key_length);
	netlink_end(batch, element);
	netlink_end(batch, list);
}

void nft_add_element(struct netlink_batch *batch, const char *table, const char *set, const void *key, size_t key_length)
{
	message(batch, NFT_MSG_NEWSETELEM, NLM_F_CREATE | NLM_F_EXCL);
	put_element(batch, table, set, key, key_length);
}

void nft_delete_element(struct netlink_batch *batch, const char *table, const char *set, const void *key, size_t key_length)
{
	message(batch, NFT_MSG_DELSETELEM, 0);
	put_element(batch, table, set, key, key_length);
}

static void visit_nothing(const struct nlmsghdr *answer, void *data)
{
	(void)answer;
	(void)data;
}

int nft_find_element(int fd, const char *table, const char *set, const void *key, size_t key_length)
{
	struct netlink_batch batch = { 0 };
	message(&batch, NFT_MSG_GETSETELEM, 0);
	put_element(&batch, table, set, key, key_length);
	return netlink_ask(fd, &batch, visit_nothing, NULL);
}

/*
 * The kernel sends what one batch did in few datagrams; the first message of each tells what it is about. Deleted rules,
 * chains, sets and tables pass: not elements, or each start and stop of a container would wake all others.
 */
int nft_open_events(void)
{
	static const uint8_t kinds[] = { NFT_MSG_DELTABLE, NFT_MSG_DELCHAIN, NFT_MSG_DELRULE, NFT_MSG_DELSET, NFT_MSG_DELOBJ,
		NFT_MSG_DELFLOWTABLE };
	enum { KINDS = sizeof(kinds) };
	struct sock_filter code[KINDS + 3];
	int group = NFNLGRP_NFTABLES;
	auto_close int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_NETFILTER);
	if (fd < 0)
		return -errno;
	/* the load takes the bytes for network order, the kernel wrote them in its own */
	code[0] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_H | BPF_ABS, offsetof(struct nlmsghdr, nlmsg_type));
	for (uint8_t i = 0; i < KINDS; i++)
		code[i + 1] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, htons(MESSAGE(kinds[i])), KINDS - i, 0);
	code[KINDS + 1] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, 0);
	code[KINDS + 2] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, UINT32_MAX);
	struct sock_fprog program = { .len = KINDS + 3, .filter = code };
	struct sockaddr_nl address = { .nl_family = AF_NETLINK }; /* without a number of its own it gets nothing */
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ||
		setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)) < 0 ||
		setsockopt(fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, sizeof(group)) < 0)
		return -errno;
	return take_fd(&fd);
}

struct visitor {
	void (*visit)(const void *key, size_t length, void *data);
	void *data;
};

static void visit_elements(const struct nlmsghdr *part, void *data)
{
	const struct visitor *visitor = data;
	const struct rtattr *list = netlink_find(part, sizeof(struct nfgenmsg), NFTA_SET_ELEM_LIST_ELEMENTS);
	int left = list ? (int)RTA_PAYLOAD(list) : 0;
	for (const struct rtattr *at = list ? RTA_DATA(list) : NULL; at && RTA_OK(at, left); at = RTA_NEXT(at, left)) {
		const struct rtattr *key = netlink_find_inside(at, NFTA_SET_ELEM_KEY);
		const struct rtattr *value = netlink_find_inside(key, NFTA_DATA_VALUE);
		if (value)
			visitor->visit(RTA_DATA(value), RTA_PAYLOAD(value), visitor->data);
	}
}

int nft_visit_elements(int fd, const char *table, const char *set, void (*visit)(const void *key, size_t length, void *data),
	void *data)
{
	struct netlink_batch batch = { 0 };
	struct visitor visitor = { visit, data };
	message(&batch, NFT_MSG_GETSETELEM, 0);
	netlink_text(&batch, NFTA_SET_ELEM_LIST_TABLE, table);
	netlink_text(&batch, NFTA_SET_ELEM_LIST_SET, set);
	return netlink_dump_question(fd, &batch, visit_elements, &visitor);
}

/* ---- chains ---- */

void nft_add_chain(struct netlink_batch *batch, const char *table, const char *chain)
{
	message(batch, NFT_MSG_NEWCHAIN, NLM_F_CREATE | NLM_F_EXCL);
	netlink_text(batch, NFTA_CHAIN_TABLE, table);
	netlink_text(batch, NFTA_CHAIN_NAME, chain);
}

void nft_add_ingress(struct netlink_batch *batch, const char *table, const char *chain, const char *device, int32_t priority)
{
	nft_add_chain(batch, table, chain);
	size_t hook = begin(batch, NFTA_CHAIN_HOOK);
	put_u32(batch, NFTA_HOOK_HOOKNUM, NFT_HOOK_INGRESS);
	put_u32(batch, NFTA_HOOK_PRIORITY, (uint32_t)priority);
	netlink_text(batch, NFTA_HOOK_DEV, device);
	netlink_end(batch, hook);
	put_u32(batch, NFTA_CHAIN_POLICY, NFT_DROP);
	netlink_text(batch, NFTA_CHAIN_TYPE, "filter");
}

void nft_delete_chain(struct netlink_batch *batch, const char *table, const char *chain)
{
	message(batch, NFT_MSG_DELCHAIN, 0);
	netlink_text(batch, NFTA_CHAIN_TABLE, table);
	netlink_text(batch, NFTA_CHAIN_NAME, chain);
}

/* ---- rules ---- */

void nft_begin_rule(struct netlink_batch *batch, const char *table, const char *chain, size_t *ret_place)
{
	message(batch, NFT_MSG_NEWRULE, NLM_F_CREATE | NLM_F_APPEND);
	netlink_text(batch, NFTA_RULE_TABLE, table);
	netlink_text(batch, NFTA_RULE_CHAIN, chain);
	*ret_place = begin(batch, NFTA_RULE_EXPRESSIONS);
}

void nft_end_rule(struct netlink_batch *batch, size_t place)
{
	netlink_end(batch, place);
}

static void begin_expression(struct netlink_batch *batch, const char *name, size_t places[2])
{
	places[0] = begin(batch, NFTA_LIST_ELEM);
	netlink_text(batch, NFTA_EXPR_NAME, name);
	places[1] = begin(batch, NFTA_EXPR_DATA);
}

static void end_expression(struct netlink_batch *batch, const size_t places[2])
{
	netlink_end(batch, places[1]);
	netlink_end(batch, places[0]);
}

static void put_register(struct netlink_batch *batch, uint16_t type, uint32_t number)
{
	put_u32(batch, type, NFT_REG32_00 + number);
}

void nft_load_meta(struct netlink_batch *batch, uint32_t key, uint32_t to)
{
	size_t places[2];
	begin_expression(batch, "meta", places);
	put_u32(batch, NFTA_META_KEY, key);
	put_register(batch, NFTA_META_DREG, to);
	end_expression(batch, places);
}

void nft_store_meta(struct netlink_batch *batch, uint32_t key, uint32_t from)
{
	size_t places[2];
	begin_expression(batch, "meta", places);
	put_u32(batch, NFTA_META_KEY, key);
	put_register(batch, NFTA_META_SREG, from);
	end_expression(batch, places);
}

static void put_payload(struct netlink_batch *batch, uint32_t base, uint32_t offset, uint32_t length)
{
	put_u32(batch, NFTA_PAYLOAD_BASE, base);
	put_u32(batch, NFTA_PAYLOAD_OFFSET, offset);
	put_u32(batch, NFTA_PAYLOAD_LEN, length);
}

void nft_load_payload(struct netlink_batch *batch, uint32_t base, uint32_t offset, uint32_t length, uint32_t to)
{
	size_t places[2];
	begin_expression(batch, "payload", places);
	put_payload(batch, base, offset, length);
	put_register(batch, NFTA_PAYLOAD_DREG, to);
	end_expression(batch, places);
}

void nft_store_payload(struct netlink_batch *batch, uint32_t base, uint32_t offset, uint32_t length, uint32_t from)
{
	size_t places[2];
	begin_expression(batch, "payload", places);
	put_payload(batch, base, offset, length);
	put_register(batch, NFTA_PAYLOAD_SREG, from);
	put_u32(batch, NFTA_PAYLOAD_CSUM_TYPE, NFT_PAYLOAD_CSUM_NONE);
	end_expression(batch, places);
}

void nft_load_value(struct netlink_batch *batch, const void *value, size_t length, uint32_t to)
{
	size_t places[2];
	begin_expression(batch, "immediate", places);
	put_register(batch, NFTA_IMMEDIATE_DREG, to);
	put_value(batch, NFTA_IMMEDIATE_DATA, value, length);
	end_expression(batch, places);
}

void nft_mask(struct netlink_batch *batch, uint32_t at, const void *mask, size_t length)
{
	static const unsigned char nothing[16];
	size_t places[2];
	begin_expression(batch, "bitwise", places);
	put_register(batch, NFTA_BITWISE_SREG, at);
	put_register(batch, NFTA_BITWISE_DREG, at);
	put_u32(batch, NFTA_BITWISE_LEN, (uint32_t)length);
	put_value(batch, NFTA_BITWISE_MASK, mask, length);
	put_value(batch, NFTA_BITWISE_XOR, nothing, length);
	end_expression(batch, places);
}

void nft_compare(struct netlink_batch *batch, uint32_t operation, uint32_t from, const void *value, size_t length)
{
	size_t places[2];
	begin_expression(batch, "cmp", places);
	put_register(batch, NFTA_CMP_SREG, from);
	put_u32(batch, NFTA_CMP_OP, operation);
	put_value(batch, NFTA_CMP_DATA, value, length);
	end_expression(batch, places);
}

void nft_look_up(struct netlink_batch *batch, const char *set, uint32_t from, bool has_not)
{
	size_t places[2];
	begin_expression(batch, "lookup", places);
	netlink_text(batch, NFTA_LOOKUP_SET, set);
	put_register(batch, NFTA_LOOKUP_SREG, from);
	put_u32(batch, NFTA_LOOKUP_FLAGS, has_not ? NFT_LOOKUP_F_INV : 0);
	end_expression(batch, places);
}

void nft_verdict(struct netlink_batch *batch, int32_t code, const char *chain)
{
	size_t places[2];
	begin_expression(batch, "immediate", places);
	put_u32(batch, NFTA_IMMEDIATE_DREG, NFT_REG_VERDICT);
	size_t data = begin(batch, NFTA_IMMEDIATE_DATA);
	size_t verdict = begin(batch, NFTA_DATA_VERDICT);
	put_u32(batch, NFTA_VERDICT_CODE, (uint32_t)code);
	if (chain)
		netlink_text(batch, NFTA_VERDICT_CHAIN, chain);
	netlink_end(batch, verdict);
	netlink_end(batch, data);
	end_expression(batch, places);
}
