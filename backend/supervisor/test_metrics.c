/* The endpoint of metrics in process: what is answered, and who has to leave. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "backend/base/clock.h"
#include "backend/supervisor/metrics.h"
#include "backend/supervisor/test_socket.h"
#include "sim/sim.h"

#define SECOND_NS UINT64_C(1000000000)

static struct world {
	struct conf conf;
	struct host *host;
	struct metrics *metrics;
	char directory[64];
	char where[96];
} world;

static int set_up(void **state)
{
	char error[ENDPOINT_ERROR_BYTES];

	(void)state;
	sim_reset(1);
	sim_enter(0);
	conf_init(&world.conf);
	assert_int_equal(host_create(&world.conf, &world.host), 0);
	snprintf(world.directory, sizeof(world.directory),
		 "/tmp/xenblk-metrics.XXXXXX");
	assert_non_null(mkdtemp(world.directory));
	snprintf(world.where, sizeof(world.where), "unix:%s/socket",
		 world.directory);
	assert_int_equal(
		metrics_create(world.where, world.host, &world.metrics, error),
		0);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	metrics_destroy(world.metrics);
	host_destroy(world.host);
	/* Nothing is left behind in it. */
	assert_int_equal(rmdir(world.directory), 0);
	return 0;
}

static int dial(void)
{
	return socket_dial(world.where + strlen("unix:"));
}

static void step(void)
{
	for (unsigned int i = 0; i < 8; i++)
		(void)metrics_step(world.metrics, clock_now_ns());
}

static void say(int fd, const char *text)
{
	socket_say(fd, text);
	step();
}

static void expect_status(const char *request, const char *status)
{
	const int fd = dial();
	const char *heard;

	say(fd, request);
	heard = hear(fd);
	assert_int_equal(strncmp(heard, "HTTP/1.", 7), 0);
	assert_int_equal(strncmp(heard + strlen("HTTP/1.1 "), status, 3), 0);
	close(fd);
	step();
}

static void what_is_asked_is_answered(void **state)
{
	(void)state;
	expect_status("GET /metrics HTTP/1.0\r\n\r\n", "200");
	expect_status("HEAD /metrics HTTP/1.0\r\n\r\n", "200");
	expect_status("GET / HTTP/1.0\r\n\r\n", "404");
	expect_status("DELETE /metrics HTTP/1.0\r\n\r\n", "405");
}

static void the_page_has_its_families(void **state)
{
	const int fd = dial();
	const char *heard;

	(void)state;
	say(fd, "GET /metrics HTTP/1.0\r\n\r\n");
	heard = hear(fd);
	assert_non_null(strstr(heard, "# TYPE xenblk_build_info gauge\n"));
	assert_non_null(strstr(heard, "\nxenblk_build_info{version=\""));
	assert_non_null(strstr(heard, "# TYPE xenblk_refusals_total counter"));
	assert_string_equal(hear(fd), "EOF");
	close(fd);
}

/* A byte now and then is no way to keep a place. */
static void a_visit_ends(void **state)
{
	const int fd = dial();

	(void)state;
	say(fd, "GET /metrics");
	assert_string_equal(hear(fd), "");
	for (unsigned int i = 0; i < 4; i++) {
		sim_clock_advance(4 * SECOND_NS);
		say(fd, " ");
		assert_string_equal(hear(fd), "");
	}
	assert_true(metrics_step(world.metrics, clock_now_ns()) <=
		    clock_now_ns() + 4 * SECOND_NS);
	sim_clock_advance(4 * SECOND_NS);
	step();
	assert_string_equal(hear(fd), "EOF");
	close(fd);
}

static void an_address_is_taken_once(void **state)
{
	char error[ENDPOINT_ERROR_BYTES] = "";
	struct metrics *other = NULL;

	(void)state;
	assert_true(metrics_create(world.where, world.host, &other, error) < 0);
	assert_null(other);
	assert_true(strlen(error) > 0);
	assert_int_equal(metrics_fd(NULL), -1);
	assert_int_equal(metrics_step(NULL, 0), UINT64_MAX);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(what_is_asked_is_answered),
		CASE(the_page_has_its_families),
		CASE(a_visit_ends),
		CASE(an_address_is_taken_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
