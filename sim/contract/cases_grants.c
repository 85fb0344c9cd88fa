/*
 * What libxengnttab promises about mapping another domain's pages.
 */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "sim/contract/contract.h"

#define WRITABLE (PROT_READ | PROT_WRITE)
#define NO_REF	 0xfffffu /* no grant table is so long */

static volatile uint8_t *map_one(struct contract *c, uint32_t ref, int prot)
{
	return xengnttab_map_grant_ref(c->gnttab, c->peer, ref, prot);
}

static int unmap(struct contract *c, volatile uint8_t *page, uint32_t count)
{
	return xengnttab_unmap(c->gnttab, (void *)(uintptr_t)page, count);
}

static void map_shows_bytes(struct contract *c)
{
	uint32_t ref;
	int share = peer_share(c, 1, false, &ref);
	volatile uint8_t *page;

	EXPECT(c, share >= 0);
	EXPECT(c, peer_poke(c, share, 17, 0xa5) == 0);
	page = map_one(c, ref, WRITABLE);
	EXPECT(c, page != NULL);
	EXPECT(c, page[17] == 0xa5);
	page[4095] = 0x5a;
	EXPECT(c, peer_peek(c, share, 4095) == 0x5a);
	EXPECT(c, unmap(c, page, 1) == 0);
}

static void ungranted_ref(struct contract *c)
{
	uint32_t ref;
	int share = peer_share(c, 1, false, &ref);

	EXPECT(c, share >= 0 && peer_unshare(c, share) == 0);
	errno = 0;
	EXPECT(c, map_one(c, ref, WRITABLE) == NULL);
	EXPECT(c, errno == EINVAL);
}

static void ref_beyond_table(struct contract *c)
{
	errno = 0;
	EXPECT(c, map_one(c, NO_REF, WRITABLE) == NULL);
	EXPECT(c, errno == EINVAL);
}

static void foreign_domid(struct contract *c)
{
	uint32_t ref;

	EXPECT(c, peer_share_with(c, c->nobody, 1, &ref) >= 0);
	errno = 0;
	EXPECT(c, map_one(c, ref, WRITABLE) == NULL);
	EXPECT(c, errno == EINVAL);
}

static void unknown_domain(struct contract *c)
{
	errno = 0;
	EXPECT(c, xengnttab_map_grant_ref(c->gnttab, c->nobody, 8, WRITABLE) ==
			  NULL);
	EXPECT(c, errno == EINVAL);
}

static void readonly_refuses_writable(struct contract *c)
{
	uint32_t ref;

	EXPECT(c, peer_share(c, 1, true, &ref) >= 0);
	errno = 0;
	EXPECT(c, map_one(c, ref, WRITABLE) == NULL);
	EXPECT(c, errno == EINVAL);
}

static void readonly_maps_readonly(struct contract *c)
{
	uint32_t ref;
	int share = peer_share(c, 1, true, &ref);
	volatile uint8_t *page = map_one(c, ref, PROT_READ);

	EXPECT(c, share >= 0 && page != NULL);
	EXPECT(c, peer_poke(c, share, 0, 9) == 0);
	EXPECT(c, page[0] == 9);
	EXPECT(c, unmap(c, page, 1) == 0);
}

static void writable_maps_readonly(struct contract *c)
{
	uint32_t ref;
	volatile uint8_t *page;

	EXPECT(c, peer_share(c, 1, false, &ref) >= 0);
	page = map_one(c, ref, PROT_READ);
	EXPECT(c, page != NULL);
	EXPECT(c, unmap(c, page, 1) == 0);
}

static void pages_in_order(struct contract *c)
{
	uint32_t refs[4], mixed[4];
	int share = peer_share(c, 4, false, refs);
	volatile uint8_t *page;

	EXPECT(c, share >= 0);
	for (uint32_t i = 0; i < 4; i++) {
		EXPECT(c, peer_poke(c, share, i * CONTRACT_PAGE,
				    (uint8_t)(10 + i)) == 0);
		mixed[i] = refs[3 - i];
	}
	page = xengnttab_map_domain_grant_refs(c->gnttab, 4, c->peer, mixed,
					       WRITABLE);
	EXPECT(c, page != NULL);
	for (uint32_t i = 0; i < 4; i++)
		EXPECT(c, page[i * CONTRACT_PAGE] == 13 - i);
	EXPECT(c, unmap(c, page, 4) == 0);
}

static void domids_per_page(struct contract *c)
{
	uint32_t refs[2], domids[2] = {c->peer, c->peer};
	volatile uint8_t *page;

	EXPECT(c, peer_share(c, 2, false, refs) >= 0);
	page = xengnttab_map_grant_refs(c->gnttab, 2, domids, refs, WRITABLE);
	EXPECT(c, page != NULL);
	EXPECT(c, unmap(c, page, 2) == 0);
}

