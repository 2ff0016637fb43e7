#!/bin/bash
# kill -9 of the supervisor before each step of both plans, of init before each step of the supervisor, and of the
# caller at each of them. After the next command the container runs under a supervisor, or nothing of it is there.
# Needs a build with -Dfault_injection=true.
source "$(dirname "$0")/lib.sh"
# shellcheck source=plan_steps.sh
source "$here/plan_steps.sh"
prepare_sweep phys
# A virtual device ends with a namespace that nobody holds (hardware goes to the first one); then its peer is gone too.
phys_back() {
	[[ $stays == *lent0* ]] && grep -q lent0 "$P/sweep/config" || return 0
	[ ! -e /sys/class/net/lent0 ] || return 0
	[ ! -e /sys/class/net/peer ] && ip link add lent0 type veth peer name peer
}

# After the accident: one command, then a whole container or none.
settle() { # NAME RC
	local n=$1 text=$2 what
	soon 3 decided # STOPPING is a matter of milliseconds
	text=$(timeout 10 lxc-info -P "$P" -n sweep -s 2>&1) || { [ $? = 124 ] && { bad "$n" "lxc-info hangs"; return; }; }
	case $text in
	*RUNNING*)
		# init may be dying: the kernel ends the processes of its namespace first
		if run sweep true; then
			[ -n "$(supervisor_of sweep)" ] || { bad "$n" "RUNNING without a supervisor"; return; }
			stop sweep || { bad "$n" "lxc-stop fails"; return; }
		else
			soon 3 is sweep STOPPED || { bad "$n" "lxc-attach fails in what is RUNNING"; return; }
		fi ;;
	*STOPPING*) soon 3 is sweep STOPPED || { bad "$n" "stays STOPPING"; return; } ;;
	*STOPPED*) ;;
	*) bad "$n" "state is $text"; stop sweep; return ;;
	esac
	what=$(left sweep "$stays")
	[ -z "$what" ] || { bad "$n" "left behind: $what"; clean_up; return; }
	soon 2 no_filters || { bad "$n" "filters are left: $(nft list table netdev wabe)"; nft delete table netdev wabe; return; }
	phys_back || { bad "$n" "lent0 did not come back"; ip link del peer; ip link add lent0 type veth peer name peer; return; }
	good "$n"
}
clean_up() { # so that the next step has its own result
	local p
	for p in $(strangers | cut -d' ' -f2); do kill -9 "$p" 2>/dev/null; done
	sleep 0.3
	find /sys/fs/cgroup -depth -type d -path "*/$SANDBOX/*" -name '*sweep*' -exec rmdir {} + 2>/dev/null
	rm -rf /run/wabe/lxc/sweep-*
}
killed_at() { # KIND STEP
	local rc
	WABE_FAULT=$2:$1 timeout 20 lxc-start -P "$P" -n sweep >"$work/out" 2>&1; rc=$?
	[ $rc != 124 ] || { bad "$1-$2" "lxc-start hangs"; clean_up; return; }
	settle "$1-$2" $rc
}
caller_killed_at() { # the step waits until the caller is gone
	local caller
	setsid env WABE_FAULT="$1:kill-caller" lxc-start -P "$P" -n sweep >"$work/out" 2>&1 &
	caller=$!
	( sleep 15; kill -9 $caller ) 2>/dev/null & local guard=$!
	wait $caller 2>/dev/null
	kill $guard 2>/dev/null; wait $guard 2>/dev/null
	settle_start "caller-$1"
}
# The start goes on without its caller: give it the time it needs.
settle_start() {
	sleep 0.2
	settle "$1" 0
}
decided() { case $(state sweep) in RUNNING | STOPPED) ;; *) return 1;; esac; }

for step in $(supervisor_steps) $(init_steps); do killed_at kill "$step"; done
for step in $(supervisor_steps); do killed_at kill-init "$step"; done
for step in $(supervisor_steps); do caller_killed_at "$step"; done
check start-after-all start sweep
check stop-after-all stop sweep
none_left clean-after-all sweep "$stays"
done_testing
