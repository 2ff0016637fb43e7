#include "spec/spec.h"

#include <unistd.h>

#define BIT(kind) (1U << (kind))

/* A start makes no network namespace of its own where the configuration asks for the host's. */
static bool wants_network(const struct spec *spec)
{
	bool has_link = false;
	vector_for_each (link, &spec->network.links) {
		if (link->type == LINK_NONE)
			return false;
		has_link |= link->type != LINK_UNSET;
	}
	return has_link;
}

static uint32_t wanted(const struct spec *spec)
{
	const struct spec_namespaces *namespaces = &spec->namespaces;
	if (namespaces->clone_mask)
		return namespaces->clone_mask;
	uint32_t mask = BIT(NAMESPACE_MOUNT) | BIT(NAMESPACE_PID) | BIT(NAMESPACE_UTS) | BIT(NAMESPACE_IPC) |
			BIT(NAMESPACE_CGROUP); /* Linux 4.6: older than what we run on */
	if (wants_network(spec))
		mask |= BIT(NAMESPACE_NET);
	if (namespaces->time_offset_boot_ns || namespaces->time_offset_monotonic_ns)
		mask |= BIT(NAMESPACE_TIME);
	return mask;
}

uint32_t spec_new_namespaces(const struct spec *spec)
{
	uint32_t mask = wanted(spec) & ~spec->namespaces.keep_mask;
	if (spec->idmaps.count > 0)
		mask |= BIT(NAMESPACE_USER);
	for (int kind = 0; kind < NAMESPACE_KINDS; kind++)
		if (spec->namespaces.share[kind])
			mask &= ~BIT(kind);
	return mask;
}
