#!/bin/bash
# Templates that take images: download from a server of the test's own (signatures, sums, resume, cache, proxy,
# simplestreams), local, debian, and oci.
source "$(dirname "$0")/lib.sh"
for program in gpg jq xz curl; do command -v "$program" >/dev/null || { skip all "no $program"; done_testing; }; done
ip link set lo up
mkdir -p /srv; mount -t tmpfs none /srv
export LXC_CACHE_PATH=$work/cache; unset http_proxy https_proxy all_proxy HTTP_PROXY HTTPS_PROXY ALL_PROXY
printf 'lxc.net.0.type = empty\n' >"$work/plain"

# --- the server ---
s=$work/server build=20260101_00:00; image=images/busy/1/amd64/default/$build
mkdir -p "$s/$image" "$s/meta/1.0"; rootfs "$work/root"; mkdir "$work/root/srv"; echo LXC_CONTAINER_NAME >"$work/root/etc/hostname"
head -c 300000 /dev/urandom >"$work/root/noise"; ln -s /srv/outside-link "$work/root/etc/linked"; echo LXC_NAME >/srv/outside-link
mkdir "$work/meta"; echo 'lxc.arch = x86_64' >"$work/meta/config"
printf '/etc/hostname\n/etc/linked\n../../../../../../../../../../srv/outside-link\n' >"$work/meta/templates"
echo 'made LXC_CONTAINER_NAME' >"$work/meta/create-message"; echo 99999999999 >"$work/meta/expiry"
pack() { tar -C "$work/root" -cJf "$s/$image/rootfs.tar.xz" . && tar -C "$work/meta" -cJf "$s/$image/meta.tar.xz" .; }
mkdir -m 700 "$work/gpg"
key() { gpg -q --homedir "$work/gpg" --batch --passphrase '' --quick-gen-key "$1" default default never 2>/dev/null; gpg --homedir "$work/gpg" --list-keys --with-colons "$1" 2>/dev/null | awk -F: '$1 == "fpr" { print $10; exit }'; }
id=$(key images@test) other=$(key other@test)
gpg --homedir "$work/gpg" --export "$id" >"$work/key"; gpg --homedir "$work/gpg" --export "$id" "$other" >"$work/keys"
sign() { local k=$1; shift; for f; do rm -f "$f.asc"; gpg -q --homedir "$work/gpg" --batch -u "$k" -a --detach-sign "$f"; done; }
publish() { # KEY
	(cd "$s/$image" && sha256sum rootfs.tar.xz meta.tar.xz >SHA256SUMS)
	echo "busy;1;amd64;default;$build;/$image/" | tee "$s/meta/1.0/index-user" >"$s/meta/1.0/index-system"
	sign "$1" "$s/$image/SHA256SUMS" "$s/meta/1.0/index-user" "$s/meta/1.0/index-system"
}
pack; publish "$id"
python3 "$here/images_server.py" "$s" "$work/port" & server=$!
soon 5 test -s "$work/port"; url=http://127.0.0.1:$(cat "$work/port")
forget() { rm -rf "$work/cache" "$s/.orders" "$s/.requests"; }
get() { # NAME [TEMPLATE OPTION...]
	local n=$1; shift
	timeout 300 lxc-create -n "$n" -f "$work/plain" -t download -- -d busy -r 1 -a amd64 --server "$url" --keyid "0x$id" --keyring "$work/key" "$@" 2>&1
}
refused() { # NAME PATTERN OPTION...
	local name=$1 pattern=$2 said; shift 2
	if said=$(get no "$@"); then bad "$name" "it was made"; lxc-destroy -n no; return; fi
	grep -q -- "$pattern" <<<"$said" && [ ! -e "$P/no" ] && good "$name" || bad "$name" "$said $(ls "$P")"
}

# --- download ---
said=$(get d1) && good download || bad download "$said"
grep -qx 'made d1' <<<"$said" && good message || bad message "$said"
equal hostname d1 "$(cat "$P/d1/rootfs/etc/hostname")"
equal placeholder-stays-inside LXC_NAME "$(cat /srv/outside-link)"
equal config x86_64 "$(sed -n 's/^lxc.arch = //p' "$P/d1/config")"
check start start d1; stop d1; none_left left d1
equal cached "$(ls "$work/cache/download/busy/1/amd64/default" | tr '\n' ' ')" 'build_id config create-message expiry rootfs.tar.xz templates '
rm "$s/.requests"; check again get d2
equal again-from-cache 0 "$(grep -c tar.xz "$s/.requests")"
rm "$s/.requests"; check force-cache get d3 --force-cache; [ ! -e "$s/.requests" ] && good force-cache-asks-nobody || bad force-cache-asks-nobody "$(cat "$s/.requests")"
check flush get d4 --flush-cache; equal flush-loads 2 "$(grep -c tar.xz "$s/.requests")"
said=$(get no --list); grep -q 'busy  *1  *amd64  *default  *20260101' <<<"$said" && [ ! -e "$P/no" ] && good list || bad list "$said"
refused unknown 'has no image of busy 2' -r 2
refused strange-name 'can not be part' -r ../../x
forget; refused no-cache 'in the cache' --force-cache

