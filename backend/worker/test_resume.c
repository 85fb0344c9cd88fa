/*
 * A worker is cut off before and after every single store that it makes to its
 * table, and another one goes on: each request is answered exactly once, the
 * guest's memory and the disk are right, what was answered stays as it was.
 *
 * The real code runs, under the knife of test_knife.h.  Who was cut off is never
 * used again, and its handles close as a process's do.  What it does to the ring
 * lies between two stores to the table, so every order of the two is met.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <xenevtchn.h>
#include <xen/io/blkif.h>

#include "backend/base/log.h"
#include "backend/worker/queue.h"
#include "backend/worker/vbd.h"
#include "backend/worker/test_knife.h"
#include "sim/sim.h"

#define GUEST	      3u
#define SECTORS	      256u
#define RING_GREF     64u
#define DATA_GREF(i)  (100 + (i))
#define DATA_FRAME(i) (16 + (i))
#define PAGES	      8u
#define FIRST	      0xfffffffbu /* indices wrap on the way */
#define REQUESTS      11u
#define SLOTS	      32u
#define HELD	      16u

/* --- a disk that finishes when it is told to, last in, first out --- */

struct slow_image {
	struct image image; /* first */
	struct image_channel channel;
	bool slow;
	struct image_io held[HELD];
	struct iovec iov[HELD][LIMIT_SEGMENTS];
	unsigned int holding;
	struct image_done done[HELD];
	unsigned int finished;
	unsigned int flushes;
	unsigned char disk[SECTORS * SECTOR_BYTES];
};

/* What a death leaves, and what the one that dies holds. */
static struct {
	struct slow_image *image;
	struct inflight_region *region;
	struct vbd *vbd;
	struct link_attach attach;
	xenevtchn_handle *guest;
	evtchn_port_t port;
	unsigned int pushed; /* requests of the script so far */
} w;

static void *leaked[8192]; /* who was cut off, for leak checkers */
static unsigned int leaks;

/* --- the image --- */

static void slow_info(const struct image *image, struct image_info *info)
{
	(void)image;
	memset(info, 0, sizeof(*info));
	info->sectors = SECTORS;
	info->physical_block_bytes = SECTOR_BYTES;
}

static int slow_open(struct image *image, unsigned int queue,
		     unsigned int depth, struct image_channel **channel)
{
	(void)queue;
	(void)depth;
	w.image->holding = 0; /* a dead one's I/O has ended one way or other */
	w.image->finished = 0;
	w.image->channel.operations = image->operations;
	*channel = &w.image->channel;
	return 0;
}

static void slow_close(struct image_channel *channel)
{
	(void)channel;
}

static void slow_finish(struct image_io *io)
{
	unsigned char *at = w.image->disk + io->sector * SECTOR_BYTES;

	for (uint32_t i = 0; i < io->iov_count; i++) {
		if (io->operation == IMAGE_WRITE)
			memcpy(at, io->iov[i].iov_base, io->iov[i].iov_len);
		else
			memcpy(io->iov[i].iov_base, at, io->iov[i].iov_len);
		at += io->iov[i].iov_len;
	}
	w.image->flushes += io->operation == IMAGE_FLUSH;
	w.image->done[w.image->finished++].tag = io->tag;
}

static int slow_submit(struct image_channel *channel, const struct image_io *io)
{
	struct image_io *held = &w.image->held[w.image->holding];

	(void)channel;
	assert_true(w.image->holding < HELD);
	*held = *io;
	memcpy(w.image->iov[w.image->holding], io->iov,
	       io->iov_count * sizeof(io->iov[0]));
	held->iov = w.image->iov[w.image->holding++];
	return 0;
}

static void release(unsigned int count)
{
	while (count-- > 0 && w.image->holding > 0)
		slow_finish(&w.image->held[--w.image->holding]);
}

static unsigned int slow_poll(struct image_channel *channel,
			      struct image_done *done, unsigned int room)
{
	unsigned int n;

	(void)channel;
	if (!w.image->slow)
		release(HELD);
	n = w.image->finished;
	assert_true(n <= room);
	memcpy(done, w.image->done, n * sizeof(done[0]));
	w.image->finished = 0;
	return n;
}

static int slow_descriptor(const struct image_channel *channel)
{
	(void)channel;
	return -1;
}

static void slow_destroy(struct image *image)
{
	(void)image;
}

