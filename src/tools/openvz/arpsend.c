/*
 * arpsend: looks for neighbours that have an address (-D), or tells all of them that it is here (-U). ndsend: the second for
 * IPv6. vzifup-post: the second for all addresses of the running containers, when a device has come up. Options and exit
 * statuses are OpenVZ's.
 */
#include "tools/openvz/vzlist.h"

#include "base/cleanup.h"
#include "base/text.h"
#include "kernel/netlink.h"
#include "network/announce.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <getopt.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>

#define REQUEST 1
#define REPLY	2

enum { EXIT_USAGE = 1, EXIT_SYSTEM = 2, EXIT_ANSWERED = 3 };

struct packet {
	uint16_t hardware, protocol;
	unsigned char hardware_length, protocol_length;
	uint16_t operation;
	unsigned char sender_hwaddr[6], sender[4], target_hwaddr[6], target[4];
} __attribute__((packed));

struct arpsend {
	const char *device;
	int index;
	unsigned char hwaddr[6];
	bool is_detection, is_update;
	struct in_addr source;
	struct string_list targets; /* -e, of IPv4 */
	struct string_list ipv6;
	uint32_t count; /* 0: without end */
	double interval_s;
};

static int fault(int status, const char *what, const char *object)
{
	fprintf(stderr, "arpsend: %s %s: %s\n", what, object, strerror(errno));
	return status;
}

/* ---- the device ---- */

static int open_device(const char *program, const char *name, int *ret_index, unsigned char ret_hwaddr[6])
{
	struct ifreq request = { 0 };
	auto_close int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	auto_close int netlink_fd = netlink_open();
	if (strlen(name) >= IFNAMSIZ || fd < 0 || netlink_fd < 0 || !(*ret_index = (int)if_nametoindex(name))) {
		fprintf(stderr, "%s: there is no device %s\n", program, name);
		return -ENODEV;
	}
	(void)strcpy(request.ifr_name, name);
	if (ioctl(fd, SIOCGIFFLAGS, &request) < 0 || !(request.ifr_flags & IFF_UP) || request.ifr_flags & (IFF_LOOPBACK | IFF_NOARP) ||
		netlink_hwaddr(netlink_fd, name, ret_hwaddr) < 0) {
		fprintf(stderr, "%s: %s is down, or knows no ARP\n", program, name);
		return -EOPNOTSUPP;
	}
	return 0;
}

/* ---- packets ---- */

/* A probe has no sender: nobody's table changes by it (RFC 5227). */
static int send_request(const struct arpsend *job, int fd, struct in_addr sender, struct in_addr target)
{
	struct packet packet = { htons(1), htons(ETH_P_IP), 6, 4, htons(REQUEST), { 0 }, { 0 }, { 0 }, { 0 } };
	struct sockaddr_ll address = { .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ARP), .sll_ifindex = job->index, .sll_halen = 6 };
	memset(address.sll_addr, 0xff, 6);
	memcpy(packet.sender_hwaddr, job->hwaddr, 6);
	memcpy(packet.sender, &sender, 4);
	memcpy(packet.target, &target, 4);
	ssize_t sent = sendto(fd, &packet, sizeof(packet), 0, (const struct sockaddr *)&address, sizeof(address));
	return sent < 0 ? fault(EXIT_SYSTEM, "send on", job->device) : 0;
}

static bool is_target(const struct arpsend *job, const char *text)
{
	for (size_t i = 0; i < job->targets.count; i++)
		if (strcmp(job->targets.items[i], text) == 0)
			return true;
	return false;
}

/* One packet; true: somebody else has one of the addresses. */
static bool read_answer(const struct arpsend *job, int fd)
{
	struct packet packet;
	char address[INET_ADDRSTRLEN];
	const unsigned char *m = packet.sender_hwaddr;
	if (recv(fd, &packet, sizeof(packet), MSG_DONTWAIT) != (ssize_t)sizeof(packet) || packet.protocol != htons(ETH_P_IP) ||
		memcmp(packet.sender_hwaddr, job->hwaddr, 6) == 0 || !inet_ntop(AF_INET, packet.sender, address, sizeof(address)))
		return false;
	if ((packet.operation != htons(REPLY) && packet.operation != htons(REQUEST)) || !is_target(job, address))
		return false;
	printf("%s is detected on another computer : %02x:%02x:%02x:%02x:%02x:%02x\n", address, m[0], m[1], m[2], m[3], m[4], m[5]);
	return true;
}

