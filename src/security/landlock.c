/* lxc.landlock.*: the files that a program may use, beside what its user and the mounts allow. */
#include "kernel/landlock.h"

#include <errno.h>

#include "base/cleanup.h"
#include "security/security.h"

bool security_has_file_rules(const struct spec *spec)
{
	const struct spec_security *security = &spec->security;

	return security->landlock_read.count || security->landlock_execute.count || security->landlock_write.count;
}

static int allow(const struct spec *spec, int ruleset_fd, int version, const struct string_list *paths, unsigned access,
	struct error *err)
{
	vector_for_each (path, paths) {
		int r = landlock_allow(ruleset_fd, version, *path, access);
		if (r < 0) {
			r = spec_error(err, r, spec, NULL, "allow %s by Landlock", *path);
			error_hint(err, "name a path of the container that is there, or leave it out of lxc.landlock");
			return r;
		}
	}
	return 0;
}

/* In the host's network an application could reach the abstract sockets of its caller's session. */
static bool is_kept_from_sockets(const struct spec *spec)
{
	return spec->process.is_application && spec_wants_no_new_privs(spec) &&
	       !(spec_new_namespaces(spec) & 1U << NAMESPACE_NET);
}

int security_restrict_files(const struct spec *spec, struct error *err)
{
	const struct spec_security *security = &spec->security;

	bool with_files = security_has_file_rules(spec);

	if (!with_files && !is_kept_from_sockets(spec))
		return 0;
	int version = landlock_version();
	if (version == 0 || (!with_files && version < LANDLOCK_SCOPES))
		return 0; /* files: the supervisor has said so */
	auto_close int fd = landlock_create(version, with_files);
	if (fd < 0)
		return error_set(err, fd, "make a Landlock ruleset");
	int r = allow(spec, fd, version, &security->landlock_read, LANDLOCK_READ, err);
	r = r ?: allow(spec, fd, version, &security->landlock_execute, LANDLOCK_READ | LANDLOCK_EXECUTE, err);
	r = r ?: allow(spec, fd, version, &security->landlock_write, LANDLOCK_READ | LANDLOCK_WRITE, err);
	if (r < 0)
		return r;
	r = landlock_restrict(fd);
	return r < 0 ? error_set(err, r, "restrict the program by Landlock") : 0;
}
