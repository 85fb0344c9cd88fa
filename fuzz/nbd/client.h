/*
 * Queues of a worker whose disk is behind NBD servers, and what each operation
 * must come to.
 *
 * client.c plays the records of a script and is the oracle: operations in flight
 * never overlap, so that every byte follows.  Called by the harness nbd only.
 */
#pragma once

#include <stdint.h>

#include "fuzz/nbd/server.h"
#include "fuzz/script.h"

enum client_kind {
	NBD_READ, /* 1 queue, 2 sector, 3 pieces, 4 gaps, 5 long ones, 6 choked */
	NBD_WRITE,
	NBD_FLUSH,
	NBD_ANSWER,  /* 2 which, 3 how, 4 how many */
	NBD_COLLECT, /* 2 room */
	NBD_LEAVE,   /* 2 odd: politely */
	NBD_CLOCK,   /* 8 .. ms */
	NBD_REFUSE,  /* 2 the k-th command, 3 how */
	NBD_PROMPT,  /* 2 odd: commands are answered at once */
	NBD_LOOK,    /* the supervisor asks; 2 .. as client_plan() */
	NBD_TRIM,    /* as NBD_READ; 3 how long */
	NBD_KIND_COUNT,
};

/** client_plan() - a server as a device record says. */
void client_plan(const struct script_record *r, struct server_plan *plan);

/** client_begin() - a disk is opened; 0, or what went wrong, -errno. */
int client_begin(const struct script_record *device);

void client_act(const struct script_record *record);

struct client_sum {
	uint64_t hash, asked, okay;
};

/** client_end() - everything comes to an end, as @how says; the disk closes. */
struct client_sum client_end(uint8_t how);
