/* The linux object but for its resources. */
#include <errno.h>
#include <linux/seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>

#include "base/cleanup.h"
#include "base/json_text.h"
#include "base/text.h"
#include "dialect/oci/internal.h"

/* In the order of enum namespace_kind. */
const char *const oci_namespaces[] = { "user", "mount", "pid", "uts", "ipc", "network", "cgroup", "time", NULL };

static const int kinds[] = { NAMESPACE_USER, NAMESPACE_MOUNT, NAMESPACE_PID, NAMESPACE_UTS, NAMESPACE_IPC, NAMESPACE_NET,
	NAMESPACE_CGROUP, NAMESPACE_TIME };

static bool is_private(const struct spec *spec, int kind)
{
	return spec->namespaces.clone_mask & 1U << kind || spec->namespaces.share[kind];
}

static int read_namespace(const struct json_at *at, struct spec_namespaces *namespaces, uint32_t *seen)
{
	auto_free char *type = NULL, *path = NULL;
	int r = json_take_text(at, "type", &type);

	if (r == 0)
		return json_missing(at, "type");
	r = r < 0 ? r : json_take_text(at, "path", &path);
	if (r < 0)
		return r;
	int word = oci_word(oci_namespaces, type);
	if (word < 0)
		return json_fault(at, "unknown type %s", type);
	int kind = kinds[word];
	if (*seen & 1U << kind)
		return json_fault(at, "type %s is given twice", type);
	*seen |= 1U << kind;
	if (!path || !*path) {
		namespaces->clone_mask |= 1U << kind;
		return 0;
	}
	if (*path != '/')
		return json_fault(at, "path %s must be absolute", path);
	namespaces->share[kind] = take_ptr(path);
	return 0;
}

static int read_namespaces(const struct json_at *linux_part, struct spec *spec)
{
	struct json_at list, item;
	uint32_t seen = 0;
	int r = json_member(linux_part, "namespaces", JSON_ARRAY, &list);

	for (size_t i = 0; r > 0 && i < json_count(&list); i++) {
		int item_r = json_item(&list, i, JSON_OBJECT, &item);
		item_r = item_r < 0 ? item_r : read_namespace(&item, &spec->namespaces, &seen);
		if (item_r < 0)
			return item_r;
	}
	/* those that are not named stay the caller's; without a bit here all would be made */
	spec->namespaces.keep_mask = ~spec->namespaces.clone_mask;
	if (r > 0)
		spec->namespaces.origin = json_origin(&list);
	return r < 0 ? r : 0;
}

int oci_read_idmaps(const struct json_at *linux_part, struct spec *spec)
{
	static const char *const names[] = { "uidMappings", "gidMappings" };

	for (int i = 0; i < 2; i++) {
		struct json_at list, item;
		int r = json_member(linux_part, names[i], JSON_ARRAY, &list);
		for (size_t n = 0; r > 0 && n < json_count(&list); n++) {
			struct spec_idmap map = { .is_gid = i == 1 };
			int item_r = json_item(&list, n, JSON_OBJECT, &item);
			item_r = item_r < 0 ? item_r : json_take_u32(&item, "containerID", &map.inside);
			item_r = item_r < 0 ? item_r : json_take_u32(&item, "hostID", &map.outside);
			item_r = item_r < 0 ? item_r : json_take_u32(&item, "size", &map.count);
			if (item_r < 0)
				return item_r;
			if (map.count == 0)
				return json_fault(&item, "size must be greater than 0");
			if (spec->namespaces.share[NAMESPACE_USER])
				continue; /* of a namespace that exists: its maps are written */
			if (!(spec->namespaces.clone_mask & 1U << NAMESPACE_USER))
				return json_fault(&list, "needs a namespace of type user");
			map.origin = json_origin(&item);
			struct spec_idmap *slot = vector_add(&spec->idmaps);
			if (!slot)
				return json_no_memory(&item);
			*slot = map;
		}
		if (r < 0)
			return r;
	}
	return 0;
}

