# shellcheck shell=bash
# Sourced by run: host_ID MODE says in one word what came of the row ID of the table, seen from the host.

forget_victim() { rm -rf "$work/victim"; mkdir -m 777 "$work/victim"; : >"$work/victim/file"; chmod 666 "$work/victim/file"; }
victim_word() {
	if grep -qF "$work/victim" /proc/self/mountinfo; then echo mounted
	elif [ "$(ls -A "$work/victim")" = file ] && [ ! -s "$work/victim/file" ] && [ "$(stat -c %a:%u "$work/victim/file")" = 666:0 ]; then
		echo untouched
	else echo "reached:$(ls -A "$work/victim" | tr '\n' ,)"; fi
}
# NAME MODE [LINE...]: a container with the root of a hostile owner; nothing runs
hostile() {
	local n=$1 mode=$2; shift 2
	forget_victim
	rm -rf --one-file-system "${P:?}/$n"
	if [ "$mode" = unprivileged ]; then
		set -- 'lxc.idmap = u 0 100000 65536' 'lxc.idmap = g 0 100000 65536' "$@"
	fi
	container "$n" "$@"
	chmod 755 "$P/$n"
}
owned() { [ "$2" != unprivileged ] || chown -hR 100000:100000 "$P/$1/rootfs"; } # NAME MODE
# NAME: started or refused, both are right; stopped
try_start() { timeout 10 lxc-start -P "$P" -n "$1" >/dev/null 2>&1 && timeout 10 lxc-stop -k -P "$P" -n "$1" >/dev/null 2>&1; true; }
# MODE PATH LINE...: PATH of the root is a link to the victim
linked() {
	local mode=$1 path=$2; shift 2
	hostile linked "$mode" "$@"
	local r=$P/linked/rootfs
	rm -rf "${r:?}/$path"
	ln -s "$work/victim" "$r/$path"
	owned linked "$mode"
	try_start linked
	victim_word
}
host_link_entry() { linked "$1" mnt 'lxc.mount.entry = tmpfs mnt tmpfs size=1m 0 0' 'lxc.mount.entry = /bin mnt/sub none bind,create=dir,optional 0 0'; }
host_link_create() {
	linked "$1" mnt 'lxc.mount.entry = tmpfs mnt/a/b tmpfs size=1m,create=dir 0 0' \
		'lxc.mount.entry = /etc/hostname mnt/c/d none bind,create=file,optional 0 0'
}
host_link_dev() { linked "$1" dev 'lxc.autodev = 1' 'lxc.tty.max = 2' 'lxc.tty.dir = lxc'; }
host_link_proc() { linked "$1" proc; }
host_link_sys() { linked "$1" sys 'lxc.mount.auto = proc:mixed sys:mixed cgroup:mixed'; }
host_link_tty() {
	hostile linked "$1" 'lxc.autodev = 0' 'lxc.tty.max = 2' 'lxc.tty.dir = lxc'
	ln -s "$work/victim" "$P/linked/rootfs/dev/lxc"; owned linked "$1"
	try_start linked; victim_word
}
host_link_nodes() {
	local node
	hostile linked "$1" 'lxc.autodev = 0' 'lxc.tty.max = 2'
	for node in null zero console ptmx tty1 tty2 fd; do ln -s "$work/victim/file" "$P/linked/rootfs/dev/$node"; done
	ln -s "$work/victim" "$P/linked/rootfs/dev/pts"; ln -s "$work/victim" "$P/linked/rootfs/dev/shm"
	owned linked "$1"; try_start linked; victim_word
}

# --- races: the owner of the root exchanges names while the engine is at work ---

