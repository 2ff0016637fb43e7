#pragma once
#include "tools/tool.h"

/* What lxc-start and lxc-execute have in common. */
struct start_options {
	const char **defines; /* -s, in order */
	size_t define_count;
	const char *share_net, *share_ipc, *share_uts, *share_pid; /* --share-*: a name or a pid */
	bool foreground, daemon;
};

enum { KEY_SHARE_NET = 256, KEY_SHARE_IPC, KEY_SHARE_UTS, KEY_SHARE_PID };

#define START_OPTION_ROWS                                                                                        \
	{ "define", 's', ARGUMENT_REQUIRED, "KEY=VALUE", "Set a configuration key, over what the file says" },   \
	{ "share-net", KEY_SHARE_NET, ARGUMENT_REQUIRED, "NAME|PID", "Share the network namespace" },            \
	{ "share-ipc", KEY_SHARE_IPC, ARGUMENT_REQUIRED, "NAME|PID", "Share the IPC namespace" },                \
	{ "share-uts", KEY_SHARE_UTS, ARGUMENT_REQUIRED, "NAME|PID", "Share the UTS namespace" },                \
	{ "share-pid", KEY_SHARE_PID, ARGUMENT_REQUIRED, "NAME|PID", "Share the PID namespace" }

/* 0: taken, -1: error. */
int start_options_take(struct start_options *options, int key, const char *value);
/* Into the configuration of c; 0 or -1, the error was printed. */
int start_options_apply(const struct start_options *options, const struct call *call, struct lxc_container *c);
void start_options_clear(struct start_options *options);
/* As set_config_item; -1: the error was printed. value NULL: nothing to do. */
int set_item(const struct call *call, struct lxc_container *c, const char *key, const char *value);
/* malloc'ed: path from / on. */
char *absolute_path(const char *path);
