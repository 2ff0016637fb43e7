#!/bin/bash
# Work on a container as a whole (create, copy, snapshot, restore, rename, destroy) that is killed at one system call after
# another: afterwards each container is the old or the new one, whole and listed, nothing else is there, and a second try
# succeeds. STEP=1: at each call (default: every third, from a random one).
source "$(dirname "$0")/lib.sh"
command -v strace >/dev/null || { skip cut "no strace"; done_testing; }
step=${STEP:-3} start=$((RANDOM % ${STEP:-3}))
P=$work/p; keep=$work/keep
mkdir -p "$P" && chmod 755 "$work" "$P"

# a small system: what is in it is compared, not run
tiny() {
	mkdir -p "$1"/{etc,bin,dev/deep/er}
	echo old >"$1/etc/hostname"; echo hello >"$1/etc/motd"; ln "$1/etc/motd" "$1/etc/motd2"; ln -s motd "$1/etc/link"
	truncate -s 1M "$1/bin/sparse"; mkfifo "$1/dev/fifo"
}
template=$work/template
cat >"$template" <<EOF
#!/bin/sh
for a; do case \$a in --rootfs=*) r=\${a#*=};; esac; done
cp -a $work/tiny/. "\$r"
EOF
chmod 755 "$template"; tiny "$work/tiny"
printf 'lxc.net.0.type = empty\n' >"$work/default.conf"
create() { lxc-create -P "$P" -n "$1" -f "$work/default.conf" -t "$template"; }

files() { (cd "$1" && find . ! -name hostname ! -name machine-id -printf '%P %y %m %s %l\n' | sort | sha256sum); }
wanted=$(files "$work/tiny")
# NAME: its root, by its configuration; an overlay's is seen through a copy
root_of() { sed -n 's/^lxc.rootfs.path *= *\(dir:\)\{0,1\}//p' "$P/$1/config"; }
whole() {
	local r; r=$(root_of "$1")
	case $r in
	overlay:*) r=${r#overlay:}; [ -d "${r##*:}" ] && [ "$(files "${r%%:*}")" = "$wanted" ];;
	*) [ "$(files "$r")" = "$wanted" ];;
	esac
}
# NAME...: whole ones that must be listed; -NAME: may be there, whole then. Nothing else is.
state_is() {
	local listed n must=() may=()
	listed=$(lxc-ls -P "$P" -1 | sort) || return
	for n; do case $n in -*) may+=("${n#-}");; *) must+=("$n");; esac; done
	for n in "${must[@]}"; do grep -qx "$n" <<<"$listed" || { echo "$n is not listed: $listed" >&2; return 1; }; done
	for n in $listed; do
		case " ${must[*]} ${may[*]:-} " in *" $n "*) ;; *) echo "$n is listed" >&2; return 1;; esac
		whole "$n" || { echo "$n is not whole" >&2; ls -lR "$P/$n" >&2; return 1; }
	done
	# a directory without anything in it is what the next try takes
	for n in "$P"/*; do
		[ -d "$n" ] && ! rmdir "$n" 2>/dev/null && ! grep -qx "${n##*/}" <<<"$listed" || continue
		[ "$(ls "$n")" = partial.new ] || { echo "$(ls -lR "$n") is left" >&2; return 1; }
	done
}

