#pragma once
#include <stdbool.h>
#include <stddef.h>

/*
 * The two files that decide about interfaces of users without privilege. Both have four words per line, separated by
 * blanks: lxc-usernet(5) "NAME TYPE BRIDGE COUNT", written by the administrator, and the database of lxc-user-nic(1)
 * "NAME TYPE BRIDGE LINK". NAME is a user or @group. A line that is not like that is passed over. Nothing is opened here.
 */
#define USERNET_WORD 256

struct usernet_line {
	char name[USERNET_WORD], type[USERNET_WORD], bridge[USERNET_WORD], last[USERNET_WORD];
};

struct usernet_text {
	const char *data; /* may hold any byte, ends without NUL */
	size_t length;
};

/* Who asks for what. */
struct usernet_request {
	const char *user;
	const char *const *groups; /* names */
	size_t group_count;
	const char *type, *bridge;
};

/* Takes the next good line off text. False: there is none. */
bool usernet_next(struct usernet_text *text, struct usernet_line *ret);

/* Does NAME mean this user, or a group of his? All comparisons are of whole words. */
bool usernet_is_name_of(const char *name, const struct usernet_request *request);

/*
 * Looks for the first rule with room for one more. A rule has room while the database holds fewer than COUNT lines of
 * its NAME, TYPE and BRIDGE: what a group may have, its members have together (as LXC 5.0.2 counts, measured).
 * 0: *ret is that rule; -EPERM: no rule is for him; -EDQUOT: all are used up.
 */
int usernet_choose(struct usernet_text rules, struct usernet_text database, const struct usernet_request *request,
	struct usernet_line *ret);

/* 1-15 printable ASCII characters, none of "/:%", not "." or "..": what the kernel takes as it is (dev_valid_name). */
bool usernet_is_link_name(const char *name);
