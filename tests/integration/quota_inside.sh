#!/bin/bash
# Quotas of users and groups inside of a container with an id map: its root sets and reads them with quota's own programs,
# for its own ids and its own file system alone. Needs a kernel with quota formats.
source "$(dirname "$0")/lib.sh"
P=$work/lxc
chmod 755 "$work"; mkdir -p "$P/q" "$work/root"; chmod 755 "$P" "$P/q"
ln -s "$work/root" "$P/q/rootfs"
truncate -s 200M "$work/image"
mkfs.ext4 -q -O quota "$work/image" 2>/dev/null
if ! command -v setquota >/dev/null || ! mount -o loop,usrquota,grpquota "$work/image" "$work/root" 2>/dev/null; then
	skip quota-inside "needs setquota, and a kernel with quota formats"; done_testing
fi
rootfs "$work/root"; chmod 755 "$work/root"
mkdir -m 1777 "$P/q/rootfs/data"
printf '%s\n' 'user:x:1000:1000::/:/bin/sh' 'other:x:1001:1001::/:/bin/sh' >>"$P/q/rootfs/etc/passwd"
printf '%s\n' 'users:x:1000:' >>"$P/q/rootfs/etc/group"
chown -hR 100000:100000 "$work/root"
ln -s /proc/mounts "$P/q/rootfs/etc/mtab"
tools=('lxc.mount.entry = /usr usr none bind,ro 0 0' 'lxc.mount.entry = /lib lib none bind,ro 0 0'
	'lxc.mount.entry = /lib64 lib64 none bind,ro 0 0')
map=('lxc.idmap = u 0 100000 2000' 'lxc.idmap = g 0 100000 2000' 'lxc.idmap = u 5000 200000 1000' 'lxc.idmap = g 5000 200000 1000')
modprobe -q fuse 2>/dev/null; [ -e /dev/fuse ] || mknod -m 666 /dev/fuse c 10 229
mkdir "$work/stuck.d" "$P/q/rootfs/stuck"
cat >"$work/stuck.py" <<'PY'
import ctypes, errno, os, struct, sys
fd = os.open("/dev/fuse", os.O_RDWR)
if ctypes.CDLL(None).mount(b"stuck", b"stuck.d", b"fuse", 0, b"fd=%d,rootmode=40000,user_id=0,group_id=0,allow_other" % fd):
    sys.exit("mount")
open("serves", "w")
while True: # FUSE's requests: include/uapi/linux/fuse.h
    opcode, unique = struct.unpack_from("=IQ", os.read(fd, 1 << 20), 4)
    answers = {3: struct.pack("Q2I6Q10I", 60, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0o40755, 1, 0, 0, 0, 4096, 0),
        26: struct.pack("4I2H2I2H8I", 7, 31, 0, 0, 12, 9, 4096, 1, 1, 0, *[0] * 8)}
    if opcode == 1: # the look-up of a name
        open("waits", "w")
    elif opcode not in (2, 36, 42):
        answer = answers.get(opcode, b"")
        os.write(fd, struct.pack("IiQ", 16 + len(answer), 0 if answer else -errno.ENOSYS, unique) + answer)
PY
(cd "$work" && exec python3 stuck.py) >"$work/fuse" 2>&1 & server=$!
! soon 20 test -e "$work/serves" || tools+=("lxc.mount.entry = $work/stuck.d stuck none bind 0 0")
container q "${map[@]}" "${tools[@]}" 'lxc.rootfs.quota = 1'
check start start q
as() { run q busybox su -s /bin/sh "$1" -c "$2" 2>&1; } # USER COMMAND

check setquota run q /usr/sbin/setquota -u user 0 4096 0 50 /
equal host-sees 4096 "$(repquota -uvn "$work/root" | awk '$1 == "#101000" { print $5 }')"
said=$(as user 'dd if=/dev/zero of=/data/big bs=1M count=10')
case $said in *"quota exceeded"*) good user-refused ;; *) bad user-refused "$said" ;; esac
check user-held test "$(du -sk "$P/q/rootfs/data/big" | cut -f1)" -le 4096
said=$(as user 'cd /data && mkdir n && i=0; while [ $i -lt 60 ]; do : >n/$i || exit; i=$((i + 1)); done')
case $said in *"quota exceeded"*) good files-refused ;; *) bad files-refused "$said" ;; esac
check other-free run q busybox su -s /bin/sh other -c 'dd if=/dev/zero of=/data/other bs=1M count=10'
check setquota-group run q /usr/sbin/setquota -g users 0 8192 0 0 /
equal host-sees-group 8192 "$(repquota -gvn "$work/root" | awk '$1 == "#101000" { print $5 }')"
check second-range run q /usr/sbin/setquota -u 5500 0 2048 0 0 /
equal second-range-host 2048 "$(repquota -uvn "$work/root" | awk '$1 == "#200500" { print $5 }')"

# what the container's own programs show: its ids, and no others
setquota -u 300000 0 1000 0 0 "$work/root"; : >"$work/root/data/foreign"; chown 300000 "$work/root/data/foreign"
listed=$(run q /usr/sbin/repquota -uvn / 2>&1)
equal lists-own 4096 "$(echo "$listed" | awk '$1 == "#1000" { print $5 }')"
equal lists-second 2048 "$(echo "$listed" | awk '$1 == "#5500" { print $5 }')"
equal lists-others "" "$(echo "$listed" | grep -E '#(30|10|20)[0-9]{4}')"
case $(as user '/usr/bin/quota -w' ) in *4096*) good user-reads ;; *) bad user-reads "$(as user '/usr/bin/quota -w')" ;; esac
check grace run q /usr/sbin/setquota -u -t 3600 7200 /
equal grace-host "$(printf '%s' 01:00)" "$(repquota -u "$work/root" | sed -n 's/^Block grace time: \([0-9:]*\);.*/\1/p')"

