/* A session in the guest: see session.h. */
#include "conformance/lab/exec/session.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "backend/base/clock.h"
#include "conformance/lab/exec/command.h"

#define OUTPUT_BYTES_MAX (1u << 20) /* of each of stdout and stderr */
#define WORDS_MAX	 512u
#define LINGER_MS	 1000 /* for pipes that a child of the command holds */
#define GOODBYE_MS	 60000

enum step {
	STEP_COMMAND,
	STEP_RUNNING,
	STEP_SAID,
	STEP_OVER
};

struct session {
	struct store store;
	struct channel channel;
	struct command command;
	enum step step;
	uint64_t now, deadline, heard, beat, ended; /* ms; deadline 0: none */
	size_t relayed[COMMAND_PIPES];
	uint32_t cut;
	bool timed_out, held; /* held: incoming waits for descriptor 3 */
};

static uint64_t now_ms(void)
{
	return clock_now_ns() / 1000000;
}

/* --- what dom0 says --- */

static int begin_command(struct session *session)
{
	struct channel_message *message = &session->channel.incoming;
	struct channel_command head;
	char *words[WORDS_MAX + 1];
	unsigned int count = 0;
	char *at, *end;
	int result;

	if (message->length <= sizeof(head) ||
	    message->bytes[message->length - 1] != '\0')
		return -EBADMSG;
	memcpy(&head, message->bytes, sizeof(head));
	at = (char *)message->bytes + sizeof(head);
	end = (char *)message->bytes + message->length;
	for (; at < end && count < WORDS_MAX; at += strlen(at) + 1)
		words[count++] = at;
	words[count] = NULL;
	result = command_start(&session->command, words,
			       (enum channel_link)head.link);
	if (result != 0)
		return result;
	session->step = STEP_RUNNING;
	if (head.timeout_s != 0)
		session->deadline = session->now + head.timeout_s * 1000ull;
	return channel_send(&session->channel, CHANNEL_STARTED, NULL, 0);
}

/* To the command; false while its socket is full. */
static bool pass_to_link(struct session *session)
{
	struct channel_message *message = &session->channel.incoming;
	ssize_t sent;

	if (session->command.link < 0)
		return true;
	sent = send(session->command.link, message->bytes, message->length,
		    MSG_DONTWAIT | MSG_NOSIGNAL);
	if (sent < 0 && errno == EAGAIN)
		return false;
	if (sent < 0 || (size_t)sent == message->length)
		return true; /* the command closed it: nobody misses this */
	message->length -= (size_t)sent;
	memmove(message->bytes, message->bytes + sent, message->length);
	return false;
}

static int take_message(struct session *session)
{
	const struct channel_message *message = &session->channel.incoming;

	switch (message->kind) {
	case CHANNEL_COMMAND:
		return session->step == STEP_COMMAND ? begin_command(session)
						     : -EBADMSG;
	case CHANNEL_SIGNAL:
		if (message->length == 1)
			command_signal(&session->command, message->bytes[0]);
		return 0;
	case CHANNEL_LINK:
		session->held = !pass_to_link(session);
		return 0;
	case CHANNEL_LINK_END:
		if (session->command.link >= 0)
			shutdown(session->command.link, SHUT_WR);
		return 0;
	case CHANNEL_STARTED:
	case CHANNEL_OUTPUT:
	case CHANNEL_ERRORS:
	case CHANNEL_EXIT:
	case CHANNEL_KINDS:
		break;
	}
	return -EBADMSG;
}

static int take_messages(struct session *session)
{
	int result = 1;

	if (session->held)
		session->held =
			session->step == STEP_RUNNING && !pass_to_link(session);
	while (result == 1 && !session->held) {
		result = channel_receive(&session->channel);
		if (result == 1) {
			result = take_message(session);
			result = result == 0 ? 1 : result;
		}
	}
	return result < 0 ? result : 0;
}

/* --- what the command says --- */

static int relay_pipe(struct session *session, enum command_pipe which)
{
	uint8_t bytes[CHANNEL_MESSAGE_BYTES];
	size_t room = OUTPUT_BYTES_MAX - session->relayed[which];
	ssize_t got = read(session->command.pipe[which], bytes, sizeof(bytes));

	if (got <= 0) {
		if (got == 0 || errno != EINTR)
			command_close(&session->command.pipe[which]);
		return 0;
	}
	if ((size_t)got > room)
		session->cut |= 1u << which;
	room = (size_t)got < room ? (size_t)got : room;
	session->relayed[which] += room;
	if (room == 0)
		return 0;
	/* What it left in its pipes may take long to carry, and comes whole: the
	 * wait is for the silence of whoever still holds them. */
	if (session->command.ended)
		session->ended = session->now;
	return channel_send(&session->channel,
			    which == COMMAND_OUTPUT ? CHANNEL_OUTPUT
						    : CHANNEL_ERRORS,
			    bytes, room);
}

static int relay_link(struct session *session)
{
	uint8_t bytes[CHANNEL_MESSAGE_BYTES];
	ssize_t got =
		recv(session->command.link, bytes, sizeof(bytes), MSG_DONTWAIT);

	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (got > 0)
		return channel_send(&session->channel, CHANNEL_LINK, bytes,
				    (size_t)got);
	command_close(&session->command.link);
	return channel_send(&session->channel, CHANNEL_LINK_END, NULL, 0);
}

