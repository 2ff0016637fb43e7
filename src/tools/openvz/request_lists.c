/* Options that change a part of a value: switches, addresses, interfaces. */
#include "tools/openvz/request.h"

#include "base/cleanup.h"
#include "base/text.h"
#include "dialect/openvz/network.h"
#include "kernel/capability.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

static bool is_feature(const char *name)
{
	static const char *const features[] = { "sysfs", "nfs", "sit", "ipip", "ppp", "ipgre", "bridge", "nfsd" };
	for (size_t i = 0; i < sizeof(features) / sizeof(*features); i++)
		if (strcmp(features[i], name) == 0)
			return true;
	return false;
}

/* The kernel's, and OpenVZ's own two. */
static bool is_capability(const char *name, size_t length)
{
	char lower[32];
	if (length >= sizeof(lower))
		return false;
	for (size_t i = 0; i < length; i++)
		lower[i] = (char)tolower((unsigned char)name[i]);
	lower[length] = '\0';
	return strcmp(lower, "setveid") == 0 || strcmp(lower, "ve_admin") == 0 || capability_from_name(lower) >= 0;
}

/* "b|c:MAJOR:MINOR|all" */
static bool is_device(const char *text, size_t length)
{
	char copy[40], kind, minor[12];
	unsigned major, number;
	int end = 0;
	if (length >= sizeof(copy))
		return false;
	(void)snprintf(copy, sizeof(copy), "%.*s", (int)length, text);
	if (sscanf(copy, "%c:%u:%11[^:]%n", &kind, &major, minor, &end) != 3 || copy[end] || (kind != 'b' && kind != 'c'))
		return false;
	return strcmp(minor, "all") == 0 || sscanf(minor, "%u", &number) == 1;
}

/* Is "NAME:VALUE" well formed for key? In lower case, for capabilities in upper case. */
static bool check_switch(const char *key, char *word)
{
	char *colon = strrchr(word, ':');
	if (!colon || colon == word)
		return false;
	const char *value = colon + 1;
	if (strcmp(key, "DEVICES") == 0 && !is_device(word, (size_t)(colon - word)))
		return false;
	if (strcmp(key, "CAPABILITY") == 0 && !is_capability(word, (size_t)(colon - word)))
		return false;
	if (text_starts(key, "DEV"))
		return strcmp(value, "none") == 0 || (*value && value[strspn(value, "rwq")] == '\0');
	if (strcmp(value, "on") != 0 && strcmp(value, "off") != 0)
		return false;
	for (char *at = word; at < colon; at++)
		*at = (char)(strcmp(key, "CAPABILITY") == 0 ? toupper((unsigned char)*at) : tolower((unsigned char)*at));
	return true;
}

static size_t name_length(const char *word)
{
	const char *colon = strrchr(word, ':');
	return colon ? (size_t)(colon - word) : strlen(word);
}

static int merge(const struct string_list *old, const struct string_list *new, char **ret)
{
	size_t size;
	bool has_any = false;
	FILE *out = open_memstream(ret, &size);
	if (!out)
		return -ENOMEM;
	for (size_t i = 0; i < old->count; i++) {
		bool is_replaced = false;
		size_t length = name_length(old->items[i]);
		for (size_t k = 0; k < new->count; k++)
			is_replaced |= name_length(new->items[k]) == length && strncasecmp(new->items[k], old->items[i], length) == 0;
		if (!is_replaced)
			has_any |= fprintf(out, "%s%s", has_any ? " " : "", old->items[i]) > 0;
	}
	for (size_t k = 0; k < new->count; k++)
		if (!text_ends(new->items[k], ":none"))
			has_any |= fprintf(out, "%s%s", has_any ? " " : "", new->items[k]) > 0;
	return fclose(out) == 0 ? 0 : -ENOMEM;
}

