/* Finding a target by name among those that the program was linked with. */
#include "conformance/targets/target.h"

#include <string.h>

const struct target *target_find(const char *name)
{
	for (unsigned int i = 0; targets[i] != NULL; i++) {
		if (strcmp(targets[i]->name, name) == 0)
			return targets[i];
	}
	return NULL;
}
