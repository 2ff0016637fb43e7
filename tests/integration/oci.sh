#!/bin/bash
# shellcheck source-path=SCRIPTDIR
# wabe, the OCI runtime: life cycle, exec, hooks, errors that leave nothing, kills of the runtime itself, hostile images.
source "$(dirname "$0")/lib.sh" "$@"

root=$work/state
wabe() { timeout -k 2 20 "$bin/wabe" --root "$root" "$@"; }
host=$work/host # what nothing may reach
mkdir -p "$host/sub"

# bundle NAME [PYTHON]: a root and config.json; PYTHON changes the dictionary c
bundle() {
	local b=$work/$1
	[ -d "$b/rootfs" ] || { rootfs "$b/rootfs"; mkdir -p "$b/rootfs"/{data,opt}; }
	python3 - "$b" "$1" "${2:-}" "$SANDBOX/oci-test" <<-'PY'
		import json, sys
		b, name, change, group = sys.argv[1:5]
		sh = lambda s: ["/bin/sh", "-c", s]
		c = {"ociVersion": "1.0.2", "root": {"path": "rootfs"}, "hostname": "box",
		     "process": {"cwd": "/", "args": sh("sleep 100"), "env": ["PATH=/bin"], "user": {"uid": 0, "gid": 0}, "noNewPrivileges": True,
		                 "capabilities": {s: ["CAP_KILL"] for s in ("bounding", "effective", "permitted")}},
		     "mounts": [{"destination": "/proc", "type": "proc", "source": "proc"},
		                {"destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "mode=755"]},
		                {"destination": "/dev/pts", "type": "devpts", "source": "devpts", "options": ["newinstance", "ptmxmode=0666"]}],
		     "linux": {"namespaces": [{"type": t} for t in ("pid", "network", "ipc", "uts", "mount")], "cgroupsPath": f"/{group}/{name}",
		               "maskedPaths": ["/proc/kcore"], "readonlyPaths": ["/proc/sys"]}}
		exec(change)
		json.dump(c, open(b + "/config.json", "w"))
	PY
}
up() { wabe create --bundle "$work/$1" "$1" </dev/null >"$work/$1/out" 2>"$work/$1/err" && wabe start "$1"; }
status() { wabe state "$1" 2>/dev/null | python3 -c 'import json, sys; print(json.load(sys.stdin)["status"])' 2>/dev/null; }
pid() { wabe state "$1" | python3 -c 'import json, sys; print(json.load(sys.stdin)["pid"])'; }
# nothing NAME: no state, no cgroup, no process of it
nothing() {
	local found
	[ ! -e "$root/$1" ] || { echo "state left"; return 1; }
	found=$(find /sys/fs/cgroup -type d -path "*/oci-test/$1" 2>/dev/null | head -n 3)
	[ -z "$found" ] || { echo "cgroup left: $found"; return 1; }
	! grep -lsz "mark-$1-" /proc/[0-9]*/environ | grep -q . || { echo "process left"; return 1; }
}
gone() { soon 3 nothing "$1"; }
refused() { # NAME TEXT: create of the bundle fails with TEXT and leaves nothing
	local out
	if out=$(wabe create --bundle "$work/$1" "$1" 2>&1 </dev/null); then echo "accepted"; wabe delete -f "$1"; return 1; fi
	[[ $out == *"$2"* ]] || { echo "message: $out"; return 1; }
	nothing "$1"
}
host_untouched() { [ "$(find "$host" | sort | tr '\n' ' ')" = "$host $host/sub " ] && ! grep -q " $host" /proc/self/mountinfo; }

life_cycle() {
	bundle a 'c["process"]["args"] = sh("echo ran; sleep 100")'
	wabe create --bundle "$work/a" --pid-file "$work/a/pid" a </dev/null >"$work/a/out" || return
	[ "$(status a)" = created ] && [ ! -s "$work/a/out" ] && [ "$(cat "$work/a/pid")" = "$(pid a)" ] || { echo "created: $(status a)"; return 1; }
	wabe start a && [ "$(status a)" = running ] && soon 3 grep -q ran "$work/a/out" || { echo "running: $(status a)"; return 1; }
	! wabe start a 2>/dev/null && ! wabe delete a 2>/dev/null && ! wabe create --bundle "$work/a" a 2>/dev/null </dev/null || return
	wabe pause a && [ "$(status a)" = paused ] && ! wabe exec a true 2>/dev/null && wabe resume a || return
	wabe kill a KILL && soon 3 eval '[ "$(status a)" = stopped ]' && ! wabe kill a 2>/dev/null && wabe delete a && gone a
}
check life-cycle life_cycle

exec_in() {
	bundle b; up b || return
	[ "$(wabe exec --env X=y --user 5:6 --cwd /tmp b sh -c 'echo $X; id -u; id -g; pwd' | tr '\n' ' ')" = "y 5 6 /tmp " ] || return
	wabe exec b sh -c 'exit 7'; [ $? = 7 ] || { echo "exit status"; return 1; }
	wabe exec b /no/such 2>"$work/b/err"; [ $? = 255 ] && grep -qi 'no such file' "$work/b/err" || { cat "$work/b/err"; return 1; }
	wabe delete -f b && gone b
}
check exec exec_in

hooks() {
	bundle h 'h = lambda n, f: [{"path": "/bin/sh", "args": ["sh", "-c", f"cat >/dev/null; echo {n} >>{f}"], "env": ["PATH=/bin:/usr/bin"]}]
o = b + "/rootfs/order"
c["hooks"] = {n: h(n, "/order" if n == "startContainer" else o) for n in
              ("poststop", "poststart", "startContainer", "createContainer", "createRuntime", "prestart")}'
	: >"$work/h/rootfs/order"; up h && wabe delete -f h || return
	[ "$(tr '\n' ' ' <"$work/h/rootfs/order")" = "prestart createRuntime createContainer startContainer poststart poststop " ] ||
		{ tr '\n' ' ' <"$work/h/rootfs/order"; return 1; }
	gone h
}
check hooks-order hooks
hook_fails() {
	local h
	for h in prestart createRuntime createContainer; do
		bundle f "c['hooks'] = {'$h': [{'path': '/bin/sh', 'args': ['sh', '-c', 'echo because >&2; exit 3']}]}"
		refused f "$h hook /bin/sh ended with status 3: because" || return
	done
}
check hook-failure-leaves-nothing hook_fails

errors() {
	mkdir -p "$work/e"; rootfs "$work/e/rootfs"
	echo '{"ociVersion": ' >"$work/e/config.json"; refused e 'no JSON' || return
	bundle e 'c["linux"]["resources"] = {"memory": {"limit": "1G"}}'; refused e 'linux.resources.memory.limit: must be a whole number' || return
	bundle e 'c["process"]["args"] = ["/no/such"]'; refused e '/no/such' || return
	bundle e 'c["mounts"] += [{"destination": "/d", "source": "/no/such", "options": ["bind"]}]'; refused e 'mounts[3]: mount source /no/such' || return
	bundle e 'c["mounts"] += [{"destination": "/d", "type": "nosuchfs", "source": "x"}]'; refused e 'no such file system' || return
	bundle e 'c["process"]["terminal"] = True'; refused e '--console-socket' || return
	bundle e 'c["linux"]["seccomp"] = {"defaultAction": "SCMP_ACT_NOPE"}'; refused e 'unknown action SCMP_ACT_NOPE'
}
check errors-leave-nothing errors

# kill -9 of the runtime at about every moment of create and run: what is left, delete --force takes away
killed() {
	local i p
	bundle k 'c["process"]["env"] += ["X=mark-k-"]'
	for i in $(seq 0 40); do
		"$bin/wabe" --root "$root" "$([ $((i % 2)) = 0 ] && echo create || echo run)" --bundle "$work/k" k </dev/null >/dev/null 2>&1 &
		p=$!; sleep "0.0$(printf %02d $((i / 2)))"; kill -9 $p 2>/dev/null; wait $p 2>/dev/null
		wabe delete --force k || { echo "delete --force after kill $i failed"; return 1; }
		gone k || { echo "after kill $i"; nothing k; return 1; }
	done
}
check killed-runtime killed

many() { # 16 at a time
	local n
	for n in $(seq 16); do bundle "m$n" 'c["process"]["args"] = ["/bin/true"]'; done
	for n in $(seq 16); do
		(for _ in 1 2 3 4 5; do wabe create --bundle "$work/m$n" "m$n" </dev/null >/dev/null && wabe start "m$n" && wabe delete -f "m$n" || exit 1; done) &
	done
	for n in $(jobs -p); do wait "$n" || { echo "a cycle failed"; return 1; }; done
	for n in $(seq 16); do nothing "m$n" || return; done
}
check many-at-once many

rootless() { # an ordinary user, without help of root or of podman
	local u=$work/u as
	bundle r; chmod 755 "$work"; mkdir -p "$u" "$work/xdg"; cp -r "$work/r/rootfs" "$u/"
	chown -R 1234:1234 "$u" "$work/xdg"; chmod 700 "$work/xdg"
	as=(timeout -k 2 20 setpriv --reuid 1234 --regid 1234 --clear-groups env XDG_RUNTIME_DIR="$work/xdg" HOME=/ "$bin/wabe")
	cd "$u" && "${as[@]}" spec --rootless && sed -i 's/"terminal": true/"terminal": false/; s/"sh" \]/"sleep", "100" ]/' config.json || return
	"${as[@]}" run -d u </dev/null >/dev/null && [ "$("${as[@]}" exec u id -u)" = 0 ] && "${as[@]}" delete -f u || return
	[ ! -e "$work/xdg/wabe/oci" ]
}
check rootless rootless

# ---- incidents: the image is hostile ----

through_links() { # CVE-2019-18837, 2021-30465
	bundle s 'c["mounts"] += [{"destination": p, "type": "tmpfs", "source": "t"} for p in ("/link/made", "/rel/made", "/../../../../../dots/made")]'
	ln -sfn "$host" "$work/s/rootfs/link"; ln -sfn "../../../../../..$host" "$work/s/rootfs/rel"
	wabe create --bundle "$work/s" s </dev/null >/dev/null 2>&1; host_untouched || return
	wabe delete -f s; gone s
}
check mount-through-links through_links
swapped() { # CVE-2021-30465, 2024-45310: a destination swapped for a link while it is mounted
	local i p
	bundle w 'c["mounts"] += [{"destination": f"/data/x/{i}", "type": "tmpfs", "source": "t"} for i in range(8)]'
	(cd "$work/w/rootfs/data" && mkdir -p d && while :; do mv -T d x; mv -T x d; ln -sfn "$host" x; rm -f x; done 2>/dev/null) & p=$!
	for i in $(seq 40); do wabe run --bundle "$work/w" -d w </dev/null >/dev/null 2>&1; wabe delete -f w; done
	kill $p; wait $p 2>/dev/null; host_untouched && gone w
}
check mount-through-swapped-links swapped
proc_link() { # CVE-2019-19921, 2023-27561
	bundle p; rm -rf "$work/p/rootfs/proc"; ln -s /data "$work/p/rootfs/proc"; refused p 'not a link'
}
check proc-as-a-link proc_link
over_proc() { # CVE-2019-16884
	bundle o 'c["mounts"] += [{"destination": "/proc/self/attr", "source": b, "options": ["bind"]}]'; refused o 'mount over' || return
	bundle o 'c["mounts"][0] = {"destination": "/proc", "type": "tmpfs", "source": "t"}'; refused o 'no procfs'
}
check mount-over-proc over_proc
dev_link() { # CVE-2026-41579, 2026-47766
	bundle d 'c["mounts"] = c["mounts"][:1]'; rm -rf "$work/d/rootfs/dev"; ln -s "$host" "$work/d/rootfs/dev"
	wabe create --bundle "$work/d" d </dev/null >/dev/null 2>&1; host_untouched || return
	wabe delete -f d; gone d
}
check dev-as-a-link dev_link
masked_null() { # CVE-2025-31133
	bundle n 'c["mounts"] = c["mounts"][:1]; c["process"]["args"] = sh("cat /data/secret"); c["linux"]["maskedPaths"] += ["/data/secret"]'
	rm -f "$work/n/rootfs/dev/null"; echo target >"$work/n/rootfs/opt/t"; ln -s /opt/t "$work/n/rootfs/dev/null"; echo s3cret >"$work/n/rootfs/data/secret"
	! wabe run --bundle "$work/n" n </dev/null 2>/dev/null | grep -q . && gone n
}
check masked-by-another-null masked_null
cwd_by_fd() { # CVE-2024-21626
	local n
	for n in 3 4 5 6 7 8 9 10 11 12; do
		bundle c "c['process']['cwd'] = '/proc/self/fd/$n'; c['process']['args'] = sh('ls ../../../../../..$host')"
		! wabe run --bundle "$work/c" c </dev/null 2>/dev/null | grep -q sub || { echo "fd $n"; return 1; }
	done
	bundle c; up c || return
	for n in 3 4 5 6 7 8 9 10; do
		! wabe exec --cwd "/proc/self/fd/$n" c ls "../../../../../..$host" 2>/dev/null | grep -q sub || { echo "exec: fd $n"; return 1; }
	done
	wabe delete -f c && gone c
}
check directory-by-descriptor cwd_by_fd
cgroup_dots() {
	bundle g 'c["linux"]["cgroupsPath"] = "/oci-test/../../../../../../" + group + "/g"'
	up g && [ ! -e /sys/oci-test ] && [ ! -e /sys/fs/oci-test ] && [ ! -e /oci-test ] && grep -q ":/$SANDBOX/oci-test/g\$" "/proc/$(pid g)/cgroup" || return
	wabe delete -f g && gone g
}
check cgroup-path-with-dots cgroup_dots
own_binary() { # CVE-2019-5736
	local sum f p
	f=$(dirname "$bin")/libexec/wabe/wabe-supervisor
	sum=$(cat "$bin/wabe" "$f" | sha256sum)
	bundle x 'c["process"]["args"] = ["/proc/self/exe"]'; wabe run --bundle "$work/x" x </dev/null >/dev/null 2>&1
	bundle x 'c["process"]["args"] = sh("while :; do for p in /proc/[0-9]*; do case $(readlink $p/exe) in *wabe*) echo owned >$p/exe && echo wrote;; esac; done; done 2>/dev/null")'
	up x || return
	for p in $(seq 20); do wabe exec x true; done
	! grep -q wrote "$work/x/out" && [ "$(cat "$bin/wabe" "$f" | sha256sum)" = "$sum" ] || { echo "written to"; return 1; }
	wabe delete -f x && gone x
}
check own-binary own_binary
leaked() { # CVE-2016-9962, 2022-29162
	bundle l; up l || return
	[ "$(wabe exec l sh -c 'ls /proc/$$/fd; grep CapInh /proc/self/status' 9<"$host" | tr '\n\t' '  ')" = "0 1 2 CapInh: 0000000000000000 " ] || return
	wabe delete -f l && gone l
}
check nothing-leaks leaked
check host-untouched host_untouched
# the sandbox removes its groups
done_testing
