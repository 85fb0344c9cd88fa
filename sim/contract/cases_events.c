/*
 * What libxenevtchn promises about ports, pending and mask.
 */
#include <errno.h>

#include "sim/contract/contract.h"

/* A pair of ports: theirs waits for us, ours is bound to it. */
struct pair {
	int theirs, ours;
};

/* Bound, the event of the fresh binding taken and unmasked. */
static struct pair bind_pair(struct contract *c)
{
	struct pair pair = {.theirs = peer_port_alloc(c, c->self), .ours = -1};

	if (pair.theirs < 0)
		return pair;
	pair.ours = xenevtchn_bind_interdomain(c->evtchn, c->peer,
					       (evtchn_port_t)pair.theirs);
	if (pair.ours < 0 || contract_event(c->evtchn) != pair.ours ||
	    xenevtchn_unmask(c->evtchn, (evtchn_port_t)pair.ours) != 0)
		pair.ours = -1;
	return pair;
}

static void fresh_binding_fires(struct contract *c)
{
	int theirs = peer_port_alloc(c, c->self), ours;

	EXPECT(c, theirs > 0);
	ours = xenevtchn_bind_interdomain(c->evtchn, c->peer,
					  (evtchn_port_t)theirs);
	EXPECT(c, ours > 0);
	EXPECT(c, contract_event(c->evtchn) == ours);
}

static void notify_arrives(struct contract *c)
{
	struct pair p = bind_pair(c);

	EXPECT(c, p.ours > 0);
	EXPECT(c, peer_notify(c, (uint32_t)p.theirs) == 0);
	EXPECT(c, contract_event(c->evtchn) == p.ours);
}

static void notify_leaves(struct contract *c)
{
	struct pair p = bind_pair(c);

	EXPECT(c, p.ours > 0);
	EXPECT(c, xenevtchn_notify(c->evtchn, (evtchn_port_t)p.ours) == 0);
	EXPECT(c, peer_event(c) == p.theirs);
}

static void masked_until_unmask(struct contract *c)
{
	struct pair p = bind_pair(c);

	EXPECT(c, p.ours > 0 && peer_notify(c, (uint32_t)p.theirs) == 0);
	EXPECT(c, contract_event(c->evtchn) == p.ours);
	EXPECT(c, peer_notify(c, (uint32_t)p.theirs) == 0);
	EXPECT(c, contract_no_event(c->evtchn));
	EXPECT(c, xenevtchn_unmask(c->evtchn, (evtchn_port_t)p.ours) == 0);
	EXPECT(c, contract_event(c->evtchn) == p.ours);
}

static void remembered_once(struct contract *c)
{
	struct pair p = bind_pair(c);

	EXPECT(c, p.ours > 0 && peer_notify(c, (uint32_t)p.theirs) == 0);
	EXPECT(c, contract_event(c->evtchn) == p.ours);
	for (unsigned int i = 0; i < 5; i++)
		EXPECT(c, peer_notify(c, (uint32_t)p.theirs) == 0);
	EXPECT(c, xenevtchn_unmask(c->evtchn, (evtchn_port_t)p.ours) == 0);
	EXPECT(c, contract_event(c->evtchn) == p.ours);
	EXPECT(c, xenevtchn_unmask(c->evtchn, (evtchn_port_t)p.ours) == 0);
	EXPECT(c, contract_no_event(c->evtchn));
}

static void unmask_alone(struct contract *c)
{
	struct pair p = bind_pair(c);

	EXPECT(c, p.ours > 0);
	EXPECT(c, xenevtchn_unmask(c->evtchn, (evtchn_port_t)p.ours) == 0);
	EXPECT(c, contract_no_event(c->evtchn));
}

static void not_for_us(struct contract *c)
{
	int theirs = peer_port_alloc(c, c->nobody);

	EXPECT(c, theirs > 0);
	errno = 0;
	EXPECT(c, xenevtchn_bind_interdomain(c->evtchn, c->peer,
					     (evtchn_port_t)theirs) == -1);
	EXPECT(c, errno == EINVAL);
}

