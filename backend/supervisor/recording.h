/*
 * The recording: one file with what all disks of this daemon do.
 *
 * Made by main.c once it is sure that no other daemon serves the directory; told
 * about xenstore steps by the devices, emptied of the workers' records by
 * main.c's loop.  Bounded: when the file is full it says so once, in the file
 * and in the log, and everything goes on without it.  No failure here may harm
 * a disk.
 *
 * Every function but recording_open() does nothing when the recording is NULL.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "backend/base/record.h"
#include "backend/supervisor/device.h"

struct recording;

#define RECORDING_ERROR_BYTES 512u

/**
 * recording_open() - begin a new file of at most so many bytes.
 *
 * A file that is there is kept as PATH.old.  Return: 0, or -errno with a
 * sentence.
 */
int recording_open(const char *path, uint64_t max_bytes,
		   struct recording **recording, char *error);

/** recording_close() - take what is left, close the file. */
void recording_close(struct recording *recording);

/**
 * recording_step() - write what the workers have recorded, if it is time.
 *
 * Return: the time of the next step, UINT64_MAX while there is nothing to wait
 * for.
 */
uint64_t recording_step(struct recording *recording, uint64_t now_ns);

/**
 * recording_worker_begins() - memory for the records of a new worker.
 *
 * Return: its descriptor, for the caller to hand on and close; -1 when this
 * worker is not recorded.
 */
int recording_worker_begins(struct recording *recording, struct device_key key,
			    unsigned int queues);

/** recording_worker_ends() - it is dead: take what it left behind. */
void recording_worker_ends(struct recording *recording, struct device_key key);

/** recording_number() - a record that is a number: a state, a process. */
void recording_number(struct recording *recording, struct device_key key,
		      enum record_kind kind, uint64_t number);

/** recording_mark() - a record of which nothing but its kind is said. */
void recording_mark(struct recording *recording, struct device_key key,
		    enum record_kind kind);

/* A node of xenstore, or a sentence (then without a name). */
struct recording_node {
	const char *name;
	const char *value; /* NULL: there is no such node */
	size_t bytes;	   /* of the value */
};

/** recording_node() - a record that is a node. */
void recording_node(struct recording *recording, struct device_key key,
		    enum record_kind kind, const struct recording_node *node);

/** recording_text() - a node whose value is an ordinary string. */
void recording_text(struct recording *recording, struct device_key key,
		    enum record_kind kind, const char *name, const char *value);
