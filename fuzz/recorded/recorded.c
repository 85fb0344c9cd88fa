/*
 * From a recording to seeds: which disk, which connection, when a piece ends;
 * and the frontends' keys.  See recorded.h.
 */
#include "fuzz/recorded/recorded.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz/recorded/piece.h"

#define DISKS_MAX	64u
#define HANDSHAKE_BYTES 2048u

struct recorded_disk {
	uint32_t domid;
	uint32_t devid;
	bool attached;
	struct piece_shape shape;
	uint32_t max_queues, max_order; /* as offered */
	struct piece piece;
	/* The handshake harness's input: what was offered, then the keys. */
	size_t keys_bytes;
	uint64_t keys_feature;
	uint8_t keys[HANDSHAKE_BYTES];
};

struct convert {
	const struct recorded_sink *sink;
	struct recorded_counts *counts;
	struct novelty novelty;
	struct item item;
	unsigned int disks;
	struct recorded_disk *disk[DISKS_MAX];
	struct recorded_disk *last;
};

static struct recorded_disk *find_disk(struct convert *c)
{
	const struct record_header *h = &c->item.header;
	struct recorded_disk *disk = c->last;

	if (disk != NULL && disk->domid == h->domid && disk->devid == h->devid)
		return disk;
	for (unsigned int i = 0; i < c->disks; i++) {
		disk = c->disk[i];
		if (disk->domid == h->domid && disk->devid == h->devid)
			return c->last = disk;
	}
	if (c->disks == DISKS_MAX)
		return NULL;
	disk = calloc(1, sizeof(*disk));
	if (disk == NULL)
		return NULL;
	disk->domid = h->domid;
	disk->devid = h->devid;
	disk->max_queues = 1;
	c->disk[c->disks++] = disk;
	return c->last = disk;
}

/* --- rings --- */

static int end_piece(struct convert *c, struct recorded_disk *disk)
{
	size_t bytes = disk->attached ? piece_end(&disk->piece) : 0;

	if (bytes == 0)
		return 0;
	c->counts->pieces++;
	if (!disk->piece.novel || c->counts->ring == RECORDED_SEEDS_MAX)
		return 0;
	c->counts->ring++;
	return c->sink->write(c->sink->context, "ring", disk->piece.byte,
			      bytes);
}

static int attach(struct convert *c, struct recorded_disk *disk)
{
	const struct record_attach *a = &c->item.attach;
	int error = 0;

	if (a->refusal != 0)
		return 0;
	/* Every queue says it; the first one begins the connection. */
	if (disk->attached && disk->piece.requests == 0 &&
	    c->item.header.queue != 0)
		return 0;
	error = end_piece(c, disk);
	disk->shape.queues =
		a->queues >= 1 && a->queues <= LIMIT_QUEUES ? a->queues : 1;
	disk->shape.ring_order = a->ring_order;
	disk->shape.abi = a->abi;
	disk->shape.persistent = a->persistent;
	disk->attached = true;
	piece_begin(&disk->piece, &disk->shape);
	return error;
}

static int queue_item(struct convert *c, struct recorded_disk *disk)
{
	int error = 0;

	if (c->item.header.kind == RECORD_ATTACH)
		return attach(c, disk);
	if (!disk->attached)
		return 0;
	/* Known only after the connection began. */
	disk->piece.shape.sectors = disk->shape.sectors;
	piece_add(&disk->piece, &c->novelty, &c->item);
	if (c->item.header.kind == RECORD_DETACH || piece_full(&disk->piece)) {
		error = end_piece(c, disk);
		piece_begin(&disk->piece, &disk->shape);
	}
	if (c->item.header.kind == RECORD_DETACH)
		disk->attached = false;
	return error;
}

/* --- handshakes --- */

static bool is_reference(const char *key)
{
	const char *slash = strchr(key, '/');
	const char *leaf = slash == NULL ? key : slash + 1;

	return strncmp(leaf, "ring-ref", 8) == 0 ||
	       strcmp(leaf, "event-channel") == 0;
}

static uint64_t mix_text(uint64_t feature, const char *text, unsigned int bytes)
{
	for (unsigned int i = 0; i < bytes; i++)
		feature = novelty_mix(feature, (uint8_t)text[i]);
	return novelty_mix(feature, 256);
}

