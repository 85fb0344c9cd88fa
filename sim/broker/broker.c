/*
 * The broker's loop, its connections, and what happens when one ends
 * (broker.h).
 */
#include "sim/broker/broker.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define BATCH 64

/* Of the one world of this process: the model's hooks know nothing else. */
static struct broker *the_broker;

void world_lock(struct world *world)
{
	shared_lock(world);
}

void world_unlock(struct world *world)
{
	shared_unlock(world);
}

void world_wake(struct world *world, uint32_t handle)
{
	const uint64_t one = 1;
	int fd = the_broker->waker[handle];

	(void)world;
	if (fd >= 0 && write(fd, &one, sizeof(one)) < 0)
		fprintf(stderr, "xenblk-sim: cannot wake handle %u: %s\n",
			handle, strerror(errno));
}

void world_unpinned(struct world *world, const struct world_mapping *mapping)
{
	char *memory = the_broker->memory[mapping->granter];

	(void)world;
	if (memory && mapping->notify_offset != WORLD_NO_NOTIFY)
		memory[(size_t)mapping->frame * SHARED_PAGE_BYTES +
		       mapping->notify_offset] = 0;
}

/* --- processes --- */

/* What the process held goes; whom it was talking to may have missed an event.
 */
static void release(struct process *process)
{
	struct world *world = process->broker->world;

	for (uint32_t h = 0; h < world->handles_used; h++)
		if (world->handle[h].owner == process->owner)
			world_handle_revive_peers(world, h);
	world_owner_release(world, process->owner);
}

static void process_gone(struct process *process)
{
	process->gone = true;
	source_remove(process->broker->epoll, &process->source);
	close(process->source.fd);
	if (process->owner != 0)
		release(process);
}

static void process_ready(struct source *source, uint32_t events)
{
	struct process *process = (struct process *)source;
	struct message message;
	int n;

	(void)events;
	if (process->gone)
		return;
	n = message_receive(source->fd, &message, NULL);
	if (n <= 0)
		process_gone(process);
	else
		broker_answer(process, &message);
}

static void accept_process(struct source *source, uint32_t events)
{
	struct broker *broker =
		(struct broker *)((char *)source -
				  offsetof(struct broker, listener));
	int fd = accept4(source->fd, NULL, NULL, SOCK_CLOEXEC);
	socklen_t length = sizeof(struct ucred);
	struct process *process;
	struct ucred who;

	(void)events;
	if (fd < 0)
		return;
	process = calloc(1, sizeof(*process));
	if (!process ||
	    getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &length) != 0) {
		free(process);
		close(fd);
		return;
	}
	process->source = (struct source){.fd = fd, .ready = process_ready};
	process->broker = broker;
	process->pid = who.pid;
	process->next = broker->processes;
	broker->processes = process;
	source_add(broker->epoll, &process->source, EPOLLIN);
}

/* --- after each batch: what had to wait --- */

static void answer_destroyers(struct broker *broker)
{
	for (struct process *p = broker->processes; p; p = p->next) {
		struct message message = {.kind = MESSAGE_DOMAIN_DESTROY};

		if (p->gone || p->destroys == 0 ||
		    guest_has_processes(broker, p->destroys))
			continue;
		if (world_domain_live(broker->world, p->destroys))
			guest_bury(broker, p->destroys);
		p->destroys = 0;
		message_send(p->source.fd, &message, -1);
	}
}

static void sweep(struct broker *broker)
{
	struct process **link = &broker->processes;

	answer_destroyers(broker);
	while (*link) {
		struct process *process = *link;

		if (!process->gone) {
			link = &process->next;
			continue;
		}
		*link = process->next;
		free(process);
	}
	for (uint32_t domid = 1; domid < WORLD_DOMAINS; domid++)
		if (broker->guest[domid].proxy)
			proxy_sweep(broker->guest[domid].proxy);
}

/* --- start and loop --- */

static int start(struct broker *broker, int listener)
{
	struct shared *shared;

	for (uint32_t i = 0; i < WORLD_DOMAINS; i++)
		broker->memory_fd[i] = -1;
	for (uint32_t i = 0; i < WORLD_HANDLES; i++)
		broker->waker[i] = -1;
	broker->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (broker->epoll < 0)
		return -errno;
	broker->world_fd = shared_create();
	if (broker->world_fd < 0)
		return broker->world_fd;
	shared = shared_map(broker->world_fd);
	if (!shared)
		return -errno;
	broker->world = &shared->world;
	broker->last_owner = BROKER_OWNER;
	broker->listener =
		(struct source){.fd = listener, .ready = accept_process};
	return source_add(broker->epoll, &broker->listener, EPOLLIN);
}

static int serve(struct broker *broker)
{
	struct epoll_event events[BATCH];

	for (;;) {
		int n = epoll_wait(broker->epoll, events, BATCH, -1);

		if (n < 0 && errno != EINTR)
			return -errno;
		for (int i = 0; i < n; i++) {
			struct source *source = events[i].data.ptr;

			source->ready(source, events[i].events);
		}
		sweep(broker);
	}
}

int broker_run(int listener, const char *directory)
{
	struct broker *broker = calloc(1, sizeof(*broker));
	int error;

	if (!broker)
		return -ENOMEM;
	signal(SIGPIPE, SIG_IGN);
	broker->directory = directory;
	the_broker = broker;
	error = start(broker, listener);
	if (!error)
		error = guest_create(broker, 0, WORLD_FRAMES);
	if (!error)
		error = serve(broker);
	fprintf(stderr, "xenblk-sim: the broker cannot go on: %s\n",
		strerror(-error));
	return error;
}
