/* Options of create and set. */
#include "tools/openvz/request.h"

#include "base/text.h"
#include "dialect/openvz/network.h"

#include <arpa/inet.h>
#include <string.h>

enum special {
	OPTION_SAVE, OPTION_FORCE, OPTION_RESET_UB, OPTION_IGNORED, /* without a value */
	OPTION_MODE, OPTION_NAME, OPTION_CONFIG, OPTION_LAYOUT, OPTION_RAM, OPTION_SWAP, OPTION_IPADD, OPTION_IPDEL, OPTION_PASSWORD,
	OPTION_NAMESERVER, OPTION_SEARCH, OPTION_NETIF_ADD, OPTION_NETIF_DEL, OPTION_INTERFACE, OPTION_NETDEV_ADD,
	OPTION_NETDEV_DEL, OPTION_CAPABILITY, OPTION_FEATURES, OPTION_DEVNODES, OPTION_DEVICES, OPTION_PCI_ADD, OPTION_PCI_DEL, OPTION_MAP,
};

static const struct special_option {
	const char *name;
	enum special kind;
	bool is_create, is_set;
	const char *value_name, *help;
} specials[] = {
	{ "save", OPTION_SAVE, false, true, NULL, "write it to the configuration, if all could be applied" },
	{ "force", OPTION_FORCE, false, true, NULL, "with --save: write it in any case" },
	{ "setmode", OPTION_MODE, false, true, "restart|ignore", "what to do with what needs a restart" },
	{ "reset_ub", OPTION_RESET_UB, false, true, NULL, "apply the limits of the configuration anew" },
	{ "skip_arpdetect", OPTION_IGNORED, true, true, NULL, NULL },
	{ "offline-resize", OPTION_IGNORED, false, true, NULL, NULL },
	{ "name", OPTION_NAME, true, true, "NAME", "a name that stands for the id" },
	{ "config", OPTION_CONFIG, true, false, "NAME", "take ve-NAME.conf-sample" },
	{ "applyconfig", OPTION_CONFIG, false, true, "NAME", "take the parameters of ve-NAME.conf-sample" },
	{ "applyconfig_map", OPTION_MAP, false, true, "name", NULL },
	{ "layout", OPTION_LAYOUT, true, false, "simfs|ploop", "a directory, or an image with a file system" },
	{ "ve_layout", OPTION_LAYOUT, true, false, NULL, NULL },
	{ "velayout", OPTION_LAYOUT, true, false, NULL, NULL },
	{ "ram", OPTION_RAM, true, true, "BYTES", "memory" },
	{ "swap", OPTION_SWAP, true, true, "BYTES", "swap" },
	{ "ipadd", OPTION_IPADD, true, true, "ADDRESS", "give it an address" },
	{ "ip", OPTION_IPADD, true, true, NULL, NULL },
	{ "ipdel", OPTION_IPDEL, false, true, "ADDRESS|all", "take an address away" },
	{ "userpasswd", OPTION_PASSWORD, false, true, "USER:PASSWORD", "set a password in it; never saved" },
	{ "nameserver", OPTION_NAMESERVER, false, true, "ADDRESS|inherit", "its name servers (repeat)" },
	{ "searchdomain", OPTION_SEARCH, false, true, "NAME|inherit", "its search domains (repeat)" },
	{ "netif_add", OPTION_NETIF_ADD, false, true, "NAME[,MAC,HOSTNAME,HOSTMAC,BRIDGE]", "give it a veth" },
	{ "netif_del", OPTION_NETIF_DEL, false, true, "NAME|all", "take a veth away" },
	{ "ifname", OPTION_INTERFACE, false, true, "NAME", "the veth that the next ones change" },
	{ "mac", OPTION_INTERFACE, false, true, "MAC", NULL },
	{ "host_ifname", OPTION_INTERFACE, false, true, "NAME", NULL },
	{ "host_mac", OPTION_INTERFACE, false, true, "MAC", NULL },
	{ "bridge", OPTION_INTERFACE, false, true, "NAME", NULL },
	{ "mac_filter", OPTION_INTERFACE, false, true, "on|off", NULL },
	{ "netdev_add", OPTION_NETDEV_ADD, false, true, "NAME", "lend it a device of the host" },
	{ "netdev_del", OPTION_NETDEV_DEL, false, true, "NAME", "take the device back" },
	{ "capability", OPTION_CAPABILITY, false, true, "NAME:on|off", "allow or forbid a capability" },
	{ "features", OPTION_FEATURES, false, true, "NAME:on|off", "features of the configuration" },
	{ "devnodes", OPTION_DEVNODES, false, true, "NAME:[r][w][q]|none", "let it use /dev/NAME" },
	{ "devices", OPTION_DEVICES, false, true, "b|c:MAJOR:MINOR|all:[r][w][q]|none", "let it use a device (host's ids)" },
	{ "pci_add", OPTION_PCI_ADD, false, true, "[DOMAIN:]BUS:SLOT.FUNCTION", "kept; has no effect here (--netdev_add, --devnodes)" },
	{ "pci_del", OPTION_PCI_DEL, false, true, "[DOMAIN:]BUS:SLOT.FUNCTION", "kept; has no effect here" },
	{ NULL, OPTION_SAVE, false, false, NULL, NULL },
};

