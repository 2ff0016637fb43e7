/* The right to run the container passes from here to there, or comes back. */
#include "migrate/source.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "base/text.h"
#include "engine/checkpoint.h"
#include "migrate/facts.h"

#include <fcntl.h>
#include <string.h>
#include <time.h>

/* How long a target that answers at all takes for it. */
enum { RECONNECT_S = 20, END_MS = 10000, CRIU_END_MS = 60000 };

/* ---- the target, once more ---- */

int source_reconnect(struct source *source, struct pairs *ret, struct error *err)
{
	struct pairs hello = { 0 };
	const struct pairs *pairs = &source->record.pairs;
	int timeout_s = source->request->timeout_s < RECONNECT_S ? source->request->timeout_s : RECONNECT_S;
	peer_close(&source->peer);
	int r = peer_open(&source->peer, pairs_get(pairs, "via", "false"), timeout_s * 1000, err);
	if (r < 0)
		return r;
	if (pairs_set_number(&hello, "protocol", MIGRATE_PROTOCOL) < 0 || pairs_set(&hello, "want", "state") < 0 ||
		pairs_set(&hello, "name", source->place.id.name) < 0 || pairs_set(&hello, "id", pairs_get(pairs, "id", "")) < 0)
		r = error_set(err, ENOMEM, "greet the target");
	if (r == 0 && stream_send_pairs(&source->peer.stream, MESSAGE_HELLO, &hello) < 0)
		r = -ENOTCONN;
	pairs_clear(&hello);
	r = r ?: peer_answer(&source->peer, ret, err);
	source->peer.stream.timeout_ms = source->request->timeout_s * 1000; /* a start takes longer */
	return r;
}

/* Best effort: what the target keeps of it never runs without our word. */
static void forget_there(struct source *source)
{
	struct pairs answer = { 0 };
	if (source_reconnect(source, &answer, NULL) == 0 && !pairs_is(&answer, "state", "none") &&
		source_ask(source, MESSAGE_DROP, NULL, NULL) == 0)
		(void)source_ask(source, MESSAGE_DONE, NULL, NULL);
	pairs_clear(&answer);
	peer_close(&source->peer);
}

/* ---- it is here ---- */

static int read_boot(char *id, size_t size)
{
	auto_free char *text = NULL;
	size_t length;
	int r = file_read(AT_FDCWD, "/proc/sys/kernel/random/boot_id", 64, &text, &length);
	if (r < 0)
		return r;
	(void)snprintf(id, size, "%.*s", (int)strcspn(text, "\n"), text);
	return 0;
}

int source_note_boot(struct source *source)
{
	char id[64];
	int r = read_boot(id, sizeof(id));
	return r < 0 ? r : pairs_set(&source->record.pairs, "boot", id);
}

static bool is_same_boot(const struct source *source)
{
	char id[64];
	return read_boot(id, sizeof(id)) == 0 && pairs_is(&source->record.pairs, "boot", id);
}

/*
 * As before the migration. Its memory is used when it was noted that this was whole and the container gone; without that
 * note a container that does not run has lost it otherwise, by a reboot of the host.
 */
static int bring_up(struct source *source, struct error *err)
{
	auto_free char *images = NULL;
	bool has_memory = strcmp(record_state(&source->record), "dumped") == 0 && is_same_boot(source);
	if (!pairs_get_number(&source->record.pairs, "start"))
		return 0;
	/* It may have been told to stop, and be about to. */
	if (strcmp(record_state(&source->record), "down") == 0 && pairs_is(&source->record.pairs, "mode", "offline")) {
		int r = source_stop(source, err);
		if (r < 0)
			return r;
	}
	(void)checkpoint_await(&source->place.id, CRIU_END_MS);
	/* Its memory was whole: it may be about to end. If not, it has gone on, and what was dumped is of no use. */
	if (has_memory && source_is_running(source))
		(void)engine_wait(&source->place.id, 1U << STATE_STOPPED, END_MS, NULL);
	if (source_is_running(source))
		return 0;
	if (has_memory && text_format(&images, "%s/" MIGRATE_MEMORY "/last", source->place.directory) < 0)
		return error_set(err, ENOMEM, "start");
	return source->front->start(source->front->data, &source->place, images, false, err);
}

static int stay_here(struct source *source, bool tell, struct error *err)
{
	int r = bring_up(source, err);
	source->result.is_here = true;
	if (r < 0) {
		(void)error_hint(err, "it is here and stopped: start it, or try lxc-migrate --abort again");
		return r;
	}
	if (tell)
		forget_there(source);
	(void)record_remove_tree(&source->record, MIGRATE_MEMORY, NULL);
	record_remove(&source->record);
	return 0;
}

int source_call_off(struct source *source, struct error *err)
{
	return stay_here(source, true, err);
}

/* The target has given it back, or has never had it. */
static int take_back(struct source *source, struct error *err)
{
	int r = record_has_config(&source->record, "") ? 0 : record_rename_config(&source->record, ".migrated", "", err);
	r = r ?: source_inject("migrate-taken-back", err);
	(void)source_ask(source, MESSAGE_DONE, NULL, NULL); /* it clears up; else whoever comes there next does */
	return r ?: stay_here(source, false, err);
}

/* ---- it is there ---- */

