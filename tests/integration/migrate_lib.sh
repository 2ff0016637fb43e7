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
state_at() { "$1" timeout 60 lxc-info -n "$2" -sH 2>/dev/null || echo NONE; }
# All that a file has, the times of what a running container changes left out.
listing() { # HOST NAME
	"$1" bash -c "cd /var/lib/lxc/$2/rootfs && find . -printf '%p %y %m %U:%G %n %l %T@ %s\n' | grep -vE '^\.(/run|/tmp|/dev|/ready|/log|/proc|/sys)?( |/)' | sort
		find . -xdev -type f ! -name log ! -name ready | sort | xargs sha256sum; getfattr -R -d -m - . 2>/dev/null | sort
		find . -name 'big*' -printf '%p %i\n' | sort | awk '{ print \$2 == last; last = \$2 }'; du -k sparse"
}
# One Ethernet segment: br0 in both, and C, a machine at 10.5.0.9.
segment() {
	local h pid
	ip link add br0 type bridge && ip link set br0 up
	for h in A B; do
		pid=${h}_pid
		ip link add "up$h" type veth peer name out netns "${!pid}" && ip link set "up$h" master br0 up
		$h ip link add br0 type bridge; $h ip link set dev out master br0 up; $h ip link set br0 up
	done
	machine C; ip link add upC type veth peer name eth0 netns "$machine_C"; ip link set upC master br0 up
	C ip addr add 10.5.0.9/24 dev eth0; C ip link set eth0 up
}
