#!/bin/bash
# A container that has moved, or come out of a checkpoint, tells its neighbours where it is: those that it does not talk to reach it at once.
source "$(dirname "$0")/lib.sh"
command -v python3 >/dev/null || { skip announce "no python3"; exit 0; }
: "${WABE_CRIU:=$(command -v criu || true)}"
export WABE_CRIU
if [ -z "$WABE_CRIU" ] || ! "$WABE_CRIU" check >/dev/null 2>&1; then skip announce "no criu that works on this kernel"; exit 0; fi
export -f container rootfs; export busybox here
source "$here/migrate_lib.sh"
host A && host B || { bad hosts "can not be made"; done_testing; }
segment # of A, B and C
C ip addr add fd00:5::9/64 dev eth0 nodad
A bash -c 'container web "lxc.net.0.type = veth" "lxc.net.0.link = br0" "lxc.net.0.flags = up" "lxc.net.0.ipv4.address = 10.5.0.2/24" \
	"lxc.net.0.ipv6.address = fd00:5::2/64" "lxc.net.0.hwaddr = 02:00:00:00:05:02"
	printf "%s\n" "#!/bin/sh" "trap \"exit 0\" TERM PWR USR1" "echo >/ready" \
		"while :; do sleep 1000 & wait \$!; done" >/var/lib/lxc/web/rootfs/sbin/init'
A timeout 60 lxc-start -n web; soon 20 A test -e /var/lib/lxc/web/rootfs/ready
A lxc-attach -n web -- ip addr add 10.5.0.3/32 dev eth0
A lxc-attach -n web -- ip link add br7 type bridge && A lxc-attach -n web -- ip addr add 10.7.0.1/24 dev br7 # nobody's out here
mac=02:00:00:00:05:02
at=A
listen() { C python3 "$here/migrate_listen.py" eth0 >"$work/heard" 2>&1 & listener=$!; soon 10 grep -q listening "$work/heard"; }
heard() { soon 5 grep -q "^$2\$" "$work/heard" && good "$1" || bad "$1" "$(sort "$work/heard" | uniq -c)"; }
end_listening() { kill $listener; wait $listener 2>/dev/null; }
move() {
	$at timeout 120 lxc-migrate -n web --online --via "exec $(receiver "$(other $at)")" >"$work/out" 2>&1 || bad "$1" "$(cat "$work/out")"
	at=$(other $at)
}

listen; move moves
heard ipv4-told "arp $mac 10.5.0.2"
heard ipv4-of-its-own-told "arp $mac 10.5.0.3"
heard ipv6-told "na $mac fd00:5::2 O"
check only-of-this-segment eval "! grep 10.7.0.1 '$work/heard'"
end_listening

# a router says so; else its neighbours would take their routes by it away (RFC 4861, 7.2.5)
$at lxc-attach -n web -- sh -c 'echo 1 >/proc/sys/net/ipv6/conf/all/forwarding'
listen; move moves-back
heard router-told "na $mac fd00:5::2 RO"
end_listening

# Nothing is asked for and nothing is answered: frames of a protocol that nobody knows. Only what it tells leads them there.
$at lxc-attach -n web -- sh -c 'echo 1 >/proc/sys/net/ipv6/conf/all/disable_ipv6' # which has the kernel itself say something
C python3 -c '
import socket, time
with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as s:
    s.bind(("eth0", 0))
    while True:
        s.send(bytes.fromhex("02000000050202000000050988b5") + b"x" * 50)
        time.sleep(0.01)' & sender=$!
received() { $at lxc-attach -n web -- cat /sys/class/net/eth0/statistics/rx_packets; }
is_reached() { local n; n=$(received) && sleep 0.5 && [ "$(received)" -ge $((n + 20)) ]; }
check silent-one-is-reached is_reached
move moves-silently
check silent-one-is-reached-there soon 3 is_reached
kill $sender; wait $sender 2>/dev/null

# out of a checkpoint
$at lxc-checkpoint -n web -D /run/images -s; listen
$at lxc-checkpoint -n web -D /run/images -r
heard restored-told "arp $mac 10.5.0.2"
end_listening
$at timeout 10 lxc-stop -k -n web
done_testing
