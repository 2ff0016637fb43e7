# shellcheck shell=bash
# Names of the steps, out of the source; the container that has as many of them as one can have.
plan="$here/../../src/engine/start_plan.c"
# without those that only a restore has: checkpoint.sh
steps_of() { sed -n "/^const struct step $1\[\]/,/^};/{/RESTORED(/d;s/^\t[A-Z]*(\"\([^\"]*\)\".*/\1/p}" "$plan"; }
supervisor_steps() { steps_of supervisor_plan; }
init_steps() { steps_of init_plan; }
has_faults() { LC_ALL=C grep -q WABE_FAULT "$(dirname "$(readlink -f "$bin/lxc-start")")/wabe-supervisor"; }

# Sets: stays (interfaces that are not the container's).
prepare_sweep() {
	has_faults || { skip "$(basename "$0" .sh)" "built without -Dfault_injection=true"; exit 0; }
	stays='br0|lent0|peer'
	ip link add br0 type bridge && ip link set br0 up
	local hook=$work/hook
	printf '%s\n' '#!/bin/sh' 'exit 0' >"$hook"; chmod 755 "$hook"
	local lines=('lxc.net.0.type = veth' 'lxc.net.0.link = br0' 'lxc.net.0.flags = up' 'lxc.net.0.ipv4.address = 10.7.0.2/24'
		'lxc.mount.auto = proc:mixed sys:mixed cgroup:mixed' 'lxc.tty.max = 2' 'lxc.pty.max = 64'
		'lxc.cgroup.memory.limit_in_bytes = 512M' 'lxc.prlimit.nofile = 512' 'lxc.hook.version = 1'
		"lxc.mount.entry = tmpfs mnt tmpfs rw,size=1m 0 0" 'lxc.monitor.unshare = 1' 'lxc.net.0.ipv4.dhcp = 1')
	# a veth that the host routes for, with an entry of its own on a link that stays
	echo 1 >/proc/sys/net/ipv4/conf/br0/forwarding
	lines+=('lxc.net.2.type = veth' 'lxc.net.2.veth.mode = router' 'lxc.net.2.link = br0' 'lxc.net.2.l2proxy = 1' 'lxc.net.2.flags = up'
		'lxc.net.2.ipv4.address = 10.7.1.2/32' 'lxc.net.2.ipv4.gateway = 10.7.1.1')
	# two with entries in the filter's table, one of them with a rate (the gateway is net.2's)
	echo 1 >/proc/sys/net/ipv4/conf/all/forwarding
	lines+=('lxc.net.3.type = venet' 'lxc.net.3.ipv6.address = fd07:2::2' 'lxc.net.3.rate.egress = 100M'
		'lxc.net.4.type = veth' 'lxc.net.4.link = br0' 'lxc.net.4.flags = up' 'lxc.net.4.ipv4.address = 10.7.3.2/24' 'lxc.net.4.security = 1')
	[ -e /sys/fs/cgroup/memory ] || lines[7]='lxc.cgroup2.cgroup.max.depth = 500'
	local moment
	for moment in pre-start pre-mount mount autodev start-host start stop post-stop; do
		# in the container's root there is no such file: there the hook is a program that it has
		case $moment in start) lines+=("lxc.hook.start = /bin/true");; *) lines+=("lxc.hook.$moment = $hook");; esac
	done
	if [ "${1:-}" = phys ] && ip link add lent0 type veth peer name peer; then
		lines+=('lxc.net.1.type = phys' 'lxc.net.1.link = lent0' 'lxc.net.1.flags = up')
	fi
	container sweep "${lines[@]}"
}
# The steps that only a start with id maps, or one without a root file system, has.
prepare_mapped() {
	container mapped 'lxc.idmap = u 0 100000 65536' 'lxc.idmap = g 0 100000 65536' 'lxc.mount.auto = proc:mixed' \
		"lxc.mount.entry = $work mnt none bind,idmap=container 0 0"
	chown -R 100000:100000 "$P/mapped/rootfs"
	chmod 755 "$P" "$P/mapped"
}
# The step of a start with a limit of its disk space.
prepare_limited() { container limited 'lxc.rootfs.size = 1G'; }
# Nothing of the filters of venet stays.
no_filters() { ! nft list table netdev wabe >/dev/null 2>&1; }
prepare_hostroot() {
	mkdir -p "$P/hostroot"
	printf '%s\n' 'lxc.uts.name = hostroot' 'lxc.net.0.type = empty' 'lxc.init.cmd = /bin/sleep 100' >"$P/hostroot/config"
}
