/* Pieces of memory and gaps between them.  See memory.h. */
#include "fuzz/blocks/memory.h"

#include <string.h>

#include "backend/base/check.h"
#include "backend/base/checked.h"
#include "fuzz/blocks/model.h"
#include "fuzz/bytes.h"

#define ARENA	(8u << 20)
#define NOBODYS 0xaa
#define BLOCK	0xffu

/* In sectors. */
static const struct {
	uint8_t start, piece, gap; /* piece 0: all; BLOCK: of the store */
} shapes[] = {
	{0, 0, 0}, {1, 0, 0},	      {1, 1, 1}, {0, 8, 0},
	{0, 8, 8}, {0, BLOCK, BLOCK}, {0, 3, 1}, {1, BLOCK, 0},
};

static struct {
	uint8_t bytes[ARENA + LIMIT_STORE_BLOCK];
	uint8_t *start; /* at the border of a block; NULL: never used */
	uint32_t used;
} arena;

/* What the play before has used is nobody's again. */
void memory_begin(void)
{
	if (arena.start == NULL) {
		arena.used = ARENA;
		arena.start = arena.bytes + LIMIT_STORE_BLOCK -
			      (uintptr_t)arena.bytes % LIMIT_STORE_BLOCK;
	}
	memset(arena.start, NOBODYS, arena.used);
	arena.used = 0;
}

bool memory_lay(struct memory *m, uint32_t block_bytes, uint32_t sectors,
		uint8_t how)
{
	const uint32_t block = block_bytes / SECTOR_BYTES;
	uint32_t piece = shapes[how % ARRAY_SIZE(shapes)].piece;
	uint32_t gap = shapes[how % ARRAY_SIZE(shapes)].gap;
	uint32_t at = shapes[how % ARRAY_SIZE(shapes)].start;
	uint32_t used = (arena.used + block_bytes - 1) & ~(block_bytes - 1);

	CHECK(sectors >= 1 && sectors <= MEMORY_SECTORS);
	piece = piece == BLOCK ? block : piece == 0 ? sectors : piece;
	gap = gap == BLOCK ? block : gap;
	m->start = arena.start + used;
	m->sectors = sectors;
	m->number = m->count = 0;
	for (uint32_t s = 0; s < sectors; s++, at++) {
		if (s > 0 && s % piece == 0)
			at += gap;
		if (used + (at + 2) * SECTOR_BYTES > ARENA)
			return false;
		m->at[s] = (uint16_t)at;
		if (s % piece == 0)
			m->iov[m->count++] = (struct iovec){
				.iov_base = m->start + at * SECTOR_BYTES};
		m->iov[m->count - 1].iov_len += SECTOR_BYTES;
	}
	/* Behind it, too, is a sector that is nobody's. */
	m->length = (at + 1) * SECTOR_BYTES;
	arena.used = used + m->length;
	return true;
}

void memory_fill(struct memory *m, uint32_t number, uint32_t sector)
{
	m->number = number;
	m->first = sector;
	for (uint32_t s = 0; s < m->sectors; s++)
		model_fill(number, sector + s,
			   m->start + m->at[s] * SECTOR_BYTES);
}

void memory_sector(const struct memory *m, uint32_t n,
		   uint8_t bytes[SECTOR_BYTES])
{
	CHECK(n < m->sectors);
	bytes_copy(bytes, m->start + m->at[n] * SECTOR_BYTES, SECTOR_BYTES);
}

static bool is_nobodys(const struct memory *m, uint32_t from, uint32_t to)
{
	uint8_t nobodys[SECTOR_BYTES];

	memset(nobodys, NOBODYS, sizeof(nobodys));
	for (uint32_t s = from; s < to; s++)
		if (!bytes_equal(m->start + s * SECTOR_BYTES, nobodys,
				 SECTOR_BYTES))
			return false;
	return true;
}

bool memory_is_kept(const struct memory *m)
{
	uint32_t at = 0;
	uint8_t bytes[SECTOR_BYTES];

	for (uint32_t s = 0; s < m->sectors && m->count > 0; s++) {
		if (!is_nobodys(m, at, m->at[s]))
			return false;
		at = m->at[s] + 1u;
		if (m->number == 0)
			continue;
		model_fill(m->number, m->first + s, bytes);
		if (!bytes_equal(bytes, m->start + m->at[s] * SECTOR_BYTES,
				 SECTOR_BYTES))
			return false;
	}
	return m->count == 0 || is_nobodys(m, at, m->length / SECTOR_BYTES);
}