int vz_merge_switches(struct vz *vz, struct vz_request *request, const char *key, const char *option, const char *text)
{
	struct string_list old = { 0 }, new = { 0 };
	char *merged = NULL;
	int status = VZ_OK, r = text_split(vz_ct_get(&vz->ct, key) ?: "", " ,\t", &old);
	r = r ?: text_split(text, " ,\t", &new);
	for (size_t i = new.count; status == VZ_OK && i-- > 0;) {
		auto_free char *name = strndup(new.items[i], name_length(new.items[i]));
		if (!check_switch(key, new.items[i])) {
			status = vz_fail(vz, VZ_BAD_VALUE, "Bad parameter for --%s: %s", option, text);
		} else if (strcmp(key, "FEATURES") == 0 && name && !is_feature(name)) {
			fprintf(stderr, "Warning: unknown feature %s, skipped\n", name);
			free(new.items[i]);
			vector_remove(&new, i);
		}
	}
	if (status == VZ_OK)
		status = (r ?: merge(&old, &new, &merged)) < 0 ? VZ_SYSTEM : vz_request_put(vz, request, key, merged);
	free(merged);
	string_list_clear(&old);
	string_list_clear(&new);
	return status;
}

/* ---- addresses ---- */

static bool is_same_address(const char *a, const char *b)
{
	char first[64], second[64];
	bool is_ipv6;
	unsigned prefix;
	return vz_parse_address(a, first, sizeof(first), &is_ipv6, &prefix) == 0 &&
	       vz_parse_address(b, second, sizeof(second), &is_ipv6, &prefix) == 0 && strcmp(first, second) == 0;
}

static bool has_address(const struct string_list *list, const char *address)
{
	for (size_t i = 0; i < list->count; i++)
		if (is_same_address(list->items[i], address))
			return true;
	return false;
}

static int merge_addresses(struct vz *vz, struct vz_request *request)
{
	struct string_list old = { 0 };
	char text[4096] = "";
	if (!request->add.count && !request->remove.count && !request->removes_all)
		return VZ_OK;
	int r = text_split(vz_ct_get(&vz->ct, "IP_ADDRESS") ?: "", " \t", &old);
	if (request->removes_all) /* what is to be taken away is known from here on */
		for (size_t i = 0; r == 0 && i < old.count; i++)
			r = string_list_add(&request->remove, old.items[i]);
	for (size_t i = 0; i < old.count; i++)
		if (!has_address(&request->remove, old.items[i]) && !has_address(&request->add, old.items[i]))
			(void)snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%s", *text ? " " : "", old.items[i]);
	for (size_t i = 0; i < request->add.count; i++)
		(void)snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%s", *text ? " " : "", request->add.items[i]);
	string_list_clear(&old);
	return r < 0 ? VZ_SYSTEM : vz_request_put(vz, request, "IP_ADDRESS", text);
}

/* ---- interfaces ---- */

static bool is_mac(const char *text)
{
	unsigned bytes[6];
	int end = 0;
	return sscanf(text, "%2x:%2x:%2x:%2x:%2x:%2x%n", &bytes[0], &bytes[1], &bytes[2], &bytes[3], &bytes[4], &bytes[5], &end) == 6 &&
	       end == 17 && text[17] == '\0' && !(bytes[0] & 1);
}

/* From the id and the name, so that it is the same at each start; OpenVZ's maker number. */
static void make_mac(char ret[18], uint32_t id, const char *name, unsigned side)
{
	uint32_t hash = 2166136261U ^ side;
	for (const char *at = name; *at; at++)
		hash = (hash ^ (unsigned char)*at) * 16777619U;
	hash = (hash ^ id) * 16777619U;
	(void)snprintf(ret, 18, "00:18:51:%02x:%02x:%02x", hash >> 24, hash >> 12 & 255, hash & 255);
}

static struct vz_netif *find_netif(struct vz_netifs *list, const char *name)
{
	for (size_t i = 0; i < list->count; i++)
		if (strcmp(list->items[i].name, name) == 0)
			return &list->items[i];
	return NULL;
}

static int copy_part(struct vz *vz, char *target, size_t size, const char *text)
{
	if (strlen(text) >= size || (size == 18 && *text && !is_mac(text)))
		return vz_fail(vz, VZ_VETH, "Bad parameter for --netif_add: %s", text);
	(void)strcpy(target, text);
	return VZ_OK;
}

