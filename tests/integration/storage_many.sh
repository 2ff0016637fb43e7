#!/bin/bash
# Sixteen processes that create, copy, snapshot, rename and destroy the same few containers: none hangs, and in the end the
# list and the file system agree, each container is whole, and all can be destroyed.
source "$(dirname "$0")/lib.sh"
P=$work/p; mkdir -m 755 "$P"; chmod 755 "$work"
printf 'lxc.net.0.type = empty\n' >"$work/default.conf"
cat >"$work/template" <<'EOF'
#!/bin/sh
for a; do case $a in --rootfs=*) r=${a#*=};; esac; done
mkdir "$r/etc" && echo hello >"$r/etc/motd" && ln "$r/etc/motd" "$r/etc/motd2" && mkdir -p "$r/a/b/c" && echo end >"$r/last"
EOF
chmod 755 "$work/template"
any() { echo "c$((RANDOM % 4))"; }
worker() {
	local i status
	RANDOM=$1
	for ((i = 0; i < ${ROUNDS:-25}; i++)); do
		case $((RANDOM % 8)) in
		0|1) timeout 60 lxc-create -P "$P" -n "$(any)" -f "$work/default.conf" -t "$work/template";;
		2) timeout 60 lxc-copy -P "$P" -n "$(any)" -N "$(any)";;
		3) timeout 60 lxc-copy -P "$P" -n "$(any)" -N "$(any)" -s;;
		4) timeout 60 lxc-snapshot -P "$P" -n "$(any)";;
		5) timeout 60 lxc-snapshot -P "$P" -n "$(any)" -r snap0;;
		6) timeout 60 lxc-copy -P "$P" -n "$(any)" -N "$(any)" -R;;
		7) timeout 60 lxc-destroy -P "$P" -n "$(any)" -s;;
		esac
		status=$?
		[ $status != 124 ] || echo "$1 $i" >>"$work/hung"
		[ $status -lt 125 ] || echo "$1 $i $status" >>"$work/crashed"
	done >>"$work/log.$1" 2>&1
}
workers=()
for w in $(seq 16); do worker "$w" & workers+=($!); done
wait "${workers[@]}"
check none-hung test ! -e "$work/hung"
equal none-crashed "" "$(cat "$work/crashed" 2>/dev/null)"
wrong=$(cat "$work"/log.* | grep -c 'already\|is not defined\|has snapshots\|has clones\|changing\|no snapshot\|being created')
check they-met test "$wrong" -gt 20

lxc-ls -P "$P" -1 >"$work/listed"
there() { local d; for d in "$P"/*; do [ ! -e "$d/config" ] || echo "${d##*/}"; done; }
equal list-agrees "$(there)" "$(cat "$work/listed")"
equal nothing-partial "" "$(cd "$P" && find . -name 'partial*')"
broken=
while read -r n; do
	r=$(sed -n 's/^lxc.rootfs.path *= *\(dir:\)\{0,1\}//p' "$P/$n/config")
	case $r in overlay:*) r=${r#overlay:}; [ -d "${r##*:}" ] || broken+=" $n"; r=${r%%:*};; esac
	[ "$(cat "$r/etc/motd2" "$r/last" 2>&1)" = $'hello\nend' ] || broken+=" $n($r)"
	for s in "$P/$n"/snaps/*/config; do [ ! -e "$s" ] || [ -e "${s%/*}/ts" ] || broken+=" $s"; done
done <"$work/listed"
equal all-whole "" "$broken"
[ -z "$broken" ] || { ls -lR "$P"; tail -n 500 "$work"/log.* | grep -v "already\|is not defined\|has snapshots\|has clones\|changing\|no snapshot\|being created" | sort | uniq -c; } >&2
# clones first, then what they hold
for try in 1 2 3 4 5; do for n in $(lxc-ls -P "$P" -1); do lxc-destroy -P "$P" -n "$n" -s >>"$work/end" 2>&1; done; done
equal all-destroyed "" "$(lxc-ls -P "$P" -1)"
left=$(cd "$P" && find . -mindepth 2 | head -n 5)
equal nothing-left "" "$left"
done_testing
