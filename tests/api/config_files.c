/* Configurations and their files. */
#include "main.h"

#include <sys/stat.h>

static const char written[] =
	"# first\nlxc.uts.name = kept\n\n# second\nlxc.group = a\nlxc.net.0.type = empty\n";

static void loads(struct lxc_container *c)
{
	char *good = strdup(path_of("file.conf", ""));
	char text[64] = "";
	put_file(good, written);
	CHECK("load", CALL(c, load_config, good) && c->lxc_conf);
	CHECK("loaded", CALL(c, get_config_item, "lxc.uts.name", text, sizeof(text)) == 4);
	CHECK("load-adds",
		CALL(c, load_config, good) && CALL(c, get_config_item, "lxc.group", text, sizeof(text)) == 4);
	check_text("list-is-longer", "a\na\n", text);
	put_file(good, "lxc.uts.name = x\nlxc.nothing = 1\n");
	CHECK("load-bad", !CALL(c, load_config, good));
	CHECK("load-bad-names-line",
		c->error_string && strstr(c->error_string, ":2") && strstr(c->error_string, "lxc.nothing"));
	(void)unlink(good);
	CHECK("load-missing", !CALL(c, load_config, good) && c->error_string);
	CHECK("load-own-missing", !CALL(c, load_config, NULL));
	free(good);
}

static void saves(struct lxc_container *c)
{
	char *file = strdup(path_of("file.conf", "")), *copy = strdup(path_of("copy.conf", ""));
	put_file(file, written);
	COUNTED_VOID("clear_config", c->clear_config(c));
	CHECK("load-to-save", CALL(c, load_config, file));
	CHECK("save", CALL(c, save_config, copy));
	char *text = read_file(copy);
	check_text("saved-as-it-was", written, text);
	free(text);
	CHECK("save-changed",
		CALL(c, set_config_item, "lxc.uts.name", "other") && CALL(c, save_config, copy));
	text = read_file(copy);
	CHECK("comments-stay", text && strstr(text, "# first\n") && strstr(text, "# second\n"));
	CHECK("change-comes-last", text && strstr(text, "lxc.net.0.type = empty\nlxc.uts.name = other\n"));
	free(text);
	CHECK("save-own", CALL(c, save_config, NULL) && CALL(c, is_defined));
	CHECK("load-own", CALL(c, load_config, NULL));
	CHECK("save-below-a-file",
		!CALL(c, save_config, "/dev/null/config") && c->error_string && c->error_num);
	(void)unlink(file);
	(void)unlink(copy);
	free(file);
	free(copy);
}

/* Without a configuration the default one is loaded first. */
static void saves_defaults(void)
{
	struct lxc_container *c = open_container("defaults");
	bool had = exists("/etc/lxc/default.conf");
	CHECK("save-nothing", CALL(c, save_config, NULL) && CALL(c, is_defined));
	char *text = read_file(path_of("defaults", "config"));
	CHECK("save-defaults", text && had == (*text != '\0'));
	free(text);
	drop_container(c);
}

static void has_paths(struct lxc_container *c)
{
	char *file = CALL(c, config_file_name);
	check_text("config-file-name", path_of("files", "config"), file);
	free(file);
	char *before = strdup(CALL(c, get_config_path));
	CHECK("set-path", CALL(c, set_config_path, "/somewhere/else/"));
	check_text("path-is-set", "/somewhere/else", CALL(c, get_config_path));
	file = CALL(c, config_file_name);
	check_text("file-goes-along", "/somewhere/else/files/config", file);
	free(file);
	CHECK("not-defined-there", !CALL(c, is_defined));
	CHECK("no-path", !CALL(c, set_config_path, NULL));
	CHECK("set-path-back", CALL(c, set_config_path, before) && CALL(c, is_defined));
	free(before);
}

void test_config_files(void)
{
	struct lxc_container *c = open_container("files");
	loads(c);
	saves(c);
	has_paths(c);
	drop_container(c);
	saves_defaults();
}
