/* A small table of places, written at the end.  See touchpoints.h. */
#include "fuzz/touchpoints.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PLACES 1024u /* a power of two, far more than there are */

/* Where the linker put the first byte of the program. */
extern const char __executable_start[];

static struct {
	bool asked;
	const char *path; /* NULL: nobody wants to know */
	const void *place[PLACES];
	uint64_t count[PLACES];
} touchpoints;

static int write_to(FILE *file)
{
	char program[4096];
	ssize_t n = readlink("/proc/self/exe", program, sizeof(program) - 1);

	program[n > 0 ? n : 0] = '\0';
	fprintf(file, "program %s\n", program);
	for (unsigned int i = 0; i < PLACES; i++)
		if (touchpoints.place[i] != NULL)
			fprintf(file, "0x%zx %" PRIu64 "\n",
				(size_t)((const char *)touchpoints.place[i] -
					 __executable_start),
				touchpoints.count[i]);
	return ferror(file) ? -EIO : 0;
}

static void write_at_exit(void)
{
	FILE *file = fopen(touchpoints.path, "w");
	int error = file == NULL ? -errno : write_to(file);

	if (file != NULL && fclose(file) != 0)
		error = -errno;
	if (error != 0)
		fprintf(stderr,
			"XENBLK_TOUCHPOINTS: %s cannot be written: %s\n",
			touchpoints.path, strerror(-error));
}

static void ask(void)
{
	touchpoints.asked = true;
	touchpoints.path = getenv("XENBLK_TOUCHPOINTS");
	if (touchpoints.path != NULL)
		(void)atexit(write_at_exit);
}

static void count(const void *from)
{
	unsigned int at = (unsigned int)((uintptr_t)from * 2654435761u >> 7);

	for (unsigned int tries = 0; tries < PLACES; tries++, at++) {
		const void **place = &touchpoints.place[at % PLACES];

		if (*place == NULL)
			*place = from;
		if (*place != from)
			continue;
		touchpoints.count[at % PLACES]++;
		return;
	}
}

void touchpoint_reached(const void *from)
{
	if (!touchpoints.asked)
		ask();
	if (touchpoints.path != NULL)
		count(from);
}
