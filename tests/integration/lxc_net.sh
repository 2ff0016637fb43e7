#!/bin/bash
# lxc-net, and addresses by DHCP: from a client inside a container and from ours outside; with a second network namespace
# as the world beyond the host.
source "$(dirname "$0")/lib.sh"

program=$(dirname "$bin")/libexec/lxc/lxc-net
for tool in dnsmasq nft sha256sum; do command -v $tool >/dev/null || { skip lxc_net "$tool is missing"; exit 0; }; done
chmod 755 "$work"; cp -a /etc "$work/etc" && mount --bind "$work/etc" /etc && rm -f /etc/default/lxc* || exit 2 # our own view
mount -t tmpfs none /var/lib/misc || exit 2
net() { timeout 20 "$program" "$@"; }
conf() { printf '%s\n' 'LXC_DHCP_PING=false' "LXC_DHCP_CONFILE=$work/dnsmasq.conf" LXC_IPV6_ADDR=fd42::1 LXC_IPV6_MASK=64 \
	LXC_IPV6_NETWORK=fd42::/64 "$@" >/etc/default/lxc-net; }
printf '%s\n' 'dhcp-option=59,3' >"$work/dnsmasq.conf" # renewed after 2 s
dnsmasqs() { pgrep -x dnsmasq; }
tables() { nft list tables | sort | xargs; }
# everything of lxc-net
traces() { netdevs 'up0'; dnsmasqs; nft list tables | grep lxc; ls /run/lxc | grep -E 'state|network_up|pid'; iptables-nft -S 2>/dev/null | grep lxc; }
gone() { local t; t=$(traces | xargs); equal "$1" '' "$t"; }
inside() { nsenter -t "$(init_of "$1")" -n "${@:2}"; }
has4() { inside "$1" ip -4 -o addr show dev eth0 | grep -o '10\.0\.3\.[0-9]*/24'; }
# A request from a container to the world, which knows no way back to it: CONTAINER ADDRESS
fetch() { inside "$1" timeout "${3:-10}" "$busybox" wget -q -O - "http://$2/hello"; }
# ... while its address may still be tentative
fetches() { [ "$(fetch "$1" "$2" 1)" = world ]; }

# ---- the world: wan0 in a namespace of its own, with a web server ----
unshare -n sleep 1000 & world=$!
web=; trap 'kill $world $web' EXIT
soon 5 eval '[ "$(readlink /proc/$world/ns/net)" != "$(readlink /proc/$$/ns/net)" ]' # or the link would stay here
ip link set lo up; ip link add up0 type veth peer name wan0 && ip link set wan0 netns $world
world() { nsenter -t $world -n "$@"; }
ip addr add 198.51.100.1/24 dev up0; ip -6 addr add 2001:db8::1/64 dev up0 nodad; ip link set up0 up
world ip addr add 198.51.100.9/24 dev wan0; world ip -6 addr add 2001:db8::9/64 dev wan0 nodad; world ip link set wan0 up
mkdir "$work/web"; echo world >"$work/web/hello"
world "$busybox" httpd -f -p '[::]:80' -h "$work/web" & web=$!
nft -f - <<'END'
table ip other { chain c { type filter hook forward priority 10; policy accept; counter comment "stays"; }; }
END
other=$(nft list table ip other)

# ---- start, again, status ----
conf
net status >"$work/out" 2>&1; equal status_when_down '3 lxc-net: down' "$? $(cat "$work/out")"
check start net start
check bridge_has_address grep -q 'inet 10.0.3.1/24' <(ip addr show lxcbr0)
check bridge_has_address6 grep -q 'inet6 fd42::1/64' <(ip addr show lxcbr0)
first=$(dnsmasqs)
check start_again net start
equal start_again_changes_nothing "$first" "$(dnsmasqs)"
check status_when_up grep -q '10.0.3.1/24, fd42::1/64' <(net status)
equal other_table_is_untouched "$other" "$(nft list table ip other)"

