/*
 * dom0's end: everything that a backend does with another domain's pages and
 * ports, each with what it must show.
 */
#include <errno.h>
#include <fcntl.h>
#include <liburing.h>
#include <poll.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "sim/exercise/exercise.h"

static void check_maps(xengnttab_handle *handle,
		       const struct exercise_offer *offer)
{
	uint32_t grefs[EXERCISE_PAGES], wrong = offer->gref[1] + 9999;
	uint8_t *all, *one;

	memcpy(grefs, offer->gref, sizeof(grefs));
	all = xengnttab_map_domain_grant_refs(handle, EXERCISE_PAGES,
					      offer->domid, grefs,
					      PROT_READ | PROT_WRITE);
	EXPECT(all);
	for (uint32_t i = 1; i < EXERCISE_PAGES; i++) {
		EXPECT(all[i * EXERCISE_PAGE] == i);
		EXPECT(all[(i + 1) * EXERCISE_PAGE - 1] == i);
	}
	one = xengnttab_map_grant_ref(handle, offer->domid, offer->gref[3],
				      PROT_READ | PROT_WRITE);
	EXPECT(one && one != all + 3 * EXERCISE_PAGE);
	one[100] = 77;
	EXPECT(all[3 * EXERCISE_PAGE + 100] == 77);
	one[100] = 3;
	EXPECT(xengnttab_unmap(handle, one, 1) == 0);
	EXPECT(xengnttab_unmap(handle, one, 1) != 0 && errno == EINVAL);
	EXPECT(xengnttab_unmap(handle, all, 3) != 0 && errno == EINVAL);
	EXPECT(xengnttab_unmap(handle, all, EXERCISE_PAGES) == 0);
	EXPECT(!xengnttab_map_grant_ref(handle, offer->domid, wrong,
					PROT_READ));
	EXPECT(!xengnttab_map_grant_ref(handle, offer->domid, offer->readonly,
					PROT_READ | PROT_WRITE));
	one = xengnttab_map_grant_ref(handle, offer->domid, offer->readonly,
				      PROT_READ);
	EXPECT(one && one[0] == 0);
	EXPECT(xengnttab_unmap(handle, one, 1) == 0);
}

static void check_copies(xengnttab_handle *handle,
			 const struct exercise_offer *offer)
{
	static uint8_t data[EXERCISE_PAGE];
	xengnttab_grant_copy_segment_t segment[4] = {0};

	for (unsigned int i = 0; i < 4; i++) {
		segment[i].flags = GNTCOPY_source_gref;
		segment[i].source.foreign.domid = (uint16_t)offer->domid;
		segment[i].source.foreign.ref = offer->gref[i + 4];
		segment[i].dest.virt = data + i * 16;
		segment[i].len = 16;
	}
	segment[1].source.foreign.ref = 30000;
	segment[3].flags = GNTCOPY_source_gref | GNTCOPY_dest_gref;
	segment[3].dest.foreign.domid = (uint16_t)offer->domid;
	segment[3].dest.foreign.ref = offer->gref[9];
	segment[3].dest.foreign.offset = 8;
	EXPECT(xengnttab_grant_copy(handle, 4, segment) == 0);
	EXPECT(segment[0].status == GNTST_okay && data[15] == 4);
	EXPECT(segment[1].status < 0 && data[16] == 0);
	EXPECT(segment[2].status == GNTST_okay && data[32] == 6);
	EXPECT(segment[3].status == GNTST_okay);
	segment[0].source.foreign.ref = offer->gref[9];
	EXPECT(xengnttab_grant_copy(handle, 1, segment) == 0);
	EXPECT(data[7] == 9 && data[8] == 7 && data[15] == 7);
	segment[0].source.foreign.offset = EXERCISE_PAGE - 8;
	EXPECT(xengnttab_grant_copy(handle, 1, segment) != 0);
	EXPECT(errno == EINVAL);
	memset(data, 9, 16);
	segment[0].source.foreign.offset = 0;
	segment[0].flags = GNTCOPY_dest_gref;
	segment[0].source.virt = data;
	segment[0].dest.foreign.domid = (uint16_t)offer->domid;
	segment[0].dest.foreign.ref = offer->readonly;
	segment[0].dest.foreign.offset = 0;
	EXPECT(xengnttab_grant_copy(handle, 1, segment) == 0);
	EXPECT(segment[0].status < 0);
	segment[0].dest.foreign.ref = offer->gref[9];
	segment[0].len = EXERCISE_PAGE;
	memset(data, 9, sizeof(data));
	EXPECT(xengnttab_grant_copy(handle, 1, segment) == 0);
	EXPECT(segment[0].status == GNTST_okay);
}

static int events_until(xenevtchn_handle *events, int timeout_ms)
{
	struct pollfd wait = {.fd = xenevtchn_fd(events), .events = POLLIN};

	return poll(&wait, 1, timeout_ms) == 1 ? xenevtchn_pending(events) : -1;
}

