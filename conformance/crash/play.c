/* One history against the real thing: see play.h. */
#include "conformance/crash/play.h"

#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <xen/io/blkif.h>

#include "backend/base/check.h"
#include "backend/worker/queue.h"
#include "backend/worker/vbd.h"
#include "conformance/crash/device.h"
#include "conformance/crash/rings.h"
#include "sim/sim.h"

/* Turns of every queue until all is answered; more is a hang. */
#define ROUNDS 1000u
/* Dead workers are never used again, nor freed: their handles are gone. */
#define GRAVES 4096u

struct play {
	const struct history *history;
	FILE *journal;
	struct played *outcome;
	struct device device;
	struct rings rings;
	struct rules rules;
	struct link_attach attach;
	struct inflight_region *region;
	struct vbd *vbd;
	bool failures;	      /* the disk has answered with an error */
	unsigned int moments; /* to let pass before the worker dies; 0: all */
	jmp_buf grave;
};

static void *bury(void *what)
{
	static void *graves[GRAVES];
	static unsigned int count;

	CHECK(count < GRAVES);
	return graves[count++] = what;
}

static void say_request(const struct play *play, uint32_t number)
{
	const struct rules_request *r = &play->rules.request[number];

	fprintf(play->journal, "%s #%u", history_operation_name(r->operation),
		number);
	if (r->sectors > 0)
		fprintf(play->journal, ", sectors %u to %u", r->sector,
			r->sector + r->sectors - 1);
}

/* --- the moments that matter --- */

static void look(struct play *play)
{
	static struct may_hold may[CRASH_SECTORS];
	struct play_counts *counts = &play->outcome->counts;
	bool any = false;

	device_after_crash(&play->device, may);
	for (unsigned int s = 0; s < CRASH_SECTORS; s++)
		any |= may[s].count > 1;
	counts->crash_points++;
	counts->volatile_points += any;
	rules_crash(&play->rules, may);
}

static void say_op(const struct play *play, const char *what,
		   const struct device_op *op)
{
	static const char *const names[IMAGE_OPERATION_COUNT] = {
		[IMAGE_READ] = "a read",
		[IMAGE_WRITE] = "a write",
		[IMAGE_FLUSH] = "a flush",
	};

	fprintf(play->journal, "    disk: %s %u, %s of queue %u", what,
		op->number, names[op->io.operation], op->queue);
	if (op->write != 0)
		fprintf(play->journal, ", data of #%u at sector %llu",
			op->write, (unsigned long long)op->io.sector);
	fprintf(play->journal, "%s\n", op->result != 0 ? ": fails" : "");
}

static void called(void *context)
{
	struct play *play = context;

	if (play->moments > 0 && --play->moments == 0)
		longjmp(play->grave, 1);
}

static void submitted(void *context, const struct device_op *op)
{
	struct play *play = context;
	uint64_t bytes = 0;

	if (play->journal)
		say_op(play, "takes", op);
	for (uint32_t i = 0; i < op->io.iov_count; i++)
		bytes += op->io.iov[i].iov_len;
	if (op->io.operation == IMAGE_WRITE) {
		for (uint64_t i = 0; i < bytes / SECTOR_BYTES; i++)
			rules_submitted(&play->rules, op->write,
					op->io.sector + i);
		look(play);
	}
}

static void completed(void *context, const struct device_op *op)
{
	struct play *play = context;

	play->failures |= op->result != 0;
	if (play->journal)
		say_op(play, "is done with", op);
}

static void strange(void *context, uint64_t sector, const char *what)
{
	struct play *play = context;

	rules_break(&play->rules, "sector %llu %s", (unsigned long long)sector,
		    what);
}

/* --- answers --- */

static void look_at_read(struct play *play, uint32_t number)
{
	const struct rules_request *r = &play->rules.request[number];

	for (unsigned int i = 0; i < r->sectors; i++) {
		const uint64_t sector = r->sector + i;
		uint32_t value;

		if (!device_stamped(rings_data(&play->rings, number, i), sector,
				    &value))
			rules_break(&play->rules,
				    "read #%u finds bytes in sector %llu that "
				    "were never there",
				    number, (unsigned long long)sector);
		else
			rules_read(&play->rules, number, sector, value);
	}
}

