#!/bin/bash
# venet, and veth with security: who is reached, and what a hostile root in the container gets out of it (nothing). With a
# neighbour on the host's link, frames made by hand, and captures at neighbour, victim and host. And the filter: that the
# 500th address costs what the first did, that it is closed when the firewall is flushed and comes back, that nothing stays.
source "$(dirname "$0")/lib.sh"
busy() { "$busybox" "$@"; }
fails() { # CHECKNAME WORDS CONTAINER
	local out; out=$(start "$3" 2>&1)
	if [[ $out == *"$2"* && $(wc -l <<<"$out") = 1 ]]; then good "$1"; else bad "$1" "expected '$2', got '$out'"; stop "$3" >/dev/null 2>&1; fi
}
unshare -n sleep 1000 & lan=$!
trap 'kill $lan $listeners 2>/dev/null' EXIT
listeners=
away() { [ "$(readlink /proc/$lan/ns/net)" != "$(readlink /proc/self/ns/net)" ]; }
soon 5 away; ip link add up0 type veth peer name lan0; ip link set lan0 netns $lan
lan() { nsenter -t $lan -n "$@"; }
ip addr add 10.5.0.1/24 dev up0; ip -6 addr add fd05::1/64 dev up0 nodad; ip link set up0 up; ip link set lo up
lan ip addr add 10.5.0.9/24 dev lan0; lan ip -6 addr add fd05::9/64 dev lan0 nodad; lan ip link set lan0 up; lan ip link set lo up
lan ip route add 10.0.0.0/8 via 10.5.0.1
ip route add default via 10.5.0.9; ip -6 route add default via fd05::9
sysctl() { echo "$2" >"/proc/sys/net/$1"; }
inside() { nsenter -t "$(init_of "$1")" -n "${@:2}"; }
pings() { run "$1" ping -c 1 -W 1 "$2"; }
reaches() { soon 5 pings "$1" "$2"; }
lan_reaches() { soon 5 lan "$busybox" ping -c 1 -W 1 "$1"; }
silent() { if "${@:2}" >/dev/null 2>&1; then bad "$1" "it was reached"; else good "$1"; fi; }
# What the filter has of its own: the table, if a tool to list it is there.
has_nft=; command -v nft >/dev/null && has_nft=1
has_carrier() { ip link show dev up0 | grep -q 'state UP' && ip -6 -o addr show dev up0 scope link | grep -q fe80; }
soon 5 has_carrier
host() { ip route; ip -6 route | grep -v '^fe80::/'; ip -4 neigh show proxy | sort; ip -6 neigh show proxy | sort; [ -z "$has_nft" ] || nft list tables netdev; }
as_before() { local now; soon 3 eval '[ "$(host)" = "$before" ]'; now=$(host); equal "$1" "$before" "$now"; none_left "$1-links" "$2" 'up0|br0'; }
before=$(host)
# with a limit that none of it reaches: its filter stands before the guard's
own=('lxc.net.0.type = venet' 'lxc.net.0.veth.pair = ve1' 'lxc.net.0.rate.egress = 10G' 'lxc.net.0.rate.ingress = 10G' 'lxc.net.0.ipv4.address = 10.5.0.50' 'lxc.net.0.ipv6.address = fd05::50')
other=('lxc.net.0.type = venet' 'lxc.net.0.veth.pair = ve2' 'lxc.net.0.ipv4.address = 10.5.0.51/24' 'lxc.net.0.ipv6.address = fd05::51/64')

