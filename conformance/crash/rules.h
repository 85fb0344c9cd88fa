/*
 * What a guest may rely on when the power fails: judged from outside, by what
 * was sent, what was answered, and what the disk may hold.  Called by play.c
 * whenever more became possible: after each submission to the disk and after
 * each answer.  Pure: it knows neither backend nor disk.
 *
 * The clauses are I2, I3, K9, Q7 and Q8 of the catalogue. Precisely:
 *
 * "a before b", of two writes: a was answered when b was sent; or a barrier
 * stands between them.  A write stands before a barrier if it was sent before it,
 * in the same ring; or on another one, unless that held a barrier which was not
 * answered then, at its place or ahead of it: barriers of two rings that are under
 * way at once go one after the other, whichever is first.  It stands after the
 * barrier if it was sent after it in the same
 * ring, or after the barrier's answer on any ring.  All else is concurrent: two
 * rings do not show a backend which of their requests came first, and all that it
 * can do about what was sent on other rings before a barrier is to take what it
 * finds in them as before.  A barrier's own data stand at its place.
 *
 * Durable.  A flush that is answered OKAY makes durable every write that was
 * answered OKAY when the flush was sent, on any queue, and its own data.  A
 * barrier that is answered OKAY makes durable every write before it, and its own
 * data. A durable write is lost where a sector of it may hold an older one: a
 * write before it, or what was there at first. A concurrent or later one may
 * stand there.
 *
 * Order.  While a barrier is not answered, nothing after it, nor its own data, may
 * be found where something before it can be lost; nor anything after it where its
 * own data can be.
 *
 * Either side.  A write that is concurrent with a barrier may be taken as before
 * it or after it, but as one of the two: one that could be found while something
 * before the barrier (or its data) could be lost, is before it, and so must be
 * durable when the barrier is answered.  No single crash can show that one is not:
 * this is about who carries it out.  So what a dead worker had begun may change
 * its side when the next one begins it again.
 *
 * Data.  A sector holds what some request wrote there that was sent and not
 * answered before its submission, and a read finds no value that was overwritten
 * by a write answered before the read was sent. A read stands in no order with
 * barriers.
 *
 * What a barrier or flush that failed promised is nothing.
 *
 * Why this needs no enumeration: a crash leaves of each sector, by itself, any
 * one value of its set.  So two sectors can be found in any combination, and a
 * rule about "x found, y lost" is broken by some crash exactly if x is in the set
 * of one sector and a value older than y in that of another one.  test_rules.c
 * compares this with all crashes one by one.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "conformance/crash/device.h"
#include "conformance/crash/history.h"

#define RULES_WORDS 320u

/* What broke the order of a barrier, should that be answered OKAY. */
struct suspicion {
	uint32_t write, earlier; /* 0: nothing */
	unsigned int sector;
};

struct rules_request {
	uint8_t operation; /* enum request_operation */
	uint8_t queue;
	uint8_t sector, sectors;
	bool answered_okay;
	bool again; /* begun by a worker that died, perhaps */
	uint64_t sent;
	uint64_t answered;   /* 0: not yet */
	uint32_t durable_by; /* the flush or barrier; 0: none yet */
	/* Of a barrier: */
	uint64_t leaked; /* concurrent writes that are before it */
	struct suspicion suspicion;
};

struct rules {
	uint64_t now;
	unsigned int count;
	struct rules_request request[CRASH_REQUESTS + 1]; /* from 1 on */
	bool broken;
	char words[RULES_WORDS];
};

void rules_reset(struct rules *rules);

/** rules_sent() - a request is in its ring; its number, from 1 on. */
uint32_t rules_sent(struct rules *rules, const struct rules_request *request);

/** rules_answered() - the guest can see the answer. */
void rules_answered(struct rules *rules, uint32_t number, bool okay);

/** rules_died() - the worker did; what is not answered is begun again. */
void rules_died(struct rules *rules);

/** rules_submitted() - the disk was given this write's data for this sector. */
void rules_submitted(struct rules *rules, uint32_t write, uint64_t sector);

/** rules_read() - a read that was answered found this. */
void rules_read(struct rules *rules, uint32_t number, uint64_t sector,
		uint32_t value);

/**
 * rules_crash() - if the power failed now.
 *
 * What broke the order of a barrier is told when that is answered OKAY: until
 * then it may have been refused long ago.
 */
void rules_crash(struct rules *rules, const struct may_hold may[CRASH_SECTORS]);

/** rules_break() - something is wrong that is no matter of order; the first
 * sentence stays. */
void rules_break(struct rules *rules, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
