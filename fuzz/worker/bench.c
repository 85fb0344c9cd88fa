/* The supervisor's side of a real worker.  See bench.h. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "backend/base/checked.h"
#include "backend/base/log.h"
#include "fuzz/oracle/oracle.h"
#include "fuzz/oracle/records.h"
#include "fuzz/worker/bench.h"
#include "sim/sim.h"

#define STEPS_MAX   5000u
#define GUEST_PAGES 32u

/* No kernel behind a file here: a disk that is one can be made, not attached. */
int __wrap_io_uring_queue_init(unsigned int entries, void *ring,
			       unsigned int flags);
int __wrap_io_uring_queue_init(unsigned int entries, void *ring,
			       unsigned int flags)
{
	(void)entries;
	(void)ring;
	return flags != 0 ? -EINVAL : -ENOMEM;
}

static void start_worker(struct bench *bench)
{
	int theirs;

	if (link_pair(&bench->link, &theirs) < 0 ||
	    worker_create(theirs, false, &bench->worker) < 0)
		abort();
	bench->device = bench->attached = bench->recorded = false;
	bench->awaited = 0;
	bench->ended = 0;
}

void bench_begin(struct bench *bench)
{
	memset(bench, 0, sizeof(*bench));
	shortage_plan(0);
	sim_reset(1);
	rings_boot(bench);
	bench->shape.queues = 1;
	bench->shape.abi = LINK_ABI_X86_64;
	bench->region_fd = inflight_create(BENCH_QUEUES);
	bench->records_fd = record_region_create(BENCH_QUEUES, 0);
	if (bench->region_fd < 0 || bench->records_fd < 0 ||
	    inflight_map(bench->region_fd, BENCH_QUEUES, &bench->region) < 0 ||
	    record_region_map(bench->records_fd, BENCH_QUEUES,
			      &bench->records) < 0)
		abort();
	start_worker(bench);
}

/* --- what it is told --- */

static bool has_room(const struct bench *bench)
{
	return bench->awaited < BENCH_AWAITED;
}

static bool is_awaited(const struct bench *bench, uint32_t kind)
{
	for (unsigned int i = 0; i < bench->awaited; i++)
		if (bench->await[i] == kind)
			return true;
	return false;
}

void bench_say(struct bench *bench, uint32_t kind)
{
	struct link_message message;

	memset(&message, 0, sizeof(message)); /* the union and all, for MSan */
	message.kind = kind;
	/* Raw: also what a supervisor would never say. */
	if (has_room(bench) &&
	    send(bench->link, &message, sizeof(message), MSG_NOSIGNAL) > 0 &&
	    kind == LINK_DETACH)
		bench->await[bench->awaited++] = kind;
}

static void tell(struct bench *bench, const struct link_message *message,
		 const int *fds, unsigned int count)
{
	if (has_room(bench) && link_send(bench->link, message, fds, count) == 0)
		bench->await[bench->awaited++] = message->kind;
}

void bench_limit(struct bench *bench, const struct script_record *how)
{
	struct link_message message;

	memset(&message, 0, sizeof(message));
	message.kind = LINK_LIMITS;
	message.limits.burst_ns = script_u8(how, 2) * UINT64_C(1000000);
	message.limits.iops = script_u8(how, 3);
	message.limits.sectors = script_u8(how, 4);
	/* What waits for its time is not answered at rest. */
	bench->planned = true;
	if (has_room(bench))
		(void)link_send(bench->link, &message, NULL, 0);
}

/* Where the records of the worker before it end. */
static void place_records(struct bench *bench, uint8_t how)
{
	for (unsigned int q = 0; q < BENCH_QUEUES; q++) {
		struct record_ring *ring = &bench->records->ring[q];
		const uint64_t head = LIMIT_RECORD_RING_BYTES * 2u - 8u * how;
		/* That are free: of the last ones so few that records are lost. */
		const uint64_t room = how < 0xf0 ? 8u * how : 16u * (how % 16);

		atomic_store(&ring->head, head);
		atomic_store(&ring->tail,
			     how < SCRIPT_ODD
				     ? head
				     : head - LIMIT_RECORD_RING_BYTES + room);
	}
	records_begin(bench->records, BENCH_QUEUES);
}

