/* What must be true after a crash: see rules.h. */
#include "conformance/crash/rules.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "backend/base/check.h"

_Static_assert(CRASH_REQUESTS <= 64 && CRASH_SECTORS <= 64,
	       "a set of requests or sectors is one word");

void rules_reset(struct rules *rules)
{
	memset(rules, 0, sizeof(*rules));
}

void rules_break(struct rules *rules, const char *format, ...)
{
	va_list list;

	if (rules->broken)
		return;
	rules->broken = true;
	va_start(list, format);
	vsnprintf(rules->words, sizeof(rules->words), format, list);
	va_end(list);
}

static uint64_t bit(uint64_t i)
{
	return 1ull << i;
}

static bool writes(const struct rules_request *r)
{
	return r->operation != CRASH_READ && r->sectors > 0;
}

static bool failed(const struct rules_request *r)
{
	return r->answered != 0 && !r->answered_okay;
}

static bool covers(const struct rules_request *r, uint64_t sector)
{
	return sector >= r->sector && sector < (uint64_t)r->sector + r->sectors;
}

static const char *name_of(const struct rules *rules, uint32_t number)
{
	return history_operation_name(rules->request[number].operation);
}

/* --- before and after --- */

/* Of another ring: a barrier, or behind one, that was not answered when this
 * barrier was sent. */
static bool held_back(const struct rules *rules, uint32_t a, uint32_t barrier)
{
	const struct rules_request *b = &rules->request[barrier];

	for (uint32_t i = 1; i <= a; i++) {
		const struct rules_request *r = &rules->request[i];

		if (r->operation == CRASH_BARRIER &&
		    r->queue == rules->request[a].queue &&
		    (r->answered == 0 || r->answered > b->sent))
			return true;
	}
	return false;
}

/* Numbers are given in the order of sending. */
static bool before_barrier(const struct rules *rules, uint32_t a,
			   uint32_t barrier)
{
	const struct rules_request *r = &rules->request[a];
	const struct rules_request *b = &rules->request[barrier];

	if (a >= barrier)
		return false;
	return r->queue == b->queue ||
	       (r->answered != 0 && r->answered < b->sent) ||
	       !held_back(rules, a, barrier);
}

static bool after_barrier(const struct rules *rules, uint32_t a,
			  uint32_t barrier)
{
	const struct rules_request *r = &rules->request[a];
	const struct rules_request *b = &rules->request[barrier];

	if (r->queue == b->queue && a > barrier)
		return true;
	return b->answered != 0 && b->answered < r->sent;
}

static bool is_barrier(const struct rules *rules, uint32_t number)
{
	const struct rules_request *r = &rules->request[number];

	return r->operation == CRASH_BARRIER && !failed(r);
}

/* 0: what was there at first. */
static bool before(const struct rules *rules, uint32_t a, uint32_t b)
{
	const struct rules_request *first = &rules->request[a];

	if (a == b)
		return false;
	if (a == 0)
		return true;
	if (first->answered != 0 && first->answered < rules->request[b].sent)
		return true;
	for (uint32_t i = 1; i <= rules->count; i++) {
		if (is_barrier(rules, i) &&
		    (a == i || before_barrier(rules, a, i)) &&
		    (b == i || after_barrier(rules, b, i)))
			return true;
	}
	return false;
}

/* --- what may be lost, what may be found: sets of sectors --- */

static uint64_t lost(const struct rules *rules, uint32_t write,
		     const struct may_hold may[CRASH_SECTORS])
{
	const struct rules_request *r = &rules->request[write];
	uint64_t sectors = 0;

	for (unsigned int s = r->sector; s < r->sector + r->sectors; s++) {
		for (unsigned int i = 0; i < may[s].count; i++) {
			if (before(rules, may[s].write[i], write))
				sectors |= bit(s);
		}
	}
	return sectors;
}

static uint64_t found(const struct rules *rules, uint32_t write,
		      const struct may_hold may[CRASH_SECTORS])
{
	const struct rules_request *r = &rules->request[write];
	uint64_t sectors = 0;

	for (unsigned int s = r->sector; s < r->sector + r->sectors; s++) {
		for (unsigned int i = 0; i < may[s].count; i++) {
			if (may[s].write[i] == write)
				sectors |= bit(s);
		}
	}
	return sectors;
}

