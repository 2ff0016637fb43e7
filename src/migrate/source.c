/* The source: sends a container away. */
#include "migrate/source.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "base/random.h"
#include "base/text.h"
#include "engine/checkpoint.h"
#include "engine/fault.h"
#include "migrate/facts.h"
#include "storage/storage.h"
#include "storage/store.h"

#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <time.h>

/* Another pass is worth it as long as it has this much less to send. */
enum { SMALL_PASS = 1024 * 1024, COMPANION_MAX_BYTES = 1024 * 1024 };

uint64_t source_now_us(void)
{
	struct timespec now;
	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

int source_inject(const char *step, struct error *err)
{
	return fault_inject(step, false, 0, -1, err);
}

void source_report(const struct source *source, const char *step, unsigned pass, const struct tree_counts *counts,
	uint64_t duration_us, uint64_t estimated_freeze_us)
{
	const struct migrate_progress progress = { .step = step, .pass = pass, .entries = counts ? counts->entries : 0,
		.bytes = counts ? counts->bytes : 0, .duration_us = duration_us, .estimated_freeze_us = estimated_freeze_us };
	if (source->request->progress)
		source->request->progress(source->request->data, &progress);
}

void source_tell(const struct source *source, const char *line)
{
	if (source->request->tell)
		source->request->tell(source->request->data, line);
}

bool source_is_running(const struct source *source)
{
	struct status status;
	return engine_status(&source->place.id, &status, NULL) == 0 && status.state != STATE_STOPPED;
}

int source_ask(struct source *source, enum message_type type, struct pairs *ret, struct error *err)
{
	struct message message = { 0 };
	message_start(&message, type);
	int r = stream_send(&source->peer.stream, &message);
	r = r ?: stream_flush(&source->peer.stream);
	message_clear(&message);
	/* an answer that explains it may lie there already */
	int answer = peer_answer(&source->peer, ret, err);
	return answer < 0 ? answer : r < 0 ? -ENOTCONN : 0;
}

int source_send_tree(struct source *source, bool is_root, struct tree_counts *ret, uint64_t *ret_us, struct error *err)
{
	const char *what = is_root ? "root" : "memory";
	uint64_t begin_us = source_now_us();
	struct stream *stream = &source->peer.stream;
	auto_close int memory_fd = is_root ? -1 : openat(source->record.dir_fd, MIGRATE_MEMORY, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (!is_root && memory_fd < 0)
		return error_set(err, errno, "open %s/" MIGRATE_MEMORY, source->place.directory);
	int r = stream_send_text(stream, MESSAGE_TREE, what);
	r = r < 0 ? error_set(err, r, "send %s", what) :
		    tree_send(is_root ? source->root : source->memory, is_root ? source->root_fd : memory_fd, what, stream, ret, err);
	if (r == 0 || r == -EPIPE || r == -ECONNRESET) {
		struct error answer = { 0 }; /* why it broke off */
		int answered = peer_answer(&source->peer, NULL, &answer);
		if (answered < 0) {
			*err = answer;
			return answered;
		}
	}
	uint64_t took_us = source_now_us() - begin_us;
	if (r == 0 && ret->bytes > SMALL_PASS && took_us > 0)
		source->bytes_per_s = ret->bytes * 1000000 / took_us;
	*ret_us = took_us;
	return r;
}

/* ---- to the target ---- */

static int send_companions(struct source *source, struct error *err)
{
	struct message message = { 0 };
	auto_close int fd = openat(source->record.dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	auto_closedir DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	int r = dir ? 0 : error_set(err, errno, "open %s", source->place.directory);
	if (dir)
		(void)take_fd(&fd);
	for (struct dirent *entry; r == 0 && (entry = readdir(dir));) {
		auto_free char *data = NULL;
		size_t length;
		struct stat info;
		if (!source->front->is_companion(dirfd(dir), entry->d_name, &info))
			continue;
		r = file_read(dirfd(dir), entry->d_name, COMPANION_MAX_BYTES, &data, &length);
		message_start(&message, MESSAGE_COMPANION);
		message_put_text(&message, entry->d_name);
		message_put_number(&message, info.st_mode & 07777);
		message_put_bytes(&message, data, r == 0 ? length : 0);
		r = r ?: stream_send(&source->peer.stream, &message);
		if (r < 0)
			(void)error_set(err, r, "send %s/%s", source->place.directory, entry->d_name);
	}
	message_clear(&message);
	return r;
}

static int fill_hello(struct source *source, struct pairs *hello)
{
	const struct migrate_request *request = source->request;
	int r = facts_of_host(hello, request->online, source->front->criu);
	r = r ?: facts_of_container(hello, request, &source->place.id, source->root_fd);
	r = r ?: pairs_set(hello, "want", request->check ? "check" : "migrate");
	r = r ?: pairs_set(hello, "name", request->name);
	r = r ?: pairs_set(hello, "directory", source->place.directory);
	r = r ?: pairs_set(hello, "id", pairs_get(&source->record.pairs, "id", ""));
	r = r ?: pairs_set(hello, "mode", request->online ? "online" : "offline");
	r = r ?: pairs_set_number(hello, "lazy", request->online && !request->no_lazy);
	r = r ?: pairs_set(hello, "storage", request->shared ? "shared" : "sent");
	return r ?: pairs_set_number(hello, "start", source_is_running(source));
}

/* Notes are told; what is missing is told and counts. */
static int read_preflight(struct source *source, const struct pairs *answer, struct error *err)
{
	unsigned missing = 0;
	vector_for_each(line, &answer->lines) {
		auto_free char *text = NULL;
		bool is_missing = text_starts(*line, "missing=");
		if (!is_missing && !text_starts(*line, "note="))
			continue;
		missing += is_missing;
		if (text_format(&text, "%s: %s", is_missing ? "missing at the target" : "note", strchr(*line, '=') + 1) == 0)
			source_tell(source, text);
	}
	if (missing == 0)
		return 0;
	return error_set_kind(err, ERROR_UNSUPPORTED, 0, "%s can not go there: %u thing%s missing", source->request->name, missing,
		missing == 1 ? " is" : "s are");
}

static int greet(struct source *source, struct error *err)
{
	struct pairs hello = { 0 }, answer = { 0 };
	struct stream *stream = &source->peer.stream;
	int r = peer_open(&source->peer, source->request->via, source->request->timeout_s * 1000, err);
	if (r == 0 && fill_hello(source, &hello) < 0)
		r = error_set(err, ENOMEM, "greet the target");
	if (r == 0) {
		(void)stream_send_pairs(stream, MESSAGE_HELLO, &hello); /* a lost link is seen below */
		(void)stream_send_text(stream, MESSAGE_CONFIG, source->request->text);
		r = peer_answer(&source->peer, &answer, err);
	}
	r = r ?: read_preflight(source, &answer, err);
	pairs_clear(&hello);
	pairs_clear(&answer);
	return r;
}

/* ---- the passes ---- */

static int open_root(struct source *source, struct error *err)
{
	if (source->request->root_path) {
		source->root_fd = open(source->request->root_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		return source->root_fd < 0 ? error_set(err, errno, "open %s", source->request->root_path) : 0;
	}
	const struct spec_rootfs *rootfs = &source->request->spec->rootfs;
	const struct store *store = store_of(rootfs);
	char path[64];
	if (!rootfs->path)
		return error_set_kind(err, ERROR_CONFIG, EINVAL, "%s has no root file system of its own", source->request->name);
	if (!source_is_running(source) || (store && store->is_directory)) {
		source->root_fd = storage_open_root(source->request->spec, err);
		return source->root_fd < 0 ? source->root_fd : 0;
	}
	pid_t init = engine_init_pid(&source->place.id, err);
	if (init < 0)
		return init;
	(void)snprintf(path, sizeof(path), "/proc/%d/root/.", init);
	source->root_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return source->root_fd < 0 ? error_set(err, errno, "open the root file system of %s", source->request->name) : 0;
}

static uint64_t estimate_us(const struct source *source, uint64_t bytes)
{
	return source->bytes_per_s ? bytes * 1000000 / source->bytes_per_s : 0;
}

/* While it runs: until a pass has little left to do, or no less than the one before. */
static int send_root_passes(struct source *source, struct error *err)
{
	unsigned most = source_is_running(source) ? source->request->passes_max : 1;
	uint64_t before = UINT64_MAX;
	for (unsigned pass = 1; pass <= most && !source->request->shared; pass++) {
		struct tree_counts counts;
		uint64_t took_us;
		int r = source_send_tree(source, true, &counts, &took_us, err);
		r = r ?: source_inject("migrate-root", err);
		if (r < 0)
			return r;
		source_report(source, "root", pass, &counts, took_us, estimate_us(source, counts.bytes));
		if (counts.bytes < SMALL_PASS || counts.bytes > before / 4 * 3)
			break;
		before = counts.bytes;
	}
	return 0;
}

int source_stop(struct source *source, struct error *err)
{
	return source->front->stop(source->front->data, &source->place, source->request->stop_timeout_s, err);
}

/* Stopped here, started there. */
static int send_offline(struct source *source, struct error *err)
{
	struct tree_counts counts;
	uint64_t took_us;
	bool was_running = source_is_running(source);
	int r = record_save(&source->record, "down", err);
	r = r ?: source_inject("migrate-down", err);
	if (r == 0 && was_running) {
		source->frozen_at_us = source_now_us();
		source_report(source, "stop", 0, NULL, 0, 0);
		r = source_stop(source, err);
	}
	if (r == 0 && was_running && !source->request->shared) {
		r = source_inject("migrate-stopped", err);
		r = r ?: source_send_tree(source, true, &counts, &took_us, err);
		if (r == 0)
			source_report(source, "last root", 0, &counts, took_us, 0);
	}
	r = r ?: source_inject("migrate-sent", err);
	return r ?: source_ask(source, MESSAGE_PREPARE, NULL, err);
}

static int transfer(struct source *source, struct error *err)
{
	int r = record_save(&source->record, "copying", err);
	r = r ?: source_inject("migrate-copying", err);
	r = r ?: source_ask(source, MESSAGE_BEGIN, NULL, err);
	r = r ?: source_inject("migrate-begun", err);
	r = r ?: send_companions(source, err);
	r = r ?: send_root_passes(source, err);
	if (r < 0)
		return r;
	return source->request->online ? source_send_online(source, err) : send_offline(source, err);
}

/* ---- calls ---- */

static int open_source(struct source *source, const struct migrate_front *front, const struct migrate_request *request,
	bool is_new, struct error *err)
{
	*source = (struct source){ .front = front, .request = request, .root_fd = -1, .start_us = source_now_us() };
	source->peer.fds[0] = source->peer.fds[1] = source->record.dir_fd = source->record.lock_fd = -1;
	if (geteuid() != 0)
		return error_set(err, EPERM, "move files of all owners");
	int r = front->locate(front->data, request->name, &source->place, err);
	return r ?: record_open(&source->record, &source->place, is_new, false, err);
}

static int close_source(struct source *source, struct migrate_result *ret, int r)
{
	source->result.total_us = source_now_us() - source->start_us;
	source->result.bytes += source->peer.stream.sent;
	if (ret)
		*ret = source->result;
	peer_close(&source->peer);
	tree_sender_free(source->root);
	tree_sender_free(source->memory);
	close_fd(&source->root_fd);
	if (!*record_state(&source->record))
		record_remove(&source->record); /* the lock's file */
	record_close(&source->record);
	migrate_place_clear(&source->place);
	return r;
}

static int begin_record(struct source *source, struct error *err)
{
	const struct migrate_request *request = source->request;
	struct pairs *pairs = &source->record.pairs;
	char id[33] = "";
	if (pairs_is(pairs, "role", "target") && record_has_config(&source->record, ""))
		record_remove(&source->record); /* it came from elsewhere, and whoever sent it did not take leave */
	if (*record_state(&source->record)) {
		(void)error_set_kind(err, ERROR_BUSY, EBUSY, "a migration of %s has not ended", request->name);
		return error_hint(err, "end it with lxc-migrate --resume or --abort");
	}
	int r = random_letters(id, sizeof(id) - 1);
	r = r ?: pairs_set(pairs, "role", "source");
	r = r ?: pairs_set(pairs, "id", id);
	r = r ?: pairs_set(pairs, "via", request->via);
	r = r ?: pairs_set(pairs, "mode", request->online ? "online" : "offline");
	r = r ?: pairs_set_number(pairs, "shared", request->shared);
	r = r ?: pairs_set_number(pairs, "keep", request->keep);
	r = r ?: pairs_set_number(pairs, "start", source_is_running(source));
	return r < 0 ? error_set(err, r, "note the migration") : 0;
}

static int send_away(struct source *source, struct error *err)
{
	source->root = tree_sender_new(false);
	source->memory = tree_sender_new(true);
	int r = source->root && source->memory ? 0 : error_set(err, ENOMEM, "begin the migration");
	r = r ?: begin_record(source, err);
	if (r < 0)
		return r;
	r = source->request->shared ? 0 : open_root(source, err);
	r = r ?: greet(source, err);
	if (r == 0 && source->request->online)
		r = source_check_online(source, err);
	if (r < 0 || source->request->check) {
		pairs_clear(&source->record.pairs); /* nothing has begun */
		return r;
	}
	r = transfer(source, err);
	if (r == 0)
		r = source_hand_over(source, err);
	if (r < 0 && *record_state(&source->record) && record_has_config(&source->record, "")) {
		struct error why = { 0 };
		int back = source_call_off(source, &why);
		if (back < 0) {
			*err = why;
			r = back;
		}
	}
	return r;
}

int migrate_send(const struct migrate_front *front, const struct migrate_request *request, struct migrate_result *ret,
	struct error *err)
{
	struct source source;
	int r = open_source(&source, front, request, true, err);
	r = r ?: send_away(&source, err);
	return close_source(&source, ret, r);
}

/* ---- what was left ---- */

static int end_target(struct source *source, bool gives_up, struct error *err)
{
	const char *name = source->place.id.name;
	if (record_has_config(&source->record, "")) { /* it is here for good, and no one waits for a word of this side */
		(void)checkpoint_await_pages(&source->place.id, -1, NULL); /* an end of it is no business of this */
		int r = record_remove_tree(&source->record, MIGRATE_MEMORY, err);
		record_remove(&source->record);
		return r;
	}
	if (!gives_up) {
		(void)error_set_kind(err, ERROR_USAGE, EINVAL, "%s is to come here", name);
		return error_hint(err, "resume at the source");
	}
	/* The source asks before it takes it back: the note stays for it. */
	const char *root = pairs_get(&source->record.pairs, "root", NULL);
	int r = record_save(&source->record, "returned", err);
	r = r ?: record_remove_tree(&source->record, MIGRATE_MEMORY, err);
	return r == 0 && root && access(root, F_OK) == 0 ? storage_remove_tree(root, NULL, err) : r;
}

static int resume(struct source *source, bool gives_up, struct error *err)
{
	const char *state = record_state(&source->record);
	if (!*state)
		return error_set_kind(err, ERROR_NOT_FOUND, ENOENT, "no migration of %s is under way", source->place.id.name);
	if (pairs_is(&source->record.pairs, "role", "target"))
		return end_target(source, gives_up, err);
	if (source->request->via && pairs_set(&source->record.pairs, "via", source->request->via) < 0)
		return error_set(err, ENOMEM, "resume");
	if (strcmp(state, "gone") == 0) {
		struct pairs answer = { 0 };
		(void)source_reconnect(source, &answer, NULL); /* to take leave */
		pairs_clear(&answer);
		return source_end(source, err);
	}
	return record_has_config(&source->record, "") ? source_call_off(source, err) : source_settle(source, gives_up, err);
}

/* A migration that was cut before the hand-over is begun anew. */
int migrate_resume(const struct migrate_front *front, const struct migrate_request *request, struct migrate_result *ret,
	struct error *err)
{
	struct source source;
	struct migrate_request again = *request;
	auto_free char *via = NULL;
	int r = open_source(&source, front, request, false, err);
	const struct pairs *pairs = &source.record.pairs;
	bool begins_anew = r == 0 && pairs_is(pairs, "role", "source") && record_has_config(&source.record, "");
	again.online = pairs_is(pairs, "mode", "online");
	again.shared = pairs_get_number(pairs, "shared");
	again.keep = pairs_get_number(pairs, "keep");
	if (begins_anew && !request->via && !(via = strdup(pairs_get(pairs, "via", ""))))
		r = error_set(err, ENOMEM, "resume");
	again.via = request->via ?: via;
	r = r ?: resume(&source, false, err);
	r = close_source(&source, ret, r);
	return r < 0 || !begins_anew ? r : migrate_send(front, &again, ret, err);
}

int migrate_settle(const struct migrate_front *front, const struct migrate_request *request, struct migrate_result *ret,
	struct error *err)
{
	struct source source;
	int r = open_source(&source, front, request, false, err);
	if (r == 0 && *record_state(&source.record))
		r = resume(&source, false, err);
	return close_source(&source, ret, r);
}

int migrate_abort(const struct migrate_front *front, const struct migrate_request *request, struct migrate_result *ret,
	struct error *err)
{
	struct source source;
	int r = open_source(&source, front, request, false, err);
	r = r ?: resume(&source, true, err);
	return close_source(&source, ret, r);
}