# ---- a client inside, ours outside ----
veth=('lxc.net.0.type = veth' 'lxc.net.0.link = lxcbr0' 'lxc.net.0.flags = up')
container in1 "${veth[@]}"
container out1 "${veth[@]}" 'lxc.net.0.ipv4.dhcp = 1'
printf '%s\n' '#!/bin/sh' '[ "$1" = bound ] || exit 0' 'ip addr add $ip/$mask dev $interface' 'ip route add default via $router' \
	>"$P/in1/rootfs/script"; chmod 755 "$P/in1/rootfs/script"
start in1; check client_inside run in1 udhcpc -i eth0 -n -q -t 5 -s /script
check client_outside_start start out1
check client_outside soon 5 has4 out1
check client_outside_route soon 2 grep -q 'default via 10.0.3.1' <(inside out1 ip route)
lease=$(echo /run/wabe/lxc/out1-*/dhcp.0)
address=$(has4 out1); check lease_file grep -qxF "address $address" "$lease"
check lease_has_name grep -q " ${address%/*} out1 " /var/lib/misc/dnsmasq.lxcbr0.leases
client=$(pgrep -f "wabe-dhcp.*$lease")
rights() { grep -E "^($1):" "/proc/$client/status" | cut -f2- | xargs; }
equal client_has_one_capability '0000000000001000 0000000000001000 0000000000000000' "$(rights 'CapPrm|CapEff|CapBnd')"
equal client_is_nobody '65534 65534 65534 65534 2' "$(rights 'Uid|Seccomp')"
equal rootfs_is_untouched '' "$(find "$P/out1/rootfs" -newer "$P/out1/config" -type f ! -name ready)"
for name in in1 out1; do
	equal "nat4 $name" world "$(fetch $name 198.51.100.9)"
	check "nat6 $name" soon 8 fetches $name '[2001:db8::9]'
