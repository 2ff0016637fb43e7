/* lxc-top: what the running containers use, again and again. */
#include "tools/lxc/top_sample.h"
#include "tools/tool.h"

#include "base/cleanup.h"

#include <inttypes.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>

enum { KEY_FORMAT = 256, DEFAULT_ROWS = 24, ROWS_BESIDE = 4, WIDE_COLUMNS = 135, CTRL_C = 3, NS_PER_S = 1000000000 };

struct top_state {
	bool is_batch, is_json, is_reversed;
	char key;
	int delay_ms;
};

static const struct tool_option options[] = {
	{ "delay", 'd', ARGUMENT_REQUIRED, "SECONDS", "Time between two looks (default 3.0)" },
	{ "batch", 'b', ARGUMENT_NONE, NULL, "Print comma-separated lines for other programs" },
	{ "sort", 's', ARGUMENT_REQUIRED, "n|c|b|m|s|k",
		"Sort by name, CPU, block I/O, memory, memory and swap, kernel memory" },
	{ "reverse", 'r', ARGUMENT_NONE, NULL, "Reverse the order" },
	{ "format", KEY_FORMAT, ARGUMENT_REQUIRED, "FORMAT", "text, or json: one look, then the end" },
	{ NULL, 0, ARGUMENT_NONE, NULL, NULL },
};

static int take_delay(struct call *call, const char *value)
{
	struct top_state *state = call->state;
	char *end;
	double seconds = strtod(value, &end);

	if (end == value || *end || !(seconds > 0 && seconds < 1e6)) {
		tool_error(call, "'%s' is not a number of seconds", value);
		return -1;
	}
	state->delay_ms = seconds < 0.001 ? 1 : (int)(seconds * 1000);
	return 0;
}

static bool is_sort_key(char key)
{
	return key && strchr("ncbmsk", key);
}

static int take_option(struct call *call, int key, const char *value)
{
	struct top_state *state = call->state;

	switch (key) {
	case 'd':
		return take_delay(call, value);
	case 'b':
		state->is_batch = true;
		return 0;
	case 's':
		state->key = value[0];
		if (is_sort_key(value[0]) && !value[1])
			return 0;
		tool_error(call, "can not sort by '%s': n, c, b, m, s or k", value);
		return -1;
	case 'r':
		state->is_reversed = true;
		return 0;
	default:
		return tool_parse_format(call, value, &state->is_json);
	}
}

static void print_json(const struct call *call, const struct top_samples *samples)
{
	struct json json;

	json_start(&json, stdout);
	json_object(&json, NULL);
	json_text(&json, "lxcpath", call->lxcpath);
	json_array(&json, "containers");
	for (size_t i = 0; i < samples->count; i++) {
		const struct top_sample *sample = &samples->items[i];

		json_object(&json, NULL);
		json_text(&json, "name", sample->name);
		json_unsigned(&json, "time_ms", sample->time_ms);
		json_unsigned(&json, "cpu_ns", sample->cpu_ns);
		json_unsigned(&json, "cpu_system_ticks", sample->system_ticks);
		json_unsigned(&json, "cpu_user_ticks", sample->user_ticks);
		json_unsigned(&json, "block_io_bytes", sample->io_bytes);
		json_unsigned(&json, "block_io_read_bytes", sample->io_read_bytes);
		json_unsigned(&json, "block_io_write_bytes", sample->io_write_bytes);
		json_unsigned(&json, "block_io_count", sample->io_count);
		json_unsigned(&json, "memory_bytes", sample->memory_bytes);
		json_unsigned(&json, "memory_and_swap_bytes", sample->memory_swap_bytes);
		json_unsigned(&json, "kernel_memory_bytes", sample->kernel_memory_bytes);
		json_end(&json);
	}
	json_end(&json);
	json_end(&json);
}

/* What the host does not have is 0 in columns. */
static uint64_t known(uint64_t figure)
{
	return figure == UINT64_MAX ? 0 : figure;
}

static void print_batch(const struct top_samples *samples)
{
	for (size_t i = 0; i < samples->count; i++) {
		const struct top_sample *sample = &samples->items[i];
		const uint64_t figures[] = { sample->cpu_ns, sample->system_ticks, sample->user_ticks, sample->io_bytes,
			sample->io_count, sample->memory_bytes, sample->memory_swap_bytes, sample->kernel_memory_bytes };

		printf("%" PRIu64 ",%s", sample->time_ms, sample->name);
		for (size_t k = 0; k < sizeof(figures) / sizeof(figures[0]); k++)
			printf(",%" PRIu64, known(figures[k]));
		putchar('\n');
	}
}

static void format_bytes(char *text, size_t size, uint64_t bytes)
{
	static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB" };
	double value = (double)known(bytes);
	size_t unit = 0;

	for (; value >= 1024 && unit < 4; unit++)
		value /= 1024;
	snprintf(text, size, unit ? "%.2f %s" : "%.0f %s", value, units[unit]);
}

static void print_row(const char *name, const struct top_sample *sample, bool is_wide)
{
	char total[32], rest[128], read_text[32], written[32], memory[32], swap[32], kernel[32];
	double ticks = (double)sysconf(_SC_CLK_TCK);

	format_bytes(total, sizeof(total), sample->io_bytes);
	format_bytes(read_text, sizeof(read_text), sample->io_read_bytes);
	format_bytes(written, sizeof(written), sample->io_write_bytes);
	format_bytes(memory, sizeof(memory), sample->memory_bytes);
	format_bytes(swap, sizeof(swap), sample->memory_swap_bytes);
	format_bytes(kernel, sizeof(kernel), sample->kernel_memory_bytes);
	snprintf(rest, sizeof(rest), "%s(%s/%s)", total, read_text, written);
	printf("%-18.18s %12.2f %12.2f %12.2f %36s %12s", name, (double)known(sample->cpu_ns) / NS_PER_S,
		(double)known(sample->system_ticks) / ticks, (double)known(sample->user_ticks) / ticks, rest, memory);
	if (is_wide)
		printf(" %12s %12s", swap, kernel);
}

