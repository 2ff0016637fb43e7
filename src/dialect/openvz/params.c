#include "dialect/openvz/params.h"

#include "base/cleanup.h"
#include "base/text.h"

#include <ctype.h>
#include <inttypes.h>
#include <string.h>
#include <strings.h>

#define PAGE 4096

/* clang-format off */
#define UBC(key, option, kind, flags) { key, option, kind, flags, "NUM[:NUM]", NULL }
const struct vz_param vz_params[] = {
	{ "ONBOOT", "onboot", VZ_YESNO, VZ_SAVE_ONLY, "yes|no", "start when the host starts" },
	{ "BOOTORDER", "bootorder", VZ_NUMBER, VZ_SAVE_ONLY, "NUM", "the higher the earlier when the host starts" },
	{ "DISABLED", "disabled", VZ_YESNO, VZ_SAVE_ONLY, "yes|no", "refuse to start it" },
	{ "OSTEMPLATE", "ostemplate", VZ_TEXT, VZ_SAVE_ONLY | VZ_CREATE, "NAME", "template that its system came from" },
	{ "DESCRIPTION", "description", VZ_TEXT, VZ_SAVE_ONLY | VZ_CREATE, "TEXT", "any text" },
	{ "STOP_TIMEOUT", "stop-timeout", VZ_NUMBER, VZ_SAVE_ONLY, "SECONDS", "how long a stop waits before it kills (120)" },
	{ "VE_ROOT", "root", VZ_TEXT, VZ_CREATE | VZ_RESTART, "PATH", "where its files are mounted" },
	{ "VE_PRIVATE", "private", VZ_TEXT, VZ_CREATE | VZ_RESTART, "PATH", "where its files lie" },
	{ "HOSTNAME", "hostname", VZ_TEXT, VZ_CREATE, "NAME", "its host name" },
	{ "MOUNT_OPTS", "mount_opts", VZ_TEXT, VZ_RESTART, "OPT[,OPT]", "mount options of an image" },
	{ "LOCAL_UID", "local_uid", VZ_NUMBER, VZ_CREATE | VZ_RESTART, "ID", "first of its 65536 user ids on the host; 0: the host's own" },
	{ "LOCAL_GID", "local_gid", VZ_NUMBER, VZ_CREATE | VZ_RESTART, "ID", "the same of groups" },
	UBC("PHYSPAGES", "physpages", VZ_UBC_PAGES, 0),
	UBC("SWAPPAGES", "swappages", VZ_UBC_PAGES, 0),
	UBC("NUMPROC", "numproc", VZ_UBC_ITEMS, 0),
	UBC("NUMPTY", "numpty", VZ_UBC_ITEMS, VZ_RESTART),
	UBC("VMGUARPAGES", "vmguarpages", VZ_UBC_PAGES, 0),
	UBC("OOMGUARPAGES", "oomguarpages", VZ_UBC_PAGES, 0),
	UBC("LOCKEDPAGES", "lockedpages", VZ_UBC_PAGES, VZ_RESTART),
	UBC("NUMSIGINFO", "numsiginfo", VZ_UBC_ITEMS, VZ_RESTART),
	UBC("KMEMSIZE", "kmemsize", VZ_UBC_BYTES, VZ_COUNTED),
	UBC("PRIVVMPAGES", "privvmpages", VZ_UBC_PAGES, VZ_COUNTED),
	UBC("SHMPAGES", "shmpages", VZ_UBC_PAGES, VZ_COUNTED),
	UBC("AVNUMPROC", "avnumproc", VZ_UBC_ITEMS, VZ_COUNTED),
	UBC("NUMTCPSOCK", "numtcpsock", VZ_UBC_ITEMS, VZ_COUNTED),
	UBC("NUMOTHERSOCK", "numothersock", VZ_UBC_ITEMS, VZ_COUNTED),
	UBC("TCPSNDBUF", "tcpsndbuf", VZ_UBC_BYTES, VZ_COUNTED),
	UBC("TCPRCVBUF", "tcprcvbuf", VZ_UBC_BYTES, VZ_COUNTED),
	UBC("OTHERSOCKBUF", "othersockbuf", VZ_UBC_BYTES, VZ_COUNTED),
	UBC("DGRAMRCVBUF", "dgramrcvbuf", VZ_UBC_BYTES, VZ_COUNTED),
	UBC("NUMFILE", "numfile", VZ_UBC_ITEMS, VZ_COUNTED),
	UBC("NUMFLOCK", "numflock", VZ_UBC_ITEMS, VZ_COUNTED),
	UBC("DCACHESIZE", "dcachesize", VZ_UBC_BYTES, VZ_COUNTED),
	UBC("NUMIPTENT", "numiptent", VZ_UBC_ITEMS, VZ_COUNTED),
	{ "VM_OVERCOMMIT", "vm_overcommit", VZ_FLOAT, VZ_COUNTED, "FACTOR", NULL },
	{ "MEMINFO", "meminfo", VZ_MEMINFO, VZ_COUNTED, "MODE[:NUM]", NULL },
	{ "CPUUNITS", "cpuunits", VZ_UNITS, 0, "NUM", "share of processor time (1000)" },
	{ "CPULIMIT", "cpulimit", VZ_PERCENT, 0, "NUM[%]", "processor time at most; 100: one processor, 0: no limit" },
	{ "CPUS", "cpus", VZ_NUMBER, 0, "NUM", "as many processors' time at most" },
	{ "CPUMASK", "cpumask", VZ_CPU_LIST, 0, "LIST|all", "the processors it may use" },
	{ "NODEMASK", "nodemask", VZ_CPU_LIST, 0, "LIST|all", "the memory nodes it may use" },
	{ "IOPRIO", "ioprio", VZ_PRIORITY, 0, "0..7", "priority of its disk accesses (4)" },
	{ "IOLIMIT", "iolimit", VZ_BYTES_RATE, 0, "NUM[B|K|M|G]", "bytes per second from and to the disk; MB without a letter" },
	{ "IOPSLIMIT", "iopslimit", VZ_NUMBER, 0, "NUM", "disk accesses per second" },
	{ "DISK_QUOTA", "diskquota", VZ_YESNO, VZ_RESTART, "yes|no", "whether DISKSPACE and DISKINODES hold" },
	{ "DISKSPACE", "diskspace", VZ_DISK_SPACE, VZ_CREATE, "NUM[:NUM]", "its disk space, in KB or with K, M, G, T" },
	{ "DISKINODES", "diskinodes", VZ_DISK_INODES, VZ_CREATE, "NUM[:NUM]", "its number of files" },
	{ "QUOTATIME", "quotatime", VZ_NUMBER, VZ_COUNTED, "SECONDS", NULL },
	{ "QUOTAUGIDLIMIT", "quotaugidlimit", VZ_NUMBER, VZ_RESTART, "NUM", "not 0: its root manages quotas of its users (in an image)" },
	{ "NETFILTER", "netfilter", VZ_NETFILTER, VZ_COUNTED, "MODE", NULL },
	{ "IPTABLES", "iptables", VZ_TEXT, VZ_COUNTED, "NAME", NULL },
	{ "NOATIME", "noatime", VZ_YESNO, VZ_COUNTED, "yes|no", NULL },
	/* of Virtuozzo 7 */
	{ "RATE", "rate", VZ_RATE, VZ_RESTART, "DEVICE:CLASS:KBIT", "what it may send, with RATEBOUND and TRAFFIC_SHAPING of vz.conf" },
	{ "RATEBOUND", "ratebound", VZ_YESNO, VZ_RESTART, "yes|no", "whether RATE is a limit" },
	{ "MEMGUARANTEE", "memguarantee", VZ_TEXT, VZ_COUNTED, "PERCENT|auto", NULL },
	{ "HA_ENABLE", "ha_enable", VZ_YESNO, VZ_COUNTED, "yes|no", NULL },
	{ "HA_PRIO", "ha_prio", VZ_NUMBER, VZ_COUNTED, "NUM", NULL },
	{ "AUTOSTOP", "autostop", VZ_TEXT, VZ_COUNTED, "MODE", NULL },
	{ "PCI", NULL, VZ_TEXT, VZ_NO_OPTION | VZ_COUNTED, NULL, NULL },
	{ "NAMESERVER", "nameserver", VZ_TEXT, VZ_NO_OPTION, NULL, NULL },
	{ "SEARCHDOMAIN", "searchdomain", VZ_TEXT, VZ_NO_OPTION, NULL, NULL },
	{ "IP_ADDRESS", NULL, VZ_TEXT, VZ_NO_OPTION, NULL, NULL },
	{ "NETIF", NULL, VZ_TEXT, VZ_NO_OPTION, NULL, NULL },
	{ "NETDEV", NULL, VZ_TEXT, VZ_NO_OPTION, NULL, NULL },
	{ "CAPABILITY", NULL, VZ_TEXT, VZ_NO_OPTION, NULL, NULL },
	{ "FEATURES", NULL, VZ_TEXT, VZ_NO_OPTION, NULL, NULL },
	{ "DEVICES", NULL, VZ_TEXT, VZ_NO_OPTION, NULL, NULL },
	{ "DEVNODES", NULL, VZ_TEXT, VZ_NO_OPTION, NULL, NULL },
	{ "NAME", NULL, VZ_TEXT, VZ_NO_OPTION, NULL, NULL },
	{ NULL, NULL, VZ_TEXT, 0, NULL, NULL },
};
/* clang-format on */

