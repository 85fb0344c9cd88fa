/*
 * The load command: run the generator, print its figures as text or JSON.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <jansson.h>

#include "frontend/command.h"

static json_t *figures(const struct load_result *r)
{
	double seconds = r->seconds > 0 ? r->seconds : 1;

	return json_pack(
		"{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:f, "
		"s:f, s:f}",
		"operations", (json_int_t)r->operations, "reads",
		(json_int_t)r->reads, "writes", (json_int_t)r->writes,
		"barriers", (json_int_t)r->barriers, "flushes",
		(json_int_t)r->flushes, "discards", (json_int_t)r->discards,
		"bytes", (json_int_t)r->bytes, "errors", (json_int_t)r->errors,
		"mismatches", (json_int_t)r->mismatches, "protocol",
		(json_int_t)r->protocol, "verified_sectors",
		(json_int_t)r->verified, "seconds", r->seconds, "iops",
		(double)r->operations / seconds, "cpu_seconds", r->cpu_seconds);
}

static json_t *times(const struct load_result *r)
{
	return json_pack("{s:f, s:f, s:f, s:f, s:f}", "mean_us",
			 r->mean_ns / 1e3, "p50_us", (double)r->p50_ns / 1e3,
			 "p99_us", (double)r->p99_ns / 1e3, "p999_us",
			 (double)r->p999_ns / 1e3, "max_us",
			 (double)r->max_ns / 1e3);
}

static json_t *events(const struct load_result *r)
{
	return json_pack("{s:I, s:I, s:I, s:i, s:i, s:s}", "pushes",
			 (json_int_t)r->pushes, "notifies",
			 (json_int_t)r->notifies, "wakeups",
			 (json_int_t)r->wakeups, "queues", (int)r->queues,
			 "depth", (int)r->depth, "complaint", r->complaint);
}

static void print_json(const struct load_result *r)
{
	json_t *document = figures(r);
	json_t *more[] = {times(r), events(r)};

	for (size_t i = 0; i < 2; i++) {
		json_object_update(document, more[i]);
		json_decref(more[i]);
	}
	json_dumpf(document, stdout, JSON_INDENT(1));
	putchar('\n');
	json_decref(document);
}

static void print_text(const struct load_result *r)
{
	double seconds = r->seconds > 0 ? r->seconds : 1;
	double operations = r->operations ? (double)r->operations : 1;

	printf("%u queues, depth %u: %llu requests in %.2f s = %.0f/s, "
	       "%.1f MiB/s\n",
	       r->queues, r->depth, (unsigned long long)r->operations,
	       r->seconds, (double)r->operations / seconds,
	       (double)r->bytes / seconds / 1048576);
	printf("  latency: p50 %.1f us, p99 %.1f us, p99.9 %.1f us, max %.1f "
	       "us\n",
	       (double)r->p50_ns / 1e3, (double)r->p99_ns / 1e3,
	       (double)r->p999_ns / 1e3, (double)r->max_ns / 1e3);
	printf("  frontend: %.3f us of CPU per request, %.4f notifications and "
	       "%.4f sleeps per request\n",
	       r->cpu_seconds * 1e6 / operations,
	       (double)r->notifies / operations,
	       (double)r->wakeups / operations);
	if (r->barriers + r->flushes + r->discards > 0)
		printf("  among them %llu barriers, %llu flushes, %llu "
		       "discards\n",
		       (unsigned long long)r->barriers,
		       (unsigned long long)r->flushes,
		       (unsigned long long)r->discards);
	printf("  %llu reads, %llu writes, %llu sectors compared; %llu errors, "
	       "%llu mismatches, %llu protocol violations\n",
	       (unsigned long long)r->reads, (unsigned long long)r->writes,
	       (unsigned long long)r->verified, (unsigned long long)r->errors,
	       (unsigned long long)r->mismatches,
	       (unsigned long long)r->protocol);
}

int command_load(struct front *front, const struct command_options *o)
{
	struct load_options options = o->load;
	struct load_result result;
	int err;

	options.stop = &command_stop;
	options.cpus = o->cpus;
	err = load_run(front, &options, &result);
	if (!err && o->json)
		print_json(&result);
	else if (!err)
		print_text(&result);
	if (err || result.complaint[0])
		fprintf(stderr, "xenblk-front: %s\n",
			result.complaint[0] ? result.complaint
					    : strerror(-err));
	if (err == -EINVAL)
		return EXIT_USAGE;
	if (err || result.errors || result.mismatches || result.protocol)
		return EXIT_FAILED;
	return result.operations ? EXIT_OKAY : EXIT_NOTHING;
}
