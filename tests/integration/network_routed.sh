#!/bin/bash
# Interfaces that the host routes for, or that stand on one of its devices: veth in router mode, routes, l2proxy, vlan,
# ipvlan, VLANs of a bridge's port. With traffic from and to a neighbour of the host; and that the host is left as it was.
source "$(dirname "$0")/lib.sh"

fails() { # CHECKNAME WORDS CONTAINER
	local out; out=$(start "$3" 2>&1)
	if [[ $out == *"$2"* && $(wc -l <<<"$out") = 1 ]]; then good "$1"; else bad "$1" "expected '$2', got '$out'"; stop "$3" >/dev/null 2>&1; fi
}
# up0 leads to lan0 of a machine of its own
machine lan
ip link add up0 type veth peer name lan0 && ip link set lan0 netns "$machine_lan"
ip addr add 10.5.0.1/24 dev up0; ip -6 addr add fd05::1/64 dev up0 nodad; ip link set up0 up; ip link set lo up
lan ip addr add 10.5.0.9/24 dev lan0; lan ip -6 addr add fd05::9/64 dev lan0 nodad; lan ip link set lan0 up
ip route add default via 10.5.0.9; ip -6 route add default via fd05::9
sysctl() { echo "$2" >"/proc/sys/net/$1"; }
sysctls() { sysctl ipv4/conf/all/forwarding "$1"; sysctl ipv6/conf/all/forwarding "$1"; sysctl ipv6/conf/all/proxy_ndp "$1"; sysctl ipv6/conf/up0/proxy_ndp "$1"; }
host() { { ip route; ip -6 route; } | grep -v "^fe80::/" | sed "s/ linkdown//"; ip -4 neigh show proxy | sort; ip -6 neigh show proxy | sort; }
inside() { nsenter -t "$(init_of "$1")" -n "${@:2}"; }
# The kernel needs some time for the neighbours of a link that has just come.
reaches() { soon 5 run "$1" ping -c 1 -W 1 "$2"; }
reaches6() { soon 5 run "$1" ping6 -c 1 -W 1 "$2"; }
has_kind() { local r; ip link add probe link up0 type "$@" 2>/dev/null; r=$?; ip link del probe 2>/dev/null; return $r; }
before=$(host)
as_before() { local now; soon 3 eval '[ "$(host)" = "$before" ]'; now=$(host); equal "$1" "$before" "$now"; none_left "$1-links" "$2" 'up0|br0|br1|pp0'; }

# ---- router mode, l2proxy ----
router=('lxc.net.0.type = veth' 'lxc.net.0.veth.mode = router' 'lxc.net.0.link = up0' 'lxc.net.0.flags = up' 'lxc.net.0.veth.pair = vr1'
	'lxc.net.0.l2proxy = 1' 'lxc.net.0.ipv4.address = 10.5.0.50/32' 'lxc.net.0.ipv6.address = fd05::50/128')
sysctls 0
container r1 "${router[@]}"
fails l2proxy_needs_forwarding 'lxc.net.0.l2proxy: 1 needs net.ipv4.conf.up0.forwarding = 1 (run: sysctl -w net/ipv4/conf/up0/forwarding=1)' r1
sysctl ipv4/conf/up0/forwarding 1
fails l2proxy_needs_proxy_ndp 'net.ipv6.conf.up0.proxy_ndp = 1' r1
sysctl ipv6/conf/up0/proxy_ndp 1
fails l2proxy_needs_forwarding6 'net.ipv6.conf.up0.forwarding = 1' r1
as_before l2proxy_refused_leaves_nothing r1
sysctls 1; sysctl ipv6/conf/all/proxy_ndp 0 # only that of its own link is left
for gateways in 'auto auto' '169.254.0.1 fe80::1'; do
	container r1 "${router[@]}" "lxc.net.0.ipv4.gateway = ${gateways% *}" "lxc.net.0.ipv6.gateway = ${gateways#* }"
	check "router_start $gateways" start r1
	check "router_is_no_port $gateways" test ! -e /sys/class/net/vr1/master
	check "router_route $gateways" grep -q '^10.5.0.50 dev vr1 scope link' <(ip route)
	check "router_route6 $gateways" grep -q '^fd05::50 dev vr1' <(ip -6 route)
	equal "router_proxies $gateways" 'up0 vr1' "$(ip -4 neigh show proxy | grep -o 'dev [a-z0-9]*' | cut -d' ' -f2 | sort | xargs)"
	equal "router_proxies6 $gateways" 'up0 vr1' "$(ip -6 neigh show proxy | grep -o 'dev [a-z0-9]*' | cut -d' ' -f2 | sort | xargs)"
	check "router_reaches_host $gateways" reaches r1 10.5.0.1
	check "router_reaches_neighbour $gateways" reaches r1 10.5.0.9
	check "router_reaches_neighbour6 $gateways" reaches6 r1 fd05::9
	check "router_is_reached $gateways" lan "$busybox" ping -c 1 -W 3 10.5.0.50
	check "router_is_reached6 $gateways" lan "$busybox" ping -c 1 -W 3 fd05::50
	stop r1; as_before "router_leaves_nothing ${gateways% *}" r1
