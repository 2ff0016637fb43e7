#pragma once
#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* DHCPv4 messages (RFC 2131, 2132, 3442, 4361): written for a server, read from anybody. */

#define DHCP_CLIENT_PORT 68
#define DHCP_SERVER_PORT 67
#define DHCP_MESSAGE_SIZE 576 /* room that every message needs at most */
#define DHCP_PACKET_SIZE  (28 + DHCP_MESSAGE_SIZE)
#define DHCP_ROUTES	  16
#define DHCP_DNS_SERVERS  3
#define DHCP_FOREVER	  UINT32_MAX

enum dhcp_type {
	DHCP_DISCOVER = 1,
	DHCP_OFFER,
	DHCP_REQUEST,
	DHCP_DECLINE,
	DHCP_ACK,
	DHCP_NAK,
	DHCP_RELEASE,
};

/* Who asks. */
struct dhcp_identity {
	unsigned char hwaddr[6];
	unsigned char client_id[23]; /* the same over restarts, when the hardware address is another one: RFC 4361 */
	char hostname[64];	     /* "": not told */
};

struct dhcp_question {
	enum dhcp_type type;
	uint32_t id;
	uint16_t seconds;	 /* since the client began to ask */
	struct in_addr own;	 /* the address that the client has and answers at, or 0 */
	struct in_addr wanted;	 /* what it would like, or 0 */
	struct in_addr server;	 /* whose offer it takes, or 0 */
};

struct dhcp_route {
	struct in_addr destination;
	uint32_t prefix;
	struct in_addr gateway; /* 0: the link itself */
};

/* Everything checked: addresses are those of single hosts, no route has more than 32 bits. */
struct dhcp_lease {
	struct in_addr address, server;
	uint32_t prefix;
	uint32_t seconds;	       /* DHCP_FOREVER: no end */
	uint32_t renew_s, rebind_s;    /* renew_s < rebind_s < seconds */
	struct dhcp_route routes[DHCP_ROUTES];
	size_t route_count;
	struct in_addr dns[DHCP_DNS_SERVERS];
	size_t dns_count;
};

struct dhcp_reply {
	enum dhcp_type type; /* DHCP_OFFER, DHCP_ACK or DHCP_NAK */
	struct dhcp_lease lease; /* of a NAK only the server */
};

/* Writes at most DHCP_MESSAGE_SIZE bytes; how many. */
size_t dhcp_write_message(unsigned char *buffer, const struct dhcp_identity *identity, const struct dhcp_question *question);
/* The same with the headers of a broadcast from a host without address; at most DHCP_PACKET_SIZE bytes. */
size_t dhcp_write_packet(unsigned char *buffer, const struct dhcp_identity *identity, const struct dhcp_question *question);

/*
 * Reads an IPv4 packet. id: of the question. has_checksum: false when it was handed over within this machine, where
 * nobody has filled it in. 0, or -EBADMSG: nothing that answers it.
 */
int dhcp_read_packet(const unsigned char *packet, size_t length, bool has_checksum, const struct dhcp_identity *identity,
	uint32_t id, struct dhcp_reply *ret);
