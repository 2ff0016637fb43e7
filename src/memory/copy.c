/* Copies the memory of running processes. */
#include "memory/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "memory/writer.h"

/* An entry of /proc/PID/pagemap (Linux, Documentation/admin-guide/mm/pagemap.rst). */
#define PAGE_IS_PRESENT (UINT64_C(1) << 63)
#define PAGE_IS_SWAPPED (UINT64_C(1) << 62)
#define PAGE_IS_OF_FILE (UINT64_C(1) << 61)
#define PAGE_IS_DIRTY	(UINT64_C(1) << 55)

struct copy {
	struct memory_writer writer;
	unsigned char *buffer;	 /* MEMORY_CHUNK pages */
	int proc_fd, mem_fd, pagemap_fd; /* of the process at hand: they stay its own when the number is another's */
};

static bool read_flags(int pagemap_fd, uint64_t address, uint64_t *ret, size_t count)
{
	off_t at = (off_t)(address / MEMORY_PAGE * sizeof(*ret));

	return pread(pagemap_fd, ret, count * sizeof(*ret), at) == (ssize_t)(count * sizeof(*ret));
}

bool memory_is_tracked(void)
{
	auto_close int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	char *page = mmap(NULL, MEMORY_PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	uint64_t flags = 0;

	if (page == MAP_FAILED)
		return false;
	*(volatile char *)page = 1; /* a page that was never there before is one that has changed */
	bool is_tracked = fd >= 0 && read_flags(fd, (uintptr_t)page, &flags, 1) && flags & PAGE_IS_DIRTY;
	(void)munmap(page, MEMORY_PAGE);
	return is_tracked;
}

/* What can not be read is gone. */
static int copy_pages(struct copy *copy, uint64_t address, size_t pages)
{
	ssize_t n = pread(copy->mem_fd, copy->buffer, pages * MEMORY_PAGE, (off_t)address);

	return n < MEMORY_PAGE ? 0 : memory_writer_add(&copy->writer, address, (uint64_t)n / MEMORY_PAGE, copy->buffer, 0);
}

/* Pages of a file that were not written are the file's. */
static int copy_mapping(struct copy *copy, uint64_t start, uint64_t end)
{
	uint64_t flags[MEMORY_CHUNK];

	for (uint64_t address = start; address < end;) {
		size_t count = (end - address) / MEMORY_PAGE < MEMORY_CHUNK ? (size_t)((end - address) / MEMORY_PAGE) : MEMORY_CHUNK;
		if (!read_flags(copy->pagemap_fd, address, flags, count))
			return 0;
		for (size_t i = 0, length; i < count; i += length ?: 1) {
			for (length = 0; i + length < count; length++)
				if (flags[i + length] & PAGE_IS_OF_FILE || !(flags[i + length] & (PAGE_IS_PRESENT | PAGE_IS_SWAPPED)))
					break;
			int r = length ? copy_pages(copy, address + i * MEMORY_PAGE, length) : 0;
			if (r < 0)
				return r;
		}
		address += count * MEMORY_PAGE;
	}
	return 0;
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
