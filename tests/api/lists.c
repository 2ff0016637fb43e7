/* Lists of containers: two are defined, one of them runs, one runs undefined, one can not be read. */
#include "main.h"

#include <stdio.h>
#include <sys/stat.h>

typedef int (*list_function)(const char *, char ***, struct lxc_container ***);

static const struct {
	const char *name;
	list_function list;
	const char *names, *opened; /* what is in the lists, without and with containers wanted */
} kinds[] = {
	{ "list_defined_containers", list_defined_containers, "list-a list-b list-bad ", "list-a list-b " },
	{ "list_active_containers", list_active_containers, "list-b list-c ", "list-b list-c " },
	{ "list_all_containers", list_all_containers, "list-a list-b list-bad list-c ",
		"list-a list-b list-c " },
};

#define KINDS (sizeof(kinds) / sizeof(*kinds))

static void join(char *text, size_t size, char **names, struct lxc_container **containers, int count)
{
	*text = '\0';
	for (int i = 0; i < count; i++)
		(void)snprintf(text + strlen(text), size - strlen(text), "%s ",
			names ? names[i] : containers[i]->name);
}

static void free_names(char **names, int count)
{
	for (int i = 0; names && i < count; i++)
		free(names[i]);
	free(names);
}

static void free_containers(struct lxc_container **containers, int count)
{
	for (int i = 0; containers && i < count; i++)
		(void)FUNCTION(lxc_container_put, containers[i]);
	free(containers);
}

static void lists(size_t kind, const char *path)
{
	char text[256], **names = NULL;
	struct lxc_container **containers = NULL;
	int count = COUNTED(kinds[kind].name, kinds[kind].list(path, &names, NULL));
	join(text, sizeof(text), names, NULL, count);
	check_text(kinds[kind].name, kinds[kind].names, text);
	check_number("count-alone", count, COUNTED(kinds[kind].name, kinds[kind].list(path, NULL, NULL)));
	free_names(names, count);

	count = COUNTED(kinds[kind].name, kinds[kind].list(path, NULL, &containers));
	join(text, sizeof(text), NULL, containers, count);
	check_text("containers-alone", kinds[kind].opened, text);
	free_containers(containers, count);

	count = COUNTED(kinds[kind].name, kinds[kind].list(path, &names, &containers));
	join(text, sizeof(text), names, NULL, count);
	check_text("names-of-containers", kinds[kind].opened, text);
	for (int i = 0; i < count; i++)
		if (strcmp(names[i], containers[i]->name) != 0)
			group_fault("%s is %s", names[i], containers[i]->name);
	end_group("both-agree");
	free_names(names, count);
	free_containers(containers, count);
}

static void lists_nothing(void)
{
	char **names = NULL;
	struct lxc_container **containers = NULL;
	check_number("defined-in-no-directory", -1,
		FUNCTION(list_defined_containers, "/nowhere", &names, &containers));
	check_number("active-in-no-directory", 0, FUNCTION(list_active_containers, "/nowhere", &names, NULL));
	free_names(names, 0);
	names = NULL;
	check_number(
		"all-in-no-directory", 0, FUNCTION(list_all_containers, "/nowhere", &names, &containers));
	free_names(names, 0);
	free_containers(containers, 0);
	CHECK("default-path", FUNCTION(list_defined_containers, NULL, NULL, NULL) >= 0 &&
				      FUNCTION(list_active_containers, NULL, NULL, NULL) >= 0 &&
				      FUNCTION(list_all_containers, NULL, NULL, NULL) >= 0);
}

void test_lists(void)
{
	struct lxc_container *a = make_container("list-a", NULL), *b = start_container("list-b", NULL),
			     *c = start_container("list-c", NULL);
	(void)unlink(path_of("list-c", "config"));
	(void)rmdir(path_of("list-c", ""));
	(void)mkdir(path_of("list-bad", ""), 0755);
	put_file(path_of("list-bad", "config"), "lxc.nothing = 1\n");
	(void)mkdir(path_of("list-no-container", ""), 0755);
	for (size_t kind = 0; kind < KINDS; kind++)
		lists(kind, setting("API_PATH"));
	lists_nothing();
	(void)unlink(path_of("list-bad", "config"));
	(void)rmdir(path_of("list-bad", ""));
	(void)rmdir(path_of("list-no-container", ""));
	drop_container(a);
	drop_container(b);
	drop_container(c);
}
