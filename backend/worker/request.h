/*
 * Decoding: from what a guest wrote to a request that is safe to carry out, or
 * to the name of what is wrong with it.
 *
 * Pure: no allocation, no log, no Xen call, no shared memory.  Everything
 * behind this function may rely on what it checked; nothing behind it checks
 * again but by CHECK.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "backend/base/inflight.h"
#include "backend/base/refusals.h"
#include "backend/worker/abi.h"

struct request_rules {
	uint64_t capacity_sectors;
	bool readonly;
	bool barrier;	       /* write barriers were offered */
	unsigned int indirect; /* segments that were offered; 0: no such
				  requests */
	bool discard;	       /* such requests were offered */
};

/**
 * request_decode() - check one slot against the rules of this disk.
 * @request: id and operation are set even when refused, for the response
 *
 * Clauses: I1, I7, I8, I12, J1, J3, J6, J7, J9, K2, K5, K7, K13, Q7, Q20.
 * Return: REFUSAL_NONE, or what to refuse it with.
 */
enum refusal request_decode(const struct wire_request *wire,
			    const struct request_rules *rules,
			    struct request *request);

/**
 * request_describe() - check the segments of an indirect request, once they
 * have been copied out of the guest's pages.
 * @segment: request->segments of them, private by now
 *
 * Clauses: J1, J3, K13.  Return: REFUSAL_NONE, then request->sectors is set, or
 * what to refuse it with.
 */
enum refusal request_describe(struct request *request,
			      const struct segment *segment,
			      const struct request_rules *rules);

/**
 * request_sound() - whether a decoded request keeps the rules that
 * request_decode() upholds.
 *
 * For one that another worker decoded: it may have been taken over since.
 */
bool request_sound(const struct request *request,
		   const struct request_rules *rules);
