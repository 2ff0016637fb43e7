/*
 * Any bytes as the label that an ordinary user gives the set-uid loader of AppArmor profiles, and as a container's name
 * and path. One that is taken is that user's alone and adds nothing to the text of the profile but itself.
 */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "security/apparmor.h"

const char *const fuzz_words[] = { "lxc-uid1000-c1_<-home-u>", "lxc-uid1000-", "lxc-c1_</var/lib/lxc>", "lxc-", "_<", ">", "uid", "{",
	"}", "\n", "flags=(unconfined)", "\"", "#", ",", NULL };

/* How often the text has what it would take to say more than it should. */
static size_t count_marks(const char *text)
{
	size_t count = 0;

	for (; *(text += strcspn(text, "{}\n\"#,()")); text++)
		count++;
	return count;
}

static size_t marks_of(const char *label)
{
	const struct apparmor_profile profile = { .label = label, .has_user_namespace = true };
	char *text = NULL;

	if (apparmor_profile_text(&profile, &text) < 0)
		return 0;
	size_t count = count_marks(text);
	free(text);
	return count;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char plain[] = "lxc-uid1000-c1_<-home-u>";
	char *copy = malloc(size + 1), made[APPARMOR_LABEL_MAX + 1];

	if (!copy)
		return 0;
	memcpy(copy, data, size);
	copy[size] = '\0';
	if (apparmor_label_is_of(1000, copy) &&
		(apparmor_label_is_of(0, copy) || apparmor_label_is_of(100, copy) || strncmp(copy, "lxc-uid1000-", 12) != 0 ||
			strlen(copy) > APPARMOR_LABEL_MAX || marks_of(copy) != marks_of(plain)))
		abort();
	/* what a container is called: whatever it is, its profile is its owner's */
	const char *path = strchr(copy, '\n');
	if (path)
		copy[path++ - copy] = '\0';
	for (uid_t uid = 0; uid <= 1000 && *copy; uid += 1000) {
		apparmor_label(uid, copy, path && *path ? path : "/home/u", made, sizeof(made));
		if (!apparmor_label_is_of(uid, made) || apparmor_label_is_of(1000 - uid, made))
			abort();
	}
	free(copy);
	return 0;
}
