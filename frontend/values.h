/*
 * Values of options: private to xenblk-front.  The value is getopt's optarg;
 * each prints a sentence and returns -EINVAL when it does not fit.
 */
#pragma once

#include <stdint.h>

/** values_refuse() - the sentence: which option, its value, what was wanted. */
int values_refuse(const char *word, const char *value, const char *wanted);

/** values_parse_size() - bytes with k, M, G or T; @end is where they stop. */
int values_parse_size(const char *text, char **end, uint64_t *bytes);

/** values_sectors() - bytes, a multiple of 512. */
int values_sectors(const char *word, uint64_t *bytes);

/** values_number() - a decimal number up to @most. */
int values_number(const char *word, uint64_t most, uint64_t *number);
int values_small(const char *word, unsigned int most, unsigned int *number);
