/* The configuration's methods. */
#include "base/file.h"
#include "liblxc/internal.h"

#include <string.h>
#include <unistd.h>

static bool load_config(struct lxc_container *c, const char *file)
{
	struct error err = { 0 };
	if (!c)
		return false;
	auto_lock(c);
	int r = lxc_config_load(self(c)->config, file ?: c->configfile, &err);
	if (r >= 0)
		self(c)->has_config = true;
	c->lxc_conf = self(c)->has_config ? (struct lxc_conf *)self(c)->config : NULL;
	return container_result(c, &err, r);
}

static bool save_config(struct lxc_container *c, const char *file)
{
	struct error err = { 0 };
	if (!c)
		return false;
	auto_lock(c);
	if (!self(c)->has_config) {
		const char *defaults = lxc_get_global_config_item("lxc.default_config");
		if (defaults && lxc_config_load(self(c)->config, defaults, &err) >= 0)
			self(c)->has_config = true;
	}
	const char *target = file ?: c->configfile;
	bool is_first = access(c->configfile, F_OK) < 0;
	auto_free char *directory = strndup(target, strrchr(target, '/') ? (size_t)(strrchr(target, '/') - target) : 0);
	if (directory && *directory)
		(void)mkdir_parents(directory, 0770); /* the write says what is wrong */
	int r = lxc_config_write(self(c)->config, target, &err);
	if (r == 0 && is_first && strcmp(target, c->configfile) == 0)
		self(c)->is_new = true;
	return container_result(c, &err, r);
}

static void clear_config(struct lxc_container *c)
{
	if (!c)
		return;
	auto_lock(c);
	lxc_config_reset(self(c)->config);
	self(c)->has_config = false;
	c->lxc_conf = NULL;
}

static bool set_config_item(struct lxc_container *c, const char *key, const char *value)
{
	struct error err = { 0 };
	if (!c || !key)
		return false;
	auto_lock(c);
	int r = lxc_config_set(self(c)->config, key, value, "API", &err);
	if (r >= 0) {
		self(c)->has_config = true;
		c->lxc_conf = (struct lxc_conf *)self(c)->config;
	}
	return container_result(c, &err, r);
}

static bool clear_config_item(struct lxc_container *c, const char *key)
{
	struct error err = { 0 };
	if (!c || !key)
		return false;
	auto_lock(c);
	if (!self(c)->has_config)
		return false;
	return container_result(c, &err, lxc_config_clear(self(c)->config, key, &err));
}

static int get_config_item(struct lxc_container *c, const char *key, char *retv, int inlen)
{
	auto_free char *value = NULL;
	if (!c || !key)
		return -1;
	auto_lock(c);
	if (!self(c)->has_config)
		return -1;
	if (lxc_config_get(self(c)->config, key, &value) < 0)
		return -EINVAL;
	return copy_out(value, retv, inlen);
}

/* What the start chose: the host side of a veth that the configuration does not name. */
static char *chosen_pair(const struct container_id *id, const struct spec *spec, const char *key)
{
	struct engine_link links[16];
	unsigned index;
	if (sscanf(key, "lxc.net.%u.veth.pair", &index) != 1 || !strstr(key, ".veth.pair"))
		return NULL;
	int count = engine_links(id, links, 16, NULL);
	int number = 0; /* links come last first */
	vector_for_each (link, &spec->network.links) {
		if (!spec_link_has_host_side(link))
			continue;
		if (link->index == index && number < count)
			return strdup(links[count - 1 - number].host_name);
		number++;
	}
	return NULL;
}

static char *get_running_config_item(struct lxc_container *c, const char *key)
{
	struct spec *spec = NULL;
	char *value = NULL;
	if (!c || !key)
		return NULL;
	struct container_id id = id_of(c);
	if (engine_running_spec(&id, &spec, NULL) < 0)
		return NULL;
	if (lxc_config_get_from_spec(spec, key, &value) < 0 || !*value) {
		free(value);
		value = chosen_pair(&id, spec, key);
	}
	spec_free(spec);
	return value;
}

static int get_keys(struct lxc_container *c, const char *key, char *retv, int inlen)
{
	auto_free char *names = NULL;
	if (!c)
		return -1;
	auto_lock(c);
	int r = lxc_config_keys(self(c)->config, key, &names);
	return r < 0 ? r : copy_out(names, retv, inlen);
}

static char *config_file_name(struct lxc_container *c)
{
	return c ? strdup(c->configfile) : NULL;
}

static const char *get_config_path(struct lxc_container *c)
{
	return c ? c->config_path : NULL;
}

static bool set_config_path(struct lxc_container *c, const char *path)
{
	if (!c || !path || !*path)
		return false;
	auto_lock(c);
	struct spec *spec = lxc_config_spec(self(c)->config);
	auto_free char *clean = clean_path(path);
	auto_free char *file = NULL;
	if (!clean || text_format(&file, "%s/%s/config", clean, c->name) < 0 ||
		text_replace(&spec->identity.base_path, clean) < 0 || text_replace(&spec->identity.config_file, file) < 0)
		return false;
	free(c->config_path);
	free(c->configfile);
	c->config_path = take_ptr(clean);
	c->configfile = take_ptr(file);
	return true;
}

void wire_settings(struct lxc_container *c)
{
	c->load_config = load_config;
	c->save_config = save_config;
	c->clear_config = clear_config;
	c->set_config_item = set_config_item;
	c->clear_config_item = clear_config_item;
	c->get_config_item = get_config_item;
	c->get_running_config_item = get_running_config_item;
	c->get_keys = get_keys;
	c->config_file_name = config_file_name;
	c->get_config_path = get_config_path;
	c->set_config_path = set_config_path;
}
