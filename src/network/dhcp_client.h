#pragma once
#include "network/dhcp_message.h"

/*
 * What a DHCPv4 client does when: the states of RFC 2131, without sockets and without a clock. All times are milliseconds
 * of a clock that also runs while the machine sleeps.
 */

enum dhcp_state { DHCP_SELECTING, DHCP_REQUESTING, DHCP_BOUND, DHCP_RENEWING, DHCP_REBINDING };

enum dhcp_act {
	DHCP_WAIT,	     /* until client.due_ms or a reply */
	DHCP_SEND_TO_ALL,    /* client.question, as a broadcast */
	DHCP_SEND_TO_SERVER, /* client.question, to client.lease.server */
	DHCP_CONFIGURE,	     /* the interface gets client.lease */
	DHCP_UNCONFIGURE,    /* client.lease has ended */
};

struct dhcp_client {
	enum dhcp_state state;
	struct dhcp_question question; /* the last one; what answers it has its id */
	struct dhcp_lease offer, lease; /* lease.address 0: none yet; it stays known after its end, to be asked for again */
	uint64_t due_ms;   /* when dhcp_client_tick is wanted, UINT64_MAX: not at all */
	uint64_t begun_ms; /* of the present conversation */
	uint64_t bound_ms; /* when the lease was asked for */
	unsigned attempt;
};

void dhcp_client_init(struct dhcp_client *client, uint64_t now_ms);
/* Does it wait for replies? */
bool dhcp_client_listens(const struct dhcp_client *client);
/* due_ms has come. */
enum dhcp_act dhcp_client_tick(struct dhcp_client *client, uint64_t now_ms);
/* A reply with the id of the last question has come. */
enum dhcp_act dhcp_client_take(struct dhcp_client *client, const struct dhcp_reply *reply, uint64_t now_ms);
/* What gives the lease back. False: there is none. */
bool dhcp_client_release(struct dhcp_client *client);
