/*
 * Traps: every access to the pages of rings, caught by the processor.
 *
 * What fetch.c learns from the compiler's instrumentation, this learns from
 * page protection, for objects that are not instrumented: the ones that ship.
 * Rings are mapped without any right; an access faults, is told to
 * fetch_look() if it reads, runs as a single step with the page open, and the
 * page is closed again.  So the reads that are counted are those of the machine
 * code, whatever the source says.  Tens of microseconds for each.
 *
 * Used by the harness "pages" and by nobody else; x86-64 on Linux.
 */
#pragma once

#include <stdint.h>

/** trap_install() - from now on, for every ring that is mapped. */
void trap_install(void);

/** trap_reads() - reads caught so far. */
uint64_t trap_reads(void);

/**
 * trap_length() - bytes that the instruction at @code reads from memory.
 * @write: it was caught writing
 *
 * Return: 0 when it only writes, -1 for one that is not known here.
 */
int trap_length(const uint8_t *code, int write);
