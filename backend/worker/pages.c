/* The pool of bounce pages.  See pages.h. */
#include "backend/worker/pages.h"

#include <errno.h>
#include <sanitizer/asan_interface.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "backend/base/check.h"
#include "backend/base/limits.h"

struct pages {
	unsigned char *base;
	unsigned int cap;
	unsigned int high;     /* no page from here on was ever taken */
	unsigned int back;     /* entries of stack in use */
	unsigned int resident; /* pages with memory behind them */
	bool *touched;	       /* per page: memory behind it */
	uint16_t stack[];      /* pages given back; the top was used last */
};

_Static_assert(LIMIT_POOL_PAGES <= UINT16_MAX &&
		       LIMIT_INDIRECT_SEGMENTS <= UINT16_MAX,
	       "a page index fits the stack");

int pages_create(unsigned int cap, struct pages **pages)
{
	struct pages *p;

	CHECK(cap >= LIMIT_SEGMENTS);
	/* The longest request of all has more pages than a pool shares. */
	CHECK(cap <= (LIMIT_POOL_PAGES > LIMIT_INDIRECT_SEGMENTS
			      ? LIMIT_POOL_PAGES
			      : LIMIT_INDIRECT_SEGMENTS));
	p = calloc(1, sizeof(*p) + cap * sizeof(p->stack[0]));
	if (!p)
		return -ENOMEM;
	p->touched = calloc(cap, sizeof(p->touched[0]));
	p->base =
		mmap(NULL, (size_t)cap * XEN_PAGE_BYTES, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (!p->touched || p->base == MAP_FAILED) {
		if (p->base != MAP_FAILED)
			munmap(p->base, (size_t)cap * XEN_PAGE_BYTES);
		free(p->touched);
		free(p);
		return -ENOMEM;
	}
	p->cap = cap;
	*pages = p;
	return 0;
}

void pages_destroy(struct pages *pages)
{
	if (!pages)
		return;
	CHECK(pages_available(pages) == pages->cap);
	/* The address range may serve somebody else next. */
	ASAN_UNPOISON_MEMORY_REGION(pages->base,
				    (size_t)pages->high * XEN_PAGE_BYTES);
	munmap(pages->base, (size_t)pages->cap * XEN_PAGE_BYTES);
	free(pages->touched);
	free(pages);
}

void *pages_take(struct pages *pages)
{
	unsigned int i;
	unsigned char *page;

	CHECK(pages->back <= pages->high && pages->high <= pages->cap);
	/* One that was used before, if there is: few pages are ever touched. */
	if (pages->back > 0)
		i = pages->stack[--pages->back];
	else if (pages->high < pages->cap)
		i = pages->high++;
	else
		return NULL;
	CHECK(i < pages->high);
	if (!pages->touched[i]) {
		pages->touched[i] = true;
		pages->resident++;
	}
	page = pages->base + (size_t)i * XEN_PAGE_BYTES;
	ASAN_UNPOISON_MEMORY_REGION(page, XEN_PAGE_BYTES);
	return page;
}

void pages_give(struct pages *pages, void *page)
{
	ptrdiff_t offset = (unsigned char *)page - pages->base;

	CHECK(pages->back < pages->high);
	CHECK(offset >= 0 && offset % XEN_PAGE_BYTES == 0);
	CHECK((size_t)offset / XEN_PAGE_BYTES < pages->high);
	/* Poisoned while free: a late I/O into it is a finding, not corruption.
	 */
	ASAN_POISON_MEMORY_REGION(page, XEN_PAGE_BYTES);
	pages->stack[pages->back++] = (uint16_t)(offset / XEN_PAGE_BYTES);
}

unsigned int pages_available(const struct pages *pages)
{
	return pages->cap - pages->high + pages->back;
}

unsigned int pages_resident(const struct pages *pages)
{
	return pages->resident;
}

unsigned int pages_shrink(struct pages *pages)
{
	unsigned int given = 0;
	unsigned int used = pages->high - pages->back;

	CHECK(pages->resident >= used);
	for (unsigned int i = 0; i < pages->back && given < LIMIT_POOL_SHRINK &&
				 pages->resident > used;
	     i++) {
		unsigned int page = pages->stack[i];

		if (!pages->touched[page])
			continue;
		(void)madvise(pages->base + (size_t)page * XEN_PAGE_BYTES,
			      XEN_PAGE_BYTES, MADV_DONTNEED);
		pages->touched[page] = false;
		pages->resident--;
		given++;
	}
	return pages->resident - used;
}
