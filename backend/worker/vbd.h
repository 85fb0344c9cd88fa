/*
 * One virtual disk of one guest, as the worker holds it.
 *
 * Owns its queues and the ring attachments; borrows the image and the in-flight
 * region.  Called by worker.c (for a link to a supervisor), and directly by
 * the fuzz harnesses and unit tests.  It knows nothing of xenstore or
 * processes.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "backend/base/inflight.h"
#include "backend/base/link.h"
#include "backend/base/record.h"
#include "backend/image/image.h"

/*
 * enum vbd_state - life of one virtual disk
 *
 *   DETACHED  nothing mapped, no port bound, no thread; vbd_attach() leads on
 *   ATTACHED  every queue mapped and bound; queue_turn() may be called, or
 *             vbd_start() hands the queues to threads
 *   RUNNING   a thread per queue; only vbd_detach() and vbd_broken() are legal
 *   DRAINING  inside vbd_detach(): no request is taken, in-flight ones finish
 */
enum vbd_state {
	VBD_DETACHED,
	VBD_ATTACHED,
	VBD_RUNNING,
	VBD_DRAINING,
	VBD_STATE_COUNT,
};

struct vbd_options {
	uint32_t domid;
	uint32_t devid;
	uint64_t sectors;
	bool readonly;
	unsigned int max_queues;
	uint32_t persistent_cap; /* per queue; 0: never keep a grant mapped */
	uint32_t poll_ns;	 /* bound of adaptive polling; 0: never poll */
	bool staged; /* the image never gets the guest's own pages: io.c */
	struct image *image;
	struct inflight_region *region;
	struct record_region *record; /* NULL: nothing is recorded */
};

struct vbd;
struct queue;

/** vbd_create() - a disk that is not attached yet; 0 or -errno. */
int vbd_create(const struct vbd_options *options, struct vbd **vbd);

/** vbd_destroy() - free it; detaches first if needed; NULL is fine. */
void vbd_destroy(struct vbd *vbd);

/**
 * vbd_attach() - map every ring, bind every port; all or nothing.
 * @queue: on refusal, which queue was at fault
 *
 * Return: REFUSAL_NONE, or a fatal refusal with everything released again.
 */
enum refusal vbd_attach(struct vbd *vbd, const struct link_attach *attach,
			unsigned int *queue);

/** vbd_limit() - so much per second from now on, of all queues together. */
void vbd_limit(struct vbd *vbd, const struct link_limits *limits);

/** vbd_start() - a thread per queue, 0 or -errno (then still ATTACHED). */
int vbd_start(struct vbd *vbd);

/**
 * vbd_detach() - finish what is in flight, then unmap and unbind everything.
 *
 * If threads run, each drains its own queue and ends.  What finishes while
 * draining is answered.
 */
void vbd_detach(struct vbd *vbd);

/**
 * vbd_broken() - the refusal that stopped a queue, or REFUSAL_NONE; which
 * queue.
 */
enum refusal vbd_broken(const struct vbd *vbd, unsigned int *queue);

/**
 * vbd_alarm_fd() - becomes readable when a running queue broke (worker.c polls
 * it).
 *
 * Only valid while RUNNING.
 */
int vbd_alarm_fd(const struct vbd *vbd);

/* What it is now: its state, its attached queues, and each of those. */
enum vbd_state vbd_state(const struct vbd *vbd);
unsigned int vbd_queues(const struct vbd *vbd);
struct queue *vbd_queue(struct vbd *vbd, unsigned int i);

/** vbd_check() - CHECK all relations (walks the queues). */
void vbd_check(const struct vbd *vbd);
