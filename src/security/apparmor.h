#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "spec/spec.h"

/* Profiles of AppArmor: their names and their text. Shared by the supervisor's side and the set-uid helper. */

#define APPARMOR_DEFAULT "lxc-container-default-cgns"
/* Is there since somebody has seen to it that the default is loaded; as it and the policies, gone with the next boot. */
#define APPARMOR_DEFAULT_MARK "/run/wabe/apparmor-default"
#define APPARMOR_LABEL_MAX 240

/*
 * The name of a container's generated profile: "lxc-NAME_<BASE-PATH>" as LXC has it for root, "lxc-uidN-NAME_<BASE-PATH>"
 * for other users. What is too long for a profile or has characters that mean something in its language becomes
 * numbers. No name of root's begins like one of a user's. size > APPARMOR_LABEL_MAX.
 */
void apparmor_label(uid_t uid, const char *name, const char *base_path, char *buffer, size_t size);

/* May this user load and remove a profile of that name? Characters and length are checked, too. */
bool apparmor_label_is_of(uid_t uid, const char *label);

/* What can differ between generated profiles. */
struct apparmor_profile {
	const char *label;
	bool allow_nesting;    /* mounts of all kinds, for containers inside */
	bool has_user_namespace; /* mounts of all kinds, as the kernel itself judges them there */
	const char *policy_namespace; /* of AppArmor, in which the container may have profiles of its own; or NULL */
	bool names_new_classes; /* the kernel mediates user namespaces and the like, which older parsers do not know */
	const char *raw;	/* lines to add, or NULL */
};

/* The text of a profile, malloc'ed. 0 or -ENOMEM. */
int apparmor_profile_text(const struct apparmor_profile *profile, char **ret);
