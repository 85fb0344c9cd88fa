/* sim_fail(): the k-th call of a kind fails so, the others do not. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <xenevtchn.h>
#include <xengnttab.h>
#include <xenstore.h>

#include <cmocka.h>

#include "sim/sim.h"

#define GUEST 1u

static int setup(void **state)
{
	(void)state;
	sim_reset(7);
	return sim_domain_create(GUEST, 64) || sim_grant(GUEST, 8, 0, 60, 0) ||
	       sim_grant(GUEST, 9, 0, 61, 0);
}

static void *map(xengnttab_handle *xgt, uint32_t ref)
{
	return xengnttab_map_grant_ref(xgt, GUEST, ref, PROT_READ | PROT_WRITE);
}

static void second_map_fails(void **state)
{
	xengnttab_handle *xgt = xengnttab_open(NULL, 0);
	void *page;

	(void)state;
	sim_fail(0, SIM_CALL_MAP, 2, ENOMEM);
	page = map(xgt, 8);
	assert_non_null(page);
	errno = 0;
	assert_null(map(xgt, 9));
	assert_int_equal(errno, ENOMEM);
	assert_non_null(map(xgt, 9));
	assert_int_equal(sim_grant_mapped(GUEST, 8), 1);
	assert_int_equal(sim_grant_mapped(GUEST, 9), 1);
	xengnttab_close(xgt);
	/* as on Linux: what is mapped stays until it is unmapped */
	assert_int_equal(sim_grant_mapped(GUEST, 9), 1);
}

static void failed_unmap_keeps_mapping(void **state)
{
	xengnttab_handle *xgt = xengnttab_open(NULL, 0);
	void *page = map(xgt, 8);

	(void)state;
	sim_fail(0, SIM_CALL_UNMAP, 1, EINVAL);
	assert_int_equal(xengnttab_unmap(xgt, page, 1), -1);
	assert_int_equal(sim_grant_mapped(GUEST, 8), 1);
	assert_int_equal(sim_grant_end(GUEST, 8), -EBUSY);
	assert_int_equal(xengnttab_unmap(xgt, page, 1), 0);
	assert_int_equal(sim_grant_end(GUEST, 8), 0);
	xengnttab_close(xgt);
}

static void copy_fails_whole_or_in_part(void **state)
{
	xengnttab_handle *xgt = xengnttab_open(NULL, 0);
	xengnttab_grant_copy_segment_t s[2] = {{.len = 4}, {.len = 4}};
	uint32_t buffer[2] = {0};

	(void)state;
	for (unsigned int i = 0; i < 2; i++) {
		s[i].flags = GNTCOPY_source_gref;
		s[i].source.foreign.ref = 8 + i;
		s[i].source.foreign.domid = GUEST;
		s[i].dest.virt = &buffer[i];
	}
	sim_fail(0, SIM_CALL_COPY, 1, EFAULT);
	assert_int_equal(xengnttab_grant_copy(xgt, 2, s), -1);
	assert_int_equal(errno, EFAULT);
	sim_fail(0, SIM_CALL_COPY_SEGMENT, 2, 9);
	assert_int_equal(xengnttab_grant_copy(xgt, 2, s), 0);
	assert_int_equal(s[0].status, GNTST_okay);
	assert_int_equal(s[1].status, GNTST_bad_page);
	xengnttab_close(xgt);
}

static void plan_is_of_one_domain(void **state)
{
	xenevtchn_handle *xce = xenevtchn_open(NULL, 0);

	(void)state;
	sim_fail(GUEST, SIM_CALL_BIND, 1, ENOSPC);
	assert_true(xenevtchn_bind_unbound_port(xce, GUEST) > 0);
	sim_fail(0, SIM_CALL_BIND, 1, ENOSPC);
	assert_int_equal(xenevtchn_bind_unbound_port(xce, GUEST), -1);
	assert_int_equal(errno, ENOSPC);
	xenevtchn_close(xce);
}

static void plan_is_removed(void **state)
{
	(void)state;
	sim_fail(0, SIM_CALL_OPEN, 1, EMFILE);
	assert_null(xengnttab_open(NULL, 0));
	assert_int_equal(errno, EMFILE);
	sim_fail(0, SIM_CALL_OPEN, 1, EMFILE);
	sim_fail(0, SIM_CALL_OPEN, 0, 0);
	xengnttab_close(xengnttab_open(NULL, 0));
}

static void notify_and_store_fail(void **state)
{
	xenevtchn_handle *xce = xenevtchn_open(NULL, 0);
	int port = xenevtchn_bind_unbound_port(xce, GUEST);
	struct xs_handle *xs = xs_open(0);

	(void)state;
	sim_fail(0, SIM_CALL_NOTIFY, 1, EIO);
	assert_int_equal(xenevtchn_notify(xce, (evtchn_port_t)port), -1);
	assert_int_equal(xenevtchn_notify(xce, (evtchn_port_t)port), 0);
	sim_fail(0, SIM_CALL_XS, 2, EIO);
	assert_true(xs_write(xs, XBT_NULL, "/a", "1", 1));
	assert_false(xs_write(xs, XBT_NULL, "/a", "2", 1));
	assert_int_equal(errno, EIO);
	xs_close(xs);
	xenevtchn_close(xce);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(second_map_fails, setup),
		cmocka_unit_test_setup(failed_unmap_keeps_mapping, setup),
		cmocka_unit_test_setup(copy_fails_whole_or_in_part, setup),
		cmocka_unit_test_setup(plan_is_of_one_domain, setup),
		cmocka_unit_test_setup(plan_is_removed, setup),
		cmocka_unit_test_setup(notify_and_store_fail, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
