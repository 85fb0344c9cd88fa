/*
 * What an NBD server says of an export, before anybody serves it.
 *
 * export.c asks; the supervisor calls it when it opens a disk.  Chosen at link
 * time, like launch.h: a simulated world has no servers and says so itself.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct export_facts {
	uint64_t bytes;
	uint32_t minimum_bytes;	  /* of a request; a power of two */
	uint32_t preferred_bytes; /* the same */
	bool readonly;
	bool many;    /* several connections see one store */
	bool flushes; /* it can be told to make writes durable */
	bool trims;   /* it can be told that a range need not be kept */
};

/**
 * export_look() - connect, ask, disconnect; within a few seconds.
 * @uri: nbd://HOST[:PORT]/EXPORT or nbd+unix:///EXPORT?socket=PATH
 * @sentence: why not, on failure
 *
 * Return: 0 or -errno.
 */
int export_look(const char *uri, struct export_facts *facts, char *sentence,
		size_t room);
