#!/bin/bash
# The post-stop hooks of a stopped container see it stopped; those before a reboot see it stopping, and decide about it.
source "$(dirname "$0")/lib.sh"
hook=$work/hook
cat >"$hook" <<EOF
#!/bin/sh
lxc-info -P $P -n ending -sH >$work/seen.\$LXC_TARGET
echo \$LXC_TARGET >>$work/targets
sleep 0.5
[ ! -e $work/no-reboot ] || [ \$LXC_TARGET != reboot ]
EOF
chmod 755 "$hook" "$work"
# a daemon that the hook calls, as LXD's: it hears nothing before the hooks have decided
ask() { soon 5 test -e "$work/seen.reboot" && state ending >"$work/seen.others"; }
rebooted() { local p; p=$(init_of ending); [ -n "$p" ] && [ "$p" != "$1" ]; }

container ending "lxc.hook.post-stop = $hook"
check start start ending
check stop stop ending
equal stopped-at-once STOPPED "$(state ending)"
soon 3 test -e "$work/targets"
equal seen-by-hook STOPPED "$(cat "$work/seen.stop")"
none_left clean ending

# another life may begin while the hooks of the last one run
: >"$work/targets"
check start-again start ending
check stop-again stop ending
check start-during-hook start ending
sleep 0.7
equal survives RUNNING "$(state ending)"

before=$(init_of ending)
ask & asker=$!
run ending busybox reboot -f >/dev/null 2>&1
check rebooted soon 4 rebooted "$before"
wait "$asker"
check seen-by-others grep -qxE 'STARTING|RUNNING' "$work/seen.others"
equal seen-before-reboot STOPPING "$(cat "$work/seen.reboot")"
check running-again soon 4 is ending RUNNING
equal targets "stop reboot" "$(tr '\n' ' ' <"$work/targets" | sed 's/ $//')"

# a hook that refuses it
touch "$work/no-reboot"
sed -i '/lxc-info/d' "$hook"
run ending busybox reboot -f >/dev/null 2>&1
soon 2 grep -q reboot.*reboot <(tr '\n' ' ' <"$work/targets")
check refused soon 4 is ending STOPPED
check start-after-refusal start ending
rm "$work/no-reboot"
check last-stop stop ending
sleep 0.6
none_left clean-again ending
done_testing
