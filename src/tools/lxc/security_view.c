/* lxc-info --security: collects the rows, prints them. */
#include "tools/lxc/security_view.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "base/text.h"
#include "kernel/capability.h"
#include "liblxc/extra.h"

#include <lxc/lxccontainer.h>

#include <dirent.h>
#include <fcntl.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *const verdict_names[VERDICTS] = { "isolated", "shared", "limited", "unlimited", "unknown" };

void view_add(struct security_view *view, const char *area, const char *name, enum verdict verdict, const char *detail, ...)
{
	va_list arguments;
	char *text = NULL;

	va_start(arguments, detail);
	int r = text_vformat(&text, detail, arguments);
	va_end(arguments);
	struct security_row *row = r < 0 ? NULL : vector_add(&view->rows);
	if (!row) {
		view->is_out_of_memory = true;
		free(text);
		return;
	}
	for (char *at = text; *at; at++)
		if ((unsigned char)*at < ' ' || *at == 0x7f)
			*at = '?';
	*row = (struct security_row){ area, name, verdict, text };
}

char *view_read(pid_t pid, const char *name)
{
	char path[96], *text;
	size_t length;

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
	return file_read(AT_FDCWD, path, 16 << 20, &text, &length) < 0 ? NULL : text;
}

void view_status(const char *status, const char *key, char *ret, size_t size)
{
	size_t length = strlen(key);

	*ret = '\0';
	for (const char *line = status; line; line = strchr(line, '\n'), line += line != NULL) {
		if (strncmp(line, key, length) != 0 || line[length] != ':')
			continue;
		line += length + 1;
		line += strspn(line, " \t");
		snprintf(ret, size, "%.*s", (int)strcspn(line, "\n"), line);
		return;
	}
}

char *view_capabilities(uint64_t mask)
{
	char *text = NULL;
	size_t size;
	int last = capability_last(), has = __builtin_popcountll(mask);
	uint64_t all = last >= 63 ? ~0ULL : (1ULL << (last + 1)) - 1;
	bool is_inverse = has * 2 > last;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return NULL;
	if ((mask & all) == all || !mask)
		fputs(mask ? "all" : "none", out);
	else if (is_inverse)
		fputs("all but", out);
	for (int i = 0; i <= last && mask && (mask & all) != all; i++)
		if (!(mask >> i & 1) == is_inverse) {
			const char *name = capability_name((unsigned)i);
			name ? fprintf(out, " %s", name) : fprintf(out, " %d", i);
		}
	if (fclose(out) != 0) {
		free(text);
		return NULL;
	}
	if (*text == ' ')
		memmove(text, text + 1, strlen(text));
	return text;
}

static bool is_same_file(pid_t pid, pid_t other, const char *name)
{
	char path[64];
	struct stat info, others;

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
	bool has = stat(path, &info) == 0;
	snprintf(path, sizeof(path), "/proc/%d/%s", (int)other, name);
	return has && stat(path, &others) == 0 && info.st_dev == others.st_dev && info.st_ino == others.st_ino;
}

/* The tiny init has executed nothing: it is the supervisor's program still. Its command is its first child. */
static pid_t find_program(pid_t init, pid_t supervisor)
{
	if (supervisor <= 0 || !is_same_file(init, supervisor, "exe"))
		return init;
	pid_t child = 0;
	auto_closedir DIR *proc = opendir("/proc");
	for (struct dirent *entry; proc && (entry = readdir(proc));) {
		int pid = atoi(entry->d_name), parent;
		auto_free char *stat = pid > 0 ? view_read(pid, "stat") : NULL;
		const char *end = stat ? strrchr(stat, ')') : NULL; /* a name may have any character */
		if (end && sscanf(end, ") %*c %d", &parent) == 1 && parent == init && (!child || pid < child))
			child = pid;
	}
	return child ? child : init;
}

static void read_links(struct security_view *view, struct lxc_container *c)
{
	enum { MAX_LINKS = 64 };
	struct extra_link links[MAX_LINKS];
	char names[512] = "", peers[512] = "";
	auto_free char *devices = view_read(view->program, "net/dev");

	for (char *line = devices; line && *line; line = strchr(line, '\n'), line += line != NULL) {
		char name[32], end;
		if (sscanf(line, " %31[^:|\n]%c", name, &end) == 2 && end == ':')
			snprintf(names + strlen(names), sizeof(names) - strlen(names), "%s%s", *names ? " " : "", name);
	}
	int count = view_has_own(view, NAMESPACE_NET) ? extra_links(c, links, MAX_LINKS) : 0;
	for (int i = 0; i < count && i < MAX_LINKS; i++)
		snprintf(peers + strlen(peers), sizeof(peers) - strlen(peers), " %s", links[i].host_name);
	if (!view_has_own(view, NAMESPACE_NET))
		view_add(view, "network", "interfaces", VERDICT_SHARED, "all of the host: %s", names);
	else
		view_add(view, "network", "interfaces", VERDICT_ISOLATED, "%s%s%s", *names ? names : "none",
			*peers ? "; on the host:" : "", peers);
	view_add(view, "network", "abstract sockets", view_has_own(view, NAMESPACE_NET) ? VERDICT_ISOLATED : VERDICT_SHARED,
		view_has_own(view, NAMESPACE_NET) ? "end with the network namespace" :
						    "every service of the host that listens on one is reached");
}

