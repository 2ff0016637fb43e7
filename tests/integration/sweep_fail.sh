#!/bin/bash
# Every step of a start fails in turn: one line of error, a status that is not 0, and nothing stays.
# Needs a build with -Dfault_injection=true; without one everything is skipped.
source "$(dirname "$0")/lib.sh"
# shellcheck source=plan_steps.sh
source "$here/plan_steps.sh"

prepare_sweep phys
fail_at() { # STEP NAME
	local step=$1 n=$2 errors rc lines
	errors=$(WABE_FAULT=$step:fail timeout 20 lxc-start -P "$P" -n "$n" 2>&1 >/dev/null); rc=$?
	if [ $rc = 0 ]; then
		# not part of this start (no id map, no shared namespace ...): then it must be running
		is "$n" RUNNING || bad "$n-fail-$step" "status 0, not running"
		stop "$n"; [ -z "$(left "$n" "$stays")" ] || bad "$n-fail-$step" "not clean after stop: $(left "$n" "$stays")"
		return
	fi
	reached[$step]=1
	[ $rc != 124 ] || { bad "$n-fail-$step" "hangs"; return; }
	lines=$(grep -c . <<<"$errors")
	[ "$lines" = 1 ] || { bad "$n-fail-$step" "$lines lines of error: $errors"; return; }
	[[ $errors == *"$step"* ]] || { bad "$n-fail-$step" "the line does not name the fault: $errors"; return; }
	none_left "$n-fail-$step" "$n" "$stays"
	soon 2 no_filters || bad "$n-fail-$step-filters" "$(nft list table netdev wabe)"
}
declare -A reached
for step in $(supervisor_steps) $(init_steps); do fail_at "$step" sweep; done
prepare_mapped
for step in open-sources write-id-maps map-idmapped-sources signal-mapped await-mapped become-root mount-rootfs mount-entries execute; do fail_at "$step" mapped; done
prepare_limited
fail_at limit-rootfs limited
prepare_hostroot
for step in prepare-host-root mount-entries execute; do fail_at "$step" hostroot; done
for step in $(supervisor_steps) $(init_steps); do
	# with cgroup2 alone init is born in its group
	[ "$step" != enter-cgroups ] || [ ! -e /sys/fs/cgroup/cgroup.controllers ] || continue
	# of an ordinary user's start alone (unprivileged.sh)
	[ "$step" != give-cgroups ] || continue
	[ -n "${reached[$step]:-}" ] || bad "reach-$step" "no start here has this step"
done
# and after all of that it starts
check start-after-all start sweep
check stop-after-all stop sweep
none_left clean-after-all sweep "$stays"
done_testing
