/* A worker: one disk behind a link.  See worker.h and backend/base/link.h. */
#include "backend/worker/worker.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

#include "backend/base/check.h"
#include "backend/base/clock.h"
#include "backend/base/link.h"
#include "backend/base/log.h"
#include "backend/image/blocks.h"
#include "backend/nbd/image.h"
#include "backend/worker/confine.h"
#include "backend/worker/queue.h"
#include "backend/worker/vbd.h"

struct worker {
	int link_fd;
	bool threads;
	bool broken_told; /* BROKEN was sent for this connection */
	unsigned int max_queues;
	struct inflight_region *region;
	struct record_region *record; /* NULL: nothing is recorded */
	struct image *image;
	struct vbd *vbd; /* NULL until DEVICE came */
};

int worker_create(int link_fd, bool threads, struct worker **worker)
{
	struct worker *w = calloc(1, sizeof(*w));

	if (!w)
		return -ENOMEM;
	w->link_fd = link_fd;
	w->threads = threads;
	*worker = w;
	return 0;
}

void worker_destroy(struct worker *worker)
{
	if (!worker)
		return;
	vbd_destroy(worker->vbd);
	if (worker->image)
		worker->image->operations->close(worker->image);
	inflight_unmap(worker->region, worker->max_queues);
	record_region_unmap(worker->record, worker->max_queues);
	close(worker->link_fd);
	free(worker);
}

static int tell(struct worker *w, enum link_kind kind, enum refusal refusal,
		unsigned int queue)
{
	const struct link_message message = {
		.kind = kind,
		.refused = {.refusal = refusal, .queue = queue},
	};

	return link_send(w->link_fd, &message, NULL, 0);
}

static int open_image(struct worker *w, const struct link_device *device,
		      const int *fds, unsigned int count)
{
	bool readonly = device->readonly;

	switch ((enum link_image)device->image) {
	case LINK_IMAGE_FILE:
		return image_file_open(fds, count, device->sectors, readonly,
				       device->direct, &w->image);
	case LINK_IMAGE_NULL:
		return image_null_open(device->sectors, readonly, &w->image);
	case LINK_IMAGE_RAM:
		return image_ram_open(device->sectors, readonly, &w->image);
	case LINK_IMAGE_NBD:
		return image_nbd_open(device->uri, device->max_queues,
				      device->sectors, readonly, &w->image);
	case LINK_IMAGE_COUNT:
	default:
		return -EPROTO;
	}
}

/* A store of long blocks is not shown to anybody as it is. */
static int stack_blocks(struct worker *w, const struct link_device *device)
{
	const struct blocks_store store = {
		.image = w->image,
		.block_bytes = (uint32_t)device->block,
		.queues = device->max_queues,
	};

	CHECK(device->block % SECTOR_BYTES == 0);
	return device->block == 0 ? 0 : blocks_open(&store, &w->image);
}

static int make_device(struct worker *w, const struct link_device *device,
		       const int *fds, unsigned int count)
{
	struct vbd_options options = {
		.domid = device->domid,
		.devid = device->devid,
		.sectors = device->sectors,
		.readonly = device->readonly,
		.max_queues = device->max_queues,
		.persistent_cap = device->persistent_cap,
		.poll_ns = device->poll_ns,
		.staged = device->staged,
	};
	int error;

	w->max_queues = device->max_queues;
	error = inflight_map(fds[0], device->max_queues, &w->region);
	if (device->record) {
		const int fd = fds[--count];

		if (!error)
			error = record_region_map(fd, device->max_queues,
						  &w->record);
		close(fd);
	}
	if (!error)
		error = open_image(w, device, fds + 1, count - 1);
	/* The supervisor has a lock on it: see table_lend(). */
	if (!error && device->image == LINK_IMAGE_FILE)
		image_file_hold(w->image, fds[0]);
	else
		close(fds[0]);
	if (!error)
		error = stack_blocks(w, device);
	if (error)
		return error;
	options.image = w->image;
	options.record = w->record;
	options.region = w->region;
	return vbd_create(&options, &w->vbd);
}

static int on_device(struct worker *w, const struct link_message *message,
		     const int *fds, unsigned int count)
{
	const struct link_device *device = &message->device;
	int error;

	if (w->vbd)
		return -EPROTO;
	CHECK(count >= 1);
	log_set_level((enum log_level)device->log_level);
	error = make_device(w, device, fds, count);
	if (error) {
		log_line(LOG_ERROR, "vbd %u/%u: the worker cannot start: %s",
			 device->domid, device->devid,
			 error == -ENOENT || error == -ENODEV
				 ? "no Xen device nodes (is this dom0?)"
				 : "not enough memory or descriptors");
		return error;
	}
	/* Before the first guest byte: only ATTACH maps guest memory. */
	if (device->sandbox)
		error = confine();
	return error ? error : tell(w, LINK_READY, REFUSAL_NONE, 0);
}

