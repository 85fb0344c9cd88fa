/*
 * The frontend's keys to a struct link_attach.  See handshake.h.
 *
 * Order of reading: what decides how many keys there are comes first, each
 * within its bound; then the protocol; then the keys of each queue.
 */
#include "backend/supervisor/handshake.h"

#include <stdio.h>
#include <string.h>

#include "backend/base/check.h"
#include "backend/base/checked.h"
#include "backend/supervisor/decimal.h"

/* How ring pages are named at this connection. */
struct naming {
	bool numbered; /* ring-ref0 ... rather than ring-ref */
	bool nested;   /* below queue-N/ rather than at the top */
};

struct parse {
	const struct handshake_source *source;
	const struct handshake_offer *offer;
	struct link_attach *attach;
	struct handshake_fault *fault;
	struct naming naming;
};

static const char *const error_names[] = {
	[HANDSHAKE_OK] = "OK",
	[HANDSHAKE_QUEUES] = "QUEUES",
	[HANDSHAKE_RING_ORDER] = "RING_ORDER",
	[HANDSHAKE_RING_PAGES] = "RING_PAGES",
	[HANDSHAKE_PROTOCOL] = "PROTOCOL",
	[HANDSHAKE_PERSISTENT] = "PERSISTENT",
	[HANDSHAKE_RING_REF] = "RING_REF",
	[HANDSHAKE_RING_REF_NONE] = "RING_REF_NONE",
	[HANDSHAKE_RING_REF_TWICE] = "RING_REF_TWICE",
	[HANDSHAKE_CHANNEL] = "CHANNEL",
	[HANDSHAKE_CHANNEL_NONE] = "CHANNEL_NONE",
	[HANDSHAKE_CHANNEL_TWICE] = "CHANNEL_TWICE",
};

_Static_assert(ARRAY_SIZE(error_names) == HANDSHAKE_ERROR_COUNT,
	       "one name per error");

const char *handshake_error_name(enum handshake_error error)
{
	CHECK(error < HANDSHAKE_ERROR_COUNT);
	return error_names[error];
}

/* Copies a guest's bytes as printable text; what does not fit ends in "...". */
static void quote(const struct handshake_value *value, char *out, size_t room)
{
	static const char digits[] = "0123456789abcdef";
	size_t used = 0;

	for (size_t i = 0; i < value->length; i++) {
		unsigned char c = (unsigned char)value->text[i];
		bool plain = c >= 0x20 && c < 0x7f && c != '"' && c != '\\';

		if (used + (plain ? 1u : 4u) + sizeof("...") > room) {
			memcpy(out + used, "...", 3);
			used += 3;
			break;
		}
		if (plain) {
			out[used++] = (char)c;
			continue;
		}
		out[used++] = '\\';
		out[used++] = 'x';
		out[used++] = digits[c >> 4];
		out[used++] = digits[c & 15];
	}
	out[used] = '\0';
}

static bool look_up(const struct parse *parse, const char *key,
		    struct handshake_value *value)
{
	*value = (struct handshake_value){.text = "", .length = 0};
	return parse->source->get(parse->source->context, key, value);
}

static enum handshake_error blame(const struct parse *parse,
				  enum handshake_error error, const char *key,
				  const struct handshake_value *value)
{
	struct handshake_fault *fault = parse->fault;

	CHECK(error != HANDSHAKE_OK);
	CHECK(strlen(key) < sizeof(fault->key));
	fault->error = error;
	memcpy(fault->key, key, strlen(key) + 1);
	fault->value[0] = '\0';
	if (value != NULL)
		quote(value, fault->value, sizeof(fault->value));
	return error;
}

/* A number between bounds, or blame; absent leaves *number as it is. */
static enum handshake_error read_number(const struct parse *parse,
					enum handshake_error error,
					const char *key, uint32_t *number)
{
	struct handshake_value value;
	uint64_t n;

	if (!look_up(parse, key, &value))
		return HANDSHAKE_OK;
	if (!decimal_parse(value.text, value.length, parse->fault->limit, &n))
		return blame(parse, error, key, &value);
	*number = (uint32_t)n;
	return HANDSHAKE_OK;
}

/* G2: "multi-queue-num-queues", more than zero and at most what was offered. */
static enum handshake_error read_queues(struct parse *parse)
{
	const char *key = "multi-queue-num-queues";
	enum handshake_error error;
	uint32_t queues = 1;

	parse->fault->limit = parse->offer->max_queues;
	error = read_number(parse, HANDSHAKE_QUEUES, key, &queues);
	if (error != HANDSHAKE_OK)
		return error;
	if (queues == 0)
		return blame(parse, HANDSHAKE_QUEUES, key,
			     &(struct handshake_value){"0", 1});
	parse->attach->queues = queues;
	/* G3: one queue has its keys at the top, G4: more of them below
	 * queue-N. */
	parse->naming.nested = queues > 1;
	return HANDSHAKE_OK;
}

/* K8: without ring-page-order, num-ring-pages counts if it is a power of two.
 */
