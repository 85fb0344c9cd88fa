/* What is mapped where, and who looks at it.  See fetch.h. */
#include "fuzz/fetch.h"

#include <string.h>
#include <xengnttab.h>

#include "backend/base/check.h"
#include "fuzz/model.h"
#include "fuzz/oracle/refetch.h"
#include "fuzz/touchpoints.h"
#include "sim/lib/memory.h"

#if defined(__clang__)
#if __has_feature(address_sanitizer)
#define FETCH_COPIES 1
#endif
#endif

/* What a page of the backend's address space shows. */
enum {
	SHOWS_NOTHING = 0,
	SHOWS_DATA = 1,	  /* + data page */
	SHOWS_RING = 256, /* + queue * LIMIT_RING_PAGES + page */
};

static struct {
	struct model *model;
	bool connecting;
	void (*changed)(void *address, size_t bytes);
	uintptr_t base; /* of all guest memory in this process */
	size_t bytes;
	uint16_t place[MEMORY_PAGES];
} fetch;

_Static_assert(SHOWS_DATA + GUEST_DATA_PAGES <= SHOWS_RING, "apart");

void fetch_begin(struct model *model)
{
	fetch.model = model;
	fetch.connecting = false;
	fetch.base = (uintptr_t)memory_address(0);
	fetch.bytes = (size_t)MEMORY_PAGES * MEMORY_PAGE;
	refetch_begin();
}

void fetch_connecting(bool connecting)
{
	fetch.connecting = connecting;
}

void fetch_watch(void (*changed)(void *address, size_t bytes))
{
	fetch.changed = changed;
}

/* --- one look --- */

static void look(size_t at, size_t bytes, const void *from)
{
	while (bytes > 0) {
		const size_t within = at % MEMORY_PAGE;
		const size_t left = MEMORY_PAGE - within;
		const size_t n = bytes < left ? bytes : left;
		const unsigned int place = fetch.place[at / MEMORY_PAGE];

		if (place != SHOWS_NOTHING)
			touchpoint_reached(from);
		if (place >= SHOWS_RING)
			refetch_ring(fetch.model,
				     (place - SHOWS_RING) / LIMIT_RING_PAGES,
				     (place - SHOWS_RING) % LIMIT_RING_PAGES *
						     XEN_PAGE_BYTES +
					     within,
				     n);
		else if (place >= SHOWS_DATA)
			refetch_data(place - SHOWS_DATA, within, n);
		at += n;
		bytes -= n;
	}
}

void fetch_look(const void *address, size_t bytes, const void *from)
{
	const size_t at = (uintptr_t)address - fetch.base;

	if (at < fetch.bytes)
		look(at, bytes < fetch.bytes - at ? bytes : fetch.bytes - at,
		     from);
}

/*
 * What the compiler calls before each load of the worker; most are of its own
 * memory, so these come back at once.
 */
#define FETCH_LOAD(bits, type)                                                 \
	void __sanitizer_cov_load##bits(const type *address);                  \
	__attribute__((no_sanitize("address", "undefined"))) void              \
		__sanitizer_cov_load##bits(const type *address)                \
	{                                                                      \
		if ((uintptr_t)address - fetch.base < fetch.bytes)             \
			fetch_look(address, sizeof(*address),                  \
				   __builtin_return_address(0));               \
	}

FETCH_LOAD(1, uint8_t)
FETCH_LOAD(2, uint16_t)
FETCH_LOAD(4, uint32_t)
FETCH_LOAD(8, uint64_t)
FETCH_LOAD(16, __uint128_t)

#ifdef FETCH_COPIES

void *__real___asan_memcpy(void *to, const void *from, size_t bytes);
void *__real___asan_memmove(void *to, const void *from, size_t bytes);
void *__wrap___asan_memcpy(void *to, const void *from, size_t bytes);
void *__wrap___asan_memmove(void *to, const void *from, size_t bytes);

/* Copies of structures and memcpy(): the compiler tells of no load there. */
void *__wrap___asan_memcpy(void *to, const void *from, size_t bytes)
{
	fetch_look(from, bytes, __builtin_return_address(0));
	return __real___asan_memcpy(to, from, bytes);
}

void *__wrap___asan_memmove(void *to, const void *from, size_t bytes)
{
	fetch_look(from, bytes, __builtin_return_address(0));
	return __real___asan_memmove(to, from, bytes);
}

#endif

/* --- what is mapped --- */

static unsigned int place_of(uint32_t domid, uint32_t gref)
{
	const struct guest *guest = fetch.model->guest;

	if (domid != GUEST_DOMID || gref >= GREF_COUNT)
		return SHOWS_NOTHING;
	if (gref >= GREF_RING)
		/* As data, it is the guest's own affair. */
		return fetch.connecting ? SHOWS_RING + gref - GREF_RING
					: SHOWS_NOTHING;
	if (guest->grant[gref].page >= GUEST_DATA_PAGES)
		return SHOWS_NOTHING;
	return SHOWS_DATA + guest->grant[gref].page;
}

static void note_mapping(void *address, uint32_t count, uint32_t domid,
			 const uint32_t *refs)
{
	const size_t page = ((uintptr_t)address - fetch.base) / MEMORY_PAGE;
	const unsigned int first = place_of(domid, refs[0]);

	CHECK(page + count <= MEMORY_PAGES);
	for (uint32_t i = 0; i < count; i++)
		fetch.place[page + i] = (uint16_t)place_of(domid, refs[i]);
	if (first < SHOWS_RING)
		return;
	refetch_connect((first - SHOWS_RING) / LIMIT_RING_PAGES,
			(size_t)count * XEN_PAGE_BYTES);
	if (fetch.changed != NULL)
		fetch.changed(address, (size_t)count * XEN_PAGE_BYTES);
}

void *__real_xengnttab_map_domain_grant_refs(xengnttab_handle *xgt,
					     uint32_t count, uint32_t domid,
					     uint32_t *refs, int prot);
void *__wrap_xengnttab_map_domain_grant_refs(xengnttab_handle *xgt,
					     uint32_t count, uint32_t domid,
					     uint32_t *refs, int prot);
int __real_xengnttab_unmap(xengnttab_handle *xgt, void *address,
			   uint32_t count);
int __wrap_xengnttab_unmap(xengnttab_handle *xgt, void *address,
			   uint32_t count);

void *__wrap_xengnttab_map_domain_grant_refs(xengnttab_handle *xgt,
					     uint32_t count, uint32_t domid,
					     uint32_t *refs, int prot)
{
	void *address = __real_xengnttab_map_domain_grant_refs(
		xgt, count, domid, refs, prot);

	/* No harness that has no model looks at what is mapped. */
	if (address != NULL && fetch.model != NULL)
		note_mapping(address, count, domid, refs);
	return address;
}

int __wrap_xengnttab_unmap(xengnttab_handle *xgt, void *address, uint32_t count)
{
	const size_t page = ((uintptr_t)address - fetch.base) / MEMORY_PAGE;

	if (page < MEMORY_PAGES && count <= MEMORY_PAGES - page) {
		if (fetch.place[page] >= SHOWS_RING && fetch.changed != NULL)
			fetch.changed(address, 0);
		memset(&fetch.place[page], 0, count * sizeof(fetch.place[0]));
	}
	return __real_xengnttab_unmap(xgt, address, count);
}
