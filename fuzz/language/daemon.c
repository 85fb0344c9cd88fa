/*
 * The language of the harness daemon: what toolstack, guests, clients of the
 * control socket and whoever kills does to xenblkd.  See language.h and
 * daemon/kinds.h.
 *
 * What a guest does (guest_main.c) stands one byte further here than in the
 * record that it is handed.
 */
#include "fuzz/language/language.h"

#include <stddef.h>

#include "fuzz/daemon/kinds.h"

static const struct value_name image_names[] = {
	{"file", 0},	 {"ram", 1},  {"null", 2},  {"nowhere", 3},
	{"nonsense", 4}, {"huge", 5}, {"empty", 6}, {NULL, 0},
};
static const struct value_name io_names[] = {
	{"write-read", 0},
	{"read", 1},
	{NULL, 0},
};
/* As blkif.h has them. */
static const struct value_name operation_names[] = {
	{"read", 0},	{"write", 1},	 {"barrier", 2}, {"flush", 3},
	{"discard", 5}, {"indirect", 6}, {NULL, 0},
};
static const struct value_name odd_names[] = {{"index", 0xff}, {NULL, 0}};
static const struct value_name node_names[] = {
	{"ring-ref", 0},
	{"event-channel", 1},
	{"protocol", 2},
	{"ring-page-order", 3},
	{"multi-queue-num-queues", 4},
	{"feature-persistent", 5},
	{"backend", 6},
	{NULL, 0},
};
static const struct value_name node_value_names[] = {
	{"empty", 0},	 {"negative", 1}, {"huge", 2},	{"seventeen", 3},
	{"nonsense", 4}, {"zero", 5},	  {"eight", 6}, {NULL, 0},
};
static const struct value_name state_names[] = {
	{"initialising", 0}, {"initwait", 1}, {"initialised", 2},
	{"connected", 3},    {"closing", 4},  {"closed", 5},
	{"unknown", 6},	     {"nonsense", 7}, {"empty", 8},
	{NULL, 0},
};
static const struct value_name whose_names[] = {
	{"front", 0},
	{"back", 1},
	{NULL, 0},
};
static const struct value_name line_names[] = {
	{"list", 0},	  {"stats", 1},	    {"show", 2},     {"disk-stats", 3},
	{"half-show", 4}, {"log-level", 5}, {"no-level", 6}, {"no-command", 7},
	{"array", 8},	  {"cut", 9},	    {NULL, 0},
};

#define DISK                                                                   \
	{                                                                      \
		"disk", 1, 1, NULL                                             \
	}

static const struct shape device_shape = {
	"device",
	{{"queues", DAEMON_QUEUES, 1, NULL},
	 {"rescues", DAEMON_RESCUES, 1, NULL},
	 {"record", DAEMON_RECORD, 1, NULL},
	 {"payload", DEVICE_PAYLOAD, 1, NULL}},
};

static const struct shape shapes[DAEMON_KIND_COUNT] = {
	[DAEMON_ATTACH] = {"attach",
			   {DISK,
			    {"image", 2, 1, image_names},
			    {"readonly", 3, 1, NULL},
			    FIELD_LATER}},
	[DAEMON_DETACH] = {"detach", {DISK, FIELD_LATER}},
	[DAEMON_REMOVE] = {"remove", {DISK, FIELD_LATER}},
	/* By its place in the table of frontend/personality.c. */
	[DAEMON_CONNECT] = {"connect",
			    {DISK, {"personality", 2, 1, NULL}, FIELD_LATER}},
	[DAEMON_IO] = {"io",
		       {DISK,
			{"queue", 2, 1, NULL},
			{"how", 3, 1, io_names},
			{"data", 4, 1, NULL},
			{"sector", 5, 2, NULL},
			FIELD_LATER}},
	[DAEMON_ODD] = {"odd",
			{DISK,
			 {"queue", 2, 1, NULL},
			 {"op", 3, 1, operation_names},
			 {"segments", 4, 1, NULL},
			 {"sector", 5, 4, NULL},
			 {"sectors", 9, 1, odd_names}, /* of a discard */
			 /* and as many indirect segments, and slots that an
			  * index is wrong by, by sixteen */
			 {"first", 10, 1, NULL},
			 {"last", 11, 1, NULL},
			 {"apart", 12, 1, NULL}, /* grants of two segments */
			 FIELD_LATER}},
	[DAEMON_CLOSE] = {"close", {DISK, FIELD_LATER}},
	[DAEMON_CRASH] = {"crash", {DISK, FIELD_LATER}},
	[DAEMON_NODE] = {"node",
			 {DISK,
			  {"name", 2, 1, node_names},
			  {"value", 3, 1, node_value_names},
			  FIELD_LATER}},
	[DAEMON_STATE] = {"state",
			  {DISK,
			   {"state", 2, 1, state_names},
			   {"whose", 3, 1, whose_names},
			   FIELD_LATER}},
	[DAEMON_REQUEST] = {"ask", {{"line", 2, 1, line_names}, FIELD_LATER}},
	[DAEMON_BYTES] = {"say",
			  {{"first", 2, 8, NULL}, /* eight of them */
			   {"rest", 10, 5, NULL},
			   FIELD_LATER}},
	[DAEMON_WORKER] = {"kill-worker", {DISK, FIELD_LATER}},
	[DAEMON_KILL] = {"kill", {FIELD_LATER}},
	[DAEMON_STOP] = {"stop", {FIELD_LATER}},
	[DAEMON_SIGNAL] = {"hang-up", {FIELD_LATER}},
	[DAEMON_DOMAIN] = {"domain-dies", {DISK, FIELD_LATER}},
	/* By its place in the table of daemon/others.c. */
	[DAEMON_OTHER] = {"other", {{"which", 2, 1, NULL}, FIELD_LATER}},
	[DAEMON_BEHIND] = {"behind", {FIELD_LATER}},
};

const struct language language_daemon = {
	.harness = {"daemon", NULL},
	.kinds = DAEMON_KIND_COUNT,
	.device = &device_shape,
	.shape = shapes,
	.usual = DAEMON_ATTACH,
	.target = {"disk", NULL},
};
