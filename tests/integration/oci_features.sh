#!/bin/bash
# shellcheck source-path=SCRIPTDIR
# wabe: what of config.json and of the command line few callers use.
source "$(dirname "$0")/lib.sh" "$@"
# shellcheck source=oci_lib.sh
source "$here/oci_lib.sh"
root=/run/oci-test # in memory: the states are in it

process() { # FILE JSON: a process object for exec
	python3 -c 'import json, sys; p = {"cwd": "/", "env": ["PATH=/bin"], "user": {"uid": 0, "gid": 0}}; p.update(eval(sys.argv[1])); print(json.dumps(p))' "$2" >"$1"
}

affinity() {
	local last
	last=$(($(nproc --all) - 1)); [ $last -gt 0 ] || last=0
	bundle a; up a || return
	process "$work/p" "{'args': ['grep', 'Cpus_allowed_list', '/proc/self/status'], 'execCPUAffinity': {'initial': '0', 'final': '$last'}}"
	[ "$(wabe exec --process "$work/p" a | tr -d '\t')" = "Cpus_allowed_list:$last" ] || { wabe exec --process "$work/p" a; return 1; }
	process "$work/p" "{'args': ['true'], 'execCPUAffinity': {'initial': '0-'}}"
	wabe exec --process "$work/p" a 2>&1 | grep -q 'execCPUAffinity.*no list of CPUs' || return
	wabe delete -f a && gone a
}
check exec-cpu-affinity affinity

oom_score() { # of exec: that of the process object, else the container's, never the caller's
	bundle o 'c["process"]["oomScoreAdj"] = 500'; up o || return
	process "$work/p" "{'args': ['cat', '/proc/self/oom_score_adj']}"; process "$work/q" "{'args': ['cat', '/proc/self/oom_score_adj'], 'oomScoreAdj': 600}"
	[ "$(echo 300 >/proc/self/oom_score_adj; wabe exec o cat /proc/self/oom_score_adj; wabe exec --process "$work/p" o; wabe exec --process "$work/q" o)" = $'500\n500\n600' ] || return
	wabe delete -f o && gone o
}
check exec-oom-score oom_score

pidfd() { # --pidfd-socket of create and of exec
	local p
	bundle f
	python3 - "$work/pidfd" >"$work/pidfd.out" <<-'PY' & p=$!
		import array, os, socket, sys
		s = socket.socket(socket.AF_UNIX); s.bind(sys.argv[1]); s.listen()
		for _ in range(2):
		    c, _ = s.accept()
		    data, extra, _, _ = c.recvmsg(64, socket.CMSG_SPACE(4))
		    fd = array.array("i", extra[0][2])[0]
		    print([l.split()[1] for l in open(f"/proc/self/fdinfo/{fd}") if l.startswith("Pid:")][0], flush=True)
	PY
	soon 3 test -S "$work/pidfd"
	wabe create --pidfd-socket "$work/pidfd" --bundle "$work/f" f </dev/null >/dev/null && wabe start f || return
	wabe exec -d --pidfd-socket "$work/pidfd" --pid-file "$work/f/p" f sleep 100 </dev/null >/dev/null || return
	wait $p; [ "$(tr '\n' ' ' <"$work/pidfd.out")" = "$(pid f) $(cat "$work/f/p") " ] || { cat "$work/pidfd.out"; return 1; }
	wabe delete -f f && gone f
}
check pidfd-socket pidfd

