#!/bin/bash
# A transcript of what control panels of hosters call, in their order and words: a server is ordered, set up, watched, changed,
# rebuilt, suspended for not paying, and removed. Every call has to give what its panel looks for.
source "$(dirname "$0")/lib.sh"
runs_once
export WABE_VZ_CONFIG=/run/vz-etc
V=/run/vz-data C=$WABE_VZ_CONFIG/conf
mkdir -p $C $V/template/cache $V/dump
printf '%s\n' '## Global parameters' 'VIRTUOZZO=yes' "LOCKDIR=$V/lock" "DUMPDIR=$V/dump" 'VE0CPUUNITS=1000' 'LOGGING=yes' "LOGFILE=$V/vzctl.log" 'LOG_LEVEL=0' 'VERBOSE=0' \
	'DISK_QUOTA=no' "VE_ROOT=$V/root/\$VEID" "VE_PRIVATE=$V/private/\$VEID" "TEMPLATE=$V/template" 'CONFIGFILE="basic"' 'DEF_OSTEMPLATE="centos-6-x86"' \
	'VE_LAYOUT=simfs' 'IPTABLES="ipt_REJECT ipt_tos"' 'IPV6="yes"' "VZDIR=$V" >$WABE_VZ_CONFIG/vz.conf
printf '%s\n' 'ONBOOT="yes"' 'KMEMSIZE="14372700:14790164"' 'LOCKEDPAGES="256:256"' 'PRIVVMPAGES="65536:69632"' 'SHMPAGES="21504:21504"' 'NUMPROC="240:240"' \
	'PHYSPAGES="0:unlimited"' 'VMGUARPAGES="33792:unlimited"' 'OOMGUARPAGES="26112:unlimited"' 'NUMTCPSOCK="360:360"' 'NUMFLOCK="188:206"' 'NUMPTY="16:16"' 'NUMSIGINFO="256:256"' \
	'TCPSNDBUF="1720320:2703360"' 'TCPRCVBUF="1720320:2703360"' 'OTHERSOCKBUF="1126080:2097152"' 'DGRAMRCVBUF="262144:262144"' 'NUMOTHERSOCK="360:360"' 'DCACHESIZE="3409920:3624960"' \
	'NUMFILE="9312:9312"' 'AVNUMPROC="180:180"' 'NUMIPTENT="128:128"' 'DISKSPACE="2G:2.2G"' 'DISKINODES="200000:220000"' 'QUOTATIME="0"' 'CPUUNITS="1000"' >$C/ve-vps.basic.conf-sample
cp $C/ve-vps.basic.conf-sample $C/ve-basic.conf-sample
rootfs "$work/root"; mkdir "$work/root/var/log"; chmod 755 "$work/root"
printf '%s\n' '#!/bin/sh' 'IFS=: read -r user password; echo "$user:\$5\$$(echo "$password" | sha256sum | cut -c1-43):1::::::" >/etc/shadow' >"$work/root/bin/chpasswd"; chmod 755 "$work/root/bin/chpasswd"
tar -C "$work/root" -czf $V/template/cache/centos-6-x86.tar.gz .
gives() { # NAME STATUS WORDS COMMAND...
	local n=$1 status=$2 words=$3 out got; shift 3
	out=$(timeout 60 "$@" 2>&1 </dev/null); got=$?
	if [ $got = "$status" ] && [[ $out == *"$words"* ]]; then good "$n"
	else bad "$n" "expected $status '$words', got $got '${out//$'\n'/ | }'"; fi
}
run() { gives "$1" 0 "${2:-}" bash -c "$3"; } # NAME WORDS LINE: as the panel's shell runs it

# ---- a server is ordered ----
run order_list '' 'vzlist -a -H -o veid,hostname,status,ip 2>/dev/null || true'
run order_templates centos-6-x86 "ls $V/template/cache | sed 's/\\.tar\\.gz\$//'"
run order_create 'Container private area was created' 'vzctl create 1001 --ostemplate centos-6-x86 --config vps.basic'
run order_set 'CT configuration saved' 'vzctl set 1001 --onboot yes --hostname vps1.example.net --save'
run order_address 'CT configuration saved' 'vzctl set 1001 --ipadd 10.9.0.11 --save && vzctl set 1001 --ipadd 10.9.0.12 --save'
run order_nameserver 'CT configuration saved' 'vzctl set 1001 --nameserver 8.8.8.8 --nameserver 8.8.4.4 --save'
run order_ubc 'CT configuration saved' 'vzctl set 1001 --privvmpages 262144:292912 --vmguarpages 262144:9223372036854775807 --oomguarpages 262144:9223372036854775807 --kmemsize 2147483646:2147483646 --save'
run order_sockets 'CT configuration saved' 'vzctl set 1001 --tcpsndbuf 9223372036854775807:9223372036854775807 --tcprcvbuf 9223372036854775807:9223372036854775807 --numtcpsock 8000000 --save'
run order_disk 'CT configuration saved' 'vzctl set 1001 --diskspace 10485760:11534336 --diskinodes 200000:220000 --quotatime 0 --quotaugidlimit 1000 --save'
run order_cpu 'CT configuration saved' 'vzctl set 1001 --cpuunits 1000 --cpulimit 200 --cpus 2 --save'
run order_modules 'CT configuration saved' 'vzctl set 1001 --iptables ipt_REJECT --iptables ipt_tos --iptables iptable_filter --save'
run order_name 'Name vps1 assigned' 'vzctl set 1001 --name vps1 --save'
run order_start 'Container start in progress...' 'vzctl start 1001'
soon 5 test -e $V/private/1001/ready || bad order_runs 'no init'
run order_password '' 'vzctl set 1001 --userpasswd root:Secr3t'
run order_is_up '1001 exist mounted running' 'vzctl status 1001'

