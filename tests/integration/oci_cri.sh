#!/bin/bash
# shellcheck source-path=SCRIPTDIR
# containerd's CRI service with wabe as its runtime, driven as kubelet does: a pod, containers in it, exec, resources, stop, removal.
source "$(dirname "$0")/lib.sh" "$@"
command -v containerd >/dev/null && command -v ctr >/dev/null || { skip oci-cri "containerd is not installed"; exit 0; }
command -v curl >/dev/null && curl --version | grep -qw HTTP2 || { skip oci-cri "curl with HTTP/2 is not installed"; exit 0; }
[ ! -e /sys/fs/cgroup/cgroup.controllers ] || grep -qw cpu /sys/fs/cgroup/cgroup.controllers || { skip oci-cri "no cpu controller on cgroup2 here"; exit 0; }
C=$work/containerd
mkdir -p "$C"/{cni,logs} "$work/tree" "$work/volume"
# it wants a lower value than ours for a pod
restricted=false; (echo -999 >"/proc/$BASHPID/oom_score_adj") 2>/dev/null || restricted=true
cri=plugins.\"io.containerd.grpc.v1.cri\"
printf '%s\n' 'version = 2' "root = \"$C/root\"" "state = \"$C/state\"" '[grpc]' "address = \"$C/sock\"" \
	'[plugins."io.containerd.internal.v1.opt"]' "path = \"$C/opt\"" "[$cri]" 'sandbox_image = "wabe.test/box:1"' "restrict_oom_score_adj = $restricted" \
	"[$cri.cni]" 'bin_dir = "/usr/lib/cni"' "conf_dir = \"$C/cni\"" "[$cri.containerd]" 'snapshotter = "native"' 'default_runtime_name = "wabe"' \
	"[$cri.containerd.runtimes.wabe]" 'runtime_type = "io.containerd.runc.v2"' "[$cri.containerd.runtimes.wabe.options]" \
	"BinaryName = \"$bin/wabe\"" "Root = \"$C/wabe\"" >"$C/config.toml"
# a pod's own network where the plugins are, the node's elsewhere
network=2
if [ -x /usr/lib/cni/bridge ] && [ -x /usr/lib/cni/host-local ]; then
	network=0
	printf '%s' '{"cniVersion": "0.4.0", "name": "pods", "type": "bridge", "bridge": "wabecri0", "ipam": {"type": "host-local", "dataDir": "' \
		"$C/leases" '", "ranges": [[{"subnet": "10.99.0.0/24"}]]}}' >"$C/cni/10-pods.conf"
