/*
 * Frontends of the harness daemon: each a process of its own in its domain
 * (guest_main.c), told by records over a socket.  See stage.h.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fuzz/daemon/stage.h"

/* A connection has four steps that may each take its patience. */
#define STEPS	5u
#define MORE_MS 30000u

void guest_start(struct guest *guest, uint32_t domid, uint32_t devid)
{
	char number[16], domain[16];
	const char *const argv[] = {"xenblk-sim",
				    "guest",
				    domain,
				    "--",
				    XENBLK_BIN "/xenblk-fuzz-guest",
				    number,
				    NULL};
	struct world_program program = {.argv = argv};
	int ends[2];

	snprintf(domain, sizeof(domain), "%u", domid);
	snprintf(number, sizeof(number), "%u", devid);
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
		exit(4);
	program.in_out = ends[1];
	program.errors = world_log();
	guest->pid = world_start(&program);
	close(program.errors);
	guest->link = ends[0];
	close(ends[1]);
}

enum guest_answer guest_ask(struct guest *guest,
			    const struct script_record *record)
{
	const unsigned int ms =
		STEPS * 100 * record->byte[GUEST_TENTHS] + MORE_MS;
	char answer;

	if (guest->pid == 0 ||
	    TEMP_FAILURE_RETRY(
		    send(guest->link, record, sizeof(*record), MSG_NOSIGNAL)) !=
		    (ssize_t)sizeof(*record) ||
	    !world_ready(guest->link, world_now_ms() + ms) ||
	    TEMP_FAILURE_RETRY(recv(guest->link, &answer, 1, 0)) != 1) {
		guest_kill(guest);
		return GUEST_GONE;
	}
	return (enum guest_answer)answer;
}

void guest_kill(struct guest *guest)
{
	if (guest->pid == 0)
		return;
	kill(guest->pid, SIGKILL);
	world_wait(guest->pid, STAGE_TOOL_MS);
	close(guest->link);
	guest->pid = 0;
}