static int on_attach(struct worker *w, const struct link_message *message)
{
	enum refusal refusal;
	unsigned int queue = 0;

	if (!w->vbd || vbd_state(w->vbd) != VBD_DETACHED ||
	    message->attach.queues > w->max_queues)
		return -EPROTO;
	w->broken_told = false;
	refusal = vbd_attach(w->vbd, &message->attach, &queue);
	if (refusal == REFUSAL_NONE && w->threads && vbd_start(w->vbd) != 0) {
		vbd_detach(w->vbd);
		refusal = REFUSE_RESOURCES;
	}
	if (refusal != REFUSAL_NONE)
		return tell(w, LINK_REFUSED, refusal, queue);
	return tell(w, LINK_ATTACHED, REFUSAL_NONE, 0);
}

static int on_detach(struct worker *w)
{
	if (!w->vbd)
		return -EPROTO;
	/* Detaching what is detached is fine: the supervisor cannot know. */
	if (vbd_state(w->vbd) != VBD_DETACHED)
		vbd_detach(w->vbd);
	return tell(w, LINK_DETACHED, REFUSAL_NONE, 0);
}

static int on_limits(struct worker *w, const struct link_limits *limits)
{
	if (!w->vbd)
		return -EPROTO;
	vbd_limit(w->vbd, limits);
	return 0;
}

static int dispatch(struct worker *w, const struct link_message *message,
		    const int *fds, unsigned int count)
{
	switch ((enum link_kind)message->kind) {
	case LINK_DEVICE:
		return on_device(w, message, fds, count);
	case LINK_ATTACH:
		return on_attach(w, message);
	case LINK_DETACH:
		return on_detach(w);
	case LINK_LIMITS:
		return on_limits(w, &message->limits);
	case LINK_STOP:
		return -EPIPE;
	case LINK_READY:
	case LINK_ATTACHED:
	case LINK_REFUSED:
	case LINK_BROKEN:
	case LINK_DETACHED:
	case LINK_KIND_COUNT:
	default:
		return -EPROTO; /* not ours to receive */
	}
}

static int step_link(struct worker *w)
{
	struct link_message message;
	int fds[LINK_MAX_FDS];
	unsigned int count = 0;
	int rc = link_receive(w->link_fd, &message, fds, &count);

	if (rc == -EAGAIN)
		return 0;
	if (rc == 0)
		return -EPIPE;
	if (rc < 0)
		return rc;
	rc = dispatch(w, &message, fds, count);
	return rc < 0 ? rc : 1;
}

/* A queue that broke: tell the supervisor once per connection. */
static int step_broken(struct worker *w)
{
	enum refusal refusal;
	unsigned int queue = 0;
	int error;

	if (w->broken_told || vbd_state(w->vbd) == VBD_DETACHED)
		return 0;
	refusal = vbd_broken(w->vbd, &queue);
	if (refusal == REFUSAL_NONE)
		return 0;
	w->broken_told = true;
	error = tell(w, LINK_BROKEN, refusal, queue);
	return error ? error : 1;
}

/* Without threads: a turn for every queue. */
static int step_queues(struct worker *w)
{
	int done = 0;

	for (unsigned int i = 0; i < vbd_queues(w->vbd); i++) {
		struct queue *queue = vbd_queue(w->vbd, i);

		if (queue_events(queue) > 0)
			done = 1;
		if (queue_turn(queue) || !queue_settle(queue))
			done = 1;
		else
			(void)queue_maintain(queue, clock_now_ns());
	}
	return done;
}

int worker_step(struct worker *worker)
{
	int done = step_link(worker);
	int rc;

	if (done < 0 || !worker->vbd)
		return done;
	if (!worker->threads && step_queues(worker))
		done = 1;
	rc = step_broken(worker);
	return rc != 0 ? rc : done;
}

int worker_run(struct worker *worker)
{
	for (;;) {
		struct pollfd wait[] = {
			{.fd = worker->link_fd, .events = POLLIN},
			{.fd = -1, .events = POLLIN},
		};
		int rc = worker_step(worker);

		if (rc == -EPIPE)
			return 0; /* the supervisor has done with us */
		if (rc < 0) {
			log_line(LOG_ERROR, "the worker ends: error %d", -rc);
			return 4;
		}
		if (rc > 0)
			continue;
		if (worker->vbd && vbd_state(worker->vbd) == VBD_RUNNING &&
		    !worker->broken_told)
			wait[1].fd = vbd_alarm_fd(worker->vbd);
		if (poll(wait, 2, -1) < 0 && errno != EINTR)
			return 4;
	}
}
