/*
 * The language of the harness lifecycle: what frontends, a toolstack, workers,
 * xenstore and time do to a supervisor.  See language.h and lifecycle/life.h.
 *
 * A value has a name where the tables of acts.c, toolstack.c and beside.c have it
 * first.
 */
#include "fuzz/language/language.h"

#include <stddef.h>

#include "fuzz/lifecycle/life.h"

static const struct value_name state_names[] = {
	{"initialising", 0}, {"initwait", 1}, {"initialised", 2},
	{"connected", 3},    {"closing", 4},  {"closed", 5},
	{"empty", 15},	     {NULL, 0},
};
static const struct value_name abi_names[] = {
	{"x86_64", 0},
	{"x86_32", 1},
	{"none", 2},
	{NULL, 0},
};
static const struct value_name image_names[] = {
	{"null", 0},
	{"ram", 1},
	{"cdrom", 6},
	{NULL, 0},
};
static const struct value_name change_names[] = {
	{"size", 0},
	{"medium", 1},
	{NULL, 0},
};
static const struct value_name domain_names[] = {
	{"dies", 0},
	{"begins", 1},
	{NULL, 0},
};
static const struct value_name flood_names[] = {
	{"front-state", 0}, {"back-state", 1}, {"front-params", 2},
	{"back-params", 3}, {NULL, 0},
};
const struct value_name language_errors[] = {
	{"EIO", 0},	 {"ENOMEM", 1}, {"EACCES", 2}, {"ENOSPC", 3},
	{"EAGAIN", 4},	 {"ENOENT", 5}, {"EINVAL", 6}, {"EPIPE", 7},
	{"EBADF", 0xe0}, {NULL, 0},
};
const struct value_name language_deeds[] = {
	{"no-start", 0}, {"die", 1},	{"die-for-good", 2}, {"hang-up", 3},
	{"silent", 4},	 {"speak", 5},	{"refuse", 6},	     {"accept", 7},
	{"linger", 8},	 {"broken", 9}, {"say", 10},	     {NULL, 0},
};
static const struct value_name calls_names[] = {
	{"any", 0},
	{"watch", 2},
	{NULL, 0},
};
static const struct value_name beside_names[] = {
	{"node", 0},	  {"no-node", 1},  {"many", 2},	    {"rival", 3},
	{"pv", 4},	  {"no-timer", 5}, {"no-table", 6}, {"spoil", 7},
	{"rare", 8},	  {"stop", 9},	   {"start", 10},   {"no-memory", 11},
	{"no-write", 12}, {NULL, 0},
};

#define DISK                                                                   \
	{                                                                      \
		"disk", 1, 1, NULL                                             \
	}

static const struct shape device_shape = {
	"device",
	{{"queues", LIFE_QUEUES, 1, NULL},
	 {"order", LIFE_ORDER, 1, NULL},
	 {"rescues", LIFE_RESCUES, 1, NULL},
	 {"tables", LIFE_TABLES, 1, NULL},
	 {"payload", DEVICE_PAYLOAD, 1, NULL}},
};

static const struct shape shapes[LIFE_KIND_COUNT] = {
	[LIFE_FRONT_STATE] = {"front-state",
			      {DISK,
			       {"state", 2, 1, state_names},
			       FIELD_LATER}},
	[LIFE_KEYS] = {"keys",
		       {DISK,
			{"queues", 2, 1, NULL},
			{"order", 3, 1, NULL},
			{"abi", 4, 1, abi_names},
			FIELD_LATER}},
	[LIFE_KEY] = {"key",
		      {DISK,
		       {"name", 2, 1, NULL},
		       {"value", 3, 1, NULL},
		       FIELD_LATER}},
	[LIFE_FRONT_GONE] = {"front-gone", {DISK, FIELD_LATER}},
	[LIFE_CREATE] = {"create",
			 {DISK,
			  {"image", 2, 1, image_names},
			  {"how", 3, 1, NULL},
			  FIELD_LATER}},
	[LIFE_REMOVE] = {"remove", {DISK, FIELD_LATER}},
	[LIFE_BACK_STATE] = {"back-state",
			     {DISK, {"state", 2, 1, NULL}, FIELD_LATER}},
	[LIFE_ONLINE] = {"online", {DISK, {"on", 2, 1, NULL}, FIELD_LATER}},
	[LIFE_BACK_KEY] = {"back-key",
			   {DISK,
			    {"name", 2, 1, NULL},
			    {"value", 3, 1, NULL},
			    FIELD_LATER}},
	[LIFE_RUN] = {"run", {{"steps", 2, 1, NULL}, FIELD_LATER}},
	[LIFE_WORKER] = {"worker",
			 {DISK,
			  {"does", 2, 1, language_deeds},
			  {"how", 3, 1, NULL},
			  FIELD_LATER}},
	[LIFE_CLOCK] = {"clock", {{"ms", 4, 4, NULL}, FIELD_LATER}},
	[LIFE_AGAIN] = {"again", {{"times", 2, 1, NULL}, FIELD_LATER}},
	[LIFE_FAIL] = {"fail",
		       {{"at", 2, 1, NULL},
			{"error", 3, 1, language_errors},
			FIELD_LATER}},
	[LIFE_BETWEEN] = {"between",
			  {{"at", 2, 1, NULL}, {"calls", 3, 1, calls_names}}},
	[LIFE_FLOOD] = {"flood",
			{DISK,
			 {"where", 2, 1, flood_names},
			 {"nodes", 3, 1, NULL},
			 FIELD_LATER}},
	[LIFE_DOMAIN] = {"domain",
			 {DISK, {"how", 2, 1, domain_names}, FIELD_LATER}},
	[LIFE_DAEMON] = {"daemon", {FIELD_LATER}},
	[LIFE_CHANGE] = {"change",
			 {DISK,
			  {"what", 2, 1, change_names},
			  {"how", 3, 1, NULL},
			  FIELD_LATER}},
	[LIFE_BESIDE] = {"beside",
			 {DISK,
			  {"what", 2, 1, beside_names},
			  {"which", 3, 1, NULL},
			  {"how", 4, 1, NULL},
			  FIELD_LATER}},
};

const struct language language_life = {
	.harness = {"lifecycle", NULL},
	.kinds = LIFE_KIND_COUNT,
	.device = &device_shape,
	.shape = shapes,
	.usual = LIFE_FRONT_STATE,
	.target = {"disk", NULL},
};
