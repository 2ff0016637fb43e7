#pragma once
#include "base/vector.h"

#include <stdbool.h>
#include <stdint.h>

struct error;
struct network;

/* Routes and neighbour proxies on the host: any number is made, and taken away, in one go for each device. */

struct entry {
	bool is_proxy;
	int index; /* the device's */
	int family;
	unsigned char address[16];
	uint32_t prefix; /* bits */
	const char *text, *key; /* as the user wrote it, and where (lxc.net.N.KEY); borrowed */
};

struct entry_list {
	struct entry *items;
	size_t count;
	size_t capacity;
};

/*
 * text: ADDRESS or ADDRESS/PREFIX; the bits behind the prefix become 0. The same twice is there once. 0, -EINVAL,
 * -ENOMEM; a list that is given up is freed by entry_list_clear.
 */
int entry_list_add(struct entry_list *list, bool is_proxy, int index, const char *text, const char *key);
void entry_list_clear(struct entry_list *list);

/* Takes out what the host has already: it is not ours, serves as well, and stays. */
void entry_list_drop_present(int fd, struct entry_list *list);

/*
 * Each goes into the journal of the network (NULL: into none) first. 0 or -errno, then *ret_failed is the one that was
 * refused; NULL: it was the journal.
 */
int entry_list_make(int fd, const struct network *network, const struct entry_list *list,
	const struct entry **ret_failed);

/* argument: "INDEX ADDRESS/PREFIX...", as entry_list_make writes it into the journal. What is gone is no error. */
int entry_undo(const char *argument, bool is_proxy, struct error *err);
