/* What holds where the configuration says nothing: the rules that depend on more than one field. */
#include "spec/spec.h"

static bool is_written(const struct origin *origin)
{
	return origin->key != 0;
}

bool spec_wants_no_new_privs(const struct spec *spec)
{
	const struct spec_process *process = &spec->process;

	if (process->no_new_privs || is_written(&process->no_new_privs_origin))
		return process->no_new_privs;
	/* SELinux lets no program change its context then, unless the policy has a rule for it */
	return process->is_application && !spec->security.selinux_context;
}

bool spec_drops_host_capabilities(const struct spec *spec)
{
	const struct spec_process *process = &spec->process;

	/* in a user namespace of its own they mean nothing to the host */
	return process->is_application && spec->idmaps.count == 0 && process->cap_drop.count == 0 &&
	       process->cap_keep.count == 0 && !is_written(&process->capability_origin);
}

bool spec_has_disk_limit(const struct spec *spec)
{
	return spec->rootfs.size_limit > 0 || spec->rootfs.inode_limit > 0;
}

bool spec_serves_quota(const struct spec *spec)
{
	/* root of the first user namespace may call the kernel itself */
	return spec->rootfs.user_quota && spec->idmaps.count > 0;
}
