/*
 * The broker of a drop-in world: one process that knows who is there.
 *
 * It makes the shared memory, hands out descriptors, opens handles of event
 * channels, creates and destroys domains, runs each guest's store connection,
 * and cleans up after a process that ends: a process is its connection, and
 * what it held is released when the connection closes.  It is on nobody's hot
 * path.  One thread, one epoll set.
 *
 * broker.c: its loop and the connections.  answer.c: what it answers.
 * guest.c: domains and their store connections.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "sim/broker/proxy.h"
#include "sim/broker/source.h"
#include "sim/lib/dropin/message.h"
#include "sim/lib/dropin/shared.h"

/**
 * broker_run() - serve a world until killed.
 * @listener: a listening SOCK_SEQPACKET socket
 * @directory: where each guest's store socket is made
 *
 * Return: -errno when it cannot start or go on; otherwise never.
 */
int broker_run(int listener, const char *directory);

/* --- inside the broker --- */

#define BROKER_OWNER	    1u /* of what the broker itself holds in the world */
#define BROKER_VIRQ_DOM_EXC 3u /* xen/xen.h; xenstored listens to it */

struct process {
	struct source source;
	struct broker *broker;
	struct process *next;
	uint32_t owner; /* 0: has not said hello */
	uint32_t domid;
	uint32_t role; /* enum message_role */
	int pid;
	uint32_t destroys; /* domain whose end it waits for, 0: none */
	bool gone;
};

/* The kernel side of a domain: its store connection. */
struct guest {
	struct source event; /* the eventfd of its handle */
	struct broker *broker;
	struct proxy *proxy;
	uint32_t domid, handle, port;
};

struct broker {
	int epoll;
	struct source listener;
	int world_fd;
	struct world *world;
	const char *directory;
	int memory_fd[WORLD_DOMAINS]; /* -1: not made yet */
	char *memory[WORLD_DOMAINS];
	int waker[WORLD_HANDLES]; /* -1: not made yet; never closed */
	struct guest guest[WORLD_DOMAINS];
	struct process *processes;
	uint32_t last_owner;
};

/* answer.c */
void broker_answer(struct process *process, struct message *message);

/** broker_memory() - make and map a domain's memory; 0 or -errno. */
int broker_memory(struct broker *broker, uint32_t domid);

/** broker_open_handle() - an evtchn handle with its eventfd; 0 or -errno. */
int broker_open_handle(struct broker *broker, uint32_t domid, uint32_t owner,
		       uint32_t *handle);

/* guest.c */

/** guest_create() - a domain with a store ring; 0 or -errno. */
int guest_create(struct broker *broker, uint32_t domid, uint32_t pages);

/** guest_kill() - kill its processes; guest_bury() once they are gone. */
void guest_kill(struct broker *broker, uint32_t domid);
bool guest_has_processes(const struct broker *broker, uint32_t domid);
void guest_bury(struct broker *broker, uint32_t domid);
