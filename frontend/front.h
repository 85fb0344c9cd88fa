/*
 * A scripted frontend: connects to a block backend in any way a guest can, well
 * or badly, over the Xen libraries (xengntshr, xenevtchn, xs).
 *
 * It owns the guest's side of one virtual disk: xenstore keys under the
 * frontend directory, shared rings, ports, granted pages.  Used by the
 * conformance suite, the bench, xenblk-front, the nbdkit plugin, and in process
 * on the simulator. It knows nothing about which backend is at the other end,
 * and it never blocks but in front_wait(), which a caller can replace (in
 * process: run the backend).
 *
 * Not thread-safe as a whole; but different queues of a connected device may be
 * used by different threads (each queue has its own ring, port and handle).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FRONT_MAX_QUEUES      16u
#define FRONT_MAX_RING_PAGES  16u
#define FRONT_MAX_SEGMENTS    11u
#define FRONT_PAGE_BYTES      4096u
#define FRONT_MAX_DESCRIPTORS 512u /* segments that one page describes */
#define FRONT_MAX_LISTS	      8u   /* such pages of one request */
#define FRONT_MAX_INDIRECT    256u /* segments of our own transfers at most */

struct xs_handle;

/* How a kind of guest behaves at connection (personality.c holds the known
 * ones). */
struct front_personality {
	const char *name; /* "linux", "grub", "windows", "legacy32" ... */
	const char *
		protocol; /* value of the node; NULL: the node is not written */
	unsigned int queues; /* wanted; the backend's maximum may lower it */
	unsigned int ring_order; /* wanted; likewise */
	unsigned int indirect;	 /* segments of one request that it may use, if
				  the backend offers as many */
	bool persistent; /* writes feature-persistent = 1 and keeps its grants
			  */
	bool waits_for_initwait; /* false: goes to Initialised at once, defaults
				    only */
	bool ring_order_node_at_zero; /* writes ring-page-order and ring-ref0
					 for order 0 too */
	bool queue_node_at_one; /* writes multi-queue-num-queues for one queue
				   too */
	bool large_sector_node; /* writes feature-large-sector-size = 1 */
	bool ends_grants; /* ends a page's grant whenever the page is put back
			   */
};

/** front_personality() - a known one by name, or NULL. */
const struct front_personality *front_personality(const char *name);

/** front_personality_at() - for listings: the i-th, NULL at the end. */
const struct front_personality *front_personality_at(unsigned int i);

/**
 * front_devid() - "xvda", "xvdb3" or a number to a device number; 0 or
 * -EINVAL.
 */
int front_devid(const char *name, uint32_t *devid);

/** front_own_domid() - our own number as xenstore knows it, or -errno. */
int front_own_domid(void);

struct front;
struct front_queue;

/* How to let time pass: returns 1 if something may have happened, 0 on timeout,
 * -errno. */
typedef int front_wait_function(void *context, struct front *front,
				int timeout_ms);

struct front_options {
	uint32_t domid;				     /* our own */
	uint32_t devid;				     /* e.g. 51712 for xvda */
	const struct front_personality *personality; /* copied */
	front_wait_function
		*wait; /* NULL: poll(2) on the port and xenstore descriptors */
	void *wait_context;
	int timeout_ms; /* of each step of a connection; 0: 10 s */
	char *error; /* room for the sentence of a failed front_create(); may be
			NULL */
	size_t error_bytes;
};

/* What the backend offered and said, and what was agreed. */
struct front_properties {
	uint64_t sectors;
	uint32_t sector_size;
	uint32_t physical_sector_size;
	uint32_t info; /* VDISK_* */
	unsigned int max_queues, max_ring_order;
	bool feature_persistent, feature_flush, feature_barrier,
		feature_discard;
	/* Bytes, as published beside feature-discard; 0 without it. */
	uint32_t discard_granularity, discard_alignment;
	unsigned int max_indirect_segments;
	unsigned int queues, ring_order; /* agreed */
	unsigned int ring_slots;
};

/**
 * front_create() - open handles, find the directories; connects nothing.
 *
 * The frontend directory is device/vbd/<devid> of our domain; the toolstack
 * made it.  Return: 0 or -errno.
 */
int front_create(const struct front_options *options, struct front **front);

