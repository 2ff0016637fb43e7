#!/bin/bash
# The small programs of OpenVZ's host: vzps, vztop, vzcalc, vzmemcheck, vzcpucheck, vzsplit, vzcfgvalidate, vzubc, vzquota, vzdump, arpsend, ndsend.
source "$(dirname "$0")/lib.sh"
runs_once
export WABE_VZ_CONFIG=/run/vz-etc
V=/run/vz-data C=$WABE_VZ_CONFIG/conf
mkdir -p $C $V/template/cache $V/private
printf '%s\n' "VZDIR=$V" 'DISK_QUOTA=no' LOGGING=yes "LOGFILE=$V/log" >$WABE_VZ_CONFIG/vz.conf
rootfs $V/private/101; ln "$V/private/101/bin/busybox" $V/private/101/hard; printf 'two\n' >$V/private/101/word; chmod 4755 $V/private/101/hard; chown 33:34 $V/private/101/word; chmod 755 "$work"
printf '%s\n' 'HOSTNAME=one' 'NAME="web"' 'PHYSPAGES="0:65536"' 'SWAPPAGES="0:0"' 'VMGUARPAGES="8192:unlimited"' 'NUMPROC="100:100"' 'CPUUNITS="1500"' 'KMEMSIZE="1000:2000"' 'PRIVVMPAGES="8192:16384"' >$C/101.conf
mkdir -p $WABE_VZ_CONFIG/names; ln -s ../conf/101.conf $WABE_VZ_CONFIG/names/web
cp -a $V/private/101 $V/private/102; echo 'HOSTNAME=two' >$C/102.conf
gives() { # NAME STATUS WORDS COMMAND...
	local n=$1 status=$2 words=$3 out got; shift 3
	out=$(timeout 60 "$@" 2>&1 </dev/null); got=$?
	if [ $got = "$status" ] && [[ $out == *"$words"* ]]; then good "$n"
	else bad "$n" "expected $status '$words', got $got '${out//$'\n'/ | }'"; fi
}
timeout 60 vzctl start 101 >"$work/out" 2>&1 || { bad start "$(cat "$work/out")"; done_testing; }
timeout 60 vzctl start 102 >"$work/out" 2>&1 || bad start_102 "$(cat "$work/out")"
soon 5 test -e $V/private/101/ready -a -e $V/private/102/ready
sleep 900 & own=$!
vzctl exec 101 'sleep 901 >/dev/null 2>&1 & sleep 902 >/dev/null 2>&1 &'; vzctl exec 102 'sleep 903 >/dev/null 2>&1 &'

# ---- vzps, vztop ----
sleeps() { grep -oE 'sleep 90[0-3]' | sort | tr '\n' ' '; }
equal vzps_one 'sleep 901 sleep 902 ' "$(vzps -E 101 -o pid,args | sleeps)"
equal vzps_name 'sleep 901 sleep 902 ' "$(vzps --veid web -f | sleeps)"
equal vzps_equals 'sleep 903 ' "$(vzps --veid=102 aux | sleeps)"
equal vzps_host 'sleep 900 ' "$(vzps -E 0 -e -o pid,args | sleeps)"
equal vzps_column '0 101 101 102 ' "$(vzps -E -e -o pid,args | awk '/sleep 90[0-3]$/ { print $1 }' | sort -n | tr '\n' ' ')"
equal vzps_header 'CTID PID COMMAND' "$(vzps -E -e -o pid,args | head -1 | xargs)"
equal vzps_plain "$(ps -p $own -o pid,args)" "$(vzps -p $own -o pid,args)"
gives vzps_no_pid 1 'without the column PID' vzps -E 101 -o args
gives vzps_bad_option 1 '' vzps --no-such-thing
equal vztop_one 'sleep sleep sleep ' "$(vztop -b -n 1 -w 200 -E 101 | awk '$1 == 101 && $NF == "sleep" { print $NF }' | tr '\n' ' ')"
equal vztop_others 0 "$(vztop -b -n 1 -E 101 | awk 'seen && $1 != 101' | grep -c .)"
equal vztop_head 1 "$(vztop -b -n 1 -E 101 | grep -c '^top - ')"
out=$(timeout 20 script -qec 'vztop -d 0.5 -E 101' /dev/null < <(sleep 1.5; printf q) 2>&1)
if [[ $out == *'CTID'*'sleep'* && $out == *$'\033[H'* ]]; then good vztop_screen; else bad vztop_screen "${out:0:200}"; fi
kill $own

