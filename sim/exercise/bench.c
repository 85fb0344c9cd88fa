/*
 * What the simulator's own calls cost, one thread, best of several rounds, in
 * nanoseconds per call.
 */
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "sim/exercise/exercise.h"

#define ROUNDS 7u
#define CALLS  20000u

struct bench {
	struct exercise_offer offer;
	xengnttab_handle *handle;
	xenevtchn_handle *events;
	evtchn_port_t port;		 /* bound to the guest's */
	evtchn_port_t near_end, far_end; /* bound to each other */
};

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static void notify(struct bench *bench)
{
	EXPECT(xenevtchn_notify(bench->events, bench->port) == 0);
}

static void copy_page(struct bench *bench)
{
	static uint8_t data[EXERCISE_PAGE];
	xengnttab_grant_copy_segment_t segment = {
		.flags = GNTCOPY_source_gref,
		.source.foreign = {.ref = bench->offer.gref[1],
				   .domid = (uint16_t)bench->offer.domid},
		.dest.virt = data,
		.len = EXERCISE_PAGE,
	};

	EXPECT(xengnttab_grant_copy(bench->handle, 1, &segment) == 0);
}

static void map_unmap(struct bench *bench)
{
	void *page = xengnttab_map_grant_ref(bench->handle, bench->offer.domid,
					     bench->offer.gref[1],
					     PROT_READ | PROT_WRITE);

	EXPECT(page);
	EXPECT(xengnttab_unmap(bench->handle, page, 1) == 0);
}

static void round_trip(struct bench *bench)
{
	EXPECT(xenevtchn_notify(bench->events, bench->port) == 0);
	EXPECT(xenevtchn_pending(bench->events) == (int)bench->port);
	EXPECT(xenevtchn_unmask(bench->events, bench->port) == 0);
}

/* To a port of our own: what the calls cost without another process. */
static void to_itself(struct bench *bench)
{
	EXPECT(xenevtchn_notify(bench->events, bench->near_end) == 0);
	EXPECT(xenevtchn_pending(bench->events) == (int)bench->far_end);
	EXPECT(xenevtchn_unmask(bench->events, bench->far_end) == 0);
}

static void bind_to_itself(struct bench *bench)
{
	int far_end = xenevtchn_bind_unbound_port(bench->events, 0), near_end;

	EXPECT(far_end > 0);
	near_end = xenevtchn_bind_interdomain(bench->events, 0,
					      (evtchn_port_t)far_end);
	EXPECT(near_end > 0);
	EXPECT(xenevtchn_pending(bench->events) == near_end);
	EXPECT(xenevtchn_unmask(bench->events, (evtchn_port_t)near_end) == 0);
	bench->far_end = (evtchn_port_t)far_end;
	bench->near_end = (evtchn_port_t)near_end;
}

static void measure(struct bench *bench, const char *name,
		    void (*call)(struct bench *bench))
{
	uint64_t best = UINT64_MAX;

	for (unsigned int round = 0; round < ROUNDS; round++) {
		uint64_t start = now_ns(), took;

		for (unsigned int i = 0; i < CALLS; i++)
			call(bench);
		took = now_ns() - start;
		if (took < best)
			best = took;
	}
	printf("%-34s %8.1f ns\n", name, (double)best / CALLS);
}

int exercise_bench(uint32_t domid)
{
	struct bench bench = {
		.handle = xengnttab_open(NULL, 0),
		.events = xenevtchn_open(NULL, 0),
	};
	int port;

	EXPECT(bench.handle && bench.events);
	exercise_offer(domid, &bench.offer);
	port = xenevtchn_bind_interdomain(bench.events, domid,
					  bench.offer.port);
	EXPECT(port > 0);
	bench.port = (evtchn_port_t)port;
	EXPECT(xenevtchn_pending(bench.events) == port);
	EXPECT(xenevtchn_unmask(bench.events, bench.port) == 0);
	measure(&bench, "notify the guest and be answered", round_trip);
	measure(&bench, "grant copy 4 KiB", copy_page);
	measure(&bench, "map and unmap one page", map_unmap);
	bind_to_itself(&bench);
	measure(&bench, "notify, read, unmask (no switch)", to_itself);
	EXPECT(xenevtchn_notify(bench.events, bench.near_end) == 0);
	bench.port = bench.near_end;
	measure(&bench, "notify (port masked: no wake-up)", notify);
	return 0;
}