static enum handshake_error read_ring_pages(struct parse *parse)
{
	const char *key = "num-ring-pages";
	struct handshake_value value;
	uint64_t pages;

	if (!look_up(parse, key, &value))
		return HANDSHAKE_OK;
	parse->fault->limit = UINT64_C(1) << parse->offer->max_ring_order;
	if (!decimal_parse(value.text, value.length, parse->fault->limit,
			   &pages) ||
	    !is_power_of_two(pages))
		return blame(parse, HANDSHAKE_RING_PAGES, key, &value);
	parse->attach->ring_order = (uint32_t)__builtin_ctzll(pages);
	parse->naming.numbered = pages > 1;
	return HANDSHAKE_OK;
}

/* Q11: ring-page-order, even 0, means that the pages are numbered. */
static enum handshake_error read_ring_size(struct parse *parse)
{
	enum handshake_error error;
	uint32_t order = UINT32_MAX;

	parse->fault->limit = parse->offer->max_ring_order;
	error = read_number(parse, HANDSHAKE_RING_ORDER, "ring-page-order",
			    &order);
	if (error != HANDSHAKE_OK)
		return error;
	if (order == UINT32_MAX)
		return read_ring_pages(parse);
	parse->attach->ring_order = order;
	parse->naming.numbered = true;
	return HANDSHAKE_OK;
}

static bool value_is(const struct handshake_value *value, const char *text)
{
	return value->length == strlen(text) &&
	       memcmp(value->text, text, value->length) == 0;
}

/* K3: no node means x86_32 on x86, whatever the header says: toolstacks and the
 * frontends in use rely on it. */
static enum handshake_error read_protocol(struct parse *parse)
{
	struct handshake_value value;

	if (!look_up(parse, "protocol", &value) ||
	    value_is(&value, "x86_32-abi"))
		parse->attach->abi = LINK_ABI_X86_32;
	else if (value_is(&value, "x86_64-abi"))
		parse->attach->abi = LINK_ABI_X86_64;
	else
		return blame(parse, HANDSHAKE_PROTOCOL, "protocol", &value);
	return HANDSHAKE_OK;
}

static enum handshake_error read_persistent(struct parse *parse)
{
	parse->fault->limit = 1;
	return read_number(parse, HANDSHAKE_PERSISTENT, "feature-persistent",
			   &parse->attach->persistent);
}

static void make_key(const struct parse *parse, unsigned int queue,
		     const char *name, char *key)
{
	int n;

	if (parse->naming.nested)
		n = snprintf(key, HANDSHAKE_KEY_BYTES, "queue-%u/%s", queue,
			     name);
	else
		n = snprintf(key, HANDSHAKE_KEY_BYTES, "%s", name);
	CHECK(n > 0);
	CHECK((size_t)n < HANDSHAKE_KEY_BYTES);
}

static bool channel_is_used(const struct link_attach *attach,
			    unsigned int queues, uint32_t port)
{
	for (unsigned int q = 0; q < queues; q++)
		if (attach->queue[q].event_channel == port)
			return true;
	return false;
}

static enum handshake_error read_channel(struct parse *parse,
					 unsigned int queue)
{
	char key[HANDSHAKE_KEY_BYTES];
	struct handshake_value value;
	uint64_t port;

	make_key(parse, queue, "event-channel", key);
	if (!look_up(parse, key, &value))
		return blame(parse, HANDSHAKE_CHANNEL_NONE, key, NULL);
	parse->fault->limit = UINT32_MAX;
	/* Xen hands out port 0 to nobody. */
	if (!decimal_parse(value.text, value.length, UINT32_MAX, &port) ||
	    port == 0)
		return blame(parse, HANDSHAKE_CHANNEL, key, &value);
	if (channel_is_used(parse->attach, queue, (uint32_t)port))
		return blame(parse, HANDSHAKE_CHANNEL_TWICE, key, &value);
	parse->attach->queue[queue].event_channel = (uint32_t)port;
	return HANDSHAKE_OK;
}

/* Whether a page of the rings read so far, before this one, has that gref. */
static bool gref_is_used(const struct link_attach *attach, unsigned int queue,
			 unsigned int page, uint32_t gref)
{
	const unsigned int pages = 1u << attach->ring_order;

	CHECK(pages <= LIMIT_RING_PAGES);
	for (unsigned int q = 0; q <= queue; q++)
		for (unsigned int p = 0; p < (q < queue ? pages : page); p++)
			if (attach->queue[q].ring_gref[p] == gref)
				return true;
	return false;
}

/*
 * The value of one ring page's node.  A ring of a single page may be found
 * under the other of its two names: FreeBSD writes ring-page-order = 0 and
 * ring-ref.
 */
static bool look_up_ring_ref(struct parse *parse, unsigned int queue,
			     unsigned int page, struct handshake_value *value)
{
	char name[HANDSHAKE_KEY_BYTES], key[HANDSHAKE_KEY_BYTES] = "";

	snprintf(name, sizeof(name), "ring-ref%u", page);
	make_key(parse, queue, parse->naming.numbered ? name : "ring-ref", key);
	memcpy(parse->fault->key, key, sizeof(key));
	if (look_up(parse, key, value))
		return true;
	if (parse->attach->ring_order > 0 || !parse->naming.numbered)
		return false;
	make_key(parse, queue, "ring-ref", key);
	return look_up(parse, key, value);
}

