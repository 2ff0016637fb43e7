/*
 * wabe-systemd: a container's cgroup as a transient unit of systemd, over D-Bus. A program of its own, because only --systemd-cgroup
 * needs libsystemd.
 *
 *   wabe-systemd start [--user] UNIT PROPERTY...   makes the unit with this process in it, prints its cgroup, and stays until its
 *                                                  input ends: by then the container is in there
 *   wabe-systemd set [--user] UNIT PROPERTY...     changes its properties until the next boot
 *   wabe-systemd stop [--user] UNIT                ends it; one that is not there is no error
 *
 * PROPERTY: TYPE:NAME=VALUE, where TYPE is s (text), b (true, false), t (64 bits), or g for a value as GVariant writes it.
 */
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-bus.h>
#include <unistd.h>

#define SERVICE	  "org.freedesktop.systemd1"
#define OBJECT	  "/org/freedesktop/systemd1"
#define MANAGER	  SERVICE ".Manager"
#define WAIT_US	  30000000ULL
#define NAME_SIZE 128

static int fault(const char *what, int r, const sd_bus_error *error)
{
	fprintf(stderr, "%s: %s\n", what, error && error->message ? error->message : strerror(-r));
	return r;
}

/* ---- properties ---- */

static int append_simple(sd_bus_message *message, char type, const char *name, const char *value)
{
	switch (type) {
	case 's': return sd_bus_message_append(message, "(sv)", name, "s", value);
	case 'b': return sd_bus_message_append(message, "(sv)", name, "b", strcmp(value, "true") == 0);
	case 't': return sd_bus_message_append(message, "(sv)", name, "t", (uint64_t)strtoull(value, NULL, 10));
	default: return -EINVAL;
	}
}

/* 'a' or "a", into items, which point into text. The number of them or -EINVAL. */
static int split_array(char *text, char **items, int most)
{
	int count = 0;

	for (char *at = text; *(at += strspn(at, " ,")) && *at != ']';) {
		char quote = *at++;
		char *end = quote == '\'' || quote == '"' ? strchr(at, quote) : NULL;
		if (!end || count == most)
			return -EINVAL;
		*end = '\0';
		items[count++] = at;
		at = end + 1;
	}
	items[count] = NULL;
	return count;
}

static int append_array(sd_bus_message *message, const char *name, char *value)
{
	char *items[64];
	int r = split_array(value + 1, items, 63);

	r = r < 0 ? r : sd_bus_message_open_container(message, 'r', "sv");
	r = r < 0 ? r : sd_bus_message_append(message, "s", name);
	r = r < 0 ? r : sd_bus_message_open_container(message, 'v', "as");
	r = r < 0 ? r : sd_bus_message_append_strv(message, items);
	r = r < 0 ? r : sd_bus_message_close_container(message);
	return r < 0 ? r : sd_bus_message_close_container(message);
}

/* A number: "uint64 5", "int32 -1", "5" (32 bits). TimeoutStopSec and its like are microseconds on the bus. */
static int append_number(sd_bus_message *message, char *name, const char *value)
{
	size_t length = strlen(name);
	const char *digits = strchr(value, ' ') ? strrchr(value, ' ') + 1 : value;
	char *end;

	if (length > 3 && length + 2 < NAME_SIZE && strcmp(name + length - 3, "Sec") == 0 &&
		(length < 4 || strcmp(name + length - 4, "USec") != 0)) {
		double seconds = strtod(digits, &end);
		if (end == digits || *end || seconds < 0)
			return -EINVAL;
		strcpy(name + length - 3, "USec");
		return sd_bus_message_append(message, "(sv)", name, "t", (uint64_t)(seconds * 1000000));
	}
	errno = 0;
	if (strncmp(value, "uint64 ", 7) == 0 || strncmp(value, "uint32 ", 7) == 0) {
		uint64_t number = strtoull(digits, &end, 10);
		if (errno || end == digits || *end)
			return -EINVAL;
		return value[4] == '6' ? sd_bus_message_append(message, "(sv)", name, "t", number) :
					 sd_bus_message_append(message, "(sv)", name, "u", (uint32_t)number);
	}
	int64_t number = strtoll(digits, &end, 10);
	if (errno || end == digits || *end)
		return -EINVAL;
	return strncmp(value, "int64 ", 6) == 0 ? sd_bus_message_append(message, "(sv)", name, "x", number) :
						  sd_bus_message_append(message, "(sv)", name, "i", (int32_t)number);
}

