/*
 * nbdkit-xenblk-plugin: a Xen virtual disk as an NBD export.
 *
 * Connects as a guest does and passes reads, writes, flushes and trims on, so that
 * fio, qemu-img, nbdcopy, or a file system through nbdfuse and a loop device,
 * work on the backend.  nbdkit calls from many threads; each takes a queue of
 * its own as far as there are enough, and several share one otherwise
 * (transfer.c).
 *
 * Everything is opened after nbdkit forked: handles of Xen do not survive that.
 */
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NBDKIT_API_VERSION 2
#include <nbdkit-plugin.h>

#include "frontend/front.h"
#include "version.h"

#define THREAD_MODEL NBDKIT_THREAD_MODEL_PARALLEL

#define SECTOR	  512u
#define READ_ONLY 4u /* VDISK_READONLY of blkif.h */

/* nbdkit has one instance of a plugin per process and gives us no context. */
static struct {
	int domid;
	uint32_t devid;
	int timeout_s;
	struct front_personality personality;
	struct front *front;
	atomic_uint threads;
	/* Parts of a sector are read, changed and written: nobody else may
	 * write. */
	pthread_rwlock_t parts;
} plugin = {
	.domid = -1,
	.devid = 51712,
	.timeout_s = 10,
	.parts = PTHREAD_RWLOCK_INITIALIZER,
};

static _Thread_local unsigned int own_thread; /* number + 1 */

static void plugin_load(void)
{
	plugin.personality = *front_personality("linux");
}

static int set_personality(const char *name)
{
	const struct front_personality *found = front_personality(name);

	if (!found) {
		nbdkit_error("unknown personality \"%s\"; xenblk-front "
			     "personalities lists them",
			     name);
		return -1;
	}
	plugin.personality = *found;
	return 0;
}

static int plugin_config(const char *key, const char *value)
{
	if (!strcmp(key, "domid"))
		return nbdkit_parse_int(key, value, &plugin.domid);
	if (!strcmp(key, "timeout"))
		return nbdkit_parse_int(key, value, &plugin.timeout_s);
	if (!strcmp(key, "personality"))
		return set_personality(value);
	if (!strcmp(key, "queues"))
		return nbdkit_parse_unsigned(key, value,
					     &plugin.personality.queues);
	if (!strcmp(key, "ring-order"))
		return nbdkit_parse_unsigned(key, value,
					     &plugin.personality.ring_order);
	if (!strcmp(key, "devid")) {
		if (!front_devid(value, &plugin.devid))
			return 0;
		nbdkit_error("devid=%s: neither xvdX nor a number", value);
		return -1;
	}
	nbdkit_error("unknown parameter \"%s\"", key);
	return -1;
}

#define CONFIG_HELP                                                            \
	"devid=NAME        xvda ... or a number (default xvda)\n"              \
	"domid=N           our own domain (default: what xenstore says)\n"     \
	"personality=NAME  kind of guest; before queues= (default linux)\n"    \
	"queues=N          rings to ask for\n"                                 \
	"ring-order=N      log2 of the pages of a ring\n"                      \
	"timeout=S         for each step of the connection (default 10)"

static int plugin_config_complete(void)
{
	if (plugin.personality.queues <= FRONT_MAX_QUEUES &&
	    plugin.personality.ring_order <= 4 && plugin.timeout_s > 0 &&
	    plugin.timeout_s <= 3600)
		return 0;
	nbdkit_error("queues= goes up to %u, ring-order= up to 4, timeout= "
		     "from 1 to 3600",
		     FRONT_MAX_QUEUES);
	return -1;
}

static int find_domid(void)
{
	if (plugin.domid < 0)
		plugin.domid = front_own_domid();
	if (plugin.domid >= 0)
		return 0;
	nbdkit_error(
		"xenstore does not tell our domid (%s); run nbdkit in a "
		"guest, or in a simulated one (xenblk-sim), or give domid=",
		strerror(-plugin.domid));
	return -1;
}

