/* HTTP for whoever collects metrics.  See metrics.h. */
#include "backend/supervisor/metrics.h"

#include <errno.h>
#include <microhttpd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "backend/base/check.h"
#include "backend/base/clock.h"
#include "backend/base/log.h"
#include "backend/supervisor/exposition.h"

#define CONNECTIONS    8u
#define MEMORY_BYTES   16384u /* of one connection: its request's head */
#define SILENT_SECONDS 5u
#define CONNECTION_NS  UINT64_C(20000000000) /* whatever it does */
#define MILLISECOND_NS UINT64_C(1000000)
#define PLAIN	       "text/plain; charset=utf-8"
#define EXPOSITION     "text/plain; version=0.0.4; charset=utf-8"

struct visitor {
	int fd; /* -1: none */
	uint64_t deadline_ns;
};

struct metrics {
	struct MHD_Daemon *daemon;
	const struct host *host;
	char *where;
	struct visitor visitor[CONNECTIONS];
};

static int socket_of(struct MHD_Connection *connection)
{
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(
		connection, MHD_CONNECTION_INFO_CONNECTION_FD);

	return info == NULL ? -1 : info->connect_fd;
}

/* A connection begins or ends. */
static void on_connection(void *context, struct MHD_Connection *connection,
			  void **unused,
			  enum MHD_ConnectionNotificationCode code)
{
	struct metrics *metrics = context;
	const bool begins = code == MHD_CONNECTION_NOTIFY_STARTED;
	const int fd = socket_of(connection);

	(void)unused;
	for (unsigned int i = 0; i < CONNECTIONS; i++) {
		struct visitor *visitor = &metrics->visitor[i];

		if (visitor->fd != (begins ? -1 : fd))
			continue;
		visitor->fd = begins ? fd : -1;
		visitor->deadline_ns = clock_now_ns() + CONNECTION_NS;
		return;
	}
}

/* Takes over the text. */
static enum MHD_Result answer(struct MHD_Connection *connection,
			      unsigned int status, const char *type, char *text,
			      size_t length)
{
	struct MHD_Response *response = MHD_create_response_from_buffer(
		length, text, MHD_RESPMEM_MUST_FREE);
	enum MHD_Result result;

	if (response == NULL) {
		free(text);
		return MHD_NO;
	}
	result = MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE,
					 type);
	if (status == MHD_HTTP_METHOD_NOT_ALLOWED)
		result &= MHD_add_response_header(
			response, MHD_HTTP_HEADER_ALLOW, "GET, HEAD");
	if (result == MHD_YES)
		result = MHD_queue_response(connection, status, response);
	MHD_destroy_response(response);
	return result;
}

static enum MHD_Result answer_sentence(struct MHD_Connection *connection,
				       unsigned int status,
				       const char *sentence)
{
	char *text = strdup(sentence);

	return text == NULL
		       ? MHD_NO
		       : answer(connection, status, PLAIN, text, strlen(text));
}

static enum MHD_Result on_request(void *context,
				  struct MHD_Connection *connection,
				  const char *url, const char *method,
				  const char *version, const char *data,
				  size_t *data_bytes, void **unused)
{
	const struct metrics *metrics = context;
	size_t length;
	char *text;

	(void)version;
	(void)data;
	(void)data_bytes;
	(void)unused;
	if (strcmp(method, MHD_HTTP_METHOD_GET) != 0 &&
	    strcmp(method, MHD_HTTP_METHOD_HEAD) != 0)
		return answer_sentence(connection, MHD_HTTP_METHOD_NOT_ALLOWED,
				       "only GET and HEAD are understood\n");
	if (strcmp(url, "/metrics") != 0)
		return answer_sentence(connection, MHD_HTTP_NOT_FOUND,
				       "there is only /metrics\n");
	text = exposition_text(metrics->host, &length);
	return text == NULL ? MHD_NO
			    : answer(connection, MHD_HTTP_OK, EXPOSITION, text,
				     length);
}

