/* Lines of results, and the count of calls. */
#include "api.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>

#include "main.h"

#define FDS   256
#define CALLS 128

static struct {
	pthread_mutex_t lock;
	const char *subject;
	FILE *out;
	int failures;
	bool is_watched;
	char group[512];
	int group_faults;
	struct {
		const char *name;
		long successes, failures;
	} calls[CALLS];
} tests = { .lock = PTHREAD_MUTEX_INITIALIZER };

/* Of the call that runs, which is the only one while calls are watched. */
static bool was_open[FDS];
static off_t output_before;

/* ---- results ---- */

static void print_line(const char *kind, const char *name, const char *format, va_list arguments)
{
	char text[1024] = "";
	if (format)
		(void)vsnprintf(text, sizeof(text), format, arguments);
	for (char *at = text; *at; at++)
		if (*at == '\n')
			*at = '|';
	fprintf(tests.out, "%s %s/%s%s%s\n", kind, tests.subject, name, *text ? " " : "", text);
	fflush(tests.out);
}

void result(const char *name, bool is_good, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	pthread_mutex_lock(&tests.lock);
	tests.failures += !is_good;
	print_line(is_good ? "ok" : "not ok", name, is_good ? NULL : format, arguments);
	pthread_mutex_unlock(&tests.lock);
	va_end(arguments);
}

void skipped(const char *name, const char *reason)
{
	fprintf(tests.out, "skip %s/%s %s\n", tests.subject, name, reason);
	fflush(tests.out);
}

void check_text(const char *name, const char *wanted, const char *got)
{
	bool is_good = wanted && got ? strcmp(wanted, got) == 0 : wanted == got;
	result(name, is_good, "wanted '%s', got '%s'", wanted ? wanted : "(null)", got ? got : "(null)");
}

void check_number(const char *name, long wanted, long got)
{
	result(name, wanted == got, "wanted %ld, got %ld", wanted, got);
}

void group_fault(const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	pthread_mutex_lock(&tests.lock);
	if (tests.group_faults++ == 0)
		(void)vsnprintf(tests.group, sizeof(tests.group), format, arguments);
	pthread_mutex_unlock(&tests.lock);
	va_end(arguments);
}

void end_group(const char *name)
{
	result(name, tests.group_faults == 0, "%d faults, the first: %s", tests.group_faults, tests.group);
	tests.group_faults = 0;
}

/* ---- calls ---- */

static off_t output_size(void)
{
	struct stat info;
	return fstat(STDOUT_FILENO, &info) == 0 ? info.st_size : 0;
}

int open_fds(void)
{
	int count = 0;
	for (int fd = 0; fd < FDS; fd++)
		count += fcntl(fd, F_GETFD) >= 0;
	return count;
}

void watch_calls(bool is_watched)
{
	tests.is_watched = is_watched;
}

void call_begin(const char *name)
{
	(void)name;
	if (!tests.is_watched)
		return;
	for (int fd = 0; fd < FDS; fd++)
		was_open[fd] = fcntl(fd, F_GETFD) >= 0;
	output_before = output_size();
}

/* How many fds a call may leave open. */
static int may_open(const char *name, bool is_success)
{
	static const struct {
		const char *name;
		int count;
	} openers[] = { { "init_pidfd", 1 }, { "devpts_fd", 1 }, { "console_getfd", 2 },
		{ "lxc_log_init", 1 }, { "seccomp_notify_fd_active", 1 } };
	for (size_t i = 0; is_success && i < sizeof(openers) / sizeof(*openers); i++)
		if (strcmp(openers[i].name, name) == 0)
			return openers[i].count;
	return 0;
}

static void look_at_fds(const char *name, bool is_success)
{
	int opened = 0;
	for (int fd = 0; fd < FDS; fd++) {
		int flags = fcntl(fd, F_GETFD);
		if (flags < 0 || was_open[fd])
			continue;
		opened++;
		if (!(flags & FD_CLOEXEC))
			result(name, false, "fd %d is not close-on-exec", fd);
	}
	if (opened > may_open(name, is_success))
		result(name, false, "%d fds stay open", opened);
	if (output_size() != output_before)
		result(name, false, "writes to standard output");
}

void call_end(const char *name, bool is_success)
{
	int number = errno; /* some calls say more by it */
	if (tests.is_watched)
		look_at_fds(name, is_success);
	pthread_mutex_lock(&tests.lock);
	size_t i = 0;
	while (i < CALLS - 1 && tests.calls[i].name && strcmp(tests.calls[i].name, name) != 0)
		i++;
	tests.calls[i].name = name;
	tests.calls[i].successes += is_success;
	tests.calls[i].failures += !is_success;
	pthread_mutex_unlock(&tests.lock);
	errno = number;
}

/* ---- of the program ---- */

void results_begin(const char *subject, FILE *out)
{
	tests.subject = subject;
	tests.out = out;
	tests.is_watched = true;
}

int results_end(void)
{
	FILE *file = fopen(setting("API_CALLS"), "ae");
	for (size_t i = 0; file && i < CALLS && tests.calls[i].name; i++)
		fprintf(file, "%s %ld %ld\n", tests.calls[i].name, tests.calls[i].successes,
			tests.calls[i].failures);
	if (!file || fclose(file) != 0)
		result("calls-noted", false, "API_CALLS can not be written");
	CHECK("standard-output-is-empty", output_size() == 0);
	return tests.failures;
}
