#!/bin/bash
# shellcheck source-path=SCRIPTDIR
# wabe, the OCI runtime: life cycle, exec, hooks, errors that leave nothing, kills of the runtime itself, hostile images.
source "$(dirname "$0")/lib.sh" "$@"

# shellcheck source=oci_lib.sh
source "$here/oci_lib.sh"
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

plain_start() { # without the spec, where it has nothing to do; a state of an older version does not say so
	local state
	bundle l; wabe create --bundle "$work/l" l </dev/null >/dev/null || return
	state=$(find "$root" /run/wabe/disk -path '*/l/state' 2>/dev/null)
	grep -qx plain "$state" && [ ! -e "${state%state}state.new" ] || { cat "$state"; return 1; }
	sed -i /^plain$/d "$state"; wabe start l && [ "$(status l)" = running ] && wabe delete -f l && gone l || return
	bundle l 'c["hooks"] = {"poststart": [{"path": "/bin/true"}]}'; wabe create --bundle "$work/l" l </dev/null >/dev/null || return
	! grep -qx plain "$state" && wabe start l && wabe delete -f l && gone l || return
	bundle l 'c["linux"]["seccomp"] = {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["mkdir"], "action": "SCMP_ACT_NOTIFY"}]}'
	wabe create --bundle "$work/l" l </dev/null >/dev/null && ! wabe start l 2>"$work/l/err" && grep -q 'NOTIFY needs listenerPath' "$work/l/err" ||
		{ cat "$work/l/err"; return 1; }
	wabe delete -f l && gone l
}
check plain-start plain_start

being_made() { # without a state, but locked
	local dir
	bundle l; wabe create --bundle "$work/l" l </dev/null >/dev/null || return
	dir=$(find "$root" /run/wabe/disk -path '*/l' 2>/dev/null) && mv "$dir/state" "$work/l/state" || return
	[ "$(flock "$dir" "$bin/wabe" --root "$root" state l | sed -n 's/.*"status": "\(.*\)".*/\1/p')" = creating ] && [ "$(status l)" = stopped ] &&
		mv "$work/l/state" "$dir/state" && [ "$(status l)" = created ] && wabe delete -f l && gone l
}
check state-while-made being_made

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

