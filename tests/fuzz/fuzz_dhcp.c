/* Any packets as replies to a DHCP client: what the parser lets through, and the states that a row of them leads to. */
#include "fuzz.h"

#include <arpa/inet.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "network/dhcp_client.h"

#define ID 0x11223344U

/* Options behind a reply whose fixed part is right: "\x35\x01\x02" and the like. */
const char *const fuzz_words[] = { "\x35\x01\x02", "\x35\x01\x05", "\x35\x01\x06", "\x36\x04\x0a\x01\x01\x01",
	"\x33\x04\x01\x01\x0e\x10", "\x33\x04\xff\xff\xff\xff", "\x01\x04\xff\xff\xff\x80", "\x03\x04\x0a\x01\x01\x01",
	"\x06\x08\x0a\x01\x01\x01\x08\x08\x08\x08", "\x79\x09\x08\x0a\x0a\x01\x01\x01\x18\x0a\x01", "\x3a\x04\x01\x01\x01\x01",
	"\x3b\x04\x01\x01\x01\x02", "\x34\x01\x03", "\xff", NULL };

static const struct dhcp_identity identity = { .hwaddr = { 2, 0, 0, 0, 0, 1 }, .client_id = { 255 }, .hostname = "web1" };

static bool is_host(struct in_addr address)
{
	uint32_t value = ntohl(address.s_addr);

	return value >> 24 != 0 && value >> 24 != 127 && value >> 28 < 14;
}

static void check_lease(const struct dhcp_lease *lease)
{
	if (!is_host(lease->address) || !is_host(lease->server) || lease->prefix == 0 || lease->prefix > 32)
		abort(); /* no address of a host */
	if (lease->route_count > DHCP_ROUTES || lease->dns_count > DHCP_DNS_SERVERS)
		abort(); /* more than there is room for */
	if (lease->seconds != DHCP_FOREVER && (lease->renew_s == 0 || lease->renew_s >= lease->rebind_s || lease->rebind_s >= lease->seconds))
		abort(); /* times out of order */
	for (size_t i = 0; i < lease->route_count; i++) {
		uint32_t mask = lease->routes[i].prefix ? UINT32_MAX << (32 - lease->routes[i].prefix) : 0;
		if (lease->routes[i].prefix > 32 || ntohl(lease->routes[i].destination.s_addr) & ~mask)
			abort(); /* a route that the kernel would refuse */
	}
}

/* Headers that fit the message behind them; the fuzzer would hardly find them. */
static size_t wrap(unsigned char *packet, const uint8_t *data, size_t size, uint32_t id)
{
	static const unsigned char ip[20] = { 0x45, 0, 0, 0, 0, 0, 0, 0, 64, 17, 0, 0, 10, 1, 1, 1, 255, 255, 255, 255 };
	size_t total = 28 + 240 + size;

	memcpy(packet, ip, sizeof(ip));
	packet[2] = (unsigned char)(total >> 8);
	packet[3] = (unsigned char)total;
	uint32_t sum = 0;
	for (size_t i = 0; i < 20; i += 2)
		sum += (uint32_t)packet[i] << 8 | packet[i + 1];
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	packet[10] = (unsigned char)(~sum >> 8);
	packet[11] = (unsigned char)~sum;
	memset(packet + 20, 0, 248);
	packet[21] = 67;
	packet[23] = 68;
	packet[24] = (unsigned char)((total - 20) >> 8);
	packet[25] = (unsigned char)(total - 20);
	memcpy(packet + 28, "\2\1\6", 3);
	memcpy(packet + 32, &(uint32_t){ htonl(id) }, 4);
	memcpy(packet + 44, "\12\1\1\7", 4);
	memcpy(packet + 56, identity.hwaddr, 6);
	memcpy(packet + 264, "\143\202\123\143", 4);
	memcpy(packet + 268, data, size);
	return total;
}

/* A row of replies with pauses between them: nothing but the order of the states may come of it. */
static void converse(const uint8_t *data, size_t size)
{
	unsigned char *packet = malloc(28 + 240 + 255);
	struct dhcp_client client;
	struct dhcp_reply reply;
	uint64_t now = 1000;

	if (!packet)
		abort(); /* not the target's fault */
	dhcp_client_init(&client, now);
	while (size >= 2) {
		size_t length = data[1] < size - 2 ? data[1] : size - 2;
		now += (uint64_t)data[0] * 15000;
		for (int ticks = 0; client.due_ms <= now; ticks++) {
			enum dhcp_act act = dhcp_client_tick(&client, client.due_ms);
			if (ticks > 100000 || act == DHCP_CONFIGURE || (act == DHCP_SEND_TO_SERVER && client.state != DHCP_RENEWING))
				abort(); /* it does not come to rest, or does what nobody has answered for */
		}
		if (dhcp_read_packet(packet, wrap(packet, data + 2, length, client.question.id), false, &identity, client.question.id,
			    &reply) == 0)
			(void)dhcp_client_take(&client, &reply, now);
		if (client.state >= DHCP_BOUND)
			check_lease(&client.lease);
		data += 2 + length;
		size -= 2 + length;
	}
	free(packet);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct dhcp_reply reply;
	unsigned char *exact = malloc(28 + 240 + size); /* so that a byte too many is seen */

	if (!exact)
		abort(); /* not the target's fault */
	memcpy(exact, data, size);
	for (int has_checksum = 0; has_checksum < 2; has_checksum++)
		(void)dhcp_read_packet(exact, size, has_checksum, &identity, ID, &reply);
	if (size <= 1200 && dhcp_read_packet(exact, wrap(exact, data, size, ID), false, &identity, ID, &reply) == 0 &&
		reply.type != DHCP_NAK)
		check_lease(&reply.lease);
	free(exact);
	converse(data, size);
	return 0;
}