static int read_offset(const struct json_at *offsets, const char *clock, int64_t *ret)
{
	struct json_at at;
	int64_t seconds = 0;
	uint32_t rest = 0;
	int r = json_member(offsets, clock, JSON_OBJECT, &at);

	if (r <= 0)
		return r;
	r = json_take_i64(&at, "secs", &seconds);
	r = r < 0 ? r : json_take_u32(&at, "nanosecs", &rest);
	if (r < 0)
		return r;
	if (seconds > INT64_MAX / 1000000000 - 1 || seconds < INT64_MIN / 1000000000 + 1 || rest > 999999999)
		return json_fault(&at, "out of range");
	*ret = seconds * 1000000000 + rest;
	return 0;
}

static int read_offsets(const struct json_at *linux_part, struct spec *spec)
{
	struct json_at at;
	int r = json_member(linux_part, "timeOffsets", JSON_OBJECT, &at);

	if (r <= 0)
		return r;
	if (!(spec->namespaces.clone_mask & 1U << NAMESPACE_TIME))
		return json_fault(&at, "needs a new namespace of type time");
	r = read_offset(&at, "boottime", &spec->namespaces.time_offset_boot_ns);
	return r < 0 ? r : read_offset(&at, "monotonic", &spec->namespaces.time_offset_monotonic_ns);
}

static int read_device(const struct json_at *at, struct spec *spec)
{
	auto_free char *type = NULL;
	int64_t major = 0, minor = 0;
	struct spec_device *device = vector_add(&spec->oci.devices);

	if (!device)
		return json_no_memory(at);
	device->mode = 0666;
	device->origin = json_origin(at);
	int r = json_take_text(at, "path", &device->path);
	if (r == 0 || (r > 0 && !*device->path))
		return json_missing(at, "path");
	r = r < 0 ? r : json_take_text(at, "type", &type);
	if (r == 0)
		return json_missing(at, "type");
	r = r < 0 ? r : json_take_i64(at, "major", &major);
	r = r < 0 ? r : json_take_i64(at, "minor", &minor);
	r = r < 0 ? r : json_take_u32(at, "fileMode", &device->mode);
	r = r < 0 ? r : json_take_u32(at, "uid", &device->uid);
	r = r < 0 ? r : json_take_u32(at, "gid", &device->gid);
	if (r < 0)
		return r;
	if (!type[0] || type[1] || !strchr("cubp", type[0]))
		return json_fault(at, "unknown type %s", type);
	if (major < 0 || minor < 0 || major > UINT32_MAX || minor > UINT32_MAX)
		return json_fault(at, "major and minor must not be negative");
	device->kind = type[0] == 'u' ? 'c' : (uint32_t)type[0];
	device->major = (uint32_t)major;
	device->minor = (uint32_t)minor;
	device->mode &= 07777;
	oci_clean_path(device->path);
	return 0;
}

static int read_devices(const struct json_at *linux_part, struct spec *spec)
{
	struct json_at list, item;
	int r = json_member(linux_part, "devices", JSON_ARRAY, &list);

	for (size_t i = 0; r > 0 && i < json_count(&list); i++) {
		int item_r = json_item(&list, i, JSON_OBJECT, &item);
		item_r = item_r < 0 ? item_r : read_device(&item, spec);
		if (item_r < 0)
			return item_r;
	}
	return r < 0 ? r : 0;
}

/* ---- sysctl ---- */

static int namespace_of_sysctl(const char *name)
{
	static const char *const ipc[] = { "kernel.msgmax", "kernel.msgmnb", "kernel.msgmni", "kernel.sem", "kernel.shmall",
		"kernel.shmmax", "kernel.shmmni", "kernel.shm_rmid_forced", NULL };

	if (oci_word(ipc, name) >= 0 || text_starts(name, "fs.mqueue."))
		return NAMESPACE_IPC;
	if (text_starts(name, "net."))
		return NAMESPACE_NET;
	if (strcmp(name, "kernel.domainname") == 0)
		return NAMESPACE_UTS;
	if (text_starts(name, "user."))
		return NAMESPACE_USER;
	return -1;
}

