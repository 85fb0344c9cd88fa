/*
 * libxengnttab for a process of a drop-in world: handles, and mapping pages
 * that other domains granted.  (Copying them: gntcopy.c.)
 *
 * A mapping is a real one: the granter's memfd at the frame, so that the kernel
 * can do direct I/O into it, and a use after unmap faults.  Each handle has a
 * table and a lock of its own; handles of different threads share only the
 * world's lock.
 */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include "sim/lib/dropin/gnttab.h"
#include "sim/sim.h"

static void *fail_null(int error)
{
	errno = error;
	return NULL;
}

EXPORT xengnttab_handle *xengnttab_open(struct xentoollog_logger *logger,
					unsigned int flags)
{
	const struct client *client = client_get();
	int error = client ? client_fault(SIM_CALL_OPEN) : errno;
	xengnttab_handle *handle;

	(void)logger;
	(void)flags;
	handle = error ? NULL : calloc(1, sizeof(*handle));
	if (!handle)
		return fail_null(error ? error : ENOMEM);
	/* Something to return from xengnttab_fd(), never readable. */
	handle->fd = eventfd(0, EFD_CLOEXEC);
	if (handle->fd < 0) {
		error = errno;
		free(handle);
		return fail_null(error);
	}
	pthread_mutex_init(&handle->lock, NULL);
	handle->world = client->world;
	handle->owner = client->owner;
	handle->domid = client->domid;
	return handle;
}

EXPORT int xengnttab_fd(xengnttab_handle *handle)
{
	return handle->fd;
}

EXPORT int xengnttab_set_max_grants(xengnttab_handle *handle, uint32_t grants)
{
	(void)handle;
	(void)grants;
	return 0;
}

/* --- the table of a handle --- */

static struct area **bucket_of(xengnttab_handle *handle, const void *address)
{
	uint64_t page = (uintptr_t)address / SHARED_PAGE_BYTES;

	return &handle->area[page * 0x9e3779b97f4a7c15u >> 54];
}

void area_add(xengnttab_handle *handle, struct area *area)
{
	struct area **bucket = bucket_of(handle, area->address);

	pthread_mutex_lock(&handle->lock);
	area->next = *bucket;
	*bucket = area;
	pthread_mutex_unlock(&handle->lock);
}

struct area *area_take(xengnttab_handle *handle, const void *address,
		       uint32_t count)
{
	struct area **link = bucket_of(handle, address);
	struct area *area;

	pthread_mutex_lock(&handle->lock);
	while (*link &&
	       ((*link)->address != address || (*link)->count != count))
		link = &(*link)->next;
	area = *link;
	if (area)
		*link = area->next;
	pthread_mutex_unlock(&handle->lock);
	return area;
}

static void unpin(xengnttab_handle *handle, const struct area *area)
{
	for (uint32_t i = 0; i < area->count; i++)
		world_grant_unpin(handle->world, area->number[i]);
}

static void release_mapping(xengnttab_handle *handle, struct area *area)
{
	munmap(area->address, (size_t)area->count * SHARED_PAGE_BYTES);
	unpin(handle, area);
	free(area);
}

/*
 * What is mapped or shared stays so, as on Linux, where the mapping keeps the
 * device open: until it is unmapped, which needs no handle there, or the
 * process ends.
 */
EXPORT int xengnttab_close(xengnttab_handle *handle)
{
	if (!handle)
		return 0;
	for (uint32_t i = 0; i < AREA_BUCKETS; i++)
		while (handle->area[i]) {
			struct area *area = handle->area[i];

			handle->area[i] = area->next;
			free(area);
		}
	close(handle->fd);
	pthread_mutex_destroy(&handle->lock);
	free(handle);
	return 0;
}

/* --- mapping --- */

struct request {
	uint32_t count;
	const uint32_t *domids;
	uint32_t stride; /* 0: one domid for all */
	const uint32_t *grefs;
	int protection;
	uint32_t notify_offset; /* UINT32_MAX: none */
	uint32_t notify_port;
};

/* All or nothing. */
static int pin_all(xengnttab_handle *handle, const struct request *request,
		   struct area *area)
{
	for (area->count = 0; area->count < request->count; area->count++) {
		struct world_access access = {
			.domid = handle->domid,
			.granter =
				request->domids[area->count * request->stride],
			.gref = request->grefs[area->count],
			.readonly = !(request->protection & PROT_WRITE),
			.owner = handle->owner,
		};
		uint32_t *id = &area->number[area->count];

		/* Linux tells the caller no more than this either. */
		if (world_grant_pin(handle->world, &access, id) != GNTST_okay) {
			unpin(handle, area);
			return -EINVAL;
		}
		handle->world->mapping[*id].continued = area->count > 0;
	}
	return 0;
}

static const struct world_mapping *mapping(const xengnttab_handle *handle,
					   const struct area *area, uint32_t i)
{
	return &handle->world->mapping[area->number[i]];
}

/* How many pages from the i-th on lie side by side in one domain. */
static uint32_t adjacent(const xengnttab_handle *handle,
			 const struct area *area, uint32_t first)
{
	const struct world_mapping *start = mapping(handle, area, first);
	uint32_t run = 1;

	while (first + run < area->count &&
	       mapping(handle, area, first + run)->granter == start->granter &&
	       mapping(handle, area, first + run)->frame == start->frame + run)
		run++;
	return run;
}