# ---- shares of the host ----
has() { [ ! -e /sys/fs/cgroup/cgroup.controllers ] || grep -qw "$1" /sys/fs/cgroup/cgroup.controllers; }
ram=$(awk '/^MemTotal/ { print $2 }' /proc/meminfo)
gives vzcalc 0 'Resource     Current(%)  Promised(%)  Max(%)' vzcalc 101
equal vzcalc_lines 'Low Total Mem Alloc. Num. Memory' "$(vzcalc -v web | awk '/^[LTMAN]/ { print $1 }' | xargs)"
equal vzcalc_max "$(awk -v r="$ram" 'BEGIN { printf "%.2f", 65536 * 4 * 100 / r }')" "$(vzcalc -v 101 | awk '/^Total RAM/ { print $5 }')"
equal vzcalc_promised "$(awk -v r="$ram" 'BEGIN { printf "%.2f", 8192 * 4 * 100 / r }')" "$(vzcalc -v 101 | awk '/^Total RAM/ { print $4 }')"
if has memory; then check vzmemcheck_current awk '$1 == 101 { exit !($4 > 0) }' <(vzmemcheck -v -A); fi
gives vzcalc_none 1 'no such container' vzcalc 555
gives vzcalc_usage 1 Usage vzcalc
gives vzmemcheck 0 'Output values in %' vzmemcheck
equal vzmemcheck_rows '101 102 Summary:' "$(vzmemcheck -v | awk '$1 ~ /^[0-9]|Summ/ { print $1 }' | xargs)"
equal vzmemcheck_promised '32.00 64.00' "$(vzmemcheck -v -A | awk '$1 == 101 { print $6, $9 }')"
gives vzmemcheck_usage 1 Usage vzmemcheck -x
equal vzcpucheck 'Current CPU utilization: 3500' "$(vzcpucheck | head -1)"
equal vzcpucheck_each '0 1000 101 1500 102 1000' "$(vzcpucheck -v | awk '/^[0-9]/ { print $1, $2 }' | xargs)"
gives vzcpucheck_power 0 'Power of the node: ' vzcpucheck
gives vzcpucheck_usage 2 Usage vzcpucheck -x
check vzsplit vzsplit -n 4 -f quarter -s 4096
equal vzsplit_share "0:$(awk -v r="$ram" 'BEGIN { printf "%.0f", r * 0.9 / 4 / 4 }') 0:256" "$(sed -n 's/^\(PHYSPAGES\|SWAPPAGES\)="\(.*\)"/\2/p' $C/ve-quarter.conf-sample | xargs)"
gives vzsplit_valid 0 success vzcfgvalidate $C/ve-quarter.conf-sample
gives vzsplit_again 1 'File exists' vzsplit -n 4 -f quarter
gives vzsplit_too_many 1 'not large enough' vzsplit -n 4000000

# ---- counters ----
printf '%s\n' '# kept' 'NUMPROC=9:1' 'ONBOOT=yes' 'ONBOOT=no' 'IOPRIO=9' >"$work/bad.conf"
gives validate 2 "$work/bad.conf:2: Error: bad value for NUMPROC: 9:1" vzcfgvalidate "$work/bad.conf"
gives validate_repairs 0 success vzcfgvalidate -r "$work/bad.conf"
equal validate_repaired '# kept NUMPROC="9:9" ONBOOT=yes' "$(xargs -d '\n' <"$work/bad.conf")"
gives validate_missing 1 'No such file' vzcfgvalidate "$work/none.conf"
equal beancounters_head 'Version: 2.5 uid resource held maxheld barrier limit failcnt 101: kmemsize' "$(vzubc -p 101 | head -3 | xargs | cut -d' ' -f1-11)"
equal beancounters_fields 21 "$(vzubc -p 101 | awk 'NR > 2 && NF >= 6' | wc -l)"
equal beancounters_limit '100 100' "$(vzubc --proc 101 | awk '/numproc/ { print $4, $5 }')"
gives vzubc_number 0 '65536' vzubc -n 101
if has pids; then
	vzctl set 101 --numproc 4 >/dev/null 2>&1; vzctl exec 101 'for i in 1 2 3 4 5 6; do sleep 1 & done; wait' >/dev/null 2>&1
	check vzubc_quiet grep -q numproc <(vzubc -q 101)
	vzubc -r -rd "$work/store" 101 >/dev/null
	equal vzubc_relative - "$(vzubc -r -rd "$work/store" 101 | awk -F'|' '/ numproc/ { print $4 }' | xargs)"
	check vzubc_relative_first test "$(vzubc -r -rc -rd "$work/store" 101 | awk -F'|' '/ numproc/ { print $4 }' | tr -d ' +')" -ge 1
	equal vzubc_fields 0 "$(vzubc -q 101 | grep -c numiptent)"
	gives numproc_says_failcnt 0 '' test "$(vzlist -H -o numproc.f 101)" -ge 1
