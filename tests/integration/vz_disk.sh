#!/bin/bash
# Disk space of containers that vzctl made, on what file systems this kernel has: DISKSPACE and DISKINODES hold against the
# container's root, are changed while it runs, are what df shows; and quotas of users inside of an image (QUOTAUGIDLIMIT).
source "$(dirname "$0")/lib.sh"
runs_once
[ -e /dev/loop-control ] || mknod /dev/loop-control c 10 237
for i in $(seq 0 31); do [ -e "/dev/loop$i" ] || mknod "/dev/loop$i" b 7 "$i"; done
modprobe -qa loop ext4 xfs btrfs quota_v2 2>/dev/null
export WABE_VZ_CONFIG=/run/vz-etc
V=$work/vz C=$WABE_VZ_CONFIG/conf
mkdir -p $C "$V"; printf '%s\n' "VZDIR=$V" >$WABE_VZ_CONFIG/vz.conf; chmod 755 "$work"
rootfs "$work/root"
for program in setquota repquota; do
	path=$(command -v $program || ls /usr/sbin/$program 2>/dev/null) && cp "$path" "$work/root/sbin/" && ldd "$path" | grep -o '/[^ ]*' | while read -r library; do
		mkdir -p "$work/root${library%/*}"; cp -L "$library" "$work/root$library"; done
done
echo 'user:x:1000:1000::/:/bin/sh' >>"$work/root/etc/passwd"; ln -s /proc/mounts "$work/root/etc/mtab"
tar -C "$work/root" -czf "$work/busybox.tar.gz" .
mounted() { # TYPE OPTIONS MKFS-OPTION...
	local type=$1 options=$2; shift 2
	command -v "mkfs.$type" >/dev/null || return
	rm -f "$work/image"; truncate -s 400M "$work/image"; "mkfs.$type" -q "$@" "$work/image" >/dev/null 2>&1 || return
	mount -o "$options" "$work/image" "$V" 2>/dev/null && mkdir -p "$V/template/cache" && cp "$work/busybox.tar.gz" "$V/template/cache/"
}
fill() { vzctl exec2 "$1" "dd if=/dev/zero of=$2 bs=1M count=$3 conv=fsync 2>&1"; } # CTID FILE MIB
refused() { case $1 in *'No space left'*|*'quota exceeded'*) true;; *) false;; esac; }
mib() { du -sm "$1" 2>/dev/null | cut -f1; }

first_level() { # TYPE
	local t=$1 said
	said=$(vzctl create 101 --ostemplate busybox --diskspace 40M:40M --diskinodes 3000:3000 2>&1) || { bad "$t-create" "$said"; return; }
	said=$(timeout 60 vzctl start 101 2>&1) || { bad "$t-start" "$said"; vzctl destroy 101 >/dev/null; return; }
	said=$(fill 101 /big 60)
	if refused "$said"; then good "$t-full"; else bad "$t-full" "$said"; fi
	check "$t-held" test "$(mib "$V/private/101/big")" -le 41
	[ $t = btrfs ] || equal "$t-df" 40 "$(vzctl exec 101 'df -m / | tail -1' | awk '{ print $(NF - 4) }')"
	check "$t-set-live" vzctl set 101 --diskspace 64M:64M --save
	said=$(fill 101 /more 15); if refused "$said"; then bad "$t-grown" "$said"; else good "$t-grown"; fi
	equal "$t-vzquota" 65536 "$(vzquota stat 101 | awk '/1k-blocks/ { print $NF }')"
	check "$t-vzlist" test "$(vzlist -H -o diskspace 101)" -gt 40000
	equal "$t-vzlist-limit" 65536 "$(vzlist -H -o diskspace.h 101 | tr -d ' ')"
	check "$t-less-live" vzctl set 101 --diskspace 20M:20M --save
	said=$(fill 101 /third 1); if refused "$said"; then good "$t-less-holds"; else bad "$t-less-holds" "$said"; fi
	check "$t-removes" vzctl exec2 101 rm /big /more
	if [ $t != btrfs ]; then
		said=$(vzctl exec2 101 'mkdir /n; i=0; while [ $i -lt 4000 ]; do : >/n/$i || exit 1; i=$((i + 1)); done' 2>&1)
		if refused "$said"; then good "$t-inodes"; else bad "$t-inodes" "${said:0:200}"; fi
		check "$t-inodes-live" vzctl set 101 --diskinodes 5000:5000 --save
	fi
	equal "$t-neighbour" 0 "$(dd if=/dev/zero of="$V/other" bs=1M count=50 2>/dev/null; echo $?)"; rm -f "$V/other"
	check "$t-stop" vzctl stop 101 --fast
	check "$t-quotaoff" vzctl quotaoff 101; check "$t-quotaon" vzctl quotaon 101
	check "$t-quotainit" vzctl quotainit 101
	check "$t-destroy" vzctl destroy 101
	check "$t-destroy-all" test ! -e "$V/private/101"
}
for row in 'btrfs loop' 'ext4 loop,prjquota -O quota,project -E quotatype=prjquota' 'xfs loop,prjquota'; do
	read -r type options more <<<"$row"
	# shellcheck disable=SC2086
	if mounted "$type" "$options" $more; then first_level "$type"; umount "$V" || bad "$type-umount" busy
	else skip "$type" 'this kernel has no such quotas'; fi
done

# ---- second level: users of the container, in its image ----
mkdir -p "$V/template/cache"; cp "$work/busybox.tar.gz" "$V/template/cache/"
said=$(vzctl create 102 --ostemplate busybox --layout ploop --diskspace 64M 2>&1) || bad image-create "$said"
vzctl set 102 --quotaugidlimit 100 --save >/dev/null 2>&1
said=$(timeout 60 vzctl start 102 2>&1); status=$?
if [ $status != 0 ]; then bad users-start "${said//$'\n'/ | }"
elif [[ $said == *'no quotas of users'* ]]; then skip users 'this kernel has no quota formats'
elif [ ! -e "$work/root/sbin/setquota" ]; then skip users 'no setquota here'
else
	check users-set vzctl exec2 102 setquota -u user 0 2048 0 20 /
	equal users-report 2048 "$(vzctl exec 102 repquota -uvn / | awk '$1 == "#1000" { print $5 }')"
	vzctl exec 102 'mkdir -p /home; chmod 1777 /home'
	said=$(vzctl exec2 102 "su user -c 'dd if=/dev/zero of=/home/big bs=1M count=8' 2>&1"); if refused "$said"; then good users-full; else bad users-full "$said"; fi
	said=$(vzctl exec2 102 "su user -c 'i=0; while [ \$i -lt 40 ]; do : >/home/\$i || exit 1; i=\$((i + 1)); done' 2>&1"); if refused "$said"; then good users-files; else bad users-files "${said:0:200}"; fi
	said=$(fill 102 /roots 10); if refused "$said"; then bad users-not-root "$said"; else good users-not-root; fi
	check users-vzquota grep -q 'User/group quota: on,active' <(vzquota stat 102 -t)
fi
vzctl stop 102 --fast >/dev/null 2>&1; vzctl destroy 102 >/dev/null 2>&1
none_left left 10
done_testing
