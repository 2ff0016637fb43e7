#!/bin/bash
# What a container's interfaces carried, to the byte; rates of what it sends and receives, and that its root can not lift them.
source "$(dirname "$0")/lib.sh"

command -v python3 >/dev/null || { skip all 'python3 is missing'; done_testing; }
python=$(python3 -c 'import sys; print(sys.executable)') # not a shell script before it
cat >"$work/traffic.py" <<'PY'
# send N TO | flood SECONDS TO | take SECONDS: "RATE" in kbit/s of frames | tcp-take: the same of bytes | tcp-flood SECONDS TO
import socket, struct, sys, time
act, args = sys.argv[1], sys.argv[2:]
tcp = act.startswith("tcp")
s = socket.socket(socket.AF_INET, socket.SOCK_STREAM if tcp else socket.SOCK_DGRAM)
def report(marks):  # (time, bytes) of each arrival
    if len(marks) < 2: print(0); return
    print(int(sum(n for _, n in marks[1:]) * 8 / (marks[-1][0] - marks[0][0]) / 1000))
if act == "send":
    for i in range(int(args[0])):
        s.sendto(bytes(1000), (args[1], 9)); time.sleep(0.0002)
elif act == "flood":
    end = time.monotonic() + float(args[0])
    while time.monotonic() < end:
        for i in range(20): s.sendto(bytes(1000), (args[1], 7007))
        time.sleep(0.001)
elif act == "raw":  # around the queue of the interface; SECONDS TO MAC DEVICE
    ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 1028, 0, 0, 64, 17, 0, socket.inet_aton("10.6.0.2"), socket.inet_aton(args[1]))
    words = sum(struct.unpack("!10H", ip)); words = (words & 0xffff) + (words >> 16)
    ip = ip[:10] + struct.pack("!H", ~words & 0xffff) + ip[12:]
    frame = bytes.fromhex(args[2].replace(":", "")) + bytes.fromhex("020000000602") + b"\x08\0" + ip
    frame += struct.pack("!HHHH", 7007, 7007, 1008, 0) + bytes(1000)
    r = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0); r.bind((args[3], 0))
    r.setsockopt(263, 20, 1)  # SOL_PACKET, PACKET_QDISC_BYPASS
    end = time.monotonic() + float(args[0])
    while time.monotonic() < end:
        for i in range(20):
            try: r.send(frame)
            except OSError: pass
        time.sleep(0.001)
elif act == "take":
    s.setsockopt(socket.SOL_SOCKET, 33, 1 << 23)  # SO_RCVBUFFORCE: a pause of this process loses nothing
    s.setsockopt(socket.SOL_SOCKET, 35, 1)  # SO_TIMESTAMPNS
    s.bind(("", 7007)); s.settimeout(5)
    open(args[1], "w").close()
    marks = []
    while not marks or marks[-1][0] - marks[0][0] < float(args[0]):
        try: data, extra, _, _ = s.recvmsg(2000, 64)
        except socket.timeout: break
        sec, ns = struct.unpack("qq", extra[0][2])  # when it arrived, not when this process came to it
        marks.append((sec + ns / 1e9, len(data) + 42))
        s.settimeout(0.2)
    report(marks)
elif act == "tcp-take":
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind(("", 7008)); s.listen(); open(args[0], "w").close()
    s.settimeout(5); c, _ = s.accept(); c.settimeout(5)
    marks = []
    while True:
        n = len(c.recv(1 << 16))
        if not n: break
        marks.append((time.monotonic(), n))
    report(marks)
elif act == "tcp-flood":
    s.connect((args[1], 7008)); s.settimeout(3)
    end = time.monotonic() + float(args[0])
    while time.monotonic() < end: s.send(bytes(1 << 14))
