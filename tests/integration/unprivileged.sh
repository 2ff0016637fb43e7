#!/bin/bash
# Containers of an ordinary user: made, run, limited, copied and removed without root. Run as root in the sandbox, which
# makes such a user, or as one (in a group that was delegated to it).
if [ "$(id -u)" != 0 ]; then export SANDBOX=none P=$HOME/.local/share/lxc; fi
source "$(dirname "$0")/lib.sh"
prefix=${bin%/bin}
chmod 755 "$work"

# --- the user -----------------------------------------------------------------------------------------------------

group= # as root: the delegated group's path in each hierarchy
if [ "$(id -u)" = 0 ]; then
	uid=1234 home=$work/home first=300000
	for f in passwd group subuid subgid; do cp "/etc/$f" "$work/$f" 2>/dev/null || : >"$work/$f"; done
	echo "wabetest:x:1234:1234::$home:/bin/bash" >>"$work/passwd"; echo 'wabetest:x:1234:' >>"$work/group"
	echo 'wabetest:300000:65536' >"$work/subuid"; echo '1234:300000:65536' >"$work/subgid" # both forms
	for f in passwd group subuid subgid; do touch "/etc/$f"; mount --bind "$work/$f" "/etc/$f"; done
	mkdir -p "$home" /run/user/1234; chown 1234:1234 "$home" /run/user/1234; chmod 700 "$home" /run/user/1234
	runtime=/run/user/1234
	U() {
		(
			# a start has moved who was in the group to a group below it
			[ -z "$group" ] || for d in $(find /sys/fs/cgroup -maxdepth 3 -path "*/$SANDBOX/user" 2>/dev/null); do
				[ ! -d "$d/lxc.pivot" ] || d=$d/lxc.pivot
				echo $BASHPID >"$d/cgroup.procs"
			done
			umask "${mask:-022}"
			exec setpriv --reuid 1234 --regid 1234 --clear-groups env -i HOME="$home" USER=wabetest \
				XDG_RUNTIME_DIR="$runtime" PATH="$bin:/usr/bin:/bin:/usr/sbin:/sbin" "$@"
		)
	}
	# As a service manager would: a group for the user with its files.
	delegate() {
		local d f
		for d in $(find /sys/fs/cgroup -maxdepth 3 -type d -name "$SANDBOX"); do
			mkdir -p "$d/user"
			chown 1234:1234 "$d/user"
			for f in cgroup.procs tasks cgroup.threads cgroup.subtree_control; do
				[ ! -e "$d/user/$f" ] || chown 1234:1234 "$d/user/$f"
			done
			[ ! -e "$d/user/cpuset.cpus" ] || [ -e "$d/cgroup.controllers" ] || for f in cpus mems; do
				cat "$d/cpuset.$f" >"$d/user/cpuset.$f"
			done
		done
		group=yes
	}
else
	uid=$(id -u) home=$HOME runtime=${XDG_RUNTIME_DIR:-/run/user/$uid}
	first=$(grep -E "^($(id -un)|$uid):" /etc/subuid | head -n 1 | cut -d: -f2)
	U() { ( umask "${mask:-022}"; exec env XDG_RUNTIME_DIR="$runtime" "$@" ); }
	delegate() { group=yes; }
fi
lxc=$home/.local/share/lxc
config() { # LINE...: the user's default.conf
	U mkdir -p "$home/.config/lxc"
	printf '%s\n' "lxc.include = $prefix/share/lxc/config/userns.conf" 'lxc.net.0.type = empty' \
		"$@" | U tee "$home/.config/lxc/default.conf" >/dev/null
	[ "$(cat /sys/module/apparmor/parameters/enabled 2>/dev/null)" != Y ] ||
		echo 'lxc.apparmor.profile = unconfined' | U tee -a "$home/.config/lxc/default.conf" >/dev/null
}
map=("lxc.idmap = u 0 $first 65536" "lxc.idmap = g 0 $first 65536")
up() { soon 5 U lxc-attach -n "$1" -- true; }
has() { # NAME TEXT CMD...: CMD fails and writes TEXT in one line
	local n=$1 text=$2 out; shift 2
	if out=$("$@" 2>&1); then bad "$n" "succeeded: $out"
	elif [[ $out == *"$text"* && $out != *$'\n'* ]]; then good "$n"; else bad "$n" "$out"; fi
}

