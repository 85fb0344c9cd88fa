/*
 * The clock: one of the link-time seams.  clock.c asks the kernel; the
 * in-process simulator brings its own, which only moves when it is told to.
 */
#pragma once

#include <stdint.h>

/** clock_now_ns() - a monotonic time in nanoseconds. */
uint64_t clock_now_ns(void);
