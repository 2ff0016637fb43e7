#!/bin/bash
# What a copy keeps, and the options of lxc-copy, lxc-snapshot and lxc-destroy: sharing and who needs whom, ephemeral copies,
# comments, read-only and mapped root file systems, overlays of several layers.
source "$(dirname "$0")/lib.sh"
P=$work/lxc; mkdir -p "$P"; chmod 755 "$work" "$P"
copy() { lxc-copy -P "$P" -n "$@"; }
snapshot() { lxc-snapshot -P "$P" -n "$@"; }
destroy() { lxc-destroy -P "$P" -n "$@" 2>&1; }
gone() { [ ! -e "$P/$1" ]; }
key() { sed -n "s/^$2 *= *//p" "$P/$1/config"; }

# ---- what a copy keeps ----
container o 'lxc.net.0.type = veth' 'lxc.net.0.hwaddr = 00:16:3e:11:22:33' 'lxc.mount.auto = proc:mixed sys:mixed'
r=$P/o/rootfs; mkdir "$r/t"; echo o >"$r/etc/hostname"; echo 0123456789abcdef0123456789abcdef >"$r/etc/machine-id"
truncate -s 5G "$r/t/large"; printf end | dd of="$r/t/large" bs=1 seek=5368709117 conv=notrunc 2>/dev/null
head -c 100000 /dev/urandom >"$r/t/plain"; ln "$r/t/plain" "$r/t/linked"; ln -s /nowhere "$r/t/link"; mkfifo "$r/t/fifo"
mknod "$r/t/null" c 1 3; cp "$busybox" "$r/t/ping"; chmod 4755 "$r/t/plain"; chown 33:34 "$r/t/fifo"; touch -d 2001-02-03 "$r/t/plain"
setfattr -n user.a -v b "$r/t/plain" 2>/dev/null; setcap cap_net_raw=ep "$r/t/ping"; setfacl -m u:1234:rw "$r/t/large" 2>/dev/null; setfacl -d -m g:77:r "$r/t" 2>/dev/null
describe() ( # ROOT: all that a file has
	cd "$1" && find t -printf '%p %y %m %U:%G %s %n %l %T@\n' | sort
	for file in t t/plain t/large t/ping; do getfattr -d -m - "$file"; getfacl -n "$file"; getcap "$file"; done 2>&1
	stat -c '%t,%T' t/null; sha256sum t/plain; tail -c 3 t/large; [ t/plain -ef t/linked ] && echo linked
)
describe "$r" >"$work/wanted"
check keeps-something grep -q cap_net_raw "$work/wanted"
for how in dir loop; do
	copy o -N "c-$how" -B $how >"$work/said" 2>&1 || { bad "copy-$how" "$(cat "$work/said")"; continue; }
	root=$P/c-$how/rootfs; [ $how = dir ] || { root=$work/mnt; mkdir -p "$root"; mount -o loop,ro "$P/c-$how/rootdev" "$root"; }
	describe "$root" >"$work/got"
	if cmp -s "$work/wanted" "$work/got"; then good "keeps-$how"; else bad "keeps-$how" "$(diff "$work/wanted" "$work/got" | head -5)"; fi
	check "sparse-$how" [ "$(du -sm "$root/t" | cut -f1)" -lt 20 ]
	equal "hostname-$how" "c-$how" "$(cat "$root/etc/hostname")"
	equal "machine-id-$how" "0" "$(stat -c %s "$root/etc/machine-id")"
	[ $how = dir ] || umount "$root"
	case $(key "c-$how" lxc.net.0.hwaddr) in 00:16:3e:11:22:33) bad "hwaddr-$how" same ;; 00:16:3e:??:??:??) good "hwaddr-$how" ;; *) bad "hwaddr-$how" "$(key "c-$how" lxc.net.0.hwaddr)" ;; esac
	check "destroy-$how" destroy "c-$how"
