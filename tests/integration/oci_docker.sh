#!/bin/bash
# shellcheck source-path=SCRIPTDIR
# docker with wabe as its runtime: run, exec, pause, update, stop, kill, rm, errors, a terminal; nothing is left.
source "$(dirname "$0")/lib.sh" "$@"
command -v dockerd >/dev/null && command -v docker >/dev/null && command -v containerd >/dev/null || { skip oci-docker "docker is not installed"; exit 0; }
[ ! -e /sys/fs/cgroup/cgroup.controllers ] || grep -qw cpu /sys/fs/cgroup/cgroup.controllers || { skip oci-docker "no cpu controller on cgroup2 here"; exit 0; }
D=$work/docker
mkdir -p "$D/exec"
ip link set lo up
dockerd --data-root "$D/data" --exec-root "$D/exec" --host "unix://$D/sock" --pidfile "$D/pid" --bridge none --iptables=false --ip6tables=false \
	--add-runtime "wabe=$bin/wabe" --default-runtime wabe --storage-driver vfs --cgroup-parent "/$SANDBOX/docker" --exec-opt native.cgroupdriver=cgroupfs >"$D/log" 2>&1 & daemon=$!
d() { timeout -k 2 40 docker --host "unix://$D/sock" "$@"; }
groups() { find /sys/fs/cgroup -type d -path "*/$SANDBOX/docker/*" 2>/dev/null | wc -l; }

image() {
	rootfs "$work/tree"
	soon 20 d version || { tail -n 5 "$D/log"; return 1; }
	tar -C "$work/tree" -c . | d import - box >/dev/null && [ "$(d info -f '{{.DefaultRuntime}}')" = wabe ]
}
check image image
run_it() { [ "$(d run --rm --net none box sh -c 'echo in; exit 7'; echo $?)" = $'in\n7' ]; }
check run run_it
container() {
	d run -d --net none --name two --memory 64m --hostname inside -e A=b --user 5:6 box sh -c 'trap "exit 3" TERM; while :; do sleep 0.1; done' >/dev/null || return
	[ "$(d exec two sh -c 'echo $(hostname) $A $(id -u)'; d exec two sh -c 'exit 4'; echo $?)" = $'inside b 5\n4' ] || { echo exec; return 1; }
	[ "$(d exec -u 0 two id -u)" = 0 ] && d top two >/dev/null && d stats --no-stream two >/dev/null || { echo "exec, top, stats"; return 1; }
	d pause two >/dev/null && [ "$(d inspect -f '{{.State.Status}}' two)" = paused ] && d unpause two >/dev/null || { echo pause; return 1; }
	d update --memory 32m --memory-swap 64m two >/dev/null || { echo update; return 1; }
	d stop -t 10 two >/dev/null && [ "$(d inspect -f '{{.State.ExitCode}}' two)" = 3 ] || { echo stop; return 1; }
	d start two >/dev/null && d kill two >/dev/null && [ "$(d wait two)" = 137 ] && d rm two >/dev/null
}
check container container
failing() {
	d run --rm --net none box /no/such >"$work/out" 2>&1; [ $? = 127 ] && grep -qi 'no such file' "$work/out" || { cat "$work/out"; return 1; }
	d run --rm --net none box /etc >"$work/out" 2>&1; [ $? = 126 ]
}
check error-statuses failing
tty() { [ "$(script -qec "timeout --foreground 30 docker --host unix://$D/sock run --rm -t --net none box tty" /dev/null </dev/null | grep -o '/dev/pts/[0-9]*')" = /dev/pts/0 ]; }
if command -v script >/dev/null; then check terminal tty; else skip terminal "script(1) is not installed"; fi
force() { d run -d --net none --name three --init box sleep 100 >/dev/null && d rm -f three >/dev/null; }
check remove-by-force force
check no-group-left soon 5 eval '[ "$(groups)" = 0 ]'
kill $daemon; wait $daemon 2>/dev/null
done_testing
