#!/bin/bash
# lxc-info --security: its verdicts differ from container to container as the kernel's own files do.
source "$(dirname "$0")/lib.sh"
chmod 755 "$P"
view() { timeout 20 lxc-info -P "$P" -n "$1" --security; }
# CONTAINER: reads the view anew; AREA|NAME|VERDICT|DETAIL lines, by the JSON form as names hold blanks
look() {
	timeout 20 lxc-info -P "$P" -n "$1" --security --format=json | python3 -c '
import json, sys
view = json.load(sys.stdin)["security"]
for row in view["checks"]: print(row["area"], row["name"], row["verdict"], row["detail"], sep="|")
print("program", "", view["program"], "", sep="|")' >"$work/$1.view"
}
# CONTAINER AREA NAME [detail]: the verdict of the last look
verdict() {
	local area name verdict detail
	while IFS='|' read -r area name verdict detail; do
		[ "$area|$name" != "$2|$3" ] || { if [ -n "${4:-}" ]; then echo "$detail"; else echo "$verdict"; fi; }
	done <"$work/$1.view"
}
looks() { look "$1" && [ "$(verdict "$1" "$2" "$3")" = "$4" ]; } # CONTAINER AREA NAME VERDICT, read anew
# CONTAINER PID: each namespace verdict against the kernel's links
namespaces_agree() {
	local kind wanted
	for kind in user mnt pid uts ipc net cgroup; do
		wanted=isolated; [ "$(readlink "/proc/$2/ns/$kind")" != "$(readlink "/proc/self/ns/$kind")" ] || wanted=shared
		[ "$(verdict "$1" namespace $kind)" = $wanted ] || echo "$kind is not $wanted"
	done
}
line() { grep "^$2:" "/proc/$1/status" | cut -f2; }
# CONTAINER PID: capabilities by name against the mask
capabilities_agree() {
	python3 - "$(verdict "$1" capabilities bounding detail)" "$(line "$2" CapBnd)" "$(cat /proc/sys/kernel/cap_last_cap)" <<-'F'
	import sys
	names = "chown dac_override dac_read_search fowner fsetid kill setgid setuid setpcap linux_immutable net_bind_service net_broadcast net_admin net_raw ipc_lock ipc_owner sys_module sys_rawio sys_chroot sys_ptrace sys_pacct sys_admin sys_boot sys_nice sys_resource sys_time sys_tty_config mknod lease audit_write audit_control setfcap mac_override mac_admin syslog wake_alarm block_suspend audit_read perfmon bpf checkpoint_restore".split()
	text = sys.argv[1].split(",")[0].split(); mask = int(sys.argv[2], 16); every = set(names[:int(sys.argv[3]) + 1])
	said = every if text == ["all"] else set() if text == ["none"] else every - set(text[2:]) if text[:2] == ["all", "but"] else set(text)
	has = {n for i, n in enumerate(names) if mask >> i & 1}
	print(*sorted(said ^ has))
	F
}

# --- privileged ---------------------------------------------------------------------------------------------------
container plain "lxc.include = ${bin%/bin}/share/lxc/config/common.conf" 'lxc.mount.auto = proc:mixed sys:mixed'
check start-plain start plain
pid=$(init_of plain)
look plain
equal plain-namespaces "" "$(namespaces_agree plain "$pid")"
equal plain-capabilities "" "$(capabilities_agree plain "$pid")"
equal plain-users shared "$(verdict plain ids users)"
equal plain-bounding limited "$(verdict plain capabilities bounding)"
equal plain-no-new-privs unlimited "$(verdict plain process no_new_privs)"
equal plain-root isolated "$(verdict plain files root)"
equal plain-proc-sys limited "$(verdict plain 'kernel files' /proc/sys/kernel)"
equal plain-open isolated "$(verdict plain files open)"
equal plain-sockets isolated "$(verdict plain network 'abstract sockets')"
equal plain-terminal-is-own isolated "$(verdict plain process terminal)"
equal plain-others isolated "$(verdict plain process others)"
masks=$(verdict plain 'kernel files' masked detail)
missing=; for m in $masks; do grep -qE "^[0-9]+ [0-9]+ [^ ]+ [^ ]+ $m " "/proc/$pid/mountinfo" || missing+=" $m"; done
equal plain-masks-are-mounts "" "$missing"
if [ "$(verdict plain limits devices)" != unknown ]; then equal plain-devices limited "$(verdict plain limits devices)"
else skip plain-devices "$(verdict plain limits devices detail)"; fi
[[ $(view plain | tail -1) == "Summary: privileged: "* ]] && good plain-summary || bad plain-summary "$(view plain | tail -1)"
equal plain-counts "$(view plain | sed '1d;$d' | wc -l)" "$(view plain | tail -1 | sed 's/.*; //' | tr -cd '0-9 \n' | xargs -n1 | paste -sd+ | bc 2>/dev/null ||
	view plain | tail -1 | sed 's/.*; //' | python3 -c 'import re,sys; print(sum(map(int,re.findall("[0-9]+",sys.stdin.read()))))')"

# what is changed in the running container is seen: the view is not the configuration's
equal mask-before limited "$(verdict plain 'kernel files' /proc/sys/kernel)"
run plain busybox mount -o remount,bind,rw /proc/sys
look plain
equal mask-after unlimited "$(verdict plain 'kernel files' /proc/sys/kernel)"
run plain busybox mount -o remount,bind,ro /proc/sys

