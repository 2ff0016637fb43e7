#!/bin/bash
# lxc-export and lxc-import: a round trip keeps everything; archives of LXC's directories, of Proxmox's and of OpenVZ's vzdump.
source "$(dirname "$0")/lib.sh"
command -v zstd >/dev/null || { skip all "no zstd"; done_testing; }
mkdir -p /etc/lxc; mount -t tmpfs none /etc/lxc
printf '%s\n' 'lxc.idmap = u 0 200000 65536' 'lxc.idmap = g 0 200000 65536' 'lxc.net.0.type = empty' >/etc/lxc/default.conf
has_users=1; [ -e /proc/self/ns/user ] && [ "$(cat /proc/sys/user/max_user_namespaces)" -gt 0 ] || has_users=
fill() { # ROOT OWNER: what can go wrong on the way
	local r=$1
	echo data >"$r/file"; ln "$r/file" "$r/hard"; ln -s /etc/passwd "$r/link"; ln -s ./file "$r/dotlink"; mkfifo "$r/fifo"
	truncate -s 50M "$r/sparse"; printf end | dd of="$r/sparse" bs=1 seek=20000000 conv=notrunc status=none
	mkdir "$r/deep" "$r/.hidden"; echo h >"$r/.hidden/file"; chown $(($2 + 33)):$(($2 + 34)) "$r/deep"; chmod 3771 "$r/deep"
	cp /bin/true "$r/capable"; setcap cap_net_raw+ep "$r/capable" 2>/dev/null
	cp /bin/true "$r/setuid"; chmod 4755 "$r/setuid"
	setfattr -n user.u -v v "$r/file" 2>/dev/null; setfacl -m u:$(($2 + 7)):rw "$r/file" 2>/dev/null
	touch -d @1234567.5 "$r/file"; touch -h -d @7654321 "$r/link"
}
# ROOT OWNER: all of it, owners less OWNER
listing() {
	(cd "$1" && find . -mindepth 1 ! -path ./ready -printf '%P %y %U %G %m %s %n %l %b\n' | awk -v o="$2" '{ $3 -= o; $4 -= o } 1' | sort
		find . -type f ! -path ./ready | sort | xargs md5sum; find . ! -type d ! -path ./ready -printf '%P %T@\n' | sort
		find . -type f ! -path ./ready | sort | xargs getfattr -d -m '^user\.' 2>/dev/null; getfacl -n setuid file | awk -v o="$2" -F: '/^user:[0-9]/ { $2 -= o; print }'; getcap -r . | sed 's/ \[rootid.*//'; find . -name null -printf '%P\n' -exec stat -c '%t:%T' {} +)
}
short() { diff <(echo "$1") <(echo "$2") | head -n 5 | tr '\n' '|'; }
same() { [ "$2" = "$3" ] && good "$1" || bad "$1" "$(short "$2" "$3")"; }

# --- round trip ---
container a 'lxc.hook.start-host = /var/lib/lxc/a/hook' '# a comment'
fill "$P/a/rootfs" 0; mknod "$P/a/rootfs/null" c 1 3; printf '#!/bin/sh\nexit 0\n' >"$P/a/hook"; chmod 755 "$P/a/hook"
wanted=$(listing "$P/a/rootfs" 0)
cd "$work"
check export lxc-export -n a -f "$work/a.tar.zst"
equal export-mode 600 "$(stat -c %a "$work/a.tar.zst")"
equal first 'metadata config ' "$(zstd -dc "$work/a.tar.zst" | tar -t | head -n 2 | tr '\n' ' ')"
lxc-export -n a -f "$work/a.tar.zst" 2>/dev/null && bad overwrites "it did" || good overwrites
check import lxc-import -n b "$work/a.tar.zst"
same round-trip "$wanted" "$(listing "$P/b/rootfs" 0)"
equal round-trip-config 'lxc.rootfs.path = /var/lib/lxc/b/rootfs lxc.uts.name = b lxc.hook.start-host = /var/lib/lxc/b/hook # a comment' \
	"$(grep -e rootfs.path -e uts.name -e hook -e comment "$P/b/config" | sort -r | awk '/rootfs/ { a = $0 } /uts/ { b = $0 } /hook/ { c = $0 } /comment/ { d = $0 } END { print a, b, c, d }')"
check imported-starts start b; equal imported-hostname b "$(run b hostname)"; stop b; none_left imported-left b
for kind in none gzip xz bzip2; do
	lxc-export -n a -f - --compression "$kind" >"$work/a.$kind"; lxc-import -q -n "c-$kind" "$work/a.$kind"
	same "compression-$kind" "$wanted" "$(listing "$P/c-$kind/rootfs" 0)"; lxc-destroy -n "c-$kind"
done
said=$(lxc-import "$work/a.tar.zst" 2>&1) && bad exists "it was made" || { grep -q 'exists already' <<<"$said" && good exists || bad exists "$said"; }
mv "$P/a" "$work/a-away"; equal own-name a "$(lxc-import "$work/a.tar.zst" 2>&1)"; rm -rf "$P/a"; mv "$work/a-away" "$P/a"

