#!/bin/bash
# AppArmor (profiles generated, named, the default), SELinux' absence, Landlock. Without AppArmor: what is said instead.
. "$(dirname "$0")/lib.sh"
helper=$(dirname "$bin")/libexec/wabe/wabe-apparmor
policy=/sys/kernel/security/apparmor

# NAME LINE...: as container, but without its lxc.apparmor.profile
confined() {
	container "$@"
	[[ $* == *"lxc.apparmor.profile = unconfined"* ]] || sed -i '/^lxc.apparmor.profile = unconfined$/d' "$P/$1/config"
}
label_of() { sed 's/ (.*//' "/proc/$1/attr/apparmor/current"; }
loaded() { grep -F "$1 (" $policy/profiles; }
not() { ! "$@"; }
milliseconds() { local t=$EPOCHREALTIME; "$@" >/dev/null 2>&1; local r=$?; t=$(((${EPOCHREALTIME/./} - ${t/./}) / 1000)); echo $t; return $r; }

# --- Landlock -----------------------------------------------------------------------------------------------------

landlock() {
	[ "$(python3 -c 'import ctypes; print(ctypes.CDLL(None).syscall(444, None, 0, 1))' 2>/dev/null)" -ge 1 ] 2>/dev/null
}
application() { # NAME KEY=VALUE... -- COMMAND
	local n=$1 defines=(); shift
	while [ "$1" != -- ]; do defines+=(-s "$1"); shift; done; shift
	timeout 10 lxc-execute -P "$P" -n "$n" -s lxc.apparmor.profile=unconfined "${defines[@]}" -- "$@" </dev/null
}
test_landlock() {
	local read=(lxc.landlock.read=/etc lxc.landlock.read=/proc lxc.landlock.write=/dev lxc.landlock.write="$work/open")
	local d; for d in /bin /usr /lib /lib64; do [ ! -e $d ] || read+=("lxc.landlock.execute=$d"); done
	mkdir "$work/open" "$work/closed"; echo secret >"$work/closed/file"
	check landlock-runs application ll "${read[@]}" -- /bin/true
	check landlock-reads-what-is-named application ll "${read[@]}" -- cat /etc/passwd
	check landlock-writes-what-is-named application ll "${read[@]}" -- sh -c "echo x >$work/open/new"
	check landlock-not-read not application ll "${read[@]}" -- cat "$work/closed/file"
	check landlock-not-written not application ll "${read[@]}" -- sh -c "echo x >/etc/lsm-test"
	check landlock-not-executed not application ll "${read[@]}" -- sh -c "cp /bin/true $work/open/t && $work/open/t"
	check landlock-without-rules application ll -- cat "$work/closed/file"
	application ll "${read[@]}" lxc.landlock.read=/no/such -- /bin/true >"$work/out" 2>&1
	check landlock-names-the-missing grep -q '/no/such' "$work/out"
	check landlock-wants-absolute not application ll lxc.landlock.read=etc -- /bin/true
	container inside lxc.landlock.read=/ lxc.landlock.execute=/bin lxc.landlock.execute=/sbin lxc.landlock.execute=/lib \
		lxc.landlock.execute=/lib64 lxc.landlock.write=/dev
	sed -i 's/^echo >.ready//' "$P/inside/rootfs/sbin/init"
	timeout 10 lxc-start -P "$P" -n inside
	check landlock-in-a-container is inside RUNNING
	check landlock-holds-for-attach not run inside /bin/sh -c 'echo x >/etc/x'
	check landlock-lets-attach-read run inside /bin/cat /etc/passwd
	stop inside; none_left landlock-leaves-nothing inside
}
if landlock; then test_landlock; else skip landlock "this kernel has none"; fi

# --- without AppArmor, without SELinux ----------------------------------------------------------------------------

container selinux 'lxc.selinux.context = system_u:system_r:lxc_t:s0'
if [ ! -e /sys/fs/selinux ]; then
	start selinux 2>"$work/err"
	equal selinux-is-missing 1 "$(grep -c 'SELinux context system_u:system_r:lxc_t:s0 is not applied' "$work/err")"
	check selinux-starts-without is selinux RUNNING
	stop selinux
fi
if [ "$(cat /sys/module/apparmor/parameters/enabled 2>/dev/null)" != Y ]; then
	confined named 'lxc.apparmor.profile = my-profile'
	start named 2>"$work/err"
	equal apparmor-named-is-missing 1 "$(grep -c 'AppArmor profile my-profile is not applied' "$work/err")"
	check apparmor-named-starts-without is named RUNNING
	stop named
	timeout 10 lxc-start -F -P "$P" -n named >"$work/err" 2>&1 </dev/null &
	check apparmor-says-so-in-the-foreground soon 5 grep -q 'my-profile is not applied' "$work/err"
	soon 5 is named RUNNING; stop named; wait
	confined generated 'lxc.apparmor.profile = generated'
	start generated 2>"$work/err"
	equal apparmor-generated-is-silent "" "$(cat "$work/err")"
	stop generated
	confined default
	start default 2>"$work/err"
	equal apparmor-default-is-silent "" "$(cat "$work/err")"
	stop default
	skip apparmor "this kernel runs none"
	none_left leaves-nothing default
	done_testing
