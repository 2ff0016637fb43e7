#!/bin/bash
# Checkpoint and restore through criu: lxc-checkpoint, its failures, and that the command may be killed at any moment.
source "$(dirname "$0")/lib.sh"
: "${WABE_CRIU:=$(command -v criu || true)}"
export WABE_CRIU
if [ -z "$WABE_CRIU" ] || ! "$WABE_CRIU" check >/dev/null 2>&1; then
	skip checkpoint "no criu that works on this kernel (WABE_CRIU=\$(tests/criu-fetch DIR)/criu)"
	done_testing
fi
images=$work/images

counting() { # NAME [LINE...]: init counts in a shell variable, and writes it down
	local n=$1
	container "$@"
	printf '%s\n' '#!/bin/sh' 'trap "exit 0" USR1 TERM PWR' 'echo >/ready; i=0' \
		'while :; do i=$((i + 1)); echo $i >/count.new; mv /count.new /count; echo "tick $i"; sleep 0.1; done' \
		>"$P/$n/rootfs/sbin/init"
}
count() { cat "$P/$1/rootfs/count"; }
grows() { local before; before=$(count "$1"); soon 10 eval "[ \$(count $1) -gt $before ]"; }
goes_on() { # NAME BEFORE: from there, not from 1 and not from what somebody has written
	local now; echo 1000000 >"$P/$1/rootfs/count"
	soon 10 eval "[ \$(count $1) != 1000000 ]"; now=$(count "$1"); [ "$now" -ge "$2" ] && [ "$now" -lt $(($2 + 100)) ]
}
save() { timeout 60 lxc-checkpoint -P "$P" -n "$1" -D "$images" "${@:2}"; }
back() { timeout 60 lxc-checkpoint -P "$P" -n "$1" -D "$images" -r "${@:2}"; }

# --- a container with interface, console and limits ---
ip link add br0 type bridge; ip link set br0 up
counting c1 'lxc.net.0.type = veth' 'lxc.net.0.link = br0' 'lxc.net.0.flags = up' 'lxc.net.0.ipv4.address = 10.9.0.2/24' \
	'lxc.tty.max = 2' 'lxc.console.buffer.size = 4096' "lxc.console.logfile = $work/console"
start c1; grows c1
run c1 ip addr add 10.9.0.77/32 dev eth0
limit=pids.max; lxc-cgroup -P "$P" -n c1 $limit 77 2>/dev/null || { limit=cpu.weight; lxc-cgroup -P "$P" -n c1 $limit 77 2>/dev/null; }
limited=$(lxc-cgroup -P "$P" -n c1 $limit 2>/dev/null)
mac=$(run c1 cat /sys/class/net/eth0/address)
check checkpoint-leaves-it-running save c1
check and-it-goes-on grows c1
check check-finds-nothing timeout 60 lxc-checkpoint -P "$P" -n c1 --check
save c1 -s; status=$?; before=$(count c1)
equal checkpoint-and-stop "0 STOPPED" "$status $(state c1)"
none_left stopped-leaves-nothing c1 br0
check restore back c1
check count-continues goes_on c1 "$before"
equal info-says-running RUNNING "$(state c1)"
equal attach-works "$mac" "$(run c1 cat /sys/class/net/eth0/address)"
check own-address-is-kept eval "run c1 ip addr show eth0 | grep -q 10.9.0.77"
size=$(stat -c %s "$work/console"); check console-goes-on soon 10 eval "[ \"\$(stat -c %s $work/console)\" -gt ${size:-0} ]"
check port-of-the-bridge eval "ip link show master br0 | grep -q 'state UP'"
if [ -n "$limited" ]; then equal limit-set-at-run-time "$limited" "$(lxc-cgroup -P "$P" -n c1 $limit)"
else skip limit-set-at-run-time "no controller on cgroup2 here"; fi
equal restore-of-a-running-one-is-refused 1 "$(back c1 >/dev/null 2>&1; echo $?)"
lxc-freeze -P "$P" -n c1
check checkpoint-of-a-frozen-one save c1 -s
check restore-it back c1
equal it-is-frozen FROZEN "$(state c1)"
lxc-unfreeze -P "$P" -n c1
check thawed-it-goes-on grows c1

