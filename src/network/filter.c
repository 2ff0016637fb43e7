#include "network/filter.h"

#include "base/cleanup.h"
#include "network/filter_rules.h"

#include <errno.h>
#include <linux/if_ether.h>
#include <linux/netfilter/nf_tables.h>
#include <string.h>
#include <time.h>

#define INGRESS_PRIORITY -500 /* before what others have there */
#define TRIES		 8
#define OWNER_WAITS	 30
#define OWNER_WAIT_MS	 10

static const char *name_of(enum filter_set set)
{
	return filter_sets[set].name;
}

/* Keys of the sets: the device's number, as the kernel has it in memory, and the address. */
struct key {
	uint32_t index;
	unsigned char address[16];
};

static struct key key_of(int index, const void *address, size_t size)
{
	struct key key = { .index = (uint32_t)index };
	memcpy(key.address, address, size);
	return key;
}

static enum filter_set own_set(int family)
{
	return family == AF_INET ? FILTER_OWN4 : FILTER_OWN6;
}

static enum filter_set all_set(int family)
{
	return family == AF_INET ? FILTER_ALL4 : FILTER_ALL6;
}

static enum filter_set closed_set(int family)
{
	return family == AF_INET ? FILTER_CLOSED4 : FILTER_CLOSED6;
}

static bool is_closed(const struct filter_device *device)
{
	return !device->is_port && !device->allows_peers;
}

static void add(struct netlink_batch *batch, enum filter_set set, const void *key)
{
	nft_add_element(batch, FILTER_TABLE, name_of(set), key, filter_sets[set].key_length);
}

static void delete(struct netlink_batch *batch, enum filter_set set, const void *key)
{
	nft_delete_element(batch, FILTER_TABLE, name_of(set), key, filter_sets[set].key_length);
}

/* How many messages put_address makes. */
static uint32_t address_messages(const struct filter_device *device)
{
	return device->is_port ? 1 : is_closed(device) ? 3 : 2;
}

/* A venet's address is nobody else's; on bridges two may have the same, if those are two networks. */
static void put_address(struct netlink_batch *batch, const struct filter_device *device, const struct filter_address *address)
{
	struct key key = key_of(device->index, address->binary, sizeof(address->binary));
	if (!device->is_port)
		add(batch, all_set(address->family), address->binary);
	if (is_closed(device))
		add(batch, closed_set(address->family), address->binary);
	add(batch, own_set(address->family), &key);
}

static void put_hwaddr(struct netlink_batch *batch, const struct filter_device *device)
{
	struct key key = key_of(device->index, device->hwaddr, ETH_ALEN);
	add(batch, FILTER_HWADDRS, &key);
	key.address[0] |= 1; /* as the guard leaves it */
	add(batch, FILTER_HWADDRS, &key);
}

static void chain_name(const char *device, char *buffer, size_t size)
{
	(void)snprintf(buffer, size, "in-%s", device);
}

static void put_device(struct netlink_batch *batch, const struct filter_device *device)
{
	char chain[IFNAMSIZ + 4];
	size_t place;
	chain_name(device->name, chain, sizeof(chain));
	add(batch, FILTER_LINKS, &device->index);
	if (is_closed(device))
		add(batch, FILTER_CLOSED_LINKS, &device->index);
	if (device->is_port)
		put_hwaddr(batch, device);
	nft_add_ingress(batch, FILTER_TABLE, chain, device->name, INGRESS_PRIORITY);
	nft_begin_rule(batch, FILTER_TABLE, chain, &place);
	nft_verdict(batch, NFT_GOTO, device->is_port ? FILTER_PORT : is_closed(device) ? FILTER_CLOSED : FILTER_OPEN);
	nft_end_rule(batch, place);
}

