/* libnbd's calls, and what servers make of them.  See server.h. */
#include "fuzz/nbd/server.h"

#include <errno.h>
#include <libnbd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fuzz/nbd/kernel.h"
#include "fuzz/oracle/oracle.h"
#include "sim/sim.h"

#define HANDLES	 8u
#define COMMANDS 128u

struct command {
	enum server_command what;
	void *to;
	const void *from;
	uint64_t bytes, offset;
	nbd_completion_callback done;
	bool arrived; /* its answer */
	int error;
};

enum life {
	ASIDE, /* not connected yet */
	CONNECTING,
	READY,
	DYING, /* the next look finds it */
	DEAD,
	CLOSED,
};

struct nbd_handle {
	bool used, politely, prompt, choked;
	enum life life;
	int fd, peer;
	unsigned int steps, count;
	struct command command[COMMANDS];
};

static struct {
	struct server_plan plan;
	struct nbd_handle handle[HANDLES];
	uint8_t store[SERVER_BYTES_MAX];
	unsigned int calls, refuse;
	int refusal, error; /* error: of the last call that failed */
} server;

void server_begin(const struct server_plan *plan)
{
	for (unsigned int i = 0; i < HANDLES; i++)
		server.handle[i].used = false;
	memset(server.store, 0, sizeof(server.store));
	server.plan = *plan;
	server.calls = server.refuse = 0;
	server.error = 0;
	kernel_begin();
}

struct server_plan *server_plan(void)
{
	return &server.plan;
}

const uint8_t *server_store(void)
{
	return server.store;
}

static int refuse(int error)
{
	server.error = error;
	return -1;
}

bool server_fails(void)
{
	if (++server.calls != server.plan.fails)
		return false;
	refuse(server.plan.error);
	/* libnbd may have no number for it; the kernel has one. */
	errno = server.plan.error != 0 ? server.plan.error : EIO;
	return true;
}

bool server_failed(void)
{
	return server.plan.fails > 0 && server.calls >= server.plan.fails;
}

void server_refuse(unsigned int k, int error)
{
	server.refuse = k;
	server.refusal = error;
}

void server_prompt(unsigned int connection, bool on)
{
	server.handle[connection].prompt = on;
}

void server_choke(unsigned int connection, bool on)
{
	server.handle[connection].choked = on;
}

void server_clock(uint64_t ns)
{
	sim_clock_advance(ns);
	kernel_clock(ns);
}

void server_end(void)
{
	for (unsigned int i = 0; i < HANDLES; i++)
		if (server.handle[i].used)
			oracle_fail(ORACLE_RESOURCES,
				    "the handle of connection %u is open", i);
	kernel_end();
}

/* --- commands --- */

static unsigned int number_of(const struct nbd_handle *h)
{
	return (unsigned int)(h - server.handle);
}

/* A transfer that fails has moved half of it. */
static void move(const struct command *c)
{
	const size_t bytes = c->error == 0 ? c->bytes : c->bytes / 2;

	if (bytes == 0)
		return;
	if (c->what == SERVER_READ)
		memcpy(c->to, server.store + c->offset, bytes);
	else if (c->what == SERVER_WRITE)
		memcpy(server.store + c->offset, c->from, bytes);
	else
		memset(server.store + c->offset, 0, bytes);
}

static void finish(struct nbd_handle *h, unsigned int i)
{
	struct command c = h->command[i];

	memmove(&h->command[i], &h->command[i + 1],
		(h->count - i - 1) * sizeof(h->command[0]));
	h->count--;
	move(&c);
	server_notice(number_of(h), c.what, c.offset, c.bytes, c.error);
	if (c.done.callback(c.done.user_data, &c.error) != 1)
		oracle_fail(ORACLE_RESOURCES, "a command is never retired");
}

static void hang_up(struct nbd_handle *h, enum life life)
{
	if (h->fd >= 0)
		close(h->fd);
	if (h->peer >= 0)
		close(h->peer);
	h->fd = h->peer = -1;
	h->life = life;
	while (h->count > 0) {
		h->command[0].error = ENOTCONN;
		finish(h, 0);
	}
}