# NAME PATH...: each is exchanged with a link to the victim until unswap
swapper=
swap() {
	local r=$P/$1/rootfs path; shift
	for path; do ln -sfn "$work/victim" "$r/$path.link"; done
	"$work/attempts" swap "${@/#/$r/}" & swapper=$!
}
unswap() { kill "$swapper"; wait "$swapper"; } 2>/dev/null
starts=${ESCAPE_STARTS:-25}
swapped_starts() { # MODE LINES... -- PATHS...
	local mode=$1 lines=() i; shift
	while [ "$1" != -- ]; do lines+=("$1"); shift; done; shift
	hostile swapped "$mode" "${lines[@]}"
	mkdir -p "$P/swapped/rootfs/mnt/a" "$P/swapped/rootfs/mnt/b"; owned swapped "$mode"
	swap swapped "$@"
	for ((i = 0; i < starts; i++)); do
		try_start swapped
		[ "$(victim_word)" = untouched ] || break
	done
	unswap; victim_word
}
host_swap_start() {
	swapped_starts "$1" 'lxc.mount.entry = tmpfs mnt/a/sub tmpfs size=1m,create=dir,optional 0 0' \
		'lxc.mount.entry = /etc/hostname mnt/b/new/file none bind,create=file,optional 0 0' -- mnt/a mnt/b
}
host_swap_dev() { swapped_starts "$1" 'lxc.tty.max = 2' 'lxc.mount.auto = proc:mixed sys:mixed cgroup:mixed' -- dev proc sys; }
host_swap_attach() {
	local i j
	hostile swapped "$1" 'lxc.mount.entry = tmpfs mnt/a tmpfs size=1m,create=dir 0 0'
	mkdir -p "$P/swapped/rootfs/mnt/b"; owned swapped "$1"
	for i in 1 2; do
		timeout 10 lxc-start -P "$P" -n swapped >/dev/null 2>&1 || continue
		swap swapped mnt/b root tmp etc
		for j in 1 2 3 4 5 6 7 8; do run swapped /bin/busybox true; done >/dev/null 2>&1
		timeout 10 lxc-stop -k -P "$P" -n swapped >/dev/null 2>&1
		unswap
	done
	victim_word
}

# --- attach: MODE's container runs, made by prepare ---

host_attach_fake_proc() {
	local said
	run "$1" busybox mount -t tmpfs none /proc && run "$1" busybox mkdir -p /proc/self/attr /proc/self/fd /proc/1/ns 2>/dev/null
	said=$(run "$1" attempts seccomp cap-inheritable cap-sys-module 2>&1)
	run "$1" busybox umount /proc
	case $said in
	*"cap-inheritable none"*"cap-sys-module $([ "$1" = privileged ] && echo dropped || echo kept)"*"seccomp filtered"* | \
	*"seccomp filtered"*) echo confined;;
	*"cap-"*) echo "open:${said//[[:space:]]/,}";;
	*) echo confined;; # refused
	esac
}
host_attach_watch() {
	local i watcher
	run "$1" sh -c 'cd /attempts && exec attempts watch 3 >watched 2>watched.errors' & watcher=$!
	sleep 0.3
	for i in {1..50}; do run "$1" /bin/busybox true; done
	wait $watcher
	cat "$P/$1/rootfs/attempts/watched"
}
programs_sum() { cat "$bin"/../libexec/wabe/* "$bin"/../lib/liblxc.so.1 | sha256sum; }
host_attach_self() {
	local before i r=$P/$1/rootfs; before=$(programs_sum)
	printf '#!/proc/self/exe\n' >"$r/bin/evil"; chmod 755 "$r/bin/evil"
	for i in 1 2 3; do
		run "$1" /bin/evil; run "$1" /proc/self/exe --version; run "$1" /proc/1/exe --version
		run "$1" sh -c 'for e in /proc/[0-9]*/exe; do : 3>>$e; done'
	done </dev/null >/dev/null 2>&1
	[ "$before" = "$(programs_sum)" ] && echo same || echo changed
}
host_attach_number() {
	printf '1000:x:0:0::/root:/bin/sh\n' >>"$P/$1/rootfs/etc/passwd"
	timeout 10 lxc-attach -P "$P" -n "$1" -u 1000 -- busybox id -u 2>/dev/null
}
host_attach_group() { timeout 10 lxc-attach -P "$P" -n "$1" -u 1 -- busybox id -u 2>/dev/null; }

# --- terminals: a shell of the host has a terminal, a program in it pushes input ---

typed_to_caller() { # COMMAND: the shell reads what is left on its terminal when COMMAND has ended
	local said
	printf '%s\n' '#!/bin/bash' "$1 >$work/pushed 2>&1" 'sleep 0.3' \
		'if read -r -t 1 line && [ -n "$line" ]; then echo "GOT<$line>"; else echo "GOT<>"; fi' >"$work/caller"
	said=$(timeout 20 script -qec "bash $work/caller" /dev/null </dev/null 2>&1 | tr -d '\r\004' | grep -o 'GOT<.*>')
	case $said in "GOT<>") echo nothing;; *) echo "typed:$said";; esac
}
pushes=$'#wabe\n'
host_attach_tiocsti() { typed_to_caller "timeout --foreground 10 lxc-attach -P $P -n $1 -- /bin/attempts sti '$pushes'"; }
host_execute_tiocsti() { typed_to_caller "timeout --foreground 10 lxc-execute -P $P -n typing -- $work/attempts sti '$pushes'"; }

