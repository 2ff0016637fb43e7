#pragma once
#include "kernel/netlink.h"

/*
 * nf_tables(netdev family) by messages: what nft(8) would write, in one batch that is carried out as a whole or not at
 * all. Rules are made of expressions that load into and read from 32-bit registers, numbered here from 0 to 15.
 */

/* From linux/netfilter.h, which brings a second copy of the C library's netinet/in.h. */
enum { NFT_FAMILY_NETDEV = 5, NFT_HOOK_INGRESS = 0, NFT_DROP = 0, NFT_ACCEPT = 1 };

/* A close-on-exec NETLINK_NETFILTER socket in the caller's network namespace, or -errno. */
int nft_open(void);

/*
 * All messages of a batch stand between these two. generation: the one that the batch is written for (nft_generation), or
 * 0: any. netlink_send gives -ERESTART when the rules of this namespace have changed since.
 */
void nft_begin(struct netlink_batch *batch, uint32_t generation);
void nft_end(struct netlink_batch *batch);
/* The number of the rules' present state. 0 or -errno. */
int nft_generation(int fd, uint32_t *ret_generation);

/* -EEXIST if it is there. */
void nft_add_table(struct netlink_batch *batch, const char *table);
void nft_delete_table(struct netlink_batch *batch, const char *table);

/* key_type: libnftables' number, only for who lists the set. */
struct nft_set {
	const char *name;
	uint32_t key_type, key_length;
};
/* id: a number of its own within the batch. */
void nft_add_set(struct netlink_batch *batch, const char *table, const struct nft_set *set, uint32_t id);
/* -EEXIST if it is there. */
void nft_add_element(struct netlink_batch *batch, const char *table, const char *set, const void *key, size_t key_length);
/* -ENOENT if it is not there. */
void nft_delete_element(struct netlink_batch *batch, const char *table, const char *set, const void *key, size_t key_length);
/* 0, -ENOENT or another -errno. */
int nft_find_element(int fd, const char *table, const char *set, const void *key, size_t key_length);
/* Hears of what is deleted from the rules of this namespace, by whom and where ever. A close-on-exec fd that does not block. */
int nft_open_events(void);
/* Calls visit for each element. 0, -ENOENT or another -errno. */
int nft_visit_elements(int fd, const char *table, const char *set, void (*visit)(const void *key, size_t length, void *data),
	void *data);

/* A chain that rules jump to. */
void nft_add_chain(struct netlink_batch *batch, const char *table, const char *chain);
/* A chain that sees what comes in at the device, and drops it unless a rule accepts it. */
void nft_add_ingress(struct netlink_batch *batch, const char *table, const char *chain, const char *device, int32_t priority);
/* With its rules. -ENOENT. */
void nft_delete_chain(struct netlink_batch *batch, const char *table, const char *chain);

/* A rule at the end of a chain, of the expressions up to nft_end_rule. */
void nft_begin_rule(struct netlink_batch *batch, const char *table, const char *chain, size_t *ret_place);
void nft_end_rule(struct netlink_batch *batch, size_t place);
/* key: enum nft_meta_keys. */
void nft_load_meta(struct netlink_batch *batch, uint32_t key, uint32_t to);
void nft_store_meta(struct netlink_batch *batch, uint32_t key, uint32_t from);
/* base: enum nft_payload_bases. */
void nft_load_payload(struct netlink_batch *batch, uint32_t base, uint32_t offset, uint32_t length, uint32_t to);
void nft_store_payload(struct netlink_batch *batch, uint32_t base, uint32_t offset, uint32_t length, uint32_t from);
void nft_load_value(struct netlink_batch *batch, const void *value, size_t length, uint32_t to);
/* The register's bits that the mask has. */
void nft_mask(struct netlink_batch *batch, uint32_t at, const void *mask, size_t length);
/* The rule goes on if it is so; operation: enum nft_cmp_ops. */
void nft_compare(struct netlink_batch *batch, uint32_t operation, uint32_t from, const void *value, size_t length);
/* The rule goes on if the set has (has_not: lacks) it. */
void nft_look_up(struct netlink_batch *batch, const char *set, uint32_t from, bool has_not);
/* code: NFT_ACCEPT, NFT_DROP, NFT_JUMP, NFT_GOTO (with chain, else NULL). */
void nft_verdict(struct netlink_batch *batch, int32_t code, const char *chain);
