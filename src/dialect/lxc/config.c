#include "dialect/lxc/config.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "base/text.h"
#include "dialect/lxc/document.h"
#include "dialect/lxc/keys.h"

#include <string.h>

static struct spec *new_spec(const char *name, const char *base_path)
{
	struct spec *spec = spec_new();
	if (!spec || text_replace(&spec->identity.dialect, "lxc") < 0 || text_replace(&spec->identity.name, name) < 0 ||
		text_replace(&spec->identity.base_path, base_path) < 0) {
		spec_free(spec);
		return NULL;
	}
	return spec;
}

struct lxc_config *lxc_config_new(const char *name, const char *base_path)
{
	struct lxc_config *config = calloc(1, sizeof(*config));
	if (config && !(config->spec = new_spec(name, base_path))) {
		free(config);
		return NULL;
	}
	return config;
}

void lxc_config_free(struct lxc_config *config)
{
	if (!config)
		return;
	spec_free(config->spec);
	free(config->text);
	free(config);
}

struct spec *lxc_config_spec(struct lxc_config *config)
{
	return config->spec;
}

void lxc_config_reset(struct lxc_config *config)
{
	const struct spec_identity *identity = &config->spec->identity;
	struct spec *spec = new_spec(identity->name, identity->base_path);
	if (spec && text_replace(&spec->identity.config_file, identity->config_file) == 0) {
		spec_free(config->spec);
		config->spec = spec;
	}
	config->text_length = 0;
	if (config->text)
		*config->text = '\0';
	config->include_count = 0;
	config->legacy_link = 0;
}

static int unknown_key(const char *key, struct error *err)
{
	const char *nearest = key_nearest(key);
	(void)error_set_kind(err, ERROR_CONFIG, EINVAL, "unknown key %.90s", key);
	if (nearest)
		error_hint(err, "did you mean %s?", nearest);
	return -EINVAL;
}

int lxc_config_set(struct lxc_config *config, const char *key, const char *value, const char *origin_name,
	struct error *err)
{
	char modern[256];
	struct key_call call = { .config = config, .spec = config->spec, .value = value ?: "", .err = err };
	call.name = key_modern(key, &config->legacy_link, modern, sizeof(modern));
	if (!call.name)
		return 0;
	call.key = key_find(call.name, &call.suffix);
	if (!call.key)
		return unknown_key(key, err);
	call.origin.source = spec_source(config->spec, origin_name);
	call.origin.key = spec_source(config->spec, key);
	if (strpbrk(call.value, "\r\n")) /* saved, the rest would be a line of its own */
		return key_fault(&call, "a value can not hold a line end", NULL);
	int r = key_apply(&call);
	if (r < 0)
		return r;
	if (*call.value)
		r = document_add_line(config, call.name, call.value);
	else
		document_remove(config, call.name);
	return r < 0 ? error_set(err, r, "remember %s", key) : 0;
}

int lxc_config_clear(struct lxc_config *config, const char *key, struct error *err)
{
	char modern[256];
	const char *suffix;
	const char *name = key_modern(key, NULL, modern, sizeof(modern));
	if (!name)
		return 0;
	const struct key *row = key_find(name, &suffix);
	if (!row)
		return unknown_key(key, err);
	key_clear(config->spec, row, suffix);
	if (row->origin_offset) /* as if it had never been written */
		*(struct origin *)((char *)config->spec + row->origin_offset) = (struct origin){ 0 };
	document_remove(config, name);
	return 0;
}

int lxc_config_get_from_spec(const struct spec *spec, const char *key, char **ret_value)
{
	char modern[256];
	const char *suffix;
	size_t length;
	*ret_value = NULL;
	const char *name = key_modern(key, NULL, modern, sizeof(modern));
	const struct key *row = name ? key_find(name, &suffix) : NULL;
	if (!row)
		return -ENOENT;
	FILE *out = open_memstream(ret_value, &length);
	if (!out)
		return -ENOMEM;
	int r = key_get(spec, row, suffix, out);
	if (fclose(out) != 0 && r == 0)
		r = -ENOMEM;
	if (r < 0) {
		free(*ret_value);
		*ret_value = NULL;
	}
	return r;
}