done
check keep-options copy o -N k -K -M
equal keep-options-kept "o 00:16:3e:11:22:33 o" "$(key k lxc.uts.name) $(key k lxc.net.0.hwaddr) $(cat "$P/k/rootfs/etc/hostname")"
destroy k >/dev/null
# on a terminal the time is shown; wanted: at least once within two seconds
head -c 300M /dev/zero >"$r/t/slow"; printf '%s\n' "lxc.hook.clone = $work/hook" >>"$P/o/config"; printf '#!/bin/sh\nexec sleep 1.5\n' >"$work/hook"; chmod 755 "$work/hook"
said=$(script -qec "lxc-copy -P $P -n o -N p" /dev/null </dev/null)
case $said in *"lxc-copy: copying o: 1 s"*) good progress ;; *) bad progress "$said" ;; esac
sed -i /lxc.hook.clone/d "$P/o/config"; destroy p >/dev/null; rm "$r/t/slow" "$r/t/large"

# ---- sharing ----
container a; echo first >"$P/a/rootfs/word"
check share copy a -N s -s
case $(key s lxc.rootfs.path) in overlay:*) good share-overlay ;; *) bad share-overlay "$(key s lxc.rootfs.path)" ;; esac
check share-of-share copy s -N ss -s
said=$(destroy a); [ $? != 0 ] && [ -d "$P/a" ] && good needed || bad needed "$said"
timeout 10 lxc-start -P "$P" -n ss; soon 5 run ss test -e /ready
equal share-of-share-has-it first "$(run ss cat /word)"
run ss sh -c 'echo second >/word'; stop ss
equal original-untouched first "$(cat "$P/a/rootfs/word")"
check rename-share copy s -N t -R; check free-ss destroy ss
said=$(destroy a); [ $? != 0 ] && good needed-by-new-name || bad needed-by-new-name "$said"
check free-t destroy t; check free-a destroy a
equal sharing-left "o" "$(ls "$P" | paste -sd' ')"

# its old name, with the original behind -o
container a; echo first >"$P/a/rootfs/word"
check clone lxc-clone -P "$P" -o a -n b; equal clone-has-it first "$(cat "$P/b/rootfs/word")"; destroy b >/dev/null
check clone-shares lxc-clone -P "$P" -s -o a -n b; case $(key b lxc.rootfs.path) in overlay:*) good clone-overlay ;; *) bad clone-overlay "$(key b lxc.rootfs.path)" ;; esac
destroy b >/dev/null; destroy a >/dev/null

# ---- snapshots ----
container a; echo first >"$P/a/rootfs/word"; echo 'why it was made' >"$work/comment"
check snapshot snapshot a -c "$work/comment"
echo second >"$P/a/rootfs/word"; check snapshot-2 snapshot a
equal list "snap0 snap1" "$(snapshot a -L | awk '{ print $1 }' | paste -sd' ')"
check list-comment eval 'snapshot a -L -C | grep -q "why it was made"'
equal list-json "snap0 why it was made" "$(snapshot a -L --format json | python3 -c 'import json, sys
first = json.load(sys.stdin)[0]; print(first["name"], first["comment"].strip())' 2>&1)"
check restore snapshot a -r snap0; equal restored first "$(cat "$P/a/rootfs/word")"
said=$(snapshot a -r nosuch 2>&1) && bad restore-nothing done || good restore-nothing
check destroy-one snapshot a -d snap0; equal destroyed-one snap1 "$(snapshot a -L | awk '{ print $1 }')"
snapshot a; said=$(destroy a); [ $? != 0 ] && good snapshots-hold || bad snapshots-hold "$said"
check destroy-ALL snapshot a -d ALL; equal destroyed-ALL "" "$(snapshot a -L 2>/dev/null | grep '^snap')"
snapshot a; snapshot a; check destroy-with destroy a -s; check destroyed-with gone a