static const struct image_operations slow_operations = {
	.info = slow_info,
	.open_channel = slow_open,
	.close_channel = slow_close,
	.submit = slow_submit,
	.poll = slow_poll,
	.descriptor = slow_descriptor,
	.close = slow_destroy,
};

/* --- the guest --- */

static blkif_sring_t *ring(void)
{
	return sim_guest_page(GUEST, 0);
}

static const struct blkif_response *response(unsigned int n)
{
	return &ring()->ring[(FIRST + n) % SLOTS].rsp;
}

static unsigned int answered(void)
{
	return ring()->rsp_prod - FIRST;
}

static unsigned char *data(unsigned int page)
{
	return sim_guest_page(GUEST, DATA_FRAME(page));
}

static void put(uint8_t operation, uint64_t sector, unsigned int page)
{
	struct blkif_request *r = &ring()->ring[ring()->req_prod % SLOTS].req;

	memset(r, 0, sizeof(*r));
	r->operation = operation;
	r->id = 1000 + w.pushed++;
	r->sector_number = sector;
	if (operation != BLKIF_OP_FLUSH_DISKCACHE) {
		r->nr_segments = 1;
		r->seg[0].gref = DATA_GREF(page);
		r->seg[0].last_sect = 7;
	}
	ring()->req_prod++;
}

/* What each of the script's requests must be answered with. */
static int wanted_status(unsigned int n)
{
	switch (n) {
	case 2:
		return BLKIF_RSP_EOPNOTSUPP;
	case 4:
		return BLKIF_RSP_ERROR;
	default:
		return BLKIF_RSP_OKAY;
	}
}

static void first_requests(void)
{
	put(BLKIF_OP_WRITE, 0, 0);
	put(BLKIF_OP_READ, 64, 1);
	put(77, 0, 0);
	put(BLKIF_OP_WRITE, 16, 2);
	put(BLKIF_OP_READ, SECTORS - 1, 3); /* beyond the end */
	put(BLKIF_OP_FLUSH_DISKCACHE, 0, 0);
}

static void more_requests(void)
{
	put(BLKIF_OP_READ, 72, 4);
	put(BLKIF_OP_WRITE, 32, 5);
	put(BLKIF_OP_FLUSH_DISKCACHE, 0, 0);
	put(BLKIF_OP_READ, 80, 6);
	put(BLKIF_OP_WRITE_BARRIER, 40, 7);
}

/* --- the worker --- */

static void turn(void)
{
	queue_turn(vbd_queue(w.vbd, 0));
}

static enum refusal attached;

static void attach(void)
{
	unsigned int queue;

	attached = vbd_attach(w.vbd, &w.attach, &queue);
}

static void make_worker_of(uint64_t sectors)
{
	const struct vbd_options options = {.domid = GUEST,
					    .devid = 51712,
					    .sectors = sectors,
					    .max_queues = 1,
					    .persistent_cap = 4,
					    .image = &w.image->image,
					    .region = w.region};

	assert_int_equal(vbd_create(&options, &w.vbd), 0);
}

static void make_worker(void)
{
	make_worker_of(SECTORS);
}

static void bury_worker(void)
{
	assert_true(leaks < 8192);
	leaked[leaks++] = w.vbd;
	w.vbd = NULL;
	sim_process_dies(0);
}

static void make_world(void)
{
	sim_reset(1);
	assert_int_equal(sim_domain_create(GUEST, 64), 0);
	SHARED_RING_INIT(ring());
	ring()->req_prod = ring()->rsp_prod = FIRST;
	sim_grant(GUEST, RING_GREF, 0, 0, 0);
	for (unsigned int i = 0; i < PAGES; i++) {
		sim_grant(GUEST, DATA_GREF(i), 0, DATA_FRAME(i), 0);
		memset(data(i), 0x10 + (int)i, XEN_PAGE_BYTES);
	}
	sim_enter(GUEST);
	w.guest = xenevtchn_open(NULL, 0);
	w.port = (evtchn_port_t)xenevtchn_bind_unbound_port(w.guest, 0);
	sim_enter(0);
	memset(w.region, 0, inflight_region_bytes(1));
	memset(w.image, 0, sizeof(*w.image));
	w.image->image.operations = &slow_operations;
	w.image->slow = true;
	memset(w.image->disk, 0xd0, sizeof(w.image->disk));
	w.attach.resume = 0;
	w.attach.queue[0].event_channel = w.port;
	w.pushed = 0;
	make_worker();
	attach();
	assert_int_equal(attached, REFUSAL_NONE);
}