done
equal containers_reach_each_other 0 "$(run in1 ping -c 1 -W 3 "${address%/*}" >/dev/null; echo $?)"
check renewed soon 6 grep -qE 'renewals [1-9]' "$lease"

# ---- reload keeps a connection open; the leases stay ----
mkfifo "$work/talk"
world "$busybox" nc -l -p 81 <"$work/talk" >"$work/heard" & server=$!
exec 8>"$work/talk"; soon 2 world sh -c 'grep -q ":0051 .* 0A " /proc/net/tcp6 /proc/net/tcp'
{ echo before; soon 10 test -e "$work/reloaded"; echo after; sleep 1; } | timeout 20 lxc-attach -P "$P" -n out1 -- nc 198.51.100.9 81 >/dev/null &
check connection soon 3 grep -q before "$work/heard"
second=$(dnsmasqs); check reload net reload; touch "$work/reloaded"
check reload_keeps_connection soon 5 grep -q after "$work/heard"
check reload_starts_server_anew test "$second" != "$(dnsmasqs)"
exec 8>&-; kill $server 2>/dev/null
renewals() { sed -n 's/renewals //p' "$lease"; }
count=$(renewals); check renewed_by_new_server soon 6 eval '[ "$(renewals)" -gt $count ]'
stop in1

# ---- a supervisor that dies, a reboot, both at once ----
kill -9 "$(supervisor_of out1)"; soon 2 eval '[ -z "$(supervisor_of out1)" ]'
check client_outlives_supervisor kill -0 "$client"
is out1 RUNNING; equal address_stays "$address" "$(has4 out1)"
stop out1; soon 2 eval '! kill -0 $client 2>/dev/null'
none_left client_ends_with_container out1 'lxcbr0|up0|veth.*'
start out1; check address_is_the_same_again soon 5 eval '[ "$(has4 out1)" = "$address" ]'
kill -9 "$(supervisor_of out1)" "$(init_of out1)"
check client_ends_with_init soon 3 eval '! pgrep -x wabe-dhcp'
state out1 >/dev/null; none_left both_killed out1 'lxcbr0|up0|veth.*'
container map1 "${veth[@]}" 'lxc.net.0.ipv4.dhcp = 1' 'lxc.idmap = u 0 100000 65536' 'lxc.idmap = g 0 100000 65536'
chown -R 100000:100000 "$P/map1/rootfs"; chmod 755 "$P" "$P/map1"
echo 'lxc.ephemeral = 1' >>"$P/map1/config"; start map1; check mapped_client soon 5 has4 map1
client=$(pgrep -x wabe-dhcp); equal mapped_client_is_root_of_container '100000 100000 100000 100000' "$(rights Uid)"
stop map1
check ephemeral_gives_lease_back soon 2 eval '! grep -q " map1 " /var/lib/misc/dnsmasq.lxcbr0.leases'

# ---- an ordinary user's container ----
if [ -u "$(dirname "$bin")/libexec/lxc/lxc-user-nic" ]; then
	echo "ann:x:1501:1501::$work/ann:/bin/sh" >>/etc/passwd; echo ann:x:1501: >>/etc/group
	echo ann:200000:65536 | tee /etc/subuid >/etc/subgid; mkdir -p /etc/lxc; echo 'ann veth lxcbr0 1' >/etc/lxc/lxc-usernet
	user() { (cd / && exec setpriv --reuid ann --regid ann --init-groups env -i HOME="$work/ann" XDG_RUNTIME_DIR=/run/user/1501 \
		PATH="$PATH" timeout 20 "$@"); }
	mkdir -p "$work/ann/lxc" /run/user/1501
	(P=$work/ann/lxc; container un "${veth[@]}" 'lxc.net.0.ipv4.dhcp = 1' 'lxc.idmap = u 0 200000 65536' 'lxc.idmap = g 0 200000 65536')
	chown -R 200000:200000 "$work/ann/lxc/un/rootfs"
	chown 1501:1501 "$work/ann" "$work/ann/lxc" "$work/ann/lxc/un" "$work/ann/lxc/un/config" /run/user/1501
	check user_start user lxc-start -P "$work/ann/lxc" -n un
	client=$(pgrep -x wabe-dhcp)
	check user_address soon 5 eval 'nsenter -t $client -n ip addr show dev eth0 | grep -q "inet 10\.0\.3\."'
	equal user_client_has_the_users_ids '200000 200000 200000 200000' "$(rights Uid)"
	user lxc-stop -k -P "$work/ann/lxc" -n un; check user_client_ends soon 3 eval '! pgrep -x wabe-dhcp'
	check user_leaves_nothing soon 5 eval '[ -z "$(ls /run/user/1501/wabe/lxc 2>/dev/null)" ]'
else
	skip user "lxc-user-nic is not set-uid root"
fi
start in1 && run in1 udhcpc -i eth0 -n -q -t 5 -s /script >/dev/null 2>&1

# ---- stop, with and without interfaces on the bridge; a kill at any moment ----
check stop_with_container net stop
check bridge_stays test -e /sys/class/net/lxcbr0
equal bridge_has_no_address '' "$(ip -o addr show lxcbr0)"
check status_kept grep -q 'is kept for 1' <(net status)
check start_over_kept_bridge net start
equal nat_is_back world "$(fetch in1 198.51.100.9)"
stop in1; none_left containers in1 'lxcbr0|up0'
check stop net stop; gone stop_leaves_nothing
check stop_again net stop
for ms in 01 03 05 08 12 16; do
	"$program" start >/dev/null 2>&1 & pid=$!; sleep 0.$ms; kill -9 $pid 2>/dev/null; wait $pid 2>/dev/null
	if [ $((10#$ms % 2)) = 0 ]; then net start || bad "start_after_kill $ms" "fails"; fi
	net stop || bad "stop_after_kill $ms" "fails"
	left=$(traces | xargs); [ -z "$left" ] || bad "kill $ms" "left: $left"
done
good start_killed_leaves_nothing

# ---- a start that fails, other configurations ----
echo 'no-such-option=1' >>"$work/dnsmasq.conf"
out=$(net start 2>&1); equal failed_start_says_why '1 yes' "$? $(grep -q 'dnsmasq refuses: bad option' <<<"$out" && echo yes || echo "$out")"
gone failed_start_is_taken_back
sed -i '$d' "$work/dnsmasq.conf"
net start; conf LXC_ADDR=10.8.0.1 LXC_NETWORK=10.8.0.0/16 LXC_NETMASK=255.255.0.0 LXC_DHCP_RANGE=10.8.0.2,10.8.0.99
check reload_with_another_network net reload
equal other_network '10.8.0.1/16' "$(ip -4 -o addr show lxcbr0 | awk '{ print $4 }')"
conf LXC_NETMASK=255.0.255.0; out=$(net start 2>&1); equal bad_netmask 'lxc-net: LXC_NETMASK: 255.0.255.0 is no netmask (write 255.255.255.0 or the like)' "$out"
conf USE_LXC_BRIDGE=false; check stop_when_switched_off net stop; gone switched_off
ip addr add 10.0.3.77/24 dev up0; conf; out=$(net start 2>&1)
check network_in_use grep -q '10.0.3.0/24 is in use at up0' <<<"$out"; ip addr del 10.0.3.77/24 dev up0
ip link add lxcbr0 type bridge; net start; net stop; check foreign_bridge_stays test -e /sys/class/net/lxcbr0; ip link del lxcbr0
mkdir "$work/path"; for tool in sh ip cat sed tail awk grep readlink ls mkdir flock rm mv wc sleep sort tr cut id head sha256sum getent; do
	ln -s "$(command -v $tool)" "$work/path/$tool"; done
out=$(PATH=$work/path "$program" start 2>&1)
equal without_programs '0 2' "$? $(grep -c 'dnsmasq is not installed\|neither nft nor iptables' <<<"$out")"
net stop; gone without_programs_stop

# ---- firewalls that drop what they do not know ----
start_in() { container in1 "${veth[@]}" 'lxc.net.0.ipv4.dhcp = 1'; start in1; soon 5 has4 in1 >/dev/null; }
if command -v iptables-nft >/dev/null; then
	iptables-nft -P FORWARD DROP; iptables-nft -P INPUT DROP; iptables-nft -A INPUT -i lo -j ACCEPT
	ip6tables-nft -P FORWARD DROP
	rules=$(iptables-nft -S; ip6tables-nft -S)
	check start_beside_iptables net start; net start
	check dhcp_through_iptables start_in
	equal nat_through_iptables world "$(fetch in1 198.51.100.9)"
	check nat6_through_iptables soon 8 fetches in1 '[2001:db8::9]'
	equal iptables_rules_once 10 "$({ iptables-nft -S; ip6tables-nft -S; } | grep -c lxc-net)"
	stop in1; net stop
	equal iptables_as_before "$rules" "$(iptables-nft -S; ip6tables-nft -S)"
	iptables-nft -P FORWARD ACCEPT; iptables-nft -P INPUT ACCEPT; iptables-nft -F; ip6tables-nft -P FORWARD ACCEPT
	nft 'delete table ip filter; delete table ip6 filter'
	conf LXC_USE_NFT=false; net start; start_in
	equal nat_by_iptables world "$(fetch in1 198.51.100.9)"; stop in1; net stop
	equal nat_by_iptables_is_removed '' "$(iptables-nft -t nat -S | grep lxc-net)"; conf
else
	skip iptables "iptables-nft is missing"
fi
nft 'table inet admin { chain fw { type filter hook forward priority 0; policy drop; }; }'; admin=$(nft list table inet admin)
out=$(net start 2>&1); check dropping_table_is_named grep -q 'chain inet admin fw drops what containers send and get' <<<"$out"
equal dropping_table_is_untouched "$admin" "$(nft list table inet admin)"
check dropping_table_in_status grep -q 'drops: chain inet admin fw forward' <(net status)
nft 'add rule inet admin fw iifname "lxcbr0" accept; add rule inet admin fw oifname "lxcbr0" accept'
equal nothing_to_warn_of '' "$(net start 2>&1)"
net stop; gone end
done_testing
