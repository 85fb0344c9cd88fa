/*
 * The kernel's part in a queue's page pool, played in process.
 *
 * A queue maps its pool of bounce pages when it attaches and unmaps it when it
 * detaches: thousands of times a second here, with page faults each time.  The
 * harness is linked with --wrap, so that these calls come here, and a mapping
 * that was given back is handed out again as it is.  The kernel would clear it;
 * what is left in it is what a backend must never let a guest see, so that
 * stale bytes help to find a leak.
 *
 * Everything that is no pool (the simulator's own memory) goes to the kernel.
 */
#include <stdbool.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/types.h>

#include "backend/base/limits.h"

#define MAPPINGS 32u
#define POOL_MAX ((size_t)LIMIT_POOL_PAGES * XEN_PAGE_BYTES)

void *__real_mmap(void *at, size_t bytes, int protection, int flags, int fd,
		  off_t offset);
int __real_munmap(void *at, size_t bytes);
int __real_madvise(void *at, size_t bytes, int advice);
void *__wrap_mmap(void *at, size_t bytes, int protection, int flags, int fd,
		  off_t offset);
int __wrap_munmap(void *at, size_t bytes);
int __wrap_madvise(void *at, size_t bytes, int advice);

static struct mapping {
	char *base;
	size_t bytes;
	bool used;
} mappings[MAPPINGS];

static bool is_pool(const void *at, size_t bytes, int protection, int flags)
{
	return at == NULL && bytes <= POOL_MAX &&
	       protection == (PROT_READ | PROT_WRITE) &&
	       (flags & (MAP_ANONYMOUS | MAP_PRIVATE | MAP_FIXED)) ==
		       (MAP_ANONYMOUS | MAP_PRIVATE);
}

void *__wrap_mmap(void *at, size_t bytes, int protection, int flags, int fd,
		  off_t offset)
{
	struct mapping *room = NULL;
	void *base;

	if (!is_pool(at, bytes, protection, flags))
		return __real_mmap(at, bytes, protection, flags, fd, offset);
	for (unsigned int i = 0; i < MAPPINGS; i++) {
		struct mapping *m = &mappings[i];

		if (m->base == NULL && room == NULL)
			room = m;
		if (m->base == NULL || m->used || m->bytes != bytes)
			continue;
		m->used = true;
		return m->base;
	}
	base = __real_mmap(at, bytes, protection, flags, fd, offset);
	if (base != MAP_FAILED && room != NULL)
		*room = (struct mapping){base, bytes, true};
	return base;
}

int __wrap_munmap(void *at, size_t bytes)
{
	for (unsigned int i = 0; i < MAPPINGS; i++)
		if (mappings[i].base == at && mappings[i].bytes == bytes) {
			mappings[i].used = false;
			return 0;
		}
	return __real_munmap(at, bytes);
}

int __wrap_madvise(void *at, size_t bytes, int advice)
{
	for (unsigned int i = 0; i < MAPPINGS; i++)
		if ((char *)at >= mappings[i].base &&
		    (char *)at < mappings[i].base + mappings[i].bytes)
			return 0;
	return __real_madvise(at, bytes, advice);
}
