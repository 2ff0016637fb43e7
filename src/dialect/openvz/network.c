#include "dialect/openvz/network.h"

#include "base/cleanup.h"
#include "base/text.h"

#include <arpa/inet.h>
#include <string.h>

int vz_parse_address(const char *text, char *ret, size_t size, bool *ret_is_ipv6, unsigned *ret_prefix)
{
	char copy[64];
	unsigned char bytes[16];
	uint32_t prefix;
	bool is_ipv6 = strchr(text, ':') != NULL;
	if (strlen(text) >= sizeof(copy))
		return -EINVAL;
	(void)snprintf(copy, sizeof(copy), "%s", text);
	char *slash = strchr(copy, '/');
	prefix = is_ipv6 ? 128 : 32;
	if (slash) {
		struct in_addr mask;
		*slash++ = '\0';
		if (!is_ipv6 && strchr(slash, '.') && inet_pton(AF_INET, slash, &mask) == 1)
			prefix = (uint32_t)__builtin_popcount(mask.s_addr);
		else if (text_to_u32(slash, &prefix) < 0 || prefix == 0 || prefix > (is_ipv6 ? 128 : 32))
			return -EINVAL;
	}
	int family = is_ipv6 ? AF_INET6 : AF_INET;
	if (inet_pton(family, copy, bytes) != 1 || !inet_ntop(family, bytes, ret, (socklen_t)size))
		return -EINVAL;
	*ret_is_ipv6 = is_ipv6;
	*ret_prefix = prefix;
	return 0;
}

/* ---- NETIF ---- */

static const struct {
	const char *name;
	size_t offset, size;
} members[] = {
	{ "ifname", offsetof(struct vz_netif, name), 16 }, { "bridge", offsetof(struct vz_netif, bridge), 16 },
	{ "mac", offsetof(struct vz_netif, mac), 18 }, { "host_ifname", offsetof(struct vz_netif, host_name), 16 },
	{ "host_mac", offsetof(struct vz_netif, host_mac), 18 }, { "mac_filter", offsetof(struct vz_netif, mac_filter), 4 },
};

static int parse_member(struct vz_netif *netif, const char *word)
{
	for (size_t i = 0; i < sizeof(members) / sizeof(*members); i++) {
		size_t length = strlen(members[i].name);
		if (strncmp(word, members[i].name, length) != 0 || word[length] != '=')
			continue;
		if (strlen(word + length + 1) >= members[i].size)
			return -EINVAL;
		(void)strcpy((char *)netif + members[i].offset, word + length + 1);
	}
	return 0;
}

int vz_netif_parse(const char *text, struct vz_netifs *ret)
{
	struct string_list interfaces = { 0 };
	int r = text_split(text, "; \t", &interfaces);
	for (size_t i = 0; r == 0 && i < interfaces.count; i++) {
		struct string_list words = { 0 };
		struct vz_netif *netif = vector_add(ret);
		r = netif ? text_split(interfaces.items[i], ",", &words) : -ENOMEM;
		for (size_t k = 0; r == 0 && k < words.count; k++)
			r = parse_member(netif, words.items[k]);
		if (r == 0 && !*netif->name)
			r = -EINVAL;
		string_list_clear(&words);
	}
	string_list_clear(&interfaces);
	return r;
}

char *vz_netif_text(const struct vz_netifs *list)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	if (!out)
		return NULL;
	for (size_t i = 0; i < list->count; i++) {
		bool has_any = false;
		for (size_t k = 0; k < sizeof(members) / sizeof(*members); k++) {
			const char *value = (const char *)&list->items[i] + members[k].offset;
			if (*value)
				fprintf(out, "%s%s=%s", has_any ? "," : i ? ";" : "", members[k].name, value);
			has_any |= *value != '\0';
		}
	}
	if (fclose(out) == 0)
		return text;
	free(text);
	return NULL;
}

/* ---- links ---- */

static struct spec_link *add_link(struct spec *spec, enum link_type type)
{
	struct spec_link *link = vector_add(&spec->network.links);
	if (link) {
		link->index = (uint32_t)spec->network.links.count - 1;
		link->type = type;
		link->up = true;
	}
	return link;
}

