/*
 * What happens on a host, as scripts of the harness daemon.  See seed_makers.h.
 *
 * A step is a kind, the disk, and the bytes behind it.
 */
#include "fuzz/seed_makers.h"

#include <stdint.h>
#include <string.h>

#include "backend/base/checked.h"
#include "fuzz/daemon/kinds.h"
#include "fuzz/script.h"

#define STEPS 12u
#define BYTES 14u

struct step {
	enum daemon_kind kind;
	uint8_t byte[BYTES]; /* from the second of the record on */
};

struct seed {
	const char *name;
	uint8_t queues, rescues, record;
	struct step step[STEPS]; /* DAEMON_KIND_COUNT ends it */
};

/* Places in the table of images of acts.c. */
enum {
	A_FILE,
	MEMORY,
	NOTHING,
	NOWHERE,
	NONSENSE
};
/* ... of personalities (frontend/personality.c). */
enum {
	LINUX,
	BIG,
	BOUNCE,
	KDUMP,
	WINDOWS,
	GRUB = 8,
	OLD = 10
};

/* clang-format off */
#define ATTACH(disk, ...) {DAEMON_ATTACH, {disk, __VA_ARGS__}}
#define DETACH(disk) {DAEMON_DETACH, {disk}}
#define REMOVE(disk) {DAEMON_REMOVE, {disk}}
#define CONNECT(disk, who) {DAEMON_CONNECT, {disk, who}}
#define IO(disk, ...) {DAEMON_IO, {disk, __VA_ARGS__}}
#define ODD(disk, ...) {DAEMON_ODD, {disk, __VA_ARGS__}}
#define CLOSE(disk) {DAEMON_CLOSE, {disk}}
#define CRASH(disk) {DAEMON_CRASH, {disk}}
#define NODE(disk, ...) {DAEMON_NODE, {disk, __VA_ARGS__}}
#define STATE(disk, ...) {DAEMON_STATE, {disk, __VA_ARGS__}}
#define REQUEST(which) {DAEMON_REQUEST, {0, which}}
#define TALK(...) {DAEMON_BYTES, {0, __VA_ARGS__}}
#define WORKER(disk) {DAEMON_WORKER, {disk}}
#define KILL {DAEMON_KILL, {0}}
#define STOP {DAEMON_STOP, {0}}
#define HANGUP {DAEMON_SIGNAL, {0}}
#define DOMAIN(disk) {DAEMON_DOMAIN, {disk}}
#define OTHER(words) {DAEMON_OTHER, {0, words}}
#define BEHIND {DAEMON_BEHIND, {0}}
#define END {DAEMON_KIND_COUNT, {0}}

