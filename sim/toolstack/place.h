/*
 * Where a world lives: a private directory with the broker's socket, the
 * store's socket, one socket per guest, and logs.
 *
 * Used by run (which makes one) and by every other subcommand (which finds the
 * one it was started in from the environment).  It never talks to anybody.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PLACE_PATH_BYTES                                                       \
	96u /* what fits in a UNIX socket's address, with room */

struct place {
	char directory[PLACE_PATH_BYTES];
	bool made; /* the directory did not exist before */
};

/**
 * place_make() - an empty private directory for a new world.
 * @wanted: an empty or absent directory, or NULL for one under $TMPDIR or /tmp
 *
 * Return: 0, or -errno with a sentence on standard error.
 */
int place_make(struct place *place, const char *wanted);

/** place_remove() - everything in it, and itself if place_make() created it. */
void place_remove(const struct place *place);

/**
 * place_find() - the world that this process was started in.
 *
 * Return: 0, or -ENOENT with a sentence on standard error.
 */
int place_find(struct place *place);

/* Paths inside; the buffer has PLACE_PATH_BYTES + 32 bytes. */
#define PLACE_FILE_BYTES (PLACE_PATH_BYTES + 32u)
void place_file(const struct place *place, const char *name, char *path);
void place_guest_socket(const struct place *place, uint32_t domid, char *path);

/**
 * place_library() - the path of libxensim.so that belongs to this program.
 *
 * Return: 0, or -errno with a sentence on standard error.
 */
int place_library(char *path, size_t bytes);
