#!/bin/bash
# Limits of disk space and files on whatever file systems this kernel has: what is written past them fails inside, the
# host and the neighbours do not notice, and the container's root can not get out. Each row tells its file system.
# disk_limit.sh BINDIR [TYPE...]: only these of btrfs ext4 xfs images
source "$(dirname "$0")/lib.sh"
P=$work/lxc
run() { local n=$1; shift; timeout 120 lxc-attach -P "$P" -n "$n" -- "$@"; } # hundreds of MiB, in an emulated machine too
shift; wanted=" ${*:-btrfs ext4 xfs images} "
MB=1048576
tools='lxc.mount.entry = /usr usr none bind,ro 0 0|lxc.mount.entry = /lib lib none bind,ro 0 0|lxc.mount.entry = /lib64 lib64 none bind,ro 0 0'
mapped='lxc.idmap = u 0 100000 65536|lxc.idmap = g 0 100000 65536'

# An empty file system of TYPE in an image at $P: FILESYSTEM MIB [MKFS-OPTION...]
mounted() {
	local type=$1 size=$2 options=loop; shift 2
	command -v "mkfs.$type" >/dev/null || return 2
	rm -f "$work/image"; truncate -s "${size}M" "$work/image"; mkdir -p "$P"; chmod 755 "$work" "$P"
	"mkfs.$type" -q "$@" "$work/image" >/dev/null 2>&1 || "mkfs.$type" "$@" "$work/image" >/dev/null || return 2
	[ "$type" = btrfs ] || options=loop,prjquota
	mount -o "$options" -t "$type" "$work/image" "$P" 2>/dev/null || return 2
	chmod 755 "$P"
}
unmounted() { umount "$P"; }

# CONTAINER MODE [LINE...]: MODE mapped or host
limited() {
	local n=$1 mode=$2 lines=(); shift 2
	mkdir -p "$P/$n"; [ "$type" != btrfs ] || [ -e "$P/$n/rootfs" ] || btrfs -q subvolume create "$P/$n/rootfs" >/dev/null
	[ "$mode" = host ] || IFS='|' read -ra lines <<<"$mapped"
	[ -x "$P/$n/rootfs/sbin/init" ] || { rootfs "$P/$n/rootfs"; [ "$mode" = host ] || chown -hR 100000:100000 "$P/$n/rootfs"; }
	printf '%s\n' '#!/bin/sh' 'trap "exit 0" USR1 TERM PWR' 'echo >/ready' 'while :; do [ ! -e /ask ] || { df -m / | awk '"'END { print \$(NF - 4) }'"' >/answer; rm /ask; }' \
		'usleep 100000; done' >"$P/$n/rootfs/sbin/init"
	echo 'nobody:x:65534:65534::/:/bin/sh' >>"$P/$n/rootfs/etc/passwd"
	IFS='|' read -ra more <<<"$tools"
	container "$n" "${lines[@]}" "${more[@]}" "$@"
}
# MiB that the file at the end of the command has got, by what writes it: CONTAINER FILE MIB
fill() { run "$1" busybox dd if=/dev/urandom of="$2" bs=1M count="$3" conv=fsync 2>&1; }
used() { lxc-disk -P "$P" -n "$1" --json | python3 -c 'import json, sys; print(json.load(sys.stdin)[sys.argv[1]])' "$2"; }
limit_said() { case $1 in *"No space left"* | *"Disk quota exceeded"* | *"quota exceeded"*) true ;; *) false ;; esac; }
# What all files of the container take, in MiB, by the host's own count.
takes() { sync -f "$P"; du -sm "$P/$1/rootfs" | cut -f1; }
within() { [ "$1" -le "$2" ]; }

# ---- the rows of a file system ----

