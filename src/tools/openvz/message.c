/* What is said: on standard output, on standard error, and in the log. */
#include "tools/openvz/vz.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "base/text.h"

#include <fcntl.h>
#include <stdarg.h>
#include <string.h>
#include <time.h>

static void write_log(const struct vz *vz, const char *text)
{
	char when[40] = "";
	struct tm fields;
	time_t now = time(NULL);
	if (!vz_ct_is(&vz->ct, "LOGGING", false))
		return;
	auto_free char *path = vz_ct_path(&vz->ct, "LOGFILE"), *line = NULL;
	if (gmtime_r(&now, &fields))
		(void)strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%S+0000", &fields);
	if (path && text_format(&line, "%s vzctl : CT %s : %s\n", when, vz->ct.name, text) == 0)
		(void)file_write(-1, path, O_WRONLY | O_CREAT | O_APPEND, 0644, line, strlen(line)); /* best effort */
}

void vz_say(const struct vz *vz, const char *fmt, ...)
{
	char text[1024];
	va_list arguments;
	va_start(arguments, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, arguments);
	va_end(arguments);
	if (!vz->quiet) {
		puts(text);
		fflush(stdout);
	}
	write_log(vz, text);
}

void vz_detail(const struct vz *vz, const char *fmt, ...)
{
	char text[1024];
	va_list arguments;
	if (vz->verbose <= 0)
		return;
	va_start(arguments, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, arguments);
	va_end(arguments);
	puts(text);
	fflush(stdout);
}

void vz_note(const struct vz *vz, const char *fmt, ...)
{
	char text[1024];
	va_list arguments;
	va_start(arguments, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, arguments);
	va_end(arguments);
	if (vz->verbose > 0 && !vz->quiet)
		puts(text);
	write_log(vz, text);
}

int vz_fail(const struct vz *vz, int status, const char *fmt, ...)
{
	char text[1024];
	va_list arguments;
	va_start(arguments, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, arguments);
	va_end(arguments);
	fflush(stdout);
	fprintf(stderr, "%s\n", text);
	write_log(vz, text);
	return status;
}

int vz_fail_error(const struct vz *vz, int status, const struct error *err)
{
	char line[1024];
	return vz_fail(vz, status, "%s", error_render(err, line, sizeof(line)));
}