# --- failures leave nothing ---
start a; said=$(lxc-export -n a -f "$work/r.tar" 2>&1); { grep -q 'is running.*(stop it first)' <<<"$said" && [ ! -e "$work/r.tar" ] && good running; } || bad running "$said"; stop a
lxc-export -n none -f "$work/n.tar" 2>/dev/null; [ ! -e "$work/n.tar" ] && good undefined || bad undefined "$(ls "$work")"
mkdir "$work/full"; mount -t tmpfs -o size=100k none "$work/full"
lxc-export -n a -f "$work/full/a.tar" 2>/dev/null && bad full "it was written"; [ -z "$(ls "$work/full")" ] && good full-leaves-nothing || bad full-leaves-nothing "$(ls "$work/full")"
umount "$work/full"
[ -z "$(ls -d "${TMPDIR:-/tmp}"/lxc-export-* 2>/dev/null)" ] && good no-directory-left || bad no-directory-left "$(ls -d "${TMPDIR:-/tmp}"/lxc-export-*)"
zstd -dqc "$work/a.tar.zst" | head -c 1000000 >"$work/cut.tar"; echo nothing >"$work/noise"; tar -C "$work" -cf "$work/other.tar" noise
python3 - "$work" <<'P'
import io, sys, tarfile
with tarfile.open(sys.argv[1] + "/hostile.tar", "w") as tar:
    for name, link in ("config", None), ("rootfs", "/srv"), ("rootfs/x", None):
        info = tarfile.TarInfo(name)
        if link:
            info.type, info.linkname = tarfile.SYMTYPE, link
        tar.addfile(info, io.BytesIO())
P
for f in cut.tar noise other.tar hostile.tar; do
	said=$(lxc-import -n no "$work/$f" 2>&1) && bad "refused-$f" "it was made"
	[ ! -e "$P/no" ] && [ -n "$said" ] && good "refused-$f" || bad "refused-$f" "$said $(ls -R "$P/no" | head)"
done

# --- with an id map, an overlay ---
if [ -n "$has_users" ]; then
	container m 'lxc.idmap = u 0 300000 65536' 'lxc.idmap = g 0 300000 65536'
	rm -rf "$P/m/rootfs"; cp -a "$P/a/rootfs" "$P/m/rootfs"; rm "$P/m/rootfs/null"; setfacl -b "$P/m/rootfs/file" 2>/dev/null
	lxc-usernsexec -m u:0:300000:65536 -m g:0:300000:65536 -- true 2>/dev/null
	(cd "$P/m/rootfs" && find . -printf '%U %G %p\n' | while read -r u g f; do chown -h $((u + 300000)):$((g + 300000)) "$f"; done; chmod 4755 setuid; chmod 3771 deep)
	python3 -c 'import os, struct, sys; os.setxattr(sys.argv[1], "security.capability", struct.pack("<IIIIII", 0x03000001, 1 << 13, 0, 0, 0, 300000))' "$P/m/rootfs/capable"
	check mapped-export lxc-export -n m -f "$work/m.tar.gz"
	equal mapped-owners 33/34 "$(tar -tvf "$work/m.tar.gz" --numeric-owner rootfs/deep/ 2>/dev/null | awk '{ print $2; exit }')"
	check mapped-import lxc-import -n m2 "$work/m.tar.gz"
	same mapped-round-trip "$(listing "$P/m/rootfs" 300000)" "$(listing "$P/m2/rootfs" 200000)"
	equal mapped-map '200000 200000 ' "$(sed -n 's/^lxc.idmap = . 0 \([0-9]*\).*/\1/p' "$P/m2/config" | tr '\n' ' ')"
	check mapped-starts start m2; stop m2
	tar -C "$P/m" --numeric-owner --xattrs --xattrs-include='*' -Sczf "$work/dir.tgz" .
	check directory-import lxc-import -n m3 "$work/dir.tgz"
	same directory-round-trip "$(listing "$P/m/rootfs" 300000)" "$(listing "$P/m3/rootfs" 300000)"
	check directory-starts start m3; stop m3
else skip mapped "no user namespaces"; fi
tar -C "$P" -cf "$work/named.tar" a; equal named-directory 'a exists' "$(lxc-import "$work/named.tar" 2>&1 | sed -n 's/.*container \(a exists\).*/\1/p')"
check named-import lxc-import -n n "$work/named.tar"; check named-starts start n; stop n
if lxc-copy -s -B overlay -n a -N o 2>/dev/null && lxc-start -n o && soon 5 is o RUNNING; then
	run o sh -c 'echo new >/new; rm /hard; echo changed >/file'; stop o
	check overlay-export lxc-export -n o -f "$work/o.tar"; check overlay-import lxc-import -n o2 "$work/o.tar"
	equal overlay-tree 'changed new' "$(cd "$P/o2/rootfs" && echo "$(cat file) $(cat new) $(ls hard 2>/dev/null)" | sed 's/ $//')"
	check overlay-starts start o2; stop o2
else skip overlay "no overlay here"; fi