fi

# ---- vzdump, vzrestore ----
listing() { (cd "$1" && find . -mindepth 1 ! -path ./ready ! -path './dev*' -printf '%P %y %U %G %m %s %n %l\n' | awk -v o="$(stat -c %u .)" '{ $3 -= o; $4 -= o } 1' | sort; md5sum word); }
wanted=$(listing $V/private/102)
gives dump 0 'Finished Backup of VM 102' vzdump --dumpdir "$work/dumps" 102
archive=$(ls "$work"/dumps/vzdump-openvz-102-*.tar); equal dump_name 1 "$(wc -l <<<"$archive")"
equal dump_runs_again 'CTID 102 exist mounted running' "$(vzctl status 102)"
equal dump_conf 'HOSTNAME=two' "$(tar -xOf "$archive" ./etc/vzdump/vps.conf | head -1)"
equal dump_mode 600 "$(stat -c %a "$archive")"
gives restore 0 'was restored' vzrestore "$archive" 103
if [ "$wanted" = "$(listing $V/private/103)" ]; then good restore_same; else bad restore_same "$(diff <(echo "$wanted") <(listing $V/private/103) | head -5)"; fi
sleep 1; gives dump_suspend 0 "creating archive '$work/dumps/vzdump-openvz-101" vzdump --suspend --compress --dumpdir "$work/dumps" web
equal dump_goes_on 'sleep 901 sleep 902 ' "$(vzps -E 101 -f | sleeps)"
check dump_tgz gzip -t "$work"/dumps/vzdump-openvz-101-*.tgz
gives dump_stdout 0 ./word bash -c 'vzdump --stdout --suspend 101 2>/dev/null | tar -t'
sleep 1; gives dump_all 0 'Backup of VM 103' vzdump --all --exclude 101 --maxfiles 1 --suspend --dumpdir "$work/dumps"
equal dump_keeps_one 1 "$(ls "$work"/dumps/vzdump-openvz-102-* | wc -l)"
gives dump_unknown 21 'no such container' vzdump nobody
gives dump_no_conf 14 'Container config file does not exist' vzdump 777
gives dump_bad_option 20 'not known here' vzdump --tape 101
gives dump_fails 3 'ERROR: Backup of VM 102 failed' bash -c "mkdir $work/ro; mount -t tmpfs -o size=64k none $work/ro; vzdump --suspend --dumpdir $work/ro 102"
equal dump_fails_clean '' "$(ls "$work/ro")"; umount "$work/ro"
equal dump_fails_runs 'CTID 102 exist mounted running' "$(vzctl status 102)"

