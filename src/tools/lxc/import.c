/* lxc-import: a container from an archive of one. The template of the same name does the work. */
#include "tools/tool.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "base/process.h"
#include "base/text.h"
#include "liblxc/extra.h"

#include <lxc/lxccontainer.h>

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

static const struct tool_option options[] = {
	{ NULL, 0, ARGUMENT_NONE, NULL, NULL },
};

/* What the new container's configuration begins with goes to fd; its first line may be "# name = NAME". */
static int probe(const struct call *call, const char *file_option, int fd)
{
	auto_free char *template = NULL;
	pid_t pid;
	int status = 0, r = extra_find_template("import", &template);
	if (r == 0) {
		char *argv[] = { template, (char *)"--probe", (char *)file_option, NULL };
		r = process_spawn(argv, NULL, (int[3]){ -1, fd, 2 }, &pid);
	}
	r = r ?: process_wait(pid, &status);
	if (r < 0)
		tool_error(call, "template %s: %s", template ?: "import", strerror(-r));
	return r < 0 || status != 0 ? -1 : 0; /* it has said why */
}

static char *name_in_archive(int fd)
{
	static const char mark[] = "# name = ";
	char *text = NULL;
	size_t length;
	if (lseek(fd, 0, SEEK_SET) < 0 || file_read_fd(fd, 65536, &text, &length) < 0)
		return NULL;
	auto_free char *held = text;
	char *line = strstr(text, mark);
	if (!line)
		return NULL;
	line += strlen(mark);
	line[strcspn(line, "\n")] = '\0';
	return *line ? strdup(line) : NULL;
}

static int import(const struct call *call, const char *name, int base_fd, char *file_option)
{
	char base[64];
	char *const arguments[] = { file_option, NULL };
	struct lxc_container *c = lxc_container_new(name, call->lxcpath);
	int status = EXIT_FAILURE;
	(void)snprintf(base, sizeof(base), "/proc/self/fd/%d", base_fd);
	if (!c)
		tool_error(call, "%s is no name of a container", name);
	else if (c->is_defined(c))
		tool_error(call, "container %s exists already, choose a name with -n", name);
	else if (extra_load_config(c, base) < 0)
		tool_container_error(call, c, "can not begin the configuration");
	else if (!c->create(c, "import", NULL, NULL, call->quiet ? LXC_CREATE_QUIET : 0, arguments))
		tool_container_error(call, c, "can not import the container");
	else
		status = EXIT_SUCCESS;
	if (status == EXIT_SUCCESS && !call->quiet)
		printf("%s\n", name);
	if (c)
		lxc_container_put(c);
	return status;
}

static int run(struct call *call)
{
	auto_free char *path = NULL, *option = NULL, *name = NULL;
	if (call->argument_count != 1) {
		tool_error(call, "give one archive");
		return EXIT_FAILURE;
	}
	path = realpath(call->arguments[0], NULL);
	if (!path || text_format(&option, "--file=%s", path) < 0) {
		tool_error(call, "%s: %s", call->arguments[0], strerror(errno));
		return EXIT_FAILURE;
	}
	auto_close int fd = memfd_create("import", MFD_CLOEXEC);
	if (fd < 0 || probe(call, option, fd) < 0)
		return EXIT_FAILURE;
	name = name_in_archive(fd);
	if (!call->name && !name) {
		tool_error(call, "the archive does not say a name, choose one with -n");
		return EXIT_FAILURE;
	}
	return import(call, call->name ?: name, fd, option);
}

const struct tool lxc_import_tool = {
	.name = "lxc-import",
	.summary = "Make a container from an archive of one",
	.usage = "[-n NAME] ARCHIVE",
	.options = options,
	.description = "ARCHIVE is what lxc-export has written, a tar file of the directory of a container of LXC (config and rootfs), or "
		       "what vzdump of Proxmox VE or of OpenVZ has written (etc/vzdump/pct.conf or vps.conf in it), plain or compressed with "
		       "gzip, xz, zstd or bzip2. Settings of the latter two become keys of this configuration; what has no key is named. The "
		       "id map is that of the default configuration if the container had one; in a tar file of a directory owners and "
		       "lxc.idmap stay as they are. The configuration may name programs that the host runs: import only what you trust. "
		       "Without -n the name is the archive's. An import that fails leaves nothing.",
	.takes_arguments = true,
	.no_name = true,
	.run = run,
};
