/*
 * Other backends that serve the same directory of xenstore.
 *
 * Two backends that answer one frontend destroy each other's handshake, and a
 * ring that both map loses data.  main.c asks before it starts, opening.c before
 * it touches a disk.  Looks into /sys and /proc only.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "backend/supervisor/conf.h"

#define RIVAL_SENTENCE_BYTES 512u

/**
 * rival_of_directory() - who else serves backend/<directory>, if anybody.
 * @sentence: names it, and the ways out
 */
bool rival_of_directory(const struct conf *conf, char *sentence);

/** rival_of_disk() - whether the kernel has taken this disk already. */
bool rival_of_disk(const struct conf *conf, uint32_t domid, uint32_t devid,
		   char *sentence);
