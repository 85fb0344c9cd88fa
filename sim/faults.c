/*
 * Planned failures: the k-th call of a kind by a domain fails with an error.
 *
 * Called by the symbols in lib/ at the head of each call that can fail.  Fault
 * model: any library call can fail at any time, for good or once; the caller
 * must not crash, leak, or answer a guest wrongly because of it.  A plan is
 * used up when it strikes.
 */
#include "sim/world.h"

void world_fault_plan(struct world *world, uint32_t domid, unsigned int kind,
		      uint32_t k, int error)
{
	struct world_fault *fault;

	if (domid >= WORLD_DOMAINS || kind >= WORLD_FAULTS)
		return;
	fault = &world_dom(world, domid)->fault[kind];
	atomic_store(&fault->countdown, 0);
	fault->error = error;
	atomic_store(&fault->countdown, k);
}

int world_fault_hit(struct world *world, uint32_t domid, unsigned int kind)
{
	struct world_fault *fault = &world_dom(world, domid)->fault[kind];
	uint32_t left = atomic_load(&fault->countdown);

	while (left != 0)
		if (atomic_compare_exchange_weak(&fault->countdown, &left,
						 left - 1))
			return left == 1 ? fault->error : 0;
	return 0;
}
