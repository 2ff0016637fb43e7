#include "kernel/nbd.h"

#include <endian.h>
#include <errno.h>
#include <linux/genetlink.h>
#include <linux/nbd-netlink.h>
#include <linux/nbd.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "kernel/netlink.h"

/* The handshake: doc/proto.md of the nbd project. All numbers are big-endian. */
#define MAGIC_SERVER  0x4e42444d41474943ULL /* NBDMAGIC */
#define MAGIC_OPTIONS 0x49484156454f5054ULL /* IHAVEOPT */
#define FIXED_NEWSTYLE 1
#define NO_ZEROES      2
#define OPTION_EXPORT_NAME 1

struct greeting {
	uint64_t server, options;
	uint16_t flags;
} __attribute__((packed));

struct choice {
	uint32_t flags;
	uint64_t options;
	uint32_t option, length;
} __attribute__((packed));

struct export {
	uint64_t size;
	uint16_t flags;
} __attribute__((packed));

static int receive(int fd, void *data, size_t size)
{
	ssize_t n = recv(fd, data, size, MSG_WAITALL);

	return n < 0 ? -errno : (size_t)n == size ? 0 : -EPROTO;
}

static int shake_hands(int fd, struct export *ret)
{
	struct greeting greeting;
	char zeroes[124];
	int r = receive(fd, &greeting, sizeof(greeting));

	if (r < 0)
		return r;
	uint16_t flags = be16toh(greeting.flags);
	if (be64toh(greeting.server) != MAGIC_SERVER || be64toh(greeting.options) != MAGIC_OPTIONS || !(flags & FIXED_NEWSTYLE))
		return -EPROTO;
	const struct choice choice = { .flags = htobe32(flags & (FIXED_NEWSTYLE | NO_ZEROES)),
		.options = htobe64(MAGIC_OPTIONS), .option = htobe32(OPTION_EXPORT_NAME) };
	r = write_full(fd, &choice, sizeof(choice));
	r = r ?: receive(fd, ret, sizeof(*ret));
	if (r == 0 && !(flags & NO_ZEROES))
		r = receive(fd, zeroes, sizeof(zeroes));
	return r;
}

static void take_index(const struct nlmsghdr *message, void *data)
{
	const struct rtattr *index = netlink_find(message, GENL_HDRLEN, NBD_ATTR_INDEX);

	if (index)
		*(int *)data = *(const int *)RTA_DATA(index);
}

static void put_number(struct netlink_batch *batch, uint16_t type, uint64_t value)
{
	netlink_attribute(batch, type, &value, sizeof(value));
}

static int hand_over(int socket_fd, const struct export *export)
{
	struct genlmsghdr header = { .cmd = NBD_CMD_CONNECT, .version = NBD_GENL_VERSION };
	struct netlink_batch batch = { 0 };
	int index = -ENODEV;
	auto_close int fd = netlink_open_generic_in(-1);
	int family = fd < 0 ? fd : netlink_generic_family(fd, NBD_GENL_FAMILY_NAME);

	if (family < 0)
		return family;
	netlink_message(&batch, (uint16_t)family, 0, &header, sizeof(header));
	put_number(&batch, NBD_ATTR_SIZE_BYTES, be64toh(export->size));
	put_number(&batch, NBD_ATTR_BLOCK_SIZE_BYTES, 512);
	put_number(&batch, NBD_ATTR_SERVER_FLAGS, be16toh(export->flags));
	put_number(&batch, NBD_ATTR_CLIENT_FLAGS, NBD_CFLAG_DISCONNECT_ON_CLOSE);
	size_t sockets = netlink_begin(&batch, NBD_ATTR_SOCKETS | NLA_F_NESTED, NULL, 0);
	size_t item = netlink_begin(&batch, NBD_SOCK_ITEM | NLA_F_NESTED, NULL, 0);
	netlink_u32(&batch, NBD_SOCK_FD, (uint32_t)socket_fd);
	netlink_end(&batch, item);
	netlink_end(&batch, sockets);
	int r = netlink_ask(fd, &batch, take_index, &index);
	return r < 0 ? r : index;
}

int nbd_connect(const char *socket_path, char device[NBD_PATH_SIZE])
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	struct export export;
	auto_close int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (strlen(socket_path) >= sizeof(address.sun_path))
		return -ENAMETOOLONG;
	memcpy(address.sun_path, socket_path, strlen(socket_path) + 1);
	if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		return -errno;
	int r = shake_hands(fd, &export);
	r = r ?: hand_over(fd, &export);
	if (r < 0)
		return r;
	(void)snprintf(device, NBD_PATH_SIZE, "/dev/nbd%d", r);
	return 0;
}
