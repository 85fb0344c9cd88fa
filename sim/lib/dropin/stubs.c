/*
 * What else xenstored and QEMU call of Xen's libraries: handles that are never
 * looked into, the list of domains for xenstored, and the two files through
 * which dom0's kernel tells xenstored about its own ring.
 *
 * open() is replaced for those two paths only and does what the C library does
 * for every other.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <xenctrl.h>
#include <xendevicemodel.h>
#include <xenforeignmemory.h>
#include <xentoolcore.h>

#include "sim/lib/dropin/client.h"

/* An address of our own; its type is opaque to everybody. */
static char opaque[8];

static void *some_handle(void)
{
	return client_get() ? opaque : NULL;
}

EXPORT xc_interface *xc_interface_open(xentoollog_logger *logger,
				       xentoollog_logger *builder,
				       unsigned int flags)
{
	(void)logger;
	(void)builder;
	(void)flags;
	return some_handle();
}

EXPORT int xc_interface_close(xc_interface *interface)
{
	(void)interface;
	return 0;
}

EXPORT xenforeignmemory_handle *xenforeignmemory_open(
	struct xentoollog_logger *logger, unsigned int flags)
{
	(void)logger;
	(void)flags;
	return some_handle();
}

EXPORT int xenforeignmemory_close(xenforeignmemory_handle *handle)
{
	(void)handle;
	return 0;
}

EXPORT xendevicemodel_handle *xendevicemodel_open(
	struct xentoollog_logger *logger, unsigned int flags)
{
	(void)logger;
	(void)flags;
	return some_handle();
}

EXPORT int xendevicemodel_close(xendevicemodel_handle *handle)
{
	(void)handle;
	return 0;
}

EXPORT int xentoolcore_restrict_all(domid_t domid)
{
	(void)domid;
	return 0;
}

/* --- which domains there are --- */

EXPORT int xc_domain_getinfo(xc_interface *interface, uint32_t first,
			     unsigned int max, xc_dominfo_t *info)
{
	const struct client *client = client_get();
	unsigned int found = 0;

	(void)interface;
	for (uint32_t domid = first;
	     client && domid < WORLD_DOMAINS && found < max; domid++) {
		uint32_t state = client->world->domain[domid].state;

		if (state == WORLD_DOMAIN_NONE)
			continue;
		memset(&info[found], 0, sizeof(info[found]));
		info[found].domid = domid;
		info[found].dying = state == WORLD_DOMAIN_DYING;
		info[found].running = state == WORLD_DOMAIN_LIVE;
		info[found].nr_pages = client->world->domain[domid].pages;
		found++;
	}
	return (int)found;
}

/* Of newer releases; declared here because 4.17's header has it not. */
EXPORT int xc_domain_getinfo_single(xc_interface *interface, uint32_t domid,
				    xc_domaininfo_t *info);

EXPORT int xc_domain_getinfo_single(xc_interface *interface, uint32_t domid,
				    xc_domaininfo_t *info)
{
	const struct client *client = client_get();

	(void)interface;
	if (!client || domid >= WORLD_DOMAINS ||
	    client->world->domain[domid].state == WORLD_DOMAIN_NONE) {
		errno = ESRCH;
		return -1;
	}
	if (!info)
		return 0;
	info->domain = (domid_t)domid;
	info->flags = world_domain_live(client->world, domid)
			      ? XEN_DOMINF_running
			      : XEN_DOMINF_dying;
	return 0;
}

/* --- /proc/xen --- */

/* dom0's own store ring is the first page of its memory. */
static int open_store_page(void)
{
	int fd = client_get() ? client_memory_fd(0) : -1;

	return fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, 0);
}

static int open_store_port(void)
{
	int port = client_get() ? client_store_port() : -errno;
	int fd;

	if (port < 0) {
		errno = -port;
		return -1;
	}
	fd = memfd_create("xsd_port", MFD_CLOEXEC);
	if (fd >= 0) {
		dprintf(fd, "%d", port);
		lseek(fd, 0, SEEK_SET);
	}
	return fd;
}

static int open_path(const char *path, int flags, mode_t mode)
{
	if (path && !strcmp(path, "/proc/xen/xsd_kva"))
		return open_store_page();
	if (path && !strcmp(path, "/proc/xen/xsd_port"))
		return open_store_port();
	return (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
}

static mode_t mode_argument(int flags, va_list arguments)
{
	if (flags & (O_CREAT | (O_TMPFILE & ~O_DIRECTORY)))
		return (mode_t)va_arg(arguments, unsigned int);
	return 0;
}

EXPORT int open(const char *path, int flags, ...)
{
	va_list arguments;
	mode_t mode;

	va_start(arguments, flags);
	mode = mode_argument(flags, arguments);
	va_end(arguments);
	return open_path(path, flags, mode);
}

EXPORT int open64(const char *path, int flags, ...)
{
	va_list arguments;
	mode_t mode;

	va_start(arguments, flags);
	mode = mode_argument(flags, arguments);
	va_end(arguments);
	return open_path(path, flags | O_LARGEFILE, mode);
}
