/*
 * libxenstore in process: the calls of xenstore.h over the in-memory store.
 *
 * Called by backend/, frontend/ and tests.  There is no descriptor (xs_fileno()
 * is -1) and nothing blocks: xs_read_watch() without an event is NULL with
 * EAGAIN, as xs_check_watch() is.  A handle has the rights of the domain that
 * was current when it was opened.  What it returns is malloc'd, as the real
 * library's answers are.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xenstore.h>

#include "sim/lib/inprocess.h"
#include "sim/xenstore.h"

struct xs_handle {
	struct xs_handle *next;
	struct actor actor;
	bool filter;
	struct connection *connection;
};

static struct xs_handle *handles;

void store_reset(void)
{
	while (handles != NULL) {
		struct xs_handle *h = handles;

		handles = h->next;
		free(h);
	}
}

/* --- handles --- */

struct xs_handle *xs_open(unsigned long flags)
{
	struct actor actor = inprocess_actor();
	int error = inprocess_begin(&actor, SIM_CALL_OPEN);
	struct xs_handle *h;

	trace_call(TRACE_XS_OPEN, actor.domid, -error, flags);
	if (error != 0) {
		errno = error;
		return NULL;
	}
	h = tree_allocate(sizeof(*h));
	h->actor = actor;
	h->filter = (flags & XS_UNWATCH_FILTER) != 0;
	h->connection = xenstore_connect(actor.domid);
	h->next = handles;
	handles = h;
	inprocess_ledger(actor.domid)->xs_handles++;
	return h;
}

void xs_close(struct xs_handle *xsh)
{
	struct xs_handle **link = &handles;

	if (xsh == NULL)
		return;
	while (*link != xsh)
		link = &(*link)->next;
	*link = xsh->next;
	if (!inprocess_dead(&xsh->actor)) {
		xenstore_disconnect(xsh->connection);
		inprocess_ledger(xsh->actor.domid)->xs_handles--;
	}
	trace_call(TRACE_XS_CLOSE, xsh->actor.domid, 0, 0);
	free(xsh);
}

struct xs_handle *xs_daemon_open(void)
{
	return xs_open(0);
}

struct xs_handle *xs_domain_open(void)
{
	return xs_open(0);
}

void xs_daemon_close(struct xs_handle *h)
{
	xs_close(h);
}

int xs_fileno(struct xs_handle *h)
{
	(void)h;
	return -1;
}

/* --- requests --- */

static const enum trace_call traced[] = {
	[XENSTORE_READ] = TRACE_XS_READ,
	[XENSTORE_DIRECTORY] = TRACE_XS_DIRECTORY,
	[XENSTORE_GET_PERMISSIONS] = TRACE_XS_GET_PERMISSIONS,
	[XENSTORE_WRITE] = TRACE_XS_WRITE,
	[XENSTORE_MKDIR] = TRACE_XS_MKDIR,
	[XENSTORE_REMOVE] = TRACE_XS_RM,
	[XENSTORE_SET_PERMISSIONS] = TRACE_XS_SET_PERMISSIONS,
};

/* Of any call: 0 or an errno. */
static int begin(const struct xs_handle *h)
{
	int error = inprocess_begin(&h->actor, SIM_CALL_XS);

	inprocess_ledger(h->actor.domid)->xs_calls++;
	return error;
}

static bool done(const struct xs_handle *h, enum trace_call call, int error,
		 const char *text)
{
	trace_text(call, h->actor.domid, error, text);
	if (error < 0)
		errno = -error;
	return error == 0;
}

static bool request(const struct xs_handle *h, xs_transaction_t t,
		    struct xenstore_request *r)
{
	int error = -begin(h);

	if (error == 0)
		error = xenstore_request(h->connection, t, r);
	if (r->operation == XENSTORE_WRITE)
		trace_call(traced[XENSTORE_WRITE], h->actor.domid, error,
			   r->length);
	return done(h, traced[r->operation], error, r->path);
}

void *xs_read(struct xs_handle *h, xs_transaction_t t, const char *path,
	      unsigned int *len)
{
	struct xenstore_request r = {.operation = XENSTORE_READ, .path = path};
	char *value;

	if (!request(h, t, &r))
		return NULL;
	value = tree_allocate(r.node->length + 1u);
	if (r.node->length > 0)
		memcpy(value, r.node->value, r.node->length);
	value[r.node->length] = '\0';
	if (len != NULL)
		*len = r.node->length;
	return value;
}

/* One block: the pointers, then the names. */
char **xs_directory(struct xs_handle *h, xs_transaction_t t, const char *path,
		    unsigned int *num)
{
	struct xenstore_request r = {.operation = XENSTORE_DIRECTORY,
				     .path = path};
	size_t bytes = 0, n = 0;
	char **names, *text;

	if (!request(h, t, &r))
		return NULL;
	for (const struct node *c = r.node->first; c != NULL; c = c->next) {
		bytes += strlen(c->name) + 1;
		n++;
	}
	names = tree_allocate(n * sizeof(*names) + bytes + 1);
	text = (char *)(names + n);
	n = 0;
	for (const struct node *c = r.node->first; c != NULL; c = c->next) {
		names[n++] = text;
		text = stpcpy(text, c->name) + 1;
	}
	*num = (unsigned int)n;
	return names;
}

