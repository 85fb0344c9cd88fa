/*
 * The guest's end: offers pages and a port, answers every event with one.
 */
#include <string.h>

#include "sim/exercise/exercise.h"

/* Every second page is given back at once, so that frames are not adjacent. */
static void share(xengntshr_handle *handle, struct exercise_offer *offer,
		  void **pages)
{
	void *gap[EXERCISE_PAGES];
	uint32_t unused;

	for (unsigned int i = 0; i < EXERCISE_PAGES; i++) {
		pages[i] =
			xengntshr_share_pages(handle, 0, 1, &offer->gref[i], 1);
		EXPECT(pages[i]);
		memset(pages[i], (int)i, EXERCISE_PAGE);
		gap[i] = i % 2 ? xengntshr_share_pages(handle, 0, 1, &unused, 1)
			       : NULL;
	}
	for (unsigned int i = 0; i < EXERCISE_PAGES; i++)
		if (gap[i])
			EXPECT(xengntshr_unshare(handle, gap[i], 1) == 0);
	memset(pages[0], 0, EXERCISE_PAGE);
	EXPECT(xengntshr_share_pages(handle, 0, 1, &offer->readonly, 0));
}

static void publish(const struct exercise_offer *offer)
{
	struct xs_handle *store = xs_open(0);
	char path[64], text[1024];
	int length = snprintf(text, sizeof(text), "%u %u", offer->port,
			      offer->readonly);

	EXPECT(store);
	for (unsigned int i = 0; i < EXERCISE_PAGES; i++)
		length += snprintf(text + length, sizeof(text) - (size_t)length,
				   " %u", offer->gref[i]);
	snprintf(path, sizeof(path), EXERCISE_NODE, offer->domid);
	EXPECT(xs_write(store, XBT_NULL, path, text, (unsigned int)length));
	/* What is not ours is refused: we are a guest. */
	EXPECT(!xs_write(store, XBT_NULL, "/local/domain/0/x", "1", 1));
	EXPECT(!xs_write(store, XBT_NULL, "/local/domain/0/name", "x", 1));
	xs_close(store);
}

int exercise_guest(uint32_t domid)
{
	xengntshr_handle *shared = xengntshr_open(NULL, 0);
	xenevtchn_handle *events = xenevtchn_open(NULL, 0);
	struct exercise_offer offer = {.domid = domid};
	struct exercise_page *first;
	void *pages[EXERCISE_PAGES];
	int port;

	EXPECT(shared);
	EXPECT(events);
	port = xenevtchn_bind_unbound_port(events, 0);
	EXPECT(port > 0);
	offer.port = (uint32_t)port;
	share(shared, &offer, pages);
	first = pages[0];
	first->watched = 1;
	publish(&offer);
	for (;;) {
		port = xenevtchn_pending(events);
		EXPECT(port == (int)offer.port);
		EXPECT(xenevtchn_unmask(events, offer.port) == 0);
		first->answered++;
		EXPECT(xenevtchn_notify(events, offer.port) == 0);
	}
}
