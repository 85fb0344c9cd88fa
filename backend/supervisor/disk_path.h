/*
 * Paths of xenstore below backend/<directory>, as "5/51712/state": which disk
 * they name, and which of its nodes say something to us.
 *
 * Pure.  Called by host.c with what watches and listings bring, in which a
 * guest has no hand but a toolstack makes mistakes.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "backend/supervisor/device.h"

/**
 * disk_path_number() - a component of a path as a number.
 *
 * Return: whether it is one, in its only spelling: "05" is none.  *number is
 * only set then.
 */
bool disk_path_number(const char *text, size_t length, uint64_t max,
		      uint32_t *number);

/**
 * disk_path_key() - the disk that a path names or lies in.
 *
 * Return: false above that level, and for what is no number.
 */
bool disk_path_key(const char *path, struct device_key *key);

/** disk_path_concerns_us() - whether a node of a disk's directory, or the
 * directory itself, says something to us. */
bool disk_path_concerns_us(const char *path);
