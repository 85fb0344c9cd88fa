/* Bytes to records.  See script.h. */
#include "fuzz/script.h"

#include <string.h>

_Static_assert(SCRIPT_FAIL == SCRIPT_FIRST_KINDS - 1,
	       "new kinds stand at the end");

enum script_kind script_kind(const struct script_record *record)
{
	const uint8_t byte = record->byte[0];

	return (enum script_kind)(
		byte < SCRIPT_KIND_COUNT ? byte : byte % SCRIPT_FIRST_KINDS);
}

/* A record that the input ends in the middle of is filled up with zeroes. */
static size_t take_record(const uint8_t *data, size_t bytes,
			  struct script_record *record)
{
	size_t n = bytes < SCRIPT_RECORD ? bytes : SCRIPT_RECORD;

	memset(record, 0, sizeof(*record));
	if (n > 0)
		memcpy(record->byte, data, n);
	return n;
}

void script_decode(const uint8_t *data, size_t bytes, struct script *script)
{
	size_t at = take_record(data, bytes, &script->device);
	size_t payload = script_u8(&script->device, DEVICE_PAYLOAD) *
			 (size_t)SCRIPT_RECORD;
	size_t end;

	if (payload > (bytes - at) / 2)
		payload = (bytes - at) / 2 / SCRIPT_RECORD * SCRIPT_RECORD;
	end = bytes - payload;
	script->payload = data + end;
	script->payload_bytes = payload;
	script->operations = 0;
	while (at < end && script->operations < SCRIPT_MAX_OPERATIONS)
		at += take_record(data + at, end - at,
				  &script->operation[script->operations++]);
}
