#!/bin/bash
# vzctl: the flows of its manual (create from a template, set, start, exec, enter, passwords, stop, destroy), with the exit
# statuses and the lines that scripts look for; what is safe about its containers; that nothing stays.
source "$(dirname "$0")/lib.sh"
export WABE_VZ_CONFIG=/run/vz-etc
V=/run/vz-data C=$WABE_VZ_CONFIG/conf
mkdir -p $C $V/template/cache
cat >$WABE_VZ_CONFIG/vz.conf <<'CONF'
## Global parameters
VIRTUOZZO=yes
LOCKDIR=/run/vz-data/lock
VZDIR=/run/vz-data
LOGGING=yes
LOGFILE=/run/vz-data/vzctl.log
DISK_QUOTA=no
CONFIGFILE="basic"
DEF_OSTEMPLATE="busybox"
CONF
cat >$C/ve-basic.conf-sample <<'CONF'
# A sample, its comments stay
ONBOOT="yes"
PHYSPAGES="0:65536"   # 256M
SWAPPAGES="0:131072"
CPUUNITS="1000"
NUMPROC="200:200"
SOME_UNKNOWN='kept as it is'
CONF
rootfs "$work/root"; chmod 755 "$work/root"
# busybox of Debian has no chpasswd
printf '%s\n' '#!/bin/sh' 'IFS=: read -r user password; echo "$user:\$5\$$(echo "$password" | sha256sum | cut -c1-43):1::::::" >/etc/shadow' >"$work/root/bin/chpasswd"
chmod 755 "$work/root/bin/chpasswd"
tar -C "$work/root" -czf $V/template/cache/busybox.tar.gz .
# STATUS WORDS COMMAND...: the exit status and a part of what it says
gives() {
	local n=$1 status=$2 words=$3 out got; shift 3
	out=$(timeout 60 "$@" 2>&1 </dev/null); got=$?
	if [ $got = "$status" ] && [[ $out == *"$words"* ]]; then good "$n"
	else bad "$n" "expected $status '$words', got $got '${out//$'\n'/ | }'"; fi
}
conf() { sed -n "s/^$1=\"\\(.*\\)\"\$/\\1/p" $C/101.conf; }

# ---- command line ----
gives no_command 20 'vzctl version' vzctl
gives version 0 'vzctl version 4' vzctl --version
gives help 0 'vzctl create CTID' vzctl --help
gives bad_command 20 'Bad command: fly' vzctl fly 101
gives no_id 21 'CT ID missing' vzctl start
gives bad_id 21 'Bad CT ID -5' vzctl start -5
gives no_name 21 'Unable to find container by name nobody' vzctl start nobody
gives id0 21 'Only set actions are allowed for CT0' vzctl start 0
gives no_conf 14 'Container config file does not exist' vzctl start 101
equal status_deleted 'CTID 101 deleted unmounted down' "$(vzctl status 101)"

# ---- create ----
gives create_no_template 91 "Cached OS template $V/template/cache/debian.tar[.gz] not found" vzctl create 101 --ostemplate debian
check create_fails_clean test ! -e $V/private/101 -a ! -e $C/101.conf
gives create_bad_option 20 'Unrecognized option: --cpuunits' vzctl create 101 --cpuunits 5
gives create_bad_ip 71 'Bad parameter for --ipadd: 10.0.0' vzctl create 101 --ipadd 10.0.0
out=$(vzctl create 101 --ostemplate busybox --config basic --hostname one.example --ipadd 10.9.0.101 --name first 2>&1); status=$?
equal create "0 Creating container private area (busybox)|Performing postcreate actions|Name first assigned|CT configuration saved to $C/101.conf|Container private area was created|" \
	"$status $(tr '\n' '|' <<<"$out")"
