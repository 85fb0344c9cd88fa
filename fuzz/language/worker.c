/*
 * The language of the harness worker: what a supervisor says to a worker, what
 * its guest asks for, and what a worker before it left behind.  See language.h
 * and worker/kinds.h.
 */
#include "fuzz/language/language.h"

#include <stddef.h>

#include "backend/base/inflight.h"
#include "backend/base/link.h"
#include "fuzz/worker/kinds.h"
#include "sim/sim.h"

static const struct value_name end_names[] = {
	{"stop", 0},
	{"hang-up", 1},
	{NULL, 0},
};
static const struct value_name operation_names[] = {
	{"read", 0},
	{"write", 1},
	{"flush", 2},
	{"unknown", 5},
	{"discard", 0xe0},
	{"barrier", 0xe8},
	{"indirect", 0xf0},
	{"indirect-write", 0xf1},
	{"indirect-flush", 0xf7},
	{NULL, 0},
};
static const struct value_name grant_names[] = {
	{"first-unused", 0xe0},
	{"all-unused", 0xff},
	{NULL, 0},
};
static const struct value_name then_names[] = {
	{"publish", 0},
	{"place", 0xff},
	{NULL, 0},
};
static const struct value_name image_names[] = {
	{"ram", 0},
	{"file", 1},
	{"null", 2},
	{NULL, 0},
};
/* Bits. */
static const struct value_name flag_names[] = {
	{"recorded", 2},
	{"staged", 4},
	{"readonly", 8},
	{NULL, 0},
};
static const struct value_name cap_names[] = {
	{"none", 0}, {"few", 1}, {"many", 2}, {"one", 3}, {NULL, 0},
};
static const struct value_name memory_names[] = {
	{"table", 0xe0},
	{"records", 0xe1},
	{"size", 0xff},
	{NULL, 0},
};
static const struct value_name room_names[] = {{"full", 0xf0}, {NULL, 0}};
static const struct value_name log_names[] = {
	{"error", 0},
	{"trace", 1},
	{NULL, 0},
};
static const struct value_name attach_names[] = {
	{"new", 0},
	{"resume", 1},
	{NULL, 0},
};
static const struct value_name abi_names[] = {
	{"x86_64", 0},
	{"x86_32", 1},
	{NULL, 0},
};
static const struct value_name wrong_names[] = {
	{"ring", 0xe0},
	{"port", 0xe1},
	{"queues", 0xe2},
	{NULL, 0},
};
/* A sum: two bits, and how many segments an indirect request may have. */
static const struct value_name offer_names[] = {
	{"discard", 1},	      {"barrier", 2},	  {"indirect", 4},
	{"indirect-1024", 8}, {"indirect-8", 12}, {NULL, 0},
};
/* The first of these is the first that is no free slot. */
static const struct value_name state_names[] = {
	{"taken", 0},
	{"issued", INFLIGHT_ISSUED - INFLIGHT_TAKEN},
	{"flushing", INFLIGHT_FLUSHING - INFLIGHT_TAKEN},
	{"done", INFLIGHT_DONE - INFLIGHT_TAKEN},
	{"answered", INFLIGHT_ANSWERED - INFLIGHT_TAKEN},
	{NULL, 0},
};
static const struct value_name kind_names[] = {
	{"read", REQUEST_READ},	      {"write", REQUEST_WRITE},
	{"flush", REQUEST_FLUSH},     {"barrier", REQUEST_BARRIER},
	{"discard", REQUEST_DISCARD}, {"indirect", 0xe0},
	{"indirect-write", 0xe1},     {"indirect-flush", 0xe3},
	{"indirect-pages", 0xf0},     {NULL, 0},
};
static const struct value_name status_names[] = {
	{"okay", 0},
	{"error", 1},
	{"unsupported", 2},
	{NULL, 0},
};
static const struct value_name push_names[] = {
	{"before", 0},
	{"begun", 1},
	{"done", 2},
	{NULL, 0},
};
static const struct value_name word_names[] = {
	{"slots", 0},	    {"req_cons", 1}, {"rsp_prod", 2},
	{"rsp_pushing", 3}, {"state", 4},    {"status", 5},
	{"index", 6},	    {"request", 7},  {NULL, 0},
};
static const struct value_name message_names[] = {
	{"device", LINK_DEVICE},   {"ready", LINK_READY},
	{"attach", LINK_ATTACH},   {"attached", LINK_ATTACHED},
	{"refused", LINK_REFUSED}, {"broken", LINK_BROKEN},
	{"detach", LINK_DETACH},   {"detached", LINK_DETACHED},
	{"stop", LINK_STOP},	   {"no-limits", LINK_LIMITS},
	{"limits", 0xff},	   {NULL, 0},
};
static const struct value_name call_names[] = {
	{"map", SIM_CALL_MAP},
	{"unmap", SIM_CALL_UNMAP},
	{"copy", SIM_CALL_COPY},
	{"copy-segment", SIM_CALL_COPY_SEGMENT},
	{"bind", SIM_CALL_BIND},
	{"notify", SIM_CALL_NOTIFY},
	{"open", SIM_CALL_OPEN},
	{"memory", 0xe0},
	{NULL, 0},
};
static const struct value_name error_names[] = {
	{"ENOMEM", 0}, {"EINVAL", 1}, {"EFAULT", 2}, {"EAGAIN", 3}, {NULL, 0},
};

