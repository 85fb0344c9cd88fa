/*
 * The table of busy blocks: shards by group, each a list in order of arrival
 * under a lock of its own.  See busy.h.
 *
 * An entry counts those before it that overlap, so letting go is one walk over
 * those behind it.  A list holds at most what the guest has under way.
 */
#include "backend/image/busy.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "backend/base/check.h"

#define SHARDS 64u

struct shard {
	_Alignas(64) pthread_mutex_t lock;
	struct busy_entry *oldest, *newest;
};

struct busy {
	struct shard shard[SHARDS];
};

int busy_create(struct busy **busy)
{
	struct busy *b = aligned_alloc(64, sizeof(*b));

	if (b == NULL)
		return -ENOMEM;
	memset(b, 0, sizeof(*b));
	for (unsigned int i = 0; i < SHARDS; i++)
		CHECK(pthread_mutex_init(&b->shard[i].lock, NULL) == 0);
	*busy = b;
	return 0;
}

void busy_destroy(struct busy *busy)
{
	if (busy == NULL)
		return;
	for (unsigned int i = 0; i < SHARDS; i++) {
		CHECK(busy->shard[i].oldest == NULL);
		CHECK(pthread_mutex_destroy(&busy->shard[i].lock) == 0);
	}
	free(busy);
}

static struct shard *shard_of(struct busy *busy, const struct busy_entry *entry)
{
	const uint64_t group = entry->first / BUSY_GROUP_BLOCKS;

	CHECK(entry->first <= entry->last);
	CHECK(entry->last / BUSY_GROUP_BLOCKS == group);
	return &busy->shard[group % SHARDS];
}

static bool overlap(const struct busy_entry *a, const struct busy_entry *b)
{
	return a->first <= b->last && b->first <= a->last;
}

bool busy_take(struct busy *busy, struct busy_entry *entry)
{
	struct shard *shard = shard_of(busy, entry);
	bool now;

	CHECK(!entry->in);
	entry->in = true;
	entry->before = 0;
	entry->later = NULL;
	CHECK(pthread_mutex_lock(&shard->lock) == 0);
	for (struct busy_entry *e = shard->oldest; e != NULL; e = e->later)
		entry->before += overlap(e, entry);
	entry->earlier = shard->newest;
	if (shard->newest != NULL)
		shard->newest->later = entry;
	else
		shard->oldest = entry;
	shard->newest = entry;
	/* Not after the lock: from then on others count it down. */
	now = entry->before == 0;
	CHECK(pthread_mutex_unlock(&shard->lock) == 0);
	return now;
}

static void unlink_entry(struct shard *shard, struct busy_entry *entry)
{
	if (entry->earlier != NULL)
		entry->earlier->later = entry->later;
	else
		shard->oldest = entry->later;
	if (entry->later != NULL)
		entry->later->earlier = entry->earlier;
	else
		shard->newest = entry->earlier;
}

struct busy_entry *busy_give(struct busy *busy, struct busy_entry *entry)
{
	struct shard *shard = shard_of(busy, entry);
	struct busy_entry *granted = NULL;

	CHECK(entry->in);
	CHECK(pthread_mutex_lock(&shard->lock) == 0);
	CHECK(entry->before == 0);
	unlink_entry(shard, entry);
	for (struct busy_entry *e = entry->later; e != NULL; e = e->later) {
		if (!overlap(e, entry))
			continue;
		CHECK(e->before > 0);
		if (--e->before > 0)
			continue;
		e->granted = granted;
		granted = e;
	}
	CHECK(pthread_mutex_unlock(&shard->lock) == 0);
	entry->in = false;
	return granted;
}
