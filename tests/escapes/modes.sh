# shellcheck shell=bash
# Sourced by run: the containers of the three modes, and one with all protection off.
#   facts DIR           what the attempts must know of the host, as DIR/host
#   prepare MODE [LINE...]  MODE's root and configuration, the attempts in it
#   results MODE        runs all attempts as pid 1's child, or in the application; $work/MODE.init
#   results_attached MODE   the same through lxc-attach; $work/MODE.attach

facts() {
	{
		for kind in mnt pid net ipc uts user cgroup; do echo "$kind=$(readlink "/proc/self/ns/$kind")"; done
		echo "root=$(stat -c %d:%i /)"
		echo "pts=$(stat -c %d /dev/pts)"
		echo "tools=$(stat -c %d:%i "$bin/../libexec/wabe/lxc-tools")"
		echo "supervisor=$(stat -c %d:%i "$bin/../libexec/wabe/wabe-supervisor")"
		echo "victim=$victim"
	} >"$1/host"
}
prepare() {
	local mode=$1 r=$P/$1/rootfs; shift
	container "$mode" 'lxc.mount.auto =' "$@"
	sed -i '/^lxc.mount.auto =$/d' "$P/$mode/config"
	[ "$mode" = open ] || sed -i 's/^lxc.apparmor.profile = unconfined$/lxc.apparmor.profile = generated/' "$P/$mode/config"
	mkdir -m 1777 "$r/attempts"
	install -m 755 "$work/attempts" "$r/bin/attempts"
	# all attempts of a root that has just begun; then an init as that of the other tests
	printf '%s\n' '#!/bin/sh' 'cd /attempts && attempts all >results.new 2>errors; mv results.new results' \
		'trap "exit 0" USR1 TERM PWR' 'echo >/ready' 'while :; do sleep 1000 & wait $!; done' >"$r/sbin/init"
	facts "$r/attempts"
}
# by a caller with a key in its session and a descriptor of the root directory
begin() { rm -f "$P/$1/rootfs/ready"; "$work/attempts" key lxc-start -P "$P" -n "$1" 9</ && soon 60 test -e "$P/$1/rootfs/ready"; }
config_dir=$(realpath "$bin/../share/lxc/config")
prepare_privileged() { prepare privileged "lxc.include = $config_dir/common.conf" "lxc.seccomp.profile = $config_dir/common.seccomp" "$@"; }
prepare_unprivileged() {
	prepare unprivileged "lxc.include = $config_dir/common.conf" "lxc.seccomp.profile = $config_dir/common.seccomp" \
		"lxc.include = $config_dir/userns.conf" 'lxc.idmap = u 0 100000 65536' 'lxc.idmap = g 0 100000 65536' "$@"
	chmod 755 "$P" "$P/unprivileged"
	chown -R 100000:100000 "$P/unprivileged/rootfs"
}
# of vzctl's: a configuration that says nothing of security
export WABE_VZ_CONFIG=/run/vz-etc
prepare_vz() {
	local r=/run/vz-data/private/101
	mkdir -p $WABE_VZ_CONFIG/conf /run/vz-data/private
	rootfs $r
	mkdir -m 1777 "$r/attempts"; install -m 755 "$work/attempts" "$r/bin/attempts"
	cp "$P/unprivileged/rootfs/sbin/init" "$r/sbin/init"; facts "$r/attempts"
	printf '%s\n' VZDIR=/run/vz-data DISK_QUOTA=no >$WABE_VZ_CONFIG/vz.conf
	echo 'HOSTNAME="vz"' >$WABE_VZ_CONFIG/conf/101.conf
}
begin_vz() { "$work/attempts" key vzctl start 101 9</ && soon 60 test -e /run/vz-data/private/101/ready; }
prepare_open() { prepare open 'lxc.mount.auto = proc:rw sys:rw cgroup:rw' "$@"; }