static int64_t now_ms(void)
{
	struct timespec now;
	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static bool wait_answer(const struct arpsend *job, int fd)
{
	int64_t end = now_ms() + (int64_t)(job->interval_s * 1000);
	for (int64_t left; (left = end - now_ms()) > 0;) {
		struct pollfd item = { .fd = fd, .events = POLLIN };
		if (poll(&item, 1, (int)left) > 0 && job->is_detection && read_answer(job, fd))
			return true;
	}
	return false;
}

static int send_round(const struct arpsend *job, int fd)
{
	int status = 0;
	for (size_t i = 0; i < job->ipv6.count; i++)
		announce_address(job->index, job->ipv6.items[i]);
	if (job->is_update)
		return job->source.s_addr ? send_request(job, fd, job->source, job->source) : 0;
	for (size_t i = 0; status == 0 && i < job->targets.count; i++) {
		struct in_addr target;
		(void)inet_pton(AF_INET, job->targets.items[i], &target); /* it was one when it was given */
		status = send_request(job, fd, job->source, target);
	}
	return status;
}

static int run(const struct arpsend *job)
{
	auto_close int fd = socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC, htons(ETH_P_ARP));
	struct sockaddr_ll address = { .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ARP), .sll_ifindex = job->index };
	if (fd < 0 || bind(fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
		return fault(EXIT_SYSTEM, "open", job->device);
	for (uint32_t i = 0; job->count == 0 || i < job->count; i++) {
		int status = send_round(job, fd);
		if (status != 0)
			return status;
		bool is_last = job->count && i + 1 == job->count;
		if ((!is_last || job->is_detection) && wait_answer(job, fd))
			return EXIT_ANSWERED;
	}
	return 0;
}

/* ---- the command ---- */

static int usage(FILE *out)
{
	fputs("Usage: arpsend -U -i ADDRESS [-c COUNT] [-w SECONDS] DEVICE\n"
	      "       arpsend -D -e ADDRESS [-e ADDRESS]... [-i ADDRESS] [-c COUNT] [-w SECONDS] DEVICE\n"
	      "  -U  tell the neighbours that ADDRESS is here\n"
	      "  -D  look for neighbours that have ADDRESS: exit status 3 if there is one\n"
	      "  -c  how many times (without end), -w  how long between two (1)\n",
		out);
	return out == stdout ? 0 : EXIT_USAGE;
}

static bool take_address(struct arpsend *job, int key, const char *text)
{
	struct in6_addr ipv6;
	struct in_addr ipv4;
	if (inet_pton(AF_INET6, text, &ipv6) == 1) /* of that sort only the announcement is meant */
		return string_list_add(&job->ipv6, text) == 0;
	if (inet_pton(AF_INET, text, &ipv4) != 1)
		return false;
	if (key == 'e')
		return string_list_add(&job->targets, text) == 0;
	job->source = ipv4;
	return true;
}

static bool take_seconds(const char *text, double *ret)
{
	char *end;
	*ret = strtod(text, &end);
	return end != text && *end == '\0' && *ret >= 0 && *ret < 1000000;
}

static int parse(int argc, char **argv, struct arpsend *job)
{
	bool is_good = true;
	if (argc == 2 && strcmp(argv[1], "--help") == 0)
		return usage(stdout) - 1; /* below 0: nothing to do */
	for (int key; is_good && (key = getopt(argc, argv, "UDc:w:i:e:v")) >= 0;) {
		if (key == 'U')
			job->is_update = true;
		else if (key == 'D')
			job->is_detection = true;
		else if (key == 'c')
			is_good = text_to_u32(optarg, &job->count) == 0;
		else if (key == 'w')
			is_good = take_seconds(optarg, &job->interval_s);
		else if (key == 'i' || key == 'e')
			is_good = take_address(job, key, optarg);
		else
			is_good = key == 'v';
	}
	is_good = is_good && optind == argc - 1 && job->is_update != job->is_detection;
	is_good = is_good && (job->is_update ? job->source.s_addr || job->ipv6.count : job->targets.count || job->ipv6.count);
	if (!is_good)
		return usage(stderr);
	job->device = argv[optind];
	return 0;
}

int arpsend_main(int argc, char **argv)
{
	struct arpsend job = { .interval_s = 1 };
	int status = parse(argc, argv, &job);
	if (status == 0)
		status = open_device("arpsend", job.device, &job.index, job.hwaddr) < 0 ? EXIT_SYSTEM : run(&job);
	string_list_clear(&job.targets);
	string_list_clear(&job.ipv6);
	return status < 0 ? 0 : status;
}

int ndsend_main(int argc, char **argv)
{
	unsigned char hwaddr[6];
	struct in6_addr address;
	int index;
	bool is_asked = argc == 2 && strcmp(argv[1], "--help") == 0;
	if (argc != 3 || inet_pton(AF_INET6, argv[1], &address) != 1) {
		fputs("Usage: ndsend ADDRESS DEVICE\nTells the neighbours that the IPv6 address is here.\n", is_asked ? stdout : stderr);
		return is_asked ? 0 : EXIT_USAGE;
	}
	if (open_device("ndsend", argv[2], &index, hwaddr) < 0)
		return EXIT_SYSTEM;
	announce_address(index, argv[1]);
	return 0;
}

int vzifup_post_main(int argc, char **argv)
{
	struct string_list running = { 0 }, addresses = { 0 };
	unsigned char hwaddr[6];
	char directory[512];
	int index;
	bool is_asked = argc == 2 && strcmp(argv[1], "--help") == 0;
	if (argc != 2 || is_asked) {
		fputs("Usage: vzifup-post DEVICE\nTells the neighbours on DEVICE which addresses the running containers have.\n",
			is_asked ? stdout : stderr);
		return is_asked ? 0 : EXIT_USAGE;
	}
	if (open_device("vzifup-post", argv[1], &index, hwaddr) < 0 || vl_running(&running) < 0)
		return EXIT_SYSTEM;
	vz_conf_directory(directory, sizeof(directory));
	for (size_t i = 0; i < running.count; i++) {
		struct container_id id = { .dialect = VZ_DIALECT, .base_path = directory, .name = running.items[i] };
		(void)engine_addresses(&id, NULL, NULL, 0, &addresses, NULL); /* one that has ended meanwhile has none */
	}
	for (size_t i = 0; i < addresses.count; i++)
		announce_address(index, addresses.items[i]);
	string_list_clear(&addresses);
	string_list_clear(&running);
	return 0;
}
