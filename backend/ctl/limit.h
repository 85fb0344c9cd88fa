/*
 * The command limit: how much a disk may do per second.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>

/* What the options say; NULL: not given. */
struct limit_options {
	const char *iops;
	const char *bandwidth;
	const char *burst;
};

/**
 * limit_request() - the limits into a request for that command.
 *
 * Return: NULL, or a sentence about the option that is wrong.
 */
const char *limit_request(const struct limit_options *options, json_t *request);

/**
 * limit_number() - a number with an optional suffix from a list of powers of
 * 1024, or none (0); whether it is one.
 */
bool limit_number(const char *text, const char *suffixes, json_int_t *number);

/** limit_given() - whether any of the options was. */
bool limit_given(const struct limit_options *options);

/** limit_print() - the limits of the answer's disk. */
void limit_print(const json_t *disk);
