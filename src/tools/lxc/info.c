/* lxc-info: what there is to know about one container. */
#include "tools/lxc/info.h"
#include "tools/lxc/security_view.h"

#include "base/cleanup.h"
#include "liblxc/extra.h"

#include <lxc/lxccontainer.h>

#include <inttypes.h>
#include <string.h>

enum { KEY_FORMAT = 256, KEY_SECURITY, KEY_NETWORK, MAX_KEYS = 64 };

struct info_state {
	const char *keys[MAX_KEYS];
	size_t key_count;
	bool ips, pid, stats, state, raw, json, security, network;
	int shown; /* number of filters */
};

static const struct tool_option options[] = {
	{ "config", 'c', ARGUMENT_REQUIRED, "KEY", "Show this configuration key (may be repeated)" },
	{ "ips", 'i', ARGUMENT_NONE, NULL, "Show the addresses" },
	{ "pid", 'p', ARGUMENT_NONE, NULL, "Show the process id of init" },
	{ "stats", 'S', ARGUMENT_NONE, NULL, "Show what the container uses" },
	{ "no-humanize", 'H', ARGUMENT_NONE, NULL, "Show plain numbers; with one filter the value alone" },
	{ "state", 's', ARGUMENT_NONE, NULL, "Show the state" },
	{ "security", KEY_SECURITY, ARGUMENT_NONE, NULL, "Show what isolates the running container and what does not" },
	{ "network", KEY_NETWORK, ARGUMENT_NONE, NULL, "Show addresses, counters and limits of each interface" },
	{ "format", KEY_FORMAT, ARGUMENT_REQUIRED, "text|json", "How to write it; json is always everything" },
	{ NULL, 0, ARGUMENT_NONE, NULL, NULL },
};

static int take_option(struct call *call, int key, const char *value)
{
	struct info_state *state = call->state;

	switch (key) {
	case 'c':
		if (state->key_count >= MAX_KEYS) {
			tool_error(call, "more than %d keys", MAX_KEYS);
			return -1;
		}
		state->keys[state->key_count++] = value;
		return 0;
	case 'i':
		state->ips = true;
		break;
	case 'p':
		state->pid = true;
		break;
	case 'S':
		state->stats = true;
		break;
	case 's':
		state->state = true;
		break;
	case 'H':
		state->raw = true;
		return 0;
	case KEY_SECURITY:
		state->security = true;
		break;
	case KEY_NETWORK:
		state->network = true;
		break;
	default:
		return tool_parse_format(call, value, &state->json);
	}
	state->shown++;
	return 0;
}

static void print_text(const struct info_state *state, const char *label, const char *value)
{
	/* One filter and -H: for scripts, without the label. */
	if (state->raw && state->shown == 1)
		printf("%s\n", value);
	else
		printf("%-15s %s\n", label, value);
}

static void print_count(const char *label, uint64_t count)
{
	if (count != UINT64_MAX)
		printf("%-15s %" PRIu64 "\n", label, count);
}

static void print_stats(const struct info_state *state, struct lxc_container *c)
{
	struct extra_stats stats;

	if (extra_stats(c, &stats) >= 0) {
		if (stats.cpu_ns != UINT64_MAX && state->raw)
			printf("%-15s %" PRIu64 "\n", "CPU use:", stats.cpu_ns);
		else if (stats.cpu_ns != UINT64_MAX)
			printf("%-15s %.2f seconds\n", "CPU use:", (double)stats.cpu_ns / 1e9);
		info_print_bytes(state->raw, "BlkIO use:", stats.block_io_bytes);
		info_print_bytes(state->raw, "Memory use:", stats.memory_bytes);
		info_print_bytes(state->raw, "KMem use:", stats.kernel_memory_bytes);
		/* These two only when something happened, so that the usual output is the one scripts know. */
		if (stats.oom_kills)
			print_count("OOM kills:", stats.oom_kills);
		if (stats.memory_limit_hits)
			print_count("Limit hits:", stats.memory_limit_hits);
	}
	info_print_links(state->raw, c);
}

static void free_texts(char **texts)
{
	for (char **text = texts; text && *text; text++)
		free(*text);
	free(texts);
}

static void print_ips(const struct info_state *state, struct lxc_container *c)
{
	char **addresses = c->get_ips(c, NULL, NULL, 0);

	for (char **address = addresses; address && *address; address++)
		print_text(state, "IP:", *address);
	free_texts(addresses);
}

/* malloc'ed value: what the supervisor runs with, else what the file says. NULL: no such key. */
static char *get_value(struct lxc_container *c, const char *key, bool is_running)
{
	char *value = is_running ? c->get_running_config_item(c, key) : NULL;
	int length;

	if (value)
		return value;
	length = c->get_config_item(c, key, NULL, 0);
	value = length < 0 ? NULL : malloc((size_t)length + 1);
	if (value && c->get_config_item(c, key, value, length + 1) != length) {
		free(value);
		return NULL;
	}
	if (value && !length)
		*value = '\0';
	return value;
}

static void print_keys(const struct call *call, struct lxc_container *c, bool is_running)
{
	const struct info_state *state = call->state;

	for (size_t i = 0; i < state->key_count; i++) {
		auto_free char *value = get_value(c, state->keys[i], is_running);

		if (!value)
			fprintf(stderr, "%s invalid\n", state->keys[i]);
		else if (state->raw && state->key_count == 1 && !state->shown)
			printf("%s\n", value);
		else
			printf("%s =%s%s\n", state->keys[i], *value ? " " : "", value);
	}
}

