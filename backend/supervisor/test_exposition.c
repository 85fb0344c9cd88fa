/* The page of metrics of a disk whose counters the test writes, as a worker. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "backend/base/stats.h"
#include "backend/supervisor/exposition.h"
#include "backend/supervisor/test_world.h"

#define LABELS "{domid=\"5\",devid=\"51712\",queue=\"0\""
#define READS  LABELS ",kind=\"read\""

static void count(size_t offset, uint64_t value)
{
	struct device_view view;

	device_view(host_device(world.host, 0), &view);
	assert_int_equal(pwrite(view.table->fd, &value, sizeof(value),
				(off_t)(inflight_stats_offset(0) + offset)),
			 sizeof(value));
}

static void count_reads(unsigned int bucket, uint64_t value)
{
	count(offsetof(struct stats, latency[STATS_READ].bucket[bucket]),
	      value);
}

/* Each line once, in this order; the list ends with NULL. */
static void expect_lines(const char *const *line)
{
	size_t length;
	char *text = exposition_text(world.host, &length);
	const char *at = text;

	assert_non_null(text);
	assert_int_equal(strlen(text), length);
	assert_int_equal(text[length - 1], '\n');
	for (; *line != NULL; line++) {
		const char *found = strstr(at, *line);

		if (found == NULL)
			fail_msg("not in the page, or too early: %s", *line);
		at = found + strlen(*line);
		assert_int_equal(*at++, '\n');
		assert_null(strstr(at, *line));
	}
	free(text);
}

static void a_host_without_disks_has_its_families(void **state)
{
	static const char *const lines[] = {
		"# TYPE xenblk_build_info gauge",
		"# TYPE xenblk_refusals_total counter",
		"# TYPE xenblk_request_seconds histogram", NULL};

	(void)state;
	expect_lines(lines);
}

static void what_was_counted_is_said(void **state)
{
	static const char *const lines[] = {
		"xenblk_disk_connected{domid=\"5\",devid=\"51712\"} 1",
		"xenblk_disk_bytes{domid=\"5\",devid=\"51712\"} 1048576",
		"xenblk_read_bytes_total" LABELS "} 4096",
		"xenblk_depth" LABELS "} 7", NULL};

	(void)state;
	plug_and_connect();
	count(offsetof(struct stats, sectors_read), 8);
	count(offsetof(struct stats, depth), 7);
	expect_lines(lines);
}

static void buckets_hold_what_took_less(void **state)
{
	static const char *const lines[] = {
		"xenblk_request_seconds_bucket" READS ",le=\"1.024e-06\"} 3",
		"xenblk_request_seconds_bucket" READS ",le=\"2.048e-06\"} 3",
		"xenblk_request_seconds_bucket" READS ",le=\"4.096e-06\"} 8",
		"xenblk_request_seconds_bucket" READS ",le=\"+Inf\"} 9",
		"xenblk_request_seconds_sum" READS "} 1.5",
		"xenblk_request_seconds_count" READS "} 9",
		NULL};

	(void)state;
	plug_and_connect();
	count_reads(0, 3);
	count_reads(2, 5);
	count_reads(STATS_BUCKETS - 1, 1);
	count(offsetof(struct stats, latency[STATS_READ].sum_ns), 1500000000);
	expect_lines(lines);
}

/* A collector takes a count that goes down for a daemon that began anew. */
static void buckets_of_a_liar_do_not_go_down(void **state)
{
	static const char *const lines[] = {
		"xenblk_request_seconds_bucket" READS
		",le=\"1.024e-06\"} 18446744073709551615",
		"xenblk_request_seconds_bucket" READS
		",le=\"2.048e-06\"} 18446744073709551615",
		"xenblk_request_seconds_count" READS "} 18446744073709551615",
		NULL};

	(void)state;
	plug_and_connect();
	count_reads(0, UINT64_MAX);
	count_reads(1, 5);
	expect_lines(lines);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(a_host_without_disks_has_its_families),
		CASE(what_was_counted_is_said),
		CASE(buckets_hold_what_took_less),
		CASE(buckets_of_a_liar_do_not_go_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
