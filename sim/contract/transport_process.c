/*
 * The peer is a process of its own: the same program started as the peer, in
 * the domain that the variable XENSIM_DOMID names (the drop-in simulator).
 *
 * CONTRACT_PEER is the peer's domid, 1 if unset; we are XENSIM_DOMID, 0 if
 * unset.  CONTRACT_GUEST is the command that runs another in the guest, where
 * this program may have another path: CONTRACT_PEER_PROGRAM.  Requests and
 * replies pass over a socket that is the peer's descriptor 3.
 *
 * Waiting is for slow machines to stretch: CONTRACT_PATIENCE_MS for what must
 * come, CONTRACT_QUIET_MS for what must not.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sim/contract/peer.h"

#define PEER_FD 3

static int link_fd = -1;
static pid_t peer_pid;
static int patience_ms = 5000, quiet_ms = 20;

static uint32_t number(const char *variable, uint32_t otherwise)
{
	const char *text = getenv(variable);

	return text != NULL ? (uint32_t)strtoul(text, NULL, 10) : otherwise;
}

/* The path of this program, unless it is called otherwise in the guest. */
static void find_program(char *path, size_t bytes)
{
	const char *named = getenv("CONTRACT_PEER_PROGRAM");
	ssize_t length;

	if (named != NULL) {
		snprintf(path, bytes, "%s", named);
		return;
	}
	length = readlink("/proc/self/exe", path, bytes - 1);
	if (length < 0)
		_exit(4);
	path[length] = '\0';
}

static void become_peer(int fd, uint32_t domid)
{
	const char *prefix = getenv("CONTRACT_GUEST");
	char program[1024], guest[64], command[2048];

	find_program(program, sizeof(program));
	snprintf(guest, sizeof(guest), "xenblk-sim guest %u --", domid);
	snprintf(command, sizeof(command), "exec %s \"%s\" --peer %d %d",
		 prefix != NULL ? prefix : guest, program, patience_ms,
		 quiet_ms);
	if (fd == PEER_FD || dup2(fd, PEER_FD) == PEER_FD)
		execl("/bin/sh", "sh", "-c", command, (char *)NULL);
	perror("sim-contract: cannot start the peer");
	_exit(4);
}

int transport_begin(struct contract *c)
{
	int pair[2];

	c->self = number("XENSIM_DOMID", 0);
	c->peer = number("CONTRACT_PEER", 1);
	c->nobody = number("CONTRACT_NOBODY", 60);
	patience_ms = (int)number("CONTRACT_PATIENCE_MS", 5000);
	quiet_ms = (int)number("CONTRACT_QUIET_MS", 20);
	/* The peer's end stays open across exec, ours does not. */
	if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair) != 0)
		return -errno;
	peer_pid = fork();
	if (peer_pid < 0)
		return -errno;
	if (peer_pid == 0) {
		close(pair[0]);
		become_peer(pair[1], c->peer);
	}
	close(pair[1]);
	link_fd = pair[0];
	return 0;
}

void transport_call(const struct peer_request *request,
		    struct peer_reply *reply)
{
	memset(reply, 0, sizeof(*reply));
	reply->result = -EPIPE;
	if (send(link_fd, request, sizeof(*request), MSG_NOSIGNAL) < 0 ||
	    recv(link_fd, reply, sizeof(*reply), 0) != (ssize_t)sizeof(*reply))
		reply->result = -EPIPE;
}

void transport_end(void)
{
	close(link_fd);
	waitpid(peer_pid, NULL, 0);
}

int transport_peer_main(char **times)
{
	struct peer_request request;
	struct peer_reply reply;

	if (times[0] != NULL && times[1] != NULL) {
		patience_ms = (int)strtol(times[0], NULL, 10);
		quiet_ms = (int)strtol(times[1], NULL, 10);
	}
	while (recv(PEER_FD, &request, sizeof(request), 0) ==
	       (ssize_t)sizeof(request)) {
		peer_serve(&request, &reply);
		if (send(PEER_FD, &reply, sizeof(reply), MSG_NOSIGNAL) < 0)
			return 4;
	}
	return 0;
}

int transport_patience_ms(void)
{
	return patience_ms;
}

int transport_quiet_ms(void)
{
	return quiet_ms;
}
