/*
 * The language of the harness blocks: what queues ask of a store of whole blocks,
 * what it makes of that, and where they meet.  See language.h and blocks/queues.h.
 *
 * From 0xc0 on "often" counts how often, from 0xe0 on "sectors" counts by nines:
 * queues.c and op.c do.
 */
#include "fuzz/language/language.h"

#include <stddef.h>

#include "fuzz/blocks/queues.h"

static const struct value_name block_names[] = {
	{"1K", 0},  {"2K", 1},	{"4K", 2},  {"8K", 3},
	{"16K", 4}, {"32K", 5}, {"64K", 6}, {NULL, 0},
};
static const struct value_name first_names[] = {
	{"beginning", 0},    {"border", 1}, {"beyond-2T", 2},
	{"second-group", 3}, {NULL, 0},
};
static const struct value_name readonly_names[] = {{"yes", 0xe0}, {NULL, 0}};
/* Requests that a queue has under way at most. */
static const struct value_name depth_names[] = {
	{"most", 0}, {"more", 1}, {"some", 2},
	{"two", 3},  {"one", 4},  {NULL, 0},
};
static const struct value_name memory_names[] = {
	{"together", 0},     {"odd", 1},	 {"odd-sectors-apart", 2},
	{"pages", 3},	     {"pages-apart", 4}, {"blocks-apart", 5},
	{"threes-apart", 6}, {"odd-blocks", 7},	 {"whole", BLOCKS_WHOLE},
	{NULL, 0},
};
static const struct value_name queue_names[] = {{"any", 0xff}, {NULL, 0}};
static const struct value_name error_names[] = {
	{"EIO", 0xe0},	  {"ENOSPC", 0xe1}, {"ENOMEM", 0xe2},
	{"EINVAL", 0xe3}, {NULL, 0},
};
static const struct value_name kind_names[] = {
	{"read", BLOCKS_READ},
	{"write", BLOCKS_WRITE},
	{"discard", BLOCKS_DISCARD},
	{"flush", BLOCKS_FLUSH},
	{"complete", BLOCKS_COMPLETE},
	{"collect", BLOCKS_COLLECT},
	{NULL, 0},
};

#define QUEUE                                                                  \
	{                                                                      \
		"queue", 1, 1, NULL                                            \
	}

/* Of a discard counts only whether it is of whole blocks. */
#define MOVES                                                                  \
	QUEUE, {"sector", 2, 2, NULL}, {"sectors", 4, 1, NULL},                \
		{"memory", 5, 1, memory_names}, {"often", 6, 1, NULL},         \
	{                                                                      \
		"further", 7, 1, NULL                                          \
	}

static const struct shape device_shape = {
	"device",
	{{"queues", 0, 1, NULL},
	 {"block", 1, 1, block_names},
	 {"first", 2, 1, first_names},
	 {"less", 3, 1, NULL}, /* blocks that it is smaller */
	 {"depth", 4, 1, depth_names},
	 {"readonly", 5, 1, readonly_names},
	 {"hold", 6, 1, NULL},
	 {"fails", 7, 1, NULL},	 /* the k-th call of opening */
	 {"silent", 8, 1, NULL}, /* it has no descriptors */
	 {"payload", DEVICE_PAYLOAD, 1, NULL}},
};

static const struct shape shapes[BLOCKS_KIND_COUNT] = {
	[BLOCKS_READ] = {"read", {MOVES}},
	[BLOCKS_WRITE] = {"write", {MOVES}},
	[BLOCKS_DISCARD] = {"discard", {MOVES}},
	[BLOCKS_FLUSH] = {"flush", {QUEUE, {"often", 6, 1, NULL}}},
	[BLOCKS_COMPLETE] = {"complete",
			     {{"queue", 1, 1, queue_names},
			      {"which", 2, 1, NULL},
			      {"how", 3, 1, error_names},
			      {"many", 4, 1, NULL}}},
	[BLOCKS_COLLECT] = {"collect", {QUEUE, {"room", 2, 1, NULL}}},
	[BLOCKS_STORE] = {"store",
			  {{"hold", 2, 1, NULL},
			   {"refuse", 3, 1, NULL}, /* the k-th from now on */
			   {"fail", 4, 1, NULL}}},
	[BLOCKS_AGAIN] = {"again", {QUEUE, {"depth", 2, 1, depth_names}}},
	/* A completion has in place of sector which and how, and of sectors how
	 * many; a collection, of sector, the room. */
	[BLOCKS_MEET] = {"meet",
			 {{"queue", 1, 1, queue_names},
			  {"places", 2, 1, NULL},
			  {"does", 3, 1, kind_names},
			  {"sector", 4, 2, NULL},
			  {"sectors", 6, 1, NULL},
			  {"memory", 7, 1, memory_names},
			  {"often", 8, 1, NULL},
			  {"further", 9, 1, NULL}}},
};

const struct language language_blocks = {
	.harness = {"blocks", NULL},
	.kinds = BLOCKS_KIND_COUNT,
	.device = &device_shape,
	.shape = shapes,
	.usual = BLOCKS_WRITE,
	.target = {"queue", NULL},
};
