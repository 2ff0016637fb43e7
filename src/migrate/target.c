/* The target: takes a container in. */
#include "migrate/migrate.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "base/text.h"
#include "engine/checkpoint.h"
#include "engine/fault.h"
#include "migrate/facts.h"
#include "migrate/message.h"
#include "migrate/record.h"
#include "migrate/tree.h"
#include "storage/storage.h"

#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

/* Less memory than this is restored in the time that it takes to start the page server. */
#define LAZY_BYTES (16U << 20)

struct target {
	const struct migrate_front *front;
	struct stream stream;
	struct message message;
	struct pairs hello;
	struct migrate_place place;
	struct record record;
	char *text; /* the configuration as it will be here */
	char *root; /* directory */
	bool can_be_lazy;	/* criu's page server works here, and is wanted */
	uint64_t pages_bytes;	/* that it is to bring */
	struct error pages_why; /* it has failed */
	bool is_open, is_over; /* record; the stream has served its purpose */
};

static int inject(const char *step, struct error *err)
{
	return fault_inject(step, false, 0, -1, err);
}

static bool is_running(const struct target *target)
{
	struct status status;
	return engine_status(&target->place.id, &status, NULL) == 0 && status.state != STATE_STOPPED;
}

/* ---- before there is anything ---- */

/* Is there already one of that name, or a migration that waits? */
static int check_name(struct target *target, struct pairs *answer)
{
	char line[512];
	const char *id = pairs_get(&target->hello, "id", "");
	struct pairs other = { 0 };
	if (access(target->place.config, F_OK) == 0 || is_running(target)) {
		(void)snprintf(line, sizeof(line), "name %s: there is such a container already", target->place.id.name);
		return pairs_add(answer, "missing", line);
	}
	/* what has been received in part is worth nothing once its program is gone */
	bool is_other = record_peek(&target->place, &other) == 0 && !pairs_is(&other, "id", id) &&
			(record_is_locked(&target->place) || !pairs_is(&other, "state", "receiving"));
	pairs_clear(&other);
	if (!is_other)
		return 0;
	(void)snprintf(line, sizeof(line), "name %s: another migration of it has not ended (see lxc-migrate --abort)",
		target->place.id.name);
	return pairs_add(answer, "missing", line);
}

/* Is the root file system there if it is shared, and only then? */
static int check_root(struct target *target, struct pairs *answer)
{
	char line[PATH_MAX + 64];
	struct pairs before = { 0 };
	bool is_shared = pairs_is(&target->hello, "storage", "shared"), is_there = access(target->root, F_OK) == 0;
	bool is_left = record_peek(&target->place, &before) == 0 && pairs_is(&before, "root", target->root);
	pairs_clear(&before);
	if (is_shared == is_there || is_left)
		return 0;
	(void)snprintf(line, sizeof(line), is_shared ? "shared root file system %s" : "place %s: there is something already",
		target->root);
	return pairs_add(answer, "missing", line);
}

static int compare(struct target *target, struct pairs *answer, struct error *err)
{
	struct pairs here = { 0 };
	auto_free char *text = strdup(message_get_text(&target->message));
	int r = text ? facts_of_host(&here, pairs_is(&target->hello, "mode", "online"), target->front->criu) : -ENOMEM;
	r = r ?: facts_compare(&target->hello, &here, &target->place, answer);
	r = r ?: check_name(target, answer);
	if (r < 0)
		(void)error_set(err, r, "compare the hosts");
	if (r == 0)
		r = target->front->adapt(target->front->data, &target->place, text, pairs_get(&target->hello, "directory", ""),
			&target->text, &target->root, answer, err);
	if (r == 0 && target->root && check_root(target, answer) < 0)
		r = error_set(err, ENOMEM, "compare the hosts");
	static const char *const told[] = { "protocol", "version", "kernel", "host", "criu", "criu-tracks" };
	for (size_t i = 0; r == 0 && i < sizeof(told) / sizeof(*told); i++)
		if (pairs_set(answer, told[i], pairs_get(&here, told[i], NULL)) < 0)
			r = error_set(err, ENOMEM, "answer");
	target->can_be_lazy = pairs_get_number(&target->hello, "lazy") && pairs_get_number(&here, "criu-lazy");
	pairs_clear(&here);
	return r;
}

/* ---- taking in ---- */

