#pragma once
#include "kernel/nftables.h"

/* The rules of the table "wabe": the same for all containers. */

#define FILTER_TABLE "wabe"
/* Where the base chain of a device leads. */
#define FILTER_CLOSED "closed"
#define FILTER_OPEN   "open"
#define FILTER_PORT   "port"

/* Numbers of what the sets hold, as nft(8) knows them. */
enum filter_set {
	FILTER_LINKS, FILTER_CLOSED_LINKS, FILTER_ALL4, FILTER_ALL6, FILTER_CLOSED4, FILTER_CLOSED6, FILTER_OWN4, FILTER_OWN6,
	FILTER_HWADDRS, FILTER_SETS,
};

/*
 * links: every device; closed: venets that allow no peers. all4, all6: every address of a venet; closed4, closed6: of those
 * in closed. own4, own6: device and address. hwaddrs: device and hardware address (of a port, once with the group bit:
 * link_guard.h).
 */
extern const struct nft_set filter_sets[FILTER_SETS];

/* Messages for the table, its sets, chains and rules. */
void filter_put_table(struct netlink_batch *batch);