static void partial_failure(struct contract *c)
{
	uint32_t refs[3];
	int share = peer_share(c, 3, false, refs);

	EXPECT(c, share >= 0);
	refs[2] = NO_REF;
	errno = 0;
	EXPECT(c, xengnttab_map_domain_grant_refs(c->gnttab, 3, c->peer, refs,
						  WRITABLE) == NULL);
	EXPECT(c, errno == EINVAL);
	/* A page that was still mapped could not be ended. */
	EXPECT(c, peer_unshare(c, share) == 0);
	EXPECT(c, map_one(c, refs[0], WRITABLE) == NULL);
}

static void map_nothing(struct contract *c)
{
	uint32_t ref = 8;

	errno = 0;
	EXPECT(c, xengnttab_map_domain_grant_refs(c->gnttab, 0, c->peer, &ref,
						  WRITABLE) == NULL);
	EXPECT(c, errno == EINVAL);
}

static void mapped_twice(struct contract *c)
{
	uint32_t ref;
	int share = peer_share(c, 1, false, &ref);
	volatile uint8_t *one, *two;

	EXPECT(c, share >= 0);
	one = map_one(c, ref, WRITABLE);
	two = map_one(c, ref, WRITABLE);
	EXPECT(c, one != NULL && two != NULL && one != two);
	one[3] = 77;
	EXPECT(c, two[3] == 77);
	EXPECT(c, unmap(c, one, 1) == 0);
	EXPECT(c, peer_poke(c, share, 3, 78) == 0);
	EXPECT(c, two[3] == 78);
	EXPECT(c, unmap(c, two, 1) == 0);
}

static void mapped_often(struct contract *c)
{
	volatile uint8_t *page[9];
	uint32_t ref;
	int share = peer_share(c, 1, false, &ref);

	EXPECT(c, share >= 0);
	for (unsigned int i = 0; i < 9; i++) {
		page[i] = map_one(c, ref, WRITABLE);
		EXPECT(c, page[i] != NULL);
	}
	EXPECT(c, peer_poke(c, share, 5, 1) == 0);
	for (unsigned int i = 0; i < 9; i++)
		EXPECT(c, page[i][5] == 1 && unmap(c, page[i], 1) == 0);
}

static void unmap_wrong_count(struct contract *c)
{
	uint32_t refs[2];
	volatile uint8_t *page;

	EXPECT(c, peer_share(c, 2, false, refs) >= 0);
	page = xengnttab_map_domain_grant_refs(c->gnttab, 2, c->peer, refs,
					       WRITABLE);
	EXPECT(c, page != NULL);
	errno = 0;
	EXPECT(c, unmap(c, page, 1) == -1 && errno == EINVAL);
	page[0] = 1; /* still there */
	EXPECT(c, unmap(c, page, 2) == 0);
}

static void unmap_twice(struct contract *c)
{
	uint32_t ref;
	volatile uint8_t *page;

	EXPECT(c, peer_share(c, 1, false, &ref) >= 0);
	page = map_one(c, ref, WRITABLE);
	EXPECT(c, page != NULL && unmap(c, page, 1) == 0);
	EXPECT(c, unmap(c, page, 1) == -1);
}

static void unmap_nothing(struct contract *c)
{
	errno = 0;
	EXPECT(c, unmap(c, NULL, 1) == -1 && errno == EINVAL);
}

static void mapping_outlives_share(struct contract *c)
{
	uint32_t ref, other[8];
	int share = peer_share(c, 1, false, &ref), again;
	volatile uint8_t *page;

	EXPECT(c, share >= 0 && peer_poke(c, share, 100, 42) == 0);
	page = map_one(c, ref, WRITABLE);
	EXPECT(c, page != NULL && peer_unshare(c, share) == 0);
	again = peer_share(c, 8, false, other);
	EXPECT(c, again >= 0);
	for (uint32_t i = 0; i < 8; i++)
		EXPECT(c, peer_poke(c, again, i * CONTRACT_PAGE + 100, 7) == 0);
	EXPECT(c, page[100] == 42);
	EXPECT(c, unmap(c, page, 1) == 0);
}

static void mapped_ref_not_reused(struct contract *c)
{
	uint32_t ref, other[8];
	int share = peer_share(c, 1, false, &ref);
	volatile uint8_t *page;

	EXPECT(c, share >= 0);
	page = map_one(c, ref, WRITABLE);
	EXPECT(c, page != NULL && peer_unshare(c, share) == 0);
	EXPECT(c, peer_share(c, 8, false, other) >= 0);
	for (unsigned int i = 0; i < 8; i++)
		EXPECT(c, other[i] != ref);
	EXPECT(c, unmap(c, page, 1) == 0);
}

static void refs_distinct(struct contract *c)
{
	uint32_t refs[16];

	EXPECT(c, peer_share(c, 16, false, refs) >= 0);
	for (unsigned int i = 0; i < 16; i++) {
		EXPECT(c, refs[i] >= 8); /* the first ones are reserved */
		for (unsigned int k = 0; k < i; k++)
			EXPECT(c, refs[i] != refs[k]);
	}
}

