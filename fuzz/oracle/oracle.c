/* The switches of the oracles and their one way out.  See oracle.h. */
#include "fuzz/oracle/oracle.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/base/check.h"
#include "backend/base/checked.h"

static const char *const names[] = {
	[ORACLE_RESPONSES] = "responses",
	[ORACLE_MEMORY] = "memory",
	[ORACLE_STORAGE] = "storage",
	[ORACLE_FLUSH] = "flush",
	[ORACLE_ORDER] = "order",
	[ORACLE_RING] = "ring",
	[ORACLE_GRANTS] = "grants",
	[ORACLE_RESOURCES] = "resources",
	[ORACLE_PROGRESS] = "progress",
	[ORACLE_EVENTS] = "events",
	[ORACLE_WORK] = "work",
	[ORACLE_ATTACH] = "attach",
	[ORACLE_DECODE] = "decode",
	[ORACLE_INDEPENDENCE] = "independence",
	[ORACLE_QUEUES] = "queues",
	[ORACLE_ABI] = "abi",
	[ORACLE_WAYS] = "ways",
	[ORACLE_UNTOUCHED] = "untouched",
	[ORACLE_WAKES] = "wakes",
	[ORACLE_LOG] = "log",
	[ORACLE_TRANSFERS] = "transfers",
	[ORACLE_REFETCH] = "refetch",
	[ORACLE_RECORDS] = "records",
	[ORACLE_STATES] = "states",
	[ORACLE_NODES] = "nodes",
	[ORACLE_READS] = "reads",
	[ORACLE_BUDGET] = "budget",
	[ORACLE_REMOVED] = "removed",
	[ORACLE_TALK] = "talk",
	[ORACLE_READING] = "reading",
	[ORACLE_DAEMON] = "daemon",
	[ORACLE_PAGE] = "page",
};

_Static_assert(ARRAY_SIZE(names) == ORACLE_COUNT, "every oracle has a name");

const char *oracle_name(enum oracle oracle)
{
	CHECK((size_t)oracle < ARRAY_SIZE(names));
	return names[oracle];
}

static enum oracle find(const char *name)
{
	unsigned int i = 0;

	while (i < ORACLE_COUNT && strcmp(names[i], name) != 0)
		i++;
	return (enum oracle)i;
}

static unsigned int parse(const char *text)
{
	unsigned int mask = *text == '-' ? ~0u : 0;
	char copy[256];
	char *saved = NULL;

	snprintf(copy, sizeof(copy), "%s", text);
	for (char *word = strtok_r(copy, ", ", &saved); word != NULL;
	     word = strtok_r(NULL, ", ", &saved)) {
		enum oracle oracle = find(word + (*word == '-'));

		if (oracle == ORACLE_COUNT) {
			fprintf(stderr,
				"XENBLK_ORACLES: there is no oracle \"%s\"; "
				"xenblk-fuzz(1) names them\n",
				word);
			exit(2);
		}
		if (*word == '-')
			mask &= ~(1u << oracle);
		else
			mask |= 1u << oracle;
	}
	return mask;
}

bool oracle_enabled(enum oracle oracle)
{
	static unsigned int mask;
	static bool known;

	if (!known) {
		const char *text = getenv("XENBLK_ORACLES");

		mask = text == NULL || *text == '\0' ? ~0u : parse(text);
		known = true;
	}
	return (mask >> oracle & 1) != 0;
}

void oracle_fail(enum oracle oracle, const char *format, ...)
{
	va_list arguments;

	if (!oracle_enabled(oracle))
		return;
	fflush(stdout);
	fprintf(stderr, "oracle %s: ", oracle_name(oracle));
	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	fprintf(stderr, "\n");
	abort();
}
