/*
 * This process as a client of the broker: its identity in the world, and what
 * it has asked for so far.
 *
 * Used by the symbols of the preloaded library only.  There is one client per
 * process; it connects at the first call that needs it.  A forked child starts
 * anew: it gets an identity of its own at its first call, and handles that it
 * inherited are not its own.  After the connection is made nothing here opens a
 * path or a socket.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "sim/lib/dropin/shared.h"

/* What is visible from outside: the Xen libraries' names. */
#define EXPORT __attribute__((visibility("default")))

struct client {
	struct world *world;
	uint32_t owner; /* our number in the world */
	uint32_t domid;
};

/** client_get() - connected, or NULL with errno. */
const struct client *client_get(void);

/** client_owner() - who we are now; 0 before the first call of a process. */
uint32_t client_owner(void);

/**
 * client_memory() - all memory of a domain, mapped once per process.
 *
 * Return: its first byte, or NULL with errno.
 */
char *client_memory(uint32_t domid);

/** client_memory_fd() - the memfd of a domain's memory, or -1 with errno. */
int client_memory_fd(uint32_t domid);

/** client_handle_open() - an evtchn handle and its eventfd; 0 or -errno. */
int client_handle_open(uint32_t *handle, int *fd);
void client_handle_close(uint32_t handle);

/** client_store_port() - dom0's port for the store daemon, or -errno. */
int client_store_port(void);

/** client_fault() - count one call; the errno that it must fail with, or 0. */
int client_fault(unsigned int call);
