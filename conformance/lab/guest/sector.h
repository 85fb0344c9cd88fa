/*
 * What xenblk-lab-disk writes: every sector says who wrote it, where and when,
 * so that a wrong one can be told apart by how it is wrong.
 */
#pragma once

#include <stdint.h>

#define SECTOR_BYTES 512u

/** struct sector_id - what makes the content of a sector */
struct sector_id {
	uint64_t seed;
	uint64_t sector;     /* its place on the disk */
	uint32_t generation; /* counts the writes of this place, from 1 */
};

/**
 * enum sector_verdict - how a sector compares with what it should hold
 *
 *   RIGHT      every byte
 *   STALE      an older generation of this place: a write was lost
 *   EARLY      a newer generation than was ever written: an older run's
 *   MISPLACED  the content of another place
 *   TORN       the head of ours, the rest of something else
 *   FOREIGN    nothing of this run
 */
enum sector_verdict {
	SECTOR_RIGHT,
	SECTOR_STALE,
	SECTOR_EARLY,
	SECTOR_MISPLACED,
	SECTOR_TORN,
	SECTOR_FOREIGN,
	SECTOR_VERDICTS,
};

/** sector_fill() - the SECTOR_BYTES of this sector. */
void sector_fill(void *data, const struct sector_id *id);

/** sector_judge() - compares SECTOR_BYTES with what sector_fill() makes. */
enum sector_verdict sector_judge(const void *data, const struct sector_id *id);

/** sector_verdict_name() - one word for reports. */
const char *sector_verdict_name(enum sector_verdict verdict);

/** sector_mix() - the next number of a sequence (splitmix64). */
uint64_t sector_mix(uint64_t *state);
