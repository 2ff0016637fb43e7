#!/bin/bash
# Containers move between two hosts (network and mount namespaces with their own containers and /run), the link is a command.
source "$(dirname "$0")/lib.sh"
command -v python3 >/dev/null || { skip migrate "no python3"; exit 0; }
export -f container rootfs; export busybox here
source "$here/migrate_lib.sh"
via() { echo "exec $(receiver "$1")"; }
move() { # FROM NAME [ARG...]
	local from=$1 name=$2; shift 2
	"$from" timeout 120 lxc-migrate -n "$name" --via "$(via "$(other "$from")")" "$@"
}
host A && host B || { bad hosts "can not be made"; done_testing; }
A bash -c 'container web; cd /var/lib/lxc/web; echo hook >hook; chmod 755 hook; cd rootfs
	dd if=/dev/urandom of=big bs=1M count=6 status=none; ln big tmp/big2; truncate -s 10M sparse
	echo x | dd of=sparse bs=1 seek=5M conv=notrunc status=none; setfattr -n user.x -v y big; mknod null c 1 3; mkfifo fifo
	ln -s /nowhere link; chown 1000:1001 var; chmod 4755 bin/busybox
	printf "%s\n" "#!/bin/sh" "trap \"exit 0\" TERM PWR USR1" "echo >/ready" "n=\$(tail -n 1 /log)" \
		"while :; do n=\$((n + 1)); echo \$n >>/log; sleep 0.1; done" >sbin/init'

# ---- stopped, and stopped for it ----
listing A web >"$work/before"
check preflight move A web --check
equal preflight-changes-nothing "NONE" "$(B ls /var/lib/lxc | grep . || echo NONE)"
check stopped-moves move A web
equal stopped-is-gone "" "$(A ls /var/lib/lxc)"
equal stopped-stays-stopped STOPPED "$(state_at B web)"
listing B web >"$work/after"
check storage-identical cmp "$work/before" "$work/after"
equal companion "755 hook" "$(B stat -c '%a %n' /var/lib/lxc/web/hook | sed 's,/.*/,,')"
B timeout 60 lxc-start -n web && soon 20 B test -s /var/lib/lxc/web/rootfs/log
last=$(B tail -n 1 /var/lib/lxc/web/rootfs/log)
out=$(move B web 2>&1); rc=$?
equal running-moves 0 $rc
equal running-runs "RUNNING NONE" "$(state_at A web) $(state_at B web)"
check running-has-all A grep -qx "$last" /var/lib/lxc/web/rootfs/log
check progress grep -q "^root pass 1: [0-9]* entries, [0-9]* bytes" <<<"$out"
check says-freeze grep -q "^moved in [0-9]* ms, frozen [0-9]* ms" <<<"$out"
A mkdir -p /var/lib/lxc/web/notes

# ---- what is missing is said before ----
B bash -c 'container web'
out=$(move A web 2>&1); rc=$?
equal name-taken-refused 1 $rc
check name-taken-said grep -q "missing at the target: name web" <<<"$out"
equal name-taken-runs RUNNING "$(state_at A web)"
B rm -rf /var/lib/lxc/web
out=$(A lxc-migrate -n web --via "echo hello there everybody" 2>&1); rc=$?
equal no-target-refused 1 $rc
check no-target-said grep -q "is no answer" <<<"$out"
equal no-target-nothing-left "" "$(A ls /var/lib/lxc/web | grep migration)"

# ---- kept, shared ----
check keep-moves move A web --keep
equal keep-keeps "config.migrated RUNNING" "$(A ls /var/lib/lxc/web | grep config) $(state_at B web)"
A rm -rf /var/lib/lxc/web

# ---- what does not start there comes back ----
B mkdir -p /run/only-here; B sh -c 'echo "lxc.hook.pre-start = /run/only-here/hook" >>/var/lib/lxc/web/config
	printf "#!/bin/sh\n" >/run/only-here/hook; chmod 755 /run/only-here/hook'