# ---- sysctls of others are the administrator's ----
container v1 "${own[@]}"; container v2 "${other[@]}"
sysctl ipv4/conf/all/forwarding 0; sysctl ipv6/conf/all/forwarding 0
fails needs_forwarding 'lxc.net.0.type: venet needs net.ipv4.conf.up0.forwarding = 1 (run: sysctl -w net/ipv4/conf/up0/forwarding=1)' v1
sysctl ipv4/conf/all/forwarding 1
fails needs_forwarding6 'venet needs net.ipv6.conf.all.forwarding = 1' v1
sysctl ipv6/conf/all/forwarding 1
fails needs_proxy_ndp 'venet needs net.ipv6.conf.up0.proxy_ndp = 1' v1
sysctl ipv6/conf/up0/proxy_ndp 1
as_before refused_leaves_nothing v1
container v3 'lxc.net.0.type = venet' 'lxc.net.0.ipv4.address = 10.5.0.60' 'lxc.net.0.ipv4.gateway = 10.5.0.1'
fails needs_no_gateway 'venet needs no gateway' v3

# ---- reachable ----
check start start v1
check start_other start v2
equal name_inside venet0 "$(inside v1 ls /sys/class/net 2>/dev/null | head -0; run v1 ls /sys/class/net | grep -v '^lo')"
equal address_is_single 32 "$(inside v2 ip -4 -o addr show dev venet0 | grep -o '10.5.0.51/[0-9]*' | cut -d/ -f2)"
equal address6_is_single 128 "$(inside v2 ip -6 -o addr show dev venet0 | grep -o 'fd05::51/[0-9]*' | cut -d/ -f2)"
equal no_link_local '' "$(inside v1 ip -6 -o addr show dev venet0 | grep fe80)$(ip -6 -o addr show dev ve1)"
for address in 10.5.0.1 10.5.0.9 fd05::1 fd05::9; do check "reaches $address" reaches v1 $address; done
for address in 10.5.0.50 fd05::50 10.5.0.51 fd05::51; do check "is_reached $address" lan_reaches $address; done
silent peers_are_apart pings v1 10.5.0.51
silent peers6_are_apart pings v2 fd05::50
container v3 "${own[@]//50/51}" 'lxc.net.0.veth.pair = ve3'
fails address_of_another 'lxc.net.0.ipv4.address: address 10.5.0.51: Address in use (another container has it, take another address)' v3

# ---- a hostile root ----
frames=$here/venet_frames.py
listen() { # OUTPUT COMMAND... : the names of the frames that are seen
	local out=$1; shift
	"$@" python3 "$frames" listen "${devices[@]}" >"$out" & listeners+=" $!"
	soon 5 grep -q listening "$out"
}
# KIND DEVICE KEY=VALUE...: sends all from v1, waits until the allowed ones have come through
attack() {
	local kind=$1 device=$2; shift 2
	: >"$work/sent"; inside v1 python3 "$frames" send "$device" "$kind" "$@" >"$work/sent" 2>&1
	soon 5 grep -qx allowed "$work/lan"; soon 5 grep -qx allowed6 "$work/lan"
}
hwaddr() { inside "$1" cat "/sys/class/net/$2/address" 2>/dev/null || inside "$1" ip link show "$2" | awk '/ether/ { print $2 }'; }
seen() { grep -vxE 'listening|allowed6?' "$work/$1" | sort | xargs; }
quiet() { kill $listeners 2>/dev/null; wait $listeners 2>/dev/null; listeners=; }
neighbours=$(ip neigh show dev ve1; ip neigh show dev ve2)
mac_of() { inside "$1" ip -o link show "$2" | grep -o 'link/ether [0-9a-f:]*' | cut -d' ' -f2; }
mac=$(mac_of v1 venet0)
values=("mac=$mac" own4=10.5.0.50 own6=fd05::50 victim4=10.5.0.51 victim6=fd05::51 router4=10.5.0.1 router6=fd05::1 target4=10.5.0.9 target6=fd05::9)
devices=(lan0); listen "$work/lan" lan
devices=(venet0); listen "$work/victim" nsenter -t "$(init_of v2)" -n
devices=(udp up0 ve2 lo); listen "$work/host" env
attack venet venet0 "${values[@]}"
check attack_was_sent grep -qxE '[5-9][0-9]' "$work/sent"
check attack_own_passes grep -qx allowed "$work/lan"
check attack_own6_passes grep -qx allowed6 "$work/lan"
for place in lan victim host; do equal "attack_is_not_seen $place" '' "$(seen $place)"; done
equal attack_leaves_neighbours "$neighbours" "$(ip neigh show dev ve1; ip neigh show dev ve2)"
# to the host itself
attack venet venet0 "${values[@]/target4=10.5.0.9/target4=10.5.0.1}"
equal attack_on_host '' "$(seen host | sed 's/dhcp-target//')"
# what root inside turns on its side makes nothing better
inside v1 ip addr add 10.5.0.51/32 dev venet0
silent takes_address_of_another run v1 ping -c 1 -W 1 -I 10.5.0.51 10.5.0.9
inside v1 ip addr del 10.5.0.51/32 dev venet0
inside v1 ip link set venet0 arp on; inside v1 ip link set venet0 arp off
check after_attack reaches v1 10.5.0.9
quiet