static enum handshake_error read_ring_ref(struct parse *parse,
					  unsigned int queue, unsigned int page)
{
	char key[HANDSHAKE_KEY_BYTES];
	struct handshake_value value;
	uint64_t gref;
	bool found = look_up_ring_ref(parse, queue, page, &value);

	memcpy(key, parse->fault->key, sizeof(key));
	if (!found)
		return blame(parse, HANDSHAKE_RING_REF_NONE, key, NULL);
	parse->fault->limit = UINT32_MAX;
	if (!decimal_parse(value.text, value.length, UINT32_MAX, &gref))
		return blame(parse, HANDSHAKE_RING_REF, key, &value);
	if (gref_is_used(parse->attach, queue, page, (uint32_t)gref))
		return blame(parse, HANDSHAKE_RING_REF_TWICE, key, &value);
	parse->attach->queue[queue].ring_gref[page] = (uint32_t)gref;
	return HANDSHAKE_OK;
}

static enum handshake_error read_queue(struct parse *parse, unsigned int queue)
{
	const unsigned int pages = 1u << parse->attach->ring_order;
	enum handshake_error error;

	CHECK(pages <= LIMIT_RING_PAGES);
	error = read_channel(parse, queue);
	for (unsigned int p = 0; p < pages && error == HANDSHAKE_OK; p++)
		error = read_ring_ref(parse, queue, p);
	return error;
}

enum handshake_error handshake_parse(const struct handshake_source *source,
				     const struct handshake_offer *offer,
				     struct link_attach *attach,
				     struct handshake_fault *fault)
{
	struct parse parse = {.source = source,
			      .offer = offer,
			      .attach = attach,
			      .fault = fault};
	enum handshake_error (*const steps[])(struct parse *) = {
		read_queues,
		read_ring_size,
		read_protocol,
		read_persistent,
	};
	enum handshake_error error = HANDSHAKE_OK;

	CHECK(offer->max_queues >= 1);
	CHECK(offer->max_queues <= LIMIT_QUEUES);
	CHECK(offer->max_ring_order <= LIMIT_RING_ORDER);
	memset(attach, 0, sizeof(*attach));
	/* No key answers these offers: they hold for every connection. */
	attach->indirect = offer->max_indirect;
	attach->barrier = offer->barrier;
	attach->discard = offer->discard;
	memset(fault, 0, sizeof(*fault));
	for (size_t i = 0; i < ARRAY_SIZE(steps) && error == HANDSHAKE_OK; i++)
		error = steps[i](&parse);
	for (unsigned int q = 0; error == HANDSHAKE_OK && q < attach->queues;
	     q++)
		error = read_queue(&parse, q);
	return error;
}

/* What the frontend should have written instead. */
static const char *expectation(enum handshake_error error)
{
	switch (error) {
	case HANDSHAKE_QUEUES:
		return "must be a decimal number from 1 to";
	case HANDSHAKE_RING_PAGES:
		return "must be a power of two, in decimal, up to";
	case HANDSHAKE_CHANNEL:
		return "must be an event channel port, in decimal, from 1 to";
	case HANDSHAKE_RING_REF:
		return "must be a grant reference, in decimal, up to";
	case HANDSHAKE_RING_ORDER:
	case HANDSHAKE_PERSISTENT:
		return "must be a decimal number from 0 to";
	case HANDSHAKE_OK:
	case HANDSHAKE_PROTOCOL:
	case HANDSHAKE_RING_REF_NONE:
	case HANDSHAKE_RING_REF_TWICE:
	case HANDSHAKE_CHANNEL_NONE:
	case HANDSHAKE_CHANNEL_TWICE:
	case HANDSHAKE_ERROR_COUNT:
	default:
		return NULL;
	}
}

void handshake_sentence(const struct handshake_fault *fault, char *sentence,
			size_t room)
{
	const char *must = expectation(fault->error);

	CHECK(fault->error != HANDSHAKE_OK);
	CHECK(fault->error < HANDSHAKE_ERROR_COUNT);
	if (must != NULL)
		snprintf(sentence, room,
			 "the frontend's %s is \"%s\", but %s %llu", fault->key,
			 fault->value, must, (unsigned long long)fault->limit);
	else if (fault->error == HANDSHAKE_PROTOCOL)
		snprintf(sentence, room,
			 "the frontend's protocol is \"%s\", but must be "
			 "x86_64-abi or x86_32-abi",
			 fault->value);
	else if (fault->error == HANDSHAKE_RING_REF_NONE ||
		 fault->error == HANDSHAKE_CHANNEL_NONE)
		snprintf(sentence, room,
			 "the frontend has not written its %s, which this "
			 "connection needs",
			 fault->key);
	else
		snprintf(sentence, room,
			 "the frontend's %s is %s, which it has written at "
			 "another place already",
			 fault->key, fault->value);
}
