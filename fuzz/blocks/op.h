/*
 * One operation of a queue: which sectors and what memory it means, and what it
 * must come to.
 *
 * It is over once, with an error only of the store's and of its own blocks; what
 * it has read is what the model allows; memory beside its own is as it was.
 * Called by queues.c only.
 */
#pragma once

#include "fuzz/blocks/below.h"
#include "fuzz/blocks/memory.h"
#include "fuzz/script.h"

struct op {
	bool busy;
	enum image_operation what;
	unsigned int queue;
	uint32_t block; /* of the store, in sectors */
	uint32_t sector, sectors;
	uint32_t number; /* of the model; 0: changes nothing */
	uint32_t began;
	struct memory memory;
	uint32_t since[MEMORY_SECTORS]; /* model_since() when it began */
};

/** op_place() - the sectors that a record means, the k-th time. */
void op_place(struct op *op, const struct below_plan *plan,
	      const struct script_record *record, unsigned int k);

/** op_lay() - its memory, and all of @io but the tag; it begins.  False: there is
 * no memory. */
bool op_lay(struct op *op, const struct below_plan *plan, uint8_t how,
	    struct image_io *io);

/** op_over() - it came to this. */
void op_over(struct op *op, int result, struct below_sums *sums);
