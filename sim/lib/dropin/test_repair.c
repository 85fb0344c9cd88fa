/*
 * Tests of repair.c: whatever a process left when it died inside the lock, what
 * is derived agrees with the records again, and the model works on.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "sim/lib/dropin/shared.h"

#define GUEST 5u
#define PAGES 16u

static struct world *world;

void world_lock(struct world *w)
{
	shared_lock(w);
}

void world_unlock(struct world *w)
{
	shared_unlock(w);
}

void world_wake(struct world *w, uint32_t handle)
{
	(void)w;
	(void)handle;
}

void world_unpinned(struct world *w, const struct world_mapping *mapping)
{
	(void)w;
	(void)mapping;
}

static uint32_t grefs[PAGES], ids[PAGES], guest_handle, host_handle;

/* Two domains that share, map and are bound: something of everything. */
static int setup(void **state)
{
	struct world_share share = {
		.domid = GUEST, .count = PAGES, .owner = 20};
	struct world_access access = {.granter = GUEST, .owner = 10};
	uint32_t frame;
	int fd = shared_create(), port;

	(void)state;
	world = &shared_map(fd)->world;
	close(fd);
	assert_int_equal(world_domain_create(world, 0, 1024), 0);
	assert_int_equal(world_domain_create(world, GUEST, 1024), 0);
	assert_int_equal(world_share(world, &share, grefs, &frame), 0);
	for (uint32_t i = 0; i < PAGES / 2; i++) {
		access.gref = grefs[i];
		access.readonly = i % 2;
		assert_int_equal(world_grant_pin(world, &access, &ids[i]), 0);
	}
	assert_int_equal(world_unshare(world, GUEST, grefs[0]), 0);
	assert_int_equal(world_handle_open(world, GUEST, 20, &guest_handle), 0);
	assert_int_equal(world_handle_open(world, 0, 10, &host_handle), 0);
	port = world_port_alloc(world, guest_handle, 0);
	assert_true(port > 0);
	assert_true(world_port_bind(world, host_handle, GUEST, (uint32_t)port) >
		    0);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	munmap(shared_of(world), sizeof(struct shared));
	return 0;
}

static void nothing_to_repair_changes_nothing(void **state)
{
	struct world_domain *guest = &world->domain[GUEST];
	struct world_held host_held = world->domain[0].held;
	struct world_held guest_held = guest->held;
	uint32_t mappings = world->mappings, pinned = guest->pinned;

	(void)state;
	shared_repair(world);
	assert_memory_equal(&host_held, &world->domain[0].held,
			    sizeof(host_held));
	assert_memory_equal(&guest_held, &guest->held, sizeof(guest_held));
	assert_int_equal(world->mappings, mappings);
	assert_int_equal(guest->pinned, pinned);
	for (uint32_t i = 0; i < PAGES; i++)
		assert_int_equal(world_grant_pins(world, GUEST, grefs[i]),
				 i < PAGES / 2);
}

static void derived_numbers_come_back(void **state)
{
	struct world_domain *guest = &world->domain[GUEST];

	(void)state;
	guest->pinned = 99;
	guest->free_grefs = 7;
	memset(guest->frame_taken, 0xff, sizeof(guest->frame_taken));
	memset(&guest->held, 0x55, sizeof(guest->held));
	world->mappings = 3;
	world->free_mapping = 2;
	atomic_store(&guest->grant[grefs[1]].active, 0);
	shared_repair(world);
	assert_int_equal(guest->pinned, PAGES / 2);
	assert_int_equal(guest->held.shared_pages, PAGES);
	assert_int_equal(guest->held.ports, 1);
	assert_int_equal(guest->held.handles, 1);
	assert_int_equal(world->domain[0].held.mapped_pages, PAGES / 2);
	assert_int_equal(world->mappings, PAGES / 2);
	assert_int_equal(world_grant_pins(world, GUEST, grefs[1]), 1);
}

static void everything_can_be_released(void **state)
{
	struct world_domain *guest = &world->domain[GUEST];

	(void)state;
	shared_repair(world);
	assert_int_not_equal(world_owner_release(world, 10), 0);
	assert_int_not_equal(world_owner_release(world, 20), 0);
	assert_int_equal(guest->held.shared_pages, 0);
	assert_int_equal(guest->held.ports, 0);
	assert_int_equal(world->domain[0].held.mapped_pages, 0);
	assert_int_equal(world->mappings, 0);
	shared_repair(world);
	assert_int_equal(world_domain_destroy(world, GUEST), 0);
	assert_int_equal(guest->state, WORLD_DOMAIN_NONE);
}

static void half_made_ports_vanish(void **state)
{
	struct world_port *port = &world->domain[GUEST].port[2];

	(void)state;
	world->domain[GUEST].ports_used = 3;
	atomic_store(&port->handle, guest_handle + 1);
	shared_repair(world);
	assert_int_equal(atomic_load(&port->handle), 0);
	assert_int_equal(world->domain[GUEST].held.ports, 1);
	assert_int_equal(world_port_alloc(world, guest_handle, 0), 2);
}

/* A real death inside the lock: the next one in repairs. */
static void dead_holder_is_noticed(void **state)
{
	pid_t child = fork();
	int status;

	(void)state;
	if (child == 0) {
		world_lock(world);
		world->mappings = 1234;
		kill(getpid(), SIGKILL);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status));
	world_lock(world);
	world_unlock(world);
	assert_int_equal(shared_of(world)->repairs, 1);
	assert_int_equal(world->mappings, PAGES / 2);
}

int main(void)
{
#define REPAIR_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		REPAIR_TEST(nothing_to_repair_changes_nothing),
		REPAIR_TEST(derived_numbers_come_back),
		REPAIR_TEST(everything_can_be_released),
		REPAIR_TEST(half_made_ports_vanish),
		REPAIR_TEST(dead_holder_is_noticed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
