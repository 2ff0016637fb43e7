/*
 * lxc-user-nic, set-uid root: gives a container of an ordinary user an interface on a bridge that the administrator
 * has opened to him in lxc-usernet, and takes it back. Whoever runs it is taken for an attacker: no environment, no
 * descriptors but 0-2, no privilege but around the few calls that need it, no path from the command line is opened.
 */
#include "programs/user_nic.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/nsfs.h>
#include <pwd.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/random.h"

#define MAX_RULES  (1024 * 1024)
#define MAX_NESTED 33 /* user namespaces: kernel/user_namespace.c allows 32 below the first */

static const char usage[] =
	"Usage: lxc-user-nic create LXCPATH NAME PID veth BRIDGE [INTERFACE]\n"
	"       lxc-user-nic delete LXCPATH NAME NETNS veth BRIDGE LINK\n"
	"\n"
	"Gives a container of an ordinary user an interface on a bridge, as far as lxc-usernet(5) allows.\n"
	"\n"
	"  create   make the interface INTERFACE (eth0) in the network namespace of PID; prints\n"
	"           INTERFACE:INDEX:LINK:INDEX, where LINK is the end on the host\n"
	"  delete   take LINK away again; LXCPATH, NAME and NETNS are not looked at\n";

__attribute__((format(printf, 1, 2))) static int fail(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	(void)fputs("lxc-user-nic: ", stderr);
	(void)vfprintf(stderr, format, arguments);
	(void)fputc('\n', stderr);
	va_end(arguments);
	return EXIT_FAILURE;
}

/* ---- privilege ---- */

static uid_t caller; /* set once, first of all */

int privilege_raise(void)
{
	return seteuid(0) < 0 ? -errno : 0;
}

/* Ends the program when it cannot: nothing may go on with privilege. */
void privilege_lower(void)
{
	if (seteuid(caller) < 0 || geteuid() != caller)
		_exit(EXIT_FAILURE);
}

/*
 * Nothing of the caller's is left but its user and groups. From here on the caller cannot send signals either (kill(2):
 * neither the real nor the saved user is his): a helper that stands still with the lock would shut out all others.
 */
static int renounce(void)
{
	static const struct rlimit no_limit = { RLIM_INFINITY, RLIM_INFINITY };
	sigset_t all;

	caller = getuid();
	if (geteuid() != 0)
		return fail("it has to be set-uid root (chown root, chmod 4755)");
	for (int fd = 0; fd < 3; fd++)
		if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDWR) != fd)
			return fail("open /dev/null");
	if (syscall(SYS_close_range, 3U, ~0U, 0U) < 0)
		return fail("close descriptors");
	(void)clearenv();
	(void)umask(022); /* the database has its mode by itself */
	(void)sigfillset(&all);
	(void)sigprocmask(SIG_SETMASK, &all, NULL);
	(void)setrlimit(RLIMIT_CPU, &no_limit);	  /* a hard limit that is too low ends the caller's own request */
	(void)setrlimit(RLIMIT_FSIZE, &no_limit);
	if (setegid(getgid()) < 0 || setresuid(0, caller, 0) < 0 || geteuid() != caller)
		return fail("give up privilege");
	return 0;
}

/* ---- who asks ---- */

struct asker {
	char *user;
	char **groups;
	size_t count;
};

static void asker_clear(struct asker *asker)
{
	for (size_t i = 0; i < asker->count; i++)
		free(asker->groups[i]);
	free(asker->groups);
	free(asker->user);
	*asker = (struct asker){ 0 };
}

/* The names of the caller's groups, as many as there are; those without a name are left out. */
static int take_groups(struct asker *asker)
{
	int count = getgroups(0, NULL);
	auto_free gid_t *ids = count < 0 ? NULL : calloc((size_t)count + 1, sizeof(*ids));

	if (!ids || !(asker->groups = calloc((size_t)count + 1, sizeof(*asker->groups))))
		return -ENOMEM;
	if (count > 0 && getgroups(count, ids) != count)
		return -EAGAIN;
	ids[count] = getgid();
	for (int i = 0; i <= count; i++) {
		const struct group *group = getgrgid(ids[i]);
		if (!group)
			continue;
		if (!(asker->groups[asker->count] = strdup(group->gr_name)))
			return -ENOMEM;
		asker->count++;
	}
	return 0;
}

