/*
 * What the files that make up a device share: device.c, announce.c, opening.c,
 * limits.c, connection.c, change.c, answers.c, rescue.c, closing.c.  Nobody else includes this.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "backend/base/link.h"
#include "backend/base/log.h"
#include "backend/supervisor/backing.h"
#include "backend/supervisor/child.h"
#include "backend/supervisor/device.h"
#include "backend/supervisor/facts.h"
#include "backend/supervisor/publish.h"
#include "backend/supervisor/recording.h"
#include "backend/supervisor/table.h"

#define DEVICE_SENTENCE_BYTES 512u

struct device {
	struct device_options options;
	enum device_state state;
	uint64_t since_ns;
	char relative[64];		  /* "backend/vbd/5/51712" */
	char directory[STORE_PATH_BYTES]; /* the same, absolute */
	char watched[STORE_PATH_BYTES];	  /* frontend state node; "" if none */
	struct facts facts;
	struct backing backing; /* measures only; its descriptors are closed */
	struct child child;
	struct table table;
	struct link_attach attach;
	struct conf_limits limits;
	unsigned int published; /* xenbus state that we wrote last */
	unsigned int unsaid;	/* ... that the store did not take; 0: none */
	unsigned int frontend_seen; /* xenbus state that we acted on last */
	enum device_state after;    /* DETACHING: where to go then */
	enum device_state back;	    /* a rescue: where it came from */
	bool rescue;  /* a worker died, another one goes on with its rings */
	bool changed; /* ... with another capacity or medium, not told yet */
	bool note_change; /* its image is to be opened anew */
	uint64_t wanted;  /* sectors at most; 0: all that the image has */
	int timer;	  /* SETTLING: when to look again; else -1 */
	int patience;	  /* its worker owes an answer: how long; else -1 */
	uint64_t settle_wait_ns;
	uint64_t rescue_since_ns;
	uint64_t rescue_window_ns; /* when the window of the bound began */
	uint32_t rescues_lately;   /* in that window */
	uint32_t rescues;
	uint64_t longest_pause_ns;
	bool attached; /* the worker may have guest pages mapped */
	bool stopping; /* STOP was said to the worker */
	bool retired;  /* the daemon ends: nothing new */
	bool removed;  /* the directory is gone */
	bool lived;    /* the domain was there at some time */
	bool dead;     /* ... and is no more */
	bool resumes;  /* found Connected: an earlier daemon's disk */
	bool note_backend, note_frontend, note_release, note_worker;
	bool note_error; /* its node is to go, at last */
	bool told; /* there may be such a node: ours, or an earlier daemon's */
	bool unsure; /* xenstore failed when a state was read or written */
	bool limits_unread; /* ... or when the limits were */
	uint32_t connections;
	uint32_t deaths;   /* of workers */
	uint32_t failures; /* of those, the ones that ended a connection */
	struct log_limit limit;
	char error[DEVICE_SENTENCE_BYTES];
};

/* device.c */

/** device_is_busy() - its worker owes an answer, or there is none yet. */
bool device_is_busy(const struct device *device);

/**
 * device_set_state() - the one setter; CHECKs that the step is legal, logs it.
 */
void device_set_state(struct device *device, enum device_state to);
const char *device_state_name(enum device_state state);

/** device_check() - CHECK the relations among its fields. */
void device_check(const struct device *device);

/**
 * device_frontend_state() - XenbusState of the frontend; 0: none, or no
 * number.
 */
unsigned int device_frontend_state(struct device *device);

/* announce.c: what it writes and says */

/** device_offers_discard() - whether its image and everybody else agree. */
bool device_offers_discard(const struct device *device);

/** device_queues() - how many it can serve, as far as is known. */
unsigned int device_queues(const struct device *device);