bool xs_write(struct xs_handle *h, xs_transaction_t t, const char *path,
	      const void *data, unsigned int len)
{
	struct xenstore_request r = {
		.operation = XENSTORE_WRITE,
		.path = path,
		.value = data,
		.length = len,
	};

	if (len + strlen(path) + 1 > XENSTORE_PAYLOAD_MAX) {
		errno = E2BIG;
		return false;
	}
	return request(h, t, &r);
}

bool xs_mkdir(struct xs_handle *h, xs_transaction_t t, const char *path)
{
	struct xenstore_request r = {.operation = XENSTORE_MKDIR, .path = path};

	return request(h, t, &r);
}

bool xs_rm(struct xs_handle *h, xs_transaction_t t, const char *path)
{
	struct xenstore_request r = {.operation = XENSTORE_REMOVE,
				     .path = path};

	return request(h, t, &r);
}

struct xs_permissions *xs_get_permissions(struct xs_handle *h,
					  xs_transaction_t t, const char *path,
					  unsigned int *num)
{
	struct xenstore_request r = {.operation = XENSTORE_GET_PERMISSIONS,
				     .path = path};
	struct xs_permissions *list;
	size_t bytes;

	if (!request(h, t, &r))
		return NULL;
	bytes = r.node->permissions_count * sizeof(*list);
	list = tree_allocate(bytes);
	memcpy(list, r.node->permissions, bytes);
	*num = r.node->permissions_count;
	return list;
}

bool xs_set_permissions(struct xs_handle *h, xs_transaction_t t,
			const char *path, struct xs_permissions *perms,
			unsigned int num_perms)
{
	struct xenstore_request r = {
		.operation = XENSTORE_SET_PERMISSIONS,
		.path = path,
		.permissions = perms,
		.length = num_perms,
	};

	return request(h, t, &r);
}

/* --- watches --- */

bool xs_watch(struct xs_handle *h, const char *path, const char *token)
{
	int error = -begin(h);

	if (error == 0)
		error = xenstore_watch(h->connection, path, token);
	return done(h, TRACE_XS_WATCH, error, path);
}

bool xs_unwatch(struct xs_handle *h, const char *path, const char *token)
{
	int error = -begin(h);

	if (error == 0)
		error = xenstore_unwatch(h->connection, path, token, h->filter);
	return done(h, TRACE_XS_UNWATCH, error, path);
}

char **xs_check_watch(struct xs_handle *h)
{
	char **event = NULL;
	int error = inprocess_dead(&h->actor) ? -EIO : 0;

	if (error == 0)
		event = xenstore_event(h->connection);
	if (error == 0 && event == NULL)
		error = -EAGAIN;
	(void)done(h, TRACE_XS_EVENT, error,
		   event != NULL ? event[XS_WATCH_PATH] : "");
	return event;
}

char **xs_read_watch(struct xs_handle *h, unsigned int *num)
{
	*num = 2;
	return xs_check_watch(h);
}

/* --- transactions --- */

xs_transaction_t xs_transaction_start(struct xs_handle *h)
{
	xs_transaction_t t = XBT_NULL;
	int error = -begin(h);

	if (error == 0)
		error = xenstore_begin(h->connection, &t);
	(void)done(h, TRACE_XS_BEGIN, error, "");
	return t;
}

bool xs_transaction_end(struct xs_handle *h, xs_transaction_t t, bool abort)
{
	int error = -begin(h);

	if (error == 0)
		error = xenstore_end(h->connection, t, abort);
	return done(h, TRACE_XS_END, error, abort ? "abort" : "commit");
}

/* --- domains --- */

static int for_dom0(const struct xs_handle *h)
{
	int error = begin(h);

	if (error == 0 && h->actor.domid != 0)
		error = EACCES;
	return -error;
}

bool xs_introduce_domain(struct xs_handle *h, unsigned int domid,
			 unsigned long mfn, unsigned int eventchn)
{
	int error = for_dom0(h);

	(void)mfn;
	(void)eventchn;
	if (error == 0)
		error = xenstore_introduce(domid);
	return done(h, TRACE_XS_INTRODUCE, error, "");
}

bool xs_release_domain(struct xs_handle *h, unsigned int domid)
{
	int error = for_dom0(h);

	if (error == 0)
		error = xenstore_release(domid);
	return done(h, TRACE_XS_RELEASE, error, "");
}

bool xs_is_domain_introduced(struct xs_handle *h, unsigned int domid)
{
	return begin(h) == 0 && xenstore_introduced(domid);
}

char *xs_get_domain_path(struct xs_handle *h, unsigned int domid)
{
	char text[32];
	int error = begin(h);

	if (error != 0) {
		errno = error;
		return NULL;
	}
	snprintf(text, sizeof(text), "/local/domain/%u", domid);
	return tree_string(text);
}

bool xs_path_is_subpath(const char *parent, const char *child)
{
	size_t length = strlen(parent);

	/* "/" is the parent of every absolute path. */
	if (length > 0 && parent[length - 1] == '/')
		length--;
	return strncmp(parent, child, length) == 0 &&
	       (child[length] == '/' || child[length] == '\0');
}
