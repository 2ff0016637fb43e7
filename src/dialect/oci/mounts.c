/* mounts[]: destination, source, options. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "dialect/oci/internal.h"
#include "spec/mount_options.h"

/* clang-format off */
static const struct {
	const char *name;
	uint64_t set, clear;
} more_flags[] = {
	{ "loud", 0, MS_SILENT }, { "silent", MS_SILENT, 0 },
	{ "iversion", MS_I_VERSION, 0 }, { "noiversion", 0, MS_I_VERSION },
	{ "nolazytime", 0, MS_LAZYTIME },
	{ "symfollow", 0, 256 /* MS_NOSYMFOLLOW */ },
};
/* clang-format on */

const char *const oci_own_mount_options[] = { "loud", "silent", "iversion", "noiversion", "nolazytime", "symfollow",
	"tmpcopyup", "idmap", "ridmap", "rro", "rrw", "rnosuid", "rsuid", "rnodev", "rdev", "rnoexec", "rexec", "rnoatime",
	"ratime", "rnodiratime", "rdiratime", "rrelatime", "rnorelatime", "rstrictatime", "rnostrictatime", "rnosymfollow",
	"rsymfollow", NULL };

uint64_t oci_propagation(const char *word)
{
	struct mount_flags flags = { 0 };

	return mount_flags_add(&flags, word, strlen(word)) ? flags.propagation : 0;
}

static bool add_more(struct mount_flags *flags, const char *option)
{
	for (size_t i = 0; i < sizeof(more_flags) / sizeof(*more_flags); i++) {
		if (strcmp(option, more_flags[i].name) != 0)
			continue;
		flags->set = (flags->set | more_flags[i].set) & ~more_flags[i].clear;
		flags->clear = (flags->clear | more_flags[i].clear) & ~more_flags[i].set;
		return true;
	}
	return false;
}

/* "rro": an option of mount_setattr(2) for all below, too. */
static bool add_recursive(struct spec_mount *entry, const char *option)
{
	struct mount_flags flags = { .set = entry->recursive_set, .clear = entry->recursive_clear };

	if (*option != 'r' || oci_word(oci_own_mount_options, option) < 0 || !mount_flags_add(&flags, option + 1, strlen(option + 1)))
		return false;
	entry->recursive_set = flags.set;
	entry->recursive_clear = flags.clear;
	return true;
}

static int add_data(struct spec_mount *entry, const char *option)
{
	auto_free char *old = take_ptr(entry->data);

	return text_format(&entry->data, "%s%s%s", old ?: "", old ? "," : "", option);
}

static int add_option(struct spec_mount *entry, struct mount_flags *flags, const char *option)
{
	if (strcmp(option, "rbind") == 0 || strcmp(option, "bind") == 0) {
		flags->set |= option[0] == 'r' ? MS_BIND | MS_REC : MS_BIND;
		return 0;
	}
	if (strcmp(option, "tmpcopyup") == 0) {
		entry->copy_up = true;
		return 0;
	}
	if (strcmp(option, "idmap") == 0 || strcmp(option, "ridmap") == 0)
		return entry->idmap ? 0 : text_replace(&entry->idmap, "container");
	if (strcmp(option, "rsymfollow") == 0) {
		entry->recursive_clear |= 256;
		return 0;
	}
	if (add_more(flags, option) || add_recursive(entry, option) || mount_flags_add(flags, option, strlen(option)))
		return 0;
	return add_data(entry, option);
}

static int read_options(const struct json_at *at, struct spec_mount *entry)
{
	struct json_at list, item;
	struct mount_flags flags = { 0 };
	int r = json_member(at, "options", JSON_ARRAY, &list);

	for (size_t i = 0; r > 0 && i < json_count(&list); i++) {
		int item_r = json_item(&list, i, JSON_STRING, &item);
		const char *text = item_r < 0 ? NULL : json_text_of(&item);
		if (!text)
			return -EINVAL;
		if (*text && add_option(entry, &flags, text) < 0)
			return json_no_memory(&item);
	}
	if (r < 0)
		return r;
	if (entry->type && strcmp(entry->type, "bind") == 0)
		flags.set |= MS_BIND;
	entry->flags_set = flags.set;
	entry->flags_clear = flags.clear;
	entry->propagation = flags.propagation;
	return 0;
}

