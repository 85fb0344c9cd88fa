/* The model alone: re-use, limits, hostile grant tables, owners that die. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <xen/xen.h>
#include <xen/grant_table.h>

#include <cmocka.h>

#include "sim/world.h"

#define BACK	  0u
#define GUEST	  1u
#define OWNER	  100u
#define VIRQ_DEAD 3u

static struct world *world;

/* The hooks are those of the in-process build: this program links it. */

static int setup(void **state)
{
	(void)state;
	if (world == NULL) {
		world = mmap(NULL, sizeof(*world), PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1,
			     0);
		if (world == MAP_FAILED)
			return -1;
	}
	world_reset(world);
	return world_domain_create(world, BACK, 16) ||
	       world_domain_create(world, GUEST, 64);
}

static uint32_t share(uint32_t count, uint32_t *grefs)
{
	const struct world_share wanted = {
		.domid = GUEST, .peer = BACK, .count = count, .owner = OWNER};
	uint32_t frame;

	assert_int_equal(world_share(world, &wanted, grefs, &frame), 0);
	return frame;
}

static const struct world_share by_hand = {.domid = GUEST, .peer = BACK};

static int pin(uint32_t gref, bool readonly, uint32_t *id)
{
	const struct world_access access = {.domid = BACK,
					    .granter = GUEST,
					    .gref = gref,
					    .readonly = readonly,
					    .owner = OWNER + 1};

	return world_grant_pin(world, &access, id);
}

static void domains_are_created_once(void **state)
{
	(void)state;
	assert_int_equal(world_domain_create(world, GUEST, 1), -EEXIST);
	assert_int_equal(world_domain_create(world, WORLD_DOMAINS, 1), -EINVAL);
	assert_int_equal(world_domain_create(world, 5, WORLD_FRAMES + 1),
			 -EINVAL);
	assert_int_equal(world_domain_destroy(world, 5), -ESRCH);
}

static void frames_and_grefs_are_reused(void **state)
{
	uint32_t one[4], two[4];
	uint32_t frame = share(4, one);

	(void)state;
	for (unsigned int i = 0; i < 4; i++)
		assert_int_equal(world_unshare(world, GUEST, one[i]), 0);
	assert_int_equal(world_unshare(world, GUEST, one[0]), -EINVAL);
	assert_int_equal(share(4, two), frame);
	assert_int_equal(two[0], one[3]);
	assert_int_equal(world->domain[GUEST].held.shared_pages, 4);
}

static void memory_runs_out(void **state)
{
	const struct world_share wanted = {
		.domid = GUEST, .peer = BACK, .count = 65, .owner = OWNER};
	uint32_t grefs[65], frame;

	(void)state;
	assert_int_equal(world_share(world, &wanted, grefs, &frame), -ENOMEM);
	assert_int_equal(world->domain[GUEST].held.shared_pages, 0);
	(void)share(64, grefs);
	assert_int_equal(world_unshare(world, GUEST, grefs[10]), 0);
	assert_int_equal(share(1, grefs), 10);
}

static void holes_do_not_fit_runs(void **state)
{
	uint32_t grefs[6], more[2];

	(void)state;
	(void)share(6, grefs);
	(void)world_unshare(world, GUEST, grefs[1]);
	(void)world_unshare(world, GUEST, grefs[3]);
	(void)world_unshare(world, GUEST, grefs[4]);
	assert_int_equal(share(2, more), 3);
	assert_int_equal(share(1, more), 1);
	assert_int_equal(share(1, more), 6);
}

static void overwritten_entry_keeps_frame(void **state)
{
	uint32_t first, second;
	uint32_t frame;
	const struct world_access access = {
		.domid = BACK, .granter = GUEST, .gref = 20};

	(void)state;
	assert_int_equal(world_grant_set(world, &by_hand, 20, 5), 0);
	assert_int_equal(pin(20, false, &first), GNTST_okay);
	assert_int_equal(world_grant_set(world, &by_hand, 20, 6), 0);
	assert_int_equal(world->mapping[first].frame, 5);
	/* Xen: as long as it is pinned, everybody gets the old frame. */
	assert_int_equal(pin(20, false, &second), GNTST_okay);
	assert_int_equal(world->mapping[second].frame, 5);
	world_grant_unpin(world, first);
	world_grant_unpin(world, second);
	assert_int_equal(world_grant_resolve(world, &access, &frame),
			 GNTST_okay);
	assert_int_equal(frame, 6);
}

