#!/bin/bash
# A start that fails, with a post-stop hook: told before the hook has ended, the hook runs once, nothing stays.
source "$(dirname "$0")/lib.sh"
printf '%s\n' '#!/bin/sh' 'sleep 1' "echo \$LXC_NAME >>$work/ended" >"$work/hook"; chmod 755 "$work/hook"
container broken "lxc.mount.entry = $work/missing mnt none bind 0 0" "lxc.hook.post-stop = $work/hook"
text=$(timeout 10 lxc-start -P "$P" -n broken 2>&1 >/dev/null); equal status 1 $?
equal one-line 1 "$(grep -c . <<<"$text")"
[[ $text == *"$work/missing"* ]] && good names-it || bad names-it "$text"
[ ! -e "$work/ended" ] && good told-before-the-hook-ends || bad told-before-the-hook-ends "the hook has ended"
soon 5 test -e "$work/ended"; sleep 1.5
equal hook-runs-once broken "$(cat "$work/ended" 2>/dev/null)"
none_left clean broken
done_testing
