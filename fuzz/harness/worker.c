/*
 * worker: whatever a supervisor tells a worker, whatever its guest does, and
 * whatever a worker before it left in the region, each message has its answer,
 * each request one response, a worker that goes on from a table refuses it or
 * answers what stands there, what is recorded is what happened, and nothing is
 * held in the end.
 *
 * Aims at backend/worker: worker.c, vbd.c, queue.c (resuming), recorder.c; at
 * inflight.c after a death; at the disks that complete at once.  Input: records
 * of fuzz/script.h with the kinds below.  Unless its last byte is SCRIPT_ODD or
 * more the worker comes to rest after each.
 */
#include "backend/base/log.h"
#include "fuzz/target.h"
#include "fuzz/worker/bench.h"
#include "fuzz/worker/kinds.h"
#include "sim/sim.h"

#define REST 5001u

static void plan_failure(struct bench *bench, const struct script_record *r)
{
	static const int errors[] = {12, 22, 14, 11};

	bench->planned = bench->bent = true;
	if (script_u8(r, 1) >= SCRIPT_ODD) {
		shortage_plan(1u + script_u8(r, 2) % 64);
		return;
	}
	bench->kept |= script_u8(r, 1) % SIM_CALL_XS == SIM_CALL_UNMAP;
	sim_fail(0, (enum sim_call)(script_u8(r, 1) % SIM_CALL_XS),
		 1u + script_u8(r, 2) % 16, errors[script_u8(r, 3) % 4]);
}

/* What a worker finds in the region: not while one works there. */
static void tamper(struct bench *bench, const struct script_record *r,
		   enum kind kind)
{
	if (bench->device)
		return;
	if (kind == UNPUSH)
		tables_unpush(bench, r);
	else
		tables_write(bench, r);
}

static void guest_acts(struct bench *bench, const struct script_record *r,
		       enum kind kind)
{
	const unsigned int queue = script_u8(r, 1) % bench->shape.queues;

	if (!bench->attached)
		return;
	if (kind == REQUEST)
		rings_request(bench, r);
	else if (kind == PUBLISH)
		rings_publish(bench, queue);
	else
		rings_bend(bench, queue, script_u32(r, 8));
}

static void act(struct bench *bench, const struct script_record *r)
{
	const enum kind kind = script_u8(r, 0) % KIND_COUNT;

	switch (kind) {
	case DEVICE:
		bench_device(bench, r);
		break;
	case ATTACH:
		(void)bench_attach(bench, r);
		break;
	case DETACH:
		bench_say(bench, LINK_DETACH);
		break;
	case STEP:
		bench_step(bench, 1u + script_u8(r, 1) % 8);
		break;
	case DIE:
		bench_die(bench);
		break;
	case UNPUSH:
	case TABLE:
		tamper(bench, r, kind);
		break;
	case SAY:
		if (script_u8(r, 1) >= SCRIPT_ODD)
			bench_limit(bench, r);
		else
			bench_say(bench,
				  script_u8(r, 1) % (LINK_KIND_COUNT + 2));
		break;
	case FAIL:
		plan_failure(bench, r);
		break;
	case CLOCK:
		sim_clock_advance(script_u16(r, 8) * UINT64_C(10000000));
		break;
	case RECORDS:
		atomic_store(&bench->records->stopped, script_u8(r, 1) % 2);
		break;
	case REQUEST:
	case PUBLISH:
	case BEND:
	case KIND_COUNT:
	default:
		guest_acts(bench, r, kind);
		break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct bench bench;
	struct script script;

	script_decode(data, size, &script);
	log_set_level(LOG_ERROR);
	bench_begin(&bench);
	for (unsigned int i = 0; i < script.operations; i++) {
		act(&bench, &script.operation[i]);
		if (script_u8(&script.operation[i], 15) < SCRIPT_ODD)
			bench_step(&bench, REST);
	}
	bench_end(&bench, script_u8(&script.device, 0) % 2 != 0);
	target_report(bench.hash ^ sim_trace_hash(), bench.answered,
		      bench.okay);
	return 0;
}