static int send_device(int fd, const struct filter_device *device, const struct filter_address *addresses, size_t count,
	bool has_table, uint32_t *ret_address)
{
	struct netlink_batch batch = { 0 };
	uint32_t failed = 0, each = address_messages(device);
	nft_begin(&batch, 0);
	if (!has_table)
		filter_put_table(&batch);
	uint32_t first = batch.count;
	for (size_t i = 0; i < count; i++)
		put_address(&batch, device, &addresses[i]);
	uint32_t last = batch.count;
	put_device(&batch, device);
	nft_end(&batch);
	int r = netlink_send(fd, &batch, &failed);
	bool is_address = r == -EEXIST && failed > first && failed <= last;
	*ret_address = is_address ? (failed - first + each - 1) / each : 0;
	return r;
}

/* ---- looking into the sets ---- */

struct search {
	const struct filter_address *address; /* NULL: any */
	uint32_t index;			      /* 0: any; of what was found */
	enum filter_set set;
	struct netlink_batch *batch; /* what was found is to be deleted; NULL: only looked for */
	bool is_port, is_closed;     /* in which other sets its addresses stand */
	size_t found, others;
};

static void delete_address(const struct search *search, const struct key *key)
{
	int family = search->set == FILTER_OWN4 ? AF_INET : AF_INET6;
	if (!search->is_port)
		delete(search->batch, all_set(family), key->address);
	if (search->is_closed)
		delete(search->batch, closed_set(family), key->address);
}

static void visit(const void *data, size_t length, void *user)
{
	struct search *search = user;
	struct key key = { 0 };
	if (length > sizeof(key))
		return;
	memcpy(&key, data, length);
	if ((search->index && key.index != search->index) ||
		(search->address && memcmp(key.address, search->address->binary, length - 4) != 0)) {
		search->others++;
		return;
	}
	search->found++;
	if (!search->batch) {
		search->index = key.index;
		return;
	}
	delete(search->batch, search->set, data);
	if (search->set == FILTER_OWN4 || search->set == FILTER_OWN6)
		delete_address(search, &key);
}

static int look(int fd, struct search *search, enum filter_set set)
{
	search->set = set;
	int r = nft_visit_elements(fd, FILTER_TABLE, name_of(set), visit, search);
	return r == -ENOENT ? 0 : r;
}

/* The device that has a venet's address; 0: none. */
static int owner_of(int fd, const struct filter_address *address)
{
	struct search search = { .address = address };
	return look(fd, &search, own_set(address->family)) == 0 && search.found ? (int)search.index : 0;
}

/* ---- making ---- */

/*
 * The addresses of a container that was killed with its supervisor, before anybody has looked. The kernel takes the device
 * down some time after the last process.
 */
static bool remove_dead_owner(int fd, const struct filter_address *address)
{
	char name[IFNAMSIZ];
	struct timespec pause = { .tv_nsec = OWNER_WAIT_MS * 1000000L };
	int owner = owner_of(fd, address);
	for (int wait = 0; owner > 0 && if_indextoname((unsigned)owner, name); wait++) {
		if (wait == OWNER_WAITS)
			return false;
		(void)nanosleep(&pause, NULL); /* a signal makes it shorter */
	}
	return owner == 0 || filter_remove(owner, "") == 0;
}

int filter_create(const struct filter_device *device, const struct filter_address *addresses, size_t count,
	size_t *ret_taken)
{
	auto_close int fd = nft_open();
	uint32_t taken = 0;
	bool has_table = true;
	int r = fd;
	for (int try = 0; fd >= 0 && try < TRIES; try++) {
		r = send_device(fd, device, addresses, count, has_table, &taken);
		if (r == -EEXIST && taken > 0) {
			*ret_taken = taken - 1;
			if (!remove_dead_owner(fd, &addresses[taken - 1]))
				return r;
		} else if (r == -ENOENT && has_table) {
			has_table = false;
		} else if (r == -EEXIST && !has_table) {
			has_table = true; /* another start was faster */
		} else {
			return r;
		}
	}
	return r;
}

bool filter_is_there(const struct filter_device *device)
{
	auto_close int fd = nft_open();
	return fd >= 0 && nft_find_element(fd, FILTER_TABLE, name_of(FILTER_LINKS), &device->index, 4) == 0;
}