static int take_asker(struct asker *ret)
{
	const struct passwd *user = getpwuid(caller);

	*ret = (struct asker){ 0 };
	if (!user)
		return fail("user %u has no name in the password file", caller);
	ret->user = strdup(user->pw_name);
	int r = ret->user ? take_groups(ret) : -ENOMEM;
	if (r < 0) {
		asker_clear(ret);
		return fail("read the groups of user %u: %s", caller, strerror(-r));
	}
	return 0;
}

/* ---- the target ---- */

/*
 * Elsewhere all interfaces of the machine would seem to be gone, and with them what is used of the quotas. The first
 * process's network is the machine's.
 */
static bool is_own_network(void)
{
	struct stat own, first;

	if (privilege_raise() < 0)
		return false;
	bool is_same = stat("/proc/self/ns/net", &own) == 0 && stat("/proc/1/ns/net", &first) == 0 &&
		       own.st_ino == first.st_ino && own.st_dev == first.st_dev;
	privilege_lower();
	return is_same;
}

/* Of the caller's own user namespace, or of one that lies in his: owned by him at some level (user_namespaces(7)). */
static bool is_owned(int netns_fd)
{
	int fd = ioctl(netns_fd, NS_GET_USERNS);

	for (int level = 0; fd >= 0 && level < MAX_NESTED; level++) {
		uid_t owner = (uid_t)-1;
		if (ioctl(fd, NS_GET_OWNER_UID, &owner) < 0)
			break;
		int parent = ioctl(fd, NS_GET_PARENT); /* fails at the caller's own: that one is not his to give */
		if (parent >= 0 && owner == caller) {
			close(parent);
			close(fd);
			return true;
		}
		close(fd);
		fd = parent;
	}
	if (fd >= 0)
		close(fd);
	return false;
}

/*
 * The network namespace of a process, held from here on: neither the number of the process nor its namespace can
 * become another one afterwards. -1: it does not exist, is no process, or is not the caller's; which of them is not told.
 */
static int open_target(const char *text)
{
	char path[40];
	size_t digits = strspn(text, "0123456789");

	if (digits == 0 || digits > 9 || text[digits] || text[0] == '0')
		return -1;
	(void)snprintf(path, sizeof(path), "/proc/%s/ns/net", text);
	if (privilege_raise() < 0)
		return -1;
	auto_close int fd = open(path, O_RDONLY | O_NOCTTY | O_CLOEXEC);
	bool is_mine = fd >= 0 && (caller == 0 || is_owned(fd));
	privilege_lower();
	return is_mine ? take_fd(&fd) : -1;
}

/* ---- create ---- */

#define RANDOM_LETTERS 4

/* "veth1000_abcd"; the number tells whose it is where a group has the quota. Returns the length of what stands before the letters. */
static int put_prefix(char name[IFNAMSIZ])
{
	return snprintf(name, IFNAMSIZ, caller < 1000000 ? "veth%u_" : "v%u", caller);
}

static int choose_host_name(struct nic *nic)
{
	int n = put_prefix(nic->host);

	nic->host[n + RANDOM_LETTERS] = '\0';
	return random_letters(nic->host + n, RANDOM_LETTERS);
}

/* The line is written before the link is made: no moment has a link that nobody counts. */
static int make(struct usernet_database *database, struct usernet_line *line, struct nic *nic, int netns_fd, int bridge,
	unsigned mtu)
{
	int r = -EEXIST;

	for (int attempt = 0; r == -EEXIST && attempt < 8; attempt++) {
		do
			r = choose_host_name(nic);
		while (r == 0 && nic_is_there(nic->host));
		memcpy(line->last, nic->host, sizeof(nic->host));
		r = r ?: database_add(database, line);
		if (r < 0)
			return r;
		r = nic_make(nic, netns_fd, bridge, mtu);
		if (r < 0) {
			if (r != -EEXIST) /* else it is another's, or none */
				(void)nic_delete(nic->host);
			(void)database_remove(database, nic->host);
		}
	}
	return r;
}

/*
 * Without the lock: the caller's pipe may be full for ever. Who cannot be told has no use for the interface; its line
 * goes with the next call.
 */
static int tell(const struct nic *nic)
{
	if (printf("%s:%d:%s:%d\n", nic->inside, nic->inside_index, nic->host, nic->host_index) > 0 && fflush(stdout) == 0)
		return EXIT_SUCCESS;
	(void)nic_delete(nic->host);
	return fail("write the result");
}

