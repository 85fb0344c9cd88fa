/* What a harness takes away from a script.  See bend.h. */
#include "fuzz/bend.h"

void bend_shape(const struct bend *bend, struct guest_shape *shape)
{
	if (bend->queues != 0)
		shape->queues = bend->queues;
	shape->packed = bend_bool(bend->packed, shape->packed);
	shape->persistent = bend_bool(bend->persistent, shape->persistent);
}

void bend_kinds(struct script *script, uint64_t wanted,
		enum script_kind instead)
{
	for (unsigned int i = 0; i < script->operations; i++) {
		struct script_record *r = &script->operation[i];

		if ((wanted & BEND_KIND(script_kind(r))) == 0)
			r->byte[0] = (uint8_t)instead;
	}
}

void bend_faults_away(struct script *script)
{
	for (unsigned int i = 0; i < script->operations; i++) {
		struct script_record *r = &script->operation[i];
		enum script_kind kind = script_kind(r);

		if (kind == SCRIPT_FAIL)
			r->byte[0] = SCRIPT_RUN;
		if (kind == SCRIPT_DISK)
			r->byte[DISK_REFUSE] = r->byte[DISK_ERROR] = 0;
		if (kind == SCRIPT_COMPLETE)
			r->byte[COMPLETE_ERROR] = 0;
	}
}

#define STRAIGHT_KINDS                                                         \
	(BEND_KIND(SCRIPT_REQUEST) | BEND_KIND(SCRIPT_RUN) |                   \
	 BEND_KIND(SCRIPT_RUN_ALL) | BEND_KIND(SCRIPT_PUSH) |                  \
	 BEND_KIND(SCRIPT_KICK) | BEND_KIND(SCRIPT_COMPLETE) |                 \
	 BEND_KIND(SCRIPT_MEMORY) | BEND_KIND(SCRIPT_GRANT) |                  \
	 BEND_KIND(SCRIPT_DISK) | BEND_KIND(SCRIPT_CLOCK) |                    \
	 BEND_KIND(SCRIPT_ATTACH) | BEND_KIND(SCRIPT_EVENTS))

void bend_straight(struct script *script)
{
	bend_faults_away(script);
	bend_kinds(script, STRAIGHT_KINDS, SCRIPT_REQUEST);
	for (unsigned int i = 0; i < script->operations; i++) {
		struct script_record *r = &script->operation[i];

		/* What is overwritten in use depends on who has it mapped. */
		if (script_kind(r) == SCRIPT_GRANT)
			r->byte[GRANT_ACTION] %= 4;
	}
}
