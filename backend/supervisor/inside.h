/*
 * What the files that make up a device share: device.c, announce.c, opening.c,
 * connection.c, answers.c, closing.c.  Nobody else includes this.
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
	struct link_attach attach;
	unsigned int published;	    /* xenbus state that we wrote last */
	unsigned int frontend_seen; /* xenbus state that we acted on last */
	enum device_state after;    /* DETACHING: where to go then */
	bool attached;		    /* the worker may have guest pages mapped */
	bool stopping;		    /* STOP was said to the worker */
	bool retired;		    /* the daemon ends: nothing new */
	bool removed;		    /* the directory is gone */
	bool lived;		    /* the domain was there at some time */
	bool dead;		    /* ... and is no more */
	bool resumes; /* found Connected: an earlier daemon's disk */
	bool note_backend, note_frontend, note_release, note_worker;
	uint32_t connections;
	uint32_t deaths;
	struct log_limit limit;
	char error[DEVICE_SENTENCE_BYTES];
};

/* device.c */

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

/** device_tell() - a log line of the kind that a guest can cause: limited. */
void device_tell(struct device *device, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/** device_publish() - nodes together; a directory that is gone gets noted. */
bool device_publish(struct device *device, const struct publish_node *nodes,
		    size_t count);
void device_publish_state(struct device *device, unsigned int state);
bool device_publish_offer(struct device *device);
bool device_publish_connected(struct device *device);

/**
 * device_note_error() - a sentence for the log, the control socket, the error
 * node.
 */
void device_note_error(struct device *device, const char *sentence);

/**
 * device_fail() - something is wrong with this disk: error node, then Closing.
 */
void device_fail(struct device *device, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* opening.c: from its directory to InitWait */

/** device_look_at_new() - a disk in NEW; also one that another daemon left. */
void device_look_at_new(struct device *device);

/** device_reopen() - a closed disk whose frontend begins anew. */
void device_reopen(struct device *device);
void device_enter_waiting(struct device *device);

/* connection.c: from the frontend's keys to Connected */
void device_connect(struct device *device);
void device_complete_connection(struct device *device);

/* answers.c: what the worker says; whether it said anything */
bool device_step_worker(struct device *device);

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
