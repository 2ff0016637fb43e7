/* The rules that belong to a disk limit, for each ABI of the machine: the kernel's interpreter, as far as they need it. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <string.h>
#include <sys/syscall.h>

#include "security/seccomp_guard.h"
#include "security/security.h"

#define SUBVOL_CREATE	 0x5000940eU
#define SUBVOL_CREATE_V2 0x50009418U
#define FSSETXATTR	 0x401c5820U
#define SETFLAGS	 0x40086602U
#define SETFLAGS_32	 0x40046602U
#define QGROUP_LIMIT	 0x8030942bU
#define OTHER		 0x5401U
#define DENIED		 (SECCOMP_RET_ERRNO | EPERM)

#if defined(__x86_64__)

static uint32_t run(const struct seccomp_filter *filter, uint32_t arch, uint32_t number, uint64_t argument)
{
	struct seccomp_data data = { .nr = (int)number, .arch = arch, .args = { 3, argument } };
	uint32_t value = 0;

	for (size_t i = 0; i < filter->count; i++) {
		const struct sock_filter *code = &filter->instructions[i];
		if (code->code == (BPF_LD | BPF_W | BPF_ABS))
			memcpy(&value, (char *)&data + code->k, sizeof(value));
		else if (code->code == (BPF_JMP | BPF_JEQ | BPF_K))
			i += value == code->k ? code->jt : code->jf;
		else if (code->code == (BPF_RET | BPF_K))
			return code->k;
		else
			fail();
	}
	fail_msg("the program has no end");
	return 0;
}

static struct seccomp_filter filter_of(uint32_t guard, bool serves_quota)
{
	struct seccomp_filter filter = { 0 };
	struct spec *spec = spec_new();

	assert_non_null(spec);
	spec->rootfs.limit_guard = guard;
	spec->rootfs.user_quota = serves_quota;
	if (serves_quota)
		assert_non_null(vector_add(&spec->idmaps));
	assert_int_equal(seccomp_guard_add(spec, &filter), 0);
	spec_free(spec);
	return filter;
}

static const struct {
	uint32_t arch, bit, ioctl, quotactl;
} abis[] = { { AUDIT_ARCH_X86_64, 0, 16, 179 }, { AUDIT_ARCH_X86_64, 0x40000000, 514, 179 }, { AUDIT_ARCH_I386, 0, 54, 131 } };

static void expect_ioctl(uint32_t guard, uint32_t command, uint32_t wanted)
{
	struct seccomp_filter filter = filter_of(guard, false);

	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(run(&filter, abis[i].arch, abis[i].ioctl | abis[i].bit, command), wanted);
		/* the kernel looks at the lower half alone */
		assert_int_equal(run(&filter, abis[i].arch, abis[i].ioctl | abis[i].bit, command | 1ULL << 32), wanted);
	}
	security_seccomp_clear(&filter);
}

static void test_ioctls(void **state)
{
	(void)state;
	expect_ioctl(GUARD_SUBVOLUME_GROUPS, SUBVOL_CREATE_V2, DENIED);
	expect_ioctl(GUARD_SUBVOLUME_GROUPS, SUBVOL_CREATE, SECCOMP_RET_ALLOW);
	expect_ioctl(GUARD_SUBVOLUMES, SUBVOL_CREATE, DENIED);
	expect_ioctl(GUARD_SUBVOLUMES, SUBVOL_CREATE_V2, DENIED);
	expect_ioctl(GUARD_GROUPS, QGROUP_LIMIT, DENIED);
	expect_ioctl(GUARD_PROJECT, FSSETXATTR, DENIED);
	expect_ioctl(GUARD_PROJECT, SETFLAGS, DENIED);
	expect_ioctl(GUARD_PROJECT, SETFLAGS_32, DENIED);
	expect_ioctl(GUARD_PROJECT, OTHER, SECCOMP_RET_ALLOW);
	expect_ioctl(GUARD_PROJECT | GUARD_GROUPS | GUARD_SUBVOLUMES, OTHER, SECCOMP_RET_ALLOW);
}

static void test_calls(void **state)
{
	struct seccomp_filter project = filter_of(GUARD_PROJECT, false), groups = filter_of(GUARD_GROUPS, false),
			      quota = filter_of(0, true), shown = filter_of(GUARD_STATFS | GUARD_SUBVOLUMES, false);
	(void)state;
	for (size_t i = 0; i < 3; i++) {
		uint32_t arch = abis[i].arch, bit = abis[i].bit;
		uint32_t served = i == 0 ? SECCOMP_RET_USER_NOTIF : SECCOMP_RET_ERRNO | ENOSYS;
		assert_int_equal(run(&project, arch, abis[i].quotactl | bit, 0), DENIED);
		assert_int_equal(run(&project, arch, 443 | bit, 0), DENIED);
		assert_int_equal(run(&project, arch, 469 | bit, 0), DENIED);
		assert_int_equal(run(&groups, arch, abis[i].quotactl | bit, 0), SECCOMP_RET_ALLOW);
		assert_int_equal(run(&quota, arch, abis[i].quotactl | bit, 0), served);
		assert_int_equal(run(&quota, arch, 443 | bit, 0), served);
		assert_int_equal(run(&quota, arch, abis[i].ioctl | bit, FSSETXATTR), SECCOMP_RET_ALLOW);
		assert_int_equal(run(&quota, arch, 1 | bit, 0), SECCOMP_RET_ALLOW);
		for (uint32_t call = 137; call <= 138; call++) { /* statfs, fstatfs; other things in i386 */
			assert_int_equal(run(&shown, arch, call | bit, 0), i == 0 ? SECCOMP_RET_USER_NOTIF : SECCOMP_RET_ALLOW);
			assert_int_equal(run(&groups, arch, call | bit, 0), SECCOMP_RET_ALLOW);
		}
	}
	security_seccomp_clear(&project);
	security_seccomp_clear(&groups);
	security_seccomp_clear(&quota);
	security_seccomp_clear(&shown);
}

#else

static void test_ioctls(void **state)
{
	(void)state;
	skip();
}

static void test_calls(void **state)
{
	(void)state;
	skip();
}

#endif

static void test_nothing_without_limit(void **state)
{
	struct seccomp_filter filter = { 0 };
	struct spec *spec = spec_new();

	(void)state;
	assert_int_equal(seccomp_guard_add(spec, &filter), 0);
	assert_int_equal(filter.count, 0);
	assert_null(filter.instructions);
	spec_free(spec);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_ioctls), cmocka_unit_test(test_calls),
		cmocka_unit_test(test_nothing_without_limit) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
