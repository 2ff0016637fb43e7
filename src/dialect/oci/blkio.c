/* linux.resources.blockIO and rdma. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "dialect/oci/internal.h"

static int device_of(const struct json_at *at, char *buffer, size_t size)
{
	uint32_t major = 0, minor = 0;
	int r = json_take_u32(at, "major", &major);

	r = r < 0 ? r : json_take_u32(at, "minor", &minor);
	(void)snprintf(buffer, size, "%u:%u", major, minor);
	return r < 0 ? r : 0;
}

static int add(const struct json_at *at, struct spec *spec, bool is_v2, const char *file, const char *device, const char *key,
	uint64_t value)
{
	struct origin origin = json_origin(at);

	return oci_add_setting(spec, is_v2, file, &origin, "%s %s%" PRIu64, device, key, value) < 0 ? json_no_memory(at) : 0;
}

static int read_throttles(const struct json_at *block, struct spec *spec)
{
	static const struct {
		const char *name, *v1, *v2;
	} kinds[] = {
		{ "throttleReadBpsDevice", "blkio.throttle.read_bps_device", "rbps=" },
		{ "throttleWriteBpsDevice", "blkio.throttle.write_bps_device", "wbps=" },
		{ "throttleReadIOPSDevice", "blkio.throttle.read_iops_device", "riops=" },
		{ "throttleWriteIOPSDevice", "blkio.throttle.write_iops_device", "wiops=" },
	};

	for (size_t kind = 0; kind < sizeof(kinds) / sizeof(*kinds); kind++) {
		struct json_at list, item;
		int r = json_member(block, kinds[kind].name, JSON_ARRAY, &list);
		for (size_t i = 0; r > 0 && i < json_count(&list); i++) {
			char device[32];
			uint64_t rate = 0;
			int item_r = json_item(&list, i, JSON_OBJECT, &item);
			item_r = item_r < 0 ? item_r : device_of(&item, device, sizeof(device));
			item_r = item_r < 0 ? item_r : json_take_u64(&item, "rate", &rate);
			item_r = item_r < 0 ? item_r : add(&item, spec, false, kinds[kind].v1, device, "", rate);
			item_r = item_r < 0 ? item_r : add(&item, spec, true, "io.max", device, kinds[kind].v2, rate);
			if (item_r < 0)
				return item_r;
		}
		if (r < 0)
			return r;
	}
	return 0;
}

static int read_weights(const struct json_at *block, struct spec *spec)
{
	struct json_at list, item;
	int r = json_member(block, "weightDevice", JSON_ARRAY, &list);

	for (size_t i = 0; r > 0 && i < json_count(&list); i++) {
		char device[32];
		uint64_t weight = 0;
		int item_r = json_item(&list, i, JSON_OBJECT, &item);
		item_r = item_r < 0 ? item_r : device_of(&item, device, sizeof(device));
		item_r = item_r < 0 ? item_r : json_take_u64(&item, "weight", &weight);
		if (item_r >= 0 && weight)
			item_r = add(&item, spec, false, "blkio.weight_device", device, "", weight);
		if (item_r < 0)
			return item_r;
	}
	return r < 0 ? r : 0;
}

int oci_read_blkio(const struct json_at *resources, struct spec *spec)
{
	struct json_at block;
	uint32_t weight = 0, leaf = 0;
	int r = json_member(resources, "blockIO", JSON_OBJECT, &block);

	if (r <= 0)
		return r;
	struct origin origin = json_origin(&block);
	r = json_take_u32(&block, "weight", &weight);
	r = r < 0 ? r : json_take_u32(&block, "leafWeight", &leaf);
	if (r < 0)
		return r;
	if (weight && (weight < 10 || weight > 1000))
		return json_fault(&block, "weight must be between 10 and 1000");
	if (weight && oci_add_setting(spec, false, "blkio.weight", &origin, "%u", weight) < 0)
		return json_no_memory(&block);
	if (leaf && oci_add_setting(spec, false, "blkio.leaf_weight", &origin, "%u", leaf) < 0)
		return json_no_memory(&block);
	r = read_weights(&block, spec);
	return r < 0 ? r : read_throttles(&block, spec);
}

/* rdma.max: what a container may hold of one device (Documentation/admin-guide/cgroup-v2.rst, RDMA); the same file in both versions. */
static int add_rdma_device(const struct json_at *at, void *data)
{
	struct origin origin = json_origin(at);
	uint32_t handles = 0, objects = 0;
	char text[64] = "";
	int has_handles = json_take_u32(at, "hcaHandles", &handles);
	int has_objects = has_handles < 0 ? has_handles : json_take_u32(at, "hcaObjects", &objects);

	if (has_objects < 0)
		return has_objects;
	if (!*at->name || at->name[strcspn(at->name, " \t\n=/")])
		return json_fault(at, "no name of a device");
	if (!has_handles && !has_objects)
		return json_fault(at, "needs hcaHandles or hcaObjects");
	if (has_handles)
		(void)snprintf(text, sizeof(text), " hca_handle=%u", handles);
	if (has_objects)
		(void)snprintf(text + strlen(text), sizeof(text) - strlen(text), " hca_object=%u", objects);
	for (int is_v2 = 0; is_v2 < 2; is_v2++)
		if (oci_add_setting(data, is_v2, "rdma.max", &origin, "%s%s", at->name, text) < 0)
			return json_no_memory(at);
	return 0;
}

int oci_read_rdma(const struct json_at *resources, struct spec *spec)
{
	return json_take_members(resources, "rdma", JSON_OBJECT, add_rdma_device, spec);
}
