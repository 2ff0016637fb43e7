#include "kernel/netlink.h"

#include "base/cleanup.h"
#include "kernel/clone.h"

#include <fcntl.h>
#include <linux/genetlink.h>
#include <linux/nsfs.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <sched.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define DUMP_BUFFER 32768 /* what the kernel fills at most in one go */
#define SEND_MAX    65536 /* in one go; the kernel takes net.core.wmem_default, 212992 and more */
#define PACKETS	    -1	  /* in the place of a protocol: no netlink, but frames */

static int open_socket(int protocol)
{
	int fd = protocol == PACKETS ? socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0) :
				       socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol);
	return fd < 0 ? -errno : fd;
}

int netlink_open(void)
{
	return open_socket(NETLINK_ROUTE);
}

/* A child goes in by the user namespace that owns netns_fd, and leaves the socket in the shared table. Does not return. */
static void leave_socket(int netns_fd, int protocol, int *ret_fd)
{
	int user_fd = ioctl(netns_fd, NS_GET_USERNS);
	bool is_in = user_fd >= 0 && setns(user_fd, CLONE_NEWUSER) == 0 && setns(netns_fd, CLONE_NEWNET) == 0;
	*ret_fd = is_in ? open_socket(protocol) : -errno;
	if (user_fd >= 0)
		close(user_fd);
	_exit(0);
}