static int append_variant(sd_bus_message *message, char *name, char *value)
{
	size_t length = strlen(value);

	if (length >= 2 && (*value == '\'' || *value == '"') && value[length - 1] == *value) {
		value[length - 1] = '\0';
		return append_simple(message, 's', name, value + 1);
	}
	if (*value == '[')
		return append_array(message, name, value);
	if (strcmp(value, "true") == 0 || strcmp(value, "false") == 0)
		return append_simple(message, 'b', name, value);
	return append_number(message, name, value);
}

static int append_property(sd_bus_message *message, char *text)
{
	char name[NAME_SIZE];
	char *value = strchr(text, '=');

	if (!text[0] || text[1] != ':' || !value || value - (text + 2) >= (ptrdiff_t)sizeof(name))
		return fault(text, -EINVAL, NULL);
	(void)snprintf(name, sizeof(name), "%.*s", (int)(value - (text + 2)), text + 2);
	int r = text[0] == 'g' ? append_variant(message, name, value + 1) : append_simple(message, text[0], name, value + 1);
	return r < 0 ? fault(text + 2, r, NULL) : 0;
}

static int append_properties(sd_bus_message *message, char **properties, bool with_self)
{
	int r = sd_bus_message_open_container(message, 'a', "(sv)");

	if (r >= 0 && with_self)
		r = sd_bus_message_append(message, "(sv)", "PIDs", "au", 1, (uint32_t)getpid());
	for (; r >= 0 && *properties; properties++)
		r = append_property(message, *properties);
	return r < 0 ? r : sd_bus_message_close_container(message);
}

/* ---- jobs ---- */

struct job {
	char path[256];
	char removed[256], result[64]; /* of the last job that ended */
	bool is_done;
};

static int on_removed(sd_bus_message *message, void *data, sd_bus_error *error)
{
	struct job *job = data;
	const char *path, *unit, *result;
	uint32_t id;

	(void)error;
	if (sd_bus_message_read(message, "uoss", &id, &path, &unit, &result) < 0)
		return 0;
	(void)snprintf(job->removed, sizeof(job->removed), "%s", path);
	(void)snprintf(job->result, sizeof(job->result), "%s", result);
	job->is_done = job->is_done || (*job->path && strcmp(job->path, path) == 0);
	return 0;
}

static int wait_for(sd_bus *bus, struct job *job, const char *unit)
{
	while (!job->is_done) {
		int r = sd_bus_process(bus, NULL);
		if (r == 0)
			r = sd_bus_wait(bus, WAIT_US);
		if (r < 0)
			return fault(unit, r, NULL);
		if (r == 0)
			return fault(unit, -ETIMEDOUT, NULL);
	}
	if (strcmp(job->result, "done") == 0)
		return 0;
	fprintf(stderr, "%s: systemd says: %s\n", unit, job->result);
	return -EIO;
}

/* ---- acts ---- */

static int call_job(sd_bus *bus, sd_bus_message *message, struct job *job, const char *unit, bool may_be_missing)
{
	sd_bus_error error = SD_BUS_ERROR_NULL;
	sd_bus_message *reply = NULL;
	const char *path;
	int r = sd_bus_call(bus, message, 0, &error, &reply);

	if (r < 0 && may_be_missing && sd_bus_error_has_name(&error, SERVICE ".NoSuchUnit"))
		r = 1;
	else if (r < 0)
		(void)fault(unit, r, &error);
	else if ((r = sd_bus_message_read(reply, "o", &path)) >= 0) {
		(void)snprintf(job->path, sizeof(job->path), "%s", path);
		job->is_done = strcmp(job->removed, path) == 0; /* it may have been faster than its answer */
		r = 0;
	}
	sd_bus_error_free(&error);
	sd_bus_message_unref(reply);
	return r == 0 ? wait_for(bus, job, unit) : r < 0 ? r : 0;
}

