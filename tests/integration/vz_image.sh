#!/bin/bash
# vzctl with containers in an image (layout ploop): create, limit, grow, snapshots, convert, compact.
source "$(dirname "$0")/lib.sh"
[ -e /dev/loop-control ] || mknod /dev/loop-control c 10 237
for i in $(seq 0 31); do [ -e "/dev/loop$i" ] || mknod "/dev/loop$i" b 7 "$i"; done
modprobe -qa loop ext4 2>/dev/null
export WABE_VZ_CONFIG=/run/vz-etc
V=/run/vz-data C=$WABE_VZ_CONFIG/conf
mkdir -p $C $V/template/cache; printf '%s\n' "VZDIR=$V" 'DISK_QUOTA=no' >$WABE_VZ_CONFIG/vz.conf
rootfs "$work/root"; tar -C "$work/root" -czf $V/template/cache/busybox.tar.gz .
gives() { # NAME STATUS WORDS COMMAND...
	local n=$1 status=$2 words=$3 out got; shift 3
	out=$(timeout 60 "$@" 2>&1 </dev/null); got=$?
	if [ $got = "$status" ] && [[ $out == *"$words"* ]]; then good "$n"
	else bad "$n" "expected $status '$words', got $got '${out//$'\n'/ | }'"; fi
}
loops() { losetup -ln -O BACK-MAJ:MIN 2>/dev/null | grep -c "\\b$(stat -c %Hd:%Ld "$V")\\b"; } # of this tmpfs: the machine has others
before=$(loops)
gives needs_diskspace 63 'diskspace not set (required for ploop)' vzctl create 201 --ostemplate busybox --layout ploop
check needs_diskspace_clean test ! -e $V/private/201 -a ! -e $V/private/201.tmp
gives create 0 'Container private area was created' vzctl create 201 --ostemplate busybox --layout ploop --diskspace 64M
[ -e $V/private/201/root.hdd/root.hds ] || done_testing
equal layout ploop "$(vzlist -a -H -o layout 201 | tr -d ' ')"
gives quotaon_is_obsolete 0 'nothing to do' vzctl quotaon 201
gives start 0 'Container start in progress' vzctl start 201
gives runs 0 ext4 vzctl exec 201 'grep " / " /proc/mounts'
equal loops_running 1 "$(loops)"
equal owner 0 "$(vzctl exec 201 stat -c %u /bin/busybox)"
size=$(vzctl exec 201 df -k / | awk 'END { print $2 }'); check df_is_the_limit test "$size" -gt 40000 -a "$size" -le 65536
gives full 0 'No space left' vzctl exec 201 'dd if=/dev/zero of=/big bs=1M count=100 2>&1; rm /big'
gives unsaved_diskspace 20 "can't use --diskspace without --save for a ploop-based container" vzctl set 201 --diskspace 96M
out=$(vzctl set 201 --diskspace 96M --save 2>&1)
if [[ $out == *"Operation not permitted"* || $out == *"ermission"* ]]; then skip grow "this root lacks CAP_SYS_RESOURCE, growing needs it"
else check grow test "$(vzctl exec 201 df -k / | awk 'END { print $2 }')" -gt 65536; fi
# ---- snapshots ----
vzctl exec 201 'echo one >/word'
out=$(vzctl snapshot 201 --name first 2>&1); id=$(grep -o '{[0-9a-f-]*}' <<<"$out" | head -1)
equal snapshot "Creating snapshot $id|Snapshot $id has been successfully created|" "$(tr '\n' '|' <<<"$out")"
vzctl exec 201 'echo two >/word'
gives second 0 'successfully created' vzctl snapshot 201 --id 11111111-2222-4333-8444-555555555555 --name second --skip-suspend
equal still_runs two "$(vzctl exec 201 cat /word)"
equal list "$id|first|{11111111-2222-4333-8444-555555555555}|*|second|" "$(vzctl snapshot-list 201 -H -o uuid,current,name | sed 's/  */|/g' | sort -t'|' -k3 | tr '\n' '|')"
equal list_parent "$id" "$(vzctl snapshot-list 201 -H -o parent_uuid --id 11111111-2222-4333-8444-555555555555)"
mkdir "$work/mnt"
if vzctl snapshot-mount 201 --id "$id" --target "$work/mnt"; then
	equal mounted one "$(cat "$work/mnt/word")"
	check mounted_read_only eval '! touch "$work/mnt/x" 2>/dev/null'
	gives umounts 0 '' vzctl snapshot-umount 201 --id "$id"