# ---- vzquota ----
truncate -s 256M "$work/image"
quota_place() { # what this kernel can limit directories on
	mkfs.btrfs -q "$work/image" >/dev/null 2>&1 && mount -o loop "$work/image" "$1" 2>/dev/null && return
	mkfs.ext4 -q -F -O quota,project -E quotatype=prjquota "$work/image" >/dev/null 2>&1 && mount -o loop,prjquota "$work/image" "$1" 2>/dev/null
}
mkdir "$work/q"
if quota_place "$work/q"; then
	[ "$(stat -fc %T "$work/q")" = btrfs ] && btrfs -q subvolume create "$work/q/104" >/dev/null || mkdir "$work/q/104"
	cp -a "$V/private/103/." "$work/q/104/"; printf '%s\n' "VE_PRIVATE=$work/q/104" 'DISKSPACE="51200:51200"' 'DISKINODES="5000:5000"' 'DISK_QUOTA=yes' >$C/104.conf
	gives quota_off 6 'Quota accounting is off' vzquota stat 104
	gives quota_show 0 '51200' vzquota show 104
	check quota_on vzquota on 104
	gives quota_on_again 5 'running already' vzquota on 104
	equal quota_stat 51200 "$(vzquota stat 104 | awk '/1k-blocks/ { print $NF }')"
	dd if=/dev/zero of="$work/q/104/some" bs=1M count=2 conv=fsync 2>/dev/null
	check quota_usage test "$(vzquota -b stat 104 | awk 'NR == 1 { print $1 }')" -gt 500
	gives quota_full 1 '' bash -c "dd if=/dev/zero of=$work/q/104/big bs=1M count=100 conv=fsync"
	gives quota_setlimit 0 '' vzquota setlimit 104 -b 81920 -B 81920
	equal quota_setlimit_holds 81920 "$(vzquota stat 104 | awk '/1k-blocks/ { print $NF }')"
	gives quota_drop_on 5 '' vzquota drop 104
	check quota_turns_off vzquota off 104
	gives quota_off_again 6 'not running' vzquota off 104
	gives quota_users 3 'vzctl exec' vzquota setlimit2 104 -u 5
	gives quota_unknown 11 '' vzquota show 888
	gives quota_usage_error 2 Usage vzquota fly 104
	rm $C/104.conf; umount "$work/q"
else skip quota 'no file system here limits directories'; fi

# ---- arpsend, ndsend ----
machine neighbour
ip link add v0 type veth peer name v1; ip link set v1 netns $machine_neighbour
neighbour ip link set v1 up; neighbour ip addr add 10.7.0.2/24 dev v1; neighbour ip -6 addr add fd07::2/64 dev v1 nodad
ip link set v0 up; ip addr add 10.7.0.1/24 dev v0; ip -6 addr add fd07::1/64 dev v0 nodad
gives arp_free 0 '' arpsend -D -e 10.7.0.9 -c 2 -w 0.3 v0
gives arp_taken 3 '10.7.0.2 is detected on another computer' arpsend -D -e 10.7.0.9 -e 10.7.0.2 -c 2 -w 2 v0
neighbour sh -c 'echo 2 >/proc/sys/net/ipv4/conf/v1/arp_accept; echo 1 >/proc/sys/net/ipv4/conf/v1/arp_accept; echo 1 >/proc/sys/net/ipv4/conf/all/arp_accept'
gives arp_update 0 '' arpsend -U -i 10.7.0.8 -c 1 v0
mac=$(cat /sys/class/net/v0/address)
check arp_updated soon 3 eval "neighbour ip neigh show 10.7.0.8 | grep -q $mac"
neighbour ip -6 neigh replace fd07::8 lladdr 02:00:00:00:00:09 dev v1 nud stale
gives nd 0 '' ndsend fd07::8 v0
check nd_updated soon 3 eval "neighbour ip -6 neigh show fd07::8 | grep -q $mac"
gives arp_usage 1 Usage arpsend -U -D v0
gives arp_no_device 2 'there is no device' arpsend -D -e 10.7.0.9 -c 1 nodevice
gives arp_loopback 2 'knows no ARP' arpsend -D -e 10.7.0.9 -c 1 lo
gives arp_bad_address 1 Usage arpsend -D -e 10.7 -c 1 v0
gives nd_usage 1 Usage ndsend 10.7.0.1 v0
gives nd_no_device 2 'there is no device' ndsend fd07::1 nodevice
gives arp_endless 124 '' timeout 1 arpsend -U -i 10.7.0.8 v0
neighbour ip neigh replace 10.9.0.77 lladdr 02:00:00:00:00:09 dev v1 nud stale
vzctl set 102 --ipadd 10.9.0.77 >/dev/null 2>&1
gives ifup_post 0 '' vzifup-post v0
check ifup_post_updated soon 3 eval "neighbour ip neigh show 10.9.0.77 | grep -q $mac"
gives ifup_post_no_device 2 'there is no device' vzifup-post nodevice
ip link del v0
! has pids || { vzctl stop 101 >/dev/null 2>&1; check limit_is_in_the_log grep -q 'CT 101 : The limit of numproc was met [1-9]' $V/log; }
for id in 101 102; do vzctl stop $id --fast >/dev/null 2>&1; done
none_left left 10
done_testing
