/*
 * The supervisor's connection to xenstore.  See store.h.
 *
 * Owns the handle and the transaction that is under way.  It knows nothing of
 * disks.  Nothing it returns points into libxenstore's memory.
 */
#include "backend/supervisor/store.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <xenstore.h>

#include "backend/base/check.h"
#include "backend/base/limits.h"
#include "backend/supervisor/decimal.h"

/* A transaction that others disturb this often will never succeed. */
#define TRANSACTION_TRIES 64u

struct store {
	struct xs_handle *xs;
	xs_transaction_t transaction;
	int pulse;
	bool lost;
	char home[32];
};

/* libxenstore's errno to ours; notes when it means that the connection is gone.
 */
static int failure(struct store *store)
{
	int error = errno;

	switch (error) {
	case EBADF:
	case EPIPE:
	case ECONNRESET:
	case ENOTCONN:
		store->lost = true;
		return -ENOTCONN;
	case 0:
		return -EIO;
	default:
		return -error;
	}
}

/* Where xenstored listens, as libxenstore finds it. */
static bool socket_address(struct sockaddr_un *address)
{
	const char *path = getenv("XENSTORED_PATH");
	const char *directory = getenv("XENSTORED_RUNDIR");
	const size_t room = sizeof(address->sun_path);
	int n;

	memset(address, 0, sizeof(*address));
	address->sun_family = AF_UNIX;
	if (path != NULL)
		n = snprintf(address->sun_path, room, "%s", path);
	else
		n = snprintf(address->sun_path, room, "%s/socket",
			     directory != NULL ? directory
					       : "/var/run/xenstored");
	return n > 0 && (size_t)n < room;
}

/* Without a socket (a driver domain's kernel device) there is no pulse. */
static int pulse_open(void)
{
	struct sockaddr_un address;
	int fd;

	if (!socket_address(&address))
		return -1;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -1;
	if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) <
	    0) {
		close(fd);
		return -1;
	}
	return fd;
}

static void find_home(struct store *store)
{
	char text[16];
	uint64_t domid = 0;
	int length;

	/* Relative to our own domain; dom0's is not written on every host. */
	length = store_read(store, "domid", text, sizeof(text));
	if (length <= 0 ||
	    !decimal_parse(text, (size_t)length, LIMIT_DOMID, &domid))
		domid = 0;
	snprintf(store->home, sizeof(store->home), "/local/domain/%u",
		 (unsigned int)domid);
}

int store_open(struct store **store)
{
	struct store *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return -ENOMEM;
	s->pulse = -1;
	s->transaction = XBT_NULL;
	s->xs = xs_open(0);
	if (s->xs == NULL) {
		int error = errno != 0 ? -errno : -EIO;

		free(s);
		return error;
	}
	if (store_fd(s) >= 0)
		s->pulse = pulse_open();
	find_home(s);
	*store = s;
	return 0;
}

void store_close(struct store *store)
{
	if (store == NULL)
		return;
	CHECK(store->transaction == XBT_NULL);
	if (store->pulse >= 0)
		close(store->pulse);
	xs_close(store->xs);
	free(store);
}

const char *store_home(const struct store *store)
{
	return store->home;
}

int store_fd(const struct store *store)
{
	return xs_fileno(store->xs);
}

int store_pulse_fd(const struct store *store)
{
	return store->pulse;
}

void store_check_pulse(struct store *store)
{
	char byte;
	ssize_t n;

	if (store->pulse < 0)
		return;
	n = recv(store->pulse, &byte, 1, MSG_DONTWAIT);
	if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
		store->lost = true;
}

bool store_lost(const struct store *store)
{
	return store->lost;
}

int store_read(struct store *store, const char *path, char *value, size_t room)
{
	unsigned int length = 0;
	char *text;

	CHECK(room > 1);
	if (store->lost)
		return -ENOTCONN;
	text = xs_read(store->xs, store->transaction, path, &length);
	if (text == NULL)
		return failure(store);
	if (length >= room) {
		free(text);
		return -EOVERFLOW;
	}
	memcpy(value, text, length);
	value[length] = '\0';
	free(text);
	return (int)length;
}

int store_write(struct store *store, const char *path, const char *value)
{
	if (store->lost)
		return -ENOTCONN;
	if (!xs_write(store->xs, store->transaction, path, value,
		      (unsigned int)strlen(value)))
		return failure(store);
	return 0;
}

int store_remove(struct store *store, const char *path)
{
	int error;

	if (store->lost)
		return -ENOTCONN;
	if (xs_rm(store->xs, store->transaction, path))
		return 0;
	error = failure(store);
	return error == -ENOENT ? 0 : error;
}

int store_list(struct store *store, const char *path,
	       void (*each)(void *context, const char *name), void *context)
{
	unsigned int count = 0;
	char **names;

	if (store->lost)
		return -ENOTCONN;
	names = xs_directory(store->xs, store->transaction, path, &count);
	if (names == NULL)
		return failure(store);
	for (unsigned int i = 0; i < count && i < STORE_LIST_MAX; i++)
		each(context, names[i]);
	free(names);
	return 0;
}

/* One attempt; -EAGAIN when somebody else changed what was looked at. */
static int transact_once(struct store *store,
			 int (*body)(struct store *store, void *context),
			 void *context)
{
	xs_transaction_t transaction;
	int error;

	transaction = xs_transaction_start(store->xs);
	if (transaction == XBT_NULL)
		return failure(store);
	store->transaction = transaction;
	error = body(store, context);
	store->transaction = XBT_NULL;
	if (!xs_transaction_end(store->xs, transaction, error != 0) &&
	    error == 0)
		error = failure(store);
	return error;
}

int store_transact(struct store *store,
		   int (*body)(struct store *store, void *context),
		   void *context)
{
	int error = -EAGAIN;

	CHECK(store->transaction == XBT_NULL);
	for (unsigned int i = 0; i < TRANSACTION_TRIES && error == -EAGAIN;
	     i++) {
		if (store->lost)
			return -ENOTCONN;
		error = transact_once(store, body, context);
	}
	return error;
}

int store_watch(struct store *store, const char *path, const char *token)
{
	if (store->lost)
		return -ENOTCONN;
	if (!xs_watch(store->xs, path, token))
		return failure(store);
	return 0;
}

int store_unwatch(struct store *store, const char *path, const char *token)
{
	if (store->lost)
		return -ENOTCONN;
	if (!xs_unwatch(store->xs, path, token))
		return failure(store);
	return 0;
}

int store_next_event(struct store *store, struct store_event *event)
{
	char **pair;

	if (store->lost)
		return -ENOTCONN;
	errno = EAGAIN;
	pair = xs_check_watch(store->xs);
	if (pair == NULL)
		return errno == EAGAIN ? 0 : failure(store);
	snprintf(event->path, sizeof(event->path), "%s", pair[XS_WATCH_PATH]);
	snprintf(event->token, sizeof(event->token), "%s",
		 pair[XS_WATCH_TOKEN]);
	free(pair);
	return 1;
}

bool store_domain_lives(struct store *store, uint32_t domid)
{
	return !store->lost && xs_is_domain_introduced(store->xs, domid);
}