# attached with everything kept
lxc-attach -P "$P" -n plain -e -- sleep 60 </dev/null >/dev/null 2>&1 &
check attached-with-all soon 5 looks plain process others shared
[[ $(verdict plain process others detail) == *"capabilities"* ]] && good attached-says-what || bad attached-says-what "$(verdict plain process others detail)"
run plain busybox killall sleep; wait 2>/dev/null
# in the container's groups, but with the host's network
lxc-attach -P "$P" -n plain -s 'PID|MOUNT' -- sleep 60 </dev/null >/dev/null 2>&1 &
check attached-beside soon 5 looks plain process others shared
[[ $(verdict plain process others detail) == *" net"* ]] && good attached-outside-of-net || bad attached-outside-of-net "$(verdict plain process others detail)"
run plain busybox killall sleep; wait 2>/dev/null
check stop-plain stop plain

# --- id map and limits --------------------------------------------------------------------------------------------
map=('lxc.idmap = u 0 100000 65536' 'lxc.idmap = g 0 100000 65536')
limits=(); [ ! -d /sys/fs/cgroup/memory ] || limits=('lxc.cgroup.memory.limit_in_bytes = 64M')
[ ! -d /sys/fs/cgroup/pids ] || limits+=('lxc.cgroup.pids.max = 100')
if [ -e /sys/fs/cgroup/cgroup.controllers ]; then
	for c in $(cat "/sys/fs/cgroup/$SANDBOX/cgroup.controllers" 2>/dev/null || cat /sys/fs/cgroup/cgroup.controllers); do
		case $c in memory) limits+=('lxc.cgroup2.memory.max = 64M');; pids) limits+=('lxc.cgroup2.pids.max = 100');; esac
	done
fi
container mapped "${map[@]}" "${limits[@]}"
chmod 755 "$P/mapped"; chown -R 100000:100000 "$P/mapped/rootfs"
check start-mapped start mapped
pid=$(init_of mapped)
look mapped
equal mapped-namespaces "" "$(namespaces_agree mapped "$pid")"
equal mapped-users isolated "$(verdict mapped ids users)"
equal mapped-ids "0-65535 are the host's 100000-165535; the namespace is of uid 0" "$(verdict mapped ids users detail)"
equal mapped-bounding isolated "$(verdict mapped capabilities bounding)"
equal mapped-user-keyring isolated "$(verdict mapped keyring user)"
for l in "${limits[@]}"; do case $l in
	*memory*) equal mapped-memory "limited 67108864" "$(verdict mapped limits 'memory (bytes)') $(verdict mapped limits 'memory (bytes)' detail | cut -d' ' -f1)";;
	*pids*) equal mapped-pids "limited 100" "$(verdict mapped limits processes) $(verdict mapped limits processes detail | cut -d' ' -f1)";;
esac; done
[ ${#limits[@]} -gt 0 ] || skip mapped-limits "no controller here"
[[ $(view mapped | tail -1) == "Summary: unprivileged: "* ]] && good mapped-summary || bad mapped-summary "$(view mapped | tail -1)"
check stop-mapped stop mapped

# --- application on the host's files ------------------------------------------------------------------------------
echo secret >"$work/open"
timeout 60 lxc-execute -P "$P" -n app -- sleep 50 <"$work/open" >/dev/null 2>&1 &
soon 5 is app RUNNING
check app-seen soon 5 looks app process no_new_privs limited
program=$(verdict app program "")
equal app-is-of-the-command sleep "$(cat "/proc/$program/comm")"
equal app-namespaces "" "$(namespaces_agree app "$program")"
equal app-capabilities "" "$(capabilities_agree app "$program")"
equal app-no-new-privs "limited 1" "$(verdict app process no_new_privs) $(line "$program" NoNewPrivs)"
equal app-root shared "$(verdict app files root)"
equal app-sockets shared "$(verdict app network 'abstract sockets')"
equal app-others isolated "$(verdict app process others)"
equal app-open shared "$(verdict app files open)"
[[ $(verdict app files open detail) == *"0=$work/open"* ]] && good app-open-says-what || bad app-open-says-what "$(verdict app files open detail)"
check stop-app stop app
wait

# --- not running, names that are hostile --------------------------------------------------------------------------
out=$(view plain 2>&1); equal not-running-status 1 $?
[[ $out == *"is not running"* ]] && good not-running-says-so || bad not-running-says-so "$out"
container bad
mkdir -p "$P/bad/rootfs/x"
start bad
run bad sh -c 'mkdir -p "$(printf "/x/a\033[31mb\nc")" && busybox mount -t tmpfs -o ro x "$(printf "/x/a\033[31mb\nc")"; busybox mount -t tmpfs -o ro x "$(printf "/proc/tty/driver")"'
view bad | LC_ALL=C grep -q "$(printf '\033')" && bad no-escape-sequences "found one" || good no-escape-sequences
timeout 20 lxc-info -P "$P" -n bad --security --format=json | python3 -m json.tool >/dev/null && good json-is-valid || bad json-is-valid
check stop-bad stop bad
none_left clean plain
done_testing
