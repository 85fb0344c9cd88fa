/* Which byte was looked at when, and what stood there.  See refetch.h. */
#include "fuzz/oracle/refetch.h"

#include <string.h>

#include "fuzz/flip.h"
#include "fuzz/model.h"
#include "fuzz/oracle/oracle.h"

#define LOOKS_BYTES  (LIMIT_RING_PAGES * XEN_PAGE_BYTES)
#define HEADER_BYTES 64u

struct looks {
	uint8_t looked[LOOKS_BYTES];	  /* in this epoch */
	uint8_t seen[LOOKS_BYTES];	  /* what stood there */
	uint64_t epoch[LIMIT_RING_SLOTS]; /* index + 1; 0: none yet */
};

static struct {
	struct looks ring[GUEST_QUEUES];
	uint32_t touched; /* data pages that were looked at or named */
	uint8_t most[GUEST_DATA_PAGES];	  /* looks at any one byte */
	uint16_t names[GUEST_DATA_PAGES]; /* requests' segments */
	uint8_t count[GUEST_DATA_PAGES][XEN_PAGE_BYTES];
} refetch;

/* --- rings --- */

void refetch_connect(unsigned int queue, size_t bytes)
{
	struct looks *looks = &refetch.ring[queue];

	memset(looks->looked, 0, bytes);
	memset(looks->epoch, 0, sizeof(looks->epoch));
}

void refetch_epochs(const struct model *model, unsigned int queue,
		    uint32_t first, uint32_t end)
{
	const struct guest *guest = model->guest;
	struct looks *looks = &refetch.ring[queue];

	for (uint32_t i = first; i != end; i++) {
		uint64_t *epoch = &looks->epoch[i & (guest->slots - 1)];

		if (*epoch == (uint64_t)i + 1)
			continue;
		*epoch = (uint64_t)i + 1;
		memset(looks->looked + guest_slot_offset(guest, i), 0,
		       guest->slot_bytes);
	}
}

static bool looked_before(const struct looks *looks, size_t at, size_t bytes,
			  size_t *first)
{
	for (size_t i = at; i < at + bytes; i++)
		if (looks->looked[i]) {
			*first = i;
			return true;
		}
	return false;
}

/* req_prod, req_event; rsp_event. */
static bool is_free(size_t at)
{
	return at < 8 || (at >= 12 && at < 16);
}

static void object(const struct model *model, unsigned int queue, size_t at)
{
	const struct guest *guest = model->guest;
	const size_t slot = (at - HEADER_BYTES) / guest->slot_bytes;

	if (model->blind)
		return;
	if (at < HEADER_BYTES || slot >= guest->slots)
		oracle_fail(ORACLE_REFETCH,
			    "queue %u: byte %zu of the ring was read twice in "
			    "one connection",
			    queue, at);
	else
		oracle_fail(ORACLE_REFETCH,
			    "queue %u: byte %zu of the request in slot %zu was "
			    "read a second time: the guest may have changed it",
			    queue, (at - HEADER_BYTES) % guest->slot_bytes,
			    slot);
}

/* The first look at a whole word, which nearly all are: true if it is one.
 * Thousands of times in a play, of tables of our own: without a sanitizer. */
__attribute__((no_sanitize("address", "undefined"))) static bool first_word(
	struct looks *looks, const uint8_t *ring, size_t at, size_t bytes)
{
	uint32_t *looked = (uint32_t *)(void *)(looks->looked + at);

	if (bytes != 4 || at % 4 != 0 || *looked != 0)
		return false;
	*looked = 0x01010101;
	*(uint32_t *)(void *)(looks->seen + at) =
		*(const uint32_t *)(const void *)(ring + at);
	return true;
}

void refetch_ring(struct model *model, unsigned int queue, size_t at,
		  size_t bytes)
{
	struct looks *looks = &refetch.ring[queue];
	size_t again;

	flip_at_load(model->guest, queue);
	if (is_free(at) ||
	    first_word(looks, guest_ring(model->guest, queue), at, bytes))
		return;
	if (looked_before(looks, at, bytes, &again)) {
		flip_second_look(model->guest, queue, again,
				 at + bytes - again);
		object(model, queue, again);
	}
	for (size_t i = at; i < at + bytes; i++) {
		if (looks->looked[i])
			continue;
		looks->looked[i] = 1;
		looks->seen[i] = guest_ring(model->guest, queue)[i];
	}
}

void refetch_slot(const struct model *model, unsigned int queue, uint32_t index,
		  uint8_t *slot)
{
	const struct guest *guest = model->guest;
	const struct looks *looks = &refetch.ring[queue];
	const size_t at = guest_slot_offset(guest, index);

	memcpy(slot, guest->shadow[queue] + at, guest->slot_bytes);
	if (looks->epoch[index & (guest->slots - 1)] != (uint64_t)index + 1)
		return;
	for (size_t i = 0; i < guest->slot_bytes; i++)
		if (looks->looked[at + i])
			slot[i] = looks->seen[at + i];
}

/* --- data pages --- */

static void forget_page(unsigned int page)
{
	if (refetch.most[page] > 0)
		memset(refetch.count[page], 0, sizeof(refetch.count[page]));
	refetch.most[page] = 0;
	refetch.names[page] = 0;
	refetch.touched &= ~(1u << page);
}

void refetch_begin(void)
{
	for (unsigned int p = 0; p < GUEST_DATA_PAGES; p++)
		forget_page(p);
	flip_forget();
}

/* Whole pages, for every write of a play: without a branch, so that the vector
 * unit can do it, and without a sanitizer. */
__attribute__((no_sanitize("address", "undefined"))) static uint8_t count_up(
	uint8_t *count, size_t bytes)
{
	uint8_t most = 0;

	for (size_t i = 0; i < bytes; i++) {
		uint8_t now = (uint8_t)(count[i] + (count[i] < UINT8_MAX));

		count[i] = now;
		most = now > most ? now : most;
	}
	return most;
}

void refetch_data(unsigned int page, size_t at, size_t bytes)
{
	uint8_t most = count_up(refetch.count[page] + at, bytes);

	refetch.touched |= 1u << page;
	if (most > refetch.most[page])
		refetch.most[page] = most;
}

void refetch_named(uint32_t pages)
{
	refetch.touched |= pages;
	for (unsigned int p = 0; p < GUEST_DATA_PAGES; p++)
		if ((pages >> p & 1) != 0)
			refetch.names[p]++;
}

void refetch_check(const struct model *model)
{
	if (model->blind)
		return;
	for (uint32_t left = refetch.touched; left != 0; left &= left - 1) {
		unsigned int p = (unsigned int)__builtin_ctz(left);

		if (refetch.most[p] > refetch.names[p] &&
		    refetch.most[p] < UINT8_MAX)
			oracle_fail(ORACLE_REFETCH,
				    "a byte of guest page %u was read %u times "
				    "for %u segments that name the page",
				    p, refetch.most[p], refetch.names[p]);
	}
}

void refetch_settle(const struct model *model)
{
	for (uint32_t left = refetch.touched; left != 0; left &= left - 1) {
		unsigned int p = (unsigned int)__builtin_ctz(left);

		if (!model_page_busy(model, p))
			forget_page(p);
	}
}