static __attribute__((format(printf, 2, 0))) void on_log(void *context,
							 const char *format,
							 va_list arguments)
{
	char line[256];

	(void)context;
	vsnprintf(line, sizeof(line), format, arguments);
	log_line(LOG_DEBUG, "metrics: %.*s", (int)strcspn(line, "\n"), line);
}

static int start(struct metrics *metrics, int fd)
{
	metrics->daemon = MHD_start_daemon(
		MHD_USE_EPOLL | MHD_USE_ERROR_LOG, 0, NULL, NULL, on_request,
		metrics, MHD_OPTION_EXTERNAL_LOGGER, on_log, NULL,
		MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_CONNECTION_LIMIT,
		CONNECTIONS, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
		(size_t)MEMORY_BYTES, MHD_OPTION_CONNECTION_TIMEOUT,
		SILENT_SECONDS, MHD_OPTION_NOTIFY_CONNECTION, on_connection,
		metrics, MHD_OPTION_END);
	return metrics->daemon == NULL ? -ENOMEM : 0;
}

int metrics_create(const char *where, const struct host *host,
		   struct metrics **metrics, char *error)
{
	struct metrics *m = calloc(1, sizeof(*m));
	int fd, result = -ENOMEM;

	if (m == NULL)
		return result;
	m->host = host;
	for (unsigned int i = 0; i < CONNECTIONS; i++)
		m->visitor[i].fd = -1;
	fd = endpoint_listen(where, error);
	if (fd < 0) {
		free(m);
		return fd;
	}
	m->where = strdup(where);
	if (m->where != NULL)
		result = start(m, fd);
	if (result < 0) {
		snprintf(error, ENDPOINT_ERROR_BYTES,
			 "the server of metrics cannot be started");
		close(fd);
		metrics_destroy(m);
		return result;
	}
	*metrics = m;
	return 0;
}

void metrics_destroy(struct metrics *metrics)
{
	if (metrics == NULL)
		return;
	/* Closes the listener, too. */
	if (metrics->daemon != NULL)
		MHD_stop_daemon(metrics->daemon);
	if (metrics->where != NULL)
		endpoint_remove(metrics->where);
	free(metrics->where);
	free(metrics);
}

int metrics_fd(const struct metrics *metrics)
{
	const union MHD_DaemonInfo *info;

	if (metrics == NULL)
		return -1;
	info = MHD_get_daemon_info(metrics->daemon, MHD_DAEMON_INFO_EPOLL_FD);
	CHECK(info != NULL);
	return info->epoll_fd;
}

/* Whoever sends a byte now and then keeps his place no longer than others. */
static uint64_t end_visits(const struct metrics *metrics, uint64_t now_ns)
{
	uint64_t next_ns = UINT64_MAX;

	for (unsigned int i = 0; i < CONNECTIONS; i++) {
		const struct visitor *visitor = &metrics->visitor[i];

		if (visitor->fd < 0)
			continue;
		if (visitor->deadline_ns <= now_ns)
			(void)shutdown(visitor->fd, SHUT_RDWR);
		else if (visitor->deadline_ns < next_ns)
			next_ns = visitor->deadline_ns;
	}
	return next_ns;
}

uint64_t metrics_step(struct metrics *metrics, uint64_t now_ns)
{
	MHD_UNSIGNED_LONG_LONG wait_ms;
	uint64_t next_ns;

	if (metrics == NULL)
		return UINT64_MAX;
	next_ns = end_visits(metrics, now_ns);
	(void)MHD_run(metrics->daemon);
	if (MHD_get_timeout(metrics->daemon, &wait_ms) == MHD_YES &&
	    next_ns - now_ns > wait_ms * MILLISECOND_NS)
		next_ns = now_ns + wait_ms * MILLISECOND_NS;
	return next_ns;
}
