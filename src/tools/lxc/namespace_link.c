/* One request of rtnetlink(7): a link changes its network namespace. */
#include "tools/lxc/namespace_link.h"

#include "base/cleanup.h"

#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

struct move_request {
	struct nlmsghdr header;
	struct ifinfomsg link;
	struct rtattr attribute;
	uint32_t pid;
};

int namespace_move_link(const char *name, pid_t pid)
{
	unsigned int index = if_nametoindex(name);
	struct move_request request = {
		.header = { .nlmsg_len = sizeof(request), .nlmsg_type = RTM_NEWLINK, .nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK },
		.link = { .ifi_family = AF_UNSPEC, .ifi_index = (int)index },
		.attribute = { .rta_len = RTA_LENGTH(sizeof(uint32_t)), .rta_type = IFLA_NET_NS_PID },
		.pid = (uint32_t)pid,
	};
	struct {
		struct nlmsghdr header;
		struct nlmsgerr error;
		char rest[512]; /* the request once more, and what the kernel says about it */
	} answer = { .error = { .error = -EIO } };
	auto_close int fd = -1;

	if (!index)
		return -ENODEV;
	fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	if (fd < 0)
		return -errno;
	if (send(fd, &request, sizeof(request), 0) < 0 || recv(fd, &answer, sizeof(answer), 0) < 0)
		return -errno;
	return answer.header.nlmsg_type == NLMSG_ERROR ? answer.error.error : -EPROTO;
}
