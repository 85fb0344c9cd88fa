/*
 * Disks that get another size, drives that get another medium, while a guest
 * uses them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <signal.h>
#include <sys/wait.h>

#include "backend/supervisor/test_world.h"

#define PARAMS_BYTES 64

static const struct device_key KEY = {.domid = 5, .devid = 51712};

static struct device_view view(void)
{
	struct device_view view;

	assert_int_equal(host_devices(world.host), 1);
	device_view(host_device(world.host, 0), &view);
	return view;
}

static int resize(uint64_t sectors, char *sentence)
{
	struct device *device = host_edit(world.host, KEY);

	assert_non_null(device);
	sentence[0] = '\0';
	return device_resize(device, sectors, sentence);
}

static void resized(uint64_t sectors)
{
	char sentence[DEVICE_REASON_BYTES];

	assert_int_equal(resize(sectors, sentence), 0);
	assert_true(view().changing);
	settle();
	assert_false(view().changing);
}

static void insert(const char *params)
{
	char sentence[DEVICE_REASON_BYTES];

	assert_int_equal(device_change_medium(host_edit(world.host, KEY),
					      params, sentence),
			 0);
	settle();
}

/* An image of so many bytes; its path below params. */
static int make_image(char *params, off_t bytes)
{
	int fd;

	snprintf(params, PARAMS_BYTES, "file:/tmp/xenblk-change-XXXXXX");
	fd = mkstemp(params + strlen("file:"));
	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, bytes), 0);
	return fd;
}

static void unmake_image(const char *params, int fd)
{
	unlink(params + strlen("file:"));
	close(fd);
}

static unsigned int state_events(struct xs_handle *watcher)
{
	unsigned int n = 0;
	char **event;

	while ((event = xs_check_watch(watcher)) != NULL) {
		n += strcmp(event[XS_WATCH_PATH], BACK "/state") == 0;
		free(event);
	}
	return n;
}

/* Q9: sectors, and the state node once more. */
static void a_file_that_grew_is_larger(void **state)
{
	struct xs_handle *guest = xs_open(0);
	struct link_attach first;
	char params[PARAMS_BYTES];
	int fd = make_image(params, 1 << 20);

	(void)state;
	plug_as(params);
	connect();
	expect(BACK "/sectors", "2048");
	first = world.attach;
	assert_true(xs_watch(guest, BACK "/state", "state"));
	(void)state_events(guest);
	assert_int_equal(ftruncate(fd, 1 << 21), 0);
	resized(0);
	expect(BACK "/sectors", "4096");
	expect(BACK "/state", "4");
	assert_int_equal(state_events(guest), 1);
	assert_int_equal(world.launched, 2);
	assert_int_equal(world.device.sectors, 4096);
	/* The same rings, gone on with; and it counts as no death. */
	assert_int_equal(world.attach.resume, 1);
	world.attach.resume = 0;
	assert_memory_equal(&world.attach, &first, sizeof(first));
	assert_int_equal(view().worker_deaths, 0);
	assert_int_equal(view().rescues, 0);
	assert_int_equal(view().connections, 1);
	/* A death after that finds the same size. */
	hang_up();
	settle();
	expect(BACK "/state", "4");
	assert_int_equal(world.device.sectors, 4096);
	assert_int_equal(state_events(guest), 0);
	xs_close(guest);
	unmake_image(params, fd);
}

static void a_disk_shrinks_before_its_file_does(void **state)
{
	char params[PARAMS_BYTES], sentence[DEVICE_REASON_BYTES];
	int fd = make_image(params, 1 << 20);

	(void)state;
	plug_as(params);
	connect();
	assert_int_equal(resize(4096, sentence), -ENOSPC);
	assert_string_equal(sentence,
			    "the image has 1048576 bytes: let it grow first");
	resized(1024);
	expect(BACK "/sectors", "1024");
	assert_int_equal(world.device.sectors, 1024);
	/* It stays so, whoever serves it, until something else is said. */
	hang_up();
	settle();
	assert_int_equal(world.device.sectors, 1024);
	put(FRONT "/state", "6");
	settle();
	put(FRONT "/state", "1");
	settle();
	connect();
	expect(BACK "/sectors", "1024");
	resized(0);
	expect(BACK "/sectors", "2048");
	/* E14: no physical sector lies half beyond the end. */
	resized(1025);
	expect(BACK "/physical-sector-size", "512");
	unmake_image(params, fd);
}

