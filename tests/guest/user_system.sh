#!/bin/bash
# user_system.sh BIN TARBALL   an ordinary user's Debian with systemd: made, started, confined, limited, on the network.
# Run as a user with subordinate ids, a bridge lxcbr0 that lxc-usernet opens to him, systemd --user, cgroup2, AppArmor.
set -u
bin=$1 tarball=$2 prefix=${1%/bin} name=system fails=0
export PATH=$bin:/usr/bin:/bin:/usr/sbin:/sbin
result() { # NAME STATUS [TEXT]
	if [ "$2" = 0 ]; then echo "ok $1"; else echo "not ok $1"; fails=1; [ -z "${3-}" ] || sed 's/^/# /' <<<"$3"; fi
}
is() { [ "$2" = "$3" ]; result "$1" $? "wanted '$3', got '$2'"; } # NAME GOT WANTED
inside() { timeout 60 lxc-attach -n "$name" -- "$@"; }
first() { awk -F: -v u="$(id -un)" '$1 == u { print $2; exit }' "/etc/sub$1"; }

mkdir -p ~/.config/lxc
cat >~/.config/lxc/default.conf <<C
lxc.include = $prefix/share/lxc/config/common.conf
lxc.include = $prefix/share/lxc/config/userns.conf
lxc.idmap = u 0 $(first uid) 65536
lxc.idmap = g 0 $(first gid) 65536
lxc.apparmor.profile = generated
lxc.net.0.type = veth
lxc.net.0.link = lxcbr0
lxc.net.0.flags = up
lxc.net.0.ipv4.address = 10.0.3.77/24
lxc.cgroup2.memory.max = 200M
lxc.cgroup2.pids.max = 120
C
text=$(lxc-create -n $name -t local -- -f "$tarball" 2>&1 >/dev/null); result create $? "$text"
text=$(lxc-unpriv-start -n $name 2>&1); result start $? "$text"
for _ in $(seq 60); do
	state=$(inside systemctl is-system-running 2>&1)
	case $state in running | degraded) break ;; esac
	sleep 1
done
is systemd "$state" running
is failed-units "$(inside systemctl --failed --no-legend --plain)" ""
profile="lxc-uid$(id -u)-${name}_<$HOME/.local/share/lxc> (enforce)"
is label "$(cat "/proc/$(lxc-info -n $name -pH)/attr/apparmor/current")" "$profile"
is label-of-attach "$(inside cat /proc/self/attr/apparmor/current)" "$profile"
is map "$(inside cat /proc/self/uid_map | xargs)" "0 $(first uid) 65536"
ping -c 1 -W 5 10.0.3.77 >/dev/null; result network $?
! inside sh -c 'echo 3 >/proc/sys/vm/drop_caches' 2>/dev/null; result no-write-to-sysctl $?
! inside mount -t debugfs none /mnt 2>/dev/null; result no-debugfs $?
! inside mknod /tmp/disk b 254 0 2>/dev/null; result no-disk $?
text=$(inside bash -c 'for i in $(seq 140); do sleep 40 & done; kill $(jobs -p)' 2>&1); grep -q 'fork: ' <<<"$text"
result limit-of-processes $? "$text"
inside bash -c 'x=$(head -c 30M /dev/zero | tr "\0" a); echo ${#x}' >/dev/null 2>&1; is below-limit-of-memory $? 0
inside bash -c 'x=$(head -c 400M /dev/zero | tr "\0" a); echo ${#x}' >/dev/null 2>&1; is limit-of-memory $? 137
lxc-info -n $name --security | grep -q '^Summary: unprivileged'; result view $?
text=$(timeout 60 lxc-stop -n $name 2>&1); result stop $? "$text"
is no-link "$(ip -o link show | grep -c "veth$(id -u)_")" 0
text=$(lxc-destroy -n $name 2>&1); result destroy $? "$text"
is nothing-left "$(ls -A ~/.local/share/lxc)" ""
exit $fails
