/* Clients of the control socket, and what they may expect.  See stage.h. */
#include <errno.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "backend/base/checked.h"
#include "backend/supervisor/control.h"
#include "fuzz/control/stage.h"
#include "fuzz/oracle/oracle.h"

#define LINE_MAX_BYTES 4096u /* of a request, its end with it */
#define ANSWER_BYTES   16384u
#define EXPECTED       4096u
#define ROUNDS	       4096u

enum expectation {
	ANYTHING,
	REFUSED,
	OKAY
};

struct client {
	int fd;		 /* -1: not connected */
	bool shut, over; /* said its last; was too long and is hung up on */
	bool ended;	 /* the daemon hung up */
	size_t line;	 /* bytes of the line that it is in */
	unsigned int asked, answered;
	uint8_t expected[EXPECTED];
	size_t heard;
	char answer[ANSWER_BYTES];
};

static struct client clients[CLIENTS_MAX];
static struct control *control;
static struct clients_sum sum;

static const struct {
	const char *line;
	enum expectation expected;
} stock[] = {
	{"{\"command\":\"list\"}\n", OKAY},
	{"{\"command\":\"stats\"}\n", OKAY},
	{"{\"command\":\"version\"}\n", OKAY},
	{"{\"command\":\"show\",\"domid\":5,\"devid\":51712}\n", OKAY},
	{"{\"command\":\"show\",\"domid\":5,\"devid\":51728}\n", OKAY},
	{"{\"command\":\"stats\",\"domid\":5,\"devid\":51712}\n", OKAY},
	{"{\"command\":\"log-level\",\"level\":\"error\"}\n", OKAY},
	{"{\"command\":\"show\",\"domid\":6,\"devid\":51712}\n", REFUSED},
	{"{\"command\":\"show\",\"domid\":-1,\"devid\":1}\n", REFUSED},
	{"{\"command\":\"log-level\",\"level\":\"loud\"}\n", REFUSED},
	{"{\"command\":\"list\",\"command\":\"list\"}\n", REFUSED},
	{"{\"command\":\"list\"} {}\n", REFUSED},
	{"{\"command\":\"limit\",\"domid\":5,\"devid\":51712,"
	 "\"iops\":1000,\"bandwidth\":1048576,\"burst_ms\":50}\n",
	 OKAY},
	{"{\"command\":\"limit\",\"domid\":5,\"devid\":51728,"
	 "\"bandwidth\":4095}\n",
	 REFUSED},
	{"{\"command\":\"insert\",\"domid\":5,\"devid\":51712}\n", REFUSED},
	{"[]\n", REFUSED},
};

struct control *clients_begin(void)
{
	char error[CONTROL_ERROR_BYTES];

	for (unsigned int i = 0; i < CLIENTS_MAX; i++)
		clients[i].fd = -1;
	sum = (struct clients_sum){0};
	trouble_begin();
	if (control_create(PLACE_NAME, &control, error) < 0)
		abort();
	return control;
}

/* Whether the client is connected; the backlog may be full. */
static bool dial(struct client *client)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	if (client->fd >= 0)
		return true;
	snprintf(address.sun_path, sizeof(address.sun_path), "%s", PLACE_NAME);
	client->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
	if (client->fd >= 0 && connect(client->fd, (struct sockaddr *)&address,
				       sizeof(address)) < 0) {
		close(client->fd);
		client->fd = -1;
	}
	client->shut = client->over = client->ended = false;
	client->line = client->heard = 0;
	client->asked = client->answered = 0;
	return client->fd >= 0;
}

/* One more byte reached the daemon. */
static void count_byte(struct client *client, char byte,
		       enum expectation expected)
{
	if (client->over || client->asked == EXPECTED)
		return;
	client->line++;
	if (byte == '\n') {
		client->expected[client->asked++] = (uint8_t)expected;
		client->line = 0;
	} else if (client->line == LINE_MAX_BYTES) {
		client->expected[client->asked++] = REFUSED;
		client->over = true;
	}
}

static void say(unsigned int index, const char *bytes, size_t length,
		enum expectation expected)
{
	struct client *client = &clients[index];
	ssize_t n;

	if (!dial(client) || client->shut || client->ended)
		return;
	/* Only what stands alone in its line is known. */
	if (client->line != 0)
		expected = ANYTHING;
	n = send(client->fd, bytes, length, MSG_NOSIGNAL);
	for (ssize_t i = 0; i < n; i++)
		count_byte(client, bytes[i], expected);
}

