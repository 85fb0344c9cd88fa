/* The page of metrics, family by family.  See exposition.h. */
#include "backend/supervisor/exposition.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/base/limits.h"
#include "backend/supervisor/counters.h"
#include "backend/supervisor/host.h"
#include "version.h"

/* What one queue has counted, taken once for all families. */
struct entry {
	struct device_key key;
	unsigned int queue;
	struct stats stats;
};

struct page {
	FILE *to;
	const struct host *host;
	struct entry *entries;
	size_t count;
};

static size_t count_queues(const struct host *host)
{
	struct device_view view;
	size_t count = 0;

	for (unsigned int i = 0; i < host_devices(host); i++) {
		device_view(host_device(host, i), &view);
		count += view.table->queues;
	}
	return count;
}

static bool take_entries(struct page *page)
{
	const size_t room = count_queues(page->host);
	struct device_view view;

	page->entries = calloc(room > 0 ? room : 1, sizeof(*page->entries));
	if (page->entries == NULL)
		return false;
	for (unsigned int i = 0; i < host_devices(page->host); i++) {
		device_view(host_device(page->host, i), &view);
		for (unsigned int q = 0; q < view.table->queues; q++) {
			struct entry *entry = &page->entries[page->count];

			if (!table_stats(view.table, q, &entry->stats))
				break;
			entry->key = view.key;
			entry->queue = q;
			page->count++;
		}
	}
	return true;
}

static void head(const struct page *page, const char *name, const char *type,
		 const char *help)
{
	fprintf(page->to, "# HELP xenblk_%s %s.\n# TYPE xenblk_%s %s\n", name,
		help, name, type);
}

/* The name and the labels of a queue's sample; more labels may follow. */
static void queue_sample(const struct page *page, const char *name,
			 const struct entry *entry)
{
	fprintf(page->to,
		"xenblk_%s{domid=\"%" PRIu32 "\",devid=\"%" PRIu32
		"\",queue=\"%u\"",
		name, entry->key.domid, entry->key.devid, entry->queue);
}

static void put_counter(const struct page *page, const struct counter *counter)
{
	char name[64];

	snprintf(name, sizeof(name), "%s_total", counter->name);
	head(page, name, "counter", counter->help);
	for (size_t i = 0; i < page->count; i++) {
		queue_sample(page, name, &page->entries[i]);
		fprintf(page->to, "} %" PRIu64 "\n",
			counters_value(&page->entries[i].stats, counter));
	}
}

static void put_bytes(const struct page *page, const char *name, size_t offset,
		      const char *help)
{
	const struct counter sectors = {.offset = offset};

	head(page, name, "counter", help);
	for (size_t i = 0; i < page->count; i++) {
		queue_sample(page, name, &page->entries[i]);
		fprintf(page->to, "} %.17g\n",
			(double)counters_value(&page->entries[i].stats,
					       &sectors) *
				SECTOR_BYTES);
	}
}

static void put_refusals(const struct page *page)
{
	head(page, "refusals_total", "counter", "requests refused, by reason");
	for (size_t i = 0; i < page->count; i++)
		for (unsigned int r = REFUSAL_NONE + 1; r < REFUSAL_COUNT;
		     r++) {
			const struct entry *entry = &page->entries[i];

			queue_sample(page, "refusals_total", entry);
			fprintf(page->to, ",reason=\"%s\"} %" PRIu64 "\n",
				refusal_name((enum refusal)r),
				stats_read(&entry->stats.refusals[r]));
		}
}

static void put_depth(const struct page *page)
{
	head(page, "depth", "gauge", "requests taken and not answered");
	for (size_t i = 0; i < page->count; i++) {
		queue_sample(page, "depth", &page->entries[i]);
		fprintf(page->to, "} %" PRIu64 "\n",
			stats_read(&page->entries[i].stats.depth));
	}
	head(page, "depth_high", "gauge",
	     "the most requests that were ever under way");
	for (size_t i = 0; i < page->count; i++) {
		queue_sample(page, "depth_high", &page->entries[i]);
		fprintf(page->to, "} %" PRIu64 "\n",
			stats_read(&page->entries[i].stats.depth_high));
	}
}

/* --- latencies --- */

static void latency_sample(const struct page *page, const char *suffix,
			   const struct entry *entry, enum stats_latency kind)
{
	char name[64];

	snprintf(name, sizeof(name), "request_seconds_%s", suffix);
	queue_sample(page, name, entry);
	fprintf(page->to, ",kind=\"%s\"", counters_latency_name(kind));
}

static void put_histogram(const struct page *page, const struct entry *entry,
			  enum stats_latency kind)
{
	const struct stats_histogram *histogram = &entry->stats.latency[kind];
	uint64_t below = 0;

