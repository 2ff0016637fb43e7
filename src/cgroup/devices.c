/* Device rules: their text, and the cgroup2 program. */
#include "base/cleanup.h"
#include "base/text.h"
#include "cgroup/internal.h"

#include <fcntl.h>
#include <inttypes.h>
#include <string.h>

int device_file_kind(const char *file)
{
	if (strcmp(file, "devices.allow") == 0)
		return 1;
	return strcmp(file, "devices.deny") == 0 ? 0 : -ENOENT;
}

static int parse_number(const char *text, size_t length, uint32_t *ret)
{
	char number[12];
	if (length == 1 && *text == '*') {
		*ret = DEVICE_ANY;
		return 0;
	}
	if (length == 0 || length >= sizeof(number))
		return -EINVAL;
	memcpy(number, text, length);
	number[length] = '\0';
	return text_to_u32(number, ret);
}

int device_rule_parse(const char *text, struct device_rule *ret)
{
	struct string_list words = { 0 };
	*ret = (struct device_rule){ .major = DEVICE_ANY, .minor = DEVICE_ANY, .access = DEVICE_ALL };
	int r = text_split(text, " \t", &words);
	if (r == 0 && (words.count == 0 || strlen(words.items[0]) != 1 || !strchr("abc", words.items[0][0])))
		r = -EINVAL;
	if (r == 0) {
		ret->type = words.items[0][0];
		const char *device = words.count > 1 ? words.items[1] : NULL;
		const char *colon = device ? strchr(device, ':') : NULL;
		if (ret->type != 'a' && (!colon || words.count != 3 ||
						parse_number(device, (size_t)(colon - device), &ret->major) < 0 ||
						parse_number(colon + 1, strlen(colon + 1), &ret->minor) < 0))
			r = -EINVAL;
	}
	if (r == 0 && ret->type != 'a') {
		ret->access = 0;
		for (const char *letter = words.items[2]; *letter; letter++) {
			uint32_t bit = *letter == 'r' ? DEVICE_READ : *letter == 'w' ? DEVICE_WRITE :
				       *letter == 'm' ? DEVICE_MKNOD : 0;
			if (bit == 0)
				r = -EINVAL;
			ret->access |= bit;
		}
	}
	string_list_clear(&words);
	return r;
}

int devices_attach(const struct cgroup_set *set, const struct device_rules *rules)
{
	char path[PATH_MAX];
	const struct cgroup_group *group = set_v2(set);
	if (!group)
		return -EOPNOTSUPP;
	auto_close int fd = open(group_path(group, group->limit_path, path), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? -errno : device_filter_attach(fd, rules);
}

char *devices_to_text(const struct device_rules *rules)
{
	char *text = NULL;
	size_t length;
	FILE *out = open_memstream(&text, &length);
	if (!out)
		return NULL;
	fprintf(out, "default %s\n", rules->denies_default ? "deny" : "allow");
	vector_for_each (rule, &rules->exceptions)
		fprintf(out, "%c %" PRIu32 " %" PRIu32 " %" PRIu32 "\n", rule->type, rule->major, rule->minor, rule->access);
	if (fclose(out) != 0) {
		free(text);
		return NULL;
	}
	return text;
}

int devices_from_text(struct device_rules *ret, const char *text)
{
	*ret = (struct device_rules){ .is_set = true };
	for (const char *line = text; line && *line; line = strchr(line, '\n'), line += line != NULL) {
		struct device_rule rule;
		if (text_starts(line, "default ")) {
			ret->denies_default = text_starts(line, "default deny");
		} else if (sscanf(line, "%c %" SCNu32 " %" SCNu32 " %" SCNu32, &rule.type, &rule.major, &rule.minor,
				   &rule.access) == 4 && strchr("abc", rule.type)) {
			struct device_rule *added = vector_add(&ret->exceptions);
			if (!added)
				return -ENOMEM;
			*added = rule;
		} else {
			return -EINVAL;
		}
	}
	return 0;
}
