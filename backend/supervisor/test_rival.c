/* Other backends: found where they are, and their disks left alone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <ftw.h>
#include <sys/stat.h>

#include "backend/supervisor/rival.h"
#include "backend/supervisor/test_world.h"

static int set_up_root(void **state)
{
	int error = set_up(state);

	snprintf(world.conf.root, sizeof(world.conf.root),
		 "/tmp/xenblk-root-XXXXXX");
	assert_non_null(mkdtemp(world.conf.root));
	return error;
}

static int remove_one(const char *path, const struct stat *status, int type,
		      struct FTW *where)
{
	(void)status;
	(void)type;
	(void)where;
	return remove(path);
}

static int tear_down_root(void **state)
{
	assert_int_equal(
		nftw(world.conf.root, remove_one, 8, FTW_DEPTH | FTW_PHYS), 0);
	return tear_down(state);
}

/* A directory, and those above it, below the test's root. */
static void make(const char *path)
{
	char whole[512];

	snprintf(whole, sizeof(whole), "%s%s", world.conf.root, path);
	for (char *at = whole + strlen(world.conf.root) + 1; *at; at++) {
		if (*at != '/')
			continue;
		*at = '\0';
		assert_true(mkdir(whole, 0755) == 0 || errno == EEXIST);
		*at = '/';
	}
	assert_int_equal(mkdir(whole, 0755), 0);
}

static void make_process(const char *number, const char *name)
{
	char path[512];
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%s", number);
	make(path);
	snprintf(path, sizeof(path), "%s/proc/%s/comm", world.conf.root,
		 number);
	file = fopen(path, "w");
	assert_non_null(file);
	fprintf(file, "%s\n", name);
	fclose(file);
}

static void a_kernel_backend_is_named(void **state)
{
	char sentence[RIVAL_SENTENCE_BYTES] = "";

	(void)state;
	assert_false(rival_of_directory(&world.conf, sentence));
	make("/sys/bus/xen-backend/drivers/vif");
	assert_false(rival_of_directory(&world.conf, sentence));
	make("/sys/bus/xen-backend/drivers/vbd");
	assert_true(rival_of_directory(&world.conf, sentence));
	assert_non_null(strstr(sentence, "backend/vbd"));
	assert_non_null(strstr(sentence, "rmmod xen-blkback"));
	assert_non_null(strstr(sentence, "--directory"));
	/* Another directory is nobody's. */
	snprintf(world.conf.directory, sizeof(world.conf.directory), "vbd3");
	assert_false(rival_of_directory(&world.conf, sentence));
}

static void tapback_is_named(void **state)
{
	char sentence[RIVAL_SENTENCE_BYTES] = "";

	(void)state;
	make_process("17", "tapdisk");
	make_process("self", "tapback");
	snprintf(world.conf.directory, sizeof(world.conf.directory), "vbd3");
	assert_false(rival_of_directory(&world.conf, sentence));
	make_process("4711", "tapback");
	assert_true(rival_of_directory(&world.conf, sentence));
	assert_non_null(strstr(sentence, "process 4711"));
	snprintf(world.conf.directory, sizeof(world.conf.directory), "vbd");
	assert_false(rival_of_directory(&world.conf, sentence));
}

static void a_disk_of_the_kernel_is_left_alone(void **state)
{
	struct device_view view;

	(void)state;
	make("/sys/bus/xen-backend/devices/vbd-5-51712/driver");
	put(FRONT "/state", "1");
	write_backend("null:1M", "w");
	settle();
	/* Nothing was written, nothing was started. */
	expect(BACK "/state", "1");
	expect(BACK "/hotplug-status", NULL);
	expect(BACK "/feature-persistent", NULL);
	expect(ERROR, NULL);
	assert_int_equal(world.launched, 0);
	device_view(host_device(world.host, 0), &view);
	assert_int_equal(view.state, DEVICE_NEW);
	assert_non_null(strstr(view.error, "left alone"));
	/* Not either when the kernel serves it and unplugs it. */
	put(BACK "/state", "4");
	put(BACK "/online", "0");
	put(BACK "/state", "5");
	settle();
	expect(BACK "/state", "5");
	xs_rm(world.xs, XBT_NULL, BACK);
	settle();
	assert_int_equal(host_devices(world.host), 0);
}

#define ROOTED(name)                                                           \
	cmocka_unit_test_setup_teardown(name, set_up_root, tear_down_root)

int main(void)
{
	const struct CMUnitTest tests[] = {
		ROOTED(a_kernel_backend_is_named),
		ROOTED(tapback_is_named),
		ROOTED(a_disk_of_the_kernel_is_left_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
