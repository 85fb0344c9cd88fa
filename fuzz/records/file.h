/*
 * The file of a recording, as the supervisor finds it: a name that stands for
 * something else, a file system that is full, writes that take a part.
 *
 * Stands between recording.c and the kernel, linked in by --wrap; every other
 * path and descriptor passes.  file_check() is the oracle of what was written.
 * Called by the harness records only.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define FILE_NAME "/recording-of-a-harness"

/** file_begin() - what stands there before; @found as of a record. */
void file_begin(uint8_t found);

/** file_plan() - the k-th write from now on; 0: none. @how: an error, a part. */
void file_plan(unsigned int k, uint8_t how);

/** file_check() - all of it is whole, bounded and stamped; its hash. */
uint64_t file_check(uint64_t max_bytes);

/** file_records() - how many the last check found. */
uint64_t file_records(void);

void file_end(void);