# ---- the firewall is flushed: closed at once, and back ----
closed() { lan true; ! pings v1 10.5.0.9 >/dev/null 2>&1; }
if [ -n "$has_nft" ]; then
	supervisor=$(supervisor_of v1); kill -STOP "$supervisor" "$(supervisor_of v2)"
	nft flush ruleset
	silent flushed_is_closed pings v1 10.5.0.9
	silent flushed_is_closed6 pings v1 fd05::9
	devices=(lan0); listen "$work/lan" lan
	devices=(venet0); listen "$work/victim" nsenter -t "$(init_of v2)" -n
	inside v1 python3 "$frames" send venet0 venet "${values[@]}" >"$work/sent"
	kill -CONT "$supervisor" "$(supervisor_of v2)"
	check flushed_comes_back reaches v1 10.5.0.9
	check flushed_comes_back6 reaches v2 fd05::9
	for place in lan victim; do equal "flushed_attack_is_not_seen $place" '' "$(seen $place)"; done
	quiet
	silent flushed_peers_are_apart pings v1 10.5.0.51
	init=$(init_of v1); kill -9 "$supervisor"; soon 3 eval '! kill -0 $supervisor 2>/dev/null'
	nft flush ruleset
	silent flushed_without_supervisor_is_closed nsenter -t "$init" -n "$busybox" ping -c 1 -W 1 10.5.0.9
	check flushed_adopted_comes_back reaches v1 10.5.0.9
else
	skip flushed "no nft"
fi

# ---- addresses come and go ----
device() { timeout 10 lxc-device -P "$P" -n "$@"; }
check address_add device v1 add 10.5.0.70
check address_add6 device v1 add fd05::70
check address_add_reached lan_reaches 10.5.0.70
check address_add_reached6 lan_reaches fd05::70
check address_add_used soon 5 run v1 ping -c 1 -W 1 -I 10.5.0.70 10.5.0.9
equal address_add_taken "lxc-device: v2: can not add the device: add address 10.5.0.70: Address in use" \
	"$(device v2 add 10.5.0.70 2>&1 | sed 's/ (.*//')"
check address_del device v1 del 10.5.0.70
silent address_del_not_reached lan "$busybox" ping -c 1 -W 1 10.5.0.70
inside v1 ip addr add 10.5.0.70/32 dev venet0 # it stays forbidden
silent address_del_not_used run v1 ping -c 1 -W 1 -I 10.5.0.70 10.5.0.9
silent address_del_twice device v1 del 10.5.0.70
check address_moves device v2 add 10.5.0.70
check address_moved lan_reaches 10.5.0.70
stop v1
check address_moved_stays lan_reaches 10.5.0.70
stop v2
as_before stop_leaves_nothing v

