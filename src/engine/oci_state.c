/* The state of an OCI container as JSON. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/json_text.h"
#include "engine/oci.h"

const char *oci_status_name(enum oci_status status)
{
	static const char *const names[] = { "creating", "created", "running", "paused", "stopped" };

	return names[status];
}

int oci_quote(const char *text, char **ret)
{
	size_t size;
	FILE *out = open_memstream(ret, &size);

	if (!out)
		return -ENOMEM;
	json_put_string(out, text);
	return fclose(out) == 0 ? 0 : -ENOMEM;
}

void oci_time_text(long long seconds, char buffer[32])
{
	time_t time = (time_t)seconds;
	struct tm parts;

	(void)gmtime_r(&time, &parts);
	(void)strftime(buffer, 32, "%Y-%m-%dT%H:%M:%S.000000000Z", &parts);
}

static void put_member(FILE *out, const char *name, const char *value)
{
	fprintf(out, "  \"%s\": ", name);
	json_put_string(out, value ? value : "");
	fputs(",\n", out);
}

static void put_annotations(FILE *out, const struct spec *spec)
{
	const char *comma = "";

	fputs("  \"annotations\": {", out);
	vector_for_each (one, &spec->oci.annotations) {
		fprintf(out, "%s\n    ", comma);
		json_put_string(out, one->name);
		fputs(": ", out);
		json_put_string(out, one->value);
		comma = ",";
	}
	fprintf(out, "%s}", *comma ? "\n  " : "");
}

int oci_state_text(const struct spec *spec, enum oci_status status, pid_t pid, long long created, bool is_full, char **ret)
{
	size_t size;
	char time[32];
	FILE *out = open_memstream(ret, &size);

	if (!out)
		return -ENOMEM;
	fputs("{\n", out);
	put_member(out, "ociVersion", spec->oci.version ? spec->oci.version : "1.0.2");
	put_member(out, "id", spec->identity.name);
	fprintf(out, "  \"pid\": %d,\n", status == OCI_STOPPED && is_full ? 0 : pid);
	put_member(out, "status", oci_status_name(status));
	put_member(out, "bundle", spec->oci.bundle);
	if (is_full) {
		put_member(out, "rootfs", spec->rootfs.path);
		oci_time_text(created, time);
		put_member(out, "created", time);
		put_member(out, "owner", "");
	}
	put_annotations(out, spec);
	fputs("\n}\n", out);
	return fclose(out) == 0 ? 0 : -ENOMEM;
}

long long oci_created(const struct oci_container *container)
{
	struct stat st;

	return fstatat(container->dir.fd, "spec", &st, AT_SYMLINK_NOFOLLOW) < 0 ? 0 : (long long)st.st_mtim.tv_sec;
}
