/*
 * The knife of test_resume.c: cuts a worker off before and after each store
 * that it makes to its table.  Include after cmocka.h.
 *
 * The table is write-protected. A store to it is a fault, whose handler lets
 * that one instruction happen, with the processor's trap flag.  "Cut off" is a
 * jump out of a handler.
 */
#pragma once

#include <setjmp.h>
#include <signal.h>
#include <sys/mman.h>
#include <ucontext.h>

#include "backend/base/inflight.h"

#define TRAP_FLAG 0x100

static struct {
	struct inflight_region *region; /* of one queue */
	/* How many moments to let pass before the one to cut at. */
	uint32_t at;
	uint32_t moments;
	bool on;
	sigjmp_buf out;
	bool counted; /* the store under way is not only a counter's */
} knife;

static void protect(int protection)
{
	assert_int_equal(
		mprotect(knife.region, inflight_region_bytes(1), protection),
		0);
}

static void maybe_cut(void)
{
	if (knife.moments++ < knife.at)
		return;
	knife.on = false;
	protect(PROT_READ | PROT_WRITE);
	siglongjmp(knife.out, 1);
}

/* The counters mean nothing to a resume. */
static bool is_counter(const void *address)
{
	const char *stats = (const char *)&knife.region->queue[0].stats;

	return (const char *)address >= stats &&
	       (const char *)address < stats + sizeof(struct stats);
}

static void before_a_store(int number, siginfo_t *info, void *context)
{
	ucontext_t *where = context;
	const char *region = (const char *)knife.region;

	(void)number;
	if (!knife.on || (char *)info->si_addr < region ||
	    (char *)info->si_addr >= region + inflight_region_bytes(1)) {
		signal(SIGSEGV, SIG_DFL); /* a bug of the test or the worker */
		return;
	}
	knife.counted = !is_counter(info->si_addr);
	if (knife.counted)
		maybe_cut();
	protect(PROT_READ | PROT_WRITE);
	where->uc_mcontext.gregs[REG_EFL] |= TRAP_FLAG;
}

static void after_a_store(int number, siginfo_t *info, void *context)
{
	ucontext_t *where = context;

	(void)number;
	(void)info;
	where->uc_mcontext.gregs[REG_EFL] &= ~TRAP_FLAG;
	if (knife.counted)
		maybe_cut();
	protect(PROT_READ);
}

/* Runs a part of the worker under the knife. */
static void carefully(void (*part)(void))
{
	if (!knife.on) {
		part();
		return;
	}
	protect(PROT_READ);
	part();
	protect(PROT_READ | PROT_WRITE);
}

/* Plays a part until its at-th moment; whether the knife fell. */
static __attribute__((noinline)) bool knife_falls(void (*part)(void),
						  uint32_t at)
{
	const struct sigaction before = {.sa_sigaction = before_a_store,
					 .sa_flags = SA_SIGINFO};
	const struct sigaction after = {.sa_sigaction = after_a_store,
					.sa_flags = SA_SIGINFO};

	/* Here, as cmocka sets its own for each test. */
	assert_int_equal(sigaction(SIGSEGV, &before, NULL), 0);
	assert_int_equal(sigaction(SIGTRAP, &after, NULL), 0);
	knife.moments = 0;
	knife.at = at;
	knife.on = true;
	if (sigsetjmp(knife.out, 1) == 0) {
		part();
		knife.on = false;
		return false;
	}
	return true;
}