static void share_is_zeroed(struct contract *c)
{
	uint32_t ref;

	for (unsigned int round = 0; round < 4; round++) {
		int share = peer_share(c, 1, false, &ref);

		EXPECT(c, share >= 0 && peer_peek(c, share, 2048) == 0);
		EXPECT(c, peer_poke(c, share, 2048, 0xff) == 0);
		EXPECT(c, peer_unshare(c, share) == 0);
	}
}

static void share_nothing(struct contract *c)
{
	uint32_t ref;

	EXPECT(c, peer_share(c, 0, false, &ref) == -EINVAL);
}

static void share_outlives_handle(struct contract *c)
{
	uint32_t ref;
	volatile uint8_t *page;

	EXPECT(c, peer_share(c, 1, false, &ref) >= 0);
	EXPECT(c, peer_close_sharing(c) == 0);
	page = map_one(c, ref, WRITABLE);
	EXPECT(c, page != NULL && unmap(c, page, 1) == 0);
}

static void unmap_notifies(struct contract *c)
{
	uint32_t ref;
	int share = peer_share(c, 1, false, &ref);
	int theirs = peer_port_alloc(c, c->self), ours;
	volatile uint8_t *page;

	EXPECT(c, share >= 0 && theirs > 0);
	ours = xenevtchn_bind_interdomain(c->evtchn, c->peer,
					  (evtchn_port_t)theirs);
	EXPECT(c, ours > 0 && peer_poke(c, share, 8, 1) == 0);
	page = xengnttab_map_grant_ref_notify(c->gnttab, c->peer, ref, WRITABLE,
					      8, (evtchn_port_t)ours);
	EXPECT(c, page != NULL && page[8] == 1);
	EXPECT(c, unmap(c, page, 1) == 0);
	EXPECT(c, peer_peek(c, share, 8) == 0);
	EXPECT(c, peer_event(c) == theirs);
}

static void mapping_outlives_handle(struct contract *c)
{
	uint32_t ref;
	int share = peer_share(c, 1, false, &ref);
	volatile uint8_t *page;

	EXPECT(c, share >= 0 && peer_poke(c, share, 8, 1) == 0);
	page = map_one(c, ref, WRITABLE);
	EXPECT(c, page != NULL && xengnttab_close(c->gnttab) == 0);
	c->gnttab = xengnttab_open(NULL, 0);
	EXPECT(c, peer_poke(c, share, 8, 2) == 0);
	EXPECT(c, page[8] == 2);
}

const struct contract_case contract_grants[] = {
	{"GNT-1", "A mapped page shows the same bytes on both sides",
	 map_shows_bytes},
	{"GNT-2", "A ref that was ended cannot be mapped: NULL, EINVAL",
	 ungranted_ref},
	{"GNT-3", "A ref beyond the grant table cannot be mapped: NULL, EINVAL",
	 ref_beyond_table},
	{"GNT-4", "A ref granted to another domain cannot be mapped",
	 foreign_domid},
	{"GNT-5", "A ref of a domain that does not exist cannot be mapped",
	 unknown_domain},
	{"GNT-6", "A read-only grant refuses a writable mapping",
	 readonly_refuses_writable},
	{"GNT-7", "A read-only grant can be mapped read-only",
	 readonly_maps_readonly},
	{"GNT-8", "A writable grant can be mapped read-only",
	 writable_maps_readonly},
	{"GNT-9", "Several refs become adjacent pages in the order given",
	 pages_in_order},
	{"GNT-10", "Each page may name its own domain", domids_per_page},
	{"GNT-11", "One bad ref of several: nothing is mapped, EINVAL",
	 partial_failure},
	{"GNT-12", "Mapping no pages is EINVAL", map_nothing},
	{"GNT-13",
	 "A ref mapped twice has two addresses that live on their own",
	 mapped_twice},
	{"GNT-14", "A ref can be mapped nine times at once", mapped_often},
	{"GNT-15",
	 "An unmap of another number of pages is EINVAL and changes "
	 "nothing",
	 unmap_wrong_count},
	{"GNT-16", "A second unmap of the same mapping fails", unmap_twice},
	{"GNT-17", "An unmap of NULL is EINVAL", unmap_nothing},
	{"GNT-18",
	 "A page that is unshared while mapped keeps its bytes for "
	 "the mapper",
	 mapping_outlives_share},
	{"GNT-19",
	 "A ref that is unshared while mapped is not handed out again",
	 mapped_ref_not_reused},
	{"GNT-20", "Refs handed out differ, and the reserved ones are not used",
	 refs_distinct},
	{"GNT-21",
	 "A shared page is zero at first, also when memory is re-used",
	 share_is_zeroed},
	{"GNT-22", "Sharing no pages is EINVAL", share_nothing},
	{"GNT-23", "Closing the sharing handle ends no grant of a mapped page",
	 share_outlives_handle},
	{"GNT-24", "An unmap with notification clears the byte and signals",
	 unmap_notifies},
	{"GNT-25", "Closing the mapping handle unmaps nothing",
	 mapping_outlives_handle},
	{0},
};
