/*
 * The oracle of a worker's records: what lies in the memory that they go through
 * is whole, of kinds that a worker writes, in the order of time; and the answers
 * that were pushed are the ones that were recorded.
 *
 * Called by fuzz/worker; it reads as the supervisor does, and gives room back.
 */
#pragma once

#include "backend/base/record.h"

/** records_begin() - a worker begins where the indices stand. */
void records_begin(const struct record_region *region, unsigned int queues);

/** records_check() - at rest: all that came since the last look. */
void records_check(struct record_region *region, unsigned int queues);