/* NAME[,MAC,HOSTNAME,HOSTMAC,BRIDGE] */
static int add_netif(struct vz *vz, struct vz_netifs *list, const char *text)
{
	char copy[160], *next = copy, *parts[5] = { 0 };
	struct vz_netif netif = { 0 };
	if (strlen(text) >= sizeof(copy))
		return vz_fail(vz, VZ_BAD_VALUE, "Bad parameter for --netif_add: %s", text);
	(void)strcpy(copy, text);
	for (int i = 0; i < 5 && next; i++)
		parts[i] = strsep(&next, ",");
	int status = copy_part(vz, netif.name, sizeof(netif.name), parts[0]);
	status = status ?: copy_part(vz, netif.mac, sizeof(netif.mac), parts[1] ?: "");
	status = status ?: copy_part(vz, netif.host_name, sizeof(netif.host_name), parts[2] ?: "");
	status = status ?: copy_part(vz, netif.host_mac, sizeof(netif.host_mac), parts[3] ?: "");
	status = status ?: copy_part(vz, netif.bridge, sizeof(netif.bridge), parts[4] ?: "");
	if (status != VZ_OK)
		return status;
	if (!*netif.name)
		return vz_fail(vz, VZ_BAD_VALUE, "Bad parameter for --netif_add: %s", text);
	if (!*netif.mac)
		make_mac(netif.mac, vz->ct.id, netif.name, 0);
	if (!*netif.host_mac)
		make_mac(netif.host_mac, vz->ct.id, netif.name, 1);
	if (!*netif.host_name)
		(void)snprintf(netif.host_name, sizeof(netif.host_name), "veth%.7s.%d", vz->ct.name,
			netif.name[strcspn(netif.name, "0123456789")] ? atoi(netif.name + strcspn(netif.name, "0123456789")) % 100 : 0);
	struct vz_netif *item = find_netif(list, netif.name) ?: vector_add(list);
	if (!item)
		return VZ_SYSTEM;
	*item = netif;
	return VZ_OK;
}

static int change_netif(struct vz *vz, struct vz_netifs *list, const struct string_list *words)
{
	struct vz_netif *netif = NULL;
	for (size_t i = 0; i < words->count; i++)
		if (text_starts(words->items[i], "ifname="))
			netif = find_netif(list, words->items[i] + strlen("ifname="));
	if (!netif)
		return vz_fail(vz, VZ_VETH, "Bad parameter for --ifname: no such interface");
	for (size_t i = 0; i < words->count; i++) {
		struct vz_netifs parsed = { 0 };
		auto_free char *text = NULL;
		const char *word = words->items[i];
		if (text_starts(word, "ifname="))
			continue;
		if (text_format(&text, "ifname=%s,%s", netif->name, word) < 0 || vz_netif_parse(text, &parsed) < 0) {
			free(parsed.items);
			return vz_fail(vz, VZ_BAD_VALUE, "Bad parameter for --%s", word);
		}
		const struct vz_netif *p = parsed.items;
		if (*p->mac)
			(void)strcpy(netif->mac, p->mac);
		if (*p->host_name)
			(void)strcpy(netif->host_name, p->host_name);
		if (*p->host_mac)
			(void)strcpy(netif->host_mac, p->host_mac);
		if (*p->bridge)
			(void)strcpy(netif->bridge, p->bridge);
		if (*p->mac_filter)
			(void)strcpy(netif->mac_filter, p->mac_filter);
		free(parsed.items);
	}
	return VZ_OK;
}

int vz_merge_network(struct vz *vz, struct vz_request *request)
{
	struct vz_netifs list = { 0 };
	int status = merge_addresses(vz, request);
	if (status != VZ_OK || (!request->netif_add.count && !request->netif_remove.count && !request->interface.count))
		return status;
	(void)vz_netif_parse(vz_ct_get(&vz->ct, "NETIF") ?: "", &list); /* what is not understood is replaced */
	for (size_t i = 0; i < request->netif_remove.count; i++) {
		struct vz_netif *netif = find_netif(&list, request->netif_remove.items[i]);
		if (strcmp(request->netif_remove.items[i], "all") == 0)
			list.count = 0;
		else if (netif)
			vector_remove(&list, (size_t)(netif - list.items));
		else
			status = vz_fail(vz, VZ_VETH, "Bad parameter for --netif_del: %s", request->netif_remove.items[i]);
	}
	for (size_t i = 0; status == VZ_OK && i < request->netif_add.count; i++)
		status = add_netif(vz, &list, request->netif_add.items[i]);
	if (status == VZ_OK && request->interface.count)
		status = change_netif(vz, &list, &request->interface);
	auto_free char *text = status == VZ_OK ? vz_netif_text(&list) : NULL;
	if (text)
		status = vz_request_put(vz, request, "NETIF", text);
	free(list.items);
	return status;
}
