/* Routes and neighbour proxies on the host, as lists: parsed, written into the journal, made and undone together. */
#include "network/entry.h"

#include "base/cleanup.h"
#include "base/text.h"
#include "network/internal.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/neighbour.h>
#include <string.h>

#define LINE_MAX_BYTES 3500 /* of a journal entry: journal_add takes 4 KiB */
#define LO_INDEX       1    /* net/core/dev.c: the first of each namespace */

static size_t address_size(int family)
{
	return family == AF_INET ? 4 : 16;
}

static int parse_destination(const char *text, size_t length, struct entry *entry)
{
	char address[INET6_ADDRSTRLEN + 5];
	if (length >= sizeof(address))
		return -EINVAL;
	memcpy(address, text, length);
	address[length] = '\0';
	char *slash = strchr(address, '/');
	if (slash)
		*slash++ = '\0';
	entry->family = strchr(address, ':') ? AF_INET6 : AF_INET;
	entry->prefix = (uint32_t)address_size(entry->family) * 8;
	if (inet_pton(entry->family, address, entry->address) != 1)
		return -EINVAL;
	uint32_t bits = entry->prefix;
	if (slash && (text_to_u32(slash, &entry->prefix) < 0 || entry->prefix > bits))
		return -EINVAL;
	for (uint32_t bit = entry->prefix; bit < bits; bit++)
		entry->address[bit / 8] &= (unsigned char)~(0x80 >> bit % 8);
	return 0;
}

static bool is_same(const struct entry *one, const struct entry *other)
{
	return one->is_proxy == other->is_proxy && one->index == other->index && one->family == other->family &&
	       one->prefix == other->prefix && memcmp(one->address, other->address, address_size(one->family)) == 0;
}

int entry_list_add(struct entry_list *list, bool is_proxy, int index, const char *text, const char *key)
{
	struct entry entry = { .is_proxy = is_proxy, .index = index, .text = text, .key = key };
	if (parse_destination(text, strlen(text), &entry) < 0)
		return -EINVAL;
	vector_for_each (other, list)
		if (is_same(&entry, other))
			return 0;
	struct entry *place = vector_add(list);
	if (!place)
		return -ENOMEM;
	*place = entry;
	return 0;
}

void entry_list_clear(struct entry_list *list)
{
	free(list->items);
	*list = (struct entry_list){ 0 };
}

/* ---- what is there already ---- */

struct presence {
	struct entry_list *list;
	struct entry *wanted; /* a route */
	bool is_found;
};

static void drop_proxy(const struct nlmsghdr *message, void *data)
{
	struct presence *presence = data;
	const struct ndmsg *header = NLMSG_DATA(message);
	const struct rtattr *address = netlink_find(message, sizeof(*header), NDA_DST);
	if (!(header->ndm_flags & NTF_PROXY) || !address)
		return;
	struct entry there = { .is_proxy = true, .index = header->ndm_ifindex, .family = header->ndm_family };
	there.prefix = (uint32_t)address_size(there.family) * 8;
	if (RTA_PAYLOAD(address) != address_size(there.family))
		return;
	memcpy(there.address, RTA_DATA(address), RTA_PAYLOAD(address));
	for (size_t i = presence->list->count; i-- > 0;)
		if (is_same(&presence->list->items[i], &there))
			vector_remove(presence->list, i);
}

static void visit_route(const struct nlmsghdr *message, void *data)
{
	struct presence *presence = data;
	const struct rtmsg *header = NLMSG_DATA(message);
	const struct rtattr *device = netlink_find(message, sizeof(*header), RTA_OIF);
	if (header->rtm_dst_len == presence->wanted->prefix && header->rtm_table == RT_TABLE_MAIN && device &&
		*(const int *)RTA_DATA(device) == presence->wanted->index)
		presence->is_found = true;
}

