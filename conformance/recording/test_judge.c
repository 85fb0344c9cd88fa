/* The judge: a good session is clean, and each clause is named when broken. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>

#include "conformance/recording/judge.h"
#include "conformance/recording/test_session.h"

static struct session session;

struct verdict {
	char clauses
		[256]; /* " J1 I12": in the order in which they were found */
};

static void on_finding(void *context, const struct finding *finding)
{
	struct verdict *verdict = context;
	const size_t used = strlen(verdict->clauses);

	assert_true(strlen(finding->sentence) > 0);
	assert_int_equal(finding->domid, 5);
	snprintf(verdict->clauses + used, sizeof(verdict->clauses) - used,
		 " %s", finding->clause);
}

/* What the judge says of the session. */
static void expect(const char *clauses)
{
	struct verdict verdict = {""};
	struct judge *judge = judge_create(on_finding, &verdict);
	char sentence[READER_SENTENCE];
	struct reader reader;
	struct item item;

	assert_non_null(judge);
	assert_int_equal(
		reader_init(&reader, session.data, session.bytes, sentence), 0);
	assert_int_equal(reader.end, READER_WHOLE);
	for (size_t i = 0; i < reader.count; i++) {
		reader_item(&reader, i, &item);
		assert_true(item.known);
		judge_item(judge, &item);
	}
	judge_end(judge);
	judge_destroy(judge);
	reader_fini(&reader);
	assert_string_equal(verdict.clauses, clauses);
}

static int begin(void **state)
{
	(void)state;
	session_begin(&session);
	return 0;
}

static void a_good_session_is_clean(void **state)
{
	struct session_request r = session_read(1);

	(void)state;
	session_connect(&session);
	session_send(&session, &r);
	r = session_read(2);
	r.fixed.operation = 3;
	r.fixed.nr_segments = 0;
	session_send(&session, &r);
	session_answer(&session, 2, 0);
	session_answer(&session, 1, 0);
	r = session_read(1);
	r.fixed.operation = 1;
	r.fixed.sector_number = 992;
	session_send(&session, &r);
	expect("");
}

static void states_have_an_order(void **state)
{
	(void)state;
	session_number(&session, RECORD_BACK_STATE, 2);
	session_number(&session, RECORD_FRONT_STATE, 4);
	session_number(&session, RECORD_FRONT_STATE, 7);
	session_number(&session, RECORD_FRONT_STATE, 2);
	expect(" H5 H3 H3");
}

/* One handshake with these two keys, of a frontend that looked at the offer. */
static void handshake(const char *key, const char *value)
{
	session_begin(&session);
	session_node(&session, RECORD_BACK_NODE, "max-ring-page-order", "2");
	session_node(&session, RECORD_BACK_NODE, "multi-queue-max-queues", "4");
	session_number(&session, RECORD_BACK_STATE, 2);
	session_number(&session, RECORD_FRONT_STATE, 3);
	session_node(&session, RECORD_FRONT_KEY, key, value);
}

static void keys_are_judged_one_by_one(void **state)
{
	static const char *const keys[][3] = {
		{"multi-queue-num-queues", "0", " G2"},
		{"multi-queue-num-queues", "5", " G2"},
		{"multi-queue-num-queues", "4", ""},
		{"multi-queue-num-queues", "0x2", " A4"},
		{"multi-queue-num-queues", "", " A4"},
		{"multi-queue-num-queues", "99999999999999999999", " A4"},
		{"ring-page-order", "3", " F5"},
		{"ring-page-order", "2", ""},
		{"num-ring-pages", "3", " F6"},
		{"num-ring-pages", "8", " F6"},
		{"num-ring-pages", "4", ""},
		{"protocol", "arm-abi", " F4"},
		{"protocol", NULL, ""},
		{"feature-persistent", "2", " A5"},
		{"event-channel", NULL, " F1"},
		{"event-channel", "0", " F1"},
		{"queue-3/event-channel", "-1", " A4"},
		{"ring-ref", NULL, " F2"},
		{"ring-ref", "4294967296", " F2"},
		{"queue-1/ring-ref3", NULL, " F3"},
		{"queue-1/ring-ref3", "12", ""},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		handshake(keys[i][0], keys[i][1]);
		expect(keys[i][2]);
	}
}

static void keys_are_judged_together(void **state)
{
	(void)state;
	/* FreeBSD's way to name the one page of a ring. */
	handshake("ring-ref0", NULL);
	session_node(&session, RECORD_FRONT_KEY, "ring-ref", "8");
	expect("");
	handshake("queue-0/event-channel", "7");
	session_node(&session, RECORD_FRONT_KEY, "queue-1/event-channel", "7");
	expect(" F1");
	handshake("queue-0/ring-ref0", "7");
	session_node(&session, RECORD_FRONT_KEY, "queue-0/ring-ref1", "7");
	expect(" F3");
	/* The next handshake begins anew. */
	handshake("event-channel", "7");
	session_number(&session, RECORD_FRONT_STATE, 3);
	session_node(&session, RECORD_FRONT_KEY, "event-channel", "7");
	expect("");
}

