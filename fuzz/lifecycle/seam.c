/*
 * What stands between the supervisor and xenstore, its log, its timers: linked
 * in by --wrap, so that each call can fail, come late, or find that another
 * one's write came first, and so that the oracles see all of them.  Calls by
 * the toolstack's handle pass.  See life.h.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "backend/base/checked.h"
#include "backend/base/log.h"
#include "fuzz/lifecycle/life.h"

void *__real_xs_read(struct xs_handle *h, xs_transaction_t t, const char *path,
		     unsigned int *length);
void *__wrap_xs_read(struct xs_handle *h, xs_transaction_t t, const char *path,
		     unsigned int *length);
bool __real_xs_write(struct xs_handle *h, xs_transaction_t t, const char *path,
		     const void *data, unsigned int length);
bool __wrap_xs_write(struct xs_handle *h, xs_transaction_t t, const char *path,
		     const void *data, unsigned int length);
bool __real_xs_rm(struct xs_handle *h, xs_transaction_t t, const char *path);
bool __wrap_xs_rm(struct xs_handle *h, xs_transaction_t t, const char *path);
char **__real_xs_directory(struct xs_handle *h, xs_transaction_t t,
			   const char *path, unsigned int *count);
char **__wrap_xs_directory(struct xs_handle *h, xs_transaction_t t,
			   const char *path, unsigned int *count);
bool __real_xs_watch(struct xs_handle *h, const char *path, const char *token);
bool __wrap_xs_watch(struct xs_handle *h, const char *path, const char *token);
bool __real_xs_transaction_end(struct xs_handle *h, xs_transaction_t t,
			       bool abandon);
bool __wrap_xs_transaction_end(struct xs_handle *h, xs_transaction_t t,
			       bool abandon);
xs_transaction_t __real_xs_transaction_start(struct xs_handle *h);
xs_transaction_t __wrap_xs_transaction_start(struct xs_handle *h);
bool __real_xs_unwatch(struct xs_handle *h, const char *path,
		       const char *token);
bool __wrap_xs_unwatch(struct xs_handle *h, const char *path,
		       const char *token);
char **__real_xs_check_watch(struct xs_handle *h);
char **__wrap_xs_check_watch(struct xs_handle *h);
int __real_close(int fd);
int __wrap_close(int fd);
int __wrap_timerfd_create(int clock, int flags);
int __wrap_timerfd_settime(int fd, int flags, const struct itimerspec *when,
			   struct itimerspec *old);
void __wrap_log_line(enum log_level level, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* --- the toolstack's and the guests' own way in --- */

void life_put(const char *path, const char *value, size_t length)
{
	/* A path that does not lie in the tree costs the write: fine. */
	(void)__real_xs_write(life.toolstack, XBT_NULL, path, value,
			      (unsigned int)length);
}

bool life_get(const char *path, char *value, size_t room)
{
	unsigned int length = 0;
	char *text = __real_xs_read(life.toolstack, XBT_NULL, path, &length);

	if (text == NULL)
		return false;
	snprintf(value, room, "%s", text);
	free(text);
	return true;
}

void life_take(const char *path)
{
	(void)__real_xs_rm(life.toolstack, XBT_NULL, path);
}

struct life_disk *life_find(uint32_t domid, uint32_t devid)
{
	for (unsigned int i = 0; i < LIFE_DISKS; i++)
		if (life.disk[i].domid == domid && life.disk[i].devid == devid)
			return &life.disk[i];
	return NULL;
}

/* --- what is planned for the supervisor's calls --- */

static bool due(unsigned int *count)
{
	return *count > 0 && --*count == 0;
}

void life_plan(unsigned int at, enum life_calls calls,
	       const struct script_record *record)
{
	struct life_plan *plan = &life.plan[0];

	for (unsigned int i = LIFE_PLANS; i-- > 0;)
		if (life.plan[i].at == 0)
			plan = &life.plan[i];
	*plan = (struct life_plan){.at = at, .calls = calls, .record = *record};
}

bool life_has_plans(void)
{
	for (unsigned int i = 0; i < LIFE_PLANS; i++)
		if (life.plan[i].at > 0)
			return true;
	return false;
}

void life_forget_plans(void)
{
	memset(life.plan, 0, sizeof(life.plan));
	life.fail_at = life.rare_at = life.again = 0;
	life.no_timers = life.no_tables = life.no_memory = life.no_writes = 0;
}

static void act_as_planned(enum life_calls call)
{
	for (unsigned int i = 0; i < LIFE_PLANS; i++) {
		const struct script_record record = life.plan[i].record;

		if ((life.plan[i].calls == LIFE_ALL_CALLS ||
		     life.plan[i].calls == call) &&
		    due(&life.plan[i].at))
			life.touch(&record);
	}
}

