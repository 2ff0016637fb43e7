#!/bin/bash
# The commands of the introductory talk.
source "$(dirname "$0")/lib.sh"

# lxc-execute -n shell /bin/bash: no configuration, no root of its own
equal execute-pid 1 "$(timeout 10 lxc-execute -P "$P" -n shell -- /bin/bash -c 'cut -d" " -f4 /proc/1/stat >/dev/null; echo $PPID' 2>/dev/null </dev/null)"
timeout 10 lxc-execute -P "$P" -n shell -- /bin/bash -c 'exit 7' </dev/null >/dev/null 2>&1; equal execute-status 7 $?
timeout 10 lxc-execute -P "$P" -n shell -- /bin/bash -c 'hostname inner' </dev/null >/dev/null 2>&1
equal execute-own-hostname sandbox "$(hostname)"
none_left execute-clean shell

: >"$work/trigger"
container talk 'lxc.tty.max = 1' 'lxc.cap.drop = sys_module mac_admin sys_time' 'lxc.mount.auto =' \
	'lxc.mount.entry = proc proc proc ro,nodev,noexec,nosuid 0 0' "lxc.mount.entry = $work mnt none ro,bind 0 0"
check start start talk
check lxc-ls grep -qw talk <(lxc-ls -P "$P")
check lxc-ls-fancy grep -q 'talk.*RUNNING' <(lxc-ls -P "$P" --fancy)
check lxc-ps grep -qE 'talk.*(init|sleep)' <(lxc-ps -P "$P" --lxc)
check lxc-ps-name grep -qE 'talk.*(init|sleep)' <(lxc-ps -P "$P" --name talk)

# /proc is read-only inside. Opened for append without a byte written: even the real file would do nothing.
# Never the real trigger, though: a harmless file of the same mount, and a stand-in on a read-only mount.
if run talk sh -c ': >>/proc/sys/kernel/hostname' 2>/dev/null; then bad proc-read-only "could be opened for writing"; else good proc-read-only; fi
if run talk sh -c ': >>/mnt/trigger' 2>/dev/null; then bad stand-in-read-only "could be opened for writing"; else good stand-in-read-only; fi
check proc-flags grep -qE ' /proc ro,' <(run talk cat /proc/mounts 2>/dev/null | sed 's/^proc \(.*\) proc \(ro\)/ \1 \2/;s/.* \/proc ro/ \/proc ro/')

bounding=$((0x$(sed -n 's/^CapBnd:[[:space:]]*//p' "/proc/$(init_of talk)/status")))
for cap in 16:sys_module 33:mac_admin 25:sys_time; do
	equal "dropped-${cap#*:}" 0 $((bounding >> ${cap%:*} & 1))
done
# (the capability is looked at, not tried: a test must not be able to set the clock)

# a line on the console: typed here, answered by a shell on the container's tty1
run talk sh -c 'exec </dev/tty1 >/dev/tty1 2>&1; read line; echo "got:$line"' & reader=$!
sleep 0.5
got=$({ sleep 1; printf 'hello\n'; sleep 1; printf '\001q'; } | timeout 10 script -qec "lxc-console -P $P -n talk -t 1" /dev/null 2>/dev/null)
if grep -q got:hello <<<"$got"; then good console-line; else bad console-line "${got: -200}"; fi
kill $reader 2>/dev/null
check stop stop talk
equal stopped STOPPED "$(state talk)"
none_left clean talk

# its network: a veth on a bridge of the host, in the words of 2012; a neighbour that only the gateway reaches
machine far
ip link add to-far type veth peer name far0 && ip link set far0 netns "$machine_far"
ip addr add 10.66.0.1/24 dev to-far; ip link set to-far up
far ip addr add 10.66.0.2/24 dev far0; far ip link set far0 up; far ip route add default via 10.66.0.1
echo 1 >/proc/sys/net/ipv4/conf/all/forwarding
ip link add br0 type bridge; ip addr add 192.168.1.1/24 dev br0; ip link set br0 up
container talk 'lxc.mount.auto = proc'
sed -i '/lxc.net\./d; s/lxc.uts.name/lxc.utsname/; s/lxc.rootfs.path = dir:/lxc.rootfs = /' "$P/talk/config"
printf '%s\n' 'lxc.network.type = veth' 'lxc.network.flags = up' 'lxc.network.link = br0' 'lxc.network.name = eth0' \
	'lxc.network.hwaddr = 4a:49:43:49:79:bf' 'lxc.network.mtu = 1500' 'lxc.network.ipv4 = 192.168.1.20/24' \
	'lxc.network.ipv4.gateway = 192.168.1.1' 'lxc.network.ipv6 = fd00:2012::20/64' >>"$P/talk/config"
ip -6 addr add fd00:2012::1/64 dev br0 nodad
check veth-start start talk
check veth-hwaddr grep -qi 4a:49:43:49:79:bf <(run talk ip link show eth0)
check veth-out soon 5 run talk ping -c 1 -W 1 192.168.1.1
check veth-out-by-gateway soon 5 run talk ping -c 1 -W 1 10.66.0.2
check veth-in-by-gateway soon 5 far "$busybox" ping -c 1 -W 1 192.168.1.20
check veth-in soon 5 "$busybox" ping -c 1 -W 1 192.168.1.20
check veth-in-ipv6 soon 5 "$busybox" ping -c 1 -W 1 fd00:2012::20
stop talk; none_left veth-clean talk 'br0|to-far'
done_testing
