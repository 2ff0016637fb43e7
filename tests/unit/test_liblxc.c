/* The public API where nothing runs: objects, create, clone, snapshots, rename, destroy. Root. */
#include "liblxc/extra.h"
#include "liblxc/paths.h"
#include "storage/storage.h"

#include <errno.h>
#include <lxc/lxccontainer.h>
#include <lxc/version.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "scratch.h"

static const char *get(const char *path)
{
	static char text[8192];
	FILE *file = fopen(path, "re");
	size_t length = file ? fread(text, 1, sizeof(text) - 1, file) : 0;
	text[length] = '\0';
	if (file)
		fclose(file);
	return text;
}

static bool exists(const char *path)
{
	struct stat info;
	return lstat(path, &info) == 0;
}

static bool has_line(const char *path, const char *key, const char *value)
{
	char line[512];
	snprintf(line, sizeof(line), "%s = %s\n", key, value);
	return strstr(get(path), line) != NULL;
}

static const char *below(const char *tail)
{
	static char path[4][256];
	static int number;
	char *slot = path[number++ & 3];
	snprintf(slot, sizeof(path[0]), "%s/%s", top, tail);
	return slot;
}

/* A container with a small rootfs, by way of a template. */
static struct lxc_container *make(const char *name)
{
	put("template", "#!/bin/sh\nfor a; do case $a in --rootfs=*) r=${a#*=};; --path=*) p=${a#*=};; esac; done\n"
			"mkdir -p $r/etc && echo old >$r/etc/hostname && echo data >$r/file || exit 1\n"
			"echo \"$@\" >$p/arguments; echo 'lxc.tty.max = 3' >>$p/config\n"
			"case \" $* \" in *' fail '*) exit 7;; esac\n");
	chmod("template", 0755);
	struct lxc_container *c = lxc_container_new(name, top);
	assert_non_null(c);
	assert_true(c->set_config_item(c, "lxc.net.0.type", "veth"));
	assert_true(c->set_config_item(c, "lxc.net.0.hwaddr", "00:16:3e:11:22:33"));
	assert_true(c->createl(c, below("template"), NULL, NULL, LXC_CREATE_QUIET, "-x", "a\nlxc.b = 1", NULL));
	return c;
}

static void counts_references(void **state)
{
	(void)state;
	assert_null(lxc_container_new(NULL, top));
	assert_null(lxc_container_new("../x", top));
	assert_null(lxc_container_new("..", top));
	assert_null(lxc_container_new("", top));
	struct lxc_container *c = lxc_container_new("a", top);
	assert_non_null(c);
	assert_true(c->daemonize);
	assert_false(c->is_defined(c));
	assert_null(c->lxc_conf);
	assert_string_equal(c->state(c), "STOPPED");
	assert_int_equal(c->init_pid(c), -1);
	assert_int_equal(c->get_config_item(c, "lxc.tty.max", NULL, 0), -1);
	assert_int_equal(lxc_container_get(c), 1);
	assert_int_equal(lxc_container_put(c), 0);
	assert_int_equal(lxc_container_put(c), 1);
	assert_int_equal(lxc_container_put(NULL), -1);
	assert_int_equal(lxc_container_get(NULL), 0);
	assert_string_equal(lxc_get_version(), LXC_VERSION);
	assert_int_equal(lxc_get_wait_states(NULL), 8);
	errno = 0;
	assert_null(lxc_get_global_config_item("lxc.nothing"));
	assert_int_equal(errno, EINVAL);
}

static void creates(void **state)
{
	(void)state;
	struct lxc_container *c = make("a");
	assert_true(c->is_defined(c));
	assert_true(exists("a/rootfs/file"));
	assert_false(exists("a/partial"));
	assert_true(has_line("a/config", "lxc.uts.name", "a"));
	assert_true(has_line("a/config", "lxc.tty.max", "3"));
	assert_null(strstr(get("a/config"), "\nlxc.b = 1"));
	assert_int_equal(strncmp(get("a/config"), "# Template used to create this container: ", 42), 0);
	assert_non_null(strstr(get("a/arguments"), "--name=a"));
	assert_false(c->create(c, below("template"), NULL, NULL, 0, NULL));
	assert_non_null(c->error_string);
	/* a second object sees it; a failure leaves nothing */
	char **names = NULL;
	assert_int_equal(list_defined_containers(top, &names, NULL), 1);
	assert_string_equal(names[0], "a");
	free(names[0]);
	free(names);
	struct lxc_container *b = lxc_container_new("b", top);
	assert_false(b->createl(b, below("template"), "dir", NULL, LXC_CREATE_QUIET, "fail", NULL));
	assert_false(exists("b"));
	/* nor does it take what was there */
	assert_int_equal(mkdir("b", 0755), 0);
	put("b/mine", "x");
	assert_false(b->createl(b, below("template"), "dir", NULL, LXC_CREATE_QUIET, "fail", NULL));
	assert_true(exists("b/mine"));
	assert_false(exists("b/config"));
	assert_false(exists("b/rootfs"));
	assert_false(exists("b/partial"));
	lxc_container_put(b);
	assert_true(c->destroy(c));
	assert_false(exists("a"));
	lxc_container_put(c);
}

