/* lxc.net.N.*. */
#include "base/cleanup.h"
#include "base/text.h"
#include "dialect/lxc/keys.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <inttypes.h>
#include <net/if.h>
#include <string.h>
#include <sys/random.h>

#define AT(member) offsetof(struct spec_link, member)

enum net_kind {
	NET_TYPE, NET_FLAGS, NET_TEXT, NET_NAME, NET_HWADDR, NET_NUMBER_TEXT, NET_BOOL, NET_U32,
	NET_ADDRESS4, NET_ADDRESS6, NET_GATEWAY, NET_ROUTE4, NET_ROUTE6, NET_VLAN, NET_VLANS, NET_CHOICE,
	NET_RATE, NET_BURST,
};

struct net_key {
	const char *name;
	enum net_kind kind;
	size_t offset;
	const char *choices; /* NET_CHOICE: " a b c ", the first is the default; NET_VLAN: a word besides numbers */
	uint32_t types;	     /* bits 1 << enum link_type that list it; 0: all */
};

#define VETH	(1U << LINK_VETH)
#define NO_LIST (1U << 31)
#define VENET	(1U << LINK_VENET)

static const struct net_key net_keys[] = {
	{ "type", NET_TYPE, AT(type), NULL, 0 },
	{ "flags", NET_FLAGS, AT(up), NULL, 0 },
	{ "hwaddr", NET_HWADDR, AT(hwaddr), NULL, 0 },
	{ "ipv4.address", NET_ADDRESS4, AT(ipv4), NULL, 0 },
	{ "ipv4.gateway", NET_GATEWAY, AT(ipv4_gateway), NULL, 0 },
	{ "ipv4.dhcp", NET_BOOL, AT(ipv4_dhcp), NULL, NO_LIST }, /* ours: LXC's programs do not expect it in a list */
	{ "ipv6.address", NET_ADDRESS6, AT(ipv6), NULL, 0 },
	{ "ipv6.gateway", NET_GATEWAY, AT(ipv6_gateway), NULL, 0 },
	{ "link", NET_NAME, AT(link), NULL, 0 },
	{ "mtu", NET_NUMBER_TEXT, AT(mtu), NULL, 0 },
	{ "name", NET_NAME, AT(name), NULL, 0 },
	{ "script.up", NET_TEXT, AT(script_up), NULL, 0 },
	{ "script.down", NET_TEXT, AT(script_down), NULL, 0 },
	{ "l2proxy", NET_BOOL, AT(l2proxy), NULL, VETH | 1U << LINK_IPVLAN },
	{ "veth.pair", NET_NAME, AT(veth_pair), NULL, VETH | VENET },
	{ "veth.mode", NET_CHOICE, AT(veth_mode), " bridge router ", VETH },
	{ "veth.n_rxqueues", NET_U32, AT(rx_queues), NULL, VETH },
	{ "veth.n_txqueues", NET_U32, AT(tx_queues), NULL, VETH },
	{ "veth.ipv4.route", NET_ROUTE4, AT(ipv4_routes), NULL, VETH },
	{ "veth.ipv6.route", NET_ROUTE6, AT(ipv6_routes), NULL, VETH },
	{ "veth.vlan.id", NET_VLAN, AT(vlan_id), "none", VETH },
	{ "veth.vlan.tagged.id", NET_VLANS, AT(vlan_tagged), NULL, VETH },
	{ "macvlan.mode", NET_CHOICE, AT(macvlan_mode), " private vepa bridge passthru ", 1U << LINK_MACVLAN },
	{ "ipvlan.mode", NET_CHOICE, AT(ipvlan_mode), " l3 l3s l2 ", 1U << LINK_IPVLAN },
	{ "ipvlan.isolation", NET_CHOICE, AT(ipvlan_isolation), " bridge private vepa ", 1U << LINK_IPVLAN },
	{ "vlan.id", NET_VLAN, AT(vlan_id), NULL, 1U << LINK_VLAN },
	{ "rate.egress", NET_RATE, AT(rate_egress), NULL, VETH | VENET },
	{ "rate.ingress", NET_RATE, AT(rate_ingress), NULL, VETH | VENET },
	{ "rate.burst", NET_BURST, AT(rate_burst), NULL, VETH | VENET },
	{ "venet.peers", NET_BOOL, AT(venet_peers), NULL, VENET },
	{ "security", NET_BOOL, AT(security), NULL, VETH },
};

