#!/usr/bin/python3
"""migrate_link.py FLAG NUMBER WHEN WHAT COMMAND...   a link between the two ends of a migration that breaks once

COMMAND's standard input and output are joined to ours. When message NUMBER (both directions counted together, from 1,
without those of a tree, or the first of that NAME) comes, before or after (WHEN) it is passed on, WHAT happens: "link" breaks, "source" (the program
that runs us), "guard" (the one that waits for that, too) or "target" (COMMAND) is killed. FLAG is made then; where it is
there already nothing happens. NUMBER 0: nothing either, but each message is a line of FLAG.
"""
import os
import signal
import struct
import subprocess
import sys
import threading
import time

NAMES = {"prepare": 7, "commit": 8}
flag, number, when, what, command = sys.argv[1], sys.argv[2], sys.argv[3], sys.argv[4], sys.argv[5:]
wanted = NAMES.get(number)
number = -1 if wanted else int(number)
worker = os.getppid()
with open(f"/proc/{worker}/stat") as f:
    guard = int(f.read().rsplit(")", 1)[1].split()[1])
quiet = number and os.path.exists(flag)
child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
lock = threading.Lock()
seen = 0


def strike():
    open(flag, "w").close()
    if what == "target":
        child.kill()
    elif what == "source":
        os.kill(worker, signal.SIGKILL)
    elif what == "guard":
        os.kill(guard, signal.SIGKILL)
        os.kill(worker, signal.SIGKILL)
    os._exit(0)


def read(fd, length):
    data = b""
    while len(data) < length:
        more = os.read(fd, length - len(data))
        if not more:
            return None
        data += more
    return data


def write(fd, data):
    while data:
        data = data[os.write(fd, data):]


def carry(source, sink, name):
    global seen
    while head := read(source, 8):
        kind, length = struct.unpack("<II", head)
        body = read(source, length) if length else b""
        if body is None:
            break
        hit = False
        if kind < 32 and not quiet:
            with lock:
                seen += 1
                hit = kind == wanted if wanted else number and seen == number
                if not number:
                    with open(flag, "a") as f:
                        print(name, kind, file=f)
        if hit and when == "before":
            strike()
        try:
            write(sink, head + body)
        except OSError:
            break
        if hit:
            time.sleep(0.05)
            strike()
    if name == "there":
        child.stdin.close()
    else:
        os.close(sink)


back = threading.Thread(target=carry, args=(child.stdout.fileno(), 1, "back"))
back.start()
carry(0, child.stdin.fileno(), "there")
back.join()
sys.exit(child.wait() & 0xff)
