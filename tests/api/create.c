/* create, destroy, rename. The template is one of the test's own: see api.sh. */
#include "main.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

static char *template_arguments[] = { (char *)"--say=hello", NULL };

static void creates_by_template(void)
{
	struct lxc_container *c = open_container("made");
	CHECK("create",
		CALL(c, create, setting("API_TEMPLATE"), NULL, NULL, LXC_CREATE_QUIET, template_arguments));
	CHECK("is-defined", CALL(c, is_defined) && c->lxc_conf);
	CHECK("template-ran", exists(path_of("made", "rootfs/made-by-template")));
	char *text = read_file(path_of("made", "rootfs/made-by-template"));
	CHECK("template-arguments", text && strstr(text, "--name=made") && strstr(text, "--say=hello"));
	free(text);
	char root[256];
	CHECK("rootfs-is-set", CALL(c, get_config_item, "lxc.rootfs.path", root, sizeof(root)) > 0);
	check_text("rootfs-is-own", path_of("made", "rootfs"), root);
	text = read_file(path_of("made", "config"));
	CHECK("comment-says-template", text && *text == '#' && strstr(text, "lxc-tiny"));
	free(text);
	CHECK("no-partial", !exists(path_of("made", "partial")));
	CHECK("create-again",
		!CALL(c, create, setting("API_TEMPLATE"), NULL, NULL, 0, NULL) && c->error_num == EEXIST);
	CHECK("destroy", CALL(c, destroy) && !exists(path_of("made", "")));
	CHECK("destroy-again", !CALL(c, destroy) && c->error_num == ENOENT);
	(void)FUNCTION(lxc_container_put, c);
}

static void creates_by_list(void)
{
	struct lxc_container *c = open_container("listed");
	char directory[512];
	(void)snprintf(directory, sizeof(directory), "%s.elsewhere", setting("API_PATH"));
	struct bdev_specs specs = { .dir = directory };
	CHECK("createl", CALL(c, createl, setting("API_TEMPLATE"), "dir", &specs, LXC_CREATE_QUIET, "--say=a",
				 "--say=b", NULL));
	char *text = read_file(path_of("listed", "config"));
	CHECK("rootfs-elsewhere", text && strstr(text, directory) && exists(directory));
	free(text);
	CHECK("destroy-elsewhere", CALL(c, destroy) && !exists(directory));
	CHECK("createl-of-nothing", !CALL(c, createl, "/no/template", NULL, NULL, 0, NULL));
	(void)FUNCTION(lxc_container_put, c);
}

static void creates_without_template(void)
{
	struct lxc_container *c = open_container("bare");
	CHECK("set-for-bare", CALL(c, set_config_item, "lxc.uts.name", "bare"));
	CHECK("create-bare", CALL(c, create, NULL, NULL, NULL, 0, NULL));
	char *text = read_file(path_of("bare", "config"));
	CHECK("bare-is-saved", text && strstr(text, "lxc.uts.name = bare"));
	free(text);
	CHECK("destroy-bare", CALL(c, destroy) && !exists(path_of("bare", "")));
	(void)FUNCTION(lxc_container_put, c);
}

/* Nothing stays of a create that fails. */
static void creates_nothing(void)
{
	struct lxc_container *c = open_container("failing");
	char *fail[] = { (char *)"--fail", NULL };
	CHECK("failing-template",
		!CALL(c, create, setting("API_TEMPLATE"), NULL, NULL, LXC_CREATE_QUIET, fail));
	CHECK("failing-template-is-told",
		c->error_string && strstr(c->error_string, "lxc-tiny") && c->error_num);
	CHECK("failing-template-leaves-nothing", !exists(path_of("failing", "")));
	CHECK("unknown-template",
		!CALL(c, create, "no-such-template", NULL, NULL, 0, NULL) && c->error_num == ENOENT);
	CHECK("unknown-store",
		!CALL(c, create, setting("API_TEMPLATE"), "zfs", NULL, 0, NULL) && c->error_string);
	CHECK("still-nothing", !exists(path_of("failing", "")) && !CALL(c, is_defined));
	(void)FUNCTION(lxc_container_put, c);
}

static void keeps_what_is_in_use(void)
{
	struct lxc_container *c = start_container("busy", NULL);
	CHECK("destroy-running", !CALL(c, destroy) && c->error_num == EBUSY);
	CHECK("rename-running", !CALL(c, rename, "idle") && c->error_num == EBUSY);
	CHECK("destroy-all-of-running", !CALL(c, destroy_with_snapshots));
	CHECK("stop", CALL(c, stop));
	put_file(path_of("busy", "hook"), "#!/bin/sh\nexit 1\n");
	(void)chmod(path_of("busy", "hook"), 0755);
	CHECK("set-hook", CALL(c, set_config_item, "lxc.hook.destroy", path_of("busy", "hook")));
	CHECK("failing-hook", !CALL(c, destroy) && CALL(c, is_defined));
	CHECK("no-hook", CALL(c, clear_config_item, "lxc.hook.destroy"));
	CHECK("destroy-unmanaged", CALL(c, destroy) && exists(setting("API_ROOT")));
	(void)FUNCTION(lxc_container_put, c);
}

static void renames(void)
{
	struct lxc_container *c = make_container("before", NULL), *other = make_container("taken", NULL);
	CHECK("rename-to-taken", !CALL(c, rename, "taken") && c->error_num == EEXIST);
	CHECK("rename-to-nothing", !CALL(c, rename, NULL) && !CALL(c, rename, ""));
	CHECK("rename-to-a-path", !CALL(c, rename, "a/b") && c->error_num == EINVAL);
	CHECK("rename", CALL(c, rename, "after"));
	check_text("object-keeps-its-name", "before", c->name);
	CHECK("old-name-is-free", !CALL(c, is_defined) && !exists(path_of("before", "")));
	CHECK("rename-undefined", !CALL(c, rename, "again") && c->error_num == ENOENT);
	struct lxc_container *after = open_container("after");
	char text[64] = "";
	CHECK("new-name", CALL(after, is_defined) &&
				  CALL(after, get_config_item, "lxc.uts.name", text, sizeof(text)) > 0);
	check_text("host-name-goes-along", "after", text);
	CHECK("starts-by-new-name", CALL(after, start, 0, NULL));
	drop_container(after);
	drop_container(other);
	(void)FUNCTION(lxc_container_put, c);
}

void test_create(void)
{
	creates_by_template();
	creates_by_list();
	creates_without_template();
	creates_nothing();
	keeps_what_is_in_use();
	renames();
}