static const struct seed seeds[] = {
	{"nothing", 3, 3, 0, {END}},
	{"a-day", 3, 3, 0,
	 {ATTACH(0, A_FILE, 0), CONNECT(0, LINUX), IO(0, 0, 0, 1, 8), IO(0, 1, 0, 2, 16),
	  CLOSE(0), DETACH(0), END}},
	{"recorded", 3, 3, 1,
	 {ATTACH(0, A_FILE, 0), CONNECT(0, BIG), IO(0, 2, 0, 1, 8), ODD(0, 0, 255, 1),
	  CLOSE(0), STOP, REMOVE(0), END}},
	{"three-images", 3, 3, 0,
	 {ATTACH(0, MEMORY, 0), ATTACH(1, NOTHING, 0), ATTACH(2, A_FILE, 1),
	  CONNECT(0, WINDOWS), CONNECT(1, OLD), CONNECT(2, GRUB), IO(0, 0, 0, 1, 0),
	  IO(1, 0, 1, 1, 0), IO(2, 0, 1, 1, 0), IO(2, 0, 0, 1, 0), END}},
	{"no-images", 3, 3, 0,
	 {ATTACH(0, NOWHERE, 0), ATTACH(1, NONSENSE, 0), CONNECT(0, LINUX), REQUEST(0),
	  DETACH(0), ATTACH(0, A_FILE, 0), CONNECT(0, LINUX), IO(0, 0, 0, 1, 0), END}},
	{"crash", 3, 3, 0,
	 {ATTACH(0, A_FILE, 0), CONNECT(0, BOUNCE), IO(0, 0, 0, 1, 8), CRASH(0),
	  CONNECT(0, KDUMP), IO(0, 0, 0, 1, 8), END}},
	{"crash-and-gone", 3, 3, 0,
	 {ATTACH(0, A_FILE, 0), CONNECT(0, LINUX), CRASH(0), DETACH(0), END}},
	{"removed-in-use", 3, 3, 0,
	 {ATTACH(0, A_FILE, 0), CONNECT(0, LINUX), IO(0, 0, 0, 1, 8), REMOVE(0),
	  ATTACH(0, MEMORY, 0), END}},
	{"odd-requests", 3, 3, 0,
	 {ATTACH(0, A_FILE, 0), CONNECT(0, LINUX), ODD(0, 0, 255, 11),
	  ODD(0, 0, 1, 1, 255, 255, 255, 255), ODD(0, 0, 0, 2, 0, 0, 0, 0, 0, 7, 0, 200),
	  ODD(0, 0, 3, 0), ODD(0, 0, 6, 9, 0, 0, 0, 0, 0, 250), IO(0, 0, 0, 1, 8), CLOSE(0),
	  END}},
	{"impossible-index", 3, 3, 0,
	 {ATTACH(0, A_FILE, 0), CONNECT(0, OLD), ODD(0, 0, 0, 0, 0, 0, 0, 0, 0xff, 100),
	  CLOSE(0), CONNECT(0, LINUX), IO(0, 0, 0, 1, 8), END}},
	{"garbage-nodes", 3, 3, 0,
	 {ATTACH(0, A_FILE, 0), NODE(0, 0, 1), NODE(0, 2, 4), STATE(0, 2, 0), STATE(0, 0, 0),
	  NODE(0, 3, 3), STATE(0, 3, 0), CONNECT(0, LINUX), END}},
	{"states", 3, 3, 0,
	 {ATTACH(0, A_FILE, 0), STATE(0, 5, 0), STATE(0, 0, 0), STATE(0, 4, 1), STATE(0, 7, 1),
	  CONNECT(0, OLD), STATE(0, 4, 0), STATE(0, 8, 0), END}},
	{"requests", 3, 3, 0,
	 {ATTACH(0, A_FILE, 0), CONNECT(0, LINUX), REQUEST(1), REQUEST(2), REQUEST(3),
	  REQUEST(5), REQUEST(6), REQUEST(7), REQUEST(9), TALK('{', '}', '\n', '[', '\n'),
	  TALK(0xff, 0), END}},
	{"worker-killed", 3, 7, 0,
	 {ATTACH(0, A_FILE, 0), CONNECT(0, LINUX), WORKER(0), IO(0, 0, 0, 1, 8), WORKER(0),
	  CLOSE(0), ATTACH(1, MEMORY, 0), CONNECT(1, OLD), WORKER(1), IO(1, 0, 0, 1, 8), END}},
	{"worker-killed-too-often", 0, 0, 0,
	 {ATTACH(0, A_FILE, 0), CONNECT(0, LINUX), WORKER(0), IO(0, 0, 0, 1, 8), DETACH(0),
	  END}},
	{"daemon-killed", 3, 3, 0,
	 {ATTACH(0, A_FILE, 0), CONNECT(0, LINUX), IO(0, 0, 0, 1, 8), KILL, IO(0, 0, 0, 2, 8),
	  KILL, KILL, IO(0, 0, 0, 3, 8), CLOSE(0), END}},
	{"daemon-stopped", 3, 3, 0,
	 {ATTACH(0, A_FILE, 0), ATTACH(1, MEMORY, 0), CONNECT(0, LINUX), CONNECT(1, OLD),
	  IO(0, 0, 0, 1, 8), STOP, IO(0, 1, 0, 2, 8), IO(1, 0, 0, 1, 0), HANGUP,
	  IO(0, 1, 0, 2, 8), END}},
	{"killed-while-closing", 3, 3, 0,
	 {ATTACH(0, A_FILE, 0), CONNECT(0, OLD), STATE(0, 4, 0), KILL, IO(0, 0, 0, 1, 8),
	  STATE(0, 5, 0), END}},
	{"gone-while-it-was-away", 3, 3, 0,
	 {ATTACH(0, A_FILE, 0), CONNECT(0, LINUX), KILL, REMOVE(0), STOP, ATTACH(2, A_FILE, 0),
	  KILL, CONNECT(2, LINUX), IO(2, 0, 0, 1, 8), END}},
	{"other-daemons", 3, 3, 0,
	 {OTHER(0), OTHER(1), OTHER(2), OTHER(3), OTHER(4), OTHER(5), OTHER(6), OTHER(7),
	  OTHER(8), OTHER(9), OTHER(10), END}},
	{"daemons-of-another-directory", 3, 3, 0,
	 {ATTACH(0, A_FILE, 0), OTHER(11), OTHER(12), OTHER(13), OTHER(14), OTHER(15), OTHER(16),
	  OTHER(17), OTHER(18), BEHIND, END}},
	{"workers-of-nobody", 3, 3, 0,
	 {OTHER(19), OTHER(20), OTHER(21), OTHER(22), BEHIND, END}},
	{"domain-dies", 3, 3, 0,
	 {ATTACH(0, A_FILE, 0), ATTACH(1, A_FILE, 0), ATTACH(2, A_FILE, 0), CONNECT(0, LINUX),
	  CONNECT(2, LINUX), IO(0, 0, 0, 1, 8), DOMAIN(0), IO(2, 0, 0, 1, 8),
	  ATTACH(0, A_FILE, 0), CONNECT(0, LINUX), END}},
};
/* clang-format on */

static size_t lay(const struct seed *seed, uint8_t *data)
{
	size_t at = SCRIPT_RECORD;

	memset(data, 0, (STEPS + 1) * SCRIPT_RECORD);
	data[DAEMON_QUEUES] = seed->queues;
	data[DAEMON_RESCUES] = seed->rescues;
	data[DAEMON_RECORD] = seed->record;
	for (const struct step *s = seed->step; s->kind != DAEMON_KIND_COUNT;
	     s++, at += SCRIPT_RECORD) {
		data[at] = (uint8_t)s->kind;
		memcpy(data + at + 1, s->byte, BYTES);
	}
	return at;
}

void daemon_seeds(const char *harness, struct seed_folder *to)
{
	uint8_t data[(STEPS + 1) * SCRIPT_RECORD];

	(void)harness;
	for (size_t i = 0; i < ARRAY_SIZE(seeds); i++) {
		size_t bytes = lay(&seeds[i], data);

		seed_put(to, seeds[i].name, data, bytes);
	}
}
