#!/bin/bash
# shellcheck source-path=SCRIPTDIR
# wabe --systemd-cgroup: the cgroup is a scope of systemd, with its limits, and gone with the container. Where systemd is init: in
# the guest, without the sandbox (SANDBOX=guest).
source "$(dirname "$0")/lib.sh" "$@"
# shellcheck source=oci_lib.sh
source "$here/oci_lib.sh"
[ -d /run/systemd/system ] && [ -S /run/dbus/system_bus_socket ] || { skip oci-systemd "systemd is not init here"; exit 0; }
[ -x "$bin/../libexec/wabe/wabe-systemd" ] || { skip oci-systemd "built without libsystemd"; exit 0; }

wabe() { timeout -k 2 60 "$bin/wabe" --root "$root" --systemd-cgroup "$@"; }
unit() { systemctl show --value -p "$1" "wabetest-$2.scope"; }
no_unit() { [ "$(systemctl show --value -p LoadState "wabetest-$1.scope")" = not-found ]; }
# has CONTROLLER: on cgroup2 (a machine with some on v1 has not all)
has() { grep -qw "$1" /sys/fs/cgroup/cgroup.controllers; }
scoped='c["linux"]["cgroupsPath"] = "system.slice:wabetest:" + name; r = c["linux"]["resources"] = {}'
if has memory; then scoped+='; r["memory"] = {"limit": 64 << 20}'; fi
if has pids; then scoped+='; r["pids"] = {"limit": 50}'; fi
if has cpu; then scoped+='; r["cpu"] = {"quota": 50000, "period": 100000}'; fi

