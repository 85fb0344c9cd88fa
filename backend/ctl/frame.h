/*
 * Two moments of a daemon's counters, as the rows of a table of rates.
 *
 * Owns the earlier moment; what it prints goes to a stream.  Called by top.c,
 * which knows the terminal.
 */
#pragma once

#include <jansson.h>
#include <stdio.h>

struct frame;

/** frame_create() - with no moment yet; NULL when memory is short. */
struct frame *frame_create(void);
void frame_destroy(struct frame *frame);

/** frame_take() - the next moment: an answer to stats. */
void frame_take(struct frame *frame, json_t *answer);

/**
 * frame_print() - a head and one line per disk, the busiest first, and per
 * queue where more than one is in use.
 * @lines: at most so many, with the head
 * @columns: each cut to so many characters
 */
void frame_print(const struct frame *frame, FILE *to, unsigned int lines,
		 unsigned int columns);