static void add_to_total(struct top_sample *total, const struct top_sample *sample)
{
	total->cpu_ns += known(sample->cpu_ns);
	total->system_ticks += known(sample->system_ticks);
	total->user_ticks += known(sample->user_ticks);
	total->io_bytes += known(sample->io_bytes);
	total->io_read_bytes += known(sample->io_read_bytes);
	total->io_write_bytes += known(sample->io_write_bytes);
	total->memory_bytes += known(sample->memory_bytes);
	total->memory_swap_bytes += known(sample->memory_swap_bytes);
	total->kernel_memory_bytes += known(sample->kernel_memory_bytes);
}

static void print_screen(const struct top_samples *samples)
{
	struct winsize window = { 0 };
	struct top_sample total = { 0 };
	size_t rows = DEFAULT_ROWS, shown;
	bool is_wide;
	char text[64];

	if (!ioctl(STDOUT_FILENO, TIOCGWINSZ, &window) && window.ws_row > ROWS_BESIDE)
		rows = window.ws_row;
	shown = samples->count < rows - ROWS_BESIDE ? samples->count : rows - ROWS_BESIDE;
	is_wide = window.ws_col >= WIDE_COLUMNS;
	printf("\033[H\033[J%-18s %12s %12s %12s %36s %12s%s\n", "Container", "CPU", "CPU", "CPU", "BlkIO", "Mem",
		is_wide ? "        MemSw         KMem" : "");
	printf("%-18s %12s %12s %12s %36s %12s%s\n", "Name", "Used", "Sys", "User", "Total(Read/Write)", "Used",
		is_wide ? "         Used         Used" : "");
	for (size_t i = 0; i < samples->count; i++) {
		add_to_total(&total, &samples->items[i]);
		if (i < shown) {
			print_row(samples->items[i].name, &samples->items[i], is_wide);
			putchar('\n');
		}
	}
	snprintf(text, sizeof(text), "TOTAL %zu of %zu", shown, samples->count);
	print_row(text, &total, is_wide);
}

static int look(const struct call *call)
{
	const struct top_state *state = call->state;
	struct top_samples samples;
	int ret = top_samples_read(call->lxcpath, &samples);

	if (ret < 0) {
		tool_error(call, "can not list containers: %s", strerror(-ret));
		return ret;
	}
	top_samples_sort(&samples, state->key, state->is_reversed);
	if (state->is_json)
		print_json(call, &samples);
	else if (state->is_batch)
		print_batch(&samples);
	else
		print_screen(&samples);
	top_samples_clear(&samples);
	return fflush(stdout) ? -errno : 0;
}

/* 0: it is time for the next look; 1: the user wants to go. */
static int wait_for_key(struct top_state *state)
{
	struct pollfd input = { .fd = STDIN_FILENO, .events = POLLIN };
	char key;

	if (poll(&input, 1, state->delay_ms) <= 0)
		return 0;
	if (read(STDIN_FILENO, &key, 1) != 1 || key == 'q' || key == CTRL_C)
		return 1;
	if (key == 'r')
		state->is_reversed = !state->is_reversed;
	else if (is_sort_key(key))
		state->key = key;
	return 0;
}

static int run_batch(const struct call *call)
{
	const struct top_state *state = call->state;

	puts("time_ms,container,cpu_nanos,cpu_sys_userhz,cpu_user_userhz,blkio_bytes,blkio_iops,"
	     "mem_used_bytes,memsw_used_bytes,kernel_mem_used_bytes");
	while (look(call) >= 0)
		(void)poll(NULL, 0, state->delay_ms);
	return EXIT_FAILURE; /* whoever reads is gone */
}

static int run_screen(const struct call *call)
{
	struct termios before, raw;
	int ret;

	if (tcgetattr(STDIN_FILENO, &before)) {
		tool_error(call, "stdin is not a tty");
		return EXIT_FAILURE;
	}
	raw = before;
	raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO | ISIG); /* Ctrl-c is read as a key, so that the terminal is put back */
	tcsetattr(STDIN_FILENO, TCSANOW, &raw);
	do
		ret = look(call);
	while (ret >= 0 && !(ret = wait_for_key(call->state)));
	tcsetattr(STDIN_FILENO, TCSANOW, &before);
	putchar('\n');
	return ret < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

static int run(struct call *call)
{
	struct top_state *state = call->state;

	state->key = state->key ? state->key : 'n';
	state->delay_ms = state->delay_ms ? state->delay_ms : 3000;
	if (state->is_json)
		return look(call) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
	return state->is_batch ? run_batch(call) : run_screen(call);
}

const struct tool lxc_top_tool = {
	.name = "lxc-top",
	.summary = "Show what the running containers use",
	.usage = "[OPTION]...",
	.options = options,
	.description = "On a terminal the keys n, c, b, m, s and k choose the order, r reverses it, q ends. CPU is in seconds "
		       "since the start of the container.\n\nWith --batch no terminal is needed; CPU is in nanoseconds and "
		       "in units of USER_HZ.",
	.no_name = true,
	.option = take_option,
	.run = run,
	.state_size = sizeof(struct top_state),
};