int vz_request_put(struct vz *vz, struct vz_request *request, const char *key, const char *value)
{
	int r = vz_conf_set(&vz->ct.given, key, value);
	if (r == 0 && !string_list_has(&request->keys, key))
		r = string_list_add(&request->keys, key);
	return r < 0 ? vz_fail(vz, VZ_SYSTEM, "Unable to set %s: %s", key, strerror(-r)) : VZ_OK;
}

static int bad_value(const struct vz *vz, const char *option, const char *value)
{
	return vz_fail(vz, VZ_BAD_VALUE, "Bad parameter for --%s: %s", option, value);
}

static int put_param(struct vz *vz, struct vz_request *request, const struct vz_param *param, const char *value)
{
	char *text = NULL;
	if (vz_param_parse(param, value, &text) < 0)
		return bad_value(vz, param->option, value);
	int status = vz_request_put(vz, request, param->key, text);
	free(text);
	return status;
}

/* --ram and --swap are bytes: the barrier is 0, as VSwap has it. */
static int put_memory(struct vz *vz, struct vz_request *request, const char *key, const char *option, const char *value)
{
	struct vz_pair pair;
	char text[64];
	if (vz_parse_pair(value, VZ_UBC_BYTES, &pair) < 0)
		return bad_value(vz, option, value);
	int64_t pages = pair.limit == VZ_UNLIMITED ? VZ_UNLIMITED : (pair.limit + 4095) / 4096;
	(void)snprintf(text, sizeof(text), "0:%lld", (long long)pages);
	return vz_request_put(vz, request, key, text);
}

/* Addresses that no container can have: of groups, of everybody, of nobody, of the loopback. */
static bool is_usable(const char *address)
{
	unsigned char bytes[16];
	if (inet_pton(AF_INET, address, bytes) == 1)
		return bytes[0] != 0 && bytes[0] != 127 && bytes[0] < 224;
	return inet_pton(AF_INET6, address, bytes) == 1 && bytes[0] != 0xff && memcmp(bytes, (unsigned char[15]){ 0 }, 15) != 0;
}

static int add_address(struct vz *vz, struct string_list *list, const char *option, const char *value)
{
	char address[64], full[72];
	bool is_ipv6;
	unsigned prefix;
	if (vz_parse_address(value, address, sizeof(address), &is_ipv6, &prefix) < 0 || (strcmp(option, "ipdel") != 0 && !is_usable(address)))
		return vz_fail(vz, VZ_IP_FORMAT, "Bad parameter for --%s: %s", option, value);
	(void)snprintf(full, sizeof(full), strchr(value, '/') ? "%s/%u" : "%s", address, prefix);
	return string_list_has(list, full) || string_list_add(list, full) == 0 ? VZ_OK : VZ_SYSTEM;
}

static int add_word(struct vz *vz, struct string_list *list, const char *text)
{
	return text_split(text, " \t", list) < 0 ? vz_fail(vz, VZ_SYSTEM, "not enough memory") : VZ_OK;
}

static int add_domain(struct vz *vz, struct string_list *list, const char *value)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_ ";
	if (value[strspn(value, letters)] != '\0')
		return vz_fail(vz, VZ_SEARCHDOMAIN, "Bad parameter for --searchdomain: %s", value);
	return add_word(vz, list, value);
}

static int add_server(struct vz *vz, struct string_list *list, const char *value)
{
	char address[64];
	bool is_ipv6;
	unsigned prefix;
	if (strcmp(value, "inherit") != 0 && vz_parse_address(value, address, sizeof(address), &is_ipv6, &prefix) < 0)
		return vz_fail(vz, VZ_DNS, "Bad parameter for --nameserver: %s", value);
	return add_word(vz, list, value);
}

