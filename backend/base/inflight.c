/* The in-flight region: its memory, its slots and their states.  See
 * inflight.h. */
#include "backend/base/inflight.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backend/base/check.h"
#include "backend/base/checked.h"

#define REGION_MAGIC   0x78626c6bu
#define REGION_VERSION 2u

/* From ISSUED, FLUSHING and ANSWERED there is a way back: a new worker's, which
 * begins again what the one before it cannot have finished. */
static const bool transitions[INFLIGHT_STATE_COUNT][INFLIGHT_STATE_COUNT] = {
	[INFLIGHT_FREE] = {[INFLIGHT_TAKEN] = true,
			   [INFLIGHT_DONE] = true}, /* a refused request */
	[INFLIGHT_TAKEN] = {[INFLIGHT_ISSUED] = true,
			    [INFLIGHT_FLUSHING] = true, /* an empty flush */
			    [INFLIGHT_DONE] = true},	/* a bad grant */
	[INFLIGHT_ISSUED] = {[INFLIGHT_FLUSHING] = true,
			     [INFLIGHT_DONE] = true,
			     [INFLIGHT_TAKEN] = true},
	[INFLIGHT_FLUSHING] = {[INFLIGHT_DONE] = true,
			       [INFLIGHT_ISSUED] = true, /* of a barrier */
			       [INFLIGHT_TAKEN] = true},
	[INFLIGHT_DONE] = {[INFLIGHT_ANSWERED] = true},
	[INFLIGHT_ANSWERED] = {[INFLIGHT_FREE] = true, [INFLIGHT_DONE] = true},
};

size_t inflight_region_bytes(unsigned int queues)
{
	CHECK(queues >= 1 && queues <= LIMIT_QUEUES);
	return sizeof(struct inflight_region) +
	       queues * sizeof(struct inflight_queue);
}

size_t inflight_stats_offset(unsigned int queue)
{
	CHECK(queue < LIMIT_QUEUES);
	return offsetof(struct inflight_region, queue) +
	       queue * sizeof(struct inflight_queue) +
	       offsetof(struct inflight_queue, stats);
}

int inflight_create(unsigned int queues)
{
	/* Sealed: whoever maps it relies on its length. */
	const int seals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL;
	int fd = memfd_create("xenblk-inflight",
			      MFD_CLOEXEC | MFD_ALLOW_SEALING);
	int error;

	if (fd < 0)
		return -errno;
	error = inflight_format(fd, queues);
	if (!error && fcntl(fd, F_ADD_SEALS, seals) != 0)
		error = -errno;
	if (!error)
		return fd;
	close(fd);
	return error;
}

static struct inflight_region header_of(unsigned int queues)
{
	const struct inflight_region header = {
		.magic = REGION_MAGIC,
		.version = REGION_VERSION,
		.queues = queues,
		.queue_bytes = sizeof(struct inflight_queue),
	};

	return header;
}

int inflight_format(int fd, unsigned int queues)
{
	const struct inflight_region header = header_of(queues);
	ssize_t n;

	if (ftruncate(fd, (off_t)inflight_region_bytes(queues)) != 0)
		return -errno;
	n = pwrite(fd, &header, sizeof(header), 0);
	if (n < 0)
		return -errno;
	return n == (ssize_t)sizeof(header) ? 0 : -EIO;
}

int inflight_examine(int fd, unsigned int queues)
{
	const struct inflight_region wanted = header_of(queues);
	struct inflight_region found;
	struct stat status;

	if (fstat(fd, &status) != 0)
		return -errno;
	if ((size_t)status.st_size != inflight_region_bytes(queues) ||
	    pread(fd, &found, sizeof(found), 0) != (ssize_t)sizeof(found) ||
	    memcmp(&found, &wanted,
		   offsetof(struct inflight_region, connection)) != 0)
		return -EINVAL;
	return 0;
}

int inflight_map(int fd, unsigned int queues, struct inflight_region **region)
{
	size_t bytes = inflight_region_bytes(queues);
	int error = inflight_examine(fd, queues);
	struct inflight_region *r;

	if (error)
		return error;
	r = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (r == MAP_FAILED)
		return -errno;
	*region = r;
	return 0;
}

void inflight_unmap(struct inflight_region *region, unsigned int queues)
{
	if (region)
		munmap(region, inflight_region_bytes(queues));
}

/* Everything stored before is in the table when this word is. */
static void store(_Atomic uint32_t *word, uint32_t value)
{
	atomic_store_explicit(word, value, memory_order_release);
}

static uint32_t load(const _Atomic uint32_t *word)
{
	return atomic_load_explicit(word, memory_order_relaxed);
}

