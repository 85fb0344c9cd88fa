/* What the records of the harness handshake do.  See front.h. */
#include "fuzz/handshake/front.h"

#include <stdio.h>
#include <string.h>

#include "fuzz/lifecycle/life.h"
#include "sim/sim.h"

#define LOOKS 290u

static const char *const names[] = {"multi-queue-num-queues",
				    "ring-page-order",
				    "num-ring-pages",
				    "protocol",
				    "feature-persistent",
				    "ring-ref",
				    "ring-ref%u",
				    "event-channel"};

static const char *const known[] = {
	"x86_64-abi", "x86_32-abi", "x86_64-abi ",
	"native",     "x86_64",	    "",
	"-1",	      "4294967296", "0x10",
	"1 ",	      "00001",	    "+1",
	"1\n",	      "16",	    "17",
	"5",	      "4294967295", "18446744073709551617"};

static struct life_disk *disk_of(void)
{
	return &life.disk[0];
}

/* --- keys --- */

static void write_scheme(const struct script_record *r)
{
	static const char *const protocols[] = {"x86_64-abi", "x86_32-abi",
						NULL, "arm-abi"};
	static const char *const flags[] = {NULL, "0", "1", "2"};
	const struct life_scheme scheme = {
		.queues = 1 + script_u8(r, FRONT_SCHEME_QUEUES) % LIMIT_QUEUES,
		.order = script_u8(r, FRONT_SCHEME_ORDER) %
			 (LIMIT_RING_ORDER + 1),
		.protocol =
			PICK(protocols, script_u8(r, FRONT_SCHEME_PROTOCOL)),
		.persistent =
			PICK(flags, script_u8(r, FRONT_SCHEME_PERSISTENT)),
		.naming = script_u8(r, FRONT_SCHEME_NAMING) % LIFE_NAMINGS,
		.gref = script_u8(r, FRONT_SCHEME_GREF),
		.port = 1 + script_u8(r, FRONT_SCHEME_PORT)};

	life_write_scheme(disk_of(), &scheme);
}

static void path_of(const struct script_record *r, char *path, size_t room)
{
	const unsigned int queue = script_u8(r, FRONT_KEY_QUEUE);
	const char *name = PICK(names, script_u8(r, FRONT_KEY_NAME));
	char prefix[24] = "", key[32];

	if (queue < LIMIT_QUEUES)
		snprintf(prefix, sizeof(prefix), "queue-%u/", queue);
	if (strchr(name, '%') != NULL)
		snprintf(key, sizeof(key), "ring-ref%u",
			 script_u8(r, FRONT_KEY_PAGE) % (LIMIT_RING_PAGES + 1));
	else
		snprintf(key, sizeof(key), "%s", name);
	snprintf(path, room, "%s/%s%s", disk_of()->front, prefix, key);
}

static size_t value_of(const struct script_record *r, char *value, size_t room)
{
	const uint8_t first = script_u8(r, FRONT_KEY_VALUE);

	switch (script_u8(r, FRONT_KEY_HOW) % FRONT_VALUES) {
	case FRONT_SMALL:
		return (size_t)snprintf(value, room, "%u", first);
	case FRONT_NUMBER:
		return (size_t)snprintf(value, room, "%u",
					script_u32(r, FRONT_KEY_VALUE));
	case FRONT_KNOWN:
		return (size_t)snprintf(value, room, "%s", PICK(known, first));
	case FRONT_RAW:
		memcpy(value, r->byte + FRONT_KEY_VALUE + 1, 9);
		return first % 10;
	default: /* FRONT_LONG */
		return (size_t)snprintf(value, room, "%0*u",
					first < 32 ? first : 250 + first % 16,
					script_u8(r, FRONT_KEY_VALUE + 1));
	}
}

static void write_key(const struct script_record *r)
{
	char path[LIFE_PATH_BYTES + 64], value[LIFE_VALUE_BYTES];
	const size_t length = value_of(r, value, sizeof(value));

	path_of(r, path, sizeof(path));
	life_put(path, value, length);
}

static void take_key(const struct script_record *r)
{
	char path[LIFE_PATH_BYTES + 64];

	path_of(r, path, sizeof(path));
	life_take(path);
}

/* --- states --- */

static void say(const char *state)
{
	life_put_at(disk_of()->front, "state", state);
}

/* As a driver that is loaded again: what was before is over. */
static void begin(void)
{
	say("6");
	life_settle();
	say("1");
	life_settle();
}

static void want(bool straight)
{
	say(straight ? "4" : "3");
}

void front_is_good(uint8_t which)
{
	const struct life_scheme scheme = {
		.queues = 1 + which % life.conf.max_queues,
		.order = which % (life.conf.max_ring_order + 1),
		.protocol = which % 2 == 0 ? "x86_64-abi" : NULL,
		.persistent = which % 3 == 0 ? NULL : "1",
		.naming = which % LIFE_NAMINGS,
		.gref = 8,
		.port = 3};

	life_clear_keys(disk_of());
	life_write_scheme(disk_of(), &scheme);
	begin();
	life.again = 3; /* on a store where others are busy, too */
	want(which % 2 != 0);
	life_rest();
}

/* --- records --- */

void front_touches(const struct script_record *r)
{
	static const char *const states[] = {"1", "3", "4", "5", "6", "2"};

	switch (script_u8(r, 0) % FRONT_KIND_COUNT) {
	case FRONT_SCHEME:
		write_scheme(r);
		break;
	case FRONT_KEY:
		write_key(r);
		break;
	case FRONT_TAKE:
		take_key(r);
		break;
	case FRONT_CLEAR:
		life_clear_keys(disk_of());
		break;
	case FRONT_STATE:
		say(PICK(states, script_u8(r, FRONT_STATE_WHICH)));
		break;
	case FRONT_FAIL:
		life_plan_failure(1, script_u8(r, FRONT_FAIL_ERROR));
		break;
	case FRONT_WORKER:
		worker_does(disk_of(), script_u8(r, FRONT_WORKER_WHAT),
			    script_u8(r, FRONT_WORKER_HOW));
		break;
	default:
		break; /* what takes time does not happen between two looks */
	}
}

void front_acts(const struct script_record *r)
{
	switch (script_u8(r, 0) % FRONT_KIND_COUNT) {
	case FRONT_BEGIN:
		begin();
		want(script_u8(r, FRONT_BEGIN_HOW) % 2 != 0);
		break;
	case FRONT_AGAIN:
		life.again = script_u8(r, FRONT_AGAIN_TIMES) % 70;
		break;
	case FRONT_CLOCK:
		sim_clock_advance(script_u32(r, 4) * 1000000ull);
		life_fire_timers();
		break;
	default:
		front_touches(r);
		break;
	}
	if (script_u8(r, 15) < SCRIPT_ODD)
		life_settle();
}
