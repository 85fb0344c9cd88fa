/*
 * One daemon per directory of one xenstore.
 *
 * A file beside xenstored's socket, so that it stands for this store and no
 * other, locked as long as the daemon lives: a crash leaves no stale lock.
 */
#pragma once

#include <stddef.h>

#define LOCK_ERROR_BYTES 512u

/**
 * lock_take() - become the one daemon for backend/<directory>.
 * @fallback: a directory for the file when xenstored has no socket here
 * @error: a sentence that names the holder, on failure
 *
 * Return: a descriptor that holds the lock until it is closed, or -errno.
 */
int lock_take(const char *directory, const char *fallback, char *error);