row_space() { # NAME CONTAINER
	local said; said=$(fill "$2" /big 200)
	if limit_said "$said"; then good "$1-refused"; else bad "$1-refused" "$said"; fi
	check "$1-held" within "$(takes "$2")" 66
	check "$1-host-writes" dd if=/dev/zero of="$P/free" bs=1M count=100 conv=fsync; rm -f "$P/free"
	check "$1-removes" run "$2" busybox rm /big
	sync -f "$P"
	check "$1-again" run "$2" busybox dd if=/dev/zero of=/small bs=1M count=8 conv=fsync
	run "$2" busybox rm /small
}
row_sparse() {
	check "$1-sparse" run "$2" busybox truncate -s 549755813888 /hole
	local said; said=$(run "$2" busybox dd if=/dev/urandom of=/hole bs=1M seek=500000 count=200 conv=fsync,notrunc 2>&1)
	if limit_said "$said"; then good "$1-sparse-refused"; else bad "$1-sparse-refused" "$said"; fi
	run "$2" busybox rm /hole; sync -f "$P"
}
row_inodes() {
	local said; said=$(run "$2" sh -c 'mkdir /many; i=0; while [ $i -lt 3000 ]; do : >/many/$i || exit 1; i=$((i + 1)); done' 2>&1)
	if limit_said "$said"; then good "$1-inodes-refused"; else bad "$1-inodes-refused" "$said"; fi
	check "$1-inodes-held" within "$(find "$P/$2/rootfs" -xdev | wc -l)" 2500
	run "$2" busybox rm -r /many
}
row_live() { # NAME CONTAINER
	check "$1-raise" lxc-disk -P "$P" -n "$2" --size 120M
	equal "$1-raise-kept" "$((120 * MB))" "$(lxc-disk -P "$P" -n "$2" --json | grep -o '"bytes_limit": [0-9]*' | cut -d' ' -f2)"
	check "$1-raise-holds" run "$2" busybox dd if=/dev/urandom of=/more bs=1M count=80 conv=fsync
	run "$2" busybox rm /more; sync -f "$P"
	check "$1-lower" lxc-disk -P "$P" -n "$2" --size 60M
	local said; said=$(fill "$2" /more 80)
	if limit_said "$said"; then good "$1-lower-refused"; else bad "$1-lower-refused" "$said"; fi
	run "$2" busybox rm -f /more; sync -f "$P"
	equal "$1-config" 60M "$(sed -n 's/^lxc.rootfs.size = //p' "$P/$2/config")"
}
row_df() { equal "$1-df" 60 "$(run "$2" busybox df -m / | awk 'END { print $(NF - 4) }')"; }

# btrfs: the answers of statfs, which are made outside.
cat >"$work/statfs.py" <<'PY'
import ctypes, errno, os, sys
libc = ctypes.CDLL(None, use_errno=True)
def size(what):
    try:
        s = os.statvfs(what)
    except OSError as e:
        return errno.errorcode[e.errno]
    return "%d/%d" % (s.f_blocks * s.f_frsize >> 20, (s.f_blocks - s.f_bfree) * s.f_frsize >> 20)
def raw(number, argument, buffer):
    return errno.errorcode[ctypes.get_errno()] if libc.syscall(number, argument, buffer) else "done"
os.makedirs("/closed/below", 0o755, exist_ok=True)
os.chmod("/closed", 0o700)
if not os.path.islink("/link"):
    os.symlink("/closed", "/link"), os.symlink("/usr", "/away")
root, usr = os.open("/", os.O_RDONLY), os.open("/usr", os.O_RDONLY)
os.chdir("/closed")
limited = [size(what) for what in ("/", "/link/below", ".", "below", root, "/bin/../closed")]
print("limited", *sorted(set(limited)), len(limited))
print("others", *("kernel" if size(what) == size(usr) else size(what) for what in ("/usr", "/away", "/usr/bin", usr)))
print("none", size("/nowhere"), size("/bin/busybox/below"), size(999), size(""))
print("memory", raw(137, b"/", 8), raw(137, 8, None), raw(138, root, 8))
os.chmod("/closed", 0o711)
os.setgroups([1000]), os.setresgid(1000, 1000, 1000), os.setresuid(1000, 1000, 1000)
print("user", size("/closed/below").split("/")[0], end=" ")
sys.stdout.flush()
PY
row_statfs() { # NAME CONTAINER MODE
	local r=$P/$2/rootfs said use wanted
	cp "$work/statfs.py" "$r/statfs.py"; chmod 644 "$r/statfs.py"
	check "$1-statfs-fill" run "$2" busybox dd if=/dev/urandom of=/taken bs=1M count=20 conv=fsync; sync -f "$P"
	use=$(($(used "$2" bytes) / MB))
	said=$(run "$2" python3 /statfs.py 2>&1 | paste -sd'|')
	equal "$1-statfs" "limited 60/$use 6|others kernel kernel kernel kernel|none ENOENT ENOTDIR EBADF ENOENT|memory EFAULT EFAULT EFAULT|user 60 " "$said"
	check "$1-statfs-use" [ "$use" -ge 20 ]
	check "$1-statfs-removed" run "$2" busybox rm /taken
	run "$2" busybox chmod 700 /closed
	equal "$1-statfs-closed" "Permission denied" "$(run "$2" busybox su -s /bin/sh nobody -c 'stat -f /closed/below' 2>&1 | grep -o 'Permission denied')"
	# init's own, also without its supervisor
	echo >"$r/ask"; soon 5 test -s "$r/answer"
	equal "$1-statfs-init" 60 "$(cat "$r/answer")"
	kill -9 "$(supervisor_of "$2")"; rm -f "$r/answer"; echo >"$r/ask"; soon 5 test -s "$r/answer"
	equal "$1-statfs-alone" 60 "$(cat "$r/answer")"
	soon 5 is "$2" RUNNING
	equal "$1-statfs-adopted" 60 "$(run "$2" busybox df -m / | awk 'END { print $(NF - 4) }')"
}

