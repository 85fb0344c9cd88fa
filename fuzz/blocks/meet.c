/* Calls at which threads meet, and those that fail.  See meet.h. */
#include "fuzz/blocks/meet.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "fuzz/disk.h"

#define ASKED	   8u
#define ROOMS	   DISK_MAX_QUEUES
#define ROOM_BYTES ((size_t)LIMIT_BLOCK_ROOMS * LIMIT_BLOCK_ROOM_BYTES)

static struct {
	unsigned int fails;
	unsigned int inside; /* calls into the backend, one within another */
	bool opening, failed;
	struct {
		bool waits;
		unsigned int places; /* to be passed before */
		struct script_record record;
	} asked[ASKED];
} meet;

static struct {
	void *memory; /* NULL: not yet */
	bool used;
} rooms[ROOMS];

void meet_begin(unsigned int fails)
{
	memset(&meet, 0, sizeof(meet));
	meet.fails = fails;
}

void meet_opening(bool opening)
{
	meet.opening = opening;
}

bool meet_fails(void)
{
	if (!meet.opening || meet.fails == 0 || --meet.fails > 0)
		return false;
	errno = ENOMEM;
	meet.failed = true;
	return true;
}

bool meet_failed(void)
{
	return meet.failed;
}

void meet_enter(void)
{
	meet.inside++;
}

void meet_leave(void)
{
	meet.inside--;
}

void meet_ask(unsigned int places, const struct script_record *record)
{
	for (unsigned int i = 0; i < ASKED; i++) {
		if (meet.asked[i].waits)
			continue;
		meet.asked[i].waits = true;
		meet.asked[i].places = places;
		meet.asked[i].record = *record;
		return;
	}
}

void meet_forget(void)
{
	for (unsigned int i = 0; i < ASKED; i++)
		meet.asked[i].waits = false;
}

/* What is done may come to such a place itself: it ends, as each is done once. */
static void pass(void)
{
	for (unsigned int i = 0; i < ASKED && meet.inside > 0; i++) {
		if (!meet.asked[i].waits || meet.asked[i].places-- > 0)
			continue;
		meet.asked[i].waits = false;
		meet_act(&meet.asked[i].record);
	}
}

int __real_pthread_mutex_lock(pthread_mutex_t *lock);
int __wrap_pthread_mutex_lock(pthread_mutex_t *lock);
int __real_pthread_mutex_unlock(pthread_mutex_t *lock);
int __wrap_pthread_mutex_unlock(pthread_mutex_t *lock);
ssize_t __real_write(int fd, const void *bytes, size_t count);
ssize_t __wrap_write(int fd, const void *bytes, size_t count);
ssize_t __real_read(int fd, void *bytes, size_t count);
ssize_t __wrap_read(int fd, void *bytes, size_t count);
int __real_eventfd(unsigned int count, int flags);
int __wrap_eventfd(unsigned int count, int flags);
int __real_epoll_create1(int flags);
int __wrap_epoll_create1(int flags);
int __real_epoll_ctl(int fd, int what, int of, struct epoll_event *event);
int __wrap_epoll_ctl(int fd, int what, int of, struct epoll_event *event);
void *__real_calloc(size_t count, size_t bytes);
void *__wrap_calloc(size_t count, size_t bytes);
void *__real_aligned_alloc(size_t alignment, size_t bytes);
void *__wrap_aligned_alloc(size_t alignment, size_t bytes);
void __real_free(void *memory);
void __wrap_free(void *memory);

int __wrap_pthread_mutex_lock(pthread_mutex_t *lock)
{
	pass();
	return __real_pthread_mutex_lock(lock);
}

int __wrap_pthread_mutex_unlock(pthread_mutex_t *lock)
{
	const int result = __real_pthread_mutex_unlock(lock);

	pass();
	return result;
}

ssize_t __wrap_write(int fd, const void *bytes, size_t count)
{
	pass();
	return __real_write(fd, bytes, count);
}

ssize_t __wrap_read(int fd, void *bytes, size_t count)
{
	pass();
	return __real_read(fd, bytes, count);
}

int meet_real_eventfd(unsigned int count, int flags)
{
	return __real_eventfd(count, flags);
}

int __wrap_eventfd(unsigned int count, int flags)
{
	return meet_fails() ? -1 : __real_eventfd(count, flags);
}

int __wrap_epoll_create1(int flags)
{
	return meet_fails() ? -1 : __real_epoll_create1(flags);
}

int __wrap_epoll_ctl(int fd, int what, int of, struct epoll_event *event)
{
	return meet_fails() ? -1 : __real_epoll_ctl(fd, what, of, event);
}

void *__wrap_calloc(size_t count, size_t bytes)
{
	return meet_fails() ? NULL : __real_calloc(count, bytes);
}

/* Of a channel's rooms: two megabytes, which take longer to come and to go than all
 * else of a play. */
static void *kept_room(size_t alignment, size_t bytes)
{
	for (unsigned int i = 0; i < ROOMS; i++) {
		if (rooms[i].used)
			continue;
		if (rooms[i].memory == NULL)
			rooms[i].memory =
				__real_aligned_alloc(alignment, bytes);
		rooms[i].used = rooms[i].memory != NULL;
		return rooms[i].memory;
	}
	return NULL;
}

void *__wrap_aligned_alloc(size_t alignment, size_t bytes)
{
	if (meet_fails())
		return NULL;
	return bytes == ROOM_BYTES ? kept_room(alignment, bytes)
				   : __real_aligned_alloc(alignment, bytes);
}

void __wrap_free(void *memory)
{
	for (unsigned int i = 0; i < ROOMS && memory != NULL; i++) {
		if (rooms[i].memory != memory)
			continue;
		rooms[i].used = false;
		return;
	}
	__real_free(memory);
}

unsigned int meet_rooms(void)
{
	unsigned int used = 0;

	for (unsigned int i = 0; i < ROOMS; i++)
		used += rooms[i].used;
	return used;
}
