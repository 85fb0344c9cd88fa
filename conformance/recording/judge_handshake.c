/*
 * The keys of a handshake, held to the clauses.  See judge.h.
 *
 * Keys are gathered until something else happens, since whether one may be
 * missing depends on others.  What the backend did not ask for is not recorded,
 * and is not judged.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/base/checked.h"
#include "conformance/recording/describe.h"
#include "conformance/recording/inside.h"

void handshake_key(struct judged_disk *disk, const struct item *item)
{
	struct key *key;

	if (disk->key == NULL)
		disk->key = calloc(KEYS_MAX, sizeof(disk->key[0]));
	if (disk->key == NULL || disk->keys == KEYS_MAX ||
	    item->node.key_bytes >= KEY_NAME_BYTES)
		return;
	key = &disk->key[disk->keys++];
	memset(key, 0, sizeof(*key));
	/* No key that a backend asks for has such bytes, but any file may. */
	for (unsigned int i = 0; i < item->node.key_bytes; i++)
		key->name[i] =
			item->node.key[i] > ' ' && item->node.key[i] < 0x7f
				? item->node.key[i]
				: '?';
	key->bytes = item->node.value_bytes;
	memcpy(key->text, item->node.value,
	       key->bytes < sizeof(key->text) ? key->bytes : sizeof(key->text));
	key->absent = item->node.absent;
	key->at = item->at;
	key->time_ns = item->header.time_ns;
}

/* What a check of a key needs. */
struct look {
	const struct judge *judge;
	struct judged_disk *disk;
	const struct key *key;
	struct item item; /* its place, for the finding */
	char quoted[KEY_TEXT_BYTES * 2];
};

static const struct key *find_key(const struct judged_disk *disk,
				  const char *name)
{
	for (unsigned int i = 0; i < disk->keys; i++)
		if (strcmp(disk->key[i].name, name) == 0)
			return &disk->key[i];
	return NULL;
}

static bool look_at(struct look *look, const struct key *key)
{
	if (key == NULL)
		return false;
	look->key = key;
	look->item.at = key->at;
	look->item.header.time_ns = key->time_ns;
	look->item.header.domid = look->disk->domid;
	look->item.header.devid = look->disk->devid;
	look->item.header.queue = RECORD_NO_QUEUE;
	describe_bytes(key->text,
		       key->bytes < sizeof(key->text)
			       ? key->bytes
			       : (unsigned int)sizeof(key->text),
		       look->quoted, sizeof(look->quoted));
	return !key->absent;
}

/* A4: decimal, and within 64 bits. */
static bool number(const struct look *look, uint64_t *n)
{
	if (look->key->bytes <= sizeof(look->key->text) &&
	    judge_number(look->key->text, look->key->bytes, n))
		return true;
	judge_find(look->judge, &look->item, "A4",
		   "the frontend's %s is \"%s\", which is no decimal number",
		   look->key->name, look->quoted);
	return false;
}

static uint64_t judge_queues(struct look *look)
{
	const uint32_t max = look->disk->offer.max_queues;
	uint64_t n;

	if (!look_at(look, find_key(look->disk, "multi-queue-num-queues")) ||
	    !number(look, &n))
		return 1;
	if (n == 0 || n > max)
		judge_find(look->judge, &look->item, "G2",
			   "multi-queue-num-queues is %" PRIu64
			   ", but 1 to %u were offered",
			   n, max);
	return n;
}

static uint64_t judge_order(struct look *look)
{
	const uint32_t max = look->disk->offer.max_order;
	uint64_t n;

	if (look_at(look, find_key(look->disk, "ring-page-order"))) {
		if (!number(look, &n))
			return 0;
		if (n > max)
			judge_find(look->judge, &look->item, "F5",
				   "ring-page-order is %" PRIu64
				   ", but at most %u was offered",
				   n, max);
		return n;
	}
	if (!look_at(look, find_key(look->disk, "num-ring-pages")) ||
	    !number(look, &n))
		return 0;
	if (!is_power_of_two(n) || n > UINT64_C(1) << max) {
		judge_find(look->judge, &look->item, "F6",
			   "num-ring-pages is %" PRIu64
			   ", which is no power of two up to %" PRIu64,
			   n, UINT64_C(1) << max);
		return 0;
	}
	return (uint64_t)__builtin_ctzll(n);
}