/* "[DOMAIN:]BUS:SLOT.FUNCTION", hexadecimal; with its domain in ret. */
static bool parse_pci(const char *text, char ret[16])
{
	unsigned domain = 0, bus, slot, function;
	int end = 0;
	if ((sscanf(text, "%4x:%2x:%2x.%1x%n", &domain, &bus, &slot, &function, &end) != 4 || text[end]) &&
		((domain = 0, sscanf(text, "%2x:%2x.%1x%n", &bus, &slot, &function, &end)) != 3 || text[end]))
		return false;
	(void)snprintf(ret, 16, "%04x:%02x:%02x.%x", domain & 0xffff, bus & 0xff, slot & 0xff, function & 7);
	return true;
}

/* A list of names, with value or without. */
static int change_list(struct vz *vz, struct vz_request *request, const char *key, const char *value, bool is_added)
{
	struct string_list list = { 0 };
	char text[512] = "";
	int r = text_split(vz_ct_get(&vz->ct, key) ?: "", " \t,", &list);
	if (r == 0 && is_added && !string_list_has(&list, value))
		r = string_list_add(&list, value);
	for (size_t i = 0; i < list.count; i++)
		if (is_added || strcmp(list.items[i], value) != 0)
			(void)snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%s", *text ? " " : "", list.items[i]);
	string_list_clear(&list);
	return r < 0 ? VZ_SYSTEM : vz_request_put(vz, request, key, text);
}

static int take_special(struct vz *vz, struct vz_request *request, const struct special_option *option, const char *value)
{
	char place[16];
	switch (option->kind) {
	case OPTION_SAVE:
		request->save = true;
		return VZ_OK;
	case OPTION_FORCE:
		request->force = true;
		return VZ_OK;
	case OPTION_RESET_UB:
		request->reset_ub = true;
		return VZ_OK;
	case OPTION_IGNORED:
		return VZ_OK;
	case OPTION_MODE:
		request->mode = value;
		return strcmp(value, "restart") == 0 || strcmp(value, "ignore") == 0 ? VZ_OK : bad_value(vz, "setmode", value);
	case OPTION_NAME:
		request->name = value;
		return VZ_OK;
	case OPTION_CONFIG:
		request->config = value;
		return strchr(value, '/') ? bad_value(vz, option->name, value) : VZ_OK;
	case OPTION_LAYOUT:
		request->layout = value;
		return text_starts(value, "simfs") || text_starts(value, "ploop") ? VZ_OK : bad_value(vz, option->name, value);
	case OPTION_RAM:
		return put_memory(vz, request, "PHYSPAGES", option->name, value);
	case OPTION_SWAP:
		return put_memory(vz, request, "SWAPPAGES", option->name, value);
	case OPTION_IPADD:
		return add_address(vz, &request->add, option->name, value);
	case OPTION_IPDEL:
		request->removes_all |= strcmp(value, "all") == 0;
		return request->removes_all ? VZ_OK : add_address(vz, &request->remove, option->name, value);
	case OPTION_PASSWORD:
		return string_list_add(&request->passwords, value) == 0 ? VZ_OK : VZ_SYSTEM;
	case OPTION_NAMESERVER:
		return add_server(vz, &request->nameservers, value);
	case OPTION_SEARCH:
		return add_domain(vz, &request->search, value);
	case OPTION_NETIF_ADD:
		return add_word(vz, &request->netif_add, value);
	case OPTION_NETIF_DEL:
		return add_word(vz, &request->netif_remove, value);
	case OPTION_INTERFACE: {
		char *text = NULL;
		int r = text_format(&text, "%s=%s", option->name, value);
		r = r ?: string_list_add(&request->interface, text);
		free(text);
		return r < 0 ? VZ_SYSTEM : VZ_OK;
	}
	case OPTION_NETDEV_ADD:
	case OPTION_NETDEV_DEL:
		return change_list(vz, request, "NETDEV", value, option->kind == OPTION_NETDEV_ADD);
	case OPTION_PCI_ADD:
	case OPTION_PCI_DEL:
		if (!parse_pci(value, place))
			return bad_value(vz, option->name, value);
		return change_list(vz, request, "PCI", place, option->kind == OPTION_PCI_ADD);
	case OPTION_MAP:
		return strcmp(value, "name") == 0 ? VZ_OK : bad_value(vz, option->name, value); /* the only one that there is */
	case OPTION_CAPABILITY:
		return vz_merge_switches(vz, request, "CAPABILITY", option->name, value);
	case OPTION_FEATURES:
		return vz_merge_switches(vz, request, "FEATURES", option->name, value);
	case OPTION_DEVNODES:
		return vz_merge_switches(vz, request, "DEVNODES", option->name, value);
	case OPTION_DEVICES:
		return vz_merge_switches(vz, request, "DEVICES", option->name, value);
	}
	return VZ_SYNTAX;
}