const struct vz_param *vz_param_find(const char *key)
{
	for (const struct vz_param *param = vz_params; param->key; param++)
		if (strcmp(param->key, key) == 0)
			return param;
	return NULL;
}

const struct vz_param *vz_param_option(const char *option)
{
	for (const struct vz_param *param = vz_params; param->key; param++)
		if (param->option && strcmp(param->option, option) == 0 && !(param->flags & VZ_NO_OPTION))
			return param;
	return NULL;
}

/* ---- numbers ---- */

/* Bytes of the unit letter, 0: none. */
static int64_t unit_bytes(int letter)
{
	switch (toupper(letter)) {
	case 'T':
		return INT64_C(1) << 40;
	case 'G':
		return 1 << 30;
	case 'M':
		return 1 << 20;
	case 'K':
		return 1 << 10;
	case 'P':
		return PAGE;
	case 'B':
		return 1;
	default:
		return 0;
	}
}

/* base: what the number counts in, in bytes, and what a number without unit is; 0: items, no unit but K, M, G of 1024. */
static int parse_amount(const char *text, size_t length, int64_t base, int64_t *ret)
{
	char buffer[64], *end;
	if (length == 0 || length >= sizeof(buffer))
		return -EINVAL;
	(void)snprintf(buffer, sizeof(buffer), "%.*s", (int)length, text);
	if (strcasecmp(buffer, "unlimited") == 0) {
		*ret = VZ_UNLIMITED;
		return 0;
	}
	if (!isdigit((unsigned char)*buffer))
		return -EINVAL;
	errno = 0;
	long long whole = strtoll(buffer, &end, 10);
	double fraction = 0;
	if (errno)
		return -EINVAL;
	if (*end == '.' && isdigit((unsigned char)end[1])) {
		char *point = end;
		for (double part = 0.1; isdigit((unsigned char)*++point); part /= 10)
			fraction += part * (*point - '0');
		end = point;
	}
	if (*end == '\0') {
		*ret = whole;
		return 0;
	}
	int64_t unit = unit_bytes(*end);
	size_t rest = strlen(end);
	if (unit == 0 || (rest == 2 && toupper((unsigned char)end[1]) != 'B') || rest > 2)
		return -EINVAL;
	if (whole > VZ_UNLIMITED / unit)
		return -EINVAL;
	*ret = (whole * unit + (int64_t)(fraction * (double)unit)) / (base ?: 1);
	return 0;
}

