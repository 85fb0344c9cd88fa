/* The in-flight region: its memory, its slots and their states.  See
 * inflight.h. */
#include "backend/base/inflight.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backend/base/check.h"
#include "backend/base/checked.h"

#define REGION_MAGIC 0x78626c6bu

static const bool transitions[INFLIGHT_STATE_COUNT][INFLIGHT_STATE_COUNT] = {
	[INFLIGHT_FREE] = {[INFLIGHT_TAKEN] = true},
	[INFLIGHT_TAKEN] = {[INFLIGHT_ISSUED] = true,
			    [INFLIGHT_FLUSHING] = true, /* an empty flush */
			    [INFLIGHT_DONE] = true},	/* a bad grant */
	[INFLIGHT_ISSUED] =
		{[INFLIGHT_FLUSHING] = true, [INFLIGHT_DONE] = true},
	[INFLIGHT_FLUSHING] = {[INFLIGHT_DONE] = true},
	[INFLIGHT_DONE] = {[INFLIGHT_FREE] = true},
};

size_t inflight_region_bytes(unsigned int queues)
{
	CHECK(queues >= 1 && queues <= LIMIT_QUEUES);
	return sizeof(struct inflight_region) +
	       queues * sizeof(struct inflight_queue);
}

int inflight_create(unsigned int queues)
{
	const struct inflight_region header = {.magic = REGION_MAGIC,
					       .queues = queues};
	/* Sealed: a worker that a guest took over must not be able to shrink
	 * the region under the supervisor, which reads the counters in it. */
	const int seals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL;
	int fd = memfd_create("xenblk-inflight",
			      MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd < 0)
		return -errno;
	if (ftruncate(fd, (off_t)inflight_region_bytes(queues)) != 0 ||
	    pwrite(fd, &header, sizeof(header), 0) != (ssize_t)sizeof(header) ||
	    fcntl(fd, F_ADD_SEALS, seals) != 0) {
		int error = errno ? -errno : -EIO;

		close(fd);
		return error;
	}
	return fd;
}

int inflight_map(int fd, unsigned int queues, struct inflight_region **region)
{
	struct inflight_region *r;
	size_t bytes = inflight_region_bytes(queues);
	struct stat status;

	if (fstat(fd, &status) != 0)
		return -errno;
	if ((size_t)status.st_size != bytes)
		return -EINVAL;
	r = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (r == MAP_FAILED)
		return -errno;
	if (r->magic != REGION_MAGIC || r->queues != queues) {
		munmap(r, bytes);
		return -EINVAL;
	}
	*region = r;
	return 0;
}

void inflight_unmap(struct inflight_region *region, unsigned int queues)
{
	if (region)
		munmap(region, inflight_region_bytes(queues));
}

void inflight_reset(struct inflight_queue *queue, unsigned int slots)
{
	CHECK(slots >= 1 && slots <= LIMIT_RING_SLOTS);
	queue->slots = slots;
	queue->used = 0;
	queue->free = 0;
	for (unsigned int i = slots; i-- > 0;) {
		queue->slot[i].state = INFLIGHT_FREE;
		queue->slot[i].next = queue->free;
		queue->free = i + 1;
	}
}

void inflight_set_state(struct inflight_slot *slot, enum inflight_state to)
{
	CHECK(slot->state < INFLIGHT_STATE_COUNT);
	CHECK(transitions[slot->state][to]);
	slot->state = to;
}

unsigned int inflight_index(const struct inflight_queue *queue,
			    const struct inflight_slot *slot)
{
	ptrdiff_t index = slot - queue->slot;

	CHECK(index >= 0 && index < (ptrdiff_t)queue->slots);
	return (unsigned int)index;
}

struct inflight_slot *inflight_take(struct inflight_queue *queue)
{
	struct inflight_slot *slot;

	CHECK(queue->free >= 1 && queue->free <= queue->slots);
	CHECK(queue->used < queue->slots);
	slot = &queue->slot[queue->free - 1];
	queue->free = slot->next;
	queue->used++;
	slot->next = 0;
	inflight_set_state(slot, INFLIGHT_TAKEN);
	return slot;
}

void inflight_release(struct inflight_queue *queue, struct inflight_slot *slot)
{
	CHECK(queue->used > 0);
	CHECK(slot->state == INFLIGHT_DONE);
	inflight_set_state(slot, INFLIGHT_FREE);
	slot->next = queue->free;
	queue->free = inflight_index(queue, slot) + 1;
	queue->used--;
}

void inflight_check(const struct inflight_queue *queue)
{
	unsigned int free = 0;
	unsigned int used = 0;

	CHECK(queue->slots >= 1 && queue->slots <= LIMIT_RING_SLOTS);
	for (uint32_t i = queue->free; i != 0; i = queue->slot[i - 1].next) {
		CHECK(i <= queue->slots);
		CHECK(queue->slot[i - 1].state == INFLIGHT_FREE);
		CHECK(++free <= queue->slots);
	}
	for (uint32_t i = 0; i < queue->slots; i++)
		used += queue->slot[i].state != INFLIGHT_FREE;
	CHECK(used == queue->used);
	CHECK(free + used == queue->slots);
}
