/* Options and lines of fstab, as mount(8) and LXC write them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/error.h"
#include "spec/mount_options.h"

#include <errno.h>
#include <sys/mount.h>

#ifndef MS_NOSYMFOLLOW
#define MS_NOSYMFOLLOW 256
#endif

static void test_each_option(void **state)
{
	static const struct {
		const char *name;
		uint64_t set, clear, propagation;
	} cases[] = {
		{ "defaults", 0, 0, 0 },
		{ "ro", MS_RDONLY, 0, 0 }, { "rw", 0, MS_RDONLY, 0 },
		{ "nosuid", MS_NOSUID, 0, 0 }, { "suid", 0, MS_NOSUID, 0 },
		{ "nodev", MS_NODEV, 0, 0 }, { "dev", 0, MS_NODEV, 0 },
		{ "noexec", MS_NOEXEC, 0, 0 }, { "exec", 0, MS_NOEXEC, 0 },
		{ "sync", MS_SYNCHRONOUS, 0, 0 }, { "async", 0, MS_SYNCHRONOUS, 0 },
		{ "dirsync", MS_DIRSYNC, 0, 0 }, { "remount", MS_REMOUNT, 0, 0 },
		{ "mand", MS_MANDLOCK, 0, 0 }, { "nomand", 0, MS_MANDLOCK, 0 },
		{ "noatime", MS_NOATIME, 0, 0 }, { "atime", 0, MS_NOATIME, 0 },
		{ "nodiratime", MS_NODIRATIME, 0, 0 }, { "diratime", 0, MS_NODIRATIME, 0 },
		{ "bind", MS_BIND, 0, 0 }, { "rbind", MS_BIND | MS_REC, 0, 0 },
		{ "relatime", MS_RELATIME, 0, 0 }, { "norelatime", 0, MS_RELATIME, 0 },
		{ "strictatime", MS_STRICTATIME, 0, 0 }, { "nostrictatime", 0, MS_STRICTATIME, 0 },
		{ "nosymfollow", MS_NOSYMFOLLOW, 0, 0 },
		{ "private", 0, 0, MS_PRIVATE }, { "rprivate", 0, 0, MS_PRIVATE | MS_REC },
		{ "slave", 0, 0, MS_SLAVE }, { "rslave", 0, 0, MS_SLAVE | MS_REC },
		{ "shared", 0, 0, MS_SHARED }, { "rshared", 0, 0, MS_SHARED | MS_REC },
		{ "unbindable", 0, 0, MS_UNBINDABLE }, { "runbindable", 0, 0, MS_UNBINDABLE | MS_REC },
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct mount_flags flags = { 0 };
		if (!mount_flags_add(&flags, cases[i].name, strlen(cases[i].name)))
			fail_msg("%s is not known", cases[i].name);
		if (flags.set != cases[i].set || flags.clear != cases[i].clear ||
			flags.propagation != cases[i].propagation)
			fail_msg("%s: %llx %llx %llx", cases[i].name, (unsigned long long)flags.set,
				(unsigned long long)flags.clear, (unsigned long long)flags.propagation);
	}
}

static void test_later_option_wins(void **state)
{
	struct mount_flags flags = { 0 };
	(void)state;
	assert_true(mount_flags_add(&flags, "ro", 2));
	assert_true(mount_flags_add(&flags, "rw", 2));
	assert_int_equal(flags.set, 0);
	assert_int_equal(flags.clear, MS_RDONLY);
	assert_true(mount_flags_add(&flags, "ro,x", 2));
	assert_int_equal(flags.set, MS_RDONLY);
	assert_int_equal(flags.clear, 0);
	assert_true(mount_flags_add(&flags, "rslave", 6));
	assert_true(mount_flags_add(&flags, "private", 7));
	assert_int_equal(flags.propagation, MS_PRIVATE);
	assert_false(mount_flags_add(&flags, "size=5", 6));
	assert_false(mount_flags_add(&flags, "r", 1));
	assert_false(mount_flags_add(&flags, "", 0));
}

static void test_line(void **state)
{
	struct spec_mount entry;
	(void)state;
	assert_int_equal(mount_line_parse("\t/srv/a\\040b  srv/\\134x\\011y ext4 "
					  "rbind,ro,size=5m,create=dir,optional,,relative,mode=755,rslave,idmap=container 0 0\r\n",
				 &entry), 1);
	assert_string_equal(entry.source, "/srv/a b");
	assert_string_equal(entry.target, "srv/\\x\ty");
	assert_string_equal(entry.type, "ext4");
	assert_string_equal(entry.data, "size=5m,mode=755");
	assert_string_equal(entry.idmap, "container");
	assert_int_equal(entry.flags_set, MS_BIND | MS_REC | MS_RDONLY);
	assert_int_equal(entry.propagation, MS_SLAVE | MS_REC);
	assert_int_equal(entry.create, MOUNT_CREATE_DIRECTORY);
	assert_true(entry.optional);
	assert_true(entry.source_in_rootfs);
	assert_int_equal(entry.line[strlen(entry.line) - 1], '0'); /* as written, without the line's end */
	mount_line_clear(&entry);
	assert_null(entry.source);
}

