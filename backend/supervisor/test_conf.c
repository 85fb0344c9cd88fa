/* Settings and params: what is understood, what is refused with a sentence. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "backend/base/checked.h"
#include "backend/base/log.h"
#include "backend/supervisor/backing.h"
#include "backend/supervisor/conf.h"
#include "backend/supervisor/decimal.h"
#include "backend/supervisor/params.h"

static void defaults_are_complete(void **state)
{
	struct conf conf;

	(void)state;
	conf_init(&conf);
	assert_string_equal(conf.directory, "vbd");
	assert_non_null(strstr(conf.worker, "/xenblk-worker"));
	assert_int_equal(conf.max_queues, 4);
	assert_true(conf.barrier);
	assert_true(conf.sandbox);
	assert_false(conf.foreground);
}

static void settings_are_set(void **state)
{
	char error[CONF_ERROR_BYTES];
	struct conf conf;

	(void)state;
	conf_init(&conf);
	assert_int_equal(conf_set(&conf, "max-queues", "16", error), 0);
	assert_int_equal(conf_set(&conf, "persistent-grants", "0", error), 0);
	assert_int_equal(conf_set(&conf, "direct", "off", error), 0);
	assert_int_equal(conf.staging, CONF_STAGING_AUTO);
	assert_int_equal(conf_set(&conf, "staging", "on", error), 0);
	assert_int_equal(conf_set(&conf, "barrier", "no", error), 0);
	assert_int_equal(conf_set(&conf, "sandbox", "no", error), 0);
	assert_int_equal(conf_set(&conf, "log-level", "trace", error), 0);
	assert_int_equal(conf_set(&conf, "allow-path", "/srv//", error), 0);
	assert_int_equal(conf_set(&conf, "directory", "vbd3", error), 0);
	assert_int_equal(conf_set(&conf, "metrics", "[::1]:9100", error), 0);
	assert_int_equal(conf_set(&conf, "metrics", "unix:/run/m", error), 0);
	assert_int_equal(conf_set(&conf, "metrics", "127.0.0.1:1", error), 0);
	assert_string_equal(conf.metrics, "127.0.0.1:1");
	assert_int_equal(conf.limits.iops, 0);
	assert_int_equal(conf_set(&conf, "limit-iops", "500", error), 0);
	assert_int_equal(conf_set(&conf, "limit-bandwidth", "2M", error), 0);
	assert_int_equal(conf.limits.iops, 500);
	assert_int_equal(conf.limits.bandwidth, 2 << 20);
	assert_int_equal(conf.limits.burst_ms, 100);
	assert_int_equal(conf.max_queues, 16);
	assert_int_equal(conf.persistent_grants, 0);
	assert_int_equal(conf.direct, CONF_DIRECT_OFF);
	assert_int_equal(conf.staging, CONF_STAGING_ON);
	assert_false(conf.barrier);
	assert_false(conf.sandbox);
	assert_int_equal(conf.log_level, LOG_TRACE);
	assert_string_equal(conf.allow[0], "/srv");
	assert_string_equal(conf.directory, "vbd3");
}

static void wrong_settings_are_named(void **state)
{
	static const char *const wrong[][2] = {
		{"max-queues", "0"},
		{"max-queues", "17"},
		{"max-queues", "-1"},
		{"max-queues", ""},
		{"max-ring-page-order", "5"},
		{"persistent-grants", "1057"},
		{"poll-us", "51"},
		{"record", "relative/path"},
		{"record-bytes", "65535"},
		{"record-bytes", "64X"},
		{"record-bytes", "16777216T"},
		{"poll-us", "1s"},
		{"limit-iops", "2147483649"},
		{"metrics", ""},
		{"metrics", "9100"},
		{"metrics", ":9100"},
		{"metrics", "0.0.0.0:9100"},
		{"metrics", "10.0.0.1:9100"},
		{"metrics", "localhost:9100"},
		{"metrics", "127.0.0.1"},
		{"metrics", "127.0.0.1:0"},
		{"metrics", "127.0.0.1:65536"},
		{"metrics", "127.0.0.1:91x"},
		{"metrics", "[::]:9100"},
		{"metrics", "[::1]"},
		{"metrics", "unix:relative"},
		{"metrics", "/run/metrics"},
		{"limit-iops", "1k"},
		{"limit-bandwidth", "4095"},
		{"limit-bandwidth", "1025G"},
		{"limit-bandwidth", "fast"},
		{"limit-burst-ms", "9"},
		{"limit-burst-ms", "8001"},
		{"directory", "a/b"},
		{"directory", ""},
		{"directory", ".."},
		{"worker", "xenblk-worker"},
		{"control", "relative"},
		{"allow-path", "srv"},
		{"direct", "yes"},
		{"staging", "yes"},
		{"barrier", "on"},
		{"sandbox", "1"},
		{"log-level", "loud"},
		{"banana", "1"},
	};
	char error[CONF_ERROR_BYTES];
	struct conf conf;

	(void)state;
	conf_init(&conf);
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		error[0] = '\0';
		assert_true(conf_set(&conf, wrong[i][0], wrong[i][1], error) <
			    0);
		assert_non_null(strstr(error, wrong[i][0]));
	}
	for (unsigned int i = 0; i < CONF_ALLOW_MAX; i++)
		assert_int_equal(conf_set(&conf, "allow-path", "/a", error), 0);
	assert_int_equal(conf_set(&conf, "allow-path", "/a", error), -EINVAL);
}

static char *temporary(const char *text, size_t bytes)
{
	char *path = strdup("/tmp/xenblk-conf.XXXXXX");
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, bytes), bytes);
	close(fd);
	return path;
}

static int load_bytes(const char *text, size_t bytes, struct conf *conf,
		      char *error)
{
	char *path = temporary(text, bytes);
	int result;

	conf_init(conf);
	result = conf_load(conf, path, error);
	if (result < 0)
		assert_non_null(strstr(error, path));
	unlink(path);
	free(path);
	return result;
}

static int load(const char *text, struct conf *conf, char *error)
{
	return load_bytes(text, strlen(text), conf, error);
}

/* fgets() and strchr() would take what follows a byte of zero for nothing. */
static void a_zero_byte_is_no_end(void **state)
{
	static const char hidden[] = "max-queues = 2\0 and more\nwombat = 1\n";
	char error[CONF_ERROR_BYTES];
	struct conf conf;

	(void)state;
	assert_int_equal(load_bytes(hidden, sizeof(hidden) - 1, &conf, error),
			 -EINVAL);
	assert_non_null(strstr(error, "line 1: byte 15 of the line is zero"));
	assert_int_equal(load_bytes("\n\0", 2, &conf, error), -EINVAL);
	assert_non_null(strstr(error, "line 2: byte 1 "));
}

