/*
 * Errands: what a guest's runner asks of the service in dom0, over two nodes of
 * the guest's own part of xenstore (conformance/lab/exec/store.h).
 *
 *   conform/service   dom0: what the backend is, while the service runs
 *   conform/request   guest: one errand, with a number that no other has
 *   conform/answer    dom0: its result, with the same number
 *
 * One errand is under way at a time; who was killed while he waited leaves one
 * that is done all the same, before the next.
 */
#pragma once

#include <stdint.h>

#include "conformance/lab/exec/store.h"

#define ERRAND_TEXT_BYTES 512u

enum errand_kind {
	ERRAND_BEFORE,
	ERRAND_AFTER,
	ERRAND_REPLUG,
	ERRAND_ASK_UNPLUG,
	ERRAND_ERROR,
	ERRAND_DEED,   /* the value: enum guest_deed */
	ERRAND_RESIZE, /* the value: sectors */
	ERRAND_MEDIUM, /* the value: whether it is in */
	ERRAND_KINDS,
};

struct errand {
	char number[40];
	enum errand_kind kind;
	unsigned int disk; /* enum case_disk */
	unsigned long long value;
};

struct errand_answer {
	int result; /* 0 or more, or -errno */
	char text[ERRAND_TEXT_BYTES];
};

/* What a service tells of itself. */
struct errand_service {
	unsigned int domid, devid;
	unsigned int patience_ms; /* how long an errand may take */
	unsigned int ours, per_case, resizes, changes_media;
	unsigned int disks; /* a bit for each that it has */
	char backend[64];
};

/* --- in the guest; each call has a connection of its own --- */

/** errand_find() - waits until a service has said what it is; 0 or -errno. */
int errand_find(struct errand_service *service, unsigned int timeout_ms);

/** errand_run() - until it is done (its number is not used); 0, or -errno when
 * nobody did it. */
int errand_run(const struct errand_service *service,
	       const struct errand *errand, struct errand_answer *answer);

/* --- in dom0 --- */

/** errand_offer() - says what we are and watches for errands. */
int errand_offer(struct store *store, const struct errand_service *service);

/**
 * errand_take() - one that is new.
 *
 * Return: 1 with an errand, 0 without, -EPIPE when the guest took our nodes
 * away, or another -errno.
 */
int errand_take(struct store *store, struct errand *errand);
int errand_answer(struct store *store, const struct errand *errand,
		  const struct errand_answer *answer);

/** errand_withdraw() - the service ends. */
void errand_withdraw(struct store *store);
