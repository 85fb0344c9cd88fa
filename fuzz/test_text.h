/*
 * The text of a script, for tests: what was printed is read back as the same bytes.
 * Include after cmocka.h.
 */
#pragma once

#include <stdio.h>
#include <stdlib.h>

#include "fuzz/script_text.h"

static char *text_of(const struct language *language, const uint8_t *data,
		     size_t bytes)
{
	char *text = NULL;
	size_t length = 0;
	FILE *to = open_memstream(&text, &length);

	assert_non_null(to);
	assert_int_equal(script_print(language, data, bytes, to), 0);
	assert_int_equal(fclose(to), 0);
	return text;
}

static void expect_round_trip(const struct language *language,
			      const uint8_t *data, size_t bytes)
{
	static uint8_t again[SCRIPT_MAX_BYTES];
	unsigned int line;
	char *text = text_of(language, data, bytes);
	long n = script_parse(language, text, again, &line);

	if (n < 0)
		fail_msg("line %u of what was printed is not understood:\n%s",
			 line, text);
	assert_int_equal(n, (long)bytes);
	if (bytes > 0)
		assert_memory_equal(again, data, bytes);
	free(text);
}
