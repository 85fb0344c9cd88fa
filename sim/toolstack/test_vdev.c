/*
 * Tests of vdev.c: names of virtual disks and their numbers.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sim/toolstack/vdev.h"

static void names_have_their_numbers(void **state)
{
	static const struct {
		const char *name;
		uint32_t number;
	} known[] = {
		{"xvda", 51712},
		{"xvdb", 51728},
		{"xvda1", 51713},
		{"xvdp15", 51967},
		{"xvdq", 268439552},
		{"xvda16", 268435472},
		{"xvdaa", 268442112},
		{"sda", 2048},
		{"sdb3", 2067},
		{"hda", 768},
		{"hdb", 832},
		{"hdc", 5632},
		{"hdd1", 5697},
		{"51712", 51712},
		{"0", 0},
	};
	uint32_t number;

	(void)state;
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		assert_int_equal(vdev_parse(known[i].name, &number), 0);
		assert_int_equal(number, known[i].number);
	}
}

static void other_names_are_refused(void **state)
{
	static const char *const wrong[] = {
		"",
		"xvd",
		"xvdA",
		"xvda0",
		"xvda1x",
		"floppy",
		"sdq",
		"sda16",
		"hde",
		"xvda256",
		"-1",
		"51712x",
		"99999999999",
		"xvdzzzzzz",
		"xvda99999999999",
	};
	uint32_t number;

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_int_not_equal(vdev_parse(wrong[i], &number), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_have_their_numbers),
		cmocka_unit_test(other_names_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
