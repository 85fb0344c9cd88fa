/*
 * Verification of a load: stamps on what is written, a look at what is read.
 *
 * Keeps the generation of every unit of a driver's part, and which units are in
 * flight.  Called by driver.c, only when data is verified.
 */
#include "frontend/driver.h"
#include "frontend/verify.h"

/* Where sector i of a request lies in its pages. */
static void *slot_sector(const struct driver_slot *slot, uint32_t i)
{
	return (uint8_t *)slot->page[i / 8].data + i % 8 * VERIFY_SECTOR_BYTES;
}

static void stamp_write(struct driver *driver, struct driver_slot *slot)
{
	uint32_t *state = &driver->state[slot->unit];
	struct verify_stamp stamp = {.seed = driver->options->seed};
	uint32_t newest = 0;

	for (uint64_t i = 0; i < driver_slot_units(driver, slot); i++)
		if ((state[i] & ~DRIVER_FLAGS) > newest)
			newest = state[i] & ~DRIVER_FLAGS;
	slot->generation = (newest + 1) & ~DRIVER_FLAGS;
	stamp.generation = slot->generation;
	for (uint32_t i = 0; i < slot->bytes / VERIFY_SECTOR_BYTES; i++) {
		stamp.sector = slot->request.sector + i;
		verify_fill(slot_sector(slot, i), &stamp);
	}
}

void driver_stamp(struct driver *driver, struct driver_slot *slot)
{
	if (driver_writes(slot->operation))
		stamp_write(driver, slot);
	for (uint64_t i = 0; i < driver_slot_units(driver, slot); i++)
		driver->state[slot->unit + i] |= DRIVER_BUSY;
}

static void check_sector(struct driver *driver, const struct driver_slot *slot,
			 uint32_t i)
{
	uint64_t unit =
		slot->unit + i / (driver->unit_bytes / VERIFY_SECTOR_BYTES);
	struct verify_stamp stamp = {
		.sector = slot->request.sector + i,
		.generation = driver->state[unit] & ~DRIVER_FLAGS,
		.seed = driver->options->seed,
	};
	struct load_result *result = &driver->result;

	if (!stamp.generation || driver->state[unit] & DRIVER_UNKNOWN)
		return;
	result->verified++;
	if (verify_matches(slot_sector(slot, i), &stamp))
		return;
	if (!result->complaint[0])
		verify_complain(slot_sector(slot, i), &stamp, result->complaint,
				sizeof(result->complaint));
	result->mismatches++;
}

void driver_check(struct driver *driver, const struct driver_slot *slot,
		  bool okay)
{
	const bool is_write = driver_writes(slot->operation);
	const bool is_read = slot->operation == DRIVER_READ;
	uint32_t *state = &driver->state[slot->unit];

	for (uint32_t i = 0;
	     okay && is_read && i * VERIFY_SECTOR_BYTES < slot->bytes; i++)
		check_sector(driver, slot, i);
	for (uint64_t i = 0; i < driver_slot_units(driver, slot); i++) {
		state[i] &= ~DRIVER_BUSY;
		if (is_write)
			state[i] = slot->generation;
		/* A failed write may have changed some of it; a discard may
		 * leave some of it, and the rest need not be zeroes. */
		if ((is_write && !okay) || slot->operation == DRIVER_DISCARD)
			state[i] |= DRIVER_UNKNOWN;
	}
}
