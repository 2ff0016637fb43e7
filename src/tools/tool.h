#pragma once
#include "tools/json.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/*
 * One command = one `struct tool` in its own file src/tools/lxc/COMMAND.c. The table of options is the one
 * source for parsing, --help, the man page and the bash completion.
 */
struct lxc_container;
struct call;

enum option_argument { ARGUMENT_NONE, ARGUMENT_REQUIRED, ARGUMENT_OPTIONAL };

struct tool_option {
	const char *long_name; /* "name", or NULL */
	int key;	       /* the short letter, or >= 256 for a long option alone */
	enum option_argument argument;
	const char *value_name; /* "NAME", "FILE" */
	const char *help;	/* one sentence without a full stop; NULL: not listed */
};

struct tool {
	const char *name;    /* "lxc-start" */
	const char *summary; /* one line */
	const char *usage;   /* behind the name: "-n NAME [OPTION]... [-- COMMAND]" */
	const struct tool_option *options; /* ended by a zeroed row; the common ones are added by the parser */
	const char *description; /* paragraphs for the man page, or NULL */
	bool takes_arguments; /* positional arguments are allowed (the first is the name where -n is not given) */
	bool no_name;	      /* works without a container name */
	bool logs_by_default; /* without -o the log goes to the default file of the container (lxc-start, lxc-execute) */
	bool closes_fds;       /* what the caller left open beyond 2 is closed first: it must not get into a container */
	bool stop_at_argument; /* parsing ends at the first positional argument (lxc-execute, lxc-attach) */
	int (*option)(struct call *call, int key, const char *value); /* 0, or <0: usage error was printed */
	int (*run)(struct call *call); /* exit status */
	size_t state_size; /* bytes of call->state, zeroed */
};

/* One call of a tool: the common options, parsed. */
struct call {
	const struct tool *tool;
	const char *name;      /* -n, or the first argument */
	const char *lxcpath;   /* -P, else the configured one */
	const char *rcfile;    /* -f where the tool has it */
	const char *log_file, *log_level;
	bool quiet;
	char **arguments;      /* what is left, NULL-ended */
	int argument_count;
	void *state;	       /* of the tool: its parsed options */
	int lxcpath_given;     /* number of -P */
	const char *const *lxcpaths; /* all -P in order */
};

/* All tools, sorted by name, ended by NULL; in tools/lxc/tools.c. */
extern const struct tool *const tools[];

/* Parses and runs; the exit status. Common to all: -n/--name, -P/--lxcpath, -o/--logfile, -l/--logpriority,
 * -q/--quiet, --rcfile where listed, --version, -?/-h/--help, --usage, and the hidden --help-man and
 * --help-completion that print the man page and the completion words. */
int tool_main(const struct tool *tool, int argc, char **argv);

/* The common options and hidden keys, for parser and help; a row of the tool with the same key wins. */
enum { TOOL_KEY_RCFILE = 0x1000, TOOL_KEY_USAGE, TOOL_KEY_VERSION, TOOL_KEY_MAN, TOOL_KEY_COMPLETION };
extern const struct tool_option tool_common_options[];
/* The row of a tool that takes the letter or long name of a common one, so that the common one is not offered. */
bool tool_overrides(const struct tool *tool, const struct tool_option *common);

/* ---- help.c ---- */
void help_print(const struct tool *tool, FILE *out);
void help_print_usage(const struct tool *tool, FILE *out);
void help_print_man(const struct tool *tool, FILE *out);
void help_print_completion(const struct tool *tool, FILE *out);

/* "COMMAND: NAME: TEXT" on standard error unless quiet is only for information (errors are always shown). */
void tool_error(const struct call *call, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* tool_error with c->error_string. */
void tool_container_error(const struct call *call, const struct lxc_container *c, const char *what);

/* The container of the call; with must_exist an error line is printed when it is neither defined nor running.
 * NULL: the error was printed. Release with lxc_container_put. */
struct lxc_container *tool_container(const struct call *call, bool must_exist);

/* ---- output ---- */

/* The value of --format: "text" or "json". 0, or -1 after an error line. */
int tool_parse_format(const struct call *call, const char *value, bool *ret_is_json);

/* A table with columns as wide as their widest cell; cells are copied. */
struct table;
struct table *table_new(const char *const *headings, size_t columns);
void table_row(struct table *table, const char *const *cells);
void table_print(struct table *table, FILE *out, bool with_heading);
void table_free(struct table *table);
