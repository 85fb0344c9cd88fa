/*
 * The clients of a guest's store connection (proxy.h): libxenstore on a UNIX
 * socket, as if it had opened /dev/xen/xenbus.
 */
#include "sim/broker/proxy.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static bool may_ask(const struct proxy_client *client)
{
	return client->outstanding < PROXY_OUTSTANDING;
}

static void listen_again(struct proxy_client *client)
{
	uint32_t events = may_ask(client) ? EPOLLIN : 0;

	if (bytes_waiting(&client->output) > 0)
		events |= EPOLLOUT;
	if (!client->gone)
		source_change(client->proxy->options.epoll, &client->source,
			      events);
}

static void write_output(struct proxy_client *client)
{
	struct bytes *output = &client->output;

	while (bytes_waiting(output) > 0) {
		ssize_t n = send(
			client->source.fd, output->data + output->start,
			bytes_waiting(output), MSG_DONTWAIT | MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno != EAGAIN) {
			proxy_client_close(client);
			return;
		}
		if (n < 0)
			break;
		output->start += (size_t)n;
	}
	listen_again(client);
}

/* One read; true when there may be more and the client may ask more. */
static bool read_some(struct proxy_client *client)
{
	struct proxy_partial *input = &client->input;
	uint32_t wanted = proxy_partial_wants(input);
	ssize_t n = 1;

	if (wanted > 0) {
		n = recv(client->source.fd,
			 (char *)&input->message + input->have, wanted,
			 MSG_DONTWAIT);
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return false;
		if (n <= 0) {
			proxy_client_close(client);
			return false;
		}
		input->have += (uint32_t)n;
	}
	if (input->have >= sizeof(input->message.header) &&
	    input->message.header.len > XENSTORE_PAYLOAD_MAX) {
		proxy_client_close(client);
		return false;
	}
	if (proxy_partial_wants(input) == 0 &&
	    input->have >= sizeof(input->message.header)) {
		input->have = 0;
		input->message.payload[input->message.header.len] = '\0';
		proxy_request(client, &input->message);
	}
	return !client->gone && may_ask(client);
}

static void client_ready(struct source *source, uint32_t events)
{
	struct proxy_client *client = (struct proxy_client *)source;

	if (client->gone)
		return;
	if (events & EPOLLOUT)
		write_output(client);
	if (!client->gone && (events & (EPOLLIN | EPOLLHUP | EPOLLERR)))
		while (read_some(client))
			;
	if (!client->gone)
		listen_again(client);
}

void proxy_client_accept(struct source *source, uint32_t events)
{
	struct proxy *proxy =
		(struct proxy *)((char *)source -
				 offsetof(struct proxy, listener));
	struct proxy_client *client;
	int fd = accept4(source->fd, NULL, NULL, SOCK_CLOEXEC);

	(void)events;
	if (fd < 0)
		return;
	client = calloc(1, sizeof(*client));
	if (!client || proxy->clients_now == PROXY_CLIENTS) {
		free(client);
		close(fd);
		return;
	}
	proxy->clients_now++;
	client->source = (struct source){.fd = fd, .ready = client_ready};
	client->proxy = proxy;
	client->id = ++proxy->last_client;
	client->next = proxy->clients;
	proxy->clients = client;
	source_add(proxy->options.epoll, &client->source, EPOLLIN);
}

void proxy_client_send(struct proxy_client *client,
		       const struct xsd_sockmsg *header, const void *payload)
{
	bytes_append(&client->output, header, sizeof(*header));
	bytes_append(&client->output, payload, header->len);
	if (bytes_waiting(&client->output) > PROXY_BACKLOG)
		proxy_client_close(client);
	else
		write_output(client);
}

struct proxy_client *proxy_client_find(struct proxy *proxy, uint32_t id)
{
	for (struct proxy_client *c = proxy->clients; c; c = c->next)
		if (c->id == id && !c->gone)
			return c;
	return NULL;
}

void proxy_client_close(struct proxy_client *client)
{
	if (client->gone)
		return;
	client->gone = true;
	client->proxy->clients_now--;
	source_remove(client->proxy->options.epoll, &client->source);
	close(client->source.fd);
	proxy_take_back(client);
}

static void client_free(struct proxy_client *client)
{
	bytes_free(&client->output);
	free(client);
}

void proxy_sweep(struct proxy *proxy)
{
	struct proxy_client **link = &proxy->clients;

	while (*link) {
		struct proxy_client *client = *link;

		if (!client->gone) {
			link = &client->next;
			continue;
		}
		*link = client->next;
		client_free(client);
	}
}
