/*
 * What libxengnttab promises about grant copies.
 */
#include <errno.h>
#include <string.h>
#include <xengnttab.h>

#include "sim/contract/contract.h"

#define NO_REF 0xfffffu

typedef xengnttab_grant_copy_segment_t segment;

static segment from_ref(struct contract *c, uint32_t ref, void *to,
			uint16_t bytes)
{
	segment s = {.len = bytes, .flags = GNTCOPY_source_gref, .status = 99};

	s.source.foreign.ref = ref;
	s.source.foreign.domid = (uint16_t)c->peer;
	s.dest.virt = to;
	return s;
}

static segment to_ref(struct contract *c, uint32_t ref, void *from,
		      uint16_t bytes)
{
	segment s = {.len = bytes, .flags = GNTCOPY_dest_gref, .status = 99};

	s.dest.foreign.ref = ref;
	s.dest.foreign.domid = (uint16_t)c->peer;
	s.source.virt = from;
	return s;
}

static void copies_from(struct contract *c)
{
	static uint8_t buffer[CONTRACT_PAGE];
	uint32_t ref;
	int share = peer_share(c, 1, true, &ref);
	segment s = from_ref(c, ref, buffer, CONTRACT_PAGE);

	EXPECT(c, share >= 0 && peer_poke(c, share, 0, 1) == 0 &&
			  peer_poke(c, share, 4095, 2) == 0);
	memset(buffer, 0xee, sizeof(buffer));
	EXPECT(c, xengnttab_grant_copy(c->gnttab, 1, &s) == 0);
	EXPECT(c, s.status == GNTST_okay);
	EXPECT(c, buffer[0] == 1 && buffer[1] == 0 && buffer[4095] == 2);
}

static void copies_to(struct contract *c)
{
	uint8_t buffer[16] = {7, 8};
	uint32_t ref;
	int share = peer_share(c, 1, false, &ref);
	segment s = to_ref(c, ref, buffer, 2);

	s.dest.foreign.offset = 4094;
	EXPECT(c, share >= 0);
	EXPECT(c, xengnttab_grant_copy(c->gnttab, 1, &s) == 0);
	EXPECT(c, s.status == GNTST_okay);
	EXPECT(c, peer_peek(c, share, 4094) == 7 &&
			  peer_peek(c, share, 4095) == 8 &&
			  peer_peek(c, share, 4093) == 0);
}

static void status_per_segment(struct contract *c)
{
	uint8_t buffer[3] = {0, 0, 0};
	uint32_t refs[2];
	int share = peer_share(c, 2, false, refs);
	segment s[3];

	EXPECT(c, share >= 0 && peer_poke(c, share, 0, 1) == 0 &&
			  peer_poke(c, share, CONTRACT_PAGE, 3) == 0);
	s[0] = from_ref(c, refs[0], &buffer[0], 1);
	s[1] = from_ref(c, NO_REF, &buffer[1], 1);
	s[2] = from_ref(c, refs[1], &buffer[2], 1);
	EXPECT(c, xengnttab_grant_copy(c->gnttab, 3, s) == 0);
	EXPECT(c, s[0].status == GNTST_okay && s[2].status == GNTST_okay);
	EXPECT(c, s[1].status == GNTST_bad_gntref);
	EXPECT(c, buffer[0] == 1 && buffer[1] == 0 && buffer[2] == 3);
}

static void ended_ref(struct contract *c)
{
	uint8_t byte;
	uint32_t ref;
	int share = peer_share(c, 1, false, &ref);
	segment s = from_ref(c, ref, &byte, 1);

	EXPECT(c, share >= 0 && peer_unshare(c, share) == 0);
	EXPECT(c, xengnttab_grant_copy(c->gnttab, 1, &s) == 0);
	EXPECT(c, s.status == GNTST_general_error);
}

static void readonly_target(struct contract *c)
{
	uint8_t byte = 5;
	uint32_t ref;
	int share = peer_share(c, 1, true, &ref);
	segment s = to_ref(c, ref, &byte, 1);

	EXPECT(c, share >= 0);
	EXPECT(c, xengnttab_grant_copy(c->gnttab, 1, &s) == 0);
	EXPECT(c, s.status == GNTST_general_error);
	EXPECT(c, peer_peek(c, share, 0) == 0);
}

static void unknown_domain(struct contract *c)
{
	uint8_t byte;
	segment s = from_ref(c, 8, &byte, 1);

	s.source.foreign.domid = (uint16_t)c->nobody;
	EXPECT(c, xengnttab_grant_copy(c->gnttab, 1, &s) == 0);
	EXPECT(c, s.status == GNTST_bad_domain);
}

static void foreign_domid(struct contract *c)
{
	uint8_t byte;
	uint32_t ref;
	segment s;

	EXPECT(c, peer_share_with(c, c->nobody, 1, &ref) >= 0);
	s = from_ref(c, ref, &byte, 1);
	EXPECT(c, xengnttab_grant_copy(c->gnttab, 1, &s) == 0);
	EXPECT(c, s.status == GNTST_general_error);
}

