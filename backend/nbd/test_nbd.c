/*
 * The engine "NBD" against Debian's nbdkit on a UNIX socket: what was written is
 * there, several connections, a server that fails, dies, or never answers.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "backend/base/clock.h"
#include "backend/base/log.h"
#include "backend/nbd/export.h"
#include "backend/nbd/image.h"

#define SECTORS 4096u
#define DEPTH	16u
#define START_S 30u /* a server on a busy machine */
#define FOLDER	"/tmp/xenblk-nbd.XXXXXX"

static struct server {
	char folder[sizeof(FOLDER)];
	char path[64], uri[96];
	pid_t pid;
	struct image *image;
	struct image_channel *channel;
} server;

/* Added to the real time: what takes a minute is over in no time. */
static uint64_t ahead_ns;

uint64_t clock_now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec +
	       ahead_ns;
}

static int setup(void **state)
{
	(void)state;
	memset(&server, 0, sizeof(server));
	ahead_ns = 0;
	log_set_level(LOG_ERROR);
	snprintf(server.folder, sizeof(server.folder), FOLDER);
	assert_non_null(mkdtemp(server.folder));
	snprintf(server.path, sizeof(server.path), "%s/socket", server.folder);
	snprintf(server.uri, sizeof(server.uri), "nbd+unix:///?socket=%s",
		 server.path);
	return 0;
}

static void stop_server(int signal)
{
	if (server.pid <= 0)
		return;
	kill(server.pid, SIGCONT);
	kill(server.pid, signal);
	assert_int_equal(waitpid(server.pid, NULL, 0), server.pid);
	server.pid = 0;
}

static int teardown(void **state)
{
	(void)state;
	if (server.channel != NULL)
		server.image->operations->close_channel(server.channel);
	if (server.image != NULL)
		server.image->operations->close(server.image);
	stop_server(SIGKILL);
	unlink(server.path);
	rmdir(server.folder);
	return 0;
}

/* Stopped, and not only told to: other threads of it may still answer. */
static void stand_still(void)
{
	int status = 0;

	assert_int_equal(kill(server.pid, SIGSTOP), 0);
	assert_int_equal(waitpid(server.pid, &status, WUNTRACED), server.pid);
	assert_true(WIFSTOPPED(status));
}

static void pause_ms(unsigned int ms)
{
	const struct timespec time = {.tv_nsec = ms * 1000000l};

	nanosleep(&time, NULL);
}

/* nbdkit with these arguments, the last one NULL, once it listens. */
static void start_server(const char *const *arguments)
{
	const char *words[16] = {"nbdkit", "--foreground", "--unix",
				 server.path, "--exit-with-parent"};
	char *argv[16];
	struct export_facts facts;
	char why[200];

	for (unsigned int i = 0; arguments[i] != NULL; i++)
		words[5 + i] = arguments[i];
	memcpy(argv, words, sizeof(argv)); /* of the same shape */
	server.pid = fork();
	assert_true(server.pid >= 0);
	if (server.pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		execvp(argv[0], argv);
		_exit(127);
	}
	for (unsigned int i = 0; i < START_S * 100; i++) {
		/* It is there before anybody listens on it. */
		if (export_look(server.uri, &facts, why, sizeof(why)) == 0)
			return;
		assert_int_equal(waitpid(server.pid, NULL, WNOHANG), 0);
		pause_ms(10);
	}
	fail_msg("nbdkit does not listen after %u s", START_S);
}

#define START(...) start_server((const char *const[]){__VA_ARGS__, NULL})

static void open_image(unsigned int count)
{
	assert_int_equal(image_nbd_open(server.uri, count, SECTORS, false,
					&server.image),
			 0);
	assert_int_equal(server.image->operations->open_channel(
				 server.image, 0, DEPTH, &server.channel),
			 0);
}

static void submit(struct image_channel *channel, enum image_operation what,
		   uint64_t sector, struct iovec *iov, uint32_t count,
		   uint32_t tag)
{
	const struct image_io io = {.operation = what,
				    .sector = sector,
				    .tag = tag,
				    .iov = iov,
				    .iov_count = count};

	assert_int_equal(channel->operations->submit(channel, &io), 0);
}

/* The next completion, asleep in between as a queue is. */
static struct image_done await(struct image_channel *channel)
{
	struct image_done done = {0};
	struct pollfd wait = {.fd = channel->operations->descriptor(channel),
			      .events = POLLIN};

	for (unsigned int i = 0; i < 1000; i++) {
		if (channel->operations->poll(channel, &done, 1) == 1)
			return done;
		assert_true(poll(&wait, 1, (int)START_S * 1000) >= 0);
	}
	fail_msg("nothing completes");
	return done;
}

static void transfer(struct image_channel *channel, enum image_operation what,
		     uint64_t sector, void *data, size_t bytes, int result)
{
	struct iovec iov = {.iov_base = data, .iov_len = bytes};
	struct image_done done;

	submit(channel, what, sector, &iov, what != IMAGE_FLUSH, 7);
	done = await(channel);
	assert_int_equal(done.tag, 7);
	assert_int_equal(done.result, result);
}

