/*
 * What the process has beside its containers: the log that lxc_log_init sets up, the items of /etc/lxc/lxc.conf that were
 * asked for, and one lock for short acts, which also guards the counters and error lines of all containers.
 */
#include "base/log.h"
#include "liblxc/internal.h"

#include <string.h>
#include <sys/stat.h>

static struct {
	pthread_mutex_t lock;
	bool is_open;
	char *file;
	char *level;
	struct log log;
	struct {
		char *value;
		bool is_found;
	} items[PROCESS_ITEMS];
} state = { .lock = PTHREAD_MUTEX_INITIALIZER, .log = { .fd = -1 } };

void process_lock(void)
{
	pthread_mutex_lock(&state.lock);
}

void process_unlock(void)
{
	pthread_mutex_unlock(&state.lock);
}

/* A child that a caller forks while another thread is in a short act: it finds the lock free, and what it guards whole. */
__attribute__((constructor)) static void prepare_for_forks(void)
{
	(void)pthread_atfork(process_lock, process_unlock, process_unlock); /* no memory: forks are less safe then */
}

const char *process_keep_item(size_t number, char *(*find)(size_t number))
{
	process_lock();
	if (!state.items[number].is_found) {
		state.items[number].value = find(number);
		state.items[number].is_found = true;
	}
	const char *value = state.items[number].value;
	process_unlock();
	return value;
}

/* LXC's places when only a name is given: /var/log/lxc for root's own path, else beside the container. */
static char *default_file(const struct lxc_log *wish)
{
	char *path = NULL;
	if (!wish->name || !wish->lxcpath)
		return NULL;
	if (strcmp(wish->lxcpath, "/var/lib/lxc") == 0 && geteuid() == 0)
		(void)text_format(&path, "/var/log/lxc/%s.log", wish->name);
	else
		(void)text_format(&path, "%s/%s/%s.log", wish->lxcpath, wish->name, wish->name);
	return path;
}

static void forget(void)
{
	free(state.file);
	free(state.level);
	state.file = state.level = NULL;
	if (state.log.fd >= 0)
		log_close(&state.log);
	state.log.fd = -1;
	state.is_open = false;
}

int lxc_log_init(struct lxc_log *wish)
{
	int r = 0;
	if (!wish)
		return -1;
	process_lock();
	if (!state.is_open) {
		bool is_none = wish->file && strcmp(wish->file, "none") == 0;
		enum log_level level = log_level_from_name(wish->level);
		state.file = is_none || !wish->file ? NULL : strdup(wish->file);
		state.level = wish->level ? strdup(wish->level) : NULL;
		state.is_open = true;
		auto_free char *guessed = is_none || wish->file || !wish->level ? NULL : default_file(wish);
		const char *file = state.file ?: guessed;
		if (file) {
			r = log_open(&state.log, file, level, wish->prefix ?: "lxc", wish->name ?: "");
			if (r < 0 && !state.file)
				r = 0; /* a place of ours, not of the user's */
			else if (r < 0)
				forget();
			else if (r == 0 && !state.file)
				state.file = take_ptr(guessed);
		}
	}
	process_unlock();
	return r;
}

void lxc_log_close(void)
{
	process_lock();
	forget();
	process_unlock();
}

void process_log_error(const char *line)
{
	process_lock();
	if (state.log.fd >= 0)
		log_error(&state.log, "%s", line);
	process_unlock();
}

int process_log_apply(struct spec_log *log)
{
	int r = 0;
	process_lock();
	if (state.file)
		r = text_replace(&log->file, state.file);
	if (r == 0 && state.level)
		r = text_replace(&log->level, state.level);
	process_unlock();
	return r;
}
