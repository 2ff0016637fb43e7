/*
 * Rates of a container's interface, held on the host's side of its pair, out of the container's reach: what it sends
 * comes in here and meets a filter that drops (clsact), what it receives waits here in a queue (tbf).
 *
 * A queue for what comes in would need an ifb device, whose packets come back behind the netdev ingress hook of
 * netfilter (net/core/dev.c, skip_classify): filters against forged addresses would not see them.
 */
#include "kernel/rate_filter.h"

#include "base/cleanup.h"
#include "base/text.h"
#include "network/internal.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <linux/gen_stats.h>
#include <linux/if_ether.h>
#include <linux/pkt_cls.h>
#include <linux/pkt_sched.h>
#include <string.h>

#define FILTER_PRIORITY 1
#define QUEUE_HANDLE	TC_H_MAKE(1U << 16, 0)
#define WAIT_MS		50  /* what waits in the queue at most */
/* What the filter lets through at once: it drops, and TCP then pauses for 200 ms; the pause must not be lost for it. */
#define PAUSE_MS	250
#define BURST_LEAST	32768U
#define BURST_MOST	(64U << 20)
#define FILTER_NAME	"wabe-rate" /* and the rate behind it, for rate_read */

/* Bytes of a time at a rate, within limits. */
static uint64_t bytes_in(uint64_t time_ms, uint64_t bits_per_second)
{
	uint64_t bytes = bits_per_second / 8 * time_ms / 1000;
	return bytes < BURST_LEAST ? BURST_LEAST : bytes > BURST_MOST ? BURST_MOST : bytes;
}

/* ---- what the container sends ---- */

static void put_hook(struct netlink_batch *batch, int index)
{
	struct tcmsg header = { .tcm_ifindex = index, .tcm_parent = TC_H_CLSACT, .tcm_handle = TC_H_MAKE(TC_H_CLSACT, 0) };
	netlink_message(batch, RTM_NEWQDISC, NLM_F_CREATE, &header, sizeof(header));
	netlink_text(batch, TCA_KIND, "clsact");
}

static struct tcmsg filter_header(int index)
{
	return (struct tcmsg){ .tcm_ifindex = index, .tcm_parent = TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_INGRESS),
		.tcm_handle = 1, .tcm_info = TC_H_MAKE(FILTER_PRIORITY << 16, htons(ETH_P_ALL)) };
}

/* With its handle: a filter that is there already is replaced. */
static void put_filter(struct netlink_batch *batch, int index, int program_fd, uint64_t bits)
{
	struct tcmsg header = filter_header(index);
	char name[48];
	netlink_message(batch, RTM_NEWTFILTER, NLM_F_CREATE, &header, sizeof(header));
	netlink_text(batch, TCA_KIND, "bpf");
	size_t place = netlink_begin(batch, TCA_OPTIONS, NULL, 0);
	(void)snprintf(name, sizeof(name), FILTER_NAME " %" PRIu64, bits);
	netlink_u32(batch, TCA_BPF_FD, (uint32_t)program_fd);
	netlink_text(batch, TCA_BPF_NAME, name);
	netlink_u32(batch, TCA_BPF_FLAGS, TCA_BPF_FLAG_ACT_DIRECT);
	netlink_end(batch, place);
}

static int limit_egress(int fd, int index, uint64_t bits, uint64_t burst)
{
	struct netlink_batch batch = { 0 };
	if (bits == 0) {
		struct tcmsg header = filter_header(index);
		netlink_message(&batch, RTM_DELTFILTER, 0, &header, sizeof(header));
		netlink_text(&batch, TCA_KIND, "bpf");
		int r = netlink_send(fd, &batch, NULL);
		return r == -ENOENT || r == -EINVAL ? 0 : r; /* there is none */
	}
	auto_close int program_fd = rate_filter_load(bits, burst ?: bytes_in(PAUSE_MS, bits));
	if (program_fd < 0)
		return program_fd;
	put_hook(&batch, index);
	put_filter(&batch, index, program_fd, bits);
	return netlink_send(fd, &batch, NULL);
}

/* ---- what it receives ---- */

