/* The reference decoder, from the protocol's text.  See reference.h. */
#include "fuzz/oracle/reference.h"

static uint64_t number(const uint8_t *at, unsigned int bytes)
{
	uint64_t value = 0;

	for (unsigned int i = 0; i < bytes; i++)
		value += (uint64_t)at[i] << (8 * i);
	return value;
}

size_t reference_slot_bytes(bool packed)
{
	return packed ? 108 : 112;
}

static int read_segments(const uint8_t *at, unsigned int count,
			 struct reference *r)
{
	for (unsigned int i = 0; i < count; i++, at += 8) {
		r->segment[i].gref = (uint32_t)number(at, 4);
		r->segment[i].first = at[4];
		r->segment[i].last = at[5];
		/* a page has sectors 0 to 7 */
		if (at[4] > 7 || at[5] > 7 || at[4] > at[5])
			return -1;
		r->sectors += at[5] - at[4] + 1u;
	}
	r->segments = count;
	return 0;
}

static int fits(const struct reference_rules *rules, const struct reference *r)
{
	if (r->sectors > rules->sectors)
		return -1;
	return r->sector > rules->sectors - r->sectors ? -1 : 0;
}

static int judge(const uint8_t *slot, const struct reference_rules *rules,
		 struct reference *r)
{
	unsigned int count = slot[1];

	if (r->kind == REFERENCE_OTHER)
		return -2;
	if (count > REFERENCE_SEGMENTS)
		return -1;
	if (count == 0)
		return r->kind == REFERENCE_FLUSH ||
				       r->kind == REFERENCE_BARRIER
			       ? 0
			       : -1;
	if (rules->readonly && r->kind != REFERENCE_READ)
		return -1;
	if (read_segments(slot + (rules->packed ? 20 : 24), count, r) != 0)
		return -1;
	return fits(rules, r);
}

/* A discard names a range and nothing else; any range of the disk will do. */
static int judge_discard(const uint8_t *slot,
			 const struct reference_rules *rules,
			 struct reference *r)
{
	const uint64_t count = number(slot + (rules->packed ? 20 : 24), 8);

	r->kind = REFERENCE_DISCARD;
	if (rules->readonly || count > rules->sectors)
		return -1;
	if (r->sector > rules->sectors - count)
		return -1;
	r->extent = count;
	return 0;
}

/* An indirect request: what the slot says of it. */
static int judge_indirect(const uint8_t *slot,
			  const struct reference_rules *rules,
			  struct reference *r)
{
	unsigned int count = (unsigned int)number(slot + 2, 2);

	r->operation = slot[1];
	r->kind = slot[1] == 0 ? REFERENCE_READ : REFERENCE_WRITE;
	if (slot[1] > 1 || count == 0 || count > REFERENCE_MOST)
		return -1;
	if (rules->readonly && slot[1] == 1)
		return -1;
	/* behind the handle and two bytes of nothing */
	r->list = (uint32_t)number(slot + (rules->packed ? 24 : 28), 4);
	r->described = count;
	return 0;
}

void reference_describe(const uint8_t *page,
			const struct reference_rules *rules,
			struct reference *r)
{
	r->status = read_segments(page, r->described, r);
	if (r->status == 0)
		r->status = fits(rules, r);
	if (r->status != 0)
		r->segments = 0;
}

void reference_decode(const uint8_t *slot, const struct reference_rules *rules,
		      struct reference *r)
{
	r->operation = slot[0];
	r->kind = slot[0] == 0			   ? REFERENCE_READ
		  : slot[0] == 1		   ? REFERENCE_WRITE
		  : slot[0] == 3		   ? REFERENCE_FLUSH
		  : slot[0] == 2 && rules->barrier ? REFERENCE_BARRIER
						   : REFERENCE_OTHER;
	r->id = number(slot + (rules->packed ? 4 : 8), 8);
	r->sector = number(slot + (rules->packed ? 12 : 16), 8);
	r->segments = 0;
	r->sectors = 0;
	r->extent = 0;
	r->described = 0;
	if (slot[0] == 6 && rules->indirect)
		r->status = judge_indirect(slot, rules, r);
	else if (slot[0] == 5 && rules->discard)
		r->status = judge_discard(slot, rules, r);
	else
		r->status = judge(slot, rules, r);
	if (r->status != 0)
		r->segments = 0;
}