# --- sockets, directories, names ---

host_socket_stranger() {
	local word; word=$(timeout 20 "$work/attempts" connect "$1")
	is "$1" RUNNING && [ "$word" != reached ] && echo refused || echo "$word"
}
host_run_directory() {
	local open; open=$(find /run/wabe /run/lxc /run/lock/lxc -perm /022 ! -type l ! -type s 2>/dev/null)
	[ -z "$open" ] && echo closed || echo "open:${open//[[:space:]]/,}"
}
host_name_path() {
	local name
	for name in ../x /x x/../y . ..; do
		if [ "$1" = privileged ]; then timeout 5 lxc-start -P "$P" -n "$name"; else timeout 5 lxc-execute -P "$P" -n "$name" -- /bin/true; fi \
			>/dev/null 2>&1 </dev/null && { echo "taken:$name"; return; }
	done
	echo refused
}
host_name_escape() {
	timeout 5 lxc-create -P "$P" -n $'a\033[2Jb' -t none >/dev/null 2>&1 </dev/null && echo taken || echo refused
}
host_process_escape() {
	local said pid
	cp "$P/$1/rootfs/bin/busybox" "$P/$1/rootfs/bin/"$'s\033[2Jx'; chmod 755 "$P/$1/rootfs/bin/"$'s\033[2Jx'
	run "$1" sh -c $'ln -s /bin/busybox /tmp/sleep 2>/dev/null; exec -a x /bin/attempts bomb fds 6 $\'\\033]0;owned\\007\'' >/dev/null 2>&1 & pid=$!
	run "$1" sh -c $'printf \'\\033[2J\' >/proc/self/comm; sleep 4; true' >/dev/null 2>&1 &
	sleep 0.7
	said=$(timeout 5 lxc-ps -P "$P" --name "$1" -- -ef 2>&1; timeout 5 lxc-ps -P "$P" --lxc 2>&1; timeout 5 lxc-top -P "$P" -b 2>&1 | head -n 20)
	run "$1" busybox pkill attempts 2>/dev/null
	wait $pid 2>/dev/null
	grep -qE 'sleep|attempts' <<<"$said" || { echo unseen; return; }
	[[ $said == *$'\033]0;'* || $said == *$'\033[2J'* ]] && echo printed || echo clean
}
host_address_escape() {
	local said
	run "$1" busybox hostname $'a\033[2Jb' 2>/dev/null
	run "$1" busybox ip link set lo alias $'a\033[2Jb' 2>/dev/null
	said=$(lxc-info -P "$P" -n "$1" 2>&1; lxc-ls -P "$P" -f 2>&1)
	[[ $said == *$'\033'* ]] && echo printed || echo clean
}
# NAME: groups of that name outside of this sandbox; others may run the same test beside
outside_groups() { find /sys/fs/cgroup -name "$1" ! -path "*/$SANDBOX/*" ! -path '*/wabe-sandbox-*/*' 2>/dev/null; }
host_groups_dots() {
	local path before after
	before=$(outside_groups 'wabe-dots*')
	for path in ../../../wabe-dots x/../../../../wabe-dots; do
		if [ "$1" = privileged ]; then hostile dots "$1" "lxc.cgroup.dir = $path"; try_start dots
		else timeout 5 lxc-execute -P "$P" -n dots -s "lxc.cgroup.dir=$path" -- /bin/true >/dev/null 2>&1 </dev/null; fi
	done
	after=$(outside_groups 'wabe-dots*')
	[ "$before" = "$after" ] && echo inside || echo "outside:${after//[[:space:]]/,}"
}
host_config_large() {
	local i lines=() said
	for i in {1..100}; do lines+=("lxc.environment = V$i=$(printf '%01000d' "$i")"); done
	hostile large "$1" "${lines[@]}"; owned large "$1"
	if said=$(timeout 10 lxc-start -P "$P" -n large 2>&1); then
		i=$(run large /bin/sh -c 'true' && tr '\0' '\n' <"/proc/$(init_of large)/environ" | grep -c '^V')
		timeout 10 lxc-stop -k -P "$P" -n large
		[ "$i" = 100 ] && echo works || echo "lost:$i"
	elif [ "$(wc -l <<<"$said")" = 1 ]; then echo refused
	else echo "errors:$(wc -l <<<"$said")"; fi
}
host_owner_of_null() {
	local before after; before=$(stat -c %u:%g:%a /dev/null /dev/console /dev/zero 2>&1)
	if [ "$1" = application ]; then timeout 5 lxc-execute -P "$P" -n null -- /bin/true </dev/null >/dev/null 2>&1
	else run "$1" /bin/busybox true </dev/null >/dev/null 2>&1; hostile null "$1"; owned null "$1"; try_start null </dev/null; fi
	after=$(stat -c %u:%g:%a /dev/null /dev/console /dev/zero 2>&1)
	[ "$before" = "$after" ] && echo same || echo changed
}
# Directories and files of the host's root file system, and whether they can be written.
host_mounts_writable() {
	local device found; device=$(mountpoint -d /)
	found=$(run "$1" cat /proc/self/mountinfo | awk -v d="$device" '$3 == d && $6 !~ /(^|,)ro(,|$)/ { print $5 }' | tr '\n' ,)
	[ -z "$found" ] && echo none || echo "writable:$found"
}
host_host_name() { [ "$(hostname)" = sandbox ] && echo same || echo changed; }

