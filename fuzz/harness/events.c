/*
 * events: whatever a guest does with its event channels, a queue does no more
 * than the requests on its ring ask for, sleeps when there are none, wakes when
 * it was told to, wakes the guest when and only when that asked for it, and
 * logs a bounded number of lines.
 *
 * Storms of events, events without requests, on another queue's port, or none
 * where one was due; req_event and rsp_event bent to any value; requests that
 * are published in the moment before the queue sleeps; and floods of requests
 * that are refused, with a log that counts.  Aims at channel.c, ring.c (arming
 * and pushing), queue_settle() and what stands behind it.  Input:
 * fuzz/script.h.
 */
#include <stdarg.h>

#include "backend/base/clock.h"
#include "backend/base/log.h"
#include "fuzz/scripted.h"

void __wrap_log_line(enum log_level level, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static uint64_t lines;

/* In place of the log's own: a line counts, nobody reads it. */
void __wrap_log_line(enum log_level level, const char *format, ...)
{
	(void)format;
	if (level <= log_level())
		lines++;
}

static void bend_record(struct script *script, struct script_record *r)
{
	enum script_kind kind = script_kind(r);

	/* Which queues there are stays as it is: each may log. */
	if (kind == SCRIPT_ATTACH)
		r->byte[ATTACH_QUEUES] = script->device.byte[DEVICE_QUEUES];

	if (kind == SCRIPT_INDEX && script_u8(r, INDEX_WHICH) < SCRIPT_ODD)
		r->byte[INDEX_WHICH] = 2 + script_u8(r, INDEX_WHICH) % 2;
	if (kind != SCRIPT_REQUEST)
		return;
	/* Its data is not what matters here. */
	r->byte[REQUEST_DATA] = 0xff;
	if (script_u8(r, REQUEST_SEGMENTS) < SCRIPT_ODD)
		r->byte[REQUEST_SEGMENTS] = 1;
}

static void bend_script(struct script *script)
{
	bend_kinds(script,
		   BEND_KIND(SCRIPT_REQUEST) | BEND_KIND(SCRIPT_RUN) |
			   BEND_KIND(SCRIPT_PUSH) | BEND_KIND(SCRIPT_KICK) |
			   BEND_KIND(SCRIPT_EVENTS) | BEND_KIND(SCRIPT_INDEX) |
			   BEND_KIND(SCRIPT_CLOCK) | BEND_KIND(SCRIPT_DISK) |
			   BEND_KIND(SCRIPT_COMPLETE) |
			   BEND_KIND(SCRIPT_ATTACH),
		   SCRIPT_EVENTS);
	bend_faults_away(script);
	for (unsigned int i = 0; i < script->operations; i++)
		bend_record(script, &script->operation[i]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct player *player = scripted_player();
	struct player_result result;
	struct script script;

	log_set_level(LOG_INFO);
	script_decode(data, size, &script);
	bend_script(&script);
	lines = 0;
	player_script(player, &script, &result);
	log_lines_check(lines, &(struct log_lines){
				       .queues = player->guest.shape.queues,
				       .attaches = 1 + player->attaches,
				       .elapsed_ns = clock_now_ns(),
			       });
	scripted_report(&result, lines);
	return 0;
}
