/* Mount options as text: flags, and whole lines of fstab. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "spec/mount_options.h"

#ifndef MS_NOSYMFOLLOW
#define MS_NOSYMFOLLOW 256
#endif

enum option_kind { OPTION_SET, OPTION_CLEAR, OPTION_PROPAGATION };

/* clang-format off */
static const struct {
	const char *name;
	enum option_kind kind;
	uint64_t flags;
} options[] = {
	{ "defaults",      OPTION_SET,         0 },
	{ "ro",            OPTION_SET,         MS_RDONLY },
	{ "rw",            OPTION_CLEAR,       MS_RDONLY },
	{ "nosuid",        OPTION_SET,         MS_NOSUID },
	{ "suid",          OPTION_CLEAR,       MS_NOSUID },
	{ "nodev",         OPTION_SET,         MS_NODEV },
	{ "dev",           OPTION_CLEAR,       MS_NODEV },
	{ "noexec",        OPTION_SET,         MS_NOEXEC },
	{ "exec",          OPTION_CLEAR,       MS_NOEXEC },
	{ "sync",          OPTION_SET,         MS_SYNCHRONOUS },
	{ "async",         OPTION_CLEAR,       MS_SYNCHRONOUS },
	{ "dirsync",       OPTION_SET,         MS_DIRSYNC },
	{ "mand",          OPTION_SET,         MS_MANDLOCK },
	{ "nomand",        OPTION_CLEAR,       MS_MANDLOCK },
	{ "noatime",       OPTION_SET,         MS_NOATIME },
	{ "atime",         OPTION_CLEAR,       MS_NOATIME },
	{ "nodiratime",    OPTION_SET,         MS_NODIRATIME },
	{ "diratime",      OPTION_CLEAR,       MS_NODIRATIME },
	{ "relatime",      OPTION_SET,         MS_RELATIME },
	{ "norelatime",    OPTION_CLEAR,       MS_RELATIME },
	{ "strictatime",   OPTION_SET,         MS_STRICTATIME },
	{ "nostrictatime", OPTION_CLEAR,       MS_STRICTATIME },
	{ "lazytime",      OPTION_SET,         MS_LAZYTIME },
	{ "nosymfollow",   OPTION_SET,         MS_NOSYMFOLLOW },
	{ "remount",       OPTION_SET,         MS_REMOUNT },
	{ "move",          OPTION_SET,         MS_MOVE },
	{ "bind",          OPTION_SET,         MS_BIND },
	{ "rbind",         OPTION_SET,         MS_BIND | MS_REC },
	{ "private",       OPTION_PROPAGATION, MS_PRIVATE },
	{ "rprivate",      OPTION_PROPAGATION, MS_PRIVATE | MS_REC },
	{ "shared",        OPTION_PROPAGATION, MS_SHARED },
	{ "rshared",       OPTION_PROPAGATION, MS_SHARED | MS_REC },
	{ "slave",         OPTION_PROPAGATION, MS_SLAVE },
	{ "rslave",        OPTION_PROPAGATION, MS_SLAVE | MS_REC },
	{ "unbindable",    OPTION_PROPAGATION, MS_UNBINDABLE },
	{ "runbindable",   OPTION_PROPAGATION, MS_UNBINDABLE | MS_REC },
};
/* clang-format on */

bool mount_flags_add(struct mount_flags *flags, const char *option, size_t length)
{
	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
		if (strlen(options[i].name) != length || memcmp(options[i].name, option, length) != 0)
			continue;
		switch (options[i].kind) {
		case OPTION_SET:
			flags->set |= options[i].flags;
			flags->clear &= ~options[i].flags;
			break;
		case OPTION_CLEAR:
			flags->clear |= options[i].flags;
			flags->set &= ~options[i].flags;
			break;
		case OPTION_PROPAGATION:
			flags->propagation = options[i].flags;
			break;
		}
		return true;
	}
	return false;
}

int root_options_parse(const char *text, struct root_options *ret)
{
	size_t used = 0;

	for (const char *option = text; option && *option;) {
		size_t length = strcspn(option, ",");
		if (length > 0 && !mount_flags_add(&ret->flags, option, length) &&
			strncmp(option, "idmap=", strlen("idmap=")) != 0) {
			if (used + length + 2 > sizeof(ret->data))
				return -E2BIG;
			if (used > 0)
				ret->data[used++] = ',';
			memcpy(ret->data + used, option, length);
			used += length;
			ret->data[used] = '\0';
		}
		option += length + (option[length] == ',');
	}
	return 0;
}

/* ---- lines ---- */

static bool is_option(const char *option, size_t length, const char *name)
{
	return strlen(name) == length && memcmp(option, name, length) == 0;
}

/* Options of LXC's own: they never reach the kernel. 1: it was one, 0: not, -ENOMEM. */
static int add_own_option(struct spec_mount *entry, const char *option, size_t length)
{
	static const char idmap[] = "idmap=";

	if (is_option(option, length, "create=dir"))
		entry->create = MOUNT_CREATE_DIRECTORY;
	else if (is_option(option, length, "create=file"))
		entry->create = MOUNT_CREATE_FILE;
	else if (is_option(option, length, "optional"))
		entry->optional = true;
	else if (is_option(option, length, "relative"))
		entry->source_in_rootfs = true;
	else if (length > strlen(idmap) && memcmp(option, idmap, strlen(idmap)) == 0) {
		free(entry->idmap);
		entry->idmap = strndup(option + strlen(idmap), length - strlen(idmap));
		return entry->idmap ? 1 : -ENOMEM;
	} else
		return 0;
	return 1;
}

