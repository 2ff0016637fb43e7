/* The fields of vzlist. */
#include "tools/openvz/vzlist.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "base/text.h"
#include "kernel/path_in_root.h"
#include "storage/limit.h"

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>

static struct container_id id_of(const struct vl_row *row)
{
	return row->is_lxc ? (struct container_id){ .dialect = "lxc", .base_path = row->lxc_path, .name = row->lxc_name } :
			     (struct container_id){ .dialect = VZ_DIALECT, .base_path = row->ct.conf_dir, .name = row->ct.name };
}

/* ---- one container ---- */

int vl_open(const char *program, const char *word, struct vl_row *ret)
{
	struct error err = { 0 };
	struct status status = { .state = STATE_STOPPED };
	char line[1024];
	uint32_t id = vz_find(word);
	if (id == 0 || vz_ct_open(&ret->ct, id, &err) < 0 || !ret->ct.has_conf) {
		fprintf(stderr, "%s: %s: %s\n", program, word, *err.what ? error_render(&err, line, sizeof(line)) : "no such container");
		vz_ct_clear(&ret->ct);
		return -1;
	}
	struct container_id container = id_of(ret);
	(void)engine_status(&container, &status, NULL); /* what can not be read does not run */
	ret->status = status.state == STATE_STOPPED ? VL_STOPPED : VL_RUNNING;
	ret->init_pid = status.init_pid;
	return 0;
}

void vl_close(struct vl_row *row)
{
	spec_free(row->spec);
	vz_ct_clear(&row->ct);
}

int vl_running(struct string_list *ret)
{
	char directory[512];
	vz_conf_directory(directory, sizeof(directory));
	return engine_list_active(VZ_DIALECT, directory, ret, NULL);
}

/* ---- counters ---- */

static uint64_t group_number(const struct container_id *id, const char *file)
{
	auto_free char *text = NULL;
	uint64_t number;
	if (engine_cgroup_get(id, file, &text, NULL) < 0)
		return UINT64_MAX;
	text[strcspn(text, "\n")] = '\0';
	return text_to_u64(text, &number) < 0 ? UINT64_MAX : number;
}

/* The number behind "name " in a file of lines. */
static uint64_t number_in(const char *text, const char *name)
{
	size_t length = strlen(name);
	for (const char *line = text; line && *line; line = strchr(line, '\n'), line += line != NULL)
		if (strncmp(line, name, length) == 0 && line[length] == ' ')
			return strtoull(line + length + 1, NULL, 10);
	return UINT64_MAX;
}

static void read_use(struct vl_row *row)
{
	struct container_id id = id_of(row);
	struct engine_stats stats;
	auto_free char *memory = NULL, *events = NULL;
	struct vl_use *use = &row->use;
	if (use->is_read)
		return;
	memset(use, 0xff, sizeof(*use)); /* UINT64_MAX throughout */
	use->is_read = true;
	if (row->status != VL_RUNNING || engine_stats(&id, &stats, NULL) < 0)
		return;
	use->pids = stats.pids;
	use->memory = stats.memory_bytes;
	use->kernel = stats.kernel_memory_bytes;
	use->memory_failed = stats.memory_limit_hits;
	use->pids_peak = group_number(&id, "pids.peak");
	use->memory_peak = group_number(&id, "memory.peak");
	if (use->memory_peak == UINT64_MAX)
		use->memory_peak = group_number(&id, "memory.max_usage_in_bytes");
	use->swap = group_number(&id, "memory.swap.current");
	if (engine_cgroup_get(&id, "pids.events", &events, NULL) >= 0)
		use->pids_failed = number_in(events, "max");
	if (engine_cgroup_get(&id, "memory.stat", &memory, NULL) < 0)
		return;
	use->shared = number_in(memory, "shmem");
	use->anonymous = number_in(memory, "anon");
	if (use->anonymous == UINT64_MAX)
		use->anonymous = number_in(memory, "rss");
	use->locked = number_in(memory, "unevictable");
	use->reclaimable = number_in(memory, "slab_reclaimable");
	use->sockets = number_in(memory, "sock");
}

