/*
 * The threads of a disk: one per queue, and how they wait.
 *
 * Owns the threads, a stop descriptor and an alarm descriptor; borrows the
 * queues, which belong to their threads until run_destroy() returns.  Only
 * vbd.c calls it; nothing on the data path is shared between two threads.
 */
#pragma once

#include <stdint.h>

struct queue;
struct run;

/**
 * run_create() - start a thread for each of the queues.
 * @poll_ns: bound of adaptive polling before a thread sleeps
 *
 * Return: 0 or -errno; then no thread runs.
 */
int run_create(struct queue *const *queues, unsigned int count,
	       uint32_t poll_ns, struct run **run);

/**
 * run_destroy() - end the threads after their current turn, and wait for them.
 */
void run_destroy(struct run *run);

/** run_alarm_fd() - readable once a queue broke. */
int run_alarm_fd(const struct run *run);
