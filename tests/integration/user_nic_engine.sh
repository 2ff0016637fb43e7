#!/bin/bash
# A user's container on a bridge: address, name, hardware address; stop, failed start and a killed supervisor give it back.
source "$(dirname "$0")/lib.sh"
helper=$(realpath "$bin/../libexec/lxc/lxc-user-nic")
[ -u "$helper" ] || { skip user-nic-engine "$helper is not set-uid root"; done_testing; }
chmod 755 "$work"
cp -a /etc "$work/etc" && mount --bind "$work/etc" /etc # the sandbox's own view
echo "ann:x:1501:1501::$work/ann:/bin/sh" >>/etc/passwd; echo ann:x:1501: >>/etc/group
echo ann:200000:65536 | tee /etc/subuid >/etc/subgid
mkdir -p /etc/lxc; ip link add name br0 type bridge; ip addr add 10.9.0.1/24 dev br0; ip link set dev br0 up
P=$work/ann/lxc; mkdir -p "$P/un" /run/user/1501; rootfs "$P/un/rootfs"
setup() { # LINE...
	container un 'lxc.idmap = u 0 200000 65536' 'lxc.idmap = g 0 200000 65536' 'lxc.mount.auto = proc:mixed sys:mixed' "$@"
	chown 1501:1501 "$work/ann" "$P" "$P/un" "$P/un/config" /run/user/1501
}
veth=('lxc.net.0.type = veth' 'lxc.net.0.link = br0' 'lxc.net.0.flags = up')
U() { (cd / && exec setpriv --reuid ann --regid ann --init-groups env -i HOME="$work/ann" XDG_RUNTIME_DIR=/run/user/1501 PATH="$PATH" \
	timeout 20 "$@"); }
ustart() { U lxc-start -P "$P" -n un; }
inside() { U lxc-attach -P "$P" -n un -- "$@" 2>/dev/null; }
ustop() { U lxc-stop -k -P "$P" -n un; }
links() { ip -o link | grep -c veth1501_; }
no_links() { [ "$(links)" = 0 ]; }
free() { no_links && [ ! -s /run/lxc/nics ]; }
refused() { if "$@" 2>"$work/text"; then return 1; fi; }
setup "${veth[@]}"; chown -R 200000:200000 "$P/un/rootfs"

: >/etc/lxc/lxc-usernet
check no-rule refused ustart; check no-rule-text grep -q lxc-usernet "$work/text"; check no-rule-clean free
echo 'ann veth br0 1' >/etc/lxc/lxc-usernet
setup "${veth[@]}" 'lxc.net.0.name = wan' 'lxc.net.0.hwaddr = 00:16:3e:01:02:03' 'lxc.net.0.mtu = 1300' \
	'lxc.net.0.ipv4.address = 10.9.0.2/24' 'lxc.net.0.ipv4.gateway = auto'
check start ustart
check address grep -q 10.9.0.2/24 <(inside ip addr show dev wan)
check hwaddr grep -q 00:16:3e:01:02:03 <(inside ip link show wan)
check mtu grep -q 'mtu 1300' <(inside ip link show wan)
equal info-address 10.9.0.2 "$(U lxc-info -P "$P" -n un -iH)"
check gateway grep -q 'default via 10.9.0.1' <(inside ip route)
check ping inside ping -c 1 -W 2 10.9.0.1
equal on-the-bridge 1 "$(ip -o link show master br0 | grep -c veth1501_)"
check stop ustop; check stop-deletes soon 5 free
check start-again ustart; ustop; check quota-is-back soon 5 free

setup "${veth[@]}" 'lxc.net.1.type = veth' 'lxc.net.1.link = br0'
check second-over-quota refused ustart; check failed-start-deletes soon 5 free
setup "${veth[@]}" 'lxc.init.cmd = /none'
ustart 2>/dev/null; check no-program-deletes soon 5 free
setup "${veth[@]}"
check start-to-kill ustart
init=$(U lxc-info -P "$P" -n un -pH) supervisor=$(supervisor_of un)
kill -KILL "$supervisor" "$init"; soon 5 no_links
check start-after-kill ustart; equal one-row 1 "$(wc -l </run/lxc/nics)"
ustop; check kill-leaves-nothing soon 5 free
for type in macvlan phys vlan ipvlan; do
	setup "lxc.net.0.type = $type" 'lxc.net.0.link = br0' 'lxc.net.0.vlan.id = 5'
	check "refuses-$type" refused ustart; equal "refuses-$type-line" 1 "$(grep -c 'veth on a bridge' "$work/text")"
done
done_testing
