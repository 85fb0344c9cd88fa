/*
 * xenblk-worker: the process that serves one disk of one guest.
 *
 * Started by xenblkd with the link as descriptor 3; of no use by hand.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "backend/base/log.h"
#include "backend/worker/worker.h"
#include "version.h"

#define LINK_FD	     3
#define END_WITHIN_S 30u

static int usage(FILE *to)
{
	fputs("usage: xenblk-worker --help | --version\n"
	      "\n"
	      "Serves one disk of one guest. xenblkd starts it with a "
	      "connected "
	      "socket as\ndescriptor 3; there is no use in starting it by "
	      "hand. "
	      "See xenblkd(8).\n",
	      to);
	return to == stderr ? 2 : 0;
}

static bool is_link(int fd)
{
	int type = 0;
	socklen_t length = sizeof(type);

	return getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &length) == 0 &&
	       type == SOCK_SEQPACKET;
}

int main(int argc, char **argv)
{
	struct worker *worker;
	int status;

	if (argc == 2 && strcmp(argv[1], "--help") == 0)
		return usage(stdout);
	if (argc == 2 && strcmp(argv[1], "--version") == 0) {
		puts("xenblk-worker " XENBLK_VERSION);
		return 0;
	}
	if (argc != 1)
		return usage(stderr);
	if (!is_link(LINK_FD) || fcntl(LINK_FD, F_SETFL, O_NONBLOCK) != 0 ||
	    fcntl(LINK_FD, F_SETFD, FD_CLOEXEC) != 0) {
		fputs("xenblk-worker: descriptor 3 is not a link to xenblkd; "
		      "xenblkd starts this program, not you\n",
		      stderr);
		return 2;
	}
	/* The supervisor may die: a write to it must be an error, not a signal.
	 */
	signal(SIGPIPE, SIG_IGN);
	if (worker_create(LINK_FD, true, &worker) != 0)
		return 4;
	status = worker_run(worker);
	/* The disk cannot come up again before we are gone, so a store that
	 * never finishes must not keep us for ever. */
	alarm(END_WITHIN_S);
	worker_destroy(worker);
	return status;
}
