/*
 * What it costs to move one page to a guest: mapping, copying, or a page that
 * stays mapped.
 *
 * Two roles, started by xenblk-bench: the guest shares pages with domain 0 and
 * says their references; the backend moves 4 KiB into each of them again and
 * again in one way after the other.  On the simulator these are the
 * simulator's prices; on real Xen the same program gives the hypervisor's.
 */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include <xengnttab.h>

#include "version.h"

#define PAGE_BYTES 4096u
#define PAGES	   32u /* one per slot of a single-page ring */

struct movers {
	xengnttab_handle *handle;
	uint32_t domid;
	uint32_t ref[PAGES];
	uint32_t domids[PAGES];
	void *standing[PAGES]; /* mapped once, for move_persistent() */
	unsigned char *buffer;
};

/* Moves a page into each of count references from first on; 0 or -errno. */
typedef int move_function(struct movers *movers, unsigned int first,
			  unsigned int count);

struct way {
	const char *name;
	move_function *move;
	unsigned int batch; /* pages per library call */
};

static _Noreturn void fail(const char *what, int error)
{
	fprintf(stderr, "xenblk-bench-grants: %s: %s\n", what, strerror(error));
	exit(4);
}

/* --- the ways --- */

static int move_map(struct movers *movers, unsigned int first,
		    unsigned int count)
{
	unsigned char *pages = xengnttab_map_grant_refs(
		movers->handle, count, movers->domids, movers->ref + first,
		PROT_READ | PROT_WRITE);

	if (!pages)
		return -errno;
	for (unsigned int i = 0; i < count; i++)
		memcpy(pages + (size_t)i * PAGE_BYTES, movers->buffer,
		       PAGE_BYTES);
	return xengnttab_unmap(movers->handle, pages, count) ? -errno : 0;
}

static int move_copy(struct movers *movers, unsigned int first,
		     unsigned int count)
{
	xengnttab_grant_copy_segment_t segment[PAGES] = {0};

	for (unsigned int i = 0; i < count; i++) {
		segment[i].source.virt = movers->buffer;
		segment[i].dest.foreign.ref = movers->ref[first + i];
		segment[i].dest.foreign.domid = (uint16_t)movers->domid;
		segment[i].len = PAGE_BYTES;
		segment[i].flags = GNTCOPY_dest_gref;
	}
	if (xengnttab_grant_copy(movers->handle, count, segment))
		return -errno;
	for (unsigned int i = 0; i < count; i++)
		if (segment[i].status != GNTST_okay)
			return -EFAULT;
	return 0;
}

static int move_persistent(struct movers *movers, unsigned int first,
			   unsigned int count)
{
	for (unsigned int i = 0; i < count; i++) {
		memcpy(movers->standing[first + i], movers->buffer, PAGE_BYTES);
		/* The guest looks at it: the move must really happen. */
		__asm__ volatile("" : : "r"(movers->standing) : "memory");
	}
	return 0;
}

static const struct way ways[] = {
	{"map+unmap", move_map, 1},
	{"map+unmap", move_map, PAGES},
	{"copy", move_copy, 1},
	{"copy", move_copy, PAGES},
	{"persistent", move_persistent, PAGES},
};

/* --- measuring --- */

