/* lxc-device: gives a running container a device node, a network interface or an address, or takes it away. */
#include "liblxc/extra.h"
#include "tools/tool.h"

#include <lxc/lxccontainer.h>

#include <arpa/inet.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>

static const struct tool_option options[] = {
	{ NULL, 0, ARGUMENT_NONE, NULL, NULL },
};

static bool is_address(const char *text)
{
	unsigned char binary[16];
	return inet_pton(AF_INET, text, binary) == 1 || inet_pton(AF_INET6, text, binary) == 1;
}

static bool change(struct lxc_container *c, bool adds, const char *device, const char *name)
{
	if (*device == '/')
		return adds ? c->add_device_node(c, device, name) : c->remove_device_node(c, device, name);
	if (is_address(device))
		return (adds ? extra_add_address(c, device) : extra_remove_address(c, device)) == 0;
	return adds ? c->attach_interface(c, device, name) : c->detach_interface(c, device, name);
}

/* Adding needs the interface here; it says more than the refusal of the kernel would. */
static bool is_device(const struct call *call, bool adds, const char *device)
{
	if (*device == '/' || is_address(device) || !adds || if_nametoindex(device) > 0)
		return true;
	tool_error(call, "%s is neither the path of a device node, nor an address, nor a network interface of this host", device);
	return false;
}

/* The container of the call, or NULL after a message when there is none or it does not run. */
static struct lxc_container *running_container(struct call *call)
{
	struct lxc_container *c = tool_container(call, true);
	if (!c || c->is_running(c))
		return c;
	tool_error(call, "container is not running");
	lxc_container_put(c);
	return NULL;
}

/* Says what went wrong, if something did, and lets go of the container. An exit status. */
static int finish(struct call *call, struct lxc_container *c, bool is_done, const char *trouble)
{
	if (!is_done)
		tool_container_error(call, c, trouble);
	lxc_container_put(c);
	return is_done ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* rate N egress=RATE ingress=RATE burst=BYTES, in any order. */
static int limit(struct call *call)
{
	static const char *const names[] = { "egress=", "ingress=", "burst=" };
	const char *values[3] = { NULL, NULL, NULL };
	unsigned int index;
	char end;
	bool is_good = call->argument_count > 2 && sscanf(call->arguments[1], "%u%c", &index, &end) == 1;
	for (int i = 2; i < call->argument_count && is_good; i++) {
		size_t which = 0;
		while (which < 3 && strncmp(call->arguments[i], names[which], strlen(names[which])) != 0)
			which++;
		is_good = which < 3;
		if (is_good)
			values[which] = call->arguments[i] + strlen(names[which]);
	}
	if (!is_good || (!values[0] && !values[1])) {
		tool_error(call, "rate needs the N of lxc.net.N and egress=RATE or ingress=RATE");
		help_print_usage(call->tool, stderr);
		return EXIT_FAILURE;
	}
	struct lxc_container *c = running_container(call);
	if (!c)
		return EXIT_FAILURE;
	return finish(call, c, extra_set_rate(c, index, values[0], values[1], values[2]) >= 0, "can not limit the interface");
}

static int run(struct call *call)
{
	const char *act = call->argument_count > 0 ? call->arguments[0] : "";
	bool adds = strcmp(act, "add") == 0;
	if (strcmp(act, "rate") == 0)
		return limit(call);
	if ((!adds && strcmp(act, "del") != 0) || call->argument_count < 2 || call->argument_count > 3) {
		tool_error(call, "needs add or del and a device, or rate");
		help_print_usage(call->tool, stderr);
		return EXIT_FAILURE;
	}
	const char *device = call->arguments[1];
	if (!is_device(call, adds, device))
		return EXIT_FAILURE;
	struct lxc_container *c = running_container(call);
	if (!c)
		return EXIT_FAILURE;
	bool is_done = change(c, adds, device, call->argument_count > 2 ? call->arguments[2] : NULL);
	return finish(call, c, is_done, adds ? "can not add the device" : "can not remove the device");
}

const struct tool lxc_device_tool = {
	.name = "lxc-device",
	.summary = "Add, remove or limit a device or an address of a running container",
	.usage = "-n NAME {add|del DEVICE [NEWNAME] | rate N [egress=RATE] [ingress=RATE] [burst=BYTES]}",
	.options = options,
	.description = "DEVICE is the path of a device node (/dev/...), the name of a network interface, or an IP address. add "
		       "makes the node, or moves the interface into the container, under NEWNAME if given; del removes the "
		       "node, or moves the interface back to the host. An address is given to the container's venet "
		       "interface, or taken from it, until the container stops: lxc.net.N.ipv4.address and .ipv6.address "
		       "are for good.\n\nrate limits what the interface lxc.net.N sends (egress) and "
		       "receives (ingress) until the container stops or reboots; what is not named stays as it is. RATE is in "
		       "bits per second, as 10M, or none. The keys lxc.net.N.rate.egress, .ingress and .burst limit it from "
		       "the start.",
	.takes_arguments = true,
	.run = run,
};
