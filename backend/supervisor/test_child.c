/* A worker as a real process: what is held while it lives, and afterwards. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "backend/supervisor/child.h"

static unsigned int descriptors(void)
{
	DIR *directory = opendir("/proc/self/fd");
	unsigned int n = 0;

	assert_non_null(directory);
	while (readdir(directory) != NULL)
		n++;
	closedir(directory);
	return n;
}

/* Any program will do: it takes no message and ends at once, on a busy machine
 * before DEVICE is sent. */
static void start(struct child *child)
{
	struct link_device device = {.domid = 5,
				     .devid = 51712,
				     .sectors = 8,
				     .image = LINK_IMAGE_NULL,
				     .max_queues = 1};
	int region = open("/dev/null", O_RDWR | O_CLOEXEC);
	int error = -EPIPE;

	assert_true(region >= 0);
	for (unsigned int i = 0; i < 1000 && error == -EPIPE; i++)
		error = child_start(child, "/bin/true", &device, &region);
	assert_int_equal(error, 0);
	close(region);
}

/* X12: a guest may make its workers die, again and again. */
static void one_that_ended_leaves_no_descriptor(void **state)
{
	const unsigned int before = descriptors();
	char sentence[CHILD_SENTENCE_BYTES];
	struct link_message message;
	struct child child;

	(void)state;
	child_init(&child);
	for (unsigned int i = 0; i < 3; i++) {
		struct pollfd end = {.events = POLLIN};

		start(&child);
		end.fd = child.pidfd;
		assert_int_equal(poll(&end, 1, 60000), 1);
		assert_int_equal(child_receive(&child, &message), -EPIPE);
		child_obituary(&child, sentence, sizeof(sentence));
		assert_string_equal(sentence, "ended with exit status 0");
		assert_int_equal(descriptors(), before);
	}
	child_fini(&child);
	assert_int_equal(descriptors(), before);
}

static void one_that_lives_is_killed_with_all_it_held(void **state)
{
	const unsigned int before = descriptors();
	struct child child;

	(void)state;
	child_init(&child);
	start(&child);
	assert_true(descriptors() > before);
	child_fini(&child);
	assert_int_equal(descriptors(), before);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_that_ended_leaves_no_descriptor),
		cmocka_unit_test(one_that_lives_is_killed_with_all_it_held),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
