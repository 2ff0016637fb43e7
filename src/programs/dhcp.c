/*
 * wabe-dhcp: the DHCPv4 client of one interface of a container, run from outside; the container's root file system has no
 * part in it.
 *
 *   wabe-dhcp INIT START-TICKS LEASE INTERFACE INDEX HOSTNAME NAME [no-routes] [release]
 *
 * Goes into the network namespace of INIT (whose start time is START-TICKS), gives up all other rights, and forks: the
 * exit status tells whether the client runs. It keeps INTERFACE's address and routes as the lease says, until INIT has
 * ended or SIGTERM comes. The lease lives on, and a container that starts again gets the same address; with "release" it
 * is given back. LEASE is a file that it holds a lock on (fcntl(2)) and writes the
 * lease to. INDEX (N of lxc.net.N) and NAME (path and name of the container) make the identifier that a server knows
 * this client by. A fault is one line on standard error.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/close_range.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/text.h"
#include "kernel/pidfd.h"
#include "network/dhcp_client.h"
#include "programs/dhcp.h"

#define METRIC	   100 /* and the interface's number: the first one's default route is the preferred one */
#define BURST	   16  /* packets taken at one time */
#define BURST_MS   20  /* the pause that follows: a flood costs no processor */

struct keeper {
	struct dhcp_client client;
	struct dhcp_identity identity;
	struct dhcp_sockets sockets;
	struct dhcp_lease applied; /* address 0: none */
	uint32_t metric;	   /* 0: no routes */
	int lease_fd, init_pidfd, signal_fd;
	unsigned renewals;
	bool gives_back;
};

static int fail(int r, const char *what, const char *name)
{
	dprintf(STDERR_FILENO, "%s %s: %s\n", what, name, strerror(-r));
	return EXIT_FAILURE;
}

/* Nobody needs a client for what has ended meanwhile, as a short command may. */
static int fail_unless_ended(const struct keeper *keeper, int r, const char *what, const char *name)
{
	struct pollfd fd = { .fd = keeper->init_pidfd, .events = POLLIN };

	return poll(&fd, 1, 0) == 1 ? EXIT_SUCCESS : fail(r, what, name);
}

static uint64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* ---- the lease's file ---- */

static size_t add_line(char *buffer, size_t size, size_t length, const char *word, struct in_addr address, const char *rest)
{
	char text[INET_ADDRSTRLEN];

	if (length >= size)
		return length;
	return length + (size_t)snprintf(buffer + length, size - length, "%s %s%s\n", word,
				inet_ntop(AF_INET, &address, text, sizeof(text)), rest);
}

static void write_lease(const struct keeper *keeper)
{
	const struct dhcp_lease *lease = &keeper->applied;
	char buffer[4096], rest[64], text[INET_ADDRSTRLEN];
	size_t length = 0;

	if (lease->address.s_addr) {
		(void)snprintf(rest, sizeof(rest), "/%" PRIu32, lease->prefix);
		length = add_line(buffer, sizeof(buffer), length, "address", lease->address, rest);
		length = add_line(buffer, sizeof(buffer), length, "server", lease->server, "");
		for (size_t i = 0; i < lease->route_count; i++) {
			(void)snprintf(rest, sizeof(rest), "/%" PRIu32 " %s", lease->routes[i].prefix,
				inet_ntop(AF_INET, &lease->routes[i].gateway, text, sizeof(text)));
			length = add_line(buffer, sizeof(buffer), length, "route", lease->routes[i].destination, rest);
		}
		for (size_t i = 0; i < lease->dns_count; i++)
			length = add_line(buffer, sizeof(buffer), length, "dns", lease->dns[i], "");
		length += (size_t)snprintf(buffer + length, sizeof(buffer) - length, "seconds %" PRIu32 "\nrenewals %u\n",
			lease->seconds, keeper->renewals);
	}
	/* who reads it finds the old one, the new one, or none */
	if (ftruncate(keeper->lease_fd, 0) < 0 || pwrite(keeper->lease_fd, buffer, length, 0) < 0)
		return;
}

/* ---- the loop ---- */

static void apply(struct keeper *keeper, const struct dhcp_lease *lease)
{
	bool is_renewal = lease && lease->address.s_addr == keeper->applied.address.s_addr;

	/* a refusal (the interface is gone) leaves the lease as it is: the next renewal tries again */
	(void)dhcp_configure(&keeper->sockets, lease, &keeper->applied, keeper->metric);
	keeper->renewals = is_renewal ? keeper->renewals + 1 : 0;
	keeper->applied = lease ? *lease : (struct dhcp_lease){ 0 };
	write_lease(keeper);
}

