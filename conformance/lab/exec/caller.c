/* A session seen from dom0: see caller.h. */
#include "conformance/lab/exec/caller.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "backend/base/clock.h"
#include "conformance/lab/exec/channel.h"

#define LINK_FD	   3
#define GRACE_MS   30000 /* the agent's own time-out comes first */
#define PRINT(...) fprintf(stderr, "xenblk-lab-exec: " __VA_ARGS__)

enum stage {
	STAGE_ASKED,
	STAGE_RUNNING,
	STAGE_DONE
};

struct caller {
	const struct call *call;
	struct store store;
	struct channel channel;
	enum stage stage;
	int signals; /* signalfd */
	int link;    /* -1: none, or none any more */
	uint32_t link_kind;
	int wanted_signal;		     /* to be passed on, 0: none */
	uint64_t now, heard, beat, deadline; /* ms; deadline 0: none */
	int status;
};

static uint64_t now_ms(void)
{
	return clock_now_ns() / 1000000;
}

/* --- the beginning --- */

static int catch_signals(struct caller *caller)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	caller->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return caller->signals < 0 ? -errno : 0;
}

static int find_link(struct caller *caller)
{
	socklen_t length = sizeof(int);
	int type;

	caller->link = -1;
	if (!caller->call->with_link)
		return 0;
	if (getsockopt(LINK_FD, SOL_SOCKET, SO_TYPE, &type, &length) != 0)
		return -errno;
	caller->link = LINK_FD;
	caller->link_kind =
		type == SOCK_STREAM ? CHANNEL_STREAM : CHANNEL_PACKETS;
	return 0;
}

static bool agent_there(struct caller *caller)
{
	char mark[64];

	return store_get(&caller->store, "agent", mark, sizeof(mark)) > 0;
}

/* Until the guest's agent has said that it is there. */
static int await_agent(struct caller *caller)
{
	struct pollfd wait = {.fd = store_fd(&caller->store), .events = POLLIN};
	uint64_t until = now_ms() + caller->call->wait_s * 1000ull;
	int result = store_watch(&caller->store, "agent");

	while (result == 0 && !agent_there(caller)) {
		uint64_t now = now_ms();

		if (store_guest_gone(&caller->store))
			return -ENOENT;
		if (now >= until)
			return -ETIMEDOUT;
		poll(&wait, 1, (int)(until - now));
		store_drain(&caller->store);
	}
	return result;
}

static int send_command(struct caller *caller)
{
	struct channel_command head = {.timeout_s = caller->call->timeout_s,
				       .link = caller->link_kind};
	uint8_t bytes[CHANNEL_MESSAGE_BYTES];
	size_t length = sizeof(head);

	memcpy(bytes, &head, sizeof(head));
	for (char **word = caller->call->words; *word != NULL; word++) {
		size_t size = strlen(*word) + 1;

		/* all of it at once: nobody reads pieces yet */
		if (size > CHANNEL_SLOTS * 1500 - length)
			return -E2BIG;
		memcpy(bytes + length, *word, size);
		length += size;
	}
	return channel_send(&caller->channel, CHANNEL_COMMAND, bytes, length);
}

/* A name that no other session has or had. */
static int ask(struct caller *caller)
{
	char id[CHANNEL_ID_BYTES], node[STORE_PATH_BYTES];
	struct timespec now;
	int result;

	/* a guest that ended meanwhile must not come back as some nodes */
	snprintf(caller->store.guard, sizeof(caller->store.guard), "agent");
	clock_gettime(CLOCK_REALTIME, &now);
	snprintf(id, sizeof(id), "%llx-%lx-%x", (unsigned long long)now.tv_sec,
		 (unsigned long)now.tv_nsec, (unsigned int)getpid());
	result = channel_create(&caller->channel, &caller->store, id);
	if (result == 0)
		result = channel_watch(&caller->channel);
	if (result == 0)
		result = send_command(caller);
	snprintf(node, sizeof(node), "requests/%s", id);
	if (result == 0)
		result = store_put(&caller->store, node, "", 0);
	caller->now = caller->heard = caller->beat = now_ms();
	caller->deadline = caller->now + caller->call->wait_s * 1000ull;
	return result;
}

/* --- what the guest says --- */

