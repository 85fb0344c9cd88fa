/* Another size, another medium.  See change.h. */
#include "backend/ctl/change.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "backend/ctl/limit.h"
#include "backend/ctl/socket.h"

/* The worker finishes first what it has taken, which has a bound of 30 s, and
 * another one starts. */
#define WAIT_MS 90000u
#define STEP_MS 20u

bool change_command(const char *command, int count)
{
	if (strcmp(command, "resize") == 0)
		return count == 2 || count == 3;
	if (strcmp(command, "eject") == 0)
		return count == 2;
	return strcmp(command, "insert") == 0 && count == 3;
}

const char *change_request(const char *command, const char *argument,
			   json_t *request)
{
	json_int_t bytes;

	if (argument == NULL)
		return NULL;
	if (strcmp(command, "insert") == 0)
		return json_object_set_new(request, "params",
					   json_string(argument)) == 0
			       ? NULL
			       : "the name of a medium must be UTF-8";
	if (!limit_number(argument, "KMGT", &bytes) || bytes <= 0)
		return "a size is a number of bytes with an optional k, M, G "
		       "or T";
	json_object_set_new(request, "bytes", json_integer(bytes));
	return NULL;
}

static bool is_changing(const json_t *answer)
{
	const json_t *disk =
		json_array_get(json_object_get(answer, "disks"), 0);

	return json_is_true(json_object_get(disk, "changing"));
}

json_t *change_wait(int fd, const json_t *request, json_t *answer)
{
	const struct timespec step = {.tv_nsec = STEP_MS * 1000000};
	json_t *show = json_copy((json_t *)(uintptr_t)request);
	unsigned int waited_ms = 0;

	json_incref(answer);
	json_object_set_new(show, "command", json_string("show"));
	while (answer != NULL && is_changing(answer)) {
		json_decref(answer);
		answer = NULL;
		if (waited_ms >= WAIT_MS)
			break;
		nanosleep(&step, NULL);
		waited_ms += STEP_MS;
		answer = socket_ask(fd, show);
	}
	json_decref(show);
	return answer;
}

void change_print(const json_t *disk)
{
	const char *error = json_string_value(json_object_get(disk, "error"));
	const json_int_t sectors =
		json_integer_value(json_object_get(disk, "sectors"));

	if (sectors == 0)
		puts("no medium");
	else
		printf("%lld bytes\n", (long long)sectors * 512);
	if (error != NULL && error[0] != '\0')
		printf("%s\n", error);
}