static const char *const types[] = { NULL, "none", "empty", "veth", "macvlan", "phys", "vlan", "ipvlan", "venet" };

int net_split(const char *suffix, uint32_t *ret_index, const char **ret_key)
{
	size_t length = strspn(suffix, "0123456789");
	char number[12];
	if (length == 0 || length >= sizeof(number) || (suffix[length] && suffix[length] != '.'))
		return -EINVAL;
	memcpy(number, suffix, length);
	number[length] = '\0';
	*ret_key = suffix[length] && suffix[length + 1] ? suffix + length + 1 : NULL;
	return text_to_u32(number, ret_index);
}

static const struct net_key *find(const char *name)
{
	for (size_t i = 0; i < sizeof(net_keys) / sizeof(*net_keys); i++)
		if (strcmp(net_keys[i].name, name) == 0)
			return &net_keys[i];
	return NULL;
}

static struct spec_link *find_link(const struct spec *spec, uint32_t index)
{
	vector_for_each (link, &spec->network.links)
		if (link->index == index)
			return link;
	return NULL;
}

/* The link of this number, made where its number belongs. NULL: no memory. */
static struct spec_link *get_link(struct spec *spec, uint32_t index)
{
	struct spec_link *link = find_link(spec, index);
	if (link)
		return link;
	if (!vector_add(&spec->network.links))
		return NULL;
	struct spec_link *items = spec->network.links.items;
	size_t place = spec->network.links.count - 1;
	while (place > 0 && items[place - 1].index > index)
		place--;
	memmove(&items[place + 1], &items[place], (spec->network.links.count - 1 - place) * sizeof(*items));
	items[place] = (struct spec_link){ .index = index };
	return &items[place];
}

/* ---- values ---- */

static int set_type(struct key_call *call, struct spec_link *link)
{
	for (uint32_t type = LINK_NONE; type < sizeof(types) / sizeof(*types); type++) {
		if (strcmp(types[type], call->value) == 0) {
			link->type = type;
			return 0;
		}
	}
	return key_fault(call, "unknown type of interface", "use none, empty, veth, venet, macvlan, ipvlan, vlan or phys");
}

static bool is_hwaddr(const char *text)
{
	for (int i = 0; i < 17; i++)
		if (i % 3 == 2 ? text[i] != ':' : !(isxdigit((unsigned char)text[i]) || text[i] == 'x' || text[i] == 'X'))
			return false;
	return text[17] == '\0';
}

static int set_hwaddr(struct key_call *call, struct spec_link *link)
{
	static const char digits[] = "0123456789abcdef";
	unsigned char random[17];
	if (!is_hwaddr(call->value))
		return key_fault(call, "is no hardware address", "write six pairs of hex digits (x: random) with colons");
	char text[18];
	memcpy(text, call->value, sizeof(text));
	if (strpbrk(text, "xX")) {
		if (getrandom(random, sizeof(random), 0) != sizeof(random))
			return -EIO;
		/* the second digit holds the bits for multicast (1) and local administration (2) */
		random[1] = (random[1] & ~1U) | 2;
		for (int i = 0; i < 17; i++)
			if (text[i] == 'x' || text[i] == 'X')
				text[i] = digits[random[i] & 15];
	}
	return text_replace(&link->hwaddr, text) ?: text_replace(&link->hwaddr_template, call->value);
}

/* Prefix length of the old address classes: what an address without /N means. */
static uint32_t class_prefix(const struct in_addr *address)
{
	uint32_t host = ntohl(address->s_addr);
	return host >> 31 == 0 ? 8 : host >> 30 == 2 ? 16 : 24;
}

