/*
 * One connection to an NBD server, as a queue uses it: how the queue is woken,
 * when the server is taken for gone, what is said of that.
 *
 * A queue that sleeps is woken through an epoll descriptor, which stands for
 * the connection in the direction that it waits for, and for a timer that looks
 * after commands nobody answers.  connection.c owns all three; image.c counts
 * in `asked` the commands that it gave to libnbd.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct connection {
	struct nbd_handle *handle;
	int poller; /* what a sleeping queue waits for */
	int timer;
	uint32_t events;    /* of the connection, as epoll knows them */
	unsigned int asked; /* commands without an answer */
	bool ticking;	    /* the timer is armed */
	uint64_t silent_ns; /* since when nothing has come */
	bool gone;	    /* said so once */
	unsigned int queue; /* for what is said */
};

/** connection_open() - connect; blocks until the server answers; 0 or -errno,
 * with the reason in the log.  @c: queue is set, the rest is empty. */
int connection_open(struct connection *c, const char *uri);

/** connection_close() - whatever there is of it. */
void connection_close(struct connection *c);

/** connection_step() - what the server sent and what it can take; never blocks.
 */
void connection_step(struct connection *c);

/** connection_settle() - before the queue sleeps: wait for the right thing. */
void connection_settle(struct connection *c);

/** connection_look_for_end() - say so, once, if libnbd has given it up. */
void connection_look_for_end(struct connection *c, const char *why);
