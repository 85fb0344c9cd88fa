/*
 * What the in-process symbols share: the one world of this process, the current
 * domain, the ledgers.
 *
 * Owned by inprocess.c; used by the files of lib/ that implement the libraries.
 * This is the one place with state of its own: the process is the host.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "sim/sim.h"
#include "sim/trace.h"
#include "sim/world.h"

/* Whom a handle acts for. */
struct actor {
	uint32_t domid;
	uint32_t life; /* of the domain: a handle dies with it */
};

/**
 * inprocess_world() - made by sim_reset(); the first use makes it with seed 0.
 */
struct world *inprocess_world(void);

/** inprocess_actor() - the current domain, for a new handle. */
struct actor inprocess_actor(void);

/**
 * inprocess_begin() - a call begins: dead domain or planned failure?
 *
 * Return: 0, or an errno (positive) with which the call must fail.
 */
int inprocess_begin(const struct actor *actor, enum sim_call call);

/** inprocess_dead() - the handle's domain is gone: calls fail with EIO. */
bool inprocess_dead(const struct actor *actor);

/** inprocess_ledger() - counters of what the library files count themselves. */
struct sim_ledger *inprocess_ledger(uint32_t domid);

/** inprocess_fail() - sets errno, returns -1. */
int inprocess_fail(int error);

/* Each file frees its handles and forgets everything at a reset, and what a
 * domain, or the one process of it, held when it dies. */
void gnttab_reset(void);
void gnttab_domain_gone(uint32_t domid);
void gnttab_process_dies(uint32_t domid);
void gntshr_reset(void);
void evtchn_reset(void);
void evtchn_process_dies(uint32_t domid);
void store_reset(void);
