/* A host in process, and its worker.  See stage.h. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <xenstore.h>

#include "backend/base/link.h"
#include "backend/base/log.h"
#include "backend/supervisor/host.h"
#include "backend/supervisor/launch.h"
#include "backend/supervisor/store.h"
#include "fuzz/control/stage.h"
#include "fuzz/oracle/oracle.h"
#include "sim/sim.h"

#define BACK	"/local/domain/0/backend/vbd/5/"
#define FRONT	"/local/domain/5/device/vbd/"
#define WORKERS 2u
#define ROUNDS	1000u

/* Their ends of the links; -1: none. */
static int workers[WORKERS];
static struct conf conf;

int launch_worker(const char *path, int link_fd, pid_t *pid)
{
	(void)path;
	for (unsigned int i = 0; i < WORKERS; i++)
		if (workers[i] < 0) {
			workers[i] = link_fd;
			*pid = 0;
			return 0;
		}
	close(link_fd);
	return -EAGAIN;
}

static void put(struct xs_handle *xs, const char *path, const char *value,
		size_t length)
{
	if (!xs_write(xs, XBT_NULL, path, value, (unsigned int)length))
		abort();
}

static void answer(unsigned int i, uint32_t kind)
{
	struct link_message reply = {.kind = LINK_READY};

	if (kind == LINK_STOP) {
		close(workers[i]);
		workers[i] = -1;
		return;
	}
	if (kind == LINK_ATTACH)
		reply.kind = LINK_ATTACHED;
	else if (kind == LINK_DETACH)
		reply.kind = LINK_DETACHED;
	else if (kind != LINK_DEVICE)
		return;
	if (link_send(workers[i], &reply, NULL, 0) < 0)
		abort();
}

static bool step_workers(void)
{
	struct link_message message;
	int fds[LINK_MAX_FDS];
	unsigned int count;
	bool any = false;

	for (unsigned int i = 0; i < WORKERS; i++) {
		if (workers[i] < 0 ||
		    link_receive(workers[i], &message, fds, &count) != 1)
			continue;
		for (unsigned int f = 0; f < count; f++)
			close(fds[f]);
		answer(i, message.kind);
		any = true;
	}
	return any;
}

static void settle(struct host *host)
{
	unsigned int rounds = 0;

	while (((int)host_step(host) | (int)step_workers()) &&
	       ++rounds < ROUNDS) {
	}
	if (rounds == ROUNDS)
		oracle_fail(ORACLE_PROGRESS, "the host does not come to rest");
}

static void plug(struct xs_handle *xs, const char *devid, const char *params,
		 size_t length)
{
	static const char *const nodes[][2] = {
		{"frontend-id", "5"}, {"online", "1"}, {"mode", "w"}};
	static const char *const keys[][2] = {
		{"ring-ref", "8"}, {"event-channel", "3"}, {"state", "3"}};
	char path[STORE_PATH_BYTES], front[64];

	snprintf(front, sizeof(front), FRONT "%s", devid);
	for (unsigned int i = 0; i < 3; i++) {
		snprintf(path, sizeof(path), "%s/%s", front, keys[i][0]);
		put(xs, path, keys[i][1], strlen(keys[i][1]));
		snprintf(path, sizeof(path), BACK "%s/%s", devid, nodes[i][0]);
		put(xs, path, nodes[i][1], strlen(nodes[i][1]));
	}
	snprintf(path, sizeof(path), BACK "%s/frontend", devid);
	put(xs, path, front, strlen(front));
	snprintf(path, sizeof(path), BACK "%s/params", devid);
	put(xs, path, params, length);
	snprintf(path, sizeof(path), BACK "%s/state", devid);
	put(xs, path, "1", 1);
}

struct host *world_begin(const char *params, size_t length)
{
	struct xs_handle *xs;
	struct host *host;

	for (unsigned int i = 0; i < WORKERS; i++)
		workers[i] = -1;
	sim_reset(1);
	sim_enter(0);
	conf_init(&conf);
	log_set_level(LOG_ERROR);
	xs = sim_domain_create(5, 16) == 0 ? xs_open(0) : NULL;
	if (xs == NULL || host_create(&conf, &host) < 0)
		abort();
	plug(xs, "51712", "ram:1M", 6);
	plug(xs, "51728", params, length);
	xs_close(xs);
	settle(host);
	return host;
}

void world_end(struct host *host)
{
	struct sim_ledger ledger;

	host_destroy(host);
	for (unsigned int i = 0; i < WORKERS; i++)
		if (workers[i] >= 0)
			close(workers[i]);
	sim_ledger(0, &ledger);
	if (ledger.xs_handles != 0 || ledger.watches != 0)
		oracle_fail(ORACLE_RESOURCES, "%u handles, %u watches are left",
			    ledger.xs_handles, ledger.watches);
}
