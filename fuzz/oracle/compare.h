/*
 * Oracles that compare two plays of one script.
 *
 * Both were played under all other oracles; these see what a play alone cannot
 * show.  A play whose guest wrecked its own rings is compared with nothing.
 */
#pragma once

#include "fuzz/outcome.h"

/* independence.c: queue 0 with the others' records, and without */
void independence_check(const struct outcome *together,
			const struct outcome *alone);

/* queue_count.c: a straight script over several queues, and over one */
void queue_count_check(const struct outcome *many, const struct outcome *one);

/* layouts.c: a straight script in both layouts of a slot */
void layouts_check(const struct outcome *unpacked,
		   const struct outcome *packed);

/* ways.c: a straight script with data on another way to the guest's pages */
void ways_check(const struct outcome *copied, const struct outcome *other,
		const char *way);
