/*
 * How far it goes: pages that a peer can grant, mappings of one handle and of
 * several, pages of one call, ports.  The search ends at probe->most.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "conformance/lab/probe/probe.h"

#define HANDLES_MAX  8u
#define CALL	     32u /* refs of one map call */
#define MAPPINGS_MAX 1024u

/* A count, and why it did not go on. */
static void say(struct probe *probe, const char *id, unsigned int reached,
		int error)
{
	if (error == 0)
		probe_word(probe, id, "%u and more: the search ended there",
			   reached);
	else
		probe_word(probe, id, "%u, then %s", reached, strerror(error));
}

static void shared_pages(struct probe *probe)
{
	int result = probe_share(probe, PROBE_REFS);

	say(probe, "limits.pages-a-guest-can-grant", probe->refs,
	    result == 0 ? 0 : -result);
}

/* Map calls that stay: a handle that closes leaves them mapped. */
struct mapped {
	xengnttab_handle *handle;
	void **call;
	unsigned int calls;
	int error; /* why the last one failed, or 0 */
};

/* Each of the peer's pages again and again, through one handle. */
static void map_many(struct probe *probe, struct mapped *mapped,
		     unsigned int most)
{
	unsigned int round = probe->refs / CALL;

	mapped->error = 0;
	mapped->calls = 0;
	mapped->handle = xengnttab_open(NULL, 0);
	mapped->call = calloc(most / CALL + 1, sizeof(*mapped->call));
	if (mapped->handle == NULL || mapped->call == NULL) {
		mapped->error = errno;
		return;
	}
	while (mapped->calls < most / CALL) {
		void *pages = xengnttab_map_domain_grant_refs(
			mapped->handle, CALL, probe->contract.peer,
			&probe->ref[mapped->calls % round * CALL],
			PROT_READ | PROT_WRITE);

		if (pages == NULL) {
			mapped->error = errno;
			return;
		}
		mapped->call[mapped->calls++] = pages;
	}
}

static void unmap_all(struct mapped *mapped)
{
	for (unsigned int i = 0; i < mapped->calls; i++)
		xengnttab_unmap(mapped->handle, mapped->call[i], CALL);
	free(mapped->call);
	if (mapped->handle != NULL)
		xengnttab_close(mapped->handle);
}

static void one_handle(struct probe *probe)
{
	double begin = probe_now();
	struct mapped mapped;
	unsigned int pages;

	map_many(probe, &mapped, probe->most);
	pages = mapped.calls * CALL;
	say(probe, "limits.mapped-pages-of-one-handle", pages, mapped.error);
	if (pages > 0)
		probe_number(probe, "limits.map-when-many-are-mapped",
			     (probe_now() - begin) / pages, "ns/page");
	begin = probe_now();
	unmap_all(&mapped);
	if (pages > 0)
		probe_number(probe, "limits.unmap-when-many-are-mapped",
			     (probe_now() - begin) / pages, "ns/page");
}

static void several_handles(struct probe *probe)
{
	struct mapped mapped[HANDLES_MAX];
	unsigned int handles = 0, calls = 0;
	int error = 0;

	while (handles < HANDLES_MAX && error == 0) {
		map_many(probe, &mapped[handles], probe->most / HANDLES_MAX);
		calls += mapped[handles].calls;
		error = mapped[handles++].error;
	}
	say(probe, "limits.mapped-pages-of-8-handles", calls * CALL, error);
	while (handles > 0)
		unmap_all(&mapped[--handles]);
}

/* Ever more pages in one call. */
static void one_call(struct probe *probe)
{
	xengnttab_handle *handle = probe->contract.gnttab;
	unsigned int good = 0;
	int error = 0;

	for (unsigned int n = CALL; n <= probe->refs && error == 0; n *= 2) {
		void *pages = xengnttab_map_domain_grant_refs(
			handle, n, probe->contract.peer, probe->ref,
			PROT_READ | PROT_WRITE);

		error = pages == NULL ? errno : 0;
		if (pages == NULL)
			break;
		good = n;
		xengnttab_unmap(handle, pages, n);
	}
	say(probe, "limits.pages-of-one-map-call", good, error);
}

/* One page: how many mappings of it may there be? */
static void one_page(struct probe *probe)
{
	xengnttab_handle *handle = probe->contract.gnttab;
	void *page[MAPPINGS_MAX];
	unsigned int done = 0;
	int error = 0;

	while (done < MAPPINGS_MAX && error == 0) {
		page[done] = xengnttab_map_grant_ref(
			handle, probe->contract.peer, probe->ref[0],
			PROT_READ | PROT_WRITE);
		if (page[done] == NULL)
			error = errno;
		else
			done++;
	}
	say(probe, "limits.mappings-of-one-page", done, error);
	while (done > 0)
		xengnttab_unmap(handle, page[--done], 1);
}

static void ports(struct probe *probe)
{
	xenevtchn_handle *handle = xenevtchn_open(NULL, 0);
	double begin = probe_now();
	unsigned int done = 0;
	int error = 0;

	while (handle != NULL && done < probe->most && error == 0) {
		if (xenevtchn_bind_unbound_port(handle, probe->contract.peer) <
		    0)
			error = errno;
		else
			done++;
	}
	say(probe, "limits.ports-of-one-handle", done, error);
	if (done > 0)
		probe_number(probe, "limits.bind-a-port",
			     (probe_now() - begin) / done, "ns");
	if (handle != NULL)
		xenevtchn_close(handle);
}

void probe_limits(struct probe *probe)
{
	shared_pages(probe);
	if (probe->refs >= CALL) {
		one_call(probe);
		one_page(probe);
		one_handle(probe);
		several_handles(probe);
	}
	ports(probe);
}
