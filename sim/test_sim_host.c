/* The in-process host: determinism, the ledger, memory, life and death. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#include <xenevtchn.h>
#include <xengnttab.h>
#include <xenstore.h>

#include <cmocka.h>

#include "backend/base/clock.h"
#include "sim/sim.h"

#if defined(__SANITIZE_ADDRESS__)
#define ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ASAN 1
#endif
#endif
#ifdef ASAN
#include <sanitizer/asan_interface.h>
#endif

#define GUEST	 1u
#define WRITABLE (PROT_READ | PROT_WRITE)

static int setup(void **state)
{
	(void)state;
	sim_reset(7);
	return sim_domain_create(GUEST, 64);
}

/* Everything a device does once, with choices from the seed. */
static uint64_t run(uint64_t seed)
{
	xengnttab_handle *xgt;
	xenevtchn_handle *xce;
	struct xs_handle *xs;

	sim_reset(seed);
	(void)sim_domain_create(GUEST, 64);
	xgt = xengnttab_open(NULL, 0);
	xce = xenevtchn_open(NULL, 0);
	xs = xs_open(0);
	for (unsigned int i = 0; i < 50; i++) {
		uint32_t gref = 8 + sim_pick(4);
		void *page;

		(void)sim_grant(GUEST, gref, 0, sim_pick(64), 0);
		page = xengnttab_map_grant_ref(xgt, GUEST, gref, WRITABLE);
		if (sim_chance(500))
			(void)xengnttab_unmap(xgt, page, 1);
		(void)xenevtchn_bind_unbound_port(xce, GUEST);
		(void)xs_write(xs, XBT_NULL, "/a", "1", sim_pick(2));
		sim_clock_advance(sim_random() % 1000);
	}
	xs_close(xs);
	xenevtchn_close(xce);
	xengnttab_close(xgt);
	return sim_trace_hash();
}

static void same_seed_same_trace(void **state)
{
	uint64_t first = run(1);

	(void)state;
	assert_int_equal(run(1), first);
	assert_int_not_equal(run(2), first);
	assert_int_equal(run(1), first);
}

