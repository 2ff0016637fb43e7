#!/bin/bash
# Every type of interface with traffic, IPv4 and IPv6, between namespaces that stand for the host (this one), a neighbour
# of it (lan) that is a router, a machine behind it (far), and containers; and that what was lent is given back.
source "$(dirname "$0")/lib.sh"

machine lan; machine far
ip link add up0 type veth peer name lan0 && ip link set lan0 netns "$machine_lan"
lan ip link add far0 type veth peer name far1 && lan ip link set far1 netns "$machine_far"
give() { # DEVICE ADDRESS...: by the machine in front ("" is the host)
	local machine=$1 device=$2 address; shift 2
	$machine ip link set "$device" up
	for address; do $machine ip addr add "$address" dev "$device" $([[ $address != *:* ]] || echo nodad); done
}
ip link set lo up
give "" up0 10.5.0.1/24 fd05::1/64; give lan lan0 10.5.0.9/24 fd05::9/64
give lan far0 10.66.0.1/24 fd66::1/64; give far far1 10.66.0.2/24 fd66::2/64
ip link add br0 type bridge; give "" br0 10.9.0.1/24 fd09::1/64
ip route add default via 10.5.0.9; ip -6 route add default via fd05::9
lan ip route add default via 10.5.0.1; lan ip -6 route add default via fd05::1
far ip route add default via 10.66.0.1; far ip -6 route add default via fd66::1
for m in "" lan; do $m sh -c 'echo 1 >/proc/sys/net/ipv4/conf/all/forwarding; echo 1 >/proc/sys/net/ipv6/conf/all/forwarding'; done
stays='up0|br0|lent0|hot0|ovs-system|ovs0|ovs-netdev'

pings() { local from=$1 to; shift; for to; do soon 5 $from "$busybox" ping -c 1 -W 1 "$to" || { echo "$to is not reached"; return 1; }; done; }
inside() { run "$container" "$@" 2>/dev/null; }
inner() { nsenter -t "$(init_of "$container")" -n "$@"; }
reaches() { container=$1; shift; pings inner "$@"; }
misses() { container=$1; ! timeout 0.5 nsenter -t "$(init_of "$1")" -n "$busybox" ping -c 1 "$2" >/dev/null 2>&1; }
fails() { # CHECKNAME WORDS CONTAINER
	local out; out=$(start "$3" 2>&1)
	if [[ $out == *"$2"* && $(wc -l <<<"$out") = 1 ]]; then good "$1"; else bad "$1" "expected '$2', got '$out'"; stop "$3" >/dev/null 2>&1; fi
}
has_kind() { local r; ip link add probe link up0 type "$@" 2>/dev/null; r=$?; ip link del probe 2>/dev/null; return $r; }

# ---- veth on a bridge: the keys in any order, numbers with gaps, several of them ----
container a 'lxc.net.4.ipv4.address = 10.9.0.40/24' 'lxc.net.4.name = four' 'lxc.net.4.link = br0' 'lxc.net.4.type = veth' \
	'lxc.net.4.flags = up' 'lxc.net.1.ipv6.gateway = fd09::1' 'lxc.net.1.veth.n_txqueues = 3' 'lxc.net.1.ipv4.gateway = auto' \
	'lxc.net.1.flags = up' 'lxc.net.1.ipv6.address = fd09::2/64' 'lxc.net.1.ipv4.address = 10.9.0.2/24' 'lxc.net.1.link = br0' \
	'lxc.net.1.veth.n_rxqueues = 2' 'lxc.net.1.veth.pair = va' 'lxc.net.1.type = veth' 'lxc.net.2.type = empty'
# its first act is to bind its IPv6 address: it can, nothing is searched for duplicates
printf '%s\n' '#!/bin/sh' 'trap "exit 0" TERM PWR' 'cd /tmp; echo hello >page' 'httpd -p "[fd09::2]:80" -h /tmp && echo >/bound' \
	'echo >/ready; while :; do sleep 1000 & wait $!; done' >"$P/a/rootfs/sbin/init"
