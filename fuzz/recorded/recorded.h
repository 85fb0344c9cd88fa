/*
 * Recordings of xenblkd as seeds: what real frontends did, in the form that the
 * harnesses read.
 *
 * A session is cut into pieces that fit into one input.  A piece is kept when it
 * shows something that no piece before it has shown (novelty.h), so that a
 * million requests of one kind leave a handful of seeds.  Called by
 * xenblk-script.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "conformance/recording/reader.h"
#include "fuzz/recorded/novelty.h"

/* Of one recording; each harness. */
#define RECORDED_SEEDS_MAX 256u

struct recorded_sink {
	/** write() - one seed of a harness; 0 or -errno. */
	int (*write)(void *context, const char *harness, const uint8_t *data,
		     size_t bytes);
	void *context;
};

struct recorded_counts {
	unsigned int ring;
	unsigned int handshake;
	unsigned int
		pieces; /* of the ring, those that showed nothing new too */
};

/**
 * recorded_seeds() - all seeds of a recording.
 *
 * Return: 0, -ENOMEM, or what the sink said.
 */
int recorded_seeds(const struct reader *reader,
		   const struct recorded_sink *sink,
		   struct recorded_counts *counts);