/* The same in a process with other addresses: only the exit status returns. */
static void same_trace_in_a_child(void **state)
{
	uint64_t here = run(1);
	int status;
	pid_t pid = fork();

	(void)state;
	if (pid == 0) {
		void *shift = malloc(12345);

		status = run(1) == here ? 0 : 1;
		free(shift);
		_exit(status);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static void child_has_memory_of_its_own(void **state)
{
	uint8_t *page = sim_guest_page(GUEST, 3);
	int status;
	pid_t pid;

	(void)state;
	page[0] = 1;
	pid = fork();
	if (pid == 0) {
		sim_reset(1);
		(void)sim_domain_create(GUEST, 64);
		*(uint8_t *)sim_guest_page(GUEST, 3) = 2;
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(page[0], 1);
}

static void trace_can_be_read(void **state)
{
	char text[128] = {0};
	int pipes[2];

	(void)state;
	assert_int_equal(pipe(pipes), 0);
	sim_trace_to(pipes[1]);
	(void)sim_grant_end(GUEST, 8);
	sim_trace_to(-1);
	(void)sim_grant_end(GUEST, 9);
	close(pipes[1]);
	assert_true(read(pipes[0], text, sizeof(text) - 1) > 0);
	assert_string_equal(text, "4 d1 grant-end 0x8 = 0\n");
	close(pipes[0]);
}

static void clock_moves_when_told(void **state)
{
	(void)state;
	assert_int_equal(clock_now_ns(), 0);
	sim_clock_advance(5);
	sim_clock_advance(6);
	assert_int_equal(clock_now_ns(), 11);
}

static void memory_is_zero_in_each_life(void **state)
{
	(void)state;
	memset(sim_guest_page(GUEST, 63), 0xff, 4096);
	assert_null(sim_guest_page(GUEST, 64));
	assert_null(sim_guest_page(2, 0));
	sim_domain_destroy(GUEST);
	assert_int_equal(sim_domain_create(GUEST, 64), 0);
	assert_int_equal(*(uint8_t *)sim_guest_page(GUEST, 63), 0);
	*(uint8_t *)sim_guest_page(GUEST, 63) = 1;
	assert_int_equal(sim_domain_create(2, 64), 0);
	assert_int_equal(*(uint8_t *)sim_guest_page(GUEST, 63), 1);
	assert_int_equal(setup(state), 0);
	assert_int_equal(*(uint8_t *)sim_guest_page(GUEST, 63), 0);
}

static void ledger_counts(void **state)
{
	xengnttab_handle *xgt = xengnttab_open(NULL, 0);
	xenevtchn_handle *xce = xenevtchn_open(NULL, 0);
	struct xs_handle *xs = xs_open(0);
	uint32_t grefs[2] = {8, 9};
	struct sim_ledger l;
	void *page;

	(void)state;
	(void)sim_grant(GUEST, 8, 0, 1, 0);
	(void)sim_grant(GUEST, 9, 0, 7, 0);
	page = xengnttab_map_domain_grant_refs(xgt, 2, GUEST, grefs, WRITABLE);
	(void)xenevtchn_bind_unbound_port(xce, GUEST);
	(void)xs_watch(xs, "/", "t");
	sim_ledger(0, &l);
	assert_int_equal(l.mapped_pages, 2);
	assert_int_equal(l.mappings, 1);
	assert_int_equal(l.ports, 1);
	assert_int_equal(l.evtchn_handles + l.gnttab_handles + l.xs_handles, 3);
	assert_int_equal(l.watches, 1);
	assert_int_equal(xengnttab_unmap(xgt, page, 2), 0);
	assert_int_equal(xengnttab_unmap(xgt, page, 2), -1);
	assert_int_equal(xenevtchn_notify(xce, 77), -1);
	xs_close(xs);
	xenevtchn_close(xce);
	xengnttab_close(xgt);
	sim_ledger(0, &l);
	assert_int_equal(l.mapped_pages + l.mappings + l.ports + l.watches, 0);
	assert_int_equal(l.evtchn_handles + l.gnttab_handles + l.xs_handles, 0);
	assert_int_equal(l.bad_unmaps, 1);
	assert_int_equal(l.bad_ports, 1);
	assert_int_equal(l.map_calls, 1);
	assert_int_equal(l.unmap_calls, 2);
}

static void ledger_counts_shares(void **state)
{
	xengntshr_handle *xgs;
	struct sim_ledger l;
	uint32_t refs[3];
	void *pages;

	(void)state;
	sim_enter(GUEST);
	xgs = xengntshr_open(NULL, 0);
	pages = xengntshr_share_pages(xgs, 0, 3, refs, 1);
	assert_non_null(pages);
	assert_non_null(xengntshr_share_pages(xgs, 0, 1, refs, 1));
	sim_ledger(GUEST, &l);
	assert_int_equal(l.shared_pages, 4);
	assert_int_equal(xengntshr_unshare(xgs, pages, 3), 0);
	/* what is not unshared stays granted when the handle closes */
	xengntshr_close(xgs);
	sim_ledger(GUEST, &l);
	assert_int_equal(l.shared_pages, 1);
	sim_domain_destroy(GUEST);
	sim_ledger(GUEST, &l);
	assert_int_equal(l.shared_pages, 0);
}

static void handles_die_with_their_domain(void **state)
{
	xenevtchn_handle *xce;
	xengntshr_handle *xgs;
	struct xs_handle *xs;
	uint32_t ref;

	(void)state;
	sim_enter(GUEST);
	xce = xenevtchn_open(NULL, 0);
	xgs = xengntshr_open(NULL, 0);
	xs = xs_open(0);
	sim_domain_destroy(GUEST);
	assert_int_equal(sim_domain_create(GUEST, 64), 0);
	errno = 0;
	assert_int_equal(xenevtchn_bind_unbound_port(xce, 0), -1);
	assert_int_equal(errno, EIO);
	assert_null(xengntshr_share_pages(xgs, 0, 1, &ref, 1));
	assert_false(xs_mkdir(xs, XBT_NULL, "x"));
	xs_close(xs);
	xengntshr_close(xgs);
	xenevtchn_close(xce);
}

static void death_is_announced(void **state)
{
	struct xs_handle *xs = xs_open(0);
	char **event;

	(void)state;
	assert_true(xs_watch(xs, "@releaseDomain", "dead"));
	free(xs_check_watch(xs));
	sim_domain_destroy(GUEST);
	event = xs_check_watch(xs);
	assert_non_null(event);
	assert_string_equal(event[XS_WATCH_PATH], "@releaseDomain");
	free(event);
	assert_false(xs_is_domain_introduced(xs, GUEST));
	xs_close(xs);
}

static void mapping_outlives_domain(void **state)
{
	xengnttab_handle *xgt = xengnttab_open(NULL, 0);
	uint8_t *page;

	(void)state;
	(void)sim_grant(GUEST, 8, 0, 1, 0);
	page = xengnttab_map_grant_ref(xgt, GUEST, 8, WRITABLE);
	assert_non_null(page);
	*(uint8_t *)sim_guest_page(GUEST, 1) = 5;
	sim_domain_destroy(GUEST);
	assert_int_equal(page[0], 5);
	page[0] = 6;
	assert_int_equal(sim_domain_create(GUEST, 64), -EBUSY);
	assert_int_equal(xengnttab_unmap(xgt, page, 1), 0);
	xengnttab_close(xgt);
	assert_int_equal(sim_domain_create(GUEST, 64), 0);
}

/* One frame under several refs: each mapping is a mapping of its own ref. */
static void one_frame_many_refs(void **state)
{
	xengnttab_handle *xgt = xengnttab_open(NULL, 0);
	uint8_t *page[7];

	(void)state;
	for (uint32_t i = 0; i < 7; i++) {
		(void)sim_grant(GUEST, 8 + i, 0, 1, 0);
		page[i] = xengnttab_map_grant_ref(xgt, GUEST, 8 + i, WRITABLE);
		assert_non_null(page[i]);
	}
	page[6][9] = 9;
	assert_int_equal(page[0][9], 9);
	for (uint32_t i = 0; i < 7; i++) {
		assert_int_equal(xengnttab_unmap(xgt, page[i], 1), 0);
		assert_int_equal(sim_grant_mapped(GUEST, 8 + i), 0);
		if (i < 6)
			assert_int_equal(sim_grant_mapped(GUEST, 9 + i), 1);
	}
	xengnttab_close(xgt);
}

static void unmapped_pages_are_poisoned(void **state)
{
#ifdef ASAN
	xengnttab_handle *xgt = xengnttab_open(NULL, 0);
	uint8_t *one, *two;

	(void)state;
	(void)sim_grant(GUEST, 8, 0, 1, 0);
	one = xengnttab_map_grant_ref(xgt, GUEST, 8, WRITABLE);
	two = xengnttab_map_grant_ref(xgt, GUEST, 8, WRITABLE);
	assert_false(__asan_address_is_poisoned(one));
	assert_true(__asan_address_is_poisoned(one + 4096));
	(void)xengnttab_unmap(xgt, one, 1);
	assert_true(__asan_address_is_poisoned(one + 4095));
	assert_false(__asan_address_is_poisoned(two));
	(void)xengnttab_unmap(xgt, two, 1);
	xengnttab_close(xgt);
	assert_true(__asan_address_is_poisoned(two));
	assert_false(__asan_address_is_poisoned(sim_guest_page(GUEST, 1)));
#else
	(void)state;
	skip(); /* only AddressSanitizer can tell */
#endif
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(same_seed_same_trace, setup),
		cmocka_unit_test_setup(same_trace_in_a_child, setup),
		cmocka_unit_test_setup(child_has_memory_of_its_own, setup),
		cmocka_unit_test_setup(trace_can_be_read, setup),
		cmocka_unit_test_setup(clock_moves_when_told, setup),
		cmocka_unit_test_setup(memory_is_zero_in_each_life, setup),
		cmocka_unit_test_setup(ledger_counts, setup),
		cmocka_unit_test_setup(ledger_counts_shares, setup),
		cmocka_unit_test_setup(handles_die_with_their_domain, setup),
		cmocka_unit_test_setup(death_is_announced, setup),
		cmocka_unit_test_setup(mapping_outlives_domain, setup),
		cmocka_unit_test_setup(one_frame_many_refs, setup),
		cmocka_unit_test_setup(unmapped_pages_are_poisoned, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
