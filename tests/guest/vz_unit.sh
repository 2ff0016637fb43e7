#!/bin/bash
# The unit vz.service under systemd: it starts containers in order with the host, and stops them. Root of a guest of its own.
# SANDBOX=guest bash vz_unit.sh BINDIR
[ "${SANDBOX:-}" = guest ] || { echo "run me in a guest that is thrown away, with SANDBOX=guest" >&2; exit 2; }
source "$(dirname "$0")/../integration/lib.sh"
command -v systemctl >/dev/null && [ -d /run/systemd/system ] || { skip unit 'no systemd here'; done_testing; }
C=/etc/vz/conf V=/vz
mkdir -p $C $V; printf '%s\n' "VZDIR=$V" 'DISK_QUOTA=no' >/etc/vz/vz.conf
for i in 1 2 3 4 5 6; do
	rootfs "$V/private/$((1000 + i))"
	printf '%s\n' 'ONBOOT=yes' "BOOTORDER=$((i * 7 % 5))" "HOSTNAME=h$i" "IP_ADDRESS=10.9.0.$i" 'NUMPROC=50:50' 'PHYSPAGES=0:64M' >$C/$((1000 + i)).conf
done
echo 'ONBOOT=no' >$C/1007.conf; rootfs $V/private/1007
printf '%s\n' '#!/bin/sh' "echo \$VEID >>$V/order" >$C/vps.mount; chmod 755 $C/vps.mount
cp "$bin/../lib/systemd/system/vz.service" /etc/systemd/system/; systemctl daemon-reload
check start timeout 200 systemctl start vz.service
equal order '1002 1004 1001 1006 1003 1005 ' "$(tr '\n' ' ' <$V/order)"
equal all_run 6 "$(vzlist -1 | wc -l)"
equal active active "$(systemctl is-active vz.service)"
check forwarding grep -q 1 /proc/sys/net/ipv4/conf/all/forwarding
equal memory_limit 67108864 "$(cat /sys/fs/cgroup$(sed -n 's/^0:://p' "/proc/$(pgrep -f 'sbin/init' | while read -r p; do grep -q lxc.payload.1001 /proc/$p/cgroup && echo $p; done | head -1)/cgroup")/memory.max)"
check stop timeout 200 systemctl stop vz.service
equal none_runs '' "$(vzlist -1 2>/dev/null)"
equal none_mounted 0 "$(grep -c " $V/root" /proc/self/mountinfo)"
check again timeout 200 systemctl start vz.service
equal again_all_run 6 "$(vzlist -1 | wc -l)"
timeout 200 systemctl stop vz.service
done_testing
