#!/bin/bash
# What holds when nobody asked for anything: new containers, application containers, the kernel's files, what a caller
# has open.
source "$(dirname "$0")/lib.sh"
chmod 755 "$P"
prefix=${bin%/bin}
seen() { run "$1" busybox grep "^$2:" /proc/self/status | cut -f2; }
# CAPABILITY-NUMBER MASK: is it in the mask?
has() { [ $((0x$2 >> $1 & 1)) = 1 ]; }
cap_sys_module=16 cap_sys_rawio=17 cap_sys_admin=21 cap_sys_boot=22 cap_sys_time=25 cap_mac_override=32 cap_syslog=34

# --- the default configuration ------------------------------------------------------------------------------------
# IN-SUBUID: the file as an installation on such a host makes it
installed() {
	rm -rf "$work/d"; mkdir -p "$work/d$prefix/share" "$work/d/etc"
	cp -a "$prefix/libexec" "$work/d$prefix/"; cp -a "$prefix/share/lxc" "$work/d$prefix/share/"
	[ -z "$1" ] || { echo "$1" >"$work/d/etc/subuid"; echo "$1" >"$work/d/etc/subgid"; }
	DESTDIR=$work/d bash "$here/../../build-aux/post-install" "$prefix/libexec/wabe" "$prefix" >/dev/null 2>&1
	grep idmap "$work/d/etc/lxc/default.conf" | tr '\n' ' '
}
equal map-of-root-s-range "lxc.idmap = u 0 231072 65536 lxc.idmap = g 0 231072 65536 " "$(installed root:231072:65536)"
equal map-without-a-range "lxc.idmap = u 0 2013265920 65536 lxc.idmap = g 0 2013265920 65536 " "$(installed '')"
equal map-of-others-is-not-ours "lxc.idmap = u 0 2013265920 65536 lxc.idmap = g 0 2013265920 65536 " "$(installed me:100000:65536)"
mkdir -p "$work/kept/etc/lxc"; echo '# mine' >"$work/d/etc/lxc/default.conf"
DESTDIR=$work/d bash "$here/../../build-aux/post-install" "$prefix/libexec/wabe" "$prefix" >/dev/null 2>&1
equal existing-default.conf-stays '# mine' "$(cat "$work/d/etc/lxc/default.conf")"
installed '' >/dev/null

if [ -e /etc/lxc/default.conf ]; then
	[ "$(cat /sys/module/apparmor/parameters/enabled 2>/dev/null)" != Y ] ||
		echo 'lxc.apparmor.profile = unconfined' >>"$work/d/etc/lxc/default.conf"
	mount --bind "$work/d/etc/lxc/default.conf" /etc/lxc/default.conf # this mount namespace ends with the test
	check create lxc-create -n new -t busybox -- --busybox-path "$busybox"
	equal owner-of-new-files 2013265920 "$(stat -c %u "$P/new/rootfs/bin")"
	check start-new lxc-start -n new
	check new-runs soon 5 is new RUNNING
	pid=$(init_of new)
	equal map-of-new "0 2013265920 65536" "$(echo $(cat "/proc/$pid/uid_map"))"
	equal new-is-nobody-here 2013265920 "$(stat -c %u "/proc/$pid")"
	equal new-has-own-network no "$([ "$(readlink /proc/self/ns/net)" = "$(readlink "/proc/$pid/ns/net")" ] && echo yes || echo no)"
	check write-inside run new busybox sh -c 'echo x >/root/x'
	check stop-new stop new
	check copy lxc-copy -n new -N newer
	check start-copy lxc-start -n newer
	equal map-of-copy "0 2013265920 65536" "$(echo $(cat "/proc/$(init_of newer)/uid_map"))"
	stop newer
	check destroy lxc-destroy -n new; lxc-destroy -n newer
	# in a user namespace whose ids it lacks root has no use for the map
	if text=$(lxc-usernsexec -m b:0:100000:65536 -- true 2>&1); then
		mkdir -m 755 "$work/p"; chown 100000:100000 "$work/p"; chmod 755 "$work"
		check create-where-ids-lack lxc-usernsexec -m b:0:100000:65536 -- "$bin/lxc-create" -P "$work/p" -n in -t none
		equal no-map-where-ids-lack "" "$(grep idmap "$work/p/in/config")"
	else skip create-where-ids-lack "lxc-usernsexec: $text"; fi
else
	skip create "no /etc/lxc/default.conf to mount over"
fi

# --- a privileged system container of common.conf -----------------------------------------------------------------
container sys "lxc.include = $prefix/share/lxc/config/common.conf" "lxc.mount.auto = proc:mixed sys:mixed"
check start-sys start sys
bounding=$(seen sys CapBnd)
for c in sys_module sys_rawio sys_time mac_override syslog; do
	n=cap_$c; has "${!n}" "$bounding" && bad "sys-lacks-$c" "$bounding" || good "sys-lacks-$c"
done
has $cap_sys_admin "$bounding" && good sys-keeps-sys_admin || bad sys-keeps-sys_admin "$bounding"
equal sys-may-use-setuid 0 "$(seen sys NoNewPrivs)"
for f in kcore keys timer_list sched_debug; do
	[ -e "/proc/$f" ] || { skip "masked-$f" "this kernel has none"; continue; }
	equal "masked-$f" "" "$(run sys busybox head -c 10 "/proc/$f" 2>&1)"
	check "masked-$f-stays" run sys busybox sh -c "! chmod 666 /proc/$f 2>/dev/null && ! echo x 2>/dev/null >/proc/$f"
