/*
 * A target that is a real program on the drop-in simulator (dropin.h).
 *
 * The first start() runs this program anew inside a world (xenblk-sim run); the
 * second one, in dom0 of that world, makes a guest and starts the backend.  A
 * case's process then becomes the guest: it sets the domain and the guest's own
 * way to xenstore before it opens its first handle.  The runner itself talks to
 * xenstore only, as the toolstack.
 *
 * A backend that died, or a worker of it, is found by its process and its log,
 * and is the doing of the case that ran.
 */
#include "conformance/targets/dropin.h"

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

#include "conformance/targets/toolstack.h"

#define DISK_BYTES	(8u << 20)
#define STEP_NS		1000000l
#define READY_STEPS	4000u /* of about a millisecond */
#define UNPLUG_STEPS	3000u
#define PATH_BYTES	256u
#define WORLD_VARIABLE	"XENBLK_CONFORM_WORLD"
#define WORKER_OBITUARY "the worker that served this disk"

static struct {
	const struct hosted *hosted;
	struct program program;
	struct xs_handle *store; /* the toolstack's, in this process */
	char directory[PATH_BYTES / 2];
	char guest_socket[PATH_BYTES];
	char params[CASE_DISK_COUNT][PATH_BYTES];
	struct toolstack_disk disks[CASE_DISK_COUNT];
} world;

static bool offers_disk(enum case_disk disk)
{
	return disk == DISK_WRITABLE || !world.hosted->writable_only;
}

static void nap(void)
{
	struct timespec step = {.tv_nsec = STEP_NS};

	nanosleep(&step, NULL);
}

/* --- making the world --- */

/* Not in a world of ours yet: become xenblk-sim, which runs us again inside. */
static int enter_world(char **argv, char why[TARGET_TEXT_BYTES])
{
	char simulator[PATH_BYTES], self[PATH_BYTES];
	char *command[128] = {simulator, "run", "--", self};
	ssize_t got = readlink("/proc/self/exe", self, sizeof(self) - 1);
	unsigned int n = 4;

	if (got <= 0)
		return -errno;
	self[got] = '\0';
	program_beside("xenblk-sim", simulator, sizeof(simulator));
	for (unsigned int i = 1; argv[i] != NULL; i++) {
		if (n == sizeof(command) / sizeof(*command) - 1) {
			snprintf(why, TARGET_TEXT_BYTES,
				 "more than 120 words on the command line");
			return -E2BIG;
		}
		command[n++] = argv[i];
	}
	setenv(WORLD_VARIABLE, "1", 1);
	fflush(NULL);
	execvp(simulator, command);
	snprintf(why, TARGET_TEXT_BYTES, "%.100s cannot be run: %s", simulator,
		 strerror(errno));
	return -errno;
}

/* Also makes the guest: the simulator does so for a first command. */
static int find_guest_socket(char why[TARGET_TEXT_BYTES])
{
	char simulator[PATH_BYTES], domid[16];
	char *const command[] = {simulator,  "guest",	       domid, "--",
				 "printenv", "XENSTORED_PATH", NULL};
	int result;

	program_beside("xenblk-sim", simulator, sizeof(simulator));
	snprintf(domid, sizeof(domid), "%u", DROPIN_GUEST);
	result = program_output(command, world.guest_socket,
				sizeof(world.guest_socket));
	if (result != 0)
		snprintf(why, TARGET_TEXT_BYTES,
			 "a guest cannot be made on the simulator");
	return result;
}

static int make_image(enum case_disk disk, const char *name)
{
	char path[PATH_BYTES];
	FILE *image;
	int result;

	snprintf(path, sizeof(path), "%s/%s.img", world.directory, name);
	image = fopen(path, "w");
	if (image == NULL)
		return -errno;
	result = ftruncate(fileno(image), DISK_BYTES) == 0 ? 0 : -errno;
	fclose(image);
	snprintf(world.params[disk], sizeof(world.params[disk]), "%.10s%.200s",
		 world.hosted->params_start, path);
	return result;
}