static void print_security(const struct call *call, struct lxc_container *c, struct json *json)
{
	struct security_view view;

	security_read(&view, c, call->lxcpath, call->name);
	security_print(&view, json);
	security_clear(&view);
}

static void print_plain(const struct call *call, struct lxc_container *c)
{
	const struct info_state *state = call->state;
	bool is_running = c->is_running(c), all = !state->shown && !state->key_count;
	pid_t init_pid = is_running ? c->init_pid(c) : -1; /* none between the two lives of a reboot */
	char pid[16];

	if (all)
		print_text(state, "Name:", call->name);
	if (all || state->state)
		print_text(state, "State:", c->state(c));
	if (init_pid > 0 && (all || state->pid)) {
		snprintf(pid, sizeof(pid), "%d", init_pid);
		print_text(state, "PID:", pid);
	}
	if (is_running && (all || state->ips))
		print_ips(state, c);
	if (is_running && (all || state->stats))
		print_stats(state, c);
	if (is_running && state->network)
		info_print_interfaces(state->raw, c);
	print_keys(call, c, is_running);
	if (is_running && state->security)
		print_security(call, c, NULL);
}

static void write_json_usage(struct json *json, struct lxc_container *c)
{
	struct extra_stats stats;

	if (extra_stats(c, &stats) >= 0) {
		json_object(json, "stats");
		json_unsigned(json, "cpu_ns", stats.cpu_ns);
		json_unsigned(json, "block_io_bytes", stats.block_io_bytes);
		json_unsigned(json, "memory_bytes", stats.memory_bytes);
		json_unsigned(json, "kernel_memory_bytes", stats.kernel_memory_bytes);
		json_unsigned(json, "processes", stats.pids);
		json_unsigned(json, "oom_kills", stats.oom_kills);
		json_unsigned(json, "memory_limit_hits", stats.memory_limit_hits);
		json_end(json);
	}
	info_write_interfaces(json, c);
}

static void print_json(const struct call *call, struct lxc_container *c)
{
	const struct info_state *state = call->state;
	bool is_running = c->is_running(c);
	pid_t init_pid = is_running ? c->init_pid(c) : -1;
	char **addresses = is_running ? c->get_ips(c, NULL, NULL, 0) : NULL;
	struct json json;

	json_start(&json, stdout);
	json_object(&json, NULL);
	json_text(&json, "name", call->name);
	json_text(&json, "state", c->state(c));
	if (init_pid > 0)
		json_number(&json, "pid", init_pid);
	json_array(&json, "addresses");
	for (char **address = addresses; address && *address; address++)
		json_text(&json, NULL, *address);
	json_end(&json);
	if (is_running)
		write_json_usage(&json, c);
	if (is_running && state->security) {
		json_object(&json, "security");
		print_security(call, c, &json);
		json_end(&json);
	}
	if (state->key_count)
		json_object(&json, "config");
	for (size_t i = 0; i < state->key_count; i++) {
		auto_free char *value = get_value(c, state->keys[i], is_running);

		json_text(&json, state->keys[i], value);
	}
	if (state->key_count)
		json_end(&json);
	json_end(&json);
	free_texts(addresses);
}

static int run(struct call *call)
{
	const struct info_state *state = call->state;
	struct lxc_container *c = tool_container(call, false);

	if (!c)
		return EXIT_FAILURE;
	if (!c->is_defined(c) && !c->is_running(c) && !call->rcfile) {
		fprintf(stderr, "%s doesn't exist\n", call->name);
		lxc_container_put(c);
		return EXIT_FAILURE;
	}
	if (state->security && !c->is_running(c)) {
		fprintf(stderr, "%s is not running: nothing isolates it, and nothing needs to\n", call->name);
		lxc_container_put(c);
		return EXIT_FAILURE;
	}
	if (state->json)
		print_json(call, c);
	else
		print_plain(call, c);
	lxc_container_put(c);
	return EXIT_SUCCESS;
}

const struct tool lxc_info_tool = {
	.name = "lxc-info",
	.summary = "Show the state and the resources of a container",
	.usage = "-n NAME [OPTION]...",
	.options = options,
	.description = "Without a filter everything but configuration keys is shown. OOM kills and hits of the memory "
		       "limit are shown once there were any. Of a veth, \"Link:\" names the host's side; TX is what the "
		       "container sent.\n\n--network tells of each interface that leads out of the container: its name "
		       "inside and on the host, addresses, bytes, packets and drops, and the limits in force "
		       "(lxc.net.N.rate.egress and .ingress). What was made inside, as a bridge, is not counted.\n\n"
		       "--security tells what the kernel does about a running container, whatever its configuration says: one line for each namespace, id map, capability set, "
		       "filter, label, mount, limit and way to the host. Each has a verdict: isolated (its own, the "
		       "host's is not reached), limited (the host's, and something holds it back), shared (the host's), "
		       "unlimited (nothing holds it back), unknown (the kernel does not tell, or not to this user). Of an "
		       "application container it tells about the command, not the minimal init above it.",
	.option = take_option,
	.run = run,
	.state_size = sizeof(struct info_state),
};