else bad mount_snapshot failed; fi
gives switch 0 'Container has been successfully switched to another snapshot' vzctl snapshot-switch 201 --id "$id"
gives switch_starts 0 '' vzctl start 201
equal switched one "$(vzctl exec 201 cat /word)"
gives delete 0 "Snapshot $id has been successfully deleted" vzctl snapshot-delete 201 --id "$id"
equal adopted '' "$(vzctl snapshot-list 201 -H -o parent_uuid)"
gives delete_again 158 'is not found' vzctl snapshot-delete 201 --id "$id"
gives compact 0 'trimmed' vzctl compact 201
gives stop 0 'Container is unmounted' vzctl stop 201 --fast
gives compact_stopped 0 'trimmed' vzctl compact 201
equal loops_after_stop "$before" "$(loops)"
gives destroy 0 'was destroyed' vzctl destroy 201
# ---- convert ----
vzctl create 202 --ostemplate busybox >/dev/null; echo kept >$V/private/202/word
gives convert_needs_diskspace 63 'diskspace not set' vzctl convert 202
gives snapshot_needs_image 156 'ploop' vzctl snapshot 202
vzctl set 202 --diskspace 64M --save >/dev/null 2>&1
gives convert 0 'Container was successfully converted to the ploop layout' vzctl convert 202 --layout ploop
check convert_leaves_no_files test ! -e $V/private/202/word -a ! -e $V/private/202.destroyed
gives convert_starts 0 '' vzctl start 202
equal convert_keeps kept "$(vzctl exec 202 cat /word)"
vzctl stop 202 --fast >/dev/null; vzctl destroy 202 >/dev/null
# ---- an image in ploop's own format, with a partition in it ----
A=$V/private/203; mkdir -p $A/root.hdd; echo '<Parallels_disk_image/>' >$A/root.hdd/DiskDescriptor.xml; echo 'HOSTNAME="old"' >$C/203.conf
truncate -s 32M "$work/fs"; mkfs.ext4 -q -d "$work/root" "$work/fs" && echo old >"$work/word" && debugfs -w -R "write $work/word word" "$work/fs" >/dev/null 2>&1
python3 - "$work/fs" $A/root.hdd/root.hds <<'PY'
import struct, sys
CLUSTER, START = 1 << 20, 2048 * 512
fs = open(sys.argv[1], "rb").read()
gpt = b"EFI PART" + bytes(64) + struct.pack("<Q", 2) + bytes(432)
entry = bytes(16) + b"x" * 16 + struct.pack("<QQ", 2048, 2048 + len(fs) // 512 - 1)
disk = bytearray(START) + fs + bytes(1 << 20)
disk[512:512 + len(gpt)] = gpt
disk[1024:1024 + len(entry)] = entry
count = len(disk) // CLUSTER
table, data = [], []
for i in reversed(range(count)): # in no order
    cluster = bytes(disk[i * CLUSTER:(i + 1) * CLUSTER])
    if cluster.strip(b"\0"):
        data.append(cluster)
    table.append(len(data) if cluster.strip(b"\0") else 0)
header = b"WithouFreSpacExt" + struct.pack("<IIIIIQIII", 2, 16, 64, CLUSTER // 512, count, len(disk) // 512, 0, CLUSTER // 512, 0) + bytes(8)
with open(sys.argv[2], "wb") as out:
    out.write((header + struct.pack("<%dI" % count, *reversed(table))).ljust(CLUSTER, b"\0"))
    out.write(b"".join(data))
PY
gives ploop_says_so 152 "is in ploop's own format (run vzctl convert 203 once)" vzctl start 203
echo '<Image></Image><Image></Image>' >$A/root.hdd/DiskDescriptor.xml
gives ploop_with_snapshots 155 'has snapshots' vzctl convert 203
echo '<Image></Image>' >$A/root.hdd/DiskDescriptor.xml
gives ploop_convert 0 'successfully converted' vzctl convert 203
gives ploop_starts 0 'Container start in progress' vzctl start 203
equal ploop_has_its_files old "$(vzctl exec 203 cat /word)"
vzctl stop 203 --fast >/dev/null
head -c 2000 /dev/zero | sed 's/^/WithouFreSpacExt/' | head -c 2000 >$A/root.hdd/root.hds
gives ploop_broken 155 'read the ploop image' vzctl convert 203
check ploop_broken_clean test ! -e $A/root.hdd/root.hds.new
vzctl destroy 203 >/dev/null
equal loops_at_the_end "$before" "$(loops)"
none_left left 20
done_testing
