#!/bin/bash
# liblxc.so.1 as a program of others sees it: tests/api, one process for each subject, and that nothing is forgotten.
#   API_LIB=DIR      the library to test (default: BINDIR/../lib); its programs are those that it was built for
#   API_CFLAGS=...   for the tests, such as -fsanitize=address
#   API_WITHOUT=...  subjects to leave out, API_WHY=... the reason
#   API_SUBJECTS=... these alone; then nothing is said about what is forgotten
#   API_VALGRIND=1   each subject under valgrind; its children, which are programs of others, are not looked at
source "$(dirname "$0")/lib.sh"
prefix=$(cd "$bin/.." && pwd)
export API_PATH=$work/lxc API_ROOT=$work/root API_TEMPLATE=$work/lxc-tiny API_CALLS=$work/calls API_BRIDGE=apibr API_LINK=apilink
export LD_LIBRARY_PATH=${API_LIB:-$prefix/lib}
# freed memory is free at once and seen so, and threads have to take the allocator's lock
export GLIBC_TUNABLES=glibc.malloc.tcache_count=0
command -v gcc >/dev/null || { skip api "no compiler"; exit 0; }

sources=("$here"/../api/*.c) under=()
if [ -n "${API_VALGRIND:-}" ]; then
	sources+=("$here/../api/valgrind/syscalls.c")
	under=(valgrind --leak-check=full --show-leak-kinds=definite,indirect,possible --track-fds=yes --vgdb=no
		--child-silent-after-fork=yes --fair-sched=yes --log-file="$work/valgrind")
	export API_SYSCALL_SERVER=api-syscall-server
	python3 "$here/../api/valgrind/syscall-server" "$API_SYSCALL_SERVER" & server=$!
	trap 'kill $server' EXIT
fi
# shellcheck disable=SC2086
if ! gcc -std=gnu17 -D_GNU_SOURCE -O1 -g -Wall -Wextra -Werror ${API_CFLAGS:-} -I"$prefix/include" -o "$work/api-tests" \
	"${sources[@]}" -L"$LD_LIBRARY_PATH" -llxc -lpthread 2>"$work/gcc"; then
	bad build "$(head -3 "$work/gcc")"; done_testing
fi

rootfs "$API_ROOT"; chmod 755 "$work"; mkdir "$API_PATH"
printf '%s\n' '#!/bin/sh' 'name=$(hostname)' 'trap "exit 0" PWR TERM' 'trap "reboot -f" INT' 'echo >/ready.$name' \
	'while :; do sleep 1000 & wait $!; done' >"$API_ROOT/sbin/api-init"
cat >"$API_TEMPLATE" <<'T'
#!/bin/sh
for argument; do case $argument in --rootfs=*) root=${argument#*=} ;; --fail) echo failing; exit 1 ;; esac; done
mkdir -p "$root/etc" && echo "$@" >"$root/made-by-template"
echo "the template's own words"
T
chmod 755 "$API_TEMPLATE" "$API_ROOT/sbin/api-init"
ip link add apibr type bridge && ip link set apibr up
ip link add apilink type veth peer name apipeer
stays='apibr|apilink|apipeer'

# What valgrind has to complain of.
valgrind_says() {
	grep -E 'ERROR SUMMARY: 0 errors' -q "$work/valgrind" || grep -E -v 'Memcheck|Copyright|Using|Command|WARNING|support|handler|README|report' "$work/valgrind"
	grep -q 'FILE DESCRIPTORS: 3 open (3 std)' "$work/valgrind" || grep -A6 'FILE DESCRIPTORS' "$work/valgrind"
} 2>&1

for subject in ${API_SUBJECTS:-$("$work/api-tests")}; do
	if [[ " ${API_WITHOUT:-} " == *" $subject "* ]]; then skip "$subject" "${API_WHY:-}"; continue; fi
	timeout -k 5 "${API_TIMEOUT:-120}" "${under[@]}" "$work/api-tests" "$subject" >"$work/result" 2>"$work/log.$subject" </dev/null
	status=$?
	cat "$work/result"
	if grep -q '^not ok' "$work/result"; then failures=$((failures + 1))
	elif [ $status != 0 ]; then bad "$subject/end" "status $status: $(tail -n 5 "$work/log.$subject")"
	elif [ -s "$work/log.$subject" ]; then bad "$subject/says-nothing" "$(head -n 3 "$work/log.$subject")"
	fi
	[ -z "${API_VALGRIND:-}" ] || equal "$subject/valgrind" "" "$(valgrind_says | head -n 40)"
done
none_left clean lxc. "$stays"
equal no-run-directory-is-left "" "$(ls /run/wabe/lxc /run/wabe/lxc/.monitors | grep -v :)"
equal no-file-is-left "" "$(ls "$API_PATH")"
[ -z "${API_SUBJECTS:-}" ] || done_testing

# Each member and each function was called, and has failed and succeeded; but for what can only do one of both.
members() { sed -n 's|^.*(\*\([a-z_0-9]*\))(struct lxc_container \*c[,)].*|\1|p' "$prefix/include/lxc/lxccontainer.h"; }
functions() { sed -n 's/^[a-z].*[ *]\(lxc_[a-z_]*\|list_[a-z_]*\)(.*);$/\1/p' "$prefix"/include/lxc/*.h; }
equal members 62 "$(members | wc -l)"; equal functions 15 "$(functions | wc -l)"
never_fails=' clear_config lxc_get_version lxc_get_wait_states lxc_log_close list_active_containers list_all_containers '
# those of checkpoints do in checkpoint.sh, with criu
never_succeeds=' checkpoint restore migrate seccomp_notify_fd seccomp_notify_fd_active '
[ -z "${API_VALGRIND:-}" ] || never_succeeds+='mount umount ' # fsopen(2), which it does not know
awk '{ good[$1] += $2; bad[$1] += $3 } END { for (name in good) print name, good[name], bad[name] }' "$API_CALLS" >"$work/sums"
for name in $(members; functions); do
	read -r _ successes faults < <(grep "^$name " "$work/sums"; echo)
	[ "${successes:-0}" != 0 ] || [[ $never_succeeds == *" $name "* ]] || echo "$name has not succeeded"
	[ "${faults:-0}" != 0 ] || [[ $never_fails == *" $name "* ]] || echo "$name has not failed"
done >"$work/forgotten"
equal nothing-is-forgotten "" "$(cat "$work/forgotten")"
done_testing
