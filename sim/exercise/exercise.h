/*
 * sim-exercise: two ends that use the drop-in simulator as a backend and a
 * guest would, for the tests of xenblk-sim.  They know the Xen libraries only.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <xenevtchn.h>
#include <xengnttab.h>
#include <xenstore.h>

#define EXERCISE_PAGES 32u
#define EXERCISE_PAGE  4096u
#define EXERCISE_NODE  "/local/domain/%u/data/exercise"

/* The first word of the first shared page counts what the guest answered. */
struct exercise_page {
	_Atomic uint32_t answered;
	_Atomic uint32_t watched; /* cleared by an unmap notification */
};

/* What the guest offers, as read from the store by the other end. */
struct exercise_offer {
	uint32_t domid;
	uint32_t port;
	uint32_t readonly; /* one more gref, read-only */
	uint32_t gref[EXERCISE_PAGES];
};

/* Ends the program with a sentence when the condition does not hold. */
#define EXPECT(condition)                                                      \
	do {                                                                   \
		if (!(condition)) {                                            \
			fprintf(stderr, "%s:%d: expected %s (%m)\n", __FILE__, \
				__LINE__, #condition);                         \
			exit(1);                                               \
		}                                                              \
	} while (0)

int exercise_guest(uint32_t domid);
int exercise_check(uint32_t domid);
int exercise_load(uint32_t domid);
int exercise_bench(uint32_t domid);

/** exercise_offer() - wait for the guest's offer in the store. */
void exercise_offer(uint32_t domid, struct exercise_offer *offer);
