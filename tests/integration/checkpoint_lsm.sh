#!/bin/bash
# What confines a container still does after a checkpoint and a restore: seccomp, AppArmor; and what can not come back keeps it from being saved.
source "$(dirname "$0")/lib.sh"
: "${WABE_CRIU:=$(command -v criu || true)}"
export WABE_CRIU
if [ -z "$WABE_CRIU" ] || ! "$WABE_CRIU" check >/dev/null 2>&1; then skip checkpoint_lsm "no criu that works on this kernel"; done_testing; fi
images=$work/images

confined() { # as container, but without its lxc.apparmor.profile
	container "$@"
	[[ $* == *"lxc.apparmor.profile = unconfined"* ]] || sed -i '/^lxc.apparmor.profile = unconfined$/d' "$P/$1/config"
	printf '%s\n' '#!/bin/sh' 'trap "exit 0" USR1 TERM PWR' 'echo >/ready' \
		'while :; do if mkdir /denied; then rmdir /denied; echo made; else echo refused; fi 2>/dev/null >/mkdir.new; mv /mkdir.new /mkdir' \
		'if (echo >/etc/secret) 2>/dev/null; then echo made; else echo refused; fi >/secret.new; mv /secret.new /secret; sleep 0.1; done' \
		>"$P/$1/rootfs/sbin/init"
}
label_of() { cat "/proc/$1/attr/apparmor/current" 2>/dev/null || cat "/proc/$1/attr/current" 2>/dev/null; }
seccomp_of() { grep -E '^(Seccomp|Seccomp_filters|NoNewPrivs|CapBnd|CapEff):' "/proc/$1/status" | xargs; }
# What the container's init finds now, not before.
finds() { rm -f "$P/$1/rootfs/$2"; soon 10 test -s "$P/$1/rootfs/$2"; cat "$P/$1/rootfs/$2"; }
all_of() { local pid; pid=$(init_of "$1"); echo "$(label_of "$pid") $(seccomp_of "$pid") mkdir $(finds "$1" mkdir) secret $(finds "$1" secret)"; }
# NAME CHECK: saved, ended, restored, and confined as it was; twice, for the second one saves what a restore has made
there_and_back() {
	local n=$1 check=$2 before; before=$(all_of "$n")
	for round in first again; do
		rm -rf "$images"
		timeout 100 lxc-checkpoint -P "$P" -n "$n" -D "$images" -s 2>"$work/err" && timeout 100 lxc-checkpoint -P "$P" -n "$n" -D "$images" -r 2>>"$work/err" ||
			{ bad "$check-$round" "$(cat "$work/err")"; return 1; }
		equal "$check-$round" "$before" "$(all_of "$n")"
	done
	equal "$check-attach" "$(label_of "$(init_of "$n")")" "$(run "$n" sleep 5 & soon 5 pgrep -f '^sleep 5$' >/dev/null; label_of "$(pgrep -nf '^sleep 5$')")"
}

printf '2\ndenylist\n[all]\nmkdir errno 13\nmkdirat errno 13\n' >"$work/policy"
confined sec "lxc.seccomp.profile = $work/policy" 'lxc.apparmor.profile = unconfined' 'lxc.cap.drop = sys_time' 'lxc.no_new_privs = 1'
start sec
check seccomp-is-on grep -q '^Seccomp:	2' "/proc/$(init_of sec)/status"
equal seccomp-refuses refused "$(finds sec mkdir)"
there_and_back sec seccomp
check seccomp-of-attach eval '! run sec mkdir /also'
stop sec

# a policy of the configuration that has changed meanwhile counts for what is attached, not for what was saved
printf '2\ndenylist\n[all]\n' >"$work/policy"; rm -rf "$images"
start sec; equal without-a-policy made "$(finds sec mkdir)"; stop sec