static void put_queue(struct netlink_batch *batch, int index, uint64_t bits, uint64_t burst)
{
	uint64_t bytes = bits / 8;
	struct tcmsg header = { .tcm_ifindex = index, .tcm_parent = TC_H_ROOT, .tcm_handle = QUEUE_HANDLE };
	struct tc_tbf_qopt options = { .limit = (uint32_t)(burst + bytes_in(WAIT_MS, bits)),
		.rate = { .linklayer = TC_LINKLAYER_ETHERNET, .rate = bytes > UINT32_MAX ? UINT32_MAX : (uint32_t)bytes } };
	netlink_message(batch, RTM_NEWQDISC, NLM_F_CREATE | NLM_F_REPLACE, &header, sizeof(header));
	netlink_text(batch, TCA_KIND, "tbf");
	size_t place = netlink_begin(batch, TCA_OPTIONS, NULL, 0);
	netlink_attribute(batch, TCA_TBF_PARMS, &options, sizeof(options));
	netlink_u32(batch, TCA_TBF_BURST, (uint32_t)burst);
	if (bytes >= UINT32_MAX)
		netlink_attribute(batch, TCA_TBF_RATE64, &bytes, sizeof(bytes));
	netlink_end(batch, place);
}

static int limit_ingress(int fd, int index, const char *name, uint64_t bits, uint64_t burst)
{
	struct netlink_batch batch = { 0 };
	if (bits == 0) {
		struct tcmsg header = { .tcm_ifindex = index, .tcm_parent = TC_H_ROOT, .tcm_handle = QUEUE_HANDLE };
		netlink_message(&batch, RTM_DELQDISC, 0, &header, sizeof(header));
		int r = netlink_send(fd, &batch, NULL);
		return r == -ENOENT || r == -EINVAL ? 0 : r; /* there is none, or not ours */
	}
	/* a queue whose burst is less than a packet lets none through */
	int mtu = netlink_mtu(fd, name);
	uint64_t least = (uint64_t)(mtu > 0 ? mtu : ETH_DATA_LEN) + 64;
	burst = burst ?: bytes_in(WAIT_MS, bits);
	put_queue(&batch, index, bits, burst < least ? least : burst);
	return netlink_send(fd, &batch, NULL);
}

/* ---- both ---- */

static int name_remedy(struct error *err, int r, bool is_egress)
{
	if (r == -EPERM)
		error_hint(err, "only root of the host can limit rates");
	else if (r == -ENOENT || r == -EOPNOTSUPP || r == -ENOSYS || r == -EINVAL)
		error_hint(err, is_egress ? "use a kernel with CONFIG_NET_SCH_INGRESS, CONFIG_NET_CLS_BPF and CONFIG_BPF_SYSCALL" :
					    "use a kernel with CONFIG_NET_SCH_TBF");
	return r;
}

int rate_create(int fd, const struct network *network, const struct planned_link *link, struct error *err)
{
	const struct spec_link *spec = link->spec;
	uint64_t egress = 0, ingress = 0, burst = 0;
	if (!spec->rate_egress && !spec->rate_ingress)
		return 0;
	int r = spec->rate_egress ? text_to_rate(spec->rate_egress, &egress) : 0;
	r = r ?: spec->rate_ingress ? text_to_rate(spec->rate_ingress, &ingress) : 0;
	r = r ?: spec->rate_burst ? text_to_bytes(spec->rate_burst, &burst) : 0;
	int index = r < 0 ? r : netlink_ifindex(fd, link->host_name);
	if (index < 0)
		return link_error(err, index, network->spec, spec, "rate.egress", "find interface %s", link->host_name);
	r = egress ? limit_egress(fd, index, egress, burst) : 0;
	if (r < 0)
		return name_remedy(err, link_error(err, r, network->spec, spec, "rate.egress", "limit what %s sends",
						link->inside_name), true);
	r = ingress ? limit_ingress(fd, index, link->host_name, ingress, burst) : 0;
	return r < 0 ? name_remedy(err, link_error(err, r, network->spec, spec, "rate.ingress", "limit what %s receives",
						 link->inside_name), false) :
		       0;
}

