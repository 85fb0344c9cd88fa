/*
 * daemon: whatever toolstack, guests, clients of the control socket, signals and
 * killed processes do, xenblkd lives until it is killed, answers its control
 * socket in time after each step, ends with 0 in time after SIGTERM, goes on
 * after SIGKILL where another one ended, gives each frontend the bytes that it
 * wrote, and leaves no process, descriptor, mapped grant, bound port, table or
 * node of a disk that is gone.
 *
 * Aims at the whole: main.c, host.c, control.c, store.c, launch.c, recording.c,
 * tables, and workers that are real processes, confined as they ship.  So it is
 * the real programs on the drop-in simulator, out of process: a daemon that is
 * killed, and workers that die with it, cannot be had within one.  The simulated
 * host stands for all plays, a daemon for one.  An engine sees no edges of other
 * processes; what it is told of are states of disks after kinds of records, which
 * is enough for libFuzzer to collect scripts that get somewhere.  What threads and
 * processes do meanwhile differs from play to play: every oracle holds in each
 * order, and waits for what must come.
 *
 * Input: records of fuzz/script.h with the kinds of fuzz/daemon/stage.h.
 */
#include "fuzz/daemon/stage.h"
#include "fuzz/target.h"

/* More would be many seconds. */
#define RECORDS_MAX 24u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct script script;

	script_decode(data, size, &script);
	stage_begin(&script.device);
	for (unsigned int i = 0; i < script.operations && i < RECORDS_MAX; i++)
		stage_act(&script.operation[i]);
	/* Without the end, where everything goes well. */
	target_report(script.operations, stage.asked, stage.okay);
	stage_end();
	return 0;
}
