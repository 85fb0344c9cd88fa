/*
 * NBD servers that the script commands, where libnbd would be.
 *
 * server.c answers the calls of libnbd that backend/nbd makes: one object chosen
 * at link time, so that a play needs no socket of a server, no thread, and no
 * time.  What reaches a server and what it says of it goes through the two
 * notices below, for whoever judges it (client.c).  Called by the harness nbd
 * only.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "backend/base/limits.h"

#define SERVER_SECTORS_MAX 64u
#define SERVER_BYTES_MAX   (SERVER_SECTORS_MAX * SECTOR_BYTES)

enum server_command {
	SERVER_READ,
	SERVER_WRITE,
	SERVER_FLUSH,
	SERVER_TRIM,
};

/* How a connection is made, and what the server says of its export. */
struct server_plan {
	uint64_t bytes;
	int64_t minimum, preferred; /* what it names as sizes of requests */
	int many, flushes, trims;   /* 1, 0, or -1: it cannot be asked */
	bool readonly, no_size;
	unsigned int fails;  /* the k-th call of opening; 0: none */
	unsigned int steps;  /* until a connection that is waited for stands */
	bool silent, leaves; /* ... it never does, it is refused */
	int error;	     /* of what fails */
	const char *words;   /* what is said of it; NULL: nothing */
};

/** server_begin() - a server with an empty store, and nobody connected. */
void server_begin(const struct server_plan *plan);

/** server_plan() - the plan, which may be changed; what stands stays. */
struct server_plan *server_plan(void);

/** server_store() - its bytes. */
const uint8_t *server_store(void);

/** server_answer() - one of the commands that a connection has waiting.
 * @error: 0 or an errno; a transfer has then moved a part
 *
 * Return: false when there is none.
 */
bool server_answer(unsigned int connection, unsigned int which, int error);

/** server_leave() - the connection ends; @politely: as one that was asked to. */
void server_leave(unsigned int connection, bool politely);

/** server_refuse() - the k-th command from now on is not taken; 0: none. */
void server_refuse(unsigned int k, int error);

/** server_prompt() - whether commands are answered while they are given. */
void server_prompt(unsigned int connection, bool on);

/** server_choke() - whether a connection takes no more bytes at the moment. */
void server_choke(unsigned int connection, bool on);

/** server_waits() - whether it has something that nobody has fetched. */
bool server_waits(unsigned int connection);

/** server_clock() - time passes, and timers are over. */
void server_clock(uint64_t ns);

/** server_failed() - whether the call that was to fail was made. */
bool server_failed(void);

/** server_end() - nothing of anybody's is left. */
void server_end(void);

/** server_notice() - client.c's: a command is over, or was not taken. */
void server_notice(unsigned int connection, enum server_command what,
		   uint64_t offset, uint64_t bytes, int error);