static int add_sysctl(const struct json_at *at, const char *value, void *data)
{
	struct spec *spec = data;
	auto_free char *dotted = strdup(at->name);

	if (!dotted)
		return json_no_memory(at);
	/* net/ipv4/ip_forward: the separator that comes first is the one */
	size_t first = strcspn(dotted, "./");
	if (dotted[first] == '/')
		for (char *c = dotted; *c; c++)
			*c = *c == '/' ? '.' : *c == '.' ? '/' : *c;
	int kind = namespace_of_sysctl(dotted);
	if (strcmp(dotted, "kernel.hostname") == 0)
		return json_fault(at, "set hostname instead");
	if (kind < 0)
		return json_fault(at, "belongs to no namespace: it would change the host");
	if (!is_private(spec, kind))
		return json_fault(at, "would change the host: the container has no %s namespace of its own",
			kind == NAMESPACE_NET ? "network" : namespace_name((enum namespace_kind)kind));
	struct spec_setting *one = vector_add(&spec->security.sysctls);
	if (!one || !(one->name = strdup(at->name)) || !(one->value = strdup(value)))
		return json_no_memory(at);
	one->origin = json_origin(at);
	return 0;
}

/* ---- the rest ---- */

static int read_personality(const struct json_at *linux_part, struct spec *spec)
{
	auto_free char *domain = NULL;
	struct json_at at;
	int r = json_member(linux_part, "personality", JSON_OBJECT, &at);

	if (r <= 0)
		return r;
	r = json_take_text(&at, "domain", &domain);
	if (r == 0)
		return json_missing(&at, "domain");
	if (r < 0)
		return r;
	if (strcmp(domain, "LINUX") != 0 && strcmp(domain, "LINUX32") != 0)
		return json_fault(&at, "unknown domain %s", domain);
	spec->process.personality = strcmp(domain, "LINUX32") == 0 ? 8 : 0;
	return 0;
}

static int read_propagation(const struct json_at *linux_part, struct spec *spec)
{
	auto_free char *word = NULL;
	struct json_at at;
	int r = json_take_text(linux_part, "rootfsPropagation", &word);

	if (r <= 0 || !*word)
		return r;
	spec->oci.root_propagation = oci_propagation(word);
	if (spec->oci.root_propagation)
		return 0;
	(void)json_member(linux_part, "rootfsPropagation", JSON_STRING, &at);
	return json_fault(&at, "unknown word %s", word);
}

static int check_paths(const struct json_at *linux_part, const char *name, const struct string_list *list)
{
	struct json_at at;

	vector_for_each (path, list) {
		if (**path == '/')
			continue;
		(void)json_member(linux_part, name, JSON_ARRAY, &at);
		return json_fault(&at, "%s must be absolute", *path);
	}
	return 0;
}

/* They are of the call that loads the filter, not of the filter. */
static int read_seccomp_flags(const struct json_at *seccomp, struct spec *spec)
{
	static const char *const names[] = { "SECCOMP_FILTER_FLAG_TSYNC", "SECCOMP_FILTER_FLAG_LOG", "SECCOMP_FILTER_FLAG_SPEC_ALLOW",
		"SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV", NULL };
	/* who loads has one thread: TSYNC changes nothing, and does not go with a listener */
	static const uint32_t bits[] = { 0, SECCOMP_FILTER_FLAG_LOG, SECCOMP_FILTER_FLAG_SPEC_ALLOW,
		SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV };
	return oci_read_flags(seccomp, names, bits, &spec->oci.seccomp_flags);
}

/* Without what is of one container alone: so that containers with the same rules share a compiled filter. */
static int put_rules(const struct json_value *seccomp, char **ret)
{
	static const char *const own[] = { "flags", "listenerPath", "listenerMetadata", NULL };
	const char *comma = "";
	size_t size;
	FILE *out = open_memstream(ret, &size);

	if (!out)
		return -ENOMEM;
	fputc('{', out);
	for (const struct json_value *member = seccomp->first; member; member = member->next) {
		if (oci_word(own, member->name) >= 0)
			continue;
		fputs(comma, out);
		json_put_string(out, member->name);
		fprintf(out, ":%.*s", (int)member->source_length, member->source);
		comma = ",";
	}
	fputc('}', out);
	return fclose(out) == 0 ? 0 : -ENOMEM;
}

