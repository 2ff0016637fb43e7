/* The file "checkpoint": written, read, cleared. */
#include "engine/checkpoint_image.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/text.h"
#include "kernel/mountinfo.h"

#define HEAD "wabe-checkpoint 1"

void image_clear(struct image *image)
{
	vector_for_each (mount, &image->mounts) {
		free(mount->key);
		free(mount->target);
		free(mount->controllers);
		free(mount->path);
	}
	vector_for_each (terminal, &image->terminals)
		free(terminal->key);
	vector_for_each (file, &image->stdio)
		free(file->key);
	vector_for_each (link, &image->links)
		free(link->inside_name);
	vector_for_each (group, &image->groups) {
		free(group->controllers);
		free(group->path);
	}
	vector_for_each (task, &image->tasks) {
		free(task->controllers);
		free(task->path);
	}
	vector_for_each (limit, &image->limits) {
		free(limit->controllers);
		free(limit->path);
		free(limit->file);
		free(limit->value);
	}
	string_list_clear(&image->profiles);
	free(image->mounts.items);
	free(image->terminals.items);
	free(image->stdio.items);
	free(image->links.items);
	free(image->groups.items);
	free(image->tasks.items);
	free(image->limits.items);
	*image = (struct image){ 0 };
}

/* ---- writing ---- */

/* One word more; "-" stands for the empty one. */
static void put(FILE *out, const char *text)
{
	fputc(' ', out);
	if (!text || !*text)
		fputc('-', out);
	else if (strcmp(text, "-") == 0)
		fputs("\\055", out);
	for (const char *c = text; text && strcmp(text, "-") != 0 && *c; c++)
		if ((unsigned char)*c <= ' ' || *c == '\\')
			fprintf(out, "\\%03o", (unsigned char)*c);
		else
			fputc(*c, out);
}

static void write_mounts(const struct image *image, FILE *out)
{
	vector_for_each (mount, &image->mounts) {
		fprintf(out, "mount %d %u", mount->source, mount->number);
		put(out, mount->key);
		put(out, mount->target);
		put(out, mount->controllers);
		put(out, mount->path);
		fputc('\n', out);
	}
	vector_for_each (terminal, &image->terminals) {
		fprintf(out, "terminal %u", terminal->number);
		put(out, terminal->key);
		fputc('\n', out);
	}
	vector_for_each (file, &image->stdio) {
		fprintf(out, "stdio %u", file->fd);
		put(out, file->key);
		fputc('\n', out);
	}
	vector_for_each (link, &image->links) {
		fprintf(out, "link %u", link->place);
		put(out, link->inside_name);
		fprintf(out, " %d\n", link->index);
	}
	vector_for_each (profile, &image->profiles) {
		fputs("apparmor", out);
		put(out, *profile);
		fputc('\n', out);
	}
}

static void write_groups(const struct image *image, FILE *out)
{
	vector_for_each (group, &image->groups) {
		fputs("group", out);
		put(out, group->controllers);
		put(out, group->path);
		fputc('\n', out);
	}
	vector_for_each (task, &image->tasks) {
		fprintf(out, "task %d", task->pid);
		put(out, task->controllers);
		put(out, task->path);
		fputc('\n', out);
	}
	vector_for_each (limit, &image->limits) {
		fputs("limit", out);
		put(out, limit->controllers);
		put(out, limit->path);
		put(out, limit->file);
		put(out, limit->value);
		fputc('\n', out);
	}
}

int image_write(const struct image *image, int dir_fd)
{
	auto_free char *text = NULL;
	size_t length;
	FILE *out = open_memstream(&text, &length);

	if (!out)
		return -ENOMEM;
	fprintf(out, "%s\nroot %d %d\nfrozen %d\n", HEAD, image->root_is_shared, image->root_is_slave, image->is_frozen);
	write_mounts(image, out);
	write_groups(image, out);
	if (fclose(out) != 0)
		return -ENOMEM;
	return file_write_atomic(dir_fd, IMAGE_FILE, 0600, text, length);
}

/* ---- reading ---- */

/* The next word as a string of its own; NULL: the line has no more, or there is no memory. */
static char *take(char **line)
{
	char *word = strsep(line, " ");

	if (!word)
		return NULL;
	if (strcmp(word, "-") == 0)
		return strdup("");
	mountinfo_unescape(word);
	return strdup(word);
}

static int take_number(char **line)
{
	char *word = strsep(line, " ");
	int32_t number = -1;

	return word && text_to_i32(word, &number) == 0 ? number : -1;
}