fi

# --- AppArmor -----------------------------------------------------------------------------------------------------

if ! command -v apparmor_parser >/dev/null; then skip apparmor "apparmor_parser is missing"; done_testing; fi

generated="lxc-gen_<$P>" namespace="lxc-gen_<${P//\//-}>"
confined gen 'lxc.apparmor.profile = generated' 'lxc.mount.auto = proc:rw sys:rw'
first=$(milliseconds start gen) || bad generated-starts "$first"
check generated-starts is gen RUNNING
pid=$(init_of gen)
equal generated-label "$generated//&:$namespace:unconfined" "$(label_of "$pid")"
equal generated-is-enforced "$generated (enforce)" "$(loaded "$generated")"
check generated-attach-is-confined [ "$(run gen cat /proc/self/attr/apparmor/current)" = unconfined ]
run gen sleep 5 & soon 3 pgrep -f '^sleep 5$' >/dev/null
equal generated-attach-has-the-label "$generated//&:$namespace:unconfined" "$(label_of "$(pgrep -nf '^sleep 5$')")"
# NAME COMMAND: refused inside
denied() { local n=$1; shift; check "denied-$n" not run gen sh -c "$*"; }
allowed() { local n=$1; shift; check "allowed-$n" run gen sh -c "$*"; }
denied sysrq-trigger ': >/proc/sysrq-trigger'
denied core-pattern 'cat /proc/sys/kernel/core_pattern >/tmp/p; cat /tmp/p >/proc/sys/kernel/core_pattern'
denied swappiness 'cat /proc/sys/vm/swappiness >/tmp/p; cat /tmp/p >/proc/sys/vm/swappiness'
denied kcore 'head -c 1 /proc/kcore >/tmp/p && [ -s /tmp/p ]'
denied securityfs 'mount -t securityfs x /sys/kernel/security && [ -w /sys/kernel/security/lsm ] && ls /sys/kernel/security/integrity'
denied debugfs 'mount -t debugfs x /mnt'
denied proc-elsewhere 'mount -t proc x /mnt'
denied sysfs-elsewhere 'mount -t sysfs x /mnt'
denied devtmpfs 'mount -t devtmpfs x /mnt'
denied second-path-of-proc 'mount -o bind /proc /mnt'
denied second-path-of-root 'mount -o rbind / /mnt'
denied sys-switches 'cat /sys/kernel/mm/ksm/run >/tmp/p; cat /tmp/p >/sys/kernel/mm/ksm/run'
denied sysrq-after-a-profile-change 'echo "changeprofile unconfined" >/proc/self/attr/apparmor/current; : >/proc/sysrq-trigger'
denied exec-unconfined 'echo "exec :root:unconfined" >/proc/self/attr/apparmor/exec'
allowed tmpfs 'mount -t tmpfs x /mnt && mkdir /mnt/a /mnt/b && mount -o bind /mnt/a /mnt/b && umount /mnt/b && umount /mnt'
allowed remount 'mount -t tmpfs x /mnt && mount -o remount,ro /mnt && umount /mnt'
allowed hostname 'cat /proc/sys/kernel/hostname >/tmp/p && cat /tmp/p >/proc/sys/kernel/hostname'
allowed network-settings 'echo 1 >/proc/sys/net/ipv4/ip_forward'
allowed signals 'sleep 9 & kill $!'
allowed own-proc 'mount -t proc x /proc && umount /proc'
# CVE-2015-1334: what the container shows at /proc is nobody's word but its own
run gen sh -c 'mount -t tmpfs x /proc && mkdir -p /proc/self/attr/apparmor /proc/1/attr/apparmor &&
	for f in self 1; do for a in current exec; do echo unconfined >/proc/$f/attr/apparmor/$a; echo unconfined >/proc/$f/attr/$a; done; done'
timeout 10 lxc-attach -P "$P" -n gen -- sleep 6 & soon 3 pgrep -f '^sleep 6$' >/dev/null
equal attach-ignores-a-faked-proc "$generated//&:$namespace:unconfined" "$(label_of "$(pgrep -nf '^sleep 6$')")"
kill $! 2>/dev/null
stop gen; wait
check generated-is-gone-after-stop not loaded "$generated"
check its-namespace-is-gone not [ -e "$policy/policy/namespaces/$namespace" ]
second=$(milliseconds start gen); stop gen
if [ "$second" -lt $((first / 2)) ]; then good "second-start-is-faster ($first ms, then $second)"; else bad second-start-is-faster "$first ms, then $second"; fi
"$bin/lxc-start" -P "$P" -n gen; kill -KILL "$(supervisor_of gen)"; stop gen
check gone-after-a-killed-supervisor soon 5 not loaded "$generated"

