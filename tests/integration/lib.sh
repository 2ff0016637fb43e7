# shellcheck shell=bash
# Sourced by every script here: source "$(dirname "$0")/lib.sh" with "$@" untouched.
#   good NAME / bad NAME REASON / skip NAME REASON   one result line
#   check NAME CMD...    good when CMD succeeds, otherwise bad with the end of what it wrote
#   rootfs DIR           a busybox root; its /sbin/init writes /ready and ends at TERM, PWR, USR1
#   container NAME [LINE...]   root and configuration; an empty network unless a LINE has lxc.net
#   start NAME [ARG...]  lxc-start, then waits for /ready
#   run NAME CMD...      lxc-attach, at most 10 s
#   soon N CMD...        repeats CMD every 0.1 s until it succeeds, N s at most
#   left NAME            what NAME left behind after at most 2 s: processes, groups, interfaces, mounts, files, proxy
#                        entries (but that of the address proxy_stays)
#   machine NAME         a network namespace that stands for another machine, empty; NAME CMD... runs CMD in it
#   runs_once            ends here in ./check's second layout of control groups, a cgroup2 without controllers: for what
#                        does not depend on them
#   done_testing         exit status
set -u
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
[ -n "${SANDBOX:-}" ] || { echo "run me inside the sandbox: tests/sandbox -k -- bash $0 BINDIR" >&2; exit 2; }
bin=${1:?usage: $0 BINDIR}
PATH=$bin:$PATH
P=${P:-/var/lib/lxc}
work=$(mktemp -d)
failures=0
busybox=$(command -v busybox) || { echo "busybox is missing" >&2; exit 2; }

good() { echo "ok $1"; }
bad() { local n=$1; shift; local text="$*"; echo "not ok $n ${text//$'\n'/ | }"; failures=$((failures + 1)); }
skip() { local n=$1; shift; echo "skip $n $*"; }
check() {
	local n=$1 out; shift
	if out=$("$@" 2>&1); then good "$n"; else bad "$n" "$* gave $?: ${out: -$((${#out} < 300 ? ${#out} : 300))}"; fi
}
equal() { # NAME WANTED GOT
	if [ "$2" = "$3" ]; then good "$1"; else bad "$1" "expected '$2', got '$3'"; fi
}
done_testing() { [ -z "${machines:-}" ] || kill $machines; [ "$failures" = 0 ]; exit; }
runs_once() {
	[ ! -e /sys/fs/cgroup/cgroup.controllers ] || grep -qw memory /sys/fs/cgroup/cgroup.controllers || { skip all 'ran in the other layout'; done_testing; }
}