static void a_hasty_frontend_has_no_options(void **state)
{
	(void)state;
	session_number(&session, RECORD_BACK_STATE, 1);
	session_number(&session, RECORD_FRONT_STATE, 3);
	session_node(&session, RECORD_BACK_NODE, "multi-queue-max-queues", "4");
	session_number(&session, RECORD_BACK_STATE, 2);
	session_node(&session, RECORD_FRONT_KEY, "multi-queue-num-queues", "2");
	expect(" H3");
	session_begin(&session);
	session_number(&session, RECORD_FRONT_STATE, 3);
	session_node(&session, RECORD_FRONT_KEY, "event-channel", "2");
	expect("");
}

struct broken {
	uint8_t operation, segments, first, last;
	uint64_t sector;
	const char *clauses;
};

static void requests_are_judged(void **state)
{
	static const struct broken broken[] = {
		{0, 1, 0, 7, 8, ""},	   {0, 1, 7, 7, 999, ""},
		{1, 1, 0, 8, 8, " J1"},	   {1, 1, 5, 4, 8, " J1"},
		{0, 1, 0, 7, 993, " J15"}, {0, 1, 0, 7, UINT64_MAX, " J15"},
		{0, 0, 0, 0, 8, " I13"},   {1, 12, 0, 7, 8, " I12"},
		{0, 255, 0, 7, 8, " I12"}, {2, 1, 0, 7, 8, " C1"},
		{4, 1, 0, 7, 8, " I4"},	   {5, 1, 0, 7, 8, " C4"},
		{6, 1, 0, 7, 8, " I7"},	   {7, 1, 0, 7, 8, " I1"},
		{3, 1, 0, 7, 8, ""},	   {3, 0, 0, 0, UINT64_MAX, ""},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(broken) / sizeof(broken[0]); i++) {
		const struct broken *b = &broken[i];
		struct session_request r = session_read(1);

		r.fixed.operation = b->operation;
		r.fixed.nr_segments = b->segments;
		r.fixed.sector_number = b->sector;
		r.seg[0].first_sect = b->first;
		r.seg[0].last_sect = b->last;
		session_begin(&session);
		session_connect(&session);
		session_send(&session, &r);
		expect(b->clauses);
	}
}

static void indirect_requests_are_judged(void **state)
{
	static const struct {
		struct record_indirect fixed;
		const char *clauses;
	} broken[] = {
		{{.operation = 0, .nr_segments = 32}, ""},
		{{.operation = 1, .nr_segments = 33}, " I8"},
		{{.operation = 6, .nr_segments = 1}, " J9"},
		{{.operation = 3, .nr_segments = 0}, " J9 I13"},
	};
	static const struct {
		struct record_segments fixed;
		struct record_segment seg[2];
	} segments = {.fixed = {.count = 2}, .seg[1] = {7, 3, 8, 0}};

	(void)state;
	for (size_t i = 0; i < sizeof(broken) / sizeof(broken[0]); i++) {
		session_begin(&session);
		session_connect(&session);
		session_node(&session, RECORD_BACK_NODE,
			     "feature-max-indirect-segments", "32");
		session_add(&session, RECORD_INDIRECT, &broken[i].fixed,
			    sizeof(broken[i].fixed));
		expect(broken[i].clauses);
	}
	session_begin(&session);
	session_connect(&session);
	session_add(&session, RECORD_INDIRECT, &broken[0].fixed,
		    sizeof(broken[0].fixed));
	session_add(&session, RECORD_SEGMENTS, &segments, sizeof(segments));
	expect(" I7 J1");
}

/* Of 1000 sectors first, then 2000, then 500. */
static void sizes_that_change_are_no_traps(void **state)
{
	struct session_request r = session_read(1);

	(void)state;
	session_connect(&session);
	session_node(&session, RECORD_BACK_NODE, "sectors", "2000");
	session_number(&session, RECORD_BACK_STATE, 4);
	session_node(&session, RECORD_BACK_NODE, "sectors", "500");
	session_number(&session, RECORD_BACK_STATE, 4);
	r.fixed.sector_number = 1992;
	session_send(&session, &r);
	session_answer(&session, 1, -1);
	expect("");
	session_begin(&session);
	session_connect(&session);
	session_node(&session, RECORD_BACK_NODE, "sectors", "2000");
	session_number(&session, RECORD_BACK_STATE, 4);
	r.fixed.sector_number = 1993;
	session_send(&session, &r);
	expect(" J15");
}