done
equal config_item_is_read router "$(lxc-info -P "$P" -n r1 -c lxc.net.0.veth.mode -H)"

for victim in init supervisor both both-at-once; do
	start r1 || { bad "router_killed $victim" "does not start"; continue; }
	init=$(init_of r1) supervisor=$(supervisor_of r1)
	case $victim in
	init) kill -9 "$init" ;;
	supervisor) kill -9 "$supervisor"; sleep 0.2; is r1 RUNNING || bad "router_killed $victim" "no longer runs"; stop r1 ;;
	both) kill -9 "$supervisor"; sleep 0.2; kill -9 "$init"; sleep 0.3; state r1 >/dev/null ;;
	both-at-once) kill -9 "$supervisor" "$init"; sleep 0.5; state r1 >/dev/null ;;
	esac
	as_before "router_killed $victim" r1
done
for ((i = 0; i < 5; i++)); do start r1 && stop r1 || { bad router_again "start $i"; break; }; done
[ $i = 5 ] && good router_again
container r1 "${router[@]}" 'lxc.net.0.script.up = /bin/false'
fails router_start_that_fails 'script /bin/false (up)' r1
as_before router_failure_leaves_nothing r1
# what the administrator made serves, and stays
ip neigh add proxy 10.5.0.50 dev up0; before=$(host) proxy_stays=10.5.0.50
container r1 "${router[@]}"
check proxy_of_another_serves start r1
stop r1; as_before proxy_of_another_stays r1
ip neigh del proxy 10.5.0.50 dev up0; before=$(host) proxy_stays=

# ---- routes to a veth ----
routes=('lxc.net.0.type = veth' 'lxc.net.0.flags = up' 'lxc.net.0.veth.pair = vr2' 'lxc.net.0.ipv4.address = 192.0.2.7/32'
	'lxc.net.0.ipv6.address = 2001:db8:2::7/128' 'lxc.net.0.ipv4.gateway = dev' 'lxc.net.0.ipv6.gateway = dev'
	'lxc.net.0.veth.ipv4.route = 192.0.2.1/24' 'lxc.net.0.veth.ipv4.route = 198.51.100.0/25' 'lxc.net.0.veth.ipv6.route = 2001:db8:2::/48')
container r2 "${routes[@]}"
check routes_start start r2
check routes_first grep -q '^192.0.2.0/24 dev vr2 scope link' <(ip route)
check routes_second grep -q '^198.51.100.0/25 dev vr2 scope link' <(ip route)
check routes_ipv6 grep -q '^2001:db8:2::/48 dev vr2' <(ip -6 route)
check routes_carry soon 5 "$busybox" ping -c 1 -W 1 192.0.2.7
ip -6 addr add fd07::1/64 dev vr2 nodad # the container asks its link for who has sent it
check routes_carry6 soon 5 "$busybox" ping -c 1 -W 1 2001:db8:2::7
stop r2; as_before routes_leave_nothing r2
ip route add 198.51.100.0/25 dev up0; before=$(host)
fails route_of_another 'lxc.net.0.veth.ipv4.route: route 198.51.100.0/25 to vr2' r2
as_before route_of_another_stays r2
ip route del 198.51.100.0/25 dev up0; before=$(host)
ip link add br0 type bridge && ip link set br0 up
container r3 "${routes[@]/veth.pair = vr2/link = br0}"
check routes_of_a_port start r3
check routes_of_a_port_are_there grep -q '^192.0.2.0/24 dev veth' <(ip route)
stop r3; as_before routes_of_a_port_leave_nothing r3

