/*
 * What a frontend finds beside a state at the moment when it can see that
 * state: all of what belongs to it, or it reads half a disk.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xenstore.h>

#include "backend/base/checked.h"
#include "fuzz/oracle/oracle.h"
#include "fuzz/oracle/supervisor.h"

struct node {
	unsigned int state;
	const char *key;
	const char *value; /* NULL: any number */
};

static const struct node nodes[] = {
	{2, "feature-flush-cache", "1"},
	{2, "feature-persistent", NULL},
	{2, "feature-barrier", "1"},
	{2, "max-ring-page-order", NULL},
	{2, "max-ring-pages", NULL},
	{2, "multi-queue-max-queues", NULL},
	{4, "sectors", NULL},
	{4, "sector-size", "512"},
	{4, "info", NULL},
	{4, "feature-flush-cache", "1"},
};

static bool is_number(const char *text)
{
	return *text != '\0' && strspn(text, "0123456789") == strlen(text);
}

void node_sets_check(struct xs_handle *xs, const char *directory,
		     unsigned int state)
{
	char path[160];

	for (size_t i = 0; i < ARRAY_SIZE(nodes); i++) {
		unsigned int length;
		char *text;

		if (nodes[i].state != state)
			continue;
		snprintf(path, sizeof(path), "%s/%s", directory, nodes[i].key);
		text = xs_read(xs, XBT_NULL, path, &length);
		if (text == NULL || !is_number(text) ||
		    (nodes[i].value != NULL &&
		     strcmp(text, nodes[i].value) != 0))
			oracle_fail(ORACLE_NODES,
				    "state %u is published and %s is %s", state,
				    nodes[i].key,
				    text == NULL ? "missing" : text);
		free(text);
	}
}
