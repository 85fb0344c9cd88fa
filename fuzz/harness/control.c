/*
 * control: whatever bytes clients of the control socket write, in whatever
 * pieces, and however slowly they read, each whole line gets one answer, in its
 * order; no disk is left out; nobody waits for another; nothing is left behind.
 *
 * Aims at backend/supervisor/control.c and report.c.  Input: the params of a
 * disk up to a newline; then records of two bytes, who and what: 0 .. 0xdf
 * bytes that follow, or one of the well-formed requests, or reading, shutting,
 * hanging up, waiting; or a call of the daemon that fails.
 */
#include <string.h>

#include "backend/base/log.h"
#include "fuzz/control/stage.h"
#include "fuzz/oracle/oracle.h"
#include "fuzz/target.h"

#define PARAMS_MAX 300u

enum what {
	STOCK = 0xe0, /* 16 of them */
	HEAR = 0xf0,
	SHUT = 0xf4,
	HANG_UP = 0xf8,
	WAIT = 0xfc,
	TROUBLE = 0xff, /* which: the first byte */
};

/* One record; how many bytes it took beside its two. */
static size_t act(const uint8_t *record, size_t rest)
{
	const unsigned int client = record[0] % CLIENTS_MAX;
	const uint8_t what = record[1];

	if (what < STOCK) {
		const size_t length = what < rest ? what : rest;

		clients_say(client, record + 2, length);
		return length;
	}
	if (what < HEAR)
		clients_ask(client, what - STOCK);
	else if (what < SHUT)
		clients_hear(client);
	else if (what < HANG_UP)
		clients_shut(client);
	else if (what < WAIT)
		clients_hang_up(client);
	else if (what == TROUBLE)
		trouble_comes(record[0]);
	return 0;
}

static void play(struct host *host, const uint8_t *data, size_t size)
{
	size_t at = 0;

	while (size - at >= 2) {
		/* Bit 7: the daemon is elsewhere meanwhile. */
		const bool late = (data[at] & 0x80) != 0;

		at += 2 + act(data + at, size - at - 2);
		if (!late)
			clients_step(host);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *end = size > 0 ? memchr(data, '\n', size) : NULL;
	const size_t params = end != NULL ? (size_t)(end - data) : 0;
	const unsigned int fds = target_fds();
	const enum log_level level = log_level();
	struct clients_sum sum;
	struct host *host;

	host = world_begin((const char *)data,
			   params < PARAMS_MAX ? params : PARAMS_MAX);
	clients_begin();
	if (end != NULL)
		play(host, end + 1, size - params - 1);
	clients_finish(host);
	world_end(host);
	log_set_level(level);
	if (target_fds() != fds)
		oracle_fail(ORACLE_RESOURCES, "%u descriptors, before it %u",
			    target_fds(), fds);
	sum = clients_sum();
	target_report(sum.hash, sum.asked, sum.okay);
	return 0;
}