static void read_supervisor(struct security_view *view)
{
	auto_free char *status = view->supervisor > 0 ? view_read(view->supervisor, "status") : NULL;
	char effective[32], no_new_privs[8], seccomp[8];

	if (!status)
		return view_add(view, "supervisor", "process", VERDICT_UNKNOWN, "can not be read");
	view_status(status, "CapEff", effective, sizeof(effective));
	view_status(status, "NoNewPrivs", no_new_privs, sizeof(no_new_privs));
	view_status(status, "Seccomp", seccomp, sizeof(seccomp));
	uint64_t mask = strtoull(effective, NULL, 16);
	auto_free char *names = view_capabilities(mask);
	view_add(view, "supervisor", "process", mask && strcmp(seccomp, "2") != 0 ? VERDICT_UNLIMITED : VERDICT_LIMITED,
		"pid %d, capabilities: %s; no_new_privs %s; seccomp %s", (int)view->supervisor, names ?: "?", no_new_privs,
		strcmp(seccomp, "2") == 0 ? "filter" : "none");
}

void security_read(struct security_view *view, struct lxc_container *c, const char *lxcpath, const char *name)
{
	struct extra_status status;

	*view = (struct security_view){ .init = c->init_pid(c) };
	if (extra_status(lxcpath, name, &status) >= 0 && status.supervisor_pid > 0)
		view->supervisor = status.supervisor_pid;
	view->program = find_program(view->init, view->supervisor);
	view->mountinfo = view_read(view->program, "mountinfo");
	if (!view->mountinfo)
		view->mountinfo = strdup("");
	if (!view->mountinfo) {
		view->is_out_of_memory = true;
		return;
	}
	view->has_host_root = is_same_file(view->program, getpid(), "root");
	view_namespaces(view);
	view_process(view);
	view_others(view);
	view_files(view);
	view_descriptors(view);
	read_links(view, c);
	view_limits(view);
	read_supervisor(view);
}

static const char *kind_of(const struct security_view *view)
{
	bool has_users = view_has_own(view, NAMESPACE_USER);

	if (view->has_host_root)
		return has_users ? "the host's files in a user namespace" : "the host's files, and its root is the host's root";
	return has_users ? "unprivileged: its root is nobody on the host" : "privileged: its root is the host's root";
}

void security_print(const struct security_view *view, struct json *json)
{
	static const char *const headings[] = { "AREA", "WHAT", "VERDICT", "FROM THE KERNEL" };
	int counts[VERDICTS] = { 0 };
	struct table *table = json ? NULL : table_new(headings, 4);

	if (json)
		json_array(json, "checks");
	vector_for_each (row, &view->rows) {
		counts[row->verdict]++;
		if (table)
			table_row(table, (const char *const[]){ row->area, row->name, verdict_names[row->verdict], row->detail });
		if (!json)
			continue;
		json_object(json, NULL);
		json_text(json, "area", row->area);
		json_text(json, "name", row->name);
		json_text(json, "verdict", verdict_names[row->verdict]);
		json_text(json, "detail", row->detail);
		json_end(json);
	}
	if (table) {
		table_print(table, stdout, true);
		table_free(table);
		printf("Summary: %s;", kind_of(view));
		for (int i = 0; i < VERDICTS; i++)
			printf(" %d %s%s", counts[i], verdict_names[i], i + 1 < VERDICTS ? "," : "\n");
	}
	if (!json)
		return;
	json_end(json);
	json_number(json, "program", view->program);
	json_object(json, "summary");
	json_text(json, "kind", kind_of(view));
	for (int i = 0; i < VERDICTS; i++)
		json_number(json, verdict_names[i], counts[i]);
	json_end(json);
}

void security_clear(struct security_view *view)
{
	vector_for_each (row, &view->rows)
		free(row->detail);
	free(view->rows.items);
	free(view->mountinfo);
	*view = (struct security_view){ 0 };
}
