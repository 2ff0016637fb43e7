#!/bin/bash
# Calls that the policy answers with "notify" reach the proxy, and its answers the callers: of init and of attach.
source "$(dirname "$0")/lib.sh"
socket=$work/proxy.socket
cat >"$work/proxy.py" <<'PY'
# Answers mkdir: /refused with EXDEV, /wrong with a packet too short, others by letting the kernel go on.
import array, os, socket, struct, sys
listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
listener.bind(sys.argv[1])
listener.listen()
log = open(sys.argv[2], "w", buffering=1)
HEAD, CALL, ANSWER = struct.Struct("=QiiHHHxxQ"), struct.Struct("=QIIiIQ6Q"), struct.Struct("=QqiI")
def serve(client):
    while True:
        fds = array.array("i")
        data, control, _, _ = client.recvmsg(4096, socket.CMSG_SPACE(12))
        if not data:
            return
        for _, _, part in control:
            fds.frombytes(part)
        head, call = HEAD.unpack_from(data), CALL.unpack_from(data, HEAD.size)
        cookie = data[HEAD.size + CALL.size + ANSWER.size:].decode()
        with open(fds[1], "rb") as memory:
            memory.seek(call[6 if call[3] == 83 else 7])
            path = memory.read(64).split(b"\0")[0].decode()
        log.write(f"path={path} cookie={cookie} monitor={head[1]} init={head[2]} fds={len(fds)} "
                  f"proc={os.path.exists(f'/proc/self/fd/{fds[0]}/status')}\n")
        os.close(fds[0])
        if not path.startswith("/held"):
            os.close(fds[2])
        error, flags = (-18, 0) if path == "/refused" else (0, 1)
        answer = data[:HEAD.size + CALL.size] + ANSWER.pack(call[0], 0, error, flags)
        client.send(answer[:40] if path == "/wrong" else answer)
import threading
while True:
    threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()
PY
start_proxy() { rm -f "$socket"; python3 "$work/proxy.py" "$socket" "$work/log" & proxy=$!; soon 5 test -S "$socket"; }
stop_proxy() { kill "$proxy"; wait "$proxy" 2>/dev/null; }
make() { run noted busybox mkdir "$1" 2>&1; }

printf '2\ndenylist\nmkdir notify\nmkdirat notify\n' >"$work/policy"
container noted "lxc.seccomp.profile = $work/policy" "lxc.seccomp.notify.proxy = unix:$socket" \
	'lxc.seccomp.notify.cookie = honey'
printf '%s\n' '#!/bin/sh' 'mkdir /by-init; mkdir /refused 2>/refusal' "$(cat "$P/noted/rootfs/sbin/init")" \
	>"$P/noted/rootfs/sbin/init"
start_proxy
check start start noted
equal init-goes-on yes "$([ -d "$P/noted/rootfs/by-init" ] && echo yes)"
equal init-refused "mkdir: can't create directory '/refused': Invalid cross-device link" "$(cat "$P/noted/rootfs/refusal")"
equal packet "path=/by-init cookie=honey monitor=$(supervisor_of noted) init=$(init_of noted) fds=3 proc=True" \
	"$(head -n 1 "$work/log")"
equal attach-goes-on "" "$(make /by-attach)"
equal attach-refused "mkdir: can't create directory '/refused': Invalid cross-device link" "$(make /refused)"
equal short-answer "mkdir: can't create directory '/wrong': Function not implemented" "$(make /wrong)"
for i in 1 2 3 4 5 6 7 8; do make "/many$i" & done >"$work/many"; wait $(jobs -p | grep -vx "$proxy")
equal many-at-once "8 " "$(ls -d "$P/noted/rootfs"/many? | wc -l) $(cat "$work/many")"
# a proxy that keeps the listener of an attached program that has ended
supervisor=$(supervisor_of noted)
for i in 1 2 3; do make "/held$i"; done
equal held-listener "3 $supervisor" "$(ls -d "$P/noted/rootfs"/held? | wc -l) $(supervisor_of noted)"
equal held-listener-idle "" "$(a=$(cut -d' ' -f14 "/proc/$supervisor/stat"); sleep 1; [ $(($(cut -d' ' -f14 "/proc/$supervisor/stat") - a)) -lt 20 ] || echo busy)"
stop_proxy
equal proxy-gone "mkdir: can't create directory '/alone': Function not implemented" "$(make /alone)"
start_proxy
equal proxy-back "" "$(make /again)"
equal listener-by-api "anon_inode:seccomp notify" "$(python3 - "$bin/../lib/liblxc.so.1" "$P" <<'PY'
import ctypes, os, sys
library = ctypes.CDLL(sys.argv[1])
library.lxc_container_new.restype = ctypes.c_void_p
container = library.lxc_container_new(b"noted", sys.argv[2].encode())
method = ctypes.cast(container + 544, ctypes.POINTER(ctypes.c_void_p))[0]  # seccomp_notify_fd_active
fd = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p)(method)(container)
print(os.readlink(f"/proc/self/fd/{fd}") if fd >= 0 else fd)
PY
)"
before=$(ls "/proc/$(supervisor_of noted)/fd" | wc -l)
for i in 1 2 3 4 5; do make "/fd$i"; done
sleep 0.3
equal no-fd-left "$before" "$(ls "/proc/$(supervisor_of noted)/fd" | wc -l)"
check stop stop noted
none_left clean noted

sed -i '/notify/d' "$P/noted/config"; rm -r "$P/noted/rootfs/by-init"
check start-without-proxy start noted
equal without-proxy "mkdir: can't create directory '/none': Function not implemented" "$(make /none)"
check stop-without-proxy stop noted

printf '2\ndenylist\nexecve notify\n' >"$work/policy"
text=$(timeout 10 lxc-start -P "$P" -n noted 2>&1); status=$?
equal own-exec-status 1 "$status"
[[ $text == *"execute /sbin/init: Function not implemented"* ]] && good own-exec || bad own-exec "$text"
echo 'lxc.seccomp.notify.proxy = /run/x' >>"$P/noted/config"
text=$(lxc-start -P "$P" -n noted 2>&1)
[[ $text == *"/config:"*"lxc.seccomp.notify.proxy"*"use unix:/PATH"* ]] && good bad-proxy || bad bad-proxy "$text"
stop_proxy
none_left clean-again noted
done_testing