static int take_mount(struct image *image, char *line)
{
	struct image_mount *mount = vector_add(&image->mounts);
	int source = take_number(&line), number = take_number(&line);

	if (!mount || source < IMAGE_HOST || source > IMAGE_CGROUP || number < 0)
		return -EINVAL;
	mount->source = (enum image_source)source;
	mount->number = (unsigned)number;
	mount->key = take(&line);
	mount->target = take(&line);
	mount->controllers = take(&line);
	mount->path = take(&line);
	return mount->key && mount->target && mount->path ? 0 : -EINVAL;
}

static int take_terminal(struct image *image, char *line)
{
	struct image_terminal *terminal = vector_add(&image->terminals);
	int number = take_number(&line);

	if (!terminal || number < 0)
		return -EINVAL;
	terminal->number = (unsigned)number;
	terminal->key = take(&line);
	return terminal->key ? 0 : -EINVAL;
}

static int take_stdio(struct image *image, char *line)
{
	struct image_stdio *file = vector_add(&image->stdio);
	int number = take_number(&line);

	if (!file || number < 0 || number > 2)
		return -EINVAL;
	file->fd = (unsigned)number;
	file->key = take(&line);
	return file->key ? 0 : -EINVAL;
}

static int take_link(struct image *image, char *line)
{
	struct image_link *link = vector_add(&image->links);
	int place = take_number(&line);

	if (!link || place < 0)
		return -EINVAL;
	link->place = (unsigned)place;
	link->inside_name = take(&line);
	link->index = line ? take_number(&line) : 0;
	return link->inside_name ? 0 : -EINVAL;
}

static int take_group(struct image *image, char *line)
{
	struct image_group *group = vector_add(&image->groups);

	if (!group)
		return -ENOMEM;
	group->controllers = take(&line);
	group->path = take(&line);
	return group->path ? 0 : -EINVAL;
}

static int take_task(struct image *image, char *line)
{
	struct image_task *task = vector_add(&image->tasks);

	if (!task)
		return -ENOMEM;
	task->pid = take_number(&line);
	task->controllers = take(&line);
	task->path = take(&line);
	return task->pid > 0 && task->path ? 0 : -EINVAL;
}

static int take_limit(struct image *image, char *line)
{
	struct image_limit *limit = vector_add(&image->limits);

	if (!limit)
		return -ENOMEM;
	limit->controllers = take(&line);
	limit->path = take(&line);
	limit->file = take(&line);
	limit->value = take(&line);
	return limit->value ? 0 : -EINVAL;
}

static int take_profile(struct image *image, char *line)
{
	auto_free char *label = take(&line);

	return label ? string_list_add(&image->profiles, label) : -EINVAL;
}

static int take_root(struct image *image, char *line)
{
	image->root_is_shared = take_number(&line) == 1;
	image->root_is_slave = take_number(&line) == 1;
	return 0;
}

static int take_frozen(struct image *image, char *line)
{
	image->is_frozen = take_number(&line) == 1;
	return 0;
}

/* What a later version writes is passed over. */
static int take_line(struct image *image, char *line)
{
	static const struct {
		const char *name;
		int (*take)(struct image *image, char *line);
	} kinds[] = { { "mount", take_mount }, { "terminal", take_terminal }, { "stdio", take_stdio }, { "link", take_link }, { "group", take_group },
		{ "task", take_task }, { "limit", take_limit }, { "root", take_root }, { "frozen", take_frozen },
		{ "apparmor", take_profile } };
	const char *name = strsep(&line, " ");

	for (size_t i = 0; line && i < sizeof(kinds) / sizeof(*kinds); i++)
		if (strcmp(kinds[i].name, name) == 0)
			return kinds[i].take(image, line);
	return 0;
}

int image_read(struct image *image, int dir_fd, const char *directory, struct error *err)
{
	auto_free char *text = NULL;
	size_t length;
	int r = file_read(dir_fd, IMAGE_FILE, 16 << 20, &text, &length);

	if (r < 0)
		return error_set(err, r, "%s is no whole checkpoint: %s/%s", directory, directory, IMAGE_FILE);
	char *next = text, *head = strsep(&next, "\n");
	if (strcmp(head, HEAD) != 0)
		return error_set_kind(err, ERROR_UNSUPPORTED, 0, "%s/%s: a checkpoint of another version", directory, IMAGE_FILE);
	for (char *line; r == 0 && (line = strsep(&next, "\n"));)
		r = *line ? take_line(image, line) : 0;
	return r < 0 ? error_set(err, r, "%s/%s is damaged", directory, IMAGE_FILE) : 0;
}