confined nest 'lxc.apparmor.profile = generated' 'lxc.apparmor.allow_nesting = 1' 'lxc.mount.auto = proc:rw sys:rw'
start nest
check nesting-mounts-proc run nest sh -c 'mkdir -p /mnt/p && mount -t proc x /mnt/p && umount /mnt/p'
check nesting-denies-sysrq not run nest sh -c ': >/proc/sysrq-trigger'
stop nest

confined raw 'lxc.apparmor.profile = generated' 'lxc.apparmor.raw = deny /etc/secret r,' 'lxc.apparmor.raw = deny /tmp/no w,'
echo x >"$P/raw/rootfs/etc/secret"
start raw
check raw-lines-hold not run raw cat /etc/secret
check raw-lines-are-all-there not run raw sh -c 'echo >/tmp/no'
stop raw
confined raw 'lxc.apparmor.profile = generated' 'lxc.apparmor.raw = no rule at all'
timeout 20 lxc-start -P "$P" -n raw 2>"$work/err"
check wrong-raw-is-one-line [ "$(grep -c 'AppArmor' "$work/err")" = 1 ]
check wrong-raw-does-not-start is raw STOPPED

confined mapped 'lxc.apparmor.profile = generated' 'lxc.idmap = u 0 100000 65536' 'lxc.idmap = g 0 100000 65536'
chown -R 100000:100000 "$P/mapped/rootfs"; chmod 755 "$P/mapped"
start mapped
check mapped-is-confined grep -q '^lxc-mapped_<' "/proc/$(init_of mapped)/attr/apparmor/current"
check mapped-mounts run mapped sh -c 'mount -t tmpfs x /mnt && mount -o bind /tmp /mnt && umount /mnt'
check mapped-denies-sysrq not run mapped sh -c ': >/proc/sysrq-trigger'
stop mapped

confined default 'lxc.mount.auto = proc:rw sys:rw'
start default
equal default-label lxc-container-default-cgns "$(label_of "$(init_of default)")"
check default-denies-sysrq not run default sh -c ': >/proc/sysrq-trigger'
stop default
confined un 'lxc.apparmor.profile = unconfined'
start un; equal unconfined unconfined "$(label_of "$(init_of un)")"; stop un
confined missing 'lxc.apparmor.profile = no-such-profile'
timeout 10 lxc-start -P "$P" -n missing 2>"$work/err"
check missing-profile-is-named grep -q 'no-such-profile' "$work/err"
check missing-profile-does-not-start is missing STOPPED

timeout 20 lxc-execute -P "$P" -n app -s lxc.apparmor.profile=generated -- sleep 7 </dev/null & soon 5 pgrep -f '^sleep 7$' >/dev/null
check application-is-confined grep -q "^lxc-app_<" "/proc/$(pgrep -nf '^sleep 7$')/attr/apparmor/current"
check its-init-is-confined grep -q "^lxc-app_<" "/proc/$(init_of app)/attr/apparmor/current"
stop app; wait

# --- the helper: its caller may be an attacker --------------------------------------------------------------------

as_user() { setpriv --reuid 1000 --regid 1000 --clear-groups "$@"; }
if [ -u "$helper" ] && as_user test -x "$helper"; then
	check user-loads-own as_user "$helper" load userns "lxc-uid1000-c_</home/c>"
	check user-loaded loaded "lxc-uid1000-c_</home/c>"
	check user-not-as-root not as_user "$helper" load userns "lxc-c_</home/c>"
	check user-not-as-another not as_user "$helper" load "lxc-uid1001-c_</home/c>"
	check user-not-a-longer-uid not as_user "$helper" load "lxc-uid10001-c_</home/c>"
	check user-not-strange-characters not as_user "$helper" load 'lxc-uid1000-c_</home/{a,b}>'
	check user-no-quotes not as_user "$helper" load 'lxc-uid1000-c"_</home/a>'
	check user-no-raw-lines eval 'echo "capability mac_admin," | as_user "$helper" load userns "lxc-uid1000-c_</home/c>"'
	check user-unloads-not-the-default not as_user "$helper" unload lxc-container-default-cgns
	check user-unloads-not-roots not as_user "$helper" unload "lxc-gen_<$P>"
	check user-small-file-limit as_user bash -c 'ulimit -f 1; exec "$0" load nesting "lxc-uid1000-d_</home/c>"' "$helper"
	check user-closed-fds as_user bash -c 'exec "$0" load nesting "lxc-uid1000-d_</home/c>" <&- >&- 2>&-' "$helper"
	check user-unloads-own as_user "$helper" unload "lxc-uid1000-c_</home/c>"
	as_user "$helper" unload "lxc-uid1000-d_</home/c>"
	check user-unloaded not loaded "lxc-uid1000-"
	check root-named-like-a-user not "$helper" load "lxc-uid1000-c_</home/c>"
else
	skip helper-of-users "$helper is not set-uid here"
fi
none_left leaves-nothing default
equal no-profile-is-left "" "$(grep -E '^lxc-[a-z0-9-]+_<' $policy/profiles)"
done_testing
