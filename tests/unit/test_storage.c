/* Trees: copying and removing. Root. */
#include "storage/storage.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cmocka.h>

#include "scratch.h"
#include "spec/spec.h"

static bool exists(const char *path)
{
	struct stat info;
	return lstat(path, &info) == 0;
}

static void removes_without_following(void **state)
{
	(void)state;
	assert_int_equal(mkdir("outside", 0755), 0);
	put("outside/file", "x");
	assert_int_equal(mkdir("tree", 0755), 0);
	assert_int_equal(mkdir("tree/sub", 0), 0);
	put("tree/sub/file", "y");
	assert_int_equal(symlink("../outside", "tree/link"), 0);
	assert_int_equal(storage_remove_tree("tree", NULL, NULL), 0);
	assert_false(exists("tree"));
	/* a link at the top, with a slash or not: the link goes */
	assert_int_equal(symlink("outside", "link"), 0);
	assert_int_equal(storage_remove_tree("link/", NULL, NULL), 0);
	assert_false(exists("link"));
	assert_true(exists("outside/file"));
	assert_int_equal(storage_remove_tree("absent", NULL, NULL), 0);
}

static void keeps_one(void **state)
{
	(void)state;
	assert_int_equal(mkdir("tree", 0755), 0);
	assert_int_equal(mkdir("tree/snaps", 0755), 0);
	put("tree/snaps/file", "x");
	put("tree/config", "y");
	assert_int_equal(storage_remove_tree("tree/", (const char *const[]){ "snaps", NULL }, NULL), 0);
	assert_true(exists("tree/snaps/file"));
	assert_false(exists("tree/config"));
}

static void stays_in_its_mount(void **state)
{
	(void)state;
	struct error err = { 0 };
	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		skip();
	assert_int_equal(mkdir("outside", 0755), 0);
	put("outside/file", "x");
	assert_int_equal(mkdir("tree", 0755), 0);
	assert_int_equal(mkdir("tree/mnt", 0755), 0);
	put("tree/file", "y");
	/* same device number: only the mount tells them apart */
	assert_int_equal(mount("outside", "tree/mnt", NULL, MS_BIND, NULL), 0);
	assert_int_equal(storage_copy_tree("tree", "copy", NULL), 0);
	assert_true(exists("copy/mnt"));
	assert_false(exists("copy/mnt/file"));
	assert_true(exists("copy/file"));
	assert_true(storage_remove_tree("tree", NULL, &err) < 0);
	assert_int_equal(err.errnum, EBUSY);
	assert_true(exists("outside/file"));
	assert_true(storage_remove_tree("tree/mnt", NULL, NULL) < 0);
	assert_true(exists("outside/file"));
	assert_int_equal(umount("tree/mnt"), 0);
	assert_int_equal(storage_remove_tree("tree", NULL, NULL), 0);
}