# --- two at once, and a caller that ignores signals: criu ends its helpers by SIGTERM ---
(timeout 60 lxc-checkpoint -P "$P" -n c1 -D "$images.2") & other=$!
save c1; status=$?; wait $other
equal two-at-once "0 0" "$status $?"
grows c1; (trap '' TERM INT HUP; save c1 -s); before=$(count c1)
check restore-without-signals eval "(trap '' TERM INT HUP; back c1)"
check and-the-count-continues goes_on c1 "$before"
rm -rf "$images.2"

# --- what can not be saved is named, and nothing is touched ---
lxc-attach -P "$P" -n c1 -- sleep 1000 </dev/null >/dev/null 2>&1 & attached=$!
soon 10 eval "run c1 ps | grep -q 'sleep 1000'"
text=$(save c1 -s 2>&1); status=$?
equal attached-process-is-a-blocker 1 "$status"
check it-is-named eval "[[ \$text == *sleep*outside* ]]"
check untouched grows c1
run c1 sh -c 'kill -9 $(ps | sed -n "s/^ *\([0-9]*\) .* sleep 1000.*/\1/p")' 2>/dev/null; wait $attached 2>/dev/null; soon 10 eval "! run c1 ps | grep -q 'sleep 1000'"

# --- criu's failure: one line, the container whole ---
text=$(WABE_CRIU=/nowhere/criu timeout 60 lxc-checkpoint -P "$P" -n c1 -D "$images.x" -s 2>&1)
equal no-criu-is-one-line 1 "$(wc -l <<<"$text")"
check still-there grows c1
rm -rf "$images"; save c1 -s; rm "$images"/core-1.img
text=$(back c1 2>&1); status=$?
equal broken-images-are-refused "1 1" "$status $(wc -l <<<"$text")"
check reason-and-log eval "[[ \$text == *criu:*restore.log* ]]"
none_left failed-restore-leaves-nothing c1 br0

# --- one of the processes is lost when all are made: criu waits for it for ever ---
start c1; rm -rf "$images"; save c1 -s
cat >"$work/lose" <<-'END'
	#!/bin/bash
	[ "$CRTOOLS_SCRIPT_ACTION" != post-restore ] || kill -9 $(cat /proc/$CRTOOLS_INIT_PID/task/*/children)
END
chmod 755 "$work/lose"
text=$(back c1 -A "$work/lose" 2>&1); status=$?
equal stuck-criu-is-ended "1 STOPPED 1" "$status $(state c1) $(wc -l <<<"$text")"
check stuck-criu-is-said eval "[[ \$text == *criu:*restore.log* ]]"
none_left stuck-criu-leaves-nothing c1 br0

# --- killed at any moment: the old state or the new one ---
start c1
[ -n "${FULL:-}" ] && moments=$(seq 5 10 400) || moments='10 60 110 160'
for ms in $moments; do
	grows c1; rm -rf "$images"
	lxc-checkpoint -P "$P" -n c1 -D "$images" -s 2>/dev/null & killed=$!
	sleep "0.$(printf %03d "$ms")"; kill -9 $killed 2>/dev/null; wait $killed 2>/dev/null
	soon 5 eval "is c1 STOPPED || grows c1" || bad "killed-after-$ms" "neither stopped nor running"
	if is c1 STOPPED; then
		before=$(count c1)
		if back c1 && goes_on c1 "$before"; then good "killed-after-$ms-new-state"; else bad "killed-after-$ms" "stopped without a checkpoint"; start c1; fi
	else
		good "killed-after-$ms-old-state"
	fi
done
stop c1
none_left after-the-kills c1 br0

# --- user namespace ---
counting c2 'lxc.idmap = u 0 2013265920 65536' 'lxc.idmap = g 0 2013265920 65536' 'lxc.net.0.type = veth' \
	'lxc.net.0.link = br0' 'lxc.net.0.flags = up'
chown -R 2013265920:2013265920 "$P/c2/rootfs"
start c2; grows c2; rm -rf "$images"
if save c2 -s; then
	before=$(count c2)
	check idmap-restore back c2
	check idmap-count-continues goes_on c2 "$before"
	stop c2
else bad idmap-checkpoint "failed"; fi
none_left idmap-leaves-nothing c2 br0

# --- groups below the container's: with v1 its device rules must be there before them ---
counting c5 'lxc.cgroup.devices.deny = a' 'lxc.cgroup.devices.allow = c *:* rwm'; start c5
group=/sys/fs/cgroup/devices$(sed -n 's/^[0-9]*:devices://p' "/proc/$(init_of c5)/cgroup")
if [ -e "$group/devices.deny" ]; then
	mkdir "$group/below"
	check below-checkpoint save c5 -s; before=$(count c5)
	check below-restore back c5
	check below-count-continues goes_on c5 "$before"
	group=/sys/fs/cgroup/devices$(sed -n 's/^[0-9]*:devices://p' "/proc/$(init_of c5)/cgroup")
	check below-is-there test -d "$group/below"
	equal below-is-restricted "c *:* rwm" "$(cat "$group/devices.list")"
fi
stop c5; none_left below-leaves-nothing c5 br0

# --- memory that comes afterwards ---
# The process that fills memory is stopped before the container runs. criu calls this script when all processes are there and stand still.
cat >"$work/stop-server" <<-'END'
	#!/bin/bash
	[ "$CRTOOLS_SCRIPT_ACTION" != post-restore ] || kill -STOP $(grep -lx wabe-fill /proc/[0-9]*/comm 2>/dev/null | tr -dc '0-9\n')