static int add_address(struct spec_link *link, const char *text)
{
	char address[INET6_ADDRSTRLEN];
	bool is_ipv6;
	unsigned prefix;
	int r = vz_parse_address(text, address, sizeof(address), &is_ipv6, &prefix);
	if (r < 0)
		return r;
	struct spec_address *item = is_ipv6 ? vector_add(&link->ipv6) : vector_add(&link->ipv4);
	if (!item)
		return -ENOMEM;
	item->prefix = is_ipv6 ? 128 : 32; /* a venet's addresses are single ones */
	return text_replace(&item->address, address);
}

/* RATE is a guarantee, and with RATEBOUND the limit too. Its first class is the one that counts: there are no others here. */
static int add_rate(const struct vz_ct *ct, struct spec_link *link)
{
	const char *value = vz_ct_get(ct, "RATE"), *last = value ? strchr(value, ':') : NULL;
	last = last ? strchr(last + 1, ':') : NULL;
	if (!last || !vz_ct_is(ct, "RATEBOUND", false) || !text_equal(vz_conf_get(&ct->global, "TRAFFIC_SHAPING"), "yes"))
		return 0;
	unsigned long kbit = strtoul(last + 1, NULL, 10);
	return kbit && kbit <= 1000000000 ? text_format(&link->rate_egress, "%lukbit", kbit < 8 ? 8 : kbit) : 0; /* as text_to_rate has it */
}

static int add_venet(const struct vz_ct *ct, struct spec *spec)
{
	const char *value = vz_ct_get(ct, "IP_ADDRESS") ?: "";
	struct string_list addresses = { 0 };
	struct spec_link *link = add_link(spec, LINK_VENET);
	int r = link ? text_format(&link->veth_pair, "v%u", ct->id) : -ENOMEM;
	if (link)
		link->venet_peers = true; /* OpenVZ's containers reach each other */
	r = r ?: text_replace(&link->name, "venet0");
	r = r ?: add_rate(ct, link);
	r = r ?: text_split(value, " \t", &addresses);
	for (size_t i = 0; r == 0 && i < addresses.count; i++)
		if (add_address(link, addresses.items[i]) == -ENOMEM) /* what is no address was told by the command */
			r = -ENOMEM;
	string_list_clear(&addresses);
	return r;
}

static int add_veth(struct spec *spec, const struct vz_netif *netif)
{
	struct spec_link *link = add_link(spec, LINK_VETH);
	int r = link ? text_replace(&link->name, netif->name) : -ENOMEM;
	if (*netif->mac)
		r = r ?: text_replace(&link->hwaddr, netif->mac);
	if (*netif->host_name)
		r = r ?: text_replace(&link->veth_pair, netif->host_name);
	return *netif->bridge ? r ?: text_replace(&link->link, netif->bridge) : r;
}

static int add_device(struct spec *spec, const char *name)
{
	struct spec_link *link = add_link(spec, LINK_PHYS);
	int r = link ? text_replace(&link->name, name) : -ENOMEM;
	return r ?: text_replace(&link->link, name);
}

int vz_network(const struct vz_ct *ct, struct spec *spec)
{
	struct vz_netifs netifs = { 0 };
	struct string_list devices = { 0 };
	const char *netif = vz_ct_get(ct, "NETIF"), *devs = vz_ct_get(ct, "NETDEV");
	int r = add_venet(ct, spec);
	if (r == 0 && netif && vz_netif_parse(netif, &netifs) == -ENOMEM)
		r = -ENOMEM;
	for (size_t i = 0; r == 0 && i < netifs.count; i++)
		if (*netifs.items[i].name)
			r = add_veth(spec, &netifs.items[i]);
	if (r == 0 && devs)
		r = text_split(devs, " \t,", &devices);
	for (size_t i = 0; r == 0 && i < devices.count; i++)
		r = add_device(spec, devices.items[i]);
	free(netifs.items);
	string_list_clear(&devices);
	return r;
}