#define QUEUE                                                                  \
	{                                                                      \
		"queue", 1, 1, NULL                                            \
	}

static const struct shape device_shape = {
	"device",
	{{"end", 0, 1, end_names}, {"payload", DEVICE_PAYLOAD, 1, NULL}},
};

static const struct shape shapes[KIND_COUNT] = {
	[REQUEST] = {"request",
		     {QUEUE,
		      {"op", 2, 1, operation_names},
		      {"segments", 3, 1, NULL}, /* or sectors of a discard */
		      {"sector", 4, 1, NULL},
		      {"page", 5, 1, NULL}, /* of a discard, odd: secure */
		      {"grants", 6, 1, grant_names},
		      {"last", 7, 1, NULL},
		      {"then", 8, 1, then_names},
		      FIELD_LATER}},
	/* The first message.  Every script begins with a line that is called
	 * "device" already. */
	[DEVICE] = {"disk",
		    {{"image", 2, 1, image_names},
		     {"flags", 3, 1, flag_names},
		     {"cap", 4, 1, cap_names},
		     {"wrong", 5, 1, memory_names},
		     {"records", 6, 1, room_names}, /* where they go on */
		     {"log", 7, 1, log_names},
		     FIELD_LATER}},
	[ATTACH] = {"attach",
		    {{"how", 2, 1, attach_names},
		     {"queues", 3, 1, NULL},
		     {"order", 4, 1, NULL},
		     {"abi", 5, 1, abi_names},
		     {"persistent", 6, 1, NULL},
		     {"wrong", 7, 1, wrong_names},
		     {"start", 8, 2, NULL},
		     {"offers", 10, 1, offer_names},
		     FIELD_LATER}},
	[DETACH] = {"detach", {FIELD_LATER}},
	[STEP] = {"step", {{"steps", 1, 1, NULL}, FIELD_LATER}},
	[PUBLISH] = {"publish", {QUEUE, FIELD_LATER}},
	[BEND] = {"bend", {QUEUE, {"value", 8, 4, NULL}, FIELD_LATER}},
	[DIE] = {"die", {FIELD_LATER}},
	[UNPUSH] = {"unpush",
		    {QUEUE,
		     {"count", 2, 1, NULL},
		     {"state", 3, 1, state_names},
		     {"sector", 5, 1, NULL},
		     {"kind", 6, 1, kind_names},
		     {"segments", 7, 1, NULL},
		     {"status", 8, 1, status_names},
		     {"push", 9, 1, push_names},
		     FIELD_LATER}},
	[TABLE] = {"table",
		   {QUEUE,
		    {"word", 2, 1, word_names},
		    {"slot", 3, 1, NULL},
		    {"at", 4, 1, NULL}, /* in a request */
		    {"value", 8, 4, NULL},
		    FIELD_LATER}},
	[SAY] = {"say",
		 {{"message", 1, 1, message_names},
		  {"burst", 2, 1, NULL}, /* these three: of limits */
		  {"iops", 3, 1, NULL},
		  {"sectors", 4, 1, NULL},
		  FIELD_LATER}},
	[FAIL] = {"fail",
		  {{"call", 1, 1, call_names},
		   {"at", 2, 1, NULL},
		   {"error", 3, 1, error_names},
		   FIELD_LATER}},
	[CLOCK] = {"clock", {{"hundredths", 8, 2, NULL}, FIELD_LATER}},
	[RECORDS] = {"records", {{"stopped", 1, 1, NULL}, FIELD_LATER}},
};

const struct language language_worker = {
	.harness = {"worker", NULL},
	.kinds = KIND_COUNT,
	.device = &device_shape,
	.shape = shapes,
	.usual = REQUEST,
	.target = {"queue", NULL},
};
