#pragma once
#include <signal.h>
#include <stdbool.h>
#include <sys/types.h>
#include <termios.h>

/*
 * A pseudo terminal between the caller's terminal and a process in a container, and the wait for that process.
 * Only the standard fds that are terminals are replaced, so pipes stay what they are; where none is one, all are.
 */
struct terminal_relay {
	int master_fd, slave_fd;
	int terminal_fd;	  /* where output of the pseudo terminal goes */
	bool replaces[3];	  /* which of 0, 1, 2 */
	bool is_raw;
	struct termios saved;
	int log_fd;		  /* the caller's: gets a copy of the output; negative: none */
	int signal_fd;
	sigset_t saved_mask;
};

/* The container decides what its /dev is: its links are resolved in its root, and only a devpts is given out. */
int terminal_open_devpts(pid_t init_pid);

/* Opens what is needed (devpts_fd: of the container, else negative), blocks the signals that relay_run takes in the calling thread. 0 or -errno. */
int relay_open(struct terminal_relay *relay, int devpts_fd, int log_fd);
/* In the process of the container, before it executes: own session, controlling terminal, signal mask. */
void relay_enter_child(const struct terminal_relay *relay);
/* Passes bytes, window sizes and signals until pid, a child, has ended; it is left to be waited for. 0 or -errno. */
int relay_run(struct terminal_relay *relay, pid_t pid);
void relay_close(struct terminal_relay *relay);
