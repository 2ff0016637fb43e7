#include "kernel/netlink.h"

#include "base/cleanup.h"

#include <fcntl.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <sched.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/random.h>
#include <sys/socket.h>

#define DUMP_BUFFER 32768 /* what the kernel fills at most in one go */
#define PART_MAX    64	  /* messages whose acknowledgements a socket has room for: they come before send returns */
#define ACK_SIZE    2048  /* what one takes there, and more */

int netlink_open(void)
{
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	return fd < 0 ? -errno : fd;
}

int netlink_open_in(int netns_fd)
{
	auto_close int own = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	/* To its own first: who may not come back (a user namespace without its own network) must not go. */
	if (own < 0 || setns(own, CLONE_NEWNET) < 0 || setns(netns_fd, CLONE_NEWNET) < 0)
		return -errno;
	int fd = netlink_open();
	if (setns(own, CLONE_NEWNET) < 0)
		abort(); /* it went well just now; going on in a container's network would be worse */
	return fd;
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
	begin_message(batch, type, flags | NLM_F_ACK, ++batch->count, header, size);
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

/* Reads one datagram of acknowledgements; counts them, keeps the first error. */
static int take_acks(int fd, uint32_t *left, int *first_error, uint32_t *failed)
{
	char buffer[8192] __attribute__((aligned(NLMSG_ALIGNTO)));
	ssize_t length = recv(fd, buffer, sizeof(buffer), 0);
	if (length < 0)
		return errno == EINTR ? 0 : -errno;
	for (struct nlmsghdr *message = (struct nlmsghdr *)buffer; NLMSG_OK(message, length);
		message = NLMSG_NEXT(message, length)) {
		if (message->nlmsg_type != NLMSG_ERROR)
			continue;
		const struct nlmsgerr *error = NLMSG_DATA(message);
		if (error->error && !*first_error) {
			*first_error = error->error;
			*failed = message->nlmsg_seq;
		}
		if (message->nlmsg_seq == 0)
			*left = 0; /* the whole batch is refused, the others get no answer */
		else if (*left > 0)
			--*left;
	}
	return 0;
}

/* A batch that is one whole can not be sent in parts: the sockets' buffers get what it needs. */
static void widen(int fd, const struct netlink_batch *batch)
{
	int received = (int)(batch->count * ACK_SIZE), sent = (int)batch->length * 2;
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &received, sizeof(received)) < 0)
		(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &received, sizeof(received)); /* as much as may be */
	if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &sent, sizeof(sent)) < 0)
		(void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &sent, sizeof(sent)); /* the same */
}

/* The bytes and the number of messages from place on that go out together: their acknowledgements must all find room. */
static size_t next_part(int fd, const struct netlink_batch *batch, size_t place, uint32_t *count)
{
	const struct nlmsghdr *first = (const struct nlmsghdr *)batch->data;
	size_t length = 0;
	*count = batch->count;
	if (batch->count <= PART_MAX)
		return batch->length;
	if (first->nlmsg_seq == 0) {
		widen(fd, batch);
		return batch->length;
	}
	for (*count = 0; *count < PART_MAX && place + length < batch->length; ++*count)
		length += NLMSG_ALIGN(((const struct nlmsghdr *)(batch->data + place + length))->nlmsg_len);
	return length;
}

int netlink_send(int fd, struct netlink_batch *batch, uint32_t *ret_failed)
{
	uint32_t left = 0, failed = 0;
	int first_error = 0, r = 0;
	end_message(batch);
	if (batch->is_broken)
		r = -ENOMEM;
	for (size_t place = 0, length; r == 0 && batch->count > 0 && place < batch->length; place += length) {
		length = next_part(fd, batch, place, &left);
		r = send(fd, batch->data + place, length, 0) < 0 ? -errno : 0;
		while (r == 0 && left > 0)
			r = take_acks(fd, &left, &first_error, &failed);
	}
	netlink_clear(batch);
	if (ret_failed)
		*ret_failed = failed;
	return r ?: first_error;
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
