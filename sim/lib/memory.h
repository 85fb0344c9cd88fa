/*
 * The memory of in-process domains, seen through several aliases.
 *
 * Each frame exists once and appears at several addresses: in the guest's view
 * (what gntshr and sim_guest_page() hand out) and in as many backend views as
 * it is mapped at the same time, so that each mapping has an address of its
 * own, as on Xen.  Pages of a backend view that nobody maps are poisoned for
 * AddressSanitizer: a use after unmap is caught at once.
 *
 * Called by lib/ only.  Addresses are handed around as page numbers within the
 * whole arrangement.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define MEMORY_DOMAINS	    8u
#define MEMORY_FRAMES	    16384u /* per domain: 64 MiB */
#define MEMORY_VIEWS	    5u	   /* the guest's, and four of backends */
#define MEMORY_ALIASES	    8192u  /* pages for mappings that fit no view */
#define MEMORY_PAGE	    4096u
#define MEMORY_DOMAIN_PAGES (MEMORY_VIEWS * MEMORY_FRAMES)
#define MEMORY_PAGES	    (MEMORY_DOMAINS * MEMORY_DOMAIN_PAGES + MEMORY_ALIASES)
#define MEMORY_NOWHERE	    UINT32_MAX

/**
 * memory_reset() - ready for domains; whoever mapped pages has unmapped them.
 */
void memory_reset(void);

/** memory_domain() - a domain with so many frames begins; they are zero. */
void memory_domain(uint32_t domid, uint32_t frames);

/** memory_frame() - the guest's view of a frame; zeroed at its first use. */
void *memory_frame(uint32_t domid, uint32_t frame);

/** memory_clear() - zero a frame now. */
void memory_clear(uint32_t domid, uint32_t frame);

/** memory_frame_of() - the frame at an address of this guest's view, or -1. */
int64_t memory_frame_of(uint32_t domid, const void *address);

/* One page to be mapped. */
struct memory_source {
	uint32_t domid, frame;
};

/**
 * memory_map() - adjacent backend pages that show these frames.
 *
 * Return: the first page number, or MEMORY_NOWHERE if there is no room.
 */
uint32_t memory_map(const struct memory_source *source, uint32_t count);
void memory_unmap(uint32_t page, uint32_t count);

void *memory_address(uint32_t page);

/** memory_page_at() - the page number of a page-aligned address, or NOWHERE. */
uint32_t memory_page_at(const void *address);
