#!/bin/bash
# lxc.mount.auto = shmounts: what the host mounts in the shared directory shows up in the container.
source "$(dirname "$0")/lib.sh"
shared=$work/shared
mkdir -m 711 "$shared"; chmod 711 "$work"
mount -t tmpfs shared "$shared"; mount --make-shared "$shared"

container sharing "lxc.mount.auto = shmounts:$shared:/dev/.shared" 'lxc.mount.auto = proc'
check start start sharing
mkdir "$shared/later"; mount -t tmpfs later "$shared/later"; echo there >"$shared/later/file"
equal seen there "$(run sharing cat /dev/.shared/later/file)"
run sharing busybox mount -t tmpfs inner /dev/.shared >/dev/null 2>&1
equal one-way there "$(cat "$shared/later/file")"
umount "$shared/later"
equal gone "" "$(run sharing busybox find /dev/.shared -name file)"
check stop stop sharing

sed -i "s,shmounts:$shared,shmounts:$work/none," "$P/sharing/config"
text=$(timeout 10 lxc-start -P "$P" -n sharing 2>&1)
[[ $text == *"$work/none: No such file or directory (make the directory"* ]] && good no-directory || bad no-directory "$text"
umount "$shared"
none_left clean sharing
done_testing
