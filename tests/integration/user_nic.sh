#!/bin/bash
# lxc-user-nic: what lxc-usernet grants line by line, whose namespace, whose interface, and that no caller gets more.
source "$(dirname "$0")/lib.sh"
helper=$(realpath "$bin/../libexec/lxc/lxc-user-nic")
[ -u "$helper" ] || { skip user-nic "$helper is not set-uid root"; done_testing; }
findmnt -no OPTIONS -T "$helper" | grep -qw nosuid && { skip user-nic "$helper is on a file system with nosuid"; done_testing; }
chmod 755 "$work"
cp -a /etc "$work/etc" && mount --bind "$work/etc" /etc # the sandbox's own view
printf '%s\n' "ann:x:1501:1501::$work/ann:/bin/sh" "bob:x:1502:1502::$work/bob:/bin/sh" >>/etc/passwd
printf '%s\n' ann:x:1501: bob:x:1502: nets:x:1600:ann,bob bridgers:x:1601: >>/etc/group
for i in $(seq 1 40); do echo "many$i:x:$((1700 + i)):ann" >>/etc/group; done
printf '%s\n' ann:200000:65536 bob:300000:65536 | tee /etc/subuid >/etc/subgid
mkdir -p /etc/lxc
for bridge in br0 br; do ip link add name $bridge type bridge; ip link set dev $bridge up; done
ip addr add 10.9.0.1/24 dev br0; ip link set br0 mtu 1400; ip link add dummy0 type veth peer name dummy1

as() { local u=$1; shift; setpriv --reuid "$u" --regid "$u" --init-groups "$@"; }
rules() { printf '%s\n' "$@" >/etc/lxc/lxc-usernet; }
nic() { local u=$1; shift; as "$u" "$helper" "$@" 2>&1; } # USER ARG...
create() { nic "$1" create /p box "$2" veth "${3:-br0}" ${4:+"$4"}; }  # USER PID [BRIDGE [NAME]]
delete() { nic "$1" delete /p box "${4:-none}" veth "${3:-br0}" "$2"; } # USER LINK [BRIDGE [PATH]]
refused() { if "$@" >/dev/null; then return 1; fi; }
target() { setpriv --reuid "$1" --regid "$1" --init-groups unshare -Urn sleep 1000 & targets+=($!); pid=$!
	soon 3 bash -c "[ \$(readlink /proc/$pid/ns/net) != \$(readlink /proc/self/ns/net) ] && grep -q . /proc/$pid/uid_map"; }
rows() { [ -e /run/lxc/nics ] && grep -c "${1:-.}" /run/lxc/nics; }
fresh() { for link in $(ip -o link | grep -o 'veth150[0-9_a-zA-Z]*'); do ip link del "$link"; done; }
targets=()
target ann; ann=$pid; target bob; bob=$pid

# --- a line of lxc-usernet each ---
number=0
grants() { # 0|1 USER LINE...: does the file let him have one?
	local wanted=$1 user=$2 got=1; shift 2; rules "$@"; fresh
	create "$user" "${!user}" br0 "e$((number += 1))" >/dev/null || got=0
	equal "line-$number '${*//$'\n'/ }'" "$wanted" "$got"
}
grants 1 ann 'ann veth br0 1'
grants 1 ann '	ann   veth	br0  1  '
grants 1 ann '# remark' '' 'ann veth br0 1 # remark'
grants 1 ann '@nets veth br0 1'
grants 1 ann '@many40 veth br0 1'
grants 1 ann '@ann veth br0 1'
grants 1 ann 'ann veth br0 0' '@nets veth br0 1'
for line in '' '#ann veth br0 1' 'ann veth br0' 'ann veth br0 0' 'ann veth br0 -1' 'ann veth br0 1x' 'ann veth br0 1 1' \
	'an veth br0 1' 'anna veth br0 1' '1501 veth br0 1' 'ann vet br0 1' 'ann phys br0 1' 'ann veth br 1' 'ann veth br00 1' \
	'@bridgers veth br0 1' '@net veth br0 1' 'nets veth br0 1' 'bob veth br0 1'; do grants 0 ann "$line"; done
rm /etc/lxc/lxc-usernet; check no-file refused create ann "$ann"
no_groups() { setpriv --reuid ann --regid 1501 --clear-groups "$helper" create /p box "$ann" veth br0 "$1"; }
rules '@nets veth br0 1'; fresh; check no-groups refused no_groups g0
rules 'ann veth br0 1'; fresh; check no-groups-own-line no_groups g1

# --- what is made ---
rules 'ann veth br0 2' 'ann veth none 1' 'ann veth dummy0 1' 'ann veth gone 1' 'bob veth br0 1'; fresh
out=$(create ann "$ann" br0 wan)
check answer grep -qE '^wan:[0-9]+:veth1501_[a-zA-Z0-9]{4}:[0-9]+$' <<<"$out"
link=$(cut -d: -f3 <<<"$out")
equal port br0 "$(basename "$(readlink "/sys/class/net/$link/master")")"
equal mtu 1400 "$(cat "/sys/class/net/$link/mtu")"
equal index "$(cut -d: -f4 <<<"$out")" "$(cat "/sys/class/net/$link/ifindex")"
check inside grep -q "^$(cut -d: -f2 <<<"$out"): wan@.*mtu 1400" <(nsenter -t "$ann" -n ip -o link)
equal row "ann veth br0 $link" "$(cat /run/lxc/nics)"
equal database-mode "600 0" "$(stat -c '%a %u' /run/lxc/nics)"
check no-bridge create ann "$ann" none free
check not-a-bridge refused create ann "$ann" dummy0 x0
check no-such-bridge refused create ann "$ann" gone x0
check name-taken refused create ann "$ann" br0 wan
for name in a/b ../x 'a b' eth%d a:b . .. '' sixteen-letters-; do
	check "name '$name'" refused nic ann create /p box "$ann" veth br0 "$name"
