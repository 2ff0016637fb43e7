#!/bin/bash
# Many starts and stops side by side leave nothing. 200, 16 at a time; FULL=1: 1000, 32 at a time.
source "$(dirname "$0")/lib.sh"
total=200 width=16
[ -z "${FULL:-}" ] || { total=1000; width=32; }
ip link add br0 type bridge && ip link set br0 up
rootfs "$work/root"
export P work
one() { # each has its own name, all have one root
	local n=many$1
	mkdir -p "$P/$n"
	printf '%s\n' "lxc.rootfs.path = dir:$work/root" "lxc.uts.name = $n" 'lxc.apparmor.profile = unconfined' \
		'lxc.net.0.type = veth' 'lxc.net.0.link = br0' 'lxc.net.0.flags = up' 'lxc.mount.auto = proc:mixed' \
		'lxc.init.cmd = /bin/sleep 1000' >"$P/$n/config"
	timeout 60 lxc-start -P "$P" -n "$n" 2>"$work/err.$1" || { echo "start $1: $(cat "$work/err.$1")"; return; }
	timeout 60 lxc-stop -k -P "$P" -n "$n" 2>"$work/err.$1" || echo "stop $1: $(cat "$work/err.$1")"
	rm -rf "${P:?}/$n" "$work/err.$1"
}
export -f one
seq "$total" | timeout 900 xargs -P "$width" -I{} bash -c 'one {}' >"$work/failed" 2>&1
equal "$total-starts-and-stops" "" "$(head -3 "$work/failed")"
none_left all-clean many br0
equal run-directory-empty "" "$(ls /run/wabe/lxc 2>/dev/null)"
# the same name from all sides at once: one wins, the others say that it runs
container same
for i in $(seq "$width"); do
	{ timeout 30 lxc-start -P "$P" -n same >"$work/same.$i" 2>&1; echo $? >"$work/rc.$i"; } &
done
wait
# lxc-start of what runs already says so and ends with 0: count supervisors
equal one-of-many-wins 1 "$(supervisor_of same | wc -l)"
equal others-say-why $((width - 1)) "$(cat "$work"/same.* | grep -c running)"
check stop-the-winner stop same
none_left clean-at-end same br0
done_testing
