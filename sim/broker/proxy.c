/*
 * Requests of clients and replies of the store daemon (proxy.h): ids and tokens
 * are exchanged on the way through, and what belongs to whom is remembered.
 */
#include "sim/broker/proxy.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int proxy_create(const struct proxy_options *options, struct proxy **result)
{
	struct proxy *proxy = calloc(1, sizeof(*proxy));
	int error;

	if (!proxy)
		return -ENOMEM;
	proxy->options = *options;
	proxy->listener = (struct source){.fd = options->listener,
					  .ready = proxy_client_accept};
	error = source_add(options->epoll, &proxy->listener, EPOLLIN);
	if (error) {
		free(proxy);
		return error;
	}
	*result = proxy;
	return 0;
}

void proxy_destroy(struct proxy *proxy)
{
	if (!proxy)
		return;
	source_remove(proxy->options.epoll, &proxy->listener);
	close(proxy->listener.fd);
	for (struct proxy_client *c = proxy->clients; c; c = c->next)
		proxy_client_close(c);
	proxy_sweep(proxy);
	bytes_free(&proxy->to_ring);
	free(proxy);
}

/* A free entry's index is the request id on the ring. */
static uint32_t pending_take(struct proxy *proxy,
			     const struct proxy_pending *entry)
{
	for (uint32_t i = 0; i < PROXY_PENDING; i++) {
		if (proxy->pending[i].used)
			continue;
		proxy->pending[i] = *entry;
		proxy->pending[i].used = true;
		return i;
	}
	/* Nobody reads the reply of a clean-up: any id that is no index. */
	return UINT32_MAX;
}

static void answer_error(struct proxy_client *client,
			 const struct xsd_sockmsg *request, const char *error)
{
	struct xsd_sockmsg header = *request;

	header.type = XS_ERROR;
	header.len = (uint32_t)strlen(error) + 1;
	proxy_client_send(client, &header, error);
}

/* A request of the proxy itself, whose reply nobody wants. */
static void send_own(struct proxy *proxy, struct xsd_sockmsg header,
		     const char *payload)
{
	header.req_id = UINT32_MAX;
	proxy_ring_send(proxy, &header, payload);
}

static void abort_transaction(struct proxy *proxy, uint32_t id)
{
	struct xsd_sockmsg header = {
		.type = XS_TRANSACTION_END, .tx_id = id, .len = 2};

	send_own(proxy, header, "F");
}

/* --- watches --- */

static void ring_token(const struct proxy_client *client, uint32_t serial,
		       char *token)
{
	snprintf(token, PROXY_TOKEN_BYTES, "%u/%u", client->id, serial);
}

static struct proxy_watch *watch_find(struct proxy_client *client,
				      uint32_t serial)
{
	for (struct proxy_watch *w = client->watches; w; w = w->next)
		if (w->serial == serial)
			return w;
	return NULL;
}

static struct proxy_watch *watch_by_name(struct proxy_client *client,
					 const char *path, const char *token)
{
	for (struct proxy_watch *w = client->watches; w; w = w->next)
		if (!strcmp(w->path, path) && !strcmp(w->token, token))
			return w;
	return NULL;
}

static void watch_free(struct proxy_client *client, struct proxy_watch *watch)
{
	struct proxy_watch **link = &client->watches;

	while (*link != watch)
		link = &(*link)->next;
	*link = watch->next;
	free(watch->path);
	free(watch->token);
	free(watch);
}

static struct proxy_watch *watch_add(struct proxy_client *client,
				     const char *path, const char *token)
{
	struct proxy_watch *watch = calloc(1, sizeof(*watch));

	if (!watch)
		abort();
	watch->serial = ++client->proxy->last_watch;
	watch->path = strdup(path);
	watch->token = strdup(token);
	watch->next = client->watches;
	client->watches = watch;
	return watch;
}

/* path and our token, each with its end, into payload; the length. */
static uint32_t put_watch(char *payload, const char *path, const char *token)
{
	size_t path_bytes = strlen(path) + 1, token_bytes = strlen(token) + 1;

	memmove(payload, path, path_bytes);
	memcpy(payload + path_bytes, token, token_bytes);
	return (uint32_t)(path_bytes + token_bytes);
}

static void unwatch_own(struct proxy_client *client, struct proxy_watch *watch)
{
	char token[PROXY_TOKEN_BYTES];
	char payload[XENSTORE_PAYLOAD_MAX + PROXY_TOKEN_BYTES];
	struct xsd_sockmsg header = {.type = XS_UNWATCH};

	ring_token(client, watch->serial, token);
	header.len = put_watch(payload, watch->path, token);
	send_own(client->proxy, header, payload);
	watch_free(client, watch);
}

/* The token that follows the path, NULL when the payload is malformed. */
static char *second_string(struct proxy_message *message)
{
	size_t first = strlen(message->payload) + 1;

	return first < message->header.len ? message->payload + first : NULL;
}

/* WATCH or UNWATCH: exchange the token; the serial, or 0 to leave it alone. */
static uint32_t translate_watch(struct proxy_client *client,
				struct proxy_message *message)
{
	char *token = second_string(message);
	char ours[PROXY_TOKEN_BYTES];
	struct proxy_watch *watch;