static int new_call(sd_bus *bus, const char *method, sd_bus_message **ret)
{
	return sd_bus_message_new_method_call(bus, ret, SERVICE, OBJECT, MANAGER, method);
}

static int print_group(sd_bus *bus, const char *unit)
{
	sd_bus_error error = SD_BUS_ERROR_NULL;
	char *path = NULL, *group = NULL;
	int r = sd_bus_path_encode(OBJECT "/unit", unit, &path);

	r = r < 0 ? r : sd_bus_get_property_string(bus, SERVICE, path, SERVICE ".Scope", "ControlGroup", &error, &group);
	if (r < 0)
		(void)fault(unit, r, &error);
	else if (printf("%s\n", group) < 0 || fflush(stdout) != 0)
		r = -EIO;
	sd_bus_error_free(&error);
	free(path);
	free(group);
	return r;
}

static int start(sd_bus *bus, struct job *job, const char *unit, char **properties)
{
	sd_bus_message *message = NULL;
	int r = new_call(bus, "StartTransientUnit", &message);

	r = r < 0 ? r : sd_bus_message_append(message, "ss", unit, "replace");
	r = r < 0 ? r : append_properties(message, properties, true);
	r = r < 0 ? r : sd_bus_message_append(message, "a(sa(sv))", 0);
	r = r < 0 ? r : call_job(bus, message, job, unit, false);
	sd_bus_message_unref(message);
	r = r < 0 ? r : print_group(bus, unit);
	if (r < 0)
		return r;
	char end;
	while (read(STDIN_FILENO, &end, 1) > 0)
		;
	return 0;
}

static int set(sd_bus *bus, const char *unit, char **properties)
{
	sd_bus_error error = SD_BUS_ERROR_NULL;
	sd_bus_message *message = NULL;
	int r = new_call(bus, "SetUnitProperties", &message);

	r = r < 0 ? r : sd_bus_message_append(message, "sb", unit, 1);
	r = r < 0 ? r : append_properties(message, properties, false);
	if (r >= 0 && (r = sd_bus_call(bus, message, 0, &error, NULL)) < 0)
		(void)fault(unit, r, &error);
	sd_bus_error_free(&error);
	sd_bus_message_unref(message);
	return r;
}

static int stop(sd_bus *bus, struct job *job, const char *unit)
{
	sd_bus_message *message = NULL;
	int r = new_call(bus, "StopUnit", &message);

	r = r < 0 ? r : sd_bus_message_append(message, "ss", unit, "replace");
	r = r < 0 ? r : call_job(bus, message, job, unit, true);
	sd_bus_message_unref(message);
	/* one whose processes were killed has failed, and would stay in the list */
	(void)sd_bus_call_method(bus, SERVICE, OBJECT, MANAGER, "ResetFailedUnit", NULL, NULL, "s", unit);
	return r;
}

int main(int argc, char **argv)
{
	struct job job = { 0 };
	sd_bus *bus = NULL;
	bool is_user = argc > 2 && strcmp(argv[2], "--user") == 0;
	char **rest = argv + (is_user ? 3 : 2);

	if (argc < 3 || !*rest) {
		fprintf(stderr, "wabe-systemd is run by wabe --systemd-cgroup\n");
		return 2;
	}
	int r = is_user ? sd_bus_open_user(&bus) : sd_bus_open_system(&bus);
	if (r < 0) {
		fprintf(stderr, "no way to systemd over the %s bus: %s\n", is_user ? "user's" : "system", strerror(-r));
		return 1;
	}
	r = sd_bus_match_signal(bus, NULL, SERVICE, OBJECT, MANAGER, "JobRemoved", on_removed, &job);
	r = r < 0 ? r : sd_bus_call_method(bus, SERVICE, OBJECT, MANAGER, "Subscribe", NULL, NULL, NULL);
	if (r < 0)
		(void)fault("subscribe to systemd", r, NULL);
	else if (strcmp(argv[1], "start") == 0)
		r = start(bus, &job, *rest, rest + 1);
	else if (strcmp(argv[1], "set") == 0)
		r = set(bus, *rest, rest + 1);
	else
		r = stop(bus, &job, *rest);
	sd_bus_flush_close_unref(bus);
	return r < 0;
}