PY
in_net() { nsenter -t "$init" -n "${@:2}"; } # NAME CMD...: CMD of the host in the network of $init
traffic() { "$python" "$work/traffic.py" "$@"; }
no6() { echo 1 >/proc/sys/net/ipv6/conf/all/disable_ipv6; echo 1 >/proc/sys/net/ipv6/conf/default/disable_ipv6; } 2>/dev/null
# egress|ingress: the rate in kbit/s that gets through
rate_of() {
	local there here; rm -f "$work/ready"
	if [ "$1" = egress ]; then
		traffic take 0.4 "$work/ready" >"$work/rate" & there=$!
		soon 5 test -e "$work/ready"; in_net n "$python" "$work/traffic.py" ${flood:-flood} 0.5 10.6.0.1 "$(cat /sys/class/net/br0/address)" eth0
	else
		in_net n "$python" "$work/traffic.py" take 0.4 "$work/ready" >"$work/rate" & there=$!
		soon 5 test -e "$work/ready"; traffic flood 0.5 10.6.0.2
	fi
	wait $there; cat "$work/rate"
}
# CHECKNAME DIRECTION KBIT: within a fifth. A machine without time for the sender makes it less, never more.
limited() {
	local i got
	for i in 1 2 3; do
		got=$(rate_of "$2")
		[ "$got" -le $(($3 * 6 / 5)) ] || break
		[ "$got" -lt $(($3 * 4 / 5)) ] || { good "$1"; return; }
	done
	bad "$1" "wanted $3 kbit/s, got $got"
}
unlimited() { local got; got=$(rate_of "$2"); if [ "$got" -gt "$3" ]; then good "$1"; else bad "$1" "got only $got kbit/s"; fi; }
# NAME KEY...: of its only interface
of() { lxc-info -P "$P" -n "$1" --format json | "$python" -c 'import json,sys; i = json.load(sys.stdin)["links"][0]; print(*[i[k] for k in sys.argv[1:]])' "${@:2}"; }
counters() { of "$1" tx_bytes tx_packets rx_bytes rx_packets; }
minus() { local a=($1) b=($2) i; for i in "${!a[@]}"; do echo -n "$((a[i] - b[i])) "; done; }
refused() { # CHECKNAME WORDS CONTAINER
	local out; out=$(start "$3" 2>&1)
	if [[ $out == *"$2"* && $(wc -l <<<"$out") = 1 ]]; then good "$1"; else bad "$1" "expected '$2', got '$out'"; stop "$3" >/dev/null 2>&1; fi
}

no6
# with snooping the bridge sends reports of its own
ip link add br0 type bridge mcast_snooping 0 && ip addr add 10.6.0.1/24 dev br0 && ip link set br0 up && ip link set lo up
ip link add pp0 type veth peer name ph0 && ip link set ph0 up && ip link set pp0 up
veth=('lxc.net.0.type = veth' 'lxc.net.0.link = br0' 'lxc.net.0.flags = up' 'lxc.net.0.veth.pair = use1' 'lxc.net.0.name = eth0'
	'lxc.net.0.ipv4.address = 10.6.0.2/24' 'lxc.net.0.hwaddr = 02:00:00:00:06:02')
settle() { # NAME: nothing but what the test sends goes over the wire
	init=$(init_of "$1"); in_net n bash -c "$(declare -f no6); no6"
	in_net n ip neigh replace 10.6.0.1 lladdr "$(cat /sys/class/net/br0/address)" dev eth0
	ip neigh replace 10.6.0.2 lladdr 02:00:00:00:06:02 dev br0
}

# ---- counters ----
container u1 "${veth[@]}"
check start start u1
settle u1
before=$(counters u1)
in_net n "$python" "$work/traffic.py" send 100 10.6.0.1
equal sent_is_tx '104200 100 ' "$(minus "$(counters u1 | cut -d' ' -f1,2)" "$before")"
before=$(counters u1)
traffic send 70 10.6.0.2
now=$(counters u1)
equal received_is_rx '72940 70' "$(minus "$now" "$before" | cut -d' ' -f3,4)"
equal ls_has_the_same "$(of u1 tx_bytes rx_bytes)" "$(lxc-ls -P "$P" -F NAME,TX,RX --format json |
	"$python" -c 'import json,sys; c = json.load(sys.stdin)[0]; print(c["tx_bytes"], c["rx_bytes"])')"
equal ls_table 'NAME TX RX' "$(lxc-ls -P "$P" -f -F NAME,TX,RX | head -1 | xargs)"
if [[ $(lxc-ls -P "$P" -f -F NAME,TX,RX) =~ u1\ +[0-9]+\.[0-9][0-9]MB\ +[0-9]+\.[0-9][0-9]MB ]]; then good ls_traffic; else
	bad ls_traffic "$(lxc-ls -P "$P" -f -F NAME,TX,RX)"; fi
