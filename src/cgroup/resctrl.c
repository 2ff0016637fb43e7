/* Groups of the resctrl file system. */
#include "cgroup/resctrl.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/file.h"
#include "base/text.h"
#include "kernel/mountinfo.h"
#include "spec/spec.h"

static int fault(const struct spec *spec, struct error *err, int r, const char *act, const char *path)
{
	return spec_error(err, r, spec, &spec->oci.rdt_origin, "%s %s", act, path);
}

int resctrl_find(const struct spec *spec, char **ret_root, struct error *err)
{
	auto_free char *text = NULL;
	struct mountinfo mount;
	size_t length;
	int r = file_read(AT_FDCWD, "/proc/self/mountinfo", 16 << 20, &text, &length);

	if (r < 0)
		return error_set(err, r, "read /proc/self/mountinfo");
	for (char *next = text; (r = mountinfo_next(&next, &mount)) != 0;)
		if (r > 0 && strcmp(mount.type, "resctrl") == 0)
			return text_replace(ret_root, mount.target) < 0 ? error_set(err, ENOMEM, "find resctrl") : 0;
	r = spec_error(err, ENODEV, spec, &spec->oci.rdt_origin, "the resctrl file system is not mounted");
	error_hint(err, "mount -t resctrl resctrl /sys/fs/resctrl, if the processor has it, or take linux.intelRdt out");
	return r;
}

static int group_path(const char *root, const struct spec *spec, char **ret)
{
	const char *clos = spec->oci.rdt_clos ?: spec->identity.name;

	return strcmp(clos, "/") == 0 ? text_replace(ret, root) : text_format(ret, "%s/%s", root, clos);
}

static int monitor_path(const char *root, const struct spec *spec, char **ret)
{
	auto_free char *group = NULL;
	int r = group_path(root, spec, &group);

	return r < 0 ? r : text_format(ret, "%s/mon_groups/%s", group, spec->identity.name);
}

/* ---- schemata ---- */

/* The kernel says in words what it does not like: info/last_cmd_status. */
static int write_line(const char *root, const char *group, const struct spec *spec, const char *line, struct error *err)
{
	auto_free char *file = NULL, *text = NULL, *status = NULL, *why = NULL;
	size_t length;
	int r = text_format(&file, "%s/schemata", group);

	r = r < 0 ? r : text_format(&text, "%s\n", line);
	r = r < 0 ? r : file_write(AT_FDCWD, file, O_WRONLY | O_CREAT | O_APPEND, 0644, text, strlen(text));
	if (r >= 0)
		return 0;
	if (text_format(&status, "%s/info/last_cmd_status", root) == 0)
		(void)file_read(AT_FDCWD, status, 4096, &why, &length); /* then without */
	return spec_error(err, r, spec, &spec->oci.rdt_origin, "write %s to %s%s%s", line, file ?: "schemata", why ? ": " : "",
		why ? text_trim(why) : "");
}

static int write_lines(const char *root, const char *group, const struct spec *spec, const struct string_list *lines, struct error *err)
{
	int r = 0;

	vector_for_each (line, lines)
		r = r ?: write_line(root, group, spec, *line, err);
	return r;
}

/* "0=0ff" and "0= FF" are one. */
static bool is_same_value(const char *a, size_t a_length, const char *b, size_t b_length)
{
	while (a_length > 0 && (*a == ' ' || *a == '0'))
		a++, a_length--;
	while (b_length > 0 && (*b == ' ' || *b == '0'))
		b++, b_length--;
	while (b_length > 0 && isspace((unsigned char)b[b_length - 1]))
		b_length--;
	return a_length == b_length && strncasecmp(a, b, a_length) == 0;
}

/* Has the line of the group (behind "L3:") the value for the domain "0=ff", length bytes long? */
static bool has_domain(const char *line, const char *domain, size_t length)
{
	size_t name = strcspn(domain, "=");

	for (const char *at = line + strspn(line, " "); *at && *at != '\n';) {
		size_t one = strcspn(at, ";\n");
		if (name < length && strncmp(at, domain, name + 1) == 0 &&
			is_same_value(domain + name + 1, length - name - 1, at + name + 1, one - name - 1))
			return true;
		at += one;
		at += strspn(at, "; ");
	}
	return false;
}

