#!/bin/bash
# wabe checkpoint and restore: what runc's and crun's commands do, through criu.
source "$(dirname "$0")/lib.sh"
source "$here/oci_lib.sh"
: "${WABE_CRIU:=$(command -v criu || true)}"
export WABE_CRIU
if [ -z "$WABE_CRIU" ] || ! "$WABE_CRIU" check >/dev/null 2>&1; then
	skip oci-checkpoint "no criu that works on this kernel (WABE_CRIU=\$(tests/criu-fetch DIR)/criu)"
	done_testing
fi
images=$work/images

counter='c["process"]["args"] = sh("i=0; while :; do i=$((i + 1)); echo $i >/data/new; mv /data/new /data/count; sleep 0.1; done")'
count() { cat "$work/$1/rootfs/data/count"; }
grows() { local before; before=$(count "$1"); soon 3 eval "[ \$(count $1) -gt $before ]"; }
goes_on() { # NAME BEFORE: from there, not from 1 and not from what somebody has written
	local now; echo 1000000 >"$work/$1/rootfs/data/count"
	soon 3 eval "[ \$(count $1) != 1000000 ]"; now=$(count "$1"); [ "$now" -ge "$2" ] && [ "$now" -lt $(($2 + 100)) ]
}
save() { wabe checkpoint --image-path "$images" "${@:2}" "$1"; }
back() { (cd "$work/$1" && wabe restore --detach --image-path "$images" "${@:2}" "$1" </dev/null >>"$work/$1/out" 2>"$work/$1/err") || { cat "$work/$1/err"; return 1; }; }

# --- it goes on ---
bundle c1 "$counter"; up c1; soon 5 count c1; grows c1
check leave-running save c1 --leave-running
check it-runs-on grows c1
equal it-is-running running "$(status c1)"
rm -rf "$images"
check checkpoint save c1; before=$(count c1)
check nothing-is-left gone c1
check restore back c1 --pid-file "$work/pid"
equal pid-file "$(pid c1)" "$(cat "$work/pid")"
equal restored-is-running running "$(status c1)"
check count-continues goes_on c1 "$before"
equal exec-works box "$(wabe exec c1 /bin/hostname </dev/null)"
check log-and-work-path eval 'wabe checkpoint --image-path "$images.2" --work-path "$work/criu" --leave-running c1 && [ -e "$work/criu/dump.log" ] && [ ! -e "$images.2/dump.log" ]'
wabe pause c1
rm -rf "$images"; check checkpoint-of-a-paused-one save c1
check restore-it back c1
equal it-is-paused paused "$(status c1)"
wabe resume c1; check resumed-it-goes-on grows c1

# --- failures: one line, it runs on ---
text=$(WABE_CRIU=/nowhere/criu wabe checkpoint --image-path "$images.x" c1 2>&1); status=$?
equal no-criu-is-one-line "1 1" "$((status != 0)) $(wc -l <<<"$text")"
check still-there grows c1
text=$(wabe checkpoint --image-path "$images.x" --manage-cgroups-mode strict c1 2>&1)
check unknown-mode-is-named eval '[[ $text == *strict* ]]'
if text=$(save c1 --pre-dump --image-path "$images.pre" 2>&1); then
	check dump-on-a-pre-dump save c1 --image-path "$images.last" --parent-path ../images.pre --leave-running
elif [[ $text == *"does not track"* ]]; then skip pre-dump "$text"
else bad pre-dump "$text"; fi
check it-runs-still grows c1
bundle c1b; up c1b; rm -rf "$images.b"; wabe checkpoint --image-path "$images.b" c1b; rm "$images.b"/core-1.img
text=$(cd "$work/c1b" && wabe restore --detach --image-path "$images.b" c1b 2>&1 </dev/null)
equal broken-images-are-one-line 1 "$(wc -l <<<"$text")"
check reason-and-log eval '[[ $text == *criu:*restore.log* ]]'
check failed-restore-leaves-nothing gone c1b
text=$(cd "$work/c1b" && wabe restore --detach --image-path "$work/host" c1b 2>&1)
check no-images-is-named eval '[[ $text == *"no whole checkpoint"* ]]'
check of-a-missing-one eval '! wabe checkpoint --image-path "$images.x" nobody 2>/dev/null'
wabe delete -f c1

# --- a pipe of the caller; the others have a file and /dev/null of the host ---
bundle c2 'c["process"]["args"] = sh("i=0; while :; do i=$((i + 1)); echo tick $i; sleep 0.1; done")'
piped() { "${@:2}" </dev/null 2>"$work/c2/err" > >(exec cat >"$1"); }
piped "$work/read" wabe create --bundle "$work/c2" c2 && wabe start c2
soon 5 grep -q tick "$work/read"
rm -rf "$images"; check checkpoint-with-a-pipe save c2
check restore-with-a-pipe piped "$work/read.2" wabe restore --detach --bundle "$work/c2" --image-path "$images" c2
check output-goes-on soon 5 grep -q tick "$work/read.2"
equal and-not-from-1 "" "$(grep -x 'tick 1' "$work/read.2")"
wabe delete -f c2

# --- a terminal ---
bundle c3 'c["process"]["terminal"] = True; c["process"]["args"] = sh("i=0; while :; do i=$((i + 1)); echo tick $i; sleep 0.1; done")'
cat >"$work/console.py" <<'PY'
import array, os, socket, sys
s = socket.socket(socket.AF_UNIX); s.bind(sys.argv[1]); s.listen(1)
c = s.accept()[0]
fds = array.array("i")
for level, kind, data in c.recvmsg(64, socket.CMSG_SPACE(4))[1]: fds.frombytes(data)
out = open(sys.argv[2], "wb", buffering=0)
while True:
    try: data = os.read(fds[0], 4096)
    except OSError: break
    if not data: break
    out.write(data)