	for (unsigned int b = 0; b < STATS_BUCKETS; b++) {
		const uint64_t n = stats_read(&histogram->bucket[b]);

		/* A worker that was taken over must not make it go down. */
		below = n <= UINT64_MAX - below ? below + n : UINT64_MAX;
		latency_sample(page, "bucket", entry, kind);
		if (b + 1 < STATS_BUCKETS)
			fprintf(page->to, ",le=\"%.12g\"} %" PRIu64 "\n",
				(double)stats_bucket_end_ns(b) / 1e9, below);
		else
			fprintf(page->to, ",le=\"+Inf\"} %" PRIu64 "\n", below);
	}
	latency_sample(page, "sum", entry, kind);
	fprintf(page->to, "} %.17g\n",
		(double)stats_read(&histogram->sum_ns) / 1e9);
	latency_sample(page, "count", entry, kind);
	fprintf(page->to, "} %" PRIu64 "\n", below);
}

static void put_latencies(const struct page *page)
{
	head(page, "request_seconds", "histogram",
	     "how long requests took, from the ring to the response");
	for (size_t i = 0; i < page->count; i++)
		for (unsigned int k = 0; k < STATS_LATENCY_COUNT; k++)
			put_histogram(page, &page->entries[i],
				      (enum stats_latency)k);
}

/* --- disks --- */

typedef double disk_value(const struct device_view *view);

static double is_connected(const struct device_view *view)
{
	return view->state == DEVICE_CONNECTED;
}

static double bytes_of(const struct device_view *view)
{
	return (double)view->sectors * SECTOR_BYTES;
}

static double deaths_of(const struct device_view *view)
{
	return view->worker_deaths;
}

static double rescues_of(const struct device_view *view)
{
	return view->rescues;
}

static double iops_of(const struct device_view *view)
{
	return view->limits.iops;
}

static double bandwidth_of(const struct device_view *view)
{
	return (double)view->limits.bandwidth;
}

static void put_disks(const struct page *page, const char *name,
		      const char *type, const char *help, disk_value *value)
{
	struct device_view view;

	head(page, name, type, help);
	for (unsigned int i = 0; i < host_devices(page->host); i++) {
		device_view(host_device(page->host, i), &view);
		fprintf(page->to,
			"xenblk_%s{domid=\"%" PRIu32 "\",devid=\"%" PRIu32
			"\"} %.17g\n",
			name, view.key.domid, view.key.devid, value(&view));
	}
}

static void put_all_disks(const struct page *page)
{
	head(page, "build_info", "gauge", "1, for its label");
	fprintf(page->to, "xenblk_build_info{version=\"%s\"} 1\n",
		XENBLK_VERSION);
	put_disks(page, "disk_connected", "gauge",
		  "1 while the frontend is connected", is_connected);
	put_disks(page, "disk_bytes", "gauge", "size of the disk", bytes_of);
	put_disks(page, "worker_deaths_total", "counter",
		  "workers that died while they served", deaths_of);
	put_disks(page, "rescues_total", "counter",
		  "deaths that the guest saw as a pause", rescues_of);
	put_disks(page, "limit_requests_per_second", "gauge",
		  "what the disk may do, 0 is any number", iops_of);
	put_disks(page, "limit_bytes_per_second", "gauge",
		  "what the disk may move, 0 is any number", bandwidth_of);
}

static bool is_sectors(const struct counter *counter)
{
	return counter->offset == offsetof(struct stats, sectors_read) ||
	       counter->offset == offsetof(struct stats, sectors_written);
}

static void put_page(const struct page *page)
{
	unsigned int count;
	const struct counter *counter = counters_all(&count);

	put_all_disks(page);
	for (unsigned int i = 0; i < count; i++)
		if (!is_sectors(&counter[i]))
			put_counter(page, &counter[i]);
	put_bytes(page, "read_bytes_total",
		  offsetof(struct stats, sectors_read),
		  "bytes that read requests asked for");
	put_bytes(page, "written_bytes_total",
		  offsetof(struct stats, sectors_written),
		  "bytes that write requests brought");
	put_refusals(page);
	put_depth(page);
	put_latencies(page);
}

char *exposition_text(const struct host *host, size_t *length)
{
	struct page page = {.host = host};
	char *text = NULL;
	bool failed;

	page.to = open_memstream(&text, length);
	if (page.to == NULL)
		return NULL;
	failed = !take_entries(&page);
	if (!failed)
		put_page(&page);
	free(page.entries);
	failed |= fclose(page.to) != 0;
	if (!failed)
		return text;
	free(text);
	return NULL;
}
