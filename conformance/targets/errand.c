/* Errands between a guest and dom0: see errand.h. */
#include "conformance/targets/errand.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define DIRECTORY "conform"
#define SERVICE	  "conform/service"
#define REQUEST	  "conform/request"
#define ANSWER	  "conform/answer"

static uint64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* As text with a 0 at its end; the length, or -errno. */
static ssize_t get_text(struct store *store, const char *node, char *text,
			size_t bytes)
{
	ssize_t got = store_get(store, node, text, bytes - 1);

	if (got > (ssize_t)bytes - 1)
		got = (ssize_t)bytes - 1;
	text[got < 0 ? 0 : got] = '\0';
	return got;
}

/* Until something that is watched changed, or the time is over. */
static bool await_change(struct store *store, uint64_t end)
{
	struct pollfd wait = {.fd = store_fd(store), .events = POLLIN};
	uint64_t now = now_ms();

	if (now >= end)
		return false;
	poll(&wait, 1, (int)(end - now));
	store_drain(store);
	return true;
}

/* --- in the guest --- */

static bool read_service(struct store *store, struct errand_service *service)
{
	char text[256];

	if (get_text(store, SERVICE, text, sizeof(text)) <= 0)
		return false;
	return sscanf(text, "%u %u %u %u %u %u %u %u %63[^\n]", &service->domid,
		      &service->devid, &service->patience_ms, &service->ours,
		      &service->per_case, &service->resizes,
		      &service->changes_media, &service->disks,
		      service->backend) == 9;
}

int errand_find(struct errand_service *service, unsigned int timeout_ms)
{
	uint64_t end = now_ms() + timeout_ms;
	struct store store;
	int result = store_open(&store, STORE_INSIDE);

	if (result != 0)
		return result;
	result = store_watch(&store, SERVICE);
	while (result == 0 && !read_service(&store, service)) {
		if (!await_change(&store, end))
			result = -ETIMEDOUT;
	}
	store_close(&store);
	return result;
}

static bool read_answer(struct store *store, const char *number,
			struct errand_answer *answer)
{
	char text[ERRAND_TEXT_BYTES + 64], whose[40] = "";
	int used = 0;

	if (get_text(store, ANSWER, text, sizeof(text)) <= 0 ||
	    sscanf(text, "%39s %d%n", whose, &answer->result, &used) != 2 ||
	    strcmp(whose, number) != 0)
		return false;
	snprintf(answer->text, sizeof(answer->text), "%s",
		 text[used] == ' ' ? text + used + 1 : "");
	return true;
}

int errand_run(const struct errand_service *service,
	       const struct errand *errand, struct errand_answer *answer)
{
	/* the service may have to do one that somebody else left behind */
	uint64_t end = now_ms() + 8ull * service->patience_ms + 10000;
	char number[40], text[80];
	struct timespec now;
	struct store store;
	int result = store_open(&store, STORE_INSIDE);

	if (result != 0)
		return result;
	clock_gettime(CLOCK_MONOTONIC, &now);
	snprintf(number, sizeof(number), "%x-%llx-%lx", (unsigned int)getpid(),
		 (unsigned long long)now.tv_sec, (unsigned long)now.tv_nsec);
	snprintf(text, sizeof(text), "%s %u %u %llu", number,
		 (unsigned int)errand->kind, errand->disk, errand->value);
	result = store_watch(&store, ANSWER);
	if (result == 0)
		result = store_put(&store, REQUEST, text, strlen(text));
	while (result == 0 && !read_answer(&store, number, answer)) {
		if (!await_change(&store, end))
			result = -ETIMEDOUT;
	}
	store_close(&store);
	return result;
}

/* --- in dom0 --- */

int errand_offer(struct store *store, const struct errand_service *service)
{
	char text[256];
	int result;

	snprintf(text, sizeof(text), "%u %u %u %u %u %u %u %u %s",
		 service->domid, service->devid, service->patience_ms,
		 service->ours, service->per_case, service->resizes,
		 service->changes_media, service->disks, service->backend);
	result = store_remove(store, DIRECTORY);
	if (result == 0)
		result = store_put(store, ANSWER, "-", 1);
	if (result == 0)
		result = store_watch(store, REQUEST);
	if (result == 0)
		result = store_put(store, SERVICE, text, strlen(text));
	/* from here on the nodes are not made anew after the guest's end */
	snprintf(store->guard, sizeof(store->guard), SERVICE);
	return result;
}

int errand_take(struct store *store, struct errand *errand)
{
	char text[80], answered[40] = "", old[ERRAND_TEXT_BYTES];
	unsigned int kind;
	ssize_t got = get_text(store, REQUEST, text, sizeof(text));

	if (got == -ENOENT)
		return get_text(store, SERVICE, old, sizeof(old)) == -ENOENT
			       ? -EPIPE
			       : 0;
	if (got < 0)
		return (int)got;
	if (sscanf(text, "%39s %u %u %llu", errand->number, &kind,
		   &errand->disk, &errand->value) != 4)
		return 0;
	got = get_text(store, ANSWER, old, sizeof(old));
	if (got < 0)
		return got == -ENOENT ? -EPIPE : (int)got;
	sscanf(old, "%39s", answered);
	if (strcmp(answered, errand->number) == 0)
		return 0;
	errand->kind = kind < ERRAND_KINDS ? kind : ERRAND_KINDS;
	return 1;
}

int errand_answer(struct store *store, const struct errand *errand,
		  const struct errand_answer *answer)
{
	char text[ERRAND_TEXT_BYTES + 64];

	snprintf(text, sizeof(text), "%s %d %s", errand->number, answer->result,
		 answer->text);
	return store_put(store, ANSWER, text, strlen(text));
}

void errand_withdraw(struct store *store)
{
	if (!store_guest_gone(store))
		store_remove(store, DIRECTORY);
}