static void add_key(struct recorded_disk *disk, const struct item *item)
{
	const unsigned int key = item->node.key_bytes;
	const unsigned int value = item->node.value_bytes;
	uint8_t *at;

	if (disk->keys_bytes == 0) {
		disk->keys[0] = (uint8_t)(disk->max_queues - 1);
		disk->keys[1] = (uint8_t)disk->max_order;
		disk->keys_bytes = 2;
		disk->keys_feature = novelty_mix(8, disk->max_queues);
	}
	disk->keys_feature = mix_text(disk->keys_feature, item->node.key, key);
	if (item->node.absent ||
	    memchr(item->node.value, '\n', value) != NULL ||
	    disk->keys_bytes + key + value + 2 > sizeof(disk->keys))
		return;
	/* Grants and ports have other numbers each time, and mean the same. */
	if (!is_reference(item->node.key))
		disk->keys_feature =
			mix_text(disk->keys_feature, item->node.value, value);
	at = disk->keys + disk->keys_bytes;
	memcpy(at, item->node.key, key);
	at[key] = '=';
	memcpy(at + key + 1, item->node.value, value);
	at[key + 1 + value] = '\n';
	disk->keys_bytes += key + value + 2;
}

static int end_keys(struct convert *c, struct recorded_disk *disk)
{
	const size_t bytes = disk->keys_bytes;

	disk->keys_bytes = 0;
	if (bytes == 0 || c->counts->handshake == RECORDED_SEEDS_MAX ||
	    !novelty_add(&c->novelty, disk->keys_feature))
		return 0;
	c->counts->handshake++;
	return c->sink->write(c->sink->context, "handshake_parse", disk->keys,
			      bytes);
}

static uint64_t small_number(const struct item *item, uint64_t max)
{
	const uint64_t n = strtoull(item->node.value, NULL, 10);

	return n < max ? n : max;
}

static void back_node(struct recorded_disk *disk, const struct item *item)
{
	const char *key = item->node.key;

	if (strcmp(key, "multi-queue-max-queues") == 0) {
		disk->max_queues = (uint32_t)small_number(item, LIMIT_QUEUES);
		disk->max_queues += disk->max_queues == 0;
	} else if (strcmp(key, "max-ring-page-order") == 0) {
		disk->max_order =
			(uint32_t)small_number(item, LIMIT_RING_ORDER);
	} else if (strcmp(key, "sectors") == 0) {
		disk->shape.sectors = small_number(item, UINT64_MAX);
	} else if (strcmp(key, "info") == 0) {
		disk->shape.readonly = (small_number(item, 7) & 4) != 0;
	}
}

/* --- all of it --- */

static int convert_item(struct convert *c)
{
	struct recorded_disk *disk;
	int error = 0;

	if (!c->item.known || c->item.header.kind == RECORD_FULL)
		return 0;
	disk = find_disk(c);
	if (disk == NULL)
		return 0;
	if (c->item.header.kind != RECORD_FRONT_KEY)
		error = end_keys(c, disk);
	if (error != 0)
		return error;
	if (c->item.header.kind == RECORD_FRONT_KEY)
		add_key(disk, &c->item);
	else if (c->item.header.kind == RECORD_BACK_NODE)
		back_node(disk, &c->item);
	else if (c->item.header.kind > RECORD_SUPERVISOR_END)
		error = queue_item(c, disk);
	return error;
}

static int finish(struct convert *c)
{
	int error = 0;

	for (unsigned int i = 0; i < c->disks && error == 0; i++) {
		error = end_keys(c, c->disk[i]);
		if (error == 0)
			error = end_piece(c, c->disk[i]);
	}
	return error;
}

int recorded_seeds(const struct reader *reader,
		   const struct recorded_sink *sink,
		   struct recorded_counts *counts)
{
	struct convert *c = calloc(1, sizeof(*c));
	int error = 0;

	memset(counts, 0, sizeof(*counts));
	if (c == NULL)
		return -ENOMEM;
	c->sink = sink;
	c->counts = counts;
	for (size_t i = 0; i < reader->count && error == 0; i++) {
		reader_item(reader, i, &c->item);
		error = convert_item(c);
	}
	if (error == 0)
		error = finish(c);
	for (unsigned int i = 0; i < c->disks; i++)
		free(c->disk[i]);
	free(c);
	return error;
}
