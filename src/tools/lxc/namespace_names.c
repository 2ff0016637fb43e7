/* Names of namespaces as lxc-attach and lxc-unshare take them. */
#include "tools/lxc/namespace_names.h"

#include "base/text.h"

#include <errno.h>
#include <sched.h>
#include <string.h>

#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x00000080
#endif

static const struct {
	const char *name;
	int flag;
} kinds[] = {
	{ "MOUNT", CLONE_NEWNS },   { "mnt", CLONE_NEWNS },	{ "PID", CLONE_NEWPID },     { "UTSNAME", CLONE_NEWUTS },
	{ "uts", CLONE_NEWUTS },    { "IPC", CLONE_NEWIPC },	{ "USER", CLONE_NEWUSER },   { "NETWORK", CLONE_NEWNET },
	{ "net", CLONE_NEWNET },    { "CGROUP", CLONE_NEWCGROUP }, { "TIME", CLONE_NEWTIME },
};

static int find_flag(const char *name)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (!strcasecmp(kinds[i].name, name))
			return kinds[i].flag;
	return -EINVAL;
}

int namespace_flags_from_names(const char *names, int *ret_flags)
{
	struct string_list list = { NULL, 0, 0 };
	int ret = text_split(names, "|,", &list), flags = 0;

	for (size_t i = 0; i < list.count && ret >= 0; i++) {
		ret = find_flag(list.items[i]);
		flags |= ret < 0 ? 0 : ret;
	}
	if (ret >= 0 && !flags)
		ret = -EINVAL;
	string_list_clear(&list);
	if (ret < 0)
		return ret;
	*ret_flags = flags;
	return 0;
}