static uint64_t now_ns(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* Moves all pages once, in calls of the way's size. */
static void move_round(struct movers *movers, const struct way *way)
{
	for (unsigned int first = 0; first < PAGES; first += way->batch) {
		int err = way->move(movers, first, way->batch);

		if (err)
			fail(way->name, -err);
	}
}

static void measure(struct movers *movers, const struct way *way,
		    double seconds)
{
	uint64_t limit = (uint64_t)(seconds * 1e9);
	uint64_t start, cpu, elapsed, moved = 0;

	move_round(movers, way);
	start = now_ns(CLOCK_MONOTONIC);
	cpu = now_ns(CLOCK_PROCESS_CPUTIME_ID);
	do {
		for (unsigned int i = 0; i < 8; i++)
			move_round(movers, way);
		moved += 8 * PAGES;
		elapsed = now_ns(CLOCK_MONOTONIC) - start;
	} while (elapsed < limit);
	cpu = now_ns(CLOCK_PROCESS_CPUTIME_ID) - cpu;
	printf("{\"way\": \"%s\", \"batch\": %u, \"pages\": %" PRIu64
	       ", \"seconds\": %.4f, \"cpu_us_per_page\": %.4f}\n",
	       way->name, way->batch, moved, (double)elapsed / 1e9,
	       (double)cpu / 1e3 / (double)moved);
	fflush(stdout);
}

/* --- the roles --- */

static void run_backend(uint32_t domid, double seconds)
{
	struct movers movers = {.domid = domid};

	movers.handle = xengnttab_open(NULL, 0);
	movers.buffer = aligned_alloc(PAGE_BYTES, PAGE_BYTES);
	if (!movers.handle || !movers.buffer)
		fail("cannot open the grant table", errno);
	memset(movers.buffer, 0x5a, PAGE_BYTES);
	for (unsigned int i = 0; i < PAGES; i++) {
		if (scanf("%" SCNu32, &movers.ref[i]) != 1)
			fail("standard input holds too few references", EINVAL);
		movers.domids[i] = domid;
		movers.standing[i] = xengnttab_map_grant_ref(
			movers.handle, domid, movers.ref[i],
			PROT_READ | PROT_WRITE);
		if (!movers.standing[i])
			fail("cannot map a page of the guest", errno);
	}
	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++)
		measure(&movers, &ways[i], seconds);
	for (unsigned int i = 0; i < PAGES; i++)
		xengnttab_unmap(movers.handle, movers.standing[i], 1);
	xengnttab_close(movers.handle);
	free(movers.buffer);
}

/* Shares its pages until standard input ends. */
static void run_guest(void)
{
	xengntshr_handle *handle = xengntshr_open(NULL, 0);
	uint32_t ref[PAGES];
	void *pages;

	if (!handle)
		fail("cannot open the guest's grant table", errno);
	pages = xengntshr_share_pages(handle, 0, PAGES, ref, 1);
	if (!pages)
		fail("cannot share pages with domain 0", errno);
	for (unsigned int i = 0; i < PAGES; i++)
		printf("%" PRIu32 "%c", ref[i], i + 1 < PAGES ? ' ' : '\n');
	fflush(stdout);
	while (getchar() != EOF)
		;
	xengntshr_unshare(handle, pages, PAGES);
	xengntshr_close(handle);
}

static const char usage[] =
	"usage: xenblk-bench-grants --guest\n"
	"       xenblk-bench-grants --domid N [--seconds S] < references\n"
	"\n"
	"What moving a page to a guest costs; see xenblk-bench(1).\n";

static _Noreturn void wrong_usage(void)
{
	fputs(usage, stderr);
	exit(2);
}

int main(int argc, char **argv)
{
	static const struct option names[] = {
		{"guest", no_argument, NULL, 'g'},
		{"domid", required_argument, NULL, 'd'},
		{"seconds", required_argument, NULL, 's'},
		{"version", no_argument, NULL, 'V'},
		{"help", no_argument, NULL, 'h'},
		{NULL, 0, NULL, 0},
	};
	uint32_t domid = 0;
	double seconds = 0.3;
	bool guest = false;
	int option;

	while ((option = getopt_long(argc, argv, "", names, NULL)) != -1) {
		if (option == 'g')
			guest = true;
		else if (option == 'd')
			domid = (uint32_t)strtoul(optarg, NULL, 10);
		else if (option == 's')
			seconds = strtod(optarg, NULL);
		else if (option == 'V')
			return puts("xenblk-bench-grants " XENBLK_VERSION) < 0;
		else if (option == 'h')
			return fputs(usage, stdout) < 0;
		else
			wrong_usage();
	}
	if (optind < argc || guest == (domid != 0) || !(seconds > 0))
		wrong_usage();
	if (guest)
		run_guest();
	else
		run_backend(domid, seconds);
	return 0;
}
