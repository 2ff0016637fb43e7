/* exec, exec2, exec3, runscript: programs in a container. */
#include "tools/openvz/vz.h"

#include "base/cleanup.h"
#include "base/process.h"
#include "base/text.h"

#include <fcntl.h>
#include <string.h>
#include <sys/wait.h>

extern char **environ;

/* Has the line nothing that only a shell understands, and is it no word of the shell's own? */
static bool is_simple(const char *line)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./:@%+,- ";
	return line[strspn(line, letters)] == '\0' && !text_starts(line, "time ") && !text_starts(line, "echo ");
}

static void exec_shell(const char *line)
{
	if (line) {
		execl("/bin/bash", "bash", "-c", line, (char *)NULL);
		execl("/bin/sh", "sh", "-c", line, (char *)NULL);
	} else {
		execl("/bin/bash", "bash", (char *)NULL);
		execl("/bin/sh", "sh", (char *)NULL);
	}
}

/* In the container. A plain command needs no shell in between; where it can not be executed the shell says why. */
static int exec_program(void *payload)
{
	const struct vz_program *program = payload;
	struct string_list words = { 0 };
	if (program->argv) {
		execvp(program->argv[0], program->argv);
		return errno == ENOENT ? 127 : 126;
	}
	if (program->shell_line && is_simple(program->shell_line) && text_split(program->shell_line, " ", &words) == 0 &&
		words.count > 0 && vector_add(&words))
		execvp(words.items[0], words.items);
	exec_shell(program->shell_line);
	return 127;
}

int vz_run(const struct vz *vz, const struct vz_program *program, int *ret_status, struct error *err)
{
	struct container_id id = vz_id(vz);
	auto_free char *home = NULL, *terminal = NULL;
	pid_t pid;
	if (text_format(&home, "HOME=%s", program->home) < 0 || text_format(&terminal, "TERM=%s", getenv("TERM") ?: "linux") < 0)
		return error_set(err, ENOMEM, "run a program");
	const char *const environment[] = { home, terminal, "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "USER=root",
		"LOGNAME=root", NULL };
	struct attach_options options = { .namespaces = -1, .move_to_cgroup = true, .drop_capabilities = true,
		.set_personality = true, .apply_lsm = true, .personality = -1, .uid = (uid_t)-1, .gid = (gid_t)-1,
		.clear_environment = true, .extra_environment = (char *const *)environment, .initial_cwd = program->home,
		.stdin_fd = program->stdin_fd >= 0 ? program->stdin_fd : STDIN_FILENO, .stdout_fd = STDOUT_FILENO,
		.stderr_fd = STDERR_FILENO };
	fflush(stdout);
	int r = engine_attach(&id, exec_program, (void *)program, &options, &pid, err);
	if (r >= 0 && (r = process_wait(pid, ret_status)) < 0)
		(void)error_set(err, r, "wait for the program");
	return r < 0 ? r : 0;
}

int vz_exit_status(int wait_status)
{
	return WIFEXITED(wait_status) ? WEXITSTATUS(wait_status) : 128 + WTERMSIG(wait_status);
}

static char *join(char *const *words)
{
	char *line = NULL;
	size_t size;
	FILE *out = open_memstream(&line, &size);
	if (!out)
		return NULL;
	for (int i = 0; words[i]; i++)
		fprintf(out, "%s%s", i ? " " : "", words[i]);
	if (fclose(out) == 0)
		return line;
	free(line);
	return NULL;
}

/* -1: an error was told, in *ret_exit. */
static int run_words(struct vz *vz, bool is_shell, int *ret_exit)
{
	struct error err = { 0 };
	struct vz_program program = { .stdin_fd = -1, .home = "/" };
	int status = 0;
	if (vz->argc < 1) {
		*ret_exit = vz_fail(vz, VZ_SYNTAX, "No command line given for exec");
		return -1;
	}
	bool is_input = is_shell && vz->argc == 1 && strcmp(vz->argv[0], "-") == 0;
	auto_free char *line = is_shell && !is_input ? join(vz->argv) : NULL;
	program.shell_line = line;
	program.argv = is_shell ? NULL : vz->argv;
	if (vz_run(vz, &program, &status, &err) >= 0)
		return vz_exit_status(status);
	*ret_exit = vz_is_running(vz) ? vz_fail_error(vz, VZ_SYSTEM, &err) : vz_fail(vz, VZ_NOT_RUNNING, "Container is not running");
	return -1;
}

int vz_command_exec(struct vz *vz)
{
	int status = VZ_OK, code = run_words(vz, true, &status);
	return code < 0 ? status : code == 0 ? VZ_OK : VZ_COMMAND_FAILED;
}

int vz_command_exec2(struct vz *vz)
{
	int status = VZ_OK, code = run_words(vz, true, &status);
	return code < 0 ? status : code;
}

int vz_command_exec3(struct vz *vz)
{
	int status = VZ_OK, code = run_words(vz, false, &status);
	return code < 0 ? status : code;
}

/* ---- without its init ---- */

int vz_start_bare(struct vz *vz)
{
	static const char *const words[] = { "/bin/sh", "-c", "while :; do sleep 1000; done" };
	struct error err = { 0 };
	struct start_options options = { 0 };
	struct start_result result = { 0 };
	auto_spec struct spec *spec = NULL;
	int status = vz_is_mounted(vz) ? VZ_OK : vz_mount(vz);
	status = status ?: vz_make_spec(vz, &spec);
	if (status != VZ_OK)
		return status;
	string_list_clear(&spec->process.argv);
	spec_clear_links(spec);
	struct spec_link *link = vector_add(&spec->network.links);
	int r = link ? 0 : -ENOMEM;
	if (link)
		link->type = LINK_EMPTY;
	for (size_t i = 0; r == 0 && i < 3; i++)
		r = string_list_add(&spec->process.argv, words[i]);
	spec->process.use_init = true; /* a small init that ends at SIGTERM and buries what is left */
	if (r < 0 || engine_start(spec, &options, &result, &err) < 0) {
		(void)vz_umount(vz);
		return vz_fail_error(vz, VZ_ENVIRONMENT, &err);
	}
	return VZ_OK;
}

void vz_stop_bare(struct vz *vz)
{
	struct container_id id = vz_id(vz);
	(void)engine_kill(&id, 10000, NULL); /* nothing of it is worth keeping */
	if (vz_is_mounted(vz))
		(void)vz_umount(vz);
}

int vz_command_runscript(struct vz *vz)
{
	struct error err = { 0 };
	int status = 0;
	if (vz->argc != 1)
		return vz_fail(vz, VZ_SYNTAX, "Script not specified");
	auto_close int fd = open(vz->argv[0], O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return vz_fail(vz, VZ_SYSTEM, "Unable to open %s: %s", vz->argv[0], strerror(errno));
	bool runs = vz_is_running(vz);
	if (!runs && (status = vz_start_bare(vz)) != VZ_OK)
		return status;
	struct vz_program program = { .stdin_fd = fd, .home = "/root" };
	int r = vz_run(vz, &program, &status, &err);
	if (!runs)
		vz_stop_bare(vz);
	return r < 0 ? vz_fail_error(vz, VZ_SYSTEM, &err) : vz_exit_status(status);
}
