/*
 * What a frontend writes into its directory: complete sets of keys under every
 * scheme of names, and single nodes.  Called by acts.c, stage.c and the harness
 * handshake; knows nothing of who reads them.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz/lifecycle/life.h"

void life_put_at(const char *directory, const char *key, const char *value)
{
	char path[LIFE_PATH_BYTES + 64];

	snprintf(path, sizeof(path), "%s/%s", directory, key);
	life_put(path, value, strlen(value));
}

void life_put_number(const char *directory, const char *key, uint64_t value)
{
	char text[24];

	snprintf(text, sizeof(text), "%llu", (unsigned long long)value);
	life_put_at(directory, key, text);
}

void life_clear_keys(const struct life_disk *disk)
{
	unsigned int count = 0;
	char **names =
		xs_directory(life.toolstack, XBT_NULL, disk->front, &count);
	char path[LIFE_PATH_BYTES + 64];

	for (unsigned int i = 0; names != NULL && i < count; i++) {
		if (strcmp(names[i], "state") == 0)
			continue;
		snprintf(path, sizeof(path), "%s/%s", disk->front, names[i]);
		life_take(path);
	}
	free(names);
}

static bool is_numbered(const struct life_scheme *scheme)
{
	return scheme->naming == LIFE_NAMED_ALWAYS || scheme->order > 0;
}

/* The shape: how many queues, how many pages, and how those are called. */
static void write_shape(const struct life_disk *disk,
			const struct life_scheme *scheme)
{
	const unsigned int pages = 1u << scheme->order;

	if (scheme->queues > 1 || scheme->naming == LIFE_NAMED_ALWAYS)
		life_put_number(disk->front, "multi-queue-num-queues",
				scheme->queues);
	if (scheme->naming != LIFE_NAMED_BY_PAGES &&
	    (scheme->order > 0 || scheme->naming >= LIFE_NAMED_ALWAYS))
		life_put_number(disk->front, "ring-page-order", scheme->order);
	if (scheme->naming == LIFE_NAMED_BY_PAGES ||
	    scheme->naming == LIFE_NAMED_BY_BOTH)
		life_put_number(disk->front, "num-ring-pages", pages);
	if (scheme->protocol != NULL)
		life_put_at(disk->front, "protocol", scheme->protocol);
	if (scheme->persistent != NULL)
		life_put_at(disk->front, "feature-persistent",
			    scheme->persistent);
}

static void write_queue(const struct life_disk *disk,
			const struct life_scheme *scheme, unsigned int q)
{
	char prefix[24] = "", key[48];

	if (scheme->queues > 1)
		snprintf(prefix, sizeof(prefix), "queue-%u/", q);
	for (unsigned int i = 0; i < 1u << scheme->order; i++) {
		if (is_numbered(scheme))
			snprintf(key, sizeof(key), "%sring-ref%u", prefix, i);
		else
			snprintf(key, sizeof(key), "%sring-ref", prefix);
		life_put_number(disk->front, key, scheme->gref + 16 * q + i);
	}
	snprintf(key, sizeof(key), "%sevent-channel", prefix);
	life_put_number(disk->front, key, scheme->port + q);
}

void life_write_scheme(const struct life_disk *disk,
		       const struct life_scheme *scheme)
{
	write_shape(disk, scheme);
	for (unsigned int q = 0; q < scheme->queues; q++)
		write_queue(disk, scheme, q);
}

void life_keys(const struct life_disk *disk, unsigned int queues,
	       unsigned int order, unsigned int abi)
{
	static const char *const protocols[] = {"x86_64-abi", "x86_32-abi",
						NULL};
	const struct life_scheme scheme = {.queues = queues,
					   .order = order,
					   .protocol = protocols[abi % 3],
					   .gref = 8,
					   .port = 3};

	life_write_scheme(disk, &scheme);
}
