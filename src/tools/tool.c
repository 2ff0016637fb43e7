/* Parses the command line of a command by its table of options and runs it. */
#include "tools/tool.h"

#include "base/cleanup.h"
#include "liblxc/extra.h"

#include <lxc/lxccontainer.h>

#include <getopt.h>
#include <stdarg.h>
#include <string.h>

enum { MAX_OPTIONS = 64, MAX_PATHS = 64 };

const struct tool_option tool_common_options[] = {
	{ "name", 'n', ARGUMENT_REQUIRED, "NAME", "Name of the container" },
	{ "lxcpath", 'P', ARGUMENT_REQUIRED, "PATH", "Use the containers below PATH" },
	{ "rcfile", TOOL_KEY_RCFILE, ARGUMENT_REQUIRED, "FILE", "Load the configuration from FILE instead" },
	{ "logfile", 'o', ARGUMENT_REQUIRED, "FILE", "Write the log to FILE" },
	{ "logpriority", 'l', ARGUMENT_REQUIRED, "LEVEL", "Log from LEVEL on: TRACE, DEBUG, INFO, NOTICE, WARN, ERROR" },
	{ "quiet", 'q', ARGUMENT_NONE, NULL, "Say nothing but errors of this command" },
	{ "help", 'h', ARGUMENT_NONE, NULL, "Show this help" },
	{ NULL, '?', ARGUMENT_NONE, NULL, NULL },
	{ "usage", TOOL_KEY_USAGE, ARGUMENT_NONE, NULL, "Show one line on how to call the command" },
	{ "version", TOOL_KEY_VERSION, ARGUMENT_NONE, NULL, "Show the version" },
	{ "help-man", TOOL_KEY_MAN, ARGUMENT_NONE, NULL, NULL },
	{ "help-completion", TOOL_KEY_COMPLETION, ARGUMENT_NONE, NULL, NULL },
	{ NULL, 0, ARGUMENT_NONE, NULL, NULL },
};

/* What getopt_long wants. */
struct grammar {
	struct option long_options[MAX_OPTIONS + 1];
	char letters[3 * MAX_OPTIONS + 2];
	size_t long_count, letter_length;
};

bool tool_overrides(const struct tool *tool, const struct tool_option *common)
{
	for (const struct tool_option *o = tool->options; o && (o->key || o->long_name); o++)
		if (o->key == common->key || (o->long_name && common->long_name && !strcmp(o->long_name, common->long_name)))
			return true;
	return false;
}

static void add_option(struct grammar *grammar, const struct tool_option *o)
{
	if (grammar->long_count >= MAX_OPTIONS)
		return;
	if (o->long_name)
		grammar->long_options[grammar->long_count++] =
			(struct option){ .name = o->long_name, .has_arg = (int)o->argument, .val = o->key };
	if (o->key <= 0 || o->key >= 256 || o->key == '?')
		return;
	if (grammar->letter_length + 3 >= sizeof(grammar->letters))
		return;
	grammar->letters[grammar->letter_length++] = (char)o->key;
	for (int colons = 0; colons < (int)o->argument; colons++)
		grammar->letters[grammar->letter_length++] = ':';
}

static void build_grammar(const struct tool *tool, struct grammar *grammar)
{
	memset(grammar, 0, sizeof(*grammar));
	if (tool->stop_at_argument)
		grammar->letters[grammar->letter_length++] = '+';
	for (const struct tool_option *o = tool->options; o && (o->key || o->long_name); o++)
		add_option(grammar, o);
	for (const struct tool_option *o = tool_common_options; o->key; o++)
		if (!tool_overrides(tool, o))
			add_option(grammar, o);
}

/* What the parser collects beside the call. */
struct parse {
	struct call *call;
	const char *paths[MAX_PATHS + 1];
	int path_count;
	bool name_by_option;
};

static bool is_own_option(const struct tool *tool, int key)
{
	for (const struct tool_option *o = tool->options; o && (o->key || o->long_name); o++)
		if (o->key == key)
			return true;
	return false;
}

