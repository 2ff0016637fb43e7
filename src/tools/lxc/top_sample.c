/* The figures of lxc-top: read, sorted. */
#include "tools/lxc/top_sample.h"

#include "base/cleanup.h"
#include "base/text.h"
#include "liblxc/extra.h"

#include <lxc/lxccontainer.h>

#include <string.h>
#include <time.h>

enum { NS_PER_US = 1000, US_PER_S = 1000000, MAX_ITEM_BYTES = 65536 };

uint64_t top_parse_field(const char *text, const char *name)
{
	size_t length = strlen(name);

	for (const char *line = text; line && *line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (!strncmp(line, name, length) && line[length] == ' ')
			return strtoull(line + length + 1, NULL, 10);
	}
	return UINT64_MAX;
}

uint64_t top_parse_sum(const char *text, const char *name)
{
	size_t length = strlen(name);
	uint64_t sum = UINT64_MAX;

	for (const char *at = strstr(text, name); at; at = strstr(at + 1, name)) {
		/* A device is in front: the "Total" of v1 at a line's begin is the sum of all lines. */
		if (at == text || at[-1] != ' ' || !at[length] || !strchr("= ", at[length]))
			continue;
		sum = (sum == UINT64_MAX ? 0 : sum) + strtoull(at + length + 1, NULL, 10);
	}
	return sum;
}

/* malloc'ed; "" where there is no such file. */
static char *read_item(struct lxc_container *c, const char *key)
{
	char *text = calloc(1, MAX_ITEM_BYTES);
	int length = text ? c->get_cgroup_item(c, key, text, MAX_ITEM_BYTES) : -1;

	if (text && (length < 0 || length >= MAX_ITEM_BYTES))
		*text = '\0';
	return text;
}

static uint64_t read_number(struct lxc_container *c, const char *key)
{
	auto_free char *text = read_item(c, key);
	uint64_t number;

	return text && text_to_u64(text_trim(text), &number) >= 0 ? number : UINT64_MAX;
}

static uint64_t add(uint64_t a, uint64_t b)
{
	return a == UINT64_MAX ? b : b == UINT64_MAX ? a : a + b;
}

static void read_cpu(struct lxc_container *c, struct top_sample *sample)
{
	auto_free char *v1 = read_item(c, "cpuacct.stat");
	auto_free char *v2 = v1 && !*v1 ? read_item(c, "cpu.stat") : NULL;
	uint64_t us_per_tick = US_PER_S / (uint64_t)sysconf(_SC_CLK_TCK);

	if (v1 && *v1) {
		sample->user_ticks = top_parse_field(v1, "user");
		sample->system_ticks = top_parse_field(v1, "system");
	} else if (v2) {
		uint64_t user_us = top_parse_field(v2, "user_usec"), system_us = top_parse_field(v2, "system_usec");

		sample->user_ticks = user_us == UINT64_MAX ? user_us : user_us / us_per_tick;
		sample->system_ticks = system_us == UINT64_MAX ? system_us : system_us / us_per_tick;
		if (sample->cpu_ns == UINT64_MAX && user_us != UINT64_MAX)
			sample->cpu_ns = top_parse_field(v2, "usage_usec") * NS_PER_US;
	}
}

static void read_io(struct lxc_container *c, struct top_sample *sample)
{
	auto_free char *v2 = read_item(c, "io.stat");
	auto_free char *bytes = v2 && !*v2 ? read_item(c, "blkio.throttle.io_service_bytes") : NULL;
	auto_free char *counts = v2 && !*v2 ? read_item(c, "blkio.throttle.io_serviced") : NULL;

	if (v2 && *v2) {
		sample->io_read_bytes = top_parse_sum(v2, "rbytes");
		sample->io_write_bytes = top_parse_sum(v2, "wbytes");
		sample->io_count = add(top_parse_sum(v2, "rios"), top_parse_sum(v2, "wios"));
	} else if (bytes && counts) {
		sample->io_read_bytes = top_parse_sum(bytes, "Read");
		sample->io_write_bytes = top_parse_sum(bytes, "Write");
		sample->io_count = add(top_parse_sum(counts, "Read"), top_parse_sum(counts, "Write"));
	}
	if (sample->io_bytes == UINT64_MAX)
		sample->io_bytes = add(sample->io_read_bytes, sample->io_write_bytes);
}

static void read_sample(struct lxc_container *c, struct top_sample *sample)
{
	struct extra_stats stats = { UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX };
	struct timespec now;
	uint64_t swap_bytes;

	clock_gettime(CLOCK_REALTIME, &now);
	memset(&sample->cpu_ns, 0xff, sizeof(*sample) - offsetof(struct top_sample, cpu_ns));
	sample->time_ms = (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
	if (extra_stats(c, &stats) >= 0) {
		sample->cpu_ns = stats.cpu_ns;
		sample->io_bytes = stats.block_io_bytes;
		sample->memory_bytes = stats.memory_bytes;
		sample->kernel_memory_bytes = stats.kernel_memory_bytes;
	}
	read_cpu(c, sample);
	read_io(c, sample);
	sample->memory_swap_bytes = read_number(c, "memory.memsw.usage_in_bytes");
	swap_bytes = sample->memory_swap_bytes == UINT64_MAX ? read_number(c, "memory.swap.current") : UINT64_MAX;
	if (swap_bytes != UINT64_MAX && sample->memory_bytes != UINT64_MAX)
		sample->memory_swap_bytes = sample->memory_bytes + swap_bytes;
}

int top_samples_read(const char *lxcpath, struct top_samples *ret_samples)
{
	struct top_samples samples = { NULL, 0 };
	char **names = NULL;
	int count = extra_list_running(lxcpath, &names);

	if (count < 0)
		return count;
	samples.items = calloc((size_t)count + 1, sizeof(*samples.items));
	for (int i = 0; i < count; i++) {
		struct lxc_container *c = samples.items ? lxc_container_new(names[i], lxcpath) : NULL;

		if (c) {
			samples.items[samples.count].name = take_ptr(names[i]);
			read_sample(c, &samples.items[samples.count++]);
			lxc_container_put(c);
		}
		free(names[i]);
	}
	free(names);
	if (!samples.items)
		return -ENOMEM;
	*ret_samples = samples;
	return 0;
}

void top_samples_clear(struct top_samples *samples)
{
	for (size_t i = 0; i < samples->count; i++)
		free(samples->items[i].name);
	free(samples->items);
	*samples = (struct top_samples){ NULL, 0 };
}

struct order {
	char key;
	int is_reversed;
};

static uint64_t find_figure(const struct top_sample *sample, char key)
{
	uint64_t figure = key == 'c' ? sample->cpu_ns :
			  key == 'b' ? sample->io_bytes :
			  key == 'm' ? sample->memory_bytes :
			  key == 's' ? sample->memory_swap_bytes :
				       sample->kernel_memory_bytes;
	return figure == UINT64_MAX ? 0 : figure;
}

static int compare(const void *left, const void *right, void *argument)
{
	const struct top_sample *a = left, *b = right;
	const struct order *order = argument;
	int result = 0;

	if (order->key != 'n') {
		uint64_t x = find_figure(a, order->key), y = find_figure(b, order->key);

		result = (x < y) - (x > y);
	}
	if (!result)
		result = strcmp(a->name, b->name);
	return order->is_reversed ? -result : result;
}

void top_samples_sort(struct top_samples *samples, char key, int is_reversed)
{
	struct order order = { key, is_reversed };

	qsort_r(samples->items, samples->count, sizeof(*samples->items), compare, &order);
}
