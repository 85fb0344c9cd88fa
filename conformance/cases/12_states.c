/*
 * The state diagram: every legal path, states that are passed over or told
 * twice, and numbers that mean nothing to a block backend.
 */
#include "conformance/case.h"

static void still_serves(struct guest *g, uint64_t seed)
{
	expect_backend_state(g, XenbusStateConnected);
	guest_fill(g, 8, 24, seed);
	expect_disk(g, 8, 24, seed);
}

CASE("blkif.state.waits", MUST,
     "The backend waits in InitWait for as long as the frontend is "
     "Initialising.",
     .clause = "H2 H4 K11")
{
	guest_open(g);
	guest_set_state(g, XenbusStateInitialising);
	expect_backend_state(g, XenbusStateInitWait);
	guest_rest(g);
	expect_backend_state(g, XenbusStateInitWait);
}

CASE("blkif.state.published-keys-are-not-enough", MUST,
     "Keys alone connect nobody: the backend waits for Initialised.",
     .clause = "H3 H4 A9")
{
	guest_prepare(g);
	guest_rest(g);
	expect_backend_state(g, XenbusStateInitWait);
	guest_finish(g);
	still_serves(g, 1);
}

CASE("blkif.state.initialised-twice", QUIRK,
     "Initialised that is written twice connects once.", .clause = "H4 Q13")
{
	guest_prepare(g);
	guest_set_state(g, XenbusStateInitialised);
	expect_backend_state(g, XenbusStateConnected);
	guest_set_state(g, XenbusStateInitialised);
	guest_rest(g);
	expect_backend_state(g, XenbusStateConnected);
	guest_finish(g);
	still_serves(g, 2);
}

CASE("blkif.state.initialised-while-connected", QUIRK,
     "Initialised that is written again over Connected connects nothing anew.",
     .clause = "H4 Q13")
{
	guest_connect(g);
	guest_fill(g, 64, 8, 3);
	guest_set_state(g, XenbusStateInitialised);
	expect_disk(g, 64, 8, 3);
	guest_set_state(g, XenbusStateConnected);
	expect_disk(g, 64, 8, 3);
	still_serves(g, 3);
}

CASE("blkif.state.connected-twice", QUIRK,
     "Connected that is written again under load disturbs no request.",
     .clause = "H5 Q13 Q4")
{
	guest_connect(g);
	for (unsigned int i = 0; i < 16; i++) {
		guest_submit(g, guest_write(g, .sector = 8 * i, .seed = 4));
		guest_push(g, 0);
		guest_set_state(g, XenbusStateConnected);
	}
	for (struct guest_request *r = g->requests; r != NULL; r = r->next)
		expect_okay(g, r);
	guest_set_state(g, XenbusStateConnected);
	expect_disk(g, 0, 128, 4);
	guest_set_state(g, XenbusStateConnected);
	expect_disk(g, 0, 128, 4);
}

CASE("blkif.state.connected-at-once-serves", QUIRK,
     "A frontend that never says Initialised is served all the same.",
     .clause = "Q13 H8")
{
	guest_prepare(g);
	guest_set_state(g, XenbusStateConnected);
	expect_backend_state(g, XenbusStateConnected);
	guest_finish(g);
	still_serves(g, 5);
}

CASE("blkif.state.initwait-of-a-frontend", QUIRK,
     "InitWait, which no block frontend has, means nothing.", .clause = "H8")
{
	guest_prepare(g);
	guest_set_state(g, XenbusStateInitWait);
	guest_rest(g);
	expect_backend_state(g, XenbusStateInitWait);
	guest_finish(g);
	still_serves(g, 6);
}

CASE("blkif.state.reconfiguring", QUIRK,
     "Reconfiguring and Reconfigured mean nothing to a disk in use.",
     .clause = "H9 A5")
{
	guest_connect(g);
	guest_set_state(g, XenbusStateReconfiguring);
	still_serves(g, 7);
	guest_set_state(g, XenbusStateReconfigured);
	still_serves(g, 8);
	guest_set_state(g, XenbusStateConnected);
}

CASE("blkif.state.beyond-the-last", QUIRK,
     "A number that is no state is taken for none, as if the node were gone.",
     .clause = "A5 Q14")
{
	guest_connect(g);
	guest_node(g, "state", "4294967300");
	expect_backend_state(g, XenbusStateClosed);
}

CASE("blkif.state.closing-before-connection", QUIRK,
     "A frontend may be Closing before it was anything else.",
     .clause = "H9 Q12")
{
	guest_open(g);
	guest_set_state(g, XenbusStateInitialising);
	expect_backend_state(g, XenbusStateInitWait);
	guest_set_state(g, XenbusStateClosing);
	expect_backend_state(g, XenbusStateClosing);
	guest_set_state(g, XenbusStateClosed);
	expect_backend_state(g, XenbusStateClosed);
}

CASE("blkif.state.closed-before-connection", QUIRK,
     "A frontend that goes from Initialising to Closed finds Closed, and "
     "InitWait when it begins anew.",
     .clause = "H9 Q12")
{
	guest_open(g);
	guest_set_state(g, XenbusStateInitialising);
	expect_backend_state(g, XenbusStateInitWait);
	guest_set_state(g, XenbusStateClosed);
	expect_backend_state(g, XenbusStateClosed);
	guest_set_state(g, XenbusStateInitialising);
	expect_backend_state(g, XenbusStateInitWait);
}

