#pragma once
#include <stdbool.h>

enum log_level {
	LOG_TRACE,
	LOG_DEBUG,
	LOG_INFO,
	LOG_NOTICE,
	LOG_WARN,
	LOG_ERROR,
	LOG_CRIT,
	LOG_ALERT,
	LOG_FATAL,
	LOG_NOT_SET,
};

/* A sink and what is written to it. Strings are copied in. */
struct log {
	int fd;
	enum log_level level; /* the least that is written */
	char prefix[64];      /* command */
	char name[256];	      /* container or "" */
};

/* Opens file for appending. level LOG_NOT_SET means LOG_ERROR. 0 or -errno. */
int log_open(struct log *log, const char *file, enum log_level level, const char *prefix, const char *name);
void log_close(struct log *log);

/* LXC's line: PREFIX NAME YYYYMMDDHHMMSS.mmm LEVEL    CATEGORY - FUNCTION - TEXT (UTC). NULL log: nothing. */
void log_write(const struct log *log, enum log_level level, const char *function, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

#define log_trace(log, ...) log_write((log), LOG_TRACE, __func__, __VA_ARGS__)
#define log_debug(log, ...) log_write((log), LOG_DEBUG, __func__, __VA_ARGS__)
#define log_info(log, ...)  log_write((log), LOG_INFO, __func__, __VA_ARGS__)
#define log_warn(log, ...)  log_write((log), LOG_WARN, __func__, __VA_ARGS__)
#define log_error(log, ...) log_write((log), LOG_ERROR, __func__, __VA_ARGS__)

/* "TRACE" or "0" ... any case; NULL or unknown: LOG_NOT_SET, as LXC takes it. */
enum log_level log_level_from_name(const char *name);
const char *log_level_name(enum log_level level);
