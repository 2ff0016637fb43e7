/* The spec: its table of fields, flat form, copies, origins of faults, what spec_validate refuses. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/text.h"
#include "spec/fields.h"

#include <unistd.h>

/* ---- a spec in which nothing is at its default ---- */

static void fill(const struct field *fields, void *object, uint32_t *counter)
{
	for (const struct field *field = fields; field->name; field++) {
		void *at = field_at(field, object);
		uint32_t number = ++*counter;
		auto_free char *text = NULL;
		assert_int_equal(text_format(&text, " %s %u\n\\n\ttail\\", field->name, number), 0);
		switch (field->kind) {
		case FIELD_TEXT:
			assert_int_equal(text_replace(at, text), 0);
			break;
		case FIELD_BOOL:
			*(bool *)at = true;
			break;
		case FIELD_U32:
			*(uint32_t *)at = UINT32_MAX - 1 - number;
			break;
		case FIELD_I32:
			*(int32_t *)at = INT32_MIN + (int32_t)number;
			break;
		case FIELD_U64:
			*(uint64_t *)at = UINT64_MAX - number;
			break;
		case FIELD_I64:
			*(int64_t *)at = INT64_MIN + number;
			break;
		case FIELD_ORIGIN:
			*(struct origin *)at = (struct origin){ number, number + 1, number + 2 };
			break;
		case FIELD_LIST:
			assert_int_equal(string_list_add(at, text), 0);
			assert_int_equal(string_list_add(at, ""), 0);
			break;
		case FIELD_STRUCTS:
			for (int i = 0; i < 3; i++) {
				void *item = vector_add_raw(at, field->item_size);
				assert_non_null(item);
				if (i != 1) /* one item stays at its defaults */
					fill(field->items, item, counter);
			}
			break;
		}
	}
}

static struct spec *full_spec(void)
{
	uint32_t counter = 0;
	struct spec *spec = spec_new();
	assert_non_null(spec);
	fill(spec_fields, spec, &counter);
	return spec;
}

static struct spec *through_flat(const struct spec *spec, char **ret_text)
{
	struct spec *again = NULL;
	struct error err = { 0 };
	size_t length;
	assert_int_equal(spec_to_flat(spec, ret_text, &length), 0);
	assert_int_equal(strlen(*ret_text), length);
	assert_int_equal(spec_parse_flat(*ret_text, length, &again, &err), 0);
	assert_non_null(again);
	return again;
}

static void test_round_trip(void **state)
{
	(void)state;
	auto_spec struct spec *spec = full_spec();
	auto_free char *text = NULL, *text_again = NULL;
	auto_spec struct spec *again = through_flat(spec, &text);
	assert_true(spec_equal(spec, again));
	auto_spec struct spec *third = through_flat(again, &text_again);
	assert_true(spec_equal(spec, third));
	assert_string_equal(text, text_again);
}

static void test_empty_round_trip(void **state)
{
	(void)state;
	auto_spec struct spec *spec = spec_new();
	auto_free char *text = NULL;
	auto_spec struct spec *again = through_flat(spec, &text);
	assert_true(spec_equal(spec, again));
	assert_int_equal(again->process.personality, UINT32_MAX);
	assert_int_equal(again->sources.count, 1);
	assert_string_equal(text, "sources[] \n");
	spec_free(NULL);
}

static void test_copy(void **state)
{
	(void)state;
	auto_spec struct spec *spec = full_spec();
	auto_spec struct spec *copy = spec_copy(spec);
	assert_non_null(copy);
	assert_true(spec_equal(spec, copy));
	assert_ptr_not_equal(spec->identity.name, copy->identity.name);
	assert_int_equal(text_replace(&copy->network.links.items[2].ipv6.items[0].address, "::1"), 0);
	assert_false(spec_equal(spec, copy));
}

/* Every single field counts for spec_equal. */
static void test_equal_sees_each_field(void **state)
{
	(void)state;
	auto_spec struct spec *full = full_spec();
	auto_spec struct spec *empty = spec_new();
	for (const struct field *field = spec_fields; field->name; field++) {
		const struct field row[2] = { *field };
		if (fields_equal(row, full, empty))
			fail_msg("%s is not compared", field->name);
		if (field_is_default(field, full))
			fail_msg("%s is not filled", field->name);
	}
}