static int say_exit(struct session *session)
{
	const struct command *command = &session->command;
	struct channel_exit said = {.how = CHANNEL_EXITED, .cut = session->cut};

	if (session->timed_out)
		said.how = CHANNEL_TIMED_OUT;
	else if (WIFSIGNALED(command->status))
		said.how = CHANNEL_KILLED;
	said.value = WIFSIGNALED(command->status)
			     ? (uint32_t)WTERMSIG(command->status)
			     : (uint32_t)WEXITSTATUS(command->status);
	session->step = STEP_SAID;
	session->ended = session->now;
	return channel_send(&session->channel, CHANNEL_EXIT, &said,
			    sizeof(said));
}

/* Its own end, and that of its pipes: a grandchild may hold them longer. */
static bool command_done(const struct session *session)
{
	const struct command *command = &session->command;

	if (!command->ended)
		return false;
	return (command->pipe[COMMAND_OUTPUT] < 0 &&
		command->pipe[COMMAND_ERRORS] < 0) ||
	       session->now >= session->ended + LINGER_MS;
}

/* --- time --- */

static int check_times(struct session *session)
{
	if (session->now >= session->heard + CHANNEL_SILENCE_MS)
		return -ETIMEDOUT;
	if (session->step == STEP_SAID &&
	    session->now >= session->ended + GOODBYE_MS)
		return -ETIMEDOUT;
	if (session->deadline != 0 && session->now >= session->deadline &&
	    !session->command.ended) {
		session->timed_out = true;
		session->deadline = 0;
		command_signal(&session->command, SIGKILL);
	}
	if (session->now < session->beat)
		return 0;
	session->beat = session->now + CHANNEL_BEAT_MS;
	return channel_beat(&session->channel);
}

static int wait_ms(const struct session *session)
{
	uint64_t until = session->beat;

	if (session->step == STEP_RUNNING && command_done(session) &&
	    channel_can_send(&session->channel))
		return 0;
	if (session->deadline != 0 && session->deadline < until)
		until = session->deadline;
	if (session->command.ended && session->step == STEP_RUNNING &&
	    session->ended + LINGER_MS < until)
		until = session->ended + LINGER_MS;
	return until > session->now ? (int)(until - session->now) : 0;
}

/* --- the loop --- */

enum {
	WAIT_STORE,
	WAIT_END,
	WAIT_LINK,
	WAIT_OUTPUT,
	WAIT_ERRORS,
	WAITS
};

static void wait_for(const struct session *session, struct pollfd *fds)
{
	const struct command *command = &session->command;
	bool can_send = channel_can_send(&session->channel);

	for (unsigned int i = 0; i < WAITS; i++)
		fds[i] = (struct pollfd){.fd = -1, .events = POLLIN};
	fds[WAIT_STORE].fd = store_fd(&session->store);
	if (session->step == STEP_RUNNING) {
		fds[WAIT_END].fd = command->pid_fd;
		fds[WAIT_LINK].fd =
			can_send || session->held ? command->link : -1;
		fds[WAIT_LINK].events = (short)((can_send ? POLLIN : 0) |
						(session->held ? POLLOUT : 0));
		fds[WAIT_OUTPUT].fd =
			can_send ? command->pipe[COMMAND_OUTPUT] : -1;
		fds[WAIT_ERRORS].fd =
			can_send ? command->pipe[COMMAND_ERRORS] : -1;
	}
	poll(fds, WAITS, wait_ms(session));
}

/* At most one message goes out for each look at the descriptors. */
static int relay(struct session *session, const struct pollfd *fds)
{
	if (!channel_can_send(&session->channel))
		return 0;
	if (fds[WAIT_LINK].revents & (POLLIN | POLLHUP | POLLERR))
		return relay_link(session);
	if (fds[WAIT_ERRORS].revents != 0)
		return relay_pipe(session, COMMAND_ERRORS);
	if (fds[WAIT_OUTPUT].revents != 0)
		return relay_pipe(session, COMMAND_OUTPUT);
	return command_done(session) ? say_exit(session) : 0;
}

static int turn(struct session *session)
{
	struct pollfd fds[WAITS];
	int result;

	wait_for(session, fds);
	session->now = now_ms();
	if (store_drain(&session->store))
		session->heard = session->now;
	result = channel_turn(&session->channel);
	if (result == 0)
		result = take_messages(session);
	if (result == 0 && session->step == STEP_RUNNING) {
		if (!session->command.ended) {
			command_reap(&session->command);
			session->ended = session->now;
		}
		result = relay(session, fds);
	}
	return result != 0 ? result : check_times(session);
}

int session_run(const char *id)
{
	struct session *session =
		&(struct session){.command = {.pid = -1,
					      .pid_fd = -1,
					      .pipe = {-1, -1},
					      .link = -1},
				  .step = STEP_COMMAND};
	int result = store_open(&session->store, STORE_INSIDE);

	if (result != 0) {
		fprintf(stderr, "xenblk-lab-agent: xenstore: %s\n",
			strerror(-result));
		return 1;
	}
	channel_join(&session->channel, &session->store, id);
	session->now = session->heard = session->beat = now_ms();
	result = channel_watch(&session->channel);
	while (result == 0)
		result = turn(session);
	/* It is over: with the session's nodes, or without an answer. */
	command_signal(&session->command, SIGKILL);
	store_close(&session->store);
	if (result == -EPIPE)
		return 0;
	fprintf(stderr, "xenblk-lab-agent: session %s broke: %s\n", id,
		strerror(-result));
	return 1;
}
