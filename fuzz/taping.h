/*
 * Taping: what a play does and sees goes onto a tape (tape.h).
 *
 * The guest, the model and the scheduler call in here at every step that a real
 * guest can take or see; without a tape (guest->tape is NULL, as in every
 * harness) nothing happens.  Keeps which sectors of memory and disk are
 * certain: what loose requests moved (model.h) is known to this play alone, and
 * whoever plays the tape may find other bytes there.
 *
 * Used with a prompt play (prompt.h).
 */
#pragma once

#include <stdbool.h>
#include <stdio.h>

#include "fuzz/model.h"
#include "fuzz/oracle/checks.h"
#include "fuzz/tape.h"

struct tape;

/** taping_begin() - an empty tape for this guest, whose grants are as booted.
 */
void taping_begin(struct model *model, FILE *to);

/** taping_end() - the disk as it is, and the end; 0 or -errno of the stream. */
int taping_end(struct model *model);

/* --- what the guest does --- */

void taping_rings(const struct guest *guest, bool fresh);
void taping_connect(const struct guest *guest, enum tape_wrong wrong,
		    bool refused);
void taping_detach(const struct guest *guest);
void taping_ring(const struct guest *guest, unsigned int queue, size_t at,
		 const void *bytes, size_t count);
void taping_kick(const struct guest *guest, unsigned int queue);
void taping_memory(const struct guest *guest, unsigned int page,
		   unsigned int at, const uint8_t *bytes, unsigned int count);
void taping_grant(const struct guest *guest, uint32_t gref, unsigned int page,
		  bool readonly);
void taping_grant_end(const struct guest *guest, uint32_t gref);

/* --- what the backend does --- */

/* How a response answers the request that was expected. */
struct taping_answer {
	unsigned int queue;
	uint32_t index;
	const struct response *response;
	const struct expected *expected;
};
void taping_answer(const struct guest *guest,
		   const struct taping_answer *answer);

/** taping_rests() - the backend runs until nothing moves ... */
void taping_rests(const struct guest *guest);
/** taping_rested() - ... and this is what there is to see then. */
void taping_rested(const struct model *model);

void taping_halt(const struct guest *guest);
/** taping_blind() - what comes now no model can tell. */
void taping_blind(const struct guest *guest);
