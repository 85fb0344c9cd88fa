/*
 * A recording in which nodes are as long as they claim to be: what is missing
 * is filled in.  So a short input can say what else takes kilobytes, and an
 * engine finds lengths one by one.  Called by the harness recording.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

/**
 * recorded_stretch() - the same records, each with all that it claims.
 * @file: with its header
 *
 * Return: the bytes in @to; 0 when nothing was missing, or it has no room.
 */
size_t recorded_stretch(const uint8_t *file, size_t bytes, uint8_t *to,
			size_t room);