static size_t size_of(const struct field *field)
{
	switch (field->kind) {
	case FIELD_BOOL:
		return sizeof(bool);
	case FIELD_U32:
	case FIELD_I32:
		return sizeof(uint32_t);
	case FIELD_U64:
	case FIELD_I64:
		return sizeof(uint64_t);
	case FIELD_ORIGIN:
		return sizeof(struct origin);
	case FIELD_TEXT:
		return sizeof(char *);
	default:
		return sizeof(struct vector);
	}
}

/* No hole in the table larger than padding, at no two places the same bytes. */
static void check_cover(const struct field *fields, size_t size)
{
	size_t at = 0;
	while (at < size) {
		const struct field *next = NULL;
		for (const struct field *field = fields; field->name; field++)
			if (field->offset >= at && (!next || field->offset < next->offset))
				next = field;
		size_t offset = next ? next->offset : size;
		if (offset - at >= 8)
			fail_msg("bytes %zu to %zu of %zu are in no field (before %s)", at, offset, size,
				next ? next->name : "the end");
		at = next ? offset + size_of(next) : size;
	}
	for (const struct field *field = fields; field->name; field++) {
		for (const struct field *other = fields; other->name; other++)
			if (other != field && other->offset >= field->offset &&
				other->offset < field->offset + size_of(field))
				fail_msg("%s and %s overlap", field->name, other->name);
		if (field->kind == FIELD_STRUCTS)
			check_cover(field->items, field->item_size);
	}
}

static void test_table_covers_spec(void **state)
{
	(void)state;
	check_cover(spec_fields, sizeof(struct spec));
}

/* ---- text that is no spec ---- */

/* Around the size up to which text_format prints only once. */
static void test_formats_of_any_length(void **state)
{
	(void)state;
	for (size_t length = 0; length < 1100; length += length < 250 || length > 260 ? 50 : 1) {
		char word[1100];
		auto_free char *text = NULL;
		memset(word, 'w', length);
		word[length] = '\0';
		assert_int_equal(text_format(&text, "%d%s%d", 1, word, 2), 0);
		assert_int_equal(strlen(text), length + 2);
		assert_int_equal(text[0], '1');
		assert_int_equal(text[length + 1], '2');
		assert_memory_equal(text + 1, word, length);
	}
}

static void test_bad_flat(void **state)
{
	static const char *const bad[] = {
		"no-value\n", "process.uid 4294967296\n", "process.uid -1\n", "process.uid 1x\n", "process.uid \n",
		"lifecycle.start_order 2147483648\n", "lifecycle.start_order x\n", "rootfs.unmanaged 2\n",
		"rootfs.origin 1 2\n", "mounts.entries[0].target /srv\n", "mounts.entries# 1\nmounts.entries[1].target x\n",
		"mounts.entries# 1\nmounts.entries[0target x\n", "mounts.entries# 99999999999\n", "mounts.entries# x\n",
		"mounts.entries# 1\nmounts.entries[0].flags_set 18446744073709551616\n",
	};
	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		struct error err = { 0 };
		struct spec *spec = NULL;
		if (spec_parse_flat(bad[i], strlen(bad[i]), &spec, &err) >= 0)
			fail_msg("was read: %s", bad[i]);
		assert_null(spec);
		assert_int_equal(err.kind, ERROR_INTERNAL);
		assert_non_null(strstr(err.what, "line "));
	}
	struct spec *spec = NULL;
	assert_true(spec_parse_flat("process.cwd /a\0b\n", 17, &spec, NULL) < 0);
	assert_null(spec);
}

static void test_without_origins(void **state)
{
	struct error err = { 0 };
	struct spec *parsed = NULL;
	auto_spec struct spec *spec = full_spec();
	auto_free char *text = NULL;
	size_t length;
	(void)state;
	assert_int_equal(spec_to_flat_without_origins(spec, &text, &length), 0);
	assert_null(strstr(text, "origin "));
	assert_null(strstr(text, "sources"));
	assert_int_equal(spec_parse_flat(text, length, &parsed, &err), 0);
	auto_spec struct spec *again = parsed;
	assert_string_equal(again->process.cwd, spec->process.cwd);
	assert_int_equal(again->mounts.entries.count, spec->mounts.entries.count);
	assert_int_equal(again->sources.count, 1);
	assert_int_equal(again->rootfs.origin.source, 0);
}