static bool has_route(int fd, struct entry *entry)
{
	struct presence presence = { .wanted = entry };
	struct netlink_batch batch = { 0 };
	struct rtmsg header = { .rtm_family = (unsigned char)entry->family, .rtm_flags = RTM_F_FIB_MATCH,
		.rtm_dst_len = (unsigned char)(address_size(entry->family) * 8) };
	netlink_message(&batch, RTM_GETROUTE, 0, &header, sizeof(header));
	netlink_attribute(&batch, RTA_DST, entry->address, address_size(entry->family));
	(void)netlink_ask(fd, &batch, visit_route, &presence); /* no route: no */
	return presence.is_found;
}

/* One dump for the proxies of a family. A device that has just been made has no routes: only lo's are asked for. */
void entry_list_drop_present(int fd, struct entry_list *list)
{
	struct presence presence = { .list = list };
	bool has_proxy[2] = { false, false };
	vector_for_each (entry, list)
		has_proxy[entry->family == AF_INET6] |= entry->is_proxy;
	for (int i = 0; i < 2; i++) {
		struct ndmsg header = { .ndm_family = i ? AF_INET6 : AF_INET, .ndm_flags = NTF_PROXY };
		if (has_proxy[i])
			(void)netlink_dump_with(fd, RTM_GETNEIGH, &header, sizeof(header), drop_proxy, &presence); /* then: no */
	}
	for (size_t i = list->count; i-- > 0;)
		if (!list->items[i].is_proxy && list->items[i].index == LO_INDEX && has_route(fd, &list->items[i]))
			vector_remove(list, i);
}

static void visit_proxy(const struct nlmsghdr *message, void *data)
{
	const struct ndmsg *header = NLMSG_DATA(message);
	*(bool *)data = header->ndm_flags & NTF_PROXY;
}

/* One question: a dump grows with the containers. */
static bool has_proxy(int fd, const struct entry *entry)
{
	struct netlink_batch batch = { 0 };
	struct ndmsg header = { .ndm_family = (unsigned char)entry->family, .ndm_ifindex = entry->index, .ndm_flags = NTF_PROXY };
	bool is_found = false;
	netlink_message(&batch, RTM_GETNEIGH, 0, &header, sizeof(header));
	netlink_attribute(&batch, NDA_DST, entry->address, address_size(entry->family));
	(void)netlink_ask(fd, &batch, visit_proxy, &is_found); /* no entry: no */
	return is_found;
}

/* ---- making and undoing ---- */

/* Permanent: lives on when the device loses its carrier. */
static void put_proxy(struct netlink_batch *batch, uint16_t type, const struct entry *entry)
{
	struct ndmsg header = { .ndm_family = (unsigned char)entry->family, .ndm_ifindex = entry->index,
		.ndm_state = NUD_PERMANENT, .ndm_flags = NTF_PROXY };
	netlink_message(batch, type, type == RTM_NEWNEIGH ? NLM_F_CREATE : 0, &header, sizeof(header));
	netlink_attribute(batch, NDA_DST, entry->address, address_size(entry->family));
}

static void put_entry(struct netlink_batch *batch, const struct entry *entry, bool is_new)
{
	if (entry->is_proxy)
		put_proxy(batch, is_new ? RTM_NEWNEIGH : RTM_DELNEIGH, entry);
	else
		put_route(batch, is_new ? RTM_NEWROUTE : RTM_DELROUTE, entry->index, entry->family, entry->address,
			entry->prefix, NULL);
}

/* One line for as many as there are from first on with the same device and of the same kind; *ret_next is behind them. */
static int write_line(const struct network *network, const struct entry_list *list, size_t first, size_t *ret_next)
{
	char line[LINE_MAX_BYTES + INET6_ADDRSTRLEN + 8];
	const struct entry *start = &list->items[first];
	int length = snprintf(line, sizeof(line), "%d", start->index);
	size_t i = first;
	for (; i < list->count && length < LINE_MAX_BYTES; i++) {
		const struct entry *entry = &list->items[i];
		char address[INET6_ADDRSTRLEN] = "";
		if (entry->index != start->index || entry->is_proxy != start->is_proxy)
			break;
		(void)inet_ntop(entry->family, entry->address, address, sizeof(address));
		length += snprintf(line + length, sizeof(line) - (size_t)length, " %s/%u", address, entry->prefix);
	}
	*ret_next = i;
	return network->journal(network->journal_data, start->is_proxy ? "PROXY" : "ROUTE", line);
}

