/* The frontend's keys: what makes a connection, what is refused, and how often
 * each key is read. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "backend/base/checked.h"
#include "backend/supervisor/handshake.h"

#define KEYS_MAX 300u

/* A frontend directory as one text: "key=value;key=value;". */
struct directory {
	const char *text;
	const char *binary_key; /* a key whose value is "1\0" */
	unsigned int asked;
	char keys[KEYS_MAX][HANDSHAKE_KEY_BYTES];
};

static bool get(void *context, const char *key, struct handshake_value *value)
{
	struct directory *directory = context;
	const char *at = directory->text;

	/* Each key at most once per connection. */
	for (unsigned int i = 0; i < directory->asked; i++)
		assert_string_not_equal(directory->keys[i], key);
	assert_true(directory->asked < KEYS_MAX);
	snprintf(directory->keys[directory->asked++], HANDSHAKE_KEY_BYTES, "%s",
		 key);
	if (directory->binary_key && strcmp(key, directory->binary_key) == 0) {
		*value = (struct handshake_value){"1\0", 2};
		return true;
	}
	while (*at != '\0') {
		const char *equals = strchr(at, '=');
		const char *end = strchr(at, ';');

		assert_non_null(equals);
		assert_non_null(end);
		if ((size_t)(equals - at) == strlen(key) &&
		    memcmp(at, key, strlen(key)) == 0) {
			*value = (struct handshake_value){
				equals + 1, (size_t)(end - equals - 1)};
			return true;
		}
		at = end + 1;
	}
	return false;
}

static const struct handshake_offer offer = {.max_queues = 4,
					     .max_ring_order = 2};

static enum handshake_error parse(struct directory *directory,
				  struct link_attach *attach,
				  struct handshake_fault *fault)
{
	const struct handshake_source source = {.get = get,
						.context = directory};

	return handshake_parse(&source, &offer, attach, fault);
}

#define BASIC "ring-ref=8;event-channel=3;"
#define TWO                                                                    \
	"multi-queue-num-queues=2;queue-0/ring-ref=8;queue-0/event-channel=3;" \
	"queue-1/ring-ref=9;queue-1/event-channel=4;"

