/*
 * What the daemon says about itself, as JSON: the answers of the control
 * socket.
 *
 * Called by control.c.  Reads devices and the counters that workers keep in
 * shared memory; changes nothing but the log level and a disk's limits, and what
 * changes.c changes.
 * Answers are objects with "ok", and "error" with a sentence when that is false.
 */
#pragma once

#include <jansson.h>

#include "backend/supervisor/host.h"

/**
 * report_answer() - the answer to one request of a client; the caller's to
 * decref.
 */
json_t *report_answer(struct host *host, const json_t *request);

/** report_error() - an answer that only says what was wrong. */
json_t *report_error(const char *sentence);