# ---- vlan ----
container v1 'lxc.net.0.type = vlan' 'lxc.net.0.link = up0' 'lxc.net.0.vlan.id = 7' 'lxc.net.0.flags = up' 'lxc.net.0.ipv4.address = 10.6.0.2/24'
if has_kind vlan id 9; then
	lan ip link add lan7 link lan0 type vlan id 7; lan ip addr add 10.6.0.9/24 dev lan7; lan ip link set lan7 up
	for ((i = 0; i < 4; i++)); do
		start v1 || { bad vlan_again "start $i"; break; }
		[ $i != 0 ] || check vlan_reaches_neighbour reaches v1 10.6.0.9
		[ $i != 0 ] || check vlan_id grep -q 'id 7 ' <(inside v1 ip -d link show eth0)
		case $i in 1) kill -9 "$(supervisor_of v1)";; 2) kill -9 "$(supervisor_of v1)" "$(init_of v1)"; continue;; esac
		stop v1
	done
	[ $i = 4 ] && good vlan_again
	start v1
	container v2 'lxc.net.0.type = vlan' 'lxc.net.0.link = up0' 'lxc.net.0.vlan.id = 7'
	fails vlan_of_another 'may have VLAN 7 of up0' v2
	stop v1
	ip link add pp0 type veth peer name pp1
	container v2 'lxc.net.0.type = vlan' 'lxc.net.0.link = pp0' 'lxc.net.0.vlan.id = 7' 'lxc.net.0.flags = up'
	fails vlan_of_a_parent_that_is_down 'bring pp0 up first' v2
	ip link del pp0
else
	skip vlan "not in this kernel"
	fails vlan_names_option 'CONFIG_VLAN_8021Q' v1
fi
as_before vlan_leaves_nothing v1

# ---- ipvlan ----
ipvlan=('lxc.net.0.type = ipvlan' 'lxc.net.0.link = up0' 'lxc.net.0.flags = up' 'lxc.net.0.ipv4.address = 10.5.0.60/24' 'lxc.net.0.ipv6.address = fd05::60/64')
container i1 "${ipvlan[@]}" 'lxc.net.0.ipvlan.mode = l2'
if has_kind ipvlan mode l2; then
	for mode in l2 l3 l3s; do
		for isolation in bridge private vepa; do
			container i1 "${ipvlan[@]}" "lxc.net.0.ipvlan.mode = $mode" "lxc.net.0.ipvlan.isolation = $isolation"
			check "ipvlan_start $mode $isolation" start i1
			check "ipvlan_mode $mode $isolation" grep -q "ipvlan *mode $mode $isolation" <(inside i1 ip -d link show eth0)
			[ "$mode" != l2 ] || check "ipvlan_reaches_neighbour $isolation" reaches i1 10.5.0.9
			stop i1
		done
	done
	container i1 "${ipvlan[@]}"
	start i1; check ipvlan_defaults grep -q 'ipvlan *mode l3 bridge' <(inside i1 ip -d link show eth0); stop i1
	as_before ipvlan_leaves_nothing i1
	container i1 "${ipvlan[@]//\/[0-9]*/}" 'lxc.net.0.ipvlan.mode = l3s' 'lxc.net.0.l2proxy = 1' 'lxc.net.0.ipv4.gateway = dev' 'lxc.net.0.ipv6.gateway = dev'
	for ((i = 0; i < 4; i++)); do
		start i1 || { bad ipvlan_again "start $i"; break; }
		if [ $i = 0 ]; then
			check ipvlan_l3s_route grep -q '^10.5.0.60 dev lo scope link' <(ip route)
			check ipvlan_l3s_proxy grep -q '^10.5.0.60 dev up0' <(ip -4 neigh show proxy)
			check ipvlan_l3s_reaches_neighbour reaches i1 10.5.0.9
			check ipvlan_l3s_reaches_neighbour6 reaches6 i1 fd05::9
			check ipvlan_l3s_is_reached lan "$busybox" ping -c 1 -W 3 10.5.0.60
			check ipvlan_l3s_is_reached6 lan "$busybox" ping -c 1 -W 3 fd05::60
		fi
		case $i in 1) kill -9 "$(supervisor_of i1)";; 2) kill -9 "$(supervisor_of i1)" "$(init_of i1)"; sleep 0.5; continue;; esac
		stop i1
	done
	[ $i = 4 ] && good ipvlan_again
	as_before ipvlan_l3s_leaves_nothing i1
	start i1; container i2 "${ipvlan[@]}" 'lxc.net.0.ipvlan.mode = l3s'
	fails ipvlan_address_of_another 'second container on up0' i2
	stop i1
	container i1 'lxc.net.0.type = ipvlan' 'lxc.net.0.link = lo'
	fails ipvlan_of_lo 'check that lo can carry an ipvlan' i1
