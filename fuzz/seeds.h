/*
 * Seeds of the parsers' harnesses, written by a program: what real frontends
 * and supervisors send, so that fuzzing starts from what is right.
 */
#pragma once

/** seeds_write() - the seeds of one harness as files of a folder, 0 or -errno.
 */
int seeds_write(const char *harness, const char *folder);
