#!/bin/bash
# venet of containers that vzctl made: a root that sends whatever frames it likes reaches nobody with a source that is not its
# own, and neighbours reach only addresses that are given.
source "$(dirname "$0")/lib.sh"
runs_once
export WABE_VZ_CONFIG=/run/vz-etc
V=/run/vz-data C=$WABE_VZ_CONFIG/conf
mkdir -p $C $V/template/cache; printf '%s\n' "VZDIR=$V" 'DISK_QUOTA=no' >$WABE_VZ_CONFIG/vz.conf
rootfs "$work/root"; tar -C "$work/root" -czf $V/template/cache/busybox.tar.gz .
machine lan; listeners=; trap 'kill $listeners 2>/dev/null' EXIT
ip link add up0 type veth peer name lan0; ip link set lan0 netns $machine_lan; ip link set lo up
ip addr add 10.5.0.1/24 dev up0; ip -6 addr add fd05::1/64 dev up0 nodad; ip link set up0 up
lan ip addr add 10.5.0.9/24 dev lan0; lan ip -6 addr add fd05::9/64 dev lan0 nodad; lan ip link set lan0 up
ip route add default via 10.5.0.9; ip -6 route add default via fd05::9
for file in ipv4/conf/all/forwarding ipv6/conf/all/forwarding ipv6/conf/all/proxy_ndp ipv6/conf/up0/proxy_ndp; do echo 1 >/proc/sys/net/$file; done
for id in 101 102; do
	timeout 60 vzctl create $id --ostemplate busybox --ipadd 10.5.0.$((id - 50)) --ipadd fd05::$((id - 50)) >/dev/null 2>"$work/out" || bad create_$id "$(cat "$work/out")"
	timeout 60 vzctl start $id >"$work/out" 2>&1 || bad start_$id "$(cat "$work/out")"
done
init_of() { # CTID
	local p
	for p in /proc/[0-9]*; do
		if [ "$(vzpid "${p#/proc/}" 2>/dev/null | awk -v c="$1" 'NR == 2 && $2 == c { print "yes" }')" ] && grep -qP '^NSpid:.*\t1$' "$p/status"; then echo "${p#/proc/}"; return; fi
	done
}
attacker=$(init_of 101) victim=$(init_of 102)
inside() { nsenter -t "$1" -n "${@:2}"; }
pings() { vzctl exec2 "$1" "ping -c 1 -W 1 $2" >/dev/null 2>&1; }
check reaches_neighbour soon 5 pings 101 10.5.0.9
check reaches_container soon 5 pings 101 10.5.0.52
check reaches_container6 soon 5 pings 101 fd05::52
check is_reached soon 5 lan "$busybox" ping -c 1 -W 1 10.5.0.51
frames=$here/venet_frames.py
listen() { local out=$1; shift; "$@" python3 "$frames" listen "${devices[@]}" >"$out" & listeners+=" $!"; soon 5 grep -q listening "$out"; }
seen() { grep -vxE 'listening|allowed6?' "$work/$1" | sort | xargs; }
mac=$(inside "$attacker" ip -o link show venet0 | grep -o 'link/ether [0-9a-f:]*' | cut -d' ' -f2)
values=(mac="$mac" own4=10.5.0.51 own6=fd05::51 victim4=10.5.0.52 victim6=fd05::52 router4=10.5.0.1 router6=fd05::1 target4=10.5.0.9 target6=fd05::9)
devices=(lan0); listen "$work/lan" nsenter -t "$machine_lan" -n
devices=(venet0); listen "$work/victim" nsenter -t "$victim" -n
devices=(udp up0 v102 lo); listen "$work/host" env
before=$(ip neigh show dev v101 2>/dev/null)
inside "$attacker" python3 "$frames" send venet0 venet "${values[@]}" >"$work/sent" 2>&1
soon 5 grep -qx allowed "$work/lan"; soon 5 grep -qx allowed6 "$work/lan"
check attack_was_sent grep -qxE '[5-9][0-9]' "$work/sent"
check own_source_passes grep -qx allowed "$work/lan"
check own6_source_passes grep -qx allowed6 "$work/lan"
kill $listeners; wait $listeners 2>/dev/null; listeners=
equal spoofed_frames_are_not_seen '' "$(seen lan)"
# containers reach each other, as OpenVZ's do: by packets from their own addresses
for place in victim host; do equal "only_own_sources $place" 'own-to-victim own6-to-victim redirect' "$(seen $place)"; done
equal host_neighbours "$before" "$(ip neigh show dev v101 2>/dev/null)"
# from the inside: another address, the host's, a changed hardware address: its own traffic stops, no other's
vzctl exec 101 'ip addr add 10.5.0.52/32 dev venet0; ip addr del 10.5.0.51/32 dev venet0' >/dev/null 2>&1
check victim_still_reached soon 5 lan "$busybox" ping -c 1 -W 1 10.5.0.52
if vzctl exec2 101 'ping -c 1 -W 1 -I 10.5.0.52 10.5.0.9' >/dev/null 2>&1; then bad foreign_address_passes 'it was answered'; else good foreign_address_is_dropped; fi
# an address that is taken away is dead at once, one that is given lives at once
vzctl set 102 --ipdel 10.5.0.52 --save >/dev/null 2>&1; if lan "$busybox" ping -c 1 -W 1 10.5.0.52 >/dev/null 2>&1; then bad deleted_address 'it answers'; else good deleted_address; fi
vzctl set 102 --ipadd 10.5.0.62 --save >/dev/null 2>&1; check added_address soon 5 lan "$busybox" ping -c 1 -W 1 10.5.0.62
for id in 101 102; do vzctl stop $id --fast >/dev/null 2>&1; vzctl destroy $id >/dev/null 2>&1; done
equal routes_gone '' "$(ip route | grep -E 'v10[12]'; ip -6 route | grep -E 'v10[12]')"
none_left left 10 'up0'
done_testing
