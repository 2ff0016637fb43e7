# Two hosts for tests of migration: network and mount namespaces with their own containers and /run.
host() { # NAME: NAME CMD... runs CMD there
	local pid
	unshare -n -m --propagation private sh -c 'mount -t tmpfs none /run && mount -t tmpfs none /var/lib/lxc &&
		mkdir -p /run/lock /run/vz-etc/conf && ip link set lo up && echo >/run/ready && exec sleep 1000' & pid=$!
	machines="${machines:-} $pid"
	eval "$1_pid=$pid; $1() { nsenter -t $pid -n -m env P=/var/lib/lxc \"\$@\"; }"
	soon 10 "$1" test -e /run/ready
}
other() { [ "$1" = A ] && echo B || echo A; }
receiver() { local pid=$1_pid; echo "nsenter -t ${!pid} -n -m ${2:-lxc-migrate} --receive"; }
