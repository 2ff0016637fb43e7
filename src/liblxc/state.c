/* State and life: start, stop, wait, freeze. */
#include "liblxc/internal.h"
#include "liblxc/partial.h"

#include <signal.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

static bool is_defined(struct lxc_container *c)
{
	return c && access(c->configfile, F_OK) == 0;
}

static struct status status_of(struct lxc_container *c)
{
	struct container_id id = id_of(c);
	struct status status = { .state = STATE_STOPPED };
	(void)engine_status(&id, &status, NULL); /* what can not be read does not run */
	return status;
}

static const char *state(struct lxc_container *c)
{
	return c ? state_name(status_of(c).state) : NULL;
}

static bool is_running(struct lxc_container *c)
{
	return c && status_of(c).state != STATE_STOPPED;
}

static pid_t init_pid(struct lxc_container *c)
{
	struct container_id id;
	if (!c)
		return -1;
	id = id_of(c);
	pid_t pid = engine_init_pid(&id, NULL);
	return pid > 0 ? pid : -1;
}

static int init_pidfd(struct lxc_container *c)
{
	struct container_id id;
	if (!c)
		return -EBADF;
	id = id_of(c);
	return engine_init_pidfd(&id, NULL);
}

static bool freeze(struct lxc_container *c)
{
	struct error err = { 0 };
	if (!c)
		return false;
	struct container_id id = id_of(c);
	return container_result(c, &err, engine_freeze(&id, &err));
}

static bool unfreeze(struct lxc_container *c)
{
	struct error err = { 0 };
	if (!c)
		return false;
	struct container_id id = id_of(c);
	return container_result(c, &err, engine_unfreeze(&id, &err));
}

static int to_ms(int seconds)
{
	return seconds < 0 ? -1 : seconds > INT32_MAX / 1000 ? INT32_MAX : seconds * 1000;
}

static bool stop(struct lxc_container *c)
{
	struct error err = { 0 };
	if (!c)
		return false;
	struct container_id id = id_of(c);
	return container_result(c, &err, engine_kill(&id, to_ms(id.answer_timeout_s), &err));
}

/* Sends signal and waits until it runs again, with the subscription open before. */
static int reboot_and_wait(struct lxc_container *c, int signal, int seconds, struct error *err)
{
	struct container_id id = id_of(c);
	struct engine_watch *watch = NULL;
	int r = seconds == 0 ? 0 : engine_watch_open(&id, &watch, err);
	r = r < 0 ? r : engine_signal(&id, signal, true, err);
	if (r >= 0 && watch)
		r = engine_watch_wait(watch, 1U << STATE_RUNNING, to_ms(seconds), err);
	if (watch)
		engine_watch_close(watch);
	return r;
}

static bool shutdown(struct lxc_container *c, int timeout)
{
	struct error err = { 0 };
	if (!c)
		return false;
	struct container_id id = id_of(c);
	if (status_of(c).state == STATE_STOPPED)
		return true;
	return container_result(c, &err, engine_shutdown(&id, to_ms(timeout), &err));
}

static int reboot_signal(struct lxc_container *c)
{
	struct container_id id = id_of(c);
	struct spec *spec = NULL;
	int signal = SIGINT;
	if (engine_running_spec(&id, &spec, NULL) == 0 && spec->lifecycle.signal_reboot)
		signal = (int)spec->lifecycle.signal_reboot;
	spec_free(spec);
	return signal;
}

static bool reboot(struct lxc_container *c)
{
	struct error err = { 0 };
	if (!c)
		return false;
	struct container_id id = id_of(c);
	return container_result(c, &err, engine_signal(&id, reboot_signal(c), true, &err));
}

static bool reboot2(struct lxc_container *c, int timeout)
{
	struct error err = { 0 };
	if (!c)
		return false;
	if (status_of(c).state == STATE_STOPPED)
		return true;
	return container_result(c, &err, reboot_and_wait(c, reboot_signal(c), timeout, &err));
}

/* "STOPPED|RUNNING" as a mask, or -EINVAL. */
static int parse_states(const char *states, uint32_t *ret_mask)
{
	struct string_list words = { 0 };
	int r = text_split(states, "|", &words);
	*ret_mask = 0;
	for (size_t i = 0; r >= 0 && i < words.count; i++) {
		r = state_from_name(words.items[i]);
		if (r >= 0)
			*ret_mask |= 1U << r;
	}
	string_list_clear(&words);
	return r < 0 || *ret_mask == 0 ? -EINVAL : 0;
}

static bool wait_for(struct lxc_container *c, const char *states, int timeout)
{
	uint32_t mask;
	if (!c || !states || parse_states(states, &mask) < 0)
		return false;
	struct container_id id = id_of(c);
	return engine_wait(&id, mask, to_ms(timeout), NULL) == 0;
}