# ---- peers ----
container v1 "${own[@]}" 'lxc.net.0.venet.peers = 1'; container v2 "${other[@]}" 'lxc.net.0.venet.peers = 1'
container v3 'lxc.net.0.type = venet' 'lxc.net.0.ipv4.address = 10.5.0.52'
start v1; start v2; start v3
check peers_reach reaches v1 10.5.0.51
check peers_reach6 reaches v2 fd05::50
silent peers_need_both pings v1 10.5.0.52
silent peers_need_both_here pings v3 10.5.0.50
stop v2; stop v3

# ---- killed ----
for victim in init supervisor both both-at-once; do
	[ $victim = init ] || start v1 || { bad "killed $victim" "does not start"; continue; }
	init=$(init_of v1) supervisor=$(supervisor_of v1)
	case $victim in
	init) kill -9 "$init" ;;
	supervisor) kill -9 "$supervisor"; soon 3 is v1 RUNNING || bad "killed $victim" "no longer runs"; stop v1 ;;
	both) kill -9 "$supervisor"; kill -9 "$init"; soon 3 is v1 STOPPED ;;
	both-at-once) kill -9 "$supervisor" "$init"; soon 3 is v1 STOPPED ;;
	esac
	as_before "killed $victim" v1
done
start v1; for i in 1 2 3; do stop v1; start v1 || { bad start_again "start $i"; break; }; done; check start_again is v1 RUNNING; stop v1
container v1 "${own[@]}" 'lxc.net.0.script.up = /bin/false'
fails start_that_fails 'script /bin/false (up)' v1
as_before failure_leaves_nothing v1
start v1 2>/dev/null; container v1 "${own[@]}"; start v1; kill -9 "$(supervisor_of v1)" "$(init_of v1)"
container v3 'lxc.net.0.type = venet' 'lxc.net.0.ipv4.address = 10.5.0.50' # nobody has looked at v1
check address_of_a_dead_one start v3
stop v3; soon 3 is v1 STOPPED; as_before dead_one_leaves_nothing v

# ---- a bridge, with security ----
ip link add br0 address 02:00:00:00:00:10 type bridge; ip link set br0 up
ip addr add 10.8.0.1/24 dev br0; ip -6 addr add fd08::1/64 dev br0 nodad
before=$(host)
port() { echo 'lxc.net.0.type = veth'; echo 'lxc.net.0.link = br0'; echo 'lxc.net.0.flags = up'; echo "lxc.net.0.ipv4.address = 10.8.0.$1/24"; echo "lxc.net.0.ipv6.address = fd08::$1/64"; }
mapfile -t first < <(port 50); mapfile -t second < <(port 51)
container v2 "${second[@]}"; start v2
for security in 0 1; do
	container v1 "${first[@]}" "lxc.net.0.security = $security" 'lxc.net.0.hwaddr = 00:16:3e:11:22:33' 'lxc.net.0.veth.pair = vp1'
	check "port_start $security" start v1
	check "port_reaches $security" reaches v1 10.8.0.51
	check "port_reaches6 $security" reaches v1 fd08::51
	check "port_is_reached $security" reaches v2 10.8.0.50
	check "port_is_reached6 $security" reaches v2 fd08::50
	values=(mac=00:16:3e:11:22:33 own4=10.8.0.50 own6=fd08::50 victim4=10.8.0.51 victim6=fd08::51 router4=10.8.0.1 router6=fd08::1
		target4=10.8.0.1 target6=fd08::1 targetmac=02:00:00:00:00:10 "victimmac=$(mac_of v2 eth0)")
	devices=(br0); listen "$work/lan" env
	devices=(eth0); listen "$work/victim" nsenter -t "$(init_of v2)" -n
	attack port eth0 "${values[@]}"
	if [ $security = 0 ]; then # else the test would see nothing in any case
		check port_without_is_open test "$(cat "$work/lan" "$work/victim" | sort -u | wc -l)" -gt 35
	else
		check port_own_passes grep -qx allowed "$work/lan"
		check port_own6_passes grep -qx allowed6 "$work/lan"
		for place in lan victim; do equal "port_attack_is_not_seen $place" '' "$(seen $place)"; done
		check port_after_attack reaches v1 fd08::51
	fi
	quiet
	if [ $security = 1 ] && [ -n "$has_nft" ]; then
		kill -STOP "$(supervisor_of v1)"; nft flush ruleset
		silent port_flushed_is_closed pings v1 10.8.0.51
		kill -CONT "$(supervisor_of v1)"
		check port_flushed_comes_back reaches v1 10.8.0.51
	fi
	stop v1