bool server_answer(unsigned int connection, unsigned int which, int error)
{
	struct nbd_handle *h = &server.handle[connection];

	if (h->life != READY || h->count == 0)
		return false;
	for (unsigned int i = 0; i < h->count; i++) {
		struct command *c = &h->command[(which + i) % h->count];

		if (c->arrived)
			continue;
		c->arrived = true;
		c->error = error;
		if (write(h->peer, "", 1) != 1)
			abort();
		return true;
	}
	return false;
}

void server_leave(unsigned int connection, bool politely)
{
	struct nbd_handle *h = &server.handle[connection];

	if (h->life != READY)
		return;
	h->politely = politely;
	h->life = DYING;
	if (shutdown(h->peer, SHUT_RDWR) < 0)
		abort();
}

bool server_waits(unsigned int connection)
{
	const struct nbd_handle *h = &server.handle[connection];

	for (unsigned int i = 0; i < h->count; i++)
		if (h->command[i].arrived || h->life == DYING || h->choked)
			return true;
	return false;
}

static int64_t take(struct nbd_handle *h, struct command c)
{
	const unsigned int at = h->count;

	if (c.offset + c.bytes > server.plan.bytes ||
	    (c.what == SERVER_WRITE && server.plan.readonly) ||
	    (c.what == SERVER_TRIM && server.plan.trims <= 0) ||
	    (c.what == SERVER_FLUSH && server.plan.flushes <= 0))
		oracle_fail(ORACLE_STORAGE,
			    "a store of %llu bytes is asked for "
			    "%llu at %llu, to do %d",
			    (unsigned long long)server.plan.bytes,
			    (unsigned long long)c.bytes,
			    (unsigned long long)c.offset, (int)c.what);
	if (server.refuse > 0 && --server.refuse == 0)
		refuse(server.refusal);
	else if (h->life >= DEAD || at == COMMANDS)
		refuse(ENOTCONN);
	else {
		h->command[h->count++] = c;
		if (h->prompt)
			finish(h, at);
		return at + 1;
	}
	/* What has no number is an error all the same. */
	server_notice(number_of(h), c.what, c.offset, c.bytes,
		      server.error != 0 ? server.error : EIO);
	return -1;
}

int64_t nbd_aio_pread(struct nbd_handle *h, void *memory, size_t bytes,
		      uint64_t offset, nbd_completion_callback done,
		      uint32_t flags)
{
	(void)flags;
	return take(h, (struct command){.what = SERVER_READ,
					.to = memory,
					.bytes = bytes,
					.offset = offset,
					.done = done});
}

int64_t nbd_aio_pwrite(struct nbd_handle *h, const void *memory, size_t bytes,
		       uint64_t offset, nbd_completion_callback done,
		       uint32_t flags)
{
	(void)flags;
	return take(h, (struct command){.what = SERVER_WRITE,
					.from = memory,
					.bytes = bytes,
					.offset = offset,
					.done = done});
}

int64_t nbd_aio_flush(struct nbd_handle *h, nbd_completion_callback done,
		      uint32_t flags)
{
	(void)flags;
	return take(h, (struct command){.what = SERVER_FLUSH, .done = done});
}

int64_t nbd_aio_trim(struct nbd_handle *h, uint64_t bytes, uint64_t offset,
		     nbd_completion_callback done, uint32_t flags)
{
	(void)flags;
	return take(h, (struct command){.what = SERVER_TRIM,
					.bytes = bytes,
					.offset = offset,
					.done = done});
}

/* --- connections --- */

static int connecting(struct nbd_handle *h, int timeout_ms)
{
	if (server.plan.silent) {
		server_clock((uint64_t)timeout_ms * 1000000u);
		return 0;
	}
	if (h->steps-- > 0)
		return 1;
	h->life = server.plan.leaves ? DEAD : READY;
	return server.plan.leaves ? refuse(server.plan.error) : 1;
}

int nbd_poll(struct nbd_handle *h, int timeout_ms)
{
	char byte;

	h->choked = false;
	if (h->life == CONNECTING)
		return connecting(h, timeout_ms);
	if (h->life == DYING) {
		hang_up(h, h->politely ? CLOSED : DEAD);
		return h->politely ? 1 : refuse(ECONNRESET);
	}
	if (h->life != READY)
		return refuse(ENOTCONN);
	for (unsigned int i = 0; i < h->count; i++) {
		if (!h->command[i].arrived)
			continue;
		if (read(h->fd, &byte, 1) != 1)
			abort();
		finish(h, i);
		return 1;
	}
	return 0;
}

