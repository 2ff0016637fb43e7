/* DHCPv4 on the wire. What is read may come from an attacker. */
#include "network/dhcp_message.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#define IP_HEADER    20
#define UDP_HEADER   8
#define FIXED_SIZE   240 /* with the cookie; the options follow */
#define SNAME_OFFSET 44
#define SNAME_SIZE   64
#define FILE_OFFSET  108
#define FILE_SIZE    128
#define MIN_MESSAGE  300 /* of BOOTP: some relays drop less */
#define BROADCAST    0x8000
#define MIN_LEASE_S  30	 /* who gives less wants to keep us busy */
#define MAX_LEASE_S  (365U * 24 * 3600)

enum option {
	OPTION_PAD = 0,
	OPTION_MASK = 1,
	OPTION_ROUTER = 3,
	OPTION_DNS = 6,
	OPTION_HOSTNAME = 12,
	OPTION_WANTED = 50,
	OPTION_LEASE = 51,
	OPTION_OVERLOAD = 52,
	OPTION_TYPE = 53,
	OPTION_SERVER = 54,
	OPTION_PARAMETERS = 55,
	OPTION_MAX_SIZE = 57,
	OPTION_RENEW = 58,
	OPTION_REBIND = 59,
	OPTION_CLIENT_ID = 61,
	OPTION_ROUTES = 121,
	OPTION_END = 255,
};

static const unsigned char cookie[4] = { 99, 130, 83, 99 };

/* ---- numbers ---- */

static void put16(unsigned char *at, uint32_t value)
{
	at[0] = (unsigned char)(value >> 8);
	at[1] = (unsigned char)value;
}

static void put32(unsigned char *at, uint32_t value)
{
	put16(at, value >> 16);
	put16(at + 2, value);
}

static uint32_t get16(const unsigned char *at)
{
	return (uint32_t)at[0] << 8 | at[1];
}

static uint32_t get32(const unsigned char *at)
{
	return get16(at) << 16 | get16(at + 2);
}

/* RFC 1071, not yet inverted. */
static uint32_t add_sum(uint32_t sum, const unsigned char *data, size_t length)
{
	for (size_t i = 0; i + 1 < length; i += 2)
		sum += get16(data + i);
	if (length % 2)
		sum += (uint32_t)data[length - 1] << 8;
	return sum;
}

