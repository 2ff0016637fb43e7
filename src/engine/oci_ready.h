#pragma once
#include "engine/oci.h"

/*
 * NOTIFY_SOCKET: systemd waits for a word of the service that runs the container. The container gets a socket of its own,
 * /run/notify/notify.sock, and of what it says only READY=1 is passed on, with MAINPID: systemd takes the word of anybody in
 * the service's group for much else (which process to follow, descriptors to keep), and inside may be root.
 */
struct error;
struct spec;

/* The directory of the socket below the run directory, and its mount in the container. A spec without one loses the socket. */
int oci_ready_prepare(struct spec *spec, int run_fd, const char *run_path, struct error *err);

/* Listens, before the program runs. *ret_fd stays as it is when there is no NOTIFY_SOCKET. */
int oci_ready_open(const struct spec *spec, int run_fd, int *ret_fd, struct error *err);

/* Reads one message; true when it was READY=1, and systemd has been told that and init's pid. */
bool oci_ready_serve(int fd, const struct spec *spec, pid_t init_pid);

/* Until READY=1 has reached systemd, 30 s for that at most, or init has ended. */
void oci_ready_await(int fd, const struct spec *spec, pid_t init_pid, int init_pidfd);
