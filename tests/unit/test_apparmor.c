/* Names and texts of generated AppArmor profiles. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "security/apparmor.h"

static void assert_label(uid_t uid, const char *name, const char *path, const char *wanted)
{
	char label[APPARMOR_LABEL_MAX + 1];

	apparmor_label(uid, name, path, label, sizeof(label));

	assert_string_equal(wanted, label);
	assert_true(apparmor_label_is_of(uid, label));
}

static void test_labels_are_those_of_lxc(void **state)
{
	(void)state;
	assert_label(0, "c1", "/var/lib/lxc", "lxc-c1_</var/lib/lxc>");
	assert_label(1000, "c1", "/home/a/.local/share/lxc", "lxc-uid1000-c1_</home/a/.local/share/lxc>");
}

static void test_labels_with_strange_characters_become_numbers(void **state)
{
	static const char *const names[] = { "a b", "a\"b", "{a,b}", "a*", "a\nb", "\xc3\xa4", "a>b", "^a", "uid1000-x" };
	char label[APPARMOR_LABEL_MAX + 1];

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		apparmor_label(0, names[i], "/var/lib/lxc", label, sizeof(label));
		assert_null(strpbrk(label, " \"*{}\n^"));
		assert_int_equal(4 + 16 + 2 + 16 + 1, strlen(label));
		assert_true(apparmor_label_is_of(0, label));
	}
}

static void test_long_labels_become_numbers(void **state)
{
	char path[1024], label[APPARMOR_LABEL_MAX + 1];

	(void)state;
	memset(path, 'p', sizeof(path) - 1);
	path[0] = '/';
	path[sizeof(path) - 1] = '\0';
	apparmor_label(4294967294U, "c1", path, label, sizeof(label));

	assert_true(apparmor_label_is_of(4294967294U, label));
	assert_true(strlen(label) < 64);
}

static void test_labels_of_others_are_refused(void **state)
{
	static const char *const wrong[] = { "", "lxc-", "lxc-c_</var/lib/lxc>", "lxc-uid1001-c_</a>", "lxc-uid10000-c_</a>",
		"lxc-uid1000-_</a>", "lxc-uid1000-c", "lxc-uid1000-c_<", "lxc-uid1000-c_<>", "lxc-uid1000-c_</a>//x",
		"lxc-uid1000-c_</a> ", "lxc-uid1000-c_</{a,b}>", "lxc-uid1000-c\n_</a>", "lxc-uid1000-\"_</a>",
		"lxc-uid1000-c_</a>//&:x:y_<>", "unconfined", "lxc-container-default-cgns" };

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++)
		assert_false(apparmor_label_is_of(1000, wrong[i]));
	assert_true(apparmor_label_is_of(1000, "lxc-uid1000-c_</a>"));
	assert_false(apparmor_label_is_of(0, "lxc-uid1000-c_</a>"));
	assert_false(apparmor_label_is_of(0, "lxc-container-default-cgns"));
}

static char *text_of(const struct apparmor_profile *profile)
{
	char *text;

	assert_int_equal(0, apparmor_profile_text(profile, &text));
	assert_true(strncmp(text, "profile \"", 9) == 0);
	assert_string_equal("}\n", text + strlen(text) - 2);
	return text;
}

/* Does a rule "deny BEFORE{...}AFTER" match? Its patterns are those of fnmatch here, where '*' takes slashes, too; '?' takes none. */
static bool is_denied(const char *text, const char *before, const char *name)
{
	const char *rule = strstr(text, before);
	char patterns[4096], *rest = NULL;

	assert_non_null(rule);
	snprintf(patterns, sizeof(patterns), "%.*s", (int)strcspn(rule + strlen(before), "}"), rule + strlen(before));
	for (char *pattern = strtok_r(patterns, ",", &rest); pattern; pattern = strtok_r(NULL, ",", &rest)) {
		char glob[256] = "";
		for (const char *c = pattern; *c; c++)
			strncat(glob, *c == '?' ? "[!/]" : *c == '^' ? "!" : (char[]){ *c, '\0' }, sizeof(glob) - strlen(glob) - 1);
		if (fnmatch(glob, name, 0) == 0)
			return true;
	}
	return false;
}

