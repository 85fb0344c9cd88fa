/*
 * The toolstack's `params` node: which image a disk has.
 *
 *   PATH  file:PATH  raw:PATH  aio:PATH     a file or block device, absolute
 * path null:SIZE                               reads zeroes, forgets writes
 *   nbd://HOST[:PORT]/EXPORT  nbd+unix:///EXPORT?socket=PATH
 *                                           behind an NBD server
 *   ram:SIZE                                in memory, gone with the worker
 *
 * SIZE is a number with an optional K, M, G or T.  Pure.  Called by backing.c.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "backend/base/link.h"

struct params {
	enum link_image image;
	const char *path; /* into the text given; a file, or a store's URI */
	uint64_t bytes;	  /* null and ram only */
};

/**
 * params_parse() - what a params text names.
 * @sentence: why not, when it cannot be understood
 *
 * Return: 0 or -EINVAL.
 */
int params_parse(const char *text, struct params *params, char *sentence,
		 size_t room);
