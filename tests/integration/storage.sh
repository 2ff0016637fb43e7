#!/bin/bash
# STORES="lvm ...": only those. Each backing store that this kernel has: create, start, write, snapshot, copy, restore, a full file system, destroy.
source "$(dirname "$0")/lib.sh"
[ -e /dev/loop-control ] || mknod /dev/loop-control c 10 237
for i in $(seq 0 31); do [ -e "/dev/loop$i" ] || mknod "/dev/loop$i" b 7 "$i"; done
export DM_DISABLE_UDEV=1 # no udev looks after the sandbox's /dev
modprobe -qa loop dm_thin_pool btrfs xfs 2>/dev/null
minor=$(awk '$2 == "device-mapper" { print $1 }' /proc/misc)
[ -z "$minor" ] || [ -e /dev/mapper/control ] || { mkdir -p /dev/mapper; mknod /dev/mapper/control c 10 "$minor"; }
has() { local p; for p; do command -v "$p" >/dev/null || return; done; }

# FILE SIZE TYPE DIR: a file system of the test's own at DIR
mounted() { truncate -s "$2" "$1" && "mkfs.$3" -q "$1" >/dev/null 2>&1 && mkdir -p "$4" && mount -o loop "$1" "$4"; }
default=$work/default.conf
printf '%s\n' 'lxc.net.0.type = empty' 'lxc.mount.auto = proc:mixed sys:mixed' >"$default"
[ "$(cat /sys/module/apparmor/parameters/enabled 2>/dev/null)" != Y ] || echo 'lxc.apparmor.profile = unconfined' >>"$default"
create() { local n=$1; shift; lxc-create -P "$P" -n "$n" -f "$default" -t busybox "$@" -- --busybox-path "$busybox" >/dev/null; }
begin() { timeout 20 lxc-start -P "$P" -n "$1" && timeout 10 lxc-wait -P "$P" -n "$1" -s RUNNING; }
inside() { local n=$1; shift; timeout 60 lxc-attach -P "$P" -n "$n" -- "$@"; }
loops() { losetup -ln -O BACK-FILE 2>/dev/null | grep -c "^$work/"; } # the machine has others
key() { sed -n "s/^lxc.rootfs.path *= *//p" "$P/$1/config"; }
# NAME WORD: writes /word inside and stops
word() { begin "$1" && inside "$1" sh -c "echo $2 >/word; sync" && stop "$1"; }
says() { begin "$1" && [ "$(inside "$1" cat /word)" = "$2" ] && stop "$1"; }
gone() { [ ! -e "$P/$1" ]; }
fills() { # NAME: writes until there is no room; the file system of P is none the fuller for it
	begin "$1" || return
	inside "$1" sh -c 'dd if=/dev/zero of=/big bs=1M count=4000 2>&1' | grep -q 'No space left\|quota' || return
	inside "$1" rm /big && stop "$1"
}

wants() { [[ " ${STORES:-$1} " == *" $1 "* ]]; }
# STORE PREFIX LIMITED CREATE-OPTION...
matrix() {
	local s=$1 prefix=$2 limited=${3:-} before; shift 2; [ $# = 0 ] || shift
	wants "$s" || return 0
	before=$(loops)
	check "$s/create" create "a-$s" "$@" || return
	[ -e "$P/a-$s/config" ] || { bad "$s/rest" "not created"; return; }
	case $(key "a-$s") in "$prefix"*) good "$s/key";; *) bad "$s/key" "$(key "a-$s")";; esac
	check "$s/write" word "a-$s" first
	check "$s/snapshot" lxc-snapshot -P "$P" -n "a-$s"
	check "$s/write-more" word "a-$s" second
	check "$s/copy" lxc-copy -P "$P" -n "a-$s" -N "b-$s"
	case $prefix in /) prefix=dir:;; esac
	equal "$s/copy-same-store" "${prefix%%:*}" "$(key "b-$s" | sed 's/:.*//')"
	check "$s/copy-has-it" says "b-$s" second
	check "$s/copy-is-its-own" word "b-$s" third
	check "$s/original-kept" says "a-$s" second
	equal "$s/hostname" "b-$s" "$(begin "b-$s" && inside "b-$s" cat /etc/hostname; stop "b-$s")"
	check "$s/restore" lxc-snapshot -P "$P" -n "a-$s" -r snap0
	check "$s/restored" says "a-$s" first
	check "$s/restored-as" lxc-snapshot -P "$P" -n "a-$s" -r snap0 -N "c-$s"
	check "$s/restored-as-has-it" says "c-$s" first
	check "$s/rename" lxc-copy -P "$P" -n "c-$s" -N "d-$s" -R
	check "$s/renamed" says "d-$s" first
	check "$s/to-directory" lxc-copy -P "$P" -n "b-$s" -N "e-$s" -B dir
	check "$s/directory-has-it" says "e-$s" third
	check "$s/from-directory" from_directory "$s" "$@"
	check "$s/export" lxc-export -P "$P" -n "b-$s" -f "$work/$s.tar"
	check "$s/export-has-it" eval '[ "$(tar -xOf "$work/$s.tar" rootfs/word)" = third ]'
	if [ -n "$limited" ]; then check "$s/full" fills "b-$s"; check "$s/works-after" says "b-$s" third; fi
	for n in b c d e f; do [ ! -e "$P/$n-$s" ] || check "$s/destroy-$n" lxc-destroy -P "$P" -n "$n-$s"; done
	no_destroy=$(lxc-destroy -P "$P" -n "a-$s" 2>&1) && bad "$s/snapshots-hold" "destroyed" || good "$s/snapshots-hold"
	check "$s/destroy-all" lxc-destroy -P "$P" -n "a-$s" -s
	equal "$s/nothing-left" "" "$(cd "$P" && ls -d ./*-"$s" 2>/dev/null)"
	check "$s/loops-let-go" soon 3 eval "[ \$(loops) = $before ]"
}
from_directory() {
	local s=$1 store=; shift
	while [ $# -gt 0 ]; do [ "$1" = -B ] && store=$2; shift; done
	case $store in overlay|best|lvm) return 0;; esac # lvm: lxc.conf names its group
	lxc-copy -P "$P" -n "e-$s" -N "f-$s" -B "${store:-dir}" && says "f-$s" third
}