/* The number behind "inuse" or "used" of the first line that starts with name. */
static uint64_t socket_number(const char *text, const char *name)
{
	const char *line = text ? strstr(text, name) : NULL;
	const char *word = line ? strstr(line, "use") : NULL; /* "used" or "inuse" */
	return word ? strtoull(word + strcspn(word, " "), NULL, 10) : 0;
}

/* Sockets of the container's network namespace. */
static void count_sockets(const struct vl_row *row, uint64_t *ret_tcp, uint64_t *ret_others)
{
	char file[48];
	auto_free char *text = NULL, *text6 = NULL;
	size_t length;
	(void)snprintf(file, sizeof(file), "/proc/%d/net/sockstat", row->init_pid);
	(void)file_read(-1, file, 4096, &text, &length); /* it may have ended meanwhile: none then */
	(void)snprintf(file, sizeof(file), "/proc/%d/net/sockstat6", row->init_pid);
	(void)file_read(-1, file, 4096, &text6, &length);
	uint64_t used = socket_number(text, "sockets:");
	*ret_tcp = socket_number(text, "TCP:") + socket_number(text6, "TCP6:");
	*ret_others = used > *ret_tcp ? used - *ret_tcp : 0;
}

/* Terminals in its /dev/pts. */
static uint64_t count_terminals(const struct vl_row *row)
{
	char path[40];
	uint64_t count = 0;
	(void)snprintf(path, sizeof(path), "/proc/%d/root", row->init_pid);
	auto_close int root_fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	int fd = root_fd < 0 ? -1 : path_open_in_root(root_fd, "/dev/pts", O_RDONLY | O_DIRECTORY, 0);
	auto_closedir DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	if (!dir && fd >= 0)
		close(fd);
	for (struct dirent *entry; dir && (entry = readdir(dir));)
		count += entry->d_name[strspn(entry->d_name, "0123456789")] == '\0';
	return count;
}

/* What is counted by looking, and only when it is asked for. */
static bool count_by_looking(const struct vl_row *row, const char *key, uint64_t ret[5])
{
	uint64_t tcp, others;
	if (strcmp(key, "NUMPTY") == 0) {
		ret[0] = ret[1] = count_terminals(row);
		return true;
	}
	if (strcmp(key, "NUMTCPSOCK") != 0 && strcmp(key, "NUMOTHERSOCK") != 0)
		return false;
	count_sockets(row, &tcp, &others);
	ret[0] = ret[1] = strcmp(key, "NUMTCPSOCK") == 0 ? tcp : others;
	return true;
}

static uint64_t pages(uint64_t bytes)
{
	return bytes == UINT64_MAX ? 0 : bytes / 4096;
}

static uint64_t known(uint64_t number)
{
	return number == UINT64_MAX ? 0 : number;
}

/* held, maxheld and failcnt of what the kernel counts; 0 for the rest. */
static void count(const struct vl_use *use, const char *key, uint64_t ret[5])
{
	const struct {
		const char *key;
		uint64_t held, peak, failed;
	} known_keys[] = {
		{ "NUMPROC", known(use->pids), known(use->pids_peak), known(use->pids_failed) },
		{ "PHYSPAGES", pages(use->memory), pages(use->memory_peak), known(use->memory_failed) },
		{ "OOMGUARPAGES", pages(use->memory), pages(use->memory_peak), 0 },
		{ "SWAPPAGES", pages(use->swap), 0, 0 },
		{ "KMEMSIZE", known(use->kernel), 0, 0 },
		{ "PRIVVMPAGES", pages(use->anonymous), 0, 0 },
		{ "SHMPAGES", pages(use->shared), 0, 0 },
		{ "LOCKEDPAGES", pages(use->locked), 0, 0 },
		{ "DCACHESIZE", known(use->reclaimable), 0, 0 },
		{ "OTHERSOCKBUF", known(use->sockets), 0, 0 },
	};
	for (size_t i = 0; i < sizeof(known_keys) / sizeof(*known_keys); i++)
		if (strcmp(known_keys[i].key, key) == 0) {
			ret[0] = known_keys[i].held;
			ret[1] = known_keys[i].peak > ret[0] ? known_keys[i].peak : ret[0];
			ret[4] = known_keys[i].failed;
		}
}

