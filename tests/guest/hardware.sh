#!/bin/bash
# Network hardware, which is in the first namespace alone: for a guest that is thrown away, not in the sandbox.
# eth0 of the guest, and the kernel's simulation of radios where it has one. SANDBOX=guest bash hardware.sh BINDIR
[ "${SANDBOX:-}" = guest ] || { echo "run me in a guest that is thrown away, with SANDBOX=guest" >&2; exit 2; }
source "$(dirname "$0")/../integration/lib.sh"

altnames() { ip link show "$1" | sed -n 's/^ *altname //p' | sort | xargs; }
inside() { run "$container" "$@" 2>/dev/null; }

# DEVICE TITLE: lent under another name, with another that takes its own inside; then plugged and unplugged
lend_hardware() {
	local device=$1 title=$2 how names mac
	names=$(altnames "$device") mac=$(cat "/sys/class/net/$device/address")
	container h 'lxc.net.0.type = phys' "lxc.net.0.link = $device" 'lxc.net.0.name = lan' 'lxc.net.0.flags = up' \
		'lxc.net.1.type = veth' "lxc.net.1.name = $device"
	for how in $ways; do
		check "$title-start $how" start h; container=h
		equal "$title-inside $how" "$(printf '%s\n' "$device" lan lo | sort | xargs)" "$(inside ls /sys/class/net | sort | xargs)"
		equal "$title-is-the-device $how" "$mac" "$(inside cat /sys/class/net/lan/address)"
		[ ! -e "/sys/class/net/$device" ] || bad "$title-moved $how" "$device is here"
		end h $how 20
		check "$title-back $how" soon 10 test -e "/sys/class/net/$device"
		equal "$title-altnames $how" "$names" "$(altnames "$device")"
	done
	container h 'lxc.net.0.type = empty'; check "$title-hot-start" start h; container=h
	check "$title-hot-add" timeout 10 lxc-device -P "$P" -n h add "$device" lan
	equal "$title-hot-inside" 'lan lo' "$(inside ls /sys/class/net | xargs)"
	check "$title-hot-del" timeout 10 lxc-device -P "$P" -n h del lan "$device"
	check "$title-hot-back" test -e "/sys/class/net/$device"
	stop h
}
if [ -e /sys/class/net/eth0/device ]; then lend_hardware eth0 nic; else skip nic "no hardware called eth0"; fi
modprobe -q mac80211_hwsim radios=1 2>/dev/null
if soon 3 test -e /sys/class/net/wlan0/phy80211; then lend_hardware wlan0 wireless; else skip wireless "the kernel simulates no radios"; fi
done_testing
