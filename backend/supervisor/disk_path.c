/* Components between slashes.  See disk_path.h. */
#include "backend/supervisor/disk_path.h"

#include <string.h>

#include "backend/base/checked.h"
#include "backend/base/limits.h"
#include "backend/supervisor/decimal.h"

bool disk_path_number(const char *text, size_t length, uint64_t max,
		      uint32_t *number)
{
	uint64_t n;

	/* One spelling per number, or two directories would be one disk. */
	if (!decimal_parse(text, length, max, &n) ||
	    (text[0] == '0' && length > 1))
		return false;
	*number = (uint32_t)n;
	return true;
}

bool disk_path_key(const char *path, struct device_key *key)
{
	const char *slash = strchr(path, '/');
	const char *rest;

	if (slash == NULL || !disk_path_number(path, (size_t)(slash - path),
					       LIMIT_DOMID, &key->domid))
		return false;
	rest = slash + 1;
	return disk_path_number(rest, strcspn(rest, "/"), UINT32_MAX,
				&key->devid);
}

bool disk_path_concerns_us(const char *path)
{
	static const char *const nodes[] = {"/state",	 "/online",
					    "/params",	 "/mode",
					    "/frontend", "/frontend-id"};
	const char *devid = strchr(path, '/');
	const char *key = devid == NULL ? NULL : strchr(devid + 1, '/');

	if (key == NULL)
		return true;
	for (size_t i = 0; i < ARRAY_SIZE(nodes); i++)
		if (strcmp(key, nodes[i]) == 0)
			return true;
	return false;
}
