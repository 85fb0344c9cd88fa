/*
 * One response per request: its own id and operation, a status that the request
 * can lead to, zeroes in the padding (XSA-216).
 */
#include <string.h>

#include "fuzz/oracle/checks.h"
#include "fuzz/oracle/oracle.h"

static uint64_t hash(uint64_t h, const uint8_t *bytes, unsigned int count)
{
	for (unsigned int i = 0; i < count; i++)
		h = (h ^ bytes[i]) * UINT64_C(0x100000001b3);
	return h;
}

void response_read(struct model *model, unsigned int queue, uint32_t index,
		   struct response *response)
{
	const uint8_t *slot = guest_ring(model->guest, queue) +
			      guest_slot_offset(model->guest, index);
	unsigned int length = model->guest->shape.packed ? 12 : 16;

	memcpy(&response->id, slot, 8);
	response->operation = slot[8];
	memcpy(&response->status, slot + 10, 2);
	response->padded_with_zeroes = slot[9] == 0;
	for (unsigned int i = 12; i < length; i++)
		if (slot[i] != 0)
			response->padded_with_zeroes = false;
	model->response_hash = hash(model->response_hash + queue, slot, length);
}

static bool is_legal(const struct expected *e, int status)
{
	switch (status) {
	case 0:
		return (e->legal & LEGAL_OKAY) != 0;
	case -1:
		return (e->legal & LEGAL_ERROR) != 0;
	case -2:
		return (e->legal & LEGAL_UNSUPPORTED) != 0;
	default:
		return false;
	}
}

/*
 * How well a request fits a response; 0: not at all.
 *
 * What was not done cannot have succeeded.  Of two that may have failed, the
 * one that must have: else it would be left for a response that says OKAY.
 */
static unsigned int fit(const struct expected *e, const struct response *r)
{
	const unsigned int delivered = e->delivered;
	const unsigned int certain = (e->legal & (e->legal - 1)) == 0;

	if (e->answered || e->request.id != r->id)
		return 0;
	if (e->request.operation != r->operation)
		return 1;
	if (!is_legal(e, r->status))
		return 2;
	if (r->status == 0)
		return 3 + 2 * delivered + certain;
	return 3 + 4 * certain + 2 * delivered + (unsigned int)e->bad_grant;
}

/* Ids may repeat, the guest chooses them: the best fit counts. */
static struct expected *find(struct model_queue *q, const struct response *r)
{
	struct expected *best = NULL;
	unsigned int most = 0;

	for (unsigned int i = 0; i < q->count; i++) {
		unsigned int now = fit(&q->expected[i], r);

		if (now > most) {
			best = &q->expected[i];
			most = now;
		}
	}
	return best;
}

struct expected *response_match(struct model *model, unsigned int queue,
				const struct response *r)
{
	struct expected *e = find(&model->queue[queue], r);

	if (e == NULL) {
		oracle_fail(ORACLE_RESPONSES,
			    "queue %u: a response with id %#llx, which no "
			    "request in flight has",
			    queue, (unsigned long long)r->id);
		model->blind = true;
		return NULL;
	}
	if (e->request.operation != r->operation)
		oracle_fail(ORACLE_RESPONSES,
			    "queue %u: request %#llx had operation %u, its "
			    "response says %u",
			    queue, (unsigned long long)r->id,
			    e->request.operation, r->operation);
	else if (!is_legal(e, r->status))
		oracle_fail(ORACLE_RESPONSES,
			    "queue %u: request %#llx (operation %u, %u "
			    "segments, sector %llu) was answered %d; legal "
			    "are:%s%s%s",
			    queue, (unsigned long long)r->id, r->operation,
			    e->request.segments,
			    (unsigned long long)e->request.sector, r->status,
			    (e->legal & LEGAL_OKAY) ? " 0" : "",
			    (e->legal & LEGAL_ERROR) ? " -1" : "",
			    (e->legal & LEGAL_UNSUPPORTED) ? " -2" : "");
	if (!r->padded_with_zeroes)
		oracle_fail(ORACLE_RESPONSES,
			    "queue %u: the response to %#llx carries something "
			    "in its padding",
			    queue, (unsigned long long)r->id);
	return e;
}