# signatures and sums
refused other-key 'the signature is not one of key' --keyring "$work/keys" --keyid "$other"
mv "$s/$image/SHA256SUMS.asc" "$work/asc"; refused unsigned 'is not signed' --
check no-validate get d5 --no-validate
mv "$work/asc" "$s/$image/SHA256SUMS.asc"
rm -f "$s/.requests"; check not-trusted-later get d6; equal not-trusted-loads 2 "$(grep -c tar.xz "$s/.requests")"
forget; echo '0  rootfs.tar.xz' >>"$s/$image/SHA256SUMS"; refused changed-sums 'the signature is not' --
pack; publish "$id"; echo "noise /$image/rootfs.tar.xz" >"$s/.orders"; refused wrong-sum 'not what the server announced' --
[ -z "$(find "$work/cache" -name 'rootfs.tar.xz')" ] && good wrong-sum-thrown-away || bad wrong-sum-thrown-away "$(find "$work/cache")"
rm "$s/.orders"; check after-wrong-sum get d7

# resume
forget; echo "cut /$image/rootfs.tar.xz 100000" >"$s/.orders"; check resume get d8
grep -q "^/$image/rootfs.tar.xz bytes=100000-" "$s/.requests" && good resume-goes-on || bad resume-goes-on "$(cat "$s/.requests")"

# proxy: the name exists nowhere else
forget; said=$(http_proxy=$url get d9 --server http://images.invalid) && grep -q '^proxy /images' "$s/.requests" && good proxy || bad proxy "$said"

# simplestreams
forget; mv "$s/meta" "$s/meta-not"; mkdir -p "$s/streams/v1"
sum() { sha256sum "$s/$image/$1" | cut -d' ' -f1; }
jq -n --arg p "$image" --arg r "$(sum rootfs.tar.xz)" --arg m "$(sum meta.tar.xz)" '{ products: { "busy:1:amd64:default": { os: "Busy", release: "1", arch: "amd64",
	variant: "default", versions: { "20260101_00:00": { items: { "root.tar.xz": { ftype: "root.tar.xz", path: ($p + "/rootfs.tar.xz"), sha256: $r },
	"lxc.tar.xz": { ftype: "lxc.tar.xz", path: ($p + "/meta.tar.xz"), sha256: $m } } } } } } }' >"$s/streams/v1/images.json"
echo '{ "index": { "images": { "datatype": "image-downloads", "path": "streams/v1/images.json" } } }' >"$s/streams/v1/index.json"
refused streams-unsigned 'is not signed' --
sign "$id" "$s/streams/v1/images.json" "$s/streams/v1/index.json"; check streams get d10
equal streams-hostname d10 "$(cat "$P/d10/rootfs/etc/hostname")"
mv "$s/meta-not" "$s/meta"

# a hostile image, signed as it is
forget; mv "$work/root/dev" "$work/root/dev-not"; mkdir /srv/dev; ln -s /srv/dev "$work/root/dev"; pack; publish "$id"; get d11 >/dev/null
equal hostile-dev '' "$(ls /srv/dev)"; rm "$work/root/dev"; mv "$work/root/dev-not" "$work/root/dev"; pack; publish "$id"
forget
if command -v wget >/dev/null; then
	mkdir "$work/bin"; for f in /bin/* /usr/bin/*; do [ "${f##*/}" = curl ] || ln -sf "$f" "$work/bin/"; done
	echo "cut /$image/rootfs.tar.xz 120000" >"$s/.orders"; kill "$server"; rm "$work/port"
	python3 "$here/images_server.py" "$s" "$work/port" & server=$!
	soon 5 test -s "$work/port"; url=http://127.0.0.1:$(cat "$work/port")
	PATH=$bin:$work/bin check wget get d12
	grep -q "^/$image/rootfs.tar.xz bytes=120000-" "$s/.requests" && good wget-goes-on || bad wget-goes-on "$(cat "$s/.requests")"
else skip wget "no wget"; fi

# --- local ---
check local lxc-create -n l1 -f "$work/plain" -t local -- -f "$s/$image/rootfs.tar.xz" -m "$s/$image/meta.tar.xz"
equal local-hostname l1 "$(cat "$P/l1/rootfs/etc/hostname")"
check local-start start l1; stop l1
equal local-stays-inside LXC_NAME "$(cat /srv/outside-link)"
kill "$server"

