/*
 * Subcommands about virtual disks: attach, detach.
 */
#include "sim/toolstack/command.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xenstore.h>

#include "sim/toolstack/tree.h"
#include "sim/toolstack/vdev.h"

#define CLOSE_S 10u

/* DOMID and VDEV, the first two arguments of both. */
static int parse_disk(int argc, char **argv, uint32_t *domid, uint32_t *number)
{
	if (argc < 3)
		return command_usage(argv[0], "which domain and which disk?");
	if (!command_domid(argv[1], domid))
		return EXIT_USAGE;
	if (vdev_parse(argv[2], number) == 0)
		return EXIT_OK;
	fprintf(stderr,
		"xenblk-sim: \"%s\" is not a virtual disk: use xvda, xvdb1, "
		"sda, hda or a number\n",
		argv[2]);
	return EXIT_USAGE;
}

static bool set_option(struct tree_disk *disk, int option, const char *value)
{
	switch (option) {
	case 'd':
		disk->directory = value;
		return value[0] != '\0' && !strchr(value, '/');
	case 'p':
		disk->params = value;
		return true;
	case 'm':
		disk->mode = value;
		return !strcmp(value, "r") || !strcmp(value, "w");
	case 't':
		disk->device_type = value;
		return true;
	default:
		return false;
	}
}

static int parse_attach(int argc, char **argv, struct tree_disk *disk)
{
	static const struct option options[] = {
		{"dir", required_argument, NULL, 'd'},
		{"params", required_argument, NULL, 'p'},
		{"mode", required_argument, NULL, 'm'},
		{"device-type", required_argument, NULL, 't'},
		{0},
	};
	int status = parse_disk(argc, argv, &disk->domid, &disk->number);
	int option;

	if (status)
		return status;
	disk->name = argv[2];
	optind = 3;
	while ((option = getopt_long(argc, argv, "+", options, NULL)) != -1) {
		if (option == '?')
			return EXIT_USAGE;
		if (!set_option(disk, option, optarg))
			return command_usage(
				argv[0], "--mode is r or w, --dir one name");
	}
	disk->extra = argv + optind;
	for (int i = optind; i < argc; i++)
		if (!strchr(argv[i], '=') || argv[i][0] == '=')
			return command_usage(argv[0],
					     "what follows the options is "
					     "key=value for the backend");
	return EXIT_OK;
}

int command_attach(int argc, char **argv)
{
	struct tree_disk disk = {.directory = "vbd",
				 .params = "",
				 .mode = "w",
				 .device_type = "disk"};
	int status = parse_attach(argc, argv, &disk);
	struct xs_handle *store;

	if (status)
		return status;
	/* xenstored refuses permissions for a domain that it does not know. */
	if (command_ensure_domain(disk.domid, COMMAND_GUEST_MIB) != 0)
		return EXIT_TOOL;
	store = tree_open();
	if (!store)
		return EXIT_TOOL;
	status = tree_attach(store, &disk) == 0 ? EXIT_OK : EXIT_CHECK;
	xs_close(store);
	return status;
}

int command_detach(int argc, char **argv)
{
	static const struct option options[] = {
		{"force", no_argument, NULL, 'f'},
		{"timeout", required_argument, NULL, 't'},
		{0},
	};
	struct tree_detach detach = {0};
	int status = parse_disk(argc, argv, &detach.domid, &detach.number);
	uint32_t timeout_s = CLOSE_S;
	struct xs_handle *store;
	int option;

	if (status)
		return status;
	optind = 3;
	while ((option = getopt_long(argc, argv, "+", options, NULL)) != -1) {
		if (option == 'f')
			detach.force = true;
		else if (option != 't' ||
			 !command_number("--timeout", optarg, &timeout_s))
			return EXIT_USAGE;
	}
	if (optind < argc)
		return command_usage(argv[0], "one argument too many");
	detach.timeout_ms = timeout_s * 1000;
	store = tree_open();
	if (!store)
		return EXIT_TOOL;
	status = tree_detach(store, &detach) == 0 ? EXIT_OK : EXIT_CHECK;
	xs_close(store);
	return status;
}
