/*
 * The table of refusals: what a guest did wrong, by name (refusals.def).
 *
 * Who refuses returns an enum refusal; who answers looks up the wire status;
 * who counts indexes by it; who logs quotes the sentence.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum refusal {
	REFUSAL_NONE, /* not refused */
#define REFUSAL(name, clause, status, sentence) REFUSE_##name,
#include "backend/base/refusals.def"
#undef REFUSAL
	REFUSAL_COUNT
};

/** refusal_name() - "SEGMENT_PAST_PAGE"; stable, used in JSON. */
const char *refusal_name(enum refusal refusal);

/** refusal_clause() - id of the clause it upholds. */
const char *refusal_clause(enum refusal refusal);

/** refusal_sentence() - what was wrong, for people. */
const char *refusal_sentence(enum refusal refusal);

/**
 * refusal_status() - the wire status of the response; CHECKs that there is
 * one.
 */
int16_t refusal_status(enum refusal refusal);

/**
 * refusal_is_fatal() - whether it ends the connection rather than one request.
 */
bool refusal_is_fatal(enum refusal refusal);
