/* Groups of resctrl, with a directory in the place of the file system: what is written where, and what is told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "scratch.h"

#include <errno.h>
#include <sys/stat.h>

#include "base/error.h"
#include "base/text.h"
#include "cgroup/resctrl.h"
#include "spec/spec.h"

static char noted[4096];

static int note(void *data, const char *kind, const char *argument)
{
	(void)data;
	assert_string_equal(kind, "DIRECTORY");
	strcat(strcat(noted, argument), "\n");
	return 0;
}

static struct spec *container(const char *clos, const char *schemata, bool has_monitor)
{
	struct spec *spec = spec_new();

	assert_non_null(spec);
	noted[0] = '\0';
	spec->oci.has_rdt = true;
	spec->oci.rdt_monitoring = has_monitor;
	assert_int_equal(text_replace(&spec->identity.name, "box"), 0);
	assert_int_equal(clos ? text_replace(&spec->oci.rdt_clos, clos) : 0, 0);
	assert_int_equal(schemata ? text_split(schemata, "\n", &spec->oci.rdt_schemata) : 0, 0);
	return spec;
}

static void holds(const char *path, const char *expected)
{
	char text[256] = "";
	FILE *file = fopen(path, "re");

	assert_non_null(file);
	size_t length = fread(text, 1, sizeof(text) - 1, file);
	text[length] = '\0';
	(void)fclose(file);
	assert_string_equal(text, expected);
}

static void make(const struct spec *spec)
{
	struct error err = { 0 };

	assert_int_equal(resctrl_make(top, spec, note, NULL, &err), 0);
}

static void refuses(const struct spec *spec, int code, const char *expected)
{
	struct error err = { 0 };

	assert_int_equal(resctrl_make(top, spec, note, NULL, &err), code);
	if (!strstr(err.what, expected))
		fail_msg("%s", err.what);
}

static void test_group_of_the_container(void **state)
{
	struct spec *spec = container(NULL, "L3:0=ff;1=f\nMB:0=20", false);
	struct error err = { 0 };
	char expected[128];

	(void)state;
	make(spec);
	holds("box/schemata", "L3:0=ff;1=f\nMB:0=20\n");
	snprintf(expected, sizeof(expected), "%s/box\n", top);
	assert_string_equal(noted, expected);
	assert_int_equal(resctrl_enter(top, spec, 123, &err), 0);
	holds("box/tasks", "123");
	spec_free(spec);
}

static void test_monitor_group_is_entered_too(void **state)
{
	struct spec *spec = container("/", NULL, true);
	struct error err = { 0 };
	char expected[128];

	(void)state;
	assert_int_equal(mkdir("mon_groups", 0755), 0);
	make(spec);
	snprintf(expected, sizeof(expected), "%s/mon_groups/box\n", top);
	assert_string_equal(noted, expected);
	assert_int_equal(resctrl_enter(top, spec, 7, &err), 0);
	holds("tasks", "7");
	holds("mon_groups/box/tasks", "7");
	spec_free(spec);
}

static void test_class_that_is_there_is_compared(void **state)
{
	struct spec *same = container("gold", "L3:1=f;0=FF\nMB:0=20", false), *other = container("gold", "L3:0=f0", false);
	struct spec *more = container("gold", "L2:0=f", false), *none = container("gold", NULL, false);

	(void)state;
	assert_int_equal(mkdir("gold", 0755), 0);
	put("gold/schemata", "    L3:0=0ff;1=00f\n    MB:0= 20;1=100\n");
	make(same);
	make(none);
	holds("gold/schemata", "    L3:0=0ff;1=00f\n    MB:0= 20;1=100\n");
	assert_string_equal(noted, "");
	refuses(other, -EEXIST, "closID gold is there with other schemata than L3:0=f0");
	refuses(more, -EEXIST, "L2:0=f");
	spec_free(same);
	spec_free(other);
	spec_free(more);
	spec_free(none);
}

static void test_class_is_made_with_schemata_alone(void **state)
{
	struct spec *none = container("silver", NULL, false), *some = container("silver", "L3:0=f", false);

	(void)state;
	refuses(none, -ENOENT, "without schemata closID must be there: ");
	make(some);
	holds("silver/schemata", "L3:0=f\n");
	assert_string_equal(noted, ""); /* others may use it: it stays */
	spec_free(none);
	spec_free(some);
}

static void test_fault_has_the_kernels_words(void **state)
{
	struct spec *spec = container("bad", "L3:0=f", false);
	struct error err = { 0 };

	(void)state;
	assert_int_equal(mkdir("info", 0755), 0);
	put("info/last_cmd_status", "Mask f out of range\n");
	assert_int_equal(resctrl_set(top, spec, &spec->oci.rdt_schemata, &err), -ENOENT);
	assert_non_null(strstr(err.what, "write L3:0=f to "));
	assert_non_null(strstr(err.what, "/bad/schemata: Mask f out of range"));
	spec_free(spec);
}

static void test_no_mount_is_told(void **state)
{
	struct spec *spec = container(NULL, NULL, true);
	struct error err = { 0 };
	char *root = NULL;
	int r = resctrl_find(spec, &root, &err);

	(void)state;
	if (r == 0) {
		free(root);
		spec_free(spec);
		skip(); /* this machine has it */
	}
	assert_int_equal(r, -ENODEV);
	assert_non_null(strstr(err.what, "the resctrl file system is not mounted"));
	spec_free(spec);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_group_of_the_container, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_monitor_group_is_entered_too, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_class_that_is_there_is_compared, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_class_is_made_with_schemata_alone, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_fault_has_the_kernels_words, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_no_mount_is_told, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
