/* What an operation means, and what it comes to.  See op.h. */
#include "fuzz/blocks/op.h"

#include "fuzz/blocks/model.h"
#include "fuzz/blocks/queues.h"
#include "fuzz/oracle/oracle.h"

/* --- beginning --- */

static bool moves(const struct op *op)
{
	return op->what == IMAGE_READ || op->what == IMAGE_WRITE;
}

void op_place(struct op *op, const struct below_plan *plan,
	      const struct script_record *r, unsigned int k)
{
	const uint8_t length = script_u8(r, 4);
	uint32_t unit = 1, count;

	op->block = plan->block_bytes / SECTOR_BYTES;
	op->sector = op->sectors = 0;
	if (op->what == IMAGE_FLUSH)
		return;
	if (script_u8(r, 5) & BLOCKS_WHOLE)
		unit = op->block;
	count = length < SCRIPT_ODD ? 1 + length % 32u
				    : 32 + (length - SCRIPT_ODD) * 9u;
	count = (count + unit - 1) / unit * unit;
	if (count > MEMORY_SECTORS)
		count = MEMORY_SECTORS / unit * unit;
	if (count > plan->sectors)
		count = plan->sectors;
	op->sectors = count;
	op->sector = (script_u16(r, 2) + k * script_u8(r, 7)) %
		     (plan->sectors - count + 1);
	op->sector = op->sector / unit * unit;
}

/* A discard takes the whole blocks of its range. */
static struct model_range whole_blocks(const struct op *op)
{
	const uint32_t end = (op->sector + op->sectors) / op->block * op->block;
	struct model_range range = {.discard = true};

	range.sector = (op->sector + op->block - 1) / op->block * op->block;
	if (range.sector < end)
		range.sectors = end - range.sector;
	return range;
}

bool op_lay(struct op *op, const struct below_plan *plan, uint8_t how,
	    struct image_io *io)
{
	struct model_range range = {.sector = op->sector,
				    .sectors = op->sectors};

	op->number = 0;
	op->memory.count = 0;
	if (moves(op) &&
	    !memory_lay(&op->memory, plan->block_bytes, op->sectors, how))
		return false;
	*io = (struct image_io){.operation = op->what,
				.iov = op->memory.iov,
				.iov_count = op->memory.count};
	if (op->what != IMAGE_FLUSH)
		io->sector = plan->first + op->sector;
	if (op->what == IMAGE_DISCARD) {
		io->sectors = op->sectors;
		range = whole_blocks(op);
	}
	if (op->what != IMAGE_READ && range.sectors > 0)
		op->number = model_start(&range);
	op->began = model_now();
	for (uint32_t i = 0; i < op->sectors && moves(op); i++)
		op->since[i] = model_since(op->sector + i);
	if (op->what == IMAGE_WRITE)
		memory_fill(&op->memory, op->number, op->sector);
	return true;
}

/* --- end --- */

static bool concerns(const struct op *op, const struct below_failure *failure)
{
	const uint32_t first = op->sector / op->block * op->block;
	const uint32_t end = (op->sector + op->sectors + op->block - 1) /
			     op->block * op->block;
	const bool edge =
		failure->operation == IMAGE_READ && op->what == IMAGE_WRITE;

	if (failure->queue != op->queue || failure->when < op->began ||
	    !(edge || failure->operation == op->what))
		return false;
	return op->what == IMAGE_FLUSH ||
	       (failure->sector < end &&
		first < failure->sector + failure->sectors);
}

static bool has_failed(const struct op *op, int error)
{
	const struct below_failure *failure;
	const unsigned int count = below_failures(&failure);

	for (unsigned int i = 0; i < count; i++)
		if (failure[i].error == error && concerns(op, &failure[i]))
			return true;
	return false;
}

static void check_sectors(const struct op *op)
{
	uint8_t bytes[SECTOR_BYTES];

	for (uint32_t i = 0; i < op->sectors; i++) {
		memory_sector(&op->memory, i, bytes);
		if (!model_allows(op->sector + i, bytes, op->since[i]))
			oracle_fail(ORACLE_MEMORY,
				    "sector %u was read wrong, of %u from %u "
				    "on",
				    op->sector + i, op->sectors, op->sector);
	}
}

void op_over(struct op *op, int result, struct below_sums *sums)
{
	if (result != 0 && !has_failed(op, result))
		oracle_fail(ORACLE_RESPONSES,
			    "%u sectors from %u on came to %d, and the store "
			    "has not failed so there",
			    op->sectors, op->sector, result);
	op->busy = false;
	if (op->number != 0)
		model_over(op->number, result == 0);
	if (moves(op) && !memory_is_kept(&op->memory))
		oracle_fail(ORACLE_MEMORY,
			    "%u sectors from %u on: memory was written to that "
			    "nobody reads",
			    op->sectors, op->sector);
	if (op->what == IMAGE_READ && result == 0)
		check_sectors(op);
	if (result != 0)
		sums->failures++;
	else if (op->what == IMAGE_FLUSH)
		sums->flushes++;
	else if (op->what == IMAGE_DISCARD && op->number != 0)
		sums->discards++;
}
