/*
 * A frontend's nodes: each but its state is read at most once for a connection,
 * so that what was checked is what is used; none while the disk is Connected;
 * and never one that means nothing in the protocol.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/base/checked.h"
#include "fuzz/oracle/oracle.h"
#include "fuzz/oracle/supervisor.h"

static const char *const known[] = {"multi-queue-num-queues", "ring-page-order",
				    "num-ring-pages",	      "protocol",
				    "feature-persistent",     "ring-ref",
				    "event-channel"};

void reads_begin(struct reads *reads, bool connected)
{
	reads->connected = connected;
	reads->count = 0;
}

/* "queue-3/ring-ref0" lies two levels up. */
const char *reads_key(const char *path)
{
	const char *queue = strstr(path, "/queue-");
	const char *slash = strrchr(path, '/');

	if (queue != NULL)
		return queue + 1;
	return slash == NULL ? path : slash + 1;
}

static bool is_known(const char *key)
{
	const char *last = strrchr(key, '/');

	last = last == NULL ? key : last + 1;
	for (size_t i = 0; i < ARRAY_SIZE(known); i++)
		if (strncmp(last, known[i], strlen(known[i])) == 0)
			return true;
	return false;
}

void reads_note(struct reads *reads, const char *path, const char *value)
{
	const char *key = reads_key(path);

	if (strcmp(key, "state") == 0) {
		/* No node is no state: one that it had before is none. */
		reads->state = value == NULL
				       ? 0
				       : (unsigned int)strtoul(value, NULL, 10);
		return;
	}
	if (!is_known(key))
		oracle_fail(ORACLE_READS, "the frontend's %s is read", key);
	if (reads->connected)
		oracle_fail(ORACLE_READS,
			    "the frontend's %s is read while Connected", key);
	for (unsigned int i = 0; i < reads->count; i++)
		if (strcmp(reads->key[i], key) == 0)
			oracle_fail(ORACLE_READS,
				    "the frontend's %s is read twice", key);
	if (reads->count < READS_KEYS)
		snprintf(reads->key[reads->count++], READS_KEY, "%s", key);
}
