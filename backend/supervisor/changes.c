/* Resize, eject and insert, as requests ask for them.  See changes.h. */
#include "backend/supervisor/changes.h"

#include <stdio.h>
#include <string.h>

#include "backend/base/check.h"
#include "backend/base/limits.h"

bool changes_command(const char *command)
{
	return strcmp(command, "resize") == 0 ||
	       strcmp(command, "eject") == 0 || strcmp(command, "insert") == 0;
}

static bool resize(struct device *device, const json_t *request, char *sentence)
{
	const json_t *value = json_object_get(request, "bytes");
	const json_int_t bytes = json_integer_value(value);

	/* Without a size: as large as the image is. */
	if (value != NULL && (!json_is_integer(value) || bytes <= 0 ||
			      bytes % (json_int_t)SECTOR_BYTES != 0)) {
		snprintf(sentence, DEVICE_REASON_BYTES,
			 "bytes must be a number of whole sectors of %u bytes, "
			 "1 or more",
			 (unsigned int)SECTOR_BYTES);
		return false;
	}
	return device_resize(device, (uint64_t)bytes / SECTOR_BYTES,
			     sentence) == 0;
}

static bool insert(struct device *device, const json_t *request, char *sentence)
{
	const json_t *value = json_object_get(request, "params");
	const char *params = json_string_value(value);

	if (params == NULL || params[0] == '\0' ||
	    json_string_length(value) != strlen(params)) {
		snprintf(
			sentence, DEVICE_REASON_BYTES,
			"insert needs params, as a toolstack would write them");
		return false;
	}
	return device_change_medium(device, params, sentence) == 0;
}

bool changes_begin(struct device *device, const json_t *request, char *sentence)
{
	const char *command =
		json_string_value(json_object_get(request, "command"));
	bool begun;

	CHECK(command != NULL && changes_command(command));
	if (strcmp(command, "resize") == 0)
		begun = resize(device, request, sentence);
	else if (strcmp(command, "insert") == 0)
		begun = insert(device, request, sentence);
	else
		begun = device_change_medium(device, "", sentence) == 0;
	/* So that the answer to the next request knows of it. */
	if (begun)
		device_step(device);
	return begun;
}
