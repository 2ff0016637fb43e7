/* DHCP from outside: messages on the wire, and what the client does when. */
#include "network/dhcp_client.h"

#include <arpa/inet.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define ID 0x01020304U

static const struct dhcp_identity identity = { .hwaddr = { 2, 0, 0, 0, 0, 1 }, .client_id = { 255, 0, 0, 0, 1, 0, 4, 9 },
	.hostname = "web1" };

static struct in_addr address(const char *text)
{
	struct in_addr value;

	assert_int_equal(inet_pton(AF_INET, text, &value), 1);
	return value;
}

/* The packet that a question becomes, turned around into a reply: yiaddr 10.0.3.7, these options, length bytes. */
static size_t reply_packet(unsigned char *packet, const char *options, size_t length)
{
	const struct dhcp_question question = { .type = DHCP_REQUEST, .id = ID };
	size_t total = 28 + 240 + length;
	uint32_t sum = 0;

	(void)dhcp_write_packet(packet, &identity, &question);
	packet[2] = (unsigned char)(total >> 8);
	packet[3] = (unsigned char)total;
	packet[10] = packet[11] = 0;
	for (size_t i = 0; i < 20; i += 2)
		sum += (uint32_t)packet[i] << 8 | packet[i + 1];
	sum = (sum & 0xffff) + (sum >> 16);
	packet[10] = (unsigned char)(~sum >> 8);
	packet[11] = (unsigned char)~sum;
	packet[21] = 67;
	packet[23] = 68;
	packet[24] = (unsigned char)((total - 20) >> 8);
	packet[25] = (unsigned char)(total - 20);
	packet[26] = packet[27] = 0; /* no checksum */
	packet[28] = 2;
	memcpy(packet + 28 + 16, "\x0a\x00\x03\x07", 4);
	memcpy(packet + 28 + 240, options, length);
	return total;
}

static int read_options(const char *options, size_t length, struct dhcp_reply *reply)
{
	unsigned char packet[1024];

	return dhcp_read_packet(packet, reply_packet(packet, options, length), true, &identity, ID, reply);
}
#define READ(text, reply) read_options(text, sizeof(text) - 1, reply)
#define SERVER "\x36\x04\x0a\x00\x03\x01"
#define LEASE  "\x33\x04\x00\x00\x0e\x10"
#define MASK   "\x01\x04\xff\xff\xff\x00"
#define ACK    "\x35\x01\x05"

static void test_ack_is_read(void **state)
{
	struct dhcp_reply reply;

	(void)state;
	assert_int_equal(READ(ACK SERVER LEASE MASK "\x03\x08\x0a\x00\x03\x01\x0a\x00\x03\x02" "\x06\x04\x0a\x00\x03\x01\xff", &reply), 0);

	assert_int_equal(reply.type, DHCP_ACK);
	assert_int_equal(reply.lease.address.s_addr, address("10.0.3.7").s_addr);
	assert_int_equal(reply.lease.prefix, 24);
	assert_int_equal(reply.lease.seconds, 3600);
	assert_int_equal(reply.lease.renew_s, 1800);
	assert_int_equal(reply.lease.rebind_s, 3150);
	assert_int_equal(reply.lease.route_count, 1);
	assert_int_equal(reply.lease.routes[0].gateway.s_addr, address("10.0.3.1").s_addr);
	assert_int_equal(reply.lease.dns_count, 1);
}

static void test_classless_routes_replace_the_router(void **state)
{
	struct dhcp_reply reply;

	(void)state;
	assert_int_equal(READ(ACK SERVER LEASE MASK "\x03\x04\x0a\x00\x03\x01"
			      "\x79\x0f\x18\xc0\x00\x02\x0a\x00\x03\x02" "\x09\x0a\x80\x0a\x00\x03\x03", &reply), 0);

	assert_int_equal(reply.lease.route_count, 2);
	assert_int_equal(reply.lease.routes[0].destination.s_addr, address("192.0.2.0").s_addr);
	assert_int_equal(reply.lease.routes[1].prefix, 9);
	assert_int_equal(reply.lease.routes[1].destination.s_addr, address("10.128.0.0").s_addr);
}