static int add_address(struct key_call *call, struct spec_link *link, bool is_6)
{
	struct string_list words = { 0 };
	unsigned char binary[16];
	char canonical[INET6_ADDRSTRLEN], broadcast[INET_ADDRSTRLEN] = "";
	uint32_t prefix = 64;
	int family = is_6 ? AF_INET6 : AF_INET;
	int r = text_split(call->value, " \t", &words);
	char *slash = words.count ? strchr(words.items[0], '/') : NULL;
	if (slash)
		*slash++ = '\0';
	bool is_good = r == 0 && words.count >= 1 && words.count <= (is_6 ? 1 : 2) &&
		       inet_pton(family, words.items[0], binary) == 1;
	if (is_good && !is_6)
		prefix = class_prefix((struct in_addr *)binary);
	if (is_good && slash)
		is_good = text_to_u32(slash, &prefix) == 0 && prefix <= (is_6 ? 128 : 32);
	if (is_good)
		(void)inet_ntop(family, binary, canonical, sizeof(canonical));
	if (is_good && words.count == 2) {
		is_good = inet_pton(AF_INET, words.items[1], binary) == 1;
		if (is_good)
			(void)inet_ntop(AF_INET, binary, broadcast, sizeof(broadcast));
	}
	string_list_clear(&words);
	if (!is_good)
		return key_fault(call, "is no address", is_6 ? "write ADDRESS/PREFIX" : "write ADDRESS/PREFIX [BROADCAST]");
	struct spec_address *address = is_6 ? vector_add(&link->ipv6) : vector_add(&link->ipv4);
	if (!address || !(address->address = strdup(canonical)))
		return -ENOMEM;
	address->prefix = prefix;
	return *broadcast ? text_replace(&address->broadcast, broadcast) : 0;
}

static int set_gateway(struct key_call *call, char **slot, bool is_6)
{
	unsigned char binary[16];
	const char *value = call->value;
	if (strcmp(value, "auto") != 0 && strcmp(value, "dev") != 0 &&
		inet_pton(is_6 ? AF_INET6 : AF_INET, value, binary) != 1)
		return key_fault(call, "is no gateway", "write an address, auto or dev");
	return text_replace(slot, value);
}

static int add_route(struct key_call *call, struct string_list *routes, int family)
{
	unsigned char binary[16];
	char address[INET6_ADDRSTRLEN] = "", canonical[INET6_ADDRSTRLEN + 4];
	const char *slash = strchr(call->value, '/');
	uint32_t prefix = 0;
	if (slash && (size_t)(slash - call->value) < sizeof(address))
		memcpy(address, call->value, (size_t)(slash - call->value));
	if (!slash || inet_pton(family, address, binary) != 1 || text_to_u32(slash + 1, &prefix) < 0 ||
		prefix > (family == AF_INET ? 32 : 128))
		return key_fault(call, "is no route", "write ADDRESS/PREFIX");
	(void)inet_ntop(family, binary, address, sizeof(address));
	(void)snprintf(canonical, sizeof(canonical), "%s/%" PRIu32, address, prefix);
	return string_list_add(routes, canonical);
}

/* word: what may stand for a number, or NULL. */
static int check_vlan(struct key_call *call, const char *word)
{
	uint32_t number;
	if (word && strcmp(call->value, word) == 0)
		return 0;
	if (text_to_u32(call->value, &number) == 0 && number <= 4094)
		return 0;
	return key_fault(call, "is no VLAN", word ? "write a number up to 4094, or none" : "write a number up to 4094");
}

static int set_rate(struct key_call *call, char **slot)
{
	uint64_t bits;
	int r = text_to_rate(call->value, &bits);
	if (r == -ERANGE)
		return key_fault(call, "is out of range", "write 8k to 1T bits per second");
	return r < 0 ? key_fault(call, "is no rate", "write bits per second, with k, M or G: 10M") :
		       text_replace(slot, call->value);
}

static int set_burst(struct key_call *call, char **slot)
{
	uint64_t bytes;
	if (text_to_bytes(call->value, &bytes) < 0)
		return key_fault(call, "is no size", "write bytes, with k or M: 64k");
	if (bytes < 2048 || bytes > 1U << 30)
		return key_fault(call, "is out of range", "write 2k to 1G bytes");
	return text_replace(slot, call->value);
}