rootfs() {
	local r=$1 library
	mkdir -p "$r"/{bin,sbin,usr/bin,etc,dev,proc,sys,run,tmp,mnt,root,var,lib,lib64}
	chmod 755 "$r"; chmod 1777 "$r/tmp"
	cp "$busybox" "$r/bin/busybox"
	ldd "$busybox" 2>/dev/null | grep -o '/[^ ]*' | while read -r library; do
		mkdir -p "$r/${library%/*}"; cp -L "$library" "$r$library"
	done
	if [ "$(id -u)" = 0 ]; then chroot "$r" /bin/busybox --install -s /bin
	else (cd "$r/bin" && "$busybox" --list | grep -vx busybox | xargs -n 1 ln -s busybox); fi
	echo 'root:x:0:0::/root:/bin/sh' >"$r/etc/passwd"; echo 'root:x:0:' >"$r/etc/group"
	printf '%s\n' '#!/bin/sh' 'trap "exit 0" USR1 TERM PWR' 'echo up' 'echo >/ready' \
		'while :; do sleep 1000 & wait $!; done' >"$r/sbin/init"
	chmod 755 "$r/sbin/init"
}
container() {
	local n=$1 all; shift; all="$*"
	[ -x "$P/$n/rootfs/sbin/init" ] || rootfs "$P/$n/rootfs"
	{
		echo "lxc.rootfs.path = dir:$P/$n/rootfs"
		echo "lxc.uts.name = $n"
		[ "$(cat /sys/module/apparmor/parameters/enabled 2>/dev/null)" != Y ] || echo 'lxc.apparmor.profile = unconfined'
		[[ $all == *lxc.net* ]] || echo 'lxc.net.0.type = empty'
		[[ $all == *lxc.mount.auto* ]] || echo 'lxc.mount.auto = proc:mixed sys:mixed'
		[ $# = 0 ] || printf '%s\n' "$@"
	} >"$P/$n/config"
}
soon() { local i=$(($1 * 40)); shift; until "$@" >/dev/null 2>&1; do [ $((i -= 1)) -gt 0 ] || return 1; sleep 0.1; done; }
start() {
	local n=$1; shift
	rm -f "$P/$n/rootfs/ready"
	timeout 30 lxc-start -P "$P" -n "$n" "$@" && soon 20 test -e "$P/$n/rootfs/ready"
}
run() { local n=$1; shift; timeout 30 lxc-attach -P "$P" -n "$n" -- "$@"; }
stop() { timeout 30 lxc-stop -k -P "$P" -n "$1"; }
state() { timeout 30 lxc-info -P "$P" -n "$1" -sH 2>/dev/null; }
is() { [ "$(state "$1")" = "$2" ]; }
init_of() { timeout 30 lxc-info -P "$P" -n "$1" -pH; }
# The supervisor's title ends in the container's path and name.
supervisor_of() {
	local d
	for d in /proc/[0-9]*; do
		case $(tr '\0' ' ' 2>/dev/null <"$d/cmdline") in "[lxc monitor] $P $1 "*) echo "${d#/proc/}";; esac
	done
}
# Ends the container in one of the ways: CONTAINER HOW [SECONDS until it is STOPPED]
ways='stop init supervisor both both-at-once'
end() {
	local init supervisor seconds=${3:-10}; init=$(init_of "$1") supervisor=$(supervisor_of "$1")
	case $2 in
	stop) stop "$1" ;;
	init) kill -9 "$init"; soon "$seconds" is "$1" STOPPED ;;
	supervisor) kill -9 "$supervisor"; soon $((seconds / 2)) is "$1" RUNNING; stop "$1" ;;
	both) kill -9 "$supervisor"; kill -9 "$init"; soon "$seconds" is "$1" STOPPED ;;
	both-at-once) kill -9 "$supervisor" "$init"; soon "$seconds" is "$1" STOPPED ;;
	esac
}
# The group of init in hierarchy $2 (a v1 controller, or "" for v2), as a directory.
group_of() {
	local pid path dir; pid=$(init_of "$1") || return 1
	if [ -n "$2" ]; then
		path=$(grep -E "^[0-9]+:([^:]*,)?$2(,[^:]*)?:" "/proc/$pid/cgroup" | cut -d: -f3)
		[ -n "$path" ] || return 1
		dir=/sys/fs/cgroup/$2
	else
		path=$(grep '^0::' "/proc/$pid/cgroup" | cut -d: -f3); dir=/sys/fs/cgroup
		[ -e $dir/cgroup.controllers ] || dir=/sys/fs/cgroup/unified
	fi
	[ -d "$dir$path" ] && echo "$dir$path"
}
netdevs() { ls /sys/class/net | grep -vxE "lo${1:+|$1}"; }
# Processes in other namespaces than ours, and the runtime's own.
strangers() {
	local d ns pid mnt; pid=$(readlink /proc/self/ns/pid) mnt=$(readlink /proc/self/ns/mnt)
	for d in /proc/[0-9]*; do
		ns=$(readlink "$d/ns/pid" 2>/dev/null) || continue
		[ "$ns" = "$pid" ] && [ "$(readlink "$d/ns/mnt" 2>/dev/null)" = "$mnt" ] &&
			! grep -qE '^(lxc-|wabe|\[lxc)' "$d/comm" 2>/dev/null && continue
		[ -e "$d/exe" ] && echo "process ${d#/proc/} $(cat "$d/comm" 2>/dev/null)"
	done
}
left_now() {
	find /sys/fs/cgroup -depth -type d -path "*/$SANDBOX/*" -name "*$1*" ! -name init.scope 2>/dev/null
	netdevs "${2:-}"
	ip -4 neigh show proxy 2>/dev/null | grep -v "^${proxy_stays:-none} "
	grep -F -e "$P/$1/" -e "$bin" /proc/self/mountinfo | cut -d' ' -f5
	find /run/wabe /run/lxc -mindepth 2 -name "*$1*" 2>/dev/null
	strangers
}
left() { # NAME [REGEX of interfaces that stay]
	local i
	for i in 1 2 3 4 5 6 7 8; do [ -n "$(left_now "$@")" ] || return 0; sleep 0.25; done
	left_now "$@" | tr '\n' ' '
}
# Its process is in $machine_NAME. Whoever moves something there at once must not meet it before it has left ours.
machine() {
	local pid; unshare -n sleep 1000 & pid=$!
	soon 10 eval "[ \"\$(readlink /proc/$pid/ns/net)\" != \"$(readlink /proc/self/ns/net)\" ]" || return
	eval "machine_$1=$pid; $1() { nsenter -t $pid -n \"\$@\"; }"
	machines="${machines:-} $pid"
	$1 ip link set lo up
}
none_left() { # CHECKNAME NAME [REGEX]
	local n=$1 what; shift; what=$(left "$@")
	if [ -z "$what" ]; then good "$n"; else bad "$n" "left behind: $what"; return 1; fi
}