/* For an ordinary user, who may enter a network namespace only as root of its user namespace, and not come back. */
static int open_by_child(int netns_fd, int protocol)
{
	const struct clone_request request = { .flags = CLONE_FILES, .cgroup_fd = -1 };
	int *fd = mmap(NULL, sizeof(*fd), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (fd == MAP_FAILED)
		return -errno;
	*fd = -EPERM;
	pid_t pid = clone_process(&request);
	if (pid == 0)
		leave_socket(netns_fd, protocol, fd);
	while (pid > 0 && waitpid(pid, NULL, __WALL) < 0 && errno == EINTR)
		;
	int r = pid < 0 ? pid : *fd;
	munmap(fd, sizeof(*fd));
	return r;
}

static int open_in(int netns_fd, int protocol)
{
	auto_close int own = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	/* To its own first: who may not come back (a user namespace without its own network) must not go. */
	if (own < 0 || setns(own, CLONE_NEWNET) < 0 || setns(netns_fd, CLONE_NEWNET) < 0)
		return errno == EPERM ? open_by_child(netns_fd, protocol) : -errno;
	int fd = open_socket(protocol);
	if (setns(own, CLONE_NEWNET) < 0)
		abort(); /* it went well just now; going on in a container's network would be worse */
	return fd;
}

int netlink_open_in(int netns_fd)
{
	return open_in(netns_fd, NETLINK_ROUTE);
}

int netlink_open_generic_in(int netns_fd)
{
	return netns_fd < 0 ? open_socket(NETLINK_GENERIC) : open_in(netns_fd, NETLINK_GENERIC);
}

int netlink_open_packet_in(int netns_fd)
{
	return open_in(netns_fd, PACKETS);
}

/* ---- building ---- */

static void *reserve(struct netlink_batch *batch, size_t size)
{
	size_t aligned = NLMSG_ALIGN(size);
	if (batch->length + aligned > batch->capacity) {
		size_t capacity = (batch->length + aligned) * 2 + 512;
		char *grown = realloc(batch->data, capacity);
		if (!grown) {
			batch->is_broken = true;
			return NULL;
		}
		batch->data = grown;
		batch->capacity = capacity;
	}
	char *place = batch->data + batch->length;
	memset(place, 0, aligned);
	batch->length += aligned;
	return place;
}

static void end_message(struct netlink_batch *batch)
{
	if (batch->length > batch->message && !batch->is_broken)
		((struct nlmsghdr *)(batch->data + batch->message))->nlmsg_len = (uint32_t)(batch->length - batch->message);
}

static void begin_message(struct netlink_batch *batch, uint16_t type, uint16_t flags, uint32_t number, const void *header,
	size_t size)
{
	end_message(batch);
	batch->message = batch->length;
	struct nlmsghdr *message = reserve(batch, sizeof(*message));
	if (!message)
		return;
	message->nlmsg_type = type;
	message->nlmsg_flags = flags | NLM_F_REQUEST;
	message->nlmsg_seq = number;
	void *place = reserve(batch, size);
	if (place)
		memcpy(place, header, size);
}

void netlink_message(struct netlink_batch *batch, uint16_t type, uint16_t flags, const void *header, size_t size)
{
	begin_message(batch, type, flags, ++batch->count, header, size);
}

void netlink_bracket(struct netlink_batch *batch, uint16_t type, const void *header, size_t size)
{
	begin_message(batch, type, 0, 0, header, size);
}

void netlink_attribute(struct netlink_batch *batch, uint16_t type, const void *data, size_t size)
{
	struct rtattr *attribute = reserve(batch, RTA_LENGTH(size));
	if (!attribute)
		return;
	attribute->rta_type = type;
	attribute->rta_len = (unsigned short)RTA_LENGTH(size);
	if (size > 0)
		memcpy(RTA_DATA(attribute), data, size);
}

void netlink_text(struct netlink_batch *batch, uint16_t type, const char *text)
{
	netlink_attribute(batch, type, text, strlen(text) + 1);
}

void netlink_u16(struct netlink_batch *batch, uint16_t type, uint16_t value)
{
	netlink_attribute(batch, type, &value, sizeof(value));
}

void netlink_u32(struct netlink_batch *batch, uint16_t type, uint32_t value)
{
	netlink_attribute(batch, type, &value, sizeof(value));
}

size_t netlink_begin(struct netlink_batch *batch, uint16_t type, const void *header, size_t size)
{
	size_t place = batch->length;
	netlink_attribute(batch, type, header, size);
	return place;
}

void netlink_end(struct netlink_batch *batch, size_t place)
{
	if (!batch->is_broken)
		((struct rtattr *)(batch->data + place))->rta_len = (unsigned short)(batch->length - place);
}

void netlink_clear(struct netlink_batch *batch)
{
	free(batch->data);
	*batch = (struct netlink_batch){ 0 };
}

/* ---- sending ---- */

/* What the kernel said to the messages of one go. */
struct answer {
	uint32_t last; /* the number of the message that is acknowledged */
	bool is_complete;
	int first_error;
	uint32_t failed; /* the number of the message that first_error is of */
};

/* Reads one datagram. An error comes for each message that is refused, an acknowledgement for the last one alone. */
static int take_answer(int fd, struct answer *answer, int flags)
{
	char buffer[8192] __attribute__((aligned(NLMSG_ALIGNTO)));
	ssize_t length = recv(fd, buffer, sizeof(buffer), flags);
	if (length < 0)
		return errno == EINTR ? 0 : -errno;
	for (struct nlmsghdr *message = (struct nlmsghdr *)buffer; NLMSG_OK(message, length);
		message = NLMSG_NEXT(message, length)) {
		if (message->nlmsg_type != NLMSG_ERROR)
			continue;
		const struct nlmsgerr *error = NLMSG_DATA(message);
		if (error->error && !answer->first_error) {
			answer->first_error = error->error;
			answer->failed = message->nlmsg_seq;
		}
		/* number 0: a batch that is one whole is refused, and there may be no other answer */
		answer->is_complete |= message->nlmsg_seq == answer->last || message->nlmsg_seq == 0;
	}
	return 0;
}

/* So many were refused that the socket could not hold it all (ENOBUFS): what it holds begins with the first. */
static int take_what_there_is(int fd, struct answer *answer)
{
	while (take_answer(fd, answer, MSG_DONTWAIT) == 0)
		;
	return answer->first_error ? 0 : -ENOBUFS;
}

static struct nlmsghdr *message_at(const struct netlink_batch *batch, size_t offset)
{
	return (struct nlmsghdr *)(batch->data + offset);
}

/* What is one whole can not be sent in parts: the socket's buffer gets what it needs. */
static void widen(int fd, const struct netlink_batch *batch)
{
	int size = (int)batch->length * 2;
	if (batch->length > SEND_MAX && setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size)) < 0)
		(void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size)); /* as much as may be */
}

/* Where the messages from offset on that go together end; the last that counts asks for its acknowledgement. */
static size_t mark_end(const struct netlink_batch *batch, size_t offset, struct answer *answer)
{
	bool is_whole = message_at(batch, 0)->nlmsg_seq == 0;
	struct nlmsghdr *last = message_at(batch, offset);
	size_t end = offset;
	while (end < batch->length) {
		struct nlmsghdr *message = message_at(batch, end);
		if (!is_whole && end > offset && end + message->nlmsg_len - offset > SEND_MAX)
			break;
		last = message->nlmsg_seq ? message : last;
		end += NLMSG_ALIGN(message->nlmsg_len);
	}
	last->nlmsg_flags |= NLM_F_ACK;
	*answer = (struct answer){ .last = last->nlmsg_seq };
	return end;
}

