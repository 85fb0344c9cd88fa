/*
 * The player: a script against one virtual disk, in process.
 *
 * Owns the simulated host, the guest, the disk, the model and the vbd for the
 * length of one script; calls vbd_attach(), queue_turn() and the rest directly:
 * no threads, no descriptors, no system call per operation.  The same script
 * gives the same calls, responses and hashes, always.
 *
 * A queue sleeps and wakes as its thread would: after queue_settle() said so it
 * does not run again before an event or a completion of the disk.
 */
#pragma once

#include <stdint.h>
#include <stdio.h>

#include "fuzz/bend.h"
#include "fuzz/model.h"
#include "fuzz/oracle/checks.h"
#include "fuzz/script.h"
#include "fuzz/straight.h"

/* What a play did, for statistics and for comparing two runs. */
struct player_result {
	uint64_t trace;	    /* sim_trace_hash() */
	uint64_t responses; /* a hash over all of them */
	uint64_t answered, answered_okay;
};

struct player {
	struct bend bend; /* the harness's, before it plays */
	struct straight straight;
	FILE *tape; /* NULL: none is wanted; taping.h */
	int tape_error;
	unsigned int done; /* operations of the script */
	const struct script *script;
	struct script_record device; /* as given, for later attaches */
	struct guest guest;
	struct disk disk;
	struct model model;
	struct vbd *vbd;
	struct image *image; /* the disk, or an engine before it */
	struct inflight_region *region;
	struct ledger_baseline baseline; /* before the disk was made */
	struct sim_ledger detached;	 /* before the last attach */
	uint32_t persistent_cap;
	bool staged;
	bool attached;
	bool attach_may_fail;
	bool awake[GUEST_QUEUES];
	bool late; /* the guest publishes when the queue has just looked */
	unsigned int checks; /* full comparisons made so far */
	unsigned int turns;
	unsigned int attaches;		     /* made by the script so far */
	unsigned int next_page, next_sector; /* where requests do not meet */
	uint64_t pace[GUEST_QUEUES]; /* a hash: how far each got in each turn */
};

/** player_create() - what is needed for every play, once per process; or NULL.
 */
struct player *player_create(void);
void player_destroy(struct player *player);

/** player_play() - one script from an empty world to an empty world. */
void player_play(struct player *player, const uint8_t *data, size_t bytes,
		 struct player_result *result);

/** player_script() - the same with a script that the harness has bent. */
void player_script(struct player *player, const struct script *script,
		   struct player_result *result);

/* --- connection.c: create, attach, detach --- */

/* What a script wants of a connection; wrong is 0 or SCRIPT_ODD and more. */
struct connection {
	struct guest_shape shape;
	uint8_t wrong;
	bool go_on; /* keep the rings and their indices */
};

void connection_open(struct player *player);
void connection_close(struct player *player);
void connection_attach(struct player *player, const struct connection *wanted);
/** connection_detach() - memory and disk are the caller's to look at. */
void connection_detach(struct player *player);

/* --- turns.c: who runs, and when everybody is asleep --- */

void turns_run(struct player *player, unsigned int queue, unsigned int turns);
/** turns_run_all() - until nothing moves; then the oracles of rest look. */
void turns_run_all(struct player *player);
/** turns_idle() - at rest: time passes until no queue wants a timer. */
void turns_idle(struct player *player);

/* --- actions.c: the operations of a script --- */

void actions_do(struct player *player, const struct script_record *record);
/** actions_pattern() - the guest fills one sector of a page of its own. */
void actions_pattern(struct player *player, unsigned int page,
		     unsigned int sector, uint64_t seed);

/* --- build.c: a request from its record --- */

/* Where the requests of a queue lie, and the pages that go with a page. */
struct place {
	unsigned int page, pages; /* first, count */
	uint64_t sector, sectors;
};
struct place build_place(const struct player *player, unsigned int queue);

/** build_request() - false: in a straight play it has no place. */
bool build_request(struct player *player, const struct script_record *record,
		   struct guest_request *request);
