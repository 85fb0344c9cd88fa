/*
 * A connection follows from the values that were read for it: what a worker is
 * told to attach is what they say, all of it was looked at, and where one of
 * them is wrong nothing is attached and the error node names it.  The rules
 * stand here once more, in the words of the protocol; no code is shared with
 * the parser.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz/oracle/oracle.h"
#include "fuzz/oracle/supervisor.h"

/* What the values say: a connection, unless one is wrong or was not seen. */
struct verdict {
	const struct reading *reading;
	const struct reading_offer *offer;
	struct link_attach attach;
	bool named; /* pages have numbers */
	char wrong[READS_KEY], unseen[READS_KEY];
};

/* --- what was read --- */

bool reading_is_open(const struct reading *reading)
{
	return reading->open;
}

void reading_close(struct reading *reading)
{
	reading->open = false;
}

/* A call that fails, and leaves no reason behind, has failed all the same: it
 * is no node that is missing. */
static int why_none(int error)
{
	return error == 0 ? EIO : error;
}

void reading_note(struct reading *reading, const char *path, const char *value,
		  unsigned int length, int error)
{
	const char *key = reads_key(path);
	struct reading_node *node = &reading->node[reading->count];

	if (strcmp(key, "state") == 0)
		return;
	if (!reading->open) {
		reading->open = true;
		reading->count = 0;
		node = &reading->node[0];
	}
	if (reading->count == READS_KEYS)
		return;
	reading->count++;
	snprintf(node->key, sizeof(node->key), "%s", key);
	node->there = value != NULL;
	node->error = value == NULL ? why_none(error) : 0;
	node->length = length;
	if (value != NULL)
		memcpy(node->value, value,
		       length < READING_BYTES ? length : READING_BYTES);
}

static const struct reading_node *seen(const struct verdict *v, const char *key)
{
	for (unsigned int i = 0; i < v->reading->count; i++)
		if (strcmp(v->reading->node[i].key, key) == 0)
			return &v->reading->node[i];
	return NULL;
}

/* --- what it says --- */

static void is_wrong(struct verdict *v, const char *key)
{
	if (v->wrong[0] == '\0')
		snprintf(v->wrong, sizeof(v->wrong), "%s", key);
}

/* The node of a key; NULL when it is not there, which is an answer, too. */
static const struct reading_node *look(struct verdict *v, const char *key)
{
	const struct reading_node *node = seen(v, key);

	if (node == NULL && v->unseen[0] == '\0')
		snprintf(v->unseen, sizeof(v->unseen), "%s", key);
	if (node != NULL && node->error != 0 && node->error != ENOENT)
		is_wrong(v, key);
	return node != NULL && node->there ? node : NULL;
}

/* As many digits as a number may have, zeroes in front included. */
#define DIGITS 20u

static bool number_of(const struct reading_node *node, uint64_t most,
		      uint64_t *number)
{
	char text[DIGITS + 1];
	const char *digits = text;

	if (node->length == 0 || node->length > DIGITS)
		return false;
	memcpy(text, node->value, node->length);
	text[node->length] = '\0';
	if (strspn(text, "0123456789") != node->length)
		return false;
	digits += strspn(text, "0");
	if (strlen(digits) > 19)
		return false;
	*number = strtoull(digits, NULL, 10);
	return *number <= most;
}

/* An optional number: what it is without the node stays. */
static void take_number(struct verdict *v, const char *key, uint64_t least,
			uint64_t most, uint32_t *number)
{
	const struct reading_node *node = look(v, key);
	uint64_t n = 0;

	if (node == NULL)
		return;
	if (!number_of(node, most, &n) || n < least)
		is_wrong(v, key);
	else
		*number = (uint32_t)n;
}

static bool is_text(const struct reading_node *node, const char *text)
{
	return node->length == strlen(text) &&
	       memcmp(node->value, text, node->length) == 0;
}

static void take_shape(struct verdict *v)
{
	const uint32_t most = 1u << v->offer->max_ring_order;
	const struct reading_node *order;
	uint32_t pages = 1;

	v->attach.queues = 1;
	take_number(v, "multi-queue-num-queues", 1, v->offer->max_queues,
		    &v->attach.queues);
	order = look(v, "ring-page-order");
	if (order != NULL) {
		take_number(v, "ring-page-order", 0, v->offer->max_ring_order,
			    &v->attach.ring_order);
		v->named = true;
		return;
	}
	take_number(v, "num-ring-pages", 1, most, &pages);
	while (1u << v->attach.ring_order < pages)
		v->attach.ring_order++;
	if (1u << v->attach.ring_order != pages)
		is_wrong(v, "num-ring-pages");
	v->named = pages > 1;
}

static void take_features(struct verdict *v)
{
	const struct reading_node *protocol = look(v, "protocol");

	v->attach.abi = LINK_ABI_X86_32;
	if (protocol != NULL && is_text(protocol, "x86_64-abi"))
		v->attach.abi = LINK_ABI_X86_64;
	else if (protocol != NULL && !is_text(protocol, "x86_32-abi"))
		is_wrong(v, "protocol");
	take_number(v, "feature-persistent", 0, 1, &v->attach.persistent);
}

