/*
 * What a harness tells its driver beside "it did not crash".
 *
 * The replay driver prints and sums it (determinism, share of requests that
 * were served); under an engine it is a store of three words that nobody reads.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct target_report {
	uint64_t hash; /* of everything that happened: equal for equal input */
	uint64_t requests, okay;
};

extern struct target_report target_last;

static inline void target_report(uint64_t hash, uint64_t requests,
				 uint64_t okay)
{
	target_last = (struct target_report){hash, requests, okay};
}

/** target_fds() - descriptors that are open now: a play leaves no more of them. */
unsigned int target_fds(void);