static void what_was_written_is_there(void **state)
{
	static unsigned char out[3][4096], in[3 * 4096];
	/* Two neighbours in memory, one that is none. */
	struct iovec iov[] = {{out[0], 4096}, {out[1], 512}, {out[2], 4096}};
	struct image_done done;

	(void)state;
	START("memory", "2M");
	open_image(1);
	memset(out[0], 1, 4096);
	memset(out[1], 2, 4096);
	memset(out[2], 3, 4096);
	submit(server.channel, IMAGE_WRITE, 9, iov, 3, 1);
	done = await(server.channel);
	assert_int_equal(done.result, 0);
	transfer(server.channel, IMAGE_FLUSH, 0, NULL, 0, 0);
	transfer(server.channel, IMAGE_READ, 9, in, 4096 + 512 + 4096, 0);
	assert_memory_equal(in, out[0], 4096);
	assert_memory_equal(in + 4096, out[1], 512);
	assert_memory_equal(in + 4608, out[2], 4096);
	transfer(server.channel, IMAGE_READ, SECTORS - 1, in, 512, 0);
	assert_int_equal(in[511], 0);
}

static void many_at_once_come_back_once(void **state)
{
	static unsigned char data[DEPTH][4096];
	bool seen[DEPTH] = {false};

	(void)state;
	START("--filter=delay", "memory", "2M", "rdelay=5ms");
	open_image(1);
	for (uint32_t i = 0; i < DEPTH; i++) {
		struct iovec iov = {data[i], 4096};

		submit(server.channel, i % 2 ? IMAGE_READ : IMAGE_WRITE, 8 * i,
		       &iov, 1, i);
	}
	for (uint32_t i = 0; i < DEPTH; i++) {
		struct image_done done = await(server.channel);

		assert_true(done.tag < DEPTH && !seen[done.tag]);
		assert_int_equal(done.result, 0);
		seen[done.tag] = true;
	}
}

static void queues_share_a_store(void **state)
{
	struct image_channel *other;
	unsigned char data[512], found[512];

	(void)state;
	START("memory", "2M"); /* which allows several connections */
	open_image(2);
	assert_int_equal(server.image->operations->open_channel(server.image, 1,
								DEPTH, &other),
			 0);
	memset(data, 0x5a, sizeof(data));
	transfer(server.channel, IMAGE_WRITE, 3, data, sizeof(data), 0);
	transfer(server.channel, IMAGE_FLUSH, 0, NULL, 0, 0);
	transfer(other, IMAGE_READ, 3, found, sizeof(found), 0);
	assert_memory_equal(found, data, sizeof(data));
	other->operations->close_channel(other);
}

static void one_connection_where_more_are_unsafe(void **state)
{
	struct image_channel *other;
	struct export_facts facts;
	char why[200] = "";

	(void)state;
	START("--filter=multi-conn", "memory", "2M", "multi-conn-mode=disable");
	assert_int_equal(export_look(server.uri, &facts, why, sizeof(why)), 0);
	assert_false(facts.many);
	open_image(4);
	assert_int_equal(server.image->operations->open_channel(server.image, 1,
								DEPTH, &other),
			 -ENOTSUP);
}

static int32_t discard(uint64_t sector, uint64_t sectors)
{
	const struct image_io io = {.operation = IMAGE_DISCARD,
				    .sector = sector,
				    .sectors = sectors,
				    .tag = 7};

	assert_int_equal(
		server.channel->operations->submit(server.channel, &io), 0);
	return await(server.channel).result;
}

static void what_was_trimmed_is_gone_and_its_neighbours_are_not(void **state)
{
	static unsigned char data[3 * 4096], seen[3 * 4096];
	struct export_facts facts;
	char why[200] = "";

	(void)state;
	START("memory", "2M");
	assert_int_equal(export_look(server.uri, &facts, why, sizeof(why)), 0);
	assert_true(facts.trims);
	open_image(1);
	memset(data, 0x5a, sizeof(data));
	transfer(server.channel, IMAGE_WRITE, 0, data, sizeof(data), 0);
	assert_int_equal(discard(8, 8), 0);
	transfer(server.channel, IMAGE_READ, 0, seen, sizeof(seen), 0);
	memset(data + 4096, 0, 4096);
	assert_memory_equal(seen, data, sizeof(data));
}

static void a_store_that_cannot_trim_says_so(void **state)
{
	struct export_facts facts;
	char why[200] = "";

	(void)state;
	START("eval", "get_size=echo 2M", "pread=head -c $3 /dev/zero",
	      "pwrite=cat >/dev/null");
	assert_int_equal(export_look(server.uri, &facts, why, sizeof(why)), 0);
	assert_false(facts.trims);
	open_image(1);
	assert_int_equal(discard(0, 8), -EOPNOTSUPP);
}

