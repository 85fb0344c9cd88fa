/* Numbers out of a seed, and values for fields.  See dice.h. */
#include "fuzz/mutator/dice.h"

#include "backend/base/checked.h"

/* What the protocol and its implementations count in: segments of a slot, ring
 * sizes, sectors of a page, grants that are kept, and where integers end. */
static const uint64_t bounds[] = {
	0,
	1,
	2,
	7,
	8,
	11,
	12,
	31,
	32,
	33,
	64,
	127,
	128,
	255,
	256,
	352,
	512,
	1024,
	1056,
	2048,
	4095,
	4096,
	16384,
	0x7fff,
	0x8000,
	0xffff,
	0x7fffffff,
	0x80000000,
	0xffff0000,
	UINT32_MAX,
	UINT64_C(1) << 55,
	UINT64_C(1) << 63,
	UINT64_MAX,
};

void dice_init(struct dice *dice, uint32_t seed)
{
	dice->state = seed + UINT64_C(0x9e3779b97f4a7c15);
}

static uint64_t any(struct dice *dice)
{
	uint64_t n = dice->state += UINT64_C(0x9e3779b97f4a7c15);

	n = (n ^ n >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	n = (n ^ n >> 27) * UINT64_C(0x94d049bb133111eb);
	return n ^ n >> 31;
}

uint32_t dice_below(struct dice *dice, uint32_t limit)
{
	return (uint32_t)((any(dice) >> 32) * limit >> 32);
}

static uint64_t get(const struct field *field, const uint8_t *byte)
{
	uint64_t value = 0;

	for (unsigned int i = field->bytes; i-- > 0;)
		value = value << 8 | byte[field->at + i];
	return value;
}

static uint64_t named(struct dice *dice, const struct field *field)
{
	uint32_t count = 0;

	while (field->names[count].name != NULL)
		count++;
	return field->names[dice_below(dice, count)].value;
}

static uint64_t choose(struct dice *dice, const struct field *field,
		       uint64_t now)
{
	if (field->names != NULL && dice_below(dice, 2) == 0)
		return named(dice, field);
	switch (dice_below(dice, 6)) {
	case 0:
		return 0;
	case 1:
		return dice_below(dice, 16);
	case 2:
		return field->bytes == 1
			       ? SCRIPT_ODD + dice_below(dice, 32)
			       : bounds[dice_below(dice, ARRAY_SIZE(bounds))];
	case 3:
		return bounds[dice_below(dice, ARRAY_SIZE(bounds))] + 1 -
		       dice_below(dice, 3);
	case 4:
		return now + 4 - dice_below(dice, 8);
	default:
		return any(dice);
	}
}

void dice_field(struct dice *dice, const struct field *field, uint8_t *byte)
{
	uint64_t value = choose(dice, field, get(field, byte));

	for (unsigned int i = 0; i < field->bytes; i++)
		byte[field->at + i] = (uint8_t)(value >> (8 * i));
}