static int set_value(struct key_call *call, struct spec_link *link, const struct net_key *key)
{
	void *slot = (char *)link + key->offset;
	uint32_t number;
	switch (key->kind) {
	case NET_TYPE:
		return set_type(call, link);
	case NET_FLAGS:
		link->up = true;
		return 0;
	case NET_HWADDR:
		return set_hwaddr(call, link);
	case NET_NAME:
		if (strlen(call->value) >= IFNAMSIZ)
			return key_fault(call, "the name has more than 15 characters", NULL);
		if (strpbrk(call->value, "/ \t") || strcmp(call->value, ".") == 0 || strcmp(call->value, "..") == 0)
			return key_fault(call, "is no name of an interface", NULL);
		return text_replace(slot, call->value);
	case NET_TEXT:
		return text_replace(slot, call->value);
	case NET_NUMBER_TEXT:
		return text_to_u32(call->value, &number) < 0 ? key_fault(call, "is no number", NULL) :
							       text_replace(slot, call->value);
	case NET_BOOL:
		if (text_to_u32(call->value, &number) < 0 || number > 1)
			return key_fault(call, "is not 0 or 1", NULL);
		*(bool *)slot = number;
		return 0;
	case NET_U32:
		if (text_to_u32(call->value, slot) < 0 || *(uint32_t *)slot == 0)
			return key_fault(call, "is no number above 0", NULL);
		return 0;
	case NET_ADDRESS4:
	case NET_ADDRESS6:
		return add_address(call, link, key->kind == NET_ADDRESS6);
	case NET_GATEWAY:
		return set_gateway(call, slot, text_starts(key->name, "ipv6"));
	case NET_CHOICE: {
		auto_free char *word = NULL;
		if (text_format(&word, " %s ", call->value) < 0)
			return -ENOMEM;
		return strstr(key->choices, word) ? text_replace(slot, call->value) :
						    key_fault(call, "unknown mode", key->choices);
	}
	case NET_ROUTE4:
	case NET_ROUTE6:
		return add_route(call, slot, key->kind == NET_ROUTE6 ? AF_INET6 : AF_INET);
	case NET_VLAN:
		return check_vlan(call, key->choices) ?: text_replace(slot, call->value);
	case NET_VLANS:
		return check_vlan(call, NULL) ?: string_list_add(slot, call->value);
	case NET_RATE:
		return set_rate(call, slot);
	case NET_BURST:
		return set_burst(call, slot);
	}
	return -EINVAL;
}

/* The hint for an unknown key, or NULL when none is near. */
static const char *net_hint(const char *name, char *buffer, size_t size)
{
	const struct net_key *nearest = NULL;
	unsigned least = (unsigned)strlen(name) / 3 + 2;
	for (size_t i = 0; i < sizeof(net_keys) / sizeof(*net_keys); i++) {
		unsigned far = key_distance(name, net_keys[i].name);
		if (far < least) {
			least = far;
			nearest = &net_keys[i];
		}
	}
	if (!nearest)
		return NULL;
	(void)snprintf(buffer, size, "did you mean %s?", nearest->name);
	return buffer;
}

int net_set(struct key_call *call)
{
	uint32_t index;
	const char *name;
	if (!*call->suffix)
		return empty_only_set(call);
	if (net_split(call->suffix, &index, &name) < 0)
		return key_fault(call, "the interface has no number in the key", "write lxc.net.0.type and the like");
	const struct net_key *key = name ? find(name) : NULL;
	char hint[96];
	if (!key)
		return key_fault(call, name ? "unknown key of an interface" : "this key takes no value",
			name ? net_hint(name, hint, sizeof(hint)) : NULL);
	struct spec_link *link = get_link(call->spec, index);
	if (!link)
		return -ENOMEM;
	if (key->kind == NET_TYPE || link->origin.source == 0)
		link->origin = call->origin;
	return set_value(call, link, key);
}

/* ---- reading and clearing ---- */

static void print_addresses(const void *list, FILE *out)
{
	const VECTOR(struct spec_address) *addresses = list;
	vector_for_each (address, addresses)
		fprintf(out, "%s%s/%" PRIu32 "%s%s", address == addresses->items ? "" : "\n", address->address,
			address->prefix, address->broadcast ? " " : "", address->broadcast ?: "");
}

