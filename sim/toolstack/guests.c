/*
 * Subcommands about whole domains: guest, introduce, destroy.
 */
#include "sim/toolstack/command.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>
#include <xenstore.h>

#include "sim/toolstack/place.h"
#include "sim/toolstack/tree.h"
#include "sim/world.h"

#define PAGES_PER_MIB 256u
#define CLOSE_MS      10000u

/* Two that make the same domain at the same time must not both half do it. */
static int lock_toolstack(void)
{
	char path[PLACE_FILE_BYTES];
	struct place place;
	int fd;

	if (place_find(&place) != 0)
		return -1;
	place_file(&place, "toolstack.lock", path);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0 || flock(fd, LOCK_EX) != 0) {
		fprintf(stderr, "xenblk-sim: cannot lock %s: %s\n", path,
			strerror(errno));
		return -1;
	}
	return fd;
}

static int introduce(uint32_t domid, const struct tree_ring *ring)
{
	struct xs_handle *store = tree_open();
	int error;

	if (!store)
		return -EIO;
	error = tree_introduce(store, domid, ring);
	xs_close(store);
	return error;
}

/* Makes the domain unless it is there. */
static int make_domain(int connection, uint32_t domid, uint32_t pages)
{
	struct message message = {
		.kind = MESSAGE_DOMAIN_CREATE, .value = domid, .pages = pages};
	struct tree_ring ring;
	int error = command_ask(connection, &message);

	if (error == -EEXIST)
		return 0;
	if (error == -EBUSY) {
		fprintf(stderr,
			"xenblk-sim: an earlier domain %u is still dying: "
			"somebody has pages of it mapped (xenblk-sim status "
			"shows who)\n",
			domid);
		return error;
	}
	if (error) {
		fprintf(stderr, "xenblk-sim: cannot make domain %u: %s\n",
			domid, strerror(-error));
		return error;
	}
	ring = (struct tree_ring){.frame = message.value,
				  .port = message.pages};
	error = introduce(domid, &ring);
	if (error) {
		message = (struct message){.kind = MESSAGE_DOMAIN_DESTROY,
					   .value = domid};
		command_ask(connection, &message);
	}
	return error;
}

int command_ensure_domain(uint32_t domid, uint32_t mib)
{
	int lock = lock_toolstack();
	int connection = lock < 0 ? -1 : command_connect();
	int error = connection < 0 ? -EIO
				   : make_domain(connection, domid,
						 mib * PAGES_PER_MIB);

	if (connection >= 0)
		close(connection);
	if (lock >= 0)
		close(lock);
	return error;
}

/* DOMID and --memory; the rest of argv starts at optind. */
static int parse(int argc, char **argv, uint32_t *domid, uint32_t *mib)
{
	static const struct option options[] = {
		{"memory", required_argument, NULL, 'm'},
		{0},
	};
	const uint32_t most = WORLD_FRAMES / PAGES_PER_MIB;
	int option;

	*mib = COMMAND_GUEST_MIB;
	if (argc < 2)
		return command_usage(argv[0], "which domain?");
	if (!command_domid(argv[1], domid))
		return EXIT_USAGE;
	optind = 2;
	while ((option = getopt_long(argc, argv, "+", options, NULL)) != -1)
		if (option != 'm' || !command_number("--memory", optarg, mib))
			return EXIT_USAGE;
	if (*mib >= 1 && *mib <= most)
		return EXIT_OK;
	fprintf(stderr, "xenblk-sim: --memory is %u MiB; a guest has 1 to %u\n",
		*mib, most);
	return EXIT_USAGE;
}

static int become_guest(uint32_t domid, char **command)
{
	char path[PLACE_FILE_BYTES], number[16];
	struct place place;

	if (place_find(&place) != 0)
		return EXIT_TOOL;
	place_guest_socket(&place, domid, path);
	snprintf(number, sizeof(number), "%u", domid);
	setenv("XENSTORED_PATH", path, 1);
	setenv("XENSIM_DOMID", number, 1);
	execvp(command[0], command);
	fprintf(stderr, "xenblk-sim: cannot run %s: %s\n", command[0],
		strerror(errno));
	return errno == ENOENT ? 127 : 126;
}

int command_guest(int argc, char **argv)
{
	uint32_t domid, mib;
	int status = parse(argc, argv, &domid, &mib);

	if (status)
		return status;
	if (optind >= argc)
		return command_usage(argv[0], "no command to run as the guest");
	if (command_ensure_domain(domid, mib) != 0)
		return EXIT_TOOL;
	return become_guest(domid, argv + optind);
}

int command_introduce(int argc, char **argv)
{
	uint32_t domid, mib;
	int status = parse(argc, argv, &domid, &mib);

	if (status)
		return status;
	if (optind < argc)
		return command_usage(argv[0], "one argument too many");
	return command_ensure_domain(domid, mib) == 0 ? EXIT_OK : EXIT_TOOL;
}

struct destroy {
	uint32_t domid;
	uint32_t timeout_s;
	bool bare; /* leave the store's nodes as they are */
};

static int kill_domain(uint32_t domid)
{
	struct message message = {.kind = MESSAGE_DOMAIN_DESTROY,
				  .value = domid};
	int connection = command_connect();
	int error;

	if (connection < 0)
		return EXIT_TOOL;
	error = command_ask(connection, &message);
	close(connection);
	if (!error)
		return EXIT_OK;
	fprintf(stderr, "xenblk-sim: cannot destroy domain %u: %s\n", domid,
		error == -ESRCH ? "there is no such domain" : strerror(-error));
	return EXIT_CHECK;
}

static int destroy(const struct destroy *what)
{
	struct xs_handle *store;
	int status = kill_domain(what->domid);

	if (status)
		return status;
	store = tree_open();
	if (!store)
		return EXIT_TOOL;
	if (what->bare) {
		xs_release_domain(store, what->domid);
	} else {
		tree_detach_all(store, what->domid, what->timeout_s * 1000);
		tree_forget(store, what->domid);
	}
	xs_close(store);
	return EXIT_OK;
}

int command_destroy(int argc, char **argv)
{
	static const struct option options[] = {
		{"timeout", required_argument, NULL, 't'},
		{"bare", no_argument, NULL, 'b'},
		{0},
	};
	struct destroy what = {.timeout_s = CLOSE_MS / 1000};
	int lock, status, option;

	if (argc < 2)
		return command_usage(argv[0], "which domain?");
	if (!command_domid(argv[1], &what.domid))
		return EXIT_USAGE;
	optind = 2;
	while ((option = getopt_long(argc, argv, "+", options, NULL)) != -1) {
		if (option == 'b')
			what.bare = true;
		else if (option != 't' ||
			 !command_number("--timeout", optarg, &what.timeout_s))
			return EXIT_USAGE;
	}
	if (optind < argc)
		return command_usage(argv[0], "one argument too many");
	lock = lock_toolstack();
	status = lock < 0 ? EXIT_TOOL : destroy(&what);
	if (lock >= 0)
		close(lock);
	return status;
}
