/*
 * What only the simulator knows, for programs of ours that look it up in the
 * preloaded library (sim.h has the same for the in-process build).
 */
#include "sim/lib/dropin/client.h"
#include "sim/sim.h"
#include "sim/world.h"

EXPORT unsigned int sim_grant_mapped(uint32_t domid, uint32_t gref)
{
	const struct client *client = client_get();

	return client ? world_grant_pins(client->world, domid, gref) : 0;
}
