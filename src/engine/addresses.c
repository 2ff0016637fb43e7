/* Addresses of running containers: a venet's come and go, and a filter that is away is made again. */
#include "base/cleanup.h"
#include "base/journal.h"
#include "engine/addresses.h"
#include "engine/resources.h"
#include "engine/running.h"
#include "kernel/namespace.h"
#include "network/network.h"

#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>

/* The first one made is the last that is read. */
static int take_filter(const char *kind, const char *argument, void *data)
{
	if (strcmp(kind, RESOURCE_FILTER) == 0)
		(void)snprintf(data, 80, "%s", argument);
	return 0;
}

static int add_line(void *data, const char *kind, const char *argument)
{
	return journal_add(*(const int *)data, kind, argument);
}

static int read_filter(int run_fd, char filter[80])
{
	auto_close int fd = openat(run_fd, "journal", O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	*filter = '\0';
	return fd < 0 ? -errno : journal_read_backwards(fd, take_filter, filter);
}

static int change(const struct running *running, const char *address, bool adds, struct error *err)
{
	char filter[80], proxy[80];
	int r = read_filter(running->dir.fd, filter);
	auto_close int netns_fd = namespace_open(running->init_pid, NAMESPACE_NET);
	auto_close int journal_fd = journal_open(running->dir.fd, "journal");
	r = r < 0 ? r : netns_fd < 0 ? netns_fd : journal_fd < 0 ? journal_fd : 0;
	if (r < 0)
		return error_set(err, r, "look at the container's network");
	if (adds)
		return network_add_address(running->spec, filter, netns_fd, add_line, &journal_fd, address, err);
	r = network_remove_address(running->spec, filter, netns_fd, address, proxy, sizeof(proxy), err);
	if (r == 0)
		(void)journal_strike(running->dir.fd, "journal", RESOURCE_PROXY, proxy); /* the uplink may have none */
	return r;
}

static int load_and_change(const struct container_id *id, const char *address, bool adds, struct error *err)
{
	struct running running = { 0 };
	int r = container_load(id, RUNNING_SPEC, &running, err);
	if (r < 0)
		return r;
	r = change(&running, address, adds, err);
	running_clear(&running);
	return r;
}

int engine_add_address(const struct container_id *id, const char *address, struct error *err)
{
	return load_and_change(id, address, true, err);
}

int engine_remove_address(const struct container_id *id, const char *address, struct error *err)
{
	return load_and_change(id, address, false, err);
}

/* ---- the supervisor ---- */

static int restore_filter(const char *kind, const char *argument, void *data)
{
	const struct start *start = data;
	struct error err;
	int r = strcmp(kind, RESOURCE_FILTER) == 0 ? network_restore_filter(start->spec, argument, &err) : 0;
	if (r < 0)
		log_error(start->log, "%s", err.what);
	else if (r > 0)
		log_warn(start->log, "the filter of interface %s was deleted, and is made again", argument);
	return 0;
}

void addresses_restore_filters(struct start *start)
{
	auto_close int fd = openat(start->dir.fd, "journal", O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd >= 0)
		(void)journal_read_backwards(fd, restore_filter, start);
}

void addresses_serve(struct start *start, int events_fd)
{
	char buffer[8192];
	while (recv(events_fd, buffer, sizeof(buffer), 0) > 0 || errno == ENOBUFS || errno == EINTR)
		;
	addresses_restore_filters(start);
}