/** device_tell() - a log line of the kind that a guest can cause: limited. */
void device_tell(struct device *device, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/** device_publish() - nodes together; a directory that is gone gets noted. */
bool device_publish(struct device *device, const struct publish_node *nodes,
		    size_t count);

/** device_publish_state() - one that the store does not take is tried again when
 * it is looked at the next time: device_publish_unsaid(). */
void device_publish_state(struct device *device, unsigned int state);

/**
 * device_publish_unsaid() - the state that the store did not take, if there is
 * one, and nobody has written another since.
 * @state: what stands there; below 0 if that is not known
 */
void device_publish_unsaid(struct device *device, int state);
bool device_publish_offer(struct device *device);
bool device_publish_connected(struct device *device);

/**
 * device_note_error() - a sentence for the log, the control socket, the error
 * node.
 */
void device_note_error(struct device *device, const char *sentence);

/** device_clear_error() - nothing is wrong any more; nor does a node say so. */
void device_clear_error(struct device *device);

/**
 * device_fail() - something is wrong with this disk: error node, then Closing.
 */
void device_fail(struct device *device, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* limits.c: how much a disk may do */

/** device_read_limits() - what its directory says of them; the rest stays. */
void device_read_limits(struct device *device);

/** device_read_limits_again() - if that could not be read; and tell them. */
void device_read_limits_again(struct device *device);

/** device_send_limits() - to the worker, if it lives and there are any. */
void device_send_limits(struct device *device);

/* opening.c: from its directory to InitWait */

/** device_look_at_new() - a disk in NEW; also one that another daemon left. */
void device_look_at_new(struct device *device);

/** device_reopen() - a closed disk whose frontend begins anew. */
void device_reopen(struct device *device);
void device_enter_waiting(struct device *device);

/** device_start_worker() - now, or when the one before it has left no trace. */
void device_start_worker(struct device *device);

/** device_poll_descriptor() - have device_step_worker() called for it. */
void device_poll_descriptor(const struct device *device, int fd);

/* connection.c: from the frontend's keys to Connected */

/**
 * device_read_keys() - what the frontend published, into attach.
 * @sentence: HANDSHAKE_SENTENCE_BYTES; what is wrong, if false
 */
bool device_read_keys(struct device *device, char *sentence);
void device_connect(struct device *device);
void device_complete_connection(struct device *device);

/* answers.c: what the worker says; whether it said anything */
bool device_step_worker(struct device *device);

/** device_owes() - an answer is awaited of its worker, or its end. */
bool device_owes(const struct device *device);

/** device_await() - from now on so long, if there is something to wait for. */
void device_await(struct device *device);
void device_stop_awaiting(struct device *device);

/* rescue.c: a connection outlives its worker, and its daemon */

/** device_goes_on() - a new worker is to go on where another one ended. */
bool device_goes_on(const struct device *device);

/**
 * device_take_table() - the region for a new worker, with the lock on it.
 *
 * Return: a descriptor, -EWOULDBLOCK when another one's lock stands, -errno.
 */
int device_take_table(struct device *device);

/** device_mark_table() - whose connection is (not) live; 0 or -errno. */
int device_mark_table(struct device *device, bool live);

/** device_table_fits() - it is of this very connection, and that was live. */
bool device_table_fits(struct device *device);

/**
 * device_settle() - SETTLING: try again to start a worker, not for ever.
 * @first_ns: how long to wait first
 */
void device_settle(struct device *device, uint64_t first_ns);
void device_stop_settling(struct device *device);
bool device_look_settled(struct device *device);

/**
 * device_rescue() - another worker for the one that died, if that is possible.
 * @sentence: how it died; if nothing can be done, why is added
 *
 * Return: whether one is on its way, or the attempt has failed and was said.
 */
bool device_rescue(struct device *device, char *sentence, size_t room);

/** device_rescue_again() - a worker could not be started: later, if allowed. */
bool device_rescue_again(struct device *device);

/**
 * device_resume_closing() - a disk in Closing that an earlier daemon served is
 * served on, if its table fits; whether that has begun.
 */
bool device_resume_closing(struct device *device);
void device_rescue_ready(struct device *device);
void device_rescue_done(struct device *device);

/* change.c: another capacity, another medium */

/** device_look_at_medium() - has the toolstack written another one? */
void device_look_at_medium(struct device *device);
void device_look_at_change(struct device *device);

/** device_change_goes_on() - PAUSING: the worker has ended in order. */
void device_change_goes_on(struct device *device);

/**
 * device_open_image() - what its directory names, as large as it shall be.
 * @sentence: BACKING_SENTENCE_BYTES; why not
 *
 * Return: 0 or -errno.
 */
int device_open_image(struct device *device, char *sentence);

/**
 * device_keep_capacity() - an image that is opened for a connection which goes
 * on: what it has gained its guest does not know of.
 * @sectors: what it had, where a worker of this daemon served it
 */
void device_keep_capacity(struct device *device, uint64_t sectors);

/** device_tell_capacity() - what it has now, to a guest that is connected. */
void device_tell_capacity(struct device *device);

/* closing.c: the ways down */

/** device_end_worker() - STOP, if it lives and was not told yet. */
void device_end_worker(struct device *device);

/**
 * device_detach() - have the worker unmap everything, then go on to a state.
 */
void device_detach(struct device *device, enum device_state after);

/**
 * device_enter_closed() - nothing is mapped; without a frontend the worker
 * ends.
 */
void device_enter_closed(struct device *device, bool frontend_stays);

/** device_finish() - the frontend is through with it: detach, then closed. */
void device_finish(struct device *device, bool frontend_stays);
void device_handle_removal(struct device *device);
void device_enter_gone(struct device *device);
