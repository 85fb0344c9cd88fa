/* Text for people from JSON for programs.  See tables.h. */
#include "backend/ctl/tables.h"

#include <stdio.h>
#include <string.h>

#include "backend/ctl/change.h"
#include "backend/ctl/limit.h"
#include "backend/ctl/sample.h"

static const char *text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text == NULL ? "" : text;
}

static long long number_of(const json_t *object, const char *key)
{
	return json_integer_value(json_object_get(object, key));
}

static void print_list(const json_t *disks)
{
	size_t i;
	json_t *disk;

	printf("%-14s %-11s %-4s %10s %6s %8s  %s\n", "DISK", "STATE", "MODE",
	       "MIB", "QUEUES", "WORKER", "IMAGE");
	json_array_foreach(disks, i, disk)
	{
		char name[32];

		snprintf(name, sizeof(name), "%lld/%lld",
			 number_of(disk, "domid"), number_of(disk, "devid"));
		printf("%-14s %-11s %-4s %10lld %6lld %8lld  %s\n", name,
		       text_of(disk, "state"),
		       json_is_true(json_object_get(disk, "readonly")) ? "r"
								       : "w",
		       number_of(disk, "sectors") / 2048,
		       number_of(disk, "queues"), number_of(disk, "worker"),
		       text_of(disk, "params"));
		if (text_of(disk, "error")[0] != '\0')
			printf("%-14s   %s\n", "", text_of(disk, "error"));
	}
}

static void print_value(const char *key, const json_t *value)
{
	if (json_is_string(value))
		printf("%-24s %s\n", key, json_string_value(value));
	else if (json_is_integer(value))
		printf("%-24s %lld\n", key,
		       (long long)json_integer_value(value));
	else if (json_is_boolean(value))
		printf("%-24s %s\n", key, json_is_true(value) ? "yes" : "no");
}

static void print_show(const json_t *disks)
{
	const char *key;
	json_t *value, *disk = json_array_get(disks, 0);

	json_object_foreach(disk, key, value) print_value(key, value);
}

/* A median and such, of one kind of request. */
static void print_quantile(const json_t *disk, enum stats_latency kind,
			   const char *name, unsigned int permille)
{
	const json_t *queues = json_object_get(disk, "queues");
	struct sample sample;
	json_t *queue;
	size_t q;

	sample_read(json_object_get(disk, "total"), &sample);
	printf("%-24s %16.1f", name,
	       (double)sample_quantile_ns(sample.bucket[kind], permille) / 1e3);
	json_array_foreach(queues, q, queue)
	{
		sample_read(queue, &sample);
		printf(" %13.1f", (double)sample_quantile_ns(
					  sample.bucket[kind], permille) /
					  1e3);
	}
	putchar('\n');
}

static void print_latencies(const json_t *disk)
{
	print_quantile(disk, STATS_READ, "read p50 us", 500);
	print_quantile(disk, STATS_READ, "read p99 us", 990);
	print_quantile(disk, STATS_WRITE, "write p50 us", 500);
	print_quantile(disk, STATS_WRITE, "write p99 us", 990);
	print_quantile(disk, STATS_FLUSH, "flush p50 us", 500);
	print_quantile(disk, STATS_FLUSH, "flush p99 us", 990);
}

/* One column per queue, the total first; refusals by name below. */
static void print_stats_of(json_t *disk)
{
	json_t *total = json_object_get(disk, "total"), *value, *queue;
	const json_t *queues = json_object_get(disk, "queues");
	const char *key;
	size_t q;

	printf("disk %lld/%lld, %s\n%-24s %16s", number_of(disk, "domid"),
	       number_of(disk, "devid"), text_of(disk, "state"), "", "total");
	for (q = 0; q < json_array_size(queues); q++)
		printf(" %11s %zu", "queue", q);
	putchar('\n');
	json_object_foreach(total, key, value)
	{
		if (!json_is_integer(value))
			continue;
		printf("%-24s %16lld", key,
		       (long long)json_integer_value(value));
		json_array_foreach(queues, q, queue)
			printf(" %13lld", number_of(queue, key));
		putchar('\n');
	}
	print_latencies(disk);
	json_object_foreach(json_object_get(total, "refusals"), key, value)
		printf("refused: %-15s %16lld\n", key,
		       (long long)json_integer_value(value));
}

static void print_stats(const json_t *disks)
{
	size_t i;
	json_t *disk;

	json_array_foreach(disks, i, disk)
	{
		if (i > 0)
			putchar('\n');
		print_stats_of(disk);
	}
}

void tables_print(const char *command, const json_t *answer)
{
	const json_t *disks = json_object_get(answer, "disks");

	if (strcmp(command, "list") == 0)
		print_list(disks);
	else if (strcmp(command, "show") == 0)
		print_show(disks);
	else if (strcmp(command, "stats") == 0)
		print_stats(disks);
	else if (strcmp(command, "limit") == 0)
		limit_print(json_array_get(disks, 0));
	else if (disks != NULL)
		change_print(json_array_get(disks, 0));
	else
		printf("log level: %s\n", text_of(answer, "level"));
}