static uint32_t fold(uint32_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

/* Of the pseudo header of RFC 768. */
static uint32_t udp_sum(const unsigned char *packet, const unsigned char *udp, size_t length)
{
	return add_sum(add_sum(IPPROTO_UDP + (uint32_t)length, packet + 12, 8), udp, length);
}

/* ---- writing ---- */

static unsigned char *add_option(unsigned char *at, enum option option, const void *data, size_t length)
{
	*at++ = (unsigned char)option;
	*at++ = (unsigned char)length;
	memcpy(at, data, length);
	return at + length;
}

static unsigned char *add_address(unsigned char *at, enum option option, struct in_addr address)
{
	return address.s_addr ? add_option(at, option, &address, sizeof(address)) : at;
}

size_t dhcp_write_message(unsigned char *buffer, const struct dhcp_identity *identity, const struct dhcp_question *question)
{
	static const unsigned char parameters[] = { OPTION_MASK, OPTION_ROUTER, OPTION_DNS, OPTION_LEASE, OPTION_SERVER,
		OPTION_RENEW, OPTION_REBIND, OPTION_ROUTES };
	static const unsigned char max_size[] = { 1472 >> 8, 1472 & 0xff }; /* of a message in one Ethernet frame */
	unsigned char type = (unsigned char)question->type, *at = buffer + FIXED_SIZE;

	memset(buffer, 0, DHCP_MESSAGE_SIZE);
	buffer[0] = 1; /* a request */
	buffer[1] = 1; /* of an Ethernet device */
	buffer[2] = sizeof(identity->hwaddr);
	put32(buffer + 4, question->id);
	put16(buffer + 8, question->seconds);
	if (!question->own.s_addr)
		put16(buffer + 10, BROADCAST); /* devices that share an address (ipvlan) get what is sent to all */
	memcpy(buffer + 12, &question->own, 4);
	memcpy(buffer + 28, identity->hwaddr, sizeof(identity->hwaddr));
	memcpy(buffer + FIXED_SIZE - 4, cookie, sizeof(cookie));
	at = add_option(at, OPTION_TYPE, &type, 1);
	at = add_option(at, OPTION_CLIENT_ID, identity->client_id, sizeof(identity->client_id));
	at = add_address(at, OPTION_WANTED, question->wanted);
	at = add_address(at, OPTION_SERVER, question->server);
	if (question->type != DHCP_RELEASE) {
		size_t length = strnlen(identity->hostname, sizeof(identity->hostname) - 1);
		if (length > 0)
			at = add_option(at, OPTION_HOSTNAME, identity->hostname, length);
		at = add_option(at, OPTION_MAX_SIZE, max_size, sizeof(max_size));
		at = add_option(at, OPTION_PARAMETERS, parameters, sizeof(parameters));
	}
	*at++ = OPTION_END;
	size_t length = (size_t)(at - buffer);
	return length < MIN_MESSAGE ? MIN_MESSAGE : length;
}

size_t dhcp_write_packet(unsigned char *buffer, const struct dhcp_identity *identity, const struct dhcp_question *question)
{
	unsigned char *udp = buffer + IP_HEADER;
	size_t length = UDP_HEADER + dhcp_write_message(udp + UDP_HEADER, identity, question);

	memset(buffer, 0, IP_HEADER + UDP_HEADER);
	buffer[0] = 0x45; /* IPv4 without options */
	put16(buffer + 2, (uint32_t)(IP_HEADER + length));
	buffer[8] = 64;
	buffer[9] = IPPROTO_UDP;
	memset(buffer + 16, 0xff, 4);
	put16(buffer + 10, ~fold(add_sum(0, buffer, IP_HEADER)));
	put16(udp, DHCP_CLIENT_PORT);
	put16(udp + 2, DHCP_SERVER_PORT);
	put16(udp + 4, (uint32_t)length);
	uint32_t sum = ~fold(udp_sum(buffer, udp, length)) & 0xffff;
	put16(udp + 6, sum ? sum : 0xffff);
	return IP_HEADER + length;
}

/* ---- reading ---- */

/* Options by number: where the first of each stands. */
struct options {
	const unsigned char *data[256];
	unsigned char length[256];
};

static void find_options(const unsigned char *at, size_t size, struct options *options)
{
	const unsigned char *end = at + size;

	while (at < end && *at != OPTION_END) {
		unsigned char number = *at++;
		if (number == OPTION_PAD)
			continue;
		if (at == end || end - at < 1 + *at)
			return;
		if (!options->data[number]) {
			options->data[number] = at + 1;
			options->length[number] = *at;
		}
		at += 1 + *at;
	}
}

static bool get_number(const struct options *options, enum option option, uint32_t *value)
{
	if (!options->data[option] || options->length[option] != 4)
		return false;
	*value = get32(options->data[option]);
	return true;
}

static struct in_addr address_at(const unsigned char *at)
{
	struct in_addr address;

	memcpy(&address, at, sizeof(address));
	return address;
}

/* Can a host have it? */
static bool is_host(struct in_addr address)
{
	uint32_t value = ntohl(address.s_addr);

	return value >> 24 != 0 && value >> 24 != 127 && value >> 28 < 14;
}

static int read_prefix(const struct options *options, struct dhcp_lease *lease)
{
	uint32_t mask, host = ntohl(lease->address.s_addr);

	if (!get_number(options, OPTION_MASK, &mask)) {
		if (options->data[OPTION_MASK])
			return -EBADMSG;
		mask = host >> 31 == 0 ? 0xff000000 : host >> 30 == 2 ? 0xffff0000 : 0xffffff00; /* classes */
	}
	if (mask == 0 || (~mask & (~mask + 1)))
		return -EBADMSG; /* not ones and then zeroes */
	lease->prefix = (uint32_t)__builtin_popcount(mask);
	/* neither the network's own address nor that for all */
	return lease->prefix < 31 && ((host & ~mask) == 0 || (host & ~mask) == ~mask) ? -EBADMSG : 0;
}

static int read_times(const struct options *options, struct dhcp_lease *lease)
{
	uint32_t renew, rebind;

	if (!get_number(options, OPTION_LEASE, &lease->seconds))
		return -EBADMSG;
	if (lease->seconds == DHCP_FOREVER) {
		lease->renew_s = lease->rebind_s = DHCP_FOREVER;
		return 0;
	}
	if (lease->seconds < MIN_LEASE_S)
		lease->seconds = MIN_LEASE_S;
	if (lease->seconds > MAX_LEASE_S)
		lease->seconds = MAX_LEASE_S;
	lease->renew_s = lease->seconds / 2;
	lease->rebind_s = lease->seconds - lease->seconds / 8;
	if (get_number(options, OPTION_REBIND, &rebind) && rebind > 1 && rebind < lease->seconds)
		lease->rebind_s = rebind;
	if (get_number(options, OPTION_RENEW, &renew) && renew > 0 && renew < lease->rebind_s)
		lease->renew_s = renew;
	if (lease->renew_s >= lease->rebind_s)
		lease->renew_s = lease->rebind_s / 2;
	return 0;
}

/* Option 121: bits, as many bytes of the destination as they fill, gateway; once more and again. */
static void read_classless(const unsigned char *at, size_t size, struct dhcp_lease *lease)
{
	const unsigned char *end = at + size;

	while (at < end && lease->route_count < DHCP_ROUTES) {
		struct dhcp_route route = { .prefix = *at++ };
		unsigned char destination[4] = { 0 };
		size_t bytes = (route.prefix + 7) / 8;
		if (route.prefix > 32 || (size_t)(end - at) < bytes + 4)
			return;
		memcpy(destination, at, bytes);
		route.gateway = address_at(at + bytes);
		at += bytes + 4;
		route.destination.s_addr = htonl(
			get32(destination) & (route.prefix ? UINT32_MAX << (32 - route.prefix) : 0));
		if ((route.prefix && !is_host(route.destination)) || (route.gateway.s_addr && !is_host(route.gateway)))
			continue;
		lease->routes[lease->route_count++] = route;
	}
}

/* Who has option 121 is not to look at the other one: RFC 3442. */
static void read_routes(const struct options *options, struct dhcp_lease *lease)
{
	const unsigned char *router = options->data[OPTION_ROUTER];

	if (options->data[OPTION_ROUTES])
		read_classless(options->data[OPTION_ROUTES], options->length[OPTION_ROUTES], lease);
	else if (router && options->length[OPTION_ROUTER] >= 4 && is_host(address_at(router)))
		lease->routes[lease->route_count++] = (struct dhcp_route){ .gateway = address_at(router) };
}

static void read_dns(const struct options *options, struct dhcp_lease *lease)
{
	for (size_t i = 0; i + 4 <= options->length[OPTION_DNS] && lease->dns_count < DHCP_DNS_SERVERS; i += 4)
		if (is_host(address_at(options->data[OPTION_DNS] + i)))
			lease->dns[lease->dns_count++] = address_at(options->data[OPTION_DNS] + i);
}

static int read_message(const unsigned char *message, size_t length, const struct dhcp_identity *identity, uint32_t id,
	struct dhcp_reply *ret)
{
	struct options options = { 0 };
	struct dhcp_reply reply = { 0 };

	if (length < FIXED_SIZE || message[0] != 2 || message[1] != 1 || message[2] != sizeof(identity->hwaddr) ||
		get32(message + 4) != id || memcmp(message + 28, identity->hwaddr, sizeof(identity->hwaddr)) != 0 ||
		memcmp(message + FIXED_SIZE - 4, cookie, sizeof(cookie)) != 0)
		return -EBADMSG;
	find_options(message + FIXED_SIZE, length - FIXED_SIZE, &options);
	unsigned char more = options.length[OPTION_OVERLOAD] == 1 ? *options.data[OPTION_OVERLOAD] : 0;
	if (more & 1)
		find_options(message + FILE_OFFSET, FILE_SIZE, &options);
	if (more & 2)
		find_options(message + SNAME_OFFSET, SNAME_SIZE, &options);
	if (options.length[OPTION_TYPE] != 1 || options.length[OPTION_SERVER] != 4)
		return -EBADMSG;
	reply.type = *options.data[OPTION_TYPE];
	reply.lease.server = address_at(options.data[OPTION_SERVER]);
	if (!is_host(reply.lease.server))
		return -EBADMSG;
	if (reply.type == DHCP_OFFER || reply.type == DHCP_ACK) {
		reply.lease.address = address_at(message + 16);
		if (!is_host(reply.lease.address) || read_prefix(&options, &reply.lease) < 0 ||
			read_times(&options, &reply.lease) < 0)
			return -EBADMSG;
		read_routes(&options, &reply.lease);
		read_dns(&options, &reply.lease);
	} else if (reply.type != DHCP_NAK) {
		return -EBADMSG;
	}
	*ret = reply;
	return 0;
}

int dhcp_read_packet(const unsigned char *packet, size_t length, bool has_checksum, const struct dhcp_identity *identity,
	uint32_t id, struct dhcp_reply *ret)
{
	if (length < IP_HEADER || packet[0] >> 4 != 4 || packet[9] != IPPROTO_UDP || get16(packet + 6) & 0x3fff)
		return -EBADMSG; /* the last: a fragment */
	size_t header = (packet[0] & 15U) * 4, total = get16(packet + 2);
	if (header < IP_HEADER || total > length || total < header + UDP_HEADER ||
		fold(add_sum(0, packet, header)) != 0xffff)
		return -EBADMSG;
	const unsigned char *udp = packet + header;
	size_t size = get16(udp + 4);
	if (size < UDP_HEADER || size > total - header || get16(udp + 2) != DHCP_CLIENT_PORT)
		return -EBADMSG;
	if (has_checksum && get16(udp + 6) != 0 && fold(udp_sum(packet, udp, size)) != 0xffff)
		return -EBADMSG;
	return read_message(udp + UDP_HEADER, size - UDP_HEADER, identity, id, ret);
}
