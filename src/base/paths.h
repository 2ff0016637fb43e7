#pragma once

/* Where things are installed: the build system says so; these are what it would say for /usr/local. */

#ifndef WABE_ROOTFS_MOUNT
#define WABE_ROOTFS_MOUNT "/usr/local/lib/lxc/rootfs" /* where a root is mounted before pivot_root */
#endif
#ifndef WABE_LIBRARY
#define WABE_LIBRARY "/usr/local/lib/liblxc.so.1"
#endif
#ifndef WABE_SUPERVISOR
#define WABE_SUPERVISOR "/usr/local/libexec/wabe/wabe-supervisor"
#endif
#ifndef WABE_COMPILE_SECCOMP
#define WABE_COMPILE_SECCOMP "/usr/local/libexec/wabe/wabe-compile-seccomp"
#endif
#ifndef WABE_APPARMOR
#define WABE_APPARMOR "/usr/local/libexec/wabe/wabe-apparmor"
#endif
#ifndef WABE_TEMPLATES
#define WABE_TEMPLATES "/usr/local/share/lxc/templates"
#endif
#ifndef WABE_SYSTEMD
#define WABE_SYSTEMD "/usr/local/libexec/wabe/wabe-systemd"
#endif
#ifndef WABE_VERSION
#define WABE_VERSION "?"
#endif
#ifndef WABE_STATFS
#define WABE_STATFS "/usr/local/libexec/wabe/wabe-statfs"
#endif
#ifndef WABE_UNPACK
#define WABE_UNPACK "/usr/local/libexec/wabe/wabe-unpack"
#endif
#ifndef WABE_OPENVZ
#define WABE_OPENVZ "/usr/local/libexec/wabe/openvz-tools"
#endif
#ifndef WABE_CONFIG_DIR
#define WABE_CONFIG_DIR "/usr/local/share/lxc/config"
#endif
#ifndef WABE_DHCP
#define WABE_DHCP "/usr/local/libexec/wabe/wabe-dhcp"
#endif
#ifndef LXC_USER_NIC
#define LXC_USER_NIC "/usr/local/libexec/lxc/lxc-user-nic"
#endif
#ifndef WABE_CRIU_ACTION
#define WABE_CRIU_ACTION "/usr/local/libexec/wabe/wabe-criu-action"
#endif
