/*
 * handshake_parse: whatever strings a frontend writes, the parser answers a
 * connection that lies within what was offered, or a fault with a printable
 * sentence; it asks for no key twice; every number it returns is the decimal
 * number that its key holds.
 *
 * Aims at backend/supervisor/handshake.c and decimal.c.  Input: two bytes of
 * what is offered, then lines of key=value; a value may hold any byte but a
 * newline.
 */
#include <stdio.h>
#include <string.h>

#include "backend/base/checked.h"
#include "backend/supervisor/handshake.h"
#include "fuzz/oracle/oracle.h"
#include "fuzz/target.h"

#define MAX_KEYS 320u

struct keys {
	const char *text;
	size_t length;
	char asked[MAX_KEYS][HANDSHAKE_KEY_BYTES];
	unsigned int count;
};

static bool find(const struct keys *keys, const char *key,
		 struct handshake_value *value)
{
	const size_t n = strlen(key);
	const char *at = keys->text;
	const char *end = at + keys->length;

	while (at < end) {
		const char *stop = memchr(at, '\n', (size_t)(end - at));
		size_t length = (size_t)((stop != NULL ? stop : end) - at);

		if (length > n && memcmp(at, key, n) == 0 && at[n] == '=') {
			value->text = at + n + 1;
			value->length = length - n - 1;
			return true;
		}
		at += length + 1;
	}
	return false;
}

static bool get(void *context, const char *key, struct handshake_value *value)
{
	struct keys *keys = context;

	for (unsigned int i = 0; i < keys->count; i++)
		if (strcmp(keys->asked[i], key) == 0)
			oracle_fail(ORACLE_DECODE, "%s was asked for twice",
				    key);
	if (keys->count == MAX_KEYS || strlen(key) >= HANDSHAKE_KEY_BYTES)
		oracle_fail(ORACLE_WORK, "key %u is \"%s\"", keys->count, key);
	else
		snprintf(keys->asked[keys->count++], HANDSHAKE_KEY_BYTES, "%s",
			 key);
	return find(keys, key, value);
}

/* Whether the key, as a plain decimal number, is this one. */
static void expect_number(const struct keys *keys, const char *key,
			  uint32_t number)
{
	struct handshake_value value;
	char text[16];

	snprintf(text, sizeof(text), "%u", number);
	if (!find(keys, key, &value))
		oracle_fail(ORACLE_DECODE, "%s is %u but was never written",
			    key, number);
	/* Leading zeroes change no number. */
	while (value.length > 1 && *value.text == '0')
		value.text++, value.length--;
	if (value.length != strlen(text) ||
	    memcmp(value.text, text, value.length) != 0)
		oracle_fail(ORACLE_DECODE, "%s was taken for %u", key, number);
}

static void check_queue(const struct keys *keys,
			const struct link_attach *attach, unsigned int q)
{
	char prefix[16] = "";
	char key[HANDSHAKE_KEY_BYTES];
	struct handshake_value value;

	if (attach->queues > 1)
		snprintf(prefix, sizeof(prefix), "queue-%u/", q);
	snprintf(key, sizeof(key), "%sevent-channel", prefix);
	expect_number(keys, key, attach->queue[q].event_channel);
	for (unsigned int i = 0; i < 1u << attach->ring_order; i++) {
		snprintf(key, sizeof(key), "%sring-ref%u", prefix, i);
		/* A single page may go by either name. */
		if (attach->ring_order == 0 &&
		    (!find(keys, "ring-page-order", &value) ||
		     !find(keys, key, &value)))
			snprintf(key, sizeof(key), "%sring-ref", prefix);
		expect_number(keys, key, attach->queue[q].ring_gref[i]);
	}
}

static void check_attach(const struct keys *keys,
			 const struct handshake_offer *offer,
			 const struct link_attach *attach)
{
	struct link_message message = {.kind = LINK_ATTACH};

	message.attach = *attach;
	if (!link_message_valid(&message, sizeof(message), 0) ||
	    attach->queues > offer->max_queues ||
	    attach->ring_order > offer->max_ring_order) {
		oracle_fail(ORACLE_DECODE,
			    "%u queues of order %u were accepted",
			    attach->queues, attach->ring_order);
		return;
	}
	for (unsigned int q = 0; q < attach->queues; q++)
		check_queue(keys, attach, q);
}

static void check_sentence(const struct handshake_fault *fault)
{
	char sentence[HANDSHAKE_SENTENCE_BYTES];

	handshake_sentence(fault, sentence, sizeof(sentence));
	for (size_t i = 0; i < strlen(sentence); i++)
		if (sentence[i] < 0x20 || sentence[i] > 0x7e)
			oracle_fail(ORACLE_DECODE,
				    "byte %zu of a sentence is not printable",
				    i);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct keys keys;
	struct handshake_offer offer = {
		.max_queues = LIMIT_QUEUES,
		.max_ring_order = LIMIT_RING_ORDER,
		.max_indirect = LIMIT_INDIRECT_SEGMENTS,
		.barrier = true,
		.discard = true,
	};
	struct handshake_fault fault;
	struct link_attach attach;
	enum handshake_error error;

	if (size >= 2) {
		offer.max_queues = 1 + data[0] % LIMIT_QUEUES;
		offer.max_ring_order = data[1] % (LIMIT_RING_ORDER + 1);
	}
	keys.text = size >= 2 ? (const char *)data + 2 : "";
	keys.length = size >= 2 ? size - 2 : 0;
	keys.count = 0;
	error = handshake_parse(&(struct handshake_source){get, &keys}, &offer,
				&attach, &fault);
	if (error == HANDSHAKE_OK)
		check_attach(&keys, &offer, &attach);
	else
		check_sentence(&fault);
	target_report((uint64_t)error + keys.count, 1, error == HANDSHAKE_OK);
	return 0;
}
