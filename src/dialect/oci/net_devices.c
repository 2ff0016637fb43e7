/* linux.netDevices: interfaces of the host that move into the container. */
#include <errno.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "dialect/oci/internal.h"

/* As the kernel has it (dev_valid_name), and without %: the kernel would make a number of it. */
static bool is_device_name(const char *name)
{
	return *name && strlen(name) < IFNAMSIZ && strcmp(name, ".") != 0 && strcmp(name, "..") != 0 && !strpbrk(name, "/:% \t\n\v\f\r");
}

static int add_device(const struct json_at *at, struct spec *spec)
{
	auto_free char *inside = NULL;
	int r = json_take_text(at, "name", &inside);

	if (r < 0)
		return r;
	const char *name = inside && *inside ? inside : at->name;
	if (!is_device_name(at->name) || !is_device_name(name))
		return json_fault(at, "no name of an interface");
	vector_for_each (other, &spec->network.links)
		if (strcmp(other->name, name) == 0)
			return json_fault(at, "the name %s is given twice", name);
	uint32_t index = (uint32_t)spec->network.links.count;
	struct spec_link *link = vector_add(&spec->network.links);
	if (!link)
		return json_no_memory(at);
	*link = (struct spec_link){ .index = index, .type = LINK_PHYS, .up = true, .origin = json_origin(at),
		.link = strdup(at->name), .name = strdup(name) };
	return link->link && link->name ? 0 : json_no_memory(at);
}

int oci_read_net_devices(const struct json_at *linux_part, struct spec *spec)
{
	struct json_at list, item;
	int r = json_member(linux_part, "netDevices", JSON_OBJECT, &list);

	if (r <= 0 || list.value->count == 0)
		return r;
	if (!(spec->namespaces.clone_mask & 1U << NAMESPACE_NET) && !spec->namespaces.share[NAMESPACE_NET])
		return json_fault(&list, "needs a namespace of type network");
	for (struct json_value *value = list.value->first; value; value = value->next) {
		int item_r = json_member(&list, value->name, JSON_OBJECT, &item);
		if (item_r == 0)
			item_r = json_fault(&list, "%s must be an object", value->name);
		item_r = item_r < 0 ? item_r : add_device(&item, spec);
		if (item_r < 0)
			return item_r;
	}
	return 0;
}
