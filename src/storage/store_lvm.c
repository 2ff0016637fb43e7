/* A logical volume, ordinary or thin. Source: /dev/GROUP/VOLUME. lvm(8), lvmthin(7). */
#include "base/cleanup.h"
#include "base/text.h"
#include "base/vector.h"
#include "storage/stores.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool detect(const char *source)
{
	/* the name of the device is dm-N: /dev/GROUP/VOLUME and /dev/mapper/GROUP-VOLUME lead to it */
	return text_starts(source, "/dev/") && access("/dev/mapper/control", F_OK) == 0 &&
	       store_is_device_below(source, "/dev/dm-");
}

static bool has_pool(const char *group, const char *pool)
{
	auto_free char *volume = NULL, *attributes = NULL;
	return text_format(&volume, "%s/%s", group, pool) == 0 &&
	       store_run_output(&attributes, NULL, "lvs", "--noheadings", "-o", "lv_attr", volume, NULL) == 0 &&
	       strchr(attributes + strspn(attributes, " "), 't') == attributes + strspn(attributes, " ");
}

static bool exists(const char *source)
{
	return store_run(NULL, "lvs", source, NULL) == 0; /* also one that is not active */
}

static int destroy(const char *source, struct error *err)
{
	return !exists(source) ? 0 : store_run(err, "lvremove", "-qq", "--yes", source, NULL);
}

static int name(const struct store_request *request, char **ret)
{
	if (request->beside)
		return store_name_beside(request, ret);
	return text_format(ret, "/dev/%s/%s", request->volume_group ?: "lxc", request->volume ?: request->name);
}

static int make_volume(const char *source, const struct store_request *request, struct error *err)
{
	const char *pool = request->thin_pool ?: "lxc", *volume = strrchr(source, '/') + 1;
	auto_free char *group = strndup(source + strlen("/dev/"), (size_t)(volume - 1 - source) - strlen("/dev/"));
	char size[32];
	(void)snprintf(size, sizeof(size), "%llub", (unsigned long long)(request->size ?: STORE_SIZE_DEFAULT));
	if (!group)
		return error_set(err, ENOMEM, "make volume %s", source);
	if (has_pool(group, pool))
		return store_run(err, "lvcreate", "-qq", "--yes", "--thin", "--thinpool", pool, "-V", size, "-n", volume, group,
			NULL);
	if (request->thin_pool && !request->is_pool_default)
		return error_set_kind(err, ERROR_NOT_FOUND, ENOENT, "volume group %s has no thin pool %s", group, pool);
	return store_run(err, "lvcreate", "-qq", "--yes", "--wipesignatures", "y", "-L", size, "-n", volume, group, NULL);
}

static int create(const char *source, const struct store_request *request, struct error *err)
{
	int r = make_volume(source, request, err);
	if (r < 0)
		return r;
	r = store_make_file_system(request, source, err);
	if (r < 0)
		(void)destroy(source, NULL);
	return r;
}

/* Attributes and size of a volume: two words. */
static int look_up(const char *source, struct string_list *ret, struct error *err)
{
	auto_free char *line = NULL;
	int r = store_run_output(&line, err, "lvs", "--noheadings", "--nosuffix", "--units", "b", "-o", "lv_attr,lv_size",
		source, NULL);
	if (r < 0)
		return r;
	r = text_split(line, " \n", ret);
	if (r == 0 && ret->count != 2)
		r = -EINVAL;
	return r < 0 ? error_set(err, r, "read what volume %s is", source) : 0;
}

static int snapshot(const char *original, const char *source, const struct store_request *request, struct error *err)
{
	struct string_list words = { 0 };
	const char *volume = strrchr(source, '/') + 1;
	char size[32];
	int r = look_up(original, &words, err);
	if (r == 0 && words.items[0][0] == 'V') { /* thin: it takes no room; -K and -kn: active now and always */
		r = store_run(err, "lvcreate", "-qq", "--yes", "-s", "-kn", "-K", "-ay", "-n", volume, original, NULL);
	} else if (r == 0) {
		(void)snprintf(size, sizeof(size), "%llub",
			request->size ? (unsigned long long)request->size : strtoull(words.items[1], NULL, 10));
		r = store_run(err, "lvcreate", "-qq", "--yes", "-s", "-L", size, "-n", volume, original, NULL);
	}
	string_list_clear(&words);
	return r;
}

static bool needs_original(const char *source)
{
	struct string_list words = { 0 };
	bool is_thin = look_up(source, &words, NULL) == 0 && words.items[0][0] == 'V';
	string_list_clear(&words);
	return !is_thin;
}

static int open_volume(const char *source, const char *options, struct error *err)
{
	if (access(source, F_OK) < 0) /* nobody has activated it since the machine's start */
		(void)store_run(NULL, "lvchange", "-ay", "-K", source, NULL);
	return store_open_device(source, options, false, err);
}

const struct store store_lvm = {
	.name = "lvm",
	.detect = detect,
	.name_source = name,
	.exists = exists,
	.create = create,
	.snapshot = snapshot,
	.needs_original = needs_original,
	.destroy = destroy,
	.mount = open_volume,
};