# --- debian, with a debootstrap of the test's own ---
mkdir "$work/fake"; cat >"$work/fake/debootstrap" <<F
#!/bin/bash
echo "\$*" >>"$work/debootstrap"; [ ! -e "$work/fails" ] || { mkdir -p "\${@: -2:1}/half"; exit 1; }
cp -a "$work/root" "\${@: -2:1}"; cd "\${@: -2:1}"; mkdir -p etc/apt etc/systemd/system lib/systemd/system var/cache/apt/archives; echo host >etc/machine-id
F
chmod 755 "$work/fake/debootstrap"
debian() { local n=$1; shift; PATH=$work/fake:$PATH timeout 300 lxc-create -n "$n" -f "$work/plain" -t debian -- -a amd64 --mirror http://nowhere.invalid/debian "$@" 2>&1; }
touch "$work/fails"; said=$(debian no -r bookworm) && bad debian-fails made || good debian-fails
rm "$work/fails"; [ ! -e "$P/no" ] && [ -z "$(ls "$work/cache/debian")" ] && good debian-fails-left || bad debian-fails-left "$(ls "$P" "$work/cache/debian")"
said=$(debian n1 -r bookworm) && good debian || bad debian "$said"
check debian-call grep -q -e '--arch=amd64 .*bookworm /.* http://nowhere.invalid/debian$' "$work/debootstrap"
equal debian-own 'n1|deb http://nowhere.invalid/debian bookworm main|0' "$(cat "$P/n1/rootfs/etc/hostname" "$P/n1/rootfs/etc/apt/sources.list" | paste -sd'|')|$(stat -c %s "$P/n1/rootfs/etc/machine-id")"
check debian-config grep -q '^lxc.include = .*debian.common.conf' "$P/n1/config"
timeout 10 lxc-start -n n1 && soon 5 is n1 RUNNING && good debian-start || bad debian-start "$(cat "$P/n1/config")"; stop n1
check debian-cached debian n2 -r bookworm; equal debian-cached-once 2 "$(wc -l <"$work/debootstrap")"
check debian-packages debian n3 -r bookworm --packages=less; equal debian-packages-made 3 "$(wc -l <"$work/debootstrap")"
check debian-flush debian n4 -r bookworm -F; equal debian-flush-made 4 "$(wc -l <"$work/debootstrap")"

# --- oci ---
command -v zstd >/dev/null || { skip oci "no zstd"; done_testing; }
python3 "$here/images_layout.py" "$work/root" "$work/layout" || bad layout "python3"
oci() { local n=$1 u=$2; shift 2; timeout 300 lxc-create -n "$n" -f "$work/plain" -t oci -- --url "$u" "$@" 2>&1; }
said=$(oci o1 "oci:$work/layout:good") && good oci || bad oci "$said"
r=$P/o1/rootfs
equal oci-layers 'file hard new' "$(cd "$r" && ls old file hard opaque/old opaque/new 2>/dev/null | sed 's|.*/||' | sort | tr '\n' ' ' | sed 's/ $//')"
equal oci-hard-link 2 "$(stat -c %h "$r/hard")"
equal oci-identity '33 34 /srv SIGINT' "$(sed -n 's/^lxc.init.uid = //p; s/^lxc.init.gid = //p; s/^lxc.init.cwd = //p; s/^lxc.signal.halt = //p' "$P/o1/config" | tr '\n' ' ' | sed 's/ $//')"
grep -q 'LINES' <<<"$said" && ! grep -q LINES "$P/o1/config" && good oci-lines || bad oci-lines "$said"
echo 'lxc.console.logfile = '"$work/console" >>"$P/o1/config"
timeout 10 lxc-start -n o1 && soon 5 is o1 RUNNING && good oci-start || bad oci-start "$(cat "$P/o1/config")"
equal oci-environment 'a b' "$(tr '\0' '\n' <"/proc/$(init_of o1)/environ" | sed -n 's/^A=//p')"
equal oci-user '33:34' "$(stat -c %u:%g "/proc/$(init_of o1)")"
equal oci-cwd /srv "$(readlink "/proc/$(init_of o1)/cwd")"
stop o1; none_left oci-left o1
check oci-nested oci o2 "oci:$work/layout:nested"
for bad_image in damaged:sha256 dotdot:unpacking passwd:'no user' none:'nothing named'; do
	said=$(oci no "oci:$work/layout:${bad_image%%:*}") && { bad "oci-${bad_image%%:*}" made; lxc-destroy -n no; continue; }
	grep -q "${bad_image#*:}" <<<"$said" && [ ! -e "$P/no" ] && good "oci-${bad_image%%:*}" || bad "oci-${bad_image%%:*}" "$said"
done
oci o3 "oci:$work/layout:link" >/dev/null
[ ! -e /srv/outside ] && [ -e "$P/o3/rootfs/srv/outside" ] && good oci-link-inside || bad oci-link-inside "$(ls /srv "$P/o3/rootfs/srv")"
check oci-dhcp oci o4 "oci:$work/layout:good" --dhcp; grep -q '^lxc.net.0.ipv4.dhcp = 1' "$P/o4/config" && good oci-dhcp-key || bad oci-dhcp-key "$(cat "$P/o4/config")"
cat >"$work/helper" <<F
#!/bin/sh
echo "\$*" >>"$work/helped"
case \$1 in
mount) [ "\$2" = --writable ] && [ "\${3#*:}" = good ] && mkdir -p "$work/helper-up" "$work/helper-work" &&
	exec mount -t overlay -o "lowerdir=$P/o1/rootfs,upperdir=$work/helper-up,workdir=$work/helper-work" image "\$4";;
