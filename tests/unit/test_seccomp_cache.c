/* Files of compiled seccomp policies: whose are believed, where an ordinary user's are. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/filter.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "security/seccomp_cache.h"
#include "security/security.h"

static const char policy[] = "2\ndenylist\n";
static struct sock_filter instructions[] = { { BPF_RET | BPF_K, 0, 0, 0x7fff0000 } };
static const struct seccomp_filter allow = { .instructions = instructions, .count = 1 };

static int load(const char *path, const char *text)
{
	struct seccomp_filter filter = { 0 };
	int r = seccomp_cache_load(path, text, strlen(text), &filter);

	if (r == 0)
		assert_int_equal(filter.count, 1);
	security_seccomp_clear(&filter);
	return r;
}

static void test_believed(void **state)
{
	char directory[] = "/tmp/wabe-test-XXXXXX", path[PATH_MAX];
	(void)state;
	assert_non_null(mkdtemp(directory));
	(void)snprintf(path, sizeof(path), "%s/a/b/file", directory);
	assert_int_equal(load(path, policy), -ENOENT);
	seccomp_cache_save(path, policy, strlen(policy), &allow);
	assert_int_equal(load(path, policy), 0);
	assert_int_equal(load(path, "2\nallowlist\n"), -EBADMSG);
	assert_int_equal(load(path, ""), -EBADMSG);
	assert_int_equal(chmod(path, 0660), 0);
	assert_int_equal(load(path, policy), -EPERM);
	assert_int_equal(chmod(path, 0602), 0);
	assert_int_equal(load(path, policy), -EPERM);
	assert_int_equal(chmod(path, 0644), 0);
	assert_int_equal(load(path, policy), 0);
	if (geteuid() == 0) {
		assert_int_equal(chown(path, 1234, 0), 0);
		assert_int_equal(load(path, policy), -EPERM);
	}
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkfifo(path, 0600), 0); /* does not block */
	assert_int_equal(load(path, policy), -EPERM);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(symlink("/dev/zero", path), 0);
	assert_int_equal(load(path, policy), -ELOOP);
	assert_int_equal(unlink(path), 0);
	*strrchr(path, '/') = '\0';
	assert_int_equal(rmdir(path), 0);
	*strrchr(path, '/') = '\0';
	assert_int_equal(rmdir(path), 0);
	assert_int_equal(rmdir(directory), 0);
}

/* Is the directory of an ordinary user wanted ("" for none)? Exit status of a child that becomes one. */
static int as_user(const char *runtime, const char *home, const char *wanted)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		char path[PATH_MAX] = "";
		if (geteuid() == 0 && setresuid(1234, 1234, 1234) < 0)
			_exit(2);
		if (runtime ? setenv("XDG_RUNTIME_DIR", runtime, 1) : unsetenv("XDG_RUNTIME_DIR"))
			_exit(2);
		if (home ? setenv("HOME", home, 1) : unsetenv("HOME"))
			_exit(2);
		int r = seccomp_cache_directory(path, sizeof(path));
		_exit(*wanted ? r != 0 || strcmp(path, wanted) != 0 : r != -ENOENT);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WEXITSTATUS(status);
}

static void test_directory(void **state)
{
	char path[PATH_MAX], small[8];
	(void)state;
	if (geteuid() == 0) {
		assert_int_equal(seccomp_cache_directory(path, sizeof(path)), 0);
		assert_string_equal(path, "/run/wabe/.seccomp");
		assert_int_equal(seccomp_cache_directory(small, sizeof(small)), -ENOENT);
	}
	assert_int_equal(as_user("/run/user/1234", "/home/u", "/run/user/1234/wabe/.seccomp"), 0);
	assert_int_equal(as_user(NULL, "/home/u", "/home/u/.cache/wabe/.seccomp"), 0);
	assert_int_equal(as_user("relative", "/home/u", "/home/u/.cache/wabe/.seccomp"), 0);
	assert_int_equal(as_user("", NULL, ""), 0);
	assert_int_equal(as_user(NULL, "relative", ""), 0);
}

static void test_damaged(void **state)
{
	struct seccomp_cache_header header = { SECCOMP_CACHE_MAGIC, 0, 1, 0 };
	char data[sizeof(header) + sizeof(instructions)];
	struct seccomp_filter filter = { 0 };
	(void)state;
	for (uint32_t count = 0; count < 3; count++) {
		header.count = count == 2 ? UINT32_MAX : count;
		memcpy(data, &header, sizeof(header));
		memcpy(data + sizeof(header), instructions, sizeof(instructions));
		int r = seccomp_cache_parse(data, sizeof(data), "", 0, &filter);
		assert_int_equal(r, count == 1 ? 0 : -EBADMSG);
		security_seccomp_clear(&filter);
		assert_int_equal(seccomp_cache_parse(data, sizeof(data) - 1, "", 0, &filter), -EBADMSG);
		assert_int_equal(seccomp_cache_parse(data, 3, "", 0, &filter), -EBADMSG);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_believed), cmocka_unit_test(test_directory),
		cmocka_unit_test(test_damaged) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