# Ioctls that would take files out of the count; prints those that were done.
cat >"$work/escape.py" <<'PY'
import ctypes, errno, fcntl, os, struct, sys
libc = ctypes.CDLL(None, use_errno=True)
def attempt(name, act):
    try:
        act()
        print(name)
    except OSError as e:
        if e.errno not in (errno.EPERM, errno.EINVAL, errno.EACCES, errno.ENOTTY, errno.ENODEV, errno.EXDEV, errno.EOPNOTSUPP,
                           errno.ESRCH, errno.ENOSYS, errno.ENOTBLK):
            print(name, e)
def call(number, *arguments):
    if libc.syscall(number, *arguments) < 0:
        raise OSError(ctypes.get_errno(), "syscall %d" % number)
os.makedirs("/try", exist_ok=True)
fd = os.open("/try", os.O_RDONLY)
def project(number, flags):
    data = bytearray(fcntl.ioctl(fd, 0x801c581f, bytes(28)))
    if not struct.unpack_from("I", data, 12)[0]:
        raise OSError(errno.ENOTTY, "no project")
    struct.pack_into("I", data, 0, flags), struct.pack_into("I", data, 12, number)
    fcntl.ioctl(fd, 0x401c5820, bytes(data))
def flags():
    value = struct.unpack("l", fcntl.ioctl(fd, 0x80086601, bytes(8)))[0]
    if not value & 0x20000000:
        raise OSError(errno.ENOTTY, "no project")
    fcntl.ioctl(fd, 0x40086602, struct.pack("l", value & ~0x20000000))
attempt("other-project", lambda: project(0, 0x200))
attempt("no-inheritance", lambda: project(struct.unpack_from("I", fcntl.ioctl(fd, 0x801c581f, bytes(28)), 12)[0], 0))
attempt("setflags", flags)
def setattr():
    # struct file_attr: flags, extents..., project
    call(469, fd, b"", struct.pack("QIIII", 0, 0, 0, 0, 0), 24, 0x1000)
if os.statvfs("/").f_files:
    attempt("file-setattr", setattr)
limits = ctypes.create_string_buffer(struct.pack("8QI4x", 0, 0, 0, 0, 0, 0, 0, 0, 5))
own = struct.unpack_from("I", fcntl.ioctl(fd, 0x801c581f, bytes(28)), 12)[0]
attempt("quotactl-fd", lambda: call(443, fd, 0x800008 << 8 | 2, own, limits))
def by_device():
    if not os.path.exists("/device"):
        os.mknod("/device", 0o60600, int(sys.argv[1]))
    call(179, 0x800008 << 8 | 2, b"/device", own, limits)
