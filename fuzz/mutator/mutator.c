/* Scripts changed by operations and fields.  See mutator.h. */
#include "fuzz/mutator/mutator.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "backend/base/checked.h"
#include "fuzz/mutator/dice.h"

#define SHARE_DEFAULT 50u
#define RUN_MAX	      40u /* more than a ring of one page has slots */
#define STEPS_MAX     4u

/* A script in place: the device, @operations of records, the payload. */
struct tape {
	const struct language *language;
	uint8_t *data;
	size_t records; /* all of them */
	size_t room;	/* records that there may be */
	size_t operations;
};

static uint8_t *record(const struct tape *tape, size_t index)
{
	return tape->data + index * SCRIPT_RECORD;
}

/* The same division as in script_decode(). */
static void count_operations(struct tape *tape)
{
	size_t payload = tape->data[DEVICE_PAYLOAD];

	if (payload > (tape->records - 1) / 2)
		payload = (tape->records - 1) / 2;
	tape->operations = tape->records - 1 - payload;
}

/* Its language and its data are set. */
static void tape_open(struct tape *tape, size_t size, size_t max)
{
	size_t whole = (size + SCRIPT_RECORD - 1) / SCRIPT_RECORD;

	tape->room = max / SCRIPT_RECORD;
	if (whole == 0)
		whole = 1;
	if (whole > tape->room)
		whole = tape->room;
	if (whole * SCRIPT_RECORD > size)
		memset(tape->data + size, 0, whole * SCRIPT_RECORD - size);
	tape->records = whole;
	count_operations(tape);
}

/* --- single records --- */

static const struct shape *shape_of(const struct tape *tape, size_t index)
{
	if (index == 0)
		return tape->language->device;
	return language_shape(tape->language, *record(tape, index));
}

static unsigned int count_fields(const struct shape *shape)
{
	unsigned int n = 0;

	while (n < MAX_FIELDS && shape->field[n].name != NULL)
		n++;
	return n;
}

static void change_field(const struct tape *tape, struct dice *dice,
			 size_t index)
{
	const struct shape *shape = shape_of(tape, index);
	unsigned int fields = count_fields(shape);

	if (fields > 0)
		dice_field(dice, &shape->field[dice_below(dice, fields)],
			   record(tape, index));
}

static uint8_t any_kind(const struct tape *tape, struct dice *dice)
{
	return (uint8_t)dice_below(dice, tape->language->kinds);
}

/* An operation out of nothing: most of its fields are zero, which is valid. */
static void invent(const struct tape *tape, struct dice *dice, size_t index)
{
	uint8_t *r = record(tape, index);
	const struct shape *shape;
	unsigned int fields;

	memset(r, 0, SCRIPT_RECORD);
	/* A third are what gives the others something to work on. */
	r[0] = dice_below(dice, 3) == 0 ? tape->language->usual
					: any_kind(tape, dice);
	shape = shape_of(tape, index);
	fields = count_fields(shape);
	for (unsigned int i = 0; i < fields; i++)
		if (dice_below(dice, 4) == 0)
			dice_field(dice, &shape->field[i], r);
}

/* --- runs of records --- */

struct run {
	size_t first, count;
};

static struct run choose_run(const struct tape *tape, struct dice *dice)
{
	struct run run = {1 + dice_below(dice, (uint32_t)tape->operations), 1};
	size_t most = tape->operations - (run.first - 1);

	if (most > RUN_MAX)
		most = RUN_MAX;
	if (dice_below(dice, 2) == 0)
		run.count = 1 + dice_below(dice, (uint32_t)most);
	return run;
}

/* Makes a gap before a record; how many of @count there was room for. */
static size_t open_gap(struct tape *tape, size_t at, size_t count)
{
	if (count > tape->room - tape->records)
		count = tape->room - tape->records;
	memmove(record(tape, at + count), record(tape, at),
		(tape->records - at) * SCRIPT_RECORD);
	tape->records += count;
	tape->operations += count;
	return count;
}

static void step_insert(struct tape *tape, struct dice *dice)
{
	size_t at = 1 + dice_below(dice, (uint32_t)tape->operations + 1);
	size_t count = open_gap(tape, at, 1 + dice_below(dice, 3));

	for (size_t i = 0; i < count; i++)
		invent(tape, dice, at + i);
}

static void step_delete(struct tape *tape, struct dice *dice)
{
	struct run run = choose_run(tape, dice);
	size_t after = run.first + run.count;

	memmove(record(tape, run.first), record(tape, after),
		(tape->records - after) * SCRIPT_RECORD);
	tape->records -= run.count;
	tape->operations -= run.count;
}

/* One operation many times: this fills rings, caches and tables. */
static void step_repeat(struct tape *tape, struct dice *dice)
{
	size_t from = 1 + dice_below(dice, (uint32_t)tape->operations);
	bool vary = dice_below(dice, 2) == 0;
	uint8_t copy[SCRIPT_RECORD];
	size_t count;

	memcpy(copy, record(tape, from), SCRIPT_RECORD);
	count = open_gap(tape, from, 1 + dice_below(dice, RUN_MAX));
	for (size_t i = 0; i < count; i++) {
		memcpy(record(tape, from + i), copy, SCRIPT_RECORD);
		if (vary)
			change_field(tape, dice, from + i);
	}
}

/* A run of operations once more, somewhere else. */
static void step_duplicate(struct tape *tape, struct dice *dice)
{
	struct run run = choose_run(tape, dice);
	size_t at = 1 + dice_below(dice, (uint32_t)tape->operations + 1);
	uint8_t copy[RUN_MAX * SCRIPT_RECORD];
	size_t count;

	memcpy(copy, record(tape, run.first), run.count * SCRIPT_RECORD);
	count = open_gap(tape, at, run.count);
	memcpy(record(tape, at), copy, count * SCRIPT_RECORD);
}