/* The target answers when it has all of the memory in its place. */
static void take_leave(struct source *source)
{
	struct pairs answer = { 0 };
	struct tree_counts counts = { .bytes = source->pages_bytes };
	uint64_t begin_us = source_now_us();
	if (counts.bytes)
		source_report(source, "pages", 0, &counts, 0, 0);
	int r = source_ask(source, MESSAGE_DONE, &answer, NULL);
	const char *why = r == 0 ? pairs_get(&answer, "pages-why", NULL) : "the target does not say whether all of its memory is there";
	if (counts.bytes && why)
		source_tell(source, why);
	else if (counts.bytes)
		source_report(source, "pages", 0, &counts, source_now_us() - begin_us, 0);
	pairs_clear(&answer);
}

int source_end(struct source *source, struct error *err)
{
	auto_free char *config = NULL;
	if (source->frozen_at_us)
		source->result.frozen_us = source_now_us() - source->frozen_at_us;
	int r = record_save(&source->record, "gone", err);
	r = r ?: source_inject("migrate-gone", err);
	take_leave(source);
	peer_close(&source->peer);
	r = r ?: record_remove_tree(&source->record, MIGRATE_MEMORY, err);
	if (r < 0 || text_format(&config, "%s.migrated", source->place.config) < 0)
		return r ?: error_set(err, ENOMEM, "remove %s", source->place.id.name);
	if (!pairs_get_number(&source->record.pairs, "keep"))
		r = source->front->destroy(source->front->data, &source->place, config,
			pairs_get_number(&source->record.pairs, "shared"), err);
	if (r == 0)
		record_remove(&source->record);
	return r < 0 ? error_hint(err, "%s runs at the target; what is left here can go", source->place.id.name) : 0;
}

/* ---- on its way ---- */

static int returned(struct source *source, const struct pairs *answer, bool is_wanted, struct error *err)
{
	struct error why = { 0 };
	const char *text = pairs_get(answer, "why", "it was asked to");
	int r = take_back(source, &why);
	if (r < 0) {
		*err = why;
		return r;
	}
	return is_wanted ? 0 : error_set_kind(err, ERROR_KERNEL, 0, "the target gave it back: %.400s", text);
}

/* What the target says decides. 1: not yet. */
static int decide(struct source *source, const struct pairs *answer, bool wants_back, struct error *err)
{
	const char *state = pairs_get(answer, "state", "none");
	if (strcmp(state, "running") == 0) {
		source->pages_bytes = pairs_get_number(answer, "pages");
		int r = source_end(source, err);
		return r == 0 && wants_back ? error_set_kind(err, ERROR_BUSY, EBUSY, "it runs at the target already") : r;
	}
	if (strcmp(state, "returned") == 0)
		return returned(source, answer, wants_back, err);
	if (strcmp(state, "none") != 0)
		return 1;
	if (source->request->force && wants_back)
		return take_back(source, err);
	(void)error_set_kind(err, ERROR_NOT_FOUND, ENOENT, "the target knows nothing of %s any more", source->place.id.name);
	return error_hint(err, "if it runs nowhere else take it back with --abort --force");
}

static int ask_to_decide(struct source *source, bool wants_back, struct error *err)
{
	struct pairs answer = { 0 };
	int r = source_ask(source, wants_back ? MESSAGE_DROP : MESSAGE_COMMIT, &answer, err);
	if (r == 0) {
		r = decide(source, &answer, wants_back, err);
		r = r > 0 ? error_set_kind(err, ERROR_INTERNAL, EPROTO, "state %s of the target", pairs_get(&answer, "state", "?")) : r;
	} else if (r != -ENOTCONN && r != -EREMOTEIO) {
		r = -ENOTCONN;
	}
	pairs_clear(&answer);
	return r;
}

/* Only the target can say who has it: until it does, nobody here may run it. */
int source_settle(struct source *source, bool wants_back, struct error *err)
{
	uint64_t end_us = source_now_us() + (uint64_t)source->request->timeout_s * 1000000;
	for (;;) {
		struct pairs answer = { 0 };
		int r = source_reconnect(source, &answer, err);
		bool was_asked = r == 0;
		r = r ?: decide(source, &answer, wants_back, err);
		pairs_clear(&answer);
		if (r > 0)
			r = ask_to_decide(source, wants_back, err);
		if (r != -ENOTCONN && r != -EREMOTEIO && (r == 0 || was_asked))
			return r;
		if (source_now_us() > end_us)
			break;
		(void)nanosleep(&(struct timespec){ .tv_nsec = 500000000 }, NULL);
	}
	peer_close(&source->peer);
	(void)error_set_kind(err, ERROR_BUSY, EHOSTUNREACH, "the target can not be asked whether it has %s", source->place.id.name);
	(void)error_hint(err, "lxc-migrate --resume or --abort when it can be reached");
	return -EHOSTUNREACH;
}

int source_hand_over(struct source *source, struct error *err)
{
	source_report(source, "hand over", 0, NULL, 0, 0);
	int r = source_inject("migrate-prepared", err);
	r = r ?: record_rename_config(&source->record, "", ".migrated", err);
	if (r < 0)
		return r;
	r = source_inject("migrate-handed", err);
	r = r ?: ask_to_decide(source, false, err);
	return r == -ENOTCONN || r == -EREMOTEIO ? source_settle(source, false, err) : r;
}