static void count_answer(struct play *play, const struct rules_request *r,
			 int status)
{
	struct play_counts *counts = &play->outcome->counts;

	if (status != BLKIF_RSP_OKAY) {
		counts->errors++;
		return;
	}
	counts->okay[r->operation]++;
	counts->with_data += r->operation >= CRASH_FLUSH && r->sectors > 0;
}

/* As long as the disk does not fail. */
static int expected_status(const struct play *play,
			   const struct rules_request *r)
{
	return r->operation == CRASH_BARRIER && !play->history->barriers
		       ? BLKIF_RSP_EOPNOTSUPP
		       : BLKIF_RSP_OKAY;
}

static void take_answer(struct play *play, const struct ring_answer *answer)
{
	const uint32_t number = answer->number;
	const bool okay = answer->status == BLKIF_RSP_OKAY;
	const struct rules_request *r = &play->rules.request[number];

	rules_answered(&play->rules, number, okay);
	if (play->rules.broken)
		return;
	if (play->journal) {
		fprintf(play->journal, "    answer %d to ", answer->status);
		say_request(play, number);
		fputc('\n', play->journal);
	}
	count_answer(play, r, answer->status);
	if (answer->status != expected_status(play, r) && !play->failures)
		rules_break(&play->rules,
			    "%s #%u is answered %d without a cause",
			    history_operation_name(r->operation), number,
			    answer->status);
	if (okay && r->operation == CRASH_READ)
		look_at_read(play, number);
	rings_done(&play->rings, number);
}

static bool take_answers(struct play *play, unsigned int queue)
{
	struct ring_answer answer;
	bool any = false;

	while (!play->rules.broken &&
	       rings_answer(&play->rings, queue, &answer)) {
		take_answer(play, &answer);
		any = true;
	}
	if (any)
		look(play);
	return any;
}

/* --- steps --- */

static void make_worker(struct play *play)
{
	const struct vbd_options options = {.domid = RINGS_GUEST,
					    .devid = 51712,
					    .sectors = CRASH_SECTORS,
					    .max_queues = CRASH_QUEUES,
					    .persistent_cap = 16,
					    .image = &play->device.image,
					    .region = play->region};
	enum refusal refusal;
	unsigned int queue;

	CHECK(vbd_create(&options, &play->vbd) == 0);
	refusal = vbd_attach(play->vbd, &play->attach, &queue);
	if (refusal != REFUSAL_NONE)
		rules_break(&play->rules, "a worker does not begin: %s",
			    refusal_sentence(refusal));
}

static bool turn(struct play *play, unsigned int queue, bool quick,
		 uint32_t choice)
{
	bool moved;

	play->device.quick = quick;
	play->device.quick_choice = choice;
	moved = queue_turn(vbd_queue(play->vbd, queue));
	play->device.quick = false;
	return take_answers(play, queue) || moved;
}

static void put(struct play *play, const struct step *step)
{
	const struct rules_request request = {.operation = step->operation,
					      .queue = step->queue,
					      .sector = step->sector,
					      .sectors = step->sectors};
	uint32_t number;

	/* One is kept for the end. */
	if (play->rules.count + 1 >= CRASH_REQUESTS ||
	    !rings_room(&play->rings, step))
		return;
	number = rules_sent(&play->rules, &request);
	rings_put(&play->rings, step, number);
	if (play->journal) {
		fprintf(play->journal, "queue %u: the guest sends ",
			step->queue);
		say_request(play, number);
		fprintf(play->journal, "%s\n",
			step->indirect ? " (indirect)" : "");
	}
}

/* Cut off where it calls the disk, or else after the turn; all the other
 * places are test_resume.c's. */
static void last_turn(struct play *play, const struct step *step)
{
	if (step->moment == 0)
		return;
	play->moments = step->moment;
	if (setjmp(play->grave) == 0)
		turn(play, step->queue, step->quick, step->choice);
	play->moments = 0;
	play->device.quick = false;
}

