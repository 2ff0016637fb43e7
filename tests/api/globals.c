/* What belongs to no container. */
#include "main.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>

static void knows_its_version(void)
{
	check_text("version", LXC_VERSION, FUNCTION(lxc_get_version));
}

static void names_states(void)
{
	static const char *const names[] = { "STOPPED", "STARTING", "RUNNING", "STOPPING", "ABORTING",
		"FREEZING", "FROZEN", "THAWED" };
	const char *states[8] = { 0 };
	check_number("number-of-states", 8, FUNCTION(lxc_get_wait_states, NULL));
	check_number("states", 8, FUNCTION(lxc_get_wait_states, states));
	for (int i = 0; i < 8; i++)
		if (!states[i] || strcmp(states[i], names[i]) != 0)
			group_fault("%d is %s, not %s", i, states[i] ? states[i] : "(null)", names[i]);
	end_group("names-of-states");
}

static void has_global_items(void)
{
	static const struct {
		const char *key, *value; /* NULL: unset */
	} items[] = {
		{ "lxc.lxcpath", "/var/lib/lxc" },
		{ "lxc.default_config", "/etc/lxc/default.conf" },
		{ "lxc.bdev.lvm.vg", "lxc" },
		{ "lxc.bdev.lvm.thin_pool", "lxc" },
		{ "lxc.bdev.zfs.root", "lxc" },
		{ "lxc.bdev.rbd.rbdpool", "lxc" },
		{ "lxc.bdev.rbd.rbduser", NULL },
		{ "lxc.cgroup.pattern", NULL },
		{ "lxc.cgroup.use", NULL },
	};
	for (size_t i = 0; i < sizeof(items) / sizeof(*items); i++) {
		errno = EIO;
		const char *value = FUNCTION(lxc_get_global_config_item, items[i].key);
		int number = errno;
		if (value != items[i].value &&
			(!value || !items[i].value || strcmp(value, items[i].value) != 0))
			group_fault("%s is %s", items[i].key, value ? value : "(null)");
		if (number != 0)
			group_fault("%s: errno %d", items[i].key, number);
		if (value != FUNCTION(lxc_get_global_config_item, items[i].key))
			group_fault("%s has another place the second time", items[i].key);
	}
	end_group("global-items");
	errno = 0;
	CHECK("unknown-global-item", !FUNCTION(lxc_get_global_config_item, "lxc.nothing") && errno == EINVAL);
	errno = 0;
	CHECK("no-global-item", !FUNCTION(lxc_get_global_config_item, NULL) && errno == EINVAL);
}

static void knows_keys(void)
{
	static const char *const known[] = { "lxc.cgroup2", "lxc.prlimit", "lxc.net", "lxc.net.",
		"lxc.uts.name", "lxc.rootfs.path", "lxc.mount.auto", "lxc.seccomp.profile" };
	static const char *const unknown[] = { "lxc.cgroup2.memory.max", "lxc.net.0.type", "lxc.nothing",
		"lxc", "" };
	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
		if (!FUNCTION(lxc_config_item_is_supported, known[i]))
			group_fault("%s is not", known[i]);
	for (size_t i = 0; i < sizeof(unknown) / sizeof(*unknown); i++)
		if (FUNCTION(lxc_config_item_is_supported, unknown[i]))
			group_fault("%s is", unknown[i]);
	end_group("supported-keys");
	CHECK("no-key-is-not-supported", !FUNCTION(lxc_config_item_is_supported, NULL));
}

static void knows_extensions(void)
{
	static const char *const known[] = { "lxc_log", "lxc_config_item_is_supported", "console_log",
		"reboot2", "mount_injection", "cgroup_relative", "mount_injection_file", "cgroup2_devices",
		"cgroup2", "pidfd", "time_namespace", "devpts_fd", "idmapped_mounts", "core_scheduling",
		"init_pidfd" };
	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
		if (!FUNCTION(lxc_has_api_extension, known[i]))
			group_fault("%s is missing", known[i]);
	end_group("extensions");
	CHECK("unknown-extension", !FUNCTION(lxc_has_api_extension, "nothing"));
	CHECK("no-extension", !FUNCTION(lxc_has_api_extension, NULL));
}

/* In a child: what lxc_attach_run_command gives back, or the program's own status. */
static int run_command(char *program)
{
	char *argv[] = { program, NULL };
	lxc_attach_command_t command = { program, argv };
	pid_t pid = fork();
	if (pid == 0)
		_exit(lxc_attach_run_command(&command));
	return exit_status(pid, 10);
}

static void runs_commands(void)
{
	char *no_program = strdup(path_of("no-program", "")),
	     *below_file = strdup(path_of("no-program", "x"));
	put_file(no_program, "#!/bin/true\n");
	lxc_attach_command_t missing = { (char *)"/nowhere/program", (char *[]){ (char *)"program", NULL } };
	check_number("run-command-missing", 127, FUNCTION(lxc_attach_run_command, &missing));
	check_number("run-command-forbidden", 126, run_command(no_program));
	check_number("run-command-other-fault", 255, run_command(below_file));
	call_begin("lxc_attach_run_command");
	int status = run_command((char *)"/bin/true");
	call_end("lxc_attach_run_command", status == 0);
	check_number("run-command", 0, status);
	lxc_attach_command_t bad = { below_file, (char *[]){ below_file, NULL } };
	check_number("run-command-returns", -1, FUNCTION(lxc_attach_run_command, &bad));
	(void)unlink(no_program);
	free(no_program);
	free(below_file);
}

/* In a child with root as its root, and nothing to read. */
static int run_shell(const char *root)
{
	pid_t pid = fork();
	if (pid == 0) {
		int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
		(void)dup2(null, STDIN_FILENO);
		if (chroot(root) < 0 || chdir("/") < 0)
			_exit(99);
		_exit(lxc_attach_run_shell(NULL));
	}
	return exit_status(pid, 10);
}

static void runs_shells(void)
{
	call_begin("lxc_attach_run_shell");
	int status = run_shell(setting("API_ROOT"));
	call_end("lxc_attach_run_shell", status == 0);
	check_number("run-shell", 0, status);
	char *empty = strdup(path_of("empty-root", ""));
	(void)mkdir(empty, 0755);
	call_begin("lxc_attach_run_shell");
	status = run_shell(empty);
	call_end("lxc_attach_run_shell", status == 0);
	check_number("run-shell-without-any", 255, status);
	(void)rmdir(empty);
	free(empty);
}

void test_globals(void)
{
	knows_its_version();
	names_states();
	has_global_items();
	knows_keys();
	knows_extensions();
	runs_commands();
	runs_shells();
}