/* The life of a connection, up to here or until the knife falls. */
static void play_script(void)
{
	first_requests();
	carefully(turn);
	release(2);
	carefully(turn);
	more_requests();
	carefully(turn);
	release(1);
	carefully(turn);
	w.image->slow = false;
	for (unsigned int i = 0; i < 8; i++) /* the barrier's steps, too */
		carefully(turn);
}

/* Whatever the script had not asked for yet, and all answers. */
static void play_to_the_end(void)
{
	if (w.pushed == 0)
		first_requests();
	if (w.pushed < REQUESTS)
		more_requests();
	w.image->slow = false;
	for (unsigned int i = 0; i < 20; i++) {
		turn();
		vbd_check(w.vbd);
	}
}

static void expect_all_answered_once(void)
{
	unsigned int seen[REQUESTS] = {0};

	assert_int_equal(answered(), REQUESTS);
	for (unsigned int n = 0; n < REQUESTS; n++) {
		uint64_t id = response(n)->id - 1000;

		assert_true(id < REQUESTS);
		seen[id]++;
		assert_int_equal(response(n)->status,
				 wanted_status((unsigned int)id));
	}
	for (unsigned int id = 0; id < REQUESTS; id++)
		assert_int_equal(seen[id], 1);
}

static void expect_bytes(const unsigned char *at, unsigned char value)
{
	for (size_t i = 0; i < XEN_PAGE_BYTES; i++)
		assert_int_equal(at[i], value);
}

static void expect_data(void)
{
	static const unsigned int written[] = {0, 2, 5, 7};
	static const unsigned int read[] = {1, 4, 6};
	static const unsigned int sector[] = {0, 16, 32, 40};

	for (unsigned int i = 0; i < 3; i++)
		expect_bytes(data(read[i]), 0xd0);
	for (unsigned int i = 0; i < 4; i++) {
		expect_bytes(data(written[i]),
			     (unsigned char)(0x10 + written[i]));
		expect_bytes(w.image->disk + sector[i] * SECTOR_BYTES,
			     (unsigned char)(0x10 + written[i]));
	}
	/* What was refused has moved nothing. */
	expect_bytes(data(3), 0x13);
	assert_true(w.image->flushes >= 4);
}

/* A worker that goes on; cut off itself if the knife is on. */
static void resume(void)
{
	make_worker();
	w.attach.resume = 1;
	carefully(attach);
	if (attached == REFUSAL_NONE)
		carefully(turn);
}

static void finish_and_check(const unsigned char *before, unsigned int count)
{
	assert_int_equal(attached, REFUSAL_NONE);
	/* The guest may have been left without the event. */
	assert_true(sim_port_pending(GUEST, w.port));
	play_to_the_end();
	expect_all_answered_once();
	expect_data();
	/* What the guest had seen is still what it saw. */
	for (unsigned int n = 0; n < count; n++)
		assert_memory_equal(before + n * sizeof(struct blkif_response),
				    response(n), sizeof(*response(n)));
	vbd_destroy(w.vbd);
	w.vbd = NULL;
}

static void take_events(void)
{
	xenevtchn_port_or_error_t port = xenevtchn_pending(w.guest);

	if (port >= 0)
		assert_int_equal(xenevtchn_unmask(w.guest, (evtchn_port_t)port),
				 0);
	assert_false(sim_port_pending(GUEST, w.port));
}

static bool is_cut(void (*part)(void), uint32_t at)
{
	if (!knife_falls(part, at))
		return false;
	bury_worker();
	return true;
}

static bool cut_script(uint32_t at)
{
	make_world();
	return is_cut(play_script, at);
}

static void copy_responses(unsigned char *to, unsigned int *count)
{
	*count = answered();
	for (unsigned int n = 0; n < *count; n++)
		memcpy(to + n * sizeof(struct blkif_response), response(n),
		       sizeof(struct blkif_response));
}

static void test_after_every_store(void **state)
{
	unsigned char before[REQUESTS * sizeof(struct blkif_response)];
	unsigned int count;
	uint32_t at;

	(void)state;
	for (uint32_t persistent = 0; persistent < 2; persistent++) {
		w.attach.persistent = persistent;
		/* Every one with copies; every seventh with mapped grants, as
		 * the table is used alike. */
		for (at = 0; cut_script(at); at += persistent ? 7 : 1) {
			copy_responses(before, &count);
			take_events();
			resume();
			finish_and_check(before, count);
		}
		/* The script was long enough to be worth it. */
		assert_true(at > 200);
		play_to_the_end();
		expect_all_answered_once();
		vbd_destroy(w.vbd);
	}
}