static int parse_entry_options(struct spec_mount *entry)
{
	auto_free char *data = malloc(strlen(entry->options) + 2);
	struct mount_flags flags = { 0 };
	size_t used = 0;

	if (!data)
		return -ENOMEM;
	for (const char *option = entry->options; *option;) {
		size_t length = strcspn(option, ",");
		int r = add_own_option(entry, option, length);
		if (r < 0)
			return r;
		if (r == 0 && length > 0 && !mount_flags_add(&flags, option, length)) {
			if (used > 0)
				data[used++] = ',';
			memcpy(data + used, option, length);
			used += length;
		}
		option += length + (option[length] == ',');
	}
	data[used] = '\0';
	entry->flags_set = flags.set;
	entry->flags_clear = flags.clear;
	entry->propagation = flags.propagation;
	entry->data = used > 0 ? take_ptr(data) : NULL;
	return 0;
}

/* \\040 and the like, as fstab(5) writes blanks, and a doubled backslash; in place. \\000 stays: it would cut
 * the name short. */
static void unescape(char *text)
{
	char *out = text;

	for (; *text; text++) {
		bool is_octal = text[0] == '\\' && text[1] >= '0' && text[1] <= '3' && text[2] >= '0' && text[2] <= '7' &&
				text[3] >= '0' && text[3] <= '7' && memcmp(text + 1, "000", 3) != 0;
		if (is_octal) {
			*out++ = (char)((text[1] - '0') << 6 | (text[2] - '0') << 3 | (text[3] - '0'));
			text += 3;
		} else if (text[0] == '\\' && text[1] == '\\') {
			*out++ = *text++;
		} else {
			*out++ = *text;
		}
	}
	*out = '\0';
}

/* Copies the next blank-separated field with its octal escapes undone. NULL: none left or no memory. */
static char *next_field(const char **line)
{
	const char *start = *line + strspn(*line, " \t\r\n");
	size_t length = strcspn(start, " \t\r\n");

	*line = start + length;
	char *field = length > 0 ? strndup(start, length) : NULL;
	if (field)
		unescape(field);
	return field;
}

int mount_line_parse(const char *line, struct spec_mount *ret)
{
	struct spec_mount entry = { 0 };
	const char *rest = line + strspn(line, " \t\r\n");

	if (*rest == '\0' || *rest == '#')
		return 0;
	size_t length = strlen(rest);
	while (length > 0 && (rest[length - 1] == '\n' || rest[length - 1] == '\r'))
		length--;
	entry.line = strndup(rest, length);
	entry.source = next_field(&rest);
	entry.target = next_field(&rest);
	entry.type = next_field(&rest);
	entry.options = next_field(&rest);
	if (!entry.options && entry.type)
		entry.options = strdup("defaults");
	int r = !entry.type ? -EINVAL : !entry.line || !entry.options ? -ENOMEM : parse_entry_options(&entry);
	if (r < 0) {
		mount_line_clear(&entry);
		return r;
	}
	*ret = entry;
	return 1;
}

void mount_line_clear(struct spec_mount *entry)
{
	free(entry->line);
	free(entry->source);
	free(entry->target);
	free(entry->type);
	free(entry->options);
	free(entry->data);
	free(entry->idmap);
	*entry = (struct spec_mount){ 0 };
}

static int add_fstab_line(struct spec *spec, const struct origin *origin, const char *line, struct error *err)
{
	struct spec_mount entry;

	int r = mount_line_parse(line, &entry);
	if (r == 0)
		return 0;
	if (r == -EINVAL) {
		r = spec_error(err, r, spec, origin, "not a line of fstab: %.*s", (int)strcspn(line, "\r"), line);
		if (err) {
			err->errnum = 0;
			err->kind = ERROR_CONFIG;
		}
		error_hint(err, "write SOURCE TARGET TYPE OPTIONS 0 0, blanks in a name as \\040");
		return r;
	}
	struct spec_mount *slot = r < 0 ? NULL : vector_add(&spec->mounts.entries);
	if (!slot) {
		if (r > 0)
			mount_line_clear(&entry);
		return spec_error(err, ENOMEM, spec, origin, "read a line of fstab");
	}
	*slot = entry;
	slot->origin = *origin;
	return 0;
}

int fstab_parse(struct spec *spec, const char *file, const char *text, size_t length, struct error *err)
{
	struct origin origin = { .source = spec_source(spec, file) };

	if (memchr(text, '\0', length)) {
		(void)error_set_kind(err, ERROR_CONFIG, 0, "a NUL in a file of mounts");
		error_locate(err, file, 0, "");
		return -EINVAL;
	}
	auto_free char *copy = strndup(text, length);
	if (!copy)
		return error_set(err, ENOMEM, "read %s", file);
	char *next = copy;
	for (char *line; (line = strsep(&next, "\n"));) {
		origin.line++;
		int r = add_fstab_line(spec, &origin, line, err);
		if (r < 0)
			return r;
	}
	return 0;
}