# --- without any group --------------------------------------------------------------------------------------------

config
has create-without-map "needs lxc.idmap" U lxc-create -n a -t busybox
equal hint-is-the-own-range 1 "$(U lxc-create -n a -t busybox 2>&1 | grep -c "u 0 $first 65536")"
config "${map[@]}"
check create U lxc-create -n a -t busybox
equal owner-of-rootfs "$first" "$(stat -c %u "$lxc/a/rootfs" 2>/dev/null)"
equal owner-of-config "$uid" "$(stat -c %u "$lxc/a/config")"
if [ "$(id -u)" = 0 ]; then
	warning=$(U lxc-start -n a 2>&1); status=$?
	equal start-without-group 0 $status
	equal one-warning 1 "$(grep -c 'can not be limited' <<<"$warning")"
	check attach-without-group U lxc-attach -n a -- true
	check stop-without-group U lxc-stop -n a -t 5
	has limit-without-group lxc-unpriv-start U lxc-start -n a -s lxc.cgroup2.memory.max=64M -s lxc.cgroup.memory.limit_in_bytes=64M
fi
delegate

# --- with one -----------------------------------------------------------------------------------------------------

warning=$(U lxc-start -n a 2>&1)
equal start "0 " "$? $warning"
up a || bad up "$(U lxc-info -n a 2>&1)"
equal info RUNNING "$(U lxc-info -n a -sH)"
init=$(U lxc-info -n a -pH)
equal uid-of-init "$first" "$(stat -c %u "/proc/$init")"
equal ls "a RUNNING true" "$(U lxc-ls -f -F NAME,STATE,UNPRIVILEGED | awk '$1 == "a" { print $1, $2, $3 }')"
equal uid-inside 0 "$(U lxc-attach -n a -- id -u)"
equal attach-in-group "" "$(U lxc-attach -n a -- cat /proc/self/cgroup | grep '^0::' | grep -v '^0::/$')"
equal terminal 0 "$(U lxc-attach -n a -- stat -c %u /dev/console /dev/pts/0 | sort -u)"
check freeze U lxc-freeze -n a
equal frozen FROZEN "$(U lxc-info -n a -sH)"
check unfreeze U lxc-unfreeze -n a
check stop U lxc-stop -n a -t 10
equal stopped STOPPED "$(U lxc-info -n a -sH)"
equal no-group-left "" "$(find /sys/fs/cgroup -type d -path "*/$SANDBOX/*" -name '*lxc.payload.a*' 2>/dev/null)"
equal run-directory-empty "" "$(ls "$runtime/wabe/lxc" 2>/dev/null)"
equal execute 3 "$(U lxc-execute -n a -- sh -c 'exit 3' >/dev/null 2>&1; echo $?)"

# limits bite: a fork too many is refused, memory beyond the limit is the end
pids=(-s lxc.cgroup.pids.max=20 -s lxc.cgroup2.pids.max=20)
memory=(-s lxc.cgroup.memory.limit_in_bytes=24M -s lxc.cgroup2.memory.max=24M -s lxc.cgroup2.memory.swap.max=0)
if out=$(U lxc-start -n a "${pids[@]}" "${memory[@]}" 2>&1) && up a; then
	U lxc-attach -n a -- sh -c 'for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25; do sleep 3 & done' \
		>"$work/forks" 2>&1
	equal pids-bite 1 "$(grep -ci "can't fork\|resource temp" "$work/forks")"
	sleep 3
	U lxc-attach -n a -- sh -c 'tail -c 64m /dev/zero | wc -c' >"$work/eaten" 2>&1
	equal memory-bites "" "$(grep 67108864 "$work/eaten")"
	check stop-limited U lxc-stop -n a -k
elif [[ $out == *"not this controller"* ]]; then skip limits "the group has no controllers: $out"
else bad start-limited "$out"; fi

check copy U lxc-copy -n a -N b
equal owner-of-copy "$first" "$(stat -c %u "$lxc/b/rootfs/bin/busybox")"
check start-copy U lxc-start -n b
up b; check stop-copy U lxc-stop -n b -k
check copy-overlay U lxc-copy -n a -N o -s -B overlay
if out=$(U lxc-start -n o 2>&1) && up o; then
	good start-overlay; U lxc-stop -n o -k
elif [[ $out == *mount*overlay* || $out == *overlay* ]]; then skip start-overlay "$out"
else bad start-overlay "$out"; fi
check destroy-overlay U lxc-destroy -n o
check snapshot U lxc-snapshot -n a
check restore-as U lxc-snapshot -n a -r snap0 -N c
check restore U lxc-snapshot -n a -r snap0
check start-restored U lxc-start -n c
up c; check reboot U lxc-stop -n c -r
up c; check stop-restored U lxc-stop -n c -k
check destroy U lxc-destroy -n b
check destroy-restored U lxc-destroy -n c
check destroy-with-snapshots U lxc-destroy -n a -s
equal nothing-left "" "$(ls -A "$lxc")"

# a tar file of a system, with a device node in it
mkdir "$work/tree"; rootfs "$work/tree" 2>/dev/null; rm -f "$work/tree/dev/null"
[ "$(id -u)" != 0 ] || mknod "$work/tree/dev/null" c 1 3
tar -C "$work/tree" --numeric-owner -cf "$work/tree.tar" . && chmod 644 "$work/tree.tar"
check create-local U lxc-create -n t -t local -- -f "$work/tree.tar"
[ "$(id -u)" != 0 ] || equal owner-local "$first" "$(stat -c %u "$lxc/t/rootfs/bin/busybox")"
check start-local U lxc-start -n t
U lxc-stop -k -n t
check export U lxc-export -n t -f "$home/t.tar.zst"
check destroy-local U lxc-destroy -f -n t
check import U lxc-import "$home/t.tar.zst"
[ "$(id -u)" != 0 ] || equal owner-import "$first" "$(stat -c %u "$lxc/t/rootfs/bin/busybox")"
check start-import U lxc-start -n t
check destroy-import U lxc-destroy -f -n t

# --- images -------------------------------------------------------------------------------------------------------

if command -v jq >/dev/null && command -v zstd >/dev/null && command -v xz >/dev/null; then
	(cd "$work/tree" && mkdir -p srv) && python3 "$here/images_layout.py" "$work/tree" "$work/layout" && chmod -R a+rX "$work/layout"
	check create-oci U lxc-create -n t -t oci -- --url "oci:$work/layout:good"
	check start-oci U lxc-start -n t
	[ "$(id -u)" != 0 ] || equal user-oci $((first + 33)) "$(stat -c %u "/proc/$(U lxc-info -n t -pH)")"
	check destroy-oci U lxc-destroy -f -n t
	ip link set lo up 2>/dev/null
	image=$work/server/image; mkdir -p "$image" "$work/server/meta/1.0" "$work/meta"; chmod 755 "$work/server"
	echo 'lxc.arch = x86_64' >"$work/meta/config"; echo 'lxc.environment = USER_IMAGE=1' >"$work/meta/config-user"
	tar -C "$work/tree" -cJf "$image/rootfs.tar.xz" . && tar -C "$work/meta" -cJf "$image/meta.tar.xz" .
	(cd "$image" && sha256sum ./*.xz | sed 's|\./||' >SHA256SUMS); echo 'busy;1;amd64;default;1;/image' >"$work/server/meta/1.0/index-user"
	python3 "$here/images_server.py" "$work/server" "$work/port" & server=$!
	soon 5 test -s "$work/port"
	for time in first again; do
		check "create-download-$time" U lxc-create -n t -t download -- -d busy -r 1 -a amd64 --no-validate --server "http://127.0.0.1:$(cat "$work/port")"
		grep -q 'USER_IMAGE' "$lxc/t/config" && good "config-user-$time" || bad "config-user-$time" "$(cat "$lxc/t/config")"
		check "start-download-$time" U lxc-start -n t
		check "destroy-download-$time" U lxc-destroy -f -n t
	done
	equal cache-owner "$uid $uid $uid" "$(stat -c %u "$home/.cache" "$home/.cache/lxc" "$home/.cache/lxc/download/busy/1/amd64/default/rootfs.tar.xz" | tr '\n' ' ' | sed 's/ $//')"
	equal loaded-once 1 "$(grep -c rootfs.tar.xz "$work/server/.requests")"
	kill "$server"
else skip images "no jq, zstd or xz"; fi

# --- umask --------------------------------------------------------------------------------------------------------

for mask in 0027 0077; do
	check "create-$mask" U lxc-create -n "m$mask" -t busybox
	equal "modes-$mask" "755 755 644" "$(stat -c %a "$lxc/m$mask"/rootfs{,/etc,/etc/passwd} | paste -sd' ')"
	check "start-$mask" U lxc-start -n "m$mask"
	up "m$mask"; equal "other-user-$mask" 0 "$(U lxc-attach -n "m$mask" -u 99 -g 99 -- cat /etc/passwd >/dev/null; echo $?)"
	check "copy-$mask" U lxc-copy -n "m$mask" -N copy -a 2>/dev/null
	U lxc-destroy -n copy >/dev/null 2>&1
	check "destroy-$mask" U lxc-destroy -n "m$mask" -f
done
mask=

# --- id maps ------------------------------------------------------------------------------------------------------

plain=(lxc-execute -n i -s "lxc.include=$prefix/share/lxc/config/userns.conf" -s lxc.apparmor.profile=unconfined
	-s lxc.net.0.type=empty)
has foreign-range "/etc/subuid does not give user ids 7000000 to 7000099" \
	U "${plain[@]}" -s "lxc.idmap=u 0 7000000 100" -s "lxc.idmap=g 0 $first 100" -- true
has overlap "overlaps another one" U "${plain[@]}" -s "lxc.idmap=u 0 $first 100" -s "lxc.idmap=g 0 $first 100" \
	-s "lxc.idmap=u 10 $((first + 5)) 100" -- true
mkdir -p "$work/path"; for f in "$bin"/*; do ln -sf "$f" "$work/path/"; done
has no-helper "package uidmap" U env PATH="$work/path" "${plain[@]}" -s "lxc.idmap=u 0 $first 100" -s "lxc.idmap=g 0 $first 100" -- true
# the own ids alone need nobody's help
self=(-s "lxc.idmap=u 0 $uid 1" -s "lxc.idmap=g 0 $(U id -g) 1")
equal own-id-without-helper 0 "$(U env PATH="$work/path:/bin" "${plain[@]}" "${self[@]}" -- "$busybox" id -u 2>&1 | tail -n 1)"
equal usernsexec-default 0 "$(U lxc-usernsexec -- id -u)"
equal usernsexec-maps "5 $first 10" "$(U lxc-usernsexec -m "u:5:$first:10" -m "b:0:$((first + 20)):1" -- cat /proc/self/uid_map |
	awk '$1 == 5 { print $1, $2, $3 }')"
equal usernsexec-self "$uid" "$(U lxc-usernsexec -s -- cat /proc/self/uid_map | awk -v u="$uid" '$2 == u { print $2 }')"
has usernsexec-foreign "/etc/subuid" U lxc-usernsexec -m b:0:7000000:10 -- true

# --- run directory ------------------------------------------------------------------------------------------------

if [ "$(id -u)" = 0 ]; then
	check create-for-run U lxc-create -n r -t busybox
	mv /run/user/1234 /run/user/other
	check start-without-xdg U env -u XDG_RUNTIME_DIR lxc-start -n r
	equal found-without-xdg RUNNING "$(U env -u XDG_RUNTIME_DIR lxc-info -n r -sH)"
	check stop-without-xdg U env -u XDG_RUNTIME_DIR lxc-stop -n r -k
	# somebody else's directory at the last resort is not believed
	mkdir /tmp/wabe-1234; chown 0:0 /tmp/wabe-1234
	has foreign-directory "run directory" U env -u XDG_RUNTIME_DIR HOME=/nonexistent lxc-start -P "$lxc" -n r
	rmdir /tmp/wabe-1234; mv /run/user/other /run/user/1234
	check destroy-for-run U lxc-destroy -n r
fi
done_testing