matrix dir / ""
if wants dir; then
	check dir/elsewhere create n -B dir --dir "$work/elsewhere"; equal dir/elsewhere-key "$work/elsewhere" "$(key n)"
	check dir/elsewhere-destroy lxc-destroy -P "$P" -n n; equal dir/elsewhere-gone "" "$(ls "$work/elsewhere" 2>/dev/null)"
fi
matrix overlay overlay: "" -B overlay
if has mkfs.ext4; then matrix loop loop: 1 -B loop --fssize 64M; else skip loop "no mkfs.ext4"; fi
if has mkfs.xfs; then matrix xfs loop: 1 -B loop --fstype xfs --fssize 320M; else skip xfs "no mkfs.xfs"; fi
if has mkfs.btrfs; then matrix btrfs-image loop: 1 -B loop --fstype btrfs --fssize 256M; else skip btrfs-image "no mkfs.btrfs"; fi
if has mkfs.btrfs && mounted "$work/btrfs" 1G btrfs "$work/b"; then
	P=$work/b matrix btrfs btrfs: "" -B btrfs
	P=$work/b matrix best btrfs: "" -B best
	P=$work/b check btrfs/nested-made create nested -B btrfs
	P=$work/b check btrfs/nested-subvolume btrfs subvolume create "$work/b/nested/rootfs/sub" >/dev/null
	P=$work/b check btrfs/nested-destroyed lxc-destroy -P "$work/b" -n nested
	umount "$work/b"
else skip btrfs "no btrfs here"; fi
if has lvcreate dmsetup && dmsetup version >/dev/null 2>&1 && truncate -s 3G "$work/pv" && pv=$(losetup -f --show "$work/pv") && vgcreate -q wabe "$pv" >/dev/null 2>&1; then
	matrix lvm lvm:/dev/wabe/ 1 -B lvm --vgname wabe --fssize 64M
	lvcreate -qq -y --type thin-pool -L 1G -n pool wabe >/dev/null 2>&1
	if wants lvm; then
		check lvm/name create n -B lvm --vgname wabe --lvname other --fssize 32M; equal lvm/name-key lvm:/dev/wabe/other "$(key n)"
		check lvm/name-destroy lxc-destroy -P "$P" -n n
	fi
	matrix lvm-thin lvm:/dev/wabe/ 1 -B lvm --vgname wabe --thinpool pool --fssize 64M
	vgremove -qq -y wabe >/dev/null 2>&1; losetup -d "$pv"
else skip lvm "no logical volumes here"; fi
if wants zfs && has zfs zpool && truncate -s 3G "$work/zpool" && zpool create -m none lxc "$work/zpool" 2>"$work/said"; then
	matrix zfs zfs:lxc/ "" -B zfs --zfsroot lxc
	check zfs/limited create q -B zfs --zfsroot lxc; echo 'lxc.rootfs.size = 60M' >>"$P/q/config"
	check zfs/limited-starts begin q
	equal zfs/limited-df 60 "$(inside q df -m / | awk 'END { print $(NF - 4) }')"
	said=$(inside q dd if=/dev/urandom of=/big bs=1M count=400 conv=fsync 2>&1)
	case $said in *quota*|*"No space"*) good zfs/limited-refused ;; *) bad zfs/limited-refused "$said" ;; esac
	inside q rm /big; zpool sync lxc
	check zfs/limited-raise lxc-disk -P "$P" -n q --size 160M; equal zfs/limited-raised 167772160 "$(zfs get -Hp -o value refquota lxc/q)"
	check zfs/limited-writes inside q dd if=/dev/urandom of=/big bs=1M count=100 conv=fsync
	check zfs/limited-told eval 'lxc-disk -P "$P" -n q | grep -q ZFS'
	check zfs/limited-lift lxc-disk -P "$P" -n q --size 0; equal zfs/limited-lifted 0 "$(zfs get -Hp -o value refquota lxc/q)"
	stop q; check zfs/limited-destroy lxc-destroy -P "$P" -n q
	equal zfs/datasets-left lxc "$(zfs list -H -o name -t all | paste -sd' ')"
	zpool destroy lxc