static void test_unknown_and_missing(void **state)
{
	static const char text[] = "process.unheard 5\nmounts.entries# 1\nmounts.entries[0].new x\nprocess.cwd /srv\n"
				   "future[3].thing y\nmounts.entries[0].target a b\\n\\\\c";
	struct error err = { 0 };
	struct spec *parsed = NULL;
	(void)state;
	assert_int_equal(spec_parse_flat(text, sizeof(text) - 1, &parsed, &err), 0);
	auto_spec struct spec *spec = parsed;
	assert_string_equal(spec->process.cwd, "/srv");
	assert_string_equal(spec->mounts.entries.items[0].target, "a b\n\\c");
	assert_int_equal(spec->process.personality, UINT32_MAX);
	assert_int_equal(spec->sources.count, 1);
}

/* Any cut and any changed byte: an error or a spec, never a crash. */
static void test_damaged_flat(void **state)
{
	(void)state;
	auto_spec struct spec *spec = full_spec();
	auto_free char *text = NULL;
	size_t length;
	assert_int_equal(spec_to_flat(spec, &text, &length), 0);
	for (size_t at = 0; at < length; at += 37) {
		struct spec *cut = NULL, *changed = NULL;
		char was = text[at];
		(void)spec_parse_flat(text, at, &cut, NULL);
		text[at] = (char)(was ^ 1 << at % 7);
		(void)spec_parse_flat(text, length, &changed, NULL);
		text[at] = was;
		spec_free(cut);
		spec_free(changed);
	}
}

/* ---- small calls ---- */

static void test_sources_and_errors(void **state)
{
	(void)state;
	auto_spec struct spec *spec = spec_new();
	uint32_t file = spec_source(spec, "/srv/c/config"), key = spec_source(spec, "lxc.rootfs.path");
	struct origin origin = { file, 7, key }, wild = { 99, 7, 98 };
	struct error err = { 0 };
	assert_int_equal(file, 1);
	assert_int_equal(spec_source(spec, "/srv/c/config"), file);
	assert_int_equal(spec_source(spec, NULL), 0);
	assert_int_equal(spec_error(&err, ENOENT, spec, &origin, "open %s", "/x"), -ENOENT);
	assert_string_equal(err.where, "/srv/c/config:7");
	assert_string_equal(err.key, "lxc.rootfs.path");
	assert_string_equal(err.what, "open /x");
	assert_int_equal(spec_error(&err, -ENOENT, spec, NULL, "open"), -ENOENT);
	assert_string_equal(err.where, "");
	assert_int_equal(spec_error(&err, ENOENT, spec, &wild, "open"), -ENOENT);
	assert_string_equal(err.key, "");
	assert_int_equal(spec_error(NULL, ENOENT, spec, &origin, "open"), -ENOENT);
}

static void test_clear(void **state)
{
	(void)state;
	auto_spec struct spec *spec = full_spec();
	spec_clear_mounts(spec);
	spec_clear_links(spec);
	assert_int_equal(spec->mounts.entries.count, 0);
	assert_int_equal(spec->network.links.count, 0);
	assert_non_null(spec->mounts.fstab);
	assert_int_equal(spec->hooks.hooks.count, 3);
}

static struct spec_link *add_link(struct spec *spec, uint32_t type)
{
	struct spec_link *link = vector_add(&spec->network.links);
	assert_non_null(link);
	link->index = (uint32_t)spec->network.links.count - 1;
	link->type = type;
	link->origin = (struct origin){ spec_source(spec, "config"), 3, 0 };
	return link;
}

static void add_map(struct spec *spec, bool is_gid, uint32_t inside, uint32_t outside, uint32_t count)
{
	struct spec_idmap *map = vector_add(&spec->idmaps);
	assert_non_null(map);
	*map = (struct spec_idmap){ is_gid, inside, outside, count, { 0 } };
}

#define BIT(kind) (1U << (kind))

static void test_namespaces(void **state)
{
	(void)state;
	auto_spec struct spec *spec = spec_new();
	uint32_t base = BIT(NAMESPACE_MOUNT) | BIT(NAMESPACE_PID) | BIT(NAMESPACE_UTS) | BIT(NAMESPACE_IPC);
	uint32_t all_but_cgroup = ~BIT(NAMESPACE_CGROUP);
	assert_int_equal(spec_new_namespaces(spec) & all_but_cgroup, base);
	add_link(spec, LINK_EMPTY);
	assert_int_equal(spec_new_namespaces(spec) & all_but_cgroup, base | BIT(NAMESPACE_NET));
	spec->network.links.items[0].type = LINK_NONE;
	assert_int_equal(spec_new_namespaces(spec) & all_but_cgroup, base);
	add_map(spec, false, 0, 100000, 65536);
	spec->namespaces.time_offset_boot_ns = -5;
	assert_int_equal(spec_new_namespaces(spec) & all_but_cgroup, base | BIT(NAMESPACE_USER) | BIT(NAMESPACE_TIME));
	spec->namespaces.keep_mask = BIT(NAMESPACE_IPC);
	assert_false(spec_new_namespaces(spec) & BIT(NAMESPACE_IPC));
	assert_int_equal(text_replace(&spec->namespaces.share[NAMESPACE_PID], "1"), 0);
	assert_false(spec_new_namespaces(spec) & BIT(NAMESPACE_PID));
	spec->namespaces.keep_mask = 0;
	spec->namespaces.clone_mask = BIT(NAMESPACE_MOUNT) | BIT(NAMESPACE_NET);
	assert_int_equal(spec_new_namespaces(spec),
		BIT(NAMESPACE_MOUNT) | BIT(NAMESPACE_NET) | BIT(NAMESPACE_USER));
}

