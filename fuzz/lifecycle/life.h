/*
 * The supervisor in process, and everybody around it: what the files of this
 * folder share.
 *
 * seam.c stands between the supervisor and xenstore, its log and its timers,
 * tables.c between it and the files of its tables, images.c between it and its
 * images; beside.c is what there is beside disks; workers.c plays its workers,
 * processes.c what it takes for their processes; keys.c is what a frontend
 * writes, toolstack.c what a toolstack does; acts.c carries out the records of a
 * script; stage.c begins and ends a play.  The harnesses lifecycle and handshake
 * stand on it, with records of their own each.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <xenstore.h>

#include "backend/base/link.h"
#include "backend/supervisor/conf.h"
#include "fuzz/oracle/oracle.h"
#include "fuzz/oracle/supervisor.h"
#include "fuzz/script.h"

struct device;
struct host;

#define LIFE_DISKS	  2u /* each of a domain of its own: 5 and 6 */
#define LIFE_WORKERS	  4u
#define LIFE_TIMERS	  8u
#define LIFE_BATCH	  16u
#define LIFE_PLANS	  8u
#define LIFE_VALUE_BYTES  300u
#define LIFE_PATH_BYTES	  96u
#define LIFE_PARAMS_BYTES 1100u /* more than params may have */

/*
 * What a record does; byte 0 names it, byte 1 is the disk.  Unless byte 15 is
 * SCRIPT_ODD or more everybody acts until nobody has anything to do, so that
 * most scripts are a sequence of causes with their effects.
 */
enum life_kind {
	LIFE_FRONT_STATE, /* the frontend writes its state */
	LIFE_KEYS,	  /* ... a complete set of keys */
	LIFE_KEY,	  /* ... one key, of any value */
	LIFE_FRONT_GONE,  /* its directory is removed */
	LIFE_CREATE,	  /* the toolstack makes a disk */
	LIFE_REMOVE,	  /* ... removes its directory */
	LIFE_BACK_STATE,  /* ... writes the backend's state */
	LIFE_ONLINE,	  /* ... says whether it shall stay */
	LIFE_BACK_KEY,	  /* ... one key, of any value */
	LIFE_RUN,	  /* the supervisor alone takes some steps */
	LIFE_WORKER,	  /* a worker answers, keeps silent, lies, dies */
	LIFE_CLOCK,	  /* time passes, timers fire */
	LIFE_AGAIN,	  /* the next transactions are disturbed */
	LIFE_FAIL,	  /* the k-th xs call from now on fails */
	LIFE_BETWEEN,	  /* the next record happens before the k-th call */
	LIFE_FLOOD,	  /* many nodes are written, all of them watched */
	LIFE_DOMAIN,	  /* the domain dies, or begins */
	LIFE_DAEMON,	  /* the daemon is started anew */
	LIFE_CHANGE,	  /* somebody commands another size, another medium */
	LIFE_BESIDE, /* what concerns no disk, or its machinery: beside.c */
	LIFE_KIND_COUNT,
};

/* Fields of the device record: what the daemon was told. */
enum {
	LIFE_QUEUES = 1,
	LIFE_ORDER = 2,
	LIFE_RESCUES = 3,
	LIFE_TABLES = 4, /* whether they outlive the daemon */
};

/* One worker of a disk, as a process that need not exist. */
struct life_worker {
	struct life_disk *disk; /* NULL until its DEVICE came */
	int link;		/* its end; -1: it hung up or was never there */
	int theirs;		/* the supervisor's end */
	int pidfd;		/* what the supervisor polls; -1: it does not */
	bool used;		/* its end was not yet waited for */
	bool ended;
	bool in_order;	  /* with exit status 0 */
	int status;	  /* how else; 0: by a signal */
	uint64_t sectors; /* of its DEVICE */
	bool silent;	  /* answers nothing */
	bool owes;	  /* was asked while it was silent, and forgot it */
	bool lingers;	  /* told to stop, it does not end by itself */
	uint32_t refuses; /* what ATTACH is answered with; 0: ATTACHED */
	int lock;	  /* the region, which a dead one may still hold */
	struct talk talk;
};

