/*
 * The peer is a process of its own: the same program started as the peer, in
 * the domain that the variable XENSIM_DOMID names (the drop-in simulator).
 *
 * CONTRACT_PEER is the peer's domid, 1 if unset; we are XENSIM_DOMID, 0 if
 * unset.  CONTRACT_GUEST is the command that runs another in the guest.
 * Requests and replies pass over a socket that is the peer's descriptor 3.
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

static uint32_t number(const char *variable, uint32_t otherwise)
{
	const char *text = getenv(variable);

	return text != NULL ? (uint32_t)strtoul(text, NULL, 10) : otherwise;
}

static void become_peer(int fd, uint32_t domid)
{
	const char *prefix = getenv("CONTRACT_GUEST");
	char self[1024], command[2048];
	ssize_t length = readlink("/proc/self/exe", self, sizeof(self) - 1);

	if (length < 0)
		_exit(4);
	self[length] = '\0';
	if (prefix != NULL)
		snprintf(command, sizeof(command), "exec %s \"%s\" --peer",
			 prefix, self);
	else
		snprintf(command, sizeof(command),
			 "exec xenblk-sim guest %u -- \"%s\" --peer", domid,
			 self);
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

int transport_peer_main(void)
{
	struct peer_request request;
	struct peer_reply reply;

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
	return 5000;
}

int transport_quiet_ms(void)
{
	return 20;
}
