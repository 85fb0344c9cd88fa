/*
 * Flips: the guest changes bytes of a request while the backend looks at them.
 *
 * A script arms them (FLIP, FLIP-AT); refetch.c tells when the backend looks,
 * just before it does.  A flip strikes once.  One that waits for a second look
 * never strikes on a backend that looks once, and changes nothing; one that
 * waits for the k-th load of a queue's ring is an ordinary store of the guest's
 * at a moment that no other operation can choose.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "fuzz/guest.h"

#define FLIP_BYTES 8u

struct flip {
	unsigned int queue;
	uint32_t
		load; /* strikes at the load with this number; 0: second look */
	size_t at;    /* in the ring */
	size_t count; /* at most FLIP_BYTES */
	uint8_t byte[FLIP_BYTES];
};

/** flip_forget() - none is armed. */
void flip_forget(void);

/** flip_arm() - the oldest makes room. */
void flip_arm(const struct flip *flip);

/** flip_at_load() - this queue's ring is about to be read. */
void flip_at_load(struct guest *guest, unsigned int queue);

/** flip_second_look() - these bytes are about to be read again. */
void flip_second_look(struct guest *guest, unsigned int queue, size_t at,
		      size_t count);
