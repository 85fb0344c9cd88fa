/* What map, unmap, copy and touch cost, per page: see probe.h. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "conformance/lab/probe/probe.h"

#define BATCH_MAX 256u

struct batch {
	struct probe *probe;
	unsigned int count;
	double map_ns[PROBE_ROUNDS], unmap_ns[PROBE_ROUNDS];
	unsigned int rounds;
	uint8_t *pages;	 /* mapped for good, for touching */
	uint8_t *buffer; /* ordinary memory */
	xengnttab_grant_copy_segment_t segment[BATCH_MAX];
};

static const unsigned int counts[] = {1, 11, 32, 256};

static int map_and_unmap(void *context)
{
	struct batch *batch = context;
	struct contract *c = &batch->probe->contract;
	double begin = probe_now(), middle;
	void *pages = xengnttab_map_domain_grant_refs(
		c->gnttab, batch->count, c->peer, batch->probe->ref,
		PROT_READ | PROT_WRITE);

	if (pages == NULL)
		return -errno;
	middle = probe_now();
	if (xengnttab_unmap(c->gnttab, pages, batch->count) != 0)
		return -errno;
	batch->map_ns[batch->rounds] = middle - begin;
	batch->unmap_ns[batch->rounds++] = probe_now() - middle;
	return 0;
}

/* A mapping that is used before it goes: as a request does. */
static int map_touch_unmap(void *context)
{
	struct batch *batch = context;
	struct contract *c = &batch->probe->contract;
	uint8_t *pages = xengnttab_map_domain_grant_refs(
		c->gnttab, batch->count, c->peer, batch->probe->ref,
		PROT_READ | PROT_WRITE);

	if (pages == NULL)
		return -errno;
	memcpy(batch->buffer, pages, (size_t)batch->count * CONTRACT_PAGE);
	return xengnttab_unmap(c->gnttab, pages, batch->count) != 0 ? -errno
								    : 0;
}

static int touch(void *context)
{
	struct batch *batch = context;

	memcpy(batch->buffer, batch->pages,
	       (size_t)batch->count * CONTRACT_PAGE);
	return 0;
}

/* bytes of each page, from the guest's to ours */
static void describe_copies(struct batch *batch, uint16_t bytes)
{
	const struct probe *probe = batch->probe;

	memset(batch->segment, 0, sizeof(batch->segment));
	for (unsigned int i = 0; i < batch->count; i++) {
		xengnttab_grant_copy_segment_t *s = &batch->segment[i];

		s->flags = GNTCOPY_source_gref;
		s->len = bytes;
		s->source.foreign.ref = probe->ref[i];
		s->source.foreign.domid = (uint16_t)probe->contract.peer;
		s->dest.virt = batch->buffer + (size_t)i * CONTRACT_PAGE;
	}
}

static int copy(void *context)
{
	struct batch *batch = context;

	if (xengnttab_grant_copy(batch->probe->contract.gnttab, batch->count,
				 batch->segment) != 0)
		return -errno;
	for (unsigned int i = 0; i < batch->count; i++) {
		if (batch->segment[i].status != GNTST_okay) {
			errno = EIO;
			return -EIO;
		}
	}
	return 0;
}

static void say(struct batch *batch, const char *what, double ns)
{
	char id[64];

	snprintf(id, sizeof(id), "costs.%s.%u", what, batch->count);
	if (ns < 0)
		probe_word(batch->probe, id, "fails: %s", strerror(errno));
	else
		probe_number(batch->probe, id, ns / batch->count, "ns/page");
}

static void measure_touch(struct batch *batch)
{
	struct contract *c = &batch->probe->contract;

	batch->pages = xengnttab_map_domain_grant_refs(
		c->gnttab, batch->count, c->peer, batch->probe->ref,
		PROT_READ | PROT_WRITE);
	if (batch->pages == NULL) {
		say(batch, "persistent-copy", -1);
		return;
	}
	say(batch, "persistent-copy", probe_median(batch->probe, touch, batch));
	xengnttab_unmap(c->gnttab, batch->pages, batch->count);
}

static void measure(struct batch *batch)
{
	double whole = probe_median(batch->probe, map_and_unmap, batch);

	if (whole < 0) {
		say(batch, "map-unmap", whole);
		return;
	}
	say(batch, "map-unmap", whole);
	say(batch, "map", probe_middle(batch->map_ns, batch->rounds));
	say(batch, "unmap", probe_middle(batch->unmap_ns, batch->rounds));
	say(batch, "map-copy-unmap",
	    probe_median(batch->probe, map_touch_unmap, batch));
	measure_touch(batch);
	describe_copies(batch, CONTRACT_PAGE);
	say(batch, "grant-copy", probe_median(batch->probe, copy, batch));
	describe_copies(batch, 512);
	say(batch, "grant-copy-512", probe_median(batch->probe, copy, batch));
}

void probe_costs(struct probe *probe)
{
	int result = probe_share(probe, BATCH_MAX);
	uint8_t *buffer;

	if (result != 0) {
		probe_word(probe, "costs", "the peer shares no %u pages: %s",
			   BATCH_MAX, strerror(-result));
		return;
	}
	buffer =
		aligned_alloc(CONTRACT_PAGE, (size_t)BATCH_MAX * CONTRACT_PAGE);
	if (buffer == NULL)
		return;
	memset(buffer, 1, (size_t)BATCH_MAX * CONTRACT_PAGE);
	for (unsigned int i = 0; i < sizeof(counts) / sizeof(*counts); i++) {
		struct batch batch = {
			.probe = probe, .count = counts[i], .buffer = buffer};

		measure(&batch);
	}
	free(buffer);
}
