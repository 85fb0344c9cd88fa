/* A backend, its disks and its health, seen from dom0: see host.h. */
#include "conformance/targets/host.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <xen/io/xenbus.h>
#include <xenstore.h>

#define NAP_US_MIN 500u
#define NAP_US_MAX 4000u

/* Longer each time: where guest, backend and we share one CPU, looking often
 * takes the time of whom we wait for. */
static void nap(unsigned int *us)
{
	struct timespec step = {.tv_nsec = (long)*us * 1000};

	nanosleep(&step, NULL);
	*us = *us * 2 < NAP_US_MAX ? *us * 2 : NAP_US_MAX;
}

static uint64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

bool host_offers(const struct host *host, enum case_disk disk)
{
	return host->image[disk][0] != '\0' &&
	       (!case_disk_shape(disk)->readonly ||
		!host->hosted->writable_only);
}

/* --- images and disks --- */

void host_forgo(struct host *host, enum case_disk disk)
{
	unlink(host->image[disk]);
	host->image[disk][0] = '\0';
}

static int make_image(struct host *host, enum case_disk disk)
{
	const struct case_disk_shape *shape = case_disk_shape(disk);
	FILE *image;
	int result;

	if (shape->block > 0 && !host->hosted->long_blocks)
		return 0;
	snprintf(host->image[disk], sizeof(host->image[disk]), "%s/%s.img",
		 host->directory, shape->name);
	image = fopen(host->image[disk], "w");
	if (image == NULL)
		return -errno;
	result = ftruncate(fileno(image), (off_t)shape->sectors * 512) == 0
			 ? 0
			 : -errno;
	fclose(image);
	/* a file system for small files: such a disk is not offered */
	if (result == -EFBIG) {
		host_forgo(host, disk);
		return 0;
	}
	snprintf(host->params[disk], sizeof(host->params[disk]), "%.10s%.240s",
		 host->hosted->before, host->image[disk]);
	return result;
}

static void describe_disk(struct host *host, enum case_disk disk)
{
	const struct case_disk_shape *shape = case_disk_shape(disk);

	host->disk[disk] = (struct toolstack_disk){
		.kind = host->kind != NULL ? host->kind : host->hosted->kind,
		.domid = host->domid,
		.devid = host->devid + 16u * disk,
		.name = shape->device,
		.params = host->params[disk],
		.readonly = shape->readonly,
		.cdrom = shape->cdrom,
	};
}

static int make_images(struct host *host, char why[TARGET_TEXT_BYTES])
{
	const char *base = host->disk_dir;
	int result = 0;

	if (base == NULL)
		base = getenv("TMPDIR");
	snprintf(host->directory, sizeof(host->directory),
		 "%.90s/xenblk-conform-XXXXXX", base != NULL ? base : "/tmp");
	if (mkdtemp(host->directory) == NULL) {
		result = -errno;
		host->directory[0] = '\0';
	}
	for (unsigned int i = 0; i < CASE_DISK_COUNT && result == 0; i++) {
		result = make_image(host, i);
		describe_disk(host, i);
	}
	if (result != 0)
		snprintf(why, TARGET_TEXT_BYTES,
			 "disk images in %.90s cannot be made: %s",
			 base != NULL ? base : "/tmp", strerror(-result));
	return result;
}

static void remove_images(struct host *host)
{
	for (unsigned int i = 0; i < CASE_DISK_COUNT; i++) {
		if (host->image[i][0] != '\0')
			unlink(host->image[i]);
	}
	if (host->directory[0] != '\0')
		rmdir(host->directory);
}

/* Somebody else's disk is not ours to remove. */
static int find_place(struct host *host, char why[TARGET_TEXT_BYTES])
{
	for (unsigned int i = 0; i < CASE_DISK_COUNT; i++) {
		if (!toolstack_taken(host->store, &host->disk[i]))
			continue;
		snprintf(why, TARGET_TEXT_BYTES,
			 "guest %u has a disk %u already: detach it, or choose "
			 "another number",
			 host->domid, host->disk[i].devid);
		host->plugged = false;
		return -EEXIST;
	}
	host->plugged = true;
	return 0;
}