umount) exec umount "\$2";;
esac
F
chmod 755 "$work/helper"
said=$(oci h1 "oci:$work/layout:good" --mount-helper "$work/helper") && good helper || bad helper "$said"
equal helper-unmounted '' "$(ls "$P/h1/rootfs")"
timeout 10 lxc-start -n h1 && soon 5 is h1 RUNNING && good helper-start || bad helper-start "$(cat "$P/h1/config")"
check helper-writes lxc-attach -n h1 -u 0 -g 0 -- touch /written; equal helper-wrote "$work/helper-up/written" "$(ls "$work/helper-up/written")"
equal helper-user '33:34' "$(stat -c %u:%g "/proc/$(init_of h1)")"
stop h1; none_left helper-left h1
equal helper-unmounted-again '' "$(ls "$P/h1/rootfs")"
m="mount --writable $work/layout:good $P/h1/rootfs" u="umount $P/h1/rootfs"; equal helper-calls "$m|$u|$m|$u" "$(paste -sd'|' "$work/helped")"
check helper-destroy lxc-destroy -n h1; check helper-image-kept test -e "$work/layout/index.json"
for refused in "oci:$work/layout:good /nowhere/helper no.program" "dir:$work $work/helper image.layout" "oci:$work/layout:nested $work/helper could.not.mount"; do
	read -r u h m <<<"$refused"; said=$(oci no "$u" --mount-helper "$h") && { bad "helper-$m" made; lxc-destroy -n no; continue; }
	grep -q "$m" <<<"$said" && [ ! -e "$P/no" ] && good "helper-$m" || bad "helper-$m" "$said"
done
if command -v skopeo >/dev/null; then
	skopeo --insecure-policy copy -q "oci:$work/layout:good" "dir:$work/dir" && said=$(oci o5 "dir:$work/dir") && good skopeo || bad skopeo "$said"
	[ -n "$(ls "$work/cache/oci/sha256" 2>/dev/null)" ] && good skopeo-cache || bad skopeo-cache "$(find "$work/cache")"
	# a registry that asks who one is
	python3 "$here/images_registry.py" "$work/layout" "$work/registry-port" & server=$!
	soon 5 test -s "$work/registry-port"; registry=127.0.0.1:$(cat "$work/registry-port")
	mkdir -p "$work/.config/containers"; export HOME=$work; unset XDG_CONFIG_HOME
	printf '[[registry]]\nlocation = "%s"\ninsecure = true\n' "$registry" >"$work/.config/containers/registries.conf"
	said=$(oci o6 "docker://$registry/test/image:good" --username me --password 's e:cret' --no-cache) && good registry || bad registry "$said"
	equal registry-layers 'file hard' "$(cd "$P/o6/rootfs" && ls -d file hard | paste -sd' ')"
	check registry-password-not-kept eval '! grep -r -F "s e:cret" "$P/o6/config"'
	oci o7 "docker://$registry/test/image:good" --username=me --password='s e:cret' >/dev/null
	check registry-password-not-kept-either eval 'grep -q -e "--username=me" "$P/o7/config" && ! grep -F "s e:cret" "$P/o7/config"'
	said=$(oci no "docker://$registry/test/image:good" --username me --password wrong) && bad registry-wrong made || good registry-wrong
	grep -q skopeo <<<"$said" && [ ! -e "$P/no" ] && good registry-wrong-said || bad registry-wrong-said "$said"
	said=$(oci no "docker://$registry/test/image:good") && bad registry-nobody made || good registry-nobody
	kill "$server"
else skip skopeo "no skopeo"; fi
done_testing