static int plugin_after_fork(void)
{
	char error[512] = "";
	struct front_options options = {
		.devid = plugin.devid,
		.personality = &plugin.personality,
		.timeout_ms = plugin.timeout_s * 1000,
		.error = error,
		.error_bytes = sizeof(error),
	};

	if (find_domid())
		return -1;
	options.domid = (uint32_t)plugin.domid;
	if (front_create(&options, &plugin.front)) {
		plugin.front = NULL;
		nbdkit_error("%s", error);
		return -1;
	}
	if (front_connect(plugin.front)) {
		nbdkit_error("%s", front_error(plugin.front));
		front_destroy(plugin.front);
		plugin.front = NULL;
		return -1;
	}
	nbdkit_debug("connected with %u queues", front_queues(plugin.front));
	return 0;
}

static void plugin_cleanup(void)
{
	if (plugin.front && front_disconnect(plugin.front))
		nbdkit_error("while disconnecting: %s",
			     front_error(plugin.front));
	front_destroy(plugin.front);
	plugin.front = NULL;
}

static void *plugin_open(int readonly)
{
	(void)readonly;
	return NBDKIT_HANDLE_NOT_NEEDED;
}

static int64_t plugin_get_size(void *handle)
{
	(void)handle;
	return (int64_t)(front_properties(plugin.front)->sectors * SECTOR);
}

static int plugin_can_write(void *handle)
{
	(void)handle;
	return !(front_properties(plugin.front)->info & READ_ONLY);
}

static int plugin_can_flush(void *handle)
{
	(void)handle;
	return front_properties(plugin.front)->feature_flush;
}

static int plugin_can_trim(void *handle)
{
	return plugin_can_write(handle) &&
	       front_properties(plugin.front)->feature_discard;
}

static int plugin_can_fua(void *handle)
{
	return plugin_can_flush(handle) ? NBDKIT_FUA_EMULATE : NBDKIT_FUA_NONE;
}

/* A flush covers what was answered on every queue, so on every connection. */
static int plugin_can_multi_conn(void *handle)
{
	(void)handle;
	return 1;
}

static int plugin_block_size(void *handle, uint32_t *minimum,
			     uint32_t *preferred, uint32_t *maximum)
{
	(void)handle;
	*minimum = SECTOR;
	*preferred = FRONT_PAGE_BYTES;
	*maximum = UINT32_MAX;
	return 0;
}

/* Threads spread over the queues and stay where they are. */
static struct front_queue *own_queue(void)
{
	if (!own_thread)
		own_thread = atomic_fetch_add(&plugin.threads, 1) + 1;
	return front_queue(plugin.front,
			   (own_thread - 1) % front_queues(plugin.front));
}

static int fail(const char *what, uint64_t offset, int err)
{
	nbdkit_error("%s at byte %llu: %s", what, (unsigned long long)offset,
		     strerror(-err));
	nbdkit_set_error(err == -ETIMEDOUT ? EIO : -err);
	return -1;
}

/* The sectors around a range that does not begin or end with one. */
struct surrounding {
	uint64_t sector;
	size_t bytes, before; /* bytes before the range in the first sector */
	uint8_t *data;
};

static int surround(struct surrounding *s, uint64_t offset, uint32_t count)
{
	s->sector = offset / SECTOR;
	s->before = offset % SECTOR;
	s->bytes = (s->before + count + SECTOR - 1) / SECTOR * SECTOR;
	s->data = malloc(s->bytes);
	return s->data ? 0 : -ENOMEM;
}

static int read_parts(void *data, uint32_t count, uint64_t offset)
{
	struct surrounding s;
	int err = surround(&s, offset, count);

	if (!err)
		err = front_transfer(own_queue(), false, s.sector, s.data,
				     s.bytes);
	if (!err)
		memcpy(data, s.data + s.before, count);
	free(s.data);
	return err;
}

