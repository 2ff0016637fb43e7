#!/bin/bash
# vzctl suspend and resume: the lines that scripts look for, exit statuses, a counter that goes on.
source "$(dirname "$0")/lib.sh"
: "${WABE_CRIU:=$(command -v criu || true)}"
export WABE_CRIU
if [ -z "$WABE_CRIU" ] || ! "$WABE_CRIU" check >/dev/null 2>&1; then
	skip vz-suspend "no criu that works on this kernel (WABE_CRIU=\$(tests/criu-fetch DIR)/criu)"
	done_testing
fi
export WABE_VZ_CONFIG=/run/vz-etc
V=/run/vz-data C=$WABE_VZ_CONFIG/conf
mkdir -p $C $V/template/cache
printf '%s\n' VIRTUOZZO=yes LOCKDIR=$V/lock VZDIR=$V DUMPDIR=$V/dump LOGFILE=$V/vzctl.log DISK_QUOTA=no 'CONFIGFILE="basic"' \
	'DEF_OSTEMPLATE="busybox"' >$WABE_VZ_CONFIG/vz.conf
echo 'ONBOOT="no"' >$C/ve-basic.conf-sample
rootfs "$work/root"; chmod 755 "$work/root"
printf '%s\n' '#!/bin/sh' 'trap "exit 0" USR1 TERM PWR' 'i=0' \
	'while :; do i=$((i + 1)); echo $i >/tmp/count.new; mv /tmp/count.new /tmp/count; sleep 0.1; done' >"$work/root/sbin/init"
tar -C "$work/root" -czf $V/template/cache/busybox.tar.gz .
count() { cat $V/private/101/tmp/count; }
vzctl create 101 >/dev/null 2>&1; vzctl start 101 >/dev/null 2>&1
check runs soon 10 count
said=$(timeout 60 vzctl suspend 101 2>&1); equal suspend "0" "$?"
check its-words eval '[[ $said == *"Setting up checkpoint..."*"Checkpointing completed successfully"* ]]'
equal suspended "CTID 101 exist unmounted down suspended" "$(vzctl status 101)"
before=$(count); rm -f $V/private/101/tmp/count $V/private/101/tmp/count.new
said=$(timeout 60 vzctl resume 101 2>&1); equal resume "0" "$?"
check words-of-resume eval '[[ $said == *"Restoring container ..."*"Restoring completed successfully"* ]]'
soon 3 count; now=$(count); check count-continues [ "${now:-0}" -ge "$before" ]
equal running "CTID 101 exist mounted running" "$(vzctl status 101)"
timeout 60 vzctl resume 101 >/dev/null 2>&1; equal resume-of-a-running-one 32 $?
timeout 60 vzctl stop 101 --fast >/dev/null 2>&1
timeout 60 vzctl suspend 101 >/dev/null 2>&1; equal suspend-of-a-stopped-one 31 $?
timeout 60 vzctl resume 101 >/dev/null 2>&1; equal resume-without-a-dump 17 $?
vzctl destroy 101 >/dev/null 2>&1
none_left clean lxc.payload.101
done_testing