void inflight_reset(struct inflight_queue *queue, unsigned int slots,
		    uint32_t index)
{
	CHECK(slots >= 1 && slots <= LIMIT_RING_SLOTS);
	queue->slots = slots;
	queue->used = 0;
	queue->free = 0;
	queue->answered = 0;
	for (unsigned int i = slots; i-- > 0;) {
		store(&queue->slot[i].state, INFLIGHT_FREE);
		queue->slot[i].next = queue->free;
		queue->free = i + 1;
	}
	store(&queue->req_cons, index);
	store(&queue->rsp_prod, index);
	store(&queue->rsp_pushing, index);
}

void inflight_set_state(struct inflight_slot *slot, enum inflight_state to)
{
	enum inflight_state from = inflight_state(slot);

	CHECK(from < INFLIGHT_STATE_COUNT);
	CHECK(transitions[from][to]);
	store(&slot->state, to);
}

unsigned int inflight_index(const struct inflight_queue *queue,
			    const struct inflight_slot *slot)
{
	ptrdiff_t index = slot - queue->slot;

	CHECK(index >= 0 && index < (ptrdiff_t)queue->slots);
	return (unsigned int)index;
}

/* --- on the way: taken, finished, answered, pushed --- */

static struct inflight_slot *free_slot(struct inflight_queue *queue)
{
	CHECK(queue->free >= 1 && queue->free <= queue->slots);
	CHECK(queue->used < queue->slots);
	return &queue->slot[queue->free - 1];
}

/* The state is the moment: before it, the slot is free and the request still
 * to be taken; after it, it is ours to answer. */
static void consume(struct inflight_queue *queue, struct inflight_slot *slot,
		    enum inflight_state to)
{
	queue->free = slot->next;
	queue->used++;
	slot->next = 0;
	slot->index = load(&queue->req_cons);
	inflight_set_state(slot, to);
	store(&queue->req_cons, slot->index + 1);
}

struct inflight_slot *inflight_take(struct inflight_queue *queue,
				    const struct request *request)
{
	struct inflight_slot *slot = free_slot(queue);

	CHECK(request->segments <=
	      (request->indirect ? LIMIT_INDIRECT_SEGMENTS : LIMIT_SEGMENTS));
	slot->request = *request;
	consume(queue, slot, INFLIGHT_TAKEN);
	return slot;
}

struct inflight_slot *inflight_take_refused(struct inflight_queue *queue,
					    const struct request *request,
					    int16_t status)
{
	struct inflight_slot *slot = free_slot(queue);

	CHECK(status < 0);
	slot->request.id = request->id;
	slot->request.operation = request->operation;
	slot->status = status;
	consume(queue, slot, INFLIGHT_DONE);
	return slot;
}

void inflight_finish(struct inflight_slot *slot, int16_t status)
{
	CHECK(status <= 0);
	slot->status = status;
	inflight_set_state(slot, INFLIGHT_DONE);
}

void inflight_answer(struct inflight_queue *queue, struct inflight_slot *slot)
{
	CHECK(load(&queue->rsp_pushing) == load(&queue->rsp_prod));
	inflight_set_state(slot, INFLIGHT_ANSWERED);
	slot->next = queue->answered;
	queue->answered = inflight_index(queue, slot) + 1;
}

void inflight_push(struct inflight_queue *queue, uint32_t rsp_prod)
{
	CHECK(rsp_prod - load(&queue->rsp_prod) <= queue->slots);
	CHECK(queue->answered != 0);
	store(&queue->rsp_pushing, rsp_prod);
}

void inflight_pushed(struct inflight_queue *queue)
{
	struct inflight_slot *slot;

	for (uint32_t i = queue->answered; i != 0; i = queue->answered) {
		slot = &queue->slot[i - 1];
		queue->answered = slot->next;
		inflight_set_state(slot, INFLIGHT_FREE);
		slot->next = queue->free;
		queue->free = i;
		CHECK(queue->used > 0);
		queue->used--;
	}
	store(&queue->rsp_prod, load(&queue->rsp_pushing));
}

/* --- after a death --- */

/* How many slots are in a state; false when one is in none. */
static bool count_states(const struct inflight_queue *queue,
			 uint32_t count[INFLIGHT_STATE_COUNT])
{
	memset(count, 0, INFLIGHT_STATE_COUNT * sizeof(count[0]));
	for (uint32_t i = 0; i < queue->slots; i++) {
		uint32_t state = load(&queue->slot[i].state);

		if (state >= INFLIGHT_STATE_COUNT)
			return false;
		count[state]++;
	}
	return true;
}