sub_cgroup() { # exec --cgroup: below the container's, and nowhere else
	local d
	bundle c; up c || return
	find /sys/fs/cgroup -type d -path "*/$SANDBOX/oci-test/c" -prune -exec mkdir {}/sub ';' -print |
		while read -r d; do # cpuset of v1 wants them before a process comes
			[ ! -e "$d/cpuset.mems" ] || { cat "$d/cpuset.cpus" >"$d/sub/cpuset.cpus"; cat "$d/cpuset.mems" >"$d/sub/cpuset.mems"; }
		done
	wabe exec --cgroup sub c cat /proc/self/cgroup | grep -q "oci-test/c/sub\$" || { wabe exec --cgroup sub c cat /proc/self/cgroup; return 1; }
	for d in ../../x .. sub/../.. /missing; do
		! wabe exec --cgroup "$d" c true 2>/dev/null || { echo "$d is taken"; return 1; }
	done
	wabe delete -f c && gone c
}
check exec-cgroup sub_cgroup

seccomp_flags() {
	command -v strace >/dev/null || { echo "strace is missing"; return 1; }
	bundle s 'c["process"]["args"] = ["/bin/true"]; c["linux"]["seccomp"] = {"defaultAction": "SCMP_ACT_ALLOW", "flags":
		["SECCOMP_FILTER_FLAG_LOG", "SECCOMP_FILTER_FLAG_SPEC_ALLOW", "SECCOMP_FILTER_FLAG_TSYNC"]}'
	strace -f -e trace=seccomp -o "$work/s/trace" "$bin/wabe" --root "$root" run --bundle "$work/s" s </dev/null &&
		grep -q 'SECCOMP_FILTER_FLAG_LOG|SECCOMP_FILTER_FLAG_SPEC_ALLOW,' "$work/s/trace" || { cat "$work/s/trace"; return 1; }
	bundle s 'c["linux"]["seccomp"] = {"defaultAction": "SCMP_ACT_ALLOW", "flags": ["SECCOMP_NOPE"]}'
	refused s 'linux.seccomp: unknown flag SECCOMP_NOPE'
}
check seccomp-flags seccomp_flags

seccomp_rule_of_one_architecture() { # x86 refuses the second rule, for its socketcall; on x86-64 it counts
	[ "$(uname -m)" = x86_64 ] || return 0
	bundle r 'c["process"]["args"] = ["/bin/busybox", "ifconfig"]; c["linux"]["seccomp"] = {"defaultAction": "SCMP_ACT_ALLOW", "architectures":
		["SCMP_ARCH_X86_64", "SCMP_ARCH_X86"], "syscalls": [
		{"names": ["socket"], "action": "SCMP_ACT_LOG", "args": [{"index": 0, "value": 99, "op": "SCMP_CMP_EQ"}]},
		{"names": ["socket"], "action": "SCMP_ACT_ERRNO", "errnoRet": 5}]}'
	! wabe run --bundle "$work/r" r </dev/null >"$work/r/out" 2>&1 && grep -q 'socket.*Input/output error' "$work/r/out" || { cat "$work/r/out"; return 1; }
}
check seccomp-rule-of-one-architecture seccomp_rule_of_one_architecture

