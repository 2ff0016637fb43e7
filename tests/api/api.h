#pragma once
#include <lxc/attach_options.h>
#include <lxc/lxccontainer.h>
#include <lxc/version.h>

#include <string.h>
#include <unistd.h>

/*
 * What the subjects share. They know the library by its three public headers alone, as a client of others
 * does. tests/integration/api.sh builds them, sets API_PATH (lxcpath), API_ROOT (a busybox root),
 * API_TEMPLATE (a template), API_BRIDGE, API_LINK (a veth's end) and API_CALLS (a file for the calls), and
 * runs one subject per process.
 */

struct subject {
	const char *name;
	void (*run)(void);
};

/* ---- results: a line each, "ok SUBJECT/NAME" ---- */

void result(const char *name, bool is_good, const char *format, ...) __attribute__((format(printf, 3, 4)));
void skipped(const char *name, const char *reason);
/* One result for what must be true. */
#define CHECK(name, condition) result(name, condition, "%s:%d: not so: %s", __FILE__, __LINE__, #condition)
/* Equal texts or numbers. */
void check_text(const char *name, const char *wanted, const char *got);
void check_number(const char *name, long wanted, long got);
/* A table row or a loop that tells only what fails: adds to a result that end_group prints. */
void group_fault(const char *format, ...) __attribute__((format(printf, 1, 2)));
void end_group(const char *name);

/* ---- calls: counted by outcome; fds and standard output are looked at on both sides ---- */

void call_begin(const char *name);
void call_end(const char *name, bool is_success);
/* For subjects in which other threads come and go with fds. */
void watch_calls(bool is_watched);
/* How many there are. */
int open_fds(void);

static inline bool bool_succeeded(bool value)
{
	return value;
}

static inline bool number_succeeded(long value)
{
	return value >= 0;
}

static inline bool pointer_succeeded(const void *value)
{
	return value != NULL;
}

#define OUTCOME(value)                                                                                       \
	_Generic((value), bool : bool_succeeded, int : number_succeeded, default : pointer_succeeded)(value)

#define COUNTED(name, expression)                                                                            \
	({                                                                                                   \
		call_begin(name);                                                                            \
		__auto_type outcome_ = (expression);                                                         \
		call_end(name, OUTCOME(outcome_));                                                           \
		outcome_;                                                                                    \
	})
/* A member of c, a function of the library, and a member of c for no container at all. */
#define CALL(c, member, ...)	  COUNTED(#member, (c)->member((c), ##__VA_ARGS__))
#define FUNCTION(name, ...)	  COUNTED(#name, name(__VA_ARGS__))
#define CALL_NULL(c, member, ...) COUNTED(#member, (c)->member(NULL, ##__VA_ARGS__))
/* For what returns nothing. */
#define COUNTED_VOID(name, statement)                                                                        \
	do {                                                                                                 \
		call_begin(name);                                                                            \
		statement;                                                                                   \
		call_end(name, true);                                                                        \
	} while (0)

/* ---- containers ---- */

const char *setting(const char *variable);
/* LXCPATH/NAME/FILE in a buffer of this thread; the next call overwrites it. */
const char *path_of(const char *name, const char *file);
/* A directory with a configuration: root, an empty network unless lines name one, sleep as init; lines
 * NULL-ended. */
void define(const char *name, const char *const lines[]);
struct lxc_container *open_container(const char *name);
/* define, open, and put an end to. */
struct lxc_container *make_container(const char *name, const char *const lines[]);
struct lxc_container *start_container(const char *name, const char *const lines[]);
void drop_container(struct lxc_container *c);
/* Lines of an init that writes /ready.NAME and knows signals: PWR ends it, INT reboots. */
extern const char *const with_init[];
bool init_is_ready(const char *name);

/* ---- small things ---- */

void put_file(const char *path, const char *text);
/* Its text, malloc'ed; NULL: there is none. */
char *read_file(const char *path);
bool exists(const char *path);
void free_list(char **list);
bool list_has(char **list, const char *text);
double seconds(void);
/* Asks every 10 ms, for at most so many seconds. */
bool soon(double limit, bool (*is_true)(const void *), const void *argument);
/* The child's exit status, -1: killed by a signal or not ended after limit seconds (killed then). */
int exit_status(pid_t pid, double limit);

#define THREADS 8
/* Runs function in so many threads, its argument the thread's number from 0, and waits for all. */
void in_all_threads(void *(*function)(void *));