bool filter_has_address(const struct filter_device *device, const struct filter_address *address)
{
	auto_close int fd = nft_open();
	uint32_t size = address->family == AF_INET ? 4 : 16;
	struct key key = key_of(device->index, address->binary, size);
	return fd >= 0 && nft_find_element(fd, FILTER_TABLE, name_of(own_set(address->family)), &key, 4 + size) == 0;
}

int filter_add_address(const struct filter_device *device, const struct filter_address *address)
{
	auto_close int fd = nft_open();
	int r = fd;
	for (int try = 0; fd >= 0 && try < 2; try++) {
		struct netlink_batch batch = { 0 };
		nft_begin(&batch, 0);
		put_address(&batch, device, address);
		nft_end(&batch);
		r = netlink_send(fd, &batch, NULL);
		if (r != -EEXIST || !remove_dead_owner(fd, address))
			break;
	}
	return r;
}

int filter_remove_address(const struct filter_device *device, const struct filter_address *address)
{
	auto_close int fd = nft_open();
	struct netlink_batch batch = { 0 };
	struct key key = key_of(device->index, address->binary, sizeof(address->binary));
	if (fd < 0)
		return fd;
	nft_begin(&batch, 0);
	delete(&batch, own_set(address->family), &key);
	if (!device->is_port)
		delete(&batch, all_set(address->family), address->binary);
	if (is_closed(device))
		delete(&batch, closed_set(address->family), address->binary);
	nft_end(&batch);
	return netlink_send(fd, &batch, NULL);
}

/* ---- the way back ---- */

/* Messages that take the device's elements away; *ret_found: how many, *ret_others: devices besides it. */
static int put_removal(int fd, int index, struct netlink_batch *batch, size_t *ret_found, size_t *ret_others)
{
	struct search search = { .index = (uint32_t)index, .batch = batch };
	int r = look(fd, &search, FILTER_HWADDRS);
	search.is_port = search.found > 0;
	size_t before = search.found;
	r = r ?: look(fd, &search, FILTER_CLOSED_LINKS);
	search.is_closed = search.found > before;
	r = r ?: look(fd, &search, FILTER_OWN4);
	r = r ?: look(fd, &search, FILTER_OWN6);
	search.others = 0;
	r = r ?: look(fd, &search, FILTER_LINKS);
	*ret_found = search.found;
	*ret_others = search.others;
	return r;
}

static void put_chain_removal(struct netlink_batch *batch, const char *name)
{
	char chain[IFNAMSIZ + 4];
	chain_name(name, chain, sizeof(chain));
	nft_delete_chain(batch, FILTER_TABLE, chain);
}

/*
 * Elements first, then the chain: see nft_open_events. With the last device the table, if nobody has added one since we
 * looked. Looks again until there is nothing. The chain of a device that has gone is away already in kernels that do not
 * wait for it to come back.
 */
int filter_remove(int index, const char *name)
{
	auto_close int fd = nft_open();
	uint32_t generation = 0;
	bool has_chain = *name;
	int r = fd < 0 ? fd : 0;
	for (int try = 0; r == 0 && try < TRIES; try++) {
		struct netlink_batch batch = { 0 };
		size_t found = 0, others = 0;
		r = nft_generation(fd, &generation);
		nft_begin(&batch, 0);
		r = r ?: put_removal(fd, index, &batch, &found, &others);
		if (r == 0 && others == 0) {
			netlink_clear(&batch);
			nft_begin(&batch, generation);
			nft_delete_table(&batch, FILTER_TABLE);
		} else if (has_chain) {
			put_chain_removal(&batch, name);
		}
		nft_end(&batch);
		bool is_last = others == 0, is_done = !is_last && found == 0 && !has_chain;
		r = r ?: is_done ? 0 : netlink_send(fd, &batch, NULL);
		netlink_clear(&batch);
		if (is_done || (is_last && (r == 0 || r == -ENOENT)))
			return 0;
		has_chain = has_chain && r != 0 && r != -ENOENT;
		r = r == -ERESTART || r == -ENOENT ? 0 : r; /* others have changed it meanwhile */
	}
	return r;
}
