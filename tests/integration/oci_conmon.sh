#!/bin/bash
# shellcheck source-path=SCRIPTDIR
# The calls of CRI-O (internal/oci/runtime_oci.go of its 1.3x), which Debian does not have: by conmon for create and exec, the
# others its own.
source "$(dirname "$0")/lib.sh" "$@"
# shellcheck source=oci_lib.sh
source "$here/oci_lib.sh"
command -v conmon >/dev/null || { skip oci-conmon "conmon is not installed"; exit 0; }
wabe() { timeout -k 2 20 "$bin/wabe" "--root=$root" "$@"; }
# monitored ID LOG OPTION...: what conmon tells by its pipe is in $work/sync
monitored() {
	_OCI_SYNCPIPE=3 _OCI_STARTPIPE=4 timeout 30 conmon -c "$1" -n "k8s_$1" -r "$bin/wabe" -l "$2" --log-level info --socket-dir-path "$work/sockets" \
		--runtime-arg "--root=$root" "${@:3}" 3>"$work/sync" 4< <(printf '\0') </dev/null >/dev/null 2>"$work/conmon.err"
}
created() { # ID OPTION...
	monitored "$1" "$work/$1.log" -b "$work/$1" -u "$1" -p "$work/$1/pidfile" -P "$work/$1/conmon-pidfile" --persist-dir "$work/$1" \
		--exit-dir "$work/exits" --log-size-max 100000 --syslog "${@:2}" && soon 10 grep -q '"pid": *[1-9]' "$work/sync"
}
has_ended() { [ "$(cat "$work/exits/$1" 2>/dev/null)" = "$2" ]; }
ended() { soon 10 has_ended "$1" "$2"; }
stopped() { soon 5 eval "[ \"\$(status $1)\" = stopped ]"; }
mkdir -p "$work"/{exits,sockets}

life() {
	bundle a 'c["process"]["args"] = sh("echo in the log; trap \"exit 3\" TERM; while :; do sleep 0.1; done"); c["annotations"] = {"io.kubernetes.cri-o.Name": "x"}'
	created a && [ "$(status a)" = created ] && [ "$(cat "$work/a/pidfile")" = "$(pid a)" ] || { cat "$work/sync" "$work/conmon.err"; return 1; }
	wabe start a && soon 5 grep -q 'stdout F in the log' "$work/a.log" || { cat "$work/a.log"; return 1; }
	wabe state a | jq -e '.annotations["io.kubernetes.cri-o.Name"] == "x" and (.created | test("^[0-9-]*T[0-9:.]*Z$"))' >/dev/null || { wabe state a; return 1; }
	echo '{"memory": {"limit": 33554432}}' | wabe update --resources - a || [ ! -e /sys/fs/cgroup/memory ] || return
	wabe pause a && [ "$(status a)" = paused ] && wabe resume a || return
	wabe kill a TERM && ended a 3 && stopped a || { cat "$work/exits/a"; return 1; }
	wabe kill a KILL 2>&1 | grep -qi 'container not running' && wabe delete --force a && wabe delete --force a && gone a
}
check life-cycle life
exec_sync() {
	bundle b; created b && wabe start b || return
	jq -c '.process | .args = ["sh", "-c", "echo out; echo err >&2; exit 4"] | .terminal = false' "$work/b/config.json" >"$work/process"
	monitored b "$work/exec.log" -e -p "$work/exec.pid" --sync --exec-process-spec "$work/process"; [ $? = 4 ] || { cat "$work/conmon.err"; return 1; }
	grep -q '"exit_code": 4' "$work/sync" && grep -q 'stdout F out' "$work/exec.log" && grep -q 'stderr F err' "$work/exec.log" || { cat "$work/sync" "$work/exec.log"; return 1; }
	jq -c '.args = ["sleep", "50"]' "$work/process" >"$work/process2"
	monitored b "$work/exec.log" -e -p "$work/exec.pid" --sync -T 1 --exec-process-spec "$work/process2"
	grep -q 'exit_code": -1' "$work/sync" && grep -q 'timed out' "$work/sync" && soon 3 eval '[ "$(wabe ps --format json b | jq length)" = 1 ]' || { cat "$work/sync"; wabe ps b; return 1; }
	jq -c '.args = ["/no/such"]' "$work/process" >"$work/process3"
	monitored b "$work/exec.log" -e -p "$work/exec.pid" --sync --exec-process-spec "$work/process3"
	grep -q '/no/such' "$work/sync" || { cat "$work/sync"; return 1; }
	[ "$(echo text | wabe exec --process <(jq -c '.args = ["cat"]' "$work/process") b)" = text ] || return
	wabe kill -a b 9 && ended b 137 && wabe delete --force b && gone b
}
check exec-sync exec_sync
# whole FILE: the lines of standard output; what comes in parts (a terminal's line and its end) is one
whole() { sed -n 's/^[^ ]* stdout \([FP]\) \(.*\)/\1\2/p' "$1" | tr -d '\r' | sed -e ':a' -e '/^P/{$!N;s/^P\(.*\)\n\([FP]\)\(.*\)/\2\1\3/;ta' -e '}' | sed -n 's/^F//p'; }
terminal() {
	bundle t 'c["process"]["terminal"] = True; c["process"]["args"] = sh("tty; sleep 100")'
	created t -t && wabe start t && soon 5 eval 'whole "$work/t.log" | grep -qx /dev/pts/0' || { cat "$work/t.log" "$work/sync" "$work/conmon.err"; return 1; }
	wabe kill t KILL && ended t 137 || { echo "end: $(status t), $(cat "$work/exits/t")"; return 1; }
	wabe delete --force t && gone t
}
check terminal terminal
fails() { # the text of the error comes by conmon's pipe
	bundle f 'c["process"]["args"] = ["/no/such"]'
	! created f && grep -q '"pid": *-1' "$work/sync" && grep -q '/no/such' "$work/sync" && wabe delete --force f && gone f
}
check failing-create fails
done_testing