done
for d in /proc/acpi /proc/scsi /sys/firmware; do
	[ -d "$d" ] || { skip "masked-$d" "this kernel has none"; continue; }
	equal "masked-$d" "" "$(run sys busybox ls -A "$d" 2>&1)"
	check "masked-$d-stays" run sys busybox sh -c "! mkdir $d/x 2>/dev/null"
done
for f in sysrq-trigger sys/kernel/core_pattern sys/vm/drop_caches irq/default_smp_affinity; do
	[ -e "/proc/$f" ] || { skip "read-only-$f" "this kernel has none"; continue; }
	check "read-only-$f" run sys busybox sh -c "! true 2>/dev/null >>/proc/$f"
done
for d in sys bus fs irq; do
	[ ! -d "/proc/$d" ] || check "read-only-$d" run sys busybox grep -qE "^[^ ]+ /proc/$d proc ro," /proc/mounts
done
check network-sysctl-is-writable run sys busybox sh -c 'echo 1 >/proc/sys/net/ipv4/ip_forward'
check sys-is-read-only run sys busybox grep -qE '^[^ ]+ /sys sysfs ro,' /proc/mounts
equal others-of-proc-stay "$(echo $(ls -d /proc/{cpuinfo,meminfo,stat,uptime,filesystems}))" \
	"$(echo $(run sys busybox ls /proc/cpuinfo /proc/meminfo /proc/stat /proc/uptime /proc/filesystems))"
check stop-sys stop sys
none_left clean-sys sys

# --- application containers ---------------------------------------------------------------------------------------
app() { timeout 20 lxc-execute -n app "$@" </dev/null; }
status() { app "$@" -- busybox cat /proc/self/status /proc/1/status | grep -E '^(CapBnd|CapPrm|NoNewPrivs|Seccomp):' | cut -f2 | tr '\n' ' '; }
read -r permitted bounding no_new_privs _ own_permitted _ own_no_new_privs own_seccomp <<<"$(status)"
equal app-no-new-privs 1 "$no_new_privs"
for c in sys_module sys_rawio sys_boot sys_time mac_override syslog; do
	n=cap_$c; has "${!n}" "$bounding" && bad "app-lacks-$c" "$bounding" || good "app-lacks-$c"
done
equal app-permitted-is-bounding "$bounding" "$permitted"
has $cap_sys_admin "$permitted" && good app-keeps-sys_admin || bad app-keeps-sys_admin "$permitted"
equal app-init-has-no-more "20 1 2" "$(printf %x "0x$own_permitted") $own_no_new_privs $own_seccomp"
# from the program's first instruction on: one that is quick to look must not be ahead of the init's giving up
early=$(for ((i = 0; i < 40; i++)); do app -- busybox grep -E '^(CapPrm|Seccomp):' /proc/1/status; done | sort | uniq -c)
equal app-init-was-first "40 CapPrm: 0000000000000020 40 Seccomp: 2" "$(echo $early)"
read -r _ bounding no_new_privs _ <<<"$(status -s lxc.no_new_privs=0 -s lxc.cap.drop=)"
equal app-asked-for-setuid 0 "$no_new_privs"
equal app-asked-for-all "$(grep CapBnd /proc/self/status | cut -f2)" "$bounding"
read -r _ bounding _ <<<"$(status -s lxc.cap.drop=net_raw)"
has $cap_sys_module "$bounding" && good app-own-list-replaces || bad app-own-list-replaces "$bounding"
app -- sh -c 'exit 7'; equal app-status 7 $?
app -- sh -c 'kill -9 $$'; equal app-signal 137 $?
app -- sh -c 'kill -TERM 1; sleep 30'; equal app-term 143 $?

# --- what the caller has ------------------------------------------------------------------------------------------
container sys
start sys
descriptors='for f in /proc/self/fd/*; do [ -e "$f" ] && echo "${f##*/}"; done | sort -n | tr "\n" " "'
exec 7</etc/passwd 8</
equal attach-descriptors "0 1 2 " "$(run sys sh -c "$descriptors" | sed 's/ [39] / /;s/ 10 / /')"
equal execute-descriptors "0 1 2 " "$(app -- sh -c "$descriptors" | sed 's/ [39] / /;s/ 10 / /')"
exec 7<&- 8<&-
# a key in the session keyring of a caller is nothing that a container finds
cat >"$work/key.py" <<'F'
import ctypes, os, sys, platform
libc = ctypes.CDLL(None, use_errno=True)
add, ctl = {"x86_64": (248, 250), "aarch64": (217, 219)}[platform.machine()]
if libc.syscall(ctl, 1, None) < 0 or libc.syscall(add, b"user", b"wabe-test", b"secret", ctypes.c_size_t(6), -3) < 0:
    sys.exit(77)
os.execvp(sys.argv[1], sys.argv[1:])
F
cat >"$work/find.py" <<'F'
import ctypes, platform
libc = ctypes.CDLL(None, use_errno=True)
print("found" if libc.syscall({"x86_64": 250, "aarch64": 219}[platform.machine()], 10, -3, b"user", b"wabe-test", 0) > 0 else "none")
F
if [ "$(python3 "$work/key.py" python3 "$work/find.py" 2>/dev/null)" = found ]; then
	equal execute-keyring none "$(python3 "$work/key.py" timeout 20 lxc-execute -n app -- python3 "$work/find.py" </dev/null)"
	equal execute-keyring-kept found "$(python3 "$work/key.py" timeout 20 lxc-execute -n app -s lxc.keyring.session=1 -- python3 "$work/find.py" </dev/null)"
	equal attach-keyring none "$(python3 "$work/key.py" timeout 20 lxc-attach -n sys -s 'PID|NETWORK' -- python3 "$work/find.py" </dev/null)"
else
	skip keyring "no session keyrings here"
fi
check stop-all stop sys
none_left clean-all sys
done_testing