static void check_events(xengnttab_handle *handle,
			 const struct exercise_offer *offer)
{
	xenevtchn_handle *events = xenevtchn_open(NULL, 0);
	struct exercise_page *page = xengnttab_map_grant_ref(
		handle, offer->domid, offer->gref[0], PROT_READ | PROT_WRITE);
	uint32_t answered;
	int port;

	EXPECT(events && page);
	EXPECT(xenevtchn_bind_interdomain(events, offer->domid, 4000) < 0);
	port = xenevtchn_bind_interdomain(events, offer->domid, offer->port);
	EXPECT(port > 0);
	EXPECT(xenevtchn_bind_interdomain(events, offer->domid, offer->port) <
	       0);
	/* A new binding starts pending; nothing more comes while masked. */
	EXPECT(events_until(events, 1000) == port);
	answered = page->answered;
	EXPECT(xenevtchn_notify(events, (evtchn_port_t)port) == 0);
	EXPECT(xenevtchn_unmask(events, (evtchn_port_t)port) == 0);
	EXPECT(events_until(events, 1000) == port);
	EXPECT(page->answered == answered + 1);
	EXPECT(events_until(events, 0) == -1);
	EXPECT(xenevtchn_notify(events, 4000) != 0 && errno == ENOTCONN);
	EXPECT(xenevtchn_unbind(events, (evtchn_port_t)port) == 0);
	EXPECT(xenevtchn_unbind(events, (evtchn_port_t)port) != 0);
	/* The guest's port is unbound again and may be bound anew. */
	port = xenevtchn_bind_interdomain(events, offer->domid, offer->port);
	EXPECT(port > 0);
	EXPECT(xenevtchn_close(events) == 0);
	EXPECT(xengnttab_unmap(handle, page, 1) == 0);
}

static void check_notification(xengnttab_handle *handle,
			       const struct exercise_offer *offer)
{
	xenevtchn_handle *events = xenevtchn_open(NULL, 0);
	struct exercise_page *seen = xengnttab_map_grant_ref(
		handle, offer->domid, offer->gref[0], PROT_READ | PROT_WRITE);
	struct exercise_page *page;
	uint32_t answered;
	int port =
		xenevtchn_bind_interdomain(events, offer->domid, offer->port);

	EXPECT(port > 0 && seen);
	seen->watched = 1;
	EXPECT(events_until(events, 1000) == port);
	EXPECT(xenevtchn_unmask(events, (evtchn_port_t)port) == 0);
	page = xengnttab_map_grant_ref_notify(
		handle, offer->domid, offer->gref[0], PROT_READ | PROT_WRITE,
		offsetof(struct exercise_page, watched), (evtchn_port_t)port);
	EXPECT(page);
	answered = seen->answered;
	EXPECT(xengnttab_unmap(handle, page, 1) == 0);
	EXPECT(seen->watched == 0);
	EXPECT(events_until(events, 1000) == port);
	EXPECT(seen->answered == answered + 1);
	EXPECT(xenevtchn_close(events) == 0);
	EXPECT(xengnttab_unmap(handle, seen, 1) == 0);
}

static int image(int flags)
{
	char path[] = "/var/tmp/sim-exercise.XXXXXX";
	int fd = mkstemp(path), direct;

	EXPECT(fd >= 0);
	EXPECT(ftruncate(fd, EXERCISE_PAGE * 2) == 0);
	direct = open(path, O_RDWR | O_CLOEXEC | flags);
	unlink(path);
	close(fd);
	return direct;
}

/* The kernel writes straight into the guest's page. */
static void check_direct(xengnttab_handle *handle,
			 const struct exercise_offer *offer)
{
	uint8_t *page = xengnttab_map_grant_ref(
		handle, offer->domid, offer->gref[10], PROT_READ | PROT_WRITE);
	uint8_t *other = xengnttab_map_grant_ref(
		handle, offer->domid, offer->gref[11], PROT_READ | PROT_WRITE);
	struct io_uring_cqe *done;
	struct io_uring uring;
	int fd = image(O_DIRECT);

	EXPECT(page && other);
	if (fd < 0) {
		printf("no direct I/O on this file system\n");
		fd = image(0);
	}
	EXPECT(fd >= 0);
	EXPECT(pwrite(fd, page, EXERCISE_PAGE, 0) == (ssize_t)EXERCISE_PAGE);
	EXPECT(io_uring_queue_init(4, &uring, 0) == 0);
	io_uring_prep_read(io_uring_get_sqe(&uring), fd, other, EXERCISE_PAGE,
			   0);
	EXPECT(io_uring_submit_and_wait(&uring, 1) == 1);
	EXPECT(io_uring_wait_cqe(&uring, &done) == 0);
	EXPECT(done->res == (int)EXERCISE_PAGE);
	io_uring_queue_exit(&uring);
	EXPECT(memcmp(page, other, EXERCISE_PAGE) == 0);
	memset(other, 11, EXERCISE_PAGE);
	close(fd);
	EXPECT(xengnttab_unmap(handle, page, 1) == 0);
	EXPECT(xengnttab_unmap(handle, other, 1) == 0);
}

int exercise_check(uint32_t domid)
{
	xengnttab_handle *handle = xengnttab_open(NULL, 0);
	struct exercise_offer offer;

	EXPECT(handle);
	exercise_offer(domid, &offer);
	check_maps(handle, &offer);
	check_copies(handle, &offer);
	check_events(handle, &offer);
	check_notification(handle, &offer);
	check_direct(handle, &offer);
	EXPECT(xengnttab_close(handle) == 0);
	printf("all checks hold\n");
	return 0;
}
