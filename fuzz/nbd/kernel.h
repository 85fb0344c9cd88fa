/*
 * The descriptors around a connection: timers of the script's time, and calls
 * that fail.
 *
 * Linked in by --wrap; epoll itself is the kernel's, so that a queue that would
 * not be woken is seen to sleep.  Called by server.c only.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

void kernel_begin(void);

/** kernel_clock() - timers that are over by now become readable. */
void kernel_clock(uint64_t ns);

void kernel_end(void);

/** server_fails() - server.c's: whether this call is the one to fail. */
bool server_fails(void);

/** server_shut() - server.c's: a connection was shut down. */
void server_shut(int fd);
