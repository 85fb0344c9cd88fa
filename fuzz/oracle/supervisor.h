/*
 * The oracles of the supervisor: what it may write to xenstore and read there,
 * what it may say to a worker, what it must have let go.
 *
 * Each is a file of its own that keeps what it knows in the structure here;
 * fuzz/lifecycle tells them what happens.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "backend/base/link.h"

struct xs_handle;

/* states.c: the backend's state node */
struct turnabout {
	unsigned int last; /* what stands there */
	bool ours;	   /* the backend wrote it, not the toolstack */
	unsigned int lost; /* states since then that did not come to stand */
	bool resized;	   /* since then it wrote another capacity */
};
void states_begin(struct turnabout *turn);
void states_toolstack(struct turnabout *turn, unsigned int state);
void states_backend(struct turnabout *turn, const char *text);
/** states_resized() - the backend wrote a capacity: it may say Connected again. */
void states_resized(struct turnabout *turn);
/** states_lost() - a write of the backend that the store did not take. */
void states_lost(struct turnabout *turn, const char *text);
/** states_unknown() - it could not even try: nobody saw what it meant to say. */
void states_unknown(struct turnabout *turn);

/* node_sets.c: what stands beside a state when it is published */
void node_sets_check(struct xs_handle *xs, const char *directory,
		     unsigned int state);

/* reads.c: the frontend's nodes */
#define READS_KEYS 320u
#define READS_KEY  32u
struct reads {
	bool connected;	    /* Connected was published: nothing but state */
	unsigned int state; /* that was read last */
	unsigned int count;
	char key[READS_KEYS][READS_KEY];
};
void reads_begin(struct reads *reads, bool connected);
/** reads_note() - below the frontend's domain, without that prefix. */
void reads_note(struct reads *reads, const char *path, const char *value);

/** reads_key() - what a node is called below the frontend's directory. */
const char *reads_key(const char *path);

/* reading.c: a connection follows from the values that were read for it */
#define READING_BYTES 256u
struct reading_node {
	char key[READS_KEY];
	bool there;
	int error; /* of xenstore; 0 or ENOENT are answers */
	unsigned int length;
	char value[READING_BYTES]; /* as much as fits */
};
struct reading {
	bool open;
	unsigned int count;
	struct reading_node node[READS_KEYS];
};
struct reading_offer {
	unsigned int max_queues, max_ring_order;
};
/** reading_note() - a look below the frontend's domain; the first one after
 * reading_close() begins another reading. */
void reading_note(struct reading *reading, const char *path, const char *value,
		  unsigned int length, int error);
bool reading_is_open(const struct reading *reading);
/** reading_close() - it has led to something, which more looks do not change. */
void reading_close(struct reading *reading);
/** reading_attached() - a worker was told so. */
void reading_attached(struct reading *reading,
		      const struct reading_offer *offer,
		      const struct link_attach *attach);
/**
 * reading_refused() - the disk is Closing, and nothing was attached.
 * @sentence: its error node, "" if there is none; NULL: not to be judged
 */
void reading_refused(const struct reading *reading,
		     const struct reading_offer *offer, const char *sentence);

/* budget.c: what one cause may cost */
void budget_check(unsigned int writes, unsigned int looks, unsigned int lines);
void budget_rounds(unsigned int rounds);

/* removal.c: a directory that the toolstack removed stays away */
void removal_check(struct xs_handle *xs, const char *directory);

/* talk.c: what the supervisor says to one worker */
struct talk {
	bool device, attached, stopped;
	bool broken;   /* it said so itself */
	bool lied;     /* ... of its rings: nobody knows what is attached */
	uint32_t iops; /* the limit that it was told last; 0: none */
};
struct talk_world {
	uint32_t domid, devid;
	bool readonly, known; /* the mode that the toolstack wrote, if one */
	uint32_t iops;	      /* ... and the limit, if it is known */
	unsigned int front;   /* the frontend's state as it was read last */
	bool alone; /* nobody but the frontend wanted anything of this disk */
	const struct link_attach *served; /* attached last; NULL: none was */
};
void talk_said(struct talk *talk, const struct talk_world *world,
	       const struct link_message *message);
/** talk_limited() - it serves a disk with this limit; 0: any, or none. */
void talk_limited(const struct talk *talk, uint32_t iops);
/** talk_connected() - Connected is published; NULL: there is no worker. */
void talk_connected(const struct talk *talk);

/* held.c: what the daemon holds when all disks are gone */
struct held {
	unsigned int descriptors;
	uint32_t watches, handles;
	uint64_t heap;
};
void held_take(struct held *held);
void held_check(const struct held *before, const struct held *now);
