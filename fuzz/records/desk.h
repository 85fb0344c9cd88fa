/*
 * A supervisor that records, and workers that write what they like: the records
 * of a script carried out.
 *
 * Called by the harness records only; file.c is the file.
 */
#pragma once

#include <stdint.h>

#include "fuzz/script.h"

enum desk_kind {
	DESK_RECORD, /* well-formed ones: 2 kind, 3 how many, 4 how long */
	DESK_BEGIN,  /* a worker of a disk */
	DESK_END,    /* ... is dead */
	DESK_BYTES,  /* any bytes: 2 how many, 4 .. which */
	DESK_HEAD,   /* the head moves: 8 .. by how much */
	DESK_LOST,   /* 2 how many */
	DESK_STEP,   /* the supervisor looks */
	DESK_SAY,    /* ... has a record of its own: 2 which, 3 how long */
	DESK_PLAN,   /* a write fails: 2 which, 3 how */
	DESK_REOPEN, /* the recording begins anew */
	DESK_KIND_COUNT,
};

/* Of DESK_RECORD: a kind that nobody writes. */
#define DESK_NO_KIND 0xffu

/** desk_begin() - a recording that is opened as the device record says. */
void desk_begin(const struct script_record *device);

void desk_act(const struct script_record *record);

/** desk_check() - the file as it is now. */
void desk_check(void);

/** desk_end() - all is closed; a hash of the file, and how many @records. */
uint64_t desk_end(uint64_t *records);