int netlink_send(int fd, struct netlink_batch *batch, uint32_t *ret_failed)
{
	struct answer answer = { 0 };
	int r = batch->is_broken ? -ENOMEM : 0;
	end_message(batch);
	if (r == 0 && batch->count > 0 && message_at(batch, 0)->nlmsg_seq == 0)
		widen(fd, batch);
	size_t length = batch->count > 0 ? batch->length : 0;
	for (size_t offset = 0, end; r == 0 && answer.first_error == 0 && offset < length; offset = end) {
		end = mark_end(batch, offset, &answer);
		r = send(fd, batch->data + offset, end - offset, 0) < 0 ? -errno : 0;
		while (r == 0 && !answer.is_complete)
			r = take_answer(fd, &answer, 0);
		if (r == -ENOBUFS)
			r = take_what_there_is(fd, &answer);
	}
	netlink_clear(batch);
	if (ret_failed)
		*ret_failed = answer.failed;
	return r ?: answer.first_error;
}

/* The answer to the one message is its acknowledgement. */
static int send_question(int fd, struct netlink_batch *batch, uint16_t flags)
{
	int r = batch->is_broken ? -ENOMEM : 0;
	end_message(batch);
	if (r == 0) {
		((struct nlmsghdr *)batch->data)->nlmsg_flags = NLM_F_REQUEST | flags;
		r = send(fd, batch->data, batch->length, 0) < 0 ? -errno : 0;
	}
	netlink_clear(batch);
	return r;
}

int netlink_dump_question(int fd, struct netlink_batch *batch, void (*visit)(const struct nlmsghdr *message, void *data),
	void *data)
{
	int r = send_question(fd, batch, NLM_F_DUMP);
	if (r < 0)
		return r;
	auto_free char *buffer = malloc(DUMP_BUFFER);
	if (!buffer)
		return -ENOMEM;
	for (;;) {
		ssize_t length = recv(fd, buffer, DUMP_BUFFER, 0);
		if (length < 0 && errno == EINTR)
			continue;
		if (length < 0)
			return -errno;
		for (struct nlmsghdr *message = (struct nlmsghdr *)buffer; NLMSG_OK(message, length);
			message = NLMSG_NEXT(message, length)) {
			if (message->nlmsg_type == NLMSG_DONE)
				return 0;
			if (message->nlmsg_type == NLMSG_ERROR)
				return ((struct nlmsgerr *)NLMSG_DATA(message))->error;
			visit(message, data);
		}
	}
}

int netlink_dump_with(int fd, uint16_t type, const void *header, size_t size,
	void (*visit)(const struct nlmsghdr *message, void *data), void *data)
{
	struct netlink_batch batch = { 0 };
	netlink_message(&batch, type, 0, header, size);
	return netlink_dump_question(fd, &batch, visit, data);
}

int netlink_dump(int fd, uint16_t type, int family, void (*visit)(const struct nlmsghdr *message, void *data), void *data)
{
	struct rtgenmsg header = { .rtgen_family = (unsigned char)family };
	return netlink_dump_with(fd, type, &header, sizeof(header), visit, data);
}

int netlink_ask(int fd, struct netlink_batch *batch, void (*visit)(const struct nlmsghdr *message, void *data), void *data)
{
	auto_free char *buffer = malloc(DUMP_BUFFER);
	batch->is_broken |= !buffer;
	int r = send_question(fd, batch, 0);
	if (r < 0)
		return r;
	ssize_t length;
	do
		length = recv(fd, buffer, DUMP_BUFFER, 0);
	while (length < 0 && errno == EINTR);
	const struct nlmsghdr *message = (const struct nlmsghdr *)buffer;
	if (length < 0)
		return -errno;
	if (!NLMSG_OK(message, length))
		return -EBADMSG;
	if (message->nlmsg_type == NLMSG_ERROR)
		return ((const struct nlmsgerr *)NLMSG_DATA(message))->error;
	visit(message, data);
	return 0;
}

int netlink_get_link(int fd, const char *name, void (*visit)(const struct nlmsghdr *message, void *data), void *data)
{
	struct netlink_batch batch = { 0 };
	struct ifinfomsg header = { 0 };
	netlink_message(&batch, RTM_GETLINK, 0, &header, sizeof(header));
	netlink_text(&batch, IFLA_IFNAME, name);
	return netlink_ask(fd, &batch, visit, data);
}

