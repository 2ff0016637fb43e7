#!/bin/bash
# kill -9 of the supervisor of a running container: the next command brings a new one, and all goes on.
source "$(dirname "$0")/lib.sh"

kill_supervisor() {
	local p; p=$(supervisor_of victim)
	[ -n "$p" ] || return 1
	kill -9 $p && soon 3 gone "$p"
}
gone() { [ ! -d "/proc/$1" ] || grep -q '^State:.*Z' "/proc/$1/status"; }
has_supervisor() { [ -n "$(supervisor_of victim)" ]; }

container victim "lxc.console.logfile = $work/console" 'lxc.tty.max = 1' 'lxc.signal.halt = SIGUSR1'
check start start victim
pid=$(init_of victim)
for command in info attach wait freeze cgroup ls ps; do
	check "kill-before-$command" kill_supervisor
	case $command in
	info) equal info-state RUNNING "$(state victim)"; equal info-pid "$pid" "$(init_of victim)" ;;
	attach) equal attach "$pid-1" "$pid-$(run victim sh -c 'echo $(readlink /proc/self/ns/pid >/dev/null; echo 1)')" ;;
	wait) check wait-running timeout 5 lxc-wait -P "$P" -n victim -s RUNNING ;;
	freeze)
		check freeze timeout 5 lxc-freeze -P "$P" -n victim; equal frozen FROZEN "$(state victim)"
		check kill-frozen kill_supervisor
		equal frozen-after-kill FROZEN "$(state victim)"
		check unfreeze timeout 5 lxc-unfreeze -P "$P" -n victim ;;
	cgroup) [ -d /sys/fs/cgroup/memory ] && check cgroup timeout 5 lxc-cgroup -P "$P" -n victim memory.limit_in_bytes ;;
	ls) check ls grep -qw victim <(timeout 5 lxc-ls -P "$P" --running) ;;
	ps) check ps grep -qw init <(timeout 5 lxc-ps -P "$P" --name victim -- -e) ;;
	esac
	equal "running-after-$command" RUNNING "$(state victim)"
	check "supervisor-after-$command" has_supervisor
done
equal same-init "$pid" "$(init_of victim)"
# the console: its pty died with the supervisor, so init's output has nowhere to go; init itself goes on
check console-log grep -q up "$work/console"

check kill-before-stop kill_supervisor
check stop timeout 15 lxc-stop -P "$P" -n victim -t 5
equal stopped STOPPED "$(state victim)"
none_left clean victim

# who waits for STOPPED learns it although the supervisor changes meanwhile
check start-again start victim
check kill-before-wait kill_supervisor
timeout 20 lxc-wait -P "$P" -n victim -s STOPPED & waiting=$!
sleep 0.5; stop victim
wait $waiting; equal wait-stopped 0 $?

check start-for-reboot start victim
check kill-before-reboot kill_supervisor
state victim >/dev/null; rm -f "$P/victim/rootfs/ready"
run victim busybox reboot -f
# the status that tells a reboot from a stop is gone when init's new parent waits for it before the new supervisor has
# read it: then the container is stopped, as completely as ever
if soon 8 test -e "$P/victim/rootfs/ready"; then equal reboot-after-kill RUNNING "$(state victim)"
else
	equal reboot-after-kill STOPPED "$(state victim)"
	none_left reboot-became-a-stop victim
fi
stop victim

# init dies while nobody watches
check start-for-death start victim
pid=$(init_of victim); check kill-before-death kill_supervisor
kill -9 "$pid"; sleep 0.3
equal dead-alone STOPPED "$(state victim)"
none_left clean-after-death victim
check start-after-death start victim
stop victim; none_left clean-at-end victim
done_testing
