/* The worker behind its link: the messages it takes, the ones it must not, and
 * threads. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include <errno.h>
#include <stdatomic.h>
#include <unistd.h>

#include <xenevtchn.h>
#include <xen/io/blkif.h>

#include "backend/base/inflight.h"
#include "backend/base/link.h"
#include "backend/base/record.h"
#include "backend/worker/queue.h"
#include "backend/worker/worker.h"
#include "sim/sim.h"

#define GUEST 3u

struct fixture {
	struct worker *worker;
	int link; /* the supervisor's end */
	uint32_t port;
};

static int setup(void **state)
{
	static struct fixture f;
	xenevtchn_handle *guest;
	int worker_end;

	sim_reset(1);
	assert_int_equal(sim_domain_create(GUEST, 64), 0);
	SHARED_RING_INIT((blkif_sring_t *)sim_guest_page(GUEST, 0));
	sim_grant(GUEST, 64, 0, 0, 0);
	sim_grant(GUEST, 100, 0, 16, 0);
	sim_enter(GUEST);
	guest = xenevtchn_open(NULL, 0);
	f.port = (uint32_t)xenevtchn_bind_unbound_port(guest, 0);
	sim_enter(0);
	assert_int_equal(link_pair(&f.link, &worker_end), 0);
	assert_int_equal(worker_create(worker_end, false, &f.worker), 0);
	*state = &f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	struct sim_ledger ledger;

	worker_destroy(f->worker);
	close(f->link);
	sim_ledger(0, &ledger);
	assert_int_equal(ledger.mapped_pages, 0);
	assert_int_equal(ledger.ports, 0);
	assert_int_equal(ledger.gnttab_handles, 0);
	assert_int_equal(ledger.evtchn_handles, 0);
	return 0;
}

static int step(struct fixture *f)
{
	int rc;

	while ((rc = worker_step(f->worker)) > 0)
		;
	return rc;
}

/* Send, let the worker work, and return the kind of its answer (0: none). */
static uint32_t ask(struct fixture *f, const struct link_message *message,
		    int fd)
{
	struct link_message answer;
	int fds[LINK_MAX_FDS];
	unsigned int count;
	int rc;

	assert_int_equal(link_send(f->link, message, &fd, fd >= 0), 0);
	rc = step(f);
	if (rc < 0)
		return 0;
	return link_receive(f->link, &answer, fds, &count) == 1 ? answer.kind
								: 0;
}

static struct link_message device(void)
{
	const struct link_message message = {
		.kind = LINK_DEVICE,
		.device = {.domid = GUEST,
			   .devid = 51712,
			   .sectors = 1024,
			   .image = LINK_IMAGE_RAM,
			   .max_queues = 2,
			   .persistent_cap = 8},
	};

	return message;
}

static struct link_message attachment(const struct fixture *f)
{
	struct link_message message = {
		.kind = LINK_ATTACH,
		.attach = {.queues = 1, .abi = LINK_ABI_X86_64},
	};

	message.attach.queue[0].ring_gref[0] = 64;
	message.attach.queue[0].event_channel = f->port;
	return message;
}

static void make_device(struct fixture *f)
{
	const struct link_message message = device();
	int region = inflight_create(2);

	assert_int_equal(ask(f, &message, region), LINK_READY);
	close(region);
}

static void test_device_attach_serve_detach(void **state)
{
	struct fixture *f = *state;
	struct link_message detach = {.kind = LINK_DETACH};
	struct link_message attach = attachment(f);
	blkif_sring_t *ring = sim_guest_page(GUEST, 0);

	make_device(f);
	for (int round = 0; round < 3; round++) {
		struct blkif_request *r = &ring->ring[ring->req_prod % 32].req;

		assert_int_equal(ask(f, &attach, -1), LINK_ATTACHED);
		memset(r, 0, sizeof(*r));
		r->nr_segments = 1;
		r->seg[0].gref = 100;
		ring->req_prod++;
		assert_int_equal(step(f), 0);
		assert_int_equal(ring->rsp_prod, ring->req_prod);
		assert_int_equal(ask(f, &detach, -1), LINK_DETACHED);
	}
	/* Detaching what is detached is answered too. */
	assert_int_equal(ask(f, &detach, -1), LINK_DETACHED);
}

static void test_a_bad_ring_is_refused_and_the_next_try_works(void **state)
{
	struct fixture *f = *state;
	struct link_message attach = attachment(f);

	make_device(f);
	attach.attach.queue[0].ring_gref[0] = 999;
	assert_int_equal(ask(f, &attach, -1), LINK_REFUSED);
	attach = attachment(f);
	assert_int_equal(ask(f, &attach, -1), LINK_ATTACHED);
}

static void test_a_broken_ring_is_told_once(void **state)
{
	struct fixture *f = *state;
	struct link_message attach = attachment(f);
	struct link_message answer;
	blkif_sring_t *ring = sim_guest_page(GUEST, 0);
	int fds[LINK_MAX_FDS];
	unsigned int count;

	make_device(f);
	assert_int_equal(ask(f, &attach, -1), LINK_ATTACHED);
	ring->req_prod = 77;
	assert_int_equal(step(f), 0);
	assert_int_equal(link_receive(f->link, &answer, fds, &count), 1);
	assert_int_equal(answer.kind, LINK_BROKEN);
	assert_int_equal(answer.refused.refusal, REFUSE_RING_OVERFLOW);
	assert_int_equal(step(f), 0);
	assert_int_equal(link_receive(f->link, &answer, fds, &count), -EAGAIN);
}