# service FILE: NOTIFY_SOCKET as systemd serves it; what comes is in FILE, a message a line, until a barrier
service() {
	python3 - "$work/ns" >"$1" <<-'PY' & service=$!
		import os, socket, sys
		s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM); s.bind(sys.argv[1]); s.settimeout(30)
		text = ""
		while text != "BARRIER=1":
		    text, fds, _, _ = socket.recv_fds(s, 999, 4); text = text.decode(); print(text.replace("\n", " "), flush=True)
		    for fd in fds: os.close(fd)
	PY
	soon 5 test -S "$work/ns"
}
say() { # NAME MESSAGE...: as the container's program
	python3 -c 'import socket, sys
for text in sys.argv[2:]: socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM).sendto(text.encode(), sys.argv[1])' "/proc/$(pid "$1")/root/run/notify/notify.sock" "${@:2}"
}
runs() { soon 5 eval "[ \"\$(status $1)\" = running ]"; }
notify() { # only READY=1 goes out of the container, with MAINPID, and start waits for it
	local p told
	bundle n 'c["process"]["args"] = sh("[ $NOTIFY_SOCKET = /run/notify/notify.sock ] && [ -S $NOTIFY_SOCKET ] && sleep 100")'
	service "$work/ns.out" && NOTIFY_SOCKET=$work/ns wabe create --bundle "$work/n" n </dev/null >/dev/null || return
	"$bin/wabe" --root "$root" start n & p=$!
	runs n && told=$(pid n) && say n $'MAINPID=1\nSTATUS=a' X_READY=1 && kill -0 $p && [ ! -s "$work/ns.out" ] || return
	say n $'STATUS=b\nREADY=1' && wait $p && wait $service && [ "$(cat "$work/ns.out")" = "READY=1 MAINPID=$told"$'\nBARRIER=1' ] || { cat "$work/ns.out"; return 1; }
	wabe delete -f n && gone n || return
	rm "$work/ns"; service "$work/ns.out"
	NOTIFY_SOCKET=$work/ns "$bin/wabe" --root "$root" run -d --bundle "$work/n" n </dev/null >/dev/null & p=$!
	runs n && kill -0 $p && say n READY=1 && wait $p && wait $service && wabe delete -f n && gone n || return
	rm "$work/ns"; service "$work/ns.out"
	NOTIFY_SOCKET=$work/ns "$bin/wabe" --root "$root" run --bundle "$work/n" n </dev/null >/dev/null & p=$!
	runs n && say n READY=1 && soon 5 grep -q MAINPID "$work/ns.out" && wabe kill n KILL && ! wait $p && gone n || return
	# it ends before it is ready; the listener may be gone
	kill $service; NOTIFY_SOCKET=$work/ns wabe create --bundle "$work/n" n </dev/null >/dev/null
	"$bin/wabe" --root "$root" start n & p=$!
	runs n && wabe kill n KILL && wait $p && wabe delete n && gone n
}
check notify-ready notify

net_devices() { # into the container with its address, and back
	ip link add lent0 type veth peer name peer0 && ip addr add 10.9.9.1/24 dev lent0 && ip -6 addr add fd09::1/64 nodad dev lent0 && ip link set lent0 up || return
	bundle d 'c["linux"]["netDevices"] = {"lent0": {"name": "inside0"}}'
	up d || { cat "$work/d/err"; return 1; }
	wabe exec d ip addr show inside0 >"$work/d/addr" && grep -q 10.9.9.1/24 "$work/d/addr" && grep -q fd09::1/64 "$work/d/addr" &&
		grep -q ',UP' "$work/d/addr" || { cat "$work/d/addr"; return 1; }
	[ ! -e /sys/class/net/lent0 ] && wabe delete -f d && gone d || return
	[ -e /sys/class/net/lent0 ] || { echo "it did not come back"; return 1; }
	bundle d 'c["linux"]["netDevices"] = {"none0": {}}'; refused d 'netDevices.none0' || return
	bundle d 'c["linux"]["netDevices"] = {"lent0": {"name": "a/b"}}'; refused d 'no name of an interface' || return
	bundle d 'c["linux"]["netDevices"] = {"lent0": {}}; c["process"]["args"] = ["/no/such"]'; refused d /no/such || return
	[ -e /sys/class/net/lent0 ] || { echo "gone with a create that failed"; return 1; }
	ip link del lent0
}
check net-devices net_devices

memory_policy() {
	bundle m 'c["process"]["args"] = ["/bin/cat", "/proc/self/numa_maps"]; c["linux"]["memoryPolicy"] = {"mode": "MPOL_BIND", "nodes": "0"}'
	if [ -e /proc/self/numa_maps ]; then
		wabe run --bundle "$work/m" m </dev/null | grep -q 'bind:0' || return
	else
		refused m CONFIG_NUMA || return
	fi
	bundle m 'c["linux"]["memoryPolicy"] = {"mode": "MPOL_BIND"}'; refused m 'MPOL_BIND needs nodes' || return
	bundle m 'c["linux"]["memoryPolicy"] = {"mode": "MPOL_NOPE"}'; refused m 'unknown mode'
}
check memory-policy memory_policy

