/* Visitors, and what they hear.  See visitors.h. */
#include "fuzz/metrics/visitors.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "backend/base/checked.h"
#include "backend/base/clock.h"
#include "backend/supervisor/metrics.h"
#include "fuzz/control/stage.h"
#include "fuzz/metrics/page.h"
#include "fuzz/oracle/oracle.h"
#include "sim/sim.h"

#define WHERE	     "unix:" PLACE_NAME
#define HEARD_BYTES  262144u /* of a page of six queues, and of those behind */
#define ROUNDS	     64u
#define A_VISIT_ENDS UINT64_C(21000000000)

struct visitor {
	int fd; /* -1: not connected */
	size_t heard;
	char said[HEARD_BYTES + 1];
};

static struct visitor visitors[VISITORS + 1]; /* the last comes at the end */
static struct metrics *metrics;
static unsigned int asked, okay;
static uint64_t hash;

static const char *const stock[] = {
	"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n",
	"GET /metrics HTTP/1.0\r\n\r\n",
	"HEAD /metrics HTTP/1.1\r\nHost: x\r\n\r\n",
	"POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc",
	"GET /other HTTP/1.1\r\nHost: x\r\n\r\n",
	"GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
	"GET /metrics HTTP/1.1\r\n",
	"BREW /metrics HTTP/9.9\r\n\r\n",
};

void visitors_begin(struct host *host)
{
	char error[ENDPOINT_ERROR_BYTES];

	for (unsigned int i = 0; i < ARRAY_SIZE(visitors); i++)
		visitors[i].fd = -1;
	asked = okay = 0;
	hash = 0;
	if (metrics_create(WHERE, host, &metrics, error) < 0)
		abort();
}

/* Return: whether this one may be talked to. */
static bool dial(struct visitor *v)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX,
				      .sun_path = PLACE_NAME};

	if (v->fd >= 0)
		return true;
	v->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	v->heard = 0;
	if (v->fd < 0)
		abort();
	/* Too many wait already. */
	if (connect(v->fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
		close(v->fd);
		v->fd = -1;
	}
	return v->fd >= 0;
}

void visitors_say(unsigned int who, const void *bytes, size_t length)
{
	struct visitor *v = &visitors[who];

	if (dial(v) && length > 0)
		(void)!send(v->fd, bytes, length, MSG_NOSIGNAL);
}

void visitors_ask(unsigned int who, unsigned int which)
{
	const char *line = stock[which % ARRAY_SIZE(stock)];

	asked++;
	visitors_say(who, line, strlen(line));
}

static void check_heard(const struct visitor *v)
{
	const char *body = strstr(v->said, "\r\n\r\n");

	if (strncmp(v->said, "HTTP/1.", v->heard < 7 ? v->heard : 7) != 0)
		oracle_fail(ORACLE_PAGE, "no answer: %.40s", v->said);
	if (v->heard > 12)
		hash = hash * 31 + (uint64_t)v->said[9];
	if (v->heard > 12 && strncmp(v->said + 9, "200", 3) == 0)
		okay++;
	(void)body;
}

/* Return: whether the endpoint has ended it.  What there is no room for is not
 * kept, but taken: nobody's end hides behind it. */
static bool hear(struct visitor *v)
{
	char rest[4096];
	ssize_t n;

	do {
		const bool full = v->heard == HEARD_BYTES;

		n = full ? recv(v->fd, rest, sizeof(rest), 0)
			 : recv(v->fd, v->said + v->heard,
				HEARD_BYTES - v->heard, 0);
		if (n > 0 && !full)
			v->heard += (size_t)n;
	} while (n > 0);
	v->said[v->heard] = '\0';
	return n == 0 || errno != EAGAIN;
}

static void leave(struct visitor *v)
{
	if (v->fd < 0)
		return;
	check_heard(v);
	close(v->fd);
	v->fd = -1;
}

void visitors_hear(unsigned int who)
{
	if (visitors[who].fd >= 0 && hear(&visitors[who]))
		leave(&visitors[who]);
}

void visitors_hang_up(unsigned int who, int half)
{
	struct visitor *v = &visitors[who];

	if (v->fd >= 0 && half)
		(void)shutdown(v->fd, SHUT_WR);
	else
		leave(v);
}

void visitors_step(uint64_t ns)
{
	sim_clock_advance(ns);
	if (metrics_step(metrics, clock_now_ns()) <= clock_now_ns() &&
	    metrics_fd(metrics) < 0)
		oracle_fail(ORACLE_PROGRESS, "nobody waits for visitors");
}

/* Whatever they did, none stays. */
static void end_all(void)
{
	for (unsigned int round = 0; round < ROUNDS; round++) {
		unsigned int left = 0;

		visitors_step(A_VISIT_ENDS);
		for (unsigned int i = 0; i < VISITORS; i++) {
			visitors_hear(i);
			left += visitors[i].fd >= 0;
		}
		if (left == 0)
			return;
	}
	oracle_fail(ORACLE_PROGRESS, "a visitor stays for ever");
}

/* Who comes then is served as if nobody had been there. */
static void see_page(void)
{
	struct visitor *v = &visitors[VISITORS];
	const char *body = NULL;

	visitors_ask(VISITORS, 1);
	for (unsigned int i = 0; i < ROUNDS; i++) {
		visitors_step(0);
		if (hear(v))
			break;
	}
	if (v->heard > 0)
		body = strstr(v->said, "\r\n\r\n");
	if (body == NULL || strncmp(v->said + 9, "200", 3) != 0 ||
	    page_check(body + 4) == 0)
		oracle_fail(ORACLE_PAGE, "no page but: %.40s", v->said);
	leave(v);
}

uint64_t visitors_end(unsigned int *asked_at_all, unsigned int *answered)
{
	end_all();
	see_page();
	metrics_destroy(metrics);
	if (place_is_taken())
		oracle_fail(ORACLE_RESOURCES, "a socket is left");
	*asked_at_all = asked;
	*answered = okay;
	return hash;
}
