/*
 * libxengntshr for a process of a drop-in world: a guest program grants pages
 * of its own.  They are frames of its domain's memory, zeroed as Linux does.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "sim/lib/dropin/gnttab.h"

EXPORT xengntshr_handle *xengntshr_open(struct xentoollog_logger *logger,
					unsigned int flags)
{
	return xengnttab_open(logger, flags);
}

EXPORT int xengntshr_fd(xengntshr_handle *handle)
{
	return xengnttab_fd(handle);
}

/* Notification first, as when the last user of a page goes away. */
static void release_share(xengntshr_handle *handle, struct area *area)
{
	if (area->notify_offset != UINT32_MAX)
		area->address[area->notify_offset] = 0;
	if (area->notify_port != UINT32_MAX) {
		world_lock(handle->world);
		world_port_notify_locked(handle->world, handle->domid,
					 area->notify_port);
		world_unlock(handle->world);
	}
	munmap(area->address, (size_t)area->count * SHARED_PAGE_BYTES);
	for (uint32_t i = 0; i < area->count; i++)
		world_unshare(handle->world, handle->domid, area->number[i]);
	free(area);
}

EXPORT int xengntshr_close(xengntshr_handle *handle)
{
	return xengnttab_close(handle);
}

static struct area *share(xengntshr_handle *handle,
			  const struct world_share *wanted)
{
	struct area *area =
		malloc(sizeof(*area) + wanted->count * sizeof(uint32_t));
	uint32_t frame = 0;
	int fd, error;

	if (!area) {
		errno = ENOMEM;
		return NULL;
	}
	area->count = wanted->count;
	area->notify_offset = area->notify_port = UINT32_MAX;
	fd = client_memory_fd(handle->domid);
	error = fd < 0 ? -errno
		       : world_share(handle->world, wanted, area->number,
				     &frame);
	if (error) {
		free(area);
		errno = -error;
		return NULL;
	}
	area->address = mmap(NULL, (size_t)area->count * SHARED_PAGE_BYTES,
			     PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE,
			     fd, (off_t)frame * SHARED_PAGE_BYTES);
	if (area->address != MAP_FAILED)
		return area;
	error = errno;
	for (uint32_t i = 0; i < area->count; i++)
		world_unshare(handle->world, handle->domid, area->number[i]);
	free(area);
	errno = error;
	return NULL;
}

EXPORT void *xengntshr_share_pages(xengntshr_handle *handle, uint32_t domid,
				   int count, uint32_t *grefs, int writable)
{
	struct world_share wanted = {
		.domid = handle->domid,
		.peer = domid,
		.count = (uint32_t)count,
		.readonly = !writable,
		.owner = handle->owner,
	};
	struct area *area;

	if (count <= 0 || handle->owner != client_owner()) {
		errno = count <= 0 ? EINVAL : EBADF;
		return NULL;
	}
	area = share(handle, &wanted);
	if (!area)
		return NULL;
	memset(area->address, 0, (size_t)count * SHARED_PAGE_BYTES);
	memcpy(grefs, area->number, (size_t)count * sizeof(uint32_t));
	area_add(handle, area);
	return area->address;
}

EXPORT void *xengntshr_share_page_notify(xengntshr_handle *handle,
					 uint32_t domid, uint32_t *gref,
					 int writable, uint32_t offset,
					 evtchn_port_t port)
{
	struct area *area;
	void *address;

	if (offset != UINT32_MAX && offset >= SHARED_PAGE_BYTES) {
		errno = EINVAL;
		return NULL;
	}
	address = xengntshr_share_pages(handle, domid, 1, gref, writable);
	if (!address)
		return NULL;
	area = area_take(handle, address, 1);
	area->notify_offset = offset;
	area->notify_port = port;
	area_add(handle, area);
	return address;
}

EXPORT int xengntshr_unshare(xengntshr_handle *handle, void *address,
			     uint32_t count)
{
	struct area *area = handle->owner == client_owner()
				    ? area_take(handle, address, count)
				    : NULL;

	if (!area) {
		errno = EINVAL;
		return -1;
	}
	release_share(handle, area);
	return 0;
}
