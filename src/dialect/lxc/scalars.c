/* Keys that are one value or a plain list, by the kind in their row. */
#include "base/process.h"
#include "base/text.h"
#include "dialect/lxc/keys.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <string.h>
#include <strings.h>

int key_fault(struct key_call *call, const char *reason, const char *hint)
{
	if (call->value && *call->value)
		(void)spec_error(call->err, 0, call->spec, &call->origin, "%.200s: %s", call->value, reason);
	else
		(void)spec_error(call->err, 0, call->spec, &call->origin, "%s", reason);
	if (call->err)
		call->err->kind = ERROR_CONFIG;
	if (hint)
		error_hint(call->err, "%s", hint);
	return -EINVAL;
}

static int set_bool(struct key_call *call, bool *slot, bool is_inverse)
{
	uint32_t number;
	if (text_to_u32(call->value, &number) < 0 || number > 1)
		return key_fault(call, "is not 0 or 1", NULL);
	*slot = (number == 1) != is_inverse;
	return 0;
}

static int set_text(struct key_call *call, char **slot)
{
	if (call->key->kind == KEY_PATH && strlen(call->value) >= PATH_MAX)
		return key_fault(call, "the path is too long", NULL);
	return text_replace(slot, call->value);
}

static int set_signal(struct key_call *call, uint32_t *slot)
{
	const char *value = call->value;
	bool is_number = *value >= '0' && *value <= '9';
	int signal = is_number || strncasecmp(value, "SIG", 3) == 0 ? signal_from_name(value) : -EINVAL;
	if (signal < 0)
		return key_fault(call, "is no signal", "write a number, SIGNAME, SIGRTMIN+N or SIGRTMAX-N");
	*slot = (uint32_t)signal;
	return 0;
}

static int set_scalar(struct key_call *call)
{
	void *slot = (char *)call->spec + call->key->offset;
	int r = 0;
	switch (call->key->kind) {
	case KEY_TEXT:
	case KEY_PATH:
		return set_text(call, slot);
	case KEY_BOOL:
	case KEY_BOOL_INVERSE:
		return set_bool(call, slot, call->key->kind == KEY_BOOL_INVERSE);
	case KEY_U32:
		r = text_to_u32(call->value, slot);
		break;
	case KEY_I32:
		r = text_to_i32(call->value, slot);
		break;
	case KEY_SIZE:
		r = text_to_bytes(call->value, slot);
		break;
	case KEY_SIGNAL:
		return set_signal(call, slot);
	case KEY_LIST:
		return string_list_add(slot, call->value);
	case KEY_WORDS:
		return text_split(call->value, " \t", slot);
	default:
		return -EINVAL;
	}
	return r < 0 ? key_fault(call, r == -ERANGE ? "the number is too large" : "is no number", NULL) : 0;
}

int key_apply(struct key_call *call)
{
	const struct key *key = call->key;
	int r = 0;
	if (*call->value == '\0' && key->set != include_set)
		key_clear(call->spec, key, call->suffix);
	else
		r = key->set ? key->set(call) : set_scalar(call);
	if (r == -ENOMEM && call->err && call->err->errnum != ENOMEM)
		return error_set(call->err, ENOMEM, "read the configuration");
	if (r == 0 && key->origin_offset)
		*(struct origin *)((char *)call->spec + key->origin_offset) = call->origin;
	return r;
}

int key_get(const struct spec *spec, const struct key *key, const char *suffix, FILE *out)
{
	const void *slot = (const char *)spec + key->offset;
	const struct string_list *list = slot;
	switch (key->kind) {
	case KEY_SPECIAL:
		return key->get(spec, key->is_prefix ? suffix : key->name, out);
	case KEY_TEXT:
	case KEY_PATH:
		fputs(*(char *const *)slot ?: "", out);
		break;
	case KEY_BOOL:
		fputs(*(const bool *)slot ? "1" : "0", out);
		break;
	case KEY_BOOL_INVERSE:
		fputs(*(const bool *)slot ? "0" : "1", out);
		break;
	case KEY_U32:
	case KEY_SIGNAL:
		fprintf(out, "%" PRIu32, *(const uint32_t *)slot);
		break;
	case KEY_I32:
		fprintf(out, "%" PRId32, *(const int32_t *)slot);
		break;
	case KEY_SIZE:
		fprintf(out, "%" PRIu64, *(const uint64_t *)slot);
		break;
	case KEY_LIST:
	case KEY_WORDS:
		for (size_t i = 0; i < list->count; i++)
			fprintf(out, "%s\n", list->items[i]);
		break;
	}
	return 0;
}

void key_clear(struct spec *spec, const struct key *key, const char *suffix)
{
	void *slot = (char *)spec + key->offset;
	switch (key->kind) {
	case KEY_SPECIAL:
		key->clear(spec, key->is_prefix ? suffix : key->name);
		break;
	case KEY_TEXT:
	case KEY_PATH:
		(void)text_replace(slot, NULL); /* can not fail */
		break;
	case KEY_BOOL:
	case KEY_BOOL_INVERSE:
		*(bool *)slot = false;
		break;
	case KEY_U32:
	case KEY_I32:
	case KEY_SIGNAL:
		*(uint32_t *)slot = 0;
		break;
	case KEY_SIZE:
		*(uint64_t *)slot = 0;
		break;
	case KEY_LIST:
	case KEY_WORDS:
		string_list_clear(slot);
		break;
	}
}

int empty_only_set(struct key_call *call)
{
	return key_fault(call, "this key takes no value", "leave the value empty to clear the group");
}

int nothing_get(const struct spec *spec, const char *suffix, FILE *out)
{
	(void)spec;
	(void)suffix;
	(void)out;
	return 0;
}

void nothing_clear(struct spec *spec, const char *suffix)
{
	(void)spec;
	(void)suffix;
}