limits() { # GROUP MIB PROCESSES: in the group and in the unit
	! has memory || { [ "$(cat "$1/memory.max")" = $(($2 << 20)) ] && [ "$(unit MemoryMax u)" = $(($2 << 20)) ]; } || return
	! has pids || { [ "$(cat "$1/pids.max")" = "$3" ] && [ "$(unit TasksMax u)" = "$3" ]; } || return
	! has cpu || { [ "$(cat "$1/cpu.max")" = '50000 100000' ] && [ "$(unit CPUQuotaPerSecUSec u)" = 500ms ]; }
}
scope() {
	local group
	bundle u "$scoped
c['annotations'] = {'org.systemd.property.TimeoutStopUSec': 'uint64 7000000', 'org.systemd.property.CollectMode': \"'inactive-or-failed'\",
                    'org.systemd.property.After': \"['basic.target']\"}"
	up u || { cat "$work/u/err"; return 1; }
	[ "$(unit ActiveState u)" = active ] && [ "$(unit Slice u)" = system.slice ] && [ "$(unit TimeoutStopUSec u)" = 7s ] &&
		[ "$(unit CollectMode u)" = inactive-or-failed ] && [ "$(unit Delegate u)" = yes ] || { systemctl show wabetest-u.scope | head -n 40; return 1; }
	grep -q '/system.slice/wabetest-u.scope$' "/proc/$(pid u)/cgroup" || { cat "/proc/$(pid u)/cgroup"; return 1; }
	group=/sys/fs/cgroup/system.slice/wabetest-u.scope
	limits $group 64 50 && systemctl daemon-reload && limits $group 64 50 || { echo "limits"; return 1; }
	[ "$(wabe exec u sh -c 'echo in')" = in ] && wabe pause u && [ "$(status u)" = paused ] && wabe resume u || return
	if has memory; then wabe update --memory 32M u || return; fi
	if has pids; then wabe update --pids-limit 20 u || return; fi
	limits $group 32 20 && systemctl daemon-reload && limits $group 32 20 || { echo "changed limits"; return 1; }
	wabe delete -f u && soon 3 no_unit u && [ ! -e $group ] && ! left u
}
check scope scope
foreground() { # run, and its end
	bundle r "$scoped; c['process']['args'] = ['/bin/true']"
	wabe run --bundle "$work/r" r </dev/null && soon 3 no_unit r && ! left r
}
check run-to-its-end foreground
fails() {
	bundle f "$scoped; c['process']['args'] = ['/no/such']"
	! wabe create --bundle "$work/f" f </dev/null >/dev/null 2>&1 && soon 3 no_unit f && ! left f || return
	bundle f 'c["linux"]["cgroupsPath"] = "/a/b"'
	wabe create --bundle "$work/f" f </dev/null 2>&1 >/dev/null | grep -q 'SLICE:PREFIX:NAME'
}
check failed-create-leaves-no-unit fails
killed() {
	local i p
	bundle k "$scoped"
	for i in $(seq 0 8 160); do
		"$bin/wabe" --root "$root" --systemd-cgroup create --bundle "$work/k" k </dev/null >/dev/null 2>&1 & p=$!
		sleep "$(printf 0.%03d "$i")"; kill -9 $p 2>/dev/null; wait $p 2>/dev/null
		wabe delete --force k && soon 3 no_unit k && ! left k || { echo "after a kill at $i ms"; return 1; }
	done
}
check killed-runtime killed
ready() { # a unit of Type=notify is active when the container's program has said so
	local pid
	bundle n "$scoped"
	systemd-run -q --no-block --unit wabetest-ready.service -p Type=notify -p NotifyAccess=all "$bin/wabe" --root "$root" --systemd-cgroup run --bundle "$work/n" n || return
	soon 20 eval '[ "$(status n)" = running ]' && pid=$(pid n) && sleep 1 && [ "$(systemctl is-active wabetest-ready.service)" = activating ] || { systemctl status wabetest-ready.service; return 1; }
	python3 -c 'import socket, sys; socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM).sendto(b"READY=1", sys.argv[1])' "/proc/$pid/root/run/notify/notify.sock"
	soon 10 systemctl is-active -q wabetest-ready.service && [ "$(systemctl show --value -p MainPID wabetest-ready.service)" = "$pid" ] || { systemctl status wabetest-ready.service; return 1; }
	wabe kill n KILL && soon 10 eval '! systemctl is-active -q wabetest-ready.service' && soon 5 no_unit n && [ ! -e "$root/n" ]
}
check notify-ready ready
of_a_user() { # at the user's own systemd, in its slice
	local u=$work/user as
	useradd -u 1234 -M wabetest 2>/dev/null; chmod 755 "$work"; mkdir -p "$u" && systemctl start user@1234.service || return
	soon 10 test -S /run/user/1234/bus || { echo "the user has no bus"; return 1; }
	rootfs "$u/rootfs"; chown -R 1234:1234 "$u"
	as=(timeout -k 2 30 setpriv --reuid 1234 --regid 1234 --clear-groups env XDG_RUNTIME_DIR=/run/user/1234 HOME=/ systemd-run --user --scope -q "$bin/wabe" --systemd-cgroup)
	cd "$u" && "${as[@]}" spec --rootless && sed -i 's/"terminal": true/"terminal": false/; s/"sh" \]/"sleep", "100" ]/' config.json || return
	"${as[@]}" run -d u </dev/null >/dev/null || return
	grep -q '/user@1234.service/user.slice/wabe-u.scope$' "/proc/$("${as[@]}" state u | sed -n 's/.*"pid": \([0-9]*\),/\1/p')/cgroup" && "${as[@]}" exec u true &&
		"${as[@]}" delete -f u && [ ! -e /run/user/1234/wabe/oci ]
}
if [ -e /lib/systemd/system/user@.service ] && dpkg-query -W dbus-user-session libpam-systemd >/dev/null 2>&1; then check scope-of-a-user of_a_user
else skip scope-of-a-user "dbus-user-session and libpam-systemd are not installed"; fi
with_podman() {
	local o=(--root "$work/podman" --runroot "$work/podrun" --storage-driver vfs --cgroup-manager systemd --runtime "$bin/wabe" --events-backend none) run=(--network none)
	has pids || run+=(--pids-limit 0)
	rootfs "$work/image" && tar -C "$work/image" -c . | timeout 100 podman "${o[@]}" import - wabe-test >/dev/null || return
	timeout 100 podman "${o[@]}" run --rm "${run[@]}" wabe-test cat /proc/self/cgroup >"$work/podman.out" || return
	grep -q "^0::/" "$work/podman.out" || { cat "$work/podman.out"; return 1; }
	timeout 100 podman "${o[@]}" run -d "${run[@]}" --name p wabe-test sleep 100 >/dev/null &&
		systemctl list-units --type scope | grep -q libpod- && timeout 60 podman "${o[@]}" exec p true && timeout 60 podman "${o[@]}" rm -f -t 0 p >/dev/null
}
if command -v podman >/dev/null; then check podman-systemd with_podman; else skip podman-systemd "podman is not installed"; fi
done_testing