/* ---- spec_validate ---- */

static struct spec *named(void)
{
	struct spec *spec = spec_new();
	assert_non_null(spec);
	assert_int_equal(text_replace(&spec->identity.name, "c1"), 0);
	return spec;
}

static void expect_refused(const struct spec *spec, enum error_kind kind, const char *part)
{
	struct error err = { 0 };
	assert_int_equal(spec_validate(spec, &err), -EINVAL);
	assert_int_equal(err.kind, kind);
	if (!strstr(err.what, part))
		fail_msg("\"%s\" has no \"%s\"", err.what, part);
	assert_string_not_equal(err.hint, "");
	assert_int_equal(spec_validate(spec, NULL), -EINVAL);
}

static void test_validate_names(void **state)
{
	static const char *const bad[] = { "", "a/b", "/", ".", ".." };
	(void)state;
	auto_spec struct spec *spec = named();
	assert_int_equal(spec_validate(spec, NULL), 0);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		assert_int_equal(text_replace(&spec->identity.name, bad[i]), 0);
		expect_refused(spec, ERROR_CONFIG, "name");
	}
	assert_int_equal(text_replace(&spec->identity.name, NULL), 0);
	expect_refused(spec, ERROR_CONFIG, "name");
	assert_int_equal(text_replace(&spec->identity.name, "web 1.example"), 0);
	assert_int_equal(spec_validate(spec, NULL), 0);
}

static void test_validate_links(void **state)
{
	(void)state;
	if (geteuid() != 0)
		skip(); /* interfaces are refused altogether */
	auto_spec struct spec *spec = named();
	struct spec_link *link = add_link(spec, LINK_VLAN);
	struct error err = { 0 };
	expect_refused(spec, ERROR_CONFIG, "no link");
	(void)spec_validate(spec, &err);
	assert_string_equal(err.where, "config:3");
	assert_int_equal(text_replace(&link->link, "eth0"), 0);
	assert_int_equal(spec_validate(spec, NULL), 0);
	assert_int_equal(text_replace(&link->ipv6_gateway, "auto"), 0);
	expect_refused(spec, ERROR_CONFIG, "gateway auto");
	link->type = LINK_IPVLAN;
	assert_int_equal(spec_validate(spec, NULL), 0);
	assert_int_equal(text_replace(&link->hwaddr, "02:00:00:00:00:01"), 0);
	expect_refused(spec, ERROR_CONFIG, "hardware address of its link");
	assert_int_equal(text_replace(&link->hwaddr, NULL), 0);
	link->l2proxy = true;
	expect_refused(spec, ERROR_CONFIG, "l3s");
	assert_int_equal(text_replace(&link->ipvlan_mode, "l3s"), 0);
	assert_int_equal(spec_validate(spec, NULL), 0);
	link->type = LINK_MACVLAN;
	expect_refused(spec, ERROR_CONFIG, "l2proxy is for");
	link->type = LINK_VETH;
	assert_int_equal(spec_validate(spec, NULL), 0);
	assert_int_equal(text_replace(&link->vlan_id, "0"), 0);
	expect_refused(spec, ERROR_CONFIG, "VLAN 0");
	assert_int_equal(text_replace(&link->vlan_id, NULL), 0);
	assert_int_equal(string_list_add(&link->vlan_tagged, "7"), 0);
	assert_int_equal(spec_validate(spec, NULL), 0);
	assert_int_equal(text_replace(&link->veth_mode, "router"), 0);
	expect_refused(spec, ERROR_CONFIG, "on a bridge");
	string_list_clear(&link->vlan_tagged);
	assert_int_equal(string_list_add(&link->ipv4_routes, "10.0.0.0/8"), 0);
	assert_int_equal(spec_validate(spec, NULL), 0);
	assert_int_equal(text_replace(&link->link, NULL), 0);
	expect_refused(spec, ERROR_CONFIG, "l2proxy needs a link");
	link->l2proxy = false;
	assert_int_equal(spec_validate(spec, NULL), 0);
	link->ipv4_dhcp = true;
	expect_refused(spec, ERROR_CONFIG, "router mode");
	link->ipv4_dhcp = false;
	link->type = LINK_EMPTY;
	expect_refused(spec, ERROR_CONFIG, "type veth");
}

