/*
 * The shared memory of a drop-in world, and its lock (shared.h).
 */
#include "sim/lib/dropin/shared.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static int lock_init(struct shared *shared)
{
	pthread_mutexattr_t attributes;
	int error;

	pthread_mutexattr_init(&attributes);
	pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
	pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
	error = pthread_mutex_init(&shared->lock, &attributes);
	pthread_mutexattr_destroy(&attributes);
	return -error;
}

int shared_create(void)
{
	int fd = memfd_create("xensim-world", MFD_CLOEXEC);
	struct shared *shared;

	if (fd < 0)
		return -errno;
	if (ftruncate(fd, sizeof(struct shared)) != 0) {
		close(fd);
		return -errno;
	}
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED,
		      fd, 0);
	if (shared == MAP_FAILED || lock_init(shared) != 0) {
		close(fd);
		return -ENOMEM;
	}
	shared->magic = SHARED_MAGIC;
	munmap(shared, sizeof(*shared));
	return fd;
}

struct shared *shared_map(int fd)
{
	struct shared *shared;
	struct stat status;

	if (fstat(fd, &status) != 0)
		return NULL;
	if (status.st_size != (off_t)sizeof(*shared)) {
		errno = EPROTO;
		return NULL;
	}
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_NORESERVE, fd, 0);
	if (shared == MAP_FAILED)
		return NULL;
	madvise(shared, sizeof(*shared), MADV_DONTDUMP);
	if (shared->magic == SHARED_MAGIC)
		return shared;
	munmap(shared, sizeof(*shared));
	errno = EPROTO;
	return NULL;
}

int shared_memory_create(uint32_t domid)
{
	char name[32];
	int fd;

	snprintf(name, sizeof(name), "xensim-domain-%u", domid);
	fd = memfd_create(name, MFD_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (ftruncate(fd, (off_t)SHARED_MEMORY_BYTES) == 0)
		return fd;
	close(fd);
	return -errno;
}

char *shared_memory_map(int fd)
{
	char *memory = mmap(NULL, SHARED_MEMORY_BYTES, PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_NORESERVE, fd, 0);

	if (memory == MAP_FAILED)
		return NULL;
	madvise(memory, SHARED_MEMORY_BYTES, MADV_DONTDUMP);
	return memory;
}

/* --- the model's lock --- */

void shared_lock(struct world *world)
{
	struct shared *shared = shared_of(world);

	if (pthread_mutex_lock(&shared->lock) != EOWNERDEAD)
		return;
	shared_repair(world);
	shared->repairs++;
	pthread_mutex_consistent(&shared->lock);
}

void shared_unlock(struct world *world)
{
	pthread_mutex_unlock(&shared_of(world)->lock);
}