container b 'lxc.net.0.type = veth' 'lxc.net.0.link = br0' 'lxc.net.0.flags = up' 'lxc.net.0.ipv4.address = 10.9.0.3/24' \
	'lxc.net.0.ipv6.address = fd09::3/64' 'lxc.net.0.ipv4.gateway = 10.9.0.1' 'lxc.net.0.ipv6.gateway = auto'
check veth-start start a
check veth-ipv6-is-bound-at-once test -e "$P/a/rootfs/bound"
check veth-second start b
container=a; equal veth-names 'eth0 four lo' "$(inside ls /sys/class/net | xargs)"
check veth-queues grep -q 'numtxqueues 3 numrxqueues 2' <(ip -d link show va)
check veth-queues-inside grep -q 'numtxqueues 3 numrxqueues 2' <(inner ip -d link show eth0)
check veth-reaches-host-neighbour-far reaches a 10.9.0.1 fd09::1 10.5.0.9 fd05::9 10.66.0.2 fd66::2
check veth-reaches-other-container reaches a 10.9.0.3 fd09::3
check veth-is-reached-from-far pings far 10.9.0.2 fd09::2 10.9.0.40
equal veth-tcp-from-far hello "$(far timeout 10 "$busybox" wget -q -O - 'http://[fd09::2]/page')"
stop a; stop b; none_left veth-clean a "$stays"

# ---- the number of system calls does not grow with addresses and routes ----
network_calls() { # NAME: those of a start, to the end
	strace -f -o "$work/trace" -e trace=network,ioctl lxc-execute -P "$P" -n "$1" -- /bin/true >/dev/null 2>&1 </dev/null || return
	grep -c '^[0-9]* *[a-z]*(' "$work/trace"
}
if command -v strace >/dev/null; then
	few=('lxc.net.0.type = veth' 'lxc.net.0.flags = up' 'lxc.net.0.ipv4.address = 10.7.0.1/24' 'lxc.net.0.veth.ipv4.route = 10.8.0.0/32')
	many=("${few[@]}")
	for ((i = 1; i < 20; i++)); do
		many+=("lxc.net.0.ipv4.address = 10.7.0.$((i + 1))/24" "lxc.net.0.ipv6.address = fd07::$i/64" "lxc.net.0.veth.ipv4.route = 10.8.0.$i/32"
			"lxc.net.0.veth.ipv6.route = fd08::$i/128")
	done
	container few "${few[@]}"; container many "${many[@]}"
	one=$(network_calls few) twenty=$(network_calls many)
	if [ -n "$one" ] && [ -n "$twenty" ] && [ "$twenty" -le $((one + 2)) ]; then good "calls-constant"
	else bad calls-constant "$one with an address and a route, $twenty with 39 of each"; fi
	echo "# calls of the network: $one with 1 address and 1 route, $twenty with 39 and 39"
else
	skip calls-constant "no strace"
fi