/* --- its life --- */

int host_store(struct host *host)
{
	host->store = xs_open(0);
	return host->store == NULL ? -errno : 0;
}

static int start_backend(struct host *host, char why[TARGET_TEXT_BYTES])
{
	int result;

	if (host->hosted->spawn == NULL)
		return 0;
	result = host->hosted->spawn(host);
	if (result != 0)
		snprintf(why, TARGET_TEXT_BYTES,
			 "the backend cannot be started: %s",
			 strerror(-result));
	return result;
}

int host_open(struct host *host, char why[TARGET_TEXT_BYTES])
{
	int result = host_store(host);

	if (result != 0) {
		snprintf(why, TARGET_TEXT_BYTES, "xenstored: %s",
			 strerror(-result));
		return result;
	}
	result = make_images(host, why);
	if (result == 0)
		result = find_place(host, why);
	if (result == 0 && host->hosted->open != NULL)
		result = host->hosted->open(host, why);
	if (result == 0 && !host->hosted->per_case)
		result = start_backend(host, why);
	return result;
}

void host_close(struct host *host)
{
	char why[TARGET_TEXT_BYTES];

	/* one is still there when a case was interrupted */
	for (unsigned int i = 0; i < CASE_DISK_COUNT && host->plugged; i++)
		host_after(host, i, why);
	program_stop(&host->program);
	if (host->hosted->close != NULL)
		host->hosted->close(host);
	xs_close(host->store);
	host->store = NULL;
	remove_images(host);
}

/* --- how the backend is --- */

static bool backend_alive(struct host *host)
{
	return host->hosted->spawn == NULL || program_alive(&host->program);
}

/* The last thing that the backend wrote and nobody has seen yet. */
static void last_line(struct host *host, char *last, size_t bytes)
{
	char line[200];

	last[0] = '\0';
	while (program_log_line(&host->program, line, sizeof(line)))
		snprintf(last, bytes, "%s", line);
}

/* Why the backend died, from its own last words. */
static void last_words(struct host *host, char why[TARGET_TEXT_BYTES])
{
	char last[200];

	last_line(host, last, sizeof(last));
	if (WIFSIGNALED(host->program.status))
		snprintf(why, TARGET_TEXT_BYTES,
			 "the backend died of signal %d: %.180s",
			 WTERMSIG(host->program.status), last);
	else
		snprintf(why, TARGET_TEXT_BYTES,
			 "the backend ended with %d: %.180s",
			 WEXITSTATUS(host->program.status), last);
}

static bool backend_ready(struct host *host, enum case_disk disk)
{
	return toolstack_state(host->store, &host->disk[disk]) ==
	       XenbusStateInitWait;
}

static bool unplugged(struct host *host, enum case_disk disk)
{
	return toolstack_unplugged(host->store, &host->disk[disk]);
}

static bool ready_or_dead(struct host *host, enum case_disk disk)
{
	return backend_ready(host, disk) || !backend_alive(host);
}

static bool await(struct host *host, enum case_disk disk,
		  bool (*reached)(struct host *host, enum case_disk disk))
{
	/* a whole QEMU starts for each case: that is not the case's time */
	bool starts = reached == ready_or_dead && host->hosted->per_case;
	uint64_t end =
		now_ms() + (uint64_t)host->patience_ms * (starts ? 4 : 1);
	unsigned int us = NAP_US_MIN;

	while (!reached(host, disk)) {
		if (now_ms() >= end)
			return false;
		nap(&us);
	}
	return true;
}

static int await_backend(struct host *host, enum case_disk disk,
			 char why[TARGET_TEXT_BYTES])
{
	char line[200] = "nothing";
	bool reached = await(host, disk, ready_or_dead);

	if (backend_ready(host, disk))
		return 0;
	if (reached) {
		last_words(host, why);
		return -ECHILD;
	}
	if (host->hosted->spawn != NULL)
		last_line(host, line, sizeof(line));
	snprintf(why, TARGET_TEXT_BYTES,
		 "the backend does not come to InitWait, it is in state %u; it "
		 "said: %.150s",
		 toolstack_state(host->store, &host->disk[disk]), line);
	return -ETIMEDOUT;
}