/* Fields: 2 image, 3 flags, 4 cap, 5 what is wrong, 6 records, 7 log. */
void bench_device(struct bench *bench, const struct script_record *how)
{
	static const uint32_t caps[] = {0, 4, 352, 1};
	const uint8_t flags = script_u8(how, 3), wrong = script_u8(how, 5);
	struct link_message message;
	int fds[4] = {bench->region_fd, bench->region_fd, bench->region_fd, -1};
	unsigned int count = 1;

	memset(&message, 0, sizeof(message));
	message.kind = LINK_DEVICE;
	message.device = (struct link_device){
		.domid = BENCH_GUEST,
		.devid = BENCH_DEVID,
		.sectors = wrong == 0xff ? UINT64_MAX / 1024 : 64,
		.image = LINK_IMAGE_FILE + (script_u8(how, 2) + 2u) % 3,
		.max_queues = BENCH_QUEUES,
		.readonly = flags >> 3 & 1,
		.persistent_cap = caps[script_u8(how, 4) % 4],
		.log_level = script_u8(how, 7) % 2 == 0 ? LOG_ERROR : LOG_TRACE,
		.record = flags >> 1 & 1,
		.staged = flags >> 2 & 1,
	};
	if (message.device.image == LINK_IMAGE_FILE)
		count += BENCH_QUEUES;
	if (message.device.record)
		fds[count++] =
			wrong == 0xe1 ? bench->region_fd : bench->records_fd;
	if (wrong == 0xe0)
		fds[0] = bench->records_fd;
	place_records(bench, script_u8(how, 6));
	bench->planned |= wrong >= SCRIPT_ODD || bench->device ||
			  is_awaited(bench, LINK_DEVICE) ||
			  message.device.image == LINK_IMAGE_FILE;
	bench->recorded = message.device.record && !bench->device;
	tell(bench, &message, fds, count);
}

/* A connection that goes on keeps its shape. */
static void shape_of(struct bench *bench, const struct script_record *how)
{
	static const uint32_t indirect[] = {0, 24, 1024, 8};
	struct link_attach *shape = &bench->shape;

	shape->queues = 1 + script_u8(how, 3) % BENCH_QUEUES;
	shape->ring_order = script_u8(how, 4) % (BENCH_ORDER + 1);
	shape->abi =
		script_u8(how, 5) % 2 != 0 ? LINK_ABI_X86_32 : LINK_ABI_X86_64;
	shape->persistent = script_u8(how, 6) % 2;
	shape->discard = script_u8(how, 10) % 2;
	shape->barrier = script_u8(how, 10) >> 1 & 1;
	shape->indirect = indirect[script_u8(how, 10) >> 2 & 3];
	for (unsigned int q = 0; q < shape->queues; q++) {
		shape->queue[q].event_channel = bench->ring[q].port;
		for (unsigned int i = 0; i < 1u << BENCH_ORDER; i++)
			shape->queue[q].ring_gref[i] = GREF_RING_OF(q, i);
	}
	rings_begin(bench, script_u16(how, 8) - 32768u);
	bench->bent = false;
}

/* Fields: 2 a new connection or not, 3 .. 6 its shape, 7 what is wrong, 8 where
 * the indices begin, 10 what is offered: discards, barriers, indirect requests. */
bool bench_attach(struct bench *bench, const struct script_record *how)
{
	const uint8_t wrong = script_u8(how, 7);
	struct link_message message;
	struct link_queue *last;

	/* The rings are in use. */
	if (bench->attached || is_awaited(bench, LINK_ATTACH))
		return false;
	memset(&message, 0, sizeof(message));
	message.kind = LINK_ATTACH;
	bench->shape.resume = script_u8(how, 2) % 4 == 1;
	if (!bench->shape.resume)
		shape_of(bench, how);
	message.attach = bench->shape;
	last = &message.attach.queue[bench->shape.queues - 1];
	if (wrong == 0xe0)
		last->ring_gref[0] = GREF_NOT_THERE;
	else if (wrong == 0xe1)
		last->event_channel += 50;
	else if (wrong == 0xe2)
		message.attach.queues = BENCH_QUEUES + 1;
	bench->planned |= wrong >= SCRIPT_ODD || bench->shape.resume;
	tell(bench, &message, NULL, 0);
	return true;
}

/* --- what it says --- */

static bool answers(uint32_t asked, uint32_t kind)
{
	switch (asked) {
	case LINK_DEVICE:
		return kind == LINK_READY;
	case LINK_ATTACH:
		return kind == LINK_ATTACHED || kind == LINK_REFUSED;
	case LINK_DETACH:
		return kind == LINK_DETACHED;
	default:
		return false;
	}
}

