"""command_socket.py PATH SUPERVISOR COUNT SEED: COUNT requests of every bad and good form on the command socket @PATH.
Prints "NAME VALUE" lines: what the supervisor had before and after."""
import array
import os
import random
import socket
import struct
import sys
import time

path, supervisor, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
random.seed(int(sys.argv[4]))
FRAME = struct.Struct("=iiQ")
STOP = 2
# numbers of LXC and ours, but STOP and what waits (15, 16: a freeze is tried once by hand), and some of nobody
COMMANDS = [0, 1, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 17, 18, 19, 20, 21, 22, 23, 24, 25, 99, 100, 101, 2**31 - 1, -1, -2**31]


def connect():
    s = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    s.connect("\0" + path)  # waits while many are in line
    s.settimeout(5)
    return s


def receive(s):
    """All that comes; descriptors are closed."""
    answer = b""
    try:
        while True:
            data, control, _, _ = s.recvmsg(65536, socket.CMSG_SPACE(64))
            for _, _, part in control:
                fds = array.array("i")
                fds.frombytes(part[:len(part) // 4 * 4])
                for fd in fds:
                    os.close(fd)
            if not data:
                return answer
            answer += data
    except OSError:
        return answer


def send(s, data, fds=0):
    control = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [2] * fds))] if fds else []
    try:
        s.sendmsg([data], control)
    except OSError:
        pass


def ask(number, body=b"", value=0):
    s = connect()
    send(s, FRAME.pack(number, len(body), value) + body)
    s.shutdown(socket.SHUT_WR)
    answer = receive(s)
    s.close()
    return FRAME.unpack(answer[:16]) + (answer[16:],) if len(answer) >= 16 else None


def one():
    s = connect()
    number = random.choice(COMMANDS)
    value = random.choice([0, 1, 2, 3, 1000, 2**31, 2**32, 2**63, 2**64 - 1, random.getrandbits(64)])
    length = random.choice([-1, 0, 1, 2, 15, 16, 17, 255, 4095, 4096, 4097, 65536, 2**31 - 1, -2**31])
    body = bytes(random.choice([b"\0", b"x", b"/", b"\xff", b"memory"])) * max(0, min(length, 8192))
    body = os.urandom(len(body)) if random.random() < 0.3 else body[:max(0, min(length, 8192))]
    frame = FRAME.pack(number, length, value)
    kind = random.randrange(8)
    if kind == 0:  # cut anywhere
        send(s, (frame + body)[:random.randrange(len(frame + body) + 1)])
    elif kind == 1:  # gone before the answer
        send(s, frame + body)
        s.close()
        return
    elif kind == 2:  # several descriptors, at the header or at the body
        send(s, frame, random.randrange(1, 20))
        if body:
            send(s, body, random.randrange(0, 3))
    elif kind == 3:  # byte by byte
        for i in range(min(len(frame), 16)):
            send(s, frame[i:i + 1], i % 2)
    elif kind == 4:  # several requests in one packet
        send(s, FRAME.pack(4, 0, 0) * random.randrange(1, 30) + frame + body)
    elif kind == 5:  # no NUL at the end of a text
        send(s, FRAME.pack(random.choice([6, 19]), 6, 0) + b"memory")
    elif kind == 6:  # nothing at all
        pass
    else:
        send(s, frame + body)
    try:
        s.shutdown(socket.SHUT_WR)
    except OSError:
        pass
    receive(s)
    s.close()


def sizes(wanted=0):
    # connections that ended may be closed a moment later
    for _ in range(20):
        ask(4)
        time.sleep(0.1)
        if len(os.listdir(f"/proc/{supervisor}/fd")) <= wanted:
            break
    with open(f"/proc/{supervisor}/status") as status:
        memory = [int(line.split()[1]) for line in status if line.startswith("RssAnon:")]
    return len(os.listdir(f"/proc/{supervisor}/fd")), memory[0]


for _ in range(200):
    one()
before = sizes()
for _ in range(count):
    one()
after = sizes(before[0])
print("fds", "same" if before[0] == after[0] else f"{before[0]} to {after[0]}")
print("memory", "same" if after[1] <= before[1] + 64 else f"{before[1]} to {after[1]} kB")
# more connections than there are places, all silent
crowd = [connect() for _ in range(60)]
for s in crowd:
    s.close()
crowd = sizes(before[0])
print("after-a-crowd", "same" if crowd[0] == before[0] else f"{before[0]} to {crowd[0]}")
# a peer that stops in mid-frame holds the others up for a second, not for ever
slow = connect()
send(slow, FRAME.pack(6, 100, 0) + b"mem")
print("beside-a-slow-one", "answered" if ask(4) else "not answered")
slow.close()
# something readable in the place of a seccomp listener
reader, writer = os.pipe()
os.write(writer, b"x")
s = connect()
s.sendmsg([FRAME.pack(13, 0, 0)], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [reader]))])
print("false-listener", FRAME.unpack(s.recv(16))[0])
ticks = lambda: sum(map(int, open(f"/proc/{supervisor}/stat").read().rsplit(")", 1)[1].split()[11:13]))
begin = ticks()
time.sleep(0.5)
print("idle", "yes" if ticks() - begin < 10 else "no")
number, _, value, _ = ask(4)
print("init", value)
print("unknown", ask(99)[0])
print("name", ask(8)[3].rstrip(b"\0").decode())