# ---- macvlan: the parent as good as before, and free, whoever dies ----
up0_is() { cat /sys/class/net/up0/{address,flags,mtu}; }
before=$(up0_is)
mac() { # NAME HOST-PART MODE; its hardware address is a new one
	lan ip neigh flush dev lan0; ip neigh flush dev up0
	container "$1" 'lxc.net.0.type = macvlan' 'lxc.net.0.link = up0' "lxc.net.0.macvlan.mode = $3" 'lxc.net.0.flags = up' \
		"lxc.net.0.ipv4.address = 10.5.0.$2/24" "lxc.net.0.ipv6.address = fd05::$2/64" 'lxc.net.0.ipv4.gateway = 10.5.0.9'
}
if has_kind macvlan; then
	for mode in private vepa bridge; do
		mac m1 51 $mode; mac m2 52 $mode
		check "macvlan-start $mode" start m1; check "macvlan-start-second $mode" start m2
		check "macvlan-reaches $mode" reaches m1 10.5.0.9 fd05::9 10.66.0.2
		check "macvlan-is-reached $mode" pings lan 10.5.0.51 fd05::52
		if [ $mode = bridge ]; then check "macvlan-among-containers $mode" reaches m1 10.5.0.52 fd05::52
		else check "macvlan-not-among-containers $mode" misses m1 10.5.0.52; fi
		stop m1; stop m2
	done
	mac m1 51 passthru; mac m2 52 passthru
	check macvlan-passthru start m1
	check macvlan-passthru-reaches reaches m1 10.5.0.9 fd05::9
	fails macvlan-passthru-is-alone 'check that up0 can carry a macvlan of this mode' m2
	stop m1
	for how in $ways; do
		start m1 || { bad "macvlan-ended-by $how" "does not start"; continue; }
		end m1 $how
		check "macvlan-at-once-again $how" start m2
		stop m2
		equal "macvlan-parent-as-before $how" "$before" "$(up0_is)"
		check "macvlan-parent-carries $how" pings "" 10.5.0.9 fd05::9
	done
	none_left macvlan-clean m "$stays"
else
	skip macvlan "not in this kernel"
	mac m1 51 bridge; fails macvlan-names-option CONFIG_MACVLAN m1
fi

# ---- phys: with its other names, whatever the container did to it, whoever dies ----
machine wire
lend() { ip link del lent0 2>/dev/null; ip link add lent0 type veth peer name w0; ip link set w0 netns "$machine_wire"; give wire w0 10.4.0.9/24 fd04::9/64; }
altnames() { $2 ip link show "$1" | sed -n 's/^ *altname //p' | sort | xargs; }
lend
container p 'lxc.net.0.type = phys' 'lxc.net.0.link = lent0' 'lxc.net.0.name = lan' 'lxc.net.0.flags = up' \
	'lxc.net.0.ipv4.address = 10.4.0.2/24' 'lxc.net.0.ipv6.address = fd04::2/64' 'lxc.net.1.type = veth' 'lxc.net.1.name = lent0'
if ip link property add dev lent0 altname lan altname a-longer-name-than-others altname nic9 2>/dev/null; then
	names='a-longer-name-than-others lan nic9'
else
	names=; skip phys-altnames "the kernel has none"
fi
for how in $ways; do
	check "phys-start $how" start p; container=p
	[ ! -e /sys/class/net/lent0 ] || bad "phys-moved $how" "lent0 is here"
	check "phys-reaches $how" reaches p 10.4.0.9 fd04::9
	check "phys-is-reached $how" pings wire 10.4.0.2 fd04::2
	if [ -n "$names" ]; then
		# names that are in use in the host, and one less
		equal "phys-altnames-inside $how" "${names/lan /}" "$(altnames lan inner)"
		inner ip link property add dev lan altname br0 altname up0; inner ip link property del dev lan altname nic9
	fi
	inner ip link set lan down; inner ip link set lan name other
	end p $how
	soon 5 test -e /sys/class/net/lent0 || { bad "phys-back $how" "the host has $(netdevs | xargs)"; lend; continue; }
	good "phys-back $how"
	[ -z "$names" ] || equal "phys-altnames-back $how" "$names" "$(altnames lent0 "")"
done
if [ -n "$names" ]; then
	container p 'lxc.net.0.type = phys' 'lxc.net.0.link = nic9' 'lxc.net.0.flags = up'
	check phys-by-altname start p; stop p
	check phys-by-altname-back test -e /sys/class/net/lent0
	equal phys-by-altname-altnames "$names" "$(altnames lent0 "")"
