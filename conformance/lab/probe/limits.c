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

#define HANDLES_MAX 8u
#define CALL	    32u /* refs of one map call */

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

/* Each of the peer's pages again and again, through one handle. */
static unsigned int map_many(struct probe *probe, xengnttab_handle *handle,
			     unsigned int most, int *error)
{
	unsigned int done = 0, calls = probe->refs / CALL;

	*error = 0;
	while (done < most) {
		uint32_t *ref = &probe->ref[done / CALL % calls * CALL];

		if (xengnttab_map_domain_grant_refs(
			    handle, CALL, probe->contract.peer, ref,
			    PROT_READ | PROT_WRITE) == NULL) {
			*error = errno;
			break;
		}
		done += CALL;
	}
	return done;
}

static void one_handle(struct probe *probe)
{
	xengnttab_handle *handle = xengnttab_open(NULL, 0);
	double begin = probe_now();
	unsigned int done;
	int error;

	if (handle == NULL)
		return;
	done = map_many(probe, handle, probe->most, &error);
	say(probe, "limits.mapped-pages-of-one-handle", done, error);
	if (done > 0)
		probe_number(probe, "limits.map-when-many-are-mapped",
			     (probe_now() - begin) / done, "ns/page");
	begin = probe_now();
	/* a backend that dies: the kernel unmaps everything */
	xengnttab_close(handle);
	if (done > 0)
		probe_number(probe, "limits.close-with-all-mapped",
			     (probe_now() - begin) / done, "ns/page");
}

static void several_handles(struct probe *probe)
{
	xengnttab_handle *handle[HANDLES_MAX];
	unsigned int handles = 0, done = 0;
	int error = 0;

	while (handles < HANDLES_MAX && error == 0) {
		handle[handles] = xengnttab_open(NULL, 0);
		if (handle[handles] == NULL)
			break;
		done += map_many(probe, handle[handles++],
				 probe->most / HANDLES_MAX, &error);
	}
	say(probe, "limits.mapped-pages-of-8-handles", done, error);
	while (handles > 0)
		xengnttab_close(handle[--handles]);
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
	xengnttab_handle *handle = xengnttab_open(NULL, 0);
	unsigned int done = 0;
	int error = 0;

	while (handle != NULL && done < probe->most && done < 1024 &&
	       error == 0) {
		if (xengnttab_map_grant_ref(handle, probe->contract.peer,
					    probe->ref[0],
					    PROT_READ | PROT_WRITE) == NULL)
			error = errno;
		else
			done++;
	}
	say(probe, "limits.mappings-of-one-page", done, error);
	if (handle != NULL)
		xengnttab_close(handle);
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
