/* The configuration that a kernel was built with, and its modules. */
#include "tools/lxc/kernel_probe.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "base/process.h"
#include "base/text.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/utsname.h>

enum { MAX_SIZE = 64 << 20 };

static int unpack(const char *file, char **ret_text, size_t *ret_length)
{
	auto_close int memory_fd = memfd_create("kernel-config", MFD_CLOEXEC);
	auto_free char *path = strdup(file);
	char command[] = "gzip", option[] = "-dc";
	char *argv[] = { command, option, path, NULL };
	pid_t pid;
	int status = 0;
	if (memory_fd < 0 || !path)
		return -ENOMEM;
	int r = process_spawn(argv, NULL, (int[3]){ -1, memory_fd, -1 }, &pid);
	r = r ?: process_wait(pid, &status);
	if (r < 0 || status != 0)
		return r < 0 ? r : -EIO;
	if (lseek(memory_fd, 0, SEEK_SET) < 0)
		return -errno;
	return file_read_fd(memory_fd, MAX_SIZE, ret_text, ret_length);
}

static int load_file(struct kernel_config *config, const char *file)
{
	auto_free char *text = NULL;
	size_t length = 0;
	int r = file_read(-1, file, MAX_SIZE, &text, &length);
	if (r < 0)
		return r;
	if (length > 2 && memcmp(text, "\x1f\x8b", 2) == 0) {
		free(take_ptr(text));
		r = unpack(file, &text, &length);
	}
	r = r ?: text_replace(&config->file, file);
	if (r == 0)
		config->text = take_ptr(text);
	return r;
}

int kernel_config_load(struct kernel_config *config)
{
	static const char *const places[] = { "/proc/config.gz", "/boot/config-%s", "/lib/modules/%s/config",
		"/lib/modules/%s/build/.config", "/usr/lib/kernel/config-%s", "/usr/lib/ostree-boot/config-%s" };
	const char *chosen = getenv("CONFIG");
	struct utsname kernel;
	*config = (struct kernel_config){ .is_own = chosen && *chosen };
	if (config->is_own)
		return load_file(config, chosen);
	(void)uname(&kernel); /* fails for a bad pointer alone */
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		const char *mark = strstr(places[i], "%s");
		auto_free char *file = NULL;
		int before = mark ? (int)(mark - places[i]) : (int)strlen(places[i]);
		if (text_format(&file, "%.*s%s%s", before, places[i], mark ? kernel.release : "", mark ? mark + 2 : "") < 0)
			return -ENOMEM;
		if (load_file(config, file) == 0)
			return 0;
	}
	return 0;
}

void kernel_config_clear(struct kernel_config *config)
{
	free(config->text);
	free(config->file);
	*config = (struct kernel_config){ 0 };
}

static bool is_set(const char *text, const char *symbol, size_t length)
{
	for (const char *line = text; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strncmp(line, symbol, length) == 0 && (strncmp(line + length, "=y", 2) == 0 || strncmp(line + length, "=m", 2) == 0))
			return true;
	}
	return false;
}

enum probe_result kernel_config_find(const struct kernel_config *config, const char *symbols)
{
	if (!config->text || !symbols)
		return PROBE_UNKNOWN;
	for (const char *symbol = symbols; *symbol;) {
		size_t length = strcspn(symbol, "|");
		if (is_set(config->text, symbol, length))
			return PROBE_ENABLED;
		symbol += length + (symbol[length] == '|');
	}
	return PROBE_MISSING;
}

enum probe_result kernel_module_find(const char *name)
{
	static const char *const lists[] = { "modules.builtin", "modules.dep" };
	auto_free char *loaded = NULL, *object = NULL;
	enum probe_result result = PROBE_UNKNOWN;
	struct utsname kernel;
	(void)uname(&kernel); /* fails for a bad pointer alone */
	if (text_format(&loaded, "/sys/module/%s", name) < 0 || text_format(&object, "/%s.ko", name) < 0)
		return PROBE_UNKNOWN;
	if (access(loaded, F_OK) == 0)
		return PROBE_ENABLED;
	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		auto_free char *file = NULL, *text = NULL;
		size_t length;
		if (text_format(&file, "/lib/modules/%s/%s", kernel.release, lists[i]) < 0 ||
			file_read(-1, file, MAX_SIZE, &text, &length) < 0)
			continue;
		if (strstr(text, object))
			return PROBE_ENABLED;
		result = PROBE_MISSING;
	}
	return result;
}
