/*
 * Domains as the broker makes them (broker.h): memory, the store ring as grant
 * 1, its event channel, and for guests the proxy that programs connect to.
 */
#include "sim/broker/broker.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static void guest_socket_path(const struct broker *broker, uint32_t domid,
			      struct sockaddr_un *address)
{
	memset(address, 0, sizeof(*address));
	address->sun_family = AF_UNIX;
	snprintf(address->sun_path, sizeof(address->sun_path), "%.90s/guest-%u",
		 broker->directory, domid);
}

static int listen_for_guest(const struct broker *broker, uint32_t domid)
{
	struct sockaddr_un address;
	int fd, error;

	guest_socket_path(broker, domid, &address);
	unlink(address.sun_path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) == 0 &&
	    listen(fd, 64) == 0)
		return fd;
	error = -errno;
	close(fd);
	return error;
}

static void notify_store(void *context)
{
	struct guest *guest = context;

	world_port_send(guest->broker->world, guest->handle, guest->port);
}

static void guest_event(struct source *source, uint32_t events)
{
	struct guest *guest = (struct guest *)source;
	struct world *world = guest->broker->world;
	uint64_t count;
	uint32_t port;

	(void)events;
	if (read(source->fd, &count, sizeof(count)) != sizeof(count))
		return;
	port = world_handle_next(world, guest->handle);
	if (port != 0)
		world_port_unmask(world, guest->handle, port);
	if (guest->proxy)
		proxy_ring_event(guest->proxy);
}

/* Frame 0 is the store ring, whatever the allocator does. */
static int grant_ring(struct broker *broker, uint32_t domid)
{
	struct world_domain *domain = &broker->world->domain[domid];
	struct world_share share = {.domid = domid, .peer = 0};

	world_lock(broker->world);
	domain->frame_taken[0] |= 1ull << SHARED_STORE_FRAME;
	if (domain->frames_used <= SHARED_STORE_FRAME)
		domain->frames_used = SHARED_STORE_FRAME + 1;
	world_unlock(broker->world);
	return world_grant_set(broker->world, &share, SHARED_STORE_GREF,
			       SHARED_STORE_FRAME);
}

static int open_event(struct broker *broker, struct guest *guest)
{
	int error = broker_open_handle(broker, guest->domid, BROKER_OWNER,
				       &guest->handle);
	int port;

	if (error)
		return error;
	guest->event = (struct source){.fd = broker->waker[guest->handle],
				       .ready = guest_event};
	port = world_port_alloc(broker->world, guest->handle, 0);
	if (port < 0)
		return port;
	guest->port = (uint32_t)port;
	return source_add(broker->epoll, &guest->event, EPOLLIN);
}

static int start_proxy(struct broker *broker, struct guest *guest)
{
	struct proxy_options options = {
		.epoll = broker->epoll,
		.listener = listen_for_guest(broker, guest->domid),
		.ring = (void *)(broker->memory[guest->domid] +
				 SHARED_STORE_FRAME * SHARED_PAGE_BYTES),
		.notify = notify_store,
		.context = guest,
	};
	int error;

	if (options.listener < 0)
		return options.listener;
	error = proxy_create(&options, &guest->proxy);
	if (error)
		close(options.listener);
	return error;
}

static void forget_memory(const struct broker *broker, uint32_t domid)
{
	fallocate(broker->memory_fd[domid],
		  FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0,
		  (off_t)SHARED_MEMORY_BYTES);
}

int guest_create(struct broker *broker, uint32_t domid, uint32_t pages)
{
	struct guest *guest;
	int error = broker_memory(broker, domid);

	if (!error)
		error = world_domain_create(broker->world, domid, pages);
	if (error)
		return error;
	forget_memory(broker, domid);
	guest = &broker->guest[domid];
	*guest = (struct guest){.broker = broker, .domid = domid};
	error = grant_ring(broker, domid);
	if (!error)
		error = open_event(broker, guest);
	/* dom0's programs use the daemon's own socket. */
	if (!error && domid != 0)
		error = start_proxy(broker, guest);
	if (error)
		guest_bury(broker, domid);
	return error;
}

void guest_kill(struct broker *broker, uint32_t domid)
{
	for (struct process *p = broker->processes; p; p = p->next)
		if (!p->gone && p->domid == domid &&
		    p->role == MESSAGE_ROLE_PROGRAM && p->owner != 0)
			kill(p->pid, SIGKILL);
}

bool guest_has_processes(const struct broker *broker, uint32_t domid)
{
	for (const struct process *p = broker->processes; p; p = p->next)
		if (!p->gone && p->domid == domid &&
		    p->role == MESSAGE_ROLE_PROGRAM && p->owner != 0)
			return true;
	return false;
}

void guest_bury(struct broker *broker, uint32_t domid)
{
	struct guest *guest = &broker->guest[domid];
	struct sockaddr_un address;

	proxy_destroy(guest->proxy);
	if (guest->port != 0)
		source_remove(broker->epoll, &guest->event);
	*guest = (struct guest){0};
	guest_socket_path(broker, domid, &address);
	unlink(address.sun_path);
	world_domain_destroy(broker->world, domid);
	/* What somebody still maps must keep its bytes. */
	if (broker->world->domain[domid].state == WORLD_DOMAIN_NONE)
		forget_memory(broker, domid);
	world_virq_raise(broker->world, 0, BROKER_VIRQ_DOM_EXC);
}
