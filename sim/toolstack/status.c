/*
 * Subcommand status: the ledger of the world.  What the broker and the store
 * daemon hold for each domain is part of the machine and left out, so that a
 * world in which nothing is attached shows zeroes.
 */
#include "sim/toolstack/command.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sim/lib/dropin/shared.h"

struct ledger {
	uint32_t mapped_pages, mappings, ports, handles, shared_pages;
};

struct status {
	int connection;
	struct world *world;
	uint32_t store_owner; /* the store daemon's number */
	struct ledger domain[WORLD_DOMAINS];
};

/* The world itself comes with the answer to HELLO. */
static int open_world(struct status *status)
{
	struct message hello = {.kind = MESSAGE_HELLO,
				.role = MESSAGE_ROLE_TOOLSTACK};
	struct shared *shared;
	int fd, error;

	status->connection = message_connect();
	if (status->connection < 0)
		return status->connection;
	error = message_call(status->connection, &hello, &fd);
	if (error)
		return error;
	shared = shared_map(fd);
	close(fd);
	if (!shared)
		return -errno;
	status->world = &shared->world;
	return 0;
}

static bool next_process(const struct status *status, uint32_t i,
			 struct message *process)
{
	*process = (struct message){.kind = MESSAGE_PROCESS, .value = i};
	return message_call(status->connection, process, NULL) == 0;
}

static void find_store(struct status *status)
{
	struct message process;

	for (uint32_t i = 0; next_process(status, i, &process); i++)
		if (process.role == MESSAGE_ROLE_STORE)
			status->store_owner = process.value;
}

/* Owner 1 is the broker (broker.h). */
static bool counts(const struct status *status, uint32_t owner)
{
	return owner > 1 && owner != status->store_owner;
}

static void count_ports(struct status *status)
{
	for (uint32_t domid = 0; domid < WORLD_DOMAINS; domid++) {
		struct world_domain *d = &status->world->domain[domid];

		for (uint32_t port = 1; port < d->ports_used; port++) {
			uint32_t handle = atomic_load(&d->port[port].handle);

			if (handle == 0 || handle > WORLD_HANDLES)
				continue;
			if (counts(status,
				   status->world->handle[handle - 1].owner))
				status->domain[domid].ports++;
		}
		for (uint32_t gref = 0; gref < d->grefs_used; gref++)
			if (counts(status, d->grant[gref].owner))
				status->domain[domid].shared_pages++;
	}
}

static void count(struct status *status)
{
	struct world *world = status->world;

	for (uint32_t i = 0; i < world->mappings_used; i++) {
		const struct world_mapping *m = &world->mapping[i];
		struct ledger *ledger =
			&status->domain[m->mapper % WORLD_DOMAINS];

		if (!counts(status, m->owner))
			continue;
		ledger->mapped_pages++;
		if (!m->continued)
			ledger->mappings++;
	}
	for (uint32_t h = 0; h < world->handles_used; h++)
		if (counts(status, world->handle[h].owner))
			status->domain[world->handle[h].domid % WORLD_DOMAINS]
				.handles++;
	count_ports(status);
}

static const char *state_name(uint32_t state)
{
	return state == WORLD_DOMAIN_LIVE ? "live" : "dying";
}

static void print_text(const struct status *status)
{
	struct message process;

	printf("domain state  mapped-pages mappings ports handles "
	       "shared-pages\n");
	for (uint32_t domid = 0; domid < WORLD_DOMAINS; domid++) {
		const struct ledger *l = &status->domain[domid];

		if (status->world->domain[domid].state == WORLD_DOMAIN_NONE)
			continue;
		printf("%6u %-5s  %12u %8u %5u %7u %12u\n", domid,
		       state_name(status->world->domain[domid].state),
		       l->mapped_pages, l->mappings, l->ports, l->handles,
		       l->shared_pages);
	}
	for (uint32_t i = 0; next_process(status, i, &process); i++)
		if (process.role == MESSAGE_ROLE_PROGRAM)
			printf("process %d in domain %u\n", process.pid,
			       process.pages);
}

static void print_json(const struct status *status)
{
	const char *separator = "";
	struct message process;

	printf("{\"domains\":[");
	for (uint32_t domid = 0; domid < WORLD_DOMAINS; domid++) {
		const struct ledger *l = &status->domain[domid];

		if (status->world->domain[domid].state == WORLD_DOMAIN_NONE)
			continue;
		printf("%s{\"domid\":%u,\"state\":\"%s\",\"mapped_pages\":%u,"
		       "\"mappings\":%u,\"ports\":%u,\"handles\":%u,"
		       "\"shared_pages\":%u}",
		       separator, domid,
		       state_name(status->world->domain[domid].state),
		       l->mapped_pages, l->mappings, l->ports, l->handles,
		       l->shared_pages);
		separator = ",";
	}
	printf("],\"processes\":[");
	separator = "";
	for (uint32_t i = 0; next_process(status, i, &process); i++) {
		if (process.role != MESSAGE_ROLE_PROGRAM)
			continue;
		printf("%s{\"pid\":%d,\"domid\":%u}", separator, process.pid,
		       process.pages);
		separator = ",";
	}
	printf("],\"repairs\":%u}\n", shared_of(status->world)->repairs);
}

int command_status(int argc, char **argv)
{
	static const struct option options[] = {
		{"json", no_argument, NULL, 'j'},
		{0},
	};
	struct status status = {0};
	bool json = false;
	int option, error;

	optind = 1;
	while ((option = getopt_long(argc, argv, "+", options, NULL)) != -1) {
		if (option != 'j')
			return EXIT_USAGE;
		json = true;
	}
	if (optind < argc)
		return command_usage(argv[0], "one argument too many");
	error = open_world(&status);
	if (error) {
		fprintf(stderr,
			"xenblk-sim: cannot reach the broker: %s; this command "
			"works inside a world only: start one with xenblk-sim "
			"run -- COMMAND\n",
			strerror(-error));
		return EXIT_TOOL;
	}
	find_store(&status);
	count(&status);
	if (json)
		print_json(&status);
	else
		print_text(&status);
	close(status.connection);
	return EXIT_OK;
}