bool vl_ubc(struct vl_row *row, const struct vl_field *field, uint64_t ret[5])
{
	const struct vz_param *param = vz_param_find(field->key);
	const char *value = vz_ct_get(&row->ct, field->key);
	struct vz_pair pair = { VZ_UNLIMITED, VZ_UNLIMITED };
	if (row->is_lxc)
		value = NULL;
	memset(ret, 0, 5 * sizeof(*ret));
	if (value && vz_parse_pair(value, param->kind, &pair) < 0)
		value = NULL;
	if (row->status == VL_RUNNING && !count_by_looking(row, field->key, ret)) {
		read_use(row);
		count(&row->use, field->key, ret);
	}
	ret[2] = (uint64_t)pair.barrier;
	ret[3] = (uint64_t)pair.limit;
	return value || row->status == VL_RUNNING;
}

bool vl_disk(struct vl_row *row, const struct vl_field *field, uint64_t ret[3])
{
	bool is_space = strcmp(field->key, "DISKSPACE") == 0;
	const char *value = row->is_lxc ? NULL : vz_ct_get(&row->ct, field->key);
	struct storage_usage usage = { 0 };
	struct vz_pair pair;
	auto_free char *area = row->is_lxc ? NULL : vz_ct_path(&row->ct, "VE_PRIVATE");
	if (!value || vz_parse_pair(value, is_space ? VZ_DISK_SPACE : VZ_DISK_INODES, &pair) < 0)
		return false;
	ret[0] = 0;
	if (area && row->status == VL_RUNNING && !vz_ct_is_ploop(&row->ct, NULL) &&
		storage_limit_get("dir", area, -1, &usage, NULL) == 0)
		ret[0] = is_space ? usage.bytes / 1024 : known(usage.inodes);
	ret[1] = (uint64_t)pair.barrier;
	ret[2] = (uint64_t)pair.limit;
	return true;
}

/* ---- single values ---- */

static char *get_id(struct vl_row *row, const struct vl_field *field)
{
	(void)field;
	return strdup(row->is_lxc ? row->lxc_name : row->ct.name);
}

static char *get_name(struct vl_row *row, const struct vl_field *field)
{
	const char *name = row->is_lxc ? row->lxc_name : vz_ct_get(&row->ct, "NAME");
	if (!name && strcmp(field->name, "smart_name") == 0)
		name = row->ct.name;
	return name ? strdup(name) : NULL;
}

static char *get_path(struct vl_row *row, const struct vl_field *field)
{
	return row->is_lxc ? NULL : vz_ct_path(&row->ct, field->key);
}

static char *get_status(struct vl_row *row, const struct vl_field *field)
{
	static const char *const names[] = { "running", "stopped", "mounted", "suspended" };
	(void)field;
	return strdup(names[row->status]);
}

static const struct spec *running_spec(struct vl_row *row)
{
	struct container_id id = id_of(row);
	if (!row->spec && row->status == VL_RUNNING)
		(void)engine_running_spec(&id, &row->spec, NULL); /* it may have ended meanwhile */
	return row->spec;
}

static char *get_hostname(struct vl_row *row, const struct vl_field *field)
{
	const char *name = row->is_lxc ? NULL : vz_ct_get(&row->ct, field->key);
	const struct spec *spec = row->is_lxc ? running_spec(row) : NULL;
	if (spec)
		name = spec->identity.hostname ?: row->lxc_name;
	return name ? strdup(name) : NULL;
}

/* Of one that runs: what it has now. */
static char *get_addresses(struct vl_row *row, const struct vl_field *field)
{
	struct container_id id = id_of(row);
	struct string_list list = { 0 };
	char *text = NULL;
	size_t size;
	const char *value = row->is_lxc ? NULL : vz_ct_get(&row->ct, field->key);
	if (row->status != VL_RUNNING)
		return value ? strdup(value) : NULL;
	(void)engine_addresses(&id, NULL, NULL, 0, &list, NULL);
	FILE *out = open_memstream(&text, &size);
	for (size_t i = 0; out && i < list.count; i++)
		fprintf(out, "%s%s", i ? " " : "", list.items[i]);
	if (out)
		fclose(out);
	string_list_clear(&list);
	return text;
}

