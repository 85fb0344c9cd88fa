/* The flips that are armed.  See flip.h. */
#include "fuzz/flip.h"

#include <stdbool.h>
#include <string.h>

#include "backend/base/check.h"

#define FLIPS	       4u
#define RESPONSE_BYTES 16u

static struct {
	bool armed[FLIPS];
	struct flip flip[FLIPS];
	unsigned int next, waiting;
} flips;

void flip_forget(void)
{
	memset(flips.armed, 0, sizeof(flips.armed));
	flips.next = flips.waiting = 0;
}

void flip_arm(const struct flip *flip)
{
	CHECK(flip->queue < GUEST_QUEUES);
	CHECK(flip->count >= 1 && flip->count <= FLIP_BYTES);
	flips.flip[flips.next] = *flip;
	flips.waiting += !flips.armed[flips.next];
	flips.armed[flips.next] = true;
	flips.next = (flips.next + 1) % FLIPS;
}

/* A response that the guest overwrites itself is none of the backend's doing.
 */
static bool is_answered(const struct guest *guest, const struct flip *flip)
{
	const size_t within =
		(flip->at - guest_slot_offset(guest, 0)) % guest->slot_bytes;
	const size_t slot = flip->at - within;

	return memcmp(guest_ring(guest, flip->queue) + slot,
		      guest->shadow[flip->queue] + slot, RESPONSE_BYTES) != 0;
}

static void strike(struct guest *guest, unsigned int i)
{
	const struct flip *flip = &flips.flip[i];

	flips.armed[i] = false;
	flips.waiting--;
	if (is_answered(guest, flip))
		return;
	guest_ring_write(guest, flip->queue, flip->at, flip->byte, flip->count);
}

void flip_at_load(struct guest *guest, unsigned int queue)
{
	if (flips.waiting == 0)
		return;
	for (unsigned int i = 0; i < FLIPS; i++) {
		struct flip *flip = &flips.flip[i];

		if (flips.armed[i] && flip->load > 0 && flip->queue == queue &&
		    --flip->load == 0)
			strike(guest, i);
	}
}

void flip_second_look(struct guest *guest, unsigned int queue, size_t at,
		      size_t count)
{
	for (unsigned int i = 0; i < FLIPS; i++) {
		const struct flip *flip = &flips.flip[i];

		if (flips.armed[i] && flip->load == 0 && flip->queue == queue &&
		    flip->at < at + count && at < flip->at + flip->count)
			strike(guest, i);
	}
}
