#!/bin/bash
# Many containers started with the host in the order of BOOTORDER, stopped with it, and nothing left. BOOT=N: how many (200; 20 in an emulated machine).
source "$(dirname "$0")/lib.sh"
export WABE_VZ_CONFIG=/run/vz-etc
V=/run/vz-data C=$WABE_VZ_CONFIG/conf count=${BOOT:-200}
! grep -q '^model name.*\(QEMU\|TCG\)' /proc/cpuinfo || count=${BOOT:-20}
mkdir -p $C $V; printf '%s\n' "VZDIR=$V" 'DISK_QUOTA=no' >$WABE_VZ_CONFIG/vz.conf
rootfs $V/private/shared # of all: what they write does not matter
printf '%s\n' '#!/bin/sh' "echo \$VEID >>$V/order" >$C/vps.mount; chmod 755 $C/vps.mount
# before 6.3 a file system in memory can not be shown to other ids: each gets files of its own
shares=1; [ "$(printf '%s\n' 6.3 "$(uname -r)" | sort -V | head -1)" = 6.3 ] || shares=
for ((i = 1; i <= count; i++)); do
	area=$V/private/shared; [ -n "$shares" ] || { area=$V/private/$((1000 + i)); cp -a $V/private/shared "$area"; }
	printf '%s\n' "VE_PRIVATE=$area" 'ONBOOT=yes' "BOOTORDER=$((i * 7 % 5))" "IP_ADDRESS=10.9.$((i / 200)).$((i % 200 + 1))" \
		'NUMPROC=50:50' 'KMEMSIZE=1:1' 'PRIVVMPAGES=10:20' "HOSTNAME=h$i" >$C/$((1000 + i)).conf
done
wanted=$(for ((i = 1; i <= count; i++)); do echo "$((i * 7 % 5)) $((1000 + i))"; done | sort -k1,1nr -k2,2n | cut -d' ' -f2)
begin=$SECONDS
if timeout 300 "$bin/../libexec/wabe/vz" start >"$work/out" 2>&1; then good "start ($count in $((SECONDS - begin)) s)"; else bad start "$(tail -3 "$work/out")"; fi
equal order "$(md5sum <<<"$wanted")" "$(md5sum <"$V/order")"
equal all_run "$count" "$(vzlist -1 | wc -l)"
equal ids_differ "$count" "$(sed -n 's/^LOCAL_UID=//p' $C/*.conf | sort -u | wc -l)"
check exec_in_the_last vzctl exec $((1000 + count)) true
equal addresses "10.9.0.2" "$(vzlist -H -o ip 1001)"
begin=$SECONDS
check stop timeout 300 "$bin/../libexec/wabe/vz" stop
equal none_runs '' "$(vzlist -1 2>/dev/null)"
equal none_mounted 0 "$(grep -c $V/root /proc/self/mountinfo)"
none_left left 10
done_testing
