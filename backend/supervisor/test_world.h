/*
 * The world of the tests of a disk's states: the simulator's xenstore, the host
 * under test, and a worker that the test plays.  Include after cmocka.h.
 */
#pragma once

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
#include "sim/sim.h"

#define BACK  "/local/domain/0/backend/vbd/5/51712"
#define FRONT "/local/domain/5/device/vbd/51712"
#define ERROR "/local/domain/0/error/backend/vbd/5/51712/error"

static struct world {
	struct conf conf;
	struct host *host;
	struct xs_handle *xs; /* dom0's, as the toolstack and the guest */
	int worker;	      /* its end of the link; -1: none */
	unsigned int launched;
	pid_t pid;   /* of the next one; 0: it is no process */
	bool silent; /* answers nothing */
	enum refusal refuses;
	struct link_device device;
	struct link_attach attach;
	struct link_limits limits;
	unsigned int kinds[LINK_KIND_COUNT]; /* messages taken, by kind */
} world;

int launch_worker(const char *path, int link_fd, pid_t *pid)
{
	(void)path;
	assert_int_equal(world.worker, -1);
	world.worker = link_fd;
	world.launched++;
	*pid = world.pid;
	return 0;
}

static __attribute__((unused)) void put(const char *path, const char *value)
{
	assert_true(xs_write(world.xs, XBT_NULL, path, value,
			     (unsigned int)strlen(value)));
}

static __attribute__((unused)) void expect(const char *path, const char *value)
{
	unsigned int length;
	char *found = xs_read(world.xs, XBT_NULL, path, &length);

	if (value == NULL) {
		assert_null(found);
		return;
	}
	assert_non_null(found);
	assert_string_equal(found, value);
	free(found);
}

static __attribute__((unused)) void send_kind(enum link_kind kind)
{
	struct link_message message = {.kind = kind};

	if (kind == LINK_REFUSED || kind == LINK_BROKEN)
		message.refused.refusal = world.refuses;
	assert_int_equal(link_send(world.worker, &message, NULL, 0), 0);
}

static __attribute__((unused)) void hang_up(void)
{
	close(world.worker);
	world.worker = -1;
}

static __attribute__((unused)) void answer(const struct link_message *message)
{
	world.kinds[message->kind]++;
	if (message->kind == LINK_DEVICE)
		world.device = message->device;
	if (message->kind == LINK_ATTACH)
		world.attach = message->attach;
	if (message->kind == LINK_LIMITS)
		world.limits = message->limits;
	if (message->kind == LINK_STOP) {
		hang_up();
		return;
	}
	if (world.silent)
		return;
	if (message->kind == LINK_DEVICE)
		send_kind(LINK_READY);
	else if (message->kind == LINK_ATTACH)
		send_kind(world.refuses == REFUSAL_NONE ? LINK_ATTACHED
							: LINK_REFUSED);
	else if (message->kind == LINK_DETACH)
		send_kind(LINK_DETACHED);
}

static __attribute__((unused)) bool step_worker(void)
{
	struct link_message message;
	int fds[LINK_MAX_FDS];
	unsigned int count;
	int n;

	if (world.worker < 0)
		return false;
	n = link_receive(world.worker, &message, fds, &count);
	if (n == 0) {
		hang_up();
		return true;
	}
	if (n != 1)
		return false;
	for (unsigned int i = 0; i < count; i++)
		close(fds[i]);
	answer(&message);
	return true;
}

/* Until nobody has anything to do; a daemon that never rests fails here. */
static __attribute__((unused)) void settle(void)
{
	unsigned int rounds = 0;

	while ((int)host_step(world.host) | (int)step_worker())
		assert_true(++rounds < 1000);
}

static __attribute__((unused)) void write_backend(const char *params,
						  const char *mode)
{
	put(BACK "/frontend", FRONT);
	put(BACK "/frontend-id", "5");
	put(BACK "/online", "1");
	put(BACK "/mode", mode);
	put(BACK "/params", params);
	put(BACK "/state", "1");
}

static __attribute__((unused)) void write_keys(void)
{
	put(FRONT "/ring-ref", "8");
	put(FRONT "/event-channel", "3");
	put(FRONT "/protocol", "x86_64-abi");
}

static __attribute__((unused)) int set_up(void **state)
{
	(void)state;
	sim_reset(1);
	assert_int_equal(sim_domain_create(5, 64), 0);
	sim_enter(0);
	memset(&world, 0, sizeof(world));
	world.worker = -1;
	conf_init(&world.conf);
	log_set_level(LOG_ERROR);
	world.xs = xs_open(0);
	assert_non_null(world.xs);
	assert_int_equal(host_create(&world.conf, &world.host), 0);
	return 0;
}

static __attribute__((unused)) int tear_down(void **state)
{
	struct sim_ledger ledger;

	(void)state;
	host_destroy(world.host);
	if (world.worker >= 0)
		hang_up();
	xs_close(world.xs);
	sim_ledger(0, &ledger);
	assert_int_equal(ledger.xs_handles, 0);
	assert_int_equal(ledger.watches, 0);
	return 0;
}

/* A disk whose frontend waits for InitWait. */
static __attribute__((unused)) void plug_as(const char *params)
{
	put(FRONT "/state", "1");
	write_backend(params, "w");
	settle();
	expect(BACK "/state", "2");
}

static __attribute__((unused)) void plug(void)
{
	plug_as("ram:1M");
}

static __attribute__((unused)) void connect(void)
{
	write_keys();
	put(FRONT "/state", "3");
	settle();
	expect(BACK "/state", "4");
	put(FRONT "/state", "4");
	settle();
}

static __attribute__((unused)) void plug_and_connect(void)
{
	plug();
	connect();
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
