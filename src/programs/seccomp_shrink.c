/* A seccomp program becomes trees over ranges of numbers. */
#include "programs/seccomp_shrink.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

#define LOAD	 (BPF_LD | BPF_W | BPF_ABS)
#define RETURN	 (BPF_RET | BPF_K)
#define JUMP	 (BPF_JMP | BPF_JA)
#define IF_EQUAL (BPF_JMP | BPF_JEQ | BPF_K)
#define IF_MORE	 (BPF_JMP | BPF_JGT | BPF_K)
#define IF_LEAST (BPF_JMP | BPF_JGE | BPF_K)

#define MAX_POINTS	  (2 * BPF_MAXINSNS + 1)
#define MAX_ARCHITECTURES 16
#define MAX_RETURNS	  64
#define REACH		  250 /* of a conditional jump, 255, less what may come between */

/* What a program does with a number: it answers value, or it looks at more, from instruction value on. */
struct answer {
	bool looks_on;
	uint32_t value;
};

struct range {
	uint32_t first;
	struct answer answer;
};

struct shrinker {
	const struct sock_filter *program;
	size_t count;
	uint32_t points[MAX_POINTS]; /* the numbers from which on an answer may be another */
	size_t point_count;
	uint32_t architectures[MAX_ARCHITECTURES]; /* those that the program asks for */
	size_t architecture_count;
	struct range ranges[MAX_POINTS];
	bool is_needed[BPF_MAXINSNS]; /* instructions behind a look at something else */
	size_t place[BPF_MAXINSNS];   /* of those in code */

	/* the new program, from its end: code[0] is the last instruction */
	struct sock_filter code[BPF_MAXINSNS];
	size_t length;
	bool is_too_long;
	struct {
		uint32_t value;
		size_t place;
	} returns[MAX_RETURNS]; /* the latest of each value */
	size_t return_count;
};

/* ---- reading ---- */

static int compare_points(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

static void find_points(struct shrinker *shrinker)
{
	size_t count = 0, kept = 1;

	shrinker->points[count++] = 0;
	for (size_t i = 0; i < shrinker->count; i++) {
		const struct sock_filter *one = &shrinker->program[i];
		if (one->code == IF_EQUAL || one->code == IF_LEAST)
			shrinker->points[count++] = one->k;
		if ((one->code == IF_EQUAL || one->code == IF_MORE) && one->k != UINT32_MAX)
			shrinker->points[count++] = one->k + 1;
	}
	qsort(shrinker->points, count, sizeof(*shrinker->points), compare_points);
	for (size_t i = 1; i < count; i++)
		if (shrinker->points[i] != shrinker->points[kept - 1])
			shrinker->points[kept++] = shrinker->points[i];
	shrinker->point_count = kept;
}

/* Does every jump lead to an instruction? Of what the kernel demands only this is relied upon. */
static bool is_sound(const struct sock_filter *program, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const struct sock_filter *one = &program[i];
		size_t left = count - i - 1, far = one->jt > one->jf ? one->jt : one->jf;
		bool jumps = BPF_CLASS(one->code) == BPF_JMP, ends = BPF_CLASS(one->code) == BPF_RET;
		if (!ends && left <= (one->code == JUMP ? one->k : jumps ? far : 0))
			return false;
	}
	return true;
}

static bool note_architecture(struct shrinker *shrinker, uint32_t architecture)
{
	for (size_t i = 0; i < shrinker->architecture_count; i++)
		if (shrinker->architectures[i] == architecture)
			return true;
	if (shrinker->architecture_count == MAX_ARCHITECTURES || architecture == 0) /* 0 stands for all others */
		return false;
	shrinker->architectures[shrinker->architecture_count++] = architecture;
	return true;
}