static void what_was_not_offered_is_not_used(void **state)
{
	struct session_request r = session_read(1);

	(void)state;
	r.fixed.operation = 3;
	session_attach(&session);
	session_send(&session, &r);
	r.fixed.operation = 1;
	r.fixed.id = 2;
	session_node(&session, RECORD_BACK_NODE, "info", "4");
	session_send(&session, &r);
	expect(" C3 J16");
}

static void ids_and_slots(void **state)
{
	struct session_request r = session_read(9);

	(void)state;
	session_connect(&session);
	session_send(&session, &r);
	session_answer(&session, 9, 0);
	session_send(&session, &r);
	session_send(&session, &r);
	expect(" J13");
	session_begin(&session);
	session_connect(&session);
	for (uint64_t id = 0; id < 33; id++) {
		r = session_read(id);
		session_send(&session, &r);
	}
	expect(" R11");
	/* Where records are missing nobody knows what is in flight. */
	session_begin(&session);
	session_connect(&session);
	r = session_read(9);
	session_send(&session, &r);
	session_number(&session, RECORD_LOST, 3);
	session_send(&session, &r);
	expect("");
}

static void rings_and_grants(void **state)
{
	const struct record_overflow overflow = {.req_prod = 99, .slots = 32};
	struct record_push push = {.rsp_prod = 10, .rsp_event = 43, .count = 1};
	const struct {
		struct record_copies fixed;
		struct record_copy copy[2];
	} copies = {.fixed = {.count = 2},
		    .copy[1] = {.gref = 7, .status = -3}};
	struct record_attach attach = {.refusal = REFUSE_RING_GRANT};

	(void)state;
	session_connect(&session);
	session_add(&session, RECORD_PUSH, &push, sizeof(push));
	push.rsp_event = 44;
	session_add(&session, RECORD_PUSH, &push, sizeof(push));
	push.rsp_event = 9; /* long passed: it polls */
	session_add(&session, RECORD_PUSH, &push, sizeof(push));
	session_add(&session, RECORD_COPY_IN, &copies, sizeof(copies));
	session_add(&session, RECORD_OVERFLOW, &overflow, sizeof(overflow));
	session_add(&session, RECORD_ATTACH, &attach, sizeof(attach));
	expect(" A2 R11 J14 F2");
}

static void a_guest_takes_its_grants_along(void **state)
{
	const struct {
		struct record_copies fixed;
		struct record_copy copy[1];
	} copies = {.fixed = {.count = 1},
		    .copy[0] = {.gref = 7, .status = -1}};

	(void)state;
	session_connect(&session);
	session_add(&session, RECORD_COPY_OUT, &copies, sizeof(copies));
	session_add(&session, RECORD_GUEST_GONE, NULL, 0);
	session_number(&session, RECORD_FRONT_STATE, 0);
	session_add(&session, RECORD_COPY_OUT, &copies, sizeof(copies));
	expect("");
	/* Long before its end it was its fault. */
	session_begin(&session);
	session_connect(&session);
	session_add(&session, RECORD_COPY_OUT, &copies, sizeof(copies));
	session.time_ns += 60000000000u;
	session_add(&session, RECORD_GUEST_GONE, NULL, 0);
	expect(" J14");
	/* A frontend that goes while its guest stays has no such excuse. */
	session_begin(&session);
	session_connect(&session);
	session_add(&session, RECORD_COPY_OUT, &copies, sizeof(copies));
	session_number(&session, RECORD_FRONT_STATE, 0);
	expect(" J14");
}

static void grants_that_are_never_used_again(void **state)
{
	struct session_request r = session_read(1);

	(void)state;
	session_connect(&session);
	for (uint32_t i = 0; i < 32 * 11 + 1; i++) {
		r.seg[0].gref = 100 + i;
		session_send(&session, &r);
		session_answer(&session, 1, 0);
	}
	expect(" F7");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(a_good_session_is_clean, begin),
		cmocka_unit_test_setup(states_have_an_order, begin),
		cmocka_unit_test_setup(keys_are_judged_one_by_one, begin),
		cmocka_unit_test_setup(keys_are_judged_together, begin),
		cmocka_unit_test_setup(a_hasty_frontend_has_no_options, begin),
		cmocka_unit_test_setup(requests_are_judged, begin),
		cmocka_unit_test_setup(indirect_requests_are_judged, begin),
		cmocka_unit_test_setup(sizes_that_change_are_no_traps, begin),
		cmocka_unit_test_setup(what_was_not_offered_is_not_used, begin),
		cmocka_unit_test_setup(ids_and_slots, begin),
		cmocka_unit_test_setup(rings_and_grants, begin),
		cmocka_unit_test_setup(a_guest_takes_its_grants_along, begin),
		cmocka_unit_test_setup(grants_that_are_never_used_again, begin),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