struct nbd_handle *nbd_create(void)
{
	if (server_fails())
		return NULL;
	for (unsigned int i = 0; i < HANDLES; i++) {
		struct nbd_handle *h = &server.handle[i];

		if (h->used)
			continue;
		h->used = true;
		h->politely = h->prompt = h->choked = false;
		h->life = ASIDE;
		h->fd = h->peer = -1;
		h->steps = h->count = 0;
		return h;
	}
	abort();
}

void nbd_close(struct nbd_handle *h)
{
	hang_up(h, CLOSED);
	h->used = false;
}

static int dial(struct nbd_handle *h, enum life life)
{
	int fds[2];

	if (server_fails())
		return -1;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0,
		       fds) < 0)
		abort();
	h->fd = fds[0];
	h->peer = fds[1];
	h->life = life;
	h->steps = server.plan.steps;
	return 0;
}

int nbd_connect_uri(struct nbd_handle *h, const char *uri)
{
	(void)uri;
	return dial(h, READY);
}

int nbd_aio_connect_uri(struct nbd_handle *h, const char *uri)
{
	(void)uri;
	return dial(h, CONNECTING);
}

int nbd_aio_disconnect(struct nbd_handle *h, uint32_t flags)
{
	(void)flags;
	h->politely = true;
	return 0;
}

/* In place of the kernel's: what libnbd would notice at its next look. */
void server_shut(int fd)
{
	for (unsigned int i = 0; i < HANDLES; i++)
		if (server.handle[i].used && server.handle[i].fd == fd &&
		    server.handle[i].life == READY)
			server.handle[i].life = DYING;
}

/* --- what is asked of a handle --- */

int nbd_set_uri_allow_transports(struct nbd_handle *h, uint32_t mask)
{
	(void)h;
	if ((mask & ~(uint32_t)(LIBNBD_ALLOW_TRANSPORT_TCP |
				LIBNBD_ALLOW_TRANSPORT_UNIX)) != 0)
		oracle_fail(ORACLE_ATTACH, "a URI may ask for anything");
	return server_fails() ? -1 : 0;
}

int nbd_set_uri_allow_tls(struct nbd_handle *h, int tls)
{
	(void)h;
	(void)tls;
	return server_fails() ? -1 : 0;
}

int nbd_set_uri_allow_local_file(struct nbd_handle *h, bool allow)
{
	(void)h;
	if (allow)
		oracle_fail(ORACLE_ATTACH, "a URI may name files");
	return server_fails() ? -1 : 0;
}

const char *nbd_get_error(void)
{
	return server.plan.words;
}

int nbd_get_errno(void)
{
	return server.error;
}

unsigned nbd_aio_get_direction(struct nbd_handle *h)
{
	return LIBNBD_AIO_DIRECTION_READ |
	       (h->choked ? LIBNBD_AIO_DIRECTION_WRITE : 0);
}

int nbd_aio_get_fd(struct nbd_handle *h)
{
	return h->fd;
}

int nbd_aio_is_dead(struct nbd_handle *h)
{
	return h->life == DEAD;
}

int nbd_aio_is_closed(struct nbd_handle *h)
{
	return h->life == CLOSED;
}

int nbd_aio_is_connecting(struct nbd_handle *h)
{
	return h->life == CONNECTING;
}

int nbd_aio_is_ready(struct nbd_handle *h)
{
	return h->life == READY;
}

int64_t nbd_get_block_size(struct nbd_handle *h, int which)
{
	(void)h;
	return which == LIBNBD_SIZE_MINIMUM ? server.plan.minimum
					    : server.plan.preferred;
}

int64_t nbd_get_size(struct nbd_handle *h)
{
	(void)h;
	return server.plan.no_size ? refuse(EINVAL)
				   : (int64_t)server.plan.bytes;
}

int nbd_is_read_only(struct nbd_handle *h)
{
	(void)h;
	return server.plan.readonly;
}

int nbd_can_multi_conn(struct nbd_handle *h)
{
	(void)h;
	return server.plan.many;
}

int nbd_can_flush(struct nbd_handle *h)
{
	(void)h;
	return server.plan.flushes;
}

int nbd_can_trim(struct nbd_handle *h)
{
	(void)h;
	return server.plan.trims;
}
