/* What can be left behind, and who removes it: the only undo path there is. */
#include "engine/resources.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/journal.h"
#include "cgroup/cgroup.h"
#include "engine/oci_systemd.h"
#include "network/network.h"
#include "security/security.h"

struct release {
	const char *kind;
	int netns_fd;
	const struct log *log;
};

static void release_cgroup(const struct release *release, const char *argument)
{
	(void)release;
	cgroup_remove_path(argument);
}

static void release_network(const struct release *release, const char *argument)
{
	struct error err;

	if (network_undo(release->kind, argument, release->netns_fd, &err) < 0)
		log_warn(release->log, "%s", err.what);
}

static void release_netns(const struct release *release, const char *argument)
{
	(void)release;
	(void)umount2(argument, MNT_DETACH | UMOUNT_NOFOLLOW); /* never mounted: a plain file is left */
	(void)unlink(argument);
}

static void release_profile(const struct release *release, const char *argument)
{
	(void)release;
	security_unload_profile(argument);
}

static void release_unit(const struct release *release, const char *argument)
{
	(void)release;
	oci_unit_stop(argument);
}

static void release_file(const struct release *release, const char *argument)
{
	(void)release;
	(void)unlink(argument); /* a leftover that is gone is fine */
}

static void release_directory(const struct release *release, const char *argument)
{
	(void)release;
	(void)rmdir(argument); /* not empty: not ours any more */
}

static const struct {
	const char *kind;
	void (*run)(const struct release *release, const char *argument);
} releases[] = {
	{ RESOURCE_CGROUP, release_cgroup },
	{ RESOURCE_LINK, release_network },
	{ RESOURCE_PHYS, release_network },
	{ RESOURCE_UPPER, release_network },
	{ RESOURCE_ROUTE, release_network },
	{ RESOURCE_PROXY, release_network },
	{ RESOURCE_NIC, release_network },
	{ RESOURCE_OVS, release_network },
	{ RESOURCE_DHCP, release_network },
	{ RESOURCE_FILTER, release_network },
	{ RESOURCE_NETNS, release_netns },
	{ RESOURCE_APPARMOR, release_profile },
	{ RESOURCE_UNIT, release_unit },
	{ RESOURCE_PIDFILE, release_file },
	{ RESOURCE_DIRECTORY, release_directory },
};

static int release_one(const char *kind, const char *argument, void *data)
{
	struct release *release = data;

	release->kind = kind;
	for (size_t i = 0; i < sizeof(releases) / sizeof(*releases); i++)
		if (strcmp(kind, releases[i].kind) == 0)
			releases[i].run(release, argument);
	return 0;
}

void resources_release(int run_fd, int netns_fd, const struct log *log)
{
	struct release release = { .netns_fd = netns_fd, .log = log };
	auto_close int fd = openat(run_fd, "journal", O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

	if (fd < 0)
		return;
	/* supervisor and init are both gone: what the devices are in is held by the run directory */
	auto_close int kept_fd = netns_fd < 0 ? openat(run_fd, "netns", O_RDONLY | O_CLOEXEC | O_NOFOLLOW) : -1;
	if (kept_fd >= 0)
		release.netns_fd = kept_fd;
	(void)journal_read_backwards(fd, release_one, &release);
	(void)unlinkat(run_fd, "journal", 0); /* replaying twice would do no harm */
}
