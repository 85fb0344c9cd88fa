/*
 * Independence: what other queues do, well or badly, changes nothing for queue
 * 0: neither its answers and their order, nor its half of disk and memory, nor
 * how far it gets in each of its turns.
 */
#include "fuzz/oracle/compare.h"
#include "fuzz/oracle/oracle.h"

/* The next answer of queue 0 from @at on; NULL: there is none. */
static const struct model_answer *next_answer(const struct outcome *o,
					      unsigned int *at)
{
	while (*at < o->answers) {
		const struct model_answer *answer = &o->answer[(*at)++];

		if (answer->queue == 0)
			return answer;
	}
	return NULL;
}

static void check_answers(const struct outcome *together,
			  const struct outcome *alone)
{
	const struct model_answer *a, *b;
	unsigned int i = 0, j = 0;

	do {
		a = next_answer(together, &i);
		b = next_answer(alone, &j);
		/* One of them kept so many answers of others. */
		if (together->answers == MODEL_ANSWERS && a == NULL)
			return;
		if ((a == NULL) != (b == NULL) ||
		    (a != NULL && (a->id != b->id || a->status != b->status)))
			oracle_fail(ORACLE_INDEPENDENCE,
				    "queue 0 answers request %#llx with %d; "
				    "without the other queues it answers "
				    "%#llx with %d",
				    a ? (unsigned long long)a->id : 0,
				    a ? a->status : OUTCOME_UNANSWERED,
				    b ? (unsigned long long)b->id : 0,
				    b ? b->status : OUTCOME_UNANSWERED);
	} while (a != NULL && b != NULL);
}

void independence_check(const struct outcome *together,
			const struct outcome *alone)
{
	const struct outcome_part part = {GUEST_DATA_PAGES / 2,
					  together->sectors / 2};
	struct outcome_difference d;

	if (together->blind || alone->blind)
		return;
	check_answers(together, alone);
	d = outcome_data(together, alone, &part);
	if (d.what != NULL)
		oracle_fail(ORACLE_INDEPENDENCE,
			    "%s %llu, which only queue 0 uses, holds something "
			    "else without the other queues",
			    d.what, (unsigned long long)d.where);
	if (together->pace[0] != alone->pace[0])
		oracle_fail(ORACLE_INDEPENDENCE,
			    "queue 0 takes and answers its requests in other "
			    "turns than without the other queues");
}