static void files_are_read_line_by_line(void **state)
{
	char error[CONF_ERROR_BYTES], line[1500];
	struct conf conf;

	(void)state;
	assert_int_equal(load("# xenblkd\n\n  max-queues =  2\t\r\n"
			      "allow-path=/a b\nallow-path = /c",
			      &conf, error),
			 0);
	assert_int_equal(conf.max_queues, 2);
	assert_int_equal(conf.allow_count, 2);
	assert_string_equal(conf.allow[0], "/a b");
	assert_string_equal(conf.allow[1], "/c");
	assert_int_equal(load("\n\nwombat = 1\n", &conf, error), -ENOENT);
	assert_non_null(strstr(error, "line 3"));
	assert_non_null(strstr(error, "wombat"));
	assert_int_equal(load("max-queues\n", &conf, error), -EINVAL);
	assert_non_null(strstr(error, "line 1"));
	memset(line, 'x', sizeof(line));
	line[sizeof(line) - 1] = '\0';
	assert_int_equal(load(line, &conf, error), -EINVAL);
	assert_non_null(strstr(error, "line 1: the line is longer than 1023"));
	assert_int_equal(conf_load(&conf, "/nowhere/at/all", error), -ENOENT);
	assert_non_null(strstr(error, "/nowhere/at/all"));
}

static void decimals_are_strict(void **state)
{
	static const char *const wrong[] = {"",	   "+1",  "-1", " 1",	   "1 ",
					    "0x1", "1.0", "1e", "\xd9\xa1"};
	uint64_t n;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++)
		assert_false(decimal_parse(wrong[i], strlen(wrong[i]),
					   UINT64_MAX, &n));
	assert_true(decimal_parse("18446744073709551615", 20, UINT64_MAX, &n));
	assert_true(n == UINT64_MAX);
	assert_false(decimal_parse("18446744073709551616", 20, UINT64_MAX, &n));
	assert_false(decimal_parse("000000000000000000001", 21, 1, &n));
	assert_false(decimal_parse("5", 1, 4, &n));
	assert_true(decimal_size("16E", &n) == false);
	assert_true(decimal_size("16777215T", &n));
	assert_false(decimal_size("16777216T", &n));
	assert_true(decimal_size("3K", &n));
	assert_int_equal(n, 3072);
	assert_false(decimal_size("K", &n));
}

