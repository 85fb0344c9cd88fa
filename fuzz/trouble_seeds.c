/*
 * What goes wrong on a host beside what frontends do, as scripts of the harness
 * lifecycle: images, deaths, daemons, tables, calls that fail.  See life_steps.h.
 */
#include "fuzz/life_steps.h"

#include "backend/base/checked.h"

/* Places in the table of images.c, as LIFE_CREATE and LIFE_CHANGE name them. */
enum {
	A_FILE = 0xe0,
	DIRECT,
	STORE,
	LONG_BLOCKS,
	WRITE_PROTECTED,
	NO_STORE,
	TOO_LONG,
	SMALL
};
/* ... and in what toolstack.c makes: a drive. */
#define DRIVE	     6
#define MEMORY_DRIVE 7

/* What beside.c does. */
enum {
	A_NODE,
	NO_NODE,
	A_CROWD,
	A_RIVAL,
	PV_DOMAIN,
	NO_TIMER,
	NO_TABLES,
	SPOIL_TABLE,
	RARE_CALL,
	STOPPING,
	A_START,
	NO_MEMORY,
	NO_WRITE
};

/* clang-format off */
#define CREATE(image, how) {LIFE_CREATE, image, how, 0}
#define KEYS {LIFE_KEYS, 0, 0, 0}
#define FRONT(state) {LIFE_FRONT_STATE, state, 0, 0}
#define UP_WITH(image, how) CREATE(image, how), KEYS, FRONT(CONNECTED)
#define REMOVE {LIFE_REMOVE, 0, 0, 0}
#define DAEMON {LIFE_DAEMON, 0, 0, 0}
#define SIZE(eights) {LIFE_CHANGE, 0, eights, 0}
#define MEDIUM(image) {LIFE_CHANGE, 1, image, 0}
#define WORKER(what, how) {LIFE_WORKER, what, how, 0}
#define DIES WORKER(1, 0)
#define AGAIN FRONT(CLOSED), FRONT(INITIALISING)
#define CLOCK(seconds) {LIFE_CLOCK, 0, 0, seconds}
#define BACK(key, value) {LIFE_BACK_KEY, key, value, 0}
#define FAIL(at, error) {LIFE_FAIL, at, error, 0}
#define RARE(at, error) {LIFE_BESIDE, RARE_CALL, at, error}
#define BESIDE(what, how) {LIFE_BESIDE, what, how, 0}
#define AT_ONCE(kind, a, b) {LIFE_##kind | LATER, a, b, 0}
/* A table that is spoilt while it is served, and while it is Closing. */
#define SPOILT(name, how) \
	{name, 0, 0, 3 | TABLES, {UP, BESIDE(SPOIL_TABLE, how), DAEMON, AGAIN, KEYS, \
	 FRONT(CONNECTED), FRONT(CLOSING), BESIDE(SPOIL_TABLE, how), DAEMON, DOWN, END}}
/* The connection to xenstore fails at the same place of all that happens. */
#define LOST(name, at, how) \
	{name, 0, 0, 3 | TABLES, {FAIL(at, how), UP, FAIL(at, how), SIZE(10), FAIL(at, how), \
	 UNPLUG, FAIL(at, how), REMOVE, FAIL(at, how), CREATE(DRIVE, 0), END}}

