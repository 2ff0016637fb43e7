/* Snapshots. */
#include "main.h"

#include <errno.h>
#include <stdio.h>

static void has_none(struct lxc_container *c)
{
	struct lxc_snapshot *list = NULL;
	check_number("list-of-none", 0, CALL(c, snapshot_list, &list));
	CHECK("list-without-place", CALL(c, snapshot_list, NULL) < 0);
	CHECK("restore-none", !CALL(c, snapshot_restore, "snap0", NULL) && c->error_num == ENOENT);
	CHECK("destroy-none", !CALL(c, snapshot_destroy, "snap0") && c->error_num == ENOENT);
	CHECK("no-name", !CALL(c, snapshot_restore, NULL, NULL) && !CALL(c, snapshot_destroy, NULL));
	struct lxc_container *none = open_container("none");
	CHECK("snapshot-of-nothing", CALL(none, snapshot, NULL) == -1 && none->error_num == ENOENT);
	CHECK("snapshot-of-nothing-leaves-nothing", !exists(path_of("none", "")));
	(void)FUNCTION(lxc_container_put, none);
}

static void takes_two(struct lxc_container *c)
{
	char *comment = strdup(path_of("comment", ""));
	put_file(comment, "why\n");
	check_number("first", 0, CALL(c, snapshot, NULL));
	check_number("second", 1, CALL(c, snapshot, comment));
	CHECK("missing-comment", CALL(c, snapshot, "/nowhere/comment") < 0 && c->error_string);
	(void)unlink(comment);
	free(comment);
}

static void lists_them(struct lxc_container *c)
{
	struct lxc_snapshot *list = NULL;
	int count = CALL(c, snapshot_list, &list), year;
	CHECK("list", count >= 2 && list);
	for (int i = 0; i < count; i++) {
		if (!list[i].name || strncmp(list[i].name, "snap", 4) != 0)
			group_fault("name %s", list[i].name);
		if (!list[i].timestamp || sscanf(list[i].timestamp, "%4d:", &year) != 1 || year < 2020)
			group_fault("%s has time %s", list[i].name, list[i].timestamp);
		if (!list[i].lxcpath || strcmp(list[i].lxcpath, path_of("snapped", "snaps")) != 0)
			group_fault("%s is in %s", list[i].name, list[i].lxcpath);
		if (strcmp(list[i].name, "snap1") == 0 && !exists(list[i].comment_pathname))
			group_fault("snap1 has no comment");
		list[i].free(&list[i]);
	}
	free(list);
	end_group("entries");
}

static void keeps_the_container(struct lxc_container *c)
{
	CHECK("destroy-with-snapshots-there", !CALL(c, destroy) && c->error_num == EBUSY);
	CHECK("rename-with-snapshots-there", !CALL(c, rename, "other") && c->error_num == EBUSY);
}

static void restores(struct lxc_container *c)
{
	put_file(path_of("snapped", "rootfs/later"), "x");
	CHECK("restore-to-another", CALL(c, snapshot_restore, "snap0", "restored"));
	struct lxc_container *other = open_container("restored");
	CHECK("another-is-there",
		CALL(other, is_defined) && exists(path_of("restored", "rootfs/made-by-template")));
	CHECK("restore-onto-another",
		!CALL(c, snapshot_restore, "snap0", "restored") && c->error_num == EEXIST);
	drop_container(other);
	CHECK("later-is-there", exists(path_of("snapped", "rootfs/later")));
	CHECK("restore-in-place", CALL(c, snapshot_restore, "snap0", NULL));
	CHECK("later-is-gone", !exists(path_of("snapped", "rootfs/later")));
	CHECK("snapshots-stay", exists(path_of("snapped", "snaps/snap1/config")));
	CHECK("restore-missing", !CALL(c, snapshot_restore, "snap9", NULL) && c->error_num == ENOENT);
}

static void removes(struct lxc_container *c)
{
	CHECK("snapshot-destroy",
		CALL(c, snapshot_destroy, "snap0") && !exists(path_of("snapped", "snaps/snap0")));
	CHECK("snapshot-destroy-all", CALL(c, snapshot_destroy_all) && !exists(path_of("snapped", "snaps")));
	CHECK("destroy-all-of-none", CALL(c, snapshot_destroy_all));
	check_number("number-from-zero-again", 0, CALL(c, snapshot, NULL));
	CHECK("destroy-with-snapshots", CALL(c, destroy_with_snapshots) && !exists(path_of("snapped", "")));
	CHECK("destroy-with-snapshots-of-nothing", !CALL(c, destroy_with_snapshots));
}

void test_snapshot(void)
{
	struct lxc_container *c = open_container("snapped");
	CHECK("create", CALL(c, createl, setting("API_TEMPLATE"), NULL, NULL, LXC_CREATE_QUIET, NULL));
	has_none(c);
	takes_two(c);
	lists_them(c);
	keeps_the_container(c);
	restores(c);
	removes(c);
	(void)FUNCTION(lxc_container_put, c);
}
