/* What a container's interfaces carried, and how much they may. */
#include "liblxc/extra.h"

#include "base/text.h"
#include "liblxc/internal.h"

#include <string.h>

static int make_items(struct extra_interfaces *interfaces, struct link_use_list *uses)
{
	interfaces->items = calloc(uses->count + 1, sizeof(*interfaces->items));
	if (!interfaces->items)
		return -ENOMEM;
	vector_for_each (use, uses) {
		interfaces->items[interfaces->count++] = (struct extra_interface){
			.name = *use->name ? use->name : NULL,
			.host_name = *use->host_name ? use->host_name : NULL,
			.kind = use->kind,
			.tx_bytes = use->tx_bytes, .tx_packets = use->tx_packets, .tx_dropped = use->tx_dropped,
			.rx_bytes = use->rx_bytes, .rx_packets = use->rx_packets, .rx_dropped = use->rx_dropped,
			.egress_bits = use->egress_bits, .ingress_bits = use->ingress_bits,
			.addresses = use->addresses.items, .address_count = use->addresses.count,
		};
	}
	return 0;
}

/* An ordinary user may not enter the network, but read the counters of its host sides. */
static int read_host_sides(const struct container_id *id, struct link_use_list *uses)
{
	struct engine_link links[64];
	int count = engine_links(id, links, sizeof(links) / sizeof(*links), NULL);
	for (int i = count; i-- > 0;) { /* the journal gives the last first */
		struct link_use *use = vector_add(uses);
		if (!use)
			return -ENOMEM;
		*use = (struct link_use){ .kind = "veth", .tx_bytes = links[i].rx_bytes, .rx_bytes = links[i].tx_bytes,
			.tx_packets = UINT64_MAX, .rx_packets = UINT64_MAX, .tx_dropped = UINT64_MAX, .rx_dropped = UINT64_MAX };
		memcpy(use->host_name, links[i].host_name, sizeof(use->host_name));
	}
	return count < 0 ? count : 0;
}

int extra_interfaces(struct lxc_container *c, bool totals_only, struct extra_interfaces *ret)
{
	struct container_id id = id_of(c);
	struct link_use_list *uses = calloc(1, sizeof(*uses));
	*ret = (struct extra_interfaces){ .owned = uses };
	if (!uses)
		return -ENOMEM;
	int r = engine_network_use(&id, totals_only, uses, NULL);
	if (r == -EPERM || r == -EACCES)
		r = read_host_sides(&id, uses);
	r = r ?: make_items(ret, uses);
	if (r < 0)
		extra_interfaces_clear(ret);
	return r < 0 ? r : (int)ret->count;
}

void extra_interfaces_clear(struct extra_interfaces *interfaces)
{
	if (interfaces->owned)
		link_use_list_clear(interfaces->owned);
	free(interfaces->owned);
	free(interfaces->items);
	*interfaces = (struct extra_interfaces){ 0 };
}

int extra_traffic(const char *lxcpath, const char *name, uint64_t *ret_tx_bytes, uint64_t *ret_rx_bytes)
{
	struct container_id id = { .dialect = "lxc", .base_path = lxcpath, .name = name };
	struct link_use_list uses = { 0 };
	int r = engine_network_use(&id, true, &uses, NULL);
	if (r == -EPERM || r == -EACCES)
		r = read_host_sides(&id, &uses);
	if (r < 0)
		return r;
	*ret_tx_bytes = *ret_rx_bytes = 0;
	vector_for_each (use, &uses) {
		*ret_tx_bytes += use->tx_bytes;
		*ret_rx_bytes += use->rx_bytes;
	}
	link_use_list_clear(&uses);
	return 0;
}

static int parse_rate(const char *text, const char *what, bool *ret_is_set, uint64_t *ret, struct error *err)
{
	int r = text ? text_to_rate(text, ret) : 0;
	*ret_is_set = text != NULL;
	if (r < 0) {
		r = error_set_kind(err, ERROR_USAGE, 0, "%s: %s is no rate", what, text);
		error_hint(err, "write bits per second from 8k to 1T, as 10M, or none");
	}
	return r;
}

int extra_set_rate(struct lxc_container *c, unsigned index, const char *egress, const char *ingress, const char *burst)
{
	struct error err = { 0 };
	struct link_rate rate = { 0 };
	struct container_id id = id_of(c);
	int r = parse_rate(egress, "egress", &rate.sets_egress, &rate.egress_bits, &err);
	r = r ?: parse_rate(ingress, "ingress", &rate.sets_ingress, &rate.ingress_bits, &err);
	if (r == 0 && burst && (text_to_bytes(burst, &rate.burst_bytes) < 0 || rate.burst_bytes < 2048 ||
				       rate.burst_bytes > 1U << 30)) {
		r = error_set_kind(&err, ERROR_USAGE, 0, "burst: %s is no size", burst);
		error_hint(&err, "write bytes from 2k to 1G, as 64k");
	}
	r = r ?: engine_set_rate(&id, index, &rate, &err);
	return r < 0 ? container_fault(c, &err, r) : 0;
}
