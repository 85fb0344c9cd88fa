/*
 * Workers that a script plays: each is a link and a process that need not
 * exist, which starts, answers, keeps silent, lies, dies early or late, and may
 * leave the lock of its region behind as the kernel does while it still works
 * for a dead one.  See life.h.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include "backend/supervisor/launch.h"
#include "fuzz/lifecycle/life.h"

/* No process has such a number: pid_max ends at 2^22. */
#define PID_FIRST (1 << 24)

int __wrap_pidfd_open(pid_t pid, unsigned int flags);
int __wrap_waitid(idtype_t type, id_t id, siginfo_t *info, int options);
pid_t __real_waitpid(pid_t pid, int *status, int options);
pid_t __wrap_waitpid(pid_t pid, int *status, int options);
int __real_kill(pid_t pid, int signal);
int __wrap_kill(pid_t pid, int signal);
int __real_link_send(int fd, const struct link_message *message, const int *fds,
		     unsigned int count);
int __wrap_link_send(int fd, const struct link_message *message, const int *fds,
		     unsigned int count);

static void let_go(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static void clear(struct life_worker *worker)
{
	memset(worker, 0, sizeof(*worker));
	worker->link = worker->pidfd = worker->lock = -1;
	worker->theirs = -1;
}

void workers_reset(void)
{
	for (unsigned int i = 0; i < LIFE_WORKERS; i++)
		clear(&life.worker[i]);
}

static struct life_worker *of_pid(pid_t pid)
{
	if (pid < PID_FIRST || pid >= PID_FIRST + (pid_t)LIFE_WORKERS)
		return NULL;
	return &life.worker[pid - PID_FIRST];
}

/*
 * The runtime of AFL++ is linked into the harness, and its fork server waits for
 * the processes that it made by the same calls.  The backend knows no such
 * process: launch_worker() gives it numbers from PID_FIRST on.
 */
static bool of_the_engine(pid_t pid)
{
	return pid > 0 && pid < PID_FIRST;
}

void workers_closed(int fd)
{
	for (unsigned int i = 0; i < LIFE_WORKERS; i++)
		if (life.worker[i].pidfd == fd)
			life.worker[i].pidfd = -1;
		else if (life.worker[i].theirs == fd)
			life.worker[i].theirs = -1;
}

/* The process is no more; the kernel may still work for it. */
static void end(struct life_worker *worker, bool holds)
{
	const uint64_t one = 1;

	worker->ended = true;
	let_go(&worker->link);
	if (!holds)
		let_go(&worker->lock);
	if (worker->pidfd >= 0 &&
	    write(worker->pidfd, &one, sizeof(one)) != sizeof(one))
		abort();
}

/* As it was told to, with nothing under way. */
static void end_in_order(struct life_worker *worker)
{
	worker->in_order = true;
	end(worker, false);
}

/* --- what the supervisor does with processes --- */

int launch_worker(const char *path, int link_fd, pid_t *pid)
{
	(void)path;
	if (life.refuse_launch > 0) {
		life.refuse_launch--;
		return -EAGAIN;
	}
	for (unsigned int i = 0; i < LIFE_WORKERS; i++) {
		struct life_worker *worker = &life.worker[i];

		if (worker->used)
			continue;
		let_go(&worker->lock);
		clear(worker);
		worker->used = true;
		worker->link = link_fd;
		*pid = PID_FIRST + (pid_t)i;
		life.launches++;
		return 0;
	}
	oracle_fail(ORACLE_RESOURCES,
		    "a worker is started while %u are there "
		    "for %u disks",
		    LIFE_WORKERS, LIFE_DISKS);
	return -EAGAIN;
}

int __wrap_pidfd_open(pid_t pid, unsigned int flags)
{
	struct life_worker *worker = of_pid(pid);

	(void)flags;
	if (worker == NULL)
		abort();
	if (life.refuse_pidfd > 0) {
		life.refuse_pidfd--;
		errno = EMFILE;
		return -1;
	}
	worker->pidfd = eventfd(worker->ended, EFD_CLOEXEC | EFD_NONBLOCK);
	return worker->pidfd;
}

int __wrap_waitid(idtype_t type, id_t id, siginfo_t *info, int options)
{
	const struct life_worker *worker = of_pid((pid_t)id);

	(void)type;
	(void)options;
	if (worker == NULL)
		abort();
	info->si_pid = worker->ended ? (pid_t)id : 0;
	return 0;
}

pid_t __wrap_waitpid(pid_t pid, int *status, int options)
{
	struct life_worker *worker = of_pid(pid);

	if (of_the_engine(pid))
		return __real_waitpid(pid, status, options);
	if (worker == NULL || !worker->used)
		abort();
	/* Whoever waits for one that runs waits for ever. */
	if (!worker->ended)
		oracle_fail(ORACLE_PROGRESS,
			    "the end of a worker that lives is waited for");
	if (status != NULL)
		*status = worker->in_order	? 0
			  : worker->status != 0 ? worker->status << 8
						: SIGSEGV;
	worker->used = false;
	if (worker->disk != NULL && worker->disk->worker == worker)
		worker->disk->worker = NULL;
	return pid;
}

int __wrap_kill(pid_t pid, int signal)
{
	struct life_worker *worker = of_pid(pid);

	if (of_the_engine(pid))
		return __real_kill(pid, signal);
	if (worker == NULL || signal != SIGKILL)
		abort();
	if (!worker->ended)
		end(worker, false);
	return 0;
}

/* --- what it says --- */

static void say(struct life_worker *worker, enum link_kind kind)
{
	struct link_message message;

	memset(&message, 0, sizeof(message)); /* the union and all, for MSan */
	message.kind = kind;
	if (kind == LINK_REFUSED || kind == LINK_BROKEN)
		message.refused.refusal = worker->refuses != 0
						  ? worker->refuses
						  : REFUSE_RING_OVERFLOW;
	if (worker->link < 0)
		return;
	if (kind == LINK_BROKEN)
		worker->talk.broken = true;
	/* Raw: it says what it likes, also what link_send() would not send.  The
	 * supervisor may have closed its end. */
	(void)send(worker->link, &message, sizeof(message), MSG_NOSIGNAL);
}

/* Of its own accord, about rings: the supervisor may have heard of it or not
 * when it speaks the next time. */
static void lie(struct life_worker *worker, enum link_kind kind)
{
	worker->talk.lied |= kind == LINK_ATTACHED || kind == LINK_REFUSED;
	say(worker, kind);
}

static void answer(struct life_worker *worker,
		   const struct link_message *message)
{
	switch (message->kind) {
	case LINK_DEVICE:
		say(worker, LINK_READY);
		break;
	case LINK_ATTACH:
		worker->talk.attached = worker->refuses == 0;
		say(worker,
		    worker->refuses != 0 ? LINK_REFUSED : LINK_ATTACHED);
		break;
	case LINK_DETACH:
		say(worker, LINK_DETACHED);
		break;
	default:
		break;
	}
}

/* The lock of its region is what is left of a worker that died. */
static void take_region(struct life_worker *worker, int *fds,
			unsigned int count)
{
	for (unsigned int i = 0; i < count; i++)
		if (i == 0 && worker->lock < 0)
			worker->lock = fds[i];
		else
			close(fds[i]);
}

static bool step(struct life_worker *worker)
{
	struct link_message message;
	int fds[LINK_MAX_FDS];
	unsigned int count;
	int n;

	if (worker->link < 0)
		return false;
	n = link_receive(worker->link, &message, fds, &count);
	if (n == -EAGAIN)
		return false;
	if (n == 1) {
		take_region(worker, fds, count);
		if (message.kind == LINK_STOP && !worker->lingers)
			end_in_order(worker);
		else if (!worker->silent)
			answer(worker, &message);
		else
			worker->owes = true;
		return true;
	}
	let_go(&worker->link);
	if (!worker->lingers && !worker->ended)
		end_in_order(worker);
	return true;
}

bool workers_step(void)
{
	bool done = false;

	for (unsigned int i = 0; i < LIFE_WORKERS; i++)
		done |= step(&life.worker[i]);
	return done;
}

/* The first message is DEVICE: from here on it is known whose it is. */
static void assign(int fd, const struct link_message *message)
{
	struct life_disk *disk =
		life_find(message->device.domid, message->device.devid);

	if (disk == NULL) {
		oracle_fail(ORACLE_TALK,
			    "a worker is told to serve disk %u of domain %u",
			    message->device.devid, message->device.domid);
		return;
	}
	for (unsigned int i = 0; i < LIFE_WORKERS; i++) {
		struct life_worker *worker = &life.worker[i];

		if (!worker->used || worker->disk != NULL)
			continue;
		worker->disk = disk;
		worker->theirs = fd;
		worker->sectors = message->device.sectors;
		disk->worker = worker;
		reads_begin(&disk->reads, disk->reads.connected);
	}
}

/* What the supervisor says to it is judged when it is said. */
int __wrap_link_send(int fd, const struct link_message *message, const int *fds,
		     unsigned int count)
{
	const struct reading_offer offer = {life.conf.max_queues,
					    life.conf.max_ring_order};

	if (life.refuse_message > 0) {
		life.refuse_message--;
		return -ENOBUFS;
	}
	if (message->kind == LINK_DEVICE)
		assign(fd, message);
	for (unsigned int i = 0; i < LIFE_WORKERS; i++) {
		struct life_worker *worker = &life.worker[i];
		struct life_disk *disk = worker->disk;
		struct talk_world world;

		if (!worker->used || disk == NULL || worker->theirs != fd)
			continue;
		world = (struct talk_world){
			.domid = disk->domid,
			.devid = disk->devid,
			.readonly = disk->readonly,
			.known = disk->known,
			.iops = disk->known && !life.spoilt ? disk->iops : 0,
			.front = disk->reads.state,
			.alone = disk->alone,
			.served = disk->was_served ? &disk->served : NULL};
		talk_said(&worker->talk, &world, message);
		if (message->kind != LINK_ATTACH)
			continue;
		reading_attached(&disk->reading, &offer, &message->attach);
		if (message->attach.resume == 0)
			disk->served = message->attach;
		disk->was_served = true;
	}
	return __real_link_send(fd, message, fds, count);
}

/* --- what a script has it do --- */

/* So many of the next ones cannot be started, be watched, or be told things. */
static void refuse(uint8_t how)
{
	unsigned int *which = &life.refuse_launch;

	if (how >= SCRIPT_ODD)
		which = &life.refuse_pidfd;
	else if (how >= 0xc0)
		which = &life.refuse_message;
	*which = how % 4;
}

void worker_does(struct life_disk *disk, uint8_t what, uint8_t how)
{
	struct life_worker *worker = disk->worker;

	if (what % 12 == 0)
		refuse(how);
	if (worker == NULL || worker->ended)
		return;
	switch (what % 12) {
	case 1: /* dies; the kernel may still work for it */
	case 2:
		worker->status = how < SCRIPT_ODD ? 0 : how < 0xf0 ? 127 : 1;
		end(worker, what % 12 == 2);
		break;
	case 3:
		let_go(&worker->link); /* a process that hung up */
		break;
	case 4:
		worker->silent = true;
		break;
	case 5:
		worker->silent = false;
		break;
	case 6:
		worker->refuses = how % REFUSAL_COUNT;
		/* Others are no reason to refuse, and cannot be sent. */
		if (!refusal_is_fatal((enum refusal)worker->refuses))
			worker->refuses = REFUSE_RING_OVERFLOW;
		break;
	case 7:
		worker->refuses = 0;
		break;
	case 8:
		worker->lingers = true;
		break;
	case 9:
		say(worker, LINK_BROKEN);
		break;
	default: /* the answer to a question of its own */
		lie(worker, (enum link_kind)(how % LINK_KIND_COUNT));
		break;
	}
}

void workers_behave(void)
{
	life.refuse_launch = life.refuse_pidfd = life.refuse_message = 0;
	for (unsigned int i = 0; i < LIFE_WORKERS; i++) {
		struct life_worker *worker = &life.worker[i];

		worker->silent = worker->lingers = false;
		worker->refuses = 0;
		if (worker->ended || !worker->used)
			let_go(&worker->lock);
		else if (worker->link < 0 || worker->owes)
			end(worker, false); /* it will never answer */
	}
}
