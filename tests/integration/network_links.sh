#!/bin/bash
# Interfaces of a container: names, addresses, gateways, devices that come back, scripts, what the errors say.
source "$(dirname "$0")/lib.sh"

mac() { cat "/sys/class/net/$1/address"; }
fails() { # CHECKNAME WORDS CONTAINER
	local out; out=$(start "$3" 2>&1)
	if [[ $out == *"$2"* ]]; then good "$1"; else bad "$1" "expected '$2', got '$out'"; stop "$3" >/dev/null 2>&1; fi
}
ip link add pp0 type veth peer name ph0 && ip link set ph0 mtu 1450 && ip link set ph0 address 02:00:00:00:00:77
ip link add br0 type bridge && ip addr add 10.9.0.1/24 dev br0 && ip -6 addr add fd00:9::1/64 dev br0 nodad && ip link set br0 up

# ---- veth ----
container v1 'lxc.net.0.type = veth' 'lxc.net.0.link = br0' 'lxc.net.0.flags = up' 'lxc.net.0.name = lan' \
	'lxc.net.0.hwaddr = 00:16:3e:01:02:03' 'lxc.net.0.mtu = 1400' 'lxc.net.0.veth.pair = vpair1' \
	'lxc.net.0.ipv4.address = 10.9.0.2/24 10.9.0.254' 'lxc.net.0.ipv4.address = 10.8.0.2/16' 'lxc.net.0.ipv4.gateway = auto' \
	'lxc.net.0.ipv6.address = fd00:9::2/64' 'lxc.net.0.ipv6.gateway = auto' \
	'lxc.net.5.type = veth' 'lxc.net.5.flags = up' 'lxc.net.7.type = macvlan' 'lxc.net.7.link = br0' 'lxc.net.7.macvlan.mode = bridge'
check veth_start start v1
addresses=$(run v1 ip addr show lan) routes=$(run v1 ip route) routes6=$(run v1 ip -6 route)
for words in 'mtu 1400' 00:16:3e:01:02:03 '10.9.0.2/24 brd 10.9.0.254' '10.8.0.2/16 brd 10.8.255.255' fd00:9::2/64; do
	if [[ $addresses == *"$words"* ]]; then good "veth_has ${words%% *}"; else bad "veth_has ${words%% *}" "$addresses"; fi
done
if [[ $addresses == *"global tentative"* ]]; then bad veth_address6_is_ready "$addresses"; else good veth_address6_is_ready; fi
if [[ $routes == *'default via 10.9.0.1 dev lan'* ]]; then good veth_gateway_auto; else bad veth_gateway_auto "$routes"; fi
if [[ $routes6 == *'default via fd00:9::1 dev lan'* ]]; then good veth_gateway6_auto; else bad veth_gateway6_auto "$routes6"; fi
check veth_reaches_bridge run v1 ping -c 1 -W 3 10.9.0.1
equal veth_names_are_first_free 'eth0 eth1 lan lo' "$(run v1 ls /sys/class/net | tr '\n' ' ' | sed 's/ $//')"
equal veth_pair_on_bridge br0 "$(basename "$(readlink /sys/class/net/vpair1/master)")"
check info_shows_link bash -c "lxc-info -P $P -n v1 | grep -q vpair1"
for i in 1 2 3 4 5; do
	stop v1 && start v1 || { bad veth_pair_again "start $i"; break; }
done
[ "$i" = 5 ] && good veth_pair_again
container v2 'lxc.net.0.type = veth' 'lxc.net.0.link = br0' 'lxc.net.0.veth.pair = vpair1'
fails veth_pair_of_another_stays 'vpair1 is in use' v2
check veth_pair_of_another_lives run v1 ping -c 1 -W 3 10.9.0.1
stop v1
none_left veth_leaves_nothing v1 'br0|ph0|pp0'

# ---- devices that are lent: their number in the host is that of a veth in the container ----
before=$(mac ph0)
container p1 'lxc.net.0.type = veth' 'lxc.net.0.link = br0' 'lxc.net.0.name = ph0' 'lxc.net.1.type = phys' 'lxc.net.1.link = ph0' \
	'lxc.net.1.name = eth0' 'lxc.net.1.flags = up' 'lxc.net.1.mtu = 1300' 'lxc.net.1.hwaddr = 02:11:22:33:44:55'