static int copy_out(int fd, const struct channel_message *message)
{
	size_t done = 0;

	while (done < message->length) {
		ssize_t put = write(fd, message->bytes + done,
				    message->length - done);

		if (put < 0 && errno != EINTR)
			return 0; /* nobody reads it: the command goes on */
		done += put > 0 ? (size_t)put : 0;
	}
	return 0;
}

static int end_with(struct caller *caller,
		    const struct channel_message *message)
{
	struct channel_exit said;

	if (message->length != sizeof(said))
		return -EBADMSG;
	memcpy(&said, message->bytes, sizeof(said));
	caller->stage = STAGE_DONE;
	for (unsigned int i = 0; i < 2; i++) {
		if (said.cut & (1u << i))
			PRINT("the command wrote more to its %s than the 1 MiB "
			      "that is passed on: the rest was cut\n",
			      i == 0 ? "stdout" : "stderr");
	}
	caller->status = (int)(said.value & 255);
	if (said.how == CHANNEL_KILLED)
		caller->status = 128 + (int)said.value;
	if (said.how == CHANNEL_TIMED_OUT) {
		caller->status = CALLER_TIMED_OUT;
		PRINT("%s in guest %u took longer than %u s and was killed\n",
		      caller->call->words[0], caller->call->domid,
		      caller->call->timeout_s);
	}
	return 0;
}

static int begin_running(struct caller *caller)
{
	unsigned int timeout_s = caller->call->timeout_s;

	caller->stage = STAGE_RUNNING;
	caller->deadline =
		timeout_s == 0 ? 0
			       : caller->now + timeout_s * 1000ull + GRACE_MS;
	return 0;
}

static int take_message(struct caller *caller)
{
	const struct channel_message *message = &caller->channel.incoming;

	switch (message->kind) {
	case CHANNEL_STARTED:
		return begin_running(caller);
	case CHANNEL_OUTPUT:
		return copy_out(STDOUT_FILENO, message);
	case CHANNEL_ERRORS:
		return copy_out(STDERR_FILENO, message);
	case CHANNEL_EXIT:
		return end_with(caller, message);
	case CHANNEL_LINK:
		if (caller->link >= 0)
			return copy_out(caller->link, message);
		return 0;
	case CHANNEL_LINK_END:
		if (caller->link >= 0)
			shutdown(caller->link, SHUT_WR);
		return 0;
	case CHANNEL_COMMAND:
	case CHANNEL_SIGNAL:
	case CHANNEL_KINDS:
		break;
	}
	return -EBADMSG;
}

static int take_messages(struct caller *caller)
{
	int result = 1;

	while (result == 1 && caller->stage != STAGE_DONE) {
		result = channel_receive(&caller->channel);
		if (result == 1) {
			result = take_message(caller);
			result = result == 0 ? 1 : result;
		}
	}
	return result < 0 ? result : 0;
}

/* --- what we say --- */

static int relay_link(struct caller *caller)
{
	uint8_t bytes[CHANNEL_MESSAGE_BYTES];
	ssize_t got = recv(caller->link, bytes, sizeof(bytes), MSG_DONTWAIT);

	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (got > 0)
		return channel_send(&caller->channel, CHANNEL_LINK, bytes,
				    (size_t)got);
	caller->link = -1;
	return channel_send(&caller->channel, CHANNEL_LINK_END, NULL, 0);
}

/* A first signal goes to the command, a second one ends us at once. */
static int take_signal(struct caller *caller)
{
	struct signalfd_siginfo info;

	if (read(caller->signals, &info, sizeof(info)) != sizeof(info))
		return 0;
	if (caller->wanted_signal != 0 || caller->stage == STAGE_ASKED)
		return -EINTR;
	caller->wanted_signal = (int)info.ssi_signo;
	return 0;
}

static int say(struct caller *caller, short link_events)
{
	uint8_t signal = (uint8_t)caller->wanted_signal;

	if (caller->stage != STAGE_RUNNING ||
	    !channel_can_send(&caller->channel))
		return 0;
	if (signal != 0 && signal != UINT8_MAX) {
		/* asked for once: a second signal still finds it set */
		caller->wanted_signal = UINT8_MAX;
		return channel_send(&caller->channel, CHANNEL_SIGNAL, &signal,
				    1);
	}
	return link_events != 0 ? relay_link(caller) : 0;
}