static void first_writer_is_checked(void **state)
{
	struct world_share readonly = by_hand;
	uint32_t reader, writer;

	(void)state;
	readonly.readonly = true;
	assert_int_equal(world_grant_set(world, &readonly, 20, 5), 0);
	assert_int_equal(pin(20, true, &reader), GNTST_okay);
	assert_int_equal(pin(20, false, &writer), GNTST_general_error);
	assert_int_equal(world_grant_set(world, &by_hand, 20, 6), 0);
	assert_int_equal(pin(20, false, &writer), GNTST_okay);
	assert_int_equal(world->mapping[writer].frame, 5);
}

static void pins_are_limited(void **state)
{
	uint32_t id;

	(void)state;
	assert_int_equal(world_grant_set(world, &by_hand, 20, 5), 0);
	for (unsigned int i = 0; i < WORLD_PINS; i++)
		assert_int_equal(pin(20, false, &id), GNTST_okay);
	assert_int_equal(pin(20, false, &id), GNTST_general_error);
	assert_int_equal(pin(20, true, &id), GNTST_okay);
	assert_int_equal(world_grant_pins(world, GUEST, 20), WORLD_PINS + 1);
	assert_int_equal(world_owner_release(world, OWNER + 1), WORLD_PINS + 1);
	assert_int_equal(world_grant_pins(world, GUEST, 20), 0);
	assert_int_equal(world->mappings, 0);
}

static void unshared_while_pinned_waits(void **state)
{
	uint32_t gref, id, other[63];

	(void)state;
	assert_int_equal(share(1, &gref), 0);
	assert_int_equal(pin(gref, false, &id), GNTST_okay);
	assert_int_equal(world_unshare(world, GUEST, gref), 0);
	assert_int_equal(world->domain[GUEST].held.shared_pages, 1);
	assert_int_equal(share(63, other), 1);
	world_grant_unpin(world, id);
	assert_int_equal(world->domain[GUEST].held.shared_pages, 63);
	assert_int_equal(share(1, &gref), 0);
}

static void dead_domain_lingers_while_mapped(void **state)
{
	uint32_t gref, id;

	(void)state;
	(void)share(1, &gref);
	assert_int_equal(pin(gref, false, &id), GNTST_okay);
	assert_int_equal(world_domain_destroy(world, GUEST), 0);
	assert_false(world_domain_live(world, GUEST));
	assert_int_equal(world_domain_create(world, GUEST, 64), -EBUSY);
	assert_int_equal(pin(gref, false, &id), GNTST_bad_domain);
	world_grant_unpin(world, id);
	assert_int_equal(world_domain_create(world, GUEST, 64), 0);
	assert_int_equal(world->domain[GUEST].held.shared_pages, 0);
}

static void dead_mapper_lets_go(void **state)
{
	uint32_t gref, id;

	(void)state;
	(void)share(1, &gref);
	assert_int_equal(pin(gref, false, &id), GNTST_okay);
	assert_int_equal(world_domain_destroy(world, BACK), 0);
	assert_int_equal(world_grant_pins(world, GUEST, gref), 0);
}

/* Two handles and a bound pair of ports. */
struct pair {
	uint32_t back, guest; /* handles */
	uint32_t ours, theirs;
};

static struct pair bind_pair(void)
{
	struct pair p;

	assert_int_equal(world_handle_open(world, BACK, OWNER, &p.back), 0);
	assert_int_equal(world_handle_open(world, GUEST, OWNER + 1, &p.guest),
			 0);
	p.theirs = (uint32_t)world_port_alloc(world, p.guest, BACK);
	p.ours = (uint32_t)world_port_bind(world, p.back, GUEST, p.theirs);
	return p;
}

static void dead_owner_unbinds_peer(void **state)
{
	struct pair p = bind_pair();
	uint32_t handle;

	(void)state;
	assert_int_equal(world_owner_release(world, OWNER), 1);
	assert_int_equal(world->domain[BACK].held.ports, 0);
	assert_int_equal(world_port_send(world, p.guest, p.theirs), 0);
	assert_int_equal(world_handle_open(world, BACK, OWNER, &handle), 0);
	assert_true(world_port_bind(world, handle, GUEST, p.theirs) > 0);
}

