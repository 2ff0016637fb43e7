#!/bin/bash
# Interfaces: what the container sees, and that nothing stays or goes missing, whoever dies.
source "$(dirname "$0")/lib.sh"
ip link add br0 type bridge; ip addr add 10.9.0.1/24 dev br0; ip -6 addr add fd00:9::1/64 dev br0 nodad; ip link set br0 up
stays='br0|up0|lent0|peer-.*'
veth=('lxc.net.0.type = veth' 'lxc.net.0.link = br0' 'lxc.net.0.flags = up')
inside() { run net ip "$@" 2>/dev/null; }

script=$work/script; printf '%s\n' '#!/bin/sh' "echo \"\$*\" >>$work/calls" >"$script"; chmod 755 "$script"
container net "${veth[@]}" 'lxc.net.0.name = wan' 'lxc.net.0.hwaddr = 00:16:3e:xx:xx:xx' 'lxc.net.0.mtu = 1400' \
	'lxc.net.0.veth.pair = hostend' 'lxc.net.0.ipv4.address = 10.9.0.2/24' 'lxc.net.0.ipv4.address = 10.9.0.3/24' \
	'lxc.net.0.ipv6.address = fd00:9::2/64' 'lxc.net.0.ipv6.address = fd00:9::3/64' 'lxc.net.0.ipv4.gateway = auto' \
	'lxc.net.0.ipv6.gateway = fd00:9::1' "lxc.net.0.script.up = $script" "lxc.net.0.script.down = $script" \
	'lxc.net.7.type = veth' 'lxc.net.7.link = br0' 'lxc.net.7.name = seven'
check start start net
for address in 10.9.0.2/24 10.9.0.3/24 fd00:9::2/64 fd00:9::3/64; do
	check "address-$address" grep -qF "$address" <(inside addr show dev wan)
done
check hwaddr grep -qE '00:16:3e(:[0-9a-f]{2}){3}' <(inside link show wan)
check mtu grep -q 'mtu 1400' <(inside link show wan)
check gateway-auto grep -q 'default via 10.9.0.1' <(inside route)
check gateway-v6 grep -q 'default via fd00:9::1' <(inside -6 route)
check gap-in-numbers grep -q seven <(inside link)
check pair-name test -e /sys/class/net/hostend/brport
check ping-bridge run net ping -c 1 -W 2 10.9.0.1
check info-addresses grep -q 10.9.0.3 <(lxc-info -P "$P" -n net -iH)
check script-up grep -q 'net up\|up veth' "$work/calls"
stop net; none_left clean-veth net "$stays"
check script-down soon 3 grep -q 'down' "$work/calls"

container net "${veth[@]}" 'lxc.net.0.ipv4.address = 10.9.0.2/24' 'lxc.net.0.ipv4.gateway = dev'
check start-gateway-dev start net
check gateway-dev grep -q 'default dev eth0' <(inside route)
stop net

ip link add up0 type veth peer name peer-up && ip link set up0 up
for mode in private vepa bridge passthru; do
	container net 'lxc.net.0.type = macvlan' 'lxc.net.0.link = up0' "lxc.net.0.macvlan.mode = $mode" 'lxc.net.0.flags = up'
	if ! ip link add probe link up0 type macvlan mode $mode 2>/dev/null; then skip "macvlan-$mode" "not in this kernel"; continue; fi
	ip link del probe
	check "macvlan-$mode" start net
	check "macvlan-$mode-link" grep -q eth0 <(inside link)
	stop net; none_left "macvlan-$mode-clean" net "$stays"
done

lend() { ip link del peer-lent 2>/dev/null; ip link add lent0 type veth peer name peer-lent; }
# kill -9 of each, with a lent device: it comes back, in the host's namespace, under its own name
lend
back() { soon 5 test -e /sys/class/net/lent0; }
container net 'lxc.net.0.type = phys' 'lxc.net.0.link = lent0' 'lxc.net.0.name = inner' 'lxc.net.0.flags = up' \
	"${veth[@]//net.0/net.1}"
for victim in stop init supervisor both both-at-once; do
	start net || { bad "phys-$victim" "does not start"; continue; }
	[ ! -e /sys/class/net/lent0 ] || bad "phys-$victim" "lent0 was not moved"
	init=$(init_of net) supervisor=$(supervisor_of net)
	case $victim in
	stop) stop net ;;
	init) kill -9 "$init" ;;
	supervisor) kill -9 "$supervisor"; sleep 0.2; is net RUNNING || bad "phys-$victim" "no longer runs"; stop net ;;
	both) kill -9 "$supervisor"; sleep 0.2; kill -9 "$init"; sleep 0.3; state net >/dev/null ;;
	both-at-once) kill -9 "$supervisor" "$init"; sleep 0.5; state net >/dev/null ;;
	esac
	if back; then good "phys-back-$victim"
	else
		bad "phys-back-$victim" "lent0 is gone: $(netdevs "br0|up0|peer-.*" | tr '\n' ' ')"; lend
	fi
	none_left "phys-clean-$victim" net "$stays"
done

# what can not be made fails with one line, and nothing stays
container net 'lxc.net.0.type = veth' 'lxc.net.0.link = nosuchbridge'
if text=$(lxc-start -P "$P" -n net 2>&1); then bad no-bridge "started"; stop net; else
	equal no-bridge-one-line 1 "$(wc -l <<<"$text")"
fi
none_left no-bridge-clean net "$stays"
done_testing
