/* The last look at an operation before an engine acts on it.  See io.h. */
#include "backend/image/io.h"

#include "backend/base/check.h"
#include "backend/base/checked.h"

size_t image_io_bytes(const struct image_io *io)
{
	size_t bytes = 0;

	for (uint32_t i = 0; i < io->iov_count; i++)
		bytes += io->iov[i].iov_len;
	return bytes;
}

void image_io_check(const struct image_io *io, const struct image_info *info)
{
	size_t bytes;

	CHECK(io->operation < IMAGE_OPERATION_COUNT);
	if (io->operation == IMAGE_FLUSH)
		return;
	CHECK(io->operation == IMAGE_READ || !info->readonly);
	if (io->operation == IMAGE_DISCARD) {
		CHECK(io->iov_count == 0 && io->sectors >= 1);
		CHECK(range_fits(io->sector, io->sectors, info->sectors));
		return;
	}
	CHECK(io->iov != NULL);
	CHECK(io->iov_count >= 1);
	CHECK(io->iov_count <= IMAGE_IOV_MAX);
	bytes = image_io_bytes(io);
	CHECK(bytes > 0);
	CHECK(bytes % SECTOR_BYTES == 0);
	CHECK(range_fits(io->sector, bytes / SECTOR_BYTES, info->sectors));
}
