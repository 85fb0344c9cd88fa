/*
 * records: whatever a worker that was taken over writes into the memory of its
 * records, whatever happens to the file, the recording stays a file of whole
 * records within its bound, each stamped with whose it is; a queue that writes
 * nonsense is not read on, and no disk waits for it.
 *
 * Aims at backend/supervisor/recording.c and tape.c, and record.c.  Input:
 * records of fuzz/script.h with the kinds of
 * fuzz/records/desk.h.
 */
#include "backend/base/log.h"
#include "fuzz/records/desk.h"
#include "fuzz/target.h"

#define CHECK_EVERY 16u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const enum log_level level = log_level();
	struct script script;
	uint64_t records, hash;

	script_decode(data, size, &script);
	log_set_level(LOG_ERROR);
	desk_begin(&script.device);
	for (unsigned int i = 0; i < script.operations; i++) {
		desk_act(&script.operation[i]);
		if (i % CHECK_EVERY == 0)
			desk_check();
	}
	hash = desk_end(&records);
	log_set_level(level);
	target_report(hash, script.operations, records > 0);
	return 0;
}