static bool unplugged_or_dead(struct host *host, enum case_disk disk)
{
	return unplugged(host, disk) || !backend_alive(host);
}

/* Whether the backend let go of it. */
static bool take_disk_away(struct host *host, enum case_disk disk)
{
	const struct toolstack_disk *one = &host->disk[disk];
	bool let_go = toolstack_take_away(host->store, one) == 0 &&
		      await(host, disk, unplugged_or_dead) &&
		      unplugged(host, disk);

	toolstack_remove(host->store, one);
	return let_go;
}

/* --- around a case --- */

/* A daemon that the last case killed is replaced, so that the next one is
 * judged alone. */
int host_before(struct host *host, enum case_disk disk,
		char why[TARGET_TEXT_BYTES])
{
	bool needed = host->hosted->per_case || !backend_alive(host);
	int result;

	if (!host_offers(host, disk))
		return 0;
	/* Before the disk is there: a backend that ends may tidy up after
	 * itself. */
	if (needed)
		program_stop(&host->program);
	/* Another case may have left it with another size. */
	result = host_truncate(host, disk, case_disk_shape(disk)->sectors);
	if (result == 0)
		result = toolstack_plug(host->store, &host->disk[disk]);
	if (result != 0)
		snprintf(why, TARGET_TEXT_BYTES,
			 "the disk cannot be plugged: %s", strerror(-result));
	if (result == 0 && needed)
		result = start_backend(host, why);
	if (result == 0)
		result = await_backend(host, disk, why);
	if (result != 0) {
		take_disk_away(host, disk);
		/* the next case gets a fresh one, and its own verdict */
		program_stop(&host->program);
	}
	return result;
}

enum target_health host_after(struct host *host, enum case_disk disk,
			      char why[TARGET_TEXT_BYTES])
{
	const struct hosted *hosted = host->hosted;
	bool alive, let_go;

	if (!host_offers(host, disk))
		return TARGET_ALIVE;
	alive = backend_alive(host);
	let_go = take_disk_away(host, disk);
	if (!alive) {
		last_words(host, why);
		return TARGET_DEAD;
	}
	if (hosted->failed != NULL && hosted->failed(host, why))
		return TARGET_DEAD;
	if (hosted->per_case)
		program_stop(&host->program);
	if (let_go)
		return TARGET_ALIVE;
	snprintf(why, TARGET_TEXT_BYTES,
		 "the backend does not let go of a disk whose guest is gone");
	return TARGET_STUCK;
}

/* --- what a case asks for --- */

int host_ask_unplug(struct host *host, enum case_disk disk)
{
	return toolstack_ask_unplug(host->store, &host->disk[disk]);
}

int host_replug(struct host *host, enum case_disk disk)
{
	const struct toolstack_disk *one = &host->disk[disk];
	int result = toolstack_take_away(host->store, one);

	if (result == 0 && !await(host, disk, unplugged))
		return -ETIMEDOUT;
	if (result == 0)
		result = toolstack_remove(host->store, one);
	if (result == 0)
		result = toolstack_plug(host->store, one);
	if (result == 0 && !await(host, disk, backend_ready))
		return -ETIMEDOUT;
	return result;
}

char *host_error(struct host *host, enum case_disk disk)
{
	return toolstack_error(host->store, &host->disk[disk]);
}

int host_truncate(struct host *host, enum case_disk disk, uint64_t sectors)
{
	return truncate(host->image[disk], (off_t)sectors * 512) == 0 ? 0
								      : -errno;
}

int host_resize(struct host *host, enum case_disk disk, uint64_t sectors)
{
	return host->hosted->resize(host, disk, sectors);
}

int host_medium(struct host *host, enum case_disk disk, bool in)
{
	return toolstack_medium(host->store, &host->disk[disk],
				in ? host->params[disk] : "");
}

int host_do(struct host *host, enum case_disk disk, enum guest_deed deed)
{
	return toolstack_do(host->store, &host->disk[disk], deed);
}
