#!/bin/bash
# Two versions meet: a container that a supervisor of the first version runs (tests/protocol-1, frozen), and a client of
# the first version with a supervisor of this build.
source "$(dirname "$0")/lib.sh"
first=$here/../protocol-1
ended() { ! kill -0 "$1" 2>/dev/null; }
run_old() { rm -f "$P/old/rootfs/ready"; python3 "$first/supervisor.py" old "$P" >"$work/log" 2>&1 & old=$!; soon 5 test -e "$P/old/rootfs/ready" && soon 5 is old RUNNING; }

container old
run_old && good run-old || bad run-old "$(tail -n 2 "$work/log")"
equal info-init "up" "$(tr '\0' ' ' <"/proc/$(init_of old)/cmdline" | grep -q sbin/init && echo up)"
equal listed old "$(lxc-ls -P "$P" --running -1)"
equal attached old "$(run old busybox hostname)"
equal attached-group yes "$(run old cat /proc/self/cgroup | grep -q lxc.payload.old && echo yes)"
equal configuration old "$(lxc-info -P "$P" -n old -c lxc.uts.name | sed 's/.*= //')"
check frozen lxc-freeze -P "$P" -n old
equal frozen-state FROZEN "$(state old)"
check thawed lxc-unfreeze -P "$P" -n old
text=$(lxc-start -P "$P" -n old 2>&1)
[[ $text == *"is already running"* || $text == *"already running"* ]] && good no-second-start || bad no-second-start "$text"
check stopped stop old
check old-ended soon 5 ended "$old"
none_left clean-old old

# killed, it is replaced by a supervisor of this build
run_old && good run-old-again || bad run-old-again "$(tail -n 2 "$work/log")"
init=$(init_of old)
kill -9 "$old"; wait "$old" 2>/dev/null
equal taken-over "$init" "$(init_of old)"
equal attached-after old "$(run old busybox hostname)"
check stopped-after stop old
none_left clean-taken-over old

container new 'lxc.tty.max = 2' 'lxc.console.buffer.size = auto'
check start-new start new
wanted="state 2
init $(init_of new)
name new
path $P
unknown -38
pidfd $(init_of new)
tty 0 1 True
log up
frozen 0 6
thawed 0 2
stop 0"
equal first-client "$wanted" "$(timeout 20 python3 "$first/client.py" new "$P" 2>&1)"
soon 5 is new STOPPED
none_left clean-new new
done_testing
