/*
 * xenblk-front: a guest's side of a virtual disk as a command.
 *
 * Connects, does one thing, disconnects; a signal makes it finish early and
 * disconnect all the same.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>
#include <xen/io/xenbus.h>

#include "frontend/command.h"

atomic_bool command_stop;

static void on_signal(int number)
{
	(void)number;
	atomic_store(&command_stop, true);
}

/* Without SA_RESTART: a wait for the backend ends as well. */
static void catch_signals(void)
{
	struct sigaction action = {.sa_handler = on_signal};

	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	signal(SIGPIPE, SIG_IGN);
}

static int list_personalities(void)
{
	const struct front_personality *p;

	printf("%-14s %-11s %6s %5s  %s\n", "name", "protocol", "queues",
	       "order", "ways");
	for (unsigned int i = 0; (p = front_personality_at(i)); i++)
		printf("%-14s %-11s %6u %5u %s%s%s\n", p->name,
		       p->protocol ? p->protocol : "none", p->queues,
		       p->ring_order, p->persistent ? " persistent" : "",
		       p->waits_for_initwait ? "" : " hasty",
		       p->ends_grants ? " ends-grants" : "");
	return EXIT_OKAY;
}

static int find_domid(struct command_options *o)
{
	if (o->domid < 0)
		o->domid = front_own_domid();
	if (o->domid >= 0)
		return 0;
	fprintf(stderr,
		"xenblk-front: xenstore does not tell our domid (%s); run it "
		"in a guest, or in a simulated one (xenblk-sim), or give "
		"--domid\n",
		strerror((int)-o->domid));
	return -ENOENT;
}

static json_t *info_disk(const struct front_properties *p)
{
	return json_pack(
		"{s:I, s:i, s:i, s:i, s:b, s:b, s:b, s:b, s:I, s:I, s:i}",
		"sectors", (json_int_t)p->sectors, "sector_size",
		(int)p->sector_size, "physical_sector_size",
		(int)p->physical_sector_size, "info", (int)p->info,
		"feature_persistent", p->feature_persistent,
		"feature_flush_cache", p->feature_flush, "feature_barrier",
		p->feature_barrier, "feature_discard", p->feature_discard,
		"discard_granularity", (json_int_t)p->discard_granularity,
		"discard_alignment", (json_int_t)p->discard_alignment,
		"max_indirect_segments", (int)p->max_indirect_segments);
}

static void info_json(struct front *front, const struct command_options *o)
{
	const struct front_properties *p = front_properties(front);
	char *backend = front_read(front, "backend");
	json_t *document = json_pack(
		"{s:I, s:i, s:s, s:s, s:i, s:i, s:i, s:i, s:i, s:o}", "domid",
		(json_int_t)o->domid, "devid", (int)o->devid, "backend",
		backend ? backend : "", "personality", o->personality.name,
		"max_queues", (int)p->max_queues, "max_ring_order",
		(int)p->max_ring_order, "queues", (int)p->queues, "ring_order",
		(int)p->ring_order, "ring_slots", (int)p->ring_slots, "disk",
		info_disk(p));

	json_dumpf(document, stdout, JSON_INDENT(1));
	putchar('\n');
	json_decref(document);
	free(backend);
}

static int command_info(struct front *front, const struct command_options *o)
{
	const struct front_properties *p = front_properties(front);

	if (o->json) {
		info_json(front, o);
		return EXIT_OKAY;
	}
	printf("disk %u of domain %lld, connected as %s\n", o->devid,
	       (long long)o->domid, o->personality.name);
	printf("  %llu sectors of 512 bytes (%.1f MiB), sector size %u, "
	       "physical %u%s%s%s\n",
	       (unsigned long long)p->sectors, (double)p->sectors / 2048,
	       p->sector_size, p->physical_sector_size,
	       p->info & 4 ? ", read-only" : "",
	       p->info & 2 ? ", removable" : "", p->info & 1 ? ", CD-ROM" : "");
	printf("  offered: %u queues, ring order %u%s%s%s%s\n", p->max_queues,
	       p->max_ring_order,
	       p->feature_persistent ? ", persistent grants" : "",
	       p->feature_flush ? ", flush" : "",
	       p->feature_barrier ? ", barrier" : "",
	       p->feature_discard ? ", discard" : "");
	if (p->max_indirect_segments)
		printf("  offered: up to %u indirect segments\n",
		       p->max_indirect_segments);
	printf("  agreed: %u queues, ring order %u, %u slots each\n", p->queues,
	       p->ring_order, p->ring_slots);
	return EXIT_OKAY;
}

typedef int command_function(struct front *front,
			     const struct command_options *o);

static command_function *find_command(const char *name)
{
	static const struct {
		const char *name;
		command_function *run;
	} commands[] = {
		{"info", command_info},		{"read", command_copy_out},
		{"copy-out", command_copy_out}, {"write", command_write},
		{"verify", command_verify},	{"load", command_load},
		{"discard", command_discard},
	};

	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (!strcmp(commands[i].name, name))
			return commands[i].run;
	return NULL;
}

/* Until a signal, or until the backend wants to close. */
static void hold(struct front *front)
{
	fflush(stdout);
	while (!atomic_load(&command_stop)) {
		unsigned int state = front_backend_state(front);

		if (state != XenbusStateConnected) {
			fprintf(stderr, "xenblk-front: the backend closes\n");
			return;
		}
		front_wait(front, 60000);
	}
}

static int connect_and_run(struct command_options *o, command_function *run)
{
	char error[512] = "";
	struct front_options options = {
		.domid = (uint32_t)o->domid,
		.devid = o->devid,
		.personality = &o->personality,
		.timeout_ms = (int)o->timeout_s * 1000,
		.error = error,
		.error_bytes = sizeof(error),
	};
	struct front *front;
	int end, err = front_create(&options, &front);

	if (err) {
		fprintf(stderr, "xenblk-front: %s\n", error);
		return EXIT_BROKEN;
	}
	err = front_connect(front);
	if (err) {
		fprintf(stderr, "xenblk-front: %s\n", front_error(front));
		front_destroy(front);
		return EXIT_BROKEN;
	}
	end = run(front, o);
	if (o->hold)
		hold(front);
	err = front_disconnect(front);
	if (err)
		fprintf(stderr, "xenblk-front: while disconnecting: %s\n",
			front_error(front));
	front_destroy(front);
	return err && end == EXIT_OKAY ? EXIT_BROKEN : end;
}

int main(int argc, char **argv)
{
	struct command_options options;
	command_function *run;
	int end = command_parse(argc, argv, &options);

	if (end >= 0)
		return end;
	if (!strcmp(options.command, "personalities"))
		return list_personalities();
	run = find_command(options.command);
	if (!run) {
		fprintf(stderr,
			"xenblk-front: unknown command \"%s\"; see "
			"xenblk-front --help\n",
			options.command);
		return EXIT_USAGE;
	}
	catch_signals();
	if (find_domid(&options))
		return EXIT_BROKEN;
	return connect_and_run(&options, run);
}
