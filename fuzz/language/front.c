/*
 * The language of the harness handshake: the nodes of one frontend, and what
 * goes wrong around them.  See language.h and handshake/front.h.
 */
#include "fuzz/language/language.h"

#include <stddef.h>

#include "fuzz/handshake/front.h"
#include "fuzz/lifecycle/life.h"

static const struct value_name protocol_names[] = {
	{"x86_64", 0}, {"x86_32", 1}, {"none", 2}, {"arm", 3}, {NULL, 0},
};
static const struct value_name flag_names[] = {
	{"none", 0}, {"0", 1}, {"1", 2}, {"2", 3}, {NULL, 0},
};
static const struct value_name key_names[] = {
	{"multi-queue-num-queues", 0},
	{"ring-page-order", 1},
	{"num-ring-pages", 2},
	{"protocol", 3},
	{"feature-persistent", 4},
	{"ring-ref", 5},
	{"ring-ref-of-page", 6},
	{"event-channel", 7},
	{NULL, 0},
};
static const struct value_name top_names[] = {{"top", 0x80}, {NULL, 0}};
static const struct value_name value_names[] = {
	{"small", FRONT_SMALL}, {"number", FRONT_NUMBER},
	{"known", FRONT_KNOWN}, {"raw", FRONT_RAW},
	{"long", FRONT_LONG},	{NULL, 0},
};
static const struct value_name state_names[] = {
	{"initialising", 0}, {"initialised", 1}, {"connected", 2},
	{"closing", 3},	     {"closed", 4},	 {"initwait", 5},
	{NULL, 0},
};
static const struct shape device_shape = {
	"device",
	{{"queues", LIFE_QUEUES, 1, NULL},
	 {"order", LIFE_ORDER, 1, NULL},
	 {"last", FRONT_DEVICE_LAST, 1, NULL},
	 {"payload", DEVICE_PAYLOAD, 1, NULL}},
};

static const struct shape shapes[FRONT_KIND_COUNT] = {
	[FRONT_SCHEME] =
		{"scheme",
		 {{"queues", FRONT_SCHEME_QUEUES, 1, NULL},
		  {"order", FRONT_SCHEME_ORDER, 1, NULL},
		  {"protocol", FRONT_SCHEME_PROTOCOL, 1, protocol_names},
		  {"persistent", FRONT_SCHEME_PERSISTENT, 1, flag_names},
		  {"naming", FRONT_SCHEME_NAMING, 1, NULL},
		  {"gref", FRONT_SCHEME_GREF, 1, NULL},
		  {"port", FRONT_SCHEME_PORT, 1, NULL},
		  FIELD_LATER}},
	[FRONT_KEY] = {"key",
		       {{"name", FRONT_KEY_NAME, 1, key_names},
			{"queue", FRONT_KEY_QUEUE, 1, top_names},
			{"page", FRONT_KEY_PAGE, 1, NULL},
			{"how", FRONT_KEY_HOW, 1, value_names},
			{"value", FRONT_KEY_VALUE, 4, NULL},
			FIELD_LATER}},
	[FRONT_TAKE] = {"take",
			{{"name", FRONT_KEY_NAME, 1, key_names},
			 {"queue", FRONT_KEY_QUEUE, 1, top_names},
			 {"page", FRONT_KEY_PAGE, 1, NULL},
			 FIELD_LATER}},
	[FRONT_CLEAR] = {"clear", {FIELD_LATER}},
	[FRONT_STATE] = {"state",
			 {{"which", FRONT_STATE_WHICH, 1, state_names},
			  FIELD_LATER}},
	[FRONT_BEGIN] = {"begin",
			 {{"straight", FRONT_BEGIN_HOW, 1, NULL}, FIELD_LATER}},
	[FRONT_BETWEEN] = {"between", {{"look", FRONT_BETWEEN_LOOK, 2, NULL}}},
	[FRONT_FAIL] = {"fail",
			{{"error", FRONT_FAIL_ERROR, 1, language_errors},
			 FIELD_LATER}},
	[FRONT_AGAIN] = {"again",
			 {{"times", FRONT_AGAIN_TIMES, 1, NULL}, FIELD_LATER}},
	[FRONT_WORKER] = {"worker",
			  {{"does", FRONT_WORKER_WHAT, 1, language_deeds},
			   {"how", FRONT_WORKER_HOW, 1, NULL},
			   FIELD_LATER}},
	[FRONT_CLOCK] = {"clock", {{"ms", 4, 4, NULL}, FIELD_LATER}},
};

const struct language language_front = {
	.harness = {"handshake", NULL},
	.kinds = FRONT_KIND_COUNT,
	.device = &device_shape,
	.shape = shapes,
	.usual = FRONT_BEGIN,
	.target = {"name", "queue", "page", NULL},
};
