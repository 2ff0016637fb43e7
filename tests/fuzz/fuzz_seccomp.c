/*
 * Any bytes as a seccomp policy, and as the compiled one beside it: a program, or one line that says what is wrong.
 * fuzz-link: src/programs/seccomp_policy.c -lseccomp
 * fuzz-seed: templates/config/*.seccomp
 */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "programs/seccomp_policy.h"
#include "security/seccomp_cache.h"
#include "security/security.h"

const char *const fuzz_words[] = { "1\nallowlist\n", "2\n", "denylist", "allowlist", "blacklist", "whitelist", "errno ", "kill",
	"trap", "notify", "allow", "[all]\n", "[x86_64]\n", "[x86]\n", "[x32]\n", "[arm64]\n", "[1,2,==]", "[0,0x10,SCMP_CMP_MASKED_EQ,0xf0]",
	",", " ", "\n", "\t", "#", "[", "]", "mkdir", "socketcall", "umount2", "read", "vm86", "reject_force_umount\n", "4095", "-1",
	"18446744073709551615", "SCMP_CMP_NE", "<", ">=", "0", "5", NULL };

static void check_line(const char *line)
{
	if (strchr(line, '\n') || line[0] < '0' || line[0] > '9' || !strstr(line, ": "))
		abort(); /* not "N: TEXT" */
}

/* The library itself loses a few nodes where it refuses a rule; who compiles is a process that ends. */
const char *__lsan_default_suppressions(void);

const char *__lsan_default_suppressions(void)
{
	return "leak:libseccomp.so\n";
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct policy_messages messages;
	scmp_filter_ctx filter = NULL;
	const char *text = (const char *)data;

	/* every rule costs libseccomp a walk through its tree */
	if (size < 4096) {
		int r = seccomp_policy_compile(text, size, &filter, &messages);
		if (r < 0)
			check_line(messages.fault);
		else if (!filter || *messages.fault)
			abort(); /* neither a filter nor a fault */
		if (*messages.warning)
			check_line(messages.warning);
		if (filter)
			seccomp_release(filter);
	}
	/* the same bytes as a cache file, of a text of their own choice */
	struct seccomp_filter cached = { 0 };
	struct seccomp_cache_header header = { 0 };
	if (size > sizeof(header))
		memcpy(&header, data, sizeof(header));
	size_t length = header.text_length < size ? header.text_length : 0;
	char *policy = malloc(length + 1);
	memcpy(policy, data + (length ? size - length : 0), length);
	if (seccomp_cache_parse(text, size, policy, length, &cached) == 0 && cached.count == 0)
		abort(); /* nothing as a program */
	security_seccomp_clear(&cached);
	free(policy);
	return 0;
}