static void bound_already(struct contract *c)
{
	struct pair p = bind_pair(c);

	EXPECT(c, p.ours > 0);
	errno = 0;
	EXPECT(c, xenevtchn_bind_interdomain(c->evtchn, c->peer,
					     (evtchn_port_t)p.theirs) == -1);
	EXPECT(c, errno == EINVAL);
}

static void no_such_port(struct contract *c)
{
	errno = 0;
	EXPECT(c, xenevtchn_bind_interdomain(c->evtchn, c->peer, 1000) == -1);
	EXPECT(c, errno == EINVAL);
}

static void no_such_domain(struct contract *c)
{
	errno = 0;
	EXPECT(c, xenevtchn_bind_interdomain(c->evtchn, c->nobody, 1) == -1);
	EXPECT(c, errno == ESRCH);
}

static void bound_again(struct contract *c)
{
	struct pair p = bind_pair(c);
	int again;

	EXPECT(c, p.ours > 0);
	EXPECT(c, xenevtchn_unbind(c->evtchn, (evtchn_port_t)p.ours) == 0);
	again = xenevtchn_bind_interdomain(c->evtchn, c->peer,
					   (evtchn_port_t)p.theirs);
	EXPECT(c, again > 0 && contract_event(c->evtchn) == again);
	EXPECT(c, xenevtchn_notify(c->evtchn, (evtchn_port_t)again) == 0);
	EXPECT(c, peer_event(c) == p.theirs);
}

static void rebound_by_new_handle(struct contract *c)
{
	struct pair p = bind_pair(c);
	int again;

	EXPECT(c, p.ours > 0 && xenevtchn_close(c->evtchn) == 0);
	c->evtchn = xenevtchn_open(NULL, 0);
	EXPECT(c, c->evtchn != NULL);
	again = xenevtchn_bind_interdomain(c->evtchn, c->peer,
					   (evtchn_port_t)p.theirs);
	EXPECT(c, again > 0 && contract_event(c->evtchn) == again);
}

static void other_end_closed(struct contract *c)
{
	struct pair p = bind_pair(c);

	EXPECT(c, p.ours > 0);
	EXPECT(c, peer_port_close(c, (uint32_t)p.theirs) == 0);
	EXPECT(c, xenevtchn_notify(c->evtchn, (evtchn_port_t)p.ours) == 0);
	EXPECT(c, contract_no_event(c->evtchn));
}

static void other_end_restarted(struct contract *c)
{
	struct pair p = bind_pair(c);
	int theirs;

	EXPECT(c, p.ours > 0 && peer_restart(c) == 0);
	/* Our end waits for the peer now, so the peer may bind to it. */
	theirs = peer_port_bind(c, c->self, (uint32_t)p.ours);
	EXPECT(c, theirs > 0 && peer_event(c) == theirs);
	EXPECT(c, peer_notify(c, (uint32_t)theirs) == 0);
	EXPECT(c, contract_event(c->evtchn) == p.ours);
}

static void notify_unbound(struct contract *c)
{
	int theirs = peer_port_alloc(c, c->self);

	EXPECT(c, theirs > 0 && peer_notify(c, (uint32_t)theirs) == 0);
	EXPECT(c, peer_quiet(c) == 1);
}

static void foreign_notify(struct contract *c)
{
	errno = 0;
	EXPECT(c, xenevtchn_notify(c->evtchn, 1001) == -1);
	EXPECT(c, errno == ENOTCONN);
}

static void foreign_unbind(struct contract *c)
{
	errno = 0;
	EXPECT(c, xenevtchn_unbind(c->evtchn, 1001) == -1);
	EXPECT(c, errno == ENOTCONN);
}

static void unbind_twice(struct contract *c)
{
	struct pair p = bind_pair(c);

	EXPECT(c, p.ours > 0);
	EXPECT(c, xenevtchn_unbind(c->evtchn, (evtchn_port_t)p.ours) == 0);
	EXPECT(c, xenevtchn_unbind(c->evtchn, (evtchn_port_t)p.ours) == -1);
}

static void foreign_unmask(struct contract *c)
{
	EXPECT(c, xenevtchn_unmask(c->evtchn, 1001) == 0);
}

