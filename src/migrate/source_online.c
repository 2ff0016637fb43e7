/* The source: the container's memory goes along. */
#include "migrate/source.h"

#include "base/cleanup.h"
#include "base/text.h"
#include "engine/checkpoint.h"
#include "migrate/facts.h"

#include <string.h>

enum { SMALL_MEMORY = 4 * 1024 * 1024 };

static void tell_blocker(const struct source *source, const struct checkpoint_blocker *blocker)
{
	auto_free char *line = NULL;
	int r = blocker->pid ? text_format(&line, "in the way: process %d (%s%s%s): %s", blocker->pid, blocker->process ?: "?",
				       blocker->service ? ", " : "", blocker->service ?: "", blocker->what) :
			       text_format(&line, "in the way: %s", blocker->what);
	if (r == 0)
		source_tell(source, line);
}

int source_check_online(struct source *source, struct error *err)
{
	struct checkpoint_blockers found = { 0 };
	int count = checkpoint_preflight(&source->place.id, &found, err);
	vector_for_each(blocker, &found)
		tell_blocker(source, blocker);
	checkpoint_blockers_clear(&found);
	if (count <= 0)
		return count;
	return error_set_kind(err, ERROR_UNSUPPORTED, 0, "%s can not be moved while it runs: %d thing%s in the way",
		source->request->name, count, count == 1 ? " is" : "s are");
}

/* Memory while it runs: until a pass has little to send, or no less than the one before. */
static int send_memory_passes(struct source *source, char *parent, size_t size, struct error *err)
{
	uint64_t before = UINT64_MAX;
	for (unsigned pass = 1; pass <= source->request->passes_max; pass++) {
		auto_free char *directory = NULL;
		struct tree_counts counts;
		uint64_t took_us;
		if (text_format(&directory, "%s/" MIGRATE_MEMORY "/%u", source->place.directory, pass) < 0)
			return error_set(err, ENOMEM, "send the memory");
		const struct checkpoint_dump dump = { .directory = directory, .parent = *parent ? parent : NULL,
			.criu = source->front->criu, .no_preflight = true };
		int r = checkpoint_predump(&source->place.id, &dump, NULL, err);
		if (r < 0)
			return r;
		(void)snprintf(parent, size, "../%u", pass);
		r = source_send_tree(source, false, &counts, &took_us, err);
		r = r ?: source_inject("migrate-memory", err);
		if (r < 0)
			return r;
		uint64_t estimate_us = source->bytes_per_s ? counts.bytes * 1000000 / source->bytes_per_s : 0;
		source_report(source, "memory", pass, &counts, took_us, estimate_us);
		if (counts.bytes < SMALL_MEMORY || counts.bytes > before / 4 * 3)
			break;
		before = counts.bytes;
	}
	return 0;
}

/* What was sent while criu wrote it is there. */
static int end_live(struct source *source, struct error *err)
{
	auto_free char *memory = NULL;
	if (source->live.pid <= 0)
		return 0;
	if (text_format(&memory, "%s/" MIGRATE_MEMORY, source->place.directory) < 0)
		return error_set(err, ENOMEM, "send memory");
	int r = live_end(&source->live, memory, &source->peer.stream, source->memory);
	int answered = peer_answer(&source->peer, NULL, err); /* why it broke off, if it did */
	if (answered < 0)
		return answered;
	return r < 0 ? error_set(err, r, "send memory") : 0;
}

/* It stands still; what is here is the living one until 0 is returned. */
static int send_dumped(void *data, struct error *err)
{
	struct source *source = data;
	struct tree_counts counts;
	uint64_t took_us;
	int r = end_live(source, err);
	r = r ?: source_inject("migrate-frozen", err);
	if (r == 0 && !source->request->shared) {
		r = source_send_tree(source, true, &counts, &took_us, err);
		if (r == 0)
			source_report(source, "last root", 0, &counts, took_us, 0);
	}
	r = r ?: source_send_tree(source, false, &counts, &took_us, err);
	if (r == 0)
		source_report(source, "last memory", 0, &counts, took_us, 0);
	r = r ?: source_inject("migrate-sent", err);
	r = r ?: source_ask(source, MESSAGE_PREPARE, NULL, err);
	if (r == 0 && source_note_boot(source) < 0)
		r = error_set(err, EIO, "note which boot of this host it is");
	r = r ?: record_save(&source->record, "dumped", err);
	return r ?: source_inject("migrate-dumped", err);
}

int source_send_online(struct source *source, struct error *err)
{
	auto_free char *memory = NULL, *directory = NULL;
	char parent[32] = "";
	if (text_format(&memory, "%s/" MIGRATE_MEMORY, source->place.directory) < 0 ||
		text_format(&directory, "%s/last", memory) < 0)
		return error_set(err, ENOMEM, "send the memory");
	int r = record_remove_tree(&source->record, MIGRATE_MEMORY, err);
	r = r ?: record_make_memory(&source->record, err);
	if (r == 0 && checkpoint_has_passes())
		r = send_memory_passes(source, parent, sizeof(parent), err);
	r = r ?: record_save(&source->record, "down", err);
	r = r ?: source_inject("migrate-down", err);
	if (r < 0)
		return r;
	source->frozen_at_us = source_now_us();
	source_report(source, "freeze", 0, NULL, 0, 0);
	const struct checkpoint_dump dump = { .directory = directory, .parent = *parent ? parent : NULL, .stop = true,
		.criu = source->front->criu, .no_preflight = true, .no_sync = true, .on_dumped = send_dumped, .data = source };
	r = live_begin(&source->live, memory, "last", &source->peer.stream);
	if (r < 0)
		return error_set(err, r, "send memory");
	r = checkpoint_dump(&source->place.id, &dump, NULL, err);
	struct error ignored; /* that of the dump counts */
	if (r < 0)
		(void)end_live(source, &ignored); /* the stream is in order for what follows */
	return r;
}
