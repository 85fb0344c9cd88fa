/*
 * nbd: whatever NBD servers do (answer in any order, with errors, at once, late,
 * never; take no more, leave, tell nonsense of themselves) every operation of a
 * queue is over exactly once, with the first error of its parts or the right
 * bytes; what was shut out stays out; a queue never sleeps while its server has
 * something for it, and other queues do not notice.
 *
 * Aims at all of backend/nbd.  libnbd is fuzz/nbd/server.c, so that the script
 * decides what happens when.  Input: records of fuzz/script.h with the kinds of
 * fuzz/nbd/client.h.
 */

#include "backend/base/log.h"
#include "fuzz/nbd/client.h"
#include "fuzz/oracle/oracle.h"
#include "fuzz/target.h"

static struct client_sum play(const struct script *script)
{
	struct client_sum sum = {0};
	const int result = client_begin(&script->device);

	if (result < 0)
		return (struct client_sum){.hash = (uint64_t)-result};
	for (unsigned int i = 0; i < script->operations; i++)
		client_act(&script->operation[i]);
	sum = client_end(script_u8(&script->device, DEVICE_MODE));
	return sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const enum log_level level = log_level();
	const unsigned int fds = target_fds();
	struct client_sum sum;
	struct script script;

	script_decode(data, size, &script);
	log_set_level(LOG_ERROR);
	sum = play(&script);
	server_end();
	log_set_level(level);
	if (target_fds() != fds)
		oracle_fail(ORACLE_RESOURCES, "%u descriptors, before it %u",
			    target_fds(), fds);
	target_report(sum.hash, sum.asked, sum.okay);
	return 0;
}