fi
had_cni=; [ ! -e /var/lib/cni ] || had_cni=1
ip link set lo up
containerd --config "$C/config.toml" >"$C/log" 2>&1 & daemon=$!
call() { timeout -k 2 90 python3 "$here/oci_cri.py" "$C/sock" "$@"; }
# ask FILTER METHOD [JSON]: what FILTER takes from the answer
ask() { local answer; answer=$(call "${@:2}") && jq -r "$1" <<<"$answer"; }
pod() { # NAME [JSON: more for its linux part]
	jq -cn --arg name "$1" --arg logs "$C/logs" --arg parent "/$SANDBOX/pods" --argjson network $network --argjson more "${2:-{\}}" \
		'{metadata: {name: $name, uid: $name, namespace: "tests"}, hostname: (if $network == 0 then $name else "" end), log_directory: $logs, labels: {app: $name},
		  linux: ({cgroup_parent: $parent, security_context: {namespace_options: {network: $network, pid: 1}}} * $more)}'
}
run_pod() { ask .pod_sandbox_id RunPodSandbox "{\"config\": $1, \"runtime_handler\": \"wabe\"}"; }
# make POD CONFIG NAME COMMAND [JSON: more for its configuration]: its ID
make() {
	ask .container_id CreateContainer "$(jq -cn --arg pod "$1" --argjson config "$2" --arg name "$3" --arg command "$4" --argjson more "${5:-{\}}" \
		'{pod_sandbox_id: $pod, sandbox_config: $config, config: ({metadata: {name: $name}, image: {image: "wabe.test/box:1"},
		  command: ["sh", "-c", $command], log_path: ($name + ".log"), linux: {security_context: {namespace_options: {network: '$network', pid: 1}}}} * $more)}')"
}
begin() { call StartContainer "{\"container_id\": \"$1\"}" >/dev/null; }
inside() { # ID COMMAND: its output, and its status behind a |
	ask '.stdout + "|" + (.exit_code | tostring)' ExecSync \
		"$(jq -cn --arg id "$1" --arg command "$2" '{container_id: $id, cmd: ["sh", "-c", $command], timeout: 30}')"
}
status() { ask '.status | "\(.state) \(.exit_code)"' ContainerStatus "{\"container_id\": \"$1\"}"; }
ready() { [ "$(ask ".status.conditions[] | select(.type == \"$1\") | .status" Status)" = 1 ]; }
stop_it() { call StopContainer "{\"container_id\": \"$1\", \"timeout\": ${2:-10}}" >/dev/null; }
drop() { call RemoveContainer "{\"container_id\": \"$1\"}" >/dev/null; }
end_pod() { call StopPodSandbox "{\"pod_sandbox_id\": \"$1\"}" >/dev/null && call RemovePodSandbox "{\"pod_sandbox_id\": \"$1\"}" >/dev/null; }
# where wabe keeps the containers of containerd's namespace k8s.io; the groups of the pods
none() { [ -z "$("$bin/wabe" --root "$C/wabe/k8s.io" list -q)" ] && [ -z "$(find /sys/fs/cgroup -mindepth 2 -type d -path "*/$SANDBOX/pods/*" 2>/dev/null | head -n 1)" ]; }
pid_of() { "$bin/wabe" --root "$C/wabe/k8s.io" state "$1" | jq .pid; }

image() {
	rootfs "$work/tree"
	python3 "$here/oci_image.py" "$work/tree" wabe.test/box:1 "$work/image.tar" || return
	soon 30 call Version || { tail -n 5 "$C/log"; return 1; }
	timeout 60 ctr --address "$C/sock" --namespace k8s.io images import --snapshotter native "$work/image.tar" >/dev/null || return
	soon 20 ready RuntimeReady && { [ $network = 2 ] || soon 20 ready NetworkReady; }
}
check image image
one=$(pod one '{"sysctls": {"kernel.shm_rmid_forced": "1"}}')
pod_runs() {
	local pod_id
	pod_id=$(run_pod "$one") && [ -n "$pod_id" ] || { tail -n 3 "$C/log"; return 1; }
	echo "$pod_id" >"$work/pod"
	[ "$(ask '"\(.status.state) \(.status.runtime_handler)"' PodSandboxStatus "{\"pod_sandbox_id\": \"$pod_id\"}")" = '0 wabe' ] || return
	"$bin/wabe" --root "$C/wabe/k8s.io" list -q | grep -qx "$pod_id"
}
check run-pod-sandbox pod_runs
pod_id=$(cat "$work/pod" 2>/dev/null) || { kill $daemon; done_testing; }
container_runs() {
	local id
	id=$(make "$pod_id" "$one" main 'echo to the log; trap "exit 3" TERM; while :; do sleep 0.1; done' \
		"{\"envs\": [{\"key\": \"A\", \"value\": \"b c\"}], \"working_dir\": \"/tmp\", \"mounts\": [{\"container_path\": \"/volume\", \"host_path\": \"$work/volume\"},
		   {\"container_path\": \"/fixed\", \"host_path\": \"$work/volume\", \"readonly\": 1}],
		  \"linux\": {\"resources\": {\"cpu_shares\": 512, \"memory_limit_in_bytes\": 67108864, \"oom_score_adj\": 500},
		   \"security_context\": {\"run_as_user\": {\"value\": 5}, \"supplemental_groups\": [7], \"no_new_privs\": 1, \"seccomp\": {\"profile_type\": 0},
		    \"capabilities\": {\"add_capabilities\": [\"NET_ADMIN\"], \"drop_capabilities\": [\"CHOWN\"]},
		    \"masked_paths\": [\"/proc/keys\"], \"readonly_paths\": [\"/proc/sys\"]}}}") && [ -n "$id" ] || return
	echo "$id" >"$work/id"
	[ "$(status "$id")" = '0 0' ] || { echo "created: $(status "$id")"; return 1; }
	begin "$id" && [ "$(status "$id")" = '1 0' ] || { echo "started: $(status "$id")"; return 1; }
	soon 5 grep -q 'stdout F to the log' "$C/logs/main.log" || { cat "$C/logs/main.log"; return 1; }
}
check create-and-start container_runs
id=$(cat "$work/id" 2>/dev/null)
exec_sync() {
	local got
	got=$(inside "$id" 'echo $(id -u) "$A" $(pwd) $(cat /proc/sys/kernel/shm_rmid_forced); exit 4'); [ "$got" = $'5 b c /tmp 1\n|4' ] || { echo "$got"; return 1; }
	got=$(inside "$id" 'touch /volume/a /fixed/a 2>&1 | grep -c -i read-only; head -c 1 /proc/keys | wc -c; cat /proc/self/oom_score_adj; grep NoNewPrivs /proc/self/status'); [ "${got//[[:space:]]/ }" = '1 0 500 NoNewPrivs: 1 |0' ] || { echo "$got"; return 1; }
	[ $network = 2 ] || { got=$(inside "$id" 'hostname; ip -4 -o addr show eth0'); [[ $got == one*10.99.0.* ]]; } || { echo "$got"; return 1; }
	! call ExecSync "{\"container_id\": \"$id\", \"cmd\": [\"/no/such\"], \"timeout\": 10}" 2>"$work/err" || return
	grep -q '/no/such' "$work/err" || { cat "$work/err"; return 1; }
	! call ExecSync "{\"container_id\": \"$id\", \"cmd\": [\"sleep\", \"60\"], \"timeout\": 1}" 2>"$work/err" && grep -q 'timeout' "$work/err" || { cat "$work/err"; return 1; }
}
check exec-sync exec_sync
limit() { # v1 or v2 FILE of the container's memory group
	local group; group=$(grep -E '^[0-9]+:memory:|^0::' "/proc/$(pid_of "$id")/cgroup" | head -n 1 | cut -d: -f3)
	cat "/sys/fs/cgroup/memory$group/memory.limit_in_bytes" 2>/dev/null || cat "/sys/fs/cgroup$group/memory.max"
}
resources() {
	[ "$(limit)" = 67108864 ] || { echo "at first $(limit)"; return 1; }
	call UpdateContainerResources "{\"container_id\": \"$id\", \"linux\": {\"memory_limit_in_bytes\": 33554432, \"cpu_shares\": 256}}" >/dev/null && [ "$(limit)" = 33554432 ] || { limit; return 1; }
	[ "$(ask '.stats.memory.working_set_bytes.value > 0' ContainerStats "{\"container_id\": \"$id\"}")" = true ]
}
check update-container-resources resources
shared_pid() { # a second container with the processes of the first in sight
	local other
	[ "$(ask '.containers | length' ListContainers)" = 1 ] || return
	other=$(make "$pod_id" "$one" other 'sleep 100' "{\"linux\": {\"security_context\": {\"namespace_options\": {\"network\": $network, \"pid\": 3, \"target_id\": \"$id\"}}}}") &&
		begin "$other" && [[ "$(inside "$other" 'ps -o args')" == *"sleep 0.1"* ]] && stop_it "$other" 0 && [ "$(status "$other")" = '2 137' ] && drop "$other" 
}
check shared-pid-namespace shared_pid
profiles() { # what the runtime's default seccomp forbids, privileged, AppArmor where the kernel has it
	local other got
	got=$(inside "$id" 'unshare -U true 2>&1; echo $?'); [[ $got != *$'\n0|'* && $got != 0* ]] || { echo "seccomp: $got"; return 1; }
	if [ "$(cat /sys/module/apparmor/parameters/enabled 2>/dev/null)" = Y ] && command -v apparmor_parser >/dev/null; then
		got=$(inside "$id" 'cat /proc/self/attr/current'); [ "$got" = $'cri-containerd.apparmor.d (enforce)\n|0' ] || { echo "$got"; return 1; }
	fi
	other=$(make "$pod_id" "$one" big 'sleep 100' "{\"linux\": {\"security_context\": {\"privileged\": 1, \"namespace_options\": {\"network\": $network, \"pid\": 1}}}}" 2>"$work/err") ||
		{ grep -q 'privileged' "$work/err" && return; cat "$work/err"; return 1; }
	begin "$other" && drop "$other"
}
check profiles profiles
fails() {
	local other
	other=$(make "$pod_id" "$one" broken true '{"command": ["/no/such"]}') && ! begin "$other" 2>"$work/err" && grep -q '/no/such' "$work/err" || { cat "$work/err"; return 1; }
	[ "$(status "$other" | cut -d' ' -f1)" = 2 ] && drop "$other" && ! "$bin/wabe" --root "$C/wabe/k8s.io" list -q | grep -x "$other"
}
check failing-container fails
exits() { # of itself: the status comes by the shim
	local other
	other=$(make "$pod_id" "$one" short 'exit 9') && begin "$other" && soon 10 eval '[ "$(status '"$other"')" = "2 9" ]' && drop "$other"
}
check exit-status exits
stops() { stop_it "$id" 30 && [ "$(status "$id")" = '2 3' ] && drop "$id" && ! status "$id" 2>/dev/null; }
check stop-and-remove stops
terminal() {
	local other
	other=$(make "$pod_id" "$one" terminal 'tty; sleep 100' '{"tty": 1}') && begin "$other" && soon 5 grep -q /dev/pts/0 "$C/logs/terminal.log" && drop "$other"
}
check terminal terminal
pod_ends() { end_pod "$pod_id" && [ "$(ask '.items | length' ListPodSandbox)" = 0 ] && soon 10 none; }
check remove-pod-sandbox pod_ends
node() { # the node's pid, network and ipc namespaces
	local of_node='{"security_context": {"namespace_options": {"network": 2, "pid": 2, "ipc": 2}}}' config i c
	config=$(pod node "$of_node" | jq -c '.hostname = ""') && i=$(run_pod "$config") && c=$(make "$i" "$config" main 'sleep 100' "{\"linux\": $of_node}") && begin "$c" || return
	[[ "$(inside "$c" 'ps -o args')" == *containerd* ]] && [ "$(inside "$c" 'readlink /proc/self/ns/net')" = "$(readlink /proc/self/ns/net)"$'\n|0' ] && end_pod "$i" && soon 10 none
}
check namespaces-of-the-node node
with_containers() { # a pod with a running container, ended at once; twice, at the same time
	local name
	for name in two three; do
		(p=$(pod $name); i=$(run_pod "$p") && c=$(make "$i" "$p" main 'sleep 100') && begin "$c" && end_pod "$i") || echo "$name" >>"$work/failed" &
	done
	for name in $(jobs -p); do [ "$name" = "$daemon" ] || wait "$name"; done
	[ ! -e "$work/failed" ] && soon 10 none
}
check pods-at-once with_containers
left_of_pods() {
	[ ! -d "$C/leases/pods" ] || [ -z "$(find "$C/leases/pods" -name '10.*')" ] || { ls "$C/leases/pods"; return 1; }
	[ -z "$(ip -o link | grep -o 'veth[^:]*')" ] && ! grep -q -e "$C/state" -e netns/cni /proc/self/mountinfo || { ip -o link; grep "$C" /proc/self/mountinfo; return 1; }
}
check nothing-left soon 5 left_of_pods
kill $daemon; wait $daemon 2>/dev/null
ip link del wabecri0 2>/dev/null
[ -n "$had_cni" ] || rm -rf /var/lib/cni
done_testing
