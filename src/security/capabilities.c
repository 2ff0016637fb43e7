/* lxc.cap.drop and lxc.cap.keep. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/capability.h"
#include "security/security.h"

int security_capability_number(const char *name)
{
	if (*name < '0' || *name > '9')
		return capability_from_name(name);
	char *end;
	errno = 0;
	long number = strtol(name, &end, 10);
	if (errno || *end || number >= CAPABILITY_NUMBERS || number > capability_last())
		return -EINVAL;
	return (int)number;
}

static int add_to_mask(const struct spec *spec, const struct string_list *names, unsigned long long *mask,
	struct error *err)
{
	for (size_t i = 0; i < names->count; i++) {
		int number = security_capability_number(names->items[i]);
		if (number < 0) {
			int r = spec_error(err, number, spec, &spec->process.capability_origin,
				"unknown capability %s", names->items[i]);
			error_hint(err, "write names in lower case without cap_, or numbers up to %d",
				capability_last());
			return r;
		}
		*mask |= 1ULL << number;
	}
	return 0;
}

static bool keeps_none(const struct string_list *keep)
{
	return keep->count > 0 && strcmp(keep->items[0], "none") == 0;
}

/* What an application container on the host's ids does without: see spec_drops_host_capabilities. */
static const char *const host_capabilities[] = { "sys_module", "sys_rawio", "sys_boot", "sys_time", "syslog", "mac_admin",
	"mac_override" };

static unsigned long long host_mask(void)
{
	unsigned long long mask = 0;

	for (size_t i = 0; i < sizeof(host_capabilities) / sizeof(*host_capabilities); i++)
		mask |= 1ULL << capability_from_name(host_capabilities[i]);
	return mask;
}

int security_capability_mask(const struct spec *spec, unsigned long long *ret_mask, struct error *err)
{
	const struct spec_process *process = &spec->process;
	unsigned long long dropped = 0, kept = 0;

	int r = add_to_mask(spec, &process->cap_drop, &dropped, err);
	if (r == 0 && process->cap_keep.count > 0 && !keeps_none(&process->cap_keep))
		r = add_to_mask(spec, &process->cap_keep, &kept, err);
	if (r < 0)
		return r;
	if (process->cap_keep.count == 0)
		kept = ~0ULL;
	if (spec_drops_host_capabilities(spec))
		dropped = host_mask();
	if (spec->rootfs.limit_guard & GUARD_PROJECT)
		dropped |= 1ULL << capability_from_name("sys_resource"); /* ext4 lets it pass every limit */
	*ret_mask = kept & ~dropped;
	return 0;
}

int security_drop_bounding_set(const struct spec *spec, struct error *err)
{
	unsigned long long mask;

	if (spec->process.cap_drop.count == 0 && spec->process.cap_keep.count == 0 && !spec_drops_host_capabilities(spec) &&
		!(spec->rootfs.limit_guard & GUARD_PROJECT))
		return 0;
	int r = security_capability_mask(spec, &mask, err);
	for (unsigned number = 0; r == 0 && number < CAPABILITY_NUMBERS; number++) {
		if (mask & 1ULL << number)
			continue;
		r = capability_drop_bound(number);
		if (r == -EINVAL)
			return 0; /* the kernel knows none from here on */
		if (r < 0)
			return spec_error(err, r, spec, &spec->process.capability_origin, "drop capability %u",
				number);
	}
	return r;
}

int security_drop_capabilities(const struct spec *spec, struct error *err)
{
	struct capability_sets sets;

	int r = capability_get(&sets);
	if (r < 0)
		return error_set(err, r, "read the capabilities");
	bool has_filter = spec->security.seccomp_profile || spec->rootfs.limit_guard || spec_serves_quota(spec);
	bool wants_effective = has_filter && sets.effective != sets.permitted;
	if (sets.inheritable == 0 && !wants_effective)
		return 0;
	sets.inheritable = 0; /* CVE-2022-29162: else it survives exec; the ambient set follows it */
	if (wants_effective)
		sets.effective = sets.permitted; /* becoming a user cleared it, the filter needs CAP_SYS_ADMIN */
	r = capability_set(&sets);
	return r < 0 ? error_set(err, r, "set the capabilities") : 0;
}
