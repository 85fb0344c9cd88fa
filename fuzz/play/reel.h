/*
 * The reel: a tape in memory, record by record.
 *
 * Reads a whole file, checks that every record is whole and that its numbers
 * are within what a guest has (guest.h); so perform.c can trust them.  A tape
 * that was cut off or bent is refused with a sentence.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fuzz/tape.h"

struct reel {
	uint8_t *data;
	size_t bytes, at;
};

/** reel_load() - a file; 0, or -errno with a sentence in @why. */
int reel_load(struct reel *reel, const char *path, char *why, size_t room);
void reel_free(struct reel *reel);

/**
 * reel_next() - the next record, and its payload.
 *
 * Return: false after TAPE_END, which is not handed out.
 */
bool reel_next(struct reel *reel, struct tape_head *head,
	       const uint8_t **payload);