/* --- the loop --- */

static int check_times(struct caller *caller)
{
	if (caller->stage == STAGE_DONE)
		return 0;
	/* woken by something else than the guest's words */
	if (caller->now != caller->heard && store_guest_gone(&caller->store))
		return -ENOENT;
	if (caller->now >= caller->heard + CHANNEL_SILENCE_MS ||
	    (caller->deadline != 0 && caller->now >= caller->deadline))
		return -ETIMEDOUT;
	if (caller->now < caller->beat)
		return 0;
	caller->beat = caller->now + CHANNEL_BEAT_MS;
	return channel_beat(&caller->channel);
}

static int turn(struct caller *caller)
{
	bool can_say = caller->stage == STAGE_RUNNING &&
		       channel_can_send(&caller->channel);
	struct pollfd fds[] = {
		{.fd = store_fd(&caller->store), .events = POLLIN},
		{.fd = caller->signals, .events = POLLIN},
		{.fd = can_say ? caller->link : -1, .events = POLLIN}};
	uint64_t until = caller->beat;
	int result = 0;

	if (caller->deadline != 0 && caller->deadline < until)
		until = caller->deadline;
	poll(fds, 3, until > caller->now ? (int)(until - caller->now) : 0);
	caller->now = now_ms();
	if (store_drain(&caller->store))
		caller->heard = caller->now;
	if (fds[1].revents != 0)
		result = take_signal(caller);
	if (result == 0)
		result = channel_turn(&caller->channel);
	if (result == 0)
		result = take_messages(caller);
	if (result == 0)
		result = say(caller, fds[2].revents);
	return result != 0 ? result : check_times(caller);
}

/* --- the end --- */

static int explain(struct caller *caller, int result)
{
	unsigned int domid = caller->call->domid;

	if (caller->store.handle != NULL && store_guest_gone(&caller->store)) {
		PRINT("guest %u is gone\n", domid);
		return CALLER_GUEST_GONE;
	}
	switch (-result) {
	case EINTR:
		return 128 + SIGINT;
	case ETIMEDOUT:
		if (caller->stage == STAGE_RUNNING) {
			PRINT("guest %u does not answer any more: it hangs, or "
			      "its agent was killed\n",
			      domid);
			return CALLER_GUEST_GONE;
		}
		PRINT("guest %u has no xenblk-lab-agent that answers: does its "
		      "init start one? --wait allows it more time\n",
		      domid);
		break;
	case EPIPE:
		PRINT("the agent of guest %u ended the session: it was started "
		      "anew, or the command could not be started; see the "
		      "guest's console\n",
		      domid);
		break;
	case E2BIG:
		PRINT("the command has more than 11 KB of words\n");
		break;
	case ENOTSOCK:
	case EBADF:
		PRINT("--fd3 needs a socket as descriptor 3 here\n");
		break;
	default:
		PRINT("the session with guest %u broke: %s\n", domid,
		      strerror(-result));
	}
	return CALLER_NO_AGENT;
}

/* Only while the guest is there: removing must not make its directory anew. */
static void tidy_up(struct caller *caller)
{
	const char *id = strchr(caller->channel.session, '/');
	char node[STORE_PATH_BYTES];

	if (id == NULL || store_guest_gone(&caller->store))
		return;
	snprintf(node, sizeof(node), "requests%s", id);
	store_remove(&caller->store, node);
	store_remove(&caller->store, caller->channel.session);
}

int caller_run(const struct call *call)
{
	struct caller *caller = &(struct caller){.call = call};
	int result = find_link(caller);

	if (result == 0)
		result = store_open(&caller->store, (int)call->domid);
	if (result == -ENOENT) {
		PRINT("there is no guest %u\n", call->domid);
		return CALLER_GUEST_GONE;
	}
	if (result == 0)
		result = catch_signals(caller);
	if (result == 0)
		result = store_watch_ends(&caller->store);
	if (result == 0)
		result = await_agent(caller);
	if (result == 0)
		result = ask(caller);
	while (result == 0 && caller->stage != STAGE_DONE)
		result = turn(caller);
	if (result != 0)
		caller->status = explain(caller, result);
	if (caller->store.handle != NULL) {
		tidy_up(caller);
		store_close(&caller->store);
	}
	return caller->status;
}