static void test_line_short(void **state)
{
	struct spec_mount entry;
	(void)state;
	assert_int_equal(mount_line_parse("proc proc proc", &entry), 1);
	assert_string_equal(entry.options, "defaults");
	assert_null(entry.data);
	mount_line_clear(&entry);
	assert_int_equal(mount_line_parse("/f f none bind,create=file,idmap=/proc/1/ns/user", &entry), 1);
	assert_int_equal(entry.create, MOUNT_CREATE_FILE);
	assert_string_equal(entry.idmap, "/proc/1/ns/user");
	mount_line_clear(&entry);
	assert_int_equal(mount_line_parse("", &entry), 0);
	assert_int_equal(mount_line_parse(" \t\r\n", &entry), 0);
	assert_int_equal(mount_line_parse("  # proc proc proc", &entry), 0);
	assert_int_equal(mount_line_parse("proc", &entry), -EINVAL);
	assert_int_equal(mount_line_parse("proc proc", &entry), -EINVAL);
}

static void test_escapes(void **state)
{
	static const struct {
		const char *written, *meant;
	} cases[] = {
		{ "a\\040b", "a b" }, { "\\040", " " }, { "a\\012", "a\n" }, { "a\\134040", "a\\040" },
		{ "a\\\\040", "a\\040" }, { "a\\04", "a\\04" }, { "a\\", "a\\" }, { "a\\0", "a\\0" },
		{ "a\\999", "a\\999" }, { "a\\000b", "a\\000b" }, { "\\303\\244", "\303\244" }, { "a\\477", "a\\477" },
		{ "a\\043b", "a#b" },
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct spec_mount entry;
		char line[64] = "none ";
		strcat(line, cases[i].written);
		strcat(line, " tmpfs");
		assert_int_equal(mount_line_parse(line, &entry), 1);
		assert_string_equal(entry.target, cases[i].meant);
		mount_line_clear(&entry);
	}
}

static void test_fstab(void **state)
{
	static const char text[] = "# a comment\r\n\r\nproc proc proc nodev 0 0\r\n\n  \t\ntmpfs tmp tmpfs size=1m";
	struct error err = { 0 };
	(void)state;
	auto_spec struct spec *spec = spec_new();
	assert_int_equal(fstab_parse(spec, "/srv/fstab", text, sizeof(text) - 1, &err), 0);
	assert_int_equal(spec->mounts.entries.count, 2);
	const struct spec_mount *entries = spec->mounts.entries.items;
	assert_int_equal(entries[0].origin.line, 3);
	assert_int_equal(entries[0].flags_set, MS_NODEV);
	assert_int_equal(entries[1].origin.line, 6);
	assert_string_equal(entries[1].data, "size=1m");
	assert_string_equal(spec->sources.items[entries[1].origin.source], "/srv/fstab");
	assert_int_equal(fstab_parse(spec, "/srv/fstab", text, 0, &err), 0);
	assert_int_equal(spec->mounts.entries.count, 2);
}

static void test_bad_fstab(void **state)
{
	static const char text[] = "proc proc proc\n#\nsysfs sys\r\n";
	struct error err = { 0 };
	(void)state;
	auto_spec struct spec *spec = spec_new();
	assert_int_equal(fstab_parse(spec, "/srv/fstab", text, sizeof(text) - 1, &err), -EINVAL);
	assert_int_equal(err.kind, ERROR_CONFIG);
	assert_int_equal(err.errnum, 0);
	assert_string_equal(err.where, "/srv/fstab:3");
	assert_non_null(strstr(err.what, "sysfs sys"));
	assert_non_null(strstr(err.hint, "\\040"));
	assert_int_equal(spec->mounts.entries.count, 1);
	assert_int_equal(fstab_parse(spec, "/srv/fstab", text, sizeof(text) - 1, NULL), -EINVAL);
	assert_int_equal(fstab_parse(spec, "/srv/fstab", "a b c\0", 6, &err), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_option), cmocka_unit_test(test_later_option_wins), cmocka_unit_test(test_line),
		cmocka_unit_test(test_line_short), cmocka_unit_test(test_escapes), cmocka_unit_test(test_fstab),
		cmocka_unit_test(test_bad_fstab),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