static int make_disks(char why[TARGET_TEXT_BYTES])
{
	const char *base = getenv("TMPDIR");
	int result;

	snprintf(world.directory, sizeof(world.directory),
		 "%.90s/xenblk-conform-XXXXXX", base != NULL ? base : "/tmp");
	if (mkdtemp(world.directory) == NULL) {
		result = -errno;
	} else {
		result = make_image(DISK_WRITABLE, "writable");
		if (result == 0)
			result = make_image(DISK_READ_ONLY, "read-only");
	}
	if (result != 0)
		snprintf(why, TARGET_TEXT_BYTES,
			 "disk images in %.90s cannot be made: %s",
			 world.directory, strerror(-result));
	for (unsigned int i = 0; i < CASE_DISK_COUNT; i++)
		world.disks[i] = (struct toolstack_disk){
			.kind = world.hosted->kind,
			.domid = DROPIN_GUEST,
			.devid = 51712 + 16 * i,
			.name = i == DISK_WRITABLE ? "xvda" : "xvdb",
			.params = world.params[i],
			.readonly = i == DISK_READ_ONLY,
		};
	return result;
}

static void remove_images(void)
{
	for (unsigned int i = 0; i < CASE_DISK_COUNT; i++)
		unlink(world.params[i] + strlen(world.hosted->params_start));
	rmdir(world.directory);
}

static int start_backend(char why[TARGET_TEXT_BYTES])
{
	int result = world.hosted->spawn(&world.program, world.directory);

	if (result != 0)
		snprintf(why, TARGET_TEXT_BYTES,
			 "the backend cannot be started: %s",
			 strerror(-result));
	return result;
}

int dropin_start(const struct hosted *hosted, char **argv,
		 char why[TARGET_TEXT_BYTES])
{
	int result;

	if (getenv(WORLD_VARIABLE) == NULL)
		return enter_world(argv, why);
	unsetenv(WORLD_VARIABLE);
	world.hosted = hosted;
	result = find_guest_socket(why);
	if (result != 0)
		return result;
	world.store = xs_open(0);
	if (world.store == NULL) {
		snprintf(why, TARGET_TEXT_BYTES, "xenstored: %s",
			 strerror(errno));
		return -ENOTCONN;
	}
	result = make_disks(why);
	if (result == 0 && !hosted->per_case)
		result = start_backend(why);
	return result;
}

void dropin_stop(void)
{
	program_stop(&world.program);
	xs_close(world.store);
	remove_images();
}

/* --- around a case, in the runner --- */

/* The last thing that the backend wrote and nobody has seen yet. */
static void last_line(char *last, size_t bytes)
{
	char line[200];

	last[0] = '\0';
	while (program_log_line(&world.program, line, sizeof(line)))
		snprintf(last, bytes, "%s", line);
}

/* Why the backend died, from its own last words. */
static void last_words(char why[TARGET_TEXT_BYTES])
{
	char last[200];

	last_line(last, sizeof(last));
	if (WIFSIGNALED(world.program.status))
		snprintf(why, TARGET_TEXT_BYTES,
			 "the backend died of signal %d: %.180s",
			 WTERMSIG(world.program.status), last);
	else
		snprintf(why, TARGET_TEXT_BYTES,
			 "the backend ended with %d: %.180s",
			 WEXITSTATUS(world.program.status), last);
}

/* A worker's death costs one disk; the supervisor tells of it. */
static bool worker_died(char why[TARGET_TEXT_BYTES])
{
	char line[256];
	bool died = false;

	while (program_log_line(&world.program, line, sizeof(line))) {
		if (strstr(line, WORKER_OBITUARY) != NULL) {
			snprintf(why, TARGET_TEXT_BYTES, "%.250s", line);
			died = true;
		}
	}
	return died;
}

static bool backend_ready(const struct toolstack_disk *disk)
{
	unsigned int state = toolstack_state(world.store, disk);

	return state == XenbusStateInitWait;
}

static int await_backend(const struct toolstack_disk *disk,
			 char why[TARGET_TEXT_BYTES])
{
	char line[200];

	for (unsigned int i = 0; i < READY_STEPS; i++) {
		if (backend_ready(disk))
			return 0;
		if (!program_alive(&world.program)) {
			last_words(why);
			return -ECHILD;
		}
		nap();
	}
	last_line(line, sizeof(line));
	snprintf(why, TARGET_TEXT_BYTES,
		 "the backend does not come to InitWait, it is in state %u; it "
		 "said: %.150s",
		 toolstack_state(world.store, disk), line);
	return -ETIMEDOUT;
}

/*
 * The case's process is gone, and with it whoever could say Closing: the
 * frontend's directory goes first, which the backend takes for its end.
 */
