#!/bin/bash
# wabe-unpack: nothing outside is touched by hostile archives, as root and as an ordinary user; all that a tar holds is kept.
source "$(dirname "$0")/lib.sh"
unpack=$(realpath "$bin/../libexec/wabe/wabe-unpack")
[ -x "$unpack" ] || { bad program "no $unpack"; done_testing; }
a=$work/archives outside=$work/outside
chmod 755 "$work"; mkdir "$a" "$outside" "$work/users"; chmod 777 "$work/users"
mkdir "$outside/dir"; echo mine >"$outside/file"; echo mine >"$outside/dir/file"; chmod 640 "$outside/file"
# the ordinary user's attempts must be able to do harm
outside_user=$work/outside-user; cp -a "$outside" "$outside_user"; chown -R 1000:1000 "$outside_user"
python3 "$here/unpack_archives.py" "$a" "$outside" || { bad archives "python3 could not make them"; done_testing; }
mkdir "$a-user"; python3 "$here/unpack_archives.py" "$a-user" "$outside_user"; chmod -R a+rX "$a" "$a-user"
user() { setpriv --reuid 1000 --regid 1000 --clear-groups --inh-caps=-all "$@"; }
# owner, mode, times, size, links and content of all below
listing() { (cd "$1" && find . -printf '%p %U:%G %m %T@ %C@ %s %n %l\n' | sort && find . -type f | sort | xargs -r md5sum); }
before=$(listing "$outside") before_user=$(listing "$outside_user")
count=$(ls "$a"/hostile-*.tar | wc -l)

for archive in "$a"/hostile-*.tar; do
	name=$(basename "$archive" .tar)
	t=$work/t-$name; mkdir "$t"
	timeout 20 "$unpack" --whiteouts "$t" <"$archive" 2>"$work/err"; status=$?
	[ "$status" -lt 2 ] || bad "$name" "status $status: $(cat "$work/err")"
	[ "$status" = 0 ] || [ -s "$work/err" ] || bad "$name" "status $status without a word"
	equal "root/$name" "$before" "$(listing "$outside")"
	t=$work/users/t-$name; user mkdir "$t"
	user timeout 20 "$unpack" --whiteouts "$t" <"$a-user/$name.tar" 2>"$work/err"; status=$?
	[ "$status" -lt 2 ] || bad "$name" "as user: status $status: $(cat "$work/err")"
	equal "user/$name" "$before_user" "$(listing "$outside_user")"
done
# a test that can fail: what a naive program does with some of these
[ "$count" -ge 25 ] && good many || bad many "$count archives"
tar -C "$work/users" -xPf "$a/hostile-absolute.tar" && [ -e "$outside/new" ] && rm "$outside/new" && good naive || bad naive "tar -P touched nothing"

fails() { # NAME PATTERN COMMAND...
	local name=$1 pattern=$2 said; shift 2
	if said=$("$@" 2>&1); then bad "$name" "it succeeded"; return; fi
	[ "$(wc -l <<<"$said")" = 1 ] && grep -q "$pattern" <<<"$said" && good "$name" || bad "$name" "$said"
}
new() { t=$work/users/$1; rm -rf "$t"; mkdir "$t"; chmod 777 "$t"; }
new dotdot; fails refused-dotdot 'leaves the directory' "$unpack" -f "$a/hostile-dotdot.tar" "$t"
fails refused-whiteout 'leaves the directory' "$unpack" --whiteouts -f "$a/hostile-whiteout-dotdot.tar" "$t"
new absolute; check absolute-below "$unpack" -f "$a/hostile-absolute.tar" "$t"
equal absolute-is-below hostile "$(cat "$t$outside/new")"
new noise; fails noise 'read archive' "$unpack" -f "$a/noise.tar" "$t"
fails cut 'read archive' "$unpack" -f "$a/cut.tar" "$t"
fails no-file 'No such file' "$unpack" -f "$a/none" "$t"
new bomb; fails bomb-size 'more than 1048576 bytes' "$unpack" --max-size 1M -f "$a/bomb-zeros.tar" "$t"
equal bomb-size-written yes "$([ "$(du -sk "$t" | cut -f1)" -le 1100 ] && echo yes)"
new bomb; fails bomb-entries '1000 entries' "$unpack" --max-entries 1000 -f "$a/bomb-entries.tar" "$t"
mkdir "$work/small"; mount -t tmpfs -o size=8M none "$work/small"
fails bomb-free 'more than' "$unpack" -f "$a/bomb-zeros.tar" "$work/small"
[ "$(df --output=avail -k "$work/small" | tail -1)" -gt 500 ] && good bomb-leaves-room || bad bomb-leaves-room "$(df "$work/small")"
umount "$work/small"