static void test_validate_filtered_links(void **state)
{
	(void)state;
	if (geteuid() != 0)
		skip(); /* interfaces are refused altogether */
	auto_spec struct spec *spec = named();
	struct spec_link *link = add_link(spec, LINK_VENET);
	assert_int_equal(spec_validate(spec, NULL), 0);
	link->venet_peers = true;
	assert_int_equal(spec_validate(spec, NULL), 0);
	link->security = true;
	expect_refused(spec, ERROR_CONFIG, "always secure");
	link->security = false;
	assert_int_equal(text_replace(&link->ipv4_gateway, "10.0.0.1"), 0);
	expect_refused(spec, ERROR_CONFIG, "no gateway");
	assert_int_equal(text_replace(&link->ipv4_gateway, NULL), 0);
	link->type = LINK_VETH;
	expect_refused(spec, ERROR_CONFIG, "venet.peers");
	link->venet_peers = false;
	link->security = true;
	expect_refused(spec, ERROR_CONFIG, "addresses");
	struct spec_address *address = vector_add(&link->ipv4);
	assert_non_null(address);
	*address = (struct spec_address){ .address = strdup("10.0.0.5"), .prefix = 24 };
	assert_int_equal(spec_validate(spec, NULL), 0);
	link->type = LINK_MACVLAN;
	assert_int_equal(text_replace(&link->link, "eth0"), 0);
	expect_refused(spec, ERROR_CONFIG, "security is for type veth");
}

static void test_validate_contradictions(void **state)
{
	(void)state;
	auto_spec struct spec *spec = named();
	add_map(spec, false, 0, 100000, 65536);
	expect_refused(spec, ERROR_CONFIG, "only users");
	add_map(spec, true, 0, 100000, 65536);
	assert_int_equal(spec_validate(spec, NULL), 0);
	spec->process.uid = 65536;
	expect_refused(spec, ERROR_CONFIG, "user of init");
	spec->process.uid = 0;
	add_map(spec, true, 65535, 300000, 10);
	expect_refused(spec, ERROR_CONFIG, "overlaps");
	spec->idmaps.items[2].inside = 65536;
	assert_int_equal(spec_validate(spec, NULL), 0);
	spec->idmaps.items[2].count = 0;
	expect_refused(spec, ERROR_CONFIG, "empty");
	spec->idmaps.count = 2;
	assert_int_equal(string_list_add(&spec->process.cap_drop, "sys_time"), 0);
	assert_int_equal(string_list_add(&spec->process.cap_keep, "none"), 0);
	expect_refused(spec, ERROR_CONFIG, "capabilities");
	string_list_clear(&spec->process.cap_keep);
	spec->namespaces.clone_mask = spec->namespaces.keep_mask = BIT(NAMESPACE_MOUNT);
	expect_refused(spec, ERROR_CONFIG, "namespaces");
	spec->namespaces.clone_mask = spec->namespaces.keep_mask = 0;
	add_link(spec, LINK_UNSET);
	expect_refused(spec, ERROR_CONFIG, "type");
	spec->network.links.items[0].type = LINK_EMPTY;
	add_link(spec, LINK_NONE);
	expect_refused(spec, ERROR_CONFIG, "none");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip), cmocka_unit_test(test_empty_round_trip), cmocka_unit_test(test_copy),
		cmocka_unit_test(test_equal_sees_each_field), cmocka_unit_test(test_table_covers_spec),
		cmocka_unit_test(test_bad_flat), cmocka_unit_test(test_formats_of_any_length), cmocka_unit_test(test_unknown_and_missing),
		cmocka_unit_test(test_damaged_flat), cmocka_unit_test(test_sources_and_errors), cmocka_unit_test(test_clear),
		cmocka_unit_test(test_namespaces), cmocka_unit_test(test_validate_names),
		cmocka_unit_test(test_validate_links),
		cmocka_unit_test(test_validate_filtered_links),
		cmocka_unit_test(test_without_origins),
		cmocka_unit_test(test_validate_contradictions),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
