/* linux.memoryPolicy: where the memory of the container's processes comes from. */
#include <errno.h>
#include <linux/mempolicy.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "dialect/oci/internal.h"

/* What the nodes are to a mode. */
enum nodes { NODES_NONE, NODES_ALLOWED, NODES_NEEDED };

/* linux/mempolicy.h; in the order of its numbers. */
static const struct {
	const char *name;
	enum nodes nodes;
} modes[] = {
	{ "MPOL_DEFAULT", NODES_NONE }, { "MPOL_PREFERRED", NODES_ALLOWED }, { "MPOL_BIND", NODES_NEEDED },
	{ "MPOL_INTERLEAVE", NODES_NEEDED }, { "MPOL_LOCAL", NODES_NONE }, { "MPOL_PREFERRED_MANY", NODES_NEEDED },
	{ "MPOL_WEIGHTED_INTERLEAVE", NODES_NEEDED },
};

static int find_mode(const struct json_at *at, const char *name)
{
	for (size_t i = 0; i < sizeof(modes) / sizeof(*modes); i++)
		if (text_equal(modes[i].name, name))
			return (int)i;
	return json_fault(at, "unknown mode %s", name);
}

static int read_flags(const struct json_at *at, uint32_t *ret)
{
	static const char *const names[] = { "MPOL_F_STATIC_NODES", "MPOL_F_RELATIVE_NODES", "MPOL_F_NUMA_BALANCING", NULL };
	static const uint32_t bits[] = { MPOL_F_STATIC_NODES, MPOL_F_RELATIVE_NODES, MPOL_F_NUMA_BALANCING };
	return oci_read_flags(at, names, bits, ret);
}

static int check_nodes(const struct json_at *at, int mode, const char *nodes)
{
	uint64_t bits[SPEC_NODE_WORDS];
	bool is_empty = !nodes || !*nodes;

	if (modes[mode].nodes == NODES_NONE && !is_empty)
		return json_fault(at, "%s takes no nodes", modes[mode].name);
	if (modes[mode].nodes == NODES_NEEDED && is_empty)
		return json_fault(at, "%s needs nodes", modes[mode].name);
	if (nodes && text_to_bits(nodes, bits, SPEC_NODE_WORDS) < 0)
		return json_fault(at, "nodes %s is no list of nodes as 0-3,7", nodes);
	return 0;
}

int oci_read_memory_policy(const struct json_at *linux_part, struct spec *spec)
{
	auto_free char *name = NULL, *nodes = NULL;
	struct json_at at;
	uint32_t flags = 0;
	int r = json_member(linux_part, "memoryPolicy", JSON_OBJECT, &at);

	if (r <= 0)
		return r;
	r = json_take_text(&at, "mode", &name);
	if (r < 0 || (r == 0 && at.value->count == 0))
		return r;
	if (!name || !*name)
		return json_missing(&at, "mode");
	int mode = find_mode(&at, name);
	r = mode < 0 ? mode : json_take_text(&at, "nodes", &nodes);
	r = r < 0 ? r : read_flags(&at, &flags);
	r = r < 0 ? r : check_nodes(&at, mode, nodes);
	if (r < 0)
		return r;
	spec->oci.memory_policy_origin = json_origin(&at);
	(void)text_replace(&spec->oci.memory_policy, NULL);
	r = text_format(&spec->oci.memory_policy, "%u %s", (unsigned)mode | flags, nodes ? nodes : "");
	return r < 0 ? json_no_memory(&at) : 0;
}
