/* The control socket: answers, garbage, slow clients, too many of them. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>
#include <xenstore.h>

#include "backend/base/log.h"
#include "backend/supervisor/control.h"
#include "backend/supervisor/lock.h"
#include "backend/supervisor/test_socket.h"
#include "sim/sim.h"

static struct world {
	struct conf conf;
	struct host *host;
	struct control *control;
	char directory[64];
	char path[96];
} world;

static int set_up(void **state)
{
	char error[CONTROL_ERROR_BYTES];

	(void)state;
	sim_reset(1);
	sim_enter(0);
	conf_init(&world.conf);
	assert_int_equal(host_create(&world.conf, &world.host), 0);
	snprintf(world.directory, sizeof(world.directory),
		 "/tmp/xenblk-control.XXXXXX");
	assert_non_null(mkdtemp(world.directory));
	snprintf(world.path, sizeof(world.path), "%s/socket", world.directory);
	assert_int_equal(control_create(world.path, &world.control, error), 0);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	control_destroy(world.control);
	host_destroy(world.host);
	/* Nothing is left behind in it. */
	assert_int_equal(rmdir(world.directory), 0);
	return 0;
}

static int dial(void)
{
	return socket_dial(world.path);
}

static void step(void)
{
	for (unsigned int i = 0; i < 8; i++)
		control_step(world.control, world.host);
}

static void say(int fd, const char *text)
{
	socket_say(fd, text);
	step();
}

static void requests_are_answered(void **state)
{
	int fd = dial();

	(void)state;
	say(fd, "{\"command\":\"list\"}\n");
	assert_string_equal(hear(fd), "{\"ok\":true,\"disks\":[]}\n");
	say(fd, "{\"command\":");
	assert_string_equal(hear(fd), "");
	say(fd, "\"version\"}\n");
	assert_non_null(strstr(hear(fd), "\"version\""));
	say(fd, "{\"command\":\"show\",\"domid\":5,\"devid\":51712}\n");
	assert_non_null(strstr(hear(fd), "there is no disk 5/51712"));
	say(fd, "{\"command\":\"log-level\",\"level\":\"error\"}\n");
	assert_non_null(strstr(hear(fd), "\"ok\":true"));
	assert_int_equal(log_level(), LOG_ERROR);
	close(fd);
}

static void garbage_is_answered_with_a_sentence(void **state)
{
	static const char *const wrong[] = {
		"\n",
		"banana\n",
		"[]\n",
		"3\n",
		"{}\n",
		"{\"command\":3}\n",
		"{\"command\":\"banana\"}\n",
		"{\"command\":\"list\",\"command\":\"list\"}\n",
		"{\"command\":\"show\"}\n",
		"{\"command\":\"show\",\"domid\":-1,\"devid\":1}\n",
		"{\"command\":\"show\",\"domid\":5.0,\"devid\":1}\n",
		"{\"command\":\"stats\",\"domid\":4294967296,\"devid\":1}\n",
		"{\"command\":\"log-level\",\"level\":\"loud\"}\n",
		"{\"command\":\"limit\"}\n",
		"{\"command\":\"limit\",\"domid\":5,\"devid\":1}\n",
		"{\"command\":\"list\"} {}\n",
		"\xff\xfe\n",
	};
	int fd = dial();

	(void)state;
	for (unsigned int i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		say(fd, wrong[i]);
		assert_non_null(strstr(hear(fd), "{\"ok\":false,\"error\":\""));
	}
	close(fd);
}

static void a_name_that_is_no_utf8_is_shown(void **state)
{
	static const char *const nodes[][2] = {
		{"frontend", "/local/domain/5/device/vbd/51712"},
		{"frontend-id", "5"},
		{"mode", "w"},
		{"params", "file:/no/such/\xff"},
		{"state", "1"},
	};
	struct xs_handle *xs = xs_open(0);
	const char *heard;
	int fd = dial();

	(void)state;
	assert_non_null(xs);
	for (unsigned int i = 0; i < sizeof(nodes) / sizeof(nodes[0]); i++) {
		char path[96];

		snprintf(path, sizeof(path),
			 "/local/domain/0/backend/vbd/5/51712/%s", nodes[i][0]);
		assert_true(xs_write(xs, XBT_NULL, path, nodes[i][1],
				     (unsigned int)strlen(nodes[i][1])));
	}
	xs_close(xs);
	log_set_level(LOG_ERROR);
	for (unsigned int i = 0; i < 100; i++)
		host_step(world.host);
	say(fd, "{\"command\":\"list\"}\n");
	heard = hear(fd);
	assert_non_null(strstr(heard, "\"devid\":51712"));
	/* The backslash is JSON's. */
	assert_non_null(strstr(heard, "file:/no/such/\\\\xff\""));
	close(fd);
}

static void several_lines_at_once_are_all_answered(void **state)
{
	const char *heard;
	int fd = dial();
	unsigned int lines = 0;

	(void)state;
	for (unsigned int i = 0; i < 20; i++)
		assert_int_equal(send(fd, "{}\n", 3, 0), 3);
	step();
	heard = hear(fd);
	for (const char *c = heard; *c != '\0'; c++)
		lines += *c == '\n';
	assert_int_equal(lines, 20);
	close(fd);
}