/* Is all that line sets so in text, the group's schemata? */
static bool has_line(const char *text, const char *line)
{
	size_t name = strcspn(line, ":");
	const char *found = text;

	for (; *found; found += strcspn(found, "\n"), found += *found == '\n') {
		found += strspn(found, " ");
		if (strncmp(found, line, name + 1) == 0)
			break;
	}
	if (!*found || !line[name])
		return false;
	for (const char *domain = line + name + 1; *domain;) {
		size_t length = strcspn(domain, ";");
		if (!has_domain(found + name + 1, domain, length))
			return false;
		domain += length + (domain[length] == ';');
	}
	return true;
}

static int compare(const char *group, const struct spec *spec, struct error *err)
{
	auto_free char *file = NULL, *text = NULL;
	size_t length;
	int r = text_format(&file, "%s/schemata", group);

	r = r < 0 ? r : file_read(AT_FDCWD, file, 1 << 20, &text, &length);
	if (r < 0)
		return fault(spec, err, r, "read the schemata of", group);
	vector_for_each (line, &spec->oci.rdt_schemata)
		if (!has_line(text, *line))
			return spec_error(err, EEXIST, spec, &spec->oci.rdt_origin, "closID %s is there with other schemata than %s",
				spec->oci.rdt_clos, *line);
	return 0;
}

/* ---- groups ---- */

/* 1: made; 0: it was there. */
static int make_directory(const char *path)
{
	if (mkdir(path, 0755) == 0)
		return 1;
	return errno == EEXIST ? 0 : -errno;
}

static int make_own(const char *root, const char *group, const struct spec *spec, cgroup_journal journal, void *data, struct error *err)
{
	int r = access(group, F_OK) == 0 ? 0 : journal(data, "DIRECTORY", group);

	r = r < 0 ? r : make_directory(group);
	if (r < 0)
		return fault(spec, err, r, "make", group);
	return write_lines(root, group, spec, &spec->oci.rdt_schemata, err);
}

static int make_named(const char *root, const char *group, const struct spec *spec, struct error *err)
{
	bool has_schemata = spec->oci.rdt_schemata.count > 0;
	int made = 0;

	if (!has_schemata && access(group, F_OK) < 0)
		return fault(spec, err, errno, "without schemata closID must be there:", group);
	if (!has_schemata)
		return 0;
	made = make_directory(group);
	if (made < 0)
		return fault(spec, err, made, "make", group);
	int r = made ? write_lines(root, group, spec, &spec->oci.rdt_schemata, err) : compare(group, spec, err);
	if (r < 0 && made)
		(void)rmdir(group);
	return r;
}

int resctrl_make(const char *root, const struct spec *spec, cgroup_journal journal, void *data, struct error *err)
{
	auto_free char *group = NULL, *monitor = NULL;

	if (group_path(root, spec, &group) < 0 || monitor_path(root, spec, &monitor) < 0)
		return error_set(err, ENOMEM, "make the resctrl groups");
	int r = spec->oci.rdt_clos ? make_named(root, group, spec, err) : make_own(root, group, spec, journal, data, err);
	if (r < 0 || !spec->oci.rdt_monitoring)
		return r;
	r = journal(data, "DIRECTORY", monitor);
	r = r < 0 ? r : make_directory(monitor);
	return r < 0 ? fault(spec, err, r, "make", monitor) : 0;
}

static int enter(const char *path, const struct spec *spec, pid_t pid, struct error *err)
{
	auto_free char *file = NULL;
	char text[16];
	int length = snprintf(text, sizeof(text), "%d", pid);
	int r = text_format(&file, "%s/tasks", path);

	r = r < 0 ? r : file_write(AT_FDCWD, file, O_WRONLY | O_CREAT, 0644, text, (size_t)length);
	return r < 0 ? fault(spec, err, r, "enter", path) : 0;
}

int resctrl_enter(const char *root, const struct spec *spec, pid_t pid, struct error *err)
{
	auto_free char *group = NULL, *monitor = NULL;

	if (group_path(root, spec, &group) < 0 || monitor_path(root, spec, &monitor) < 0)
		return error_set(err, ENOMEM, "enter the resctrl groups");
	int r = enter(group, spec, pid, err);
	return r < 0 || !spec->oci.rdt_monitoring ? r : enter(monitor, spec, pid, err);
}

int resctrl_set(const char *root, const struct spec *spec, const struct string_list *schemata, struct error *err)
{
	auto_free char *group = NULL;

	if (group_path(root, spec, &group) < 0)
		return error_set(err, ENOMEM, "set the schemata");
	return write_lines(root, group, spec, schemata, err);
}
