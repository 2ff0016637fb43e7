#include "kernel/link_guard.h"

#include "base/cleanup.h"
#include "kernel/bpf.h"
#include "kernel/netlink.h"

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/pkt_cls.h>
#include <linux/pkt_sched.h>

#define PRIORITY 2 /* behind a limit of the rate (network/rate.c), which passes on what it lets through */
#define SOURCE	 6	/* of the source address in the frame */
#define END(result)                                                           \
	{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 0, .imm = (result) }, \
	{ .code = BPF_JMP | BPF_EXIT }
#define SET(number, value) { .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = (number), .imm = (value) }
#define COPY(to, from)	   { .code = BPF_ALU64 | BPF_MOV | BPF_X, .dst_reg = (to), .src_reg = (from) }
#define CALL(function)	   { .code = BPF_JMP | BPF_CALL, .imm = (function) }
/* After a call: it has to be well. */
#define CHECK { .code = BPF_JMP | BPF_JEQ | BPF_K, .dst_reg = 0, .off = 2 }, END(TC_ACT_SHOT)

static const struct bpf_insn for_somebody_else[] = {
	SET(2, PACKET_OTHERHOST),
	CALL(BPF_FUNC_skb_change_type),
	CHECK,
	END(TC_ACT_UNSPEC),
};

/* One byte, by way of the stack: the first of the source address. */
static const struct bpf_insn from_a_group[] = {
	COPY(6, 1),
	SET(2, SOURCE),
	COPY(3, 10),
	{ .code = BPF_ALU64 | BPF_ADD | BPF_K, .dst_reg = 3, .imm = -8 },
	SET(4, 1),
	CALL(BPF_FUNC_skb_load_bytes),
	CHECK,
	{ .code = BPF_LDX | BPF_MEM | BPF_B, .dst_reg = 5, .src_reg = 10, .off = -8 },
	{ .code = BPF_ALU64 | BPF_OR | BPF_K, .dst_reg = 5, .imm = 1 },
	{ .code = BPF_STX | BPF_MEM | BPF_B, .dst_reg = 10, .src_reg = 5, .off = -8 },
	COPY(1, 6),
	SET(2, SOURCE),
	COPY(3, 10),
	{ .code = BPF_ALU64 | BPF_ADD | BPF_K, .dst_reg = 3, .imm = -8 },
	SET(4, 1),
	SET(5, 0),
	CALL(BPF_FUNC_skb_store_bytes),
	CHECK,
	END(TC_ACT_UNSPEC),
};

static int load_program(bool is_port)
{
	size_t size = is_port ? sizeof(from_a_group) : sizeof(for_somebody_else);
	return bpf_load(BPF_PROG_TYPE_SCHED_CLS, "wabe_guard", is_port ? from_a_group : for_somebody_else,
		size / sizeof(struct bpf_insn));
}

int link_guard_attach(int route_fd, int index, bool is_port)
{
	struct netlink_batch batch = { 0 };
	auto_close int program_fd = load_program(is_port);
	if (program_fd < 0)
		return program_fd;
	struct tcmsg queue = { .tcm_ifindex = index, .tcm_parent = TC_H_CLSACT, .tcm_handle = TC_H_MAKE(TC_H_CLSACT, 0) };
	netlink_message(&batch, RTM_NEWQDISC, NLM_F_CREATE, &queue, sizeof(queue));
	netlink_text(&batch, TCA_KIND, "clsact");
	struct tcmsg filter = { .tcm_ifindex = index, .tcm_handle = 1, .tcm_parent = TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_INGRESS),
		.tcm_info = TC_H_MAKE((uint32_t)PRIORITY << 16, htons(ETH_P_ALL)) };
	netlink_message(&batch, RTM_NEWTFILTER, NLM_F_CREATE, &filter, sizeof(filter));
	netlink_text(&batch, TCA_KIND, "bpf");
	size_t options = netlink_begin(&batch, TCA_OPTIONS, NULL, 0);
	netlink_u32(&batch, TCA_BPF_FD, (uint32_t)program_fd);
	netlink_text(&batch, TCA_BPF_NAME, "wabe_guard");
	netlink_u32(&batch, TCA_BPF_FLAGS, TCA_BPF_FLAG_ACT_DIRECT);
	netlink_end(&batch, options);
	return netlink_send(route_fd, &batch, NULL);
}
