#pragma once
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * rtnetlink(7): messages are gathered and sent in one call, and the last one's acknowledgement stands for all. A batch
 * that ran out of memory is remembered and reported by netlink_send.
 */
struct netlink_batch {
	char *data;
	size_t length, capacity;
	size_t message; /* offset of the message that attributes go to */
	uint32_t count; /* messages so far; their numbers are from 1 */
	bool is_broken;
};

/* A close-on-exec NETLINK_ROUTE socket in the caller's network namespace, or -errno. */
int netlink_open(void);
/* The same in the namespace netns_fd; the calling thread is back in its own afterwards. */
int netlink_open_in(int netns_fd);

/* The same for NETLINK_GENERIC (nl80211 and the like); netns_fd -1: in the caller's own. */
int netlink_open_generic_in(int netns_fd);
/* The message type of a family of generic netlink, -ENOENT: the kernel does not have it. */
int netlink_generic_family(int fd, const char *name);

/* An AF_PACKET socket that sends in the namespace netns_fd, and receives nothing; or -errno. */
int netlink_open_packet_in(int netns_fd);

/* Starts a message; header is the family's struct. flags: NLM_F_CREATE ... (NLM_F_REQUEST is added). */
void netlink_message(struct netlink_batch *batch, uint16_t type, uint16_t flags, const void *header, size_t size);
/* A message that is not counted and gets no acknowledgement, though it may be refused: first and last of an nfnetlink batch. */
void netlink_bracket(struct netlink_batch *batch, uint16_t type, const void *header, size_t size);
void netlink_attribute(struct netlink_batch *batch, uint16_t type, const void *data, size_t size);
void netlink_text(struct netlink_batch *batch, uint16_t type, const char *text);
void netlink_u16(struct netlink_batch *batch, uint16_t type, uint16_t value);
void netlink_u32(struct netlink_batch *batch, uint16_t type, uint32_t value);
/* Attributes up to netlink_end are inside; header: bytes put first, or NULL. Returns what end wants. */
size_t netlink_begin(struct netlink_batch *batch, uint16_t type, const void *header, size_t size);
void netlink_end(struct netlink_batch *batch, size_t place);

/*
 * Sends all, 64 KiB at a time (between brackets at once), and waits until the kernel has done it; the batch is empty
 * afterwards. 0, or -errno of the first message that the kernel refused, then its number in *ret_failed (may be NULL; 0:
 * the whole): those behind it may be done.
 */
int netlink_send(int fd, struct netlink_batch *batch, uint32_t *ret_failed);
void netlink_clear(struct netlink_batch *batch);

/* Calls visit for each message of a dump (RTM_GETLINK, RTM_GETADDR). 0 or -errno. */
int netlink_dump(int fd, uint16_t type, int family, void (*visit)(const struct nlmsghdr *message, void *data), void *data);
/* The same with the family's own header, which can hold a choice (NTF_PROXY of struct ndmsg). */
int netlink_dump_with(int fd, uint16_t type, const void *header, size_t size,
	void (*visit)(const struct nlmsghdr *message, void *data), void *data);
/* The same for a question with attributes, the only message of the batch, which is empty then. */
int netlink_dump_question(int fd, struct netlink_batch *batch, void (*visit)(const struct nlmsghdr *message, void *data),
	void *data);
/* Sends the only message of the batch, a question, and calls visit with its answer; the batch is empty then. 0 or -errno. */
int netlink_ask(int fd, struct netlink_batch *batch, void (*visit)(const struct nlmsghdr *message, void *data), void *data);
/* Calls visit with the description of one interface. 0, -ENODEV or another -errno. */
int netlink_get_link(int fd, const char *name, void (*visit)(const struct nlmsghdr *message, void *data), void *data);
/* The same with the interface of this number. */
int netlink_get_link_at(int fd, int index, void (*visit)(const struct nlmsghdr *message, void *data), void *data);
/* The attribute of a message whose family header has header_size bytes, or NULL. */
const struct rtattr *netlink_find(const struct nlmsghdr *message, size_t header_size, uint16_t type);
/* The attribute inside another one (NULL: none), or NULL. */
const struct rtattr *netlink_find_inside(const struct rtattr *outer, uint16_t type);

/* Is the interface that the RTM_NEWLINK message describes of this kind ("veth")? */
bool netlink_link_has_kind(const struct nlmsghdr *message, const char *kind);
/*
 * A random hardware address for the host's end of a pair; high on purpose: a bridge takes the lowest address of its
 * ports, and must not change its own. Without random numbers the kernel chooses one.
 */
void netlink_high_hwaddr(struct netlink_batch *batch);

/* ---- by any socket ---- */
int netlink_ifindex(int fd, const char *name); /* > 0, -ENODEV */
int netlink_mtu(int fd, const char *name);
/* 0, -ENODEV, -EOPNOTSUPP: not an Ethernet device. */
int netlink_hwaddr(int fd, const char *name, unsigned char ret_address[6]);
