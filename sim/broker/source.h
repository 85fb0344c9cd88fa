/*
 * Sources of events of the broker: one epoll set, one callback per descriptor.
 *
 * Whoever has a descriptor to listen on embeds a struct source.  The broker has
 * one thread; a callback may remove its own source, never another one's, so
 * that no event of the same batch finds freed memory: what must go for another
 * reason is marked and swept after the batch.
 */
#pragma once

#include <errno.h>
#include <stdint.h>
#include <stddef.h>
#include <sys/epoll.h>

struct source {
	int fd;
	void (*ready)(struct source *source, uint32_t events);
};

static inline int source_add(int epoll, struct source *source, uint32_t events)
{
	struct epoll_event event = {.events = events, .data.ptr = source};

	return epoll_ctl(epoll, EPOLL_CTL_ADD, source->fd, &event) ? -errno : 0;
}

static inline void source_change(int epoll, struct source *source,
				 uint32_t events)
{
	struct epoll_event event = {.events = events, .data.ptr = source};

	epoll_ctl(epoll, EPOLL_CTL_MOD, source->fd, &event);
}

static inline void source_remove(int epoll, struct source *source)
{
	epoll_ctl(epoll, EPOLL_CTL_DEL, source->fd, NULL);
}
