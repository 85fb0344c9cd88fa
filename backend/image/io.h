/*
 * What every engine checks of an operation before it touches memory for it.
 *
 * Called by the engines of this folder only.
 */
#pragma once

#include <stddef.h>

#include "backend/image/image.h"

/* The longest vector of one operation. */
#define IMAGE_IOV_MAX LIMIT_INDIRECT_SEGMENTS

/** image_io_bytes() - the length of its vector in bytes. */
size_t image_io_bytes(const struct image_io *io);

/**
 * image_io_check() - CHECK that the operation fits the image.
 *
 * Ranges, read-only and the vector were decided long before; an operation that
 * fails here is a bug of ours, and the worker ends rather than touch a disk.
 */
void image_io_check(const struct image_io *io, const struct image_info *info);