# ---- ephemeral ----
container a; echo first >"$P/a/rootfs/word"; mkdir -p "$work/given" "$P/a/rootfs/mnt/b" "$P/a/rootfs/mnt/l"; echo given >"$work/given/file"; chmod 755 "$work/given"
check ephemeral copy a -N e -e
soon 5 run e test -e /ready; equal ephemeral-has-it first "$(run e cat /word)"
run e sh -c 'echo second >/word'; stop e
check ephemeral-gone soon 5 gone e; equal ephemeral-original first "$(cat "$P/a/rootfs/word")"
check ephemeral-keep copy a -N e -e -D; soon 5 run e test -e /ready; run e sh -c 'echo kept >/word; sync'; stop e
timeout 10 lxc-start -P "$P" -n e; soon 5 run e test -e /ready; equal ephemeral-kept kept "$(run e cat /word)"; stop e; destroy e >/dev/null
before=$(df -k "$P" | awk 'END { print $3 }')
check ephemeral-tmpfs copy a -N e -e -t; soon 5 run e test -e /ready
run e busybox dd if=/dev/zero of=/big bs=1M count=30 2>/dev/null; equal ephemeral-tmpfs-writes 31457280 "$(run e stat -c %s /big)"
equal ephemeral-tmpfs-not-on-disk "" "$(find "$P" -xdev -name big)"
stop e; check ephemeral-tmpfs-gone soon 5 gone e
check ephemeral-mounts copy a -N e -e -m "bind=$work/given:/mnt/b:ro" -m "overlay=$work/given:/mnt/l"
soon 5 run e test -e /ready; equal ephemeral-bind given "$(run e cat /mnt/b/file)"
run e sh -c 'echo no >/mnt/b/file' 2>/dev/null && bad ephemeral-bind-ro written || good ephemeral-bind-ro
run e sh -c 'echo changed >/mnt/l/file'; equal ephemeral-overlay "changed given" "$(run e cat /mnt/l/file) $(cat "$work/given/file")"
stop e; soon 5 gone e; none_left ephemeral-left e; destroy a >/dev/null

# ---- root file systems ----
container ro 'lxc.rootfs.options = ro'; : >"$P/ro/rootfs/ready"
timeout 10 lxc-start -P "$P" -n ro && soon 5 is ro RUNNING && good read-only-starts || bad read-only-starts "$(state ro)"
said=$(run ro sh -c 'echo >/new' 2>&1); case $said in *"Read-only"*) good read-only ;; *) bad read-only "$said" ;; esac
stop ro; destroy ro >/dev/null
container m 'lxc.idmap = u 0 100000 65536' 'lxc.idmap = g 0 100000 65536' 'lxc.rootfs.options = idmap=container'
if said=$(start m 2>&1); then
	equal mapped "0 0" "$(stat -c '%u' "$P/m/rootfs/bin") $(run m stat -c %u /bin)"
	run m touch /mine; equal mapped-writes 0 "$(stat -c %u "$P/m/rootfs/mine")"; stop m
else case $said in *idmap*) skip mapped "$said" ;; *) bad mapped "$said" ;; esac; fi
lxc-destroy -P "$P" -n m >/dev/null
container mo 'lxc.idmap = u 0 100000 65536' 'lxc.idmap = g 0 100000 65536' 'lxc.rootfs.options = idmap=container'
sed -i "s|^lxc.rootfs.path = .*|lxc.rootfs.path = overlay:$P/mo/rootfs:$P/mo/up|" "$P/mo/config"
said=$(timeout 10 lxc-start -P "$P" -n mo 2>&1); case $said in *"overlay with the option idmap="*) good mapped-overlay ;; *) bad mapped-overlay "$said" ;; esac
destroy mo >/dev/null
container l; mkdir -p "$P/l/over" "$P/l/up"; echo over >"$P/l/over/word"; echo under >"$P/l/rootfs/word"; echo under >"$P/l/rootfs/below"
sed -i "s|^lxc.rootfs.path = .*|lxc.rootfs.path = overlay:$P/l/over:$P/l/rootfs:$P/l/up|" "$P/l/config"
if said=$(timeout 10 lxc-start -P "$P" -n l 2>&1); then
	soon 5 run l test -e /ready; equal layers "over under" "$(run l cat /word /below | paste -sd' ')"
	stop l; equal layers-upper ready "$(ls "$P/l/up" | grep ready)"
else case $said in *overlay*) skip layers "$said" ;; *) bad layers "$said" ;; esac; fi
destroy l >/dev/null
done_testing
