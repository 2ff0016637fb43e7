#!/usr/bin/python3
"""
supervisor.py NAME LXCPATH: frozen. What a supervisor of the first version writes into its run directory and answers on
its command socket, around a real init. Later versions of the commands and the library must stop, attach and inspect the
container that it runs. This file is never adapted to them.
"""
import array, ctypes, fcntl, os, re, signal, socket, struct, sys, threading

name, base = sys.argv[1:]
libc = ctypes.CDLL(None, use_errno=True)
FRAME = struct.Struct("=iiQ")
NEWNS, NEWUTS, NEWIPC, NEWPID, NEWNET = 0x20000, 0x4000000, 0x8000000, 0x20000000, 0x40000000


def fnv1a(text):
    value = 0xCBF29CE484222325
    for byte in text.encode():
        value = (value ^ byte) * 0x100000001B3 & 0xFFFFFFFFFFFFFFFF
    return value


def make_groups():
    """Lines of the state file: version 2?, controllers, mount, the caller's group, container's group, init's group."""
    mounts = {}
    for line in open("/proc/self/mountinfo"):
        left, right = line.split(" - ")
        kind, _, options = right.split()[:3]
        if kind == "cgroup2":
            mounts[""] = left.split()[4]
        elif kind == "cgroup":
            for option in options.split(","):
                mounts[option] = left.split()[4]
    lines = []
    for line in open("/proc/self/cgroup"):
        _, controllers, own = line.strip().split(":", 2)
        mount = mounts.get(controllers.split(",")[0])
        if not mount or controllers.split(",")[0] == "cpuset":  # needs values before a process may enter
            continue
        parent = own.rsplit("/init.scope", 1)[0]
        try:
            os.mkdir(f"{mount}{parent}/lxc.payload.{name}")
        except OSError:
            continue
        payload = f"{parent}/lxc.payload.{name}"
        lines.append("\t".join([str(int(controllers == "")), controllers, mount, parent, payload, payload]))
    return lines


def run_init(groups):
    write_end = os.pipe()
    helper = os.fork()
    if helper == 0:
        for line in groups:
            _, _, mount, _, payload, _ = line.split("\t")
            with open(f"{mount}{payload}/cgroup.procs", "w") as file:
                file.write("0")
        if libc.unshare(NEWNS | NEWUTS | NEWIPC | NEWPID | NEWNET) < 0:
            os._exit(1)
        init = os.fork()
        if init == 0:
            libc.mount(b"none", b"/", None, 0x44000, None)  # MS_REC | MS_PRIVATE
            os.chroot(f"{base}/{name}/rootfs")
            os.chdir("/")
            libc.mount(b"proc", b"/proc", b"proc", 0, None)
            socket.sethostname(name)
            null = os.open("/dev/null", os.O_RDWR) if os.path.exists("/dev/null") else os.open("/tmp/null", os.O_RDWR | os.O_CREAT)
            for fd in range(3):
                os.dup2(null, fd)
            os.execv("/sbin/init", ["/sbin/init"])
        os.write(write_end[1], str(init).encode())
        os._exit(0)
    os.waitpid(helper, 0)
    return int(os.read(write_end[0], 20))


def start_ticks(pid):
    return open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()[19]


def answer(client, number, payload=b"", value=0, fd=None):
    control = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [fd]))] if fd is not None else []
    client.sendmsg([FRAME.pack(number, len(payload), value), payload], control)


def serve(client, init, state, groups):
    while True:
        head = client.recv(FRAME.size, socket.MSG_WAITALL)
        if len(head) < FRAME.size:
            return
        command, length, _ = FRAME.unpack(head)
        payload = client.recv(length, socket.MSG_WAITALL) if length else b""
        if command == 2:
            os.kill(init, signal.SIGKILL)
            answer(client, 0)
        elif command == 3:
            answer(client, state)
        elif command == 4:
            answer(client, init, value=init)
        elif command in (6, 19):
            answer(client, 0, (groups[0].split("\t")[4] + "\0").encode())
        elif command == 8:
            answer(client, 0, (name + "\0").encode())
        elif command == 9:
            answer(client, 0, (base + "\0").encode())
        elif command == 11:
            answer(client, 0, b"said at the console\n")
        elif command == 18:
            answer(client, 0, fd=os.pidfd_open(init))
        else:
            answer(client, -38)


def main():
    hashed = fnv1a(base)
    directory = f"/run/wabe/lxc/{name}-{(hashed ^ hashed >> 32) & 0xFFFFFFFF:08x}"
    os.makedirs(directory, 0o700)
    lock = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    fcntl.flock(lock, fcntl.LOCK_EX)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(f"\0{base}/{name}/command")
    listener.listen(16)
    groups = make_groups()
    with open(f"{directory}/journal", "w") as file:
        file.write("CGROUP " + "\t".join(f"{line.split(chr(9))[2]}{line.split(chr(9))[4]}" for line in groups) + "\n")
    with open(f"{directory}/spec", "w") as file:
        file.write(f"""sources[] 
sources[] {base}/{name}/config
sources[] lxc.rootfs.path
sources[] lxc.uts.name
sources[] lxc.net.0.type
sources[] lxc.mount.auto
identity.dialect lxc
identity.name {name}
identity.base_path {base}
identity.config_file {base}/{name}/config
identity.hostname {name}
identity.hostname_origin 1 2 3
process.argv[] /sbin/init
rootfs.store dir
rootfs.path {base}/{name}/rootfs
rootfs.origin 1 1 2
mounts.auto_proc 1
mounts.auto_sys 1
network.links# 1
network.links[0].type 2
network.links[0].origin 1 3 4
""")
    init = run_init(groups)
    with open(f"{directory}/state.new", "w") as file:
        file.write(f"state RUNNING\ninit {init} {start_ticks(init)}\nsupervisor {os.getpid()}\nforeground 0\n")
        file.write("".join(line + "\n" for line in groups))
    os.rename(f"{directory}/state.new", f"{directory}/state")

    def listen():
        while True:
            client = listener.accept()[0]
            threading.Thread(target=serve, args=(client, init, 2, groups), daemon=True).start()

    threading.Thread(target=listen, daemon=True).start()
    import select
    select.select([os.pidfd_open(init)], [], [])
    for line in groups:
        _, _, mount, _, payload, _ = line.split("\t")
        for _ in range(100):
            try:
                os.rmdir(f"{mount}{payload}")
                break
            except OSError:
                import time
                time.sleep(0.02)
    for file in ("spec", "state", "journal", "devices"):
        if os.path.exists(f"{directory}/{file}"):
            os.unlink(f"{directory}/{file}")
    os.rmdir(directory)


main()
