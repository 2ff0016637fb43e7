/* One program for all lxc-* commands: the name it is called by selects, else the first argument. */
#include "base/process.h"
#include "tools/tool.h"

#include <string.h>
#include <unistd.h>

static const struct tool *find_tool(const char *name)
{
	const char *slash = strrchr(name, '/');

	if (slash)
		name = slash + 1;
	for (const struct tool *const *tool = tools; *tool; tool++)
		if (!strcmp((*tool)->name, name) || (!strncmp((*tool)->name, "lxc-", 4) && !strcmp((*tool)->name + 4, name)))
			return *tool;
	return NULL;
}

static void print_tools(FILE *out)
{
	fprintf(out, "Usage: lxc-tools COMMAND [ARGUMENT]...\n\n");
	for (const struct tool *const *tool = tools; *tool; tool++)
		fprintf(out, "  %-18s %s\n", (*tool)->name, (*tool)->summary);
}

static int run_tool(const struct tool *tool, int argc, char **argv)
{
	if (tool->closes_fds)
		(void)close_range(3, ~0U, 0); /* before 5.9: the program gets them */
	return tool_main(tool, argc, argv);
}

int main(int argc, char **argv)
{
	const struct tool *tool = argc > 0 ? find_tool(argv[0]) : NULL;

	process_prefault_stack();
	if (tool)
		return run_tool(tool, argc, argv);
	if (argc < 2 || !strcmp(argv[1], "--help") || !strcmp(argv[1], "-h")) {
		print_tools(argc < 2 ? stderr : stdout);
		return argc < 2 ? 1 : 0;
	}
	tool = find_tool(argv[1]);
	if (!tool) {
		fprintf(stderr, "lxc-tools: no command '%s'\n", argv[1]);
		return 1;
	}
	return run_tool(tool, argc - 1, argv + 1);
}
