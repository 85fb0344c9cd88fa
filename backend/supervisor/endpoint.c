/* Addresses of loopback and UNIX sockets.  See endpoint.h. */
#include "backend/supervisor/endpoint.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "backend/base/cleanup.h"
#include "backend/supervisor/decimal.h"

#define UNIX_PREFIX "unix:"
#define BACKLOG	    16

static bool parse_unix(const char *path, struct endpoint *endpoint)
{
	struct sockaddr_un *address = (struct sockaddr_un *)&endpoint->address;
	const size_t length = strlen(path);

	if (path[0] != '/' || length >= sizeof(address->sun_path))
		return false;
	address->sun_family = AF_UNIX;
	memcpy(address->sun_path, path, length + 1);
	endpoint->length = sizeof(*address);
	return true;
}

static bool parse_port(const char *text, in_port_t *port)
{
	uint64_t number;

	if (!decimal_parse(text, strlen(text), UINT16_MAX, &number) ||
	    number == 0)
		return false;
	*port = htons((uint16_t)number);
	return true;
}

static bool parse_ipv6(const char *text, struct endpoint *endpoint)
{
	static const char loopback[] = "[::1]:";
	struct sockaddr_in6 *address =
		(struct sockaddr_in6 *)&endpoint->address;

	if (strncmp(text, loopback, sizeof(loopback) - 1) != 0)
		return false;
	address->sin6_family = AF_INET6;
	address->sin6_addr = in6addr_loopback;
	endpoint->length = sizeof(*address);
	return parse_port(text + sizeof(loopback) - 1, &address->sin6_port);
}

static bool parse_ipv4(const char *text, struct endpoint *endpoint)
{
	struct sockaddr_in *address = (struct sockaddr_in *)&endpoint->address;
	const char *colon = strchr(text, ':');
	char host[INET_ADDRSTRLEN];

	if (colon == NULL || (size_t)(colon - text) >= sizeof(host))
		return false;
	memcpy(host, text, (size_t)(colon - text));
	host[colon - text] = '\0';
	address->sin_family = AF_INET;
	endpoint->length = sizeof(*address);
	return inet_pton(AF_INET, host, &address->sin_addr) == 1 &&
	       ntohl(address->sin_addr.s_addr) >> 24 == 127 &&
	       parse_port(colon + 1, &address->sin_port);
}

bool endpoint_parse(const char *text, struct endpoint *endpoint)
{
	memset(endpoint, 0, sizeof(*endpoint));
	if (strncmp(text, UNIX_PREFIX, strlen(UNIX_PREFIX)) == 0)
		return parse_unix(text + strlen(UNIX_PREFIX), endpoint);
	return text[0] == '[' ? parse_ipv6(text, endpoint)
			      : parse_ipv4(text, endpoint);
}

/* Whether somebody answers there; a file that nobody does is removed. */
static bool is_taken(int fd, const struct endpoint *endpoint)
{
	const struct sockaddr_un *address =
		(const struct sockaddr_un *)&endpoint->address;

	if (connect(fd, (const struct sockaddr *)address, endpoint->length) ==
	    0)
		return true;
	if (errno == ECONNREFUSED)
		(void)unlink(address->sun_path);
	return false;
}

static int listen_unix(int fd, const struct endpoint *endpoint)
{
	mode_t mask;
	int result;

	if (is_taken(fd, endpoint))
		return -EADDRINUSE;
	mask = umask(0177);
	result = bind(fd, (const struct sockaddr *)&endpoint->address,
		      endpoint->length) < 0
			 ? -errno
			 : 0;
	umask(mask);
	return result;
}

/* After a restart connections of the last daemon may still be on their way out.
 */
static int listen_inet(int fd, const struct endpoint *endpoint)
{
	const int yes = 1;

	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes)) < 0 ||
	    bind(fd, (const struct sockaddr *)&endpoint->address,
		 endpoint->length) < 0)
		return -errno;
	return 0;
}

int endpoint_listen(const char *text, char *error)
{
	struct endpoint endpoint;
	int fd = -1, result = -EINVAL;

	if (endpoint_parse(text, &endpoint)) {
		fd = socket(endpoint.address.ss_family,
			    SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
		if (fd < 0)
			result = -errno;
		else if (endpoint.address.ss_family == AF_UNIX)
			result = listen_unix(fd, &endpoint);
		else
			result = listen_inet(fd, &endpoint);
		if (result == 0 && listen(fd, BACKLOG) < 0)
			result = -errno;
	}
	if (result < 0) {
		snprintf(error, ENDPOINT_ERROR_BYTES,
			 "the metrics cannot be served at %.120s: %s", text,
			 strerror(-result));
		close_fd(&fd);
		return result;
	}
	return fd;
}

void endpoint_remove(const char *text)
{
	if (strncmp(text, UNIX_PREFIX, strlen(UNIX_PREFIX)) == 0)
		(void)unlink(text + strlen(UNIX_PREFIX));
}
