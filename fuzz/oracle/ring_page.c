/*
 * The shared pages of a ring: a backend writes rsp_prod, req_event and the
 * bytes of its responses, and nothing else.
 */
#include <string.h>

#include "fuzz/bytes.h"
#include "fuzz/oracle/checks.h"
#include "fuzz/oracle/oracle.h"

void ring_page_check(struct model *model, unsigned int queue, uint32_t old,
		     uint32_t now)
{
	const uint8_t *ring = guest_ring(model->guest, queue);
	uint8_t *before = model->guest->shadow[queue];
	const size_t bytes = (size_t)XEN_PAGE_BYTES
			     << model->guest->shape.order;
	const size_t length = model->guest->shape.packed ? 12 : 16;
	size_t i = 0;

	memcpy(before + 4, ring + 4, 8); /* req_event, rsp_prod */
	for (; old != now; old++) {
		size_t at = guest_slot_offset(model->guest, old);

		memcpy(before + at, ring + at, length);
	}
	if (bytes_equal(before, ring, bytes))
		return;
	while (before[i] == ring[i])
		i++;
	oracle_fail(ORACLE_RING,
		    "queue %u: byte %zu of the ring was written, which is "
		    "neither an index of the backend nor a response",
		    queue, i);
}