static void dead_owner_ends_shares(void **state)
{
	uint32_t grefs[3], id;

	(void)state;
	(void)share(3, grefs);
	assert_int_equal(pin(grefs[1], false, &id), GNTST_okay);
	assert_int_equal(world_owner_release(world, OWNER), 3);
	assert_int_equal(world->domain[GUEST].held.shared_pages, 1);
	assert_int_equal(world_owner_release(world, OWNER + 1), 1);
	assert_int_equal(world->domain[GUEST].held.shared_pages, 0);
}

static void every_fired_port_is_read_once(void **state)
{
	static uint32_t port[300];
	struct pair p = bind_pair();
	uint32_t seen = 1;

	(void)state;
	assert_int_equal(world_handle_next(world, p.back), p.ours);
	for (unsigned int i = 0; i < 300; i++) {
		int theirs = world_port_alloc(world, p.guest, BACK);

		port[i] = (uint32_t)world_port_bind(world, p.back, GUEST,
						    (uint32_t)theirs);
	}
	while (world_handle_next(world, p.back) != 0)
		seen++;
	assert_int_equal(seen, 301);
	assert_false(world_handle_fired(world, p.back));
	assert_int_equal(world_port_unmask(world, p.back, port[299]), 0);
	assert_int_equal(world_handle_next(world, p.back), 0);
}

static void ports_run_out(void **state)
{
	uint32_t handle, bound = 0;

	(void)state;
	assert_int_equal(world_handle_open(world, GUEST, OWNER, &handle), 0);
	while (world_port_alloc(world, handle, BACK) > 0)
		bound++;
	assert_int_equal(bound, WORLD_PORTS - 1);
	assert_int_equal(world_port_alloc(world, handle, BACK), -ENOSPC);
	world_handle_close(world, handle);
	assert_int_equal(world->domain[GUEST].held.ports, 0);
}

static void virq_has_one_port(void **state)
{
	struct pair p = bind_pair();
	int port = world_port_bind_virq(world, p.guest, VIRQ_DEAD);

	(void)state;
	assert_true(port > 0);
	assert_int_equal(world_port_bind_virq(world, p.guest, VIRQ_DEAD),
			 -EEXIST);
	assert_int_equal(world_port_bind_virq(world, p.guest, WORLD_VIRQS),
			 -EINVAL);
	world_virq_raise(world, GUEST, VIRQ_DEAD);
	assert_int_equal(world_handle_next(world, p.guest), port);
	assert_int_equal(world_port_close(world, p.guest, (uint32_t)port), 0);
	world_virq_raise(world, GUEST, VIRQ_DEAD);
	assert_int_equal(world_handle_next(world, p.guest), 0);
}

static void reset_forgets_all(void **state)
{
	struct pair p = bind_pair();
	uint32_t gref, id;

	(void)p;
	(void)share(1, &gref);
	assert_int_equal(pin(gref, false, &id), GNTST_okay);
	assert_int_equal(setup(state), 0);
	assert_int_equal(world->mappings, 0);
	assert_int_equal(world->domain[GUEST].held.ports, 0);
	assert_int_equal(world_grant_pins(world, GUEST, gref), 0);
	assert_int_equal(pin(gref, false, &id), GNTST_general_error);
	assert_int_equal(world_port_send(world, 0, 1), -ENOTCONN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(domains_are_created_once, setup),
		cmocka_unit_test_setup(frames_and_grefs_are_reused, setup),
		cmocka_unit_test_setup(memory_runs_out, setup),
		cmocka_unit_test_setup(holes_do_not_fit_runs, setup),
		cmocka_unit_test_setup(overwritten_entry_keeps_frame, setup),
		cmocka_unit_test_setup(first_writer_is_checked, setup),
		cmocka_unit_test_setup(pins_are_limited, setup),
		cmocka_unit_test_setup(unshared_while_pinned_waits, setup),
		cmocka_unit_test_setup(dead_domain_lingers_while_mapped, setup),
		cmocka_unit_test_setup(dead_mapper_lets_go, setup),
		cmocka_unit_test_setup(dead_owner_unbinds_peer, setup),
		cmocka_unit_test_setup(dead_owner_ends_shares, setup),
		cmocka_unit_test_setup(every_fired_port_is_read_once, setup),
		cmocka_unit_test_setup(ports_run_out, setup),
		cmocka_unit_test_setup(virq_has_one_port, setup),
		cmocka_unit_test_setup(reset_forgets_all, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
