/*
 * What passes between a case and its peer domain.
 *
 * peer.c carries requests out in the peer; transport_*.c bring them there.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "sim/contract/contract.h"

enum peer_operation {
	PEER_RESTART,
	PEER_CLOSE_SHARING,
	PEER_SHARE,
	PEER_UNSHARE,
	PEER_POKE,
	PEER_PEEK,
	PEER_PORT_ALLOC,
	PEER_PORT_BIND,
	PEER_PORT_CLOSE,
	PEER_NOTIFY,
	PEER_UNMASK,
	PEER_EVENT,
	PEER_QUIET,
	PEER_XS_WRITE,
	PEER_XS_REMOVE,
	PEER_XS_READ,
	PEER_XS_OWNER,
	PEER_OPERATIONS,
};

struct peer_request {
	uint32_t operation;
	uint32_t argument[3];
	char path[CONTRACT_TEXT];
	char text[CONTRACT_TEXT];
};

struct peer_reply {
	int32_t result; /* or -errno */
	uint32_t refs[CONTRACT_REFS];
	char text[CONTRACT_TEXT];
};

/** peer_serve() - carry one request out in the domain we are. */
void peer_serve(const struct peer_request *request, struct peer_reply *reply);

/* --- each transport --- */

/** transport_begin() - find out who is who, start the peer; 0 or -errno. */
int transport_begin(struct contract *c);

/** transport_call() - the peer serves one request; its death is -EPIPE. */
void transport_call(const struct peer_request *request,
		    struct peer_reply *reply);
void transport_end(void);

/**
 * transport_peer_main() - for a process that was started as the peer.
 * @times: what followed on its command line: patience and quiet time in ms, so
 * that they are the same on both sides; fewer: the usual ones
 */
int transport_peer_main(char **times);

/** transport_patience_ms() - how long to wait for what must come. */
int transport_patience_ms(void);

/** transport_quiet_ms() - how long to look for what must not come. */
int transport_quiet_ms(void);
