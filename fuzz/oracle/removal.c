/* A directory that the toolstack removed stays away: nothing brings it back. */
#include <stdlib.h>
#include <xenstore.h>

#include "fuzz/oracle/oracle.h"
#include "fuzz/oracle/supervisor.h"

void removal_check(struct xs_handle *xs, const char *directory)
{
	unsigned int count = 0;
	char **names = xs_directory(xs, XBT_NULL, directory, &count);

	if (names != NULL)
		oracle_fail(ORACLE_REMOVED, "%s was removed, and has %u nodes",
			    directory, count);
	free(names);
}
