/*
 * dom0's end under load, for ever or until killed: maps, copies, unmaps and
 * events as fast as they go, on two threads with handles of their own.
 */
#include <pthread.h>
#include <string.h>
#include <sys/mman.h>

#include "sim/exercise/exercise.h"

static struct exercise_offer offer;

static void *map_for_ever(void *unused)
{
	xengnttab_handle *handle = xengnttab_open(NULL, 0);
	static uint8_t data[EXERCISE_PAGE];
	uint32_t grefs[EXERCISE_PAGES];

	(void)unused;
	EXPECT(handle);
	memcpy(grefs, offer.gref, sizeof(grefs));
	for (unsigned int i = 0;; i++) {
		uint32_t count = 1 + i % (EXERCISE_PAGES - 1);
		xengnttab_grant_copy_segment_t segment = {
			.flags = GNTCOPY_source_gref,
			.source.foreign =
				{.ref = offer.gref[i % EXERCISE_PAGES],
				 .domid = (uint16_t)offer.domid},
			.dest.virt = data,
			.len = EXERCISE_PAGE,
		};
		uint8_t *pages = xengnttab_map_domain_grant_refs(
			handle, count, offer.domid, grefs + 1,
			PROT_READ | PROT_WRITE);

		EXPECT(pages);
		EXPECT(pages[(count - 1) * EXERCISE_PAGE] == count);
		EXPECT(xengnttab_unmap(handle, pages, count) == 0);
		EXPECT(xengnttab_grant_copy(handle, 1, &segment) == 0);
		EXPECT(segment.status == GNTST_okay);
	}
	return NULL;
}

int exercise_load(uint32_t domid)
{
	xenevtchn_handle *events = xenevtchn_open(NULL, 0);
	pthread_t thread;
	int port;

	EXPECT(events);
	exercise_offer(domid, &offer);
	port = xenevtchn_bind_interdomain(events, domid, offer.port);
	EXPECT(port > 0);
	EXPECT(pthread_create(&thread, NULL, map_for_ever, NULL) == 0);
	for (unsigned int i = 0;; i++) {
		EXPECT(xenevtchn_pending(events) == port);
		EXPECT(xenevtchn_unmask(events, (evtchn_port_t)port) == 0);
		EXPECT(xenevtchn_notify(events, (evtchn_port_t)port) == 0);
		if (i == 100) {
			printf("under load\n");
			fflush(stdout);
		}
	}
}