static void step_swap(struct tape *tape, struct dice *dice)
{
	size_t one = 1 + dice_below(dice, (uint32_t)tape->operations);
	size_t other = 1 + dice_below(dice, (uint32_t)tape->operations);
	uint8_t copy[SCRIPT_RECORD];

	memcpy(copy, record(tape, one), SCRIPT_RECORD);
	memmove(record(tape, one), record(tape, other), SCRIPT_RECORD);
	memcpy(record(tape, other), copy, SCRIPT_RECORD);
}

static void step_field(struct tape *tape, struct dice *dice)
{
	change_field(tape, dice,
		     1 + dice_below(dice, (uint32_t)tape->operations));
}

static void step_kind(struct tape *tape, struct dice *dice)
{
	size_t at = 1 + dice_below(dice, (uint32_t)tape->operations);

	*record(tape, at) = any_kind(tape, dice);
}

static void step_device(struct tape *tape, struct dice *dice)
{
	change_field(tape, dice, 0);
	count_operations(tape);
}

/* --- the same on another ring, with other grants, of another disk --- */

static const struct field *find_field(const struct shape *shape,
				      const char *name)
{
	for (unsigned int i = 0; i < count_fields(shape); i++)
		if (strcmp(shape->field[i].name, name) == 0)
			return &shape->field[i];
	return NULL;
}

static const char *any_target(const struct tape *tape, struct dice *dice)
{
	const char *const *target = tape->language->target;
	uint32_t count = 0;

	while (count < MAX_TARGETS && target[count] != NULL)
		count++;
	return target[dice_below(dice, count)];
}

static void step_retarget(struct tape *tape, struct dice *dice)
{
	const char *name = any_target(tape, dice);
	struct run run = choose_run(tape, dice);
	size_t from = 1 + dice_below(dice, (uint32_t)tape->operations);
	const struct field *like = find_field(shape_of(tape, from), name);
	uint8_t value = (uint8_t)dice_below(dice, 64);

	if (like != NULL && dice_below(dice, 2) == 0)
		value = record(tape, from)[like->at];
	for (size_t i = 0; i < run.count; i++) {
		const struct field *f =
			find_field(shape_of(tape, run.first + i), name);

		if (f != NULL)
			record(tape, run.first + i)[f->at] = value;
	}
}

static void (*const steps[])(struct tape *, struct dice *) = {
	step_insert,	step_insert, step_delete,   step_repeat,
	step_duplicate, step_swap,   step_field,    step_field,
	step_field,	step_kind,   step_retarget, step_device,
};

size_t mutator_change(const struct language *language, uint8_t *data,
		      size_t size, size_t max, uint32_t seed)
{
	struct tape tape = {.language = language, .data = data};
	struct dice dice;
	unsigned int count = 1;

	if (max < SCRIPT_RECORD)
		return size;
	dice_init(&dice, seed);
	tape_open(&tape, size, max);
	if (dice_below(&dice, 2) == 0)
		count += dice_below(&dice, STEPS_MAX);
	for (unsigned int i = 0; i < count; i++)
		if (tape.operations == 0)
			step_insert(&tape, &dice);
		else
			steps[dice_below(&dice, ARRAY_SIZE(steps))](&tape,
								    &dice);
	return tape.records * SCRIPT_RECORD;
}

/* Whole records of a script that is only read. */
static struct run operations_of(const struct mutator_script *script)
{
	struct run run = {1, script->size / SCRIPT_RECORD};
	size_t payload;

	if (run.count <= 1)
		return (struct run){1, 0};
	run.count--;
	payload = script->data[DEVICE_PAYLOAD];
	if (payload > run.count / 2)
		payload = run.count / 2;
	run.count -= payload;
	return run;
}

size_t mutator_cross(const struct language *language,
		     const struct mutator_script *one,
		     const struct mutator_script *other, uint8_t *out,
		     size_t max, uint32_t seed)
{
	struct tape tape = {.language = language, .data = out};
	struct run piece = operations_of(other);
	size_t size = one->size < max ? one->size : max;
	struct dice dice;
	size_t at, skip;

	if (max < SCRIPT_RECORD)
		return 0;
	dice_init(&dice, seed);
	if (size > 0)
		memcpy(out, one->data, size);
	tape_open(&tape, size, max);
	if (piece.count == 0)
		return tape.records * SCRIPT_RECORD;
	at = 1 + dice_below(&dice, (uint32_t)tape.operations + 1);
	/* Half of them: its end instead of ours; the others: a piece of it. */
	if (dice_below(&dice, 2) == 0) {
		struct tape rest = tape;

		memmove(record(&tape, at), record(&tape, tape.operations + 1),
			(tape.records - tape.operations - 1) * SCRIPT_RECORD);
		tape.records -= rest.operations + 1 - at;
		tape.operations = at - 1;
	}
	skip = dice_below(&dice, (uint32_t)piece.count);
	piece.first += skip;
	piece.count = 1 + dice_below(&dice, (uint32_t)(piece.count - skip));
	piece.count = open_gap(&tape, at, piece.count);
	memcpy(record(&tape, at), other->data + piece.first * SCRIPT_RECORD,
	       piece.count * SCRIPT_RECORD);
	return tape.records * SCRIPT_RECORD;
}

unsigned int mutator_share(void)
{
	const char *text = getenv("XENBLK_MUTATOR");
	unsigned long share;
	char *end;

	if (text == NULL || *text == '\0')
		return SHARE_DEFAULT;
	share = strtoul(text, &end, 10);
	return *end == '\0' && share <= 100 ? (unsigned int)share
					    : SHARE_DEFAULT;
}
