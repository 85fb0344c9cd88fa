/*
 * The link: how a supervisor and its worker talk.
 *
 * A SOCK_SEQPACKET socketpair; one packet is one fixed-size message and the
 * file descriptors that belong to it.  The supervisor sends DEVICE once, then
 * any number of ATTACH / DETACH pairs, then STOP (or just closes).  The worker
 * answers each.  Whatever comes from the other end is validated here: a worker
 * that a guest took over must not be able to harm the supervisor.
 *
 *   supervisor            worker
 *   DEVICE ------------->        image, memory, names for the log
 *          <-------------  READY
 *   ATTACH ------------->        map rings, bind ports, start the queues
 *          <-------------  ATTACHED | REFUSED
 *          <-------------  BROKEN            (any time while attached)
 *   LIMITS ------------->        (any time) from now on so much per second
 *   DETACH ------------->        drain, unmap, unbind
 *          <-------------  DETACHED
 *   STOP   ------------->        exit(0)
 */
#pragma once

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>

#include "backend/base/limits.h"
#include "backend/base/refusals.h"

enum link_kind {
	LINK_DEVICE = 1,
	LINK_READY,
	LINK_ATTACH,
	LINK_ATTACHED,
	LINK_REFUSED,
	LINK_BROKEN,
	LINK_DETACH,
	LINK_DETACHED,
	LINK_STOP,
	LINK_LIMITS,
	LINK_KIND_COUNT,
};

/* The three layouts of a ring (blkif.h "protocol", J12). */
enum link_abi {
	LINK_ABI_X86_64 = 1,
	LINK_ABI_X86_32,
	/* "native" is x86_64 here; the parser maps it. */
	LINK_ABI_COUNT,
};

enum link_image {
	LINK_IMAGE_FILE = 1,
	LINK_IMAGE_NULL, /* of no sectors: a drive without a medium */
	LINK_IMAGE_RAM,
	LINK_IMAGE_NBD,
	LINK_IMAGE_COUNT,
};

/* Longest URI of a store, with its end. */
#define LINK_URI_BYTES 256u

/* DEVICE: fds[0] = the in-flight memfd (inflight.h); fds[1 ...] = for a file
 * image, one open file description per queue (max_queues of them), so that no
 * two queues share a file handle; last, if it is recorded, the memfd that
 * records go through (record.h). */
struct link_device {
	uint32_t domid;
	uint32_t devid;
	uint64_t sectors;    /* capacity in 512-byte sectors; 0: no medium */
	uint32_t image;	     /* enum link_image */
	uint32_t max_queues; /* 1 .. LIMIT_QUEUES */
	uint32_t readonly;   /* 0 or 1 */
	uint32_t direct;     /* the file was opened with O_DIRECT */
	uint32_t persistent_cap; /* per queue, 0 .. LIMIT_PERSISTENT */
	uint32_t poll_ns; /* bound of adaptive polling, 0 .. LIMIT_POLL_NS */
	uint32_t log_level;
	uint32_t sandbox; /* 0 or 1: drop privileges and filter system calls */
	uint32_t record;  /* 0 or 1: the last descriptor is for records */
	uint32_t staged;  /* 0 or 1: I/O never into the guest's own pages */
	char uri[LINK_URI_BYTES]; /* LINK_IMAGE_NBD: where; else empty */
	uint64_t block; /* 0, or a power of two above a sector, in bytes: the
			   store takes whole blocks only */
};

static_assert(sizeof(struct link_device) ==
		      2 * 4 + 8 + 10 * 4 + LINK_URI_BYTES + 8,
	      "every byte on the link is one of a field");

struct link_queue {
	uint32_t
		ring_gref[LIMIT_RING_PAGES]; /* first 1 << ring_order are set */
	uint32_t event_channel;		     /* the frontend's port */
};

struct link_attach {
	uint32_t queues;     /* 1 .. max_queues */
	uint32_t ring_order; /* 0 .. LIMIT_RING_ORDER */
	uint32_t abi;	     /* enum link_abi */
	uint32_t persistent; /* 0 or 1: the frontend wrote feature-persistent */
	uint32_t indirect;   /* segments of one request that were offered, 0 ..
			      LIMIT_INDIRECT_SEGMENTS */
	uint32_t discard;    /* 0 or 1: discards were offered */
	uint32_t resume;     /* 0 or 1: another worker served these rings, and
				the in-flight region says how far it came */
	uint32_t barrier;    /* 0 or 1: write barriers were offered */
	struct link_queue queue[LIMIT_QUEUES];
};

/* REFUSED and BROKEN: why, and where. */
struct link_refused {
	uint32_t refusal; /* enum refusal, a fatal one */
	uint32_t queue;
};

/* LIMITS: of a disk, all its queues together. */
struct link_limits {
	uint64_t burst_ns; /* so much of an unused rate is saved up; up to
			      LIMIT_BURST_MS */
	uint32_t iops;	   /* requests per second, up to LIMIT_RATE; 0: any */
	uint32_t sectors;  /* the same, of 512 bytes */
};

struct link_message {
	uint32_t kind; /* enum link_kind */
	union {
		struct link_limits limits;
		struct link_device device;
		struct link_attach attach;
		struct link_refused refused;
	};
};

#define LINK_MAX_FDS (2u + LIMIT_QUEUES)

/**
 * link_pair() - make a connected pair of close-on-exec, non-blocking sockets.
 *
 * Return: 0, or -errno.
 */
int link_pair(int *supervisor_end, int *worker_end);

/**
 * link_send() - send one message with descriptors; the descriptors stay open
 * here.
 *
 * Return: 0, -EPIPE when the other end is gone, -EAGAIN when a non-blocking
 * link is full, or another -errno.
 */
int link_send(int fd, const struct link_message *message, const int *fds,
	      unsigned int count);

/**
 * link_receive() - take one message; validates everything in it.
 * @fds: room for LINK_MAX_FDS descriptors, close-on-exec, owned by the caller
 *
 * Return: 1 when a message was taken, 0 at the end of the connection, -EAGAIN
 * when there is none (non-blocking), -EPROTO when it does not make sense (its
 * descriptors are closed), or another -errno.
 */
int link_receive(int fd, struct link_message *message, int *fds,
		 unsigned int *count);

/** link_message_valid() - whether every field lies in its range; pure. */
bool link_message_valid(const struct link_message *message, uint64_t bytes,
			unsigned int fds);