/* False: something that is not understood. */
static bool follow(struct shrinker *shrinker, uint32_t architecture, uint32_t number, struct answer *ret)
{
	bool has_architecture = false;
	uint32_t value = 0;

	for (size_t at = 0; at < shrinker->count; at++) {
		const struct sock_filter *one = &shrinker->program[at];
		switch (one->code) {
		case LOAD:
			if (one->k != offsetof(struct seccomp_data, nr) && one->k != offsetof(struct seccomp_data, arch)) {
				*ret = (struct answer){ true, (uint32_t)at };
				return true;
			}
			has_architecture = one->k == offsetof(struct seccomp_data, arch);
			value = has_architecture ? architecture : number;
			break;
		case RETURN:
			*ret = (struct answer){ false, one->k };
			return true;
		case JUMP:
			at += one->k;
			break;
		case IF_EQUAL:
			if (has_architecture && !note_architecture(shrinker, one->k))
				return false;
			at += value == one->k ? one->jt : one->jf;
			break;
		case IF_MORE:
		case IF_LEAST:
			if (has_architecture)
				return false;
			at += (one->code == IF_MORE ? value > one->k : value >= one->k) ? one->jt : one->jf;
			break;
		default:
			return false;
		}
	}
	return false;
}

static bool is_same(const struct answer *a, const struct answer *b)
{
	return a->looks_on == b->looks_on && a->value == b->value;
}

/* The number of ranges; 0: something that is not understood. */
static size_t find_ranges(struct shrinker *shrinker, uint32_t architecture)
{
	size_t count = 0;

	for (size_t i = 0; i < shrinker->point_count; i++) {
		struct range range = { .first = shrinker->points[i] };
		if (!follow(shrinker, architecture, range.first, &range.answer))
			return 0;
		if (range.answer.looks_on)
			shrinker->is_needed[range.answer.value] = true;
		if (count == 0 || !is_same(&range.answer, &shrinker->ranges[count - 1].answer))
			shrinker->ranges[count++] = range;
	}
	return count;
}

/* ---- writing ---- */

static size_t put(struct shrinker *shrinker, uint16_t code, size_t if_true, size_t if_false, uint32_t value)
{
	if (shrinker->length == BPF_MAXINSNS) {
		shrinker->is_too_long = true;
		return 0;
	}
	shrinker->code[shrinker->length] = (struct sock_filter){ code, (uint8_t)if_true, (uint8_t)if_false, value };
	return shrinker->length++;
}

/* From the instruction that is put next. */
static size_t offset_to(const struct shrinker *shrinker, size_t place)
{
	return shrinker->length - place - 1;
}

static void put_return(struct shrinker *shrinker, uint32_t value)
{
	size_t place = put(shrinker, RETURN, 0, 0, value), i = 0;

	while (i < shrinker->return_count && shrinker->returns[i].value != value)
		i++;
	if (i == MAX_RETURNS)
		return;
	shrinker->returns[i].value = value;
	shrinker->returns[i].place = place;
	if (i == shrinker->return_count)
		shrinker->return_count++;
}

/* Where the answer is given; made when it is nowhere near. */
static size_t place_of(struct shrinker *shrinker, const struct answer *answer)
{
	if (answer->looks_on)
		return shrinker->place[answer->value];
	for (size_t i = 0; i < shrinker->return_count; i++)
		if (shrinker->returns[i].value == answer->value && offset_to(shrinker, shrinker->returns[i].place) < REACH)
			return shrinker->returns[i].place;
	put_return(shrinker, answer->value);
	return shrinker->length - 1;
}

/* The same place, or a jump to it that a condition reaches. */
static size_t in_reach(struct shrinker *shrinker, size_t place)
{
	return offset_to(shrinker, place) < REACH ? place : put(shrinker, JUMP, 0, 0, (uint32_t)offset_to(shrinker, place));
}

static size_t put_condition(struct shrinker *shrinker, uint16_t code, uint32_t value, size_t if_true, size_t if_false)
{
	if_true = in_reach(shrinker, if_true);
	if_false = in_reach(shrinker, if_false);
	return put(shrinker, code, offset_to(shrinker, if_true), offset_to(shrinker, if_false), value);
}

static size_t put_tree(struct shrinker *shrinker, const struct range *ranges, size_t count)
{
	size_t half = count / 2;

	if (count == 1)
		return place_of(shrinker, &ranges->answer);
	if (count == 3 && ranges[2].first == ranges[1].first + 1 && is_same(&ranges[0].answer, &ranges[2].answer)) {
		size_t others = place_of(shrinker, &ranges[0].answer), one = place_of(shrinker, &ranges[1].answer);
		return put_condition(shrinker, IF_EQUAL, ranges[1].first, one, others);
	}
	size_t right = put_tree(shrinker, ranges + half, count - half);
	size_t left = put_tree(shrinker, ranges, half);
	return put_condition(shrinker, IF_LEAST, ranges[half].first, right, left);
}

