/*
 * The trace of the in-process build.  See trace.h.
 *
 * Called by lib/ for each library call.  Must cost a few nanoseconds while
 * nobody wants lines, and must not change what is traced.
 */
#include "sim/trace.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "sim/sim.h"

static struct {
	uint64_t hash;
	uint64_t calls;
	int fd; /* + 1; 0: no lines */
} trace;

static const char *const names[TRACE_CALLS] = {
	"reset",
	"domain-create",
	"domain-destroy",
	"grant",
	"grant-end",
	"clock",
	"gnttab-open",
	"gnttab-close",
	"gnttab-map",
	"gnttab-unmap",
	"gnttab-copy",
	"gntshr-open",
	"gntshr-close",
	"gntshr-share",
	"gntshr-unshare",
	"evtchn-open",
	"evtchn-close",
	"evtchn-notify",
	"evtchn-alloc",
	"evtchn-bind",
	"evtchn-virq",
	"evtchn-unbind",
	"evtchn-pending",
	"evtchn-unmask",
	"xs-open",
	"xs-close",
	"xs-read",
	"xs-directory",
	"xs-get-permissions",
	"xs-write",
	"xs-mkdir",
	"xs-rm",
	"xs-set-permissions",
	"xs-watch",
	"xs-unwatch",
	"xs-event",
	"xs-begin",
	"xs-end",
	"xs-introduce",
	"xs-release",
};

static void mix(uint64_t value)
{
	trace.hash = (trace.hash ^ value) * 0x9fb21c651e98df25u;
	trace.hash ^= trace.hash >> 35;
}

static void mix_call(enum trace_call call, uint32_t domid, int64_t result)
{
	trace.calls++;
	mix((uint64_t)call << 32 | domid);
	mix((uint64_t)result);
}

void trace_call(enum trace_call call, uint32_t domid, int64_t result,
		uint64_t detail)
{
	mix_call(call, domid, result);
	mix(detail);
	if (trace.fd != 0)
		dprintf(trace.fd - 1,
			"%" PRIu64 " d%" PRIu32 " %s %#" PRIx64 " = %" PRId64
			"\n",
			trace.calls, domid, names[call], detail, result);
}

void trace_text(enum trace_call call, uint32_t domid, int64_t result,
		const char *text)
{
	mix_call(call, domid, result);
	for (const char *p = text; *p != '\0'; p++)
		mix((unsigned char)*p);
	if (trace.fd != 0)
		dprintf(trace.fd - 1,
			"%" PRIu64 " d%" PRIu32 " %s \"%s\" = %" PRId64 "\n",
			trace.calls, domid, names[call], text, result);
}

void trace_reset(void)
{
	trace.hash = 0;
	trace.calls = 0;
}

uint64_t sim_trace_hash(void)
{
	return trace.hash;
}

void sim_trace_to(int fd)
{
	trace.fd = fd + 1;
}
