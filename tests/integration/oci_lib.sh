# shellcheck shell=bash disable=SC2154
# What the tests of the OCI runtime share; sourced behind lib.sh.
root=$work/state # on a disk as a rule: then the states are in /run
left() { find "$root" /run/wabe/disk -name "${1:-?*}" ! -path "$root" ! -path /run/wabe/disk ! -regex '/run/wabe/disk/[0-9a-f]+' 2>/dev/null | grep .; }
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
	! left "$1" || { echo "state left"; return 1; }
	found=$(find /sys/fs/cgroup -type d -path "*/$SANDBOX/oci-test/$1" 2>/dev/null | head -n 3)
	[ -z "$found" ] || { echo "cgroup left: $found"; return 1; }
	! grep -lsz "mark-$1-" /proc/[0-9]*/environ | grep -q . || { echo "process left"; return 1; }
}
gone() { soon 3 nothing "$1"; }
refused() { # NAME TEXT: create of the bundle fails with TEXT and leaves nothing
	local out
	if wabe create --bundle "$work/$1" "$1" </dev/null >"$work/refused" 2>&1; then echo "accepted"; wabe delete -f "$1"; return 1; fi
	out=$(cat "$work/refused")
	[[ $out == *"$2"* ]] || { echo "message: $out"; return 1; }
	nothing "$1"
}
