/* Several threads that map at once, each with a handle of its own. */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "conformance/lab/probe/probe.h"

#define THREADS_MAX 4u
#define BATCH	    11u

struct mapper {
	const struct probe *probe;
	xengnttab_handle *handle;
	const uint32_t *ref;
	pthread_t thread;
	unsigned long pages;
	int error;
};

static void *map_on(void *context)
{
	struct mapper *mapper = context;
	double end = probe_now() + (double)mapper->probe->budget_ms * 1e6;

	while (probe_now() < end) {
		void *pages = xengnttab_map_domain_grant_refs(
			mapper->handle, BATCH, mapper->probe->contract.peer,
			/* the library does not change them */
			(uint32_t *)(uintptr_t)mapper->ref,
			PROT_READ | PROT_WRITE);

		if (pages == NULL ||
		    xengnttab_unmap(mapper->handle, pages, BATCH) != 0) {
			mapper->error = errno;
			break;
		}
		mapper->pages += BATCH;
	}
	return NULL;
}

static void run(struct probe *probe, unsigned int count)
{
	struct mapper mapper[THREADS_MAX] = {0};
	double begin = probe_now();
	unsigned long pages = 0;
	unsigned int started = 0;
	int error = 0;
	char id[64];

	for (; started < count && error == 0; started++) {
		struct mapper *m = &mapper[started];

		*m = (struct mapper){.probe = probe,
				     .ref = probe->ref + started * BATCH,
				     .handle = xengnttab_open(NULL, 0)};
		error = m->handle == NULL
				? errno
				: pthread_create(&m->thread, NULL, map_on, m);
	}
	if (error != 0)
		started--;
	for (unsigned int i = 0; i < started; i++) {
		pthread_join(mapper[i].thread, NULL);
		xengnttab_close(mapper[i].handle);
		pages += mapper[i].pages;
		if (mapper[i].error != 0)
			error = mapper[i].error;
	}
	snprintf(id, sizeof(id), "threads.map-unmap.%u", count);
	if (error != 0)
		probe_word(probe, id, "fails: %s", strerror(error));
	else
		probe_number(probe, id,
			     (double)pages / (probe_now() - begin) * 1e9,
			     "pages/s");
}

void probe_threads(struct probe *probe)
{
	int result = probe_share(probe, THREADS_MAX * BATCH);

	if (result != 0) {
		probe_word(probe, "threads", "the peer shares no pages: %s",
			   strerror(-result));
		return;
	}
	for (unsigned int count = 1; count <= THREADS_MAX; count *= 2)
		run(probe, count);
}