static int write_parts(const void *data, uint32_t count, uint64_t offset)
{
	struct surrounding s;
	int err = surround(&s, offset, count);

	pthread_rwlock_wrlock(&plugin.parts);
	if (!err)
		err = front_transfer(own_queue(), false, s.sector, s.data,
				     s.bytes);
	if (!err) {
		memcpy(s.data + s.before, data, count);
		err = front_transfer(own_queue(), true, s.sector, s.data,
				     s.bytes);
	}
	pthread_rwlock_unlock(&plugin.parts);
	free(s.data);
	return err;
}

static bool is_aligned(uint32_t count, uint64_t offset)
{
	return offset % SECTOR == 0 && count % SECTOR == 0;
}

static int plugin_pread(void *handle, void *data, uint32_t count,
			uint64_t offset, uint32_t flags)
{
	int err;

	(void)handle;
	(void)flags;
	if (is_aligned(count, offset))
		err = front_transfer(own_queue(), false, offset / SECTOR, data,
				     count);
	else
		err = read_parts(data, count, offset);
	return err ? fail("read", offset, err) : 0;
}

static int write_whole(const void *data, uint32_t count, uint64_t offset)
{
	int err;

	pthread_rwlock_rdlock(&plugin.parts);
	/* front_transfer() only reads what it writes to the disk. */
	err = front_transfer(own_queue(), true, offset / SECTOR,
			     (void *)(uintptr_t)data, count);
	pthread_rwlock_unlock(&plugin.parts);
	return err;
}

static int plugin_pwrite(void *handle, const void *data, uint32_t count,
			 uint64_t offset, uint32_t flags)
{
	int err;

	(void)handle;
	(void)flags; /* FUA is emulated by nbdkit with plugin_flush() */
	if (is_aligned(count, offset))
		err = write_whole(data, count, offset);
	else
		err = write_parts(data, count, offset);
	return err ? fail("write", offset, err) : 0;
}

static int plugin_flush(void *handle, uint32_t flags)
{
	int err = front_flush(own_queue());

	(void)handle;
	(void)flags;
	return err ? fail("flush", 0, err) : 0;
}

/* Whole sectors only: what of the range is less stays, as it may. */
static int plugin_trim(void *handle, uint32_t count, uint64_t offset,
		       uint32_t flags)
{
	const uint64_t first = (offset + SECTOR - 1) / SECTOR;
	const uint64_t end = (offset + count) / SECTOR;
	int err = 0;

	(void)handle;
	(void)flags; /* FUA is emulated by nbdkit with plugin_flush() */
	if (end > first)
		err = front_discard(own_queue(), first, end - first);
	return err ? fail("trim", offset, err) : 0;
}

static struct nbdkit_plugin xenblk_plugin = {
	.name = "xenblk",
	.longname = "Xen virtual disk",
	.version = XENBLK_VERSION,
	.description =
		"offers a Xen virtual disk, connected to as a guest does",
	.load = plugin_load,
	.config = plugin_config,
	.config_complete = plugin_config_complete,
	.config_help = CONFIG_HELP,
	.after_fork = plugin_after_fork,
	.cleanup = plugin_cleanup,
	.unload = plugin_cleanup,
	.open = plugin_open,
	.get_size = plugin_get_size,
	.can_write = plugin_can_write,
	.can_flush = plugin_can_flush,
	.can_fua = plugin_can_fua,
	.can_trim = plugin_can_trim,
	.can_multi_conn = plugin_can_multi_conn,
	.block_size = plugin_block_size,
	.pread = plugin_pread,
	.pwrite = plugin_pwrite,
	.flush = plugin_flush,
	.trim = plugin_trim,
	.errno_is_preserved = 1,
};

struct nbdkit_plugin *plugin_init(void);

NBDKIT_REGISTER_PLUGIN(xenblk_plugin)
