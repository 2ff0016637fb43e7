#pragma once
#include "base/error.h"
#include "spec/spec.h"

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <termios.h>

/*
 * The terminals of a container: a devpts instance of its own, made by the supervisor before the clone, with
 * the console and the ttys in it. init inherits the slave of the console; nothing has to be passed back.
 */
struct console {
	int devpts_fd; /* detached mount; -1: none */
	int master_fd, slave_fd;
	int slave_index;  /* N of /dev/pts/N; -1: no pty */
	bool inherit_stdio; /* init keeps the caller's stdin, stdout, stderr */
	int *tty_masters;   /* tty_count; owned */
	int *tty_indexes;   /* tty_count; owned */
	int *tty_holders;   /* connection that uses the tty, or -1; owned */
	size_t tty_count;
	int in_fd, out_fd; /* the caller's terminal, or -1 */
	struct termios saved; /* of in_fd */
	bool is_raw;
	int client_fd;	   /* slave of the pty that lxc-console -t 0 has, or -1 */
	int client_holder; /* its connection */
	int log_fd;
	uint64_t log_written;
	char *ring;
	size_t ring_size, ring_start, ring_used;
};

/* All fds -1. */
void console_init(struct console *console);
/* Makes devpts, console and ttys as spec asks. foreground: connect the caller's terminal. */
int console_open(struct console *console, const struct spec *spec, bool foreground, struct error *err);
void console_close(struct console *console);
/* In the supervisor, once init has its slave. */
void console_drop_slave(struct console *console);
/* Puts the caller's terminal into raw mode while init runs. */
void console_attach_terminal(struct console *console);
void console_detach_terminal(struct console *console);

/* Moves what is there: master -> terminal, client, log, ring. False: the master is at its end. */
bool console_pump_output(struct console *console, const struct spec *spec);
/* The caller's terminal or the client -> master. False: at its end, do not poll it any more. */
bool console_pump_input(struct console *console, int from_fd);
void console_resize(struct console *console, int from_fd);

/* For the control protocol: an fd to pass on for tty (0: console, -1: first free), *tty set. -EBUSY, -EINVAL. */
int console_lend(struct console *console, int *tty, int holder, bool *ret_close_after_send);
/* The connection is gone. */
void console_return(struct console *console, int holder);

/* In init: stdio and the controlling terminal become the console's. */
int console_become_stdio(const struct console *console, struct error *err);
