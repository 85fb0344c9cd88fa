/*
 * Workers that a script plays, at their end of the link: each answers, keeps
 * silent, lies, hangs up, dies early or late.  What the supervisor says to them
 * is judged here.  See life.h; their processes are in processes.c.
 */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fuzz/lifecycle/life.h"

int __real_link_send(int fd, const struct link_message *message, const int *fds,
		     unsigned int count);
int __wrap_link_send(int fd, const struct link_message *message, const int *fds,
		     unsigned int count);

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
			worker_ends_in_order(worker);
		else if (!worker->silent)
			answer(worker, &message);
		else
			worker->owes = true;
		return true;
	}
	life_let_go(&worker->link);
	if (!worker->lingers && !worker->ended)
		worker_ends_in_order(worker);
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
		worker_end(worker, what % 12 == 2);
		break;
	case 3:
		life_let_go(&worker->link); /* a process that hung up */
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
			life_let_go(&worker->lock);
		else if (worker->link < 0 || worker->owes)
			worker_end(worker, false); /* it will never answer */
	}
}