struct life_disk {
	uint32_t domid, devid;
	char back[LIFE_PATH_BYTES], front[LIFE_PATH_BYTES];
	bool touched;	      /* by anything of the script */
	bool made;	      /* the toolstack's directory is there */
	bool online;	      /* what it said last of that */
	bool unplugged;	      /* it asked for the end, and nothing else since */
	bool readonly, known; /* the mode that it wrote, if it is one */
	uint32_t iops;	      /* ... and the limit; 0: none */
	bool alone;	      /* since then only the frontend had a wish */
	struct turnabout turn; /* the backend's state node */
	struct reads reads;
	struct reading reading;	    /* what its connection was made of */
	struct life_worker *worker; /* the last one; NULL */
	struct link_attach served;  /* what one was told to attach last */
	bool was_served;
	int table; /* the file that outlives a daemon; -1: none */
};

struct life_write {
	char path[LIFE_PATH_BYTES];
	char value[40];
};

/* Before which of the supervisor's calls a plan is carried out. */
enum life_calls {
	LIFE_ALL_CALLS,
	LIFE_KEY_LOOKS, /* at a frontend's keys */
	LIFE_WATCHES,	/* where one is registered */
};

/* Something that happens before one of the supervisor's next calls. */
struct life_plan {
	/* the how many-th from now on; 0: nothing is planned */
	unsigned int at;
	enum life_calls calls;
	struct script_record record;
};

struct life {
	struct conf conf;
	struct host *host;
	struct xs_handle *toolstack;
	struct life_disk disk[LIFE_DISKS];
	struct life_worker worker[LIFE_WORKERS];
	unsigned int launches;
	unsigned int refuse_launch;  /* so many of the next cannot be started */
	unsigned int refuse_pidfd;   /* ... or not be watched */
	unsigned int refuse_message; /* ... or not be told anything */
	/* the transaction of the supervisor that is under way */
	unsigned int batched;
	struct life_write batch[LIFE_BATCH];
	/* what is planned */
	unsigned int again;
	unsigned int fail_at;
	int fail_error;
	unsigned int rare_at; /* the same, of calls that are seldom made */
	unsigned int no_timers, no_tables;   /* so many cannot be had */
	unsigned int no_writes, good_writes; /* so many fail, after so many */
	unsigned int no_memory; /* the how many-th call for it fails; 0: none */
	bool rival;		/* another backend has taken all disks */
	bool pv;		/* the daemon's domain is a PV one */
	bool stopping;		/* it was told to end */
	bool crowded;		/* a crowd came and went */
	bool unwritten;		/* a table could not be written */
	struct life_plan plan[LIFE_PLANS];
	/* what a planned record does */
	void (*touch)(const struct script_record *record);
	bool spoilt; /* a failure was planned: what was lost is lost */
	bool denied; /* ... and it is to say that there is no such node */
	int image;   /* the file in memory behind images.c's */
	/* timers, by the supervisor's descriptor */
	unsigned int timers;
	int timer[LIFE_TIMERS];
	/* counts: of this record, of the play */
	unsigned int writes, looks, lines;
	uint64_t calls, offered, tried, connected;
	uint64_t hash;
};

extern struct life life;

/* seam.c */
void life_put(const char *path, const char *value, size_t length);
bool life_get(const char *path, char *value, size_t room);
void life_take(const char *path);
struct life_disk *life_find(uint32_t domid, uint32_t devid);
void life_fire_timers(void);
/** life_plan() - a record for later; the first plan goes if there are many. */
void life_plan(unsigned int at, enum life_calls calls,
	       const struct script_record *record);
bool life_has_plans(void);
/** life_forget_plans() - nothing disturbs the supervisor any more. */
void life_forget_plans(void);

#define LIFE_TABLES_HOME "/life"

/* images.c */
/** life_image() - the params of an image that is not there in fact. */
const char *life_image(uint8_t which);
void images_begin(void);
void images_end(void);
/** images_open() - whether a path is one of ours; a descriptor, or -1. */
bool images_open(const char *path, int flags, int *fd);

/* beside.c */
void life_beside(const struct script_record *record);
/** life_beside_end() - nothing is short any more, no other nodes are there. */
void life_beside_end(void);

/* tables.c */
/** tables_reset() - no disk has one; @begin: forget what is not a file. */
void tables_reset(bool begin);