done
check type refused nic ann create /p box "$ann" phys br0
check usage refused nic ann create /p box "$ann"
equal only-two 2 "$(rows)"

# --- CVE-2017-5985: the namespace must be the caller's ---
check 2017-5985-of-another refused create ann "$bob"
check 2017-5985-of-the-machine refused create ann $$
check 2017-5985-of-process-1 refused create ann 1
equal 2017-5985-one-text "$(create ann "$bob")" "$(create ann 4194303)"
for pid in 0 -1 self 1/../1 01 99999999999 ''; do check "pid '$pid'" refused create ann "$pid"; done

# --- CVE-2018-6556, CVE-2022-47952: no path tells anything, none is opened ---
mkdir -m 700 "$work/secret"; echo >"$work/secret/there"; mkfifo -m 666 "$work/fifo"
missing=$(delete ann vethxyz br0 "$work/none"; echo "$?")
for path in "$work/secret/there" "$work/secret/missing" "$work/fifo" /dev/tty /dev/null /etc/shadow "/proc/$bob/ns/net" /proc/self/fd/77; do
	equal "2018-6556 $path" "$missing" "$(timeout 5 setpriv --reuid ann --regid ann --init-groups "$helper" \
		delete /p box "$path" veth br0 vethxyz 2>&1; echo "$?")"
done

# --- CVE-2026-39402: only what is one's own goes, compared as a whole ---
before=$(cat /run/lxc/nics)
for try in "$link br0" "${link%?} br0" "$link br" "${link}x br0" "br0 br0" "dummy0 br0"; do
	# shellcheck disable=SC2086
	check "2026-39402 bob $try" refused delete bob $try
done
for try in "${link%?} br0" "$link br" "$link none" "veth br0" "dummy0 br0"; do
	# shellcheck disable=SC2086
	check "2026-39402 ann $try" refused delete ann $try
done
check 2026-39402-type refused nic ann delete /p box none vet br0 "$link"
equal 2026-39402-database "$before" "$(cat /run/lxc/nics)"
check still-there test -e "/sys/class/net/$link"
check delete-own delete ann "$link"
check gone test ! -e "/sys/class/net/$link"
check delete-twice refused delete ann "$link"
rules '@nets veth br0 1'; fresh
link=$(create ann "$ann" br0 shared | cut -d: -f3)
check group-is-shared refused create bob "$bob"
check group-member-cannot-delete refused delete bob "$link"
check group-owner-can delete ann "$link"

# --- the quota ---
rules 'ann veth br0 1'
for round in $(seq 1 10); do
	fresh; rm -f "$work"/race.*
	for i in 1 2 3 4; do create ann "$ann" br0 "r$round$i" >"$work/race.$i" & race[i]=$!; done; wait "${race[@]}"
	won=$(cat "$work"/race.* | grep -c ':veth1501_')
	[ "$won" = 1 ] && [ "$(ip -o link | grep -c veth1501_)" = 1 ] || break
done
equal race-one-wins "10 1" "$round $won"
check full refused create ann "$ann" br0 more
ip link del "$(cut -d' ' -f4 /run/lxc/nics)"
check stale-is-dropped create ann "$ann" br0 again
equal stale-rows 1 "$(rows)"
ulimited() { (ulimit -f 0; create ann "$ann" br0 more); }
check file-size-limit refused ulimited; equal file-size-limit-rows 1 "$(rows)"
closed() { as ann "$helper" create /p box "$ann" veth br0 more <&- >&- 2>&-; }
fresh; check closed-fds refused closed; equal closed-fds-nothing-left 0 "$(ip -o link | grep -c veth1501_)"
full_pipe() { # a caller that does not read holds up nobody
	mkfifo "$work/full"; exec 8<>"$work/full"; dd if=/dev/zero of="$work/full" bs=4k count=16 2>/dev/null
	setpriv --reuid ann --regid ann --init-groups "$helper" create /p box "$ann" veth br0 stuck >&8 2>/dev/null & stuck=$!
	soon 3 grep -q ann /run/lxc/nics
	timeout 3 setpriv --reuid bob --regid bob --init-groups "$helper" create /p box "$bob" veth br0 mine
	local status=$?
	kill -KILL "$stuck"; exec 8>&-
	return $status
}
rules 'ann veth br0 1' 'bob veth br0 1'; fresh; check full-pipe full_pipe
other_network() { unshare -n setpriv --reuid ann --regid ann --init-groups "$helper" create /p box "$ann" veth br0 away; }
check other-network refused other_network
fresh; rm -f /run/lxc/nics; ln -s "$work/victim" /run/lxc/nics
check symlink refused create ann "$ann"; check symlink-not-followed test ! -e "$work/victim"; rm /run/lxc/nics
not_root() { local copy=$work/plain; cp "$helper" "$copy"; chmod 755 "$copy"; as ann "$copy" create /p box "$ann" veth br0; }
check without-privilege refused not_root
kill "${targets[@]}"

done_testing
