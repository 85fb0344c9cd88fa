/*
 * The language of a guest: what it asks for, writes, grants and ends, who runs
 * when, and what the disk and the clock do.  See language.h and script.h.
 */
#include "fuzz/language/language.h"

#include <stddef.h>

static const struct value_name operation_names[] = {
	{"read", 0},	    {"write", 1},	{"flush", 2},
	{"barrier", 0xe2},  {"reserved", 0xe4}, {"discard", 0xe5},
	{"indirect", 0xe6}, {"unknown", 0xff},	{NULL, 0},
};
static const struct value_name inner_names[] = {
	{"read", 0},	   {"write", 1},     {"barrier", 0xe2}, {"flush", 0xe3},
	{"discard", 0xe5}, {"nested", 0xe6}, {"unknown", 0xff}, {NULL, 0},
};
static const struct value_name many_names[] = {
	{"none", 0xe0},	 {"too-many", 0xe1}, {"far-too-many", 0xe2},
	{"65535", 0xe3}, {NULL, 0},
};
static const struct value_name list_names[] = {
	{"unused", 0xe0},   {"foreign", 0xe1}, {"huge", 0xe2},
	{"readonly", 0xe3}, {NULL, 0},
};
static const struct value_name twist_names[] = {
	{"reversed", 0xe0},   {"past-page", 0xe1}, {"far-past-page", 0xe2},
	{"past-end", 0xe3},   {"at-end", 0xe4},	   {"wrap", 0xe5},
	{"wrap-bytes", 0xe6}, {"huge", 0xe7},	   {NULL, 0},
};
static const struct value_name grant_names[] = {
	{"duplicate", 0xc0}, {"readonly", 0xd0}, {"unused", 0xe0},
	{"foreign", 0xe1},   {"huge", 0xe2},	 {"zero", 0xe3},
	{NULL, 0},
};
static const struct value_name id_names[] = {
	{"same", 0xe0},
	{"zero", 0xe1},
	{"ones", 0xe2},
	{NULL, 0},
};
static const struct value_name then_names[] = {
	{"kick", 0}, {"place", 1}, {"push", 2}, {"run", 3}, {NULL, 0},
};
static const struct value_name abi_names[] = {
	{"x86_64", 0},
	{"x86_32", 1},
	{NULL, 0},
};
static const struct value_name offer_names[] = {
	{"indirect", 1},
	{"barrier", 2},
	{"discard", 4},
	{NULL, 0},
};
static const struct value_name index_names[] = {
	{"req_prod", 0},  {"rsp_prod", 1}, {"req_event", 2},
	{"rsp_event", 3}, {NULL, 0},
};
static const struct value_name action_names[] = {
	{"end", 0},	{"move", 1},	     {"readonly", 2},
	{"restore", 3}, {"overwrite", 0xe0}, {NULL, 0},
};
static const struct value_name call_names[] = {
	{"map", 0},  {"unmap", 1},  {"copy", 2}, {"copy-segment", 3},
	{"bind", 4}, {"notify", 5}, {"open", 6}, {NULL, 0},
};
static const struct value_name slot_field_names[] = {
	{"operation", 0xe0}, {"segments", 0xe1}, {"sector", 0xe2},
	{"gref", 0xe3},	     {"first", 0xe4},	 {"last", 0xe5},
	{"id", 0xe6},	     {NULL, 0},
};
static const struct value_name wrong_names[] = {
	{"ring-unused", 0xe0}, {"ring-foreign", 0xe1},	{"port", 0xe2},
	{"indices", 0xe3},     {"ring-readonly", 0xe4}, {NULL, 0},
};