static void key_of(const struct verdict *v, unsigned int queue,
		   const char *name, char *key)
{
	if (v->attach.queues > 1)
		snprintf(key, READS_KEY, "queue-%u/%s", queue, name);
	else
		snprintf(key, READS_KEY, "%s", name);
}

/* A number that must be there, and is nobody else's. */
static void take_own(struct verdict *v, const char *key,
		     const struct reading_node *node, uint32_t *number)
{
	uint64_t n = 0;

	if (node == NULL && seen(v, key) == NULL)
		return;
	if (node == NULL || !number_of(node, UINT32_MAX, &n))
		is_wrong(v, key);
	*number = (uint32_t)n;
}

static void take_port(struct verdict *v, unsigned int queue)
{
	uint32_t *port = &v->attach.queue[queue].event_channel;
	char key[READS_KEY];
	const struct reading_node *node;

	key_of(v, queue, "event-channel", key);
	node = look(v, key);
	take_own(v, key, node, port);
	if (node != NULL && *port == 0)
		is_wrong(v, key);
	for (unsigned int q = 0; node != NULL && q < queue; q++)
		if (v->attach.queue[q].event_channel == *port)
			is_wrong(v, key);
}

static bool is_taken(const struct verdict *v, unsigned int queue,
		     unsigned int page, uint32_t gref)
{
	const unsigned int pages = 1u << v->attach.ring_order;

	for (unsigned int i = 0; i < queue * pages + page; i++)
		if (v->attach.queue[i / pages].ring_gref[i % pages] == gref)
			return true;
	return false;
}

static void take_page(struct verdict *v, unsigned int queue, unsigned int page)
{
	uint32_t *gref = &v->attach.queue[queue].ring_gref[page];
	char name[24] = "ring-ref", key[READS_KEY], plain[READS_KEY];
	const struct reading_node *node;

	if (v->named)
		snprintf(name, sizeof(name), "ring-ref%u", page);
	key_of(v, queue, name, key);
	key_of(v, queue, "ring-ref", plain);
	node = look(v, key);
	/* A single page may go by the other name. */
	if (node == NULL && v->named && v->attach.ring_order == 0 &&
	    seen(v, key) != NULL)
		node = look(v, plain);
	take_own(v, key, node, gref);
	if (node != NULL && is_taken(v, queue, page, *gref))
		is_wrong(v, key);
}

static void judge(const struct reading *reading,
		  const struct reading_offer *offer, struct verdict *v)
{
	memset(v, 0, sizeof(*v));
	v->reading = reading;
	v->offer = offer;
	take_shape(v);
	take_features(v);
	for (unsigned int q = 0; q < v->attach.queues; q++) {
		take_port(v, q);
		for (unsigned int p = 0; p < 1u << v->attach.ring_order; p++)
			take_page(v, q, p);
	}
}

/* --- what is made of it --- */

static bool is_same(const struct link_attach *a, const struct link_attach *b)
{
	const unsigned int pages = 1u << a->ring_order;
	bool same = a->queues == b->queues && a->ring_order == b->ring_order &&
		    a->abi == b->abi && a->persistent == b->persistent;

	for (unsigned int q = 0; same && q < a->queues; q++)
		same = a->queue[q].event_channel == b->queue[q].event_channel &&
		       memcmp(a->queue[q].ring_gref, b->queue[q].ring_gref,
			      pages * sizeof(uint32_t)) == 0;
	return same;
}

void reading_attached(struct reading *reading,
		      const struct reading_offer *offer,
		      const struct link_attach *attach)
{
	struct verdict v;

	judge(reading, offer, &v);
	if (v.wrong[0] != '\0')
		oracle_fail(ORACLE_READING,
			    "rings are attached though the frontend's %s is "
			    "wrong",
			    v.wrong);
	else if (v.unseen[0] != '\0')
		oracle_fail(ORACLE_READING,
			    "rings are attached and nobody has looked at %s",
			    v.unseen);
	else if (!is_same(&v.attach, attach))
		oracle_fail(ORACLE_READING,
			    "%u queues of order %u are attached, and what was "
			    "read says otherwise",
			    attach->queues, attach->ring_order);
	reading_close(reading);
}

void reading_refused(const struct reading *reading,
		     const struct reading_offer *offer, const char *sentence)
{
	struct verdict v;

	judge(reading, offer, &v);
	if (v.wrong[0] == '\0')
		oracle_fail(ORACLE_READING,
			    "a connection is refused, and nothing of what was "
			    "read for it is wrong");
	else if (sentence == NULL)
		return;
	else if (strstr(sentence, v.wrong) == NULL)
		oracle_fail(ORACLE_READING,
			    "the frontend's %s is wrong, and the error node "
			    "says \"%s\"",
			    v.wrong, sentence);
	for (const char *c = sentence; c != NULL && *c != '\0'; c++)
		if (*c < 0x20 || *c > 0x7e)
			oracle_fail(ORACLE_READING,
				    "the error node holds what cannot be "
				    "printed");
}
