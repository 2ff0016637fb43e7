/*
 * malloc of the static programs that are built with musl, and of nothing else: they live for milliseconds, or for long
 * with next to nothing in memory, and have one thread. musl's own allocator maps and unmaps pages one by one, each a
 * page fault and two system calls; here memory is mapped in regions that are faulted in at once (MAP_POPULATE), handed
 * out in size classes, and a freed block waits for the next one of its class.
 */
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum {
	SMALLEST_SHIFT = 5, /* a class is a power of two, header included: 32 bytes, ... */
	LARGEST_SHIFT = 14, /* ... 16 KiB; what is bigger has a mapping of its own */
	CLASSES = LARGEST_SHIFT + 1,
	FIRST_REGION = 32 << 10, /* a supervisor needs one */
	NEXT_REGION = 64 << 10,	 /* at least */
	LARGEST_REGION = 1 << 20,
	PAGE = 4096,
};

struct block { /* 16 bytes, so what follows is aligned for everything */
	union {
		struct block *next; /* free */
		size_t size;	    /* in use: usable bytes */
	};
	size_t class_shift; /* 0: a mapping of its own */
};

static struct block *free_blocks[CLASSES];
static char *region, *region_end;
static size_t all_regions; /* bytes */

static void *map(size_t size)
{
	void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	if (memory == MAP_FAILED) {
		errno = ENOMEM;
		return NULL;
	}
	return memory;
}

static unsigned class_of(size_t size)
{
	size_t total = size + sizeof(struct block);
	return total <= 1 << SMALLEST_SHIFT ? SMALLEST_SHIFT : 64 - (unsigned)__builtin_clzl(total - 1);
}

static void *use(struct block *block, unsigned class_shift, size_t size)
{
	block->class_shift = class_shift;
	block->size = size;
	return block + 1;
}

/* Half of what there is: a page that is not used costs as much as one that is, also at each clone. */
static size_t next_region(void)
{
	size_t half = all_regions / 2 / PAGE * PAGE;

	if (all_regions == 0)
		return FIRST_REGION;
	return half < NEXT_REGION ? NEXT_REGION : half > LARGEST_REGION ? LARGEST_REGION : half;
}

/* Not malloc itself: gcc makes one call of calloc out of malloc and memset, also in calloc. */
static void *allocate(size_t size)
{
	if (size > PTRDIFF_MAX - LARGEST_REGION) {
		errno = ENOMEM;
		return NULL;
	}
	unsigned shift = class_of(size);
	if (shift > LARGEST_SHIFT) {
		struct block *own = map(size + sizeof(*own));
		return own ? use(own, 0, size) : NULL;
	}
	size_t total = (size_t)1 << shift;
	struct block *block = free_blocks[shift];
	if (block) {
		free_blocks[shift] = block->next;
		return use(block, shift, total - sizeof(*block));
	}
	if ((size_t)(region_end - region) < total) {
		size_t size_now = next_region();
		char *fresh = map(size_now);
		if (!fresh)
			return NULL;
		region = fresh;
		region_end = fresh + size_now;
		all_regions += size_now;
	}
	block = (struct block *)region;
	region += total;
	return use(block, shift, total - sizeof(*block));
}

void *malloc(size_t size)
{
	return allocate(size);
}

void free(void *memory)
{
	if (!memory)
		return;
	struct block *block = (struct block *)memory - 1;
	if (block->class_shift == 0) {
		munmap(block, block->size + sizeof(*block));
		return;
	}
	unsigned shift = (unsigned)block->class_shift;
	block->next = free_blocks[shift];
	free_blocks[shift] = block;
}

void *calloc(size_t count, size_t size)
{
	size_t total;
	if (__builtin_mul_overflow(count, size, &total)) {
		errno = ENOMEM;
		return NULL;
	}
	void *memory = allocate(total);
	return memory ? memset(memory, 0, total) : NULL;
}

void *realloc(void *memory, size_t size)
{
	if (!memory)
		return allocate(size);
	const struct block *block = (struct block *)memory - 1;
	if (block->class_shift && size <= block->size)
		return memory;
	void *moved = allocate(size);
	if (!moved)
		return NULL;
	memcpy(moved, memory, size < block->size ? size : block->size);
	free(memory);
	return moved;
}