static void clears_a_partial(void **state)
{
	(void)state;
	assert_int_equal(mkdir("a", 0755), 0);
	put("a/partial", "");
	put("a/config", "lxc.tty.max = 1\n");
	struct lxc_container *c = lxc_container_new("a", top);
	assert_non_null(c);
	assert_false(exists("a"));
	assert_false(c->is_defined(c));
	lxc_container_put(c);
}

static void clones(void **state)
{
	(void)state;
	struct lxc_container *c = make("a");
	struct lxc_container *copy = c->clone(c, "b", NULL, 0, NULL, NULL, 0, NULL);
	assert_non_null(copy);
	assert_true(has_line("b/config", "lxc.uts.name", "b"));
	assert_true(has_line("b/config", "lxc.rootfs.path", below("b/rootfs")) || strstr(get("b/config"), below("b/rootfs")));
	assert_null(strstr(get("b/config"), "11:22:33"));
	assert_string_equal(get("b/rootfs/etc/hostname"), "b\n");
	assert_string_equal(get("a/rootfs/etc/hostname"), "old\n");
	assert_null(c->clone(c, "b", NULL, 0, NULL, NULL, 0, NULL));
	assert_null(c->clone(c, "../b", NULL, 0, NULL, NULL, 0, NULL));
	lxc_container_put(copy);
	copy = c->clone(c, "d", NULL, LXC_CLONE_KEEPNAME | LXC_CLONE_KEEPMACADDR, NULL, NULL, 0, NULL);
	assert_non_null(copy);
	assert_true(has_line("d/config", "lxc.uts.name", "a"));
	assert_non_null(strstr(get("d/config"), "11:22:33"));
	assert_true(copy->destroy(copy));
	lxc_container_put(copy);
	lxc_container_put(c);
}

static void shares_storage(void **state)
{
	(void)state;
	char pair[256];
	struct lxc_container *c = make("a");
	struct lxc_container *over = c->clone(c, "over", NULL, LXC_CLONE_SNAPSHOT, NULL, NULL, 0, NULL);
	assert_non_null(over);
	assert_non_null(strstr(get("over/config"), "overlay:"));
	snprintf(pair, sizeof(pair), "%s\nover\n", top);
	assert_string_equal(get("a/lxc_snapshots"), pair);
	assert_false(c->destroy(c));
	assert_false(c->rename(c, "z"));
	/* a copy of the overlay needs the same lower layer */
	struct lxc_container *second = over->clone(over, "second", NULL, 0, NULL, NULL, 0, NULL);
	assert_non_null(second);
	assert_true(over->destroy(over));
	assert_false(c->destroy(c));
	assert_true(second->rename(second, "third"));
	lxc_container_put(second);
	snprintf(pair, sizeof(pair), "%s\nthird\n", top);
	assert_string_equal(get("a/lxc_snapshots"), pair);
	second = lxc_container_new("third", top);
	/* its snapshot is restored with its own layer, and still depends on the lower one */
	put("third/overlay/delta/new", "1");
	assert_int_equal(second->snapshot(second, NULL), 0);
	put("third/overlay/delta/new", "2");
	assert_true(second->snapshot_restore(second, "snap0", NULL));
	assert_string_equal(get("third/overlay/delta/new"), "1");
	assert_non_null(strstr(get("third/config"), below("third/overlay/delta")));
	assert_non_null(strstr(get("a/lxc_snapshots"), pair));
	assert_null(strstr(get("a/lxc_snapshots"), "restore"));
	assert_true(second->destroy_with_snapshots(second));
	assert_false(exists("third"));
	assert_false(exists("a/lxc_snapshots"));
	assert_true(c->destroy(c));
	lxc_container_put(over);
	lxc_container_put(second);
	lxc_container_put(c);
}