# --- vzdump ---
v=$work/vz; cp -a "$P/a/rootfs" "$v"; mkdir -p "$v/etc/vzdump"; mkdir -p /srv
cat >"$v/etc/vzdump/pct.conf" <<'F'
#description
arch: amd64
cores: 2
cpuunits: 200
features: nesting=1,keyctl=1
hostname: web
memory: 512
mp0: local:vm-1-disk-1,mp=/data
mp1: /srv,mp=/mnt/srv,ro=1
net0: name=eth0,bridge=vmbr0,firewall=1,gw=10.0.0.1,hwaddr=BC:24:11:00:00:01,ip=10.0.0.5/24,ip6=auto,rate=2,tag=5,type=veth
onboot: 1
ostype: debian
rootfs: local-lvm:vm-1-disk-0,size=8G
startup: order=3,up=10
swap: 256
unprivileged: 1
lxc.environment: A=1

[snapshot]
memory: 1
F
tar -C "$v" -cf - . | zstd -q >"$work/vzdump-lxc-1.tar.zst"
said=$(lxc-import "$work/vzdump-lxc-1.tar.zst" 2>&1) && good pct || bad pct "$said"
equal pct-name web "$(tail -n 1 <<<"$said")"
has() { local n=$1; shift; local line; for line; do grep -qxF "$line" "$P/web/config" || { bad "$n" "no '$line' in $(cat "$P/web/config")"; return; }; done; good "$n"; }
has pct-keys 'lxc.arch = amd64' 'lxc.cgroup2.cpu.max = 200000 100000' 'lxc.cgroup2.cpu.weight = 200' 'lxc.uts.name = web' 'lxc.cgroup2.memory.max = 512M' \
	'lxc.cgroup2.memory.swap.max = 256M' 'lxc.mount.entry = /srv mnt/srv none bind,create=dir,ro 0 0' 'lxc.start.auto = 1' 'lxc.start.order = 3' 'lxc.start.delay = 10' \
	'lxc.net.0.type = veth' 'lxc.net.0.link = vmbr0' 'lxc.net.0.name = eth0' 'lxc.net.0.hwaddr = BC:24:11:00:00:01' 'lxc.net.0.ipv4.address = 10.0.0.5/24' \
	'lxc.net.0.ipv4.gateway = 10.0.0.1' 'lxc.net.0.veth.vlan.id = 5' 'lxc.net.0.rate.egress = 16000k' 'lxc.environment = A=1' 'lxc.idmap = u 0 200000 65536'
equal pct-left-out 'features: keyctl=1|mp0: local:vm-1-disk-1,mp=/data|net0: firewall=1|' "$(sed -n 's/^lxc-import: not translated: //p' <<<"$said" | sort | tr '\n' '|')"
[ ! -e "$P/web/rootfs/etc/vzdump" ] && [ -e "$P/web/rootfs/hard" ] && good pct-tree || bad pct-tree "$(ls "$P/web/rootfs/etc")"
check pct-checks lxc-checkconfig "$P/web/config"
sed -i '/^lxc.net\|memory\|cpu/d' "$P/web/config"; echo 'lxc.net.0.type = empty' >>"$P/web/config"
[ -z "$has_users" ] || { check pct-starts start web; stop web; }

rm "$v/etc/vzdump/pct.conf"
cat >"$v/etc/vzdump/vps.conf" <<'F'
# made by vzctl
ONBOOT="yes"
PHYSPAGES="0:65536"
SWAPPAGES="0:128M"
KMEMSIZE="11055923:11377049"
NUMPROC="240:240"
CPUS="1"
DISKSPACE="2G:2.2G"
HOSTNAME="old.test"
IP_ADDRESS="10.1.2.3 fd00::5"
NAMESERVER="10.1.1.1"
VE_ROOT="/vz/root/$VEID"
OSTEMPLATE="debian-7.0-x86_64"
F
tar -C "$v" -cf "$work/vzdump-openvz-101.tar" .
said=$(lxc-import -n vz "$work/vzdump-openvz-101.tar" 2>&1) && good vps || bad vps "$said"
missing=; for line in 'lxc.start.auto = 1' 'lxc.cgroup2.memory.max = 268435456' 'lxc.cgroup2.memory.swap.max = 134217728' 'lxc.cgroup2.pids.max = 240' \
	'lxc.cgroup2.cpu.max = 100000 100000' 'lxc.uts.name = old.test' 'lxc.net.0.type = venet' 'lxc.net.0.ipv4.address = 10.1.2.3/32' 'lxc.net.0.ipv6.address = fd00::5/128'; do
	grep -qxF "$line" "$P/vz/config" || missing+="$line; "
done
equal vps-keys '' "$missing"
equal vps-left-out 'DISKSPACE=2G:2.2G|KMEMSIZE=11055923:11377049|NAMESERVER=10.1.1.1|' "$(sed 's/"//g' <<<"$said" | sed -n 's/^lxc-import: not translated: //p' | sort | tr '\n' '|')"
sed -i '/^lxc.net\|memory\|cpu\|pids/d' "$P/vz/config"; echo 'lxc.net.0.type = empty' >>"$P/vz/config"
[ -z "$has_users" ] || { check vps-starts start vz; stop vz; none_left vps-left vz; }
done_testing