static int64_t base_of(enum vz_kind kind)
{
	return kind == VZ_UBC_PAGES ? PAGE : kind == VZ_DISK_SPACE ? 1024 : kind == VZ_UBC_BYTES ? 1 : 0;
}

int vz_parse_pair(const char *text, enum vz_kind kind, struct vz_pair *ret)
{
	size_t length = strcspn(text, ":");
	int r = parse_amount(text, length, base_of(kind), &ret->barrier);
	ret->limit = ret->barrier;
	if (r == 0 && text[length])
		r = parse_amount(text + length + 1, strlen(text + length + 1), base_of(kind), &ret->limit);
	return r == 0 && ret->barrier > ret->limit ? -EINVAL : r;
}

static int parse_rate(const char *text, int64_t *ret)
{
	char megabytes[64];
	bool has_unit = text[strspn(text, "0123456789.")] != '\0';
	(void)snprintf(megabytes, sizeof(megabytes), "%sM", text);
	int r = has_unit ? parse_amount(text, strlen(text), 1, ret) : parse_amount(megabytes, strlen(megabytes), 1, ret);
	if (r == 0 && *ret == VZ_UNLIMITED)
		*ret = 0;
	return r == 0 && *ret > INT32_MAX ? -EINVAL : r;
}

static int print_number(char **ret, const char *text, int64_t least, int64_t most)
{
	uint64_t number;
	if (text_to_u64(text, &number) < 0 || (int64_t)number < least || (int64_t)number > most)
		return -EINVAL;
	return text_format(ret, "%" PRIu64, number);
}