	if (!token ||
	    message->header.len + PROXY_TOKEN_BYTES > XENSTORE_PAYLOAD_MAX)
		return 0;
	watch = watch_by_name(client, message->payload, token);
	/* The daemon knows what to say to a second one, or to none. */
	if (!watch && message->header.type == XS_UNWATCH)
		return 0;
	if (!watch)
		watch = watch_add(client, message->payload, token);
	ring_token(client, watch->serial, ours);
	message->header.len = put_watch(message->payload, watch->path, ours);
	return watch->serial;
}

/* --- transactions --- */

static bool transaction_owned(const struct proxy_client *client, uint32_t id)
{
	for (struct proxy_transaction *t = client->transactions; t; t = t->next)
		if (t->id == id)
			return true;
	return false;
}

static void transaction_add(struct proxy_client *client, uint32_t id)
{
	struct proxy_transaction *transaction = calloc(1, sizeof(*transaction));

	if (!transaction)
		abort();
	transaction->id = id;
	transaction->next = client->transactions;
	client->transactions = transaction;
}

static void transaction_drop(struct proxy_client *client, uint32_t id)
{
	struct proxy_transaction **link = &client->transactions;

	while (*link && (*link)->id != id)
		link = &(*link)->next;
	if (*link) {
		struct proxy_transaction *found = *link;

		*link = found->next;
		free(found);
	}
}

/* --- both directions --- */

static void reset_watches(struct proxy_client *client,
			  const struct xsd_sockmsg *request)
{
	struct xsd_sockmsg header = *request;

	while (client->watches)
		unwatch_own(client, client->watches);
	header.len = sizeof("OK");
	proxy_client_send(client, &header, "OK");
}

void proxy_request(struct proxy_client *client, struct proxy_message *message)
{
	struct proxy *proxy = client->proxy;
	struct xsd_sockmsg *header = &message->header;
	struct proxy_pending entry = {
		.client = client->id,
		.req_id = header->req_id,
		.type = header->type,
	};

	if (header->tx_id != 0 && !transaction_owned(client, header->tx_id)) {
		answer_error(client, header, "ENOENT");
		return;
	}
	if (header->type == XS_RESET_WATCHES) {
		/* Only this client's: the ring has others. */
		reset_watches(client, header);
		return;
	}
	if (header->type == XS_WATCH || header->type == XS_UNWATCH)
		entry.watch = translate_watch(client, message);
	if (header->type == XS_TRANSACTION_END)
		transaction_drop(client, header->tx_id);
	header->req_id = pending_take(proxy, &entry);
	client->outstanding++;
	proxy_ring_send(proxy, header, message->payload);
}

/* A watch event: whose is it, and what did he call it? */
static void route_event(struct proxy *proxy, struct proxy_message *message)
{
	char *token = second_string(message);
	struct proxy_client *client;
	struct proxy_watch *watch;
	unsigned int id, serial;
	char *payload;

	if (!token || sscanf(token, "%u/%u", &id, &serial) != 2)
		return;
	client = proxy_client_find(proxy, id);
	watch = client ? watch_find(client, serial) : NULL;
	if (!watch)
		return;
	payload = malloc(strlen(message->payload) + strlen(watch->token) + 2);
	if (!payload)
		abort();
	message->header.len =
		put_watch(payload, message->payload, watch->token);
	proxy_client_send(client, &message->header, payload);
	free(payload);
}

/* What a reply changes in what the client holds. */
static void account_reply(struct proxy_client *client,
			  const struct proxy_pending *entry,
			  const struct proxy_message *message)
{
	bool failed = message->header.type == XS_ERROR;
	struct proxy_watch *watch = watch_find(client, entry->watch);

	if (entry->type == XS_TRANSACTION_START && !failed)
		transaction_add(client,
				(uint32_t)strtoul(message->payload, NULL, 10));
	if (entry->type == XS_UNWATCH && !failed && watch)
		watch_free(client, watch);
	/* EEXIST: the first one of that name stays. */
	if (entry->type == XS_WATCH && failed && watch &&
	    strcmp(message->payload, "EEXIST") != 0)
		watch_free(client, watch);
}

void proxy_reply(struct proxy *proxy, struct proxy_message *message)
{
	struct proxy_pending entry;
	struct proxy_client *client;

	if (message->header.type == XS_WATCH_EVENT) {
		route_event(proxy, message);
		return;
	}
	if (message->header.req_id >= PROXY_PENDING ||
	    !proxy->pending[message->header.req_id].used)
		return;
	entry = proxy->pending[message->header.req_id];
	proxy->pending[message->header.req_id].used = false;
	client = proxy_client_find(proxy, entry.client);
	if (!client) {
		if (entry.type == XS_TRANSACTION_START &&
		    message->header.type != XS_ERROR)
			abort_transaction(
				proxy,
				(uint32_t)strtoul(message->payload, NULL, 10));
		return;
	}
	account_reply(client, &entry, message);
	client->outstanding--;
	message->header.req_id = entry.req_id;
	proxy_client_send(client, &message->header, message->payload);
}

void proxy_take_back(struct proxy_client *client)
{
	while (client->watches)
		unwatch_own(client, client->watches);
	while (client->transactions) {
		abort_transaction(client->proxy, client->transactions->id);
		transaction_drop(client, client->transactions->id);
	}
}
