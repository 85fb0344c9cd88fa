/*
 * Whether the kernel's ways of reading and writing take granted pages as
 * memory: O_DIRECT, io_uring, and io_uring with registered buffers; and what
 * each costs beside ordinary memory.
 */
#include <errno.h>
#include <fcntl.h>
#include <liburing.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

#include "conformance/lab/probe/probe.h"

#define PAGES 11u /* of one request */
#define BYTES (PAGES * CONTRACT_PAGE)

struct io {
	struct probe *probe;
	uint8_t *granted, *ordinary;
	uint8_t *memory; /* one of them */
	int fd;
	bool fixed; /* memory is registered buffer 0 */
	struct io_uring ring;
};

/* Something else in the file each time: nothing stale can pass. */
static void pattern(uint8_t *bytes, unsigned int seed)
{
	for (unsigned int i = 0; i < BYTES; i++)
		bytes[i] = (uint8_t)(i * 31 + i / 251 + seed);
}

static int open_file(struct io *io, int flags)
{
	char path[256];
	int fd;

	snprintf(path, sizeof(path), "%.200s/xenblk-lab-probe-XXXXXX",
		 io->probe->directory);
	fd = mkstemp(path);
	if (fd < 0)
		return -errno;
	pattern(io->ordinary, 1);
	if (pwrite(fd, io->ordinary, BYTES, 0) != (ssize_t)BYTES ||
	    fsync(fd) != 0) {
		int error = errno;

		close(fd);
		unlink(path);
		return -error;
	}
	io->fd = open(path, O_RDWR | O_CLOEXEC | flags);
	if (io->fd < 0)
		io->fd = -errno;
	close(fd);
	unlink(path);
	return io->fd < 0 ? io->fd : 0;
}

/* --- single reads and writes --- */

static int read_plain(void *context)
{
	struct io *io = context;
	ssize_t got = pread(io->fd, io->memory, BYTES, 0);

	return got == (ssize_t)BYTES ? 0 : got < 0 ? -errno : -EIO;
}

static int write_plain(void *context)
{
	struct io *io = context;
	ssize_t put = pwrite(io->fd, io->memory, BYTES, 0);

	return put == (ssize_t)BYTES ? 0 : put < 0 ? -errno : -EIO;
}

static int run_ring(struct io *io, bool write)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(&io->ring);
	struct io_uring_cqe *cqe = NULL;
	int result;

	if (sqe == NULL)
		return -EBUSY;
	if (io->fixed && write)
		io_uring_prep_write_fixed(sqe, io->fd, io->memory, BYTES, 0, 0);
	else if (io->fixed)
		io_uring_prep_read_fixed(sqe, io->fd, io->memory, BYTES, 0, 0);
	else if (write)
		io_uring_prep_write(sqe, io->fd, io->memory, BYTES, 0);
	else
		io_uring_prep_read(sqe, io->fd, io->memory, BYTES, 0);
	result = io_uring_submit_and_wait(&io->ring, 1);
	if (result >= 0)
		result = io_uring_wait_cqe(&io->ring, &cqe);
	if (result < 0)
		return result;
	result = cqe->res;
	io_uring_cqe_seen(&io->ring, cqe);
	return result == (int)BYTES ? 0 : result < 0 ? result : -EIO;
}

static int read_ring(void *context)
{
	return run_ring(context, false);
}

static int write_ring(void *context)
{
	return run_ring(context, true);
}

/* --- a way: both directions, checked, then timed --- */

struct way {
	const char *name;
	int (*read)(void *context);
	int (*write)(void *context);
};

static int check_way(struct io *io, const struct way *way, unsigned int seed)
{
	uint8_t *wanted = malloc(BYTES);
	int result;

	if (wanted == NULL)
		return -ENOMEM;
	pattern(wanted, seed);
	memcpy(io->memory, wanted, BYTES);
	result = way->write(io);
	memset(io->memory, 0, BYTES);
	if (result == 0)
		result = way->read(io);
	if (result == 0 && memcmp(io->memory, wanted, BYTES) != 0)
		result = -EILSEQ; /* other bytes than were written */
	free(wanted);
	return result;
}

static void try_way(struct io *io, const struct way *way, const char *file)
{
	const char *memory = io->memory == io->granted ? "granted" : "ordinary";
	int result = check_way(io, way, 77);
	char id[80];
	double ns;

	snprintf(id, sizeof(id), "io.%s.%s.%s", file, way->name, memory);
	if (result != 0) {
		probe_word(io->probe, id, "fails: %s",
			   result == -EILSEQ ? "other bytes come back"
					     : strerror(-result));
		return;
	}
	ns = probe_median(io->probe, way->read, io);
	if (ns < 0)
		probe_word(io->probe, id, "read and write work once only");
	else
		probe_number(io->probe, id, ns / PAGES, "ns/page");
}

static void try_registered(struct io *io, const char *file)
{
	static const struct way way = {"registered", read_ring, write_ring};
	struct iovec vector = {.iov_base = io->memory, .iov_len = BYTES};
	int result = io_uring_register_buffers(&io->ring, &vector, 1);

	if (result != 0) {
		probe_word(io->probe,
			   io->memory == io->granted
				   ? "io.registering-granted-pages"
				   : "io.registering-ordinary-pages",
			   "is refused: %s", strerror(-result));
		return;
	}
	io->fixed = true;
	try_way(io, &way, file);
	io->fixed = false;
	io_uring_unregister_buffers(&io->ring);
}

static void try_file(struct io *io, const char *file, int flags)
{
	static const struct way plain = {"pread", read_plain, write_plain};
	static const struct way ring = {"io-uring", read_ring, write_ring};
	int result = open_file(io, flags);
	char id[80];

	if (result != 0) {
		snprintf(id, sizeof(id), "io.%s", file);
		probe_word(io->probe, id, "no such file in %s: %s",
			   io->probe->directory, strerror(-result));
		return;
	}
	for (unsigned int i = 0; i < 2; i++) {
		io->memory = i == 0 ? io->granted : io->ordinary;
		try_way(io, &plain, file);
		if (io->ring.ring_fd > 0) {
			try_way(io, &ring, file);
			try_registered(io, file);
		}
	}
	close(io->fd);
}

void probe_io(struct probe *probe)
{
	struct contract *c = &probe->contract;
	struct io io = {.probe = probe};
	int result = probe_share(probe, PAGES);

	io.ordinary = aligned_alloc(CONTRACT_PAGE, BYTES);
	if (io.ordinary == NULL)
		return;
	if (result == 0)
		io.granted = xengnttab_map_domain_grant_refs(
			c->gnttab, PAGES, c->peer, probe->ref,
			PROT_READ | PROT_WRITE);
	if (io.granted == NULL) {
		probe_word(probe, "io", "no pages can be mapped: %s",
			   strerror(result != 0 ? -result : errno));
		free(io.ordinary);
		return;
	}
	result = io_uring_queue_init(8, &io.ring, 0);
	if (result != 0)
		probe_word(probe, "io.io-uring", "there is none: %s",
			   strerror(-result));
	try_file(&io, "direct", O_DIRECT);
	try_file(&io, "buffered", 0);
	if (result == 0)
		io_uring_queue_exit(&io.ring);
	xengnttab_unmap(c->gnttab, io.granted, PAGES);
	free(io.ordinary);
}