static void takes_snapshots(void **state)
{
	(void)state;
	struct lxc_snapshot *list = NULL;
	struct lxc_container *c = make("a");
	put("comment", "why\n");
	assert_int_equal(c->snapshot_list(c, &list), 0);
	assert_int_equal(c->snapshot(c, below("comment")), 0);
	put("a/rootfs/file", "changed");
	assert_int_equal(c->snapshot(c, NULL), 1);
	assert_false(c->destroy(c));
	assert_int_equal(c->snapshot_list(c, &list), 2);
	assert_string_equal(list[0].name, "snap0");
	assert_int_equal(strlen(list[0].timestamp), 19);
	assert_string_equal(get(list[0].comment_pathname), "why\n");
	list[0].free(&list[0]);
	list[1].free(&list[1]);
	free(list);
	assert_true(c->snapshot_restore(c, "snap0", NULL));
	assert_string_equal(get("a/rootfs/file"), "data\n");
	assert_true(exists("a/snaps/snap1/config"));
	assert_false(c->snapshot_restore(c, "snap7", NULL));
	assert_true(c->snapshot_restore(c, "snap1", "new"));
	assert_string_equal(get("new/rootfs/file"), "changed");
	assert_true(c->snapshot_destroy(c, "snap0"));
	assert_false(exists("a/snaps/snap0"));
	assert_false(c->snapshot_destroy(c, "../../new"));
	assert_true(c->destroy_with_snapshots(c));
	assert_false(exists("a"));
	assert_true(exists("new/rootfs/file"));
	lxc_container_put(c);
}

static void renames(void **state)
{
	(void)state;
	struct lxc_container *c = make("a");
	assert_true(c->set_config_item(c, "lxc.mount.entry", "/x" "/other none bind 0 0"));
	assert_false(c->rename(c, "x/y"));
	assert_true(c->rename(c, "b"));
	assert_false(exists("a"));
	assert_true(has_line("b/config", "lxc.uts.name", "b"));
	assert_non_null(strstr(get("b/config"), below("b/rootfs")));
	lxc_container_put(c);
}

/* Only asks: a test that destroys such paths would take the machine with it the day the check is broken. */
static void knows_what_is_no_rootfs(void **state)
{
	(void)state;
	const char *const bad[] = { "/", "//", "/usr", "/usr/", "/usr//", "/usr/..", "/var/lib/..", "/var/lib/.", "/tmp/../usr",
		"..", "rootfs", "/no/such/place", NULL };
	struct lxc_container *c = lxc_container_new("a", top);
	for (int i = 0; bad[i]; i++)
		assert_null(own_rootfs(c, bad[i]));
	assert_null(own_rootfs(c, top));
	assert_null(own_rootfs(c, below("other/rootfs")));
	assert_int_equal(mkdir("a", 0755), 0);
	char *own = own_rootfs(c, below("a/rootfs/"));
	assert_string_equal(own, below("a/rootfs"));
	free(own);
	own = own_rootfs(c, "/var/lib/elsewhere");
	assert_non_null(own);
	free(own);
	lxc_container_put(c);
}

static void destroys_its_own_alone(void **state)
{
	(void)state;
	assert_int_equal(mkdir("shared", 0755), 0);
	put("shared/file", "x");
	assert_int_equal(mkdir("other", 0755), 0);
	assert_int_equal(mkdir("other/rootfs", 0755), 0);
	put("other/config", "");
	struct lxc_container *c = lxc_container_new("a", top);
	/* what holds it, and what is another's */
	assert_true(c->set_config_item(c, "lxc.rootfs.path", top) && c->save_config(c, NULL));
	assert_false(c->destroy(c));
	assert_true(c->set_config_item(c, "lxc.rootfs.path", below("other/rootfs")) && c->save_config(c, NULL));
	assert_false(c->destroy(c));
	assert_true(exists("other/rootfs"));
	/* a link goes, its target stays */
	assert_int_equal(mkdir("a/d", 0755), 0);
	assert_int_equal(symlink(below("shared"), "a/d/root"), 0);
	assert_true(c->set_config_item(c, "lxc.rootfs.path", below("a/d/root")) && c->save_config(c, NULL));
	assert_true(c->destroy(c));
	assert_false(exists("a"));
	assert_true(exists("shared/file"));
	lxc_container_put(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(counts_references, set_up, tear_down),
		cmocka_unit_test_setup_teardown(creates, set_up, tear_down),
		cmocka_unit_test_setup_teardown(clears_a_partial, set_up, tear_down),
		cmocka_unit_test_setup_teardown(clones, set_up, tear_down),
		cmocka_unit_test_setup_teardown(shares_storage, set_up, tear_down),
		cmocka_unit_test_setup_teardown(takes_snapshots, set_up, tear_down),
		cmocka_unit_test_setup_teardown(renames, set_up, tear_down),
		cmocka_unit_test_setup_teardown(knows_what_is_no_rootfs, set_up, tear_down),
		cmocka_unit_test_setup_teardown(destroys_its_own_alone, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
