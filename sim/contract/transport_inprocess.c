/*
 * The peer is another domain of the same process: the in-process simulator.
 */
#include "sim/contract/peer.h"
#include "sim/sim.h"

#define PEER_DOMID 3u
#define PEER_PAGES 256u

int transport_begin(struct contract *c)
{
	sim_reset(1);
	c->self = 0;
	c->peer = PEER_DOMID;
	c->nobody = 60;
	return sim_domain_create(PEER_DOMID, PEER_PAGES);
}

void transport_call(const struct peer_request *request,
		    struct peer_reply *reply)
{
	uint32_t before = sim_enter(PEER_DOMID);

	peer_serve(request, reply);
	sim_enter(before);
}

void transport_end(void)
{
	sim_reset(1);
}

int transport_peer_main(char **times)
{
	(void)times;
	return 2; /* there is no second process */
}

int transport_patience_ms(void)
{
	return 0;
}

int transport_quiet_ms(void)
{
	return 0;
}