/** front_destroy() - disconnect if needed, free everything, NULL is fine. */
void front_destroy(struct front *front);

/* --- connection: in one go, or step by step for whoever wants to misbehave ---
 */

/**
 * front_connect() - the whole handshake as the personality does it.
 *
 * Return: 0; -ECONNREFUSED when the backend went to Closing or Closed;
 * -ETIMEDOUT; -EPROTO when it published nonsense; another -errno.
 * front_error() then holds a sentence.
 */
int front_connect(struct front *front);

/**
 * front_disconnect() - Closing, wait for the backend's answer, Closed, free
 * rings.
 */
int front_disconnect(struct front *front);

/**
 * front_abandon() - free rings, ports and pages at once, telling nobody: a
 * crashed guest.  Only front_connect() (which then resets the stale state, as a
 * crash kernel does) and front_destroy() are legal afterwards.
 */
void front_abandon(struct front *front);

/* The steps of front_connect(), in order. */
int front_wait_backend(struct front *front, unsigned int state, int timeout_ms);
int front_read_offer(
	struct front *front);		 /* what is published before InitWait */
int front_allocate(struct front *front); /* rings, ports, handles */
int front_publish(struct front *front);	 /* ring-ref, event-channel, ... */
int front_set_state(struct front *front, unsigned int state);
int front_read_properties(
	struct front *front); /* sectors, info, sector-size, features */

/**
 * front_told() - while connected: whether the backend's state was written anew
 * since the last call; then its capacity is read again, as Linux does (Q9).
 *
 * Whoever waits with front_wait() learns of it there.
 */
bool front_told(struct front *front);

/**
 * front_write() - any node of the frontend directory; key may be
 * "queue-0/ring-ref".
 */