static void removes_deep_trees(void **state)
{
	(void)state;
	assert_int_equal(mkdir("tree", 0755), 0);
	int fd = open("tree", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	for (int i = 0; i < 3000; i++) {
		assert_int_equal(mkdirat(fd, "d", 0755), 0);
		int next = openat(fd, "d", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		assert_true(next >= 0);
		close(fd);
		fd = next;
	}
	close(fd);
	assert_int_equal(storage_remove_tree("tree", NULL, NULL), 0);
	assert_false(exists("tree"));
}

static void copies_everything(void **state)
{
	(void)state;
	struct stat a, b;
	char value[16];
	assert_int_equal(mkdir("tree", 0755), 0);
	assert_int_equal(mkdir("tree/sub", 01777), 0);
	put("tree/file", "text");
	assert_int_equal(chown("tree/file", 1000, 1001), 0);
	assert_int_equal(chmod("tree/file", 04755), 0);
	assert_int_equal(link("tree/file", "tree/sub/second"), 0);
	assert_int_equal(symlink("/no/where", "tree/link"), 0);
	assert_int_equal(mkfifo("tree/fifo", 0600), 0);
	bool has_device = mknod("tree/null", S_IFCHR | 0666, makedev(1, 3)) == 0;
	bool has_xattr = setxattr("tree", "user.test", "one", 3, 0) == 0;
	int fd = open("tree/sparse", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_int_equal(pwrite(fd, "end", 3, 8 << 20), 3);
	close(fd);
	assert_int_equal(storage_copy_tree("tree", "copy", NULL), 0);

	assert_int_equal(stat("copy/file", &a), 0);
	assert_int_equal(a.st_uid, 1000);
	assert_int_equal(a.st_gid, 1001);
	assert_int_equal(a.st_mode & 07777, 04755);
	assert_int_equal(stat("copy/sub/second", &b), 0);
	assert_int_equal(a.st_ino, b.st_ino);
	assert_int_equal(a.st_nlink, 2);
	assert_int_equal(stat("tree/file", &b), 0);
	assert_int_equal(a.st_mtim.tv_sec, b.st_mtim.tv_sec);
	assert_int_equal(a.st_mtim.tv_nsec, b.st_mtim.tv_nsec);
	assert_int_equal(lstat("copy/link", &a), 0);
	assert_true(S_ISLNK(a.st_mode));
	assert_int_equal(lstat("copy/fifo", &a), 0);
	assert_true(S_ISFIFO(a.st_mode));
	assert_int_equal(stat("copy/sparse", &a), 0);
	assert_int_equal(a.st_size, (8 << 20) + 3);
	assert_true(a.st_blocks < 1024);
	assert_int_equal(stat("copy/sub", &a), 0);
	assert_int_equal(stat("tree/sub", &b), 0);
	assert_int_equal(a.st_mode, b.st_mode);
	if (has_device) {
		assert_int_equal(lstat("copy/null", &a), 0);
		assert_int_equal(a.st_rdev, makedev(1, 3));
	}
	if (has_xattr)
		assert_int_equal(getxattr("copy", "user.test", value, sizeof(value)), 3);
}

static void copies_not_into_itself(void **state)
{
	(void)state;
	assert_int_equal(mkdir("tree", 0755), 0);
	put("tree/file", "x");
	assert_int_equal(storage_copy_tree("tree", "tree/copy", NULL), 0);
	assert_true(exists("tree/copy/file"));
	assert_false(exists("tree/copy/copy"));
	/* what is there stays as it is */
	assert_true(storage_copy_tree("tree", "tree/copy", NULL) < 0);
	assert_true(exists("tree/copy/file"));
}

static void shifts_owners_once(void **state)
{
	(void)state;
	struct spec *spec = spec_new();
	*(struct spec_idmap *)vector_add(&spec->idmaps) = (struct spec_idmap){ false, 0, 1000, 5000, { 0 } };
	*(struct spec_idmap *)vector_add(&spec->idmaps) = (struct spec_idmap){ true, 0, 2000, 5000, { 0 } };
	struct stat info;
	assert_int_equal(mkdir("shifted", 0755), 0);
	put("shifted/file", "x");
	assert_int_equal(link("shifted/file", "shifted/again"), 0);
	assert_int_equal(chown("shifted/file", 5, 6), 0);
	assert_int_equal(chmod("shifted/file", 04755), 0);
	assert_int_equal(symlink("/etc/passwd", "shifted/link"), 0);
	for (int i = 0; i < 2; i++) { /* the second time changes nothing */
		assert_int_equal(storage_shift_tree("shifted", spec, NULL), 0);
		assert_int_equal(lstat("shifted/again", &info), 0);
		assert_int_equal(info.st_uid, 1005);
		assert_int_equal(info.st_gid, 2006);
		assert_int_equal(info.st_mode & 07777, 04755);
		assert_int_equal(lstat("shifted/link", &info), 0);
		assert_int_equal(info.st_uid, 1000);
	}
	assert_int_equal(stat("/etc/passwd", &info), 0);
	assert_int_equal(info.st_uid, 0);
	assert_int_equal(chown("shifted", 0, 0), 0);
	struct error err = { 0 };
	assert_int_equal(lchown("shifted/link", 70000, 0), 0);
	assert_int_equal(storage_shift_tree("shifted", spec, &err), -EOVERFLOW);
	spec_free(spec);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(removes_without_following, set_up, tear_down),
		cmocka_unit_test_setup_teardown(keeps_one, set_up, tear_down),
		cmocka_unit_test_setup_teardown(stays_in_its_mount, set_up, tear_down),
		cmocka_unit_test_setup_teardown(removes_deep_trees, set_up, tear_down),
		cmocka_unit_test_setup_teardown(copies_everything, set_up, tear_down),
		cmocka_unit_test_setup_teardown(copies_not_into_itself, set_up, tear_down),
		cmocka_unit_test_setup_teardown(shifts_owners_once, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
