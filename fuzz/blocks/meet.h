/*
 * Where threads meet, and calls that fail.
 *
 * One thread plays all queues.  What another thread could do while this one is
 * about to take or let go of a lock, or to write or read an event, happens there
 * and then, if the script wants it: meet.c stands in front of these calls
 * (--wrap).  And one call of an opening fails.  Called by queues.c and below.c.
 */
#pragma once

#include <stdbool.h>

#include "fuzz/script.h"

/** meet_begin() - nobody meets yet; the k-th call of an opening fails, 0: none. */
void meet_begin(unsigned int fails);

/** meet_opening() - only then do calls fail. */
void meet_opening(bool opening);

/** meet_fails() - whether this call does. */
bool meet_fails(void);

/** meet_failed() - whether one has failed. */
bool meet_failed(void);

/** meet_enter() - the backend is called: from here on others may come between. */
void meet_enter(void);
void meet_leave(void);

/** meet_ask() - at a place from now on this is done, after so many others; who asks
 * for too much is not heard. */
void meet_ask(unsigned int places, const struct script_record *record);

/** meet_forget() - what did not come about. */
void meet_forget(void);

/** meet_act() - of queues.c: what another thread does at such a place. */
void meet_act(const struct script_record *record);

/** meet_rooms() - channels whose memory was not let go. */
unsigned int meet_rooms(void);

int meet_real_eventfd(unsigned int count, int flags);
