/*
 * Memory and descriptors that cannot be had: the worker's calls for them, linked
 * in by --wrap, of which the k-th fails as a script says.  Calls while no worker
 * runs pass.  See bench.h.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "fuzz/worker/bench.h"

void *__real_calloc(size_t count, size_t bytes);
void *__wrap_calloc(size_t count, size_t bytes);
void *__real_aligned_alloc(size_t alignment, size_t bytes);
void *__wrap_aligned_alloc(size_t alignment, size_t bytes);
void *__real_mmap(void *at, size_t bytes, int protection, int flags, int fd,
		  off_t offset);
void *__wrap_mmap(void *at, size_t bytes, int protection, int flags, int fd,
		  off_t offset);

static struct {
	bool works; /* it is the worker that runs */
	unsigned int at;
} shortage;

void shortage_plan(unsigned int at)
{
	shortage.at = at;
}

void shortage_worker_runs(bool runs)
{
	shortage.works = runs;
}

static bool fails(void)
{
	if (!shortage.works || shortage.at == 0 || --shortage.at > 0)
		return false;
	errno = ENOMEM;
	return true;
}

void *__wrap_calloc(size_t count, size_t bytes)
{
	return fails() ? NULL : __real_calloc(count, bytes);
}

void *__wrap_aligned_alloc(size_t alignment, size_t bytes)
{
	return fails() ? NULL : __real_aligned_alloc(alignment, bytes);
}

void *__wrap_mmap(void *at, size_t bytes, int protection, int flags, int fd,
		  off_t offset)
{
	/* Where the simulator maps is given. */
	if (at == NULL && fails())
		return MAP_FAILED;
	return __real_mmap(at, bytes, protection, flags, fd, offset);
}