static void said(struct bench *bench, const struct link_message *message)
{
	const uint32_t kind = message->kind;
	const uint32_t asked = bench->awaited > 0 ? bench->await[0] : 0;

	bench->hash = bench->hash * 31 + kind;
	if (kind == LINK_BROKEN && bench->attached) {
		bench->planned = true; /* it takes nothing more */
		if (!bench->bent)
			oracle_fail(ORACLE_TALK, "BROKEN by a sound guest: %s",
				    refusal_name((enum refusal)message->refused
							 .refusal));
		return;
	}
	if (!answers(asked, kind))
		oracle_fail(ORACLE_TALK, "message %u answers %u", kind, asked);
	if (bench->awaited > 0)
		memmove(bench->await, bench->await + 1,
			--bench->awaited * sizeof(bench->await[0]));
	bench->device |= kind == LINK_READY;
	bench->attached = kind == LINK_ATTACHED ||
			  (bench->attached && kind != LINK_DETACHED);
	if (kind == LINK_REFUSED && !bench->planned && !bench->bent)
		oracle_fail(
			ORACLE_ATTACH, "a right connection is refused: %s",
			refusal_name((enum refusal)message->refused.refusal));
}

static void hear(struct bench *bench)
{
	struct link_message message;
	int fds[LINK_MAX_FDS];
	unsigned int count;

	while (link_receive(bench->link, &message, fds, &count) == 1)
		said(bench, &message);
	rings_hear(bench);
}

static void rest(struct bench *bench)
{
	if (bench->awaited != 0)
		oracle_fail(ORACLE_PROGRESS, "message %u was not answered",
			    bench->await[0]);
	if (bench->attached)
		rings_rest(bench);
	if (bench->recorded)
		records_check(bench->records, BENCH_QUEUES);
}

/* It ends by itself, as its main() would. */
static void leave(struct bench *bench)
{
	worker_destroy(bench->worker);
	bench->worker = NULL;
	bench->attached = bench->device = false;
	bench->awaited = 0;
	/* What it answered on its way out may be on the rings. */
	bench->bent = true;
}

void bench_step(struct bench *bench, unsigned int steps)
{
	unsigned int n = 0;
	int rc = 1;

	while (bench->worker != NULL && rc > 0 && n++ < steps) {
		shortage_worker_runs(true);
		rc = worker_step(bench->worker);
		shortage_worker_runs(false);
		hear(bench);
	}
	if (rc > 0 && n > STEPS_MAX)
		oracle_fail(ORACLE_PROGRESS, "the worker never rests");
	if (bench->worker != NULL && rc == 0)
		rest(bench);
	if (rc >= 0)
		return;
	bench->ended = rc;
	if (rc != -EPIPE && rc != -EPROTO && !bench->planned)
		oracle_fail(ORACLE_TALK, "the worker ends with %d", rc);
	leave(bench);
}

/* --- its end --- */

/* What the kernel does for a dead one: handles close, and nothing else. */
void bench_die(struct bench *bench)
{
	static uint8_t pages[GUEST_PAGES][XEN_PAGE_BYTES];
	const size_t bytes = inflight_region_bytes(BENCH_QUEUES);
	uint8_t *region = malloc(bytes);

	if (region == NULL)
		abort();
	memcpy(region, bench->region, bytes);
	for (uint32_t i = 0; i < GUEST_PAGES; i++)
		memcpy(pages[i], sim_guest_page(BENCH_GUEST, i),
		       XEN_PAGE_BYTES);
	worker_destroy(bench->worker);
	close(bench->link);
	memcpy(bench->region, region, bytes);
	for (uint32_t i = 0; i < GUEST_PAGES; i++)
		memcpy(sim_guest_page(BENCH_GUEST, i), pages[i],
		       XEN_PAGE_BYTES);
	free(region);
	start_worker(bench);
}

static void check_ledger(const struct bench *bench)
{
	struct sim_ledger ledger;

	sim_ledger(0, &ledger);
	if (bench->kept)
		ledger.mapped_pages = 0;
	if (ledger.mapped_pages + ledger.ports + ledger.evtchn_handles +
		    ledger.gnttab_handles !=
	    0)
		oracle_fail(ORACLE_RESOURCES,
			    "a worker that ended holds %u pages, %u ports",
			    ledger.mapped_pages, ledger.ports);
}

void bench_end(struct bench *bench, bool hang_up)
{
	for (unsigned int call = 0; call < SIM_CALL_COUNT; call++)
		sim_fail(0, (enum sim_call)call, 0, 0);
	if (!hang_up)
		bench_say(bench, LINK_STOP);
	shutdown(bench->link, SHUT_WR);
	if (bench->worker != NULL && worker_run(bench->worker) == 0 &&
	    bench->recorded)
		records_check(bench->records, BENCH_QUEUES);
	worker_destroy(bench->worker);
	close(bench->link);
	check_ledger(bench);
	inflight_unmap(bench->region, BENCH_QUEUES);
	record_region_unmap(bench->records, BENCH_QUEUES);
	close(bench->region_fd);
	close(bench->records_fd);
	sim_enter(BENCH_GUEST);
	xenevtchn_close(bench->evtchn);
	sim_enter(0);
}