gives create_again 44 "Private area already exists in $V/private/101" vzctl create 101 --ostemplate busybox
equal create_conf "one.example 10.9.0.101 busybox basic first" "$(echo $(conf HOSTNAME) $(conf IP_ADDRESS) $(conf OSTEMPLATE) $(conf ORIGIN_SAMPLE) $(conf NAME))"
check create_keeps_comments grep -qx '# A sample, its comments stay' $C/101.conf
check create_keeps_unknown grep -qx "SOME_UNKNOWN='kept as it is'" $C/101.conf
equal create_name_link ../conf/101.conf "$(readlink $WABE_VZ_CONFIG/names/first)"
equal areas_are_closed '700 700' "$(echo $(stat -c %a $V/private $V/root))"
chmod 755 $V/private
equal status_created 'CTID 101 exist unmounted down' "$(vzctl status first)"
gives conf_is_shell 0 '0:65536' bash -c ". $C/101.conf; echo \$PHYSPAGES"

# ---- mount ----
gives umount_unmounted 40 'CT is not mounted' vzctl umount 101
gives mount 0 'Container is mounted' vzctl mount 101
gives mount_again 41 'Container is already mounted' vzctl mount 101
equal status_mounted 'CTID 101 exist mounted down' "$(vzctl status 101)"
check mount_shows_files test -x $V/root/101/bin/busybox
gives destroy_mounted 41 'Container is currently mounted (umount first)' vzctl destroy 101
gives umount 0 'Container is unmounted' vzctl umount 101

equal areas_are_closed_again 700 "$(stat -c %a $V/private)"

# ---- set on a stopped one ----
gives set_nothing 20 '' vzctl set 101
gives set_unsaved 0 'WARNING: Settings were not saved to config (use --save flag)' vzctl set 101 --cpuunits 2000
equal set_unsaved_conf 1000 "$(conf CPUUNITS)"
gives set_save 0 "CT configuration saved to $C/101.conf" vzctl set 101 --ram 128M --swap 1G --cpulimit 50% --onboot no --description 'two words' --save
equal set_saved_conf '0:32768 0:262144 50 no two words' "$(echo $(conf PHYSPAGES) $(conf SWAPPAGES) $(conf CPULIMIT) $(conf ONBOOT) "$(conf DESCRIPTION)")"
gives set_same 0 'No changes in CT configuration, not saving' vzctl set 101 --onboot no --save
gives set_bad_value 21 'Bad parameter for --onboot: maybe' vzctl set 101 --onboot maybe --save
gives set_force_alone 20 '--save' vzctl set 101 --onboot no --force
gives set_units 0 '' vzctl set 101 --kmemsize 14372700:14790164 --privvmpages 64M:64M --numfile 9312 --tcpsndbuf 1720320:2703360 --save
equal set_units_conf '14372700:14790164 16384:16384 9312:9312' "$(echo $(conf KMEMSIZE) $(conf PRIVVMPAGES) $(conf NUMFILE))"
gives set_diskspace 0 '' vzctl set 101 --diskspace 1G:1.1G --save
equal set_diskspace_conf 1048576:1153433 "$(conf DISKSPACE)"
gives set_name_conflict 131 'Conflict: name first already used by container 101' vzctl set 102 --name first --save
gives set_features 0 'unknown feature magic' vzctl set 101 --features nfs:on --features magic:on --features ppp:off --save
equal set_features_conf 'nfs:on ppp:off' "$(conf FEATURES)"
gives set_capability 0 '' vzctl set 101 --capability sys_time:on --capability net_raw:off --save
equal set_capability_conf 'SYS_TIME:on NET_RAW:off' "$(conf CAPABILITY)"
gives set_netif 0 '' vzctl set 101 --netif_add eth0,00:18:51:aa:bb:cc,ve0,00:18:51:aa:bb:cd,br7 --save
equal set_netif_conf 'ifname=eth0,bridge=br7,mac=00:18:51:aa:bb:cc,host_ifname=ve0,host_mac=00:18:51:aa:bb:cd' "$(conf NETIF)"
gives set_netif_del 0 '' vzctl set 101 --netif_del eth0 --save
gives set_two_addresses 0 '' vzctl set 101 --ipadd 10.9.0.102 --ipadd fd09::101 --ipdel 10.9.0.102 --ipadd 10.9.0.103 --save
equal set_addresses_conf '10.9.0.101 10.9.0.102 fd09::101 10.9.0.103' "$(conf IP_ADDRESS)"
gives set_delete_all 0 '' vzctl set 101 --ipdel all --ipadd 10.9.0.101 --save
equal set_delete_all_conf 10.9.0.101 "$(conf IP_ADDRESS)"
gives set_nameserver 0 '' vzctl set 101 --nameserver 10.0.0.1 --nameserver 10.0.0.2 --searchdomain example.org --save
equal set_nameserver_conf '10.0.0.1 10.0.0.2' "$(conf NAMESERVER)"
gives set_bad_nameserver 72 'Bad parameter for --nameserver: x' vzctl set 101 --nameserver x --save