# --- bombs ---

# NAME MODE LINE...: one that runs, without the attempts of the table
bombed() {
	hostile bombed "$@"
	install -m 755 "$work/attempts" "$P/bombed/rootfs/bin/attempts"; owned bombed "$1"
	timeout 10 lxc-start -P "$P" -n bombed >/dev/null 2>&1 && soon 5 test -e "$P/bombed/rootfs/ready"
}
unbomb() { timeout 15 lxc-stop -k -P "$P" -n bombed >/dev/null 2>&1; }
# A controller's limit: V1KEY V2KEY VALUE, or nothing when this layout has none
limit() {
	if [ -e "/sys/fs/cgroup/${1%%.*}" ] && [ ! -e /sys/fs/cgroup/cgroup.controllers ]; then echo "lxc.cgroup.$1 = $3"
	elif grep -qw "${1%%.*}" /sys/fs/cgroup/cgroup.controllers 2>/dev/null; then echo "lxc.cgroup2.$2 = $3"; fi
}
work_time() { # ms that 60 processes take
	local t0=${EPOCHREALTIME/./} i
	for ((i = 0; i < 60; i++)); do /bin/true; done
	echo $(((${EPOCHREALTIME/./} - t0) / 1000))
}
host_bomb_pids() {
	local line before during bomb cpu; line=$(limit pids.max pids.max 60); cpu=$(limit cpu.shares cpu.weight 10)
	[ -n "$line" ] || { echo "skip:no pids controller in this layout"; return; }
	bombed "$1" "$line" ${cpu:+"$cpu"} || { echo no-start; return; }
	before=$(work_time)
	run bombed attempts bomb fork 2 >/dev/null 2>&1 & bomb=$!
	sleep 0.5; during=$(work_time)
	wait $bomb; unbomb
	echo "# fork bomb: 60 processes of the host in $before ms, beside it $during ms" >&2
	[ "$during" -le $((before * 4 + 200)) ] && echo stands || echo "slow:$before:$during"
}
host_bomb_memory() {
	local line; line=$(limit memory.limit_in_bytes memory.max 32M)
	[ -n "$line" ] || { echo "skip:no memory controller in this layout"; return; }
	bombed "$1" "$line" || { echo no-start; return; }
	run bombed attempts bomb memory 256 2>/dev/null || true
	unbomb
}
host_bomb_fds() {
	local bomb; bombed "$1" || { echo no-start; return; }
	run bombed attempts bomb fds 2 >/dev/null 2>&1 & bomb=$!
	sleep 0.7
	if (exec 8</etc/passwd) 2>/dev/null; then echo stands; else echo full; fi
	wait $bomb; unbomb
}
host_bomb_inotify() {
	local bomb word; bombed "$1" || { echo no-start; return; }
	run bombed attempts bomb inotify 2 >/dev/null 2>&1 & bomb=$!
	sleep 0.5
	word=$(setpriv --reuid 65534 --regid 65534 --clear-groups "$work/attempts" bomb inotify 0 2>/dev/null)
	[ "${word:-0}" -gt 0 ] && echo stands || echo full
	wait $bomb; unbomb
}
