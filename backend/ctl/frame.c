/* Rates of disks and queues, from two answers of the daemon.  See frame.h. */
#include "backend/ctl/frame.h"

#include <stdint.h>
#include <stdlib.h>

#include "backend/ctl/sample.h"

#define LINE_BYTES 256u

struct frame {
	json_t *before; /* NULL: none yet */
	json_t *now;
};

/* A disk and what it did. */
struct row {
	const json_t *disk;
	const json_t
		*earlier; /* the same disk before; NULL: it was not there */
	double seconds;
	struct sample change;
	double requests; /* per second, of all kinds */
};

/* Where it goes, and how much room is left. */
struct page {
	FILE *to;
	unsigned int lines;
	unsigned int columns;
};

struct frame *frame_create(void)
{
	return calloc(1, sizeof(struct frame));
}

void frame_destroy(struct frame *frame)
{
	if (frame == NULL)
		return;
	json_decref(frame->before);
	json_decref(frame->now);
	free(frame);
}

void frame_take(struct frame *frame, json_t *answer)
{
	json_decref(frame->before);
	frame->before = frame->now;
	frame->now = json_incref(answer);
}

static json_int_t number(const json_t *object, const char *key)
{
	return json_integer_value(json_object_get(object, key));
}

static const json_t *find(const json_t *answer, const json_t *disk)
{
	json_t *other;
	size_t i;

	json_array_foreach(
		json_object_get(answer, "disks"), i,
		other) if (number(other, "domid") == number(disk, "domid") &&
			   number(other, "devid") ==
				   number(disk, "devid")) return other;
	return NULL;
}

static double per_second(uint64_t count, double seconds)
{
	return seconds > 0 ? (double)count / seconds : 0;
}

static void since(const json_t *before, const json_t *now,
		  struct sample *change)
{
	struct sample earlier, later;

	sample_read(before, &earlier);
	sample_read(now, &later);
	sample_since(&earlier, &later, change);
}

static void fill(struct row *row, const struct frame *frame, const json_t *disk)
{
	*row = (struct row){.disk = disk, .earlier = find(frame->before, disk)};
	/* Without an earlier moment nothing is known but that it is there. */
	if (row->earlier == NULL)
		row->earlier = disk;
	row->seconds = (double)(number(disk, "time_ns") -
				number(row->earlier, "time_ns")) /
		       1e9;
	since(json_object_get(row->earlier, "total"),
	      json_object_get(disk, "total"), &row->change);
	for (unsigned int k = 0; k < STATS_LATENCY_COUNT; k++)
		row->requests +=
			per_second(row->change.requests[k], row->seconds);
}

static int busiest_first(const void *a, const void *b)
{
	const struct row *one = a, *other = b;

	if (one->requests != other->requests)
		return one->requests < other->requests ? 1 : -1;
	if (number(one->disk, "domid") != number(other->disk, "domid"))
		return number(one->disk, "domid") < number(other->disk, "domid")
			       ? -1
			       : 1;
	return number(one->disk, "devid") < number(other->disk, "devid") ? -1
									 : 1;
}

static void put_line(struct page *page, const char *line)
{
	if (page->lines == 0)
		return;
	page->lines--;
	fprintf(page->to, "%.*s\n", (int)page->columns, line);
}

/* "850ns", "12us", "3.4ms", "2.0s"; "-" where nothing happened. */
static const char *duration(char *text, const uint64_t *bucket,
			    unsigned int permille)
{
	const double ns = (double)sample_quantile_ns(bucket, permille);

	if (ns == 0)
		return "-";
	if (ns < 1e3)
		snprintf(text, 16, "%.0fns", ns);
	else if (ns < 1e6)
		snprintf(text, 16, "%.0fus", ns / 1e3);
	else if (ns < 1e9)
		snprintf(text, 16, "%.1fms", ns / 1e6);
	else
		snprintf(text, 16, "%.1fs", ns / 1e9);
	return text;
}

static void put_row(struct page *page, const char *disk, const char *queue,
		    const struct sample *c, double seconds)
{
	const uint64_t *r = c->bucket[STATS_READ], *w = c->bucket[STATS_WRITE];
	char line[LINE_BYTES], hits[16] = "-", text[4][16];

	if (c->segments > 0)
		snprintf(hits, sizeof(hits), "%.0f%%",
			 100.0 * (double)c->hits / (double)c->segments);
	snprintf(line, sizeof(line),
		 "%-14s %5s %9.0f %9.0f %7.0f %8.1f %8.1f %5llu %5llu "
		 "%7s %7s %7s %7s %5s %7.0f",
		 disk, queue, per_second(c->requests[STATS_READ], seconds),
		 per_second(c->requests[STATS_WRITE], seconds),
		 per_second(c->requests[STATS_FLUSH], seconds),
		 per_second(c->bytes_read, seconds) / 1e6,
		 per_second(c->bytes_written, seconds) / 1e6,
		 (unsigned long long)c->depth,
		 (unsigned long long)c->depth_high, duration(text[0], r, 500),
		 duration(text[1], r, 990), duration(text[2], w, 500),
		 duration(text[3], w, 990), hits,
		 per_second(c->refused, seconds));
	put_line(page, line);
}

/* One line for each queue that was ever used, if there are two of them. */
static void put_queues(struct page *page, const struct row *row)
{
	const json_t *queues = json_object_get(row->disk, "queues");
	const json_t *before = json_object_get(row->earlier, "queues");
	unsigned int used = 0;
	struct sample sample;
	char name[32];
	json_t *queue;
	size_t q;

	json_array_foreach(queues, q, queue)
	{
		sample_read(queue, &sample);
		used += sample_used(&sample);
	}
	json_array_foreach(queues, q, queue)
	{
		sample_read(queue, &sample);
		if (used < 2 || !sample_used(&sample))
			continue;
		since(json_array_get(before, q), queue, &sample);
		snprintf(name, sizeof(name), "%zu", q);
		put_row(page, "", name, &sample, row->seconds);
	}
}

static void put_disk(struct page *page, const struct row *row)
{
	char name[64];

	snprintf(name, sizeof(name), "%lld/%lld",
		 (long long)number(row->disk, "domid"),
		 (long long)number(row->disk, "devid"));
	put_row(page, name, "all", &row->change, row->seconds);
	put_queues(page, row);
}

void frame_print(const struct frame *frame, FILE *to, unsigned int lines,
		 unsigned int columns)
{
	json_t *disks = json_object_get(frame->now, "disks"), *disk;
	const size_t count = json_array_size(disks);
	struct row *rows = calloc(count > 0 ? count : 1, sizeof(*rows));
	struct page page = {.to = to, .lines = lines, .columns = columns};
	char line[LINE_BYTES];
	size_t i;

	if (rows == NULL)
		return;
	json_array_foreach(disks, i, disk) fill(&rows[i], frame, disk);
	qsort(rows, count, sizeof(*rows), busiest_first);
	snprintf(line, sizeof(line),
		 "%-14s %5s %9s %9s %7s %8s %8s %5s %5s %7s %7s %7s %7s %5s "
		 "%7s",
		 "DISK", "QUEUE", "READ/S", "WRITE/S", "FLUSH/S", "RD-MB/S",
		 "WR-MB/S", "DEPTH", "HIGH", "RD-P50", "RD-P99", "WR-P50",
		 "WR-P99", "HITS", "REFUS/S");
	put_line(&page, line);
	for (i = 0; i < count; i++)
		put_disk(&page, &rows[i]);
	free(rows);
}