for how in -k '' crash; do
	check "phys_start $how" start p1
	equal "phys_inside $how" 'eth0 lo ph0' "$(run p1 ls /sys/class/net | tr '\n' ' ' | sed 's/ $//')"
	equal "phys_hwaddr $how" 02:11:22:33:44:55 "$(run p1 cat /sys/class/net/eth0/address)"
	if [ "$how" = crash ]; then kill -9 "$(supervisor_of p1)"; fi
	timeout 15 lxc-stop -P "$P" -n p1 ${how/crash/-k}
	if soon 3 test -e /sys/class/net/ph0; then good "phys_is_back $how"; else bad "phys_is_back $how" "$(netdevs)"; fi
	equal "phys_is_as_it_was $how" "2 1450 $before" "$(cat /sys/class/net/ph0/ifindex) $(cat /sys/class/net/ph0/mtu) $(mac ph0)"
done
container p2 'lxc.net.0.type = phys' 'lxc.net.0.link = ph0' 'lxc.net.0.name = eth3' 'lxc.net.0.mtu = 1300' \
	'lxc.net.1.type = veth' \
	'lxc.net.1.name = eth3' 'lxc.net.1.link = br0'
fails phys_start_that_fails 'a name of its own' p2
equal phys_is_back_after_failure "2 1450 $before" "$(cat /sys/class/net/ph0/ifindex) $(cat /sys/class/net/ph0/mtu) $(mac ph0)"
none_left phys_leaves_nothing p 'br0|ph0|pp0'

# ---- scripts ----
script=$work/script; printf '%s\n' '#!/bin/sh' "echo \"\$* \$LXC_NET_TYPE \$LXC_NET_PARENT\" >>$work/said" >"$script"; chmod 755 "$script"
container s1 'lxc.net.0.type = veth' 'lxc.net.0.link = br0' 'lxc.net.0.veth.pair = vs1' "lxc.net.0.script.up = $script" \
	"lxc.net.0.script.down = $script" 'lxc.net.1.type = empty' "lxc.net.1.script.up = $script"
check script_start start s1
stop s1
equal script_arguments 's1 net up veth br0 vs1 veth br0|s1 net up empty empty |s1 net down veth br0 vs1 veth br0' "$(paste -sd'|' "$work/said")"
container s2 'lxc.net.0.type = veth' 'lxc.net.0.link = br0' 'lxc.net.0.script.up = /bin/false'
fails script_that_fails 'script /bin/false (up) ended with status 1' s2

# ---- errors ----
container e1 'lxc.net.0.type = veth' 'lxc.net.0.link = br7'
fails error_bridge 'lxc.net.0.link: bridge br7 does not exist' e1
container e1 'lxc.net.0.type = veth' 'lxc.net.0.link = pp0'
fails error_no_bridge 'check that pp0 is a bridge' e1
container e1 'lxc.net.0.type = phys' 'lxc.net.0.link = nic7'
fails error_device 'lxc.net.0.link: device nic7 does not exist' e1
container e1 'lxc.net.0.type = veth' 'lxc.net.0.link = br0' 'lxc.net.0.ipv4.gateway = 10.9.0.1'
fails error_gateway_down 'add lxc.net.0.flags = up' e1
ip link add br1 type bridge
container e1 'lxc.net.0.type = veth' 'lxc.net.0.link = br1' 'lxc.net.0.flags = up' 'lxc.net.0.ipv4.gateway = auto'
fails error_gateway_auto 'br1 has no IPv4 address' e1
container e1 'lxc.net.0.type = macvlan' 'lxc.net.0.link = lo'
fails error_macvlan 'check that lo can carry a macvlan' e1
container e1 'lxc.net.0.type = veth' 'lxc.net.0.link = br0' 'lxc.net.0.flags = up' 'lxc.net.0.ipv4.address = 10.9.0.9/24' \
	'lxc.net.0.ipv4.address = 10.9.0.9/24'
fails error_address 'the address 10.9.0.9/24' e1
none_left error_leaves_nothing e1 'br0|br1|ph0|pp0'
done_testing