/* Pages first to first + run, at the place reserved for them or anywhere. */
static void *map_run(const xengnttab_handle *handle, const struct area *area,
		     uint32_t first, uint32_t run)
{
	const struct world_mapping *start = mapping(handle, area, first);
	int fd = client_memory_fd(start->granter);
	char *where = area->address;
	int flags = MAP_SHARED | MAP_POPULATE;

	if (fd < 0)
		return MAP_FAILED;
	if (where) {
		where += (size_t)first * SHARED_PAGE_BYTES;
		flags |= MAP_FIXED;
	}
	return mmap(where, (size_t)run * SHARED_PAGE_BYTES, area->protection,
		    flags, fd, (off_t)start->frame * SHARED_PAGE_BYTES);
}

/* Gives the area its address. */
static int map_all(const xengnttab_handle *handle, struct area *area)
{
	size_t bytes = (size_t)area->count * SHARED_PAGE_BYTES;
	uint32_t run = adjacent(handle, area, 0);
	void *address;

	if (run == area->count) {
		address = map_run(handle, area, 0, run);
		area->address = address == MAP_FAILED ? NULL : address;
		return address == MAP_FAILED ? -errno : 0;
	}
	address = mmap(NULL, bytes, PROT_NONE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (address == MAP_FAILED)
		return -errno;
	area->address = address;
	for (uint32_t i = 0; i < area->count; i += run) {
		run = adjacent(handle, area, i);
		if (map_run(handle, area, i, run) == MAP_FAILED) {
			int error = -errno;

			munmap(address, bytes);
			return error;
		}
	}
	return 0;
}

static int check_request(const xengnttab_handle *handle,
			 const struct request *request)
{
	int error = client_fault(SIM_CALL_MAP);

	if (error)
		return -error;
	if (handle->owner != client_owner())
		return -EBADF;
	if (request->count == 0 || request->count > WORLD_MAPPINGS)
		return -EINVAL;
	/* A byte cannot be cleared beyond the page or where we may not write.
	 */
	if (request->notify_offset != UINT32_MAX &&
	    (request->notify_offset >= SHARED_PAGE_BYTES ||
	     !(request->protection & PROT_WRITE)))
		return -EINVAL;
	return 0;
}

/* The first page of the mapping tells the other side when it goes. */
static void set_notification(xengnttab_handle *handle,
			     const struct request *request,
			     const struct area *area)
{
	struct world_mapping *m = &handle->world->mapping[area->number[0]];

	if (request->notify_port != UINT32_MAX)
		m->notify_port = request->notify_port;
	if (request->notify_offset != UINT32_MAX &&
	    client_memory(m->granter) != NULL)
		m->notify_offset = request->notify_offset;
}

static void *map_grants(xengnttab_handle *handle, const struct request *request)
{
	int error = check_request(handle, request);
	struct area *area;

	if (error)
		return fail_null(-error);
	area = malloc(sizeof(*area) + request->count * sizeof(uint32_t));
	if (!area)
		return fail_null(ENOMEM);
	area->address = NULL;
	area->protection = request->protection;
	error = pin_all(handle, request, area);
	if (!error) {
		error = map_all(handle, area);
		if (error)
			unpin(handle, area);
	}
	if (error) {
		free(area);
		return fail_null(-error);
	}
	set_notification(handle, request, area);
	area_add(handle, area);
	return area->address;
}

EXPORT void *xengnttab_map_grant_ref(xengnttab_handle *handle, uint32_t domid,
				     uint32_t gref, int protection)
{
	struct request request = {1,	      &domid,	  0,	     &gref,
				  protection, UINT32_MAX, UINT32_MAX};

	return map_grants(handle, &request);
}

EXPORT void *xengnttab_map_grant_refs(xengnttab_handle *handle, uint32_t count,
				      uint32_t *domids, uint32_t *grefs,
				      int protection)
{
	struct request request = {count,      domids,	  1,	     grefs,
				  protection, UINT32_MAX, UINT32_MAX};

	return map_grants(handle, &request);
}

EXPORT void *xengnttab_map_domain_grant_refs(xengnttab_handle *handle,
					     uint32_t count, uint32_t domid,
					     uint32_t *grefs, int protection)
{
	struct request request = {count,      &domid,	  0,	     grefs,
				  protection, UINT32_MAX, UINT32_MAX};

	return map_grants(handle, &request);
}

EXPORT void *xengnttab_map_grant_ref_notify(xengnttab_handle *handle,
					    uint32_t domid, uint32_t gref,
					    int protection, uint32_t offset,
					    evtchn_port_t port)
{
	struct request request = {1,	      &domid, 0,   &gref,
				  protection, offset, port};

	return map_grants(handle, &request);
}

EXPORT int xengnttab_unmap(xengnttab_handle *handle, void *address,
			   uint32_t count)
{
	int error = client_fault(SIM_CALL_UNMAP);
	struct area *area;

	if (error) {
		errno = error;
		return -1;
	}
	area = handle->owner == client_owner()
		       ? area_take(handle, address, count)
		       : NULL;
	if (!area) {
		errno = EINVAL;
		return -1;
	}
	release_mapping(handle, area);
	return 0;
}