static void test_what_no_host_can_use_is_refused(void **state)
{
	static const struct {
		const char *options;
		size_t length;
	} bad[] = {
#define BAD(text) { text, sizeof(text) - 1 }
		BAD(""), BAD(ACK), BAD(ACK SERVER), BAD(SERVER LEASE MASK), BAD("\x35\x01\x01" SERVER LEASE MASK),
		BAD(ACK SERVER LEASE "\x01\x04\xff\x00\xff\x00"), BAD(ACK SERVER LEASE "\x01\x04\x00\x00\x00\x00"),
		BAD(ACK SERVER LEASE "\x01\x03\xff\xff\xff"), BAD(ACK "\x36\x04\x7f\x00\x00\x01" LEASE MASK),
		BAD(ACK "\x36\x04\xe0\x00\x00\x01" LEASE MASK), BAD(ACK SERVER MASK "\x33\x02\x0e\x10"),
		BAD(ACK SERVER MASK "\x33\x04\x00\x00\x0e"), BAD("\x35"), BAD("\x35\xff\x05"),
		BAD(ACK SERVER LEASE "\x01\x04\xff\xff\xff\xf8"), /* 10.0.3.7 is its broadcast address */
	};
	struct dhcp_reply reply;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_int_equal(read_options(bad[i].options, bad[i].length, &reply), -EBADMSG);
}

static void test_reply_to_another_is_refused(void **state)
{
	struct dhcp_identity other = identity;
	struct dhcp_reply reply;
	unsigned char packet[1024];
	size_t length = reply_packet(packet, ACK SERVER LEASE MASK, sizeof(ACK SERVER LEASE MASK) - 1);

	(void)state;
	other.hwaddr[5] = 2;
	assert_int_equal(dhcp_read_packet(packet, length, true, &other, ID, &reply), -EBADMSG);
	assert_int_equal(dhcp_read_packet(packet, length, true, &identity, ID + 1, &reply), -EBADMSG);
	assert_int_equal(dhcp_read_packet(packet, length - 1, true, &identity, ID, &reply), -EBADMSG);
	packet[27] = 1; /* a checksum that is wrong */
	assert_int_equal(dhcp_read_packet(packet, length, true, &identity, ID, &reply), -EBADMSG);
	assert_int_equal(dhcp_read_packet(packet, length, false, &identity, ID, &reply), 0);
	packet[6] = 0x20; /* a fragment */
	assert_int_equal(dhcp_read_packet(packet, length, false, &identity, ID, &reply), -EBADMSG);
}

static void test_options_in_file_and_name_are_read(void **state)
{
	unsigned char packet[1024];
	struct dhcp_reply reply;
	size_t length = reply_packet(packet, ACK SERVER "\x34\x01\x03\xff", sizeof(ACK SERVER "\x34\x01\x03\xff") - 1);

	(void)state;
	memcpy(packet + 28 + 108, LEASE "\xff", 7);
	memcpy(packet + 28 + 44, MASK, 6); /* the rest is padding */
	assert_int_equal(dhcp_read_packet(packet, length, true, &identity, ID, &reply), 0);
	assert_int_equal(reply.lease.prefix, 24);
}

static void test_times_of_the_server_are_kept_in_order(void **state)
{
	struct dhcp_reply reply;

	(void)state;
	assert_int_equal(READ(ACK SERVER LEASE MASK "\x3a\x04\x00\x00\x00\x0a" "\x3b\x04\x00\x00\x00\x14", &reply), 0);
	assert_int_equal(reply.lease.renew_s, 10);
	assert_int_equal(reply.lease.rebind_s, 20);
	assert_int_equal(READ(ACK SERVER LEASE MASK "\x3a\x04\x00\x01\x00\x00" "\x3b\x04\x00\x00\x00\x02", &reply), 0);
	assert_int_equal(reply.lease.rebind_s, 2);
	assert_int_equal(reply.lease.renew_s, 1);
	assert_int_equal(READ(ACK SERVER MASK "\x33\x04\x00\x00\x00\x01", &reply), 0);
	assert_int_equal(reply.lease.seconds, 30);
}

/* ---- states ---- */

static struct dhcp_reply reply_of(enum dhcp_type type, const char *own)
{
	return (struct dhcp_reply){ .type = type, .lease = { .address = address(own), .server = address("10.0.3.1"), .prefix = 24,
						  .seconds = 1000, .renew_s = 500, .rebind_s = 800 } };
}

