#!/bin/bash
# The supervisor's command socket under requests of every form: it lives, has what it had, and is of its user alone.
source "$(dirname "$0")/lib.sh"
container socket
check start start socket
pid=$(init_of socket) supervisor=$(supervisor_of socket)
timeout 120 python3 "$here/command_socket.py" "$P/socket/command" "$supervisor" 1000 "${SEED:-$RANDOM}" >"$work/out" 2>"$work/err" ||
	bad requests "$(tail -n 3 "$work/err")"
said() { sed -n "s/^$1 //p" "$work/out"; }
equal descriptors same "$(said fds)"
equal memory same "$(said memory)"
equal after-a-crowd same "$(said after-a-crowd)"
equal beside-a-slow-one answered "$(said beside-a-slow-one)"
equal false-listener -22 "$(said false-listener)"
equal idle yes "$(said idle)"
equal init "$pid" "$(said init)"
equal unknown-command -38 "$(said unknown)"
equal name socket "$(said name)"
equal same-supervisor "$supervisor" "$(supervisor_of socket)"
# another user gets no answer, whatever is asked
equal other-user "" "$(setpriv --reuid 1234 --regid 1234 --clear-groups /usr/bin/python3 - "$P/socket/command" <<'PY'
import socket, struct, sys
for number in range(0, 25):
    s = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    s.settimeout(5)
    try:
        s.connect("\0" + sys.argv[1])
        s.sendall(struct.pack("=iiQ", number, 0, 0))
        if s.recv(100):
            print("answer to", number)
    except (BrokenPipeError, ConnectionResetError, ConnectionRefusedError):
        pass
    except OSError as error:
        print(number, error)
PY
)"
equal still-runs RUNNING "$(state socket)"
check freeze lxc-freeze -P "$P" -n socket
check unfreeze lxc-unfreeze -P "$P" -n socket
equal attach works "$(run socket echo works)"
check stop stop socket
none_left clean socket
done_testing
