#pragma once

/*
 * Goes on in the same program through a read-only mount of its own: what a container could reach by /proc/PID/exe can not
 * be written (CVE-2019-5736). Returns when that is so already, and where it can not be: before Linux 5.12 (open_tree,
 * mount_setattr), or without the right to mount. name: of the process; executed by descriptor it would be a number.
 */
void own_program_protect(char *const *argv, const char *name);
