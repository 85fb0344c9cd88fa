/*
 * A straight play: no two requests in flight ever meet, whoever runs when.
 *
 * What a script leads to then depends on its requests alone, not on the order
 * in which queues, completions and layouts let them happen; so two plays of it
 * can be compared byte for byte.  A request that would touch what another may
 * be using (one of them writing) waits until everything before it is answered;
 * so does a change of the guest's memory or grants.  Only what was placed
 * counts, never what the backend did so far: the same waits happen in every
 * play of the script.
 *
 * Called by build.c, actions.c and player.c while player->bend.place is
 * PLACE_STRAIGHT.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "fuzz/disk.h"
#include "fuzz/guest.h"

struct player;

struct straight {
	unsigned int placed; /* since the last wait */
	uint32_t sequence;   /* of requests in this play: the low half of ids */
	uint64_t disk_read[DISK_MAX_SECTORS / 64];
	uint64_t disk_written[DISK_MAX_SECTORS / 64];
	uint8_t page_read[GUEST_DATA_PAGES]; /* one bit for each sector */
	uint8_t page_written[GUEST_DATA_PAGES];
};

void straight_begin(struct straight *straight);

/** straight_settle() - everything that was placed is published and answered. */
void straight_settle(struct player *player);

/**
 * straight_admit() - note a request, after waiting if it must.
 * @plain: the same request with the pages that the guest fills before it
 *
 * Return: false for one whose effect no order makes certain; leave it out.
 */
bool straight_admit(struct player *player, const struct guest_request *plain,
		    const struct guest_request *request);

/** straight_guest_writes() - wait if somebody may be using that sector. */
void straight_guest_writes(struct player *player, unsigned int page,
			   unsigned int sector);
