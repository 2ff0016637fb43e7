#!/usr/bin/python3
"""
client.py NAME LXCPATH: frozen. Asks a supervisor what commands and library of the first version ask, one line per
answer. Later supervisors must answer the same. This file is never adapted to them.
"""
import array, os, socket, stat, struct, sys

name, base = sys.argv[1:]
FRAME = struct.Struct("=iiQ")


def connect():
    server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    server.connect(f"\0{base}/{name}/command")
    return server


def ask(server, command, payload=b"", value=0):
    server.sendall(FRAME.pack(command, len(payload), value & 0xFFFFFFFFFFFFFFFF) + payload)
    head, control, _, _ = server.recvmsg(FRAME.size, socket.CMSG_SPACE(4), socket.MSG_WAITALL)
    number, length, value = FRAME.unpack(head)
    data = server.recv(length, socket.MSG_WAITALL) if length else b""
    fds = array.array("i")
    for _, _, part in control:
        fds.frombytes(part)
    return number, value, data, fds[0] if fds else None


server = connect()
print("state", ask(server, 3)[0])
print("init", ask(server, 4)[0])
print("name", ask(server, 8)[2].rstrip(b"\0").decode())
print("path", ask(server, 9)[2].rstrip(b"\0").decode())
print("unknown", ask(server, 99)[0])
pidfd = ask(server, 18)[3]
print("pidfd", open(f"/proc/self/fdinfo/{pidfd}").read().split("Pid:")[1].split()[0])
number, tty, _, master = ask(server, 0, value=-1)
print("tty", number, tty, stat.S_ISCHR(os.fstat(master).st_mode))
print("log", ask(connect(), 11, struct.pack("=QBB6x", 0, 1, 0))[2].decode().strip())
print("frozen", ask(connect(), 15)[0], ask(connect(), 3)[0])
print("thawed", ask(connect(), 16)[0], ask(connect(), 3)[0])
print("stop", ask(connect(), 2)[0])
