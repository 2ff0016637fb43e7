/* src/memory: criu's images of memory, what is left out of them, and what is missing in a process. */
#include "memory/memory.h"
#include "memory/space.h"
#include "memory/writer.h"

#include "base/cleanup.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "scratch.h"

enum { FIRST = 0x10000 };

/* COUNT pages, each full of one letter. */
static unsigned char *pages_of(const char *letters)
{
	size_t count = strlen(letters);
	unsigned char *data = malloc(count * MEMORY_PAGE);

	for (size_t i = 0; i < count; i++)
		memset(data + i * MEMORY_PAGE, letters[i], MEMORY_PAGE);
	return data;
}

static int directory(int parent_fd, const char *name, const char *parent)
{
	assert_int_equal(mkdirat(parent_fd, name, 0700), 0);
	int fd = openat(parent_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(fd >= 0);
	if (parent)
		assert_int_equal(symlinkat(parent, fd, MEMORY_PARENT), 0);
	return fd;
}

/* One process with pages from FIRST on. What it wrote. */
static uint64_t write_pass(int dir_fd, const char *letters, unsigned flags)
{
	struct memory_tables old = { 0 };
	struct memory_writer writer = { .dir_fd = dir_fd, .old = &old };
	auto_free unsigned char *data = pages_of(letters);

	assert_int_equal(memory_tables_load_parent(&old, dir_fd), 0);
	assert_int_equal(memory_writer_open(&writer, "pagemap-1.img"), 0);
	assert_int_equal(memory_writer_add(&writer, FIRST, strlen(letters), data, flags), 0);
	assert_int_equal(memory_writer_close(&writer), 0);
	memory_tables_clear(&old);
	return writer.written;
}

/* The letters that a directory has, from FIRST on; lazy ones as they are, others small. */
static void assert_letters(int dir_fd, const char *wanted)
{
	struct memory_tables tables = { 0 };
	char found[64] = "";
	size_t length = 0;

	assert_int_equal(memory_tables_load(&tables, dir_fd), 0);
	const struct memory_table *table = memory_table_find(&tables, "pagemap-1.img");
	assert_non_null(table);
	vector_for_each (range, &table->ranges) {
		assert_int_equal(range->address, FIRST + length * MEMORY_PAGE);
		for (uint64_t i = 0; i < range->pages; i++) {
			unsigned char letter = range->data[i * MEMORY_PAGE];
			assert_int_equal(range->data[i * MEMORY_PAGE + MEMORY_PAGE - 1], letter);
			found[length++] = (char)(range->is_lazy ? letter : letter | 0x20);
		}
	}
	found[length] = '\0';
	assert_string_equal(found, wanted);
	memory_tables_clear(&tables);
}

static void test_a_pass_has_only_what_is_different(void **state)
{
	(void)state;
	auto_close int here = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	auto_close int first = directory(here, "1", NULL), second = directory(here, "2", "../1"), third = directory(here, "3", "../2");

	assert_int_equal(write_pass(first, "ABCDE", 0), 5);
	assert_letters(first, "abcde");
	assert_int_equal(write_pass(second, "ABXDEF", 0), 2); /* one changed, one new */
	assert_letters(second, "abxdef");
	assert_int_equal(write_pass(third, "ABXDYF", IMAGE_LAZY), 1); /* the rest is in the first, and in the second */
	assert_letters(third, "ABXDYF");
}

static void test_what_is_no_image_is_refused(void **state)
{
	struct memory_tables tables = { 0 };
	(void)state;
	auto_close int here = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	(void)write_pass(here, "AB", 0);
	auto_close int fd = openat(here, "pages-1.img", O_WRONLY | O_CLOEXEC);
	assert_int_equal(ftruncate(fd, MEMORY_PAGE), 0); /* less than the ranges say */
	assert_int_equal(memory_tables_load(&tables, here), -EBADMSG);
	memory_tables_clear(&tables);
	put("pagemap-1.img", "nonsense");
	assert_int_equal(memory_tables_load(&tables, here), -EBADMSG);
	memory_tables_clear(&tables);
}

/* ---- as criu talks to a page server ---- */

struct request {
	uint32_t command, unused;
	uint64_t pages, address, image;
};

static void ask(int fd, uint32_t command, uint64_t pages)
{
	const struct request request = { command, 0, pages, FIRST, 1 << 8 | 1 };

	assert_int_equal(write(fd, &request, sizeof(request)), sizeof(request));
}

static void test_the_page_server_compares(void **state)
{
	struct memory_server server;
	struct error err;
	auto_free unsigned char *data = pages_of("AZC");
	char byte = 'x';
	int32_t status = 1;
	(void)state;
	auto_close int here = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	auto_close int first = directory(here, "1", NULL), second = directory(here, "2", "../1");

	(void)write_pass(first, "ABC", 0);
	assert_int_equal(memory_serve(second, &server, &err), 0);
	ask(server.socket_fd, 4, 0);
	assert_int_equal(read(server.socket_fd, &byte, 1), 1);
	assert_int_equal(byte, 0); /* criu does not hear of the parent */
	ask(server.socket_fd, 6 | (IMAGE_PRESENT | IMAGE_LAZY) << 16, 3);
	assert_int_equal(write(server.socket_fd, data, 3 * MEMORY_PAGE), 3 * MEMORY_PAGE);
	ask(server.socket_fd, 0x1024, 0);
	assert_int_equal(read(server.socket_fd, &status, sizeof(status)), sizeof(status));
	assert_int_equal(status, 0);
	assert_int_equal(memory_serve_end(&server, &err), 0);
	assert_letters(second, "AZC");
	struct stat info;
	assert_int_equal(fstatat(second, "pages-1.img", &info, 0), 0);
	assert_int_equal(info.st_size, MEMORY_PAGE);
}

static void test_a_page_server_that_is_asked_nonsense_says_so(void **state)
{
	struct memory_server server;
	struct error err;
	(void)state;
	auto_close int here = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	assert_int_equal(memory_serve(here, &server, &err), 0);
	ask(server.socket_fd, 77, 0);
	assert_true(memory_serve_end(&server, &err) < 0);
	assert_int_equal(memory_serve(here, &server, &err), 0);
	assert_int_equal(memory_serve_end(&server, &err), 0); /* criu was not there at all */
}

static void test_a_copy_has_what_the_process_has(void **state)
{
	struct memory_pids pids = { 0 };
	struct memory_tables tables = { 0 };
	struct error err;
	uint64_t pages = 0;
	char name[64];
	(void)state;
	auto_close int here = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (!memory_can_copy())
		skip();
	unsigned char *own = mmap(NULL, 3 * MEMORY_PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	memset(own, 'Q', MEMORY_PAGE);
	memset(own + 2 * MEMORY_PAGE, 'R', MEMORY_PAGE); /* the one between was never touched */
	pid_t child = fork();
	if (child == 0) {
		pause();
		_exit(0);
	}
	pid_t *pid = vector_add(&pids), gone;
	*pid = child;
	assert_int_equal(memory_copy(&pids, getpid(), here, &pages, &err), 0);
	assert_true(pages >= 2);
	(void)snprintf(name, sizeof(name), "pagemap-%d.img", child);
	assert_int_equal(memory_tables_load(&tables, here), 0);
	const struct memory_table *table = memory_table_find(&tables, name);
	assert_non_null(table);
	unsigned seen = 0;
	vector_for_each (range, &table->ranges)
		for (uint64_t i = 0; i < range->pages; i++) {
			uint64_t address = range->address + i * MEMORY_PAGE;
			if (address == (uintptr_t)own || address == (uintptr_t)own + 2 * MEMORY_PAGE)
				seen += memcmp(range->data + i * MEMORY_PAGE, (void *)(uintptr_t)address, MEMORY_PAGE) == 0;
			assert_int_not_equal(address, (uintptr_t)own + MEMORY_PAGE);
		}
	assert_int_equal(seen, 2);
	memory_tables_clear(&tables);
	kill(child, SIGKILL);
	gone = waitpid(child, NULL, 0);
	assert_int_equal(gone, child);
	assert_int_equal(memory_copy(&pids, getpid(), here, &pages, &err), 0); /* passed over */
	free(pids.items);
	(void)munmap(own, 3 * MEMORY_PAGE);
}

/* ---- what is missing ---- */

static void assert_missing(struct memory_space *space, const char *wanted)
{
	char found[64] = "";

	memset(found, '.', strlen(wanted));
	for (size_t i = space->first; i < space->missing.count; i++)
		for (uint64_t page = 0; page < space->missing.items[i].pages; page++)
			found[space->missing.items[i].address / MEMORY_PAGE + page] = (char)space->missing.items[i].data[page * MEMORY_PAGE];
	assert_string_equal(found, wanted);
}

static void test_missing_pages_follow_what_the_process_does(void **state)
{
	auto_free unsigned char *data = pages_of("ABCDEF");
	struct memory_space space, child;
	(void)state;
	struct memory_range ranges[] = { { 0, 4, data, true }, { 4 * MEMORY_PAGE, 1, data, false },
		{ 6 * MEMORY_PAGE, 2, data + 4 * MEMORY_PAGE, true } };
	struct memory_table table = { .ranges = { ranges, 3, 3 } };

	assert_int_equal(memory_space_init(&space, -1, &table), 0);
	assert_missing(&space, "ABCD..EF");
	assert_int_equal(memory_space_drop(&space, MEMORY_PAGE, 2 * MEMORY_PAGE), 0);
	assert_missing(&space, "A.CD..EF");
	assert_int_equal(memory_space_move(&space, 3 * MEMORY_PAGE, 9 * MEMORY_PAGE, 4 * MEMORY_PAGE), 0);
	assert_missing(&space, "A.C....F.D..E");
	assert_null(memory_space_find(&space, MEMORY_PAGE));
	assert_int_equal(*memory_space_find(&space, 9 * MEMORY_PAGE)->data, 'D');
	assert_int_equal(memory_space_fork(&child, -1, &space), 0);
	assert_int_equal(memory_space_move(&space, 0, 7 * MEMORY_PAGE, MEMORY_PAGE), 0);
	assert_missing(&space, "..C....A.D..E");
	assert_missing(&child, "A.C....F.D..E");
	assert_int_equal(memory_space_drop(&space, 0, 20 * MEMORY_PAGE), 0);
	assert_null(memory_space_first(&space));
	memory_space_clear(&space);
	memory_space_clear(&child);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_a_pass_has_only_what_is_different, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_what_is_no_image_is_refused, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_the_page_server_compares, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_a_page_server_that_is_asked_nonsense_says_so, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_a_copy_has_what_the_process_has, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_missing_pages_follow_what_the_process_does, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
