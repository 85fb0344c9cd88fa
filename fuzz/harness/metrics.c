/*
 * metrics: whatever visitors of the endpoint send, in whatever pieces, and
 * whatever workers write into their counters, nobody stays longer than he may,
 * whoever asks then gets the page, and the page is one that a collector takes:
 * families whole, labels quoted, buckets that add up.
 *
 * Aims at backend/supervisor/metrics.c, exposition.c and endpoint.c.  Input:
 * records of two bytes, who and what: 0 .. 0xdf bytes that follow, or a
 * well-formed request, hearing, hanging up, time, or eleven bytes for the
 * counters of the connected disk.
 */
#include <string.h>
#include <unistd.h>

#include "backend/base/inflight.h"
#include "backend/base/log.h"
#include "backend/supervisor/host.h"
#include "backend/supervisor/table.h"
#include "fuzz/control/stage.h"
#include "fuzz/metrics/visitors.h"
#include "fuzz/oracle/oracle.h"
#include "fuzz/target.h"

#define COUNTERS 10u /* 2 which, 8 its value */

enum what {
	STOCK = 0xe0, /* 8 of them */
	HEAR = 0xe8,
	HANG_UP = 0xec,
	PASS = 0xf0,
	COUNT = 0xf4,
};

/* As a worker would, that a guest has taken over. */
static size_t count(const struct host *host, const uint8_t *bytes, size_t rest)
{
	struct device_view view;
	size_t at;

	device_view(host_device(host, 0), &view);
	if (rest < COUNTERS || view.table->fd < 0)
		return 0;
	at = (size_t)(bytes[0] | bytes[1] << 8) %
	     (sizeof(struct stats) / sizeof(uint64_t));
	(void)!pwrite(
		view.table->fd, bytes + 2, sizeof(uint64_t),
		(off_t)(inflight_stats_offset(0) + at * sizeof(uint64_t)));
	return COUNTERS;
}

/* One record; how many bytes it took beside its two. */
static size_t act(const struct host *host, const uint8_t *record, size_t rest)
{
	const unsigned int who = record[0] % VISITORS;
	const uint8_t what = record[1];
	const size_t length = what < rest ? what : rest;

	if (what >= COUNT)
		return count(host, record + 2, rest);
	if (what >= PASS)
		visitors_step((uint64_t)record[0] * 200000000u);
	else if (what >= HANG_UP)
		visitors_hang_up(who, what & 1);
	else if (what >= HEAR)
		visitors_hear(who);
	else if (what >= STOCK)
		visitors_ask(who, what - STOCK);
	else {
		visitors_say(who, record + 2, length);
		return length;
	}
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const unsigned int fds = target_fds();
	const enum log_level level = log_level();
	unsigned int asked, okay;
	struct host *host = world_begin("ram:2M", 6);
	uint64_t hash;

	visitors_begin(host);
	for (size_t at = 0; size - at >= 2;) {
		/* Bit 7: the daemon is elsewhere meanwhile. */
		const bool late = (data[at] & 0x80) != 0;

		at += 2 + act(host, data + at, size - at - 2);
		if (!late)
			visitors_step(0);
	}
	hash = visitors_end(&asked, &okay);
	world_end(host);
	log_set_level(level);
	if (target_fds() != fds)
		oracle_fail(ORACLE_RESOURCES, "%u descriptors, before it %u",
			    target_fds(), fds);
	target_report(hash, asked, okay);
	return 0;
}
