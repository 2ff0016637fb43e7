#pragma once
#include <lxc/lxccontainer.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/text.h"
#include "dialect/lxc/config.h"
#include "engine/engine.h"

#include <pthread.h>
#include <stdarg.h>

/* Shared by the files of this folder; not for others. */

/* Behind every struct lxc_container that lxc_container_new gave. */
struct container {
	struct lxc_container public; /* first: callers have a pointer to it */
	pthread_mutex_t lock;	     /* of the configuration; held through a create, clone, ... */
	struct lxc_config *config;
	bool has_config; /* something was loaded or set: lxc_conf is not NULL then */
	bool is_new; /* this handle saved its first configuration: a create that fails takes that along */
	bool close_all_fds;
	int references; /* this and what follows, error_string and error_num: process_lock */
	struct error error;
};

static inline struct container *self(struct lxc_container *c)
{
	return (struct container *)c;
}

static inline struct container_id id_of(const struct lxc_container *c)
{
	return (struct container_id){ .dialect = "lxc", .base_path = c->config_path, .name = c->name,
		.answer_timeout_s = __atomic_load_n(&c->rcv_timeout, __ATOMIC_RELAXED) };
}

void container_lock(struct container *container);
void container_unlock(struct container *container);
static inline void cleanup_lock(struct container **container)
{
	if (*container)
		container_unlock(*container);
}
/* Holds the container's lock to the end of the block. */
#define auto_lock(c)                                                                                         \
	struct container *container_ __attribute__((cleanup(cleanup_lock), unused)) = self(c);               \
	container_lock(container_)

/* Puts err's line into error_string and its number into error_num; needs no lock. Returns r. */
int container_fault(struct lxc_container *c, const struct error *err, int r);
/* The same for a call that returns a bool: r >= 0. */
bool container_result(struct lxc_container *c, const struct error *err, int r);

/* Name of a container as part of a path: not empty, no slash, not a dot or two. */
bool is_container_name(const char *name);
/* Absolute, without slashes at its end, malloc'ed. NULL: no memory. */
char *clean_path(const char *path);

/* LXCPATH/NAME/file, malloc'ed; NULL: no memory. */
char *container_path(const struct lxc_container *c, const char *file);

/* A copy of value in buffer as get_config_item and its kin do it: its length. */
int copy_out(const char *value, char *buffer, int size);

/* The spec, ready for a start with argv. */
int prepare_start(struct lxc_container *c, char *const *argv, bool is_application, struct error *err);

/* process_state.c: the lock of short acts; nothing that takes time is done while it is held. */
void process_lock(void);
void process_unlock(void);
/* The value that find gave the first time, for the life of the process: callers keep the pointers. */
#define PROCESS_ITEMS 16
const char *process_keep_item(size_t number, char *(*find)(size_t number));
/* A line for the log of lxc_log_init; the log that a start shall use, when one was set. */
void process_log_error(const char *line);
int process_log_apply(struct spec_log *log);

/* checkpoint.c: the criu that is to be used, or NULL or "": the one of PATH. */
const char *criu_setting(void);

/* Wires the methods of each file. */
void wire_state(struct lxc_container *c);
void wire_settings(struct lxc_container *c);
void wire_attach(struct lxc_container *c);
void wire_inside(struct lxc_container *c);
void wire_create(struct lxc_container *c);
void wire_lifecycle(struct lxc_container *c);
void wire_snapshots(struct lxc_container *c);
void wire_console(struct lxc_container *c);
void wire_mounts(struct lxc_container *c);
void wire_checkpoint(struct lxc_container *c);

/* A NULL-ended list of the arguments up to their NULL; the caller frees it. NULL: no memory. */
char **collect_arguments(va_list arguments);
