/*
 * Guest memory and its aliases.  See memory.h.
 *
 * Address space is taken once, when a domain first appears, and kept: resetting
 * and creating domains makes no system call.  Shared anonymous memory is
 * aliased by mremap() with an old size of zero, so no descriptor is needed.
 * After a fork the child takes memory of its own at the next reset.
 */
#include "sim/lib/memory.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#if defined(__SANITIZE_ADDRESS__)
#define MEMORY_POISON 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define MEMORY_POISON 1
#endif
#endif

#ifdef MEMORY_POISON
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(address, bytes)                              \
	((void)(address), (void)(bytes))
#define ASAN_UNPOISON_MEMORY_REGION(address, bytes)                            \
	((void)(address), (void)(bytes))
#endif

#define FIRST_ALIAS (MEMORY_DOMAINS * MEMORY_DOMAIN_PAGES)

static struct {
	char *base; /* of everything; NULL: not taken yet */
	bool forked;
	uint32_t lives;			/* domains begun so far */
	uint32_t epoch[MEMORY_DOMAINS]; /* which of them this one is */
	bool present[MEMORY_DOMAINS];
	uint32_t poisoned[MEMORY_DOMAINS]; /* frames, in the backend views */
	uint32_t zeroed[MEMORY_DOMAINS][MEMORY_FRAMES]; /* for which life */
	bool taken[MEMORY_PAGES]; /* backend pages that are mapped */
} memory;

static void die(const char *what)
{
	perror(what);
	abort();
}

static void *take(void *at, size_t bytes, int protection, int flags)
{
	void *address =
		mmap(at, bytes, protection, flags | MAP_NORESERVE, -1, 0);

	if (address == MAP_FAILED)
		die("simulator: cannot take address space");
	return address;
}

void *memory_address(uint32_t page)
{
	return memory.base + (size_t)page * MEMORY_PAGE;
}

static uint32_t page_of(uint32_t domid, uint32_t view, uint32_t frame)
{
	return domid * MEMORY_DOMAIN_PAGES + view * MEMORY_FRAMES + frame;
}

static void note_fork(void)
{
	memory.forked = true;
}

static void take_everything(void)
{
	if (memory.base == NULL) {
		memory.base = take(NULL, (size_t)MEMORY_PAGES * MEMORY_PAGE,
				   PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS);
		pthread_atfork(NULL, NULL, note_fork);
	}
	/* After a fork: memory of our own at the same addresses. */
	memset(memory.present, 0, sizeof(memory.present));
	memory.forked = false;
}

/* Makes @to show what lies at @from, @bytes long. */
static void alias(void *from, void *to, size_t bytes)
{
	if (mremap(from, 0, bytes, MREMAP_MAYMOVE | MREMAP_FIXED, to) ==
	    MAP_FAILED)
		die("simulator: cannot alias guest memory");
}

static void take_domain(uint32_t domid)
{
	const size_t bytes = (size_t)MEMORY_FRAMES * MEMORY_PAGE;
	void *guest = memory_address(page_of(domid, 0, 0));

	take(guest, bytes, PROT_READ | PROT_WRITE,
	     MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED);
	for (uint32_t view = 1; view < MEMORY_VIEWS; view++)
		alias(guest, memory_address(page_of(domid, view, 0)), bytes);
	memory.present[domid] = true;
}

static void poison(uint32_t page, uint32_t count)
{
	ASAN_POISON_MEMORY_REGION(memory_address(page),
				  (size_t)count * MEMORY_PAGE);
}

void memory_reset(void)
{
	if (memory.base == NULL || memory.forked)
		take_everything();
}

void memory_domain(uint32_t domid, uint32_t frames)
{
	uint32_t *poisoned = &memory.poisoned[domid];

	if (!memory.present[domid])
		take_domain(domid);
	if (frames > *poisoned) {
		for (uint32_t view = 1; view < MEMORY_VIEWS; view++)
			poison(page_of(domid, view, *poisoned),
			       frames - *poisoned);
		*poisoned = frames;
	}
	memory.epoch[domid] = ++memory.lives;
}

void memory_clear(uint32_t domid, uint32_t frame)
{
	memset(memory_address(page_of(domid, 0, frame)), 0, MEMORY_PAGE);
	memory.zeroed[domid][frame] = memory.epoch[domid];
}

void *memory_frame(uint32_t domid, uint32_t frame)
{
	if (memory.zeroed[domid][frame] != memory.epoch[domid])
		memory_clear(domid, frame);
	return memory_address(page_of(domid, 0, frame));
}

static uint32_t page_containing(const void *address)
{
	uintptr_t at = (uintptr_t)address, base = (uintptr_t)memory.base;

	if (at < base || at - base >= (uintptr_t)MEMORY_PAGES * MEMORY_PAGE)
		return MEMORY_NOWHERE;
	return (uint32_t)((at - base) / MEMORY_PAGE);
}

uint32_t memory_page_at(const void *address)
{
	if ((uintptr_t)address % MEMORY_PAGE != 0)
		return MEMORY_NOWHERE;
	return page_containing(address);
}

int64_t memory_frame_of(uint32_t domid, const void *address)
{
	uint32_t page = memory_page_at(address);
	uint32_t first = page_of(domid, 0, 0);

	if (page == MEMORY_NOWHERE || page < first ||
	    page - first >= MEMORY_FRAMES)
		return -1;
	return page - first;
}

static bool run_free(uint32_t page, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		if (memory.taken[page + i])
			return false;
	return true;
}

static uint32_t place_in_view(const struct memory_source *source,
			      uint32_t count)
{
	for (uint32_t i = 1; i < count; i++)
		if (source[i].domid != source[0].domid ||
		    source[i].frame != source[0].frame + i)
			return MEMORY_NOWHERE;
	for (uint32_t view = 1; view < MEMORY_VIEWS; view++) {
		uint32_t page = page_of(source[0].domid, view, source[0].frame);

		if (run_free(page, count))
			return page;
	}
	return MEMORY_NOWHERE;
}

/* Frames that are not adjacent, or mapped often already: page by page. */
static uint32_t place_in_aliases(const struct memory_source *source,
				 uint32_t count)
{
	uint32_t page = FIRST_ALIAS;

	while (page + count <= MEMORY_PAGES && !run_free(page, count))
		page++;
	if (page + count > MEMORY_PAGES)
		return MEMORY_NOWHERE;
	for (uint32_t i = 0; i < count; i++)
		alias(memory_frame(source[i].domid, source[i].frame),
		      memory_address(page + i), MEMORY_PAGE);
	return page;
}

uint32_t memory_map(const struct memory_source *source, uint32_t count)
{
	uint32_t page = place_in_view(source, count);

	if (page == MEMORY_NOWHERE)
		page = place_in_aliases(source, count);
	if (page == MEMORY_NOWHERE)
		return page;
	for (uint32_t i = 0; i < count; i++) {
		memory.taken[page + i] = true;
		(void)memory_frame(source[i].domid, source[i].frame);
	}
	ASAN_UNPOISON_MEMORY_REGION(memory_address(page),
				    (size_t)count * MEMORY_PAGE);
	return page;
}

void memory_unmap(uint32_t page, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		memory.taken[page + i] = false;
	poison(page, count);
}
