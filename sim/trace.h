/*
 * The trace: every library call with its arguments and its result.
 *
 * Fed by the in-process symbols.  Only numbers and strings that the run itself
 * decides go in, never an address, so that the same run gives the same hash in
 * every process.
 */
#pragma once

#include <stdint.h>

/* Calls; the names in trace.c are in this order. */
enum trace_call {
	TRACE_RESET,
	TRACE_DOMAIN_CREATE,
	TRACE_DOMAIN_DESTROY,
	TRACE_GRANT,
	TRACE_GRANT_END,
	TRACE_CLOCK,
	TRACE_GNTTAB_OPEN,
	TRACE_GNTTAB_CLOSE,
	TRACE_GNTTAB_MAP,
	TRACE_GNTTAB_UNMAP,
	TRACE_GNTTAB_COPY,
	TRACE_GNTSHR_OPEN,
	TRACE_GNTSHR_CLOSE,
	TRACE_GNTSHR_SHARE,
	TRACE_GNTSHR_UNSHARE,
	TRACE_EVTCHN_OPEN,
	TRACE_EVTCHN_CLOSE,
	TRACE_EVTCHN_NOTIFY,
	TRACE_EVTCHN_ALLOC,
	TRACE_EVTCHN_BIND,
	TRACE_EVTCHN_VIRQ,
	TRACE_EVTCHN_UNBIND,
	TRACE_EVTCHN_PENDING,
	TRACE_EVTCHN_UNMASK,
	TRACE_XS_OPEN,
	TRACE_XS_CLOSE,
	TRACE_XS_READ,
	TRACE_XS_DIRECTORY,
	TRACE_XS_GET_PERMISSIONS,
	TRACE_XS_WRITE,
	TRACE_XS_MKDIR,
	TRACE_XS_RM,
	TRACE_XS_SET_PERMISSIONS,
	TRACE_XS_WATCH,
	TRACE_XS_UNWATCH,
	TRACE_XS_EVENT,
	TRACE_XS_BEGIN,
	TRACE_XS_END,
	TRACE_XS_INTRODUCE,
	TRACE_XS_RELEASE,
	TRACE_CALLS,
};

/**
 * trace_call() - one call by a domain.
 * @result: what it returned, or -errno
 * @detail: the arguments, packed as the caller likes
 */
void trace_call(enum trace_call call, uint32_t domid, int64_t result,
		uint64_t detail);

/** trace_text() - the same with a string argument. */
void trace_text(enum trace_call call, uint32_t domid, int64_t result,
		const char *text);

void trace_reset(void);
