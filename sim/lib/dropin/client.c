/*
 * The connection to the broker and what came over it (client.h).
 */
#include "sim/lib/dropin/client.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sim/lib/dropin/message.h"

static struct {
	struct client public;
	_Atomic bool connected;
	bool forks_watched;
	pthread_mutex_t lock; /* one question at a time */
	int connection;
	_Atomic int memory_fd[WORLD_DOMAINS]; /* + 1; 0: not asked yet */
	char *_Atomic memory[WORLD_DOMAINS];
	_Atomic int waker[WORLD_HANDLES]; /* eventfd + 1; 0: not asked yet */
} self = {.lock = PTHREAD_MUTEX_INITIALIZER, .connection = -1};

/* The parent's connection must not stay open here: its end is a message. */
static void child_starts_anew(void)
{
	if (self.connection >= 0)
		close(self.connection);
	self.connection = -1;
	self.public.owner = 0;
	atomic_store(&self.connected, false);
	pthread_mutex_init(&self.lock, NULL);
}

static void before_fork(void)
{
	pthread_mutex_lock(&self.lock);
}

static void parent_goes_on(void)
{
	pthread_mutex_unlock(&self.lock);
}

static uint32_t own_role(void)
{
	const char *role = getenv("XENSIM_ROLE");

	return role && !strcmp(role, "store") ? MESSAGE_ROLE_STORE
					      : MESSAGE_ROLE_PROGRAM;
}

/* A number that a child of ours inherits is not the broker's any more. */
static int say_hello(int connection)
{
	const char *domid = getenv("XENSIM_DOMID");
	struct message message = {.kind = MESSAGE_HELLO, .role = own_role()};
	struct shared *shared;
	int fd, error;

	message.value = domid ? (uint32_t)strtoul(domid, NULL, 10) : 0;
	self.public.domid = message.value;
	error = message_call(connection, &message, &fd);
	if (error)
		return error;
	if (!self.public.world) {
		shared = shared_map(fd);
		if (!shared) {
			error = -errno;
			close(fd);
			return error;
		}
		self.public.world = &shared->world;
	}
	close(fd);
	self.public.owner = message.value;
	return 0;
}

static int connect_locked(void)
{
	int connection = message_connect();
	int error;

	if (connection < 0)
		return connection;
	error = say_hello(connection);
	if (error) {
		close(connection);
		return error;
	}
	if (!self.forks_watched)
		pthread_atfork(before_fork, parent_goes_on, child_starts_anew);
	self.forks_watched = true;
	self.connection = connection;
	atomic_store(&self.connected, true);
	return 0;
}

const struct client *client_get(void)
{
	int error = 0;

	if (atomic_load_explicit(&self.connected, memory_order_acquire))
		return &self.public;
	pthread_mutex_lock(&self.lock);
	if (!atomic_load(&self.connected))
		error = connect_locked();
	pthread_mutex_unlock(&self.lock);
	if (!error)
		return &self.public;
	fprintf(stderr,
		"libxensim: no simulated Xen for domain %s: %s (start programs "
		"with xenblk-sim run or guest)\n",
		getenv("XENSIM_DOMID") ? getenv("XENSIM_DOMID") : "0",
		strerror(-error));
	errno = -error;
	return NULL;
}

uint32_t client_owner(void)
{
	return atomic_load_explicit(&self.connected, memory_order_acquire)
		       ? self.public.owner
		       : 0;
}

/* One question; 0 or -errno. */
static int ask(struct message *message, int *fd)
{
	int error;

	pthread_mutex_lock(&self.lock);
	error = self.connection < 0
			? -EPIPE
			: message_call(self.connection, message, fd);
	pthread_mutex_unlock(&self.lock);
	return error;
}

/* --- memory --- */

int client_memory_fd(uint32_t domid)
{
	struct message message = {.kind = MESSAGE_MEMORY, .value = domid};
	int fd, error, none = 0;

	fd = atomic_load_explicit(&self.memory_fd[domid], memory_order_acquire);
	if (fd > 0)
		return fd - 1;
	error = ask(&message, &fd);
	if (error) {
		errno = -error;
		return -1;
	}
	if (atomic_compare_exchange_strong(&self.memory_fd[domid], &none,
					   fd + 1))
		return fd;
	/* Another thread was faster. */
	close(fd);
	return none - 1;
}

static char *map_memory(uint32_t domid)
{
	int fd = client_memory_fd(domid);
	char *memory = NULL;

	if (fd < 0)
		return NULL;
	pthread_mutex_lock(&self.lock);
	memory = atomic_load(&self.memory[domid]);
	if (!memory)
		memory = shared_memory_map(fd);
	atomic_store(&self.memory[domid], memory);
	pthread_mutex_unlock(&self.lock);
	return memory;
}

char *client_memory(uint32_t domid)
{
	char *memory =
		atomic_load_explicit(&self.memory[domid], memory_order_acquire);

	return memory ? memory : map_memory(domid);
}

/* --- event channels --- */

static int waker_ask(uint32_t handle)
{
	struct message message = {.kind = MESSAGE_HANDLE_WAKER,
				  .value = handle};
	int fd, none = 0;

	if (ask(&message, &fd) != 0)
		return -1;
	if (atomic_compare_exchange_strong(&self.waker[handle], &none, fd + 1))
		return fd;
	close(fd);
	return none - 1;
}

static void wake_now(uint32_t handle)
{
	const uint64_t one = 1;
	int fd = atomic_load_explicit(&self.waker[handle],
				      memory_order_acquire) -
		 1;

	if (fd < 0)
		fd = waker_ask(handle);
	/* It fails only when the world has ended. */
	if (fd >= 0 && write(fd, &one, sizeof(one)) < 0)
		return;
}

/*
 * The broker takes the lock too, so nothing may be asked of it with the lock
 * held: what is to be woken under the lock is woken after it.
 */
#define DEFERRED 4u

static __thread struct {
	bool locked;
	unsigned int count;
	uint32_t handle[DEFERRED];
} deferred;

void world_wake(struct world *world, uint32_t handle)
{
	(void)world;
	if (deferred.locked && deferred.count < DEFERRED)
		deferred.handle[deferred.count++] = handle;
	else
		wake_now(handle);
}

void world_lock(struct world *world)
{
	shared_lock(world);
	deferred.locked = true;
}

void world_unlock(struct world *world)
{
	unsigned int count = deferred.count;

	deferred.locked = false;
	deferred.count = 0;
	shared_unlock(world);
	for (unsigned int i = 0; i < count; i++)
		wake_now(deferred.handle[i]);
}

int client_handle_open(uint32_t *handle, int *fd)
{
	struct message message = {.kind = MESSAGE_HANDLE_OPEN};
	int error = ask(&message, fd);

	*handle = message.value;
	return error;
}

void client_handle_close(uint32_t handle)
{
	struct message message = {.kind = MESSAGE_HANDLE_CLOSE,
				  .value = handle};

	ask(&message, NULL);
}

int client_store_port(void)
{
	struct message message = {.kind = MESSAGE_STORE_PORT};
	int error = ask(&message, NULL);

	return error ? error : (int)message.value;
}

/* --- mappings --- */

void world_unpinned(struct world *world, const struct world_mapping *mapping)
{
	char *memory;

	(void)world;
	if (mapping->notify_offset == WORLD_NO_NOTIFY)
		return;
	/* Mapped already: whoever pins a page asks for it before. */
	memory = atomic_load(&self.memory[mapping->granter]);
	if (memory)
		memory[(size_t)mapping->frame * SHARED_PAGE_BYTES +
		       mapping->notify_offset] = 0;
}