/* Of one sector only one value is found. */
static bool together(uint64_t one, uint64_t other)
{
	const uint64_t all = one | other;

	return one != 0 && other != 0 && (all & (all - 1)) != 0;
}

static unsigned int lowest(uint64_t sectors)
{
	return (unsigned int)__builtin_ctzll(sectors);
}

/* --- durable --- */

static void demand(struct rules *rules, uint32_t by)
{
	const struct rules_request *f = &rules->request[by];

	for (uint32_t i = 1; i <= rules->count; i++) {
		struct rules_request *r = &rules->request[i];
		bool wanted = i == by;

		if (f->operation == CRASH_BARRIER)
			wanted |= before_barrier(rules, i, by);
		else
			wanted |= r->answered != 0 && r->answered < f->sent;
		if (wanted && writes(r) && !failed(r) && r->durable_by == 0)
			r->durable_by = by;
	}
}

static void check_durable(struct rules *rules,
			  const struct may_hold may[CRASH_SECTORS])
{
	for (uint32_t i = 1; i <= rules->count; i++) {
		const struct rules_request *r = &rules->request[i];
		uint64_t gone;

		if (r->durable_by == 0 || failed(r))
			continue;
		gone = lost(rules, i, may);
		if (gone != 0)
			rules_break(rules,
				    "%s #%u is not durable in sector %u, "
				    "although %s #%u was answered",
				    name_of(rules, i), i, lowest(gone),
				    name_of(rules, r->durable_by),
				    r->durable_by);
	}
}

/* --- order --- */

struct losses {
	uint64_t earlier; /* of what is before the barrier */
	uint32_t write;	  /* one of those */
	uint64_t own;	  /* of its data */
};

static struct losses losses_at(const struct rules *rules, uint32_t barrier,
			       const struct may_hold may[CRASH_SECTORS])
{
	struct losses losses = {0};

	for (uint32_t i = 1; i <= rules->count; i++) {
		const struct rules_request *r = &rules->request[i];

		if (!writes(r) || failed(r) || i == barrier ||
		    !before_barrier(rules, i, barrier))
			continue;
		losses.earlier |= lost(rules, i, may);
		if (losses.write == 0 && losses.earlier != 0)
			losses.write = i;
	}
	losses.own = lost(rules, barrier, may);
	return losses;
}

/* It counts once the barrier is answered OKAY: one that failed, or was
 * refused, has promised nothing. */
static void suspect(struct rules *rules, uint32_t barrier,
		    const struct suspicion *suspicion)
{
	struct suspicion *first = &rules->request[barrier].suspicion;

	if (first->write == 0)
		*first = *suspicion;
}

static void check_after(struct rules *rules, uint32_t barrier, uint32_t write,
			const struct losses *losses, uint64_t at)
{
	struct suspicion suspicion = {.write = write};

	if (at == 0)
		return;
	suspicion.sector = lowest(at);
	if (together(at, losses->earlier))
		suspicion.earlier = losses->write;
	else if (write != barrier && together(at, losses->own))
		suspicion.earlier = barrier;
	else
		return;
	suspect(rules, barrier, &suspicion);
}

static void check_order(struct rules *rules, uint32_t barrier,
			const struct may_hold may[CRASH_SECTORS])
{
	struct rules_request *b = &rules->request[barrier];
	const struct losses losses = losses_at(rules, barrier, may);

	for (uint32_t i = 1; i <= rules->count; i++) {
		const struct rules_request *r = &rules->request[i];
		uint64_t at;

		if (!writes(r) || before_barrier(rules, i, barrier))
			continue;
		at = found(rules, i, may);
		if (i == barrier || after_barrier(rules, i, barrier))
			check_after(rules, barrier, i, &losses, at);
		else if (!r->again && together(at, losses.earlier | losses.own))
			b->leaked |= bit(i - 1);
	}
}

