/* lxc-console: the terminal of a container on this terminal. */
#include "tools/tool.h"

#include "base/text.h"
#include "liblxc/extra.h"

#include <lxc/lxccontainer.h>

#include <ctype.h>
#include <string.h>
#include <unistd.h>

struct console_state {
	int tty;    /* -1: the first free one, 0: the console */
	int escape; /* 1: Ctrl+a; 0: not given */
	bool has_tty;
};

static const struct tool_option options[] = {
	{ "tty", 't', ARGUMENT_REQUIRED, "NUMBER", "Terminal to use; 0: the console (default -1: the first free one)" },
	{ "escape", 'e', ARGUMENT_REQUIRED, "^LETTER", "Key that goes before q to leave (default ^a; -1: none)" },
	{ NULL, 0, ARGUMENT_NONE, NULL, NULL },
};

/* "^a", "a", "^A" or the control character itself; "-1": no key leaves. */
static int parse_escape(const char *text, int *ret_escape)
{
	const char *letter = text + (text[0] == '^');

	if (strcmp(text, "-1") == 0) {
		*ret_escape = -1;
		return 0;
	}
	if (letter[0] >= 1 && letter[0] <= 26 && !letter[1]) {
		*ret_escape = letter[0];
		return 0;
	}
	if (!isalpha((unsigned char)letter[0]) || letter[1])
		return -EINVAL;
	*ret_escape = letter[0] & 0x1f;
	return 0;
}

static int take_option(struct call *call, int key, const char *value)
{
	struct console_state *state = call->state;
	int ret;

	if (key == 'e') {
		ret = parse_escape(value, &state->escape);
	} else {
		ret = text_to_i32(value, &state->tty);
		state->has_tty = true;
	}
	if (ret < 0 || state->tty < -1) {
		tool_error(call, "'%s' is not a value of -%c", value, key);
		return -1;
	}
	return 0;
}

static int attach(const struct call *call, struct lxc_container *c)
{
	const struct console_state *state = call->state;
	int escape = state->escape ? state->escape : 1, tty = state->has_tty ? state->tty : -1;
	char letter = (char)('a' + escape - 1);

	if (tty > 0)
		printf("\nConnected to tty %d\n", tty);
	if (escape > 0)
		printf("Type <Ctrl+%c q> to exit the console, <Ctrl+%c Ctrl+%c> to enter Ctrl+%c itself\n", letter, letter,
		       letter, letter);
	fflush(stdout);
	if (extra_console_attach(c, tty, STDIN_FILENO, STDOUT_FILENO, escape) >= 0)
		return EXIT_SUCCESS;
	tool_container_error(call, c, "can not attach to the terminal");
	return EXIT_FAILURE;
}

static int run(struct call *call)
{
	struct lxc_container *c = tool_container(call, false);
	int status = EXIT_FAILURE;

	if (c && !c->may_control(c))
		tool_error(call, "Insufficient privileges to control the container");
	else if (c && !c->is_running(c))
		tool_error(call, "container is not running");
	else if (c)
		status = attach(call, c);
	if (c)
		lxc_container_put(c);
	return status;
}

const struct tool lxc_console_tool = {
	.name = "lxc-console",
	.summary = "Use a terminal of a container",
	.usage = "-n NAME [OPTION]...",
	.options = options,
	.description = "Connects this terminal to a login terminal or to the console of a running container until the "
		       "escape key and q are pressed.",
	.option = take_option,
	.run = run,
	.state_size = sizeof(struct console_state),
};
