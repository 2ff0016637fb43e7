/* Copies the memory of running processes. */
#include "memory/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "memory/writer.h"

#define PAGE_IS_DIRTY (UINT64_C(1) << 55) /* of an entry of /proc/PID/pagemap (Linux, Documentation/admin-guide/mm/pagemap.rst) */

/* ioctl PAGEMAP_SCAN of it (same document; Linux 6.7): ranges of pages by what they are. Holes of any size take no time. */
struct scan {
	uint64_t size, flags, start, end, walk_end, regions, region_count, max_pages;
	uint64_t inverted, all_of, any_of, told;
};
struct region {
	uint64_t start, end, is;
};
#define SCAN _IOWR('f', 16, struct scan)
enum { IS_FILE = 1 << 2, IS_PRESENT = 1 << 3, IS_SWAPPED = 1 << 4, IS_ZERO = 1 << 5, REGIONS = 64 };

struct copy {
	struct memory_writer writer;
	unsigned char *buffer;	 /* MEMORY_CHUNK pages */
	int proc_fd, mem_fd, pagemap_fd; /* of the process at hand: they stay its own when the number is another's */
};

bool memory_is_tracked(void)
{
	auto_close int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	char *page = mmap(NULL, MEMORY_PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	uint64_t flags = 0;

	if (page == MAP_FAILED)
		return false;
	*(volatile char *)page = 1; /* a page that was never there before is one that has changed */
	bool is_read = fd >= 0 && pread(fd, &flags, sizeof(flags), (off_t)((uintptr_t)page / MEMORY_PAGE * sizeof(flags))) == sizeof(flags);
	(void)munmap(page, MEMORY_PAGE);
	return is_read && flags & PAGE_IS_DIRTY;
}

/* Pages of its own that lie from start on: their number of regions, at most REGIONS; *ret_next: where to go on. */
static int scan(int pagemap_fd, uint64_t start, uint64_t end, struct region *regions, uint64_t *ret_next)
{
	struct scan scan = { .size = sizeof(scan), .start = start, .end = end, .regions = (uintptr_t)regions, .region_count = REGIONS,
		.inverted = IS_FILE | IS_ZERO, .all_of = IS_FILE | IS_ZERO, .any_of = IS_PRESENT | IS_SWAPPED, .told = IS_PRESENT };
	int count = ioctl(pagemap_fd, SCAN, &scan);

	*ret_next = scan.walk_end;
	return count < 0 ? -errno : count;
}

bool memory_can_copy(void)
{
	auto_close int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	struct region regions[REGIONS];
	uint64_t next;

	return fd >= 0 && scan(fd, 0, MEMORY_PAGE, regions, &next) >= 0;
}

/* What can not be read is gone. */
static int copy_region(struct copy *copy, const struct region *region)
{
	for (uint64_t address = region->start; address < region->end;) {
		size_t length = region->end - address < MEMORY_CHUNK * MEMORY_PAGE ? (size_t)(region->end - address) :
										      MEMORY_CHUNK * MEMORY_PAGE;
		ssize_t n = pread(copy->mem_fd, copy->buffer, length, (off_t)address);
		int r = n < MEMORY_PAGE ? 0 : memory_writer_add(&copy->writer, address, (uint64_t)n / MEMORY_PAGE, copy->buffer, 0);
		if (r < 0)
			return r;
		address += length;
	}
	return 0;
}

/* Pages of a file that were not written are the file's. */
static int copy_mapping(struct copy *copy, uint64_t start, uint64_t end)
{
	struct region regions[REGIONS];
	int r = 0;

	while (r == 0 && start < end) {
		uint64_t next = end;
		int count = scan(copy->pagemap_fd, start, end, regions, &next);
		for (int i = 0; r == 0 && i < count; i++)
			r = copy_region(copy, regions + i);
		if (count < 0 || next <= start)
			break;
		start = next;
	}
	return r;
}

/* "START-END rw-p OFFSET DEVICE INODE PATH": private, and not the kernel's ([vvar], [vdso], [vsyscall]). */
static int copy_line(struct copy *copy, char *line)
{
	char *rest = line, *path = strchr(line, '[');
	uint64_t start = strtoull(rest, &rest, 16);
	uint64_t end = *rest == '-' ? strtoull(rest + 1, &rest, 16) : 0;

	if (end <= start || strlen(rest) < 5 || rest[4] != 'p' || (path && path[1] == 'v' && !strchr(line, '/')))
		return 0;
	return copy_mapping(copy, start, end);
}

static int copy_mappings(struct copy *copy)
{
	auto_close int fd = openat(copy->proc_fd, "maps", O_RDONLY | O_CLOEXEC);
	auto_fclose FILE *file = fd < 0 ? NULL : fdopen(fd, "r");
	auto_free char *line = NULL;
	size_t capacity = 0;
	int r = 0;

	if (!file)
		return 0;
	(void)take_fd(&fd); /* the stream's now */
	while (r == 0 && getline(&line, &capacity, file) > 0)
		r = copy_line(copy, line);
	return r;
}

/* Its number in the namespace, the last of the line; 0: it has ended. */
static long number_inside(int proc_fd)
{
	auto_free char *text = NULL;
	size_t length;
	char *line = file_read(proc_fd, "status", 65536, &text, &length) < 0 ? NULL : strstr(text, "\nNSpid:");

	if (!line)
		return 0;
	line[1 + strcspn(line + 1, "\n")] = '\0';
	return strtol(strrchr(line, '\t') + 1, NULL, 10);
}

static int copy_opened(struct copy *copy)
{
	char name[64];
	long number = number_inside(copy->proc_fd);

	copy->mem_fd = openat(copy->proc_fd, "mem", O_RDONLY | O_CLOEXEC);
	copy->pagemap_fd = openat(copy->proc_fd, "pagemap", O_RDONLY | O_CLOEXEC);
	if (number <= 0 || copy->mem_fd < 0 || copy->pagemap_fd < 0)
		return 0;
	(void)snprintf(name, sizeof(name), "pagemap-%ld.img", number);
	int r = memory_writer_open(&copy->writer, name);
	r = r ?: copy_mappings(copy);
	r = r ?: memory_writer_close(&copy->writer);
	memory_writer_clear(&copy->writer);
	return r;
}

static int copy_process(struct copy *copy, pid_t pid, const struct stat *namespace)
{
	char path[32];
	struct stat own;
	int r = 0;

	(void)snprintf(path, sizeof(path), "/proc/%d", pid);
	copy->mem_fd = copy->pagemap_fd = -1;
	copy->proc_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (copy->proc_fd < 0)
		return 0;
	if (fstatat(copy->proc_fd, "ns/pid", &own, 0) == 0 && own.st_ino == namespace->st_ino && own.st_dev == namespace->st_dev)
		r = copy_opened(copy);
	close_fd(&copy->proc_fd);
	close_fd(&copy->mem_fd);
	close_fd(&copy->pagemap_fd);
	return r;
}

int memory_copy(const struct memory_pids *pids, pid_t init, int dir_fd, uint64_t *ret_pages, struct error *err)
{
	struct memory_tables old = { 0 };
	struct copy copy = { .writer = { .dir_fd = dir_fd, .old = &old }, .buffer = malloc(MEMORY_CHUNK * MEMORY_PAGE) };
	char path[32];
	struct stat namespace;

	(void)snprintf(path, sizeof(path), "/proc/%d/ns/pid", init);
	int r = copy.buffer ? 0 : -ENOMEM;
	r = r ?: stat(path, &namespace) < 0 ? -errno : 0;
	r = r ?: memory_tables_load_parent(&old, dir_fd);
	for (size_t i = 0; r == 0 && i < pids->count; i++)
		r = copy_process(&copy, pids->items[i], &namespace);
	*ret_pages = copy.writer.written;
	free(copy.buffer);
	memory_tables_clear(&old);
	return r < 0 ? error_set(err, r, "copy memory") : 0;
}
