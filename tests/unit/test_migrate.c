/* src/migrate: what two hosts tell each other, and trees that change between the passes. */
#include "migrate/message.h"
#include "migrate/tree.h"

#include "base/cleanup.h"
#include "base/hash.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "scratch.h"

static void test_pairs_keep_the_last_value_of_a_key(void **state)
{
	struct pairs pairs = { 0 }, copy = { 0 };
	auto_free char *text = NULL;
	(void)state;

	assert_int_equal(pairs_set(&pairs, "a", "1"), 0);
	assert_int_equal(pairs_set(&pairs, "b", "x\ny"), 0);
	assert_int_equal(pairs_set(&pairs, "a", "2"), 0);
	assert_int_equal(pairs_text(&pairs, &text), 0);
	assert_int_equal(pairs_parse(&copy, text), 0);

	assert_string_equal(pairs_get(&copy, "a", ""), "2");
	assert_string_equal(pairs_get(&copy, "b", ""), "x y");
	assert_true(pairs_has_word(&copy, "b", "y"));
	assert_false(pairs_has_word(&copy, "b", "z"));
	assert_string_equal(pairs_get(&copy, "c", "none"), "none");
	pairs_clear(&pairs);
	pairs_clear(&copy);
}

static void test_message_that_is_too_short_gives_nothing(void **state)
{
	struct message message = { 0 };
	size_t length;
	(void)state;

	message_start(&message, MESSAGE_OK);
	message_put_number(&message, 1000); /* as a length, of what is not there */
	(void)message_get_bytes(&message, &length);

	assert_int_equal(length, 0);
	assert_true(message.is_short);
	message_clear(&message);
}

/* ---- trees ---- */

struct trees {
	int from_fd, to_fd;
	struct tree_sender *sender;
};

static int receive(int to_fd, int fd)
{
	struct stream stream = { .in_fd = fd, .out_fd = -1, .timeout_ms = 10000 };
	struct error err = { 0 };
	char line[1024];
	int r = tree_receive(to_fd, "copy", &stream, &err);
	if (r < 0)
		fprintf(stderr, "%s\n", error_render(&err, line, sizeof(line)));
	return r;
}