int netlink_get_link_at(int fd, int index, void (*visit)(const struct nlmsghdr *message, void *data), void *data)
{
	struct netlink_batch batch = { 0 };
	struct ifinfomsg header = { .ifi_index = index };
	netlink_message(&batch, RTM_GETLINK, 0, &header, sizeof(header));
	return netlink_ask(fd, &batch, visit, data);
}

/* Nested ones may have a flag beside their type. */
static const struct rtattr *find_attribute(const struct rtattr *first, int left, uint16_t type)
{
	for (const struct rtattr *at = first; RTA_OK(at, left); at = RTA_NEXT(at, left))
		if ((at->rta_type & NLA_TYPE_MASK) == type)
			return at;
	return NULL;
}

const struct rtattr *netlink_find(const struct nlmsghdr *message, size_t header_size, uint16_t type)
{
	const void *first = (const char *)NLMSG_DATA(message) + NLMSG_ALIGN(header_size);
	return find_attribute(first, (int)NLMSG_PAYLOAD(message, header_size), type);
}

const struct rtattr *netlink_find_inside(const struct rtattr *outer, uint16_t type)
{
	return outer ? find_attribute(RTA_DATA(outer), (int)RTA_PAYLOAD(outer), type) : NULL;
}

static void take_family(const struct nlmsghdr *message, void *data)
{
	const struct rtattr *id = netlink_find(message, GENL_HDRLEN, CTRL_ATTR_FAMILY_ID);
	if (id)
		*(int *)data = *(const uint16_t *)RTA_DATA(id);
}

int netlink_generic_family(int fd, const char *name)
{
	struct netlink_batch batch = { 0 };
	struct genlmsghdr header = { .cmd = CTRL_CMD_GETFAMILY, .version = 1 };
	int family = -ENOENT;
	netlink_message(&batch, GENL_ID_CTRL, 0, &header, sizeof(header));
	netlink_text(&batch, CTRL_ATTR_FAMILY_NAME, name);
	int r = netlink_ask(fd, &batch, take_family, &family);
	return r < 0 ? r : family;
}

/* A name that does not fit is nobody's; cut off it could be another interface's. */
static int fill_request(struct ifreq *request, const char *name)
{
	*request = (struct ifreq){ 0 };
	if (strlen(name) >= sizeof(request->ifr_name))
		return -ENODEV;
	(void)snprintf(request->ifr_name, sizeof(request->ifr_name), "%s", name);
	return 0;
}

int netlink_ifindex(int fd, const char *name)
{
	struct ifreq request;
	if (fill_request(&request, name) < 0)
		return -ENODEV;
	return ioctl(fd, SIOCGIFINDEX, &request) < 0 ? -errno : request.ifr_ifindex;
}

int netlink_mtu(int fd, const char *name)
{
	struct ifreq request;
	if (fill_request(&request, name) < 0)
		return -ENODEV;
	return ioctl(fd, SIOCGIFMTU, &request) < 0 ? -errno : request.ifr_mtu;
}

int netlink_hwaddr(int fd, const char *name, unsigned char ret_address[6])
{
	struct ifreq request;
	if (fill_request(&request, name) < 0)
		return -ENODEV;
	if (ioctl(fd, SIOCGIFHWADDR, &request) < 0)
		return -errno;
	if (request.ifr_hwaddr.sa_family != ARPHRD_ETHER)
		return -EOPNOTSUPP;
	memcpy(ret_address, request.ifr_hwaddr.sa_data, 6);
	return 0;
}

bool netlink_link_has_kind(const struct nlmsghdr *message, const char *wanted)
{
	const struct rtattr *info = netlink_find(message, sizeof(struct ifinfomsg), IFLA_LINKINFO);
	const struct rtattr *kind = netlink_find_inside(info, IFLA_INFO_KIND);
	return kind && strncmp(RTA_DATA(kind), wanted, RTA_PAYLOAD(kind)) == 0;
}

void netlink_high_hwaddr(struct netlink_batch *batch)
{
	unsigned char address[6];
	if (getrandom(address, sizeof(address), 0) != sizeof(address))
		return;
	address[0] = 0xfe;
	netlink_attribute(batch, IFLA_ADDRESS, address, sizeof(address));
}