# ---- the panel's page of it, every minute ----
run watch_status running "vzctl status 1001 | awk '{ print \$5 }'"
run watch_list '1001' 'vzlist -H -o ctid'
run watch_columns 'vps1.example.net' 'vzlist -a -H -o veid,status,hostname,numproc,laverage,diskspace,diskspace.h 1001'
run watch_ubc 'privvmpages' 'vzubc 1001'
run watch_beancounters 'numproc' "vzubc --proc 1001 | awk '\$1 == \"numproc\" || \$2 == \"numproc\" { exit !(\$NF >= 0) } END { print \"numproc\" }'"
run watch_memory '' "vzlist -H -o physpages,privvmpages.l 1001"
run watch_load '' 'vzctl exec 1001 cat /proc/loadavg'
run watch_disk '' 'vzctl exec 1001 df -k /'
run watch_processes 'sleep' 'vzctl exec 1001 ps'
run watch_host_processes '1001' 'vzps -E 1001'
run watch_bandwidth 'venet0' "vzctl exec 1001 'grep venet0 /proc/net/dev'"
run watch_uptime 'd' 'vzlist -H -o uptime 1001'
run watch_json '"status": "running"' 'vzlist -a -j 1001'
run watch_log 'CT 1001 : Container start in progress' "grep 'CT 1001' $V/vzctl.log"

# ---- the customer clicks ----
run click_restart 'Container start in progress...' 'vzctl restart 1001'
run click_password '' "vzctl --quiet set 1001 --userpasswd 'root:a:b c'"
run click_hostname 'CT configuration saved' 'vzctl set 1001 --hostname other.example.net --save --setmode restart'
run click_shell 'other.example.net' "vzctl exec2 1001 'hostname'"
run click_script 'uid=0' "printf 'id\\n' >$work/reinstall; vzctl runscript 1001 $work/reinstall"
run click_tun 'CT configuration saved' 'vzctl set 1001 --devnodes net/tun:rw --devices c:10:200:rw --capability net_admin:on --setmode ignore --save'
run click_fuse 'CT configuration saved' 'vzctl set 1001 --devnodes fuse:rw --features ppp:on --setmode ignore --save'
run click_address 'Deleting IP address(es): 10.9.0.12' 'vzctl set 1001 --ipdel 10.9.0.12 --save'
run click_upgrade 'UB limits were set successfully' 'vzctl set 1001 --ram 512M --swap 1G --save'
has() { [ ! -e /sys/fs/cgroup/cgroup.controllers ] || grep -qw "$1" /sys/fs/cgroup/cgroup.controllers; }
if ! has cpu; then skip click_upgrade_all 'no cpu controller here'
else run click_upgrade_all 'CT configuration saved' 'vzctl set 1001 --applyconfig basic --save'; fi
run click_keeps_address '10.9.0.11' 'vzlist -H -o ip 1001'
run click_notes 'customer 17' "vzctl set 1001 --description 'customer 17' --save; vzlist -H -o description -d 'customer*'"
run click_backup 'Finished Backup of VM 1001' "vzdump --compress --dumpdir $V/dump --suspend 1001"
run click_still_runs running 'vzctl status 1001'

# ---- does not pay, pays, is rebuilt, leaves ----
run unpaid 'Container was stopped' 'vzctl stop 1001 --fast && vzctl set 1001 --onboot no --disabled yes --save'
gives unpaid_start 105 'Container start disabled' vzctl start 1001
run paid 'Container start in progress' 'vzctl set 1001 --onboot yes --disabled no --save && vzctl start 1001'
run rebuild 'Container private area was destroyed' "cp $C/1001.conf $C/1001.keep; vzctl stop 1001; vzctl destroy 1001"
run rebuild_create 'Container private area was created' "mv $C/1001.keep $C/1001.conf; vzctl create 1001 --ostemplate centos-6-x86"
run rebuild_keeps '10.9.0.11' "grep ^IP_ADDRESS= $C/1001.conf"
run rebuild_start 'Container start in progress' 'vzctl start 1001'
run from_backup 'was restored' "vzctl stop 1001 --fast; vzctl destroy 1001; vzrestore $V/dump/vzdump-openvz-1001-*.tgz 1001"
run from_backup_starts 'Container start in progress' 'vzctl start 1001'
run from_backup_address '10.9.0.11' 'vzlist -H -o ip 1001'
run leaves 'Container private area was destroyed' 'vzctl stop 1001 && vzctl destroy 1001'
gives leaves_list 1 'Container(s) not found' vzlist -a
run leaves_status '1001 deleted unmounted down' 'vzctl status 1001'
none_left left 1001
done_testing