/* Lists and counts follow from the states. */
static void rebuild(struct inflight_queue *queue)
{
	queue->free = 0;
	queue->answered = 0;
	queue->used = queue->slots;
	for (uint32_t i = queue->slots; i-- > 0;) {
		struct inflight_slot *slot = &queue->slot[i];

		slot->next = 0;
		if (inflight_state(slot) != INFLIGHT_FREE)
			continue;
		slot->next = queue->free;
		queue->free = i + 1;
		queue->used--;
	}
}

/* Each slot to where a new worker can go on from. */
static void rewind_states(struct inflight_queue *queue, bool pushed)
{
	for (uint32_t i = 0; i < queue->slots; i++) {
		struct inflight_slot *slot = &queue->slot[i];

		if (inflight_state(slot) == INFLIGHT_ANSWERED)
			inflight_set_state(slot, pushed ? INFLIGHT_FREE
							: INFLIGHT_DONE);
		else if (inflight_state(slot) == INFLIGHT_ISSUED ||
			 inflight_state(slot) == INFLIGHT_FLUSHING)
			inflight_set_state(slot, INFLIGHT_TAKEN);
	}
}

bool inflight_recover(struct inflight_queue *queue, unsigned int slots,
		      uint32_t rsp_prod)
{
	const uint32_t over = load(&queue->rsp_prod);
	const uint32_t pushing = load(&queue->rsp_pushing);
	const bool pushed = pushing != over && rsp_prod == pushing;
	uint32_t count[INFLIGHT_STATE_COUNT];
	uint32_t unanswered, req_cons;

	CHECK(slots >= 1 && slots <= LIMIT_RING_SLOTS);
	if (queue->slots != slots || pushing - over > slots ||
	    !count_states(queue, count))
		return false;
	/* The guest can write rsp_prod, but there are two values at most that a
	 * worker of ours can have left there. */
	if (rsp_prod != over && rsp_prod != pushing)
		return false;
	unanswered = slots - count[INFLIGHT_FREE];
	if (pushed)
		unanswered -= count[INFLIGHT_ANSWERED];
	req_cons = rsp_prod + unanswered;
	/* Stored after the slot was: it may be one behind. */
	if (req_cons - load(&queue->req_cons) > 1)
		return false;
	rewind_states(queue, pushed);
	rebuild(queue);
	store(&queue->req_cons, req_cons);
	store(&queue->rsp_prod, rsp_prod);
	store(&queue->rsp_pushing, rsp_prod);
	inflight_check(queue);
	return true;
}

/* Oldest first: how long ago it was taken, then its place in the table. */
static uint64_t age(const struct inflight_queue *queue,
		    const struct inflight_slot *slot)
{
	return (uint64_t)(load(&queue->req_cons) - slot->index) << 32 |
	       inflight_index(queue, slot);
}

struct inflight_slot *inflight_oldest(struct inflight_queue *queue,
				      const struct inflight_slot *after)
{
	const uint64_t bound = after ? age(queue, after) : UINT64_MAX;
	struct inflight_slot *oldest = NULL;

	for (uint32_t i = 0; i < queue->slots; i++) {
		struct inflight_slot *slot = &queue->slot[i];

		if (inflight_state(slot) == INFLIGHT_FREE ||
		    age(queue, slot) >= bound)
			continue;
		if (!oldest || age(queue, slot) > age(queue, oldest))
			oldest = slot;
	}
	return oldest;
}

static unsigned int list_length(const struct inflight_queue *queue,
				uint32_t first, enum inflight_state state)
{
	unsigned int length = 0;

	for (uint32_t i = first; i != 0; i = queue->slot[i - 1].next) {
		CHECK(i <= queue->slots);
		CHECK(inflight_state(&queue->slot[i - 1]) == state);
		CHECK(++length <= queue->slots);
	}
	return length;
}

void inflight_check(const struct inflight_queue *queue)
{
	uint32_t count[INFLIGHT_STATE_COUNT];

	CHECK(queue->slots >= 1 && queue->slots <= LIMIT_RING_SLOTS);
	CHECK(count_states(queue, count));
	CHECK(list_length(queue, queue->free, INFLIGHT_FREE) ==
	      count[INFLIGHT_FREE]);
	CHECK(list_length(queue, queue->answered, INFLIGHT_ANSWERED) ==
	      count[INFLIGHT_ANSWERED]);
	CHECK(queue->used == queue->slots - count[INFLIGHT_FREE]);
	CHECK(load(&queue->req_cons) - load(&queue->rsp_prod) == queue->used);
}