/* The value behind "=", or the next word. */
static const char *take_value(const struct vz *vz, const char *equal, int *index)
{
	return equal ? equal + 1 : *index + 1 < vz->argc ? vz->argv[++*index] : NULL;
}

static int take_option(struct vz *vz, struct vz_request *request, bool is_create, int *index)
{
	const char *word = vz->argv[*index], *equal = strchr(word, '=');
	char name[64];
	if (!text_starts(word, "--") || (equal ? (size_t)(equal - word) : strlen(word)) >= sizeof(name))
		return vz_fail(vz, VZ_SYNTAX, "Invalid extra arguments: %s", word);
	(void)snprintf(name, sizeof(name), "%.*s", equal ? (int)(equal - word - 2) : 60, word + 2);
	const struct special_option *special = specials;
	while (special->name && (strcmp(special->name, name) != 0 || !(is_create ? special->is_create : special->is_set)))
		special++;
	const struct vz_param *param = special->name ? NULL : vz_param_option(name);
	if (!special->name && (!param || (is_create && !(param->flags & VZ_CREATE))))
		return vz_fail(vz, VZ_SYNTAX, "Unrecognized option: %s", word);
	if (special->name && special->kind <= OPTION_IGNORED)
		return take_special(vz, request, special, NULL);
	const char *value = take_value(vz, equal, index);
	if (!value)
		return vz_fail(vz, VZ_SYNTAX, "Option --%s requires an argument", name);
	return special->name ? take_special(vz, request, special, value) : put_param(vz, request, param, value);
}

/* A list replaces the one that was there. */
static int put_list(struct vz *vz, struct vz_request *request, const char *key, const struct string_list *list)
{
	char text[1024] = "";
	if (list->count == 0)
		return VZ_OK;
	for (size_t i = 0; i < list->count; i++)
		(void)snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%s", i ? " " : "", list->items[i]);
	return vz_request_put(vz, request, key, text);
}

int vz_request_parse(struct vz *vz, bool is_create, struct vz_request *ret)
{
	int status = VZ_OK;
	*ret = (struct vz_request){ 0 };
	for (int i = 0; status == VZ_OK && i < vz->argc; i++)
		status = take_option(vz, ret, is_create, &i);
	status = status ?: put_list(vz, ret, "NAMESERVER", &ret->nameservers);
	status = status ?: put_list(vz, ret, "SEARCHDOMAIN", &ret->search);
	if (status == VZ_OK && text_equal(vz_conf_get(&vz->ct.given, "CPUMASK"), "auto") && !vz_ct_get(&vz->ct, "NODEMASK"))
		status = vz_fail(vz, VZ_BAD_VALUE, "Bad parameter for --cpumask: auto (it needs --nodemask)");
	if (status == VZ_OK && ret->force && !ret->save)
		status = vz_fail(vz, VZ_SYNTAX, "Option --force can only be used together with --save");
	return status ?: vz_merge_network(vz, ret);
}

void vz_request_clear(struct vz_request *request)
{
	struct string_list *lists[] = { &request->keys, &request->add, &request->remove, &request->passwords, &request->nameservers,
		&request->search, &request->netif_add, &request->netif_remove, &request->interface };
	for (size_t i = 0; i < sizeof(lists) / sizeof(*lists); i++)
		string_list_clear(lists[i]);
}

static void print_option(FILE *out, const char *name, const char *value, const char *help)
{
	int width = fprintf(out, "  --%s%s%s", name, value ? " " : "", value ?: "");
	fprintf(out, "%*s%s\n", width < 34 ? 34 - width : 1, "", help ?: "");
}

void vz_request_help(FILE *out, bool is_create)
{
	for (const struct special_option *option = specials; option->name; option++)
		if ((is_create ? option->is_create : option->is_set) && (option->help || option->kind == OPTION_INTERFACE))
			print_option(out, option->name, option->value_name, option->help);
	for (const struct vz_param *param = vz_params; param->key; param++)
		if (param->option && !(param->flags & VZ_NO_OPTION) && (!is_create || param->flags & VZ_CREATE))
			print_option(out, param->option, param->value_name,
				param->help ?: (param->flags & VZ_COUNTED ? "kept; has no effect here" : "a limit, barrier:limit"));
}
