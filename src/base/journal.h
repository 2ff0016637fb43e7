#pragma once

/* A file of "KIND ARGUMENT" lines, each written before the act that it names. What they mean is decided above. */

/* Opens (makes) the journal for appending. fd or -errno. */
int journal_open(int dir_fd, const char *name);

/* One line, one write. kind: one word; argument: without newline. 0 or -errno. */
int journal_add(int fd, const char *kind, const char *argument);

/* Strikes the last line of this kind and argument out: it is not to be undone any more. 0, -ENOENT or another -errno. */
int journal_strike(int dir_fd, const char *name, const char *kind, const char *argument);

/* Calls each for the lines from last to first; a nonzero result ends it and is returned. A cut last line (the
 * writer was killed) counts: its act may have begun. */
int journal_read_backwards(int fd, int (*each)(const char *kind, const char *argument, void *data), void *data);