static void params_name_an_image(void **state)
{
	static const struct {
		const char *text;
		int result;
		enum link_image image;
		const char *path;
		uint64_t bytes;
	} cases[] = {
		{"/srv/a.img", 0, LINK_IMAGE_FILE, "/srv/a.img", 0},
		{"file:/srv/a:b", 0, LINK_IMAGE_FILE, "/srv/a:b", 0},
		{"raw:/dev/sda", 0, LINK_IMAGE_FILE, "/dev/sda", 0},
		{"aio:/x", 0, LINK_IMAGE_FILE, "/x", 0},
		{"null:1G", 0, LINK_IMAGE_NULL, NULL, 1u << 30},
		{"ram:4096", 0, LINK_IMAGE_RAM, NULL, 4096},
		{"nbd://host:1/a", 0, LINK_IMAGE_NBD, "nbd://host:1/a", 0},
		{"raw:nbd+unix:///?socket=/s", 0, LINK_IMAGE_NBD,
		 "nbd+unix:///?socket=/s", 0},
		{"nbds://host/a", -EINVAL, LINK_IMAGE_FILE, NULL, 0},
		{"", -EINVAL, 0, NULL, 0},
		{"a.img", -EINVAL, 0, NULL, 0},
		{"raw:", -EINVAL, 0, NULL, 0},
		{"raw:raw:/x", -EINVAL, 0, NULL, 0},
		{"qcow2:/x", -EINVAL, 0, NULL, 0},
		{"null:", -EINVAL, 0, NULL, 0},
		{"ram:-1", -EINVAL, 0, NULL, 0},
		{"ram:1GB", -EINVAL, 0, NULL, 0},
		{"null:9223372036854775808", -EINVAL, 0, NULL, 0},
	};
	struct params params;
	char sentence[256];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		int result = params_parse(cases[i].text, &params, sentence,
					  sizeof(sentence));

		assert_int_equal(result, cases[i].result);
		if (result < 0) {
			assert_non_null(strstr(sentence, "params"));
			continue;
		}
		assert_int_equal(params.image, cases[i].image);
		assert_int_equal(params.bytes, cases[i].bytes);
		if (cases[i].path != NULL)
			assert_string_equal(params.path, cases[i].path);
	}
}

static void images_are_opened_and_measured(void **state)
{
	char sentence[BACKING_SENTENCE_BYTES], link[64];
	struct backing backing;
	struct conf conf;
	char *path = temporary("x", strlen("x"));

	(void)state;
	conf_init(&conf);
	log_set_level(LOG_ERROR);
	assert_int_equal(backing_open(&conf, path, false, &backing, sentence),
			 -EINVAL);
	assert_non_null(strstr(sentence, "1 bytes"));
	/* An odd tail is cut; the physical size divides what is left. */
	assert_int_equal(truncate(path, 3 * 512 + 100), 0);
	assert_int_equal(backing_open(&conf, path, false, &backing, sentence),
			 0);
	assert_int_equal(backing.sectors, 3);
	assert_int_equal(backing.physical_bytes, 512);
	assert_int_equal(backing.count, conf.max_queues);
	for (unsigned int i = 1; i < backing.count; i++)
		assert_int_not_equal(backing.fds[i], backing.fds[0]);
	backing_close(&backing);
	assert_int_equal(backing.count, 0);
	/* Only below the allowed paths, also through a link. */
	assert_int_equal(conf_set(&conf, "allow-path", "/tmp/xenblk", sentence),
			 0);
	assert_int_equal(backing_open(&conf, path, true, &backing, sentence),
			 -EACCES);
	assert_non_null(strstr(sentence, "allow-path"));
	snprintf(link, sizeof(link), "%s.link", path);
	assert_int_equal(symlink("/etc/passwd", link), 0);
	assert_int_equal(conf_set(&conf, "allow-path", "/tmp", sentence), 0);
	assert_int_equal(backing_open(&conf, path, true, &backing, sentence),
			 0);
	assert_true(backing.readonly);
	backing_close(&backing);
	assert_int_equal(backing_open(&conf, link, true, &backing, sentence),
			 -EACCES);
	unlink(link);
	unlink(path);
	assert_int_equal(backing_open(&conf, path, true, &backing, sentence),
			 -ENOENT);
	free(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(defaults_are_complete),
		cmocka_unit_test(settings_are_set),
		cmocka_unit_test(wrong_settings_are_named),
		cmocka_unit_test(files_are_read_line_by_line),
		cmocka_unit_test(a_zero_byte_is_no_end),
		cmocka_unit_test(decimals_are_strict),
		cmocka_unit_test(params_name_an_image),
		cmocka_unit_test(images_are_opened_and_measured),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