int front_write(struct front *front, const char *key, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
int front_remove(struct front *front, const char *key);

/** front_read() - a node of our own directory; malloc'd, NULL if absent. */
char *front_read(struct front *front, const char *key);

/**
 * front_backend_read() - a node of the backend's directory; malloc'd, NULL if
 * absent.
 */
char *front_backend_read(struct front *front, const char *key);

/**
 * front_backend_state() - XenbusState of the backend, 0 when its node is gone.
 */
unsigned int front_backend_state(struct front *front);

/** front_backend_error() - the backend's error node, malloc'd, NULL if none. */
char *front_backend_error(struct front *front);

const struct front_properties *front_properties(const struct front *front);
const char *front_error(const struct front *front);
struct xs_handle *front_xs(struct front *front);

/* --- granted pages --- */

struct front_page {
	void *data;
	uint32_t gref;
	uint32_t slot; /* private: its place in the pool */
};

/** front_page_get() - a granted page of ours (pooled, zeroed), 0 or -errno. */
int front_page_get(struct front *front, struct front_page *page);
int front_page_get_readonly(struct front *front, struct front_page *page);

/**
 * front_page_put() - to the pool (LIFO), or ended if the personality ends
 * grants.
 */
void front_page_put(struct front *front, struct front_page *page);

/**
 * front_page_end() - end the grant for good; 0 or -errno.
 *
 * As with Linux's gntalloc, what the backend still maps stays alive until it
 * lets go; whether it does is for the simulator to tell (sim_grant_mapped()).
 */
int front_page_end(struct front *front, struct front_page *page);

/*
 * The same from a queue's own pool, for the thread that drives the queue:
 * another handle, no lock, and the page is not zeroed.
 */
int front_queue_page_get(struct front_queue *queue, struct front_page *page);
void front_queue_page_put(struct front_queue *queue, struct front_page *page);

/* --- rings: requests with named fields, nothing is checked on our side --- */

struct front_segment {
	uint32_t gref;
	uint8_t first_sector, last_sector;
};

struct front_request {
	uint8_t operation; /* BLKIF_OP_* or anything */
	uint8_t segments;  /* as written to nr_segments; up to 11 are stored */
	uint16_t handle;
	uint64_t id;
	uint64_t sector;
	struct front_segment segment[FRONT_MAX_SEGMENTS];
	/* BLKIF_OP_DISCARD */
	uint8_t discard_flag;
	uint64_t discard_sectors;
	/* BLKIF_OP_INDIRECT */
	uint8_t indirect_operation;
	uint16_t indirect_segments;
	uint32_t indirect_gref[FRONT_MAX_LISTS];
};

/**
 * front_describe() - segment @i of the granted page of descriptors at @list.
 */
void front_describe(void *list, unsigned int i,
		    const struct front_segment *segment);

struct front_response {
	uint64_t id;
	uint8_t operation;
	int16_t status;
	uint8_t padding[5]; /* bytes 9 and 12..15 beside the fields: must be 0
			       (Q18) */
};

unsigned int front_queues(const struct front *front);
struct front_queue *front_queue(struct front *front, unsigned int i);

/** front_room() - free slots of the ring. */
unsigned int front_room(const struct front_queue *queue);

/**
 * front_submit() - put a request in the next slot; not yet seen by the
 * backend. -ENOSPC.
 */
int front_submit(struct front_queue *queue,
		 const struct front_request *request);

/**
 * front_push() - publish req_prod, notify if the backend asked for it; true if
 * notified.
 */
bool front_push(struct front_queue *queue);

/** front_kick() - notify whatever req_event says. */
void front_kick(struct front_queue *queue);

/** front_reap() - take up to @room responses off the ring; never blocks. */
unsigned int front_reap(struct front_queue *queue,
			struct front_response *response, unsigned int room);

/**
 * front_arm() - set rsp_event for the next response, re-check.
 *
 * Return: true when responses are there already (do not sleep).
 */
bool front_arm(struct front_queue *queue);

/**
 * front_arm_after() - the same, for the event to come after so many responses.
 */
bool front_arm_after(struct front_queue *queue, unsigned int responses);

/**
 * front_wait() - let time pass until something may have happened on any queue.
 */
int front_wait(struct front *front, int timeout_ms);

/**
 * front_queue_wait() - the same for one queue's port only (for a thread per
 * queue).
 */
int front_queue_wait(struct front_queue *queue, int timeout_ms);

/**
 * front_call() - submit one request, push, wait for its response.
 *
 * When nothing else was in flight, the next response counts as its own whatever
 * id it carries (look at it); else others are taken off the ring and dropped.
 * Return: 0, -ETIMEDOUT, -ENOSPC when the ring is full, another -errno.
 */
int front_call(struct front_queue *queue, const struct front_request *request,
	       struct front_response *response, int timeout_ms);

/* What a queue did since it was connected. */
struct front_counters {
	uint64_t pushes, notifies, wakeups;
};
void front_counters(const struct front_queue *queue,
		    struct front_counters *now);

/*
 * Raw access for those who break the rules.  front_set_req_prod() moves our
 * own producer index along; front_set_rsp_prod() moves our consumer index along
 * only until front_publish() (a ring that does not start at zero).
 */
struct front_indices {
	uint32_t req_prod, req_event, rsp_prod, rsp_event;
};
void front_indices(const struct front_queue *queue, struct front_indices *now);
void front_set_req_prod(struct front_queue *queue, uint32_t value);
void front_set_rsp_prod(struct front_queue *queue, uint32_t value);
void *front_slot(struct front_queue *queue, uint32_t index); /* raw bytes */
uint32_t front_port(const struct front_queue *queue);
int front_event_fd(const struct front_queue *queue);

/* --- whole transfers: what verify, nbdkit and the tests build on --- */

/**
 * front_transfer() - read or write a byte range (sector-aligned) through one
 * queue.
 *
 * Splits into requests of up to 11 pages, or of as many as backend and
 * personality allow with indirect segments, keeps the ring full, copies through
 * granted pages.  Several threads may transfer and flush through one queue at
 * the same time, as long as nobody submits or reaps beside them. Return: 0,
 * -EIO when the backend answered an error, -ETIMEDOUT.
 */
int front_transfer(struct front_queue *queue, bool write, uint64_t sector,
		   void *data, size_t bytes);

/**
 * front_flush() - one FLUSH, waited for; -EOPNOTSUPP when it is not offered.
 */
int front_flush(struct front_queue *queue);

/**
 * front_discard() - one DISCARD, waited for: the range need not be kept.
 *
 * Return: 0, -EOPNOTSUPP when it is not offered or the store cannot do it, -EIO,
 * -ETIMEDOUT.
 */
int front_discard(struct front_queue *queue, uint64_t sector, uint64_t sectors);