void clients_say(unsigned int client, const void *bytes, size_t length)
{
	say(client, bytes, length, ANYTHING);
}

void clients_ask(unsigned int client, unsigned int which)
{
	which %= ARRAY_SIZE(stock);
	say(client, stock[which].line, strlen(stock[which].line),
	    stock[which].expected);
}

/* One line that came back, without its end. */
static void judge(struct client *client, const char *line, size_t length)
{
	json_error_t error;
	json_t *answer =
		json_loadb(line, length, JSON_REJECT_DUPLICATES, &error);
	const json_t *ok = json_object_get(answer, "ok");
	enum expectation expected;

	if (!json_is_boolean(ok))
		oracle_fail(ORACLE_RESPONSES, "an answer is \"%.*s\"",
			    (int)length, line);
	if (client->answered == client->asked)
		oracle_fail(ORACLE_RESPONSES, "%.*s answers nothing",
			    (int)length, line);
	if (!json_is_true(ok) &&
	    json_string_length(json_object_get(answer, "error")) == 0)
		oracle_fail(ORACLE_RESPONSES, "a refusal without a sentence");
	expected =
		client->answered < client->asked
			? (enum expectation)client->expected[client->answered++]
			: ANYTHING;
	if (expected != ANYTHING && (expected == OKAY) != json_is_true(ok))
		oracle_fail(ORACLE_RESPONSES, "%.*s answers something else",
			    (int)length, line);
	/* Who asks for a disk that is there gets it. */
	if (json_is_true(ok) &&
	    json_is_array(json_object_get(answer, "disks")) &&
	    json_array_size(json_object_get(answer, "disks")) == 0)
		oracle_fail(ORACLE_RESPONSES, "a disk was left out");
	sum.asked++;
	sum.okay += json_is_true(ok);
	sum.hash = sum.hash * 31 + length + json_is_true(ok);
	json_decref(answer);
}

void clients_hear(unsigned int index)
{
	struct client *client = &clients[index];
	char *end;
	ssize_t n;

	if (client->fd < 0)
		return;
	n = recv(client->fd, client->answer + client->heard,
		 sizeof(client->answer) - client->heard, 0);
	if (n == 0 || (n < 0 && errno != EAGAIN))
		client->ended = true;
	client->heard += n > 0 ? (size_t)n : 0;
	while ((end = memchr(client->answer, '\n', client->heard)) != NULL) {
		const size_t length = (size_t)(end - client->answer);

		judge(client, client->answer, length);
		client->heard -= length + 1;
		memmove(client->answer, end + 1, client->heard);
	}
	if (client->heard == sizeof(client->answer))
		oracle_fail(ORACLE_WORK, "an answer has no end");
}

void clients_shut(unsigned int index)
{
	struct client *client = &clients[index];

	if (client->fd >= 0 && !client->shut) {
		shutdown(client->fd, SHUT_WR);
		client->shut = true;
	}
}

void clients_hang_up(unsigned int index)
{
	if (clients[index].fd >= 0)
		close(clients[index].fd);
	clients[index].fd = -1;
}

void clients_step(struct host *host)
{
	trouble_daemon_runs(true);
	control_step(control, host);
	trouble_daemon_runs(false);
}

/* Whether this one has all that it may expect. */
static bool is_content(const struct client *client)
{
	return client->fd < 0 ||
	       (client->answered == client->asked && client->heard == 0) ||
	       /* The answer to a line without end may be lost with it. */
	       (client->over && client->ended &&
		client->answered + 1 == client->asked);
}

void clients_finish(struct host *host)
{
	unsigned int waiting = CLIENTS_MAX, rounds = 0;

	while (waiting > 0 && rounds++ < ROUNDS) {
		waiting = 0;
		clients_step(host);
		for (unsigned int i = 0; i < CLIENTS_MAX; i++) {
			clients_hear(i);
			if (is_content(&clients[i]))
				clients_hang_up(i);
			else
				waiting++;
		}
	}
	if (waiting > 0)
		oracle_fail(ORACLE_PROGRESS, "%u clients were not answered",
			    waiting);
	for (unsigned int i = 0; i < CLIENTS_MAX; i++)
		clients_hang_up(i);
	control_destroy(control);
	if (place_is_taken())
		oracle_fail(ORACLE_RESOURCES, "the socket was left behind");
}

struct clients_sum clients_sum(void)
{
	return sum;
}