# ---- start ----
printf '%s\n' '#!/bin/sh' "echo premount \$VEID \$VE_CONFFILE >>$V/scripts" >$C/vps.premount
printf '%s\n' '#!/bin/sh' "echo mount \$VEID >>$V/scripts" >$C/101.mount
printf '%s\n' '#!/bin/sh' "echo umount \$VEID >>$V/scripts" >$C/101.umount
printf '%s\n' '#!/bin/sh' 'echo "$(id -u) $(hostname)" >/started' >$C/101.start
printf '%s\n' 'echo stopped >/stopped' >$C/101.stop
chmod 755 $C/vps.* $C/101.mount $C/101.umount $C/101.start $C/101.stop
sed -i '/^DISABLED/d' $C/101.conf; echo 'DISABLED="yes"' >>$C/101.conf
gives start_disabled 105 'Container start disabled' vzctl start 101
vzctl set 101 --disabled no --save >/dev/null
out=$(timeout 60 vzctl start 101 2>&1); status=$?
equal start_status 0 "$status"
for line in 'Starting container...' 'Container is mounted' 'Adding IP address(es): 10.9.0.101' 'Setting CPU units: 1000' \
	'Setting CPU limit: 50' 'Container start in progress...'; do
	check "start_says ${line%% *}_${#line}" grep -qxF "$line" <<<"$out"
done
[ $status = 0 ] || { echo "$out"; done_testing; }
equal scripts "premount 101 $C/101.conf|mount 101|" "$(tr '\n' '|' <$V/scripts)"
check start_init soon 5 test -e $V/private/101/ready
equal start_script '0 one.example' "$(cat $V/private/101/started)"
gives start_again 32 'Container is already running' vzctl start 101
equal status_running 'CTID 101 exist mounted running' "$(vzctl status 101)"
gives destroy_running 32 'Container is currently running. Stop it first.' vzctl destroy 101
gives umount_running 51 'Container is running -- stop it first' vzctl umount 101

# ---- exec ----
gives exec 0 hello vzctl exec 101 'echo hello; true'
gives exec_words 0 '/bin' vzctl exec 101 ls -d /bin
gives exec_false 8 '' vzctl exec 101 false
gives exec2_status 7 '' vzctl exec2 101 exit 7
gives exec2_missing 127 '' vzctl exec2 101 no-such-program
gives exec3 0 'a  b' vzctl exec3 101 echo 'a  b'
equal exec_input 'from stdin' "$(echo 'echo from stdin' | vzctl exec 101 -)"
equal exec_environment '/|/' "$(vzctl exec 101 'echo "$HOME|$(pwd)"')"
check exec_clean_environment test -z "$(SECRET=1 vzctl exec 101 env | grep SECRET)"
echo 'echo script $(id -u)' >"$work/script"
gives runscript 0 'script 0' vzctl runscript 101 "$work/script"
out=$(script -qec "vzctl enter 101" /dev/null <<<'tty; exit 5' 2>&1); status=$?
equal enter "5 1 1" "$status $(grep -c 'entered into CT 101' <<<"$out") $(grep -c 'exited from CT 101' <<<"$out")"
gives enter_exec 3 '' vzctl enter 101 --exec sh -c 'exit 3'