static const struct {
	const char *keys;
	enum handshake_error error;
	const char *key; /* that is blamed */
} cases[] = {
	{BASIC, HANDSHAKE_OK, ""},
	{TWO, HANDSHAKE_OK, ""},
	{BASIC "feature-persistent=1;protocol=x86_64-abi;", HANDSHAKE_OK, ""},
	{BASIC "feature-persistent=0;protocol=x86_32-abi;", HANDSHAKE_OK, ""},
	{BASIC "feature-large-sector-size=banana;", HANDSHAKE_OK, ""},
	{BASIC "multi-queue-num-queues=1;", HANDSHAKE_OK, ""},
	{"ring-ref=0008;event-channel=3;", HANDSHAKE_OK, ""},
	{"ring-ref=4294967295;event-channel=4294967295;", HANDSHAKE_OK, ""},
	/* G2: the number of queues */
	{BASIC "multi-queue-num-queues=0;", HANDSHAKE_QUEUES,
	 "multi-queue-num-queues"},
	{BASIC "multi-queue-num-queues=5;", HANDSHAKE_QUEUES,
	 "multi-queue-num-queues"},
	{BASIC "multi-queue-num-queues=-1;", HANDSHAKE_QUEUES,
	 "multi-queue-num-queues"},
	{BASIC "multi-queue-num-queues=;", HANDSHAKE_QUEUES,
	 "multi-queue-num-queues"},
	{BASIC "multi-queue-num-queues=4294967297;", HANDSHAKE_QUEUES,
	 "multi-queue-num-queues"},
	{BASIC "multi-queue-num-queues=18446744073709551617;", HANDSHAKE_QUEUES,
	 "multi-queue-num-queues"},
	{BASIC "multi-queue-num-queues= 2;", HANDSHAKE_QUEUES,
	 "multi-queue-num-queues"},
	{BASIC "multi-queue-num-queues=2 ;", HANDSHAKE_QUEUES,
	 "multi-queue-num-queues"},
	{BASIC "multi-queue-num-queues=0x2;", HANDSHAKE_QUEUES,
	 "multi-queue-num-queues"},
	{BASIC "multi-queue-num-queues=+2;", HANDSHAKE_QUEUES,
	 "multi-queue-num-queues"},
	{"multi-queue-num-queues=2;queue-0/ring-ref=8;queue-0/"
	 "event-channel=3;queue-1/ring-ref=9;",
	 HANDSHAKE_CHANNEL_NONE, "queue-1/event-channel"},
	{BASIC "multi-queue-num-queues=2;", HANDSHAKE_CHANNEL_NONE,
	 "queue-0/event-channel"},
	/* F5: ring-page-order, and Q11: how pages are named then */
	{"ring-page-order=0;ring-ref0=8;event-channel=3;", HANDSHAKE_OK, ""},
	{"ring-page-order=0;ring-ref=8;event-channel=3;", HANDSHAKE_OK, ""},
	{"ring-page-order=1;ring-ref0=8;ring-ref1=9;event-channel=3;",
	 HANDSHAKE_OK, ""},
	{"ring-page-order=1;ring-ref0=8;event-channel=3;",
	 HANDSHAKE_RING_REF_NONE, "ring-ref1"},
	{"ring-page-order=1;ring-ref=8;event-channel=3;",
	 HANDSHAKE_RING_REF_NONE, "ring-ref0"},
	{"ring-ref0=8;event-channel=3;", HANDSHAKE_RING_REF_NONE, "ring-ref"},
	{BASIC "ring-page-order=3;", HANDSHAKE_RING_ORDER, "ring-page-order"},
	{BASIC "ring-page-order=31;", HANDSHAKE_RING_ORDER, "ring-page-order"},
	{BASIC "ring-page-order=-1;", HANDSHAKE_RING_ORDER, "ring-page-order"},
	{BASIC "ring-page-order=99999999999;", HANDSHAKE_RING_ORDER,
	 "ring-page-order"},
	{BASIC "ring-page-order=4294967295;", HANDSHAKE_RING_ORDER,
	 "ring-page-order"},
	{BASIC "ring-page-order=;", HANDSHAKE_RING_ORDER, "ring-page-order"},
	{BASIC "ring-page-order=1x;", HANDSHAKE_RING_ORDER, "ring-page-order"},
	/* K8: num-ring-pages counts only without it */
	{BASIC "num-ring-pages=1;", HANDSHAKE_OK, ""},
	{"num-ring-pages=2;ring-ref0=8;ring-ref1=9;event-channel=3;",
	 HANDSHAKE_OK, ""},
	{"num-ring-pages=banana;ring-page-order=0;ring-ref0=8;event-channel=3;",
	 HANDSHAKE_OK, ""},
	{BASIC "num-ring-pages=3;", HANDSHAKE_RING_PAGES, "num-ring-pages"},
	{BASIC "num-ring-pages=0;", HANDSHAKE_RING_PAGES, "num-ring-pages"},
	{BASIC "num-ring-pages=8;", HANDSHAKE_RING_PAGES, "num-ring-pages"},
	{BASIC "num-ring-pages=-2;", HANDSHAKE_RING_PAGES, "num-ring-pages"},
	/* K3: the protocol */
	{BASIC "protocol=;", HANDSHAKE_PROTOCOL, "protocol"},
	{BASIC "protocol=x86_64;", HANDSHAKE_PROTOCOL, "protocol"},
	{BASIC "protocol=x86_64-abi ;", HANDSHAKE_PROTOCOL, "protocol"},
	{BASIC "protocol=ia64-abi;", HANDSHAKE_PROTOCOL, "protocol"},
	/* F7 */
	{BASIC "feature-persistent=2;", HANDSHAKE_PERSISTENT,
	 "feature-persistent"},
	{BASIC "feature-persistent=yes;", HANDSHAKE_PERSISTENT,
	 "feature-persistent"},
	/* F1, F2 */
	{"", HANDSHAKE_CHANNEL_NONE, "event-channel"},
	{"event-channel=3;", HANDSHAKE_RING_REF_NONE, "ring-ref"},
	{"ring-ref=8;", HANDSHAKE_CHANNEL_NONE, "event-channel"},
	{"ring-ref=8;event-channel=0;", HANDSHAKE_CHANNEL, "event-channel"},
	{"ring-ref=8;event-channel=4294967297;", HANDSHAKE_CHANNEL,
	 "event-channel"},
	{"ring-ref=8;event-channel=three;", HANDSHAKE_CHANNEL, "event-channel"},
	{"ring-ref=-1;event-channel=3;", HANDSHAKE_RING_REF, "ring-ref"},
	{"ring-ref=4294967296;event-channel=3;", HANDSHAKE_RING_REF,
	 "ring-ref"},
	{"ring-ref=;event-channel=3;", HANDSHAKE_RING_REF, "ring-ref"},
	/* the same thing at two places */
	{"ring-page-order=1;ring-ref0=8;ring-ref1=8;event-channel=3;",
	 HANDSHAKE_RING_REF_TWICE, "ring-ref1"},
	{"multi-queue-num-queues=2;queue-0/ring-ref=8;queue-0/event-channel=3;"
	 "queue-1/ring-ref=8;queue-1/event-channel=4;",
	 HANDSHAKE_RING_REF_TWICE, "queue-1/ring-ref"},
	{"multi-queue-num-queues=2;queue-0/ring-ref=8;queue-0/event-channel=3;"
	 "queue-1/ring-ref=9;queue-1/event-channel=3;",
	 HANDSHAKE_CHANNEL_TWICE, "queue-1/event-channel"},
};