static int make_by_rule(struct usernet_text rules, const struct usernet_request *request, struct nic *nic, int netns_fd)
{
	struct usernet_database database;
	struct usernet_line line;
	unsigned mtu;
	int bridge;

	int r = database_open(&database);
	if (r < 0)
		return fail("open /run/lxc/nics: %s", strerror(-r));
	r = usernet_choose(rules, database_text(&database), request, &line);
	if (r < 0) {
		database_close(&database);
		return r == -EDQUOT ? fail("the quota of %s on %s is used up (lxc-usernet)", request->user, request->bridge) :
				      fail("%s has no %s on %s in lxc-usernet", request->user, request->type, request->bridge);
	}
	r = nic_find_bridge(request->bridge, &bridge, &mtu);
	if (r < 0) {
		database_close(&database);
		return r == -EOPNOTSUPP ? fail("%s is not a bridge of the kernel", request->bridge) :
					  fail("bridge %s: %s", request->bridge, strerror(-r));
	}
	r = make(&database, &line, nic, netns_fd, bridge, mtu);
	database_close(&database);
	if (r < 0)
		return fail("make interface %s on %s: %s", nic->inside, request->bridge, strerror(-r));
	return tell(nic);
}

static int create(const struct usernet_request *request, const char *pid, const char *inside)
{
	struct nic nic = { 0 };
	struct usernet_text rules = { 0 };

	if (!usernet_is_link_name(inside))
		return fail("interface: not a name for one (1-15 characters, none of \"/:%%\" or blanks)");
	(void)snprintf(nic.inside, sizeof(nic.inside), "%s", inside);
	auto_close int netns_fd = open_target(pid);
	if (netns_fd < 0)
		return fail("PID: not a process whose network namespace is yours");
	char *data = NULL;
	int r = privilege_raise();
	if (r == 0) {
		r = file_read(AT_FDCWD, LXC_USERNET, MAX_RULES, &data, &rules.length);
		privilege_lower();
	}
	rules.data = data;
	if (r < 0 && r != -ENOENT)
		r = fail("read " LXC_USERNET ": %s", strerror(-r));
	else
		r = make_by_rule(rules, request, &nic, netns_fd);
	free(data);
	return r;
}

/* ---- delete ---- */

/* A line is the caller's by its NAME, and where that is a group's, by the number in the link's name. */
static bool is_mine(const struct usernet_line *line, const struct usernet_request *request, const char *link)
{
	char prefix[IFNAMSIZ];
	size_t n = (size_t)put_prefix(prefix);

	return strcmp(line->last, link) == 0 && strcmp(line->type, request->type) == 0 &&
	       strcmp(line->bridge, request->bridge) == 0 && usernet_is_name_of(line->name, request) &&
	       (caller == 0 || (strncmp(link, prefix, n) == 0 && strlen(link) == n + RANDOM_LETTERS));
}

static int delete(const struct usernet_request *request, const char *link)
{
	struct usernet_database database;
	struct usernet_line line;
	bool is_found = false;

	int r = database_open(&database);
	if (r < 0)
		return fail("open /run/lxc/nics: %s", strerror(-r));
	struct usernet_text text = database_text(&database);
	while (!is_found && usernet_next(&text, &line))
		is_found = is_mine(&line, request, link);
	if (is_found) {
		r = nic_delete(line.last);
		r = r ?: database_remove(&database, line.last);
	}
	database_close(&database);
	if (!is_found)
		return fail("LINK: not an interface of yours");
	return r < 0 ? fail("delete %s: %s", line.last, strerror(-r)) : EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
	struct asker asker;
	bool is_create = argc >= 2 && strcmp(argv[1], "create") == 0;

	if (renounce() != 0)
		return EXIT_FAILURE;
	if (argc == 2 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0))
		return fputs(usage, stdout) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
	if (!(is_create && (argc == 7 || argc == 8)) && !(argc == 8 && strcmp(argv[1], "delete") == 0)) {
		(void)fputs(usage, stderr);
		return EXIT_FAILURE;
	}
	if (strcmp(argv[5], "veth") != 0)
		return fail("type: only veth is known");
	if (!usernet_is_link_name(argv[6]))
		return fail("bridge: not a name for one");
	if (!is_own_network())
		return fail("it works only in the network namespace of process 1");
	if (take_asker(&asker) != 0)
		return EXIT_FAILURE;
	struct usernet_request request = { asker.user, (const char *const *)asker.groups, asker.count, argv[5], argv[6] };
	int status = is_create ? create(&request, argv[4], argc == 8 ? argv[7] : "eth0") : delete(&request, argv[7]);
	asker_clear(&asker);
	return status;
}