static void judge_protocol(struct look *look)
{
	if (!look_at(look, find_key(look->disk, "protocol")))
		return;
	if (strcmp(look->quoted, "x86_64-abi") != 0 &&
	    strcmp(look->quoted, "x86_32-abi") != 0)
		judge_find(look->judge, &look->item, "F4",
			   "protocol is \"%s\", which names no layout of x86",
			   look->quoted);
}

static void judge_persistent(struct look *look)
{
	uint64_t n;

	if (look_at(look, find_key(look->disk, "feature-persistent")) &&
	    number(look, &n) && n > 1)
		judge_find(look->judge, &look->item, "A5",
			   "feature-persistent is %" PRIu64
			   ", but is a flag: 0 or 1",
			   n);
}

/* The part of a key behind "queue-N/". */
static const char *leaf(const char *name)
{
	const char *slash = strchr(name, '/');

	return slash == NULL ? name : slash + 1;
}

static void judge_twice(const struct look *look, const char *prefix,
			const char *clause)
{
	for (const struct key *k = look->disk->key; k < look->key; k++)
		if (!k->absent && k->bytes == look->key->bytes &&
		    strncmp(leaf(k->name), prefix, strlen(prefix)) == 0 &&
		    memcmp(k->text, look->key->text,
			   k->bytes < sizeof(k->text) ? k->bytes
						      : sizeof(k->text)) == 0) {
			judge_find(look->judge, &look->item, clause,
				   "%s is %s, and so is %s", look->key->name,
				   look->quoted, k->name);
			return;
		}
}

static void judge_channel(struct look *look)
{
	uint64_t n;

	if (look->key->absent) {
		judge_find(look->judge, &look->item, "F1",
			   "the frontend went to Initialised without its %s",
			   look->key->name);
		return;
	}
	if (!number(look, &n))
		return;
	if (n == 0 || n > UINT32_MAX)
		judge_find(look->judge, &look->item, "F1",
			   "%s is %s, which is no event channel",
			   look->key->name, look->quoted);
	judge_twice(look, "event-channel", "F1");
}

static void judge_ring_ref(struct look *look)
{
	const bool numbered = strcmp(leaf(look->key->name), "ring-ref") != 0;
	const char *clause = numbered ? "F3" : "F2";
	const struct key *next = look->key + 1;
	uint64_t n;

	if (look->key->absent) {
		/* A ring of one page may go by the other name. */
		if (numbered && next < look->disk->key + look->disk->keys &&
		    strcmp(leaf(next->name), "ring-ref") == 0)
			return;
		judge_find(look->judge, &look->item, clause,
			   "the frontend went to Initialised without its %s",
			   look->key->name);
		return;
	}
	if (!number(look, &n))
		return;
	if (n > UINT32_MAX)
		judge_find(look->judge, &look->item, clause,
			   "%s is %s, which is no grant reference",
			   look->key->name, look->quoted);
	judge_twice(look, "ring-ref", clause);
}

static void judge_queue_keys(struct look *look)
{
	for (unsigned int i = 0; i < look->disk->keys; i++) {
		const char *name = leaf(look->disk->key[i].name);

		look_at(look, &look->disk->key[i]);
		if (strcmp(name, "event-channel") == 0)
			judge_channel(look);
		else if (strncmp(name, "ring-ref", 8) == 0)
			judge_ring_ref(look);
	}
}

void handshake_judge(const struct judge *judge, struct judged_disk *disk)
{
	struct look look = {.judge = judge, .disk = disk};
	uint64_t queues = judge_queues(&look);
	uint64_t order = judge_order(&look);

	/* H3, H6: without having seen the offer it can only know defaults. */
	if (disk->hasty && (queues > 1 || order > 0)) {
		look_at(&look, &disk->key[0]);
		judge_find(judge, &look.item, "H3",
			   "the frontend used options (%" PRIu64
			   " queues, ring order %" PRIu64
			   ") before the backend was in InitWait",
			   queues, order);
	}
	judge_protocol(&look);
	judge_persistent(&look);
	judge_queue_keys(&look);
	disk->keys = 0;
}
