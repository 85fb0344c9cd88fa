/*
 * The contract of the Xen libraries, as cases that run on any implementation.
 *
 * A case is one behaviour with a sentence.  It runs in a domain that may do
 * what dom0 may (the mapper), and asks a second domain, the peer, to do the
 * guest's part.  Cases see the real library headers and this one only, so the
 * same cases run on the in-process simulator, on the drop-in simulator, and on
 * Xen.
 *
 * What differs between those is in transport_*.c: how the peer is reached.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <xenevtchn.h>
#include <xengnttab.h>
#include <xenstore.h>

#define CONTRACT_PAGE 4096u
#define CONTRACT_REFS 32u
#define CONTRACT_TEXT 256u

struct contract {
	uint32_t self, peer; /* domids */
	uint32_t nobody;     /* a domid that no domain has */
	/* fresh handles of ours for each case */
	xengnttab_handle *gnttab;
	xenevtchn_handle *evtchn;
	struct xs_handle *xs;
	char base[64];	    /* a xenstore directory that the peer owns */
	const char *failed; /* the expectation that did not hold, or NULL */
	int failed_line;
	int failed_errno;
};

struct contract_case {
	const char *id;
	const char *sentence;
	void (*run)(struct contract *c);
};

/* Tables end with an entry of zeroes. */
extern const struct contract_case contract_grants[], contract_copies[],
	contract_events[], contract_store[];

/** contract_fail() - notes the first expectation that did not hold. */
void contract_fail(struct contract *c, const char *what, int line);

/* Ends the case when the condition does not hold. */
#define EXPECT(c, condition)                                                   \
	do {                                                                   \
		if (!(condition)) {                                            \
			contract_fail(c, #condition, __LINE__);                \
			return;                                                \
		}                                                              \
	} while (0)

/**
 * contract_event() - the next fired port of our handle, waited for a while.
 *
 * Return: the port, or -1 when none came.
 */
int contract_event(xenevtchn_handle *xce);

/** contract_no_event() - whether none is there, and none comes at once. */
bool contract_no_event(xenevtchn_handle *xce);

/** contract_watch() - the next watch event (free() it), waited for, or NULL. */
char **contract_watch(struct xs_handle *xs);

/* --- what the peer does when asked: 0 or more, or -errno --- */

/**
 * peer_share() - pages granted to us; refs are filled; returns a share number.
 */
int peer_share(struct contract *c, uint32_t count, bool readonly,
	       uint32_t *refs);

/** peer_share_with() - the same for any domain. */
int peer_share_with(struct contract *c, uint32_t domid, uint32_t count,
		    uint32_t *refs);
int peer_unshare(struct contract *c, int share);

/** peer_poke() - writes a byte at an offset of a share. */
int peer_poke(struct contract *c, int share, uint32_t offset, uint8_t byte);
int peer_peek(struct contract *c, int share, uint32_t offset);

int peer_port_alloc(struct contract *c, uint32_t domid);
int peer_port_bind(struct contract *c, uint32_t domid, uint32_t port);
int peer_port_close(struct contract *c, uint32_t port);
int peer_notify(struct contract *c, uint32_t port);
int peer_unmask(struct contract *c, uint32_t port);

/** peer_event() - the next fired port, -EAGAIN when none came in a while. */
int peer_event(struct contract *c);

/** peer_quiet() - 1 when no event is there, 0 when one was taken. */
int peer_quiet(struct contract *c);

/** peer_restart() - the peer lets go of everything and begins anew. */
int peer_restart(struct contract *c);

/** peer_close_sharing() - closes its sharing handle and opens another. */
int peer_close_sharing(struct contract *c);

/* On xenstore, with the peer's rights. */
int peer_xs_write(struct contract *c, const char *path, const char *value);
int peer_xs_remove(struct contract *c, const char *path);

/** peer_xs_read() - what is there, cut to CONTRACT_TEXT. */
int peer_xs_read(struct contract *c, const char *path,
		 char value[CONTRACT_TEXT]);

/** peer_xs_owner() - set_permissions with this owner, nothing for others. */
int peer_xs_owner(struct contract *c, const char *path, uint32_t domid);