/* Several commands have -f, --rcfile: it means the same everywhere. */
static bool is_rcfile(const struct tool *tool, int key)
{
	for (const struct tool_option *o = tool->options; o && (o->key || o->long_name); o++)
		if (o->key == key)
			return o->long_name && !strcmp(o->long_name, "rcfile");
	return key == TOOL_KEY_RCFILE;
}

static void add_path(struct parse *parse, char *path)
{
	size_t length = strlen(path);

	while (length > 1 && path[length - 1] == '/')
		path[--length] = '\0';
	if (parse->path_count < MAX_PATHS)
		parse->paths[parse->path_count++] = path;
}

/* 0: go on; 1: done, the exit status is 0; -1: usage error. */
static int take_common(struct parse *parse, int key, char *value)
{
	const struct tool *tool = parse->call->tool;

	switch (key) {
	case 'n':
		parse->call->name = value;
		return 0;
	case 'P':
		add_path(parse, value);
		return 0;
	case 'o':
		parse->call->log_file = value;
		return 0;
	case 'l':
		parse->call->log_level = value;
		return 0;
	case 'q':
		parse->call->quiet = true;
		return 0;
	case 'h':
		help_print(tool, stdout);
		return 1;
	case TOOL_KEY_USAGE:
		help_print_usage(tool, stdout);
		return 1;
	case TOOL_KEY_VERSION:
		puts(lxc_get_version());
		return 1;
	case TOOL_KEY_MAN:
		help_print_man(tool, stdout);
		return 1;
	case TOOL_KEY_COMPLETION:
		help_print_completion(tool, stdout);
		return 1;
	default:
		help_print(tool, stderr);
		return -1;
	}
}

static int take_option(struct parse *parse, int key, char *value, const char *word)
{
	struct call *call = parse->call;

	/* getopt says '?' both for -? and for an option that it does not know. */
	if (key == '?' && word && !strcmp(word, "-?")) {
		help_print(call->tool, stdout);
		return 1;
	}
	if (key != '?' && is_rcfile(call->tool, key)) {
		call->rcfile = value;
		return 0;
	}
	if (key != '?' && is_own_option(call->tool, key))
		return call->tool->option && call->tool->option(call, key, value) < 0 ? -1 : 0;
	return take_common(parse, key, value);
}

/* Where options end at the first argument, that one may still be the name: then they go on behind it. */
static bool is_leading_name(const struct parse *parse, int argc, char **argv)
{
	const struct tool *tool = parse->call->tool;

	if (!tool->stop_at_argument || tool->no_name || parse->call->name || optind >= argc)
		return false;
	return strcmp(argv[optind - 1], "--") != 0;
}

static int parse_options(struct parse *parse, int argc, char **argv)
{
	struct grammar grammar;
	int key, ret;

	build_grammar(parse->call->tool, &grammar);
	optind = 0; /* also resets what getopt remembers of an earlier line */
	for (;;) {
		int word = optind > 0 ? optind : 1;

		/* getopt's line for -? would call help an invalid option. */
		opterr = !(word < argc && !strcmp(argv[word], "-?"));
		key = getopt_long(argc, argv, grammar.letters, grammar.long_options, NULL);
		if (key == -1) {
			if (!is_leading_name(parse, argc, argv))
				return 0;
			parse->call->name = argv[optind++];
			continue;
		}
		ret = take_option(parse, key, optarg, word < argc ? argv[word] : NULL);
		if (ret)
			return ret;
	}
}

static int take_arguments(struct parse *parse, int argc, char **argv)
{
	struct call *call = parse->call;
	int next = optind;

	if (!call->name && !call->tool->no_name) {
		if (next >= argc) {
			fprintf(stderr, "%s: No container name specified\n", call->tool->name);
			return -1;
		}
		call->name = argv[next++];
	}
	call->arguments = argv + next;
	call->argument_count = argc - next;
	if (call->argument_count && !call->tool->takes_arguments && !call->quiet)
		tool_error(call, "ignored the argument '%s'", call->arguments[0]);
	return 0;
}

