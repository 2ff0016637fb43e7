/* DHCP clients outside of the container: one process for each interface, found again by the file that it has locked. */
#include "base/cleanup.h"
#include "base/paths.h"
#include "base/talk.h"
#include "base/text.h"
#include "kernel/pidfd.h"
#include "network/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#define GIVE_BACK_MS 500 /* that a client has for its last message */

bool network_wants_dhcp(const struct spec *spec)
{
	vector_for_each (link, &spec->network.links)
		if (link->ipv4_dhcp)
			return true;
	return false;
}

static int run_client(char *const *argv, char *answer, size_t size)
{
	struct talk talk;
	int r = talk_open(&talk);
	r = r ?: talk_run(&talk, argv, NULL);
	if (r > 0)
		talk_line(&talk, 2, answer, size);
	talk_close(&talk);
	return r;
}

static int start_client(const struct network *network, const struct planned_link *link, const char *init, const char *ticks,
	const char *run_path, struct error *err)
{
	const struct spec *spec = network->spec;
	char lease[PATH_MAX], index[16], answer[256] = "";
	auto_free char *name = NULL;
	(void)snprintf(index, sizeof(index), "%" PRIu32, link->spec->index);
	if ((size_t)snprintf(lease, sizeof(lease), "%s/dhcp.%s", run_path, index) >= sizeof(lease))
		return error_set(err, ENAMETOOLONG, "start a DHCP client for %s", link->inside_name);
	int r = text_format(&name, "%s/%s", spec->identity.base_path, spec->identity.name);
	r = r ?: network->journal(network->journal_data, "DHCP", lease);
	if (r < 0)
		return error_set(err, r, "write the journal");
	char *argv[] = { (char *)WABE_DHCP, (char *)init, (char *)ticks, lease, (char *)link->inside_name, index,
		spec->identity.hostname ?: spec->identity.name, name, (char *)(*link->gateway4 ? "no-routes" : "-"),
		(char *)(spec->lifecycle.ephemeral ? "release" : "-"), NULL };
	r = run_client(argv, answer, sizeof(answer));
	if (r < 0)
		return link_error(err, r, spec, link->spec, "ipv4.dhcp", "start " WABE_DHCP);
	return r > 0 ? link_error(err, 0, spec, link->spec, "ipv4.dhcp", "start a DHCP client: %s", answer) : 0;
}

int network_start_dhcp(const struct network *network, pid_t init_pid, uint64_t init_ticks, const char *run_path, struct error *err)
{
	char init[16], ticks[24];
	int r = 0;
	(void)snprintf(init, sizeof(init), "%d", (int)init_pid);
	(void)snprintf(ticks, sizeof(ticks), "%" PRIu64, init_ticks);
	for (size_t i = 0; r == 0 && i < network->count; i++)
		if (network->links[i].spec->ipv4_dhcp)
			r = start_client(network, &network->links[i], init, ticks, run_path, err);
	return r;
}

/* Who holds the lock on the file, as a pidfd; -ESRCH: nobody. */
static int find_client(int fd)
{
	struct flock first = { .l_type = F_WRLCK, .l_whence = SEEK_SET }, second = first;
	if (fcntl(fd, F_GETLK, &first) < 0)
		return -errno;
	if (first.l_type == F_UNLCK || first.l_pid <= 0)
		return -ESRCH;
	auto_close int pidfd = process_pidfd(first.l_pid);
	if (pidfd < 0)
		return pidfd;
	/* still the same one: the number had not been given to another process when the pidfd was opened */
	if (fcntl(fd, F_GETLK, &second) < 0 || second.l_type == F_UNLCK || second.l_pid != first.l_pid)
		return -ESRCH;
	return take_fd(&pidfd);
}

int dhcp_undo(const char *argument, int netns_fd, struct error *err)
{
	(void)netns_fd;
	auto_close int fd = open(argument, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return errno == ENOENT ? 0 : error_set(err, errno, "open %s", argument);
	auto_close int pidfd = find_client(fd);
	if (pidfd >= 0) {
		(void)pidfd_send_signal_number(pidfd, SIGTERM); /* it may be about to end, as init has */
		if (pidfd_wait(pidfd, GIVE_BACK_MS) < 0) {
			(void)pidfd_send_signal_number(pidfd, SIGKILL);
			(void)pidfd_wait(pidfd, -1);
		}
	}
	(void)unlink(argument); /* a leftover that is gone is fine */
	return 0;
}