/* All that an unfinished migration has brought. */
static int remove_content(struct target *target, struct error *err)
{
	auto_free char *incoming = NULL;
	const char *root = pairs_get(&target->record.pairs, "root", NULL);
	int r = 0;
	if (root && access(root, F_OK) == 0)
		r = storage_remove_tree(root, NULL, err);
	r = r ?: record_remove_tree(&target->record, MIGRATE_MEMORY, err);
	if (r == 0 && text_format(&incoming, "%s.incoming", target->place.config) == 0)
		(void)unlink(incoming);
	return r;
}

/* With the companions: nothing of it was here before. */
static int remove_all(struct target *target, struct error *err)
{
	int r = remove_content(target, err);
	if (r == 0 && pairs_get_number(&target->record.pairs, "made-directory"))
		r = storage_remove_tree(target->place.directory, NULL, err);
	if (r == 0)
		record_remove(&target->record);
	return r;
}

static int open_record(struct target *target, bool make, struct error *err)
{
	if (target->is_open)
		return 0;
	int r = record_open(&target->record, &target->place, make, true, err);
	target->is_open = r == 0;
	return r;
}

static int begin(struct target *target, struct error *err)
{
	bool is_new = access(target->place.directory, F_OK) < 0;
	int r = open_record(target, true, err);
	if (r < 0)
		return r;
	struct pairs *pairs = &target->record.pairs;
	is_new = is_new || pairs_get_number(pairs, "made-directory");
	if (*record_state(&target->record) && (r = remove_content(target, err)) < 0)
		return r;
	pairs_clear(pairs);
	bool is_shared = pairs_is(&target->hello, "storage", "shared");
	r = pairs_set(pairs, "role", "target");
	r = r ?: pairs_set(pairs, "id", pairs_get(&target->hello, "id", ""));
	r = r ?: pairs_set(pairs, "mode", pairs_get(&target->hello, "mode", ""));
	r = r ?: pairs_set_number(pairs, "start", pairs_get_number(&target->hello, "start"));
	r = r ?: pairs_set_number(pairs, "made-directory", is_new);
	if (!is_shared)
		r = r ?: pairs_set(pairs, "root", target->root);
	if (r < 0)
		return error_set(err, r, "note the migration");
	if (!is_shared && target->root && access(target->root, F_OK) == 0)
		return error_set_kind(err, ERROR_BUSY, EEXIST, "root file system %s", target->root);
	r = record_save(&target->record, "receiving", err);
	if (r == 0 && !is_shared && target->root && (r = mkdir_parents(target->root, 0755)) < 0)
		return error_set(err, r, "make directory %s", target->root);
	return r ?: inject("receive-begin", err);
}

static int take_companion(struct target *target, struct error *err)
{
	size_t length;
	struct stat info;
	auto_free char *name = strdup(message_get_text(&target->message));
	mode_t mode = (mode_t)message_get_number(&target->message) & 07777;
	const char *data = message_get_bytes(&target->message, &length);
	if (!name || target->message.is_short || !*name || strchr(name, '/'))
		return error_set(err, EPROTO, "receive a file");
	int r = file_write_atomic(target->record.dir_fd, name, mode & 0777, data, length);
	/* what the front end would not send it does not take either: it might be a file that means something */
	if (r == 0 && !target->front->is_companion(target->record.dir_fd, name, &info)) {
		(void)unlinkat(target->record.dir_fd, name, 0);
		r = -EPROTO;
	}
	return r < 0 ? error_set(err, r, "write %s/%s", target->place.directory, name) : 0;
}

static int take_tree(struct target *target, struct error *err)
{
	auto_free char *memory = NULL;
	bool is_root = strcmp(message_get_text(&target->message), "root") == 0;
	if (text_format(&memory, "%s/" MIGRATE_MEMORY, target->place.directory) < 0)
		return error_set(err, ENOMEM, "receive");
	int r = is_root ? 0 : record_make_memory(&target->record, err);
	if (r < 0)
		return r;
	const char *path = is_root ? target->root : memory;
	if (!path || (is_root && pairs_is(&target->hello, "storage", "shared")))
		return error_set(err, EPROTO, "there is no root file system to receive");
	auto_close int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return error_set(err, errno, "open %s", path);
	r = tree_receive(fd, path, &target->stream, err);
	return r ?: inject(is_root ? "receive-root" : "receive-memory", err);
}