else skip zfs "no zfs here $(cat "$work/said" 2>/dev/null)"; fi

# a cluster is nowhere: a program of the test's own stands for rbd(8), with images in files
mkdir -p "$work/rbd" "$work/bin"; cat >"$work/bin/rbd" <<F
#!/bin/bash
while [ \$# -gt 0 ]; do case \$1 in --id) shift;; --size) size=\${2%B}; shift;; *) words+=("\$1");; esac; shift; done
image=\${words[1]#/dev/rbd/}; file=$work/rbd/\${image//\//_} link=/dev/rbd/\$image
case \${words[0]} in
create) [ ! -e "\$file" ] && truncate -s "\$size" "\$file";;
map) [ -e "\$file" ] && mkdir -p "\${link%/*}" && device=\$(losetup -f --show "\$file") && ln -s "\$device" "\$link" && echo "\$device";;
unmap) losetup -d "\$(readlink "\$link")" && rm "\$link";;
info) [ -e "\$file" ];;
rm) [ ! -e "\$link" ] && rm "\$file";;
*) exit 22;;
esac
F
chmod 755 "$work/bin/rbd"
if has mkfs.ext4; then
	PATH=$work/bin:$PATH matrix rbd rbd:/dev/rbd/lxc/ 1 -B rbd --rbdpool lxc --fssize 64M
	equal rbd/images-left "" "$(ls "$work/rbd")"
else skip rbd "no mkfs.ext4"; fi

# an image of another kind, served
nbd() {
	modprobe -q nbd 2>/dev/null; [ -e /sys/block/nbd0 ] || return
	for i in $(seq 0 15); do [ -e "/dev/nbd$i" ] || mknod "/dev/nbd$i" b 43 $((i * 32)); done
	create n -B loop --fssize 64M && word n served && qemu-img convert -O qcow2 "$P/n/rootdev" "$P/n/disk.qcow2" &&
		sed -i "s,^lxc.rootfs.path.*,lxc.rootfs.path = nbd:$P/n/disk.qcow2," "$P/n/config"
}
if [ "$SANDBOX" != guest ]; then skip nbd "the kernel makes these devices from the first network namespace alone"
elif has qemu-nbd && nbd; then
	check nbd/has-it says n served
	check nbd/write word n again
	check nbd/kept says n again
	check nbd/let-go soon 5 eval '! [ -e /sys/block/nbd0/pid ] && ! pgrep qemu-nbd'
	check nbd/destroy lxc-destroy -P "$P" -n n
	matrix nbd nbd: 1 -B nbd --fssize 64M
	equal nbd/servers-left "" "$(pgrep -a qemu-nbd)"
	# of somebody else: with a partition and a backing file, copied whole, and kept
	truncate -s 80M "$work/base"; echo 'start=2048, type=83' | sfdisk -q "$work/base"; mkfs.ext4 -q -E offset=1048576 "$work/base" 64M
	qemu-img convert -O qcow2 "$work/base" "$work/base.qcow2"
	create n -B dir; (cd "$work" && qemu-img create -q -f qcow2 -b base.qcow2 -F qcow2 theirs.qcow2)
	sed -i "s,^lxc.rootfs.path.*,lxc.rootfs.path = nbd:$work/theirs.qcow2:1," "$P/n/config"
	check nbd/partition-copy lxc-copy -P "$P" -n n -N m; equal nbd/partition-key "nbd:$P/m/rootdev.qcow2:1" "$(key m)"
	equal nbd/no-backing "" "$(qemu-img info "$P/m/rootdev.qcow2" | grep -i backing)"
	check nbd/partition-destroy lxc-destroy -P "$P" -n m; check nbd/theirs-destroy lxc-destroy -P "$P" -n n
	check nbd/theirs-kept test -e "$work/theirs.qcow2"
else skip nbd "no nbd in this kernel, or no qemu-nbd"; fi

# what can not be is said in one line, and leaves nothing
refused() { local n=$1 want=$2 out; shift 2; out=$("$@" 2>&1) && { bad "$n" "it went well"; return; }
	case $out in *"$want"*) equal "$n" 1 "$(wc -l <<<"$out")";; *) bad "$n" "$out";; esac; gone r || bad "$n-left" "$(ls -R "$P/r")"; }
refused unknown-store "no storage floppy" create r -B floppy
refused unknown-file-system "mkfs.nosuch" create r -B loop --fstype nosuch
refused not-on-btrfs "not on btrfs" create r -B btrfs
! dmsetup version >/dev/null 2>&1 || refused no-group "nosuch" create r -B lvm --vgname nosuch
done_testing