static char *get_uptime(struct vl_row *row, const struct vl_field *field)
{
	char path[40], *text = NULL;
	auto_free char *stat = NULL, *uptime = NULL;
	unsigned long long ticks;
	size_t length;
	(void)field;
	(void)snprintf(path, sizeof(path), "/proc/%d/stat", row->init_pid);
	if (row->status != VL_RUNNING || file_read(-1, path, 4096, &stat, &length) < 0 ||
		file_read(-1, "/proc/uptime", 128, &uptime, &length) < 0)
		return NULL;
	const char *behind = strrchr(stat, ')'); /* proc_pid_stat(5): field 22 */
	if (!behind || sscanf(behind + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d %*d %llu", &ticks) != 1)
		return NULL;
	double seconds = strtod(uptime, NULL) - (double)ticks / (double)sysconf(_SC_CLK_TCK);
	return text_format(&text, "%.3f", seconds < 0 ? 0 : seconds) < 0 ? NULL : text;
}

static char *get_layout(struct vl_row *row, const struct vl_field *field)
{
	(void)field;
	return row->is_lxc ? NULL : strdup(vz_ct_is_ploop(&row->ct, NULL) ? "ploop" : "simfs");
}

static char *get_vswap(struct vl_row *row, const struct vl_field *field)
{
	struct vz_pair pair;
	const char *value = row->is_lxc ? NULL : vz_ct_get(&row->ct, "PHYSPAGES");
	(void)field;
	return strdup(value && vz_parse_pair(value, VZ_UBC_PAGES, &pair) == 0 && pair.limit != VZ_UNLIMITED ? "yes" : "no");
}

static char *get_disabled(struct vl_row *row, const struct vl_field *field)
{
	return strdup(!row->is_lxc && vz_ct_is(&row->ct, field->key, false) ? "yes" : "no");
}

/* What the kernel has no number of. */
static char *get_nothing(struct vl_row *row, const struct vl_field *field)
{
	(void)row;
	(void)field;
	return NULL;
}

/* clang-format off */
const struct vl_field vl_fields[] = {
	{ "ctid", "CTID", 10, VL_NUMBER, NULL, get_id },
	{ "veid", "CTID", 10, VL_NUMBER, NULL, get_id },
	{ "vpsid", "CTID", 10, VL_NUMBER, NULL, get_id },
	{ "private", "PRIVATE", -32, VL_TEXT, "VE_PRIVATE", get_path },
	{ "root", "ROOT", -32, VL_TEXT, "VE_ROOT", get_path },
	{ "mount_opts", "MOUNT_OPTS", -16, VL_TEXT, "MOUNT_OPTS", NULL },
	{ "origin_sample", "ORIGIN_SAMPLE", 32, VL_TEXT, "ORIGIN_SAMPLE", NULL },
	{ "hostname", "HOSTNAME", -32, VL_TEXT, "HOSTNAME", get_hostname },
	{ "name", "NAME", -32, VL_TEXT, "NAME", get_name },
	{ "smart_name", "SMARTNAME", 10, VL_NUMBER, "NAME", get_name },
	{ "description", "DESCRIPTION", -32, VL_TEXT, "DESCRIPTION", NULL },
	{ "ostemplate", "OSTEMPLATE", -32, VL_TEXT, "OSTEMPLATE", NULL },
	{ "ip", "IP_ADDR", -15, VL_LIST, "IP_ADDRESS", get_addresses },
	{ "nameserver", "NAMESERVER", -15, VL_LIST, "NAMESERVER", NULL },
	{ "searchdomain", "SEARCHDOMAIN", -15, VL_LIST, "SEARCHDOMAIN", NULL },
	{ "status", "STATUS", -9, VL_TEXT, NULL, get_status },
	{ "kmemsize", "KMEMSIZE", 10, VL_UBC, "KMEMSIZE", NULL },
	{ "lockedpages", "LOCKEDP", 10, VL_UBC, "LOCKEDPAGES", NULL },
	{ "privvmpages", "PRIVVMP", 10, VL_UBC, "PRIVVMPAGES", NULL },
	{ "shmpages", "SHMP", 10, VL_UBC, "SHMPAGES", NULL },
	{ "numproc", "NPROC", 10, VL_UBC, "NUMPROC", NULL },
	{ "physpages", "PHYSP", 10, VL_UBC, "PHYSPAGES", NULL },
	{ "vmguarpages", "VMGUARP", 10, VL_UBC, "VMGUARPAGES", NULL },
	{ "oomguarpages", "OOMGUARP", 10, VL_UBC, "OOMGUARPAGES", NULL },
	{ "numtcpsock", "NTCPSOCK", 10, VL_UBC, "NUMTCPSOCK", NULL },
	{ "numflock", "NFLOCK", 10, VL_UBC, "NUMFLOCK", NULL },
	{ "numpty", "NPTY", 10, VL_UBC, "NUMPTY", NULL },
	{ "numsiginfo", "NSIGINFO", 10, VL_UBC, "NUMSIGINFO", NULL },
	{ "tcpsndbuf", "TCPSNDB", 10, VL_UBC, "TCPSNDBUF", NULL },
	{ "tcprcvbuf", "TCPRCVB", 10, VL_UBC, "TCPRCVBUF", NULL },
	{ "othersockbuf", "OTHSOCKB", 10, VL_UBC, "OTHERSOCKBUF", NULL },
	{ "dgramrcvbuf", "DGRAMRB", 10, VL_UBC, "DGRAMRCVBUF", NULL },
	{ "numothersock", "NOTHSOCK", 10, VL_UBC, "NUMOTHERSOCK", NULL },
	{ "dcachesize", "DCACHESZ", 10, VL_UBC, "DCACHESIZE", NULL },
	{ "numfile", "NFILE", 10, VL_UBC, "NUMFILE", NULL },
	{ "numiptent", "NIPTENT", 10, VL_UBC, "NUMIPTENT", NULL },
	{ "swappages", "SWAPP", 10, VL_UBC, "SWAPPAGES", NULL },
	{ "diskspace", "DSPACE", 10, VL_DISK, "DISKSPACE", NULL },
	{ "diskinodes", "DINODES", 10, VL_DISK, "DISKINODES", NULL },
	{ "laverage", "LAVERAGE", 14, VL_RAW, NULL, get_nothing },
	{ "uptime", "UPTIME", 15, VL_RAW, NULL, get_uptime },
	{ "cpulimit", "CPULIM", 7, VL_NUMBER, "CPULIMIT", NULL },
	{ "cpuunits", "CPUUNI", 7, VL_NUMBER, "CPUUNITS", NULL },
	{ "cpus", "CPUS", 5, VL_NUMBER, "CPUS", NULL },
	{ "ioprio", "IOP", 3, VL_NUMBER, "IOPRIO", NULL },
	{ "iolimit", "IOLIMIT", 10, VL_NUMBER, "IOLIMIT", NULL },
	{ "iopslimit", "IOPS", 4, VL_NUMBER, "IOPSLIMIT", NULL },
	{ "onboot", "ONBOOT", 6, VL_BOOL, "ONBOOT", NULL },
	{ "bootorder", "BOOTORDER", 10, VL_NUMBER, "BOOTORDER", NULL },
	{ "layout", "LAYOUT", 6, VL_TEXT, NULL, get_layout },
	{ "features", "FEATURES", -15, VL_TEXT, "FEATURES", NULL },
	{ "vswap", "VSWAP", 5, VL_BOOL, NULL, get_vswap },
	{ "disabled", "DISABL", 6, VL_BOOL, "DISABLED", get_disabled },
	{ "vm_overcommit", "VM_OVC", 6, VL_NUMBER, "VM_OVERCOMMIT", NULL },
	{ "netfilter", "NETFILTER", -9, VL_TEXT, "NETFILTER", NULL },
	{ "capability", "CAPABILITY", -15, VL_TEXT, "CAPABILITY", NULL },
	{ NULL, NULL, 0, VL_TEXT, NULL, NULL },
};
/* clang-format on */

const struct vl_field *vl_find(const char *name, size_t length)
{
	for (const struct vl_field *field = vl_fields; field->name; field++)
		if (strncmp(field->name, name, length) == 0 && field->name[length] == '\0')
			return field;
	return NULL;
}