static void beyond_source_page(struct contract *c)
{
	uint8_t buffer[4];
	uint32_t ref;
	segment s;

	EXPECT(c, peer_share(c, 1, false, &ref) >= 0);
	s = from_ref(c, ref, buffer, 4);
	s.source.foreign.offset = 4093;
	errno = 0;
	EXPECT(c, xengnttab_grant_copy(c->gnttab, 1, &s) == -1);
	EXPECT(c, errno == EINVAL);
}

static void beyond_target_page(struct contract *c)
{
	uint8_t buffer[4] = {1, 2, 3, 4};
	uint32_t ref;
	int share = peer_share(c, 1, false, &ref);
	segment s = to_ref(c, ref, buffer, 4);

	s.dest.foreign.offset = 4093;
	errno = 0;
	EXPECT(c, xengnttab_grant_copy(c->gnttab, 1, &s) == -1);
	EXPECT(c, errno == EINVAL);
	EXPECT(c, peer_peek(c, share, 4093) == 0);
}

static void no_ref_at_all(struct contract *c)
{
	uint8_t from = 1, to = 0;
	segment s = {.len = 1};

	s.source.virt = &from;
	s.dest.virt = &to;
	errno = 0;
	EXPECT(c, xengnttab_grant_copy(c->gnttab, 1, &s) == -1);
	EXPECT(c, errno == EINVAL && to == 0);
}

static void ref_to_ref(struct contract *c)
{
	uint32_t refs[2];
	int share = peer_share(c, 2, false, refs);
	segment s = from_ref(c, refs[0], NULL, 10);

	EXPECT(c, share >= 0 && peer_poke(c, share, 9, 33) == 0);
	s.flags = GNTCOPY_source_gref | GNTCOPY_dest_gref;
	s.dest.foreign.ref = refs[1];
	s.dest.foreign.domid = (uint16_t)c->peer;
	s.dest.foreign.offset = 100;
	EXPECT(c, xengnttab_grant_copy(c->gnttab, 1, &s) == 0);
	EXPECT(c, s.status == GNTST_okay);
	EXPECT(c, peer_peek(c, share, CONTRACT_PAGE + 109) == 33);
}

static void buffer_crosses_pages(struct contract *c)
{
	static uint8_t buffer[3 * CONTRACT_PAGE];
	uint8_t *at = buffer + CONTRACT_PAGE - 3;
	uint32_t ref;
	int share = peer_share(c, 1, false, &ref);
	segment s = from_ref(c, ref, at, CONTRACT_PAGE);

	EXPECT(c, share >= 0 && peer_poke(c, share, 0, 1) == 0 &&
			  peer_poke(c, share, 2048, 2) == 0 &&
			  peer_poke(c, share, 4095, 3) == 0);
	EXPECT(c, xengnttab_grant_copy(c->gnttab, 1, &s) == 0);
	EXPECT(c, s.status == GNTST_okay);
	EXPECT(c, at[0] == 1 && at[2048] == 2 && at[4095] == 3);
}

static void no_segments(struct contract *c)
{
	segment s;

	memset(&s, 0, sizeof(s));
	EXPECT(c, xengnttab_grant_copy(c->gnttab, 0, &s) == 0);
}

static void beside_a_mapping(struct contract *c)
{
	uint8_t byte = 0;
	uint32_t ref;
	volatile uint8_t *page;
	segment s;

	EXPECT(c, peer_share(c, 1, false, &ref) >= 0);
	page = xengnttab_map_grant_ref(c->gnttab, c->peer, ref, 3);
	EXPECT(c, page != NULL);
	page[50] = 51;
	s = from_ref(c, ref, &byte, 1);
	s.source.foreign.offset = 50;
	EXPECT(c, xengnttab_grant_copy(c->gnttab, 1, &s) == 0);
	EXPECT(c, s.status == GNTST_okay && byte == 51);
	EXPECT(c, xengnttab_unmap(c->gnttab, (void *)(uintptr_t)page, 1) == 0);
}

const struct contract_case contract_copies[] = {
	{"CPY-1", "A whole page is copied from a read-only grant", copies_from},
	{"CPY-2", "The last bytes of a page are copied to a grant, no others",
	 copies_to},
	{"CPY-3", "Each segment has its own status; the good ones are done",
	 status_per_segment},
	{"CPY-4", "A ref that was ended is a general error of its segment",
	 ended_ref},
	{"CPY-5", "Writing a read-only grant is an error and changes no byte",
	 readonly_target},
	{"CPY-6", "A domain that does not exist is GNTST_bad_domain",
	 unknown_domain},
	{"CPY-7", "A ref granted to another domain is a general error",
	 foreign_domid},
	{"CPY-8", "A segment beyond the end of its source page fails the call",
	 beyond_source_page},
	{"CPY-9", "A segment beyond the end of its target page fails the call",
	 beyond_target_page},
	{"CPY-10", "A segment without any ref fails the call", no_ref_at_all},
	{"CPY-11", "A segment may copy from ref to ref", ref_to_ref},
	{"CPY-12", "The local buffer may lie across pages",
	 buffer_crosses_pages},
	{"CPY-13", "No segments are fine", no_segments},
	{"CPY-14", "A ref that is mapped can be copied from", beside_a_mapping},
	{0},
};
