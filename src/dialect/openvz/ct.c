#include "dialect/openvz/ct.h"

#include "base/cleanup.h"
#include "base/text.h"

#include <dirent.h>
#include <string.h>
#include <sys/stat.h>

/* Above those of LXC's default configuration (build-aux/post-install), one range for each container. */
#define FIRST_RANGE 2013331456U
#define RANGES	    2046U

const char *vz_config_directory(void)
{
	const char *other = getenv("WABE_VZ_CONFIG");
	return other && *other == '/' ? other : VZ_CONFIG;
}

void vz_conf_directory(char *buffer, size_t size)
{
	(void)snprintf(buffer, size, "%s/conf", vz_config_directory());
}

int vz_ct_open_with(struct vz_ct *ct, uint32_t id, const struct vz_conf *global, struct error *err)
{
	struct stat info;
	*ct = (struct vz_ct){ .id = id };
	if (global)
		ct->global = *global;
	(void)snprintf(ct->name, sizeof(ct->name), "%u", id);
	vz_conf_directory(ct->conf_dir, sizeof(ct->conf_dir));
	(void)snprintf(ct->conf_path, sizeof(ct->conf_path), "%s/%u.conf", ct->conf_dir, id);
	ct->has_conf = stat(ct->conf_path, &info) == 0;
	return ct->has_conf ? vz_conf_load(&ct->own, ct->conf_path, err) : 0;
}

int vz_ct_open(struct vz_ct *ct, uint32_t id, struct error *err)
{
	struct vz_conf global = { 0 };
	auto_free char *path = NULL;
	*ct = (struct vz_ct){ .id = id };
	if (text_format(&path, "%s/vz.conf", vz_config_directory()) < 0)
		return error_set(err, ENOMEM, "read the configuration");
	struct stat info;
	int r = stat(path, &info) == 0 ? vz_conf_load(&global, path, err) : 0;
	return r < 0 ? r : vz_ct_open_with(ct, id, &global, err);
}

void vz_ct_clear_own(struct vz_ct *ct)
{
	vz_conf_clear(&ct->own);
	vz_conf_clear(&ct->given);
}

void vz_ct_clear(struct vz_ct *ct)
{
	vz_ct_clear_own(ct);
	vz_conf_clear(&ct->global);
}

const char *vz_ct_get(const struct vz_ct *ct, const char *key)
{
	return vz_conf_get(&ct->given, key) ?: vz_conf_get(&ct->own, key) ?: vz_conf_get(&ct->global, key);
}

bool vz_ct_is(const struct vz_ct *ct, const char *key, bool preset)
{
	const char *value = vz_ct_get(ct, key);
	return value ? strcmp(value, "yes") == 0 || strcmp(value, "on") == 0 : preset;
}

char *vz_expand(const char *text, const char *name, const char *directory)
{
	const struct {
		const char *variable, *value;
	} known[] = { { "$VEID", name }, { "${VEID}", name }, { "$VZDIR", directory }, { "${VZDIR}", directory } };
	size_t longest = strlen(name) > strlen(directory) ? strlen(name) : strlen(directory), count = 0;
	for (const char *at = text; *at; at++)
		count += *at == '$';
	char *result = malloc(strlen(text) + count * longest + 1), *out = result;
	while (result && *text) {
		size_t i = 0;
		while (i < 4 && (*text != '$' || !text_starts(text, known[i].variable)))
			i++;
		if (i < 4) {
			out = stpcpy(out, known[i].value);
			text += strlen(known[i].variable);
		} else {
			*out++ = *text++;
		}
	}
	if (result)
		*out = '\0';
	return result;
}

static const struct {
	const char *key, *preset;
} places[] = {
	{ "VE_ROOT", "$VZDIR/root/$VEID" }, { "VE_PRIVATE", "$VZDIR/private/$VEID" }, { "TEMPLATE", "$VZDIR/template" },
	{ "LOCKDIR", "$VZDIR/lock" }, { "DUMPDIR", "$VZDIR/dump" }, { "LOGFILE", "/var/log/vzctl.log" },
};

char *vz_ct_path(const struct vz_ct *ct, const char *key)
{
	const char *directory = vz_conf_get(&ct->global, "VZDIR") ?: "/vz", *value = vz_ct_get(ct, key);
	for (size_t i = 0; !value && i < sizeof(places) / sizeof(*places); i++)
		if (strcmp(places[i].key, key) == 0)
			value = places[i].preset;
	return value ? vz_expand(value, ct->name, directory) : NULL;
}

static uint32_t base_of(const struct vz_ct *ct, const char *key)
{
	uint32_t base;
	const char *value = vz_conf_get(&ct->given, key) ?: vz_conf_get(&ct->own, key);
	/* vz.conf of 2015 has one base for all: only its 0 (the host's ids) is taken */
	if (!value && text_equal(vz_conf_get(&ct->global, key), "0"))
		return 0;
	if (value && text_to_u32(value, &base) == 0 && base <= UINT32_MAX - VZ_ID_RANGE)
		return base;
	return FIRST_RANGE + ct->id % RANGES * VZ_ID_RANGE;
}

uint32_t vz_ct_uid_base(const struct vz_ct *ct)
{
	return base_of(ct, "LOCAL_UID");
}

uint32_t vz_ct_gid_base(const struct vz_ct *ct)
{
	return vz_conf_line(&ct->given, "LOCAL_GID") || vz_conf_line(&ct->own, "LOCAL_GID") ? base_of(ct, "LOCAL_GID") :
											      vz_ct_uid_base(ct);
}

bool vz_ct_is_ploop(const struct vz_ct *ct, char **ret_image)
{
	auto_free char *area = vz_ct_path(ct, "VE_PRIVATE");
	auto_free char *image = NULL, *description = NULL;
	struct stat info;
	if (!area || text_format(&image, "%s/root.hdd/root.hds", area) < 0 ||
		text_format(&description, "%s/root.hdd/DiskDescriptor.xml", area) < 0)
		return false;
	if (stat(description, &info) < 0 || stat(image, &info) < 0)
		return false;
	if (ret_image)
		*ret_image = take_ptr(image);
	return true;
}

static int compare_ids(const void *a, const void *b)
{
	uint32_t first = *(const uint32_t *)a, second = *(const uint32_t *)b;
	return (first > second) - (first < second);
}

int vz_list(struct vz_ids *ret)
{
	char path[512];
	vz_conf_directory(path, sizeof(path));
	auto_closedir DIR *dir = opendir(path);
	if (!dir)
		return errno == ENOENT ? 0 : -errno;
	for (struct dirent *entry; (entry = readdir(dir));) {
		uint32_t id;
		size_t length = strspn(entry->d_name, "0123456789");
		if (length == 0 || strcmp(entry->d_name + length, ".conf") != 0)
			continue;
		entry->d_name[length] = '\0';
		if (text_to_u32(entry->d_name, &id) < 0 || id == 0 || id > VZ_ID_MAX)
			continue;
		uint32_t *item = vector_add(ret);
		if (!item)
			return -ENOMEM;
		*item = id;
	}
	if (ret->count)
		qsort(ret->items, ret->count, sizeof(*ret->items), compare_ids);
	return (int)ret->count;
}