static void carry_out(struct keeper *keeper, enum dhcp_act act)
{
	const struct dhcp_client *client = &keeper->client;
	unsigned char packet[DHCP_PACKET_SIZE];

	switch (act) {
	case DHCP_WAIT:
		break;
	case DHCP_SEND_TO_ALL: /* what can not be sent is sent again, as if it had been lost */
		(void)dhcp_send_to_all(&keeper->sockets, packet, dhcp_write_packet(packet, &keeper->identity, &client->question));
		break;
	case DHCP_SEND_TO_SERVER:
		(void)dhcp_send_to_server(&keeper->sockets, client->lease.server, packet,
			dhcp_write_message(packet, &keeper->identity, &client->question));
		break;
	case DHCP_CONFIGURE:
		apply(keeper, &client->lease);
		break;
	case DHCP_UNCONFIGURE:
		apply(keeper, NULL);
		break;
	}
}

static void take_packets(struct keeper *keeper)
{
	static unsigned char packet[2048];
	const struct timespec pause = { .tv_nsec = BURST_MS * 1000000L };
	struct dhcp_reply reply;
	bool has_checksum;

	for (int i = 0; i < BURST; i++) {
		ssize_t length = dhcp_receive(&keeper->sockets, packet, sizeof(packet), &has_checksum);
		if (length == -EAGAIN)
			return;
		if (length < 0 || dhcp_read_packet(packet, (size_t)length, has_checksum, &keeper->identity,
					  keeper->client.question.id, &reply) < 0)
			continue;
		carry_out(keeper, dhcp_client_take(&keeper->client, &reply, now_ms()));
		if (keeper->client.due_ms <= now_ms())
			return; /* there is something to say */
	}
	(void)nanosleep(&pause, NULL);
}

static int timeout_of(const struct keeper *keeper)
{
	uint64_t now = now_ms(), due = keeper->client.due_ms;

	if (due == UINT64_MAX)
		return -1;
	return due <= now ? 0 : due - now > 3600000 ? 3600000 : (int)(due - now);
}

/* Until the container or the order to stop ends it. */
static void keep_lease(struct keeper *keeper)
{
	struct pollfd fds[] = { { .fd = keeper->init_pidfd, .events = POLLIN }, { .fd = keeper->signal_fd, .events = POLLIN },
		{ .events = POLLIN } };

	for (;;) {
		/* what nobody asked for stays in the kernel's buffer */
		fds[2].fd = dhcp_client_listens(&keeper->client) ? keeper->sockets.packet_fd : -1;
		if (poll(fds, 3, timeout_of(keeper)) < 0 && errno != EINTR)
			return;
		if (fds[0].revents || fds[1].revents)
			return;
		if (fds[2].fd >= 0 && fds[2].revents)
			take_packets(keeper);
		if (keeper->client.due_ms <= now_ms())
			carry_out(keeper, dhcp_client_tick(&keeper->client, now_ms()));
	}
}

static void give_back(struct keeper *keeper)
{
	unsigned char message[DHCP_MESSAGE_SIZE];

	if (keeper->gives_back && dhcp_client_release(&keeper->client))
		(void)dhcp_send_to_server(&keeper->sockets, keeper->client.lease.server, message,
			dhcp_write_message(message, &keeper->identity, &keeper->client.question));
}

/* ---- the start ---- */

/* RFC 4361: what an interface of this container on this machine is called. */
static void fill_client_id(struct dhcp_identity *identity, uint32_t index, const char *name)
{
	auto_free char *machine = NULL, *text = NULL;
	unsigned char *at = identity->client_id;
	uint64_t hashes[2];
	size_t length;

	if (file_read(-1, "/etc/machine-id", 4096, &machine, &length) < 0 || length == 0)
		length = 0;
	if (text_format(&text, "%s %s", length ? machine : "", name) < 0)
		return;
	hashes[0] = hash_fnv1a64(text, strlen(text));
	*text ^= 1;
	hashes[1] = hash_fnv1a64(text, strlen(text));
	*at++ = 255;
	memcpy(at, &(uint32_t){ htonl(index) }, 4);
	memcpy(at + 4, &(uint16_t){ htons(4) }, 2); /* a UUID: RFC 6355 */
	memcpy(at + 6, hashes, sizeof(hashes));
}

