/* The liveness probe: what every case must leave behind. */
#pragma once

struct guest;

/**
 * probe_backend() - a valid write, read and comparison on every queue.
 *
 * On the connection that the case left, or on a fresh one when it left none.
 * What is wrong goes into the result: probe_failed and probe.
 */
void probe_backend(struct guest *g);
