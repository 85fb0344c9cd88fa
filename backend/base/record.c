/* The memory that a worker's records go through.  See record.h. */
#include "backend/base/record.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backend/base/check.h"

#define REGION_MAGIC 0x72786263u

size_t record_region_bytes(unsigned int queues)
{
	CHECK(queues >= 1 && queues <= LIMIT_QUEUES);
	return sizeof(struct record_region) +
	       queues * sizeof(struct record_ring);
}

int record_region_create(unsigned int queues, uint64_t start_ns)
{
	const struct record_region header = {
		.magic = REGION_MAGIC, .queues = queues, .start_ns = start_ns};
	/* Sealed like the in-flight region: a worker that was taken over must
	 * not be able to shrink it under its reader. */
	const int seals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL;
	int fd = memfd_create("xenblk-record", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd < 0)
		return -errno;
	if (ftruncate(fd, (off_t)record_region_bytes(queues)) != 0 ||
	    pwrite(fd, &header, sizeof(header), 0) != (ssize_t)sizeof(header) ||
	    fcntl(fd, F_ADD_SEALS, seals) != 0) {
		int error = errno ? -errno : -EIO;

		close(fd);
		return error;
	}
	return fd;
}

int record_region_map(int fd, unsigned int queues,
		      struct record_region **region)
{
	const size_t bytes = record_region_bytes(queues);
	struct record_region *r;
	struct stat status;

	if (fstat(fd, &status) != 0)
		return -errno;
	if ((size_t)status.st_size != bytes)
		return -EINVAL;
	r = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (r == MAP_FAILED)
		return -errno;
	if (r->magic != REGION_MAGIC || r->queues != queues) {
		munmap(r, bytes);
		return -EINVAL;
	}
	*region = r;
	return 0;
}

void record_region_unmap(struct record_region *region, unsigned int queues)
{
	if (region != NULL)
		munmap(region, record_region_bytes(queues));
}