out=$(move B web 2>&1); rc=$?
equal given-back 1 $rc
check given-back-said grep -q "the target gave it back: .*only-here" <<<"$out"
equal given-back-runs "RUNNING NONE" "$(state_at B web) $(state_at A web)"
equal given-back-clean "" "$(A ls /var/lib/lxc; B ls /var/lib/lxc/web | grep -E 'migra')"
B sed -i '/only-here/d' /var/lib/lxc/web/config

# ---- killed at each message ----
# After the accident, and the commands that it needs, one host has the container, it runs, with all that was written.
one_copy() { # NAME FROM LAST
	local n=$1 from=$2 last=$3 to here=; to=$(other "$from")
	for h in A B; do
		[ "$(state_at $h web)" != RUNNING ] || here=$here$h
	done
	[ ${#here} = 1 ] || { bad "$n" "runs at '$here': $(A ls /var/lib/lxc/web 2>&1), $(B ls /var/lib/lxc/web 2>&1)"; return 1; }
	for h in A B; do
		[ $h = "$here" ] || ! $h test -e /var/lib/lxc/web/config || { bad "$n" "$h has the configuration too"; return 1; }
	done
	$here grep -qx "$last" /var/lib/lxc/web/rootfs/log || { bad "$n" "$last is lost at $here"; return 1; }
	[ -z "$($here ls /var/lib/lxc/web | grep -E '^(migration|config\.)')" ] || [ "$here" = "$to" ] ||
		{ bad "$n" "left at $here: $($here ls /var/lib/lxc/web)"; return 1; }
	good "$n"
	at=$here
}
# A source that can not hear what the target says leaves it to its user. Killed before it has noted anything: its lock's file is there.
end_it() { # FROM
	local how=--resume; [ $((RANDOM % 2)) = 0 ] || how=--abort
	soon 60 eval "! $1 ls /var/lib/lxc/web | grep -qE '^migration(.lock)?\$' || $1 timeout 120 lxc-migrate -n web -q $how >>$work/out 2>&1"
}
accident() { # FROM NUMBER WHEN WHAT
	local from=$1 number=$2 when=$3 what=$4 to n last rc; shift 4; to=$(other "$from")
	n=${1:+online-}$what-$when-$number last=$($from tail -n 1 /var/lib/lxc/web/rootfs/log)
	rm -f "$work/flag"
	$from timeout 120 lxc-migrate -n web -q --timeout 30 "$@" --via \
		"exec python3 $here/migrate_link.py $work/flag $number $when $what $(receiver "$to")" >"$work/out" 2>&1; rc=$?
	[ $rc != 124 ] || { bad "$n" "hangs"; return 1; }
	end_it "$from"
	# what waits for a word of a source that has it back
	! $to test -e /var/lib/lxc/web/migration || $to timeout 120 lxc-migrate -n web --abort >>"$work/out" 2>&1
	one_copy "$n" "$from" "$last" || { sed 's/^/# /' "$work/out"; return 1; }
	[ "$at" = "$to" ] || $to rm -rf /var/lib/lxc/web
}
# The same at each step of the programs themselves, where the build can (-Dfault_injection=true).
fault() { # FROM STEP ACT
	local from=$1 step=$2 act=$3 to n last rc; shift 3; to=$(other "$from")
	n=$act-at-$step last=$($from tail -n 1 /var/lib/lxc/web/rootfs/log)
	rm -f "$work/flag"
	WABE_FAULT=$step:$act $from timeout 120 lxc-migrate -n web -q --timeout 30 "$@" --via \
		"if [ -e $work/flag ]; then unset WABE_FAULT; fi; echo >$work/flag; exec $(receiver "$to")" >"$work/out" 2>&1; rc=$?
	[ $rc != 124 ] || { bad "$n" "hangs"; return 1; }
	case $step in # of a target that comes again the source may see no more than a delay
	*memory|*frozen|*dumped|*taken-back|receive-*) ;;
	*) [ $rc != 0 ] || { bad "$n" "nothing happened"; return 1; } ;;
	esac
	end_it "$from"
	[ -z "${SHOW:-}" ] || { echo "# $n: $rc"; sed 's/^/#   /' "$work/out"; }
	! $to test -e /var/lib/lxc/web/migration || $to timeout 120 lxc-migrate -n web --abort >>"$work/out" 2>&1
	one_copy "$n" "$from" "$last" || { sed 's/^/# /' "$work/out"; return 1; }
	[ "$at" = "$to" ] || $to rm -rf /var/lib/lxc/web
}
# Moves it once and counts the messages of the way: $messages.
count_messages() { # [ARG...]
	local to; to=$(other "$at")
	rm -f "$work/flag"
	$at lxc-migrate -q -n web "$@" --via "exec python3 $here/migrate_link.py $work/flag 0 before link $(receiver "$to")"
	messages=$(wc -l <"$work/flag") at=$to
	echo "# messages: $messages"
}
at=B
count_messages
check messages test "$messages" -ge 10
for number in $(seq 1 "$messages"); do
	[ "${ONLY:-links}" = links ] || break
	for when in before after; do
		for what in link source guard target; do
			[ "${FULL:-}" = 1 ] || [ $(((number * 8 + ${#when} + ${#what}) % 29)) = 0 ] || continue
			accident "$at" "$number" "$when" "$what" || break 3
		done
	done
done
steps=$(grep -ohE '(source_)?inject\(.*"' "$here"/../../src/migrate/*.c | grep -oE '(migrate|receive)-[a-z-]+' | sort -u)
if [ "${FULL:-}" = 1 ] && grep -q "made to fail" "$bin/../libexec/wabe/lxc-tools"; then
	for step in $steps; do
		for act in kill fail; do fault "$at" "$step" "$act" || break 2; done
	done
fi
$at lxc-stop -k -n web
A rm -rf /var/lib/lxc/web; B rm -rf /var/lib/lxc/web

# ---- with memory and connections ----
criu=${WABE_CRIU:-$(command -v criu)}
if [ -z "$criu" ] || ! "$criu" check >"$work/out" 2>&1; then
	skip online "${criu:-no criu}: $(tail -n 1 "$work/out" 2>/dev/null)"
	done_testing
fi
export WABE_CRIU=$criu
segment
A bash -c 'container web "lxc.net.0.type = veth" "lxc.net.0.link = br0" "lxc.net.0.flags = up" \
	"lxc.net.0.ipv4.address = 10.5.0.2/24" "lxc.net.0.hwaddr = 02:00:00:00:05:02"; cd /var/lib/lxc/web/rootfs
	dd if=/dev/urandom of=big bs=1M count=6 status=none; truncate -s 1M sparse
	printf "%s\n" "#!/bin/sh" "trap \"exit 0\" TERM PWR USR1" "nc -ll -p 7 -e /bin/cat &" "echo >/ready" "n=0" \
		"while :; do n=\$((n + 1)); echo \$n >>/log; sleep 0.1; done" >sbin/init'
A timeout 60 lxc-start -n web; soon 20 A test -s /var/lib/lxc/web/rootfs/log
soon 20 C timeout 2 busybox nc -w 1 10.5.0.2 7 </dev/null
listing A web >"$work/before"
C python3 "$here/migrate_client.py" 10.5.0.2 7 4 "$work/stop" >"$work/client" 2>&1 & client=$!
sleep 0.5; at=A
moves=${MOVES:-2}; [ "${FULL:-}" != 1 ] || moves=20
: >"$work/frozen"
for i in $(seq "$moves"); do
	last=$($at tail -n 1 /var/lib/lxc/web/rootfs/log)
	out=$(move $at web --online 2>&1) || { bad "online-move-$i" "$out"; break; }
	sed -n 's/.*frozen \([0-9]*\) ms.*/\1/p' <<<"$out" >>"$work/frozen"
	at=$(other $at)
	soon 20 eval "[ \$($at tail -n 1 /var/lib/lxc/web/rootfs/log) -gt $last ]" || { bad "online-goes-on-$i" "the counter stands"; break; }
done
equal online-moves "$moves" "$(wc -l <"$work/frozen")"
sort -n "$work/frozen" | awk '{ v[NR] = $1 } END { print "# frozen ms: median " v[int((NR + 1) / 2)] ", worst " v[NR] ", moves " NR }'
listing $at web >"$work/after"
check online-storage-identical cmp "$work/before" "$work/after"
# While it stands still, and at the hand-over; with FULL=1 all of them.
if [ "${FULL:-}" = 1 ]; then
	count_messages --online
	check online-messages test "$messages" -gt 15
	for number in $(seq "${FIRST:-1}" "$messages"); do
		for when in before after; do
			for what in link source guard target; do
				accident "$at" "$number" "$when" "$what" --online || break 3
			done
		done
	done
else
	accident "$at" prepare after source --online && accident "$at" commit before link --online
fi
echo >"$work/stop"
if wait $client; then good online-connections; else bad online-connections "$(cat "$work/client")"; fi
sed 's/^/# /' "$work/client"
$at timeout 10 lxc-stop -k -n web
A rm -rf /var/lib/lxc/web; B rm -rf /var/lib/lxc/web

# ---- a shared root file system ----
mkdir "$work/shared"; export work
A bash -c 'container web "lxc.rootfs.path = dir:$work/shared/rootfs"; mv /var/lib/lxc/web/rootfs "$work/shared"
	printf "%s\n" "#!/bin/sh" "trap \"exit 0\" TERM PWR USR1" "echo >/ready" "n=0" \
		"while :; do n=\$((n + 1)); echo \$n >>/log; sleep 0.1; done" >"$work/shared/rootfs/sbin/init"'
A timeout 60 lxc-start -n web; soon 20 test -s "$work/shared/rootfs/log"
shared_goes_on() { local n; n=$(tail -n 1 "$work/shared/rootfs/log"); soon 20 eval "[ \$(tail -n 1 '$work/shared/rootfs/log') -gt $n ]"; }
check shared-online move A web --shared --online
equal shared-online-runs "NONE RUNNING" "$(state_at A web) $(state_at B web)"
check shared-online-goes-on shared_goes_on
equal shared-online-never-began-anew 1 "$(grep -cx 1 "$work/shared/rootfs/log")"
check shared-stopped-for-it move B web --shared
equal shared-runs "RUNNING NONE" "$(state_at A web) $(state_at B web)"
check shared-is-kept test -x "$work/shared/rootfs/sbin/init"
A timeout 10 lxc-stop -k -n web; A rm -rf /var/lib/lxc/web; B rm -rf /var/lib/lxc/web

# ---- memory that comes afterwards ----
if ! "$criu" check --feature uffd-noncoop >/dev/null 2>&1; then skip lazy "no userfaultfd"; done_testing; fi
gcc -O2 -static -o "$work/memory" "$here/memory.c" 2>/dev/null || { skip lazy "no compiler for static programs"; done_testing; }
A bash -c 'container web; cp "$work/memory" /var/lib/lxc/web/rootfs/sbin/memory
	printf "#!/bin/sh\necho >/ready\nexec /sbin/memory 64\n" >/var/lib/lxc/web/rootfs/sbin/init'
A timeout 60 lxc-start -n web; soon 30 A test -s /var/lib/lxc/web/rootfs/count
remembers() { # CHECKNAME HOST
	local n; n=$("$2" cat /var/lib/lxc/web/rootfs/count)
	if soon 20 eval "[ \$($2 cat /var/lib/lxc/web/rootfs/count) -gt $n ]" && ! "$2" test -e /var/lib/lxc/web/rootfs/bad; then good "$1"
	else bad "$1" "$(state_at "$2" web) $("$2" cat /var/lib/lxc/web/rootfs/bad 2>&1)"; fi
}
move A web --online >"$work/out" 2>&1; equal lazy-moves 0 $?
check lazy-says-pages grep -qE '^pages: [0-9]+ MiB to fill' "$work/out"
check lazy-says-done grep -qE '^pages: done in [0-9]+ ms' "$work/out"
remembers lazy-remembers B
equal lazy-leaves-no-memory "" "$(B ls /var/lib/lxc/web | grep migration)"
B timeout 120 lxc-migrate -n web --online --no-lazy --via "exec python3 $here/migrate_socket.py $(receiver A)" >"$work/out" 2>&1
equal no-lazy-through-a-socket-moves 0 $?
equal no-lazy-is-silent 0 "$(grep -c '^pages:' "$work/out")"
remembers no-lazy-remembers A

# ---- by ssh, a real one, whose connection is a command ----
if [ ! -x /usr/sbin/sshd ] || ! command -v ssh >/dev/null; then skip ssh "no sshd"
else
	ssh-keygen -q -t ed25519 -N "" -f "$work/key"; ssh-keygen -q -t ed25519 -N "" -f "$work/host"; cp "$work/key.pub" "$work/keys"
	printf '%s\n' "HostKey $work/host" "AuthorizedKeysFile $work/keys" 'StrictModes no' 'PermitRootLogin yes' 'UsePAM no' \
		"SetEnv PATH=$PATH WABE_CRIU=$criu" >"$work/sshd_config"
	printf '%s\n' 'Host there' 'User root' "IdentityFile $work/key" 'IdentitiesOnly yes' "UserKnownHostsFile $work/known" \
		'StrictHostKeyChecking accept-new' "ProxyCommand nsenter -t $B_pid -n -m /usr/sbin/sshd -i -f $work/sshd_config" >"$work/ssh_config"
	mkdir "$work/bin"; printf '#!/bin/sh\nexec %s -F %s "$@"\n' "$(command -v ssh)" "$work/ssh_config" >"$work/bin/ssh"; chmod 755 "$work/bin/ssh"
	B mkdir -p /run/sshd
	A env PATH="$work/bin:$PATH" timeout 120 lxc-migrate -n web --online --to there >"$work/out" 2>&1
	equal ssh-moves 0 $?; grep -E '^(moved|pages)' "$work/out" | sed 's/^/# ssh: /'
	remembers ssh-remembers B
	check ssh-and-back move B web --online
fi

# What fills its memory is killed there: dead, not on zeros, and told here
cat >"$work/kill-server" <<-END
	#!/bin/bash
	[ "\$CRTOOLS_SCRIPT_ACTION" = post-restore ] || exit 0
	kill -9 \$(grep -lx wabe-fill /proc/[0-9]*/comm 2>/dev/null | tr -dc '0-9\\n')
END
printf '#!/bin/bash\n[ "$1" != restore ] || set -- "$@" --action-script %s\nexec %s "$@"\n' "$work/kill-server" "$criu" >"$work/criu"
chmod 755 "$work/criu" "$work/kill-server"
A timeout 120 lxc-migrate -n web --online --via "WABE_CRIU=$work/criu; export WABE_CRIU; $(via B)" >"$work/out" 2>&1; status=$?
sed 's/^/# /' "$work/out"
# before it ran: given back. Behind it: it is a crash there.
if [ $status = 0 ]; then
	check killed-server-is-told grep -q 'could not be filled\|has ended while its memory was filled' "$work/out"
	soon 20 eval '[ "$(state_at B web)" = STOPPED ]'; equal killed-server-ends-it "NONE STOPPED" "$(state_at A web) $(state_at B web)"
else
	check killed-server-gives-back grep -q 'the target gave it back' "$work/out"
	remembers killed-server-remembers A
fi
check killed-server-no-zeros eval "! B test -e /var/lib/lxc/web/rootfs/bad"
A timeout 10 lxc-stop -k -n web 2>/dev/null; B timeout 10 lxc-stop -k -n web 2>/dev/null
done_testing
