/*
 * What the backend publishes: its offer before the connection, the disk's
 * properties at its end.
 *
 * Numbers are decimal and absent nodes have defaults (A4, A6); nonsense is
 * refused with a sentence.  Called by handshake.c and by whoever does the steps
 * alone.
 */
#include <errno.h>
#include <stdlib.h>

#include <xen/io/xenbus.h>

#include "frontend/inside.h"

/* A decimal number of the backend's; absent means the default (A6). */
static int read_number(struct front *front, const char *key, uint64_t absent,
		       uint64_t *number)
{
	char *value = front_backend_read(front, key);
	char *end;
	int err = 0;

	*number = absent;
	if (!value)
		return 0;
	errno = 0;
	*number = strtoull(value, &end, 10);
	if (value[0] < '0' || value[0] > '9' || *end || errno)
		err = front_fail(front, -EPROTO,
				 "the backend published %s = \"%.64s\", which "
				 "is not a decimal number",
				 key, value);
	free(value);
	return err;
}

static int read_flag(struct front *front, const char *key, bool *flag)
{
	uint64_t number;
	int err = read_number(front, key, 0, &number);

	*flag = number != 0;
	return err;
}

/* F5: both schemes count, the larger one rules. */
static int read_ring_order(struct front *front, unsigned int *order)
{
	uint64_t by_order, pages = 1;
	int err = read_number(front, "max-ring-page-order", 0, &by_order);

	if (!err)
		err = read_number(front, "max-ring-pages", 1, &pages);
	if (err)
		return err;
	*order = by_order > 31 ? 31 : (unsigned int)by_order;
	if (pages > 1 && pages < INT32_MAX &&
	    (unsigned int)__builtin_ctzll(pages) > *order)
		*order = (unsigned int)__builtin_ctzll(pages);
	return 0;
}

int front_read_offer(struct front *front)
{
	struct front_properties *p = &front->properties;
	uint64_t queues;
	int err = read_number(front, "multi-queue-max-queues", 1, &queues);

	if (err)
		return err;
	p->max_queues = queues > UINT16_MAX ? UINT16_MAX : (unsigned int)queues;
	return read_ring_order(front, &p->max_ring_order);
}

/* E2, E3: with discard only; what is missing is one sector, and none. */
static int read_discard(struct front *front)
{
	struct front_properties *p = &front->properties;
	uint64_t granularity = 512, alignment = 0;
	int err = read_flag(front, "feature-discard", &p->feature_discard);

	p->discard_granularity = p->discard_alignment = 0;
	if (err || !p->feature_discard)
		return err;
	err = read_number(front, "discard-granularity", 512, &granularity);
	if (!err)
		err = read_number(front, "discard-alignment", 0, &alignment);
	if (!err && (granularity > UINT32_MAX || alignment > UINT32_MAX))
		return front_fail(front, -EPROTO,
				  "the backend published extents of %llu "
				  "bytes from byte %llu on for discards; both "
				  "are numbers of 32 bits",
				  (unsigned long long)granularity,
				  (unsigned long long)alignment);
	p->discard_granularity = (uint32_t)granularity;
	p->discard_alignment = (uint32_t)alignment;
	return err;
}

static int read_features(struct front *front)
{
	struct front_properties *p = &front->properties;
	uint64_t segments = 0;
	int err;

	err = read_flag(front, "feature-persistent", &p->feature_persistent);
	if (!err)
		err = read_flag(front, "feature-flush-cache",
				&p->feature_flush);
	if (!err)
		err = read_flag(front, "feature-barrier", &p->feature_barrier);
	if (!err)
		err = read_discard(front);
	if (!err)
		err = read_number(front, "feature-max-indirect-segments", 0,
				  &segments);
	if (!err)
		p->max_indirect_segments = (unsigned int)segments;
	return err;
}

/* Q1: without these, Linux gives the disk up. */
static int read_required(struct front *front, const char *key, uint64_t *number)
{
	int err = read_number(front, key, UINT64_MAX, number);

	if (!err && *number == UINT64_MAX)
		return front_fail(front, -EPROTO,
				  "the backend is connected but did not "
				  "publish %s",
				  key);
	return err;
}

bool front_told(struct front *front)
{
	struct front_properties *p = &front->properties;
	uint64_t sectors = 0, physical = 0;

	if (!front->told || front_backend_state(front) != XenbusStateConnected)
		return false;
	front->told = false;
	if (read_required(front, "sectors", &sectors) ||
	    read_number(front, "physical-sector-size", p->sector_size,
			&physical))
		return false;
	p->sectors = sectors;
	p->physical_sector_size = (uint32_t)physical;
	return true;
}

int front_read_properties(struct front *front)
{
	struct front_properties *p = &front->properties;
	uint64_t sectors = 0, bytes = 0, physical = 0, info = 0;
	int err = read_required(front, "sectors", &sectors);

	if (!err)
		err = read_required(front, "sector-size", &bytes);
	if (!err)
		err = read_required(front, "info", &info);
	if (!err)
		err = read_number(front, "physical-sector-size", bytes,
				  &physical);
	if (err)
		return err;
	if (bytes < 512 || (bytes & (bytes - 1)) || bytes > 1u << 20 ||
	    sectors > UINT64_MAX / 512)
		return front_fail(front, -EPROTO,
				  "the backend published %llu sectors and a "
				  "sector size of %llu",
				  (unsigned long long)sectors,
				  (unsigned long long)bytes);
	p->sectors = sectors;
	p->sector_size = (uint32_t)bytes;
	p->physical_sector_size = (uint32_t)physical;
	p->info = (uint32_t)info;
	return read_features(front);
}