equal ls_columns_stay 'NAME STATE AUTOSTART GROUPS IPV4 IPV6 UNPRIVILEGED' "$(lxc-ls -P "$P" -f | head -1 | xargs)"
now=($(counters u1))
equal info_is_as_scripts_know_it "$(printf '%-15s %s\n' Link: use1 ' TX bytes:' "${now[0]}" ' RX bytes:' "${now[2]}" \
	' Total bytes:' $((now[0] + now[2])))" "$(lxc-info -P "$P" -n u1 -S -H | grep -A9 Link:)"
equal info_for_people 'Link:           use1' "$(lxc-info -P "$P" -n u1 | grep Link:)"
info=$(lxc-info -P "$P" -n u1 --network)
for words in 'Interface:      eth0' ' Type:          veth' ' Host side:     use1' ' Address:       10.6.0.2/24' ' TX packets:    ' ' RX dropped:    0'; do
	if [[ $info == *"$words"* ]]; then good "info_network ${words%%:*}"; else bad "info_network ${words%%:*}" "$info"; fi
done
kill -9 "$(supervisor_of u1)"
before=$(counters u1)
in_net n "$python" "$work/traffic.py" send 10 10.6.0.1
equal supervisor_killed_counts_on '10420 10 ' "$(minus "$(counters u1 | cut -d' ' -f1,2)" "$before")"
# what was made inside is not counted, and a name is no order for a terminal
in_net n ip link add docker0 type bridge
in_net n ip link add va type veth peer name vb
in_net n ip link set eth0 down; in_net n ip link set eth0 name $'e\033[31m'
equal made_inside_is_not_counted 1 "$(lxc-info -P "$P" -n u1 -S | grep -c Link:)"
equal renamed_is_found use1 "$(of u1 host)"
for show in 'lxc-info -n u1 --network' 'lxc-info -n u1 --security' 'lxc-ls -f -F NAME,INTERFACE'; do
	out=$($show -P "$P")
	if [[ $out == *$'\033'* || $out != *'e?[31m'* ]]; then bad "name_is_no_order $show" "$(od -c <<<"$out" | tail)"; else good "name_is_no_order $show"; fi
done
stop u1; none_left counters_leave_nothing u1 'br0|pp0|ph0'

# without a side on the host: as the container's own interface counts
unshare -n sleep 1000 & far=$!
trap 'kill $far' EXIT
own=$(readlink /proc/self/ns/net); soon 5 eval '[ "$(readlink /proc/$far/ns/net)" != "$own" ]'
ip link add du0 type veth peer name far0 && ip link set far0 netns $far && nsenter -t $far -n ip link set far0 up
for kind in macvlan phys phys-whose-end-is-elsewhere; do
	link=ph0; [ "$kind" = macvlan ] || [ "$kind" = phys ] || link=du0
	container m1 "lxc.net.0.type = ${kind%%-*}" "lxc.net.0.link = $link" 'lxc.net.0.flags = up' 'lxc.net.0.name = eth0' 'lxc.net.0.ipv4.address = 10.7.0.2/24'
	check "${kind}_start" start m1
	init=$(init_of m1); in_net n bash -c "$(declare -f no6); no6"
	in_net n ip neigh replace 10.7.0.1 lladdr "$(cat /sys/class/net/pp0/address)" dev eth0
	soon 3 eval 'in_net n ip link show eth0 | grep -q LOWER_UP'
	before=$(counters m1)
	in_net n "$python" "$work/traffic.py" send 50 10.7.0.1
	equal "${kind}_counts" '52100 50 ' "$(minus "$(counters m1 | cut -d' ' -f1,2)" "$before")"
	stop m1; none_left "${kind}_leaves_nothing" m1 'br0|pp0|ph0|du0'
	soon 5 ip link set $link up
done

