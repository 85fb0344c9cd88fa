/*
 * What a frontend and its surroundings do while a disk connects: the records of
 * the harness handshake.  front.c carries them out on the stage of
 * fuzz/lifecycle; the seeds are made of them.
 */
#pragma once

#include <stdint.h>

#include "fuzz/script.h"

/* Byte 0 names it.  Unless byte 15 is SCRIPT_ODD or more everybody acts until
 * nobody has anything to do. */
enum front_kind {
	FRONT_SCHEME, /* a set of keys that fit together */
	FRONT_KEY,    /* one key, of any value */
	FRONT_TAKE,   /* one key goes */
	FRONT_CLEAR,  /* all of them go */
	FRONT_STATE,  /* it writes its state */
	FRONT_BEGIN,  /* it begins anew, and wants to connect */
	FRONT_BETWEEN, /* the next record happens before the k-th look at a key */
	FRONT_FAIL,    /* the next call of xenstore fails */
	FRONT_AGAIN,   /* the next transactions are disturbed */
	FRONT_WORKER, /* the worker refuses, keeps silent, dies */
	FRONT_CLOCK,  /* timers fire */
	FRONT_KIND_COUNT,
};

/* Where fields stand. */
enum {
	/* Of the device record: the last scheme; from SCRIPT_ODD on it is
	 * another daemon that meets it. */
	FRONT_DEVICE_LAST = 4,

	FRONT_SCHEME_QUEUES = 1,
	FRONT_SCHEME_ORDER = 2,
	FRONT_SCHEME_PROTOCOL = 3,
	FRONT_SCHEME_PERSISTENT = 4,
	FRONT_SCHEME_NAMING = 5,
	FRONT_SCHEME_GREF = 6,
	FRONT_SCHEME_PORT = 7,

	FRONT_KEY_NAME = 1,
	FRONT_KEY_QUEUE = 2, /* from 16 on: at the top */
	FRONT_KEY_PAGE = 3,
	FRONT_KEY_HOW = 4,
	FRONT_KEY_VALUE = 5, /* and what follows */

	FRONT_STATE_WHICH = 1,
	FRONT_BEGIN_HOW = 1,	/* odd: straight to Connected */
	FRONT_BETWEEN_LOOK = 2, /* 16 bits */
	FRONT_FAIL_ERROR = 1,
	FRONT_AGAIN_TIMES = 1,
	FRONT_WORKER_WHAT = 1,
	FRONT_WORKER_HOW = 2,
};

/* What the value of a key is. */
enum front_value {
	FRONT_SMALL,  /* a number of one byte */
	FRONT_NUMBER, /* of four */
	FRONT_KNOWN,  /* a word of the protocol, or nearly one */
	FRONT_RAW,    /* any bytes */
	FRONT_LONG,   /* a number with zeroes in front, of up to 265 digits */
	FRONT_VALUES,
};

/** front_acts() - one record; what a planned one may do is front_touches(). */
void front_acts(const struct script_record *record);
void front_touches(const struct script_record *record);

/**
 * front_is_good() - keys as they should be, and a frontend that begins anew.
 * @which: any of the schemes that were offered
 */
void front_is_good(uint8_t which);