int lxc_config_get(struct lxc_config *config, const char *key, char **ret_value)
{
	return lxc_config_get_from_spec(config->spec, key, ret_value);
}

bool lxc_config_is_supported(const char *key)
{
	if (strcmp(key, "lxc.net.") == 0)
		return true;
	for (const struct key *row = lxc_keys; row->name; row++)
		if (strcmp(row->name, key) == 0)
			return true;
	return false;
}

static int list_keys(const struct spec *spec, const char *group, FILE *out)
{
	const char *suffix;
	bool has_any = false;
	if (group && text_starts(group, "lxc.net."))
		return net_list_keys(spec, group + strlen("lxc.net."), out);
	for (const struct key *key = lxc_keys; key->name; key++) {
		size_t length = group ? strlen(group) : 0;
		if (length && (strncmp(key->name, group, length) != 0 || (key->name[length] && key->name[length] != '.')))
			continue;
		has_any = true;
		fprintf(out, "%s\n", key->name);
	}
	return has_any || key_find(group, &suffix) ? 0 : -EINVAL;
}

int lxc_config_keys(struct lxc_config *config, const char *key, char **ret_names)
{
	size_t length;
	*ret_names = NULL;
	FILE *out = open_memstream(ret_names, &length);
	if (!out)
		return -ENOMEM;
	int r = list_keys(config->spec, key && *key ? key : NULL, out);
	if (fclose(out) != 0 && r == 0)
		r = -ENOMEM;
	if (r < 0) {
		free(*ret_names);
		*ret_names = NULL;
	}
	return r;
}

const char *lxc_config_known_key(size_t number)
{
	size_t count = 0;
	while (lxc_keys[count].name)
		count++;
	return number < count ? lxc_keys[number].name : NULL;
}

int lxc_config_text(struct lxc_config *config, char **ret_text)
{
	document_fill_hwaddr(config);
	*ret_text = strdup(config->text ?: "");
	return *ret_text ? 0 : -ENOMEM;
}

int lxc_config_write(struct lxc_config *config, const char *file, struct error *err)
{
	document_fill_hwaddr(config);
	int r = file_write_atomic(-1, file, 0640, config->text ?: "", config->text_length);
	return r < 0 ? error_set(err, r, "write configuration %s", file) : 0;
}

/* ---- before a start ---- */

static int fill_command(struct spec *spec, char *const *argv, bool is_application, struct error *err)
{
	struct spec_process *process = &spec->process;
	int r = 0;
	string_list_clear(&process->argv);
	for (; argv && *argv && r == 0; argv++)
		r = string_list_add(&process->argv, *argv);
	if (r == 0 && process->argv.count == 0) {
		const char *line = is_application ? process->execute_command : process->command;
		if (is_application && !line)
			return error_set_kind(err, ERROR_USAGE, EINVAL, "no command given");
		/* LXC boots the host's init on the host's own files then: its tmpfiles alone would empty /tmp */
		if (!line && !spec->rootfs.path) {
			error_set_kind(err, ERROR_USAGE, 0, "no root file system for /sbin/init");
			return error_hint(err, "set lxc.rootfs.path, or give a program to run on the host's files");
		}
		r = text_split_command(line ?: "/sbin/init", &process->argv);
	}
	if (r == 0 && process->argv.count == 0)
		r = -EINVAL;
	return r < 0 ? spec_error(err, r, spec, &process->command_origin, "read the command line") : 0;
}

int lxc_config_prepare(struct lxc_config *config, char *const *argv, bool is_application, struct error *err)
{
	struct spec *spec = config->spec;
	spec->process.is_application = is_application;
	spec->process.use_init = is_application;
	return fill_command(spec, argv, is_application, err);
}
