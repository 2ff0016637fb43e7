#!/bin/bash
# A container moves to and fro between two machines, each with its own kernel, while a third host talks to it.
#
# Root of two guests that are thrown away, with the same programs (wabe, criu, socat, python3) at the same paths, whose eth0 are on
# one Ethernet segment: of QEMU for one -netdev dgram,id=n,local.type=unix,local.path=A,remote.type=unix,remote.path=B and for
# the other the same with A and B changed about. At the same time
#	in the one	SANDBOX=guest WABE_CRIU=... bash migrate_two.sh BINDIR there
#	in the other	SANDBOX=guest WABE_CRIU=... [MOVES=2] [MIB=8] bash migrate_two.sh BINDIR here
# The other tests, and ends the first. The third host is a network namespace of "here", on the bridge that both have.
# "there" gives everybody on the segment a shell.
[ "${SANDBOX:-}" = guest ] || { echo "run me in a guest that is thrown away, with SANDBOX=guest" >&2; exit 2; }
source "$(dirname "$0")/../integration/lib.sh"
source "$here/migrate_lib.sh"
A_address=10.77.0.1 B_address=10.77.0.2 container_address=10.77.0.5
shell_port=7000 receive_port=7001
export WABE_CRIU

# NUMBER: eth0 becomes a port of br0, and the receiver listens
join_segment() {
	ip addr flush dev eth0; ip link set eth0 down; ip link set eth0 address 02:00:00:00:77:0"$1"
	ip link add br0 type bridge; ip link set eth0 master br0 up; ip addr add 10.77.0."$1"/24 dev br0; ip link set br0 up
	mkdir -p "$P"
	socat -t 600 "TCP-LISTEN:$receive_port,fork,reuseaddr" EXEC:"lxc-migrate --receive" & receiver=$!
}
if [ "${2:-}" = there ]; then
	join_segment 2
	socat -t 600 "TCP-LISTEN:$shell_port,fork,reuseaddr" EXEC:bash & shell=$!
	soon 3000 test -e /run/end; status=$?
	sleep 1; kill $receiver $shell
	exit $status
fi

