/* What a running container has and uses: network and counters. */
#include "base/cleanup.h"
#include "base/journal.h"
#include "engine/resources.h"
#include "engine/running.h"
#include "kernel/namespace.h"
#include "network/network.h"

#include <fcntl.h>
#include <string.h>

/* An fd of the container's network namespace. */
static int open_network(const struct container_id *id, struct error *err)
{
	struct running running = { 0 };
	int r = container_load(id, 0, &running, err);
	if (r < 0)
		return r;
	int fd = namespace_open(running.init_pid, NAMESPACE_NET);
	running_clear(&running);
	return fd < 0 ? error_set(err, fd, "open the network namespace of %s", id->name) : fd;
}

int engine_interfaces(const struct container_id *id, struct string_list *ret_names, struct error *err)
{
	auto_close int fd = open_network(id, err);
	return fd < 0 ? fd : network_interfaces(fd, ret_names, err);
}

int engine_addresses(const struct container_id *id, const char *interface, const char *family, int scope,
	struct string_list *ret_addresses, struct error *err)
{
	auto_close int fd = open_network(id, err);
	return fd < 0 ? fd : network_addresses(fd, interface, family, scope, ret_addresses, err);
}

int engine_attach_interface(const struct container_id *id, const char *host_name, const char *inside_name,
	struct error *err)
{
	auto_close int fd = open_network(id, err);
	return fd < 0 ? fd : network_attach_interface(fd, host_name, inside_name, err);
}

int engine_detach_interface(const struct container_id *id, const char *inside_name, const char *host_name,
	struct error *err)
{
	auto_close int fd = open_network(id, err);
	return fd < 0 ? fd : network_detach_interface(fd, inside_name, host_name, err);
}

int engine_stats(const struct container_id *id, struct engine_stats *ret_stats, struct error *err)
{
	struct running running = { 0 };
	struct cgroup_stats stats;
	int r = container_load(id, RUNNING_CGROUPS, &running, err);
	if (r < 0)
		return r;
	cgroup_stats(&running.cgroups, &stats);
	running_clear(&running);
	*ret_stats = (struct engine_stats){ stats.memory_bytes, stats.kernel_memory_bytes, stats.cpu_ns,
		stats.block_io_bytes, stats.oom_kills, stats.memory_limit_hits, stats.pids };
	return 0;
}

struct link_list {
	struct engine_link *links;
	size_t count, max;
};

static int take_link(const char *kind, const char *argument, void *data)
{
	struct link_list *list = data;
	bool is_of_user = strcmp(kind, RESOURCE_NIC) == 0; /* "NAME BRIDGE" */
	if ((!is_of_user && strcmp(kind, RESOURCE_LINK) != 0) || list->count == list->max)
		return 0;
	struct engine_link *link = &list->links[list->count];
	(void)snprintf(link->host_name, sizeof(link->host_name), "%.*s", (int)strcspn(argument, " "), argument);
	if (network_link_stats(link->host_name, &link->rx_bytes, &link->tx_bytes) == 0)
		list->count++;
	return 0;
}

int engine_links(const struct container_id *id, struct engine_link *links, size_t max, struct error *err)
{
	struct running running = { 0 };
	struct link_list list = { .links = links, .max = max };
	int r = container_load(id, 0, &running, err);
	if (r < 0)
		return r;
	auto_close int fd = openat(running.dir.fd, "journal", O_RDONLY | O_CLOEXEC);
	running_clear(&running);
	if (fd < 0)
		return error_set(err, errno, "open the journal of %s", id->name);
	r = journal_read_backwards(fd, take_link, &list);
	return r < 0 ? error_set(err, r, "read the journal of %s", id->name) : (int)list.count;
}

/* "NAME INDEX ...", see network.h */
static int take_lent(const char *kind, const char *argument, void *data)
{
	struct lent_list *list = data;
	int index;
	if (strcmp(kind, RESOURCE_PHYS) != 0 || sscanf(argument, "%*s %d", &index) != 1)
		return 0;
	int *item = vector_add(list);
	if (!item)
		return -ENOMEM;
	*item = index;
	return 0;
}

int engine_network_use(const struct container_id *id, bool totals_only, struct link_use_list *ret_list, struct error *err)
{
	struct running running = { 0 };
	struct lent_list lent = { 0 };
	int r = container_load(id, 0, &running, err);
	if (r < 0)
		return r;
	auto_close int netns_fd = namespace_open(running.init_pid, NAMESPACE_NET);
	auto_close int journal_fd = openat(running.dir.fd, "journal", O_RDONLY | O_CLOEXEC);
	running_clear(&running);
	if (journal_fd >= 0) /* without one only some lent devices are missed */
		(void)journal_read_backwards(journal_fd, take_lent, &lent);
	r = netns_fd < 0 ? error_set(err, netns_fd, "open the network namespace of %s", id->name) :
			   network_use(netns_fd, &lent, totals_only, ret_list, err);
	free(lent.items);
	return r;
}

/* The place that lxc.net.INDEX has among the interfaces with a host side, or -1. */
static int place_of(const struct spec *spec, uint32_t index)
{
	int place = 0;
	vector_for_each (link, &spec->network.links) {
		if (!spec_link_has_host_side(link))
			continue;
		if (link->index == index)
			return place;
		place++;
	}
	return -1;
}

static int take_host_name(const char *kind, const char *argument, void *data)
{
	return strcmp(kind, RESOURCE_LINK) == 0 ? string_list_add(data, argument) : 0;
}

int engine_set_rate(const struct container_id *id, uint32_t index, const struct link_rate *rate, struct error *err)
{
	struct running running = { 0 };
	struct string_list names = { 0 };
	int r = container_load(id, RUNNING_SPEC, &running, err);
	if (r < 0)
		return r;
	int place = place_of(running.spec, index);
	auto_close int fd = openat(running.dir.fd, "journal", O_RDONLY | O_CLOEXEC);
	r = fd < 0 ? -errno : journal_read_backwards(fd, take_host_name, &names);
	running_clear(&running);
	if (r < 0) {
		r = error_set(err, r, "read the journal of %s", id->name);
	} else if (place < 0 || (size_t)place >= names.count) {
		(void)error_set(err, 0, "lxc.net.%u of %s has no side on the host", index, id->name);
		r = error_hint(err, "rates are for interfaces of types veth and venet") ?: -ENODEV;
	} else {
		/* the journal gives the last first */
		r = network_set_rate(names.items[names.count - 1 - (size_t)place], rate, err);
	}
	string_list_clear(&names);
	return r;
}
