/*
 * The language of the harness records: a supervisor that records, workers that
 * write what they like, and a file.  See language.h and records/desk.h.
 *
 * A disk has two queues: of a record that a worker writes, "disk" is the disk and
 * four times the queue.
 */
#include "fuzz/language/language.h"

#include <stddef.h>

#include "backend/base/record.h"
#include "fuzz/records/desk.h"

/* The table of desk.c begins before what a worker may write. */
#define KIND(kind) ((kind)-RECORD_ATTACH + 4u)

static const struct value_name kind_names[] = {
	{"attach", KIND(RECORD_ATTACH)},
	{"detach", KIND(RECORD_DETACH)},
	{"request", KIND(RECORD_REQUEST)},
	{"response", KIND(RECORD_RESPONSE)},
	{"push", KIND(RECORD_PUSH)},
	{"event", KIND(RECORD_EVENT)},
	{"overflow", KIND(RECORD_OVERFLOW)},
	{"map", KIND(RECORD_MAP)},
	{"unmap", KIND(RECORD_UNMAP)},
	{"copy-in", KIND(RECORD_COPY_IN)},
	{"copy-out", KIND(RECORD_COPY_OUT)},
	{"lost", KIND(RECORD_LOST)},
	{"indirect", KIND(RECORD_INDIRECT)},
	{"segments", KIND(RECORD_SEGMENTS)},
	{"discard", SCRIPT_ODD + RECORD_DISCARD - RECORD_ATTACH},
	{"unknown", DESK_NO_KIND},
	{NULL, 0},
};
static const struct value_name say_names[] = {
	{"back-state", 0}, {"guest-gone", 1}, {"error", 2},
	{"no-node", 3},	   {"node", 4},	      {NULL, 0},
};
static const struct value_name write_names[] = {
	{"ENOSPC", 0},	   {"EIO", 1},	   {"EINTR", 2}, {"EDQUOT", 3},
	{"nothing", 0x70}, {"half", 0x80}, {NULL, 0},
};
static const struct value_name found_names[] = {
	{"nothing", 0}, {"file", 1},	     {"file-that-stays", 2},
	{"fifo", 3},	{"no-access", 0xe0}, {NULL, 0},
};

#define DISK                                                                   \
	{                                                                      \
		"disk", 1, 1, NULL                                             \
	}

static const struct shape device_shape = {
	"device",
	{{"found", 0, 1, found_names},
	 {"room", 1, 1, NULL},
	 {"at", 2, 1, NULL}, /* the write that goes wrong; 0: none */
	 {"how", 3, 1, write_names},
	 {"payload", DEVICE_PAYLOAD, 1, NULL}},
};

static const struct shape shapes[DESK_KIND_COUNT] = {
	[DESK_RECORD] = {"record",
			 {DISK,
			  {"kind", 2, 1, kind_names},
			  {"many", 3, 1, NULL},
			  {"words", 4, 1, NULL}, /* of eight bytes */
			  {"queue", 5, 1, NULL}, /* these two: as it claims */
			  {"domid", 6, 1, NULL}}},
	[DESK_BEGIN] = {"begin", {DISK}},
	[DESK_END] = {"end", {DISK}},
	[DESK_BYTES] = {"write",
			{DISK,
			 {"count", 2, 1, NULL},
			 {"first", 4, 8, NULL}, /* eight of them */
			 {"rest", 12, 4, NULL}}},
	[DESK_HEAD] = {"head",
		       {DISK,
			{"top", 7, 1, NULL}, /* the highest byte of 64 bits */
			{"by", 8, 4, NULL}}},
	[DESK_LOST] = {"lost", {DISK, {"many", 2, 1, NULL}}},
	[DESK_STEP] = {"step", {{"tenths", 2, 2, NULL}}}, /* of a ms */
	[DESK_SAY] = {"say",
		      {DISK,
		       {"what", 2, 1, say_names},
		       {"words", 3, 1, NULL}, /* of eight letters */
		       {"letter", 4, 1, NULL}}},
	[DESK_PLAN] = {"plan",
		       {{"at", 2, 1, NULL}, {"how", 3, 1, write_names}}},
	[DESK_REOPEN] = {"reopen", {{"found", 2, 1, found_names}}},
};

const struct language language_desk = {
	.harness = {"records", NULL},
	.kinds = DESK_KIND_COUNT,
	.device = &device_shape,
	.shape = shapes,
	.usual = DESK_BEGIN,
	.target = {"disk", NULL},
};
