/*
 * Numbers as xenstore holds them: decimal digits and nothing else.
 *
 * strtoul() and scanf() accept signs, blanks, other bases and silent overflow;
 * none of those may come from a guest.  Pure; called by whoever reads a node or
 * an option.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/**
 * decimal_parse() - all of a text as a number between 0 and a maximum.
 *
 * Return: whether it is one; *value is only set then.
 */
bool decimal_parse(const char *text, size_t length, uint64_t max,
		   uint64_t *value);

/**
 * decimal_size() - a number with an optional suffix K, M, G or T (powers of
 * 1024).
 */
bool decimal_size(const char *text, uint64_t *bytes);
