#!/bin/bash
# vzmigrate between two hosts (network and mount namespaces): stopped, and with memory and connections over veth and venet.
source "$(dirname "$0")/lib.sh"
command -v python3 >/dev/null || { skip vz-migrate "no python3"; exit 0; }
export WABE_VZ_CONFIG=/run/vz-etc
source "$here/migrate_lib.sh"
via() { echo "exec $(receiver "$1" vzmigrate)"; }
move() { # FROM CTID [ARG...]
	local from=$1 id=$2; shift 2
	"$from" timeout 100 vzmigrate -v --via "$(via "$(other "$from")")" "$@" "$id"
}
state_at() { "$1" timeout 20 vzctl status "$2" 2>/dev/null | cut -d' ' -f3-; }
count_at() { "$1" cat "/run/vz/private/$2/tmp/count"; }

rootfs "$work/root"; chmod 755 "$work/root"
printf '%s\n' '#!/bin/sh' 'trap "exit 0" USR1 TERM PWR' 'nc -ll -p 7 -e /bin/cat &' 'i=0' \
	'while :; do i=$((i + 1)); echo $i >/tmp/count.new; mv /tmp/count.new /tmp/count; sleep 0.1; done' >"$work/root/sbin/init"
tar -C "$work/root" -czf "$work/busybox.tar.gz" .
ip link add br0 type bridge && ip link set br0 up
number=0
for h in A B; do
	host $h || { bad hosts "can not be made"; done_testing; }
	pid=${h}_pid number=$((number + 1))
	ip link add "up$h" type veth peer name out netns "${!pid}" && ip link set "up$h" master br0 up
	$h ip link add br0 type bridge; $h ip link set dev out master br0 up; $h ip link set br0 up; $h ip addr add 10.6.0.$number/24 dev br0; $h ip route add default via 10.6.0.9
	$h sh -c 'echo 1 >/proc/sys/net/ipv4/ip_forward; mkdir -p /run/vz/template/cache
		printf "%s\n" VIRTUOZZO=yes LOCKDIR=/run/vz/lock VZDIR=/run/vz DUMPDIR=/run/vz/dump LOGFILE=/run/vz/vzctl.log DISK_QUOTA=no \
			"CONFIGFILE=\"basic\"" "DEF_OSTEMPLATE=\"busybox\"" >/run/vz-etc/vz.conf; echo "ONBOOT=\"no\"" >/run/vz-etc/conf/ve-basic.conf-sample'
done
machine C; ip link add upC type veth peer name eth0 netns "$machine_C"; ip link set upC master br0 up
C ip addr add 10.6.0.9/24 dev eth0; C ip link set eth0 up
A cp "$work/busybox.tar.gz" /run/vz/template/cache/
A vzctl create 101 >/dev/null 2>&1; A vzctl set 101 --netif_add eth0,,,,br0 --save >/dev/null 2>&1
A vzctl create 102 --ipadd 10.6.0.102 >/dev/null 2>&1
for id in 101 102; do A timeout 60 vzctl start $id >"$work/out" 2>&1 || bad start-$id "$(cat "$work/out")"; soon 10 count_at A $id; done

# --- stopped for it ---
out=$(move A 101 2>&1); equal offline 0 $?
equal offline-runs-there "exist mounted running / deleted unmounted down" "$(state_at B 101) / $(state_at A 101)"
out=$(move B 101 2>&1); equal offline-back 0 $?

# --- with memory ---
criu=${WABE_CRIU:-$(command -v criu)}
if [ -z "$criu" ] || ! "$criu" check >"$work/out" 2>&1; then
	skip vz-online "${criu:-no criu}: $(tail -n 1 "$work/out" 2>/dev/null)"
	done_testing
fi
export WABE_CRIU=$criu
soon 10 count_at A 101
A vzctl exec 101 'ip addr add 10.6.0.101/24 dev eth0; ip link set eth0 up' >/dev/null 2>&1
for id in 101 102; do
	at=A
	soon 10 C timeout 2 busybox nc -w 1 10.6.0.$id 7 </dev/null || bad "reaches-$id" "$(C ip neigh)"
	rm -f "$work/stop"; C python3 "$here/migrate_client.py" 10.6.0.$id 7 2 "$work/stop" >"$work/client" 2>&1 & client=$!
	sleep 0.5
	for i in 1 2; do
		last=$(count_at $at $id)
		out=$(move $at $id --online 2>&1) || { bad "online-$id-$i" "$out"; break; }
		at=$(other $at)
		check "online-$id-$i-goes-on" soon 5 eval "[ \$(count_at $at $id) -gt $last ]"
		check "online-$id-$i-says-freeze" grep -q "stood still for [0-9]* ms" <<<"$out"
		equal "online-$id-$i-states" "exist mounted running / deleted unmounted down" "$(state_at $at $id) / $(state_at "$(other $at)" $id)"
	done
	echo >"$work/stop"
	if wait $client; then good "connections-$id"; else bad "connections-$id" "$(cat "$work/client")"; fi
	sed 's/^/# /' "$work/client"
done
check route-at-the-target eval "A ip route | grep -q 10.6.0.102"
equal no-route-at-the-source "" "$(B ip route | grep 10.6.0.102)"
equal announced "$(A ip -o link show br0 | grep -o "link/ether [0-9a-f:]*" | cut -d" " -f2)" "$(C ip neigh show 10.6.0.102 | grep -o 'lladdr [0-9a-f:]*' | cut -d' ' -f2)"
# the target can not: it goes on here
out=$(WABE_CRIU=/nowhere/criu; move A 102 --online 2>&1); rc=$?
equal without-criu-is-refused "1 exist mounted running" "$((rc != 0)) $(state_at A 102)"
for id in 101 102; do A timeout 60 vzctl stop $id --fast >/dev/null 2>&1; A vzctl destroy $id >/dev/null 2>&1; done
done_testing
