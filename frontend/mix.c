/*
 * What the next request of a load is: its kind, its size and its place.
 *
 * Called by driver.c with a slot that is free. Draws random numbers in one order
 * for one seed, so that a load can be repeated.
 */
#include "frontend/driver.h"
#include "frontend/verify.h"

#define PICK_TRIES 16u

static uint64_t next_random(struct driver *driver)
{
	uint64_t x = driver->random;

	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	return driver->random = x;
}

/* A number below the bound, without a division. */
static uint64_t random_below(struct driver *driver, uint64_t bound)
{
	return (uint64_t)((unsigned __int128)next_random(driver) * bound >> 64);
}

static uint32_t pick_bytes(struct driver *driver)
{
	const struct load_options *options = driver->options;
	uint32_t ticket, i = 0;

	if (!options->sizes)
		return options->block_bytes;
	ticket = (uint32_t)random_below(driver, driver->weights);
	while (ticket >= options->size[i].weight)
		ticket -= options->size[i++].weight;
	return options->size[i].bytes;
}

static uint64_t pick_unit(struct driver *driver, uint64_t units)
{
	uint64_t unit;

	if (!driver->options->sequential)
		return random_below(driver, driver->units - units + 1);
	if (driver->cursor + units > driver->units)
		driver->cursor = 0;
	unit = driver->cursor;
	driver->cursor += units;
	return unit;
}

/* Two requests in flight on one sector have no order: keep them apart. */
static bool is_busy(const struct driver *driver, uint64_t unit, uint64_t units)
{
	uint32_t any = 0;

	if (!driver->state)
		return false;
	for (uint64_t i = 0; i < units; i++)
		any |= driver->state[unit + i];
	return any & DRIVER_BUSY;
}

static bool pick_place(struct driver *driver, struct driver_slot *slot)
{
	for (unsigned int i = 0; i < PICK_TRIES; i++) {
		slot->bytes = pick_bytes(driver);
		slot->unit = pick_unit(driver, driver_slot_units(driver, slot));
		if (!is_busy(driver, slot->unit,
			     driver_slot_units(driver, slot)))
			return true;
	}
	return false;
}

/* One draw for the rare kinds together, and none where there are none. */
static uint8_t pick_operation(struct driver *driver)
{
	const struct load_options *o = driver->options;
	const unsigned int special =
		o->flush_percent + o->barrier_percent + o->discard_percent;
	uint64_t ticket = special > 0 ? random_below(driver, 100) : 100;

	if (ticket < o->flush_percent)
		return DRIVER_FLUSH;
	if (ticket < o->flush_percent + o->barrier_percent)
		return DRIVER_BARRIER;
	if (ticket < special)
		return DRIVER_DISCARD;
	if (o->write_percent > 0 &&
	    random_below(driver, 100) < o->write_percent)
		return DRIVER_WRITE;
	return DRIVER_READ;
}

void driver_segment(struct driver_slot *slot, unsigned int i,
		    uint8_t last_sector)
{
	const struct front_segment segment = {
		.gref = slot->page[i].gref,
		.last_sector = last_sector,
	};

	if (slot->list.data)
		front_describe(slot->list.data, i, &segment);
	if (i < FRONT_MAX_SEGMENTS)
		slot->request.segment[i] = segment;
}

/* Pages are full but the last, which ends where the request ends. */
static void shape_data(struct driver_slot *slot)
{
	struct front_request *request = &slot->request;
	uint32_t sectors = slot->bytes / VERIFY_SECTOR_BYTES;
	unsigned int last = (sectors - 1) / 8;

	if (slot->last != last)
		driver_segment(slot, slot->last, 7);
	slot->last = last;
	driver_segment(slot, last, (uint8_t)((sectors - 1) % 8));
	/* Indirect barriers are nobody's: blkfront sends none, either. */
	if (last >= FRONT_MAX_SEGMENTS && slot->operation == DRIVER_BARRIER)
		slot->operation = DRIVER_WRITE;
	request->segments = (uint8_t)(last + 1);
	request->indirect_segments = (uint16_t)(last + 1);
	request->indirect_operation = slot->operation;
	request->operation =
		last < FRONT_MAX_SEGMENTS ? slot->operation : DRIVER_INDIRECT;
}

/* Neither has pages. */
static void shape_bare(struct driver_slot *slot)
{
	slot->request.segments = 0;
	slot->request.operation = slot->operation;
	slot->request.discard_flag = 0;
	slot->request.discard_sectors = slot->bytes / VERIFY_SECTOR_BYTES;
}

bool driver_pick(struct driver *driver, struct driver_slot *slot)
{
	uint8_t operation = pick_operation(driver);

	if (operation == DRIVER_FLUSH) {
		slot->bytes = 0;
		slot->unit = 0;
	} else if (!pick_place(driver, slot)) {
		return false;
	}
	slot->operation = operation;
	slot->request.sector =
		driver->start +
		slot->unit * (driver->unit_bytes / VERIFY_SECTOR_BYTES);
	if (operation == DRIVER_FLUSH || operation == DRIVER_DISCARD)
		shape_bare(slot);
	else
		shape_data(slot);
	return true;
}