static void what_is_not_connected_is_resized_as_well(void **state)
{
	char params[PARAMS_BYTES];
	int fd = make_image(params, 1 << 20);

	(void)state;
	plug_as(params);
	assert_int_equal(ftruncate(fd, 1 << 21), 0);
	resized(0);
	expect(BACK "/state", "2");
	expect(BACK "/sectors", NULL);
	connect();
	assert_int_equal(world.attach.resume, 0);
	expect(BACK "/sectors", "4096");
	/* Closed, with a worker that waits for the next connection. */
	put(FRONT "/state", "6");
	settle();
	expect(BACK "/state", "6");
	assert_int_equal(ftruncate(fd, 1 << 20), 0);
	resized(0);
	put(FRONT "/state", "1");
	settle();
	connect();
	expect(BACK "/sectors", "2048");
	unmake_image(params, fd);
}

static void what_cannot_be_resized_says_why(void **state)
{
	char params[PARAMS_BYTES], sentence[DEVICE_REASON_BYTES];
	int fd = make_image(params, 1 << 20);

	(void)state;
	plug();
	connect();
	assert_int_equal(resize(0, sentence), -EINVAL);
	assert_non_null(strstr(sentence, "a disk in memory keeps its size"));
	xs_rm(world.xs, XBT_NULL, BACK);
	settle();
	put(FRONT "/state", "1");
	write_backend(params, "w");
	settle();
	connect();
	unmake_image(params, fd);
	assert_int_equal(resize(0, sentence), -ENOENT);
	assert_non_null(strstr(sentence, "cannot be opened"));
	expect(BACK "/state", "4");
	put(FRONT "/state", "5");
	settle();
	assert_int_equal(resize(0, sentence), -EBUSY);
	assert_non_null(strstr(sentence, "closing"));
	assert_int_equal(world.launched, 2);
}

/* Whatever happens while its worker ends is looked at afterwards. */
static void an_unplug_meanwhile_is_not_forgotten(void **state)
{
	char sentence[DEVICE_REASON_BYTES];

	(void)state;
	plug_as("null:1M");
	connect();
	assert_int_equal(resize(4096, sentence), 0);
	assert_true(host_step(world.host));
	assert_string_equal(view().state_name, "pausing");
	put(BACK "/online", "0");
	put(BACK "/state", "5");
	assert_true(step_worker());
	settle();
	/* The guest has it still, with its new size, until it is through. */
	expect(BACK "/state", "5");
	expect(BACK "/sectors", "4096");
	put(FRONT "/state", "6");
	settle();
	expect(BACK "/state", "6");
	assert_int_equal(world.worker, -1);
}

static void a_removal_meanwhile_leaves_nothing(void **state)
{
	char sentence[DEVICE_REASON_BYTES];

	(void)state;
	plug_as("null:1M");
	connect();
	assert_int_equal(resize(4096, sentence), 0);
	assert_true(host_step(world.host));
	assert_string_equal(view().state_name, "pausing");
	xs_rm(world.xs, XBT_NULL, BACK);
	assert_true(step_worker());
	settle();
	assert_int_equal(host_devices(world.host), 0);
	expect(BACK, NULL);
	assert_int_equal(world.worker, -1);
}

static void a_daemon_that_ends_meanwhile_ends(void **state)
{
	char sentence[DEVICE_REASON_BYTES];

	(void)state;
	plug_as("null:1M");
	connect();
	assert_int_equal(resize(4096, sentence), 0);
	host_stop(world.host);
	settle();
	assert_int_equal(world.worker, -1);
	assert_int_equal(world.launched, 1);
	expect(BACK "/state", "4");
}