END
chmod 755 "$work/stop-server"
server() { grep -lx wabe-fill /proc/[0-9]*/comm 2>/dev/null | tr -dc '0-9\n'; } # its pid
no_server() { [ -z "$(server)" ]; }
remembers() { # CHECKNAME: it goes on, and nothing of its memory was wrong
	if grows c4 && [ ! -e "$P/c4/rootfs/bad" ]; then good "$1"; else bad "$1" "$(state c4) $(cat "$P/c4/rootfs/bad" 2>&1)"; fi
}
is_stopped() { grep -q '^State.*[Tt] (' "/proc/$(server)/status"; }
# Restores c4 with most of its memory missing; $waiting is the command.
partly() {
	back_c4 --lazy -A "$work/stop-server" >"$work/out" 2>&1 & waiting=$!
	soon 20 grep -q '^pages:' "$work/out" && soon 20 is_stopped || bad partly "$(server) $(cat "$work/out")"
}
back_c4() { timeout 60 lxc-checkpoint -P "$P" -n c4 -D "$images" -r "$@"; }
save_c4() { rm -rf "$images"; timeout 60 lxc-checkpoint -P "$P" -n c4 -D "$images" -s; }
lazy_tests() {
	container c4 'lxc.net.0.type = veth' 'lxc.net.0.link = br0' 'lxc.net.0.flags = up'
	mv "$work/memory" "$P/c4/rootfs/sbin/memory"
	printf '#!/bin/sh\necho >/ready\nexec /sbin/memory 128\n' >"$P/c4/rootfs/sbin/init"
	start c4; soon 30 test -s "$P/c4/rootfs/count"
	check lazy-checkpoint save_c4
	back_c4 --lazy >"$work/out" 2>&1; equal lazy-restore 0 $?; sed 's/^/# /' "$work/out"
	check lazy-says-pages grep -qE '^pages: [0-9]{3} MiB to fill' "$work/out"
	check lazy-says-done grep -q '^pages: done in [0-9]* ms' "$work/out"
	remembers lazy-remembers
	check lazy-server-is-gone no_server

	# killed: dead at once, never on zeros
	save_c4; partly
	kill -9 "$(server)"; wait $waiting
	equal killed-server-is-told "1 1" "$? $(grep -c 'was ended, for its memory could not be filled: wabe-fill was ended by signal 9' "$work/out")"
	check killed-server-ends-it soon 20 is c4 STOPPED
	check killed-server-no-zeros eval "[ ! -e '$P/c4/rootfs/bad' ]"
	none_left killed-server-leaves-nothing c4 br0
	for ms in 001 010 020 040; do
		back_c4 --lazy >"$work/out" 2>&1 & waiting=$!
		soon 20 is c4 RUNNING; sleep 0.$ms
		kill -9 $(server) 2>/dev/null; wait $waiting; status=$?
		# all was there already, or it is dead
		if [ $status = 0 ] && is c4 RUNNING; then remembers "killed-after-$ms"; stop c4; else
			check "killed-after-$ms" eval "soon 20 is c4 STOPPED && [ ! -e '$P/c4/rootfs/bad' ]"
		fi
	done

	# the supervisor killed
	partly; supervisor=$(supervisor_of c4)
	kill -9 "$supervisor"
	equal orphan-is-alive RUNNING "$(state c4)"
	kill -CONT "$(server)"; wait $waiting
	equal orphan-is-filled 0 $?
	remembers orphan-remembers
	stop c4; none_left orphan-leaves-nothing c4 br0

	# stopped meanwhile
	partly; check stop-while-filling stop c4
	wait $waiting; equal stop-while-filling-is-told "1 1" "$? $(grep -c 'has ended while its memory was filled' "$work/out")"
	check stop-while-filling-no-server soon 10 no_server
	none_left stop-while-filling-leaves-nothing c4 br0

	# saved meanwhile: afterwards
	partly
	timeout 60 lxc-checkpoint -P "$P" -n c4 -D "$images.2" & other=$!
	sleep 1; check second-waits kill -0 $other
	kill -CONT "$(server)"; wait $other; status=$?; wait $waiting
	equal second-is-whole "0 0" "$status $?"
	stop c4
	check second-restore timeout 60 lxc-checkpoint -P "$P" -n c4 -D "$images.2" -r --lazy
	remembers second-remembers
	stop c4; rm -rf "$images.2"

	# passes before: by criu, or where the kernel does not track changes by copies, which the dump is compared with
	start c4; soon 30 test -s "$P/c4/rootfs/count"
	pass() { timeout 60 lxc-checkpoint -P "$P" -n c4 -D "$images.$1" "${@:3}" --predump-dir "../${images##*/}.$2"; }
	check pass-one timeout 60 lxc-checkpoint -P "$P" -n c4 -D "$images.1" -p
	check pass-two pass 2 1 -p
	remembers pass-remembers
	check pass-last pass 3 2 -s
	check pass-restore timeout 60 lxc-checkpoint -P "$P" -n c4 -D "$images.3" -r
	remembers pass-restore-remembers; stop c4
	check pass-restore-lazily timeout 60 lxc-checkpoint -P "$P" -n c4 -D "$images.3" -r --lazy
	remembers pass-lazily-remembers; stop c4
	rm -rf "$images".[123]

	# where it can not be
	mkdir "$images/lazy-pages.socket"
	back_c4 --lazy >"$work/out" 2>&1; sed 's/^/# /' "$work/out"
	equal fallback "1" "$(grep -c "warning: listen in $images: Is a directory" "$work/out")"
	remembers fallback-remembers
	stop c4; none_left lazy-leaves-nothing c4 br0
}
if ! "$WABE_CRIU" check --feature uffd-noncoop >/dev/null 2>&1; then skip lazy "no userfaultfd"
elif ! gcc -O2 -static -o "$work/memory" "$here/memory.c" 2>/dev/null; then skip lazy "no compiler for static programs"
else lazy_tests
fi

# --- again and again ---
counting c3; start c3
timeout 60 lxc-checkpoint -P "$P" -n c3 -D "$images.every" --every 1 & every=$!
soon 5 test -e "$images.every/latest/checkpoint"; sleep 1.5
kill -9 "$(init_of c3)"
wait $every; equal every-ends-with-the-container 0 $?
soon 5 is c3 STOPPED
check last-one-is-whole timeout 60 lxc-checkpoint -P "$P" -n c3 -D "$images.every" -r
check every-goes-on grows c3
stop c3
done_testing