static bool want_daemonize(struct lxc_container *c, bool wish)
{
	if (!c)
		return false;
	auto_lock(c);
	if (!self(c)->has_config)
		return false;
	c->daemonize = wish;
	return true;
}

static bool want_close_all_fds(struct lxc_container *c, bool wish)
{
	if (!c)
		return false;
	auto_lock(c);
	if (!self(c)->has_config)
		return false;
	self(c)->close_all_fds = wish;
	return true;
}

static bool set_timeout(struct lxc_container *c, int timeout)
{
	if (!c || (timeout < 1 && timeout != -1))
		return false;
	__atomic_store_n(&c->rcv_timeout, timeout, __ATOMIC_RELAXED); /* id_of reads it without a lock */
	return true;
}

static bool may_control(struct lxc_container *c)
{
	struct container_id id;
	struct spec *spec = NULL;
	if (!c)
		return false;
	if (status_of(c).state == STATE_STOPPED)
		return true;
	id = id_of(c);
	int r = engine_running_spec(&id, &spec, NULL);
	spec_free(spec);
	return r != -EACCES && r != -EPERM;
}

/* ---- start ---- */

int prepare_start(struct lxc_container *c, char *const *argv, bool is_application, struct error *err)
{
	struct container *container = self(c);
	if (container_is_partial(c))
		return error_set_kind(err, ERROR_BUSY, EBUSY, "%s is still being created", c->name);
	int r = lxc_config_prepare(container->config, argv, is_application, err);
	if (r == 0 && process_log_apply(&lxc_config_spec(container->config)->log) < 0)
		return error_set(err, ENOMEM, "prepare the start");
	return r;
}

static int copy_spec(const struct spec *spec, struct spec **ret_copy, struct error *err)
{
	auto_free char *text = NULL;
	size_t length;
	int r = spec_to_flat(spec, &text, &length);
	return r < 0 ? error_set(err, r, "prepare the start") : spec_parse_flat(text, length, ret_copy, err);
}

/* The start gets a spec of its own: in the foreground it takes as long as the container lives, and others use c. */
static int prepare_copy(struct lxc_container *c, char *const *argv, bool is_application, struct start_options *options,
	struct spec **ret_spec, struct error *err)
{
	auto_lock(c);
	if (!self(c)->has_config)
		return error_set_kind(err, ERROR_NOT_FOUND, ENOENT, "%s has no configuration", c->name);
	*options = (struct start_options){ .foreground = !c->daemonize, .pidfile = c->pidfile,
		.close_all_fds = self(c)->close_all_fds };
	int r = prepare_start(c, argv, is_application, err);
	return r < 0 ? r : copy_spec(lxc_config_spec(self(c)->config), ret_spec, err);
}

static void set_number(struct lxc_container *c, int number)
{
	process_lock();
	c->error_num = number;
	process_unlock();
}

static bool start(struct lxc_container *c, int use_init, char *const argv[])
{
	struct error err = { 0 };
	struct start_result result = { 0 };
	struct start_options options;
	struct spec *spec = NULL;
	if (!c)
		return false;
	set_number(c, 1);
	int r = prepare_copy(c, argv, use_init, &options, &spec, &err);
	r = r < 0 ? r : engine_start(spec, &options, &result, &err);
	spec_free(spec);
	if (r >= 0)
		set_number(c, options.foreground ? result.wait_status : 0);
	return container_result(c, &err, r);
}

char **collect_arguments(va_list arguments)
{
	size_t count = 0;
	va_list again;
	va_copy(again, arguments);
	while (va_arg(again, char *))
		count++;
	va_end(again);
	char **list = calloc(count + 1, sizeof(*list));
	for (size_t i = 0; list && i < count; i++)
		list[i] = va_arg(arguments, char *);
	return list;
}

static bool startl(struct lxc_container *c, int use_init, ...)
{
	va_list arguments;
	va_start(arguments, use_init);
	auto_free char **argv = collect_arguments(arguments);
	va_end(arguments);
	return argv && start(c, use_init, *argv ? argv : NULL);
}

void wire_state(struct lxc_container *c)
{
	c->is_defined = is_defined;
	c->state = state;
	c->is_running = is_running;
	c->init_pid = init_pid;
	c->init_pidfd = init_pidfd;
	c->freeze = freeze;
	c->unfreeze = unfreeze;
	c->start = start;
	c->startl = startl;
	c->stop = stop;
	c->shutdown = shutdown;
	c->reboot = reboot;
	c->reboot2 = reboot2;
	c->wait = wait_for;
	c->want_daemonize = want_daemonize;
	c->want_close_all_fds = want_close_all_fds;
	c->set_timeout = set_timeout;
	c->may_control = may_control;
}
