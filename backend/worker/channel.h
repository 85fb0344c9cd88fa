/*
 * One event channel: the only caller of xenevtchn_*.
 *
 * A handle per queue, so that no two queues share a descriptor.  An event masks
 * its port until channel_unmask(); queue.c unmasks only after it has looked at
 * the ring and armed it, so that a guest that kicks without cause costs one
 * wake-up, not a storm (Q19).
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct channel;

/** channel_create() - open a handle; 0 or -errno. */
int channel_create(struct channel **channel);

/** channel_destroy() - close it; unbinds first if bound; NULL is fine. */
void channel_destroy(struct channel *channel);

/** channel_bind() - bind to the guest's port; 0 or -errno. */
int channel_bind(struct channel *channel, uint32_t domid, uint32_t remote_port);

/** channel_unbind() - close the port; the handle stays; not bound is fine. */
void channel_unbind(struct channel *channel);

/**
 * channel_take() - take a pending event off; never blocks; whether there was
 * one.
 */
bool channel_take(struct channel *channel);

/** channel_unmask() - let the port fire again, if an event was taken since. */
void channel_unmask(struct channel *channel);

/**
 * channel_notify() - tell the guest; a guest that closed its port is no error.
 */
void channel_notify(struct channel *channel);

/**
 * channel_fd() - readable when an event waits; -1 in the in-process simulator.
 */
int channel_fd(const struct channel *channel);
