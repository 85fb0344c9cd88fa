/*
 * The whole xenblkd on the drop-in simulator: what the files of this folder
 * share.
 *
 * world.c makes the simulated host and starts programs in it; xenblkd.c holds
 * the daemon by its process, its socket and its log; guests.c holds frontends
 * (guest_main.c, a program of its own); disks.c is what is done to a disk; acts.c
 * carries out the records of a script; others.c starts daemons beside the one that
 * serves; after.c is how each play ends.  The harness
 * daemon calls the last two.
 * Nothing of the backend is linked in.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <xenstore.h>

#include "fuzz/daemon/kinds.h"
#include "fuzz/oracle/oracle.h"
#include "fuzz/script.h"

#define STAGE_PATH_BYTES 160u
#define STAGE_DISKS	 4u /* two each of the domains 5 and 6 */

/* How long to wait for what must come: on a busy machine nothing is quick. */
#define STAGE_START_MS	30000u
#define STAGE_ANSWER_MS 30000u
#define STAGE_END_MS	60000u /* of a daemon that was told to end */
#define STAGE_LEAVE_MS	90000u /* of the disks themselves */
#define STAGE_REST_MS	20000u /* of each kind of thing that they held */
#define STAGE_TOOL_MS	60000u

/* --- world.c --- */

/** world_need() - the simulated host; started at the first call. */
void world_need(void);
const char *world_scratch(void);
struct xs_handle *world_store(void);
uint64_t world_now_ms(void);
void world_pause(void); /* until something may have changed */

struct world_program {
	const char *const *argv; /* a name in bin of the build, or a path */
	int in_out;		 /* a descriptor for both; -1: none */
	int errors;		 /* -1: ours */
	/* "NAME=VALUE" in place of the host's, or a name that there is not then */
	const char *instead;
};
pid_t world_start(const struct world_program *program);
/** world_ready() - there is something to read, or an end, before a moment. */
bool world_ready(int fd, uint64_t end);
/** world_wait() - how it ended (128 and the signal); -1: not in time. */
int world_wait(pid_t pid, unsigned int ms);
/** world_run() - a tool to its end, with what it says; its exit status. */
int world_run(const char *const *argv, char *said, size_t room);
/** world_held() - pages, ports, handles of the backend's domain, in all. */
unsigned int world_held(void);
/** world_file() - a path below the scratch folder. */
void world_file(const char *name, char *path);
/** world_log() - a descriptor for what programs say beside their answers. */
int world_log(void);

/* --- xenblkd.c --- */

struct xenblkd_options {
	unsigned int queues, rescues;
	bool record;
};
void xenblkd_start(const struct xenblkd_options *options);
bool xenblkd_runs(void);
/** xenblkd_ask() - the answer to a line, in time; whoever asks drops it. */
json_t *xenblkd_ask(const char *line);
/** xenblkd_is_told() - any bytes; no answer is waited for. */
void xenblkd_is_told(const void *bytes, size_t length);
/** xenblkd_settles() - it lives and answers; returns the list of its disks. */
json_t *xenblkd_settles(void);
void xenblkd_signal(int signal);
/** xenblkd_kill() - at once; its workers go with it. */
void xenblkd_kill(void);
/** xenblkd_stop() - SIGTERM, and an orderly end in time. */
void xenblkd_stop(void);
unsigned int xenblkd_workers(void);
/** xenblkd_leaks() - how many descriptors it has more than at its start. */
unsigned int xenblkd_leaks(void);
/** xenblkd_judge_log() - nobody aborted, no sanitizer spoke. */
void xenblkd_judge_log(void);
/** stage_fail() - an oracle's sentence, with the end of the daemon's log. */
void stage_fail(enum oracle oracle, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* --- guests.c and guest_main.c --- */

enum guest_kind {
	GUEST_CONNECT, /* byte 1: the personality */
	GUEST_IO,      /* byte 1: the queue; 2: odd: only read; 4: the sector */
	GUEST_ODD,     /* a request of any fields */
	GUEST_CLOSE,
};
#define GUEST_TENTHS 12 /* byte of the record: how patient, in 0.1 s */

enum guest_answer {
	GUEST_OKAY = 'o',
	GUEST_ERROR = 'e',   /* the disk says so */
	GUEST_WRONG = 'w',   /* other bytes than were written */
	GUEST_LATE = 'l',    /* no answer in time */
	GUEST_REFUSED = 'r', /* no connection */
	GUEST_NONE = 'n',    /* there is no frontend that could */
	GUEST_GONE = 'g',    /* nor a process that could say so */
};

struct guest {
	pid_t pid; /* 0: none */
	int link;
};
void guest_start(struct guest *guest, uint32_t domid, uint32_t devid);
enum guest_answer guest_ask(struct guest *guest,
			    const struct script_record *record);
/** guest_kill() - as a domain that crashes. */
void guest_kill(struct guest *guest);

/* --- acts.c --- */

struct disk {
	uint32_t domid, devid;
	const char *name; /* "xvda" */
	char back[STAGE_PATH_BYTES], front[STAGE_PATH_BYTES];
	bool made;
	bool trusted; /* nothing was done that may keep it from being served */
	bool lasting; /* what it holds outlives a worker */
	bool holds;   /* what is read is what was written */
	struct guest guest;
};

struct stage {
	struct xenblkd_options options;
	struct disk disk[STAGE_DISKS];
	uint64_t asked, okay; /* of frontends */
};
extern struct stage stage;

void stage_begin(const struct script_record *device);
void stage_act(const struct script_record *record);
/** stage_look() - the daemon answers; what is new in that guides an engine. */
void stage_look(unsigned int kind);

/* --- others.c --- */

/** others_try() - words of which nothing comes: it ends, and as it shall. */
void others_try(uint8_t which);
/** others_background() - one of another directory, which is ended. */
void others_background(void);

/* --- disks.c --- */

/** stage_attach() - by the image's place in the table; 0: a file. */
void stage_attach(struct disk *disk, unsigned int image, bool readonly);
/** stage_detach() - as a toolstack does that soon has no patience any more. */
void stage_detach(struct disk *disk);
void stage_remove(struct disk *disk);
void stage_kill_domain(struct disk *disk);
void stage_write_garbage(struct disk *disk, uint8_t key, uint8_t value);
void stage_write_state(struct disk *disk, uint8_t state, bool back);
bool stage_read(const char *directory, const char *key, char *value,
		size_t room);
void stage_connect(struct disk *disk, uint8_t personality);
/** stage_ask() - one record; what must succeed and does not is a finding. */
enum guest_answer stage_ask(struct disk *disk,
			    const struct script_record *record);
/** stage_ask_guest() - the same, of the bytes from the third on. */
void stage_ask_guest(struct disk *disk, const struct script_record *record,
		     enum guest_kind kind);

/* --- after.c --- */
/** stage_end() - a good frontend is served, and then nothing is left. */
void stage_end(void);