static const struct shape device_shape = {
	"device",
	{{"queues", DEVICE_QUEUES, 1, NULL},
	 {"order", DEVICE_ORDER, 1, NULL},
	 {"abi", DEVICE_ABI, 1, abi_names},
	 {"persistent", DEVICE_PERSISTENT, 1, NULL},
	 {"readonly", DEVICE_READONLY, 1, NULL},
	 {"cap", DEVICE_CAP, 1, NULL},
	 {"hold", DEVICE_HOLD, 1, NULL},
	 {"wrong", DEVICE_WRONG, 1, wrong_names},
	 {"start", DEVICE_START, 2, NULL},
	 {"size", DEVICE_SIZE, 1, NULL},
	 {"payload", DEVICE_PAYLOAD, 1, NULL},
	 {"fine-size", DEVICE_FINE, 2, NULL},
	 {"offers", DEVICE_OFFERS, 1, offer_names},
	 {"mode", DEVICE_MODE, 1, NULL}},
};

static const struct shape shapes[SCRIPT_KIND_COUNT] = {
	[SCRIPT_REQUEST] = {"request",
			    {{"queue", ANY_QUEUE, 1, NULL},
			     {"op", REQUEST_OPERATION, 1, operation_names},
			     {"segments", REQUEST_SEGMENTS, 1, NULL},
			     {"skip", REQUEST_SKIP, 1, NULL},
			     {"trim", REQUEST_TRIM, 1, NULL},
			     {"page", REQUEST_PAGE, 1, NULL},
			     {"overlap", REQUEST_OVERLAP, 1, NULL},
			     {"sector", REQUEST_SECTOR, 2, NULL},
			     {"twist", REQUEST_TWIST, 1, twist_names},
			     {"victim", REQUEST_VICTIM, 1, NULL},
			     {"grant", REQUEST_GRANT, 1, grant_names},
			     {"id", REQUEST_ID, 1, id_names},
			     {"data", REQUEST_DATA, 1, NULL},
			     {"then", REQUEST_THEN, 1, then_names}}},
	[SCRIPT_RUN] = {"run",
			{{"queue", ANY_QUEUE, 1, NULL},
			 {"turns", RUN_TURNS, 1, NULL},
			 {"late", RUN_LATE, 1, NULL}}},
	[SCRIPT_RUN_ALL] = {"run-all", {{NULL, 0, 0, NULL}}},
	[SCRIPT_PUSH] = {"push",
			 {{"queue", ANY_QUEUE, 1, NULL},
			  {"count", PUSH_COUNT, 1, NULL},
			  {"quiet", PUSH_QUIET, 1, NULL}}},
	[SCRIPT_KICK] = {"kick",
			 {{"queue", ANY_QUEUE, 1, NULL},
			  {"times", KICK_TIMES, 1, NULL}}},
	[SCRIPT_COMPLETE] = {"complete",
			     {{"which", COMPLETE_WHICH, 1, NULL},
			      {"error", COMPLETE_ERROR, 1, NULL},
			      {"count", COMPLETE_COUNT, 1, NULL}}},
	[SCRIPT_RAW] = {"raw",
			{{"queue", ANY_QUEUE, 1, NULL},
			 {"slot", RAW_SLOT, 1, NULL},
			 {"length", RAW_LENGTH, 1, NULL},
			 {"at", RAW_AT, 1, NULL},
			 {"from", RAW_FROM, 2, NULL},
			 {"value", RAW_BYTES, 8, NULL}}},
	[SCRIPT_MEMORY] = {"memory",
			   {{"page", MEMORY_PAGE, 1, NULL},
			    {"sector", MEMORY_SECTOR, 1, NULL},
			    {"count", MEMORY_COUNT, 1, NULL},
			    {"data", MEMORY_DATA, 1, NULL}}},
	[SCRIPT_GRANT] = {"grant",
			  {{"action", GRANT_ACTION, 1, action_names},
			   {"page", GRANT_PAGE, 1, NULL},
			   {"to", GRANT_TO, 1, NULL},
			   {"count", GRANT_COUNT, 1, NULL}}},
	[SCRIPT_DISK] = {"disk",
			 {{"hold", DISK_HOLD, 1, NULL},
			  {"refuse", DISK_REFUSE, 1, NULL},
			  {"error", DISK_ERROR, 1, NULL},
			  {"piece", DISK_PIECE, 1, NULL},
			  {"again", DISK_AGAIN, 1, NULL}}},
	[SCRIPT_INDEX] = {"index",
			  {{"queue", ANY_QUEUE, 1, NULL},
			   {"which", INDEX_WHICH, 1, index_names},
			   {"value", INDEX_VALUE, 4, NULL}}},
	[SCRIPT_CLOCK] = {"clock", {{"ms", CLOCK_MS, 4, NULL}}},
	[SCRIPT_ATTACH] = {"attach",
			   {{"queues", ATTACH_QUEUES, 1, NULL},
			    {"order", ATTACH_ORDER, 1, NULL},
			    {"abi", ATTACH_ABI, 1, abi_names},
			    {"persistent", ATTACH_PERSISTENT, 1, NULL},
			    {"fresh", ATTACH_FRESH, 1, NULL},
			    {"wrong", ATTACH_WRONG, 1, wrong_names},
			    {"start", ATTACH_START, 2, NULL}}},
	[SCRIPT_EVENTS] = {"events",
			   {{"queue", ANY_QUEUE, 1, NULL},
			    {"times", EVENTS_TIMES, 1, NULL},
			    {"storm", EVENTS_STORM, 1, NULL}}},
	[SCRIPT_FAIL] = {"fail",
			 {{"call", FAIL_CALL, 1, call_names},
			  {"at", FAIL_AT, 1, NULL},
			  {"error", FAIL_ERROR, 1, NULL}}},
	[SCRIPT_FLIP] = {"flip",
			 {{"queue", ANY_QUEUE, 1, NULL},
			  {"slot", FLIP_SLOT, 1, NULL},
			  {"length", FLIP_LENGTH, 1, NULL},
			  {"field", FLIP_FIELD, 1, slot_field_names},
			  {"value", FLIP_VALUE, 8, NULL}}},
	[SCRIPT_FLIP_AT] = {"flip-at",
			    {{"queue", ANY_QUEUE, 1, NULL},
			     {"slot", FLIP_SLOT, 1, NULL},
			     {"length", FLIP_LENGTH, 1, NULL},
			     {"field", FLIP_FIELD, 1, slot_field_names},
			     {"load", FLIP_LOAD, 1, NULL},
			     {"value", FLIP_VALUE, 8, NULL}}},
	[SCRIPT_INDIRECT] = {"indirect",
			     {{"queue", ANY_QUEUE, 1, NULL},
			      {"op", REQUEST_OPERATION, 1, inner_names},
			      {"segments", REQUEST_SEGMENTS, 1, many_names},
			      {"skip", REQUEST_SKIP, 1, NULL},
			      {"trim", REQUEST_TRIM, 1, NULL},
			      {"page", REQUEST_PAGE, 1, NULL},
			      {"list", INDIRECT_LIST, 1, list_names},
			      {"sector", REQUEST_SECTOR, 2, NULL},
			      {"twist", REQUEST_TWIST, 1, twist_names},
			      {"victim", REQUEST_VICTIM, 1, NULL},
			      {"grant", REQUEST_GRANT, 1, grant_names},
			      {"id", REQUEST_ID, 1, id_names},
			      {"data", REQUEST_DATA, 1, NULL},
			      {"then", REQUEST_THEN, 1, then_names}}},
};

const struct language language_guest = {
	.harness = {"ring", "multiqueue", "grants", "abi", "ops", "indirect",
		    "events", "io", "pages", NULL},
	.kinds = SCRIPT_KIND_COUNT,
	.beyond = SCRIPT_FIRST_KINDS,
	.device = &device_shape,
	.shape = shapes,
	/* Without requests nothing else has an effect. */
	.usual = SCRIPT_REQUEST,
	.target = {"queue", "page", "to", NULL},
};
