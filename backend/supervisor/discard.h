/*
 * What of an image can be given back.
 *
 * Called by backing.c when a disk is opened.  It asks the file or device itself and
 * changes nothing of it.
 */
#pragma once

#include "backend/supervisor/backing.h"

/**
 * discard_look() - set what a file, a block device or memory says of itself.
 *
 * Clauses E2, E3.  A block device counts only if it can free a range by the one call
 * that a queue's thread need not wait for, which is the one that writes zeroes and
 * unmaps.
 */
void discard_look(enum link_image image, struct backing *backing);
