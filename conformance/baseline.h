/*
 * What is expected of a backend that is not ours: a file of verdicts, each with
 * its reason, and of cases that must not be run against it at all.
 *
 *   {"backend": "...", "expected": [{"case", "verdict", "why"}],
 *    "exclude": [{"case": GLOB, "why"}]}
 *
 * A bad verdict that is expected makes no run fail; one that no longer comes
 * does, since the file is wrong then.  Read by run, written by bless.
 */
#pragma once

#include <stddef.h>

#include "conformance/results.h"

struct conform_case;
struct baseline;

/* What to think of a verdict. */
enum expectation {
	EXPECTATION_NONE,  /* nothing was expected */
	EXPECTATION_MET,   /* this very verdict was */
	EXPECTATION_OTHER, /* another bad one was */
	EXPECTATION_STALE, /* a bad one was, and it is good now */
	EXPECTATION_COUNT,
};

/** baseline_load() - 0, or -errno with a sentence; a file that is not there is
 * -ENOENT. */
int baseline_load(const char *path, struct baseline **baseline, char *why,
		  size_t bytes);
void baseline_free(struct baseline *baseline);

/** baseline_judge() - and the reason that the file gives, "" if none. */
enum expectation baseline_judge(const struct baseline *baseline,
				const struct conform_case *one,
				enum verdict verdict, const char **why);

/** baseline_excludes() - why the case must not be run, or NULL. */
const char *baseline_excludes(const struct baseline *baseline,
			      const struct conform_case *one);

/**
 * baseline_bless() - write a file that expects what a column holds.
 * @old: reasons that somebody wrote there stay; may be NULL
 * @sensitive: only what may tell of a weakness; else only what may not
 *
 * What was not run stays as it was.  Return: how many are expected, or -errno.
 */
int baseline_bless(const char *path, const struct baseline *old,
		   const struct column *column, bool sensitive);
