#!/bin/bash
# shellcheck source-path=SCRIPTDIR
# containerd with wabe as its runtime, by ctr: run, exec, pause, update of a task, kill, delete; nothing is left.
source "$(dirname "$0")/lib.sh" "$@"
command -v containerd >/dev/null && command -v ctr >/dev/null || { skip oci-containerd "containerd is not installed"; exit 0; }
# it gives each container a share of the CPU
[ ! -e /sys/fs/cgroup/cgroup.controllers ] || grep -qw cpu /sys/fs/cgroup/cgroup.controllers || { skip oci-containerd "no cpu controller on cgroup2 here"; exit 0; }
C=$work/containerd
mkdir -p "$C" "$work/tree"
printf '%s\n' 'version = 2' "root = \"$C/root\"" "state = \"$C/state\"" '[grpc]' "address = \"$C/sock\"" '[plugins."io.containerd.internal.v1.opt"]' \
	"path = \"$C/opt\"" >"$C/config.toml"
containerd --config "$C/config.toml" >"$C/log" 2>&1 & daemon=$!
c() { timeout -k 2 30 ctr --address "$C/sock" --namespace "$SANDBOX" "$@"; }
options=(--snapshotter native --runtime io.containerd.runc.v2 --runc-binary "$bin/wabe" --runc-root "$C/wabe")
none() { [ -z "$("$bin/wabe" --root "$C/wabe/$SANDBOX" list -q)" ] && [ -z "$(find /sys/fs/cgroup -type d -path "*/$SANDBOX/$1" 2>/dev/null | head -n 1)" ]; }

image() {
	rootfs "$work/tree"
	python3 "$here/oci_image.py" "$work/tree" wabe.test/box:1 "$work/image.tar" || return
	soon 15 c version && c images import --snapshotter native "$work/image.tar" >/dev/null
}
check image image
run_it() {
	[ "$(c run --rm "${options[@]}" wabe.test/box:1 one sh -c 'echo in; exit 7'; echo $?)" = $'in\n7' ] && soon 5 none one
}
check run run_it
task() {
	c run -d "${options[@]}" wabe.test/box:1 two sleep 100 && [ "$(c task ls | awk '$1 == "two" { print $3 }')" = RUNNING ] || { c task ls; return 1; }
	[ "$(c task exec --exec-id e1 two sh -c 'echo $PPID; exit 3'; echo $?)" = $'0\n3' ] || { echo exec; return 1; }
	c task exec -d --exec-id e2 two sleep 50 && [ "$(c task ps two | tail -n +2 | grep -c .)" = 2 ] || { c task ps two; return 1; }
	c task pause two && [ "$(c task ls | awk '$1 == "two" { print $3 }')" = PAUSED ] && c task resume two || { echo pause; return 1; }
	c task metrics two >/dev/null || { echo metrics; return 1; }
	! c container rm two 2>/dev/null || { echo "removed while it runs"; return 1; }
	c task kill --signal KILL --all two && soon 5 eval '[ "$(c task ls | awk "\$1 == \"two\" { print \$3 }")" = STOPPED ]' || { echo kill; return 1; }
	c task rm two && c container rm two && soon 5 none two
}
check task task
failing() { # the error comes from wabe's log
	c run --rm "${options[@]}" wabe.test/box:1 three /no/such 2>&1 | grep -q '/no/such' && soon 5 none three
}
check error-reaches-the-caller failing
if command -v script >/dev/null; then
	tty() { [ "$(script -qec "timeout --foreground 20 ctr --address $C/sock --namespace $SANDBOX run --rm -t ${options[*]} wabe.test/box:1 four tty" /dev/null </dev/null | grep -o '/dev/pts/[0-9]*')" = /dev/pts/0 ] && soon 5 none four; }
	check terminal tty
else
	skip terminal "script(1) is not installed"
fi
many() {
	local n
	for n in $(seq 8); do (c run --rm "${options[@]}" wabe.test/box:1 "m$n" true) & done
	for n in $(jobs -p); do [ "$n" = "$daemon" ] || wait "$n" || { echo "one fails"; return 1; }; done
	for n in $(seq 8); do soon 5 none "m$n" || { echo "m$n is left"; return 1; }; done
}
check many-at-once many
c images rm wabe.test/box:1 >/dev/null 2>&1
kill $daemon; wait $daemon 2>/dev/null
done_testing