static bool take_disk_away(const struct toolstack_disk *disk)
{
	bool let_go = false;

	toolstack_forget_frontend(world.store, disk);
	/* one that is Closed already need not be asked again */
	let_go = toolstack_unplugged(world.store, disk);
	if (!let_go)
		toolstack_ask_unplug(world.store, disk);
	for (unsigned int i = 0; i < UNPLUG_STEPS && !let_go; i++) {
		if (!program_alive(&world.program))
			break;
		let_go = toolstack_unplugged(world.store, disk);
		if (!let_go)
			nap();
	}
	toolstack_remove(world.store, disk);
	return let_go;
}

/* A daemon that the last case killed is replaced, so that the next one is
 * judged alone. */
int dropin_before(const struct conform_case *one, char why[TARGET_TEXT_BYTES])
{
	const struct toolstack_disk *disk = &world.disks[one->disk];
	bool needed = world.hosted->per_case || !program_alive(&world.program);
	int result;

	if (!offers_disk(one->disk))
		return 0;
	/* Before the disk is there: a backend that ends may tidy up after
	 * itself. */
	if (needed)
		program_stop(&world.program);
	result = toolstack_plug(world.store, disk);
	if (result != 0)
		snprintf(why, TARGET_TEXT_BYTES,
			 "the disk cannot be plugged: %s", strerror(-result));
	if (result == 0 && needed)
		result = start_backend(why);
	if (result == 0)
		result = await_backend(disk, why);
	if (result != 0) {
		take_disk_away(disk);
		/* the next case gets a fresh one, and its own verdict */
		program_stop(&world.program);
	}
	return result;
}

enum target_health dropin_after(const struct conform_case *one,
				char why[TARGET_TEXT_BYTES])
{
	bool alive, let_go;

	if (!offers_disk(one->disk))
		return TARGET_ALIVE;
	alive = program_alive(&world.program);
	let_go = take_disk_away(&world.disks[one->disk]);
	if (!alive || worker_died(why)) {
		if (!alive)
			last_words(why);
		return TARGET_DEAD;
	}
	if (world.hosted->per_case)
		program_stop(&world.program);
	if (let_go)
		return TARGET_ALIVE;
	snprintf(why, TARGET_TEXT_BYTES,
		 "the backend does not let go of a disk whose guest is gone");
	return TARGET_STUCK;
}

/* --- in the case's process: the guest --- */

static int ask_unplug(void *context, enum case_disk disk)
{
	(void)context;
	return toolstack_ask_unplug(world.store, &world.disks[disk]);
}

static bool await_state(const struct toolstack_disk *disk,
			bool (*reached)(const struct toolstack_disk *disk))
{
	for (unsigned int i = 0; i < READY_STEPS; i++) {
		if (reached(disk))
			return true;
		nap();
	}
	return false;
}

static bool unplugged(const struct toolstack_disk *disk)
{
	return toolstack_unplugged(world.store, disk);
}

static int replug(void *context, enum case_disk disk)
{
	const struct toolstack_disk *one = &world.disks[disk];
	int result = ask_unplug(context, disk);

	if (result == 0 && !await_state(one, unplugged))
		return -ETIMEDOUT;
	if (result == 0)
		result = toolstack_remove(world.store, one);
	if (result == 0)
		result = toolstack_plug(world.store, one);
	if (result == 0 && !await_state(one, backend_ready))
		return -ETIMEDOUT;
	return result;
}

static char *error_of(void *context, enum case_disk disk)
{
	(void)context;
	return toolstack_error(world.store, &world.disks[disk]);
}

int dropin_enter(const struct conform_case *one, struct guest_world *guest)
{
	char domid[16];

	/* A connection of our own: the runner's must not be shared. */
	world.store = xs_open(0);
	if (world.store == NULL)
		return -errno;
	snprintf(domid, sizeof(domid), "%u", DROPIN_GUEST);
	setenv("XENSIM_DOMID", domid, 1);
	setenv("XENSTORED_PATH", world.guest_socket, 1);
	guest->domid = DROPIN_GUEST;
	if (offers_disk(one->disk))
		guest->devid[one->disk] = world.disks[one->disk].devid;
	guest->sectors[one->disk] = DISK_BYTES / 512;
	guest->durable = true;
	guest->replug = world.hosted->per_case ? NULL : replug;
	guest->ask_unplug = ask_unplug;
	guest->error = error_of;
	guest->timeout_ms = 5000;
	return 0;
}

uint64_t dropin_leave(void)
{
	return 0;
}