# ---- rates ----
rates=('lxc.net.0.rate.egress = 8M' 'lxc.net.0.rate.ingress = 4M' 'lxc.net.0.rate.burst = 16k')
container r0 'lxc.net.0.type = macvlan' 'lxc.net.0.link = ph0' "${rates[@]}"
refused rate_needs_a_veth 'rates are for veth and venet' r0
container r0 'lxc.net.0.type = veth' 'lxc.net.0.rate.egress = 10 pigs'
refused rate_is_checked 'lxc.net.0.rate.egress: 10 pigs: is no rate' r0
container r1 "${veth[@]}" "${rates[@]}"
check rate_start start r1
settle r1
limited egress egress 8000
limited ingress ingress 4000
equal limits_are_shown '8000000 4000000' "$(of r1 egress_bits_per_second ingress_bits_per_second)"
check drops_are_counted test "$(of r1 tx_dropped)" -gt 100 -a "$(of r1 rx_dropped)" -gt 100
if [[ $(lxc-info -P "$P" -n r1 --network) == *'TX limit:      8 Mbit/s'*'RX limit:      4 Mbit/s'* ]]; then good limits_for_people; else bad limits_for_people "$(lxc-info -P "$P" -n r1 --network)"; fi
# its root tries all that is in its hand
for act in 'tc qdisc del dev eth0 root' 'tc qdisc del dev eth0 clsact' 'tc filter del dev eth0 ingress' 'tc qdisc add dev eth0 root tbf rate 1gbit burst 1m limit 1m' \
	'ip link set eth0 down' 'ip link set eth0 name lan' 'ip link set lan mtu 1400' 'ip link set lan mtu 1500' 'ip link set lan address 02:00:00:00:06:02' \
	'ip link set lan name eth0' 'ip link set eth0 up'; do
	in_net n $act >/dev/null 2>&1
done
settle r1
limited egress_after_attack egress 8000
limited ingress_after_attack ingress 4000
in_net n tc qdisc del dev eth0 root 2>/dev/null
in_net n ip link add link eth0 name mv0 type macvlan mode bridge && in_net n ip addr flush dev eth0 &&
	in_net n ip addr add 10.6.0.2/24 dev mv0 && in_net n ip link set mv0 up
in_net n ip neigh replace 10.6.0.1 lladdr "$(cat /sys/class/net/br0/address)" dev mv0
limited egress_by_macvlan egress 8000
in_net n ip link del mv0; in_net n ip addr add 10.6.0.2/24 dev eth0
settle r1

flood=raw limited egress_by_raw_frames egress 8000

# ---- at run time, without a supervisor ----
kill -9 "$(supervisor_of r1)"
check change lxc-device -P "$P" -n r1 rate 0 egress=16M burst=16k
limited changed egress 16000
equal other_direction_stays '16000000 4000000' "$(of r1 egress_bits_per_second ingress_bits_per_second)"
check lift lxc-device -P "$P" -n r1 rate 0 egress=none ingress=0
unlimited egress_lifted egress 20000
unlimited ingress_lifted ingress 20000
equal no_limits 'None None' "$(of r1 egress_bits_per_second ingress_bits_per_second)"
for words in 'rate 0' 'rate 1 egress=1M' 'rate 0 egress=quick' 'rate 0 pigs=1M'; do
	if out=$(lxc-device -P "$P" -n r1 $words 2>&1); then bad "refused $words" "$out"; else good "refused $words"; fi
done
check again lxc-device -P "$P" -n r1 rate 0 egress=8M ingress=8M
for side in egress ingress; do
	rm -f "$work/ready"
	if [ $side = egress ]; then
		traffic tcp-take "$work/ready" >"$work/rate" & there=$!
		soon 5 test -e "$work/ready"; in_net n "$python" "$work/traffic.py" tcp-flood 0.6 10.6.0.1
	else
		in_net n "$python" "$work/traffic.py" tcp-take "$work/ready" >"$work/rate" & there=$!
		soon 5 test -e "$work/ready"; traffic tcp-flood 0.6 10.6.0.2
	fi
	wait $there; got=$(cat "$work/rate")
	echo "# tcp $side: $got kbit/s of 8000"
	if [ "$got" -gt 3000 ] && [ "$got" -lt 16000 ]; then good "tcp_$side"; else bad "tcp_$side" "got $got kbit/s"; fi
done
stop r1
kill $far; soon 3 test ! -e /sys/class/net/du0; trap - EXIT
none_left rates_leave_nothing r 'br0|pp0|ph0'
done_testing