static void an_export_is_looked_at(void **state)
{
	struct export_facts facts;
	char why[200] = "";

	(void)state;
	START("--readonly", "memory", "2M");
	assert_int_equal(export_look(server.uri, &facts, why, sizeof(why)), 0);
	assert_int_equal(facts.bytes, 2 << 20);
	assert_true(facts.readonly);
	assert_true(facts.many);
	assert_true(facts.minimum_bytes <= 512);
}

static void an_error_of_the_store_is_one_of_the_request(void **state)
{
	unsigned char data[512] = {0};

	(void)state;
	START("--filter=error", "memory", "2M", "error-pwrite=ENOSPC",
	      "error-pwrite-rate=100%");
	open_image(1);
	transfer(server.channel, IMAGE_WRITE, 0, data, 512, -ENOSPC);
	transfer(server.channel, IMAGE_READ, 0, data, 512, 0);
}

/* Everything that was under way is answered, and so is what comes later. */
static void a_store_that_dies_answers_with_errors(void **state)
{
	static unsigned char data[DEPTH][512];

	(void)state;
	START("--filter=delay", "memory", "2M", "rdelay=60");
	open_image(1);
	for (uint32_t i = 0; i < DEPTH; i++) {
		struct iovec iov = {data[i], 512};

		submit(server.channel, IMAGE_READ, i, &iov, 1, i);
	}
	log_set_level(LOG_ERROR);
	stop_server(SIGKILL);
	for (uint32_t i = 0; i < DEPTH; i++)
		assert_true(await(server.channel).result < 0);
	for (uint32_t i = 0; i < 3; i++) {
		struct iovec iov = {data[i], 512};

		submit(server.channel, IMAGE_WRITE, i, &iov, 1, i);
		assert_true(await(server.channel).result < 0);
	}
}

/* It is looked at once, and then lets the queue sleep. */
static void a_store_that_dies_wakes_nobody_for_ever(void **state)
{
	struct image_channel *channel;
	unsigned char data[512];
	struct image_done done;
	struct pollfd wait;

	(void)state;
	START("memory", "2M");
	open_image(1);
	channel = server.channel;
	transfer(channel, IMAGE_READ, 0, data, 512, 0);
	wait.fd = channel->operations->descriptor(channel);
	wait.events = POLLIN;
	assert_int_equal(poll(&wait, 1, 0), 0);
	stop_server(SIGKILL);
	assert_int_equal(poll(&wait, 1, 10000), 1);
	assert_int_equal(channel->operations->poll(channel, &done, 1), 0);
	assert_int_equal(poll(&wait, 1, 0), 0);
}

static void a_store_that_is_silent_is_taken_for_gone(void **state)
{
	unsigned char data[512];
	struct iovec iov = {data, 512};

	(void)state;
	START("memory", "2M");
	open_image(1);
	transfer(server.channel, IMAGE_READ, 0, data, 512, 0);
	stand_still();
	submit(server.channel, IMAGE_READ, 0, &iov, 1, 1);
	ahead_ns = LIMIT_STORE_SILENT_NS;
	assert_true(await(server.channel).result < 0);
}

static void where_nobody_listens_nothing_opens(void **state)
{
	struct export_facts facts;
	struct image *image;
	char why[200] = "";

	(void)state;
	assert_true(export_look(server.uri, &facts, why, sizeof(why)) < 0);
	assert_true(strlen(why) > 0);
	assert_true(image_nbd_open(server.uri, 1, SECTORS, false, &image) < 0);
	assert_true(export_look("nbds://localhost/", &facts, why, sizeof(why)) <
		    0);
	START("memory", "1M");
	assert_int_equal(image_nbd_open(server.uri, 1, SECTORS, false, &image),
			 -ESTALE);
}

static void a_silent_server_is_not_waited_for(void **state)
{
	struct export_facts facts;
	char why[200] = "";

	(void)state;
	START("memory", "2M");
	stand_still();
	assert_int_equal(export_look(server.uri, &facts, why, sizeof(why)),
			 -ETIMEDOUT);
	assert_non_null(strstr(why, "within 3 seconds"));
}

int main(void)
{
#define NBD_TEST(t) cmocka_unit_test_setup_teardown(t, setup, teardown)
	const struct CMUnitTest tests[] = {
		NBD_TEST(what_was_written_is_there),
		NBD_TEST(many_at_once_come_back_once),
		NBD_TEST(queues_share_a_store),
		NBD_TEST(one_connection_where_more_are_unsafe),
		NBD_TEST(what_was_trimmed_is_gone_and_its_neighbours_are_not),
		NBD_TEST(a_store_that_cannot_trim_says_so),
		NBD_TEST(an_export_is_looked_at),
		NBD_TEST(an_error_of_the_store_is_one_of_the_request),
		NBD_TEST(a_store_that_dies_answers_with_errors),
		NBD_TEST(a_store_that_dies_wakes_nobody_for_ever),
		NBD_TEST(a_store_that_is_silent_is_taken_for_gone),
		NBD_TEST(where_nobody_listens_nothing_opens),
		NBD_TEST(a_silent_server_is_not_waited_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