static void every_case_is_judged(void **state)
{
	struct handshake_fault fault;
	struct link_attach attach;
	char sentence[HANDSHAKE_SENTENCE_BYTES];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct directory directory = {.text = cases[i].keys};
		enum handshake_error error = parse(&directory, &attach, &fault);

		if (error != cases[i].error)
			fail_msg("%s: %s, not %s", cases[i].keys,
				 handshake_error_name(error),
				 handshake_error_name(cases[i].error));
		if (error == HANDSHAKE_OK) {
			struct link_message message = {.kind = LINK_ATTACH};

			message.attach = attach;
			assert_true(link_message_valid(&message,
						       sizeof(message), 0));
			continue;
		}
		assert_int_equal(fault.error, error);
		assert_string_equal(fault.key, cases[i].key);
		handshake_sentence(&fault, sentence, sizeof(sentence));
		assert_non_null(strstr(sentence, "the frontend"));
		assert_non_null(strstr(sentence, cases[i].key));
	}
}

static void one_queue_lies_at_the_top(void **state)
{
	struct directory directory = {.text = BASIC};
	struct handshake_fault fault;
	struct link_attach attach;

	(void)state;
	assert_int_equal(parse(&directory, &attach, &fault), HANDSHAKE_OK);
	assert_int_equal(attach.queues, 1);
	assert_int_equal(attach.ring_order, 0);
	assert_int_equal(attach.queue[0].ring_gref[0], 8);
	assert_int_equal(attach.queue[0].event_channel, 3);
	assert_int_equal(attach.persistent, 0);
	/* K3: what toolstacks and frontends in use rely on. */
	assert_int_equal(attach.abi, LINK_ABI_X86_32);
}

static void append(char *text, size_t room, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

static void append(char *text, size_t room, const char *format, ...)
{
	const size_t used = strlen(text);
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text + used, room - used, format, arguments);
	va_end(arguments);
}

