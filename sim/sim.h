/*
 * The simulator in process: a Xen host inside one thread of one process.
 *
 * This header is what tests, fuzzers and the in-process device use beside the
 * Xen libraries' own functions: to make domains, to choose as whom the next
 * handle is opened, to play the hostile guest with its own grant table, to make
 * library calls fail, to move the clock, and to ask what is still held.
 *
 * Nothing here opens a descriptor, starts a thread, makes a system call per
 * operation or looks at the real time: the same calls give the same trace.
 *
 * A handle (xengnttab, xengntshr, xenevtchn, xs) belongs to the domain that was
 * current (sim_enter) when it was opened, and acts as that domain for ever.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SIM_DOMAINS 8u /* domids 0 .. 7 in process */

/**
 * sim_reset() - forget everything, then make dom0; the clock goes to 0.
 *
 * Handles that are still open become invalid.  Costs what was used, not what
 * exists, so that a fuzzer can call it for every input.
 */
void sim_reset(uint64_t seed);

/**
 * sim_domain_create() - a new domain with so many pages of memory.
 *
 * Return: 0 or -errno.
 */
int sim_domain_create(uint32_t domid, uint32_t pages);

/**
 * sim_domain_destroy() - the domain dies: its ports close (peers see what Xen
 * shows), its grants stay valid only as long as somebody maps them, its
 * xenstore watches and connections end, its local subtree stays (a toolstack
 * removes it) and @releaseDomain fires.
 */
void sim_domain_destroy(uint32_t domid);

/**
 * sim_process_dies() - every grant and event channel handle of the domain
 * closes, as the kernel does it when the process that has them is killed.
 *
 * Whoever still holds one must never use it again.
 */
void sim_process_dies(uint32_t domid);

/** sim_enter() - the current domain from here on; returns the one before. */
uint32_t sim_enter(uint32_t domid);

/* --- memory and grant tables, as the guest itself can reach them --- */

/**
 * sim_guest_page() - the domain's own view of its frame, NULL beyond its
 * memory.
 */
void *sim_guest_page(uint32_t domid, uint32_t frame);

enum {
	SIM_GRANT_READONLY = 1u << 0,
};

/**
 * sim_grant() - write entry gref of the domain's grant table: peer may use
 * frame.
 *
 * A guest may overwrite an entry in use: mappings that exist keep the old
 * frame. Return: 0, or -EINVAL for a gref or frame out of range.
 */
int sim_grant(uint32_t domid, uint32_t gref, uint32_t peer, uint32_t frame,
	      unsigned int flags);

/** sim_grant_end() - take the entry back; -EBUSY while a peer has it mapped. */
int sim_grant_end(uint32_t domid, uint32_t gref);

/** sim_grant_mapped() - how many mappings of this entry a peer holds now. */
unsigned int sim_grant_mapped(uint32_t domid, uint32_t gref);

/* --- event channels --- */

/** sim_port_pending() - whether an event waits for this domain's port. */
bool sim_port_pending(uint32_t domid, uint32_t port);

/* --- faults: the k-th call from now on fails --- */

enum sim_call {
	SIM_CALL_MAP,	       /* xengnttab_map_* : NULL, errno = error */
	SIM_CALL_UNMAP,	       /* xengnttab_unmap: -1; the mapping stays */
	SIM_CALL_COPY,	       /* xengnttab_grant_copy as a whole: -1 */
	SIM_CALL_COPY_SEGMENT, /* one segment's status is an error */
	SIM_CALL_BIND,	       /* xenevtchn_bind_* */
	SIM_CALL_NOTIFY,       /* xenevtchn_notify: -1 */
	SIM_CALL_OPEN,	       /* xen*_open: NULL */
	SIM_CALL_XS,	       /* any xs_* call that talks to the store */
	SIM_CALL_COUNT,
};

/**
 * sim_fail() - the k-th such call by the domain from now on (1 = the next)
 * fails.
 * @error: errno that it fails with; for a copy segment a positive GNTST number
 *
 * One plan per kind of call and domain; k = 0 removes it.
 */
void sim_fail(uint32_t domid, enum sim_call call, unsigned int k, int error);

/* --- seeded choices, for whoever drives a simulation (schedule.c) --- */

/**
 * sim_random() - the next number of the sequence that sim_reset(seed) began.
 */
uint64_t sim_random(void);

/** sim_pick() - one of 0 .. n - 1. */
uint32_t sim_pick(uint32_t n);

/** sim_chance() - true in about so many of 1000 calls. */
bool sim_chance(uint32_t per_thousand);

/* --- the clock (backend/base/clock.h is answered from here) --- */

void sim_clock_advance(uint64_t ns);

/* --- what is held: the ledger --- */

struct sim_ledger {
	uint32_t mapped_pages; /* by xengnttab handles of this domain */
	uint32_t mappings;     /* map calls not yet unmapped */
	uint32_t shared_pages; /* by xengntshr handles of this domain */
	uint32_t ports;	       /* bound, not closed */
	uint32_t evtchn_handles;
	uint32_t gnttab_handles;
	uint32_t xs_handles;
	uint32_t watches;
	/* since sim_reset(), for oracles and benchmarks */
	uint64_t map_calls, unmap_calls, copy_calls, copy_segments;
	uint64_t notifies, events_delivered, xs_calls;
	/* errors of the caller that real Xen would have answered too: each is a
	 * bug */
	uint64_t bad_unmaps; /* unmap of what is not mapped so */
	uint64_t bad_ports;  /* notify, unmask or unbind of a port that is not
				ours */
};

/** sim_ledger() - what this domain holds now. */
void sim_ledger(uint32_t domid, struct sim_ledger *ledger);

/* --- the trace: every library call with its arguments and result --- */

/** sim_trace_hash() - a hash over all calls since sim_reset(). */
uint64_t sim_trace_hash(void);

/** sim_trace_to() - also print each call as a line there; -1: stop. */
void sim_trace_to(int fd);