/* processes.c */
void workers_reset(void);
/** workers_closed() - the supervisor closed this descriptor. */
void workers_closed(int fd);
/** worker_end() - it is no more; @holds: the kernel still works for it. */
void worker_end(struct life_worker *worker, bool holds);
/** worker_ends_in_order() - as it was told to, with nothing under way. */
void worker_ends_in_order(struct life_worker *worker);
/** life_let_go() - of a descriptor, if there is one. */
void life_let_go(int *fd);

/* workers.c */
/** workers_step() - each takes one message; whether any did. */
bool workers_step(void);
/** worker_does() - one thing of its own accord; numbers of any size. */
void worker_does(struct life_disk *disk, uint8_t what, uint8_t how);
/** workers_behave() - from here on all answer, and leave nothing behind. */
void workers_behave(void);

/* keys.c: what a frontend writes into its directory */
enum life_naming {
	LIFE_NAMED_BY_ORDER, /* ring-page-order if there are several pages */
	LIFE_NAMED_BY_PAGES, /* num-ring-pages */
	LIFE_NAMED_BY_BOTH,
	LIFE_NAMED_ALWAYS, /* ring-page-order also for a single page */
	LIFE_NAMED_AS_BSD, /* ... which is called ring-ref all the same */
	LIFE_NAMINGS,
};
struct life_scheme {
	unsigned int queues, order;
	const char *protocol; /* NULL: not written */
	const char *persistent;
	enum life_naming naming;
	uint32_t gref, port; /* the first ones */
};
void life_write_scheme(const struct life_disk *disk,
		       const struct life_scheme *scheme);
/** life_put_at() - one node of a directory, as text or as a number. */
void life_put_at(const char *directory, const char *key, const char *value);
void life_put_number(const char *directory, const char *key, uint64_t value);
/** life_clear_keys() - all nodes of its directory but the state. */
void life_clear_keys(const struct life_disk *disk);
/** life_keys() - a set of keys as Linux writes it. */
void life_keys(const struct life_disk *disk, unsigned int queues,
	       unsigned int order, unsigned int abi);

/* toolstack.c */
void life_create(struct life_disk *disk, const char *params, bool readonly);
void life_remove(struct life_disk *disk);
/** life_toolstack() - a record of its kinds; others do nothing. */
void life_toolstack(struct life_disk *disk, const struct script_record *record);

/* acts.c */
/** life_device() - what the daemon holds of a disk; NULL: nothing. */
struct device *life_device(const struct life_disk *disk);
/** life_state() - the text of a state, one of all sorts. */
const char *life_state(uint8_t which);
void life_act(const struct script_record *record);
/** life_touch() - the same for what only concerns a disk; safe at any time. */
void life_touch(const struct script_record *record);
/** life_settle() - until nobody has anything to do. */
void life_settle(void);
/** life_everybody() - the same, whatever it costs; how many rounds it took. */
unsigned int life_everybody(void);
/** life_restart() - another daemon; the workers of the one before end. */
void life_restart(void);
/** life_plan_failure() - this call from now on fails, with an error so chosen. */
void life_plan_failure(unsigned int at, uint8_t error);
/** life_plan_rare_failure() - the same of calls that are seldom made: to begin a
 * transaction, to give up a watch, to look for an event. */
void life_plan_rare_failure(unsigned int at, uint8_t error);

/* stage.c: the pieces of which a play is made */
struct life_limits {
	unsigned int queues, order, rescues;
	bool tables; /* that outlive the daemon */
};
void life_begin(const struct life_limits *limits);
/** life_rest() - settle, until the timers that are armed have fired, too. */
void life_rest(void);
/** life_expect() - the backend's state; what is the beginning of a sentence. */
void life_expect(const struct life_disk *disk, const char *what,
		 const char *wanted);
void life_front_says(const struct life_disk *disk, const char *state);
/** life_expect_known() - whatever is there is held by the daemon, at rest, and
 * shows what the daemon made of it. */
void life_expect_known(void);
/** life_remove_all() - every directory is removed, and nothing may stay. */
void life_remove_all(void);
void life_finish(void);

/** life_play() - one script from the beginning to the end of all disks. */
struct life_result {
	uint64_t hash;
	uint64_t offered, connected; /* by the script, without the end */
};
void life_play(const uint8_t *data, size_t bytes, struct life_result *result);