int entry_list_make(int fd, const struct network *network, const struct entry_list *list, const struct entry **ret_failed)
{
	struct netlink_batch batch = { 0 };
	uint32_t failed = 0;
	*ret_failed = NULL;
	for (size_t i = 0, next; network && i < list->count; i = next) {
		int r = write_line(network, list, i, &next);
		if (r < 0)
			return r;
	}
	vector_for_each (entry, list)
		put_entry(&batch, entry, true);
	int r = netlink_send(fd, &batch, &failed);
	if (failed > 0)
		*ret_failed = &list->items[failed - 1];
	return r;
}

static bool is_gone(int r) /* never made, or gone with its device */
{
	return r == -ENOENT || r == -ESRCH || r == -ENODEV;
}

static int remove_each(int fd, const struct entry_list *list, struct error *err)
{
	vector_for_each (entry, list) {
		struct netlink_batch batch = { 0 };
		char address[INET6_ADDRSTRLEN] = "";
		put_entry(&batch, entry, false);
		int r = netlink_send(fd, &batch, NULL);
		if (r >= 0 || is_gone(r))
			continue;
		(void)inet_ntop(entry->family, entry->address, address, sizeof(address));
		return error_set(err, r, "remove the %s for %s/%u from the host", entry->is_proxy ? "proxy entry" : "route",
			address, entry->prefix);
	}
	return 0;
}

/* All together; when one is gone, which hides what became of the others, once more one by one. */
static int remove_all(const struct entry_list *list, struct error *err)
{
	struct netlink_batch batch = { 0 };
	auto_close int fd = netlink_open();
	if (fd < 0)
		return error_set(err, fd, "open a netlink socket");
	vector_for_each (entry, list)
		put_entry(&batch, entry, false);
	return netlink_send(fd, &batch, NULL) < 0 ? remove_each(fd, list, err) : 0;
}

int entry_undo(const char *argument, bool is_proxy, struct error *err)
{
	struct entry_list list = { 0 };
	char *rest;
	int index = (int)strtol(argument, &rest, 10);
	int r = 0;
	while (r == 0 && *(rest += strspn(rest, " "))) {
		size_t length = strcspn(rest, " ");
		struct entry *entry = vector_add(&list);
		if (!entry) {
			r = -ENOMEM;
			break;
		}
		*entry = (struct entry){ .is_proxy = is_proxy, .index = index };
		r = parse_destination(rest, length, entry);
		rest += length;
	}
	if (r < 0 || index <= 0 || list.count == 0)
		r = error_set(err, r < 0 ? r : EINVAL, "read the journal");
	else
		r = remove_all(&list, err);
	entry_list_clear(&list);
	return r;
}

/* ---- a proxy alone ---- */

int host_add_proxy(int fd, const struct network *network, int index, const char *address)
{
	struct entry_list list = { 0 };
	const struct entry *failed;
	int r = entry_list_add(&list, true, index, address, NULL);
	if (r == 0 && !has_proxy(fd, &list.items[0]))
		r = entry_list_make(fd, network, &list, &failed);
	entry_list_clear(&list);
	return r;
}

int host_remove_proxy(int fd, int index, const char *address)
{
	struct entry entry = { .is_proxy = true, .index = index };
	struct netlink_batch batch = { 0 };
	int r = parse_destination(address, strlen(address), &entry);
	if (r < 0)
		return r;
	put_entry(&batch, &entry, false);
	return netlink_send(fd, &batch, NULL);
}

void host_print_proxy(int index, const char *address, char *buffer, size_t size)
{
	struct entry entry = { 0 };
	char text[INET6_ADDRSTRLEN] = "";
	*buffer = '\0';
	if (parse_destination(address, strlen(address), &entry) < 0)
		return;
	(void)inet_ntop(entry.family, entry.address, text, sizeof(text));
	(void)snprintf(buffer, size, "%d %s/%u", index, text, entry.prefix);
}