static const struct life_seed seeds[] = {
	/* --- images, and what becomes of them --- */
	{"file", 0, 0, 3, {UP_WITH(A_FILE, 0), DIES, SIZE(10), DIES, SIZE(255), SIZE(0), AGAIN,
	 END}},
	{"direct-in-a-pv-domain", 0, 0, 3, {UP_WITH(DIRECT, 0), BESIDE(PV_DOMAIN, 1), DIES,
	 BESIDE(PV_DOMAIN, 0), DIES, DOWN, END}},
	{"store", 0, 0, 3, {UP_WITH(STORE, 0), SIZE(100), DIES, AGAIN, SIZE(50),
	 AT_ONCE(CHANGE, 0, 40), DIES, END}},
	{"store-of-long-blocks", 0, 0, 3, {UP_WITH(LONG_BLOCKS, 0), SIZE(1), SIZE(9), SIZE(0),
	 DIES, END}},
	{"stores-of-no-use", 0, 0, 3, {UP_WITH(WRITE_PROTECTED, 0), REMOVE,
	 UP_WITH(NO_STORE, 0), REMOVE, UP_WITH(TOO_LONG, 0), REMOVE, UP_WITH(SMALL, 0), REMOVE,
	 UP_WITH(WRITE_PROTECTED, 1), END}},
	{"memory", 0, 0, 3 | TABLES, {UP_WITH(1, 0), SIZE(5), DAEMON, AGAIN, KEYS,
	 FRONT(CONNECTED), DIES, END}},
	{"memory-ends-with-its-worker", 0, 0, 3, {UP_WITH(1, 0), DIES, AGAIN, FRONT(CONNECTED),
	 DIES, END}},
	{"store-and-another-daemon", 0, 0, 3 | TABLES, {UP_WITH(STORE, 0), DAEMON, AGAIN,
	 FRONT(CONNECTED), FRONT(CLOSING), DAEMON, END}},
	/* --- deaths --- */
	{"no-rescue", 0, 0, 0, {UP, DIES, AGAIN, DIES, END}},
	{"one-rescue", 0, 0, 1, {UP, DIES, DIES, CLOCK(61), AGAIN, KEYS, FRONT(CONNECTED), DIES,
	 WORKER(2, 0), END}},
	{"dies-while-it-opens", 0, 0, 3, {AT_ONCE(CREATE, 0, 0), AT_ONCE(RUN, 1, 0),
	 WORKER(1, 0xe0), AGAIN, WORKER(1, 0xf0), AGAIN, DIES, AGAIN, DIES, AGAIN, DIES, AGAIN,
	 DIES, AGAIN, DIES, END}},
	{"rescue-cannot-begin", 0, 0, 7, {UP, WORKER(0, 2), DIES, CLOCK(1), CLOCK(1),
	 WORKER(0, 0xe1), DIES, CLOCK(1), WORKER(0, 3), DIES, CLOCK(1), CLOCK(1), CLOCK(1),
	 CLOCK(1), END}},
	{"worker-cannot-begin", 0, 0, 3, {WORKER(0, 1), CREATE(0, 0), WORKER(0, 1), AGAIN,
	 WORKER(0, 0xe1), AGAIN, {LIFE_CREATE | SECOND, 0, 0, 0},
	 {LIFE_WORKER | SECOND, 0, 0xe1, 0}, {LIFE_WORKER | SECOND, 1, 0, 0}, END}},
	{"rescue-takes-too-long", 0, 0, 7, {UP, AT_ONCE(WORKER, 1, 0), AT_ONCE(RUN, 1, 0),
	 WORKER(4, 0), {LIFE_CLOCK | LATER, 0, 0, 121}, DIES, AGAIN, END}},
	{"dies-while-it-is-rescued", 0, 0, 7, {UP, AT_ONCE(WORKER, 1, 0), AT_ONCE(RUN, 1, 0),
	 WORKER(4, 0), DIES, {LIFE_CLOCK | LATER, 0, 0, 1}, AT_ONCE(RUN, 1, 0), WORKER(6, 3),
	 END}},
	{"never-settles", 0, 0, 7, {UP, WORKER(2, 0), CLOCK(20), CLOCK(0), CLOCK(21), AGAIN,
	 END}},
	{"no-timer-for-that", 0, 0, 7, {UP, BESIDE(NO_TIMER, 7), WORKER(2, 0), AGAIN,
	 BESIDE(NO_TIMER, 3), DOWN, END}},
	{"leaves-while-it-settles", 0, 0, 7, {UP, WORKER(2, 0), FRONT(CLOSED), REMOVE,
	 CLOCK(50), END}},
	{"dies-while-it-is-let-go", 0, 0, 3, {UP, WORKER(4, 0), FRONT(CLOSED), DIES,
	 FRONT(INITIALISING), FRONT(CONNECTED), FRONT(CLOSING), DIES, WORKER(4, 0), REMOVE,
	 DIES, END}},
	{"silent", 0, 0, 3, {UP, WORKER(4, 0), FRONT(CLOSED), WORKER(9, 0), CLOCK(31), AGAIN,
	 WORKER(8, 0), UNPLUG, CLOCK(31), END}},
	/* --- daemons --- */
	{"daemon-ends", 0, 0, 3 | TABLES, {UP, {LIFE_CREATE | SECOND, 6, 1, 0},
	 BESIDE(STOPPING, 0), FRONT(CLOSED), BESIDE(STOPPING, 0), BESIDE(A_NODE, 11),
	 WORKER(8, 0), AT_ONCE(BESIDE, STOPPING, 0), DIES, END}},
	{"daemon-ends-in-the-middle", 0, 0, 3, {UP, AT_ONCE(CHANGE, 0, 10), AT_ONCE(RUN, 0, 0),
	 BESIDE(STOPPING, 0), FRONT(INITIALISING), WORKER(2, 0), BESIDE(STOPPING, 0), CLOCK(1),
	 END}},
	SPOILT("table-spoilt-0", 0),
	SPOILT("table-spoilt-1", 1),
	SPOILT("table-spoilt-2", 2),
	SPOILT("table-spoilt-3", 3),
	SPOILT("table-spoilt-4", 4),
	SPOILT("table-spoilt-5", 5),
	SPOILT("table-spoilt-6", 6),
	SPOILT("table-spoilt-7", 7),
	SPOILT("table-spoilt-8", 8),
	SPOILT("table-spoilt-9", 9),
	SPOILT("table-spoilt-10", 10),
	SPOILT("table-spoilt-11", 11),
	SPOILT("table-spoilt-12", 12),
	SPOILT("table-cut", 0xe0),
	SPOILT("table-empty", 0xff),
	{"drive-and-another-daemon", 0, 0, 3 | TABLES, {UP_WITH(DRIVE, 1), BESIDE(SPOIL_TABLE, 12),
	 DAEMON, FRONT(CLOSING), DAEMON, {LIFE_FRONT_GONE, 0, 0, 0}, END}},
	{"closing-and-another-daemon", 0, 0, 3 | TABLES, {UP, FRONT(CLOSING), DAEMON,
	 {LIFE_KEY, 0, 9, 0}, DAEMON, FRONT(CLOSED), DAEMON, BACK(3, 6), DAEMON, END}},
	{"no-table", 0, 0, 3 | TABLES, {BESIDE(NO_TABLES, 1), CREATE(0, 0), AGAIN, KEYS,
	 FRONT(CONNECTED), BESIDE(NO_TABLES, 4), DAEMON, BESIDE(NO_TABLES, 2), DIES, END}},
	{"no-memory-for-a-table", 0, 0, 3, {BESIDE(NO_TABLES, 1), CREATE(0, 0), AGAIN, KEYS,
	 FRONT(CONNECTED), BESIDE(NO_TABLES, 1), DIES, END}},
	/* --- drives --- */
	{"dies-before-the-medium-is-changed", 0, 0, 3, {UP_WITH(DRIVE, 0), AT_ONCE(CHANGE, 1, 1),
	 AT_ONCE(RUN, 1, 0), DIES, END}},
	{"drive-is-read", 0, 0, 3, {UP_WITH(DRIVE, 1), AT_ONCE(CHANGE, 1, 1), AT_ONCE(RUN, 1, 0),
	 DIES, BACK(0, 13), BACK(0, 0xe0), BACK(0, 0xe1), MEDIUM(0xe0), MEDIUM(0xe3), SIZE(20),
	 FAIL(1, 0), MEDIUM(1), FAIL(3, 0), BACK(0, 0), END}},
	{"medium-of-a-disk-that-goes", 0, 0, 3, {UP_WITH(MEMORY_DRIVE, 1),
	 {LIFE_BETWEEN, 0, 0, 0}, REMOVE, MEDIUM(1), CREATE(DRIVE, 1), FRONT(CLOSED), MEDIUM(2),
	 MEDIUM(0), SIZE(4), END}},
	/* --- what is beside disks --- */
	{"nodes-of-no-disk", 0, 0, 3, {BESIDE(A_NODE, 0), BESIDE(A_NODE, 1), BESIDE(A_NODE, 2),
	 BESIDE(A_NODE, 3), BESIDE(A_NODE, 4), BESIDE(A_NODE, 5), BESIDE(A_NODE, 6),
	 BESIDE(A_NODE, 9), BESIDE(A_NODE, 10), BESIDE(A_NODE, 11), DAEMON, UP,
	 BESIDE(A_NODE, 8), BESIDE(NO_NODE, 7), BESIDE(NO_NODE, 10), END}},
	{"crowd", 0, 0, 3, {UP, BESIDE(A_CROWD, 0), DOWN, END}},
	{"another-backend", 0, 0, 3, {BESIDE(A_RIVAL, 1), CREATE(0, 0), BACK(0, 0),
	 BESIDE(A_RIVAL, 0), BACK(0, 0), END}},
	{"rare-calls", 0, 0, 3, {RARE(0, 0), CREATE(0, 0), RARE(3, 2), KEYS, RARE(5, 0),
	 FRONT(CONNECTED), RARE(0, 0xe0), FRONT(CLOSED), RARE(2, 0xe3), REMOVE, RARE(1, 0),
	 CREATE(0, 0), END}},
	{"written-to-no-table", 0, 0, 3 | TABLES, {{LIFE_BESIDE, NO_WRITE, 0, 1}, CREATE(0, 0),
	 KEYS, FRONT(CONNECTED), AGAIN, KEYS, BESIDE(NO_WRITE, 3), FRONT(CONNECTED), AGAIN, KEYS,
	 FRONT(CONNECTED), BESIDE(NO_WRITE, 0), SIZE(10), BESIDE(NO_WRITE, 1), AGAIN, END}},
	{"written-once-only", 0, 0, 3, {CREATE(0, 0), KEYS, {LIFE_BESIDE, NO_WRITE, 0, 1},
	 FRONT(CONNECTED), FRONT(CLOSED), {LIFE_BESIDE, NO_WRITE, 1, 0}, FRONT(INITIALISING),
	 FRONT(CONNECTED), UNPLUG, BESIDE(NO_WRITE, 3), DOWN, END}},
	{"limited", 0, 0, 3 | TABLES, {UP_WITH(A_FILE, 4), DIES, DAEMON, BACK(8, 13), BACK(9, 16),
	 BACK(10, 17), FRONT(CLOSED), {LIFE_ONLINE, 0, 0, 0}, DAEMON, {LIFE_ONLINE, 1, 0, 0},
	 FRONT(INITIALISING), BACK(11, 16), BACK(10, 5), DAEMON, REMOVE, UP_WITH(A_FILE, 12),
	 END}},
	{"told-nothing", 0, 0, 3, {WORKER(0, 0xc1), CREATE(0, 0), WORKER(0, 0xc1), AGAIN, KEYS,
	 WORKER(0, 0xc1), FRONT(CONNECTED), AGAIN, KEYS, FRONT(CONNECTED), WORKER(0, 0xc1),
	 FRONT(CLOSED), WORKER(0, 0xc2), REMOVE, END}},
	{"dies-while-another-daemon-connects", 0, 0, 7 | TABLES, {UP, AT_ONCE(DAEMON, 0, 0),
	 AT_ONCE(RUN, 1, 0), AT_ONCE(WORKER, 4, 0), AT_ONCE(WORKER, 11, LINK_READY),
	 AT_ONCE(RUN, 3, 0), DIES, FRONT(CLOSED), END}},
	{"tells-too-much", 0, 0, 3, {UP, AGAIN, KEYS, FRONT(CONNECTED), AGAIN, FRONT(CONNECTED),
	 AGAIN, FRONT(CONNECTED), AGAIN, FRONT(CONNECTED), AGAIN, FRONT(CONNECTED), CLOCK(200),
	 FRONT(CLOSED), END}},
	{"closed-by-the-toolstack", 0, 0, 3, {UP, {LIFE_BACK_STATE, 225, 0, 0}, AGAIN, END}},
	{"starts", 0, 0, 3 | TABLES, {UP, BESIDE(A_START, 0), BESIDE(A_START, 1),
	 BESIDE(A_START, 2), BESIDE(A_START, 3), BESIDE(A_START, 0xe0), BESIDE(A_START, 0xe1),
	 BESIDE(A_START, 0xe2), BESIDE(A_START, 0xe3), DOWN, END}},
	{"no-memory", 0, 0, 3, {BESIDE(NO_MEMORY, 0), CREATE(0, 0), DAEMON, BESIDE(NO_MEMORY, 1),
	 CREATE(0, 0), {LIFE_CREATE | SECOND, 0, 0, 0}, REMOVE, BESIDE(NO_MEMORY, 0),
	 CREATE(0, 0), END}},
	LOST("lost-at-0", 0, 0xe0),
	LOST("lost-at-1", 1, 0xe1),
	LOST("lost-at-2", 2, 0xe2),
	LOST("lost-at-3", 3, 0xe3),
	LOST("lost-at-4", 4, 0xe0),
	LOST("lost-at-5", 5, 0xe1),
	LOST("lost-at-7", 7, 0xe2),
	LOST("lost-at-9", 9, 0xe3),
	LOST("lost-at-11", 11, 0xe0),
	LOST("lost-at-13", 13, 0xe1),
	LOST("lost-at-16", 16, 0xe2),
	LOST("lost-at-20", 20, 0xe0),
	LOST("lost-at-26", 26, 0xe1),
	{"facts-of-any-kind", 0, 0, 3, {CREATE(0, 0), BACK(1, 0xe0), FRONT(CLOSED),
	 FRONT(INITIALISING), BACK(1, 1), BACK(2, 0xe0), AGAIN, BACK(2, 0xe1), AGAIN,
	 BACK(2, 3), BACK(3, 0xe0), AGAIN, BACK(3, 5), BACK(0, 0xe0), AGAIN, BACK(0, 0),
	 BACK(4, 0xe0), BACK(5, 8), AGAIN, END}},
};
/* clang-format on */

const struct life_seed *life_troubles(size_t *count)
{
	*count = ARRAY_SIZE(seeds);
	return seeds;
}