A() { "$@"; }
B() { # as A does, there
	local text status errors
	text=$(printf '(%s) </dev/null 2>/run/errors\necho "=rc $?"; cat /run/errors\n' "$(printf '%q ' "$@")" |
		socat -t 600 - "TCP:$B_address:$shell_port") || return 255
	printf '%s' "${text%%=rc *}"
	text=${text#*=rc } status=${text%%$'\n'*} errors=${text#"$status"}
	printf '%s' "${errors#$'\n'}" >&2
	return "$status"
}
move() { # FROM
	local address=$(other "$1")_address
	"$1" timeout 600 lxc-migrate -n web --online --via "exec socat -t 600 - TCP:${!address}:$receive_port"
}
counter() { "$1" tail -n 1 /var/lib/lxc/web/rootfs/log; }
inside() { "$1" lxc-attach -n web -- ip -o addr show dev eth0 | grep -o 'inet6\? [0-9a-f.:/]*' | sort | xargs; }

# What its init is confined by, and that it is.
confinement() { # HOST
	"$1" bash -c 'pid=$(lxc-info -n web -pH); cat /proc/$pid/attr/current; grep -E "^(Seccomp|NoNewPrivs|CapBnd)" /proc/$pid/status | xargs
		lxc-attach -n web -- mkdir /denied 2>/dev/null || echo no mkdir
		lxc-attach -n web -- mount -t debugfs x /mnt 2>/dev/null || echo no debugfs'
}

join_segment 1
soon 600 B true || { bad joined "the other guest does not answer"; done_testing; }
good joined
machine C; ip link add upC type veth peer name eth0 netns "$machine_C"; ip link set upC master br0 up
C ip addr add 10.77.0.9/24 dev eth0; C ip link set eth0 up

gcc -O2 -static -o "$work/memory" "$here/memory.c" || exit
container web 'lxc.net.0.type = veth' 'lxc.net.0.link = br0' 'lxc.net.0.flags = up' \
	"lxc.net.0.ipv4.address = $container_address/24" 'lxc.net.0.ipv6.address = fd00:77::5/64' 'lxc.net.0.hwaddr = 02:00:00:00:77:05' \
	'lxc.apparmor.profile = generated' "lxc.seccomp.profile = $P/web/policy"
printf '2\ndenylist\n[all]\nmkdir errno 13\nmkdirat errno 13\n' >"$P/web/policy"
root=$P/web/rootfs
cp "$work/memory" "$root/sbin/memory"
dd if=/dev/urandom of="$root/big" bs=1M count=6 status=none; ln "$root/big" "$root/var/big2"; truncate -s 1M "$root/sparse"
setfattr -n user.x -v y "$root/big"; chown 1000:1001 "$root/var"; mknod "$root/null" c 1 3
printf '%s\n' '#!/bin/sh' 'trap "exit 0" TERM PWR USR1' 'nc -ll -p 7 -e /bin/cat &' "/sbin/memory ${MIB:-8} &" 'echo >/ready' 'n=0' \
	'while :; do n=$((n + 1)); echo $n >>/log; sleep 0.2; done' >"$root/sbin/init"
check start timeout 200 lxc-start -n web
soon 60 test -s "$root/count" || bad memory "it does not look"
soon 60 C timeout 10 "$busybox" nc -w 2 $container_address 7 </dev/null
address=$(inside A) confined=$(confinement A)
sed 's/^/# /' <<<"$confined"
still() { listing "$1" web | grep -vE '(^| |/)(count|bad)( |$)'; } # memory's own files change
still A >"$work/before"
C python3 "$here/migrate_client.py" $container_address 7 4 "$work/stop" >"$work/client" 2>&1 & client=$!
check connected soon 60 eval "[ \$(C ss -Htn state established dport = :7 | wc -l) = 4 ]"
moves=${MOVES:-2} at=A
: >"$work/frozen"
for i in $(seq "$moves"); do
	last=$(counter $at)
	out=$(move $at 2>&1) || { bad "move-$i" "$out"; break; }
	sed 's/^/# /' <<<"$out"
	sed -n 's/.*frozen \([0-9]*\) ms.*/\1/p' <<<"$out" >>"$work/frozen"
	equal "move-$i-is-there" "NONE RUNNING" "$(state_at $at web) $(state_at "$(other $at)" web)"
	at=$(other $at)
	soon 60 eval "[ \$(counter $at) -gt $last ]" || { bad "goes-on-$i" "the counter stands"; break; }
	check "memory-$i" eval "! $at test -e $root/bad"
	equal "addresses-$i" "$address" "$(inside $at)"
	equal "confinement-$i" "$confined" "$(confinement $at)"
done
equal moves "$moves" "$(wc -l <"$work/frozen")"
sort -n "$work/frozen" | awk '{ v[NR] = $1 } END { print "# frozen ms: median " v[int((NR + 1) / 2)] ", worst " v[NR] ", moves " NR }'
still $at >"$work/after"
check root-identical cmp "$work/before" "$work/after"
equal never-began-anew 1 "$($at grep -cx 1 $root/log)"
sleep 2; echo >"$work/stop"
if wait $client; then good connections; else bad connections "$(cat "$work/client")"; fi
sed 's/^/# /' "$work/client"
$at timeout 60 lxc-stop -k -n web

# a profile that only one of the two has loaded
apparmor_parser -r <<<'profile wabe-two flags=(attach_disconnected,mediate_deleted) { file, network, capability, mount, umount, pivot_root, signal, ptrace, unix, }'
container named 'lxc.apparmor.profile = wabe-two'
start named
out=$(A timeout 300 lxc-migrate -n named --online --check --via "exec socat -t 600 - TCP:$B_address:$receive_port" 2>&1); status=$?
equal profile-is-missing-there 1 "$(grep -c 'missing at the target: AppArmor profile wabe-two' <<<"$out")"
equal profile-refused 1 $status
stop named
B touch /run/end
kill $receiver
done_testing