# ---- inside ----
equal hostname one.example "$(vzctl exec 101 hostname)"
equal hostname_file one.example "$(vzctl exec 101 cat /etc/hostname)"
equal nameservers 'search example.org|nameserver 10.0.0.1|nameserver 10.0.0.2|' "$(vzctl exec 101 cat /etc/resolv.conf | tr '\n' '|')"
equal venet 10.9.0.101/32 "$(vzctl exec 101 ip -4 addr show dev venet0 | grep -o '10[0-9./]*/32')"
gives password 0 '' vzctl set 101 --userpasswd root:secret
check password_is_set grep -q '^root:[$]' $V/private/101/etc/shadow $V/private/101/etc/passwd -s
check password_is_not_saved test -z "$(grep -r secret $C $V/vzctl.log)"

# ---- a safe container ----
init=$(vzpid 1 | tail -1 | cut -f2); equal vzpid_host 0 "$init"
pid=$(for p in $(ls /proc | grep -E '^[0-9]+$'); do vzpid "$p" 2>/dev/null | tail -1 | grep -P '\t101\t' | cut -f1; done | head -1)
equal vzpid 101 "$(vzpid "$pid" | tail -1 | cut -f2)"
base=$(conf LOCAL_UID)
equal own_ids "$base" "$(awk '$1 == "Uid:" { print $2 }' "/proc/$pid/status")"
check own_user_namespace test "$(readlink "/proc/$pid/ns/user")" != "$(readlink /proc/self/ns/user)"
equal files_are_roots 0 "$(vzctl exec 101 stat -c %u /bin/busybox)"
gives no_module 8 '' vzctl exec 101 'echo 1 >/proc/sysrq-trigger'
gives no_mknod 8 '' vzctl exec 101 'mknod /dev/sdz b 8 0 && cat /dev/sdz'

# ---- limits, live ----
group() { # FILE2 FILE1 CONTROLLER
	local p; p=$(sed -n "s/^0:://p" "/proc/$pid/cgroup")
	if [ -e /sys/fs/cgroup/cgroup.controllers ]; then cat "/sys/fs/cgroup$p/$1"
	else p=$(grep -E "^[0-9]+:([^:]*,)?$3(,[^:]*)?:" "/proc/$pid/cgroup" | cut -d: -f3); cat "/sys/fs/cgroup/$3$p/$2"; fi
}
if group memory.max memory.limit_in_bytes memory >/dev/null 2>&1; then
equal memory_limit 134217728 "$(group memory.max memory.limit_in_bytes memory)"
equal process_limit 200 "$(group pids.max pids.max pids)"
gives set_live_ram 0 'UB limits were set successfully' vzctl set 101 --ram 192M --save
equal set_live_ram_holds 201326592 "$(group memory.max memory.limit_in_bytes memory)"
gives set_live_numproc 0 'will be lost after CT restart' vzctl set 101 --numproc 150
equal set_live_numproc_holds 150 "$(group pids.max pids.max pids)"
gives reset_ub 0 '' vzctl set 101 --reset_ub
equal reset_ub_holds 200 "$(group pids.max pids.max pids)"
gives set_live_cpu 0 'Setting CPU limit: 80' vzctl set 101 --cpulimit 80 --save
case $(group cpu.max cpu.cfs_quota_us cpu) in 80000*) good set_live_cpu_holds;; *) bad set_live_cpu_holds "$(group cpu.max cpu.cfs_quota_us cpu)";; esac
else # a cgroup2 that has handed its controllers to version 1
	skip limits "this cgroup layout has no memory controller"
	gives no_controller_says_so 0 'PHYSPAGES is not limited on this host' vzctl set 101 --ram 192M --save
	gives no_controller_fails_cpu 2 'Unable to set CPULIMIT' vzctl set 101 --cpulimit 80 --save