/* A server may make a name of the DNS of it. */
static void fill_hostname(struct dhcp_identity *identity, const char *hostname)
{
	size_t length = strspn(hostname, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.");

	if (!hostname[length] && length < sizeof(identity->hostname))
		memcpy(identity->hostname, hostname, length + 1);
}

static int open_init(const char *pid_text, const char *ticks_text, pid_t *ret_pid)
{
	uint32_t pid;
	uint64_t ticks = strtoull(ticks_text, NULL, 10), found;

	if (text_to_u32(pid_text, &pid) < 0)
		return -EINVAL;
	int fd = process_pidfd((pid_t)pid);
	if (fd < 0)
		return fd;
	if (process_start_ticks((pid_t)pid, &found) < 0 || found != ticks) {
		close(fd);
		return -ESRCH; /* it has ended, and another one has its number */
	}
	*ret_pid = (pid_t)pid;
	return fd;
}

static int open_signals(void)
{
	sigset_t set;

	sigfillset(&set);
	if (sigprocmask(SIG_SETMASK, &set, NULL) < 0)
		return -errno;
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	int fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return fd < 0 ? -errno : fd;
}

/* In the child: 0 once all is in place. It ends here when another client has the lock. */
static int settle(struct keeper *keeper, int null_fd, bool is_root)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };

	(void)setsid();
	for (int fd = 0; fd <= STDERR_FILENO; fd++)
		if (dup2(null_fd, fd) < 0)
			return -errno;
	close(null_fd);
	if (fcntl(keeper->lease_fd, F_SETLK, &lock) < 0)
		_exit(EXIT_SUCCESS);
	return dhcp_shed_rights(is_root);
}

/* Returns in the child; the parent ends once the child has settled, and tells how that went. */
static int enter_background(struct keeper *keeper, bool is_root)
{
	int pair[2], r = 0, null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (null_fd < 0 || pipe2(pair, O_CLOEXEC) < 0)
		return -errno;
	pid_t pid = fork();
	if (pid < 0)
		return -errno;
	if (pid > 0) {
		close(pair[1]);
		if (read(pair[0], &r, sizeof(r)) < 0) /* nothing: it found another client at work */
			r = -errno;
		_exit(r < 0 ? fail(r, "give up the rights of", "the DHCP client") : EXIT_SUCCESS);
	}
	close(pair[0]);
	r = settle(keeper, null_fd, is_root);
	if (write(pair[1], &r, sizeof(r)) != sizeof(r) || r < 0)
		_exit(EXIT_FAILURE);
	close(pair[1]);
	return 0;
}

int main(int argc, char **argv)
{
	struct keeper keeper = { 0 };
	uint32_t index;
	pid_t init_pid;
	bool is_root;

	if (argc < 8 || text_to_u32(argv[5], &index) < 0) {
		dprintf(STDERR_FILENO, "usage: wabe-dhcp INIT START-TICKS LEASE INTERFACE INDEX HOSTNAME NAME [no-routes] [release]\n");
		return EXIT_FAILURE;
	}
	const char *interface = argv[4];
	(void)close_range(STDERR_FILENO + 1, ~0U, 0); /* what a caller left open */
	keeper.metric = METRIC + index;
	for (int i = 8; i < argc; i++) {
		if (strcmp(argv[i], "no-routes") == 0)
			keeper.metric = 0;
		else if (strcmp(argv[i], "release") == 0)
			keeper.gives_back = true;
	}
	fill_client_id(&keeper.identity, index, argv[7]);
	fill_hostname(&keeper.identity, argv[6]);
	keeper.init_pidfd = open_init(argv[1], argv[2], &init_pid);
	if (keeper.init_pidfd == -ESRCH)
		return EXIT_SUCCESS;
	if (keeper.init_pidfd < 0)
		return fail(keeper.init_pidfd, "look for process", argv[1]);
	keeper.lease_fd = open(argv[3], O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (keeper.lease_fd < 0)
		return fail(-errno, "open", argv[3]);
	keeper.signal_fd = open_signals();
	if (keeper.signal_fd < 0)
		return fail(keeper.signal_fd, "take signals for", interface);
	int r = dhcp_join(init_pid, &is_root);
	if (r < 0)
		return fail_unless_ended(&keeper, r, "enter the network namespace of", argv[1]);
	r = dhcp_sockets_open(interface, &keeper.sockets, keeper.identity.hwaddr);
	if (r < 0)
		return fail_unless_ended(&keeper, r, "open sockets for DHCP on", interface);
	r = enter_background(&keeper, is_root);
	if (r < 0)
		return fail(r, "go into the background for", interface);
	dhcp_client_init(&keeper.client, now_ms());
	keep_lease(&keeper);
	give_back(&keeper);
	return EXIT_SUCCESS;
}