static void all_that_is_offered_can_be_had(void **state)
{
	char text[2048] = "multi-queue-num-queues=4;ring-page-order=2;"
			  "protocol=x86_64-abi;feature-persistent=1;";
	struct directory directory = {.text = text};
	struct handshake_fault fault;
	struct link_attach attach;

	(void)state;
	for (unsigned int q = 0; q < 4; q++) {
		append(text, sizeof(text), "queue-%u/event-channel=%u;", q,
		       q + 20);
		for (unsigned int p = 0; p < 4; p++)
			append(text, sizeof(text), "queue-%u/ring-ref%u=%u;", q,
			       p, 100 + q * 4 + p);
	}
	assert_int_equal(parse(&directory, &attach, &fault), HANDSHAKE_OK);
	assert_int_equal(attach.queues, 4);
	assert_int_equal(attach.ring_order, 2);
	assert_int_equal(attach.abi, LINK_ABI_X86_64);
	assert_int_equal(attach.persistent, 1);
	for (unsigned int q = 0; q < 4; q++) {
		assert_int_equal(attach.queue[q].event_channel, q + 20);
		for (unsigned int p = 0; p < 4; p++)
			assert_int_equal(attach.queue[q].ring_gref[p],
					 100 + q * 4 + p);
	}
}

/* L11: both names are there and differ; the presence of the order decides. */
static void the_order_decides_between_two_names(void **state)
{
	struct directory with = {
		.text = "ring-page-order=0;ring-ref=8;ring-ref0=9;"
			"event-channel=3;"};
	struct directory without = {
		.text = "ring-ref=8;ring-ref0=9;event-channel=3;"};
	struct handshake_fault fault;
	struct link_attach attach;

	(void)state;
	assert_int_equal(parse(&with, &attach, &fault), HANDSHAKE_OK);
	assert_int_equal(attach.queue[0].ring_gref[0], 9);
	assert_int_equal(parse(&without, &attach, &fault), HANDSHAKE_OK);
	assert_int_equal(attach.queue[0].ring_gref[0], 8);
}

static void a_nul_is_no_digit(void **state)
{
	struct directory directory = {.text = BASIC,
				      .binary_key = "feature-persistent"};
	struct handshake_fault fault;
	struct link_attach attach;

	(void)state;
	assert_int_equal(parse(&directory, &attach, &fault),
			 HANDSHAKE_PERSISTENT);
	assert_string_equal(fault.value, "1\\x00");
}

/* What a guest wrote is printable and short when it reaches the log. */
static void quoted_values_are_harmless(void **state)
{
	struct directory directory = {
		.text = BASIC
		"protocol=\x1b[2J\"\\%n\n aaaaaaaaaaaaaaaaaaaaaaaa"
		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
		";"};
	char sentence[HANDSHAKE_SENTENCE_BYTES];
	struct handshake_fault fault;
	struct link_attach attach;

	(void)state;
	assert_int_equal(parse(&directory, &attach, &fault),
			 HANDSHAKE_PROTOCOL);
	assert_true(strlen(fault.value) < HANDSHAKE_QUOTE_BYTES);
	assert_non_null(strstr(fault.value, "\\x1b[2J\\x22\\x5c%n\\x0a"));
	assert_non_null(strstr(fault.value, "..."));
	handshake_sentence(&fault, sentence, sizeof(sentence));
	for (const char *c = sentence; *c != '\0'; c++)
		assert_in_range(*c, 0x20, 0x7e);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_case_is_judged),
		cmocka_unit_test(one_queue_lies_at_the_top),
		cmocka_unit_test(all_that_is_offered_can_be_had),
		cmocka_unit_test(the_order_decides_between_two_names),
		cmocka_unit_test(a_nul_is_no_digit),
		cmocka_unit_test(quoted_values_are_harmless),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