fi
gives set_live_ip 0 'Adding IP address(es): 10.9.0.111' vzctl set 101 --ipadd 10.9.0.111 --save
check set_live_ip_inside vzctl exec 101 "ip -4 addr show dev venet0 | grep -q 10.9.0.111/32"
gives set_live_ipdel 0 'Deleting IP address(es): 10.9.0.111' vzctl set 101 --ipdel 10.9.0.111 --save
check set_live_ipdel_inside vzctl exec 101 "! ip -4 addr show dev venet0 | grep -q 10.9.0.111/32"
gives set_live_hostname 0 '' vzctl set 101 --hostname two.example --save
equal set_live_hostname_holds two.example "$(vzctl exec 101 hostname)"
gives set_needs_restart 0 'Some of the parameters could not be applied to a running container' vzctl set 101 --capability net_raw:on --save
gives set_ignore 0 '' vzctl set 101 --capability net_raw:off --setmode ignore --save
gives counted_key 0 '' vzctl --verbose set 101 --numflock 100 --save

# ---- what it says of itself ----
gives vzubc 0 'numproc|' vzubc 101
gives vzubc_units 0 'physpages|' vzubc -n 101
gives validate 0 'success' vzcfgvalidate $C/101.conf
printf '%s\n' 'NUMPROC=9:1' 'ONBOOT=yes' 'ONBOOT=no' >"$work/bad.conf"
gives validate_bad 2 "$work/bad.conf:1: Error: bad value for NUMPROC: 9:1" vzcfgvalidate "$work/bad.conf"

# ---- locks ----
exec 9<>$V/lock/101.lck; flock -n 9; echo $$ >&9
gives locked 9 'Container already locked' vzctl stop 101
gives locked_status 0 running vzctl status 101
gives locked_exec 0 '' vzctl exec 101 true
exec 9>&-
# the engine's own word of an end is waited for
rm -f $V/lock/101.lck; bash -c 'exec 9<>"$1"; flock 9; echo $$ >"$1"; sleep 1; exec 9<&-; rm "$1"' - $V/lock/101.lck stopped & soon 3 test -s $V/lock/101.lck
gives locked_by_end 0 '' vzctl set 101 --onboot no --save

# ---- stop ----
gives stop 0 'Container was stopped' vzctl stop 101
check stop_script test -e $V/private/101/stopped
equal stop_umounts 'CTID 101 exist unmounted down' "$(vzctl status 101)"
check stop_runs_umount grep -q 'umount 101' $V/scripts
gives stop_again 0 'Unable to stop: container is not running' vzctl stop 101
gives exec_stopped 31 'Container is not running' vzctl exec 101 true
gives runscript_stopped 0 'script 0' vzctl runscript 101 "$work/script"
equal runscript_leaves_it_stopped 'CTID 101 exist unmounted down' "$(vzctl status 101)"
gives restart_stopped 0 'Container start in progress...' vzctl restart 101
gives restart 0 'Restarting container' vzctl restart 101 --fast
gives stop_fast 0 'Killing container ...' vzctl stop 101 --fast
vzctl start 101 >/dev/null 2>&1; soon 5 test -e $V/private/101/ready
kill -9 "$(pid=; for p in /proc/[0-9]*; do grep -q 'lxc.payload.101' $p/cgroup 2>/dev/null && grep -qP '^NSpid:.*\t1$' $p/status && echo ${p#/proc/}; done | head -1)"
check end_by_itself_umounts soon 5 eval '[ "$(vzctl status 101)" = "CTID 101 exist unmounted down" ]'
printf '%s\n' '#!/bin/sh' 'exit 1' >$C/101.mount
gives script_fails_start 79 'Error executing action script' vzctl start 101
equal script_fails_clean 'CTID 101 exist unmounted down' "$(vzctl status 101)"
rm $C/101.mount
mv $V/private/101/sbin/init $V/private/101/sbin/init.away; mv $V/private/101/bin/init $V/private/101/bin/init.away
gives start_without_init 47 'Unable to start init, probably incorrect template' vzctl start 101
mv $V/private/101/sbin/init.away $V/private/101/sbin/init
gives quiet 0 '' vzctl --quiet start 101; equal quiet_is_quiet '' "$(vzctl --quiet stop 101 2>&1)"

