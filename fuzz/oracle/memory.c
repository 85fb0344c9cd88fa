/*
 * Guest memory, byte for byte: a read brings exactly what the disk holds to
 * exactly where it was asked for; a failed read leaves old bytes, zeroes or the
 * right ones, never anything else; nothing else changes, in this guest or in
 * another.
 */
#include <string.h>

#include "fuzz/bytes.h"
#include "fuzz/oracle/checks.h"
#include "fuzz/oracle/oracle.h"

static const uint8_t zeroes[SECTOR_BYTES];

/* One sector of a read's target. */
struct target {
	const uint8_t *real, *disk;
	uint8_t *model;
	unsigned int page, sector;
};

static bool target_legal(const struct target *t, int status)
{
	if (bytes_equal(t->real, t->disk, SECTOR_BYTES))
		return true;
	if (status == 0)
		return false;
	return bytes_equal(t->real, t->model, SECTOR_BYTES) ||
	       bytes_equal(t->real, zeroes, SECTOR_BYTES);
}

static void check_segment(struct model *model, const struct expected *e,
			  unsigned int i, uint64_t at, int status)
{
	for (unsigned int p = 0; p < GUEST_DATA_PAGES; p++) {
		if ((e->pages[i] >> p & 1) == 0)
			continue;
		model->page_touched |= 1u << p;
		for (unsigned int s = e->request.segment[i].first;
		     s <= e->request.segment[i].last; s++) {
			uint64_t from = at + s - e->request.segment[i].first;
			struct target t = {
				.real = model->guest->memory +
					p * XEN_PAGE_BYTES + s * SECTOR_BYTES,
				.disk = model->bytes + from * SECTOR_BYTES,
				.model = model->page[p] + s * SECTOR_BYTES,
				.page = p,
				.sector = s,
			};

			if (!e->loose && !target_legal(&t, status))
				oracle_fail(ORACLE_MEMORY,
					    "a read of disk sector %llu, "
					    "answered %d, left something else "
					    "in sector %u of guest page %u",
					    (unsigned long long)from, status, s,
					    p);
			bytes_copy(t.model, t.real, SECTOR_BYTES);
		}
	}
}

void memory_check(struct model *model, const struct expected *e, int status)
{
	uint64_t at = e->request.sector;

	if (e->request.kind != REFERENCE_READ)
		return;
	for (unsigned int i = 0; i < e->request.segments; i++) {
		check_segment(model, e, i, at, status);
		at += e->request.segment[i].last - e->request.segment[i].first +
		      1u;
	}
}

static unsigned int first_difference(const uint8_t *a, const uint8_t *b)
{
	unsigned int i = 0;

	while (i < XEN_PAGE_BYTES - 1 && a[i] == b[i])
		i++;
	return i;
}

void memory_check_all(const struct model *model)
{
	static uint8_t canary[XEN_PAGE_BYTES];

	if (canary[0] == 0)
		memset(canary, 0xc5, sizeof(canary));
	for (uint32_t p = 0; p < OTHER_PAGES; p++)
		if (!bytes_equal(sim_guest_page(OTHER_DOMID, p), canary,
				 XEN_PAGE_BYTES))
			oracle_fail(ORACLE_MEMORY,
				    "page %u of another guest has changed", p);
	if (model->blind)
		return;
	for (unsigned int p = 0; p < GUEST_DATA_PAGES; p++) {
		const uint8_t *real = model->guest->memory + p * XEN_PAGE_BYTES;

		if (!bytes_equal(real, model->page[p], XEN_PAGE_BYTES))
			oracle_fail(ORACLE_MEMORY,
				    "byte %u of guest page %u has changed, and "
				    "no request asked for it",
				    first_difference(real, model->page[p]), p);
	}
}
