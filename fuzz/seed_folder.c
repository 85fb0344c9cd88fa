/* Files of seeds.  See seed_folder.h. */
#include "fuzz/seed_folder.h"

#include <errno.h>
#include <stdio.h>

static int write_file(const char *path, const void *data, size_t bytes)
{
	FILE *file = fopen(path, "wb");
	int error = 0;

	if (file == NULL)
		return -errno;
	if (fwrite(data, 1, bytes, file) != bytes)
		error = -EIO;
	if (fclose(file) != 0)
		error = -EIO;
	return error;
}

void seed_put(struct seed_folder *to, const char *name, const void *data,
	      size_t bytes)
{
	char path[4096];

	if (to->error != 0)
		return;
	snprintf(path, sizeof(path), "%s/%s", to->path, name);
	to->error = write_file(path, data, bytes);
}
