#!/usr/bin/python3
"""migrate_client.py HOST PORT CONNECTIONS STOPFILE   load on an echo server until STOPFILE is there

Each connection sends blocks of its own, numbered, and compares what comes back. Prints "bytes N longest-gap-ms M", or
what went wrong, exit status 1.
"""
import os
import random
import socket
import sys
import threading
import time

host, port, connections, stop = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
lock = threading.Lock()
total, gap, faults = 0, 0.0, []


def talk(number):
    global total, gap
    rng = random.Random(number)
    try:
        with socket.create_connection((host, port), 10) as s:
            s.settimeout(60)
            count = 0
            while not os.path.exists(stop):
                block = b"%d:%d:" % (number, count) + rng.randbytes(rng.randrange(1, 4000)) + b"\n"
                begin = time.monotonic()
                s.sendall(block)
                back = b""
                while len(back) < len(block):
                    more = s.recv(65536)
                    if not more:
                        raise EOFError("closed by the server")
                    back += more
                if back != block:
                    raise ValueError(f"block {count} came back as another")
                count += 1
                with lock:
                    total += len(block)
                    gap = max(gap, time.monotonic() - begin)
                time.sleep(0.002)
    except Exception as e:
        with lock:
            faults.append(f"connection {number}: {e!r}")


threads = [threading.Thread(target=talk, args=(n,)) for n in range(connections)]
for t in threads:
    t.start()
for t in threads:
    t.join()
for fault in faults:
    print(fault)
print(f"bytes {total} longest-gap-ms {gap * 1000:.0f}")
sys.exit(1 if faults or not total else 0)
