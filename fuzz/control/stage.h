/*
 * The control socket in process: a host with two disks, and clients.
 *
 * world.c makes the host and plays its worker; clients.c is who talks to the
 * socket, and the model of what each may expect; place.c is where the socket
 * lies: nowhere in the file system, so that a find leaves nothing there;
 * trouble.c is what the daemon's calls do when they fail.
 * Called by the harness control only.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct host;
struct control;

/** world_begin() - a host with a connected disk, and one with these params. */
struct host *world_begin(const char *params, size_t length);

/** world_end() - the host ends; nothing of it may be left. */
void world_end(struct host *host);

#define CLIENTS_MAX 20u /* more than the daemon has places for */

/** clients_begin() - the socket, and nobody connected. */
struct control *clients_begin(void);

/** clients_say() - these bytes by one client, who dials first if need be. */
void clients_say(unsigned int client, const void *bytes, size_t length);

/** clients_ask() - one of the well-formed requests, by its number. */
void clients_ask(unsigned int client, unsigned int which);

/** clients_hear() - one client reads what there is, and it is judged. */
void clients_hear(unsigned int client);

/** clients_shut() - one client says that it will not ask again. */
void clients_shut(unsigned int client);

/** clients_hang_up() - one client is gone, whatever it has asked. */
void clients_hang_up(unsigned int client);

/** clients_step() - the daemon's turn. */
void clients_step(struct host *host);

/** clients_finish() - all read until all are answered; then the socket ends. */
void clients_finish(struct host *host);

struct clients_sum {
	uint64_t hash, asked, okay;
};

/** clients_sum() - what happened since clients_begin(). */
struct clients_sum clients_sum(void);

/* The socket's path, for the daemon and its clients. */
#define PLACE_NAME "/control-of-a-harness"
/* ... and of a daemon that never serves. */
#define PLACE_OTHER PLACE_NAME "-2"

/** trouble_begin() - every call does what it shall. */
void trouble_begin(void);

/** trouble_daemon_runs() - from now on, or not any more: whose calls may fail. */
void trouble_daemon_runs(bool runs);

/** trouble_comes() - a call of the daemon will fail once, or another daemon is
 * started. */
void trouble_comes(uint8_t which);

/** place_is_taken() - a socket was bound there, and not removed since. */
bool place_is_taken(void);