static void die(struct play *play, const struct step *step)
{
	if (play->journal)
		fprintf(play->journal,
			"queue %u: a turn in which the worker dies; another "
			"one goes on\n",
			step->queue);
	last_turn(play, step);
	if (play->rules.broken)
		return;
	bury(play->vbd);
	rules_died(&play->rules);
	sim_process_dies(0);
	device_orphan(&play->device, step->choice);
	play->attach.resume = 1;
	play->outcome->counts.deaths++;
	make_worker(play);
}

static void do_step(struct play *play, const struct step *step)
{
	const unsigned int flying = device_flying(&play->device);

	switch ((enum step_kind)step->kind) {
	case STEP_REQUEST:
		put(play, step);
		break;
	case STEP_TURN:
		if (play->journal)
			fprintf(play->journal, "queue %u: a turn%s\n",
				step->queue,
				step->quick ? ", the disk is quick" : "");
		turn(play, step->queue, step->quick, step->choice);
		break;
	case STEP_DONE:
		if (flying > 0)
			device_complete(&play->device, step->choice % flying,
					step->fails, step->choice >> 8);
		break;
	case STEP_DEATH:
		die(play, step);
		break;
	case STEP_KINDS:
	default:
		CHECK(step->kind < STEP_KINDS);
	}
}

/* --- beginning and end --- */

static unsigned int unanswered(const struct rules *rules)
{
	unsigned int count = 0;

	for (uint32_t i = 1; i <= rules->count; i++)
		count += rules->request[i].answered == 0;
	return count;
}

static void settle(struct play *play)
{
	unsigned int round;

	for (round = 0; round < ROUNDS && !play->rules.broken; round++) {
		bool moved = false;

		while (device_flying(&play->device) > 0)
			device_complete(&play->device, 0, false, 0);
		for (unsigned int q = 0;
		     q < play->history->queues && !play->rules.broken; q++)
			moved |= turn(play, q, false, 0);
		if (!moved && device_flying(&play->device) == 0)
			break;
	}
	if (unanswered(&play->rules) > 0 || round == ROUNDS)
		rules_break(&play->rules, "%u requests are never answered",
			    unanswered(&play->rules));
}

/* Whatever was answered must survive the end. */
static void last_flush(struct play *play)
{
	const struct rules_request request = {.operation = CRASH_FLUSH};
	const struct step step = {.operation = CRASH_FLUSH, .part = 1};

	if (play->journal)
		fprintf(play->journal, "the end: a flush on queue 0\n");
	rings_put(&play->rings, &step, rules_sent(&play->rules, &request));
	settle(play);
}

static void begin(struct play *play, const struct history *history)
{
	const struct device_watch watch = {.context = play,
					   .called = called,
					   .submitted = submitted,
					   .completed = completed,
					   .strange = strange};

	play->history = history;
	play->failures = false;
	rules_reset(&play->rules);
	device_reset(&play->device, &watch);
	rings_make(&play->rings, history, &play->attach);
	memset(play->region, 0, inflight_region_bytes(CRASH_QUEUES));
	make_worker(play);
}

static void end(struct play *play)
{
	if (play->rules.broken)
		bury(play->vbd); /* it may wait for what never comes */
	else
		vbd_destroy(play->vbd);
	play->vbd = NULL;
	play->outcome->broken = play->rules.broken;
	memcpy(play->outcome->words, play->rules.words, RULES_WORDS);
	play->outcome->counts.histories++;
}

void play_history(const struct history *history, FILE *journal,
		  struct played *outcome)
{
	const size_t bytes = inflight_region_bytes(CRASH_QUEUES);
	struct play *play = calloc(1, sizeof(*play));

	CHECK(play != NULL);
	play->region = aligned_alloc(64, (bytes + 63) / 64 * 64);
	CHECK(play->region != NULL);
	play->journal = journal;
	play->outcome = outcome;
	begin(play, history);
	for (unsigned int i = 0; i < history->count && !play->rules.broken; i++)
		do_step(play, &history->step[i]);
	if (journal)
		fprintf(journal, "the rest: the disk is done with everything, "
				 "each queue has turns\n");
	settle(play);
	if (!play->rules.broken)
		last_flush(play);
	end(play);
	free(play->region);
	free(play);
}