static void an_endless_line_is_hung_up_on(void **state)
{
	/* The first one fills the buffer, and nothing follows it. */
	static const size_t lengths[] = {4096, 4097, 4999};
	char text[5000];

	(void)state;
	for (unsigned int i = 0; i < 3; i++) {
		int fd = dial();

		memset(text, 'x', lengths[i]);
		text[lengths[i]] = '\0';
		say(fd, text);
		assert_non_null(strstr(hear(fd), "longer than 4096 bytes"));
		close(fd);
	}
}

/* Who does not read his answers keeps nobody else waiting. */
static void a_slow_client_waits_alone(void **state)
{
	int slow = dial(), other = dial(), small = 1;
	unsigned int sent = 0;

	(void)state;
	assert_int_equal(
		setsockopt(slow, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small)),
		0);
	while (send(slow, "{}\n", 3, MSG_NOSIGNAL) == 3) {
		control_step(world.control, world.host);
		assert_true(++sent < 10000000);
	}
	assert_int_equal(errno, EAGAIN);
	say(other, "{\"command\":\"list\"}\n");
	assert_string_equal(hear(other), "{\"ok\":true,\"disks\":[]}\n");
	close(slow);
	step();
	close(other);
}

static void more_clients_than_places_wait_their_turn(void **state)
{
	int fds[20];
	unsigned int answered = 0;

	(void)state;
	for (unsigned int i = 0; i < 20; i++) {
		fds[i] = dial();
		step();
	}
	for (unsigned int i = 0; i < 20; i++) {
		say(fds[i], "{\"command\":\"list\"}\n");
		if (strstr(hear(fds[i]), "ok") != NULL)
			answered++;
	}
	assert_int_equal(answered, 16);
	close(fds[0]);
	step();
	assert_non_null(strstr(hear(fds[16]), "ok"));
	for (unsigned int i = 1; i < 20; i++)
		close(fds[i]);
	step();
}

static void the_socket_is_private_and_not_shared(void **state)
{
	char error[CONTROL_ERROR_BYTES];
	struct control *second;
	struct stat st;

	(void)state;
	assert_int_equal(stat(world.path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(control_create(world.path, &second, error),
			 -EADDRINUSE);
	assert_non_null(strstr(error, world.path));
}

static void a_socket_left_behind_is_replaced(void **state)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	char error[CONTROL_ERROR_BYTES];
	struct control *control;
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	(void)state;
	snprintf(address.sun_path, sizeof(address.sun_path), "%s/stale",
		 world.directory);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)),
			 0);
	close(fd);
	assert_int_equal(control_create(address.sun_path, &control, error), 0);
	control_destroy(control);
	assert_true(control_create("/no/such/directory/socket", &control,
				   error) < 0);
	assert_non_null(strstr(error, "/no/such/directory/socket"));
}

static void there_is_one_lock_per_directory(void **state)
{
	char error[LOCK_ERROR_BYTES], pid[32], path[128];
	int first, second;

	(void)state;
	setenv("XENSTORED_RUNDIR", world.directory, 1);
	unsetenv("XENSTORED_PATH");
	first = lock_take("vbd", "/", error);
	assert_true(first >= 0);
	assert_int_equal(lock_take("vbd", "/", error), -EWOULDBLOCK);
	snprintf(pid, sizeof(pid), "process %d", (int)getpid());
	assert_non_null(strstr(error, pid));
	second = lock_take("vbd3", "/", error);
	assert_true(second >= 0);
	close(first);
	first = lock_take("vbd", "/", error);
	assert_true(first >= 0);
	close(first);
	close(second);
	snprintf(path, sizeof(path), "%s/xenblkd-vbd.lock", world.directory);
	assert_int_equal(unlink(path), 0);
	snprintf(path, sizeof(path), "%s/xenblkd-vbd3.lock", world.directory);
	assert_int_equal(unlink(path), 0);
}

/* As a worker that is being started when its daemon is killed. */
static void hold_for_a_moment(void)
{
	char error[LOCK_ERROR_BYTES];

	if (lock_take("vbd", "/", error) < 0)
		_exit(1);
	if (fork() == 0) {
		(void)poll(NULL, 0, 50);
		_exit(0);
	}
	_exit(0);
}

static void the_lock_of_a_dead_daemon_goes_soon(void **state)
{
	char error[LOCK_ERROR_BYTES], path[128];
	int status = -1, fd;
	pid_t holder;

	(void)state;
	setenv("XENSTORED_RUNDIR", world.directory, 1);
	unsetenv("XENSTORED_PATH");
	holder = fork();
	if (holder == 0)
		hold_for_a_moment();
	assert_int_equal(waitpid(holder, &status, 0), holder);
	assert_int_equal(status, 0);
	fd = lock_take("vbd", "/", error);
	assert_true(fd >= 0);
	close(fd);
	snprintf(path, sizeof(path), "%s/xenblkd-vbd.lock", world.directory);
	assert_int_equal(unlink(path), 0);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(requests_are_answered),
		CASE(garbage_is_answered_with_a_sentence),
		CASE(a_name_that_is_no_utf8_is_shown),
		CASE(several_lines_at_once_are_all_answered),
		CASE(an_endless_line_is_hung_up_on),
		CASE(a_slow_client_waits_alone),
		CASE(more_clients_than_places_wait_their_turn),
		CASE(the_socket_is_private_and_not_shared),
		CASE(a_socket_left_behind_is_replaced),
		CASE(there_is_one_lock_per_directory),
		CASE(the_lock_of_a_dead_daemon_goes_soon),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
