#!/bin/bash
# shellcheck source-path=SCRIPTDIR
# Each step of an OCI start, in turn: it fails (then nothing is left), its process is killed, or init is killed at it (then
# `delete --force` leaves nothing). FULL=1: all of them, with id maps too, by `run` too; else the kills of one `create`. Needs a build with -Dfault_injection=true.
source "$(dirname "$0")/lib.sh" "$@"
# shellcheck source=oci_lib.sh
source "$here/oci_lib.sh"
# shellcheck source=plan_steps.sh
source "$here/plan_steps.sh"
has_faults || { skip oci-sweep "built without -Dfault_injection=true"; exit 0; }
plan=$here/../../src/engine/oci_plan.c

limit='"pids": {"limit": 100}'
[ -e /sys/fs/cgroup/pids ] || grep -qsw pids /sys/fs/cgroup/cgroup.controllers || limit='"unified": {"cgroup.max.depth": "500"}'
# all that one container can have; a second one has id maps
full='h = [{"path": "/bin/true"}]
c["hooks"] = {n: h for n in ("prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop")}
c["process"]["env"] += ["X=mark-" + name + "-"]
c["process"]["oomScoreAdj"] = 100
c["linux"]["namespaces"] += [{"type": "cgroup"}]
c["linux"]["seccomp"] = {"defaultAction": "SCMP_ACT_ALLOW"}
c["linux"]["resources"] = {'$limit', "devices": [{"allow": False, "access": "rwm"}]}
c["linux"]["sysctl"] = {"net.ipv4.ip_forward": "0"}'
bundle full "$full
c['linux']['netDevices'] = {'lent0': {}}"
bundle mapped "$full
c['linux']['namespaces'] += [{'type': 'user'}]
c['linux']['uidMappings'] = c['linux']['gidMappings'] = [{'containerID': 0, 'hostID': 100000, 'size': 65536}]
c['mounts'] += [{'destination': '/data', 'source': b, 'options': ['bind'], 'uidMappings': c['linux']['uidMappings'], 'gidMappings': c['linux']['gidMappings']}]"
# without hooks more is done beside init
bundle plain "$full
del c['hooks']"
chown -R 100000:100000 "$work/mapped/rootfs"; chmod 755 "$work" "$work/mapped"
lend() { [ -e /sys/class/net/lent0 ] || ip link add lent0 type veth peer name peer0 2>/dev/null || { ip link del peer0; ip link add lent0 type veth peer name peer0; }; }

at() { # STEP:ACT BUNDLE COMMAND
	local out rc what detach=() notify=$work/ns
	lend
	[ "$3" = create ] || detach=(-d)
	# run waits for a word of the program, which says none
	[ "$3" = create ] || [[ $1 == listen-for-ready:fail || $1 == listen-for-ready:kill ]] || notify=
	# in a shell of its own, whose word about the kill nobody needs
	(NOTIFY_SOCKET=$notify WABE_FAULT=$1 timeout -k 2 20 "$bin/wabe" --root "$root" "$3" "${detach[@]}" --bundle "$work/$2" "$2" \
		</dev/null >"$work/out" 2>&1) 2>/dev/null; rc=$?
	out=$(tail -n 1 "$work/out")
	[ $rc != 124 ] || { bad "$2-$3-$1" "hangs"; return; }
	# a step that this container has not does not fail
	if [[ $1 == *:fail && $rc != 0 ]] && ! what=$(nothing "$2"); then bad "$2-$3-$1" "left: $what ($out)"; wabe delete --force "$2"; return; fi
	wabe delete --force "$2" >/dev/null 2>"$work/err" || { bad "$2-$3-$1" "delete --force: $(cat "$work/err")"; return; }
	gone "$2" || { bad "$2-$3-$1" "$(nothing "$2")"; return; }
	[ "$2" != full ] || soon 2 test -e /sys/class/net/lent0 || [ ! -e /sys/class/net/peer0 ] || { bad "$2-$3-$1" "lent0 did not come back"; return; }
	count=$((count + 1))
}
python3 -c 'import socket, sys, time
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM); s.bind(sys.argv[1]); time.sleep(600)' "$work/ns" & server=$!
soon 3 test -S "$work/ns"
count=0
bundles=full commands=create acts=kill
[ -z "${FULL:-}" ] || bundles='full mapped plain' commands='create run' acts='fail kill kill-init'
for b in $bundles; do
	for command in $commands; do
		for act in $acts; do
			for step in $(steps_of oci_supervisor_plan); do at "$step:$act" $b $command; done
			[ $act = kill-init ] || for step in $(steps_of oci_init_plan); do at "$step:$act" $b $command; done
		done
	done
done
[ -n "${FULL:-}" ] || for step in restrict-devices-now prepare-running await-rootfs; do at $step:kill plain create; done
kill $server
[ $failures = 0 ] && good "oci-sweep ($count accidents)"
lend; check start-after-all up full; check delete-after-all wabe delete -f full
ip link del lent0
done_testing