/* The next worker is a process, which does nothing by itself. */
static pid_t make_process(void)
{
	world.pid = fork();
	if (world.pid == 0)
		for (;;)
			pause();
	assert_true(world.pid > 0);
	return world.pid;
}

/* It was told to end, and dies of something else. */
static void dies_while_pausing(pid_t pid)
{
	siginfo_t info;

	assert_true(host_step(world.host));
	assert_string_equal(view().state_name, "pausing");
	world.pid = 0;
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
	assert_true(step_worker());
	settle();
}

static void a_worker_that_dies_in_it_is_rescued(void **state)
{
	char sentence[DEVICE_REASON_BYTES];
	const pid_t pid = make_process();

	(void)state;
	plug_as("null:1M");
	connect();
	assert_int_equal(resize(1024, sentence), 0);
	dies_while_pausing(pid);
	expect(BACK "/state", "4");
	expect(BACK "/sectors", "1024");
	assert_int_equal(world.device.sectors, 1024);
	assert_int_equal(world.attach.resume, 1);
	assert_int_equal(view().worker_deaths, 1);
	assert_false(view().changing);
}

/* --- media --- */

static void plug_drive(const char *params)
{
	put(BACK "/device-type", "cdrom");
	put(BACK "/removable", "1");
	put(FRONT "/state", "1");
	write_backend(params, "r");
	settle();
	expect(BACK "/state", "2");
}

/* K16 */
static void a_drive_without_a_medium_is_connected(void **state)
{
	(void)state;
	plug_drive("");
	connect();
	expect(BACK "/sectors", "0");
	expect(BACK "/info", "7");
	assert_int_equal(world.device.sectors, 0);
	assert_int_equal(world.device.image, LINK_IMAGE_NULL);
	/* libxl's way to insert: */
	put(BACK "/params", "null:1M");
	settle();
	expect(BACK "/sectors", "2048");
	expect(BACK "/state", "4");
	assert_int_equal(world.attach.resume, 1);
	put(BACK "/params", "empty:");
	settle();
	expect(BACK "/sectors", "0");
	assert_int_equal(world.launched, 3);
	/* The same once more is no change. */
	put(BACK "/params", "empty:");
	settle();
	assert_int_equal(world.launched, 3);
	assert_int_equal(view().worker_deaths, 0);
}

/* What it was to write to one medium has no place on another. */
static void a_writable_drive_ends_when_its_worker_dies_in_it(void **state)
{
	const pid_t pid = make_process();

	(void)state;
	put(BACK "/device-type", "cdrom");
	plug_as("null:1M");
	connect();
	put(BACK "/params", "null:2M");
	dies_while_pausing(pid);
	expect(BACK "/state", "5");
	assert_int_equal(world.launched, 1);
}

static void media_are_changed_by_command(void **state)
{
	char sentence[DEVICE_REASON_BYTES];

	(void)state;
	plug_drive("ram:1M");
	connect();
	expect(BACK "/sectors", "2048");
	insert("");
	expect(BACK "/params", "");
	expect(BACK "/sectors", "0");
	assert_int_equal(resize(0, sentence), -ENOMEDIUM);
	insert("ram:2M");
	expect(BACK "/params", "ram:2M");
	expect(BACK "/sectors", "4096");
	assert_int_equal(device_change_medium(host_edit(world.host, KEY),
					      "file:/nowhere/at/all", sentence),
			 -ENOENT);
	expect(BACK "/params", "ram:2M");
	settle();
	assert_int_equal(world.launched, 3);
}

static void a_disk_has_no_medium(void **state)
{
	char sentence[DEVICE_REASON_BYTES];

	(void)state;
	plug();
	connect();
	assert_int_equal(
		device_change_medium(host_edit(world.host, KEY), "", sentence),
		-EINVAL);
	/* Nor does a toolstack change it by a word. */
	put(BACK "/params", "null:1M");
	settle();
	assert_int_equal(world.launched, 1);
	expect(BACK "/sectors", "2048");
}

