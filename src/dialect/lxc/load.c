/* Files: lines, quotes, comments, includes. */
#include "base/cleanup.h"
#include "base/file.h"
#include "base/text.h"
#include "dialect/lxc/document.h"
#include "dialect/lxc/keys.h"

#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#define MAX_FILE     (64U * 1024 * 1024)
#define MAX_LINE     (1024U * 1024)
#define MAX_INCLUDES 10000
#define MAX_DEPTH    64

/* One file that is being read; the chain of them finds cycles. */
struct reader {
	struct lxc_config *config;
	const char *file;
	const struct reader *includer;
	dev_t device;
	ino_t inode;
	unsigned depth;
	struct error *err;
};

static int load_file(struct lxc_config *config, const char *file, const struct reader *includer, bool keep_text,
	const struct origin *origin, struct error *err);

static int include_directory(const struct reader *reader, const char *path, const struct origin *origin)
{
	struct dirent **entries = NULL;
	int count = scandir(path, &entries, NULL, alphasort); /* sorted: 10-x before 20-y, everywhere the same */
	int r = 0;
	for (int i = 0; i < count; i++) {
		auto_free char *file = NULL;
		if (r == 0 && entries[i]->d_name[0] != '.' && text_ends(entries[i]->d_name, ".conf")) {
			r = text_format(&file, "%s/%s", path, entries[i]->d_name);
			r = r ?: load_file(reader->config, file, reader, false, origin, reader->err);
		}
		free(entries[i]);
	}
	free(entries);
	return r;
}

static int include(const struct reader *reader, const char *path, const struct origin *origin)
{
	struct stat info;
	if (++reader->config->include_count > MAX_INCLUDES || reader->depth >= MAX_DEPTH) {
		int r = spec_error(reader->err, 0, reader->config->spec, origin, "%s: too many files are included", path);
		if (reader->err)
			reader->err->kind = ERROR_CONFIG;
		return r;
	}
	size_t length = strlen(path);
	if (length > 0 && path[length - 1] == '/' && stat(path, &info) < 0)
		return 0; /* a directory for drop-ins need not exist */
	if (stat(path, &info) == 0 && S_ISDIR(info.st_mode))
		return include_directory(reader, path, origin);
	return load_file(reader->config, path, reader, false, origin, reader->err);
}

/* Through the API there is no file that includes. */
int include_set(struct key_call *call)
{
	struct reader reader = { .config = call->config, .file = "", .err = call->err };
	return *call->value ? include(&reader, call->value, &call->origin) : 0;
}

/* Both ends of a value may have the same quotes. */
static char *unquote(char *value)
{
	size_t length = strlen(value);
	if (length >= 2 && (*value == '"' || *value == '\'') && value[length - 1] == *value) {
		value[length - 1] = '\0';
		return value + 1;
	}
	return value;
}

static int line_fault(const struct reader *reader, unsigned number, const char *what, const char *hint)
{
	(void)error_set_kind(reader->err, ERROR_CONFIG, 0, "%s", what);
	error_locate(reader->err, reader->file, number, NULL);
	if (hint)
		error_hint(reader->err, "%s", hint);
	return -EINVAL;
}

static int unknown_key(const struct reader *reader, unsigned number, const char *name)
{
	const char *nearest = key_nearest(name);
	(void)error_set_kind(reader->err, ERROR_CONFIG, 0, "unknown key %.90s", name);
	error_locate(reader->err, reader->file, number, NULL);
	if (nearest)
		error_hint(reader->err, "did you mean %s?", nearest);
	return -EINVAL;
}

static int apply_line(const struct reader *reader, unsigned number, char *line)
{
	struct lxc_config *config = reader->config;
	struct key_call call = { .config = config, .spec = config->spec, .is_line = true, .err = reader->err };
	char modern[256];
	line = text_trim(line);
	if (*line == '\0' || *line == '#' || !text_starts(line, "lxc."))
		return 0;
	char *equal = strchr(line, '=');
	if (!equal)
		return line_fault(reader, number, "a line without =", "write KEY = VALUE");
	*equal = '\0';
	const char *name = text_trim(line);
	call.name = key_modern(name, &config->legacy_link, modern, sizeof(modern));
	if (!call.name)
		return strcmp(name, "lxc.rootfs.backend") == 0 ?
			       rootfs_backend_set(config->spec, unquote(text_trim(equal + 1))) : 0;
	call.key = key_find(call.name, &call.suffix);
	if (!call.key)
		return unknown_key(reader, number, name);
	call.value = unquote(text_trim(equal + 1));
	call.origin.source = spec_source(config->spec, reader->file);
	call.origin.line = number;
	call.origin.key = spec_source(config->spec, name);
	if (call.key->set == include_set)
		return *call.value ? include(reader, call.value, &call.origin) : 0;
	return key_apply(&call);
}

/* Lines end at a line feed, a carriage return, or both; a NUL byte ends the file. */
static int apply_text(const struct reader *reader, char *text)
{
	unsigned number = 1;
	for (char *line = text; *line;) {
		size_t length = strcspn(line, "\r\n");
		char end = line[length];
		char *next = line + length + (end != '\0');
		if (end == '\r' && *next == '\n')
			next++;
		line[length] = '\0';
		if (length > MAX_LINE)
			return line_fault(reader, number, "the line is longer than 1 MiB", NULL);
		int r = apply_line(reader, number, line);
		if (r < 0)
			return r;
		number++;
		line = next;
	}
	return 0;
}

static bool is_cycle(const struct reader *reader)
{
	for (const struct reader *other = reader->includer; other; other = other->includer)
		if (other->device == reader->device && other->inode == reader->inode)
			return true;
	return false;
}

static int load_file(struct lxc_config *config, const char *file, const struct reader *includer, bool keep_text,
	const struct origin *origin, struct error *err)
{
	struct reader reader = { .config = config, .file = file, .includer = includer,
		.depth = includer ? includer->depth + 1 : 0, .err = err };
	struct stat info;
	auto_free char *text = NULL;
	size_t length;
	auto_close int fd = open(file, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	int r = fd < 0 || fstat(fd, &info) < 0 ? -errno : 0;
	if (r == 0 && S_ISDIR(info.st_mode))
		r = -EISDIR;
	if (r == 0) {
		reader.device = info.st_dev;
		reader.inode = info.st_ino;
		if (is_cycle(&reader))
			r = -ELOOP;
	}
	if (r == 0)
		r = file_read_fd(fd, MAX_FILE, &text, &length);
	if (r < 0) {
		r = origin ? spec_error(err, r, config->spec, origin, "include %s", file) :
			     error_set(err, r, "read configuration %s", file);
		if (err)
			err->kind = r == -ENOENT && !origin ? ERROR_NOT_FOUND : ERROR_CONFIG;
		return r;
	}
	if (keep_text)
		r = document_append(config, text, strlen(text));
	return r < 0 ? error_set(err, r, "read configuration %s", file) : apply_text(&reader, text);
}

int lxc_config_load(struct lxc_config *config, const char *file, struct error *err)
{
	return load_file(config, file, NULL, true, NULL, err);
}
