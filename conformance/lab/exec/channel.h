/*
 * A session's two streams of messages, as xenstore nodes.
 *
 * Below sessions/ID each direction has a directory that only one side writes:
 *
 *   down/0..7  dom0 -> guest    up/0..7   guest -> dom0     pieces of messages
 *   down/ack                    up/ack    how many pieces of the other direction
 *                                         were taken
 *   down/alive                  up/alive  changes every few seconds
 *
 * A piece carries its number, so that a slot which was not written anew yet is
 * told from the next piece, and a checksum.  At most eight pieces are under
 * way.  Watches tell of changes: nobody polls.
 *
 * Used by the session (guest) and by xenblk-lab-exec (dom0).  Never blocks.
 */
#pragma once

#include "conformance/lab/exec/store.h"

#define CHANNEL_SLOTS	      8u
#define CHANNEL_MESSAGE_BYTES 16384u
#define CHANNEL_ID_BYTES      40u
#define CHANNEL_BEAT_MS	      5000
#define CHANNEL_SILENCE_MS    120000 /* nothing at all for so long: it is gone */

enum channel_side {
	CHANNEL_DOM0,
	CHANNEL_GUEST
};

enum channel_kind {
	/* to the guest */
	CHANNEL_COMMAND, /* struct channel_command, then words, each with a 0 */
	CHANNEL_SIGNAL,	 /* one byte: send it to the command */
	/* to dom0 */
	CHANNEL_STARTED,
	CHANNEL_OUTPUT, /* of the command's stdout */
	CHANNEL_ERRORS, /* of its stderr */
	CHANNEL_EXIT,	/* struct channel_exit */
	/* both ways */
	CHANNEL_LINK, /* a message of descriptor 3 */
	CHANNEL_LINK_END,
	CHANNEL_KINDS,
};

enum channel_link {
	CHANNEL_NO_LINK,
	CHANNEL_PACKETS,
	CHANNEL_STREAM
};

struct channel_command {
	uint32_t timeout_s; /* 0: none */
	uint32_t link;	    /* enum channel_link */
};

enum channel_end {
	CHANNEL_EXITED,
	CHANNEL_KILLED,
	CHANNEL_TIMED_OUT
};

struct channel_exit {
	uint32_t how;	/* enum channel_end */
	uint32_t value; /* its status, or the signal's number */
	uint32_t cut;	/* bit 0: stdout was cut, bit 1: stderr was */
};

struct channel_message {
	enum channel_kind kind;
	size_t length;
	uint8_t bytes[CHANNEL_MESSAGE_BYTES];
};

struct channel {
	struct store *store;
	char session[STORE_PATH_BYTES / 2];
	const char *in, *out;	 /* "up" or "down" */
	uint32_t taken, told;	 /* pieces read; the number that we told of */
	uint32_t written, acked; /* pieces written; the number we were told */
	uint32_t beats;
	size_t sent;  /* of the message that goes out */
	bool sending; /* outgoing is not all written yet */
	bool whole;   /* incoming was handed out: the next one begins */
	struct channel_message incoming, outgoing;
};

/** channel_create() - dom0: makes the session's nodes. */
int channel_create(struct channel *channel, struct store *store,
		   const char *id);

/** channel_join() - the guest: the nodes are there already. */
void channel_join(struct channel *channel, struct store *store, const char *id);

/** channel_watch() - let the store's descriptor tell of what comes in. */
int channel_watch(struct channel *channel);

/** channel_can_send() - whether the last message is written completely. */
bool channel_can_send(const struct channel *channel);

/** channel_send() - begins to write one; the caller asked channel_can_send(). */
int channel_send(struct channel *channel, enum channel_kind kind,
		 const void *bytes, size_t length);

/** channel_turn() - writes more of it, as far as the other side follows. */
int channel_turn(struct channel *channel);

/**
 * channel_receive() - the next whole message, in channel->incoming.
 *
 * Return: 1 with a message, 0 without, -EPIPE when the session is gone,
 * -EBADMSG for a piece that is damaged.
 */
int channel_receive(struct channel *channel);

/** channel_beat() - shows the other side that we live. */
int channel_beat(struct channel *channel);