static void set_lxcpath(struct parse *parse)
{
	struct call *call = parse->call;

	call->lxcpath_given = parse->path_count;
	if (!parse->path_count)
		parse->paths[parse->path_count++] = lxc_get_global_config_item("lxc.lxcpath");
	call->lxcpath = parse->paths[0];
	call->lxcpaths = parse->paths;
}

static int open_log(const struct call *call)
{
	struct lxc_log log = {
		.name = call->name,
		.lxcpath = call->lxcpath,
		.file = call->log_file ? call->log_file : call->tool->logs_by_default ? NULL : "none",
		.level = call->log_level,
		.prefix = call->tool->name,
		.quiet = call->quiet,
	};
	return lxc_log_init(&log);
}

static int parse_and_run(const struct tool *tool, int argc, char **argv, void *state)
{
	struct call call = { .tool = tool, .state = state };
	struct parse parse = { .call = &call };
	int ret = parse_options(&parse, argc, argv);

	if (ret)
		return ret < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
	set_lxcpath(&parse);
	if (take_arguments(&parse, argc, argv) < 0)
		return EXIT_FAILURE;
	if (open_log(&call) < 0) {
		tool_error(&call, "can not open the log file %s", call.log_file ? call.log_file : "");
		return EXIT_FAILURE;
	}
	return tool->run(&call);
}

int tool_main(const struct tool *tool, int argc, char **argv)
{
	auto_free void *state = calloc(1, tool->state_size ? tool->state_size : 1);
	auto_free char *name = strdup(tool->name);
	auto_free char **words = calloc((size_t)argc + 2, sizeof(*words));
	int status;

	if (!state || !name || !words)
		return EXIT_FAILURE;
	/* getopt moves words about and names the command by argv[0]. */
	for (int i = 1; i < argc; i++)
		words[i] = argv[i];
	words[0] = name;
	status = parse_and_run(tool, argc > 0 ? argc : 1, words, state);
	if (fflush(stdout) && !status)
		status = EXIT_FAILURE;
	return status;
}

void tool_error(const struct call *call, const char *fmt, ...)
{
	va_list arguments;

	fflush(stdout);
	flockfile(stderr);
	fprintf(stderr, "%s: ", call->tool->name);
	if (call->name)
		fprintf(stderr, "%s: ", call->name);
	va_start(arguments, fmt);
	vfprintf(stderr, fmt, arguments);
	va_end(arguments);
	fputc('\n', stderr);
	funlockfile(stderr);
}

void tool_container_error(const struct call *call, const struct lxc_container *c, const char *what)
{
	if (c && c->error_string && *c->error_string)
		tool_error(call, "%s: %s", what, c->error_string);
	else
		tool_error(call, "%s", what);
}

/* lxc_container_new does not tell what is wrong with the configuration: this loads it once more. */
static void tell_open_error(const struct call *call)
{
	struct lxc_container *c = extra_container_open(call->name, call->lxcpath);

	if (c && c->is_defined(c) && !c->load_config(c, NULL))
		tool_container_error(call, c, "can not load the configuration");
	else
		tool_error(call, "can not open the container below %s", call->lxcpath);
	lxc_container_put(c);
}

struct lxc_container *tool_container(const struct call *call, bool must_exist)
{
	struct lxc_container *c = lxc_container_new(call->name, call->lxcpath);

	if (!c) {
		tell_open_error(call);
		return NULL;
	}
	if (call->rcfile) {
		c->clear_config(c);
		if (!c->load_config(c, call->rcfile)) {
			tool_container_error(call, c, "can not load the configuration file");
			lxc_container_put(c);
			return NULL;
		}
	}
	if (must_exist && !c->is_defined(c) && !c->is_running(c)) {
		tool_error(call, "container does not exist below %s", call->lxcpath);
		lxc_container_put(c);
		return NULL;
	}
	return c;
}

int tool_parse_format(const struct call *call, const char *value, bool *ret_is_json)
{
	*ret_is_json = !strcmp(value, "json");
	if (*ret_is_json || !strcmp(value, "text"))
		return 0;
	tool_error(call, "unknown format '%s': text or json", value);
	return -1;
}