static void test_messages_out_of_turn_end_the_worker(void **state)
{
	struct fixture *f = *state;
	struct link_message attach = attachment(f);
	struct link_message ready = {.kind = LINK_READY};

	/* No disk yet. */
	assert_int_equal(link_send(f->link, &attach, NULL, 0), 0);
	assert_int_equal(step(f), -EPROTO);
	/* Not a worker's to receive. */
	assert_int_equal(link_send(f->link, &ready, NULL, 0), 0);
	assert_int_equal(step(f), -EPROTO);
	make_device(f);
	/* More queues than the disk has. */
	attach.attach.queues = 3;
	assert_int_equal(link_send(f->link, &attach, NULL, 0), 0);
	assert_int_equal(step(f), -EPROTO);
	/* Twice. */
	attach.attach.queues = 1;
	assert_int_equal(ask(f, &attach, -1), LINK_ATTACHED);
	assert_int_equal(link_send(f->link, &attach, NULL, 0), 0);
	assert_int_equal(step(f), -EPROTO);
}

static void test_the_end_of_the_link_is_the_end(void **state)
{
	struct fixture *f = *state;
	struct link_message stop = {.kind = LINK_STOP};

	assert_int_equal(link_send(f->link, &stop, NULL, 0), 0);
	assert_int_equal(step(f), -EPIPE);
}

static void test_without_xen_there_is_no_disk(void **state)
{
	struct fixture *f = *state;
	const struct link_message message = device();
	int region = inflight_create(2);

	sim_fail(0, SIM_CALL_OPEN, 2, ENOENT);
	assert_int_equal(link_send(f->link, &message, &region, 1), 0);
	assert_int_equal(step(f), -ENOENT);
	close(region);
}

/* The kinds of the records in queue 0's memory, in their order. */
static unsigned int recorded(const struct record_region *region,
			     uint16_t *kinds, unsigned int room)
{
	const struct record_ring *ring = &region->ring[0];
	const uint64_t head = atomic_load(&ring->head);
	struct record_header header;
	unsigned int count = 0;

	for (uint64_t at = 0; at < head && count < room; at += header.bytes) {
		memcpy(&header, ring->byte + at, sizeof(header));
		kinds[count++] = header.kind;
	}
	return count;
}

static void test_what_a_queue_does_is_recorded(void **state)
{
	/* The event is the one that every new binding brings. */
	static const uint16_t wanted[] = {
		RECORD_MAP,	RECORD_ATTACH,	 RECORD_EVENT,
		RECORD_REQUEST, RECORD_COPY_OUT, RECORD_RESPONSE,
		RECORD_PUSH,	RECORD_UNMAP,	 RECORD_DETACH};
	struct fixture *f = *state;
	struct link_message message = device();
	struct link_message attach = attachment(f);
	struct link_message detach = {.kind = LINK_DETACH};
	struct link_message answer;
	blkif_sring_t *ring = sim_guest_page(GUEST, 0);
	struct record_region *region;
	uint16_t kinds[16];
	unsigned int count;
	int fds[LINK_MAX_FDS] = {inflight_create(2),
				 record_region_create(2, 0)};

	assert_int_equal(record_region_map(fds[1], 2, &region), 0);
	message.device.record = 1;
	assert_int_equal(link_send(f->link, &message, fds, 2), 0);
	close(fds[0]);
	close(fds[1]);
	assert_int_equal(step(f), 0);
	assert_int_equal(link_receive(f->link, &answer, fds, &count), 1);
	assert_int_equal(answer.kind, LINK_READY);
	assert_int_equal(ask(f, &attach, -1), LINK_ATTACHED);
	memset(&ring->ring[0].req, 0, sizeof(ring->ring[0].req));
	ring->ring[0].req.nr_segments = 1;
	ring->ring[0].req.seg[0].gref = 100;
	ring->req_prod++;
	assert_int_equal(step(f), 0);
	assert_int_equal(ask(f, &detach, -1), LINK_DETACHED);
	count = recorded(region, kinds, 16);
	assert_int_equal(count, sizeof(wanted) / sizeof(wanted[0]));
	assert_memory_equal(kinds, wanted, sizeof(wanted));
	record_region_unmap(region, 2);
}

/* What is said to be memory for records, and is not, ends the worker. */
static void test_a_wrong_memory_for_records_is_refused(void **state)
{
	struct fixture *f = *state;
	struct link_message message = device();
	int fds[] = {inflight_create(2), inflight_create(2)};

	message.device.record = 1;
	assert_int_equal(link_send(f->link, &message, fds, 2), 0);
	assert_int_equal(step(f), -EINVAL);
	close(fds[0]);
	close(fds[1]);
}

int main(void)
{
#define WORKER_TEST(t) cmocka_unit_test_setup_teardown(t, setup, teardown)
	const struct CMUnitTest tests[] = {
		WORKER_TEST(test_device_attach_serve_detach),
		WORKER_TEST(test_a_bad_ring_is_refused_and_the_next_try_works),
		WORKER_TEST(test_a_broken_ring_is_told_once),
		WORKER_TEST(test_messages_out_of_turn_end_the_worker),
		WORKER_TEST(test_the_end_of_the_link_is_the_end),
		WORKER_TEST(test_without_xen_there_is_no_disk),
		WORKER_TEST(test_what_a_queue_does_is_recorded),
		WORKER_TEST(test_a_wrong_memory_for_records_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