PY
python3 "$work/console.py" "$work/sock1" "$work/tty1" & soon 5 test -S "$work/sock1"
wabe create --bundle "$work/c3" --console-socket "$work/sock1" c3 </dev/null >/dev/null 2>&1 && wabe start c3
soon 5 grep -q tick "$work/tty1"
rm -rf "$images"; check checkpoint-with-a-terminal save c3
python3 "$work/console.py" "$work/sock2" "$work/tty2" & soon 5 test -S "$work/sock2"
check restore-with-a-terminal back c3 --console-socket "$work/sock2"
check terminal-goes-on soon 5 grep -q tick "$work/tty2"
wabe delete -f c3

# --- in the foreground ---
bundle c4 'c["process"]["args"] = sh("while [ ! -e /data/end ]; do sleep 0.1; done; exit 7")'; up c4
rm -rf "$images"; save c4
(cd "$work/c4" && wabe restore --image-path "$images" c4 </dev/null >"$work/c4/out" 2>"$work/c4/err"; echo $? >"$work/c4/status") & foreground=$!
soon 5 eval '[ "$(status c4)" = running ]'; touch "$work/c4/rootfs/data/end"; wait $foreground
equal exit-status-of-the-restored 7 "$(cat "$work/c4/status")"
check foreground-leaves-nothing gone c4

# --- a fresh root, without the targets of the mounts; options of runc ---
mounts='c["mounts"] += [{"destination": d, "type": "bind", "source": s, "options": ["bind"]} for d, s in (("/run/deep/file", "'$work/file'"), ("/some/where", "'$work/host'"))]'
echo text >"$work/file"; bundle c6 "$counter; $mounts"; up c6; soon 5 count c6
rm -rf "$images"; check checkpoint-with-options save c6 --shell-job --empty-ns network; before=$(count c6)
rm -rf "$work/c6/rootfs/run" "$work/c6/rootfs/some"
check restore-into-a-fresh-root back c6 --shell-job --empty-ns network
check mounts-are-there eval '[ "$(wabe exec c6 cat /run/deep/file </dev/null)" = text ] && wabe exec c6 test -d /some/where/sub </dev/null'
equal network-is-empty 1 "$(wabe exec c6 ip -o link </dev/null | wc -l)"
wabe delete -f c6
text=$(cd "$work/c6" && wabe restore --image-path "$images" --lsm-profile nonsense c6 2>&1 </dev/null)
check unknown-profile-is-named eval '[[ $text == *"--lsm-profile nonsense"* ]]'
text=$(cd "$work/c6" && wabe restore --image-path "$images" --empty-ns mount c6 2>&1 </dev/null)
check unknown-empty-namespace-is-named eval '[[ $text == *"--empty-ns mount"* ]]'

# --- podman: it finds criu in PATH ---
if command -v podman >/dev/null; then
	mkdir "$work/bin"; ln -s "$WABE_CRIU" "$work/bin/criu"
	p() {
		PATH=$work/bin:$PATH timeout 100 podman --root "$work/podman" --runroot /run/podrun --storage-driver vfs --cgroup-manager cgroupfs \
			--runtime "$bin/wabe" --events-backend none "$@"
	}
	rootfs "$work/image"; tar -C "$work/image" -c . | p import - box >/dev/null 2>&1
	said() { p logs --tail 1 "$1"; }
	p run -d --network none --pids-limit 0 --name c box sh -c 'i=0; while :; do i=$((i + 1)); echo $i; sleep 0.1; done' >/dev/null || p logs c
	check podman-runs soon 10 eval '[ "$(said c)" -gt 3 ]'
	check podman-checkpoint eval 'p container checkpoint --export "$work/c.tar" c && [ "$(p ps -a --format "{{.Status}}" | cut -c 1-6)" = Exited ]'; before=$(said c)
	check podman-restore eval 'p container restore c && soon 10 eval "[ \$(said c) -gt $before ]"'
	check podman-remove p rm -f -t 0 c
	check podman-restore-of-an-export eval 'p container restore --import "$work/c.tar" --name d && soon 10 eval "[ \$(said d) -gt $before ]" && [ "$(p exec d echo in)" = in ]'
	check podman-remove-it p rm -f -t 0 d
else skip podman "podman is not installed"; fi

# --- joined network: an established connection only with its option ---
ip netns add wnet 2>/dev/null && ip -n wnet link set lo up
if [ -e /run/netns/wnet ]; then
	bundle c5 'c["linux"]["namespaces"] = [n for n in c["linux"]["namespaces"] if n["type"] != "network"] + [{"type": "network", "path": "/run/netns/wnet"}]
c["process"]["args"] = sh("exec nc -ll -p 7000 -e /bin/cat")'
	up c5; soon 5 eval 'ip netns exec wnet busybox netstat -ltn | grep -q :7000'
	ip netns exec wnet python3 "$here/migrate_client.py" 127.0.0.1 7000 1 "$work/stop" >"$work/client" 2>&1 & client=$!
	soon 5 eval 'ip netns exec wnet busybox netstat -tn | grep -q "7000 .*ESTABLISHED"'
	rm -rf "$images"; text=$(save c5 2>&1); status=$?
	check connection-is-refused-without-option eval '[ $status != 0 ] && [[ $text == *tcp-established* ]]'
	equal connected-one-runs-on running "$(status c5)"
	check checkpoint-with-a-connection save c5 --tcp-established
	check restore-with-a-connection back c5 --tcp-established
	sleep 0.5; echo >"$work/stop"
	if wait $client; then good connection-goes-on; else bad connection-goes-on "$(cat "$work/client")"; fi
	wabe delete -f c5
	ip netns del wnet
else skip joined-network "no ip netns here"; fi
done_testing
