/* The timer of a second look.  See again.h. */
#include "backend/supervisor/again.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "backend/base/check.h"
#include "backend/base/log.h"

#define FIRST_MS 100u
#define MOST_MS	 60000u

int again_open(struct again *again)
{
	again->armed = false;
	again->delay_ms = FIRST_MS;
	again->fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	return again->fd < 0 ? -errno : 0;
}

void again_close(struct again *again)
{
	if (again->fd >= 0)
		close(again->fd);
	again->fd = -1;
}

static bool arm(const struct again *again)
{
	const struct itimerspec when = {
		.it_value = {.tv_sec = again->delay_ms / 1000,
			     .tv_nsec = again->delay_ms % 1000 * 1000000L}};

	return timerfd_settime(again->fd, 0, &when, NULL) == 0;
}

void again_plan(struct again *again, bool unsure)
{
	CHECK(again->fd >= 0);
	CHECK(again->delay_ms >= FIRST_MS && again->delay_ms <= MOST_MS);
	if (again->armed)
		return;
	if (!unsure) {
		again->delay_ms = FIRST_MS;
		return;
	}
	again->armed = arm(again);
	if (!again->armed)
		log_line(
			LOG_WARNING,
			"what xenstore did not answer is asked again only when "
			"something happens: %s",
			strerror(errno));
	again->delay_ms *= 2;
	if (again->delay_ms > MOST_MS)
		again->delay_ms = MOST_MS;
}

bool again_due(struct again *again)
{
	uint64_t times;

	if (read(again->fd, &times, sizeof(times)) != sizeof(times))
		return false;
	again->armed = false;
	return true;
}