static int print_pair(const struct vz_param *param, const char *text, char **ret)
{
	struct vz_pair pair;
	int r = vz_parse_pair(text, param->kind, &pair);
	return r < 0 ? r : text_format(ret, "%" PRId64 ":%" PRId64, pair.barrier, pair.limit);
}

static int parse_percent(const char *text, char **ret)
{
	auto_free char *copy = strdup(text);
	size_t length = strlen(text);
	if (copy && length && copy[length - 1] == '%')
		copy[length - 1] = '\0';
	return copy ? print_number(ret, copy, 0, 1000000) : -ENOMEM;
}

/* "none", "pages:N", "privvmpages:N" */
static int parse_meminfo(const char *text, char **ret)
{
	uint64_t number;
	const char *colon = strchr(text, ':');
	bool has_mode = text_starts(text, "pages:") || text_starts(text, "privvmpages:");
	return strcmp(text, "none") == 0 || (has_mode && text_to_u64(colon + 1, &number) == 0) ? text_replace(ret, text) : -EINVAL;
}

/* "DEVICE:CLASS:KBIT", several behind each other */
static int parse_rates(const char *text, char **ret)
{
	struct string_list words = { 0 };
	int r = text_split(text, " \t", &words);
	for (size_t i = 0; r == 0 && i < words.count; i++) {
		uint32_t class, rate;
		char *last = strrchr(words.items[i], ':');
		r = last ? text_to_u32(last + 1, &rate) : -EINVAL;
		if (r == 0)
			*last = '\0';
		char *first = r == 0 ? strchr(words.items[i], ':') : NULL;
		r = r ?: first && first > words.items[i] ? text_to_u32(first + 1, &class) : -EINVAL;
	}
	string_list_clear(&words);
	return r < 0 ? -EINVAL : text_replace(ret, text);
}

static int parse_word(const char *text, const char *const *words, char **ret)
{
	for (; *words; words++)
		if (strcmp(text, *words) == 0)
			return text_replace(ret, text);
	return -EINVAL;
}

int vz_param_parse(const struct vz_param *param, const char *text, char **ret)
{
	static const char *const yesno[] = { "yes", "no", NULL };
	static const char *const filters[] = { "disabled", "stateless", "stateful", "full", NULL };
	int64_t amount;
	*ret = NULL;
	switch (param->kind) {
	case VZ_YESNO:
		return parse_word(text, yesno, ret);
	case VZ_NETFILTER:
		return parse_word(text, filters, ret);
	case VZ_NUMBER:
		return print_number(ret, text, 0, INT64_C(4294967295));
	case VZ_UNITS:
		return print_number(ret, text, 8, 500000);
	case VZ_PRIORITY:
		return print_number(ret, text, 0, 7);
	case VZ_MEMINFO:
		return parse_meminfo(text, ret);
	case VZ_RATE:
		return parse_rates(text, ret);
	case VZ_PERCENT:
		return parse_percent(text, ret);
	case VZ_BYTES_RATE:
		return parse_rate(text, &amount) < 0 ? -EINVAL : text_format(ret, "%" PRId64, amount);
	case VZ_FLOAT:
		return *text && text[strspn(text, "0123456789.")] == '\0' ? text_replace(ret, text) : -EINVAL;
	case VZ_CPU_LIST:
		return strcmp(text, "all") == 0 || (strcmp(text, "auto") == 0 && strcmp(param->key, "CPUMASK") == 0) || (*text && text[strspn(text, "0123456789,-")] == '\0') ?
			       text_replace(ret, text) : -EINVAL;
	case VZ_UBC_ITEMS:
	case VZ_UBC_BYTES:
	case VZ_UBC_PAGES:
	case VZ_DISK_SPACE:
	case VZ_DISK_INODES:
		return print_pair(param, text, ret);
	default:
		return strchr(text, '\n') ? -EINVAL : text_replace(ret, text);
	}
}

bool vz_is_name(const char *text)
{
	size_t length = strlen(text);
	if (length == 0 || length > 63 || *text == '.' || text[strspn(text, "0123456789")] == '\0')
		return false;
	for (; *text; text++)
		if (!isalnum((unsigned char)*text) && !strchr("-_.+ ", *text))
			return false;
	return true;
}

uint32_t vz_parse_id(const char *text)
{
	uint32_t id;
	return text_to_u32(text, &id) == 0 && id <= 2147483644U ? id : 0;
}