# ---- two of them: other ids, addresses that are taken ----
vzctl create 2147 --ostemplate busybox >/dev/null || bad create_2147 failed # 101 + 2046
check ids_differ test "$(sed -n 's/^LOCAL_UID=//p' $C/2147.conf)" != "\"$base\""
vzctl start 101 >/dev/null 2>&1; vzctl set 2147 --ipadd 10.9.0.101 --save >/dev/null
gives address_in_use 78 'Address in use' vzctl start 2147
equal address_in_use_clean 'CTID 2147 exist unmounted down' "$(vzctl status 2147)"

# ---- with the host: ONBOOT by BOOTORDER ----
vzctl stop 101 --fast >/dev/null 2>&1
for id in 301 302 303 304; do
	vzctl create $id --ostemplate busybox >/dev/null; vzctl set $id --onboot yes --save >/dev/null
	printf '%s\n' '#!/bin/sh' "echo $id >>$V/order" >$C/$id.mount; chmod 755 $C/$id.mount
done
vzctl set 302 --bootorder 5 --save >/dev/null; vzctl set 303 --bootorder 10 --save >/dev/null; vzctl set 304 --onboot no --save >/dev/null
check boot timeout 60 "$bin/../libexec/wabe/vz" start
equal boot_order '303 302 301 ' "$(tr '\n' ' ' <$V/order)"
equal boot_running '301 302 303 2147 ' "$(vzlist -H -o ctid | tr -s ' \n' ' ' | sed 's/^ //')"
check boot_again timeout 60 "$bin/../libexec/wabe/vz" start
check shutdown timeout 60 "$bin/../libexec/wabe/vz" stop
equal shutdown_all '' "$(vzlist -H -o ctid 2>/dev/null)"
for id in 301 302 303 304; do check destroy_$id vzctl destroy $id; done

# ---- an archive of vzdump ----
cp -a "$work/root" "$work/dump"; mkdir "$work/dump/etc/vzdump"; echo restored >"$work/dump/word"
printf '%s\n' 'VE_ROOT="/elsewhere/root/$VEID"' 'VE_PRIVATE="/elsewhere/private/$VEID"' 'HOSTNAME="old.example"' 'OSTEMPLATE="debian-6.0"' 'NUMPROC="50:50"' \
	'KMEMSIZE="14372700:14790164"' >"$work/dump/etc/vzdump/vps.conf"
tar -C "$work/dump" -czf "$work/vzdump-7.tgz" .
gives restore 0 'Container 401 was restored' vzrestore "$work/vzdump-7.tgz" 401
gives restore_starts 0 'Container start in progress' vzctl start 401
equal restore_runs 'restored old.example' "$(vzctl exec 401 'echo $(cat /word) $(hostname)')"
gives restore_again 44 'exists already' vzrestore "$work/vzdump-7.tgz" 401
vzctl stop 401 --fast >/dev/null; vzctl destroy 401 >/dev/null
rm -r "$work/dump/etc/vzdump"; ln -s /etc/vz "$work/dump/etc/vzdump"; tar -C "$work/dump" -czf "$work/bad.tgz" .
gives restore_no_conf 85 'no etc/vzdump/vps.conf' vzrestore "$work/bad.tgz" 402
check restore_no_conf_clean test ! -e $V/private/402 -a ! -e $C/402.conf
# a private area of OpenVZ's, as it is
cp -a "$work/root" $V/private/403; printf '%s\n' 'HOSTNAME="area"' 'NUMPROC="60:60"' >$C/403.conf
gives area_starts 0 'Container start in progress' vzctl start 403
check area_gets_ids grep -q '^LOCAL_UID=' $C/403.conf
vzctl stop 403 --fast >/dev/null; vzctl destroy 403 >/dev/null

