/*
 * The target on real Xen: this program runs in the guest, over the guest's own
 * libraries, and the backend is in dom0.
 *
 * What only a toolstack can do is asked of xenblk-conform-dom0 (errand.h).
 * Every case's process is the guest itself.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conformance/targets/errand.h"
#include "conformance/targets/target.h"

#define FIND_MS 60000u

#define CASE_S_MIN 60u

static struct {
	struct errand_service service;
} xen;

static struct target target;

static bool offers(enum case_disk disk)
{
	return (xen.service.disks >> disk & 1) != 0;
}

static int run(enum errand_kind kind, enum case_disk disk,
	       unsigned long long value, struct errand_answer *answer)
{
	const struct errand errand = {
		.kind = kind, .disk = disk, .value = value};
	int result = errand_run(&xen.service, &errand, answer);

	if (result != 0)
		snprintf(answer->text, sizeof(answer->text),
			 "xenblk-conform-dom0 does not answer: %s",
			 strerror(-result));
	return result;
}

static int start(char **argv, char why[TARGET_TEXT_BYTES])
{
	int result = errand_find(&xen.service, FIND_MS);

	(void)argv;
	if (result != 0) {
		snprintf(why, TARGET_TEXT_BYTES,
			 "no xenblk-conform-dom0 serves this guest: %s",
			 strerror(-result));
		return result;
	}
	target.backend = xen.service.backend;
	target.ours = xen.service.ours != 0;
	/* a case waits in vain a few times, but not often */
	target.timeout_s = xen.service.patience_ms * 4 / 1000;
	if (target.timeout_s < CASE_S_MIN)
		target.timeout_s = CASE_S_MIN;
	return 0;
}

static void stop(void)
{
}

static int before(const struct conform_case *one, char why[TARGET_TEXT_BYTES])
{
	struct errand_answer answer;
	int result = run(ERRAND_BEFORE, one->disk, 0, &answer);

	if (result == 0)
		result = answer.result;
	if (result != 0)
		snprintf(why, TARGET_TEXT_BYTES, "%.250s", answer.text);
	return result;
}

static enum target_health after(const struct conform_case *one,
				char why[TARGET_TEXT_BYTES])
{
	struct errand_answer answer;
	int result = run(ERRAND_AFTER, one->disk, 0, &answer);

	snprintf(why, TARGET_TEXT_BYTES, "%.250s", answer.text);
	if (result != 0 || answer.result < 0 ||
	    answer.result >= TARGET_HEALTH_COUNT)
		return TARGET_STUCK;
	return (enum target_health)answer.result;
}

/* --- in the case's process --- */

/* 0 or -errno of an errand that says nothing else. */
static int have_done(enum errand_kind kind, enum case_disk disk,
		     unsigned long long value)
{
	struct errand_answer answer;
	int result = run(kind, disk, value, &answer);

	return result != 0 ? result : answer.result;
}

static int replug(void *context, enum case_disk disk)
{
	(void)context;
	return have_done(ERRAND_REPLUG, disk, 0);
}

static int ask_unplug(void *context, enum case_disk disk)
{
	(void)context;
	return have_done(ERRAND_ASK_UNPLUG, disk, 0);
}

static int do_deed(void *context, enum case_disk disk, enum guest_deed deed)
{
	(void)context;
	return have_done(ERRAND_DEED, disk, deed);
}

static int resize(void *context, enum case_disk disk, uint64_t sectors)
{
	(void)context;
	return have_done(ERRAND_RESIZE, disk, sectors);
}

static int medium(void *context, enum case_disk disk, bool in)
{
	(void)context;
	return have_done(ERRAND_MEDIUM, disk, in);
}

static char *error_of(void *context, enum case_disk disk)
{
	struct errand_answer answer;

	(void)context;
	if (run(ERRAND_ERROR, disk, 0, &answer) != 0 || answer.result != 0)
		return NULL;
	return strdup(answer.text);
}

static int enter(const struct conform_case *one, struct guest_world *guest)
{
	guest->domid = xen.service.domid;
	if (offers(one->disk))
		guest->devid[one->disk] = xen.service.devid + 16u * one->disk;
	guest->sectors[one->disk] = case_disk_shape(one->disk)->sectors;
	guest->durable = true;
	guest->replug = xen.service.per_case ? NULL : replug;
	guest->ask_unplug = ask_unplug;
	guest->deed = do_deed;
	guest->resize = xen.service.resizes ? resize : NULL;
	guest->medium = xen.service.changes_media ? medium : NULL;
	guest->error = error_of;
	guest->timeout_ms = (int)xen.service.patience_ms;
	return 0;
}

static uint64_t leave(void)
{
	return 0;
}

/* Who serves it is known when the service has said so. */
static struct target target = {
	.name = "xen",
	.backend = "a backend in dom0",
	.start = start,
	.stop = stop,
	.before = before,
	.enter = enter,
	.leave = leave,
	.after = after,
};

const struct target *const targets[] = {&target, NULL};
