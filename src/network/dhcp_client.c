/* The states of a DHCPv4 client. */
#include "network/dhcp_client.h"

#include <string.h>
#include <sys/random.h>

#define MAX_REQUESTS 4

static uint32_t random_number(void)
{
	uint32_t number = 0;

	(void)getrandom(&number, sizeof(number), 0); /* never fails after boot */
	return number;
}

/* 1, 2, 4, ... 64 s, up to half a second more: many clients of one boot do not ask together. */
static uint64_t pause_ms(unsigned attempt)
{
	return (1000U << (attempt < 6 ? attempt : 6)) + random_number() % 500;
}

static void enter(struct dhcp_client *client, enum dhcp_state state, uint64_t now_ms)
{
	client->state = state;
	client->attempt = 0;
	client->due_ms = now_ms;
	if (state != DHCP_REQUESTING && state != DHCP_REBINDING) {
		client->begun_ms = now_ms;
		client->question.id = random_number();
	}
}

static enum dhcp_act ask(struct dhcp_client *client, enum dhcp_type type, uint64_t now_ms)
{
	uint64_t seconds = (now_ms - client->begun_ms) / 1000;

	client->question = (struct dhcp_question){ .type = type, .id = client->question.id,
		.seconds = (uint16_t)(seconds < UINT16_MAX ? seconds : UINT16_MAX) };
	client->attempt++;
	return DHCP_SEND_TO_ALL;
}

/* Once more in half of the time that is left, but not more often than each minute (RFC 2131, 4.4.5), or ten times. */
static enum dhcp_act ask_again(struct dhcp_client *client, uint64_t now_ms, uint64_t end_ms)
{
	uint64_t left_ms = end_ms - now_ms, step_ms = left_ms / 10 < 60000 ? left_ms / 10 : 60000;

	client->due_ms = now_ms + (left_ms / 2 > step_ms ? left_ms / 2 : step_ms) + 1;
	if (client->due_ms > end_ms)
		client->due_ms = end_ms;
	(void)ask(client, DHCP_REQUEST, now_ms);
	client->question.own = client->lease.address;
	return client->state == DHCP_RENEWING ? DHCP_SEND_TO_SERVER : DHCP_SEND_TO_ALL;
}

void dhcp_client_init(struct dhcp_client *client, uint64_t now_ms)
{
	*client = (struct dhcp_client){ 0 };
	enter(client, DHCP_SELECTING, now_ms);
}

bool dhcp_client_listens(const struct dhcp_client *client)
{
	return client->state != DHCP_BOUND;
}

static enum dhcp_act discover(struct dhcp_client *client, uint64_t now_ms)
{
	client->due_ms = now_ms + pause_ms(client->attempt);
	(void)ask(client, DHCP_DISCOVER, now_ms);
	client->question.wanted = client->lease.address;
	return DHCP_SEND_TO_ALL;
}

static enum dhcp_act request(struct dhcp_client *client, uint64_t now_ms)
{
	client->due_ms = now_ms + pause_ms(client->attempt);
	client->bound_ms = now_ms;
	(void)ask(client, DHCP_REQUEST, now_ms);
	client->question.wanted = client->offer.address;
	client->question.server = client->offer.server;
	return DHCP_SEND_TO_ALL;
}

enum dhcp_act dhcp_client_tick(struct dhcp_client *client, uint64_t now_ms)
{
	const struct dhcp_lease *lease = &client->lease;
	uint64_t rebind_ms = client->bound_ms + (uint64_t)lease->rebind_s * 1000;
	uint64_t end_ms = client->bound_ms + (uint64_t)lease->seconds * 1000;

	if (client->state == DHCP_REQUESTING && client->attempt >= MAX_REQUESTS)
		enter(client, DHCP_SELECTING, now_ms);
	if (client->state == DHCP_SELECTING)
		return discover(client, now_ms);
	if (client->state == DHCP_REQUESTING)
		return request(client, now_ms);
	if (client->state == DHCP_BOUND)
		enter(client, DHCP_RENEWING, now_ms);
	if (now_ms >= end_ms) {
		enter(client, DHCP_SELECTING, now_ms);
		return DHCP_UNCONFIGURE;
	}
	if (client->state == DHCP_RENEWING && now_ms >= rebind_ms)
		enter(client, DHCP_REBINDING, now_ms);
	return ask_again(client, now_ms, client->state == DHCP_RENEWING ? rebind_ms : end_ms);
}

static enum dhcp_act bind_lease(struct dhcp_client *client, const struct dhcp_lease *lease, uint64_t now_ms)
{
	if (client->state != DHCP_REQUESTING)
		client->bound_ms = now_ms; /* a question may have been on its way for long */
	client->lease = *lease;
	client->state = DHCP_BOUND;
	client->due_ms = lease->seconds == DHCP_FOREVER ? UINT64_MAX : client->bound_ms + (uint64_t)lease->renew_s * 1000;
	return DHCP_CONFIGURE;
}

static enum dhcp_act refused(struct dhcp_client *client, uint64_t now_ms)
{
	bool had_lease = client->state != DHCP_REQUESTING;

	enter(client, DHCP_SELECTING, now_ms);
	client->due_ms = now_ms + pause_ms(0); /* a server that always refuses does not keep us busy */
	return had_lease ? DHCP_UNCONFIGURE : DHCP_WAIT;
}

enum dhcp_act dhcp_client_take(struct dhcp_client *client, const struct dhcp_reply *reply, uint64_t now_ms)
{
	bool is_offerer = reply->lease.server.s_addr == client->offer.server.s_addr;
	bool is_renewed = client->state == DHCP_RENEWING || client->state == DHCP_REBINDING;

	if (client->state == DHCP_SELECTING && reply->type == DHCP_OFFER) {
		client->offer = reply->lease;
		enter(client, DHCP_REQUESTING, now_ms);
		return DHCP_WAIT;
	}
	if (client->state == DHCP_REQUESTING && is_offerer) {
		if (reply->type == DHCP_NAK)
			return refused(client, now_ms);
		if (reply->type == DHCP_ACK && reply->lease.address.s_addr == client->offer.address.s_addr)
			return bind_lease(client, &reply->lease, now_ms);
	}
	if (is_renewed && reply->type == DHCP_NAK)
		return refused(client, now_ms);
	if (is_renewed && reply->type == DHCP_ACK && reply->lease.address.s_addr == client->lease.address.s_addr)
		return bind_lease(client, &reply->lease, now_ms);
	return DHCP_WAIT;
}

bool dhcp_client_release(struct dhcp_client *client)
{
	if (client->state < DHCP_BOUND)
		return false;
	client->question = (struct dhcp_question){ .type = DHCP_RELEASE, .id = random_number(), .own = client->lease.address,
		.server = client->lease.server };
	return true;
}
