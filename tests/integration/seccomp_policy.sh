#!/bin/bash
# The language of seccomp policies: what the program does that the compiler makes of them. And where it is cached.
source "$(dirname "$0")/lib.sh"
compiler=$(realpath "$bin/../libexec/wabe/wabe-compile-seccomp") profiles=$(realpath "$bin/../share/lxc/config")
if [ "$(uname -m)" != x86_64 ]; then echo "skip language (the numbers are those of x86_64)"
else
deny='2\ndenylist\n' all='2\ndenylist\n[all]\n'
python3 "$(dirname "$0")/seccomp_policy.py" "$compiler" <<END
deny-default|x86_64 getpid|allow|${deny}mkdir errno 7
deny-rule|x86_64 mkdir|errno:7|${deny}mkdir errno 7
deny-rule-without-action|x86_64 mkdir|kill|${deny}mkdir
deny-default-action|x86_64 getpid|errno:5|2\ndenylist errno 5\nmkdir kill
deny-old-word|x86_64 mkdir|kill|2\nblacklist\nmkdir
allow-default|x86_64 getpid|kill|2\nallowlist\nread
allow-rule|x86_64 read|allow|2\nallowlist\nread
allow-default-action|x86_64 getpid|errno:38|2\nallowlist errno 38\nread
allow-rule-as-default|x86_64 mkdir|errno:38|2\nallowlist errno 38\nread\nmkdir errno 38
allow-rule-killed|x86_64 mkdir|kill|2\nallowlist errno 38\nread\nmkdir kill
allow-default-trap|x86_64 getpid|trap|2\nallowlist trap\nread
allow-old-word|x86_64 read|allow|2\nwhitelist\nread
trap|x86_64 mkdir|trap|${deny}mkdir trap
notify|x86_64 mkdir|notify|${deny}mkdir notify
errno-0|x86_64 mkdir|errno:0|${deny}mkdir errno 0
comments|x86_64 mkdir|errno:1|2\ndenylist\n# text\n\n  mkdir   errno  1  # more\n#mkdir kill
carriage-returns|x86_64 mkdir|errno:1|2\r\ndenylist\r\nmkdir errno 1\r
unknown-call|x86_64 mkdir|errno:1|${deny}no_such_call kill\nmkdir errno 1
all-x86|x86 mkdir|errno:1|${all}mkdir errno 1
all-x32|x32 mkdir|errno:1|${all}mkdir errno 1
all-before-a-section|x86 mkdir|errno:1|${deny}mkdir errno 1
section-own|x86_64 mkdir|errno:1|2\ndenylist\n[x86_64]\nmkdir errno 1
section-other|x86 mkdir|allow|2\ndenylist\n[x86_64]\nmkdir errno 1
section-x86|x86 mkdir|errno:2|2\ndenylist\n[x86]\nmkdir errno 2\n[x86_64]\nmkdir errno 1
section-x86-not-x86_64|x86_64 mkdir|allow|2\ndenylist\n[X86]\nmkdir errno 2
section-x32|x32 mkdir|errno:3|2\ndenylist\n[x32]\nmkdir errno 3
section-x32-not-x86_64|x86_64 mkdir|allow|2\ndenylist\n[x32]\nmkdir errno 3
section-all-again|x86_64 mkdir|errno:4|2\ndenylist\n[arm]\nmkdir kill\n[all]\nmkdir errno 4
section-foreign|x86_64 mkdir|allow|2\ndenylist\n[arm64]\nmkdir\n[mips64n32]\nmkdir\n[loongarch64]\nmkdir\n[s390x]\nmkdir
section-call-of-x86|x86 vm86|errno:1|${all}vm86 errno 1
allow-section|x86 read|kill|2\nallowlist\n[x86_64]\nread
foreign-machine|arm mkdir|kill|${deny}getpid errno 1
eq|x86_64 dup3 1 2|errno:1|${deny}dup3 errno 1 [1,2,SCMP_CMP_EQ]
eq-not|x86_64 dup3 1 3|allow|${deny}dup3 errno 1 [1,2,==]
ne|x86_64 dup3 1 3|errno:1|${deny}dup3 errno 1 [1,2,!=]
ne-not|x86_64 dup3 1 2|allow|${deny}dup3 errno 1 [1,2,SCMP_CMP_NE]
lt|x86_64 dup3 1 1|errno:1|${deny}dup3 errno 1 [1,2,<]
lt-not|x86_64 dup3 1 2|allow|${deny}dup3 errno 1 [1,2,SCMP_CMP_LT]
le|x86_64 dup3 1 2|errno:1|${deny}dup3 errno 1 [1,2,<=]
le-not|x86_64 dup3 1 3|allow|${deny}dup3 errno 1 [1,2,SCMP_CMP_LE]
ge|x86_64 dup3 1 2|errno:1|${deny}dup3 errno 1 [1,2,>=]
ge-not|x86_64 dup3 1 1|allow|${deny}dup3 errno 1 [1,2,SCMP_CMP_GE]
gt|x86_64 dup3 1 3|errno:1|${deny}dup3 errno 1 [1,2,>]
gt-not|x86_64 dup3 1 2|allow|${deny}dup3 errno 1 [1,2,SCMP_CMP_GT]
masked|x86_64 dup3 0 0x12|errno:1|${deny}dup3 errno 1 [1,0x10,SCMP_CMP_MASKED_EQ,0xf0]
masked-not|x86_64 dup3 0 0x22|allow|${deny}dup3 errno 1 [1,0x10,&=,0xf0]
wide-value|x86_64 dup3 0 0x100000002|allow|${deny}dup3 errno 1 [1,2,==]
wide-value-equal|x86_64 dup3 0 0x100000002|errno:1|${deny}dup3 errno 1 [1,0x100000002,==]
last-argument|x86_64 dup3 0 0 0 0 0 9|errno:1|${deny}dup3 errno 1 [5,011,==]
two-arguments|x86_64 dup3 4 5|errno:1|${deny}dup3 errno 1 [0,4,==] [1,5,==]
two-arguments-close|x86_64 dup3 4 6|allow|${deny}dup3 errno 1[0,4,==][1,5,==]
argument-with-spaces|x86_64 dup3 4 6|errno:1|${deny}dup3 errno 1 [ 0, 4, SCMP_CMP_EQ ]
argument-without-action|x86_64 dup3 4|kill|${deny}dup3 [0,4,==]
argument-allow|x86_64 dup3 4|allow|2\nallowlist\ndup3 [0,4,==]
argument-allow-not|x86_64 dup3 5|kill|2\nallowlist\ndup3 [0,4,==]
force-umount|x86_64 umount2 0 1|errno:13|2\ndenylist\nreject_force_umount
force-umount-x86|x86 umount2 0 3|errno:13|2\ndenylist\nreject_force_umount  # comment\n[all]
force-umount-not|x86_64 umount2 0 2|allow|2\ndenylist\nreject_force_umount
version-1|x86_64 read|allow|1\nallowlist\n0\n60
version-1-other|x86_64 mkdir|kill|1\nallowlist\n0\n60
version-1-x86|x86 exit|kill|1\nallowlist\n0\n1\n60
common-module|x86_64 init_module|errno:1|<$profiles/common.seccomp
common-module-x86|x86 init_module|errno:1|<$profiles/common.seccomp
common-module-x32|x32 init_module|errno:1|<$profiles/common.seccomp
common-mount|x86_64 mount|allow|<$profiles/common.seccomp
common-bpf|x86_64 bpf|errno:1|<$profiles/common.seccomp
nesting-bpf|x86_64 bpf|allow|<$profiles/nesting.seccomp
common-tiocsti|x86_64 ioctl 0 0xffffffff00005412|errno:1|<$profiles/common.seccomp
common-ioctl|x86_64 ioctl 0 0x5401|allow|<$profiles/common.seccomp
application-mount|x86_64 mount|errno:1|<$profiles/application.seccomp
application-userns|x86_64 clone 0x10000011|errno:1|<$profiles/application.seccomp
application-fork|x86_64 clone 0x11|allow|<$profiles/application.seccomp
binary-tree|x86_64 read|few|<$profiles/application.seccomp
empty|refused|1: the first line|
bad-version|refused|1: the first line must be the version, 1 or 2|3\ndenylist
no-kind|refused|2: allowlist or denylist expected|2
bad-kind|refused|2: allowlist or denylist expected, not list|2\nlist
bad-default|refused|2: unknown action maybe: use kill, errno N|2\ndenylist maybe
behind-default|refused|2: kill behind the default action|2\ndenylist allow kill
debug|refused|2: debug is not supported|2\ndenylist debug
notify-default|refused|2: notify cannot be the default|2\nallowlist notify
version-1-denylist|refused|2: a policy of version 1 must be an allowlist|1\ndenylist
version-1-name|refused|3: read is not the number|1\nallowlist\nread
bad-action|refused|4: unknown action deny: use kill, errno N, allow, trap or notify|${deny}\nmkdir deny
no-errno|refused|3: errno needs a number from 0 to 4095|${deny}mkdir errno
big-errno|refused|3: errno needs a number from 0 to 4095|${deny}mkdir errno 4096
bad-architecture|refused|3: unknown architecture vax|2\ndenylist\n[vax]
open-section|refused|3: section [all has no ]|2\ndenylist\n[all
bad-index|refused|3: [6,1,==] is not [INDEX,VALUE,OPERATOR]|${deny}dup3 [6,1,==]
bad-operator|refused|3: [1,1,=] is not [INDEX,VALUE,OPERATOR]|${deny}dup3 kill [1,1,=]
bad-value|refused|3: [1,x,==] is not [INDEX,VALUE,OPERATOR]|${deny}dup3 [1,x,==]
no-mask|refused|3: [1,1,&=] has no mask|${deny}dup3 [1,1,&=]
argument-twice|refused|3: argument 1 twice|${deny}dup3 [1,1,==] [1,2,==]
open-argument|refused|3: [1,1,== is not an argument|${deny}dup3 [1,1,==
END
fi

# --- in containers: faults, and the cache --------------------------------------------------------------------------
cache=/run/wabe/.seccomp
try() { start box -l WARN -o "$work/log"; } # one start with a log of its own
refused() { rm -f "$work/log"; lxc-start -P "$P" -n box 2>&1; }
cached() { ls "$cache" 2>/dev/null; }
answer() { run box mkdir /made 2>&1; rmdir "$P/box/rootfs/made" 2>/dev/null; }
denied="mkdir: can't create directory '/made': Operation not permitted"
no_space="mkdir: can't create directory '/made': No space left on device"

printf '2\ndenylist\nmkdir errno 1\n\nrmdir whatever\n' >"$work/policy"
container box "lxc.seccomp.profile = $work/policy"
text=$(refused)
[[ $text == *"/config:"*"seccomp profile $work/policy:5: unknown action whatever: use kill"* ]] && good fault-line || bad fault-line "$text"
rm "$work/policy"; text=$(refused)
[[ $text == *"/config:"*"$work/policy"*"No such file"* ]] && good missing "" || bad missing "$text"

printf '2\ndenylist\n# old\nno_such_call errno 1\nmkdir errno 1\n' >"$work/policy"
check start try
equal in-force "$denied" "$(answer)"
grep -q "policy:4: unknown system call no_such_call is skipped" "$work/log" && good warning || bad warning "$(cat "$work/log")"
file=$cache/$(cached)
equal kept "600 0" "$(stat -c '%a %u' "$file")"
equal kept-directory "700 0" "$(stat -c '%a %u' "$cache")"
stop box
# what lies there is used: marked so that the answer tells (the program's errno 1 is ENOSPC's now)
mark() { python3 - "$1" <<'PY'
import struct, sys
data = bytearray(open(sys.argv[1], "rb").read())
magic, length, count, _ = struct.unpack_from("=4I", data)
for at in range(16 + length, len(data), 8):
    code, jt, jf, k = struct.unpack_from("=HBBI", data, at)
    if code == 6 and k == 0x50001:
        struct.pack_into("=I", data, at + 4, 0x5001C)
open(sys.argv[1], "wb").write(data)
PY
}
mark "$file"; check start-cached try; equal cache-used "$no_space" "$(answer)"; stop box
chown 1234 "$file"; check start-foreign try; equal foreign-not-used "$denied" "$(answer)"; stop box
mark "$file"; chmod 620 "$file"; check start-writable try; equal writable-not-used "$denied" "$(answer)"; stop box
mark "$file"; mv "$file" "$work/elsewhere"; ln -s "$work/elsewhere" "$file"
check start-link try; equal link-not-used "$denied" "$(answer)"; stop box
for damage in "truncate -s 40" "truncate -s 0" "truncate -s 100000"; do
	$damage "$file"; check "start-${damage##* }" try; equal "damaged-${damage##* }-not-used" "$denied" "$(answer)"; stop box
done
# beside the policy, as the shipped profiles have it
rm -f "$file"; "$compiler" --cache <"$work/policy" >"$work/policy.bpf" 2>/dev/null; mark "$work/policy.bpf"; chmod 644 "$work/policy.bpf"
check start-beside try; equal beside-used "$no_space" "$(answer)"; equal beside-not-copied "" "$(cached)"; stop box
chmod 666 "$work/policy.bpf"; check start-beside-writable try; equal beside-writable-not-used "$denied" "$(answer)"; stop box
chmod 644 "$work/policy.bpf"; sed -i 's/# old/# new/' "$work/policy"
check start-changed try; equal beside-of-old-text "$denied" "$(answer)"; stop box
# the shipped ones: nothing is compiled
find "$cache" -type f -delete
for profile in common nesting application; do
	container box "lxc.seccomp.profile = $profiles/$profile.seccomp"
	check "start-$profile" try
	equal "$profile-not-compiled" "" "$(cached)"
	equal "$profile-in-force" 2 "$(run box sed -n 's/^Seccomp:[[:space:]]*//p' /proc/1/status)"
	equal "$profile-same" "$("$compiler" --cache <"$profiles/$profile.seccomp" 2>/dev/null | md5sum)" "$(md5sum <"$profiles/$profile.seccomp.bpf")"
	stop box
done
done_testing