/* Without a value: the default, where the key belongs to the type. */
static void print_choice(const struct spec_link *link, const struct net_key *key, const char *value, FILE *out)
{
	if (value)
		fputs(value, out);
	else if (key->types & 1U << link->type)
		fprintf(out, "%.*s", (int)strcspn(key->choices + 1, " "), key->choices + 1);
}

int net_get(const struct spec *spec, const char *suffix, FILE *out)
{
	uint32_t index;
	const char *name;
	if (!*suffix) {
		vector_for_each (link, &spec->network.links)
			fprintf(out, "%s\n", types[link->type] ?: "");
		return 0;
	}
	if (net_split(suffix, &index, &name) < 0)
		return -ENOENT;
	const struct spec_link *link = find_link(spec, index);
	const struct net_key *key = name ? find(name) : &net_keys[0];
	if (!link || !key)
		return -ENOENT;
	const void *slot = (const char *)link + key->offset;
	const struct string_list *list = slot;
	switch (key->kind) {
	case NET_TYPE:
		fputs(types[link->type] ?: "", out);
		break;
	case NET_FLAGS:
		fputs(link->up ? "up" : "", out);
		break;
	case NET_BOOL:
		fputs(*(const bool *)slot ? "1" : "0", out);
		break;
	case NET_U32:
		fprintf(out, "%" PRIu32, *(const uint32_t *)slot);
		break;
	case NET_ADDRESS4:
	case NET_ADDRESS6:
		print_addresses(slot, out);
		break;
	case NET_ROUTE4:
	case NET_ROUTE6:
	case NET_VLANS:
		for (size_t i = 0; i < list->count; i++)
			fprintf(out, "%s\n", list->items[i]);
		break;
	case NET_CHOICE:
		print_choice(link, key, *(char *const *)slot, out);
		break;
	default:
		fputs(*(char *const *)slot ?: "", out);
		break;
	}
	return 0;
}

static void clear_addresses(void *list)
{
	VECTOR(struct spec_address) *addresses = list;
	vector_for_each (address, addresses) {
		free(address->address);
		free(address->broadcast);
	}
	addresses->count = 0;
}

static void clear_value(struct spec_link *link, const struct net_key *key)
{
	void *slot = (char *)link + key->offset;
	switch (key->kind) {
	case NET_TYPE:
	case NET_U32:
		*(uint32_t *)slot = 0;
		break;
	case NET_FLAGS:
	case NET_BOOL:
		*(bool *)slot = false;
		break;
	case NET_ADDRESS4:
	case NET_ADDRESS6:
		clear_addresses(slot);
		break;
	case NET_ROUTE4:
	case NET_ROUTE6:
	case NET_VLANS:
		string_list_clear(slot);
		break;
	case NET_HWADDR:
		(void)text_replace(&link->hwaddr_template, NULL); /* can not fail */
		(void)text_replace(slot, NULL);
		break;
	default:
		(void)text_replace(slot, NULL); /* can not fail */
		break;
	}
}

void net_clear(struct spec *spec, const char *suffix)
{
	uint32_t index;
	const char *name;
	if (!*suffix) {
		spec_clear_links(spec);
		return;
	}
	struct spec_link *link = net_split(suffix, &index, &name) < 0 ? NULL : find_link(spec, index);
	if (!link)
		return;
	for (size_t i = 0; i < sizeof(net_keys) / sizeof(*net_keys); i++)
		if (!name || strcmp(net_keys[i].name, name) == 0)
			clear_value(link, &net_keys[i]);
	if (!name) {
		free(link->ipv4.items);
		free(link->ipv6.items);
		vector_remove(&spec->network.links, (size_t)(link - spec->network.links.items));
	}
}

int net_list_keys(const struct spec *spec, const char *suffix, FILE *out)
{
	uint32_t index;
	const char *name;
	if (net_split(suffix, &index, &name) < 0 || name)
		return -EINVAL;
	const struct spec_link *link = find_link(spec, index);
	if (!link)
		return -EINVAL;
	for (size_t i = 0; i < sizeof(net_keys) / sizeof(*net_keys); i++)
		if (net_keys[i].types == 0 || net_keys[i].types & 1U << link->type)
			fprintf(out, "%s\n", net_keys[i].name);
	return 0;
}
