/* Sockets, and what passes between namespaces. */
#include "attempts.h"

#include <fcntl.h>
#include <linux/if_packet.h>
#include <mqueue.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

enum { SHARED_KEY = 0x77616265 };
#define ABSTRACT "wabe-host-socket"

static const char *socket_word(int family, int type, int protocol)
{
	int fd = socket(family, type | SOCK_CLOEXEC, protocol);

	return fd < 0 ? errno_word(errno) : namespace_word("net");
}
static const char *raw(void) { return socket_word(AF_INET, SOCK_RAW, IPPROTO_ICMP); }
static const char *packet(void) { return socket_word(AF_PACKET, SOCK_RAW, 0); }
static const char *net_admin(void)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), mark = 1;

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_MARK, &mark, sizeof(mark)) < 0)
		return errno_word(errno);
	return namespace_word("net");
}
static const char *audit(void)
{
	return socket_word(AF_NETLINK, SOCK_RAW, 9 /* audit */);
}
static socklen_t abstract(struct sockaddr_un *address)
{
	*address = (struct sockaddr_un){ .sun_family = AF_UNIX };
	memcpy(address->sun_path + 1, ABSTRACT, sizeof(ABSTRACT) - 1);
	return offsetof(struct sockaddr_un, sun_path) + sizeof(ABSTRACT);
}
static const char *abstract_socket(void)
{
	struct sockaddr_un address;
	socklen_t length = abstract(&address);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || connect(fd, (struct sockaddr *)&address, length) < 0)
		return errno_word(errno);
	/* scopes of Landlock are in its version 6 */
	return syscall(444 /* landlock_create_ruleset */, NULL, 0, 1) < 6 ? "host-no-scope" : "host";
}
static const char *shared_memory(void) { return word_unless(shmget(SHARED_KEY, 1, 0), "host"); }
static const char *message_queue(void) { return word_unless(mq_open("/wabe-host-queue", O_RDONLY), "host"); }

/* Holds what is tried above until it is killed; READY is made when all is there. */
int tool_listen(char **arguments)
{
	struct sockaddr_un address;
	socklen_t length = abstract(&address);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int id = shmget(SHARED_KEY, 1, IPC_CREAT | 0666);
	mqd_t queue = mq_open("/wabe-host-queue", O_CREAT | O_RDONLY | O_CLOEXEC, 0666, NULL);

	if (fd < 0 || bind(fd, (struct sockaddr *)&address, length) < 0 || listen(fd, 8) < 0 || id < 0)
		return 1;
	(void)queue; /* a kernel without */
	close(open(arguments[0], O_CREAT | O_WRONLY | O_CLOEXEC, 0644));
	pause();
	return 0;
}

/* PATH: connects as uid 65534 to every abstract socket of /proc/net/unix that has PATH in its name, asks nothing. */
int tool_connect(char **arguments)
{
	char line[512];
	int reached = 0, seen = 0;
	FILE *file = fopen("/proc/net/unix", "re");

	if (!file || setresgid(65534, 65534, 65534) < 0 || setresuid(65534, 65534, 65534) < 0)
		return 1;
	while (fgets(line, sizeof(line), file)) {
		char *name = strpbrk(line, "@/");
		struct sockaddr_un address = { .sun_family = AF_UNIX };
		if (!name || !strstr(name, arguments[0]))
			continue;
		name[strcspn(name, "\n")] = 0;
		size_t length = strlen(name);
		if (length >= sizeof(address.sun_path))
			continue;
		memcpy(address.sun_path, name, length);
		if (*name == '@')
			address.sun_path[0] = 0;
		seen++;
		int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
		/* a stop request of the oldest protocol: the answer, if any, must be a refusal */
		int request[6] = { 4 /* stop */ }, answer[6] = { 0 };
		if (connect(fd, (struct sockaddr *)&address, offsetof(struct sockaddr_un, sun_path) + length) == 0 &&
		    write(fd, request, sizeof(request)) == sizeof(request)) {
			struct timeval second = { .tv_sec = 1 };
			setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &second, sizeof(second));
			ssize_t n = read(fd, answer, sizeof(answer));
			reached += n >= (ssize_t)sizeof(int) && answer[0] == 0;
		}
		close(fd);
	}
	fclose(file);
	printf("%s\n", reached ? "reached" : seen ? "refused" : "none");
	return 0;
}

const struct attempt network_attempts[] = {
	{ "socket-raw", raw }, { "socket-packet", packet }, { "socket-mark", net_admin }, { "socket-audit", audit },
	{ "socket-abstract", abstract_socket }, { "ipc-shared-memory", shared_memory }, { "ipc-queue", message_queue },
	{ NULL, NULL },
};
