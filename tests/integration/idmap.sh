#!/bin/bash
# Containers with id maps: owners inside and on disk, groups of every hierarchy, nothing left on the host.
source "$(dirname "$0")/lib.sh"
map=('lxc.idmap = u 0 100000 65536' 'lxc.idmap = g 0 100000 65536')
chmod 755 "$P"

container shifted "${map[@]}"
chown -R 100000:100000 "$P/shifted/rootfs"; chmod 755 "$P/shifted"
check start-shifted start shifted
equal uid-of-init 100000 "$(stat -c %u "/proc/$(init_of shifted)")"
equal uid-inside 0 "$(run shifted busybox id -u)"
run shifted sh -c 'echo x >/new'
equal owner-shifted 100000 "$(stat -c %u "$P/shifted/rootfs/new")"
lines=.; [ ! -e /sys/fs/cgroup/cgroup.controllers ] || lines='^0::'
equal groups-of-init "" "$(grep "$lines" "/proc/$(init_of shifted)/cgroup" | grep -v lxc.payload.shifted)"
check stop-shifted stop shifted
none_left clean-shifted shifted

# a mapped mount: owners on disk are the image's, and what init mounts below it does not come up on the host
container mounted "${map[@]}" 'lxc.rootfs.options = idmap=container'
chmod 755 "$P/mounted"
if text=$(lxc-start -P "$P" -n mounted 2>&1); then
	soon 5 test -e "$P/mounted/rootfs/ready"
	run mounted sh -c 'echo x >/new'
	equal owner-mounted 0 "$(stat -c %u "$P/mounted/rootfs/new")"
	equal not-on-host "" "$(grep -F "$P/mounted/rootfs/" /proc/self/mountinfo)"
	check stop-mounted stop mounted
	check destroy-mounted lxc-destroy -P "$P" -n mounted
	[ ! -e "$P/mounted" ] && good all-of-it-gone || bad all-of-it-gone "$(ls -A "$P/mounted")"
elif [[ $text == *"can not do it"* ]]; then skip mounted "no idmapped mounts of $(stat -f -c %T "$P") here"
else bad start-mounted "$text"; fi
none_left clean-mounted mounted
done_testing