fi
for i in 0 1 2; do ip link add many$i type veth peer name m$i; ip link set m$i netns "$machine_wire"; done
container p 'lxc.net.0.type = phys' 'lxc.net.0.link = many+' 'lxc.net.0.name = first' 'lxc.net.0.flags = up'
check phys-many-start start p; container=p
equal phys-many-inside 'first lo many1 many2' "$(inside ls /sys/class/net | xargs)"
stop p; equal phys-many-back 'many0 many1 many2' "$(cd /sys/class/net; echo many*)"
for i in 0 1 2; do ip link del many$i; done
fails phys-many-of-none 'lxc.net.0.link: the host has no device many+' p
none_left phys-clean p "$stays"

# ---- empty, none ----
container e 'lxc.net.0.type = empty' 'lxc.net.3.type = empty'
check empty-start start e
container=e; equal empty-has-lo lo "$(inside ls /sys/class/net | xargs)"
check empty-lo-is-up reaches e 127.0.0.1 ::1
check empty-reaches-nobody misses e 10.5.0.9

# ---- hot plug: into the empty one, and back ----
device() { timeout 10 lxc-device -P "$P" -n e "$@"; }
ip link del lent0; ip link add hot0 type veth peer name w0; ip link set w0 netns "$machine_wire"; give wire w0 10.4.0.9/24 fd04::9/64
check hot-add device add hot0 plugged
check hot-is-away test ! -e /sys/class/net/hot0
equal hot-inside 'lo plugged' "$(inside ls /sys/class/net | xargs)"
give inner plugged 10.4.0.3/24 fd04::3/64
check hot-reaches reaches e 10.4.0.9 fd04::9
check hot-is-reached pings wire 10.4.0.3 fd04::3
check hot-del device del plugged hot0
check hot-is-back test -e /sys/class/net/hot0
equal hot-inside-after lo "$(inside ls /sys/class/net | xargs)"
check hot-carries-here bash -c "ip link set hot0 up; ip addr add 10.4.0.1/24 dev hot0"
check hot-neighbour pings "" 10.4.0.9
check hot-same-name device add hot0
equal hot-same-name-inside 'hot0 lo' "$(inside ls /sys/class/net | xargs)"
if device del nosuch 2>/dev/null; then bad hot-unknown "went well"; else good hot-unknown; fi
check hot-del-same-name device del hot0
stop e; none_left empty-clean e "$stays"

container n 'lxc.net.0.type = none'
check none-start start n
container=n; equal none-is-the-host "$(readlink /proc/self/ns/net)" "$(readlink "/proc/$(init_of n)/ns/net")"
check none-reaches reaches n 10.5.0.9 fd05::9
stop n; none_left none-clean n "$stays"

# ---- two containers on VLANs and ipvlan of one parent: the rest is in network_routed.sh ----
if has_kind ipvlan mode l2; then
	for isolation in bridge private vepa; do
		for i in 1 2; do
			container i$i 'lxc.net.0.type = ipvlan' 'lxc.net.0.link = up0' 'lxc.net.0.ipvlan.mode = l2' "lxc.net.0.ipvlan.isolation = $isolation" \
				'lxc.net.0.flags = up' "lxc.net.0.ipv4.address = 10.5.0.6$i/24" "lxc.net.0.ipv6.address = fd05::6$i/64"
			check "ipvlan-start $isolation $i" start i$i
		done
		lan ip neigh flush dev lan0
		check "ipvlan-reaches $isolation" reaches i1 10.5.0.9 fd05::9
		check "ipvlan-is-reached $isolation" pings lan 10.5.0.62 fd05::62
		if [ $isolation = bridge ]; then check "ipvlan-among-containers" reaches i1 10.5.0.62 fd05::62
		else check "ipvlan-not-among-containers $isolation" misses i1 10.5.0.62; fi
		stop i1; stop i2
	done
	none_left ipvlan-clean i "$stays"
else
	skip ipvlan "not in this kernel"
fi

