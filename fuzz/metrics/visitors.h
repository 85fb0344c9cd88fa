/*
 * Whoever talks to the endpoint of metrics, and what it may answer.
 *
 * The real libmicrohttpd on a real socket, which lies where control/place.c
 * puts it.  Called by the harness metrics only, which has its number of visitors in
 * common with its seeds.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct host;

#define VISITORS 12u /* more than the endpoint has places for */

/** visitors_begin() - the endpoint, and nobody there. */
void visitors_begin(struct host *host);

/** visitors_say() - these bytes by one of them, who dials first if need be. */
void visitors_say(unsigned int who, const void *bytes, size_t length);

/** visitors_ask() - one of the well-formed requests. */
void visitors_ask(unsigned int who, unsigned int which);

/** visitors_hear() - what came is read. */
void visitors_hear(unsigned int who);

/** visitors_hang_up() - one is gone; @half: says no more, but listens. */
void visitors_hang_up(unsigned int who, int half);

/** visitors_step() - the daemon's turn; @ns of time passed. */
void visitors_step(uint64_t ns);

/** visitors_end() - all are ended in time; who comes then gets the page. */
uint64_t visitors_end(unsigned int *asked, unsigned int *okay);