int network_set_rate(const char *host_name, const struct link_rate *rate, struct error *err)
{
	auto_close int fd = netlink_open();
	int index = fd < 0 ? fd : netlink_ifindex(fd, host_name);
	if (index < 0)
		return error_set(err, index, "find interface %s", host_name);
	int r = rate->sets_egress ? limit_egress(fd, index, rate->egress_bits, rate->burst_bytes) : 0;
	if (r < 0)
		return name_remedy(err, error_set(err, r, "limit what comes from %s", host_name), true);
	r = rate->sets_ingress ? limit_ingress(fd, index, host_name, rate->ingress_bits, rate->burst_bytes) : 0;
	return r < 0 ? name_remedy(err, error_set(err, r, "limit what goes to %s", host_name), false) : 0;
}

/* ---- reading ---- */

static struct link_use *find_host_side(struct link_use_list *list, int index)
{
	vector_for_each (use, list)
		if (use->host_index == index)
			return use;
	return NULL;
}

static uint64_t queue_rate(const struct nlmsghdr *message)
{
	const struct rtattr *options = netlink_find(message, sizeof(struct tcmsg), TCA_OPTIONS);
	const struct rtattr *plain = netlink_find_inside(options, TCA_TBF_PARMS);
	const struct rtattr *wide = netlink_find_inside(options, TCA_TBF_RATE64);
	uint64_t bytes = 0;
	if (wide && RTA_PAYLOAD(wide) >= sizeof(bytes))
		memcpy(&bytes, RTA_DATA(wide), sizeof(bytes));
	else if (plain && RTA_PAYLOAD(plain) >= sizeof(struct tc_tbf_qopt))
		bytes = ((const struct tc_tbf_qopt *)RTA_DATA(plain))->rate.rate;
	return bytes * 8;
}

static void take_queue(const struct nlmsghdr *message, void *data)
{
	const struct tcmsg *header = NLMSG_DATA(message);
	const struct rtattr *kind = netlink_find(message, sizeof(*header), TCA_KIND);
	const struct rtattr *stats = netlink_find(message, sizeof(*header), TCA_STATS2);
	const struct rtattr *queue = netlink_find_inside(stats, TCA_STATS_QUEUE);
	struct link_use *use = find_host_side(data, header->tcm_ifindex);
	uint32_t drops = queue && RTA_PAYLOAD(queue) >= sizeof(struct gnet_stats_queue) ?
				 ((const struct gnet_stats_queue *)RTA_DATA(queue))->drops : 0;
	if (!use || !kind)
		return;
	if (header->tcm_parent == TC_H_CLSACT) {
		use->tx_dropped += drops;
	} else if (header->tcm_parent == TC_H_ROOT) {
		use->rx_dropped += drops;
		if (strcmp(RTA_DATA(kind), "tbf") == 0)
			use->ingress_bits = queue_rate(message);
	}
}

static void take_filter(const struct nlmsghdr *message, void *data)
{
	struct link_use *use = data;
	const struct rtattr *options = netlink_find(message, sizeof(struct tcmsg), TCA_OPTIONS);
	const struct rtattr *name = netlink_find_inside(options, TCA_BPF_NAME);
	if (name && memchr(RTA_DATA(name), '\0', RTA_PAYLOAD(name)))
		(void)sscanf(RTA_DATA(name), FILTER_NAME " %" SCNu64, &use->egress_bits); /* another's stays out */
}

int rate_read(int fd, struct link_use_list *list)
{
	struct tcmsg header = { 0 };
	int r = netlink_dump_with(fd, RTM_GETQDISC, &header, sizeof(header), take_queue, list);
	vector_for_each (use, list) {
		if (r < 0 || !use->host_index)
			continue;
		header = (struct tcmsg){ .tcm_ifindex = use->host_index,
			.tcm_parent = TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_INGRESS) };
		r = netlink_dump_with(fd, RTM_GETTFILTER, &header, sizeof(header), take_filter, use);
		r = r == -EINVAL || r == -ENOENT ? 0 : r; /* it has no such hook */
	}
	return r;
}
