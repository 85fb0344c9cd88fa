/*
 * A guest's own connection to the store, shared by all programs of the guest.
 *
 * On a real guest the kernel's xenbus driver owns the store ring and lets
 * programs use it through /dev/xen/xenbus.  This is that driver for a simulated
 * guest: libxenstore clients connect to a UNIX socket, their requests go
 * through the one ring with request ids of ours, watch events are routed by
 * tokens of ours, transactions belong to the client that started them, and what
 * a dead client had is taken back.  So programs have a guest's permissions and
 * quotas.  Called by the broker's domain code only; has no thread of its own.
 *
 * proxy.c: the requests and replies.  proxy_ring.c: the ring and its framing.
 * proxy_client.c: the sockets and what each client holds.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <xen/io/xs_wire.h>

#include "sim/broker/bytes.h"
#include "sim/broker/source.h"

struct proxy;

struct proxy_options {
	int epoll;
	int listener; /* owned by the proxy from here on */
	struct xenstore_domain_interface *ring; /* the shared page, borrowed */
	void (*notify)(void *context);		/* tell the store daemon */
	void *context;
};

/** proxy_create() - start to serve clients; 0 or -errno. */
int proxy_create(const struct proxy_options *options, struct proxy **proxy);

/** proxy_destroy() - disconnect every client; the ring is not touched again. */
void proxy_destroy(struct proxy *proxy);

/** proxy_ring_event() - the store daemon notified: move bytes both ways. */
void proxy_ring_event(struct proxy *proxy);

/** proxy_sweep() - free clients that are gone; after each batch of events. */
void proxy_sweep(struct proxy *proxy);

/* --- inside the proxy --- */

#define PROXY_PENDING	  256u /* requests on the ring, of all clients */
#define PROXY_OUTSTANDING 8u   /* requests of one client */
#define PROXY_CLIENTS	  (PROXY_PENDING / PROXY_OUTSTANDING)
#define PROXY_BACKLOG	  (4u << 20) /* bytes a client may leave unread */
#define PROXY_TOKEN_BYTES 32u

struct proxy_message {
	struct xsd_sockmsg header;
	char payload[XENSTORE_PAYLOAD_MAX + 1];
};

/* A message that arrives in pieces. */
struct proxy_partial {
	struct proxy_message message;
	uint32_t have; /* bytes of it so far */
};

struct proxy_watch {
	struct proxy_watch *next;
	uint32_t serial;
	char *path, *token; /* as the client knows them */
};

struct proxy_transaction {
	struct proxy_transaction *next;
	uint32_t id;
};

struct proxy_client {
	struct source source;
	struct proxy *proxy;
	struct proxy_client *next;
	uint32_t id; /* never used twice; 0 is the proxy itself */
	bool gone;
	unsigned int outstanding;
	struct proxy_partial input;
	struct bytes output;
	struct proxy_watch *watches;
	struct proxy_transaction *transactions;
};

struct proxy_pending {
	bool used;
	uint32_t client; /* its id; 0: nobody wants the reply */
	uint32_t req_id; /* the client's own */
	uint32_t type;
	uint32_t watch; /* serial, for WATCH and UNWATCH */
};

struct proxy {
	struct proxy_options options;
	struct source listener;
	struct proxy_client *clients;
	uint32_t last_client, last_watch;
	struct proxy_pending pending[PROXY_PENDING];
	unsigned int clients_now;
	struct bytes to_ring;
	struct proxy_partial from_ring;
};

/* proxy.c */
void proxy_request(struct proxy_client *client, struct proxy_message *message);
void proxy_reply(struct proxy *proxy, struct proxy_message *message);
void proxy_take_back(struct proxy_client *client);

/* proxy_ring.c */
void proxy_ring_send(struct proxy *proxy, const struct xsd_sockmsg *header,
		     const void *payload);
/**
 * proxy_partial_wants() - how many bytes the message needs next, 0: complete.
 */
uint32_t proxy_partial_wants(const struct proxy_partial *partial);

/* proxy_client.c */
void proxy_client_accept(struct source *source, uint32_t events);
void proxy_client_send(struct proxy_client *client,
		       const struct xsd_sockmsg *header, const void *payload);
struct proxy_client *proxy_client_find(struct proxy *proxy, uint32_t id);
void proxy_client_close(struct proxy_client *client);
