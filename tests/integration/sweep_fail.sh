#!/bin/bash
# Every step of a start fails in turn: one line of error, a status that is not 0, and nothing stays.
# Needs a build with -Dfault_injection=true; without one everything is skipped.
source "$(dirname "$0")/lib.sh"
# shellcheck source=plan_steps.sh
source "$here/plan_steps.sh"

prepare_sweep
fail_at() { # STEP
	local step=$1 errors rc lines
	errors=$(WABE_FAULT=$step:fail timeout 20 lxc-start -P "$P" -n sweep 2>&1 >/dev/null); rc=$?
	if [ $rc = 0 ]; then
		# not part of this start (no id map, no shared namespace ...): then it must be running
		if is sweep RUNNING; then skip "fail-$step" "the start does not have this step"; else bad "fail-$step" "status 0, not running"; fi
		stop sweep; none_left "fail-$step-after-stop" sweep "$stays" >/dev/null || bad "fail-$step" "not clean after stop"
		return
	fi
	[ $rc != 124 ] || { bad "fail-$step" "hangs"; return; }
	lines=$(grep -c . <<<"$errors")
	[ "$lines" = 1 ] || { bad "fail-$step" "$lines lines of error: $errors"; return; }
	[[ $errors == *"$step"* ]] || { bad "fail-$step" "the line does not name the fault: $errors"; return; }
	none_left "fail-$step" sweep "$stays"
}
for step in $(supervisor_steps) $(init_steps); do fail_at "$step"; done
# and after all of that it starts
check start-after-all start sweep
check stop-after-all stop sweep
none_left clean-after-all sweep "$stays"
done_testing
