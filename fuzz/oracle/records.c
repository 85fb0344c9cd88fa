/* A worker's records, read at rest.  See records.h. */
#include "fuzz/oracle/records.h"

#include <stdatomic.h>
#include <string.h>

#include "fuzz/oracle/oracle.h"

static struct {
	uint64_t at, time_ns;
	uint64_t responses, pushed;
	bool lost;
} seen[LIMIT_QUEUES];

void records_begin(const struct record_region *region, unsigned int queues)
{
	memset(seen, 0, sizeof(seen));
	for (unsigned int q = 0; q < queues; q++)
		seen[q].at = atomic_load(&region->ring[q].head);
}

static void copy_out(const struct record_ring *ring, uint64_t at, void *to,
		     size_t bytes)
{
	for (size_t i = 0; i < bytes; i++)
		((uint8_t *)to)[i] =
			ring->byte[(at + i) % LIMIT_RECORD_RING_BYTES];
}

static void count(unsigned int q, const struct record_ring *ring,
		  const struct record_header *header)
{
	struct record_push push;

	seen[q].responses += header->kind == RECORD_RESPONSE;
	seen[q].lost |= header->kind == RECORD_LOST;
	if (header->kind != RECORD_PUSH)
		return;
	copy_out(ring, seen[q].at + sizeof(*header), &push, sizeof(push));
	seen[q].pushed += push.count;
}

static bool look(unsigned int q, const struct record_ring *ring,
		 uint64_t filled)
{
	struct record_header header;

	copy_out(ring, seen[q].at, &header, sizeof(header));
	if (header.bytes < sizeof(header) || header.bytes % 8 != 0 ||
	    header.bytes > filled || header.bytes > LIMIT_RECORD_BYTES ||
	    header.kind < RECORD_ATTACH ||
	    header.kind >= RECORD_WORKER_KINDS_END || header.queue != q) {
		oracle_fail(ORACLE_RECORDS,
			    "queue %u wrote a record of kind %u with %u bytes",
			    q, header.kind, header.bytes);
		return false;
	}
	if (header.time_ns < seen[q].time_ns)
		oracle_fail(ORACLE_RECORDS, "a record of queue %u goes back",
			    q);
	seen[q].time_ns = header.time_ns;
	count(q, ring, &header);
	seen[q].at += header.bytes;
	return true;
}

void records_check(struct record_region *region, unsigned int queues)
{
	for (unsigned int q = 0; q < queues; q++) {
		struct record_ring *ring = &region->ring[q];
		const uint64_t head = atomic_load(&ring->head);

		if (head - seen[q].at > LIMIT_RECORD_RING_BYTES)
			oracle_fail(ORACLE_RECORDS,
				    "queue %u wrote over what was not read", q);
		while (seen[q].at != head && look(q, ring, head - seen[q].at)) {
		}
		seen[q].lost |= atomic_load(&ring->lost) != 0;
		if (seen[q].pushed != seen[q].responses && !seen[q].lost)
			oracle_fail(ORACLE_RECORDS,
				    "queue %u recorded %llu answers and pushed "
				    "%llu",
				    q, (unsigned long long)seen[q].responses,
				    (unsigned long long)seen[q].pushed);
		atomic_store(&ring->tail, seen[q].at);
	}
}