# ---- others are reached, and only with the own address ----
vzctl start 101 >/dev/null 2>&1; vzctl set 2147 --ipdel all --ipadd 10.9.0.147 --save >/dev/null; vzctl start 2147 >/dev/null 2>&1
if [ -e /proc/sys/net/ipv4/conf/v101/forwarding ] && echo 1 >/proc/sys/net/ipv4/conf/all/forwarding; then
	check reaches_other soon 5 vzctl exec 2147 'ping -c 1 -W 1 10.9.0.101'
	check net_raw_is_off eval '! vzctl exec 101 "ping -c 1 -W 1 10.9.0.147" >/dev/null 2>&1'
	vzctl exec 2147 'ip addr add 10.9.0.200/32 dev venet0'
	check spoofs_nothing eval '! vzctl exec 2147 "ping -c 1 -W 1 -I 10.9.0.200 10.9.0.101" >/dev/null 2>&1'
fi
vzctl stop 101 --fast >/dev/null; vzctl stop 2147 --fast >/dev/null

# ---- interfaces on bridges, devices, resolv.conf of the host, a wait, scripts for all ----
ip link add br7 type bridge; ip link set br7 up
mkdir -p /dev/net; [ -e /dev/net/tun ] || mknod /dev/net/tun c 10 200
vzctl set 2147 --netif_add eth0,,,,br7 --devnodes net/tun:rw --nameserver inherit --save >/dev/null
printf '%s\n' '#!/bin/sh' "[ \"\$1\" ] || echo \$VEID \$(. \$VE_CONFFILE; echo \$HOSTNAME) >>$V/vps" >$C/vps.mount; chmod 755 $C/vps.mount
gives start_wait 0 'Container started successfully' vzctl start 2147 --wait
mac=$(sed -n 's/^NETIF=.*[,"]mac=\([0-9a-f:]*\).*/\1/p' $C/2147.conf)
case $mac in 00:18:51:*) good netif_mac;; *) bad netif_mac "$mac";; esac
equal netif_inside "$mac" "$(vzctl exec 2147 cat /sys/class/net/eth0/address)"
equal netif_on_bridge "$(sed -n 's/^NETIF=.*host_ifname=\([^,"]*\).*/\1/p' $C/2147.conf)" "$(ls /sys/class/net/br7/brif)"
gives devnode 0 '' vzctl exec 2147 'test -c /dev/net/tun && test -w /dev/net/tun'
equal nameserver_inherit "$(grep -c ^nameserver /etc/resolv.conf)" "$(vzctl exec 2147 grep -c ^nameserver /etc/resolv.conf)"
check vps_script_sources_conf grep -q '^2147' $V/vps
gives sysctl_is_the_hosts 8 '' vzctl exec 2147 'echo 2 >/proc/sys/kernel/sysrq'
vzctl stop 2147 --fast >/dev/null; rm $C/vps.mount
check netif_gone soon 5 eval '[ -z "$(ls /sys/class/net/br7/brif)" ]'
ip link del br7

# ---- unregister, register, destroy ----
gives unregister 0 'successfully unregistered' vzctl unregister 2147
check unregister_keeps test -d $V/private/2147 -a ! -e $C/2147.conf
gives register 0 'successfully registered' vzctl register $V/private/2147 2147
gives destroy 0 'Container private area was destroyed' vzctl destroy 2147
check destroy_moves_conf test -e $C/2147.conf.destroyed -a ! -e $C/2147.conf -a ! -e $V/private/2147 -a ! -e $V/root/2147
vzctl stop 101 >/dev/null 2>&1
gives destroy_101 0 "Destroying container private area: $V/private/101" vzctl destroy first
check destroy_name test ! -e $WABE_VZ_CONFIG/names/first -a ! -L $WABE_VZ_CONFIG/names/first
check log grep -q 'vzctl : CT 101 : Container was stopped' $V/vzctl.log
none_left left 101
done_testing
