/*
 * What a play left behind, for harnesses that compare it with another play.
 *
 * Taken from the player after player_script(); the differential oracles
 * (oracle/) compare two of them.  Costs what the play touched.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "fuzz/model.h"
#include "sim/sim.h"

struct player;

struct outcome {
	bool blind; /* the guest wrecked its rings: nothing is certain */
	struct sim_ledger work;
	uint64_t pace[GUEST_QUEUES];
	unsigned int answers;
	struct model_answer answer[MODEL_ANSWERS];
	uint64_t sectors;
	uint64_t touched[DISK_MAX_SECTORS / 64];
	uint32_t page_touched;
	uint8_t page[GUEST_DATA_PAGES][XEN_PAGE_BYTES];
	uint8_t bytes[DISK_MAX_SECTORS * SECTOR_BYTES];
};

void outcome_take(const struct player *player, struct outcome *outcome);

#define OUTCOME_UNANSWERED 1 /* in place of a status, which never is positive */

/* A difference between two outcomes, as far as a sentence needs it. */
struct outcome_difference {
	const char *what; /* "disk sector", ...; NULL: there is none */
	uint64_t where;
	int64_t one, other;
};

/* Of what is compared: pages and sectors below these bounds. */
struct outcome_part {
	unsigned int pages;
	uint64_t sectors;
};

/** outcome_data() - the first sector of disk or guest memory that differs. */
struct outcome_difference outcome_data(const struct outcome *a,
				       const struct outcome *b,
				       const struct outcome_part *part);

/**
 * outcome_statuses() - the first request that was answered otherwise, or only
 * once; requests are told by the low half of their ids (straight.h).
 */
struct outcome_difference outcome_statuses(const struct outcome *a,
					   const struct outcome *b);