CASE("blkif.state.closing-twice", QUIRK,
     "Closing that is written twice ends once.", .clause = "H9")
{
	guest_connect(g);
	guest_set_state(g, XenbusStateClosing);
	guest_set_state(g, XenbusStateClosing);
	expect_backend_state(g, XenbusStateClosing);
	guest_set_state(g, XenbusStateClosed);
	expect_backend_state(g, XenbusStateClosed);
}

CASE("blkif.state.closed-stays", QUIRK,
     "A frontend that stays Closed finds the backend Closed, and nothing "
     "mapped.",
     .clause = "H9 P7")
{
	struct guest_request *w;

	guest_connect(g, .persistent = true);
	w = guest_write(g, .sector = 8, .segments = 11, .seed = 9);
	guest_send(g, w);
	expect_okay(g, w);
	guest_set_state(g, XenbusStateClosed);
	expect_backend_state(g, XenbusStateClosed);
	guest_rest(g);
	expect_backend_state(g, XenbusStateClosed);
	expect_unmapped(g, w);
}

CASE("blkif.state.closed-unseen", QUIRK,
     "A frontend that was Closed for a moment only, and is Initialising again, "
     "finds InitWait: its old rings are gone.",
     .clause = "H8 Q12 Q13")
{
	struct guest_request *w;

	guest_connect(g, .persistent = true);
	w = guest_write(g, .sector = 8, .segments = 3, .seed = 10);
	guest_send(g, w);
	expect_okay(g, w);
	guest_set_state(g, XenbusStateClosed);
	guest_set_state(g, XenbusStateInitialising);
	expect_backend_state(g, XenbusStateInitWait);
	expect_unmapped(g, w);
	guest_vanish(g);
	guest_connect(g);
	expect_disk(g, 8, 24, 10);
}

CASE("blkif.state.everything-unseen", QUIRK,
     "So does one whose way down was never told: Connected, then "
     "Initialising.",
     .clause = "H8 Q12")
{
	guest_connect(g);
	guest_fill(g, 8, 24, 11);
	guest_set_state(g, XenbusStateInitialising);
	expect_backend_state(g, XenbusStateInitWait);
	guest_vanish(g);
	guest_connect(g);
	expect_disk(g, 8, 24, 11);
}

CASE("blkif.state.again-without-waiting", MAY,
     "A frontend may begin anew without waiting for InitWait.",
     .clause = "H6 H8 Q12")
{
	guest_connect(g);
	guest_fill(g, 8, 8, 12);
	guest_close(g);
	guest_connect(g, .early = true);
	expect_disk(g, 8, 8, 12);
}

CASE("blkif.state.never-waited", MAY,
     "A frontend that is Initialised before the backend has looked at it for "
     "the first time is served.",
     .clause = "H6 H8")
{
	guest_replug(g);
	guest_connect(g, .early = true);
	still_serves(g, 15);
}

CASE("blkif.state.properties-stay", MUST,
     "The properties of a disk are the same at its next connection.",
     .clause = "E14 H4")
{
	uint64_t sectors;

	guest_connect(g);
	sectors = expect_number(g, "sectors", 1, UINT64_MAX);
	guest_close(g);
	guest_connect(g);
	expect_number(g, "sectors", sectors, sectors);
}

/* Only states that lead nowhere else: what the backend passes through on its
 * way would tell nothing. */
static void storm(struct guest *g, const unsigned int *states,
		  unsigned int count)
{
	for (unsigned int i = 0; i < 100; i++)
		guest_set_state(g, states[i % count]);
}

CASE("blkif.state.storm", ROBUST,
     "A frontend that runs through all states on its way up time and again is "
     "served when it comes to rest.",
     .clause = "H8 Q13 A9")
{
	static const unsigned int up[] = {
		XenbusStateInitWait, XenbusStateInitialised,
		XenbusStateConnected, XenbusStateReconfiguring,
		XenbusStateReconfigured};

	guest_prepare(g);
	storm(g, up, 5);
	guest_finish(g);
	still_serves(g, 13);
}

CASE("blkif.state.storm-down", ROBUST,
     "So is one that cannot make up its mind on its way down: it finds "
     "Closing, "
     "and Closed in the end.",
     .clause = "H8 H9 Q12")
{
	static const unsigned int down[] = {
		XenbusStateClosing, XenbusStateConnected,
		XenbusStateInitialised, XenbusStateReconfigured};

	guest_connect(g);
	storm(g, down, 4);
	guest_set_state(g, XenbusStateClosing);
	expect_backend_state(g, XenbusStateClosing);
	guest_set_state(g, XenbusStateClosed);
	expect_backend_state(g, XenbusStateClosed);
	guest_vanish(g);
	guest_connect(g);
	guest_fill(g, 8, 8, 16);
	expect_disk(g, 8, 8, 16);
}

CASE("blkif.state.again-and-again-in-flight", ROBUST,
     "A frontend that closes with a full ring and begins anew, time and again, "
     "is served.",
     .clause = "Q12 H9 Q4")
{
	for (unsigned int i = 0; i < 5; i++) {
		guest_connect(g);
		while (front_room(guest_queue(g, 0)) > 0)
			guest_submit(g, guest_write(g, .sector = 8 * i,
						    .segments = 11, .seed = i));
		guest_push(g, 0);
		guest_set_state(g, XenbusStateClosed);
		expect_backend_state(g, XenbusStateClosed);
		guest_vanish(g);
	}
	guest_connect(g);
	guest_fill(g, 8, 8, 14);
	expect_disk(g, 8, 8, 14);
}
