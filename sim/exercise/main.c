/*
 * sim-exercise MODE DOMID: see exercise.h.  Modes: guest (serve, in DOMID), and
 * in dom0 check, load (for ever) and bench against DOMID's guest.
 */
#include <string.h>

#include "sim/exercise/exercise.h"

static bool read_offer(struct xs_handle *store, struct exercise_offer *offer)
{
	char path[64], *text, *rest;
	unsigned int length;

	snprintf(path, sizeof(path), EXERCISE_NODE, offer->domid);
	text = xs_read(store, XBT_NULL, path, &length);
	if (!text || length == 0) {
		free(text);
		return false;
	}
	offer->port = (uint32_t)strtoul(text, &rest, 10);
	offer->readonly = (uint32_t)strtoul(rest, &rest, 10);
	for (unsigned int i = 0; i < EXERCISE_PAGES; i++)
		offer->gref[i] = (uint32_t)strtoul(rest, &rest, 10);
	free(text);
	return true;
}

void exercise_offer(uint32_t domid, struct exercise_offer *offer)
{
	struct xs_handle *store = xs_open(0);
	char path[64];

	EXPECT(store);
	offer->domid = domid;
	snprintf(path, sizeof(path), EXERCISE_NODE, domid);
	EXPECT(xs_watch(store, path, "offer"));
	while (!read_offer(store, offer)) {
		unsigned int count;

		free(xs_read_watch(store, &count));
	}
	xs_close(store);
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		int (*run)(uint32_t domid);
	} modes[] = {
		{"guest", exercise_guest},
		{"check", exercise_check},
		{"load", exercise_load},
		{"bench", exercise_bench},
	};

	for (size_t i = 0; argc == 3 && i < sizeof(modes) / sizeof(modes[0]);
	     i++)
		if (!strcmp(argv[1], modes[i].name))
			return modes[i].run(
				(uint32_t)strtoul(argv[2], NULL, 10));
	fprintf(stderr, "usage: sim-exercise guest|check|load|bench DOMID\n");
	return 2;
}
