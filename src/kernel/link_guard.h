#pragma once
#include <stdbool.h>

/*
 * A guard for an Ethernet device whose packets are let in by rules of nf_tables: a program at its tc ingress, before
 * nf_tables, spoils every packet in a way that a rule puts right. So without the rules (nft flush ruleset, a restart of
 * the firewall) nothing comes in. The program goes with the device.
 *   is_port false: the packet is for somebody else (PACKET_OTHERHOST), IP drops it; the rule sets pkttype to "host"
 *   is_port true: the group bit of the source address is set, a bridge drops it; the rule clears the bit
 *
 * route_fd: an rtnetlink socket. 0, or -EPERM (no right to load BPF: in a user namespace), -ENOENT or -EOPNOTSUPP (a kernel
 * without CONFIG_NET_SCH_INGRESS or CONFIG_NET_CLS_BPF) or another -errno.
 */
int link_guard_attach(int route_fd, int index, bool is_port);