/* The rules stay JSON: who compiles them reads it again, and finds them in its cache most often. */
static int read_seccomp(const struct json_at *linux_part, struct spec *spec)
{
	struct json_at at;
	int r = json_member(linux_part, "seccomp", JSON_OBJECT, &at);

	if (r <= 0)
		return r;
	spec->security.seccomp_origin = json_origin(&at);
	r = json_take_text(&at, "listenerPath", &spec->oci.seccomp_listener);
	r = r < 0 ? r : json_take_text(&at, "listenerMetadata", &spec->oci.seccomp_metadata);
	r = r < 0 ? r : read_seccomp_flags(&at, spec);
	if (r < 0)
		return r;
	if (spec->oci.seccomp_metadata && !spec->oci.seccomp_listener)
		return json_fault(&at, "listenerMetadata needs listenerPath");
	(void)text_replace(&spec->oci.seccomp, NULL);
	return put_rules(at.value, &spec->oci.seccomp) < 0 ? json_no_memory(&at) : 0;
}

static int read_cgroup(const struct json_at *linux_part, struct spec *spec)
{
	struct json_at at;
	int r = json_take_text(linux_part, "cgroupsPath", &spec->cgroup.dir_container);

	if (r < 0)
		return r;
	if (r > 0)
		oci_clean_path(spec->cgroup.dir_container);
	r = json_member(linux_part, "resources", JSON_OBJECT, &at);
	return r <= 0 ? r : oci_read_resources(&at, spec);
}

static int check_names(const struct json_at *root, const struct spec *spec)
{
	if ((spec->identity.hostname || spec->identity.domain) && !is_private(spec, NAMESPACE_UTS))
		return json_fault(root, "%s needs a namespace of type uts", spec->identity.hostname ? "hostname" : "domainname");
	if ((spec->oci.masked.count || spec->oci.read_only.count) && !is_private(spec, NAMESPACE_MOUNT))
		return json_fault(root, "maskedPaths and readonlyPaths need a namespace of type mount");
	return 0;
}

int oci_read_linux(const struct json_at *root, struct spec *spec)
{
	struct json_at at;
	struct spec_oci *oci = &spec->oci;
	int r = json_member(root, "linux", JSON_OBJECT, &at);

	if (r <= 0) {
		spec->namespaces.keep_mask = ~0U;
		return r < 0 ? r : check_names(root, spec);
	}
	r = read_namespaces(&at, spec);
	r = r < 0 ? r : oci_read_idmaps(&at, spec);
	r = r < 0 ? r : read_offsets(&at, spec);
	r = r < 0 ? r : oci_read_net_devices(&at, spec);
	r = r < 0 ? r : oci_read_memory_policy(&at, spec);
	r = r < 0 ? r : oci_read_intel_rdt(&at, spec);
	r = r < 0 ? r : read_devices(&at, spec);
	r = r < 0 ? r : json_take_map(&at, "sysctl", add_sysctl, spec);
	r = r < 0 ? r : read_personality(&at, spec);
	r = r < 0 ? r : read_propagation(&at, spec);
	r = r < 0 ? r : json_take_texts(&at, "maskedPaths", &oci->masked);
	r = r < 0 ? r : check_paths(&at, "maskedPaths", &oci->masked);
	r = r < 0 ? r : json_take_texts(&at, "readonlyPaths", &oci->read_only);
	r = r < 0 ? r : check_paths(&at, "readonlyPaths", &oci->read_only);
	r = r < 0 ? r : json_take_text(&at, "mountLabel", &oci->mount_label);
	r = r < 0 ? r : read_seccomp(&at, spec);
	r = r < 0 ? r : read_cgroup(&at, spec);
	return r < 0 ? r : check_names(root, spec);
}