rdt() { # where there is none (tests/unit/test_resctrl.c has what is done with it)
	bundle r 'c["linux"]["intelRdt"] = {"closID": "a", "l3CacheSchema": "L3:0=f"}'; refused r 'linux.intelRdt' && refused r 'resctrl file system is not mounted' || return
	bundle r; up r && ! wabe update --l3-cache-schema L3:0=f r 2>"$work/r/err" && grep -q 'made without linux.intelRdt' "$work/r/err" && wabe delete -f r && gone r
}
if grep -q ' - resctrl ' /proc/self/mountinfo; then skip intel-rdt-without-resctrl 'resctrl is mounted here'; else check intel-rdt-without-resctrl rdt; fi

events() {
	bundle e 'c["linux"]["resources"] = {"memory": {"limit": 20 << 20}}; c["process"]["args"] = sh("sleep 1; head -c 100000000 /dev/zero | tail; sleep 100")'
	if ! up e; then
		grep -qi 'memory' "$work/e/err" && { echo "no memory controller in this layout"; return 0; }
		cat "$work/e/err"; return 1
	fi
	wabe events --stats e | python3 -c 'import json, sys; d = json.load(sys.stdin)["data"]; assert d["memory"]["usage"]["limit"] == 20 << 20, d; assert d["cpu"]["usage"]["total"] > 0 and d["pids"]["current"] > 0, d' || return
	timeout 5 "$bin/wabe" --root "$root" events --interval 1s e >"$work/e/events"
	grep -q '^{"type":"oom","id":"e"}$' "$work/e/events" && grep -q '"type":"stats"' "$work/e/events" || { cat "$work/e/events"; return 1; }
	wabe delete -f e && gone e
}
check events events
apparmor() {
	bundle l 'c["process"]["apparmorProfile"] = "wabe-oci-test"; c["process"]["args"] = sh("cat /proc/self/attr/current; cat /etc/passwd >/dev/null 2>&1 || echo denied")'
	if [ "$(cat /sys/module/apparmor/parameters/enabled 2>/dev/null)" != Y ]; then
		refused l ppArmor; return
	fi
	command -v apparmor_parser >/dev/null || { echo "no apparmor_parser"; return 1; }
	refused l wabe-oci-test || return # it is not loaded yet
	printf '%s\n' 'profile wabe-oci-test flags=(attach_disconnected,mediate_deleted) {' file, capability, signal, network, mount, umount, pivot_root, \
		'deny /etc/passwd r,' '}' | apparmor_parser -r -K -W 2>/dev/null || printf '%s\n' 'profile wabe-oci-test flags=(attach_disconnected,mediate_deleted) {' \
		file, capability, signal, network, 'deny /etc/passwd r,' '}' | apparmor_parser -r -K || return
	[ "$(wabe run --bundle "$work/l" l </dev/null | tr '\n' ' ')" = "wabe-oci-test (enforce) denied " ] || { wabe run --bundle "$work/l" l </dev/null; return 1; }
	bundle l; up l && wabe exec --apparmor wabe-oci-test l cat /proc/self/attr/current | grep -q '^wabe-oci-test' && wabe delete -f l && gone l
}
check apparmor apparmor
listed() {
	bundle ls; up ls || return
	[ -z "$(lxc-ls -1 '^ls$')" ] && [ "$(lxc-ls -1 --oci="$root" '^ls$')" = ls ] || { lxc-ls -1 --oci="$root"; return 1; }
	lxc-ls --fancy -F NAME,STATE,PID --oci="$root" | grep -qE "^ls +RUNNING +$(pid ls)" || { lxc-ls -f --oci="$root"; return 1; }
	wabe delete -f ls && gone ls
}
check lxc-ls-oci listed
done_testing
