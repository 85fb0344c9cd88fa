/*
 * The runner's own fixtures: hidden cases that end in each possible way, so
 * that the runner's verdicts can be tested.  They run only when they are named.
 */
#include "conformance/case.h"

#include <stdlib.h>
#include <unistd.h>

CASE("fixture.pass", MUST, "A case that holds is a PASS.", .hidden = true)
{
	guest_connect(g);
}

CASE("fixture.fail", MUST, "A case that does not hold is a FAIL.",
     .clause = "J1", .hidden = true)
{
	guest_connect(g);
	expect_true(g, false, "the impossible");
}

CASE("fixture.nonstrict", SHOULD,
     "A recommendation that a foreign backend ignores is NONSTRICT.",
     .hidden = true)
{
	guest_connect(g);
	expect_true(g, false, "the impossible");
}

CASE("fixture.skip", MUST, "A case whose need is not offered is a SKIP.",
     .hidden = true)
{
	guest_connect(g);
	guest_need(g, false, "nobody offers this");
}

CASE("fixture.reject", MUST,
     "A connection that should have been made and is refused is a REJECT.",
     .hidden = true)
{
	guest_prepare(g);
	guest_node(g, "protocol", "none");
	guest_finish(g);
}

CASE("fixture.no-answer", MUST,
     "An expectation that waits in vain is a FAIL while the backend lives.",
     .hidden = true)
{
	struct guest_request *r;

	guest_connect(g);
	r = guest_read(g);
	guest_submit(g, r); /* and never pushed */
	expect_okay(g, r);
}

CASE("fixture.hang", MUST, "A case that never ends is WEDGED.", .hidden = true)
{
	guest_connect(g);
	for (;;)
		pause();
}

CASE("fixture.crash", MUST, "A process that dies of a signal is a CRASH.",
     .hidden = true)
{
	guest_connect(g);
	abort();
}