/* What a toolstack inserts and is not there leaves the drive empty. */
static void a_medium_that_cannot_be_opened_is_none(void **state)
{
	(void)state;
	plug_drive("null:1M");
	connect();
	put(BACK "/params", "file:/nowhere/at/all");
	settle();
	expect(BACK "/state", "4");
	expect(BACK "/sectors", "0");
	expect(ERROR, "the image /nowhere/at/all cannot be opened: No such "
		      "file or directory");
	put(BACK "/params", "null:2M");
	settle();
	expect(BACK "/sectors", "4096");
}

static void a_medium_is_changed_before_the_connection(void **state)
{
	(void)state;
	plug_drive("null:1M");
	put(BACK "/params", "");
	settle();
	expect(BACK "/state", "2");
	connect();
	expect(BACK "/sectors", "0");
	/* While the worker owes an answer, too. */
	world.silent = true;
	put(BACK "/params", "null:1M");
	settle();
	put(BACK "/params", "null:2M");
	settle();
	world.silent = false;
	send_kind(LINK_READY);
	settle();
	expect(BACK "/sectors", "4096");
	expect(BACK "/state", "4");
}

/* A daemon that was not there finds another medium. */
static void another_daemon_finds_another_medium(void **state)
{
	char home[] = "/tmp/xenblk-change-XXXXXX", path[128];

	(void)state;
	assert_non_null(mkdtemp(home));
	snprintf(world.conf.tables, sizeof(world.conf.tables), "%s", home);
	host_destroy(world.host);
	assert_int_equal(host_create(&world.conf, &world.host), 0);
	plug_drive("null:1M");
	connect();
	host_destroy(world.host);
	hang_up();
	put(BACK "/params", "");
	assert_int_equal(host_create(&world.conf, &world.host), 0);
	settle();
	expect(BACK "/state", "4");
	expect(BACK "/sectors", "0");
	assert_int_equal(world.attach.resume, 1);
	snprintf(path, sizeof(path), "%s/vbd-5-51712.table", home);
	unlink(path);
	rmdir(home);
}

/* ... and a disk that was resized by the one before as that left it. */
static void another_daemon_keeps_the_size(void **state)
{
	char home[] = "/tmp/xenblk-change-XXXXXX", path[128],
	     params[PARAMS_BYTES];
	int fd = make_image(params, 1 << 20);

	(void)state;
	assert_non_null(mkdtemp(home));
	snprintf(world.conf.tables, sizeof(world.conf.tables), "%s", home);
	host_destroy(world.host);
	assert_int_equal(host_create(&world.conf, &world.host), 0);
	plug_as(params);
	connect();
	resized(1024);
	for (unsigned int i = 0; i < 2; i++) {
		host_destroy(world.host);
		hang_up();
		assert_int_equal(host_create(&world.conf, &world.host), 0);
		settle();
		expect(BACK "/state", "4");
		expect(BACK "/sectors", i == 0 ? "1024" : "2048");
		assert_int_equal(world.attach.resume, 1);
		if (i == 0)
			resized(0);
	}
	snprintf(path, sizeof(path), "%s/vbd-5-51712.table", home);
	unlink(path);
	rmdir(home);
	unmake_image(params, fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(a_file_that_grew_is_larger),
		CASE(a_disk_shrinks_before_its_file_does),
		CASE(what_is_not_connected_is_resized_as_well),
		CASE(what_cannot_be_resized_says_why),
		CASE(an_unplug_meanwhile_is_not_forgotten),
		CASE(a_removal_meanwhile_leaves_nothing),
		CASE(a_daemon_that_ends_meanwhile_ends),
		CASE(a_worker_that_dies_in_it_is_rescued),
		CASE(a_writable_drive_ends_when_its_worker_dies_in_it),
		CASE(a_drive_without_a_medium_is_connected),
		CASE(media_are_changed_by_command),
		CASE(a_disk_has_no_medium),
		CASE(a_medium_that_cannot_be_opened_is_none),
		CASE(a_medium_is_changed_before_the_connection),
		CASE(another_daemon_finds_another_medium),
		CASE(another_daemon_keeps_the_size),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
