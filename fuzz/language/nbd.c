/*
 * The language of the harness nbd: what queues ask for, and what their servers
 * make of it.  See language.h and nbd/client.h.
 */
#include "fuzz/language/language.h"

#include <stddef.h>

#include "fuzz/nbd/client.h"

/* Bits. */
static const struct value_name say_names[] = {
	{"alone", 1},	     {"alone-or-not", 2}, {"no-flush", 4},
	{"flush-or-not", 8}, {"readonly", 16},	  {"no-size", 32},
	{"silent", 64},	     {"leaves", 128},	  {NULL, 0},
};
static const struct value_name size_names[] = {
	{"sector", 1}, {"page", 2}, {"zero", 3}, {"unknown", 4},
	{"odd", 5},    {"huge", 6}, {NULL, 0},
};
static const struct value_name error_names[] = {
	{"EIO", 0},	  {"ENOSPC", 1},  {"EPERM", 2}, {"EINVAL", 3},
	{"ESHUTDOWN", 4}, {"unknown", 5}, {NULL, 0},
};
/* Below these all is well. */
static const struct value_name answer_names[] = {
	{"ESHUTDOWN", 0x70}, {"EIO", 0x72},    {"ENOSPC", 0x73},
	{"EPERM", 0x74},     {"EINVAL", 0x75}, {NULL, 0},
};
static const struct value_name words_names[] = {
	{"plain", 0}, {"none", 1}, {"empty", 2},
	{"raw", 3},   {"long", 4}, {NULL, 0},
};
static const struct value_name trim_names[] = {
	{"can", 0},
	{"cannot", 1},
	{"unknown", 2},
	{NULL, 0},
};
static const struct value_name shrank_names[] = {{"a-sector", 0xe0}, {NULL, 0}};
static const struct value_name end_names[] = {
	{"answers", 0},		{"silence", 1}, {"leaves", 2},
	{"leaves-politely", 6}, {NULL, 0},
};

#define QUEUE                                                                  \
	{                                                                      \
		"queue", 1, 1, NULL                                            \
	}

/* client_plan() */
#define PLAN                                                                   \
	{"says", 2, 1, say_names}, {"sectors", 3, 1, NULL},                    \
		{"minimum", 4, 1, size_names},                                 \
		{"preferred", 5, 1, size_names}, {"steps", 7, 1, NULL},        \
		{"error", 8, 1, error_names}, {"words", 9, 1, words_names},    \
	{                                                                      \
		"trims", 10, 1, trim_names                                     \
	}

#define MOVES                                                                  \
	QUEUE, {"sector", 2, 1, NULL}, {"pieces", 3, 1, NULL},                 \
		{"gaps", 4, 1, NULL}, {"long", 5, 1, NULL},                    \
		{"choked", 6, 1, NULL},                                        \
	{                                                                      \
		"data", 8, 1, NULL                                             \
	}

static const struct shape device_shape = {
	"device",
	{{"queues", 0, 1, NULL},
	 {"shrank", 1, 1, shrank_names},
	 PLAN,
	 {"fails", 6, 1, NULL}, /* the k-th call of opening */
	 {"payload", DEVICE_PAYLOAD, 1, NULL},
	 {"end", DEVICE_MODE, 1, end_names}},
};

static const struct shape shapes[NBD_KIND_COUNT] = {
	[NBD_READ] = {"read", {MOVES}},
	[NBD_WRITE] = {"write", {MOVES}},
	[NBD_FLUSH] = {"flush", {QUEUE, {"choked", 6, 1, NULL}}},
	[NBD_ANSWER] = {"answer",
			{QUEUE,
			 {"which", 2, 1, NULL},
			 {"how", 3, 1, answer_names},
			 {"many", 4, 1, NULL}}},
	[NBD_COLLECT] = {"collect", {QUEUE, {"room", 2, 1, NULL}}},
	[NBD_LEAVE] = {"leave", {QUEUE, {"politely", 2, 1, NULL}}},
	[NBD_CLOCK] = {"clock", {{"ms", 8, 4, NULL}}},
	[NBD_REFUSE] = {"refuse",
			{{"at", 2, 1, NULL}, {"error", 3, 1, error_names}}},
	[NBD_PROMPT] = {"prompt", {QUEUE, {"on", 2, 1, NULL}}},
	[NBD_LOOK] = {"look", {PLAN}},
	[NBD_TRIM] = {"trim",
		      {QUEUE,
		       {"sector", 2, 1, NULL},
		       {"sectors", 3, 1, NULL},
		       {"choked", 6, 1, NULL}}},
};

const struct language language_nbd = {
	.harness = {"nbd", NULL},
	.kinds = NBD_KIND_COUNT,
	.device = &device_shape,
	.shape = shapes,
	.usual = NBD_READ,
	.target = {"queue", NULL},
};
