/*
 * What the subcommands share (command.h).
 */
#include "sim/toolstack/command.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sim/toolstack/place.h"
#include "sim/world.h"

int command_connect(void)
{
	struct message hello = {.kind = MESSAGE_HELLO,
				.role = MESSAGE_ROLE_TOOLSTACK};
	struct place place;
	int connection;
	int error;

	if (place_find(&place) != 0)
		return -1;
	connection = message_connect();
	error = connection < 0 ? connection
			       : message_call(connection, &hello, NULL);
	if (!error)
		return connection;
	fprintf(stderr,
		"xenblk-sim: cannot reach the broker of the world in %s: %s; "
		"has the world ended?\n",
		place.directory, strerror(-error));
	if (connection >= 0)
		close(connection);
	return -1;
}

int command_ask(int connection, struct message *message)
{
	return message_call(connection, message, NULL);
}

bool command_number(const char *what, const char *text, uint32_t *number)
{
	unsigned long value;
	char *end;

	errno = 0;
	value = strtoul(text, &end, 10);
	if (errno == 0 && end != text && !*end && value <= UINT32_MAX &&
	    text[0] != '-') {
		*number = (uint32_t)value;
		return true;
	}
	fprintf(stderr, "xenblk-sim: %s is \"%s\", which is not a number\n",
		what, text);
	return false;
}

bool command_domid(const char *text, uint32_t *domid)
{
	if (!command_number("the domain", text, domid))
		return false;
	if (*domid > 0 && *domid < WORLD_DOMAINS)
		return true;
	fprintf(stderr,
		"xenblk-sim: domain %u is not possible: guests are 1 to %u\n",
		*domid, WORLD_DOMAINS - 1);
	return false;
}

int command_usage(const char *subcommand, const char *problem)
{
	fprintf(stderr,
		"xenblk-sim: %s: %s; xenblk-sim --help shows what is "
		"possible\n",
		subcommand, problem);
	return EXIT_USAGE;
}