static void bind_client(struct dhcp_client *client)
{
	struct dhcp_reply offer = reply_of(DHCP_OFFER, "10.0.3.7"), ack = reply_of(DHCP_ACK, "10.0.3.7");

	dhcp_client_init(client, 0);
	assert_int_equal(dhcp_client_tick(client, 0), DHCP_SEND_TO_ALL);
	assert_int_equal(client->question.type, DHCP_DISCOVER);
	assert_int_equal(dhcp_client_take(client, &offer, 0), DHCP_WAIT);
	assert_int_equal(client->due_ms, 0);
	assert_int_equal(dhcp_client_tick(client, 0), DHCP_SEND_TO_ALL);
	assert_int_equal(client->question.type, DHCP_REQUEST);
	assert_int_equal(client->question.server.s_addr, address("10.0.3.1").s_addr);
	assert_int_equal(dhcp_client_take(client, &ack, 100), DHCP_CONFIGURE);
	assert_false(dhcp_client_listens(client));
	assert_int_equal(client->due_ms, 500000);
}

static void test_lease_is_renewed(void **state)
{
	struct dhcp_reply ack = reply_of(DHCP_ACK, "10.0.3.7"), other = reply_of(DHCP_ACK, "10.0.3.8");
	struct dhcp_client client;

	(void)state;
	bind_client(&client);
	assert_int_equal(dhcp_client_tick(&client, 500000), DHCP_SEND_TO_SERVER);
	assert_int_equal(client.question.own.s_addr, address("10.0.3.7").s_addr);
	assert_int_equal(client.question.wanted.s_addr, 0);
	assert_int_equal(dhcp_client_take(&client, &other, 500100), DHCP_WAIT);
	assert_int_equal(dhcp_client_take(&client, &ack, 500100), DHCP_CONFIGURE);
	assert_int_equal(client.due_ms, 1000100);
}

static void test_silent_server_ends_the_lease(void **state)
{
	struct dhcp_client client;
	unsigned to_server = 0, to_all = 0;

	(void)state;
	bind_client(&client);
	for (;;) {
		enum dhcp_act act = dhcp_client_tick(&client, client.due_ms);
		if (act == DHCP_UNCONFIGURE)
			break;
		to_server += act == DHCP_SEND_TO_SERVER;
		to_all += act == DHCP_SEND_TO_ALL;
		assert_true(to_server + to_all < 100);
	}
	assert_true(to_server > 1);
	assert_true(to_all > 1);
	assert_int_equal(client.due_ms, 1000000);
	assert_int_equal(dhcp_client_tick(&client, 1000000), DHCP_SEND_TO_ALL);
	assert_int_equal(client.question.type, DHCP_DISCOVER);
	assert_int_equal(client.question.wanted.s_addr, address("10.0.3.7").s_addr);
}

static void test_refusal_takes_the_address_away(void **state)
{
	struct dhcp_reply nak = reply_of(DHCP_NAK, "10.0.3.7");
	struct dhcp_client client;

	(void)state;
	bind_client(&client);
	assert_int_equal(dhcp_client_take(&client, &nak, 1000), DHCP_WAIT); /* nobody had asked */
	(void)dhcp_client_tick(&client, 500000);
	assert_int_equal(dhcp_client_take(&client, &nak, 500001), DHCP_UNCONFIGURE);
	assert_int_equal(client.state, DHCP_SELECTING);
	assert_true(client.due_ms > 501000);
}

static void test_offer_without_acknowledgement_is_given_up(void **state)
{
	struct dhcp_reply offer = reply_of(DHCP_OFFER, "10.0.3.7");
	struct dhcp_client client;
	unsigned requests = 0;

	(void)state;
	dhcp_client_init(&client, 0);
	(void)dhcp_client_tick(&client, 0);
	(void)dhcp_client_take(&client, &offer, 0);
	for (;;) {
		(void)dhcp_client_tick(&client, client.due_ms);
		if (client.question.type == DHCP_DISCOVER)
			break;
		requests++;
	}
	assert_int_equal(requests, 4);
	assert_false(dhcp_client_release(&client));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ack_is_read),
		cmocka_unit_test(test_classless_routes_replace_the_router),
		cmocka_unit_test(test_what_no_host_can_use_is_refused),
		cmocka_unit_test(test_reply_to_another_is_refused),
		cmocka_unit_test(test_options_in_file_and_name_are_read),
		cmocka_unit_test(test_times_of_the_server_are_kept_in_order),
		cmocka_unit_test(test_lease_is_renewed),
		cmocka_unit_test(test_silent_server_ends_the_lease),
		cmocka_unit_test(test_refusal_takes_the_address_away),
		cmocka_unit_test(test_offer_without_acknowledgement_is_given_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