static void test_kernel_settings_are_denied_but_the_containers_own(void **state)
{
	static const char *const denied[] = { "core_pattern", "modprobe", "sysrq", "hostnam", "hostnamex", "hostname2/x",
		"domain", "ns_last_pid", "randomize_va_space", "sched_domain", "hotplug", "dmesg_restrict", "yama/ptrace_scope" };
	static const char *const allowed[] = { "hostname", "domainname", "shmmax", "shm_rmid_forced", "msgmnb", "sem" };
	struct apparmor_profile profile = { .label = "lxc-c_</a>" };
	char *text = text_of(&profile);

	(void)state;
	for (size_t i = 0; i < sizeof(denied) / sizeof(*denied); i++)
		assert_int_equal(strcmp(denied[i], "hostnam") && strcmp(denied[i], "domain"),
			is_denied(text, "deny /proc/sys/kernel/{", denied[i])); /* two that do not exist */
	for (size_t i = 0; i < sizeof(allowed) / sizeof(*allowed); i++)
		assert_false(is_denied(text, "deny /proc/sys/kernel/{", allowed[i]));
	assert_true(is_denied(text, "deny /proc/sys/{", "vm/swappiness"));
	assert_true(is_denied(text, "deny /proc/sys/{", "fs/file-max"));
	assert_false(is_denied(text, "deny /proc/sys/{", "net/ipv4/ip_forward"));
	assert_true(is_denied(text, "deny /sys/{", "kernel/mm/ksm/run"));
	assert_true(is_denied(text, "deny /sys/{", "power/state"));
	assert_false(is_denied(text, "deny /sys/{", "fs/cgroup/x"));
	assert_non_null(strstr(text, "sysrq-trigger"));
	free(text);
}

static void test_file_systems_of_the_host_are_denied(void **state)
{
	static const char *const denied[] = { "ext4", "xfs", "btrfs", "devtmpfs", "debugfs", "securityfs", "tracefs", "bpf",
		"pstore", "efivarfs", "configfs", "procx", "nfs", "9p", "cifs", "vfat", "squashfs", "overlayx" };
	static const char *const allowed[] = { "tmpfs", "proc", "sysfs", "cgroup", "cgroup2", "mqueue", "devpts", "overlay",
		"fuse.sshfs" };
	struct apparmor_profile profile = { .label = "lxc-c_</a>" };
	char *text = text_of(&profile);

	(void)state;
	for (size_t i = 0; i < sizeof(denied) / sizeof(*denied); i++)
		assert_true(is_denied(text, "deny mount fstype={", denied[i]));
	for (size_t i = 0; i < sizeof(allowed) / sizeof(*allowed); i++)
		assert_false(is_denied(text, "deny mount fstype={", allowed[i]));
	assert_true(is_denied(text, "deny mount fstype=proc -> /{", "mnt/"));
	assert_true(is_denied(text, "deny mount fstype=proc -> /{", "proc/x/"));
	assert_false(is_denied(text, "deny mount fstype=proc -> /{", "proc/"));
	free(text);
}

static void test_nesting_and_user_namespaces_may_mount(void **state)
{
	struct apparmor_profile nesting = { .label = "lxc-c_</a>", .allow_nesting = true };
	struct apparmor_profile user = { .label = "lxc-c_</a>", .has_user_namespace = true };
	struct apparmor_profile plain = { .label = "lxc-c_</a>" };
	char *texts[] = { text_of(&nesting), text_of(&user), text_of(&plain) };

	(void)state;
	assert_non_null(strstr(texts[0], "pivot_root"));
	assert_null(strstr(texts[0], "deny mount"));
	assert_string_equal(texts[0], texts[1]);
	assert_null(strstr(texts[2], "pivot_root"));
	for (size_t i = 0; i < 3; i++)
		free(texts[i]);
}

static void test_further_lines_and_the_namespace_stand_inside(void **state)
{
	struct apparmor_profile profile = { .label = "lxc-c_</a>", .policy_namespace = "lxc-c_<-a>",
		.raw = "deny /x r,\ndeny /y r,\n", .names_new_classes = true };
	char *text = text_of(&profile);

	(void)state;
	assert_non_null(strstr(text, "\ndeny /x r,\ndeny /y r,\n"));
	assert_non_null(strstr(text, "change_profile -> \":lxc-c_<-a>:*\""));
	assert_non_null(strstr(text, "  userns,\n"));
	assert_false(is_denied(text, "deny /sys/kernel/security/{", "apparmor/.replace"));
	assert_true(is_denied(text, "deny /sys/kernel/security/{", "ima/policy"));
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_labels_are_those_of_lxc),
		cmocka_unit_test(test_labels_with_strange_characters_become_numbers),
		cmocka_unit_test(test_long_labels_become_numbers),
		cmocka_unit_test(test_labels_of_others_are_refused),
		cmocka_unit_test(test_kernel_settings_are_denied_but_the_containers_own),
		cmocka_unit_test(test_file_systems_of_the_host_are_denied),
		cmocka_unit_test(test_nesting_and_user_namespaces_may_mount),
		cmocka_unit_test(test_further_lines_and_the_namespace_stand_inside),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