disk_root() { # --root on a disk: the same states under each of its names, none after it was made anew
	local disk=$work/disk status
	[ "$(stat -fc %T "$work")" != tmpfs ] || { touch "$work/disk-skipped"; return 0; }
	bundle q 'c["process"]["args"] = ["sleep", "100"]'; mkdir "$disk"; ln -s disk "$work/link"
	root=$disk wabe run -d --bundle "$work/q" q </dev/null >/dev/null || return
	status=$(root=$disk/../link/ wabe state q; cd "$work" && root=disk wabe list -q; ls "$disk")
	[[ $status == *'"running"'*q ]] || { echo "$status"; return 1; }
	[ "$(lxc-ls -1 --oci="$disk")" = q ] || return
	mv "$disk" "$work/other"; mkdir "$disk"
	! root=$disk wabe state q 2>/dev/null || return
	root=$work/other wabe delete -f q && ! left q
}
check root-on-a-disk disk_root
[ ! -e "$work/disk-skipped" ] || skip root-on-a-disk "$work is in memory"
many() { # 16 at a time; FULL=1: 1,000 of them
	local n rounds=5
	[ -z "${FULL:-}" ] || rounds=63
	for n in $(seq 16); do bundle "m$n" 'c["process"]["args"] = ["/bin/true"]'; done
	for n in $(seq 16); do
		(for _ in $(seq $rounds); do wabe create --bundle "$work/m$n" "m$n" </dev/null >/dev/null && wabe start "m$n" && wabe delete -f "m$n" || exit 1; done) &
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
	# CVE-2023-25809: without a cgroup namespace the host's tree is read-only, also where parts are the user's
	find /sys/fs/cgroup -type d -name "$SANDBOX" | while read -r d; do mkdir "$d/lent" && chown 1234 "$d/lent"; done
	python3 - <<-'PY' || return
		import json
		c = json.load(open("config.json")); c["linux"]["namespaces"] = [n for n in c["linux"]["namespaces"] if n["type"] != "cgroup"]
		c["mounts"] += [] if any(m["destination"] == "/sys/fs/cgroup" for m in c["mounts"]) else [{"destination": "/sys/fs/cgroup", "type": "cgroup", "source": "cgroup"}]
		for m in c["mounts"]:
		    if m["destination"] == "/sys/fs/cgroup": m["options"] = ["nosuid", "noexec", "nodev"]
		c["process"]["args"] = ["sh", "-c", "find /sys/fs/cgroup -type d | while read -r d; do mkdir $d/escape 2>/dev/null; [ ! -e $d/escape/cgroup.procs ] || echo $d; done; echo ran"]
		json.dump(c, open("config.json", "w"))
	PY
	[ "$("${as[@]}" run u </dev/null 2>"$work/u.err")" = ran ] || { echo "a cgroup of the host was made"; "${as[@]}" run u </dev/null; return 1; }
	find /sys/fs/cgroup -depth -type d -path "*/$SANDBOX/lent*" -exec rmdir {} ';'
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
	wabe delete -f d; ln -sfn "../../../../../../..$host" "$work/d/rootfs/dev"
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
many_masks() { # more than descriptors are kept for at a time
	bundle m 'c["linux"]["maskedPaths"] = [f"/data/{k}{i}" for i in range(70) for k in "fd"] + ["/proc/keys", "/proc/net", "/proc/fs"]
c["linux"]["readonlyPaths"] = [f"/data/r{i}" for i in range(70)] + ["/proc/sys", "/proc/irq", "/proc/none", "/proc/self/attr"]
c["process"]["args"] = sh("cat /data/f*; ls /data/d* | grep -v :; touch /data/r* 2>&1 | grep -c Read-only; cat /proc/keys; ls /proc/fs; grep -c /proc/ /proc/mounts")'
	( cd "$work/m/rootfs/data" && for i in $(seq 0 69); do echo secret >f$i; mkdir d$i r$i; touch d$i/secret; done ) || return
	[ "$(wabe run --bundle "$work/m" m </dev/null 2>&1 | grep . | tr '\n' ' ')" = "70 6 " ] && gone m
}
check many-masked-paths many_masks
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
	local sum p
	sum=$(sha256sum <"$bin/wabe")
	bundle x 'c["process"]["args"] = ["/proc/self/exe"]'; wabe run --bundle "$work/x" x </dev/null >/dev/null 2>&1
	bundle x 'c["process"]["args"] = sh("while :; do for p in /proc/[0-9]*; do case $(readlink $p/exe) in *wabe*) echo owned >$p/exe && echo wrote;; esac; done; done 2>/dev/null")'
	up x || return
	for p in $(seq 20); do wabe exec x true; done
	! grep -q wrote "$work/x/out" && [ "$(sha256sum <"$bin/wabe")" = "$sum" ] || { echo "written to"; return 1; }
	wabe delete -f x && gone x
}
check own-binary own_binary
leaked() { # CVE-2016-9962, 2022-29162
	bundle l; up l || return
	[ "$(wabe exec l sh -c 'ls /proc/$$/fd; grep CapInh /proc/self/status' 9<"$host" | tr '\n\t' '  ')" = "0 1 2 CapInh: 0000000000000000 " ] || return
	wabe delete -f l && gone l
}
check nothing-leaks leaked
traced() { # CVE-2016-9962: who enters can not be looked into by what is in there
	bundle t 'c["process"]["args"] = sh("while :; do for p in /proc/[0-9]*; do [ $p = /proc/1 ] || ls -l $p/fd; done; done 2>/dev/null | grep -v -E \"/proc|/dev|pipe|total|socket\"")'
	up t || return
	for _ in $(seq 50); do wabe exec t true 9<"$host" || return; done
	! grep -q "$host" "$work/t/out" || { grep "$host" "$work/t/out" | head -n 2; return 1; }
	wabe delete -f t && gone t
}
check entered-by-nothing-open traced
user_numbers() { # CVE-2016-3697, 2026-30892
	bundle v; printf '%s\n' 'root:x:0:0::/:/bin/sh' '1000:x:0:0::/:/bin/sh' >"$work/v/rootfs/etc/passwd"; up v || return
	[ "$(wabe exec --user 1000 v id -u)" = 1000 ] && [ "$(wabe exec -u 1 v sh -c 'id -u; id -g' | tr '\n' ' ')" = "1 0 " ] || return
	! wabe exec --user root v true 2>/dev/null && ! wabe exec --user 1: v true 2>/dev/null && ! wabe exec --user -1 v true 2>/dev/null || return
	wabe delete -f v && gone v
}
check users-are-numbers user_numbers
inheritable() { # CVE-2022-24769, 2022-29162
	bundle i; up i || return
	[ "$(wabe exec --cap CAP_NET_RAW i grep -E 'CapInh|CapAmb' /proc/self/status | tr -d '\t' | tr '\n' ' ')" = "CapInh:0000000000000000 CapAmb:0000000000000000 " ] || return
	wabe delete -f i && gone i
}
check exec-inherits-nothing inheritable
big() { # CVE-2021-43784: nothing counts in 16 bits
	bundle y 'c["process"]["env"] += [f"V{i}=" + "x" * 1000 for i in range(200)]; c["linux"]["maskedPaths"] += [f"/missing/{i}/" + "y" * 200 for i in range(2000)]
c["annotations"] = {f"a.{i}": "z" * 500 for i in range(500)}; c["process"]["args"] = sh("echo ${#V199} $V0 | wc -c")'
	[ "$(wabe run --bundle "$work/y" y </dev/null)" = 1006 ] && gone y
}
check more-than-64k big
sys_link() { # CVE-2023-27561, 2023-28642
	bundle z 'c["mounts"] += [{"destination": "/sys", "type": "sysfs", "source": "sysfs"}]'
	rm -rf "$work/z/rootfs/sys"; ln -s /data "$work/z/rootfs/sys"; refused z 'not a link'
}
check sys-as-a-link sys_link
proc_self() { # CVE-2025-52881: files that the runtime writes are not covered by way of a link either
	bundle q 'c["mounts"] += [{"destination": "/self", "type": "tmpfs", "source": "t"}]'
	ln -sfn /proc/self "$work/q/rootfs/self"; refused q '' || return
	bundle q 'c["mounts"] += [{"destination": "/attr", "source": b, "options": ["bind"]}]'
	ln -sfn /proc/sys/net "$work/q/rootfs/attr"; refused q ''
}
check proc-by-a-link proc_self
host_nodes() { # the host's null device keeps its owner
	local before after
	before=$(stat -c %u:%g:%a /dev/null); bundle j 'c["process"]["user"] = {"uid": 7, "gid": 7}; c["process"]["args"] = ["/bin/true"]'
	wabe run --bundle "$work/j" j </dev/null >/dev/null 2>/dev/null; after=$(stat -c %u:%g:%a /dev/null)
	[ "$before" = "$after" ] && gone j
}
check host-nodes-keep-their-owner host_nodes
no_path() { # an ID is no path
	local i
	bundle b0
	for i in /abs ../up a/b .. . '' 'a b' "$(printf 'x%.0s' $(seq 300))"; do
		! wabe create --bundle "$work/b0" "$i" </dev/null >/dev/null 2>&1 || { echo "'$i' is taken"; return 1; }
	done
	! left
}
check an-id-is-no-path no_path
console_swapped() { # CVE-2025-52565: what is bound on /dev/console is a terminal of the container, whatever happens to names
	local p i
	mkdir -p "$work/pts"
	bundle w2 'c["process"]["terminal"] = True; c["process"]["args"] = ["/bin/cat", "/proc/self/mountinfo"]
c["mounts"] += [{"destination": "/data", "source": b + "/rootfs/dev", "options": ["bind"]}]; c["mounts"] = [m for m in c["mounts"] if m["destination"] != "/dev"]'
	mkdir -p "$work/w2/rootfs/dev/pts"
	(cd "$work/w2/rootfs/dev" && while :; do ln -sfn "$host" console; rm -f console; : >console; rm -f console; done 2>/dev/null) & p=$!
	for i in $(seq 10); do
		script -qec "timeout -k 2 20 $bin/wabe --root $root run --bundle $work/w2 w2" /dev/null </dev/null 2>/dev/null | tr -d '\r' | grep ' /dev/console ' | grep -v ' devpts ' >"$work/w2/bad" && { cat "$work/w2/bad"; kill $p; return 1; }
		wabe delete -f w2
	done
	kill $p; wait $p 2>/dev/null; host_untouched && gone w2
}
check console-is-a-terminal console_swapped
check host-untouched host_untouched
# the sandbox removes its groups
done_testing
