#!/bin/bash
# The commands, options, exit statuses and messages that scripts for OpenVZ know, as a table of command lines: what vzctl.sh's
# flows do not come by. One container, first stopped, then running.
source "$(dirname "$0")/lib.sh"
runs_once
export WABE_VZ_CONFIG=/run/vz-etc
V=/run/vz-data C=$WABE_VZ_CONFIG/conf
mkdir -p $C $V/template/cache
printf '%s\n' "VZDIR=$V" 'DISK_QUOTA=no' "LOCKDIR=$V/lock" >$WABE_VZ_CONFIG/vz.conf
echo 'NUMPROC="300:300"' >$C/ve-big.conf-sample
rootfs "$work/root"; tar -C "$work/root" -czf $V/template/cache/busybox.tar.gz .
mkdir -p $V/private/120/root.hdd; echo '<Image></Image>' >$V/private/120/root.hdd/DiskDescriptor.xml; printf '%s\n' HOSTNAME=image DISKSPACE=1000 >$C/120.conf
# each line: STATUS | a part of what is said | vzctl's words
rows() { # LABEL
	local status words line out got n=0
	while IFS='|' read -r status words line; do
		status=${status// /} words=${words# } words=${words% } line=${line# }; n=$((n + 1))
		[ -n "$status" ] && [ "${status:0:1}" != '#' ] || continue
		eval "out=\$(timeout 60 vzctl $line 2>&1 </dev/null)"; got=$?
		if [ $got = "$status" ] && [[ $out == *"$words"* ]]; then good "$1: $line"
		else bad "$1: $line" "expected $status '$words', got $got '${out//$'\n'/ | }'"; fi
	done
}
rows absent <<'ROWS'
29 | OS template is not specified | create 101
91 | Bad parameter for --ostemplate: a/b | create 101 --ostemplate a/b
82 | Sample config | create 101 --ostemplate busybox --config none
21 | Bad parameter for --layout: tape | create 101 --ostemplate busybox --layout tape
20 | requires an argument | create 101 --hostname
63 | diskspace not set (required for ploop) | create 101 --ostemplate busybox --layout ploop:expanded
22 | VE_ROOT is not set | create 101 --ostemplate busybox --root ''
23 | VE_PRIVATE is not set | create 101 --ostemplate busybox --private ''
21 | Bad CT ID 2147483645 | start 2147483645
14 | Container config file does not exist | destroy 101
14 | Container config file does not exist | mount 101
14 | Container config file does not exist | set 101 --cpuunits 100
14 | Container config file does not exist | exec 101 true
14 | Container config file does not exist | snapshot-list 101
14 | Container config file does not exist | quotaon 101
43 | does not exist | register /nowhere/at/all 101
20 | Usage: vzctl register | register relative 101
150 | root.hdd/root.hds does not exist | start 120
150 | root.hdd/root.hds does not exist | mount 120
0 | CTID 101 deleted unmounted down | status 101
0 | Limits of the host itself have no effect | set 0 --cpuunits 1000 --save
0 | No changes in CT configuration, not saving | set 0 --cpuunits 1000 --save
0 | WARNING: Settings were not saved | set 0 --numproc 1000:1000 --kmemsize 10M
20 | Only --cpuunits and limits | set 0 --hostname x
0 | Container private area was created | create 101 --ostemplate busybox --config big --velayout simfs --ip 10.9.0.101 --hostname one --description 'a b' --diskspace 1G:1.1G --diskinodes 1000:1100
ROWS
equal host_conf 'CPUUNITS="1000"' "$(cat $C/0.conf)"
equal create_keys '300:300 big a b 1048576:1153433 1000:1100' "$(sed -n 's/^\(NUMPROC\|ORIGIN_SAMPLE\|DISKSPACE\|DISKINODES\|DESCRIPTION\)="\(.*\)"$/\2/p' $C/101.conf | tr '\n' ' ' | sed 's/ $//')"
rows stopped <<'ROWS'
82 | --config can not be used | create 101 --ostemplate busybox --config big
44 | Private area already exists in | create 101 --ostemplate busybox
40 | CT is not mounted | umount 101
31 | Container is not running | exec 101 true
31 | Container is not running | exec2 101 true
31 | Container is not running | exec3 101 true
31 | Container is not running | enter 101
31 | Container is not running | console 101
20 | Invalid extra arguments: --slow | start 101 --slow
20 | Invalid extra arguments: --slow | stop 101 --slow
20 | Invalid extra arguments: --slow | restart 101 --slow
20 | Invalid extra arguments: shell | enter 101 shell
20 | Unrecognized option: --colour | set 101 --colour red --save
21 | Bad parameter for --cpuunits: 5 | set 101 --cpuunits 5 --save
21 | Bad parameter for --cpuunits: 500001 | set 101 --cpuunits 500001 --save
21 | Bad parameter for --ioprio: 8 | set 101 --ioprio 8 --save
21 | Bad parameter for --iolimit: 3G | set 101 --iolimit 3G --save
21 | Bad parameter for --cpumask: x | set 101 --cpumask x --save
21 | it needs --nodemask | set 101 --cpumask auto --save
21 | Bad parameter for --netfilter: some | set 101 --netfilter some --save
21 | Bad parameter for --meminfo: lots | set 101 --meminfo lots --save
21 | Bad parameter for --kmemsize: 2:1 | set 101 --kmemsize 2:1 --save
21 | Bad parameter for --capability: fly:on | set 101 --capability fly:on --save
21 | Bad parameter for --capability: net_raw | set 101 --capability net_raw --save
21 | Bad parameter for --devices: c:x:y:rw | set 101 --devices c:x:y:rw --save
21 | Bad parameter for --devnodes: net/tun:z | set 101 --devnodes net/tun:z --save
21 | Bad parameter for --name: a/b | set 101 --name a/b --save
21 | Bad parameter for --setmode: soon | set 101 --onboot yes --setmode soon --save
21 | Bad parameter for --pci_add: 1 | set 101 --pci_add 1 --save
21 | Bad parameter for --rate: fast | set 101 --rate fast --save
21 | Bad parameter for --applyconfig_map: all | set 101 --applyconfig_map all --save
20 | --name | set 101 --name web
71 | Bad parameter for --ipadd: 255.255.255.255 | set 101 --ipadd 255.255.255.255 --save
71 | Bad parameter for --ipadd: ff02::1 | set 101 --ipadd ff02::1 --save
71 | Bad parameter for --ipdel: 10.9 | set 101 --ipdel 10.9 --save
72 | Bad parameter for --nameserver: here | set 101 --nameserver here --save
73 | Bad parameter for --searchdomain: a;b | set 101 --searchdomain 'a;b' --save
109 | | set 101 --applyconfig none --save
130 | Bad parameter for --netif_add | set 101 --netif_add eth0,xx --save
130 | Bad parameter for --netif_del: eth9 | set 101 --netif_del eth9 --save
130 | no such interface | set 101 --ifname eth9 --mac 00:18:51:00:00:01 --save
74 | Unable to set the password of root | set 101 --userpasswd root:secret
21 | USER:PASSWORD is expected | set 101 --userpasswd secret
156 | ploop | snapshot 101
166 | | compact 101
0 | CT configuration saved to | set 101 --onboot yes --bootorder 7 --stop-timeout 5 --mount_opts noatime --save
0 | Name web assigned | set 101 --name web --save
0 | CT configuration saved to | set web --name '' --save
21 | Unable to find container by name web | set web --onboot no --save
0 | No effect on this kernel, kept: KMEMSIZE, PRIVVMPAGES, NUMFILE, DCACHESIZE | set 101 --kmemsize 10M:11M --privvmpages 1G --numfile 1000 --dcachesize 1M:2M --save
0 | No effect on this kernel, kept: NOATIME, MEMGUARANTEE, HA_ENABLE, HA_PRIO, PCI | set 101 --noatime yes --memguarantee 50 --ha_enable yes --ha_prio 3 --pci_add 0:1f.2 --save
0 | CT configuration saved to | set 101 --rate '*:1:1000' --ratebound yes --save
0 | CT configuration saved to | set 101 --swappages 0:unlimited --physpages 0:64M --vmguarpages 8M:unlimited --oomguarpages 8M:unlimited --save
0 | CT configuration saved to | set 101 --iolimit 2.5 --iopslimit 100 --ioprio 3 --cpus 1 --cpulimit 50% --cpuunits 2000 --nodemask 0 --cpumask auto --save
0 | CT configuration saved to | set 101 --iptables iptable_nat --netfilter full --vm_overcommit 1.5 --meminfo pages:1000 --quotatime 5 --save
0 | CT configuration saved to | set 101 --capability setveid:on --devices c:10:200:rw --devices b:7:all:r --force --save
ROWS
value() { sed -n "s/^$1=\"\\(.*\\)\"\$/\\1/p" $C/101.conf; }
equal units '10485760:11534336 262144:262144 256:512' "$(value KMEMSIZE) $(value PRIVVMPAGES) $(sed -n 's/^DCACHESIZE="\([0-9]*\):\([0-9]*\)"/\1 \2/p' $C/101.conf | awk '{ print $1 / 4096 ":" $2 / 4096 }')"
equal unlimited '0:16384 2048:9223372036854775807' "$(value PHYSPAGES) $(value VMGUARPAGES)"
equal rates '2621440 100 3 1 50 2000' "$(echo $(value IOLIMIT) $(value IOPSLIMIT) $(value IOPRIO) $(value CPUS) $(value CPULIMIT) $(value CPUUNITS))"
equal new_keys '0000:00:1f.2 *:1:1000 yes' "$(value PCI) $(value RATE) $(value RATEBOUND)"
equal several_devices 'c:10:200:rw b:7:all:r' "$(value DEVICES)"
# ---- what is wrong in the files is no reason not to start ----
sed -i '/^CAPABILITY=/d' $C/101.conf; printf '%s\n' 'CAPABILITY="FLY:off NET_RAW:off"' 'NETIF="ifname=eth0,bridge=nobridge"' 'NUMPROC=nonsense' 'NUMTCPSOCK=1:1' 'TCPSNDBUF=1:1' 'NUMFLOCK=-' >>$C/101.conf
out=$(timeout 60 vzctl start 101 2>&1); status=$?
equal starts_all_the_same 0 "$status"
for words in 'unknown capability fly, skipped' 'bridge nobridge does not exist' 'Setting CPUs: 1' 'Setting iolimit: 2621440 bytes/sec' 'Setting iopslimit: 100 iops' 'Setting devices'; do
	if [[ $out == *"$words"* ]]; then good "start_says_$words"; else bad "start_says_$words" "$out"; fi
done
[ $status = 0 ] || done_testing
soon 5 test -e $V/private/101/ready
# systemd that does not get to the end of its start
mkdir -p $V/private/101/run/systemd/system; printf '%s\n' '#!/bin/sh' 'echo maintenance; exit 1' >$V/private/101/bin/systemctl; chmod 755 $V/private/101/bin/systemctl
rows running <<'ROWS'
32 | Container is already running | start 101
41 | Container is already mounted | mount 101
51 | Container is running -- stop it first | umount 101
32 | Stop it first. | destroy 101
32 | | unregister 101
32 | running container | set 101 --root /elsewhere --save
32 | | quotaoff 101
64 | DISKINODES is not set | quotaon 120
0 | UB limits were set successfully | set 101 --numproc 120 --save
0 | will be lost after CT restart | set 101 --numproc 130:140
0 | No effect on this kernel, kept: NUMOTHERSOCK | set 101 --numothersock 10 --save
0 | Deleting all IP address(es): 10.9.0.101 | set 101 --ipdel all --save
0 | Adding IP address(es): fd09::5 | set 101 --ipadd fd09::5/64 --save
0 | Set hostname: two | set 101 --hostname two --save
0 | --setmode | set 101 --features nfs:on --save
8 | | exec 101 exit 3
3 | | exec2 101 exit 3
0 | one two | exec 101 echo one two
133 | Container wait failed | restart 101 --wait --fast
0 | Container was stopped | stop 101
0 | container is not running | stop 101
0 | Container private area was destroyed | destroy 101
44 | Private area already exists | create 120 --ostemplate busybox
ROWS
sed -i 's/^LOCKDIR=.*/LOCKDIR=""/' $WABE_VZ_CONFIG/vz.conf
rows no_lockdir <<<'77 | LOCKDIR is not set | mount 120'
sed -i "s|^LOCKDIR=.*|LOCKDIR=$V/lock|" $WABE_VZ_CONFIG/vz.conf; mkdir -p $V/lock; echo 4194303 >$V/lock/120.lck
rows stale <<<"150 | Removing stale lock file $V/lock/120.lck | start 120"
echo 'TEMPLATE=""' >>$WABE_VZ_CONFIG/vz.conf
rows no_template <<<'24 | TEMPLATE is not set | create 102 --ostemplate busybox'
mv $WABE_VZ_CONFIG/vz.conf $WABE_VZ_CONFIG/away
rows no_vz_conf <<<'10 | Global configuration file | start 120'
none_left left 101
done_testing