# who may not: users of the container, namespaces within, projects, ids that are not its own, other file systems
case $(as user '/usr/sbin/setquota -u user 0 0 0 0 /') in *"not permitted"*) good user-sets ;; *) bad user-sets "set" ;; esac
equal user-kept 4096 "$(repquota -uvn "$work/root" | awk '$1 == "#101000" { print $5 }')"
cat >"$P/q/rootfs/call.py" <<'PY'
import ctypes, errno, os, struct, sys
libc = ctypes.CDLL(None, use_errno=True)
def call(*arguments):
    return "done" if libc.syscall(*arguments) == 0 else errno.errorcode[ctypes.get_errno()]
root = os.open("/", os.O_RDONLY)
usr = os.open("/usr", os.O_RDONLY)
device = [line.split()[0] for line in open("/proc/mounts") if line.split()[1] == "/"][0].encode()
limits = ctypes.create_string_buffer(struct.pack("8QI4x", 1, 0, 0, 0, 0, 0, 0, 0, 5))
SET, GET, USER, PROJECT = 0x800008, 0x800007, 0, 2
def following(number):
    data = ctypes.create_string_buffer(72)
    return call(443, root, 0x800009 << 8 | USER, number, data), struct.unpack_from("I", data, 68)[0]
if sys.argv[1:] == ["path"]:
    sys.exit(print(call(179, GET << 8 | USER, b"/stuck/x", 1000, limits)))
if len(sys.argv) > 1:
    number = 0
    while (answer := following(number))[0] == "done":
        print(answer[1], end=" ")
        number = answer[1] + 1
    print(answer[0])
    sys.exit()
print("fd", call(443, root, SET << 8 | USER, 1500, limits))
print("device", call(179, SET << 8 | USER, device, 1501, limits))
print("unmapped", call(443, root, SET << 8 | USER, 3000, limits))
print("project", call(443, root, SET << 8 | PROJECT, 7, limits))
print("other-fs", call(443, usr, SET << 8 | USER, 1000, limits))
print("other-device", call(179, SET << 8 | USER, b"/dev/null", 1000, limits))
print("no-path", call(179, SET << 8 | USER, b"/nowhere", 1000, limits))
print("bad-address", call(443, root, SET << 8 | USER, 1000, 8))
print("bad-command", call(443, root, 0x12345 << 8, 1000, limits))
print("bad-fd", call(443, 999, GET << 8 | USER, 1000, limits))
print("quota-off", call(443, root, 0x800003 << 8 | USER, 0, 0))
PY
chmod 644 "$P/q/rootfs/call.py"
wanted='fd done|device done|unmapped EINVAL|project EPERM|other-fs ENODEV|other-device ENOTBLK|no-path ENOENT|bad-address EFAULT|bad-command EINVAL|bad-fd EBADF|quota-off EINVAL'
equal calls "$wanted" "$(run q python3 /call.py 2>&1 | paste -sd'|')"
equal calls-host "1 1" "$(repquota -uvn "$work/root" | awk '$1 == "#101500" || $1 == "#101501" { printf "%s%s", s, $5; s = " " }')"
equal next-ids "0 1000 1001 1500 1501 5500 ENOENT" "$(run q python3 /call.py next 2>&1)"
nested=$(run q busybox unshare -U -r python3 /call.py 2>&1 | head -n 1)
equal nested-namespace "fd EPERM" "$nested"
# several at once
check attach-many run q sh -c 'for i in 1 2 3 4 5 6 7 8; do /usr/sbin/setquota -u $((1100 + i)) 0 100$i 0 0 / & done; wait'
equal attach-many-host 8 "$(repquota -uvn "$work/root" | awk '$1 ~ /^#10110[1-8]$/ && $5 ~ /^100[1-8]$/' | wc -l)"
# A path on a file system of the host's that never answers (the container's own ones can not ask for a caller that is outside of
# its id map): the call fails in time, and the supervisor is there for others.
if [ ! -e "$work/serves" ]; then skip fuse "no FUSE here: $(cat "$work/fuse")"
else
	run q python3 /call.py path >"$work/stuck" 2>&1 & waiting=$!
	check fuse-waits soon 30 test -e "$work/waits"
	check fuse-attach timeout 4 lxc-attach -P "$P" -n q -- true
	wait $waiting; equal fuse-path EIO "$(cat "$work/stuck")"
	check fuse-children soon 5 eval '! ps -o stat= --ppid "$(supervisor_of q)" | grep -q Z'
	rm "$work/waits"; run q python3 /call.py path >"$work/stuck" 2>&1 & soon 30 test -e "$work/waits"
	check fuse-stop timeout 20 lxc-stop -k -P "$P" -n q
	kill "$server"; umount "$work/stuck.d"
fi
stop q
none_left left q

# without the key nothing is served
tools=("${tools[@]:0:3}")
container q "${map[@]}" "${tools[@]}"
if start q; then good start-without; else bad start-without "$(ls -la "$work/root" | head -30; run q ps; df "$work/root")"; fi
equal without "fd EPERM" "$(run q python3 /call.py 2>&1 | head -n 1)"
stop q
# a directory that is part of the host's file system is not the container's own
mkdir -p "$P/part"; container part "${map[@]}" 'lxc.rootfs.quota = 1'
said=$(timeout 10 lxc-start -P "$P" -n part 2>&1)
case $said in *lxc.rootfs.quota*) good part-refused ;; *) bad part-refused "$said" ;; esac
umount "$work/root"
done_testing