static size_t put_architecture(struct shrinker *shrinker, uint32_t architecture)
{
	size_t count = find_ranges(shrinker, architecture);
	size_t root = put_tree(shrinker, shrinker->ranges, count);

	return count == 1 ? root : put(shrinker, LOAD, 0, 0, offsetof(struct seccomp_data, nr));
}

/* All that may come behind an instruction that is needed is needed: jumps only go forward. */
static void put_needed(struct shrinker *shrinker)
{
	const struct sock_filter *program = shrinker->program;

	for (size_t i = 0; i < shrinker->count; i++) {
		if (!shrinker->is_needed[i] || BPF_CLASS(program[i].code) == BPF_RET)
			continue;
		bool jumps = BPF_CLASS(program[i].code) == BPF_JMP, is_plain = program[i].code == JUMP;
		shrinker->is_needed[i + 1 + (is_plain ? program[i].k : jumps ? program[i].jt : 0)] = true;
		shrinker->is_needed[i + 1 + (is_plain ? program[i].k : jumps ? program[i].jf : 0)] = true;
	}
	for (size_t i = shrinker->count; i-- > 0;) {
		const struct sock_filter *one = &program[i];
		if (!shrinker->is_needed[i])
			continue;
		if (one->code == RETURN)
			put_return(shrinker, one->k);
		else if (one->code == JUMP)
			(void)put(shrinker, JUMP, 0, 0, (uint32_t)offset_to(shrinker, shrinker->place[i + 1 + one->k]));
		else if (BPF_CLASS(one->code) == BPF_JMP)
			(void)put(shrinker, one->code, offset_to(shrinker, shrinker->place[i + 1 + one->jt]),
				offset_to(shrinker, shrinker->place[i + 1 + one->jf]), one->k);
		else
			(void)put(shrinker, one->code, 0, 0, one->k);
		shrinker->place[i] = shrinker->length - 1;
	}
}

/* Which architectures there are, and what is needed of the old program: all that is looked up before writing. */
static bool read_all(struct shrinker *shrinker)
{
	find_points(shrinker);
	if (find_ranges(shrinker, 0) == 0)
		return false;
	for (size_t i = 0; i < shrinker->architecture_count; i++) /* may grow */
		if (find_ranges(shrinker, shrinker->architectures[i]) == 0)
			return false;
	return true;
}

static void write_all(struct shrinker *shrinker)
{
	size_t roots[MAX_ARCHITECTURES];

	put_needed(shrinker);
	size_t next = put_architecture(shrinker, 0);
	for (size_t i = shrinker->architecture_count; i-- > 0;)
		roots[i] = put_architecture(shrinker, shrinker->architectures[i]);
	for (size_t i = shrinker->architecture_count; i-- > 0;)
		next = put_condition(shrinker, IF_EQUAL, shrinker->architectures[i], roots[i], next);
	if (shrinker->architecture_count > 0)
		(void)put(shrinker, LOAD, 0, 0, offsetof(struct seccomp_data, arch));
	else if (next + 1 != shrinker->length)
		(void)put(shrinker, JUMP, 0, 0, (uint32_t)offset_to(shrinker, next));
}

size_t seccomp_shrink(struct sock_filter *program, size_t count)
{
	auto_free struct shrinker *shrinker = count <= BPF_MAXINSNS ? calloc(1, sizeof(*shrinker)) : NULL;

	if (!shrinker)
		return count;
	shrinker->program = program;
	shrinker->count = count;
	if (!is_sound(program, count) || !read_all(shrinker))
		return count;
	write_all(shrinker);
	if (shrinker->is_too_long || shrinker->length >= count)
		return count;
	for (size_t i = 0; i < shrinker->length; i++)
		program[i] = shrinker->code[shrinker->length - 1 - i];
	return shrinker->length;
}
