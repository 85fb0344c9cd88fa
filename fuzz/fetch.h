/*
 * Where the worker looks: every load that it makes from memory that the guest
 * can write.
 *
 * The compiler tells of each load (-fsanitize-coverage=trace-loads on the
 * worker's objects), AddressSanitizer of each copy (its memcpy is wrapped), and
 * the mapping calls of libxengnttab, wrapped as well, say what lies where.  So
 * an accessor is seen, and so is a plain dereference that somebody adds one
 * day.  The harness "pages" feeds the same function from page faults.
 *
 * A build without that (gcc, or no AddressSanitizer) sees nothing: then no
 * double fetch is found and no flip happens, and all else is as it was.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct model;

/** fetch_begin() - a play begins: nothing is mapped, nothing was looked at. */
void fetch_begin(struct model *model);

/** fetch_connecting() - whether what is mapped now are the pages of rings. */
void fetch_connecting(bool connecting);

/**
 * fetch_look() - the worker is about to read these bytes, wherever they lie.
 * @from: the place in its code
 */
void fetch_look(const void *address, size_t bytes, const void *from);

/**
 * fetch_watch() - tell of every ring that is mapped (bytes > 0) and before it
 * is unmapped (bytes = 0); NULL: nobody wants to know.
 */
void fetch_watch(void (*changed)(void *address, size_t bytes));
