/*
 * backing: whatever params say and whatever stands behind the path, a disk has
 * one descriptor for each queue, all of the same file, opened as they must be,
 * within the paths that are permitted, with a size and a block that a guest may
 * be told; or there is a sentence, and nothing stays open.
 *
 * Aims at backend/supervisor/backing.c.  Input: 16 bytes of settings and of what
 * stands there, then the params.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "backend/base/log.h"
#include "fuzz/backing/files.h"
#include "fuzz/oracle/oracle.h"
#include "fuzz/script.h"
#include "fuzz/target.h"

#define PARAMS_MAX 300u

static struct stored stored_as(const struct script_record *r)
{
	static const int errors[] = {EIO,   EACCES, ENOENT, EMFILE,
				     EPERM, ENOMEM, ENOTTY, EINTR};
	static const uint32_t blocks[] = {4096, 512, 1024, 65536, 0, 520, 2048};
	static const uint32_t odd[] = {256, 1u << 31};
	const uint8_t how = script_u8(r, 1), block = script_u8(r, 2);

	return (struct stored){
		.kind = script_u8(r, 0),
		.bytes = script_u8(r, 12) >= SCRIPT_ODD
				 ? (uint64_t)script_u32(r, 8) << 31
				 : script_u32(r, 8),
		.block = block >= SCRIPT_ODD ? odd[block % 2]
					     : blocks[block % 7],
		.no_direct = how & 1,
		.opens_direct = how & 2,
		.read_only = how & 4,
		.leads = (uint8_t)(how >> 4),
		.replaced = script_u8(r, 3) % 8,
		.fails = script_u8(r, 4) % 24,
		.error = errors[script_u8(r, 5) % 8],
		.queue = script_u8(r, 15),
	};
}

static void conf_as(const struct script_record *r, struct conf *conf)
{
	static const char *const allowed[] = {STORE_ROOT "/a", "/",
					      STORE_ROOT "/b", "/elsewhere/"};
	const uint8_t paths = script_u8(r, 7);

	conf_init(conf);
	conf->max_queues = 1 + script_u8(r, 6) % LIMIT_QUEUES;
	conf->direct = script_u8(r, 13) % 3;
	conf->allow_count = paths % 3;
	for (unsigned int i = 0; i < conf->allow_count; i++)
		snprintf(conf->allow[i], sizeof(conf->allow[i]), "%s",
			 allowed[(paths >> (2 + 2 * i)) % 4]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char params[PARAMS_MAX + 1] = "", sentence[BACKING_SENTENCE_BYTES] = "";
	const enum log_level level = log_level();
	struct script_record r = {{0}};
	struct stored stored;
	struct backing backing;
	struct conf conf;
	int result;

	memcpy(r.byte, data, size < SCRIPT_RECORD ? size : SCRIPT_RECORD);
	if (size > SCRIPT_RECORD) {
		const size_t bytes = size - SCRIPT_RECORD;

		memcpy(params, data + SCRIPT_RECORD,
		       bytes < PARAMS_MAX ? bytes : PARAMS_MAX);
	}
	log_set_level(LOG_ERROR);
	stored = stored_as(&r);
	conf_as(&r, &conf);
	files_begin(&stored);
	result = backing_open(&conf, params, script_u8(&r, 14) % 2 != 0,
			      &backing, sentence);
	files_check(&conf, &backing, result, sentence);
	if (result == 0)
		backing_close(&backing);
	files_check(&conf, &backing, -1, "closed");
	files_end();
	log_set_level(level);
	target_report(result == 0 ? backing.sectors : (uint64_t)-result, 1,
		      result == 0);
	return 0;
}