static struct life_disk *owner(const char *path, bool front, const char **rest);

static bool names_key(const char *path)
{
	const char *rest;

	return path != NULL && owner(path, true, &rest) != NULL &&
	       strcmp(strrchr(path, '/'), "/state") != 0;
}

/* A disk whose node is said not to be there is let go, and found again with the
 * state that it had: its frontend is read anew then. */
static bool fail(void)
{
	for (unsigned int i = 0; i < LIFE_DISKS; i++) {
		states_unknown(&life.disk[i].turn);
		if (life.fail_error == ENOENT)
			reads_begin(&life.disk[i].reads, false);
	}
	errno = life.fail_error;
	return true;
}

/* Before each call: others may act first, or the call fails. */
static bool call_fails(const struct xs_handle *h, const char *path,
		       enum life_calls call)
{
	if (h == life.toolstack)
		return false;
	life.calls++;
	act_as_planned(names_key(path) ? LIFE_KEY_LOOKS : call);
	return due(&life.fail_at) && fail();
}

static bool fails(const struct xs_handle *h, const char *path)
{
	return call_fails(h, path, LIFE_ALL_CALLS);
}

/* Calls with a count of their own, or all others would come later by them. */
static bool rare_fails(const struct xs_handle *h)
{
	return h != life.toolstack && due(&life.rare_at) && fail();
}

static struct life_disk *owner(const char *path, bool front, const char **rest)
{
	char home[32];

	for (unsigned int i = 0; i < LIFE_DISKS; i++) {
		struct life_disk *disk = &life.disk[i];
		size_t length;

		snprintf(home, sizeof(home), "/local/domain/%u", disk->domid);
		length = strlen(front ? home : disk->back);
		if (strncmp(path, front ? home : disk->back, length) != 0 ||
		    path[length] != '/')
			continue;
		*rest = path + length + 1;
		return disk;
	}
	return NULL;
}

/* A disk whose keys were read, and that is not attached, was refused for them. */
static void refused(struct life_disk *disk)
{
	const struct reading_offer offer = {life.conf.max_queues,
					    life.conf.max_ring_order};
	char path[LIFE_PATH_BYTES + 32], sentence[512] = "";

	/* Without a worker there is nobody to attach anything; right rings may
	 * not be those that the table of the daemon before is of; and without a
	 * table nobody is served. */
	if (disk->turn.last == 5 && reading_is_open(&disk->reading) &&
	    !life.unwritten && life.conf.tables[0] == '\0' &&
	    disk->worker != NULL && !disk->worker->ended &&
	    disk->worker->link >= 0) {
		snprintf(path, sizeof(path),
			 "/local/domain/0/error/backend/vbd/%u/%u/error",
			 disk->domid, disk->devid);
		(void)life_get(path, sentence, sizeof(sentence));
		reading_refused(&disk->reading, &offer,
				life.spoilt ? NULL : sentence);
		life.tried++;
	}
	reading_close(&disk->reading);
}

/* A guest may be told of no other size than its worker keeps to. */
static void resized(struct life_disk *disk, const char *value)
{
	const unsigned long long sectors = strtoull(value, NULL, 10);

	states_resized(&disk->turn);
	if (disk->worker != NULL && sectors != disk->worker->sectors)
		oracle_fail(ORACLE_NODES,
			    "sectors is %llu, and the worker was told %llu",
			    sectors, (unsigned long long)disk->worker->sectors);
}

/* A write that stands in the store now. */
static void landed(const char *path, const char *value)
{
	const char *key;
	struct life_disk *disk = owner(path, false, &key);
	const unsigned int before = disk == NULL ? 0 : disk->turn.last;

	life.writes++;
	if (disk != NULL && strcmp(key, "sectors") == 0)
		resized(disk, value);
	if (disk == NULL || strcmp(key, "state") != 0)
		return;
	states_backend(&disk->turn, value);
	node_sets_check(life.toolstack, disk->back, disk->turn.last);
	reads_begin(&disk->reads, disk->turn.last == 4);
	life.offered += disk->turn.last == 2;
	/* Written anew it only tells of another size. */
	life.connected += disk->turn.last == 4 && before != 4;
	life.tried += disk->turn.last == 4;
	if (disk->turn.last == 4)
		talk_connected(disk->worker == NULL ? NULL
						    : &disk->worker->talk);
	else
		refused(disk);
}

/* A write that was made, and does not stand there. */
static void lost(const char *path, const char *value)
{
	const char *key;
	struct life_disk *disk = owner(path, false, &key);

	if (disk != NULL && strcmp(key, "state") == 0)
		states_lost(&disk->turn, value);
}