static void pass(struct trees *trees)
{
	int fds[2], status;
	struct error err = { 0 };
	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	pid_t child = fork();
	if (child == 0) {
		close(fds[1]);
		_exit(receive(trees->to_fd, fds[0]) < 0);
	}
	close(fds[0]);
	struct stream stream = { .in_fd = -1, .out_fd = fds[1], .timeout_ms = 10000 };
	assert_int_equal(tree_send(trees->sender, trees->from_fd, "tree", &stream, NULL, &err), 0);
	stream_clear(&stream);
	close(fds[1]);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

/* As random as SEED says: what programs do to files, and to names. */
static const char mutate[] =
	"cd \"$1\" && RANDOM=$2; d() { find . -mindepth 1 -type d | sort | sed -n \"$((RANDOM % 9 + 1))p\"; }\n"
	"f() { find . -type f | sort | sed -n \"$((RANDOM % 15 + 1))p\"; }\n"
	"for i in $(seq 12); do a=$(d) b=$(f) c=$(f) n=n$((RANDOM % 30)); a=${a:-.}; case $((RANDOM % 16)) in\n"
	"0|1) mkdir -p $a/$n ;; 2|3) [ -d $a/$n ] || echo $RANDOM >$a/$n ;; 4) [ -z \"$b\" ] || echo $RANDOM >>$b ;;\n"
	"5) [ -z \"$b\" ] || ln -f $b $a/l$n ;; 6) [ -z \"$b\" ] || rm $b ;; 7) [ $a = . ] || rm -rf $a ;;\n"
	"8) [ $a = . ] || mv $a ./m$n$RANDOM ;; 9) [ -z \"$b\" ] || mv $b $a/ ;; 10) ln -sfn $n $a/s$n ;; 11) [ -e $a/p$n ] || mkfifo $a/p$n ;;\n"
	"12) head -c 1500000 /dev/urandom >$a/g$n ;; 13) for g in $(find . -name 'gn*' | head -n 3); do\n"
	"echo $RANDOM | dd of=$g bs=1 seek=$((RANDOM * 40)) conv=notrunc status=none; done ;;\n"
	"14) for g in $(find . -name 'gn*' | head -n 2); do truncate -s $((RANDOM * 60)) $g; done ;;\n"
	"15) [ -z \"$b\" ] || { rm -rf $b; mkdir $b; } ;; esac; done 2>/dev/null; true";
static const char compare[] = "l() { cd \"$1\" && find . -printf '%p %y %m %U:%G %n %l %T@ %s\\n' | sort && "
			      "find . -type f | sort | xargs -r md5sum && find . -type f -links +1 -printf '%i %p\\n' | sort -k2 | "
			      "awk '!($1 in n) { n[$1] = ++k } { print n[$1], $2 }'; }\n"
			      "diff <(l \"$1\" | sed 's/^\\(. d.*\\) [0-9]*$/\\1/; s/^\\([^ ]* d .*\\) [0-9]*$/\\1/') "
			      "<(l \"$2\" | sed 's/^\\(. d.*\\) [0-9]*$/\\1/; s/^\\([^ ]* d .*\\) [0-9]*$/\\1/')";

static int run_bash(const char *script, const char *first, const char *second)
{
	int status;
	pid_t child = fork();
	if (child == 0) {
		execlp("bash", "bash", "-c", script, "bash", first, second, NULL);
		_exit(127);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	return status;
}

static void test_passes_over_a_changing_tree_end_in_a_copy(void **state)
{
	(void)state;
	char from[512], to[512], first[600], seed[16];
	for (int round = 0; round < 3; round++) {
		(void)snprintf(from, sizeof(from), "%s/from%d", top, round);
		(void)snprintf(to, sizeof(to), "%s/to%d", top, round);
		assert_int_equal(mkdir(from, 0755), 0);
		assert_int_equal(mkdir(to, 0700), 0);
		(void)snprintf(first, sizeof(first), "%s/first", from);
		put(first, "a");
		struct trees trees = { .from_fd = open(from, O_RDONLY | O_DIRECTORY | O_CLOEXEC),
			.to_fd = open(to, O_RDONLY | O_DIRECTORY | O_CLOEXEC), .sender = tree_sender_new(false) };

		for (int number = 0; number < 5; number++) {
			(void)snprintf(seed, sizeof(seed), "%d", round * 100 + number + 1);
			assert_int_equal(run_bash(mutate, from, seed), 0);
			pass(&trees);
			assert_int_equal(run_bash(compare, from, to), 0);
		}
		tree_sender_free(trees.sender);
		close(trees.from_fd);
		close(trees.to_fd);
	}
}

/* A stream that wants to write elsewhere. */
static void test_entries_outside_of_the_tree_are_refused(void **state)
{
	static const char *const paths[] = { "../out", "a/../../out", "/tmp/out", "link/out", "..", "." };
	(void)state;
	char to[512], link[600], out[600];
	(void)snprintf(to, sizeof(to), "%s/in", top);
	(void)snprintf(link, sizeof(link), "%s/in/link", top);
	(void)snprintf(out, sizeof(out), "%s/out", top);
	assert_int_equal(mkdir(to, 0755), 0);
	assert_int_equal(symlink("..", link), 0);
	int to_fd = open(to, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	for (size_t i = 0; i < sizeof(paths) / sizeof(*paths); i++) {
		int fds[2];
		struct message message = { 0 };
		assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
		struct stream stream = { .in_fd = -1, .out_fd = fds[1], .timeout_ms = 1000 };
		message_start(&message, MESSAGE_DIRECTORY);
		message_put_text(&message, paths[i]);
		assert_int_equal(stream_send(&stream, &message), 0);
		assert_int_equal(stream_flush(&stream), 0);
		close(fds[1]);
		assert_true(receive(to_fd, fds[0]) < 0);
		close(fds[0]);
		stream_clear(&stream);
		message_clear(&message);
		assert_int_not_equal(access(out, F_OK), 0);
	}
	close(to_fd);
}

/* Of a chunk that has changed the other host must hear. */
static void test_sum_sees_each_changed_bit_length_and_order(void **state)
{
	unsigned char data[101];
	uint64_t sums[sizeof(data) * 8 + sizeof(data) + 1];
	size_t count = 0;
	(void)state;

	memset(data, 'x', sizeof(data));
	for (size_t bit = 0; bit < sizeof(data) * 8; bit++) {
		data[bit / 8] ^= (unsigned char)(1 << bit % 8);
		sums[count++] = hash_bulk64(data, sizeof(data));
		data[bit / 8] ^= (unsigned char)(1 << bit % 8);
	}
	for (size_t length = 0; length <= sizeof(data); length++)
		sums[count++] = hash_bulk64(data, length);

	for (size_t i = 0; i < count; i++)
		for (size_t k = 0; k < i; k++)
			assert_true(sums[i] != sums[k]);
	assert_true(hash_bulk64("aaaaaaaabbbbbbbb", 16) != hash_bulk64("bbbbbbbbaaaaaaaa", 16));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pairs_keep_the_last_value_of_a_key),
		cmocka_unit_test(test_sum_sees_each_changed_bit_length_and_order),
		cmocka_unit_test(test_message_that_is_too_short_gives_nothing),
		cmocka_unit_test_setup_teardown(test_passes_over_a_changing_tree_end_in_a_copy, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_entries_outside_of_the_tree_are_refused, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
