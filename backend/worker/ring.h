/*
 * The backend's half of one shared ring: indices, barriers, the one copy-out.
 *
 * The only module that touches the ring's memory.  It trusts no index twice:
 * req_prod is read once per look, compared with our private counters, and a
 * slot is copied whole before anybody interprets it (R3).  Queue.c calls it; it
 * knows nothing of grants, images or what a request means.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "backend/worker/abi.h"
#include "backend/worker/shared.h"

struct ring {
	struct shared SHARED *memory; /* NULL: not attached */
	enum link_abi abi;
	uint32_t slots;
	uint32_t req_cons;	/* next to take */
	uint32_t req_seen;	/* req_prod as last looked at, checked */
	uint32_t rsp_prod;	/* next response to write */
	uint32_t rsp_published; /* what the guest can see */
	uint32_t rsp_event;	/* as ring_push() found it; for the recording */
	uint32_t req_refused; /* req_prod that ring_look() refused; likewise */
};

/**
 * ring_attach() - begin where the shared indices stand (K14, R10).
 *
 * Return: false when req_prod - rsp_prod exceeds the ring: then not attached.
 */
bool ring_attach(struct ring *ring, void SHARED *memory, unsigned int pages,
		 enum link_abi abi);
void ring_detach(struct ring *ring);

/**
 * ring_published() - the rsp_prod that stands in a ring; the guest may have
 * changed it.
 */
uint32_t ring_published(const void SHARED *memory);

/* Where a worker that died had come to, from its table. */
struct ring_place {
	uint32_t req_cons;
	uint32_t rsp_prod;
};

/**
 * ring_resume() - go on where another worker ended; nothing but req_prod is
 * taken from the ring.
 *
 * Return: false when req_prod is impossible there: then not attached.
 */
bool ring_resume(struct ring *ring, void SHARED *memory, unsigned int pages,
		 enum link_abi abi, struct ring_place place);

/**
 * ring_look() - read req_prod once.
 *
 * Return: number of requests to take, or -EPROTO when the guest's index is
 * impossible: beyond what the ring can hold, or behind what was taken (R4, R5).
 */
int ring_look(struct ring *ring);

/**
 * ring_take() - copy the next slot out; only after ring_look() said there is
 * one.
 */
void ring_take(struct ring *ring, struct wire_request *request);

/** ring_respond() - write the next response; not visible before ring_push(). */
void ring_respond(struct ring *ring, uint64_t id, uint8_t operation,
		  int16_t status);

/**
 * ring_push() - publish what was written; true when the guest wants an event
 * (A2).
 */
bool ring_push(struct ring *ring);

/** ring_unpushed() - responses written since the last ring_push(). */
static inline uint32_t ring_unpushed(const struct ring *ring)
{
	return ring->rsp_prod - ring->rsp_published;
}

/**
 * ring_arm() - ask for an event at the next request, then look again (A1, R7).
 *
 * Return: true when something is there already: do not sleep.
 */
bool ring_arm(struct ring *ring);

/** ring_unanswered() - requests taken and not yet answered. */
static inline uint32_t ring_unanswered(const struct ring *ring)
{
	return ring->req_cons - ring->rsp_prod;
}

/** ring_check() - CHECK all relations among the private indices. */
void ring_check(const struct ring *ring);
