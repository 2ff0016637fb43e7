/* Fill, prefix and render the fixed-size struct error. */
#include "base/error.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static enum error_kind kind_of(int errnum)
{
	switch (errnum) {
	case ENOENT:
	case ESRCH:
		return ERROR_NOT_FOUND;
	case EPERM:
	case EACCES:
		return ERROR_PERMISSION;
	case EBUSY:
	case EEXIST:
		return ERROR_BUSY;
	default:
		return ERROR_KERNEL;
	}
}

static int fill(struct error *err, enum error_kind kind, int errnum, const char *fmt, va_list arguments)
	__attribute__((format(printf, 4, 0)));

static int fill(struct error *err, enum error_kind kind, int errnum, const char *fmt, va_list arguments)
{
	if (errnum < 0)
		errnum = -errnum;
	if (err) {
		memset(err, 0, sizeof(*err));
		err->errnum = errnum;
		err->kind = kind == ERROR_NONE ? kind_of(errnum) : kind;
		vsnprintf(err->what, sizeof(err->what), fmt, arguments);
	}
	return errnum ? -errnum : -EINVAL;
}

int error_set(struct error *err, int errnum, const char *fmt, ...)
{
	va_list arguments;

	va_start(arguments, fmt);
	int r = fill(err, ERROR_NONE, errnum, fmt, arguments);
	va_end(arguments);
	return r;
}

int error_set_kind(struct error *err, enum error_kind kind, int errnum, const char *fmt, ...)
{
	va_list arguments;

	va_start(arguments, fmt);
	int r = fill(err, kind, errnum, fmt, arguments);
	va_end(arguments);
	return r;
}

int error_hint(struct error *err, const char *fmt, ...)
{
	va_list arguments;

	if (!err)
		return -EINVAL;
	va_start(arguments, fmt);
	vsnprintf(err->hint, sizeof(err->hint), fmt, arguments);
	va_end(arguments);
	return err->errnum ? -err->errnum : -EINVAL;
}

void error_locate(struct error *err, const char *file, unsigned line, const char *key)
{
	if (!err)
		return;
	if (file && *file && line > 0)
		snprintf(err->where, sizeof(err->where), "%s:%u", file, line);
	else if (file && *file)
		snprintf(err->where, sizeof(err->where), "%s", file);
	if (key)
		snprintf(err->key, sizeof(err->key), "%s", key);
}

/* Appends text and separator while there is room. */
static void append(char *buffer, size_t size, const char *separator, const char *text)
{
	size_t used = strlen(buffer);

	if (*text)
		snprintf(buffer + used, size - used, "%s%s", used ? separator : "", text);
}

const char *error_render(const struct error *err, char *buffer, unsigned long size)
{
	char hint[sizeof(err->hint) + 4] = "";

	buffer[0] = '\0';
	append(buffer, size, ": ", err->where);
	append(buffer, size, ": ", err->key);
	append(buffer, size, ": ", err->what);
	if (err->errnum)
		append(buffer, size, ": ", strerrordesc_np(err->errnum) ?: "unknown error");
	if (err->hint[0]) {
		snprintf(hint, sizeof(hint), "(%s)", err->hint);
		append(buffer, size, " ", hint);
	}
	for (char *c = buffer; *c; c++)
		if ((unsigned char)*c < ' ' || *c == 0x7f)
			*c = '?';
	return buffer;
}