static void batch(const char *path, const char *value)
{
	struct life_write *write = &life.batch[life.batched];

	if (life.batched == LIFE_BATCH) {
		budget_check(UINT32_MAX, 0, 0);
		return;
	}
	snprintf(write->path, sizeof(write->path), "%s", path);
	snprintf(write->value, sizeof(write->value), "%s", value);
	life.batched++;
}

void *__wrap_xs_read(struct xs_handle *h, xs_transaction_t t, const char *path,
		     unsigned int *length)
{
	struct life_disk *disk;
	const char *rest = "";
	char *value;
	int error;

	if (fails(h, path)) {
		error = errno;
		disk = owner(path, true, &rest);
		if (disk != NULL)
			reading_note(&disk->reading, rest, NULL, 0, error);
		errno = error;
		return NULL;
	}
	value = __real_xs_read(h, t, path, length);
	error = errno;
	disk = h == life.toolstack ? NULL : owner(path, true, &rest);
	life.looks += disk != NULL && strstr(rest, "state") != NULL;
	if (disk != NULL) {
		reads_note(&disk->reads, rest, value);
		reading_note(&disk->reading, rest, value,
			     value == NULL ? 0 : *length, error);
	}
	errno = error;
	return value;
}

bool __wrap_xs_write(struct xs_handle *h, xs_transaction_t t, const char *path,
		     const void *data, unsigned int length)
{
	if (fails(h, path) || !__real_xs_write(h, t, path, data, length))
		return false;
	if (h != life.toolstack && t != XBT_NULL)
		batch(path, data);
	else if (h != life.toolstack)
		landed(path, data);
	return true;
}

bool __wrap_xs_rm(struct xs_handle *h, xs_transaction_t t, const char *path)
{
	return !fails(h, path) && __real_xs_rm(h, t, path);
}

char **__wrap_xs_directory(struct xs_handle *h, xs_transaction_t t,
			   const char *path, unsigned int *count)
{
	return fails(h, path) ? NULL : __real_xs_directory(h, t, path, count);
}

bool __wrap_xs_watch(struct xs_handle *h, const char *path, const char *token)
{
	return !call_fails(h, path, LIFE_WATCHES) &&
	       __real_xs_watch(h, path, token);
}

bool __wrap_xs_transaction_end(struct xs_handle *h, xs_transaction_t t,
			       bool abandon)
{
	const unsigned int batched = life.batched;
	bool disturbed = life.again > 0 && !abandon;
	bool failed = fails(h, NULL);
	int error = errno;

	life.batched = 0;
	if (disturbed)
		life.again--;
	for (unsigned int i = 0; i < batched && disturbed; i++)
		lost(life.batch[i].path, life.batch[i].value);
	if (!__real_xs_transaction_end(h, t, abandon || disturbed || failed))
		return false;
	for (unsigned int i = 0;
	     i < batched && !abandon && !disturbed && !failed; i++)
		landed(life.batch[i].path, life.batch[i].value);
	errno = failed ? error : EAGAIN;
	return !disturbed && !failed;
}

xs_transaction_t __wrap_xs_transaction_start(struct xs_handle *h)
{
	return rare_fails(h) ? XBT_NULL : __real_xs_transaction_start(h);
}

bool __wrap_xs_unwatch(struct xs_handle *h, const char *path, const char *token)
{
	return !rare_fails(h) && __real_xs_unwatch(h, path, token);
}

char **__wrap_xs_check_watch(struct xs_handle *h)
{
	return rare_fails(h) ? NULL : __real_xs_check_watch(h);
}

/* --- timers: they fire when a script says so --- */

int __wrap_timerfd_create(int clock, int flags)
{
	(void)clock;
	(void)flags;
	if (life.no_timers > 0) {
		life.no_timers--;
		errno = EMFILE;
		return -1;
	}
	return eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
}

int __wrap_timerfd_settime(int fd, int flags, const struct itimerspec *when,
			   struct itimerspec *old)
{
	(void)flags;
	(void)when;
	(void)old;
	if (life.timers < LIFE_TIMERS)
		life.timer[life.timers++] = fd;
	return 0;
}

void life_fire_timers(void)
{
	const uint64_t one = 1;

	for (unsigned int i = 0; i < life.timers; i++)
		if (write(life.timer[i], &one, sizeof(one)) != sizeof(one))
			abort();
	life.timers = 0;
}

int __wrap_close(int fd)
{
	for (unsigned int i = 0; i < life.timers; i++)
		if (life.timer[i] == fd)
			life.timer[i--] = life.timer[--life.timers];
	workers_closed(fd);
	return __real_close(fd);
}

void __wrap_log_line(enum log_level level, const char *format, ...)
{
	va_list arguments;

	/* What is not printed by default costs nothing. */
	if (level <= LOG_INFO)
		life.lines++;
	if (getenv("XENBLK_FUZZ_LOG") == NULL)
		return;
	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	fputc('\n', stderr);
}
