/* lxc.net.N.script.up and .down. */
#include "base/cleanup.h"
#include "base/process.h"
#include "base/text.h"
#include "network/internal.h"

#include <string.h>
#include <sys/wait.h>

extern char **environ;

/* Hook version 1: what version 0 has as arguments stands in the environment. */
static int fill_environment(const struct spec *spec, const struct planned_link *link, const char *direction,
	struct string_list *list)
{
	const char *type = link_type_name(link->spec->type);
	int r = 0;
	for (char **item = environ; r == 0 && item && *item; item++)
		r = string_list_add(list, *item);
	r = r ?: text_add_variable(list, "LXC_NAME", spec->identity.name);
	r = r ?: text_add_variable(list, "LXC_HOOK_TYPE", direction);
	r = r ?: text_add_variable(list, "LXC_HOOK_SECTION", "net");
	r = r ?: text_add_variable(list, "LXC_HOOK_VERSION", spec->hooks.version ? "1" : "0");
	r = r ?: text_add_variable(list, "LXC_NET_TYPE", type);
	if (r == 0 && link->spec->link)
		r = text_add_variable(list, "LXC_NET_PARENT", link->spec->link);
	if (r == 0 && link->spec->type == LINK_VETH)
		r = text_add_variable(list, "LXC_NET_PEER", link->host_name);
	return r ?: vector_add(list) ? 0 : -ENOMEM;
}

static int fill_arguments(const struct spec *spec, const struct planned_link *link, const char *direction,
	struct string_list *list)
{
	const char *script = *direction == 'u' ? link->spec->script_up : link->spec->script_down;
	auto_free char *line = NULL;
	int r = text_format(&line, "exec %s \"$@\"", script);
	r = r ?: string_list_add(list, "/bin/sh");
	r = r ?: string_list_add(list, "-c");
	r = r ?: string_list_add(list, line);
	r = r ?: string_list_add(list, "sh");
	if (r == 0 && spec->hooks.version == 0) {
		r = string_list_add(list, spec->identity.name);
		r = r ?: string_list_add(list, "net");
		r = r ?: string_list_add(list, direction);
		r = r ?: string_list_add(list, link_type_name(link->spec->type));
		if (r == 0 && link->spec->link)
			r = string_list_add(list, link->spec->link);
		if (r == 0 && link->spec->type == LINK_VETH)
			r = string_list_add(list, link->host_name);
	}
	return r ?: vector_add(list) ? 0 : -ENOMEM;
}

/* direction: "up" or "down" */
static int run_script(const struct spec *spec, const struct planned_link *link, const char *direction, struct error *err)
{
	struct string_list arguments = { 0 }, environment = { 0 };
	const char *script = *direction == 'u' ? link->spec->script_up : link->spec->script_down;
	pid_t pid;
	int status = 0;
	int r = fill_arguments(spec, link, direction, &arguments);
	r = r ?: fill_environment(spec, link, direction, &environment);
	r = r ?: process_spawn(arguments.items, environment.items, NULL, &pid);
	r = r ?: process_wait(pid, &status);
	string_list_clear(&arguments);
	string_list_clear(&environment);
	if (r < 0)
		return spec_error(err, r, spec, &link->spec->origin, "run script %s", script);
	if (status == 0)
		return 0;
	r = spec_error(err, 0, spec, &link->spec->origin, "script %s (%s) ended with %s %d", script, direction,
		WIFEXITED(status) ? "status" : "signal", WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status));
	return r;
}

int run_up_scripts(const struct network *network, struct error *err)
{
	for (size_t i = 0; i < network->count; i++) {
		int r = network->links[i].spec->script_up ? run_script(network->spec, &network->links[i], "up", err) : 0;
		if (r < 0)
			return r;
	}
	return 0;
}

void network_down(const struct spec *spec, struct network *network, int netns_fd)
{
	for (size_t i = 0; i < network->count; i++)
		if (network->links[i].is_made && network->links[i].spec->script_down)
			(void)run_script(spec, &network->links[i], "down", NULL); /* the container is gone either way */
	if (netns_fd >= 0 || network->netns_fd < 0)
		return; /* network_undo brings devices back */
	for (size_t i = 0; i < network->count; i++) {
		const struct planned_link *link = &network->links[i];
		if (link->journal_kind) /* the journal's turn comes, and tells of a failure */
			(void)network_undo(link->journal_kind, link->journal_text, network->netns_fd, NULL);
	}
}
