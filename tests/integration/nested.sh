#!/bin/bash
# Containers in containers: privileged in privileged, privileged in unprivileged, unprivileged in unprivileged.
source "$(dirname "$0")/lib.sh"
prefix=${bin%/bin}
chmod 755 "$P"
nesting="lxc.include = $prefix/share/lxc/config/nesting.conf"
map=('lxc.idmap = u 0 100000 200000' 'lxc.idmap = g 0 100000 200000')
# a system with systemd mounts the groups itself; here they are there from the start
auto='lxc.mount.auto = proc:rw sys:rw cgroup:rw:force'

# An outer container that has the commands, and in it an inner one.
outer() { # NAME SHIFT LINE...
	local n=$1 shift=$2 r=$P/$1/rootfs; shift 2
	container "$n" "$nesting" "$auto" "$@" "lxc.mount.entry = $prefix ${prefix#/} none bind,ro,create=dir" \
		'lxc.mount.entry = /lib lib none bind,ro,create=dir,optional' 'lxc.mount.entry = /usr usr none bind,ro,create=dir,optional' \
		'lxc.mount.entry = /lib64 lib64 none bind,ro,create=dir,optional'
	mkdir -p "$r$P"; chmod 755 "$P/$n"
	P=$r$P container inner "$auto"
	sed -i "s|$r||g" "$r$P/inner/config"
	mkdir -p "$r/etc/lxc"; : >"$r/etc/lxc/default.conf"
	[ "$shift" = 0 ] || chown -R "$shift:$shift" "$r"
}
within() { local n=$1; shift; run "$n" env PATH="$bin:/bin:/sbin:/usr/bin:/usr/sbin" "$@"; }
round() { # NAME: the inner one's life
	local n=$1 group
	check "$n-start-outer" start "$n" || return
	equal "$n-start-inner" "" "$(within "$n" lxc-start -n inner 2>&1)"
	soon 5 within "$n" test -e "$P/inner/rootfs/ready"
	equal "$n-state" RUNNING "$(within "$n" lxc-info -n inner -sH)"
	equal "$n-attach" 0 "$(within "$n" lxc-attach -n inner -- id -u)"
	group=$(within "$n" sh -c 'cat /proc/$(lxc-info -n inner -pH)/cgroup' | grep -c lxc.payload.inner)
	[ "${group:-0}" -gt 0 ] && good "$n-inner-group" || bad "$n-inner-group" "$(within "$n" cat /proc/self/cgroup | head -n 5)"
	check "$n-freeze" within "$n" lxc-freeze -n inner
	check "$n-unfreeze" within "$n" lxc-unfreeze -n inner
	equal "$n-stop-inner" "" "$(within "$n" lxc-stop -n inner -k 2>&1)"
	check "$n-stop-outer" stop "$n"
	none_left "$n-clean" "$n"
}

outer pp 0
round pp
outer pu 100000 "${map[@]}"
round pu
outer uu 100000 "${map[@]}"
r=$P/uu/rootfs
printf '%s\n' 'lxc.idmap = u 0 65536 65536' 'lxc.idmap = g 0 65536 65536' >>"$r$P/inner/config"
chown -R 165536:165536 "$r$P/inner/rootfs"; chmod 755 "$r$P" "$r$P/inner"
round uu
done_testing
