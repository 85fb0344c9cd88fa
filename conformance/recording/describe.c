/* Records in words.  See describe.h. */
#include "conformance/recording/describe.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <xen/io/blkif.h>

#include "backend/base/checked.h"
#include "backend/base/refusals.h"

/* Text that grows to the right, and is cut where there is no more room. */
struct line {
	char *text;
	size_t room;
	size_t used;
};

static void say(struct line *line, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static void say(struct line *line, const char *format, ...)
{
	va_list arguments;
	int n;

	if (line->used + 1 >= line->room)
		return;
	va_start(arguments, format);
	n = vsnprintf(line->text + line->used, line->room - line->used, format,
		      arguments);
	va_end(arguments);
	if (n > 0)
		line->used += (size_t)n;
	if (line->used >= line->room)
		line->used = line->room - 1;
}

const char *describe_operation(unsigned int operation)
{
	static const char *const names[] = {"read",    "write",	   "barrier",
					    "flush",   "reserved", "discard",
					    "indirect"};

	return operation < ARRAY_SIZE(names) ? names[operation] : "unknown";
}

const char *describe_state(uint64_t state)
{
	static const char *const names[] = {
		"none",	       "Initialising",	"InitWait",
		"Initialised", "Connected",	"Closing",
		"Closed",      "Reconfiguring", "Reconfigured"};

	return state < ARRAY_SIZE(names) ? names[state] : "no state";
}

void describe_bytes(const char *bytes, unsigned int count, char *text,
		    size_t room)
{
	struct line line = {.text = text, .room = room};

	text[0] = '\0';
	for (unsigned int i = 0; i < count; i++) {
		const unsigned char c = (unsigned char)bytes[i];

		if (line.used + 8 > room) {
			say(&line, "...");
			return;
		}
		if (c < 0x20 || c > 0x7e || c == '"' || c == '\\')
			say(&line, "\\x%02x", c);
		else
			say(&line, "%c", c);
	}
}

static void say_node(struct line *line, const char *who,
		     const struct item *item)
{
	char key[64], value[600];

	describe_bytes(item->node.key, item->node.key_bytes, key, sizeof(key));
	describe_bytes(item->node.value, item->node.value_bytes, value,
		       sizeof(value));
	if (item->node.absent)
		say(line, "%s %s is absent", who, key);
	else if (item->node.key_bytes > 0)
		say(line, "%s %s = \"%s\"", who, key, value);
	else
		say(line, "%s %s", who, value);
}

static void say_attach(struct line *line, const struct record_attach *a)
{
	if (a->refusal != 0)
		say(line, "not attached (%s): ",
		    a->refusal < REFUSAL_COUNT
			    ? refusal_name((enum refusal)a->refusal)
			    : "for a reason unknown here");
	else
		say(line, "attached%s: ",
		    a->resume != 0 ? ", to go on after another worker" : "");
	say(line, "%u slots at index %u, %s, port %u, %s grants, ring",
	    a->slots, a->index, a->abi == 2 ? "x86_32" : "x86_64",
	    a->event_channel, a->persistent != 0 ? "persistent" : "single-use");
	for (unsigned int i = 0;
	     i < LIMIT_RING_PAGES && i < 1u << (a->ring_order & 7); i++)
		say(line, " %u", a->ring_gref[i]);
}

static void say_segments(struct line *line, const struct record_segment *seg,
			 unsigned int count)
{
	for (unsigned int i = 0; i < count; i++)
		say(line, "%s%u[%u-%u]", i == 0 ? ": " : " ", seg[i].gref,
		    seg[i].first_sect, seg[i].last_sect);
}

static void say_request(struct line *line, const struct item *item)
{
	const struct record_request *r = &item->request.fixed;

	say(line, "request [%u] id %" PRIu64 ": %s", r->index, r->id,
	    describe_operation(r->operation));
	if (r->operation > 6)
		say(line, " (%u)", r->operation);
	say(line, " at %" PRIu64 ", %u segments", r->sector_number,
	    r->nr_segments);
	say_segments(line, item->request.seg, item->request.segments);
}

static void say_indirect(struct line *line, const struct item *item)
{
	const struct record_indirect *n = &item->indirect.fixed;

	say(line,
	    "indirect request [%u] id %" PRIu64 ": %s (%u) at %" PRIu64
	    ", %u segments in the pages",
	    n->index, n->id, describe_operation(n->operation), n->operation,
	    n->sector_number, n->nr_segments);
	for (unsigned int i = 0; i < n->pages; i++)
		say(line, " %u", item->indirect.gref[i]);
}

static void say_discard(struct line *line, const struct record_discard *d)
{
	say(line,
	    "request [%u] id %" PRIu64 ": %s of %" PRIu64 " sectors at %" PRIu64
	    ", flags %u",
	    d->index, d->id, describe_operation(BLKIF_OP_DISCARD), d->sectors,
	    d->sector_number, d->flags);
}

static void say_more(struct line *line, const struct item *item)
{
	const struct record_segments *s = &item->segments.fixed;

	say(line, "segments of request [%u] from %u on", s->index, s->first);
	say_segments(line, item->segments.seg, s->count);
}

static void say_response(struct line *line, const struct record_response *r)
{
	say(line, "response [%u] id %" PRIu64 ": %s %s", r->index, r->id,
	    describe_operation(r->operation),
	    r->status == 0    ? "OKAY"
	    : r->status == -1 ? "ERROR"
	    : r->status == -2 ? "EOPNOTSUPP"
			      : "of a strange status");
	if (r->refusal != 0 && r->refusal < REFUSAL_COUNT)
		say(line, " (%s)", refusal_name((enum refusal)r->refusal));
}

static void say_grants(struct line *line, const struct item *item)
{
	say(line, "%s %u:", reader_kind_name(item->header.kind),
	    item->grants.count);
	for (unsigned int i = 0; i < item->grants.count; i++)
		say(line, " %u", item->grants.gref[i]);
	if (item->grants.result != 0)
		say(line, ", failed: %d", item->grants.result);
}

static void say_copies(struct line *line, const struct item *item)
{
	say(line, "%s %u:", reader_kind_name(item->header.kind),
	    item->copies.count);
	for (unsigned int i = 0; i < item->copies.count; i++) {
		const struct record_copy *c = &item->copies.copy[i];

		say(line, " %u[%u+%u]", c->gref, c->first_sect, c->sectors);
		if (c->status != 0)
			say(line, "!%d", c->status);
	}
	if (item->copies.result != 0)
		say(line, ", failed: %d", item->copies.result);
}

static void say_worker(struct line *line, const struct item *item)
{
	switch (item->header.kind) {
	case RECORD_ATTACH:
		say_attach(line, &item->attach);
		break;
	case RECORD_REQUEST:
		say_request(line, item);
		break;
	case RECORD_INDIRECT:
		say_indirect(line, item);
		break;
	case RECORD_SEGMENTS:
		say_more(line, item);
		break;
	case RECORD_DISCARD:
		say_discard(line, &item->discard);
		break;
	case RECORD_RESPONSE:
		say_response(line, &item->response);
		break;
	case RECORD_PUSH:
		say(line, "push %u responses up to %u, rsp_event %u: %s",
		    item->push.count, item->push.rsp_prod, item->push.rsp_event,
		    item->push.notified != 0 ? "event sent" : "no event");
		break;
	case RECORD_OVERFLOW:
		say(line,
		    "req_prod %u, but taken up to %u and answered up to %u of "
		    "%u slots",
		    item->overflow.req_prod, item->overflow.req_cons,
		    item->overflow.rsp_prod, item->overflow.slots);
		break;
	case RECORD_MAP:
	case RECORD_UNMAP:
		say_grants(line, item);
		break;
	case RECORD_COPY_IN:
	case RECORD_COPY_OUT:
		say_copies(line, item);
		break;
	case RECORD_LOST:
		say(line, "%" PRIu64 " records before this were lost",
		    item->number);
		break;
	default: /* detach, event */
		say(line, "%s", reader_kind_name(item->header.kind));
		break;
	}
}

void describe(const struct item *item, char *text, size_t room)
{
	struct line line = {.text = text, .room = room};

	text[0] = '\0';
	if (!item->known) {
		say(&line, "a record of kind %u with %u bytes, unknown here",
		    item->header.kind, item->header.bytes);
		return;
	}
	switch (item->header.kind) {
	case RECORD_FRONT_STATE:
		say(&line, "frontend is %s (%" PRIu64 ")",
		    describe_state(item->number), item->number);
		break;
	case RECORD_BACK_STATE:
		say(&line, "backend is %s (%" PRIu64 ")",
		    describe_state(item->number), item->number);
		break;
	case RECORD_FRONT_KEY:
		say_node(&line, "frontend's", item);
		break;
	case RECORD_BACK_NODE:
		say_node(&line, "backend's", item);
		break;
	case RECORD_ERROR:
		say_node(&line, "error:", item);
		break;
	case RECORD_WORKER_BEGIN:
		say(&line, "worker %" PRIu64 " begins", item->number);
		break;
	case RECORD_WORKER_END:
		say_node(&line, "the worker", item);
		break;
	case RECORD_GUEST_GONE:
		say(&line, "the guest is gone");
		break;
	case RECORD_FULL:
		say(&line, "the recording is full and ends here");
		break;
	default:
		say_worker(&line, item);
		break;
	}
}