else
	skip ipvlan "not in this kernel"
	fails ipvlan_names_option 'CONFIG_IPVLAN' i1
fi
container i1 "${ipvlan[@]}" 'lxc.net.0.hwaddr = 02:00:00:00:11:22'
fails ipvlan_has_no_hwaddr 'an ipvlan interface has the hardware address of its link' i1
container i1 "${ipvlan[@]}" 'lxc.net.0.l2proxy = 1'
fails ipvlan_l2proxy_needs_l3s 'set lxc.net.N.ipvlan.mode to l3s' i1
as_before ipvlan_failure_leaves_nothing i1

# ---- VLANs of a bridge's port ----
port=('lxc.net.0.type = veth' 'lxc.net.0.link = br1' 'lxc.net.0.flags = up' 'lxc.net.0.veth.pair = vb1')
tagged=('lxc.net.0.veth.vlan.tagged.id = 20' 'lxc.net.0.veth.vlan.tagged.id = 30')
vlans() { bridge vlan show dev vb1 | sed 1d | sed 's/^vb1//' | tr -s ' \t' ' ' | paste -sd'|' | sed 's/ *|/|/g; s/^ *//; s/ *$//'; }
ip link add br1 address 02:00:00:00:00:10 type bridge; ip link set br1 up # without it, one of zeros when the last port is gone
container b1 "${port[@]}" 'lxc.net.0.veth.vlan.id = 10' "${tagged[@]}"
if ip link set br1 type bridge vlan_filtering 0 2>/dev/null; then
	fails bridge_vlan_needs_filter 'lxc.net.0.veth.vlan.id: bridge br1 does not filter VLANs (run: ip link set br1 type bridge vlan_filtering 1)' b1
	ip link set br1 type bridge vlan_filtering 1
	for default in 1 0 10; do
		ip link set br1 type bridge vlan_default_pvid $default
		check "bridge_vlan_start $default" start b1
		equal "bridge_vlan_both $default" '10 PVID Egress Untagged| 20| 30' "$(vlans)"
		stop b1
	done
	ip link set br1 type bridge vlan_default_pvid 1
	container b1 "${port[@]}" 'lxc.net.0.veth.vlan.id = none' "${tagged[@]}"
	start b1; equal bridge_vlan_none '20| 30' "$(vlans)"; stop b1
	container b1 "${port[@]}" "${tagged[@]}"
	start b1; equal bridge_vlan_tagged '1 PVID Egress Untagged| 20| 30' "$(vlans)"; stop b1
	# the bridge itself is in VLAN 10: only who is in it is reached
	ip link add br1.10 link br1 type vlan id 10; bridge vlan add dev br1 vid 10 self; ip addr add 10.7.0.1/24 dev br1.10; ip link set br1.10 up
	container b1 "${port[@]}" 'lxc.net.0.veth.vlan.id = 10' 'lxc.net.0.ipv4.address = 10.7.0.2/24'
	start b1; check bridge_vlan_carries reaches b1 10.7.0.1; stop b1
	container b1 "${port[@]}" 'lxc.net.0.veth.vlan.id = 11' 'lxc.net.0.ipv4.address = 10.7.0.2/24'
	start b1; if run b1 ping -c 1 -W 1 10.7.0.1 >/dev/null; then bad bridge_vlan_separates "VLAN 11 reaches 10"; else good bridge_vlan_separates; fi
	stop b1; ip link del br1.10
else
	skip bridge_vlan "not in this kernel"
	fails bridge_vlan_names_option 'CONFIG_BRIDGE_VLAN_FILTERING' b1
fi
container b1 'lxc.net.0.type = veth' 'lxc.net.0.veth.vlan.id = 10'
fails bridge_vlan_needs_bridge 'VLANs are for a veth on a bridge' b1
container b1 'lxc.net.0.type = veth' 'lxc.net.0.link = up0' 'lxc.net.0.veth.vlan.id = 10'
fails bridge_vlan_needs_kernel_bridge 'up0 is no bridge of the kernel' b1
as_before bridge_vlan_leaves_nothing b1
done_testing
