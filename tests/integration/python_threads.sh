#!/bin/bash
# 200 containers, each with a veth, started and stopped by python3-lxc from 8 threads of one process: nothing stays.
source "$(dirname "$0")/lib.sh"
export LD_LIBRARY_PATH=$(cd "$bin/../lib" && pwd)
python=/usr/bin/python3 # the distribution's, which has the module
if ! $python -c 'import lxc' 2>/dev/null; then skip python-threads "python3-lxc is not installed"; exit 0; fi
equal python-has-our-library "$LD_LIBRARY_PATH/liblxc.so.1" \
	"$($python -c 'import _lxc; print(next(l.split()[5] for l in open("/proc/self/maps") if "liblxc.so" in l))' | sed 's/so\.1.*/so.1/')"
ip link add br0 type bridge && ip link set br0 up
rootfs "$work/root"

cat >"$work/threads.py" <<'E'
import queue, sys, threading
import lxc

path, root, total, width = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
numbers, faults = queue.Queue(), []

def need(name, what, is_so):
    if not is_so:
        faults.append(f"{name}: {what}")

def live(name):
    c = lxc.Container(name, config_path=path)
    for key, value in (("lxc.rootfs.path", root), ("lxc.rootfs.managed", "0"), ("lxc.uts.name", name),
                       ("lxc.apparmor.profile", "unconfined"), ("lxc.init.cmd", "/bin/sleep 1000"),
                       ("lxc.net.0.type", "veth"), ("lxc.net.0.link", "br0"), ("lxc.net.0.flags", "up")):
        need(name, key, c.set_config_item(key, value))
    need(name, "save", c.save_config())
    need(name, "start", c.start())
    need(name, "wait", c.wait("RUNNING", 30))
    need(name, "state", c.state == "RUNNING" and c.init_pid > 0)
    need(name, "interfaces", "eth0" in c.get_interfaces())
    need(name, "stop", c.stop())
    need(name, "stopped", c.wait("STOPPED", 30))
    need(name, "destroy", c.destroy())

def work():
    while True:
        try:
            live(f"py{numbers.get_nowait()}")
        except queue.Empty:
            return
        except Exception as fault:
            faults.append(repr(fault))

for n in range(total):
    numbers.put(n)
threads = [threading.Thread(target=work) for _ in range(width)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print("\n".join(faults[:5]), end="")
E
equal 200-containers-in-8-threads "" "$(timeout 120 $python "$work/threads.py" "$P" "$work/root" 200 8 2>&1 | head -n 5)"
none_left no-process-group-link-mount lxc. 'br0'
equal no-run-directory "" "$(ls /run/wabe/lxc)"
equal no-watcher "" "$(ls /run/wabe/lxc/.monitors)"
equal no-socket "" "$(grep -F "$P/" /proc/net/unix | grep -oE '[^ ]*$')"
equal no-container "" "$(ls "$P")"
done_testing