/* From here on it could run, if it were told to. */
static int prepare(struct target *target, struct error *err)
{
	auto_free char *incoming = NULL;
	auto_close int root_fd = open(target->root ?: target->place.directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (root_fd < 0 || text_format(&incoming, "%s.incoming", target->place.config) < 0)
		return error_set(err, errno, "open %s", target->root ?: target->place.directory);
	int r = file_write_atomic(-1, incoming, 0640, target->text, strlen(target->text));
	if (r == 0 && (syncfs(root_fd) < 0 || syncfs(target->record.dir_fd) < 0))
		r = -errno;
	if (r < 0)
		return error_set(err, r, "write what was received to the disk");
	r = inject("receive-prepare", err);
	r = r ?: record_save(&target->record, "prepared", err);
	return r ?: inject("receive-prepared", err);
}

/* ---- the hand-over ---- */

static int start(struct target *target, struct error *err)
{
	auto_free char *images = NULL;
	const struct pairs *pairs = &target->record.pairs;
	bool is_online = pairs_is(pairs, "mode", "online");
	if (!pairs_get_number(pairs, "start") || is_running(target))
		return 0;
	if (is_online && text_format(&images, "%s/" MIGRATE_MEMORY "/last", target->place.directory) < 0)
		return error_set(err, ENOMEM, "start");
	uint64_t bytes = images && target->can_be_lazy ? checkpoint_memory_bytes(images) : 0;
	target->pages_bytes = bytes >= LAZY_BYTES ? bytes : 0;
	return target->front->start(target->front->data, &target->place, images, target->pages_bytes > 0, err);
}

/* It does not start here: the source may have it back. As long as the note is not written it is still here. */
static int give_back(struct target *target, const struct error *why)
{
	char line[900];
	int r = pairs_set(&target->record.pairs, "why", error_render(why, line, sizeof(line)));
	r = r ?: record_rename_config(&target->record, "", ".incoming", NULL);
	r = r ?: record_save(&target->record, "returned", NULL);
	return r;
}

/*
 * The right to run passes with the rename, and by nothing else. Whoever comes again after a cut finds by the name of the
 * configuration whether it had passed.
 */
static int commit(struct target *target, struct error *err)
{
	const char *state = record_state(&target->record);
	struct error why = { 0 };
	int r = 0;
	if (strcmp(state, "returned") == 0 || strcmp(state, "running") == 0)
		return 0;
	bool is_here = record_has_config(&target->record, "");
	if (!is_here && strcmp(state, "owned") == 0) /* killed while it gave it back */
		return record_save(&target->record, "returned", err);
	if (!is_here && strcmp(state, "prepared") != 0)
		return 0; /* not all of it has come */
	r = inject("receive-commit", err);
	if (r == 0 && !is_here)
		r = record_rename_config(&target->record, ".incoming", "", err);
	r = r ?: inject("receive-owned", err);
	r = r ?: record_save(&target->record, "owned", err);
	if (r < 0)
		return r;
	if (start(target, &why) < 0)
		return give_back(target, &why) < 0 ? error_set(err, EIO, "give %s back", target->place.id.name) : 0;
	r = inject("receive-started", err);
	return r ?: record_save(&target->record, "running", err);
}

/* The source has given up, or wants it back. What runs here stays. */
static int drop(struct target *target, struct error *err)
{
	const char *state = record_state(&target->record);
	if (!*state || record_has_config(&target->record, ""))
		return *state ? commit(target, err) : 0;
	int r = record_save(&target->record, "returned", err);
	return r ?: remove_content(target, err);
}

/* The source knows it: what is left of the migration goes. */
static int finish(struct target *target, struct error *err)
{
	target->is_over = true;
	if (strcmp(record_state(&target->record), "running") != 0)
		return remove_all(target, err);
	(void)checkpoint_await_pages(&target->place.id, -1, &target->pages_why); /* the source is told */
	int r = record_remove_tree(&target->record, MIGRATE_MEMORY, err);
	if (r == 0)
		record_remove(&target->record);
	return r;
}

static int answer_state(struct target *target, struct error *err)
{
	struct pairs answer = { 0 };
	char line[1200];
	const struct pairs *pairs = &target->record.pairs;
	const char *state = target->is_open && *record_state(&target->record) ? record_state(&target->record) : "none";
	int r = pairs_set(&answer, "state", state);
	r = r ?: pairs_set(&answer, "why", pairs_get(pairs, "why", NULL));
	if (r == 0 && target->pages_bytes)
		r = pairs_set_number(&answer, "pages", target->pages_bytes);
	if (r == 0 && target->pages_why.kind != ERROR_NONE)
		r = pairs_set(&answer, "pages-why", error_render(&target->pages_why, line, sizeof(line)));
	r = r ?: stream_send_pairs(&target->stream, MESSAGE_OK, &answer);
	pairs_clear(&answer);
	return r < 0 ? error_set(err, r, "answer") : 0;
}

/* ---- the stream ---- */

static int serve(struct target *target, struct error *err)
{
	int r = 0;
	bool is_end = target->message.type == MESSAGE_DONE || target->message.type == MESSAGE_DROP || target->message.type == MESSAGE_COMMIT;
	if (!target->is_open && is_end)
		return answer_state(target, err); /* there is nothing of it */
	if (!target->is_open && target->message.type != MESSAGE_BEGIN)
		return error_set(err, EPROTO, "message %u before the beginning", target->message.type);
	switch (target->message.type) {
	case MESSAGE_BEGIN:
		r = begin(target, err);
		break;
	case MESSAGE_COMPANION:
		return take_companion(target, err); /* without an answer */
	case MESSAGE_TREE:
		r = take_tree(target, err);
		break;
	case MESSAGE_PREPARE:
		r = prepare(target, err);
		break;
	case MESSAGE_COMMIT:
		r = commit(target, err);
		break;
	case MESSAGE_DROP:
		r = drop(target, err);
		break;
	case MESSAGE_DONE:
		r = finish(target, err);
		break;
	default:
		r = error_set(err, EPROTO, "message %u is not known", target->message.type);
	}
	return r ?: answer_state(target, err);
}

static int receive(struct target *target, struct error *err)
{
	int r = stream_receive(&target->stream, &target->message);
	return r < 0 ? error_set(err, r, "the link to the source is lost") : 0;
}

/* Who is there: a migration of before, or a new one. */
static int greet(struct target *target, struct error *err)
{
	struct pairs answer = { 0 };
	int r = receive(target, err);
	if (r == 0 && (target->message.type != MESSAGE_HELLO ||
			      pairs_parse(&target->hello, message_get_text(&target->message)) < 0))
		r = error_set(err, EPROTO, "this is no migration");
	if (r == 0 && pairs_get_number(&target->hello, "protocol") != MIGRATE_PROTOCOL)
		r = error_set_kind(err, ERROR_UNSUPPORTED, 0, "protocol %s is not known, only %d",
			pairs_get(&target->hello, "protocol", "?"), MIGRATE_PROTOCOL);
	r = r ?: target->front->locate(target->front->data, pairs_get(&target->hello, "name", ""), &target->place, err);
	if (r == 0 && pairs_is(&target->hello, "want", "state")) {
		bool is_there = access(target->place.directory, F_OK) == 0;
		r = is_there ? open_record(target, false, err) : 0;
		if (r == 0 && is_there && !pairs_is(&target->record.pairs, "id", pairs_get(&target->hello, "id", "?"))) {
			record_close(&target->record); /* nothing of it is left; another one's is not touched */
			target->is_open = false;
		}
		return r ?: answer_state(target, err);
	}
	r = r ?: receive(target, err);
	r = r ?: compare(target, &answer, err);
	if (r == 0 && stream_send_pairs(&target->stream, MESSAGE_OK, &answer) < 0)
		r = error_set(err, EPIPE, "answer");
	target->is_over = pairs_is(&target->hello, "want", "check") || pairs_get(&answer, "missing", NULL);
	pairs_clear(&answer);
	return r;
}

/* What came in part is of no use; what is whole waits for the source's word. */
static void clean_up(struct target *target)
{
	if (target->is_open && strcmp(record_state(&target->record), "receiving") == 0)
		(void)remove_all(target, NULL);
	if (target->is_open)
		record_close(&target->record);
	pairs_clear(&target->hello);
	migrate_place_clear(&target->place);
	message_clear(&target->message);
	stream_clear(&target->stream);
	free(target->text);
	free(target->root);
}

int migrate_receive(const struct migrate_front *front, int in_fd, int out_fd, struct error *err)
{
	struct target target = { .front = front, .stream = { .in_fd = in_fd, .out_fd = out_fd, .timeout_ms = -1 } };
	char line[1024];
	int r = geteuid() == 0 ? 0 : error_set(err, EPERM, "make files of all owners");
	r = r ?: greet(&target, err);
	while (r == 0 && !target.is_over) {
		r = receive(&target, err);
		r = r ?: serve(&target, err);
	}
	if (r < 0)
		(void)stream_send_text(&target.stream, MESSAGE_FAULT, error_render(err, line, sizeof(line)));
	clean_up(&target);
	return r;
}
