#!/bin/bash
# Each controller bites, by what the container feels. What this machine's layout lacks is skipped.
source "$(dirname "$0")/lib.sh"
v1() { [ -e "/sys/fs/cgroup/$1/cgroup.procs" ]; }
v2() { grep -qw "$1" /sys/fs/cgroup/cgroup.controllers 2>/dev/null; }
ticks() { local g; g=$(group_of "$1" "$2") && { cat "$g/cpuacct.usage" 2>/dev/null || sed -n 's/^usage_usec //p' "$g/cpu.stat"; }; }

if v1 cpu || v2 cpu; then
	key=lxc.cgroup.cpu.shares high=2048 low=256
	hierarchy=cpu; v1 cpu || { key=lxc.cgroup2.cpu.weight; high=800; low=100; hierarchy=; }
	container busyA "$key = $high"; container busyB "$key = $low"
	start busyA; start busyB
	# on one processor, which they have to share; set inside, as the way in goes through a cpuset
	for n in busyA busyB; do run $n busybox taskset 1 sh -c 'while :; do :; done' & done 2>/dev/null
	sleep 1; a=$(ticks busyA "${hierarchy:+cpuacct}") b=$(ticks busyB "${hierarchy:+cpuacct}")
	sleep 4; a=$(($(ticks busyA "${hierarchy:+cpuacct}") - a)) b=$(($(ticks busyB "${hierarchy:+cpuacct}") - b))
	if [ "$b" -gt 0 ] && [ $((a * 10 / b)) -ge 50 ]; then good cpu-shares; else bad cpu-shares "8:1 asked, used $a : $b"; fi
	stop busyA; stop busyB; wait
else skip cpu-shares "no cpu controller"; fi

if v1 memory || v2 memory; then
	key=lxc.cgroup.memory.limit_in_bytes; v1 memory || key=lxc.cgroup2.memory.max
	container memory "$key = 20M" 'lxc.mount.entry = tmpfs mnt tmpfs rw,size=100m 0 0'; start memory
	# the shell that asks for too much is killed, the container is not
	run memory sh -c 'dd if=/dev/zero of=/mnt/big bs=1M count=60 2>/dev/null' >/dev/null 2>&1; rc=$?
	if [ $rc != 0 ]; then good memory-limit; else bad memory-limit "60 MB fit into 20 MB"; fi
	stop memory
else skip memory-limit "no memory controller"; fi

if v1 pids || v2 pids; then
	key=lxc.cgroup.pids.max; v1 pids || key=lxc.cgroup2.pids.max
	container pids "$key = 10"; start pids
	got=$(run pids sh -c 'i=0; while [ $i -lt 20 ]; do sleep 5 & i=$((i + 1)); done' 2>&1)
	if grep -q "fork" <<<"$got"; then good pids; else bad pids "20 processes beside a limit of 10: $got"; fi
	stop pids
else skip pids "no pids controller"; fi

deny=lxc.cgroup.devices.deny allow=lxc.cgroup.devices.allow
v1 devices || { deny=lxc.cgroup2.devices.deny; allow=lxc.cgroup2.devices.allow; }
container devices "$deny = a" "$allow = c 1:3 rwm" "$allow = c 1:5 r" "$allow = c 5:* rwm" "$allow = c 136:* rwm"
if start devices; then
	check devices-mknod-allowed run devices mknod /tmp/null c 1 3
	if run devices mknod /tmp/kmsg c 1 11 2>/dev/null; then bad devices-mknod-denied "made"; else good devices-mknod-denied; fi
	check devices-read-allowed run devices sh -c 'head -c 1 /dev/zero >/dev/null'
	if run devices sh -c 'echo >/dev/zero' 2>/dev/null; then bad devices-write-denied "written"; else good devices-write-denied; fi
else bad devices "does not start"; fi
stop devices

container frozen; start frozen; pid=$(init_of frozen)
run frozen sh -c 'while :; do echo >>/tmp/beat; sleep 0.1; done' & beat=$!
sleep 0.5
check freeze timeout 5 lxc-freeze -P "$P" -n frozen
equal FROZEN FROZEN "$(state frozen)"
a=$(stat -c %s "$P/frozen/rootfs/tmp/beat"); sleep 0.6; b=$(stat -c %s "$P/frozen/rootfs/tmp/beat")
equal nothing-moves "$a" "$b"
check thaw timeout 5 lxc-unfreeze -P "$P" -n frozen
equal THAWED RUNNING "$(state frozen)"
sleep 0.6; b=$(stat -c %s "$P/frozen/rootfs/tmp/beat")
if [ "$b" -gt "$a" ]; then good moves-again; else bad moves-again "$a = $b"; fi
stop frozen; wait $beat 2>/dev/null

if v1 cpuset || v2 cpuset; then
	key=lxc.cgroup.cpuset.cpus; v1 cpuset || key=lxc.cgroup2.cpuset.cpus
	container cpuset "$key = 0"; start cpuset
	equal cpuset 0 "$(run cpuset sed -n 's/^Cpus_allowed_list:[[:space:]]*//p' /proc/self/status)"
	stop cpuset
else skip cpuset "no cpuset controller"; fi

# a throttled device: only where the file system of $P's parent has a block device with throttling in the kernel
device=$(stat -c %Hd:%Ld "$work" 2>/dev/null)
throttle=/sys/fs/cgroup/blkio/blkio.throttle.write_bps_device
if { [ -e "$throttle" ] || v2 io; } && [ "${device%%:*}" != 0 ] && [ -e "/sys/dev/block/$device" ]; then
	container io "lxc.cgroup.blkio.throttle.write_bps_device = $device 1048576" "lxc.mount.entry = $work mnt none bind,rw 0 0"
	if start io; then
		begin=$(date +%s%N); run io dd if=/dev/zero of=/mnt/io bs=64k count=48 oflag=direct 2>/dev/null; took=$((($(date +%s%N) - begin) / 1000000))
		if [ $took -ge 2000 ]; then good blkio-throttle; else bad blkio-throttle "3 MB at 1 MB/s took $took ms"; fi
		stop io
	else skip blkio-throttle "device $device refuses the limit"; fi
else skip blkio-throttle "no throttling of $device here"; fi

if v1 net_cls; then
	container netcls 'lxc.cgroup.net_cls.classid = 0x00100001'; start netcls
	equal net_cls $((0x100001)) "$(cat "$(group_of netcls net_cls)/net_cls.classid")"
	stop netcls
else skip net_cls "no net_cls"; fi
for n in busyA memory pids devices frozen cpuset; do none_left "clean-$n" $n; done
done_testing