static int add_map(char **text, const struct json_at *at, const char *kind)
{
	uint32_t inside = 0, outside = 0, size = 0;
	int r = json_take_u32(at, "containerID", &inside);
	r = r < 0 ? r : json_take_u32(at, "hostID", &outside);
	r = r < 0 ? r : json_take_u32(at, "size", &size);
	if (r < 0)
		return r;
	auto_free char *old = take_ptr(*text);
	return text_format(text, "%s%s:%u:%u:%u;", old ?: "maps:", kind, inside, outside, size) < 0 ? json_no_memory(at) : 0;
}

/* The maps of an idmapped mount as text: "maps:u:0:100000:65536;g:...". */
static int read_maps(const struct json_at *at, struct spec_mount *entry)
{
	static const char *const names[] = { "uidMappings", "gidMappings" };
	auto_free char *text = NULL;
	size_t counts[2] = { 0 };

	for (int i = 0; i < 2; i++) {
		struct json_at list, item;
		int r = json_member(at, names[i], JSON_ARRAY, &list);
		counts[i] = r > 0 ? json_count(&list) : 0;
		for (size_t n = 0; r >= 0 && n < counts[i]; n++) {
			r = json_item(&list, n, JSON_OBJECT, &item);
			r = r < 0 ? r : add_map(&text, &item, i ? "g" : "u");
		}
		if (r < 0)
			return r;
	}
	if (!counts[0] != !counts[1])
		return json_fault(at, "uidMappings and gidMappings need each other");
	if (!text)
		return 0;
	free(entry->idmap);
	entry->idmap = take_ptr(text);
	return 0;
}

static int read_mount(const struct json_at *at, struct spec *spec)
{
	struct spec_mount *entry = vector_add(&spec->mounts.entries);

	if (!entry)
		return json_no_memory(at);
	entry->origin = json_origin(at);
	int r = json_take_text(at, "destination", &entry->target);
	if (r == 0 || (r > 0 && !*entry->target))
		return json_missing(at, "destination");
	r = r < 0 ? r : json_take_text(at, "source", &entry->source);
	r = r < 0 ? r : json_take_text(at, "type", &entry->type);
	r = r < 0 ? r : read_options(at, entry);
	r = r < 0 ? r : read_maps(at, entry);
	if (r < 0)
		return r;
	oci_clean_path(entry->target);
	if (entry->flags_set & MS_BIND && !(entry->flags_set & MS_REMOUNT)) {
		if (!entry->source || !*entry->source)
			return json_missing(at, "source");
		auto_free char *relative = *entry->source != '/' ? take_ptr(entry->source) : NULL;
		if (relative && text_format(&entry->source, "%s/%s", spec->oci.bundle, relative) < 0)
			return json_no_memory(at);
	} else if (!entry->type || !*entry->type) {
		if (!(entry->flags_set & MS_REMOUNT) && !entry->propagation)
			return json_missing(at, "type");
	}
	if (!entry->source && text_replace(&entry->source, entry->type ?: "none") < 0)
		return json_no_memory(at);
	return 0;
}

int oci_read_mounts(const struct json_at *root, struct spec *spec)
{
	struct json_at list, item;
	int r = json_member(root, "mounts", JSON_ARRAY, &list);

	for (size_t i = 0; r > 0 && i < json_count(&list); i++) {
		int item_r = json_item(&list, i, JSON_OBJECT, &item);
		item_r = item_r < 0 ? item_r : read_mount(&item, spec);
		if (item_r < 0)
			return item_r;
	}
	return r < 0 ? r : 0;
}
