#!/bin/bash
# An orderly stop reaches an init that has no handler yet when it is asked.
source "$(dirname "$0")/lib.sh"
halt() { timeout 40 lxc-stop -P "$P" -n "$1" --nokill -t "$2"; }
init() { container "$1" "lxc.init.cmd = /bin/busybox $2"; }

init late "sh -c 'sleep 1; trap \"exit 0\" PWR; while :; do sleep 0.1; done'"
check start timeout 10 lxc-start -P "$P" -n late
check halt-before-it-listens halt late 15
equal stopped STOPPED "$(state late)"

# one that never listens: not longer than asked, and it runs on
init deaf "sleep 1000"
check start-deaf timeout 10 lxc-start -P "$P" -n deaf
halt deaf 1 >/dev/null 2>&1 && bad deaf-times-out "status 0" || good deaf-times-out
equal deaf-runs-on RUNNING "$(state deaf)"
check kill-deaf stop deaf
none_left clean deaf
done_testing
