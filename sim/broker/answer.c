/*
 * What the broker answers to which question (broker.h).  A process may ask for
 * the descriptors of others: all of them run as the same user, and a worker
 * that is to be confined is confined by its filter, not by the simulator.
 */
#include "sim/broker/broker.h"

#include <fcntl.h>
#include <sys/eventfd.h>
#include <unistd.h>

int broker_memory(struct broker *broker, uint32_t domid)
{
	int fd;

	if (domid >= WORLD_DOMAINS)
		return -EINVAL;
	if (broker->memory[domid])
		return 0;
	fd = shared_memory_create(domid);
	if (fd < 0)
		return fd;
	broker->memory[domid] = shared_memory_map(fd);
	if (!broker->memory[domid]) {
		close(fd);
		return -ENOMEM;
	}
	broker->memory_fd[domid] = fd;
	return 0;
}

/* The eventfd of a handle number stays the same whoever has the handle. */
static int fresh_waker(struct broker *broker, uint32_t handle)
{
	uint64_t left;
	int fd = broker->waker[handle];

	if (fd < 0) {
		fd = eventfd(0, EFD_CLOEXEC | EFD_SEMAPHORE);
		if (fd < 0)
			return -errno;
		broker->waker[handle] = fd;
		return 0;
	}
	fcntl(fd, F_SETFL, O_NONBLOCK);
	while (read(fd, &left, sizeof(left)) == sizeof(left))
		;
	fcntl(fd, F_SETFL, 0);
	return 0;
}

int broker_open_handle(struct broker *broker, uint32_t domid, uint32_t owner,
		       uint32_t *handle)
{
	int error = world_handle_open(broker->world, domid, owner, handle);

	if (error)
		return error;
	error = fresh_waker(broker, *handle);
	if (error)
		world_handle_close(broker->world, *handle);
	return error;
}

/* A question under way; fd: the descriptor that the answer takes along. */
struct question {
	struct process *process;
	struct broker *broker;
	struct message *message;
	int fd;
};

static int hello(struct question *q)
{
	struct process *process = q->process;

	if (process->owner != 0)
		return -EISCONN;
	if (q->message->value >= WORLD_DOMAINS)
		return -EINVAL;
	if (!world_domain_live(q->broker->world, q->message->value))
		return -ESRCH;
	process->domid = q->message->value;
	process->role = q->message->role;
	process->owner = ++q->broker->last_owner;
	q->message->value = process->owner;
	q->fd = q->broker->world_fd;
	return 0;
}

static int memory(struct question *q)
{
	int error = broker_memory(q->broker, q->message->value);

	if (!error)
		q->fd = q->broker->memory_fd[q->message->value];
	return error;
}

static int handle_open(struct question *q)
{
	int error = broker_open_handle(q->broker, q->process->domid,
				       q->process->owner, &q->message->value);

	if (!error)
		q->fd = q->broker->waker[q->message->value];
	return error;
}

static int handle_close(struct question *q)
{
	uint32_t handle = q->message->value;

	if (handle >= WORLD_HANDLES ||
	    q->broker->world->handle[handle].owner != q->process->owner)
		return -EBADF;
	world_handle_close(q->broker->world, handle);
	return 0;
}

static int handle_waker(struct question *q)
{
	uint32_t handle = q->message->value;

	if (handle >= WORLD_HANDLES || q->broker->waker[handle] < 0)
		return -EBADF;
	q->fd = q->broker->waker[handle];
	return 0;
}

static int store_port(struct question *q)
{
	q->message->value = q->broker->guest[0].port;
	return 0;
}

static int domain_create(struct question *q)
{
	uint32_t domid = q->message->value;
	int error = guest_create(q->broker, domid, q->message->pages);

	if (error)
		return error;
	q->message->value = SHARED_STORE_FRAME;
	q->message->pages = q->broker->guest[domid].port;
	return 0;
}

/* Answered later, by the broker's loop: nothing is sent now. */
static int domain_destroy(struct question *q)
{
	uint32_t domid = q->message->value;

	if (domid == 0)
		return -EPERM;
	if (!world_domain_live(q->broker->world, domid))
		return -ESRCH;
	q->process->destroys = domid;
	guest_kill(q->broker, domid);
	return 0;
}

static int describe_process(struct question *q)
{
	uint32_t left = q->message->value;

	for (struct process *p = q->broker->processes; p; p = p->next) {
		if (p->gone || p->owner == 0 || left-- > 0)
			continue;
		q->message->value = p->owner;
		q->message->pages = p->domid;
		q->message->role = p->role;
		q->message->pid = p->pid;
		return 0;
	}
	return -ENOENT;
}

void broker_answer(struct process *process, struct message *message)
{
	static int (*const answers[MESSAGE_KINDS])(struct question *) = {
		[MESSAGE_HELLO] = hello,
		[MESSAGE_MEMORY] = memory,
		[MESSAGE_HANDLE_OPEN] = handle_open,
		[MESSAGE_HANDLE_CLOSE] = handle_close,
		[MESSAGE_HANDLE_WAKER] = handle_waker,
		[MESSAGE_STORE_PORT] = store_port,
		[MESSAGE_DOMAIN_CREATE] = domain_create,
		[MESSAGE_DOMAIN_DESTROY] = domain_destroy,
		[MESSAGE_PROCESS] = describe_process,
	};
	struct question q = {process, process->broker, message, -1};

	if (message->kind >= MESSAGE_KINDS || !answers[message->kind])
		message->error = -ENOSYS;
	else if (process->owner == 0 && message->kind != MESSAGE_HELLO)
		message->error = -ENOTCONN;
	else
		message->error = answers[message->kind](&q);
	if (process->destroys == 0)
		message_send(process->source.fd, message, q.fd);
}