/* The one that goes on is cut off as well. */
static void test_after_every_store_of_a_resume(void **state)
{
	static const uint32_t deaths[] = {60, 170};
	unsigned char before[REQUESTS * sizeof(struct blkif_response)];
	unsigned int count;

	(void)state;
	w.attach.persistent = 0;
	for (unsigned int d = 0; d < 2; d++) {
		bool cut = true;

		for (uint32_t at = 0; cut; at++) {
			assert_true(cut_script(deaths[d]));
			cut = is_cut(resume, at);
			copy_responses(before, &count);
			if (cut) {
				take_events();
				resume();
			}
			finish_and_check(before, count);
			assert_true(cut || at > 3);
		}
	}
}

/* What a guest can do to it in the meantime ends its own connection. */
static void test_a_ring_that_was_tampered_with_is_refused(void **state)
{
	(void)state;
	for (unsigned int what = 0; what < 4; what++) {
		struct inflight_queue *queue = &w.region->queue[0];
		enum refusal refusal = REFUSE_TABLE;

		assert_true(cut_script(60));
		assert_true(queue->used > 0);
		switch (what) {
		case 0:
			ring()->rsp_prod += 1;
			break;
		case 1:
			ring()->req_prod += SLOTS;
			refusal = REFUSE_RING_ATTACH;
			break;
		case 2:
			ring()->req_prod = ring()->rsp_prod;
			refusal = REFUSE_RING_ATTACH;
			break;
		default: /* a worker that was taken over */
			inflight_oldest(queue, NULL)->request.segments = 12;
			break;
		}
		make_worker();
		w.attach.resume = 1;
		attach();
		assert_int_equal(attached, refusal);
		vbd_check(w.vbd);
		vbd_destroy(w.vbd);
	}
}

/* The disk is smaller than it was, or there is none any more: what it had taken
 * is answered all the same, and nothing beyond the end is touched. */
static void test_a_disk_that_shrank_answers_what_lies_beyond(void **state)
{
	uint64_t sector;

	(void)state;
	for (uint64_t sectors = 0; sectors < SECTORS; sectors += 8) {
		const struct stats *stats = &w.region->queue[0].stats;
		struct inflight_slot *slot = NULL;
		unsigned int beyond = 0;

		assert_true(cut_script(60));
		while ((slot = inflight_oldest(&w.region->queue[0], slot)))
			if (inflight_state(slot) != INFLIGHT_DONE &&
			    inflight_state(slot) != INFLIGHT_ANSWERED &&
			    slot->request.segments > 0)
				beyond += slot->request.sector +
						  slot->request.sectors >
					  sectors;
		make_worker_of(sectors);
		w.attach.resume = 1;
		w.image->slow = true;
		attach();
		assert_int_equal(attached, REFUSAL_NONE);
		assert_int_equal(stats->refusals[REFUSE_BEYOND_END], beyond);
		queue_turn(vbd_queue(w.vbd, 0));
		for (unsigned int i = 0; i < w.image->holding; i++) {
			sector = w.image->held[i].sector;
			assert_true(w.image->held[i].operation == IMAGE_FLUSH ||
				    sector < sectors);
		}
		w.image->slow = false;
		vbd_destroy(w.vbd);
		w.vbd = NULL;
		if (sectors == 0)
			assert_true(beyond > 0);
	}
}

static int set_up(void **state)
{
	(void)state;
	log_set_level(LOG_ERROR);
	w.image = calloc(1, sizeof(*w.image));
	w.region = mmap(NULL, inflight_region_bytes(1), PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	knife.region = w.region;
	w.attach.queues = 1;
	w.attach.abi = LINK_ABI_X86_64;
	w.attach.barrier = 1;
	w.attach.queue[0].ring_gref[0] = RING_GREF;
	return w.region == MAP_FAILED;
}

static int tear_down(void **state)
{
	(void)state;
	free(w.image);
	return munmap(w.region, inflight_region_bytes(1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_after_every_store),
		cmocka_unit_test(test_after_every_store_of_a_resume),
		cmocka_unit_test(test_a_ring_that_was_tampered_with_is_refused),
		cmocka_unit_test(
			test_a_disk_that_shrank_answers_what_lies_beyond),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
