/* config.json: the whole, and its small parts. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "dialect/oci/internal.h"

const char *const oci_hooks[] = { "prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop",
	NULL };

int oci_word(const char *const *words, const char *text)
{
	for (int i = 0; words[i]; i++)
		if (strcmp(words[i], text) == 0)
			return i;
	return -1;
}

int oci_read_flags(const struct json_at *at, const char *const *names, const uint32_t *bits, uint32_t *ret)
{
	struct string_list flags = { 0 };
	int r = json_take_texts(at, "flags", &flags);

	vector_for_each (flag, &flags) {
		int word = oci_word(names, *flag);
		if (word < 0 && r >= 0)
			r = json_fault(at, "unknown flag %s", *flag);
		*ret |= word < 0 ? 0 : bits[word];
	}
	string_list_clear(&flags);
	return r < 0 ? r : 0;
}

bool oci_is_id(const char *name)
{
	size_t length = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_+.-");

	return length > 0 && length < 256 && name[length] == '\0' && strcmp(name, ".") != 0 && strcmp(name, "..") != 0;
}

void oci_clean_path(char *path)
{
	char *out = path;

	for (char *in = path; *in;) {
		size_t length = strcspn(in, "/");
		char *next = in + length + (in[length] == '/');
		if (length == 2 && memcmp(in, "..", 2) == 0) {
			while (out > path && *--out != '/')
				;
		} else if (length > 0 && !(length == 1 && *in == '.')) {
			if (out > path)
				*out++ = '/';
			memmove(out, in, length);
			out += length;
		}
		in = next;
	}
	*out = '\0';
}

/* ---- hooks ---- */

static int read_hook(const struct json_at *at, enum oci_moment moment, struct spec *spec)
{
	struct spec_oci_hook *hook = vector_add(&spec->oci.hooks);

	if (!hook)
		return json_no_memory(at);
	hook->moment = moment;
	hook->origin = json_origin(at);
	int r = json_take_text(at, "path", &hook->path);
	if (r == 0)
		return json_missing(at, "path");
	if (r > 0 && *hook->path != '/')
		return json_fault(at, "path %s must be absolute", hook->path);
	r = r < 0 ? r : json_take_texts(at, "args", &hook->argv);
	r = r < 0 ? r : json_take_texts(at, "env", &hook->environment);
	r = r < 0 ? r : json_take_u32(at, "timeout", &hook->timeout);
	if (r > 0 && hook->timeout == 0)
		return json_fault(at, "timeout must be greater than 0");
	if (r >= 0 && hook->argv.count == 0 && string_list_add(&hook->argv, hook->path) < 0)
		return json_no_memory(at);
	return r < 0 ? r : 0;
}

int oci_read_hooks(const struct json_at *root, struct spec *spec)
{
	struct json_at hooks, list, item;
	int r = json_member(root, "hooks", JSON_OBJECT, &hooks);

	if (r <= 0)
		return r;
	for (int moment = 0; moment < OCI_MOMENTS; moment++) {
		r = json_member(&hooks, oci_hooks[moment], JSON_ARRAY, &list);
		for (size_t i = 0; r > 0 && i < json_count(&list); i++) {
			r = json_item(&list, i, JSON_OBJECT, &item);
			r = r < 0 ? r : read_hook(&item, (enum oci_moment)moment, spec);
			if (r < 0)
				return r;
			r = 1;
		}
		if (r < 0)
			return r;
	}
	return 0;
}

/* ---- the top ---- */

static int check_version(const struct json_at *root, const char *version)
{
	unsigned major, minor, patch;
	int used = 0;

	if (sscanf(version, "%u.%u.%u%n", &major, &minor, &patch, &used) != 3 || (version[used] && !strchr("-+", version[used])))
		return json_fault(root, "ociVersion %s is no version as 1.0.2", version);
	if (major != 1)
		return json_fault(root, "ociVersion %s: only version 1 is known", version);
	return 0;
}

static int read_root(const struct json_at *root, const char *bundle, struct spec *spec)
{
	struct json_at at;
	auto_free char *path = NULL;
	int r = json_member(root, "root", JSON_OBJECT, &at);

	if (r == 0)
		return json_missing(root, "root");
	r = r < 0 ? r : json_take_text(&at, "path", &path);
	if (r == 0 || (r > 0 && !*path))
		return json_missing(&at, "path");
	r = r < 0 ? r : json_take_bool(&at, "readonly", &spec->oci.root_read_only);
	if (r < 0)
		return r;
	r = *path == '/' ? text_replace(&spec->rootfs.path, path) : text_format(&spec->rootfs.path, "%s/%s", bundle, path);
	spec->rootfs.origin = json_origin(&at);
	return r < 0 ? json_no_memory(&at) : 0;
}

static int add_annotation(const struct json_at *at, const char *value, void *data)
{
	struct spec *spec = data;
	struct spec_setting *one;

	if (!*at->name)
		return json_fault(at, "a key must not be empty");
	one = vector_add(&spec->oci.annotations);
	if (!one || !(one->name = strdup(at->name)) || !(one->value = strdup(value)))
		return json_no_memory(at);
	return 0;
}

static int read_all(const struct json_at *root, const char *bundle, struct spec *spec)
{
	int r = json_take_text(root, "ociVersion", &spec->oci.version);

	if (r == 0)
		return json_missing(root, "ociVersion");
	r = r < 0 ? r : check_version(root, spec->oci.version);
	r = r < 0 ? r : read_root(root, bundle, spec);
	r = r < 0 ? r : json_take_text(root, "hostname", &spec->identity.hostname);
	r = r < 0 ? r : json_take_text(root, "domainname", &spec->identity.domain);
	r = r < 0 ? r : json_take_map(root, "annotations", add_annotation, spec);
	r = r < 0 ? r : oci_read_process(root, spec);
	r = r < 0 ? r : oci_read_linux(root, spec);
	r = r < 0 ? r : oci_read_mounts(root, spec);
	return r < 0 ? r : oci_read_hooks(root, spec);
}

int oci_parse_config(struct spec *spec, const char *file, const char *bundle, const char *text, size_t length,
	struct error *err)
{
	struct reading in = { spec, file, err };
	struct json_tree tree;
	int r = json_parse(&in, text, length, &tree);

	if (r < 0)
		return r;
	struct json_at root = { .in = &in, .value = tree.root };
	if (text_replace(&spec->identity.dialect, "oci") < 0 || text_replace(&spec->oci.bundle, bundle) < 0 ||
		text_replace(&spec->identity.config_file, file) < 0)
		r = json_no_memory(&root);
	r = r ?: read_all(&root, bundle, spec);
	json_tree_clear(&tree);
	return r;
}

int oci_parse_resources(struct spec *spec, const char *file, const char *text, size_t length, struct error *err)
{
	struct reading in = { spec, file, err };
	struct json_tree tree;
	int r = json_parse(&in, text, length, &tree);

	if (r < 0)
		return r;
	struct json_at root = { .in = &in, .value = tree.root };
	r = oci_read_resources(&root, spec);
	json_tree_clear(&tree);
	return r;
}
