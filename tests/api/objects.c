/* Objects: made, counted, freed; without a configuration; what an interrupted create left. */
#include "main.h"

#include <sys/stat.h>

static void makes_objects(void)
{
	struct lxc_container *c = FUNCTION(lxc_container_new, "fresh", setting("API_PATH"));
	CHECK("made", c != NULL);
	check_text("name", "fresh", c->name);
	check_text("path", setting("API_PATH"), CALL(c, get_config_path));
	CHECK("no-configuration", !c->lxc_conf);
	CHECK("daemonizes", c->daemonize);
	CHECK("not-defined", !CALL(c, is_defined));
	check_number("references", 1, c->numthreads);
	check_number("last-put", 1, FUNCTION(lxc_container_put, c));
	CHECK("no-name", !FUNCTION(lxc_container_new, NULL, setting("API_PATH")));
	c = FUNCTION(lxc_container_new, "fresh", NULL);
	check_text("global-path", "/var/lib/lxc", CALL(c, get_config_path));
	check_number("put-it", 1, FUNCTION(lxc_container_put, c));
}

static void counts_references(void)
{
	struct lxc_container *c = open_container("counted");
	check_number("get", 1, FUNCTION(lxc_container_get, c));
	check_number("two-references", 2, c->numthreads);
	check_number("put-one-of-two", 0, FUNCTION(lxc_container_put, c));
	check_number("put-the-last", 1, FUNCTION(lxc_container_put, c));
	check_number("get-none", 0, FUNCTION(lxc_container_get, NULL));
	call_begin("lxc_container_get");
	call_end("lxc_container_get", false); /* 0 is its failure */
	check_number("put-none", -1, FUNCTION(lxc_container_put, NULL));
}

static void reads_what_is_defined(void)
{
	struct lxc_container *c = make_container("defined", NULL);
	CHECK("is-defined", CALL(c, is_defined));
	CHECK("has-configuration", c->lxc_conf != NULL);
	put_file(path_of("defined", "config"), "lxc.nothing = 1\n");
	CHECK("bad-configuration", !FUNCTION(lxc_container_new, "defined", setting("API_PATH")));
	define("defined", NULL);
	drop_container(c);
	CHECK("destroyed", !exists(path_of("defined", "")));
}

/* A create that died leaves the file partial, which nobody locks. */
static void takes_partials_away(void)
{
	define("partial", NULL);
	put_file(path_of("partial", "partial"), "");
	struct lxc_container *c = open_container("partial");
	CHECK("partial-is-undefined", !CALL(c, is_defined) && !c->lxc_conf);
	CHECK("partial-is-gone", !exists(path_of("partial", "")));
	(void)FUNCTION(lxc_container_put, c);
}

void test_objects(void)
{
	makes_objects();
	counts_references();
	reads_what_is_defined();
	takes_partials_away();
}
