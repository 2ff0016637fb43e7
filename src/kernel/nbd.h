#pragma once
#include <stdint.h>

/* Network block devices: nbd.h and the netlink family of linux/nbd-netlink.h; the server is somebody else's (qemu-nbd). */

#define NBD_PATH_SIZE 32

/*
 * Makes a device of the export without a name of the server that listens on the socket address: its number in device as
 * "/dev/nbdN". The device goes, and the connection with it, when the last who has it open or mounted lets go. 0, -ENOENT:
 * the kernel has no nbd; -EPROTO: it is no server of the newstyle protocol; -errno.
 */
int nbd_connect(const char *socket_path, char device[NBD_PATH_SIZE]);
