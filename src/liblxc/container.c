/* Objects: making, counting, freeing. */
#include "liblxc/extra.h"
#include "liblxc/internal.h"
#include "liblxc/partial.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

void container_lock(struct container *container)
{
	pthread_mutex_lock(&container->lock);
}

void container_unlock(struct container *container)
{
	pthread_mutex_unlock(&container->lock);
}

int container_fault(struct lxc_container *c, const struct error *err, int r)
{
	char line[1024];
	char *copy = strdup(error_render(err, line, sizeof(line)));
	process_lock();
	char *before = c->error_string;
	self(c)->error = *err;
	c->error_string = copy;
	c->error_num = err->errnum ?: 1;
	process_unlock();
	free(before);
	process_log_error(line);
	return r;
}

bool container_result(struct lxc_container *c, const struct error *err, int r)
{
	if (r < 0)
		(void)container_fault(c, err, r);
	return r >= 0;
}

char *container_path(const struct lxc_container *c, const char *file)
{
	char *path;
	return text_format(&path, "%s/%s/%s", c->config_path, c->name, file) < 0 ? NULL : path;
}

int copy_out(const char *value, char *buffer, int size)
{
	size_t length = strlen(value);
	if (buffer && size > 0)
		(void)snprintf(buffer, (size_t)size, "%s", value);
	return (int)length;
}

static void free_container(struct lxc_container *c)
{
	struct container *container = self(c);
	lxc_config_free(container->config);
	free(c->name);
	free(c->configfile);
	free(c->pidfile);
	free(c->error_string);
	free(c->config_path);
	pthread_mutex_destroy(&container->lock);
	free(container);
}

int lxc_container_get(struct lxc_container *c)
{
	if (!c)
		return 0;
	process_lock();
	bool is_alive = self(c)->references > 0;
	if (is_alive)
		c->numthreads = ++self(c)->references;
	process_unlock();
	return is_alive;
}

int lxc_container_put(struct lxc_container *c)
{
	if (!c)
		return -1;
	process_lock();
	int left = --self(c)->references;
	c->numthreads = left;
	process_unlock();
	if (left > 0)
		return 0;
	free_container(c);
	return 1;
}

bool is_container_name(const char *name)
{
	return *name && !strchr(name, '/') && !text_has_control(name) && strcmp(name, ".") != 0 && strcmp(name, "..") != 0;
}

char *clean_path(const char *path)
{
	auto_free char *directory = *path == '/' ? NULL : getcwd(NULL, 0);
	char *copy;
	if (text_format(&copy, "%s%s%s", directory ?: "", directory ? "/" : "", path) < 0)
		return NULL;
	for (size_t length = strlen(copy); length > 1 && copy[length - 1] == '/';)
		copy[--length] = '\0';
	return copy;
}

static int fill(struct lxc_container *c, const char *name, const char *path)
{
	struct container *container = self(c);
	c->name = strdup(name);
	c->config_path = clean_path(path);
	if (!c->name || !c->config_path)
		return -ENOMEM;
	c->configfile = container_path(c, "config");
	container->config = lxc_config_new(name, c->config_path);
	if (!c->configfile || !container->config)
		return -ENOMEM;
	c->daemonize = true;
	c->numthreads = container->references = 1;
	c->rcv_timeout = -1;
	return text_replace(&lxc_config_spec(container->config)->identity.config_file, c->configfile);
}

static struct lxc_container *make(const char *name, const char *path)
{
	if (!is_container_name(name)) {
		errno = EINVAL;
		return NULL;
	}
	struct container *container = calloc(1, sizeof(*container));
	if (!container)
		return NULL;
	pthread_mutex_init(&container->lock, NULL);
	struct lxc_container *c = &container->public;
	if (fill(c, name, path) < 0) {
		free_container(c);
		return NULL;
	}
	wire_state(c);
	wire_settings(c);
	wire_attach(c);
	wire_inside(c);
	wire_create(c);
	wire_lifecycle(c);
	wire_snapshots(c);
	wire_console(c);
	wire_mounts(c);
	wire_checkpoint(c);
	return c;
}

struct lxc_container *lxc_container_new(const char *name, const char *configpath)
{
	const char *path = configpath ?: lxc_get_global_config_item("lxc.lxcpath");
	if (!name || !path)
		return NULL;
	struct lxc_container *c = make(name, path);
	if (!c)
		return NULL;
	container_recover(c);
	if (access(c->configfile, F_OK) == 0 && !c->load_config(c, NULL)) {
		lxc_container_put(c);
		return NULL;
	}
	return c;
}

struct lxc_container *extra_container_open(const char *name, const char *lxcpath)
{
	const char *path = lxcpath ?: lxc_get_global_config_item("lxc.lxcpath");
	struct lxc_container *c = name && path ? make(name, path) : NULL;
	if (c)
		container_recover(c);
	return c;
}
