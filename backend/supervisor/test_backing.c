/* Images as they are found: their size, their block, where they may lie. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "backend/base/log.h"
#include "backend/supervisor/backing.h"

struct fixture {
	struct conf conf;
	struct backing backing;
	char folder[32], path[64], params[80];
	char sentence[BACKING_SENTENCE_BYTES];
};

static int set_up(void **state)
{
	static struct fixture f;

	memset(&f, 0, sizeof(f));
	log_set_level(LOG_ERROR);
	conf_init(&f.conf);
	f.conf.direct = CONF_DIRECT_OFF;
	f.conf.max_queues = 3;
	snprintf(f.folder, sizeof(f.folder), "/tmp/xenblk-backing-XXXXXX");
	assert_non_null(mkdtemp(f.folder));
	snprintf(f.path, sizeof(f.path), "%s/image", f.folder);
	snprintf(f.params, sizeof(f.params), "file:%s", f.path);
	*state = &f;
	return 0;
}

static int tear_down(void **state)
{
	const struct fixture *f = *state;

	unlink(f->path);
	assert_int_equal(rmdir(f->folder), 0);
	return 0;
}

static void make_image(const struct fixture *f, off_t bytes)
{
	const int fd = open(f->path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, bytes), 0);
	close(fd);
}

static int open_image(struct fixture *f)
{
	return backing_open(&f->conf, f->params, false, &f->backing,
			    f->sentence);
}

static void a_queue_has_a_descriptor_of_its_own(void **state)
{
	struct fixture *f = *state;

	make_image(f, 16 * SECTOR_BYTES + 100);
	assert_int_equal(open_image(f), 0);
	assert_int_equal(f->backing.count, 3);
	assert_int_equal(f->backing.sectors, 16);
	assert_int_not_equal(f->backing.fds[0], f->backing.fds[1]);
	backing_close(&f->backing);
	assert_int_equal(f->backing.count, 0);
}

/* E14: a guest may take the block for what the disk is made of. */
static void the_block_divides_the_disk(void **state)
{
	struct fixture *f = *state;

	make_image(f, 9 * SECTOR_BYTES);
	assert_int_equal(open_image(f), 0);
	assert_int_equal(f->backing.physical_bytes, SECTOR_BYTES);
	backing_close(&f->backing);
}

static void an_image_without_a_sector_is_refused(void **state)
{
	struct fixture *f = *state;

	make_image(f, SECTOR_BYTES - 1);
	assert_int_equal(open_image(f), -EINVAL);
	assert_non_null(strstr(f->sentence, f->path));
	assert_int_equal(f->backing.count, 0);
}

static void an_image_lies_where_it_is_permitted(void **state)
{
	struct fixture *f = *state;

	make_image(f, SECTOR_BYTES);
	f->conf.allow_count = 1;
	/* A name that only begins like the path. */
	snprintf(f->conf.allow[0], sizeof(f->conf.allow[0]), "%.40s", f->path);
	f->conf.allow[0][strlen(f->path) - 1] = '\0';
	assert_int_equal(open_image(f), -EACCES);
	snprintf(f->conf.allow[0], sizeof(f->conf.allow[0]), "%s", f->folder);
	assert_int_equal(open_image(f), 0);
	backing_close(&f->backing);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(a_queue_has_a_descriptor_of_its_own),
		CASE(the_block_divides_the_disk),
		CASE(an_image_without_a_sector_is_refused),
		CASE(an_image_lies_where_it_is_permitted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