# ---- a bridge of Open vSwitch, with its own database ----
ovs_start() {
	export OVS_RUNDIR=$work/ovs OVS_LOGDIR=$work/ovs OVS_DBDIR=$work/ovs OVS_SYSCONFDIR=$work/ovs
	mkdir -p "$work/ovs"; [ -e /dev/net/tun ] || { mkdir -p /dev/net; mknod /dev/net/tun c 10 200; }
	modprobe -q openvswitch 2>/dev/null
	ovsdb-tool create "$work/ovs/conf.db" "${OVS_SCHEMA:-/usr/share/openvswitch/vswitch.ovsschema}" &&
		ovsdb-server --remote="punix:$work/ovs/db.sock" --pidfile --detach --no-chdir --log-file "$work/ovs/conf.db" &&
		ovs-vsctl --timeout=10 --no-wait init && ovs-vswitchd --pidfile --detach --no-chdir --log-file
}
ovs_bridge() { ovs-vsctl --timeout=10 add-br ovs0 "$@" && soon 10 ip link set ovs0 up; }
ports() { ovs-vsctl --timeout=10 list-ports ovs0 | xargs; }
port_is() { ovs-vsctl --timeout=10 get port "$1" vlan_mode tag trunks | xargs; }
ovs() {
	local datapath=system how
	ovs_start 2>"$work/ovs.log" || { skip ovs "does not run here: $(tail -n 1 "$work/ovs.log")"; return; }
	ovs_bridge 2>/dev/null && ip link show ovs0 >/dev/null 2>&1 || { datapath=netdev; ovs-vsctl --timeout=10 --if-exists del-br ovs0; ovs_bridge -- set bridge ovs0 datapath_type=netdev; }
	echo "# Open vSwitch, data path: $datapath"
	give "" ovs0 10.3.0.1/24 fd03::1/64
	local port=('lxc.net.0.type = veth' 'lxc.net.0.link = ovs0' 'lxc.net.0.flags = up' 'lxc.net.0.veth.pair = vo1'
		'lxc.net.0.ipv4.address = 10.3.0.2/24' 'lxc.net.0.ipv6.address = fd03::2/64')
	container o "${port[@]}"
	for how in $ways; do
		check "ovs-start $how" start o
		equal "ovs-port $how" vo1 "$(ports)"
		[ $how != stop ] || check "ovs-reaches" reaches o 10.3.0.1 fd03::1
		end o $how
		equal "ovs-port-is-gone $how" '' "$(ports)"
	done
	container o "${port[@]}" 'lxc.net.0.veth.vlan.id = 10'
	start o; equal ovs-access 'access 10 []' "$(port_is vo1)"; check ovs-vlan-separates misses o 10.3.0.1; stop o
	container o "${port[@]}" 'lxc.net.0.veth.vlan.id = 10' 'lxc.net.0.veth.vlan.tagged.id = 20' 'lxc.net.0.veth.vlan.tagged.id = 30'
	start o; equal ovs-both 'native-untagged 10 [20, 30]' "$(port_is vo1)"; stop o
	container o "${port[@]}" 'lxc.net.0.veth.vlan.tagged.id = 20'
	start o; equal ovs-tagged 'trunk [] [0, 20]' "$(port_is vo1)"; check ovs-tagged-and-untagged reaches o 10.3.0.1; stop o
	container o "${port[@]}" 'lxc.net.0.veth.vlan.id = none' 'lxc.net.0.veth.vlan.tagged.id = 20'
	start o; equal ovs-none 'trunk [] [20]' "$(port_is vo1)"; check ovs-none-separates misses o 10.3.0.1; stop o
	kill "$(cat "$work/ovs/ovs-vswitchd.pid")"; OVS_RUNDIR=$work/nowhere
	container o "${port[@]}"
	fails ovs-without-database 'make vo1 a port of ovs0' o
	kill "$(cat "$work/ovs/ovsdb-server.pid")"
	none_left ovs-clean o "$stays"
}
if command -v ovs-vswitchd >/dev/null; then ovs; else skip ovs "Open vSwitch is not installed"; fi
done_testing