if [ "$(python3 -c 'import ctypes; print(ctypes.CDLL(None).syscall(444, None, 0, 1))' 2>/dev/null || echo 0)" -ge 1 ]; then
	confined lock lxc.landlock.read=/ lxc.landlock.execute=/bin lxc.landlock.execute=/sbin lxc.landlock.execute=/lib lxc.landlock.execute=/lib64 \
		lxc.landlock.write=/dev 'lxc.apparmor.profile = unconfined'
	printf '%s\n' '#!/bin/sh' 'while :; do sleep 1; done' >"$P/lock/rootfs/sbin/init"
	timeout 30 lxc-start -P "$P" -n lock
	check landlock-is-on eval "! run lock sh -c 'echo x >/etc/x'"
	text=$(timeout 60 lxc-checkpoint -P "$P" -n lock -D "$images.lock" -s 2>&1); status=$?
	equal landlock-is-refused "1 RUNNING" "$status $(state lock)"
	check landlock-is-named grep -q 'Landlock confines it' <(echo "$text")
	stop lock; none_left landlock-leaves-nothing lock
else skip landlock "this kernel has none"; fi

if [ "$(cat /sys/module/apparmor/parameters/enabled 2>/dev/null)" != Y ]; then skip apparmor "this kernel runs none"; none_left leaves-nothing sec; done_testing; fi
if ! command -v apparmor_parser >/dev/null; then skip apparmor "apparmor_parser is missing"; done_testing; fi

apparmor_parser -r <<'PROFILE'
profile wabe-checkpoint flags=(attach_disconnected,mediate_deleted) {
	file, network, capability, mount, umount, pivot_root, signal, ptrace, unix,
	deny /etc/secret w,
}
PROFILE
confined named 'lxc.apparmor.profile = wabe-checkpoint' "lxc.seccomp.profile = $work/policy"
start named
equal named-is-enforced 'wabe-checkpoint (enforce)' "$(label_of "$(init_of named)")"
equal named-refuses refused "$(finds named secret)"
there_and_back named named
# not loaded where it is restored: refused, not unconfined
timeout 100 lxc-checkpoint -P "$P" -n named -D "$images" -s
apparmor_parser -R <<<'profile wabe-checkpoint { }'
text=$(timeout 100 lxc-checkpoint -P "$P" -n named -D "$images" -r 2>&1); status=$?
equal named-and-missing-is-refused "1 STOPPED" "$status $(state named)"
check named-and-missing-is-said grep -q 'wabe-checkpoint.*apparmor_parser' <<<"$text"
none_left named-and-missing-leaves-nothing named
# a checkpoint of before, which does not know its profiles; unconfined now, criu alone finds out
sed -i '/^apparmor /d' "$images/checkpoint"; cp "$P/named/config" "$work/config"
text=$(timeout 100 lxc-checkpoint -P "$P" -n named -D "$images" -r 2>&1); status=$?
equal profile-of-the-configuration "1 STOPPED 1" "$status $(state named) $(grep -c 'wabe-checkpoint.*apparmor_parser' <<<"$text")"
sed -i 's/^lxc.apparmor.profile = .*/lxc.apparmor.profile = unconfined/' "$P/named/config"
text=$(timeout 100 lxc-checkpoint -P "$P" -n named -D "$images" -r 2>&1); status=$?
equal criu-fails-late "1 STOPPED 1" "$status $(state named) $(grep -c 'lsm profile' <<<"$text")"
none_left criu-fails-late-leaves-nothing named
cp "$work/config" "$P/named/config"

confined default "lxc.seccomp.profile = $work/policy"
start default; there_and_back default default; stop default
confined gen 'lxc.apparmor.profile = generated' 'lxc.apparmor.raw = deny /etc/secret w,'
start gen
equal generated-refuses refused "$(finds gen secret)"
there_and_back gen generated
stop gen
confined mapped 'lxc.apparmor.profile = generated' 'lxc.idmap = u 0 2013265920 65536' 'lxc.idmap = g 0 2013265920 65536'
chown -R 2013265920:2013265920 "$P/mapped/rootfs"
start mapped; there_and_back mapped mapped; stop mapped
equal no-profile-is-left "" "$(grep -E '^lxc-[a-z0-9-]+_<' /sys/kernel/security/apparmor/profiles)"
none_left leaves-nothing gen
done_testing