static void ports_of_other_handle(struct contract *c)
{
	struct pair p = bind_pair(c);
	xenevtchn_handle *other = xenevtchn_open(NULL, 0);
	int result, quiet;

	EXPECT(c, other != NULL && p.ours > 0);
	result = xenevtchn_notify(other, (evtchn_port_t)p.ours);
	(void)peer_notify(c, (uint32_t)p.theirs);
	quiet = contract_no_event(other);
	xenevtchn_close(other);
	EXPECT(c, result == -1 && quiet);
	EXPECT(c, contract_event(c->evtchn) == p.ours);
}

static void two_ports(struct contract *c)
{
	struct pair p = bind_pair(c), q = bind_pair(c);
	int first, second;

	EXPECT(c, p.ours > 0 && q.ours > 0 && p.ours != q.ours);
	EXPECT(c, peer_notify(c, (uint32_t)p.theirs) == 0 &&
			  peer_notify(c, (uint32_t)q.theirs) == 0);
	first = contract_event(c->evtchn);
	second = contract_event(c->evtchn);
	EXPECT(c, (first == p.ours && second == q.ours) ||
			  (first == q.ours && second == p.ours));
	EXPECT(c, contract_no_event(c->evtchn));
}

static void close_forgets_event(struct contract *c)
{
	struct pair p = bind_pair(c), q = bind_pair(c);

	EXPECT(c, p.ours > 0 && q.ours > 0);
	EXPECT(c, xenevtchn_unbind(c->evtchn, (evtchn_port_t)p.ours) == 0);
	EXPECT(c, peer_notify(c, (uint32_t)p.theirs) == 0);
	EXPECT(c, contract_no_event(c->evtchn));
	EXPECT(c, peer_notify(c, (uint32_t)q.theirs) == 0);
	EXPECT(c, contract_event(c->evtchn) == q.ours);
}

static void many_ports(struct contract *c)
{
	int port[100];

	for (unsigned int i = 0; i < 100; i++) {
		port[i] = xenevtchn_bind_unbound_port(c->evtchn, c->peer);
		EXPECT(c, port[i] > 0);
	}
	for (unsigned int i = 1; i < 100; i++)
		EXPECT(c, port[i] != port[i - 1]);
}

const struct contract_case contract_events[] = {
	{"EVT-1", "A fresh binding fires at once, for events lost before",
	 fresh_binding_fires},
	{"EVT-2", "A notification from the peer arrives at our port",
	 notify_arrives},
	{"EVT-3", "A notification of ours arrives at the peer's port",
	 notify_leaves},
	{"EVT-4", "A port that fired stays quiet until it is unmasked",
	 masked_until_unmask},
	{"EVT-5", "Events that come while masked are remembered, once",
	 remembered_once},
	{"EVT-6", "An unmask without an event brings none", unmask_alone},
	{"EVT-7", "A port that waits for another domain is EINVAL", not_for_us},
	{"EVT-8", "A port that is bound already is EINVAL", bound_already},
	{"EVT-9", "A port that does not exist is EINVAL", no_such_port},
	{"EVT-10", "A domain that does not exist is ESRCH", no_such_domain},
	{"EVT-11", "After an unbind the peer's port can be bound anew",
	 bound_again},
	{"EVT-12", "After a handle closed the peer's port can be bound anew",
	 rebound_by_new_handle},
	{"EVT-13", "A notification to an end that was closed is no error",
	 other_end_closed},
	{"EVT-14", "When the peer closed its end it may bind to ours",
	 other_end_restarted},
	{"EVT-15", "A notification on an unbound port is no error",
	 notify_unbound},
	{"EVT-16", "Notifying through a port that is not ours is ENOTCONN",
	 foreign_notify},
	{"EVT-17", "Unbinding a port that is not ours is ENOTCONN",
	 foreign_unbind},
	{"EVT-18", "A second unbind fails", unbind_twice},
	{"EVT-19", "An unmask of a port that is not ours is ignored",
	 foreign_unmask},
	{"EVT-20", "A port belongs to the handle that bound it",
	 ports_of_other_handle},
	{"EVT-21", "Two ports of one handle are both read", two_ports},
	{"EVT-22", "A port that was unbound brings no more events",
	 close_forgets_event},
	{"EVT-23", "A hundred ports can be had by one handle", many_ports},
	{0},
};