done
stop v2; as_before port_leaves_nothing v
container v1 'lxc.net.0.type = veth' 'lxc.net.0.link = br0' 'lxc.net.0.security = 1'
fails port_needs_addresses 'security needs the addresses that the container may use' v1

# ---- the 500th address costs what the first did ----
# COMMAND...: processor time of the cheapest quarter of 24 runs, in microseconds; {} is the number of the run, from $from on
cost() {
	python3 - "$from" "$@" <<'PY'
import resource, subprocess, sys
def used():
    u = resource.getrusage(resource.RUSAGE_CHILDREN)
    return u.ru_utime + u.ru_stime
first, times = int(sys.argv[1]), []
for n in range(first, first + 24):
    t = used()
    subprocess.run([a.replace('{}', str(n)) for a in sys.argv[2:]], check=True)
    times.append(used() - t)
print(int(sorted(times)[6] * 1e6))
PY
}
is_like() { if [ $(($3 * 10)) -le $(($2 * 13)) ]; then good "$1"; else bad "$1" "first $2 us, last $3 us"; fi; }
container v1 "${own[@]}"; start v1
mapfile -t addresses < <(for ((i = 0; i < 480; i++)); do echo "lxc.net.0.ipv4.address = 10.6.$((i / 200)).$((i % 200 + 1))"; done)
container v2 'lxc.net.0.type = venet' 'lxc.net.0.ipv6.address = fd05::51' "${addresses[@]}"
from=1; first=$(cost lxc-device -P "$P" -n v1 add 10.7.0.{})
check many_start start v2
from=101; last=$(cost lxc-device -P "$P" -n v1 add 10.7.0.{})
from=131; again=$(cost lxc-device -P "$P" -n v1 add 10.7.0.{}); [ "$again" -gt "$last" ] || last=$again # other work on the machine
is_like many_addresses "$first" "$last"
check many_is_reached lan_reaches 10.6.2.80
stop v2; stop v1; as_before many_leave_nothing v
if [ -n "${FULL:-}" ]; then # containers, not only addresses
	one() { mkdir -p "$P/n$1"; ln -sfn "$P/v1/rootfs" "$P/n$1/rootfs"; printf '%s\n' "lxc.rootfs.path = dir:$P/v1/rootfs" \
		'lxc.mount.auto = proc:mixed sys:mixed' 'lxc.net.0.type = venet' "lxc.net.0.ipv4.address = 10.9.$(($1 / 200)).$(($1 % 200 + 1))" >"$P/n$1/config"; }
	for ((i = 0; i < 500; i++)); do one $i; done
	empty() { cost sh -c "lxc-start -P '$P' -n e1 && lxc-stop -k -P '$P' -n e1"; } # what a start without network costs more then
	container e1; from=0; empty_first=$(empty); first=$(cost lxc-start -P "$P" -n n{})
	for ((i = 24; i < 476; i++)); do lxc-start -P "$P" -n n$i || { bad many_containers "n$i does not start"; break; }; done
	from=476; last=$(cost lxc-start -P "$P" -n n{}); last=$((last - $(empty) + empty_first))
	is_like many_containers "$first" "$last"
	check many_containers_reached lan_reaches 10.9.2.100
	for ((i = 0; i < 500; i += 20)); do
		stops=(); for ((k = i; k < i + 20; k++)); do lxc-stop -k -P "$P" -n n$k & stops+=($!); done
		wait "${stops[@]}"
	done
	as_before many_containers_leave_nothing n
fi
done_testing
