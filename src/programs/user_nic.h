#pragma once
#include <net/if.h>
#include <stdbool.h>
#include <sys/types.h>

#include "programs/usernet.h"

/* The parts of lxc-user-nic. Functions that need privilege say so; they take it and give it back themselves. */

struct usernet_database {
	int fd; /* locked */
	char *data;
	size_t length;
};

/* ---- privilege: effective user 0 between raise and lower, the caller's otherwise ---- */
int privilege_raise(void);
void privilege_lower(void);

/*
 * Opens and locks the database, and drops the lines whose link is gone; with privilege. Directory and file must be
 * root's alone. 0 or -errno. No fd and no data are left after an error.
 */
int database_open(struct usernet_database *ret);
/* With privilege, one write at the end of the file. */
int database_add(struct usernet_database *database, const struct usernet_line *line);
/* With privilege: takes out the line of this link. */
int database_remove(struct usernet_database *database, const char *link);
void database_close(struct usernet_database *database);
struct usernet_text database_text(const struct usernet_database *database);

/* ---- links ---- */
struct nic {
	char inside[IFNAMSIZ], host[IFNAMSIZ];
	int inside_index, host_index;
};

/* -ENODEV: there is no such bridge; -EOPNOTSUPP: it is something else. "none" is always there, with index 0. */
int nic_find_bridge(const char *bridge, int *ret_index, unsigned *ret_mtu);
/* Makes the pair, its inner end in netns_fd, with privilege; fills the indexes. -EEXIST: a name is taken. */
int nic_make(struct nic *nic, int netns_fd, int bridge_index, unsigned mtu);
/* With privilege. A link that is gone is no error. */
int nic_delete(const char *host);
bool nic_is_there(const char *host);
