/* Leveled lines to one sink. */
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

static const char *const level_names[] = { "TRACE", "DEBUG", "INFO", "NOTICE", "WARN", "ERROR", "CRIT", "ALERT",
	"FATAL", "NOTSET" };

int log_open(struct log *log, const char *file, enum log_level level, const char *prefix, const char *name)
{
	int fd = open(file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY, 0640);
	if (fd < 0)
		return -errno;
	log->fd = fd;
	log->level = level == LOG_NOT_SET ? LOG_ERROR : level;
	snprintf(log->prefix, sizeof(log->prefix), "%s", prefix ? prefix : "lxc");
	snprintf(log->name, sizeof(log->name), "%s", name ? name : "");
	return 0;
}

void log_close(struct log *log)
{
	if (log && log->fd >= 0)
		close(log->fd);
	if (log)
		log->fd = -1;
}

void log_write(const struct log *log, enum log_level level, const char *function, const char *fmt, ...)
{
	char line[2048];
	struct timespec now;
	struct tm utc;
	va_list arguments;

	if (!log || log->fd < 0 || level < log->level)
		return;
	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &utc);
	int used = snprintf(line, sizeof(line), "%s%s%s %04d%02d%02d%02d%02d%02d.%03ld %-8s wabe - %s - ", log->prefix,
		log->name[0] ? " " : "", log->name, utc.tm_year + 1900, utc.tm_mon + 1, utc.tm_mday, utc.tm_hour,
		utc.tm_min, utc.tm_sec, now.tv_nsec / 1000000, log_level_name(level), function);
	va_start(arguments, fmt);
	used += vsnprintf(line + used, sizeof(line) - (size_t)used, fmt, arguments);
	va_end(arguments);
	if ((size_t)used >= sizeof(line) - 1)
		used = (int)sizeof(line) - 2;
	/* what a container or a config wrote must not play with the terminal that shows the log */
	for (int i = 0; i < used; i++)
		if ((unsigned char)line[i] < ' ' || line[i] == 0x7f)
			line[i] = '?';
	line[used] = '\n';
	(void)!write(log->fd, line, (size_t)used + 1); /* there is nowhere to report that */
}

enum log_level log_level_from_name(const char *name)
{
	for (int i = 0; name && i < LOG_NOT_SET; i++)
		if (strcasecmp(name, level_names[i]) == 0 || (name[0] == '0' + i && name[1] == '\0'))
			return (enum log_level)i;
	return LOG_NOT_SET;
}

const char *log_level_name(enum log_level level)
{
	return level_names[(unsigned)level <= LOG_NOT_SET ? level : LOG_NOT_SET];
}