attempt("quotactl", by_device)
attempt("group-limit", lambda: fcntl.ioctl(fd, 0x8030942b, struct.pack("6Q", int(sys.argv[2]), 1, 0xffffffffffffffff, 0, 0, 0)))
attempt("quota-off", lambda: fcntl.ioctl(fd, 0xc0109428, bytearray(struct.pack("QQ", 2, 0))))
# A subvolume that says itself in which groups it shall be: in none.
inherit = ctypes.create_string_buffer(struct.pack("9Q", *[0] * 9))
arguments = bytearray(4096)
struct.pack_into("qQQQQ", arguments, 0, 0, 0, 4, 72, ctypes.addressof(inherit))
arguments[56:61] = b"inher"
attempt("subvolume-inherit", lambda: fcntl.ioctl(fd, 0x50009418, arguments))
PY
row_escape() { # NAME CONTAINER
	cp "$work/escape.py" "$P/$2/rootfs/escape.py"; chmod 644 "$P/$2/rootfs/escape.py"
	local id=0
	[ "$type" != btrfs ] || id=$(((1 << 48) | $(btrfs inspect-internal rootid "$P/$2/rootfs")))
	mkdir -p "$P/$2/rootfs/try"; [ "$3" = host ] || chown 100000:100000 "$P/$2/rootfs/try"
	equal "$1-escapes" "" "$(run "$2" python3 /escape.py "$(stat -c %d "$P")" "$id" 2>&1)"
	# the same tries by who is not held, so that they are known to work
	if [ "$3" = host ]; then
		local free; free=$(timeout 20 lxc-attach -P "$P" -n "$2" -e -- python3 /escape.py "$(stat -c %d "$P")" "$id" 2>&1)
		if [ -n "$free" ]; then good "$1-escapes-unguarded"; else bad "$1-escapes-unguarded" "nothing was done"; fi
		echo "# $1 unguarded: $(echo "$free" | paste -sd' ')"
		rm -rf "$P/$2/rootfs/try"/* 2>/dev/null; btrfs -q subvolume delete "$P/$2/rootfs/try/inher" >/dev/null 2>&1
		lxc-disk -P "$P" -n "$2" --size 60M || bad "$1-limit-again" "failed"
		[ "$type" = btrfs ] || { rm -rf "$P/$2/rootfs/try"; mkdir "$P/$2/rootfs/try"; }
	fi
	# whatever was made: what the container has written in all stays within the limit
	run "$2" sh -c 'for d in /try /try/inher; do [ ! -d $d ] || busybox dd if=/dev/urandom of=$d/big bs=1M count=150 conv=fsync; done' >/dev/null 2>&1
	check "$1-escapes-held" within "$(takes "$2")" 66
	run "$2" busybox rm -f /try/big /try/inher/big; sync -f "$P"
	# an attached process with all that attach gives away is bound as init is
	equal "$1-resource" 0 "$(run "$2" busybox awk '/CapEff/ { print '"$([ "$3" = host ] && [ "$type" != btrfs ] && echo 'and_bit($2)' || echo 0)"' } function and_bit(x) { return index("1 3 5 7 9 b d f", substr(x, 10, 1)) ? 1 : 0 }' /proc/self/status)"
}
row_subvolume() { # NAME CONTAINER: one made in the plain way joins the group, or is refused
	run "$2" btrfs subvolume create /nest >/dev/null 2>&1
	run "$2" sh -c '[ -d /nest ] || exit 0; busybox dd if=/dev/urandom of=/nest/a bs=1M count=150 conv=fsync' >/dev/null 2>&1
	fill "$2" /beside 150 >/dev/null
	check "$1-nested-held" within "$(takes "$2")" 66
	run "$2" sh -c 'busybox rm -f /nest/a /beside'; sync -f "$P"
	run "$2" btrfs subvolume snapshot / /snap >/dev/null 2>&1
	run "$2" sh -c '[ ! -d /snap ] || busybox dd if=/dev/urandom of=/snap/a bs=1M count=150 conv=fsync' >/dev/null 2>&1
	check "$1-snapshot-held" within "$(takes "$2")" 70
	run "$2" busybox rm -f /snap/a; sync -f "$P"
}
row_reflink() {
	run "$2" busybox dd if=/dev/urandom of=/one bs=1M count=30 conv=fsync >/dev/null 2>&1
	local i; for i in 1 2 3 4; do run "$2" cp --reflink=always /one "/copy$i" >/dev/null 2>&1; done
	check "$1-reflink-usable" run "$2" busybox rm -f /one /copy1 /copy2 /copy3 /copy4
	sync -f "$P"
}
row_hardlink() { # a name in the container for a file of the host that is not counted
	echo secret >"$P/outside"
	if ln "$P/outside" "$P/$2/rootfs/inside" 2>"$work/said"; then
		[ "$type" = btrfs ] && bad "$1-hardlink" "linked"; rm "$P/$2/rootfs/inside"; good "$1-hardlink"
	else good "$1-hardlink"; fi
}
row_neighbour() { # a second container has a number, and a count, of its own
	limited other mapped "lxc.rootfs.size = 60M"
	check "$1-neighbour-start" start other
	fill "$2" /big 150 >/dev/null
	check "$1-neighbour-writes" run other busybox dd if=/dev/urandom of=/mine bs=1M count=20 conv=fsync
	run "$2" busybox rm -f /big; sync -f "$P"
	stop other; lxc-destroy -P "$P" -n other
	[ "$type" != btrfs ] || equal "$1-groups-left" 1 "$(btrfs qgroup show "$P" 2>/dev/null | grep -c '^1/')"
	[ ! -d "$P/other" ] && good "$1-destroyed" || bad "$1-destroyed" "$(ls "$P/other")"
}

row_completes() { # a first count that was killed leaves the top without the flag, and files of no project
	local id r=$P/$2/rootfs; id=$(lsattr -pd "$r" | awk '{ print $1 }')
	chattr -p 0 "$r/bin/busybox" && chattr -P "$r" || { bad "$1-completes" "chattr"; return; }
	lxc-disk -P "$P" -n "$2" --size 60M
	equal "$1-completes" "$id $id yes" "$(lsattr -p "$r/bin/busybox" | awk '{ print $1 }') $(lsattr -pd "$r" |
		awk '{ print $1, $2 ~ /P/ ? "yes" : "no" }')"
}
row_overlay() { # NAME MODE: what lies in the upper layer counts, the lower one does not
	local n=o-$2 owner=0; [ "$2" = host ] || owner=100000
	mkdir -p "$P/$n/delta"; chown $owner:$owner "$P/$n/delta"
	limited "$n" "$2" "lxc.rootfs.path = overlay:$P/$n/rootfs:$P/$n/delta" 'lxc.rootfs.size = 60M'
	[ "$2" = host ] || { mkdir "$P/$n/olwork"; chown 100000:100000 "$P/$n/olwork"; }
	dd if=/dev/zero of="$P/$n/rootfs/lower" bs=1M count=80 2>/dev/null; chown $owner:$owner "$P/$n/rootfs/lower"
	local said; said=$(timeout 10 lxc-start -P "$P" -n "$n" 2>&1); soon 5 test -e "$P/$n/delta/ready"
	if ! is "$n" RUNNING; then
		case $said in *overlay*) skip "$1-overlay" "$said" ;; *) bad "$1-overlay-start" "$said" ;; esac
		return
	fi
	said=$(fill "$n" /big 200)
	if limit_said "$said"; then good "$1-overlay-refused"; else bad "$1-overlay-refused" "$said"; fi
	sync -f "$P"; check "$1-overlay-held" within "$(du -sm "$P/$n/delta" | cut -f1)" 66
	run "$n" busybox rm /big; sync -f "$P"
	said=$(run "$n" sh -c 'echo >>/lower' 2>&1) # is copied up first
	if limit_said "$said"; then good "$1-overlay-copy-up"; else bad "$1-overlay-copy-up" "$said"; fi
	check "$1-overlay-write" run "$n" busybox dd if=/dev/zero of=/small bs=1M count=8
	stop "$n"
}

filesystem() { # TYPE MIB [MKFS-OPTION...]
	type=$1; shift
	local r; [[ $wanted == *" $type "* ]] || return
	mounted "$type" "$@"; r=$?
	if [ $r != 0 ]; then skip "$type" "this kernel or machine can not mount it with prjquota"; umount "$P" 2>/dev/null; return; fi
	for mode in mapped host; do
		local n=c-$mode name=$type-$mode size=lxc.rootfs.size\ =\ 60M inodes=lxc.rootfs.inodes\ =\ 2000
		[ "$type" != btrfs ] || inodes=
		limited "$n" "$mode" "$size" $([ -z "$inodes" ] || echo) ${inodes:+"$inodes"}
		if ! start "$n" >"$work/said" 2>&1; then bad "$name-start" "$(cat "$work/said")"; continue; fi
		good "$name-start"
		row_space "$name" "$n"
		row_sparse "$name" "$n"
		row_df "$name" "$n"
		if [ "$type" = btrfs ]; then row_statfs "$name" "$n" "$mode"; else row_inodes "$name" "$n"; fi
		row_escape "$name" "$n" "$mode"
		[ "$type" != btrfs ] || row_subvolume "$name" "$n"
		[ "$type" = ext4 ] || row_reflink "$name" "$n"
		row_hardlink "$name" "$n"
		row_live "$name" "$n"
		[ "$mode" = host ] || row_neighbour "$name" "$n"
		[ "$type" = btrfs ] || row_overlay "$name" "$mode"
		stop "$n"
		rm -f "$P/$n/rootfs/ready"
		check "$name-restart" start "$n"
		local said; said=$(fill "$n" /big 200); limit_said "$said" && good "$name-restart-refused" || bad "$name-restart-refused" "$said"
		stop "$n"
		[ "$type" = btrfs ] || row_completes "$name" "$n"
		equal "$name-lift" "" "$(lxc-disk -P "$P" -n "$n" --size 0 --inodes 0 2>&1)"
		none_left "$name-left" "$n"
		[ "$type" != btrfs ] || check "$name-helpers-left" soon 3 eval '! pgrep -x wabe-statfs'
	done
	find "$P" -mindepth 1 -maxdepth 1 -exec rm -rf {} + 2>/dev/null
	unmounted
}

filesystem btrfs 700
filesystem ext4 600 -O project,quota
filesystem xfs 600

# ---- images ----

# A resize2fs that breaks what it works on and takes lxc-disk with it: the image stays as it was, and a second try succeeds.
row_killed() { # CONTAINER IMAGE MIB
	local way; mkdir -p "$work/bin"
	for way in 'kill -9 $PPID' 'exit 1'; do
		printf '%s\n' '#!/bin/sh' 'dd if=/dev/zero of="$1" bs=1M count=4 conv=notrunc 2>/dev/null' "$way" >"$work/bin/resize2fs"
		chmod 755 "$work/bin/resize2fs"
		! PATH=$work/bin:$PATH lxc-disk -P "$P" -n "$1" --size "$(($3 - 50))M" 2>/dev/null || bad image-killed "done"
		check "image-ext4-cut-off (${way% *})" kept
		equal "image-ext4-cut-off-nothing-left (${way% *})" "config rootfs.img" "$(ls "$P/$1" | paste -sd' ')"
	done
	local owner; owner=$(stat -c '%u:%g %a' "$2")
	check image-ext4-second-try lxc-disk -P "$P" -n "$1" --size "$(($3 - 50))M"
	check image-ext4-second-keeps kept
	equal image-ext4-second-size "$((($3 - 50) * MB)) $owner" "$(stat -c '%s %u:%g %a' "$2")"
	check image-ext4-back lxc-disk -P "$P" -n "$1" --size "$3M"
	check image-ext4-clean e2fsck -fn "$2"
}

# Grows and shrinks while the container is stopped, grows while it runs; what is in it stays.
image() { # FSTYPE MIB
	[[ $wanted == *" images "* ]] || return
	local kind=$1 size=$2 n=i-$1 said; P=$work/images; mkdir -p "$P/$n"
	local file=$P/$n/rootfs.img
	command -v "mkfs.$kind" >/dev/null || { skip "image-$kind" "mkfs.$kind is missing"; return; }
	truncate -s "${size}M" "$file"; "mkfs.$kind" -q "$file" >/dev/null 2>&1
	mkdir -p "$work/mnt"; mount -o loop "$file" "$work/mnt" 2>/dev/null || { skip "image-$kind" "this kernel can not mount it"; return; }
	rootfs "$work/mnt"; dd if=/dev/urandom of="$work/mnt/kept" bs=1M count=20 2>/dev/null
	local sum; sum=$(cksum <"$work/mnt/kept"); umount "$work/mnt"
	kept() { mount -o loop "$file" "$work/mnt" && [ "$(cksum <"$work/mnt/kept")" = "$sum" ]; local r=$?; umount "$work/mnt"; return $r; }
	blocks() { mount -o loop "$file" "$work/mnt"; df -m "$work/mnt" | awk 'END { print $2 }'; umount "$work/mnt"; }
	mkdir -p "$P/$n"; printf '%s\n' "lxc.rootfs.path = loop:$file" "lxc.uts.name = $n" 'lxc.net.0.type = empty' 'lxc.mount.auto = proc:mixed' \
		'lxc.apparmor.profile = unconfined' >"$P/$n/config"
	equal "image-$kind-read" "$((size * MB))" "$(used "$n" bytes_limit)"
	local before; before=$(blocks)
	truncate -s "$((size + 100))M" "$file" # who was killed at this had come so far
	check "image-$kind-half-grown" lxc-disk -P "$P" -n "$n" --size "$((size + 100))M"
	check "image-$kind-half-grown-done" [ "$(blocks)" -ge $((before + 80)) ]
	check "image-$kind-grow" lxc-disk -P "$P" -n "$n" --size "$((size + 200))M"
	check "image-$kind-grown" [ "$(blocks)" -ge $((before + 180)) ]
	check "image-$kind-grow-keeps" kept
	said=$(lxc-disk -P "$P" -n "$n" --size "${size}M" 2>&1)
	if [ "$kind" = xfs ]; then
		case $said in *"can not shrink"*) good "image-$kind-shrink-refused" ;; *) bad "image-$kind-shrink-refused" "$said" ;; esac
	else
		equal "image-$kind-shrink" "" "$said"
		equal "image-$kind-shrunk" "$before $((size * MB))" "$(blocks) $(stat -c %s "$file")"
	fi
	check "image-$kind-shrink-keeps" kept
	[ "$kind" != ext4 ] || row_killed "$n" "$file" "$size"
	said=$(lxc-disk -P "$P" -n "$n" --size 5M 2>&1); local status=$?
	equal "image-$kind-too-small" 1 "$status"
	check "image-$kind-too-small-keeps" kept
	mount -o loop "$file" "$work/mnt"
	said=$(lxc-disk -P "$P" -n "$n" --size "${size}0M" 2>&1); status=$?
	umount "$work/mnt"
	case $said in *"in use"*) good "image-$kind-foreign-mount" ;; *) bad "image-$kind-foreign-mount" "$status $said" ;; esac
	equal "image-$kind-none-attached" "" "$(losetup -n -O NAME -j "$file")"
	# running from the image's device: what the start would do with the image
	local device; device=$(losetup -f --show "$file")
	sed -i "s|^lxc.rootfs.path = .*|lxc.rootfs.path = $device|; /^lxc.rootfs.size/d" "$P/$n/config"
	said=$(timeout 10 lxc-start -P "$P" -n "$n" 2>&1)
	soon 5 run "$n" test -e /ready
	if is "$n" RUNNING; then good "image-$kind-running"; else bad "image-$kind-running" "$said"; fi
	sed -i "s|^lxc.rootfs.path = .*|lxc.rootfs.path = loop:$file|" "$P/$n/config"
	said=$(lxc-disk -P "$P" -n "$n" --size "$((size + 400))M" 2>&1)
	case $said in *CAP_SYS_RESOURCE*) skip "image-$kind-grow-online" "root here lacks CAP_SYS_RESOURCE" ;; *)
		equal "image-$kind-grow-online" "" "$said"
		check "image-$kind-grow-online-df" [ "$(run "$n" busybox df -m / | awk 'END { print $(NF - 4) }')" -gt $((size + 300)) ] ;;
	esac
	said=$(lxc-disk -P "$P" -n "$n" --size "$((size - 20))M" 2>&1)
	case $said in *"while it is mounted"*) good "image-$kind-shrink-online" ;; *) bad "image-$kind-shrink-online" "$said" ;; esac
	said=$(timeout 60 lxc-attach -P "$P" -n "$n" -- busybox fallocate -l $(((size + 450) * MB)) /big 2>&1)
	if limit_said "$said"; then good "image-$kind-full"; else bad "image-$kind-full" "$said"; fi
	stop "$n"; losetup -d "$device"
}
image ext4 200
image btrfs 300
image xfs 400

# ---- where there is none, one line says what always works ----
type=tmpfs; P=/var/lib/lxc
limited plain host "lxc.rootfs.size = 60M"
said=$(timeout 10 lxc-start -P "$P" -n plain 2>&1); status=$?
equal none-status 1 "$status"
case $said in *"-B loop"*) [ "$(echo "$said" | wc -l)" = 1 ] && good none-line || bad none-line "$said" ;; *) bad none-line "$said" ;; esac
none_left none-left plain
done_testing
