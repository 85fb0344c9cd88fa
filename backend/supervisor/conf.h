/*
 * The daemon's settings: what the command line and the configuration file say.
 *
 * Both use the same names.  Filled by main.c before anything else starts, read
 * only from then on.  No global: everybody gets a const pointer.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CONF_PATH_BYTES	     256u
#define CONF_DIRECTORY_BYTES 32u
#define CONF_SOCKET_BYTES    108u /* sockaddr_un */
#define CONF_ALLOW_MAX	     16u
#define CONF_ERROR_BYTES     512u

enum conf_direct {
	CONF_DIRECT_AUTO, /* O_DIRECT where a 512-byte aligned read works */
	CONF_DIRECT_ON,	  /* an image without it is refused */
	CONF_DIRECT_OFF,
};

enum conf_staging {
	CONF_STAGING_AUTO, /* direct I/O of a PV dom0: see worker/io.c */
	CONF_STAGING_ON,   /* whatever the image is */
	CONF_STAGING_OFF,
};

/* Of a disk, all its queues together. */
struct conf_limits {
	uint32_t iops;	    /* requests per second; 0: any number */
	uint32_t burst_ms;  /* so much of an unused rate is saved up */
	uint64_t bandwidth; /* bytes per second; 0: any number */
};

struct conf {
	char directory[CONF_DIRECTORY_BYTES]; /* below backend/: "vbd" */
	char worker[CONF_PATH_BYTES];	      /* the xenblk-worker program */
	char control[CONF_SOCKET_BYTES];      /* "" for none */
	char tables[CONF_SOCKET_BYTES]; /* where tables of requests under way
					   outlive the daemon: the directory of
					   the socket; "": nowhere */
	char root
		[CONF_PATH_BYTES]; /* before /sys and /proc: only tests set it */
	uint32_t persistent_grants; /* per queue; 0: none is kept */
	uint32_t max_queues;
	uint32_t max_ring_order;
	uint32_t max_indirect; /* segments of one request; 0: not offered */
	uint32_t poll_us;
	uint32_t max_rescues;	   /* of one disk, per minute */
	struct conf_limits limits; /* of each disk, until others are set */
	bool barrier;		   /* write barriers are offered */
	bool discard; /* offered where the store and the toolstack allow it */
	bool sandbox;
	bool foreground;
	enum conf_direct direct;
	enum conf_staging staging;
	int log_level;			     /* enum log_level */
	char metrics[CONF_SOCKET_BYTES + 8]; /* endpoint.h; "" for none */
	char record[CONF_PATH_BYTES];	     /* the recording; "" for none */
	uint64_t record_bytes;		     /* its bound */
	unsigned int allow_count;
	char allow[CONF_ALLOW_MAX][CONF_PATH_BYTES]; /* images lie below one */
};

/** conf_init() - the defaults; the worker is looked for beside this program. */
void conf_init(struct conf *conf);

/**
 * conf_set() - one setting by its name, as on the command line and in the file.
 * @error: room for CONF_ERROR_BYTES; a sentence on failure
 *
 * Return: 0, -ENOENT for an unknown name, -EINVAL for a value that cannot be.
 */
int conf_set(struct conf *conf, const char *name, const char *value,
	     char *error);

/** conf_limits_wrong() - what is wrong with limits, a sentence; or NULL. */
const char *conf_limits_wrong(const struct conf_limits *limits);

/**
 * conf_load() - every "name = value" line of a file; # begins a comment.
 *
 * Return: 0, or -errno with a sentence that names the file and the line.
 */
int conf_load(struct conf *conf, const char *path, char *error);