# NAME "STATE..." "STATE AFTER A SECOND TRY..." COMMAND...: from what $keep holds
sweep() {
	local name=$1 state=$2 then=$3 out again calls call n total killed=0; shift 3
	reset; strace -o "$work/trace" "$@" >/dev/null 2>&1
	calls=$(sed -n 's/^\([a-z_0-9]*\)(.*/\1/p' "$work/trace" | grep -v '^execve$' | sort | uniq -c)
	total=0
	while read -r n call; do
		for ((; n > 0; n--)); do
			[ $((total++ % step)) = "$start" ] || continue
			reset
			strace -qqq -o /dev/null -e inject="$call:signal=SIGKILL:when=$n" "$@" >/dev/null 2>&1
			[ $? = 137 ] || continue
			killed=$((killed + 1))
			# shellcheck disable=SC2086
			out=$(state_is $state 2>&1) || { sleep 0.5; out=$(state_is $state 2>&1); } || # a template goes on for a moment
				{ bad "$name" "killed at $call $n: $out"; return; }
			again=$("$@" 2>&1) # may find the work done: that is the new state, too
			# shellcheck disable=SC2086
			out=$(state_is $then 2>&1) || { bad "$name" "second try after $call $n: $out $again"; return; }
		done
	done <<<"$calls"
	echo "# $name: killed at $killed of $total calls"
	[ "$killed" -ge $((total / step / 2)) ] || { bad "$name" "only $killed of $total calls"; return; }
	good "$name"
} 2>/dev/null # bash tells of each one that is killed
reset() { rm -rf "$P" && cp -a "$keep" "$P"; }
fresh() { rm -rf "$P" "$keep"; mkdir -m 755 "$P"; create o && "$@" && cp -a "$P" "$keep"; }
snapshot() { lxc-snapshot -P "$P" -n "$1"; }

fresh true
sweep copy "o -c" "o c" lxc-copy -P "$P" -n o -N c
sweep copy-sharing "o -c" "o c" lxc-copy -P "$P" -n o -N c -s
sweep snapshot o o lxc-snapshot -P "$P" -n o
sweep rename "-o -c" c lxc-copy -P "$P" -n o -N c -R
sweep destroy -o "" lxc-destroy -P "$P" -n o
fresh snapshot o
sweep restore o o lxc-snapshot -P "$P" -n o -r snap0
sweep restore-as "o -c" "o c" lxc-snapshot -P "$P" -n o -r snap0 -N c
sweep destroy-snapshot o o lxc-snapshot -P "$P" -n o -d snap0
sweep destroy-all -o "" lxc-destroy -P "$P" -n o -s
fresh lxc-copy -P "$P" -n o -N c -s
sweep rename-clone "o -c -d" "o d" lxc-copy -P "$P" -n c -N d -R
sweep destroy-clone "o -c" o lxc-destroy -P "$P" -n c
reset; held=$(lxc-destroy -P "$P" -n o 2>&1) && bad clone-holds-original destroyed || good clone-holds-original

# a power cut: the disk as it is after a restore, whose metadata somebody's fsync(2) has brought to it
power_cut() {
	[ -e /dev/loop-control ] || mknod /dev/loop-control c 10 237
	for i in $(seq 0 31); do [ -e "/dev/loop$i" ] || mknod "/dev/loop$i" b 7 "$i"; done
	local image device; image=$(mktemp /var/tmp/wabe-cut.XXXXXX); truncate -s 64M "$image"
	rm -rf "$P"; mkdir -m 755 "$P" "$work/after"
	if mkfs.ext4 -q -b 4096 "$image" && device=$(losetup -f --show --direct-io=on "$image" 2>/dev/null) && mount "$device" "$P"; then
		create o && snapshot o; sync -f "$P"
		lxc-snapshot -P "$P" -n o -r snap0; : >"$P/somebody"; sync "$P/somebody"; cp --sparse=always "$image" "$image.after"
		mount -o loop "$image.after" "$work/after" && equal restore-power-cut "$wanted" "$(files "$work/after/o/rootfs")"
		umount "$work/after" "$P"
	else skip restore-power-cut "no loop device that goes past the page cache"; fi
	[ -z "$device" ] || losetup -d "$device"; rm -f "$image" "$image.after"
}
if command -v mkfs.ext4 >/dev/null; then power_cut; else skip restore-power-cut "no mkfs.ext4"; fi
rm -rf "$P" "$keep"; mkdir -m 755 "$P" "$keep"
sweep create -c c lxc-create -P "$P" -n c -f "$work/default.conf" -t "$template"
done_testing
