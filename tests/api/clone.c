/* Copies of containers. */
#include "main.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>

/* A container with a small rootfs of its own. */
static struct lxc_container *make_original(void)
{
	static const char hostname[] = "original\n";
	struct lxc_container *c = open_container("original");
	CHECK("create", CALL(c, createl, setting("API_TEMPLATE"), NULL, NULL, LXC_CREATE_QUIET, NULL));
	(void)mkdir(path_of("original", "rootfs/etc"), 0755);
	put_file(path_of("original", "rootfs/etc/hostname"), hostname);
	CHECK("network", CALL(c, set_config_item, "lxc.net.0.type", "empty") &&
				 CALL(c, set_config_item, "lxc.net.0.hwaddr", "00:16:3e:11:22:33") &&
				 CALL(c, save_config, NULL));
	return c;
}

static void check_item(
	const char *name, struct lxc_container *c, const char *key, const char *wanted, bool is_equal)
{
	char text[256] = "";
	(void)CALL(c, get_config_item, key, text, sizeof(text));
	result(name, (strcmp(text, wanted) == 0) == is_equal, "%s is '%s'", key, text);
}

static void copies(struct lxc_container *c)
{
	struct lxc_container *copy = CALL(c, clone, "copy", NULL, 0, NULL, NULL, 0, NULL);
	CHECK("clone", copy && CALL(copy, is_defined) && exists(path_of("copy", "rootfs/made-by-template")));
	if (!copy)
		return;
	check_item("own-rootfs", copy, "lxc.rootfs.path", path_of("copy", "rootfs"), true);
	check_item("own-host-name", copy, "lxc.uts.name", "copy", true);
	check_item("own-address", copy, "lxc.net.0.hwaddr", "00:16:3e:11:22:33", false);
	char *text = read_file(path_of("copy", "rootfs/etc/hostname"));
	check_text("own-etc-hostname", "copy\n", text);
	free(text);
	CHECK("clone-onto-another",
		!CALL(c, clone, "copy", NULL, 0, NULL, NULL, 0, NULL) && c->error_num == EEXIST);
	drop_container(copy);
}

static void keeps(struct lxc_container *c)
{
	char *path = strdup(path_of("other-path", ""));
	(void)mkdir(path, 0755);
	int flags = LXC_CLONE_KEEPNAME | LXC_CLONE_KEEPMACADDR | LXC_CLONE_KEEPBDEVTYPE;
	struct lxc_container *copy = CALL(c, clone, NULL, path, flags, NULL, NULL, 0, NULL);
	CHECK("clone-to-another-path", copy && CALL(copy, is_defined));
	if (copy) {
		check_text("same-name", "original", copy->name);
		check_item("same-host-name", copy, "lxc.uts.name", "original", true);
		check_item("same-address", copy, "lxc.net.0.hwaddr", "00:16:3e:11:22:33", true);
		drop_container(copy);
	}
	(void)rmdir(path);
	free(path);
}

static void shares(struct lxc_container *c)
{
	struct lxc_container *copy =
		CALL(c, clone, "layer", NULL, LXC_CLONE_SNAPSHOT, "overlay", NULL, 0, NULL);
	CHECK("clone-as-overlay", copy && !exists(path_of("layer", "rootfs")));
	if (!copy)
		return;
	CHECK("destroy-below-overlay", !CALL(c, destroy) && c->error_num == EBUSY);
	CHECK("rename-below-overlay", !CALL(c, rename, "else") && c->error_num == EBUSY);
	struct lxc_container *second =
		CALL(copy, clone, "layer-2", NULL, LXC_CLONE_MAYBE_SNAPSHOT, NULL, NULL, 0, NULL);
	CHECK("clone-of-an-overlay", second && CALL(second, is_defined));
	drop_container(second);
	drop_container(copy);
	CHECK("layers-are-gone", !exists(path_of("layer", "")) && !exists(path_of("layer-2", "")));
}

static void refuses(struct lxc_container *c)
{
	struct lxc_container *none = open_container("none");
	CHECK("clone-undefined",
		!CALL(none, clone, "x", NULL, 0, NULL, NULL, 0, NULL) && none->error_num == ENOENT);
	(void)FUNCTION(lxc_container_put, none);
	CHECK("clone-to-a-path",
		!CALL(c, clone, "a/b", NULL, 0, NULL, NULL, 0, NULL) && c->error_num == EINVAL);
	CHECK("clone-to-unknown-store",
		!CALL(c, clone, "x", NULL, 0, "zfs", NULL, 0, NULL) && c->error_string);
	put_file(path_of("original", "hook"), "#!/bin/sh\nexit 3\n");
	(void)chmod(path_of("original", "hook"), 0755);
	CHECK("set-hook", CALL(c, set_config_item, "lxc.hook.clone", path_of("original", "hook")));
	CHECK("clone-with-failing-hook",
		!CALL(c, clone, "x", NULL, 0, NULL, NULL, 0, NULL) && c->error_string);
	CHECK("failed-clone-leaves-nothing", !exists(path_of("x", "")));
	put_file(path_of("original", "hook"), "#!/bin/sh\necho \"$*\" >\"${LXC_ROOTFS_PATH%/*}/said\"\n");
	char *arguments[] = { (char *)"one", (char *)"two", NULL };
	struct lxc_container *copy = CALL(c, clone, "hooked", NULL, 0, NULL, NULL, 0, arguments);
	char *text = read_file(path_of("hooked", "said"));
	CHECK("clone-hook-arguments", copy && text && strstr(text, "one two"));
	free(text);
	drop_container(copy);
}

static void knows_who_runs(void)
{
	struct lxc_container *c = start_container("runs", NULL);
	CHECK("clone-of-running",
		!CALL(c, clone, "x", NULL, 0, NULL, NULL, 0, NULL) && c->error_num == EBUSY);
	CHECK("no-rootfs-to-copy", CALL(c, clear_config_item, "lxc.rootfs.path"));
	struct lxc_container *copy =
		CALL(c, clone, "allowed", NULL, LXC_CLONE_ALLOW_RUNNING, NULL, NULL, 0, NULL);
	CHECK("clone-of-running-when-allowed", copy);
	drop_container(copy);
	drop_container(c);
}

void test_clone(void)
{
	struct lxc_container *c = make_original();
	copies(c);
	keeps(c);
	shares(c);
	refuses(c);
	drop_container(c);
	knows_who_runs();
}
