/* One program for OpenVZ's commands: the name it is called by selects, else the first argument. */
#include "base/process.h"
#include "tools/openvz/vz.h"

#include <string.h>
#include <unistd.h>

static const struct {
	const char *name;
	int (*run)(int argc, char **argv);
} programs[] = {
	{ "vzctl", vzctl_main },
	{ "vzlist", vzlist_main },
	{ "vzpid", vzpid_main },
	{ "vzubc", vzubc_main },
	{ "vzcfgvalidate", vzcfgvalidate_main },
	{ "vzmigrate", vzmigrate_main },
	{ "vzrestore", vzrestore_main },
	{ "vzdump", vzdump_main },
	{ "vzps", vzps_main },
	{ "vztop", vztop_main },
	{ "vzcalc", vzcalc_main },
	{ "vzmemcheck", vzmemcheck_main },
	{ "vzcpucheck", vzcpucheck_main },
	{ "vzsplit", vzsplit_main },
	{ "vzquota", vzquota_main },
	{ "arpsend", arpsend_main },
	{ "ndsend", ndsend_main },
	{ "vzifup-post", vzifup_post_main },
};

static int run_named(const char *name, int argc, char **argv)
{
	const char *slash = strrchr(name, '/');
	name = slash ? slash + 1 : name;
	for (size_t i = 0; i < sizeof(programs) / sizeof(*programs); i++)
		if (strcmp(programs[i].name, name) == 0)
			return programs[i].run(argc, argv);
	return -1;
}

int main(int argc, char **argv)
{
	process_prefault_stack();
	(void)close_range(3, ~0U, 0); /* what the caller left open must not get into a container; before 5.9 it does */
	int status = argc > 0 ? run_named(argv[0], argc, argv) : -1;
	if (status < 0 && argc > 1)
		status = run_named(argv[1], argc - 1, argv + 1);
	if (status >= 0)
		return status;
	for (size_t i = 0; i < sizeof(programs) / sizeof(*programs); i++)
		puts(programs[i].name); /* what post-install makes links of */
	return argc > 1 && strcmp(argv[1], "--help") == 0 ? 0 : 1;
}
