/*
 * What all processes of a drop-in world share: the model in one memfd, and one
 * memfd of memory per domain.
 *
 * Used by the preloaded library and by the broker.  The broker makes the
 * memfds, everybody else gets them from it.  A domain's memory is the same
 * memfd for as long as the world lasts, even if the domain dies and another
 * one gets its number, so that nobody's copy of the descriptor can be stale.
 */
#pragma once

#include <pthread.h>
#include <stddef.h>
#include <stdint.h>

#include "sim/world.h"

#define SHARED_MAGIC	    0x78656e73u
#define SHARED_PAGE_BYTES   4096u
#define SHARED_MEMORY_BYTES ((size_t)WORLD_FRAMES * SHARED_PAGE_BYTES)

/* The frame of each domain that is its store ring; never allocated. */
#define SHARED_STORE_FRAME 0u
#define SHARED_STORE_GREF  1u

struct shared {
	uint32_t magic;
	uint32_t repairs; /* how often a process died inside the lock */
	pthread_mutex_t lock;
	struct world world __attribute__((aligned(4096)));
};

/** shared_create() - a memfd with an empty world; descriptor or -errno. */
int shared_create(void);

/** shared_map() - NULL with errno when it cannot be mapped or is no world. */
struct shared *shared_map(int fd);

/** shared_of() - the whole of which this is the world. */
static inline struct shared *shared_of(struct world *world)
{
	return (struct shared *)((char *)world -
				 offsetof(struct shared, world));
}

/**
 * shared_memory_create() - a memfd for one domain's memory, sparse.
 *
 * Return: descriptor or -errno.
 */
int shared_memory_create(uint32_t domid);

/** shared_memory_map() - all of it, NULL with errno. */
char *shared_memory_map(int fd);

/**
 * shared_lock() - the lock of the model; what a dead holder left is repaired.
 *
 * The two builds' world_lock() is made of it: the library must not talk to the
 * broker while it holds the lock, and the broker need not.
 */
void shared_lock(struct world *world);
void shared_unlock(struct world *world);

/**
 * shared_repair() - a process died inside the lock: make everything that can be
 * derived agree with the records again.  Called with the lock held.
 *
 * The records are: a mapping has an owner, a shared entry has an owner, a port
 * has a binding, a handle has an owner.
 */
void shared_repair(struct world *world);