/* Once it is answered: who was taken as before it, is. */
static void check_sides(struct rules *rules, uint32_t barrier,
			const struct may_hold may[CRASH_SECTORS])
{
	struct rules_request *b = &rules->request[barrier];

	for (uint32_t i = 1; i <= rules->count; i++) {
		uint64_t gone;

		if ((b->leaked & bit(i - 1)) == 0 || failed(&rules->request[i]))
			continue;
		gone = lost(rules, i, may);
		if (gone != 0)
			rules_break(rules,
				    "%s #%u of queue %u could be found before "
				    "barrier #%u was done, and is not durable "
				    "in sector %u when it is answered",
				    name_of(rules, i), i,
				    rules->request[i].queue, barrier,
				    lowest(gone));
	}
	b->leaked = 0;
}

void rules_crash(struct rules *rules, const struct may_hold may[CRASH_SECTORS])
{
	check_durable(rules, may);
	for (uint32_t i = 1; i <= rules->count; i++) {
		if (!is_barrier(rules, i))
			continue;
		if (rules->request[i].answered == 0)
			check_order(rules, i, may);
		else if (rules->request[i].leaked != 0)
			check_sides(rules, i, may);
	}
}

static void confirm(struct rules *rules, uint32_t barrier)
{
	const struct suspicion *s = &rules->request[barrier].suspicion;

	if (s->write == 0)
		return;
	rules_break(rules,
		    "%s #%u could be found in sector %u while %s #%u, which "
		    "is before it by barrier #%u, could be lost",
		    name_of(rules, s->write), s->write, s->sector,
		    name_of(rules, s->earlier), s->earlier, barrier);
}

/* --- what happens --- */

uint32_t rules_sent(struct rules *rules, const struct rules_request *request)
{
	const uint32_t number = rules->count + 1;

	CHECK(number <= CRASH_REQUESTS);
	CHECK((unsigned int)request->sector + request->sectors <=
	      CRASH_SECTORS);
	rules->request[number] = *request;
	rules->request[number].sent = ++rules->now;
	rules->count = number;
	return number;
}

void rules_answered(struct rules *rules, uint32_t number, bool okay)
{
	struct rules_request *r = &rules->request[number];

	if (number == 0 || number > rules->count || r->answered != 0) {
		rules_break(rules,
			    "an answer to request #%u, which waits for none",
			    number);
		return;
	}
	r->answered = ++rules->now;
	r->answered_okay = okay;
	if (okay && r->operation >= CRASH_FLUSH) {
		confirm(rules, number);
		demand(rules, number);
	}
}

void rules_died(struct rules *rules)
{
	for (uint32_t i = 1; i <= rules->count; i++) {
		rules->request[i].again |= rules->request[i].answered == 0;
		rules->request[i].leaked = 0;
	}
}

void rules_submitted(struct rules *rules, uint32_t write, uint64_t sector)
{
	const struct rules_request *r = &rules->request[write];

	if (write == 0 || write > rules->count || !writes(r) ||
	    !covers(r, sector))
		rules_break(rules,
			    "sector %u is written with data of #%u, which "
			    "does not write it",
			    (unsigned int)sector, write);
	else if (r->answered != 0)
		rules_break(rules,
			    "%s #%u is carried out in sector %u after its "
			    "answer",
			    name_of(rules, write), write, (unsigned int)sector);
}

void rules_read(struct rules *rules, uint32_t number, uint64_t sector,
		uint32_t value)
{
	const struct rules_request *read = &rules->request[number];

	if (value > rules->count ||
	    (value != 0 && (!writes(&rules->request[value]) ||
			    !covers(&rules->request[value], sector)))) {
		rules_break(rules,
			    "read #%u finds data of #%u in sector %u, where "
			    "it never wrote",
			    number, value, (unsigned int)sector);
		return;
	}
	for (uint32_t i = 1; i <= rules->count; i++) {
		const struct rules_request *r = &rules->request[i];

		if (writes(r) && r->answered_okay && covers(r, sector) &&
		    r->answered < read->sent && before(rules, value, i))
			rules_break(rules,
				    "read #%u finds #%u in sector %u, which "
				    "was overwritten by #%u before it was sent",
				    number, value, (unsigned int)sector, i);
	}
}
