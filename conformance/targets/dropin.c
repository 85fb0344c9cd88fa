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

#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define GUEST	       5u /* the guest's domain number */
#define WORLD_VARIABLE "XENBLK_CONFORM_WORLD"

static struct {
	struct host host;
	char guest_socket[HOST_PATH_BYTES];
} world;

/* --- making the world --- */

/* Not in a world of ours yet: become xenblk-sim, which runs us again inside. */
static int enter_world(char **argv, char why[TARGET_TEXT_BYTES])
{
	char simulator[HOST_PATH_BYTES], self[HOST_PATH_BYTES];
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
	char simulator[HOST_PATH_BYTES], domid[16];
	char *const command[] = {simulator,  "guest",	       domid, "--",
				 "printenv", "XENSTORED_PATH", NULL};
	int result;

	program_beside("xenblk-sim", simulator, sizeof(simulator));
	snprintf(domid, sizeof(domid), "%u", GUEST);
	result = program_output(command, world.guest_socket,
				sizeof(world.guest_socket));
	if (result != 0)
		snprintf(why, TARGET_TEXT_BYTES,
			 "a guest cannot be made on the simulator");
	return result;
}

int dropin_start(const struct hosted *hosted, char **argv,
		 char why[TARGET_TEXT_BYTES])
{
	int result;

	if (getenv(WORLD_VARIABLE) == NULL)
		return enter_world(argv, why);
	unsetenv(WORLD_VARIABLE);
	world.host = (struct host){.hosted = hosted,
				   .domid = GUEST,
				   .devid = 51712,
				   .patience_ms = 5000};
	result = find_guest_socket(why);
	return result != 0 ? result : host_open(&world.host, why);
}

void dropin_stop(void)
{
	host_close(&world.host);
}

/* --- around a case, in the runner --- */

int dropin_before(const struct conform_case *one, char why[TARGET_TEXT_BYTES])
{
	return host_before(&world.host, one->disk, why);
}

enum target_health dropin_after(const struct conform_case *one,
				char why[TARGET_TEXT_BYTES])
{
	return host_after(&world.host, one->disk, why);
}

/* --- in the case's process: the guest --- */

static int replug(void *context, enum case_disk disk)
{
	(void)context;
	return host_replug(&world.host, disk);
}

static int ask_unplug(void *context, enum case_disk disk)
{
	(void)context;
	return host_ask_unplug(&world.host, disk);
}

static int do_deed(void *context, enum case_disk disk, enum guest_deed deed)
{
	(void)context;
	return host_do(&world.host, disk, deed);
}

static int resize(void *context, enum case_disk disk, uint64_t sectors)
{
	(void)context;
	return host_resize(&world.host, disk, sectors);
}

static int medium(void *context, enum case_disk disk, bool in)
{
	(void)context;
	return host_medium(&world.host, disk, in);
}

/* The preloaded simulator sees what no guest can. */
static unsigned int mapped(void *context, uint32_t gref)
{
	unsigned int (*look)(uint32_t domid, uint32_t gref);

	(void)context;
	*(void **)&look = dlsym(RTLD_DEFAULT, "sim_grant_mapped");
	return look(GUEST, gref);
}

static char *error_of(void *context, enum case_disk disk)
{
	(void)context;
	return host_error(&world.host, disk);
}

int dropin_enter(const struct conform_case *one, struct guest_world *guest)
{
	const struct host *host = &world.host;
	char domid[16];
	/* A connection of our own: the runner's must not be shared. */
	int result = host_store(&world.host);

	if (result != 0)
		return result;
	snprintf(domid, sizeof(domid), "%u", GUEST);
	setenv("XENSIM_DOMID", domid, 1);
	setenv("XENSTORED_PATH", world.guest_socket, 1);
	guest->domid = GUEST;
	if (host_offers(host, one->disk))
		guest->devid[one->disk] = host->disk[one->disk].devid;
	guest->sectors[one->disk] = case_disk_shape(one->disk)->sectors;
	guest->durable = true;
	guest->replug = host->hosted->per_case ? NULL : replug;
	guest->ask_unplug = ask_unplug;
	guest->deed = do_deed;
	guest->resize = host->hosted->resize != NULL ? resize : NULL;
	guest->medium = host->hosted->follows_params ? medium : NULL;
	guest->error = error_of;
	if (dlsym(RTLD_DEFAULT, "sim_grant_mapped") != NULL)
		guest->mapped = mapped;
	guest->timeout_ms = 5000;
	return 0;
}

uint64_t dropin_leave(void)
{
	return 0;
}
