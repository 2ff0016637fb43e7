#pragma once
#include "migrate/live.h"
#include "migrate/migrate.h"
#include "migrate/peer.h"
#include "migrate/record.h"
#include "migrate/tree.h"

/* The source's files share this; not for others. */
struct source {
	const struct migrate_front *front;
	const struct migrate_request *request;
	struct migrate_place place;
	struct record record;
	struct peer peer;
	struct tree_sender *root, *memory; /* what the target has of them */
	struct live live; /* sends the memory while it is dumped */
	int root_fd;
	uint64_t start_us, frozen_at_us;
	uint64_t bytes_per_s; /* of what was sent so far; 0: not known */
	uint64_t pages_bytes; /* of memory that comes there while it runs already */
	struct migrate_result result;
};

/* What is not on the disk is of use in the same boot of this host only. */
int source_note_boot(struct source *source);
uint64_t source_now_us(void);
void source_report(const struct source *source, const char *step, unsigned pass, const struct tree_counts *counts,
	uint64_t duration_us, uint64_t estimated_freeze_us);
/* A line for the user. */
void source_tell(const struct source *source, const char *line);
bool source_is_running(const struct source *source);
/* Shuts it down, or kills it after the request's time. */
int source_stop(struct source *source, struct error *err);
int source_inject(const char *step, struct error *err);

/* One message without content, and its answer. */
int source_ask(struct source *source, enum message_type type, struct pairs *ret, struct error *err);
/* One pass over root or memory; *ret_us: how long it took. */
int source_send_tree(struct source *source, bool is_root, struct tree_counts *ret, uint64_t *ret_us, struct error *err);

/* Connects anew and asks for the state of this migration there, in *ret: "none", "prepared", ... */
int source_reconnect(struct source *source, struct pairs *ret, struct error *err);

/* All is there. From here to the end: the container runs there, or here as before, or -EHOSTUNREACH. */
int source_hand_over(struct source *source, struct error *err);
/* The same when the right to run is on its way already. wants_back: take it back if it has not arrived. */
int source_settle(struct source *source, bool wants_back, struct error *err);
/* Before the hand-over: it runs here again if it did, and the target forgets it. err keeps the reason. */
int source_call_off(struct source *source, struct error *err);
/* It is there: what is here goes, or is kept. */
int source_end(struct source *source, struct error *err);

/* What of the running container can not be dumped is told, and a fault. */
int source_check_online(struct source *source, struct error *err);
/* Memory: passes while it runs, then it stands still; root and memory follow, the target has all of it. source_online.c */
int source_send_online(struct source *source, struct error *err);
