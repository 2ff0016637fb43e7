"""seccomp_policy.py COMPILER: reads "NAME|ARCH CALL ARGUMENTS...|EXPECTED|POLICY" lines (\\n in POLICY is a new line) and
runs each policy's program in an interpreter of classic BPF. EXPECTED: allow, kill, trap, notify, errno:N. Architectures
and the numbers of calls are x86's."""
import struct
import subprocess
import sys

ARCHITECTURES = {"x86_64": 0xC000003E, "x32": 0xC000003E, "x86": 0x40000003, "arm": 0x40000028}
CALLS = {"x86_64": {"mkdir": 83, "umount2": 166, "mount": 165, "getpid": 39, "ioctl": 16, "dup3": 292, "read": 0, "bpf": 321,
                    "clone": 56, "init_module": 175, "exit": 60},
         "x86": {"mkdir": 39, "umount2": 52, "mount": 21, "getpid": 20, "ioctl": 54, "dup3": 330, "read": 3, "vm86": 166, "bpf": 357,
                 "clone": 120, "init_module": 128, "exit": 1},
         "x32": {"mkdir": 83, "umount2": 166, "mount": 165, "getpid": 39, "dup3": 292, "read": 0, "init_module": 175}, "arm": {"mkdir": 39}}


def run(program, data):
    a = x = at = steps = 0
    memory = [0] * 16
    while True:
        code, jt, jf, k = program[at]
        at += 1
        steps += 1
        kind = code & 7
        if kind == 0:  # LD
            a = struct.unpack_from("=I", data, k)[0] if code & 0xE0 == 0x20 else k if code & 0xE0 == 0 else memory[k]
        elif kind == 1:
            x = k if code & 0xE0 == 0 else memory[k]
        elif kind == 2:
            memory[k] = a
        elif kind == 4:
            value = x if code & 8 else k
            a = {0x50: a & value, 0x40: a | value, 0x00: a + value}[code & 0xF0] & 0xFFFFFFFF
        elif kind == 5:
            if code & 0xF0 == 0:
                at += k
            else:
                at += jt if {0x10: a == k, 0x20: a > k, 0x30: a >= k, 0x40: a & k != 0}[code & 0xF0] else jf
        elif kind == 6:
            return k, steps
        else:
            raise ValueError(code)


def action(value):
    names = {0x7FFF0000: "allow", 0: "kill", 0x80000000: "kill", 0x00030000: "trap", 0x7FC00000: "notify"}
    return f"errno:{value & 0xFFFF}" if value & 0xFFFF0000 == 0x50000 else names[value & 0xFFFF0000]


for line in sys.stdin:
    if "|" not in line:
        continue
    name, call, expected, policy = line.rstrip("\n").split("|", 3)
    text = open(policy[1:]).read() if policy.startswith("<") else policy.replace("\\n", "\n").replace("\\r", "\r") + "\n"
    done = subprocess.run([sys.argv[1]], input=text.encode(), capture_output=True)
    if call == "refused":
        got, expected = done.stderr.decode().strip() if done.returncode else "taken", expected
        good = got.startswith(expected) and "\n" not in got
    elif done.returncode:
        good, got = False, done.stderr.decode().strip()
    else:
        program = list(struct.iter_unpack("=HBBI", done.stdout))
        architecture, number, *arguments = call.split()
        nr = CALLS[architecture][number] if number in CALLS[architecture] else int(number)
        nr |= 0x40000000 if architecture == "x32" else 0
        arguments = [int(value, 0) for value in arguments] + [0] * 6
        value, steps = run(program, struct.pack("=iIQ6Q", nr, ARCHITECTURES[architecture], 0, *arguments[:6]))
        got = action(value) if expected != "few" else "few" if steps < 16 else f"{steps} steps"
        good = got == expected
    print(f"{'ok' if good else 'not ok'} {name}" + ("" if good else f": {got!r}, not {expected!r}"))