# --- devices, owners, modes ---
new device; check device-root "$unpack" -f "$a/device.tar" "$t"
equal device-node '8:0 block special file' "$(stat -c '%Hr:%Lr %F' "$t/sda" 2>/dev/null)"
new device; said=$(user "$unpack" -f "$a/device.tar" "$t" 2>&1) && good device-user || bad device-user "$said"
equal device-one-warning 'wabe-unpack: 2 device nodes left out, only the host'"'"'s root can make them (first: sda)' "$said"
equal device-rest 'fifo file ' "$(ls "$t" | tr '\n' ' ')"
new device; check no-devices "$unpack" --no-devices -f "$a/device.tar" "$t"
equal no-devices-rest 'fifo file ' "$(ls "$t" | tr '\n' ' ')"
new setid; "$unpack" -f "$a/set-id.tar" "$t"
equal set-id '6755 1234 1235, 2770 1234 1235' "$(stat -c '%a %u %g' "$t/f"), $(stat -c '%a %u %g' "$t/d")"
new setid; user "$unpack" -f "$a/set-id.tar" "$t"
equal set-id-user '755 1000 1000' "$(stat -c '%a %u %g' "$t/f")"
new closed; user "$unpack" -f "$a/closed.tar" "$t"
equal closed-directories '500 5, 0 6, 644 7' "$(stat -c '%a %Y' "$t/d"), $(stat -c '%a %Y' "$t/d/e"), $(stat -c '%a %Y' "$t/d/e/f")"
new names; check names "$unpack" -f "$a/names.tar" "$t"
equal names-bytes "$(printf 'new\nline\0ü\0ü/ß\0\377\376\0' | LC_ALL=C sort -z | md5sum)" "$(cd "$t" && find . -mindepth 1 -printf '%P\0' | LC_ALL=C sort -z | md5sum)"
zstd -q "$a/packed-gz.tar" -o "$a/double.tar" 2>/dev/null; gzip -dc "$a/packed-gz.tar" | zstd -q >"$a/packed-zst.tar"
for kind in gz xz bz2 zst; do new "$kind"; "$unpack" "$t" <"$a/packed-$kind.tar"; equal "packed-$kind" hostile "$(cat "$t/f")"; done

# --- only, exclude ---
new only; "$unpack" --only 'd' --only './o/s*' -f "$a/layer1.tar" "$t"
equal only './d/old ./o/sub/old ' "$(cd "$t" && find . -type f | sort | tr '\n' ' ')"
new exclude; printf './o\n/kind/*\n' >"$work/list"; "$unpack" --exclude f --exclude-from "$work/list" -f "$a/layer1.tar" "$t"
equal exclude './d/old ./gone ./was ' "$(cd "$t" && find . -type f | sort | tr '\n' ' ')"

# --- layers ---
new layers; "$unpack" --whiteouts -f "$a/layer1.tar" "$t"; check layers "$unpack" --whiteouts -f "$a/layer2.tar" "$t"
equal layers-files './d/new=2 ./f=2 ./h=2 ./kind=2 ./mine=2 ./o/new=2 ./o/sub/new=2 ./usr/lib/x=2 ./was/f=2 ' \
	"$(cd "$t" && for f in $(find . -type f | sort); do echo -n "$f=$(cat "$f") "; done)"
equal layers-hard-link 2 "$(stat -c %h "$t/h")"
[ -L "$t/lib" ] && good layers-link || bad layers-link "$(ls -l "$t")"

# --- a faithful copy: what GNU tar packs comes out the same ---
s=$work/source; mkdir -p "$s/dir"
echo data >"$s/file"; ln "$s/file" "$s/hard"; ln -s file "$s/link"; ln -s /nowhere "$s/dangling"; mkfifo "$s/fifo"
truncate -s 100M "$s/sparse"; printf end | dd of="$s/sparse" bs=1 seek=50000000 conv=notrunc status=none
mknod "$s/null" c 1 3; chown 1000:1001 "$s/dir"; chown -h 7:8 "$s/link"; chmod 1777 "$s/dir"; cp /bin/true "$s/capable"
setcap cap_net_raw+ep "$s/capable" 2>/dev/null || echo "no file capabilities here" >&2
setfattr -n trusted.t -v v "$s/file" 2>/dev/null; setfattr -n user.u -v v "$s/file" 2>/dev/null
setfacl -m u:1234:rw,g:55:r "$s/file" 2>/dev/null; setfacl -d -m u:1234:rwx "$s/dir" 2>/dev/null
touch -h -d @1234567.123456789 "$s/link" "$s/file"; touch -d @7654321 "$s/dir"
full() { (cd "$1" && find . -printf '%p %y %U:%G %m %T@ %s %n %l\n' | grep -v '^\. ' | sort; find . -type f | sort | xargs md5sum
	getfattr -R -d -m - . 2>/dev/null; getfacl -Rn . 2>/dev/null); }
new copy; tar -C "$s" --xattrs --xattrs-include='*' --acls -Sc . | "$unpack" "$t"
equal copy "$(full "$s")" "$(full "$t")"
[ -n "$(getfacl -n "$t/file" 2>/dev/null | grep 1234)" ] && good copy-acl || skip copy-acl "no ACLs here"
[ -n "$(getcap "$t/capable" 2>/dev/null)" ] && good copy-capability || skip copy-capability "no file capabilities here"
[ "$(du -k "$t/sparse" | cut -f1)" -lt 1000 ] && good copy-sparse || bad copy-sparse "$(du -k "$t/sparse")"
# the same by python's writer, whose long names and large ids are pax
long=$s/$(printf 'x%.0s' {1..200})/$(printf 'y%.0s' {1..200}); mkdir -p "$long"; echo long >"$long/f"; chown 3000000:3000001 "$long/f"
new python; (cd "$s" && python3 -c 'import sys, tarfile; tarfile.open(fileobj=sys.stdout.buffer, mode="w|", format=tarfile.PAX_FORMAT).add(".")') | "$unpack" "$t"
equal copy-python "$(cd "$s" && find . -mindepth 1 -printf '%p %y %U:%G %m %n %l\n' | sort)" "$(cd "$t" && find . -mindepth 1 -printf '%p %y %U:%G %m %n %l\n' | sort)"
done_testing
