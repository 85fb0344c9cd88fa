/*
 * xenblk-sim: a simulated Xen host for ordinary programs, natively, without a
 * hypervisor.  Options and subcommands; what they do is in toolstack/.
 */
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "sim/toolstack/command.h"
#include "sim/toolstack/run.h"
#include "version.h"

static const char help[] =
	"usage: xenblk-sim run [--dir DIR] [--keep] [--xenstored PATH] -- "
	"COMMAND...\n"
	"       xenblk-sim guest DOMID [--memory MIB] -- COMMAND...\n"
	"       xenblk-sim introduce DOMID [--memory MIB]\n"
	"       xenblk-sim attach DOMID VDEV [--dir vbd] [--params STRING]\n"
	"                  [--mode r|w] [--device-type disk] [KEY=VALUE...]\n"
	"       xenblk-sim detach DOMID VDEV [--force] [--timeout SECONDS]\n"
	"       xenblk-sim destroy DOMID [--bare] [--timeout SECONDS]\n"
	"       xenblk-sim status [--json]\n"
	"\n"
	"run makes a simulated Xen host around COMMAND, which runs in dom0 "
	"with "
	"the real\nxenstored; the other commands work inside of it:\n"
	"  guest      run COMMAND in guest DOMID, which is made if needed\n"
	"  introduce  make guest DOMID and tell xenstored\n"
	"  attach     write what a toolstack writes for a disk of the guest\n"
	"  detach     ask the backend to let go of it, wait, remove it\n"
	"  destroy    kill a guest and remove what it had in the store\n"
	"  status     what every domain holds: pages, ports, handles\n"
	"VDEV is xvda, xvdb1, sda, hda or a number.\n"
	"\n"
	"  --dir DIR         run: the world's files, an empty or new "
	"directory; "
	"attach: the\n"
	"                    backend's kind\n"
	"  --keep            leave the world's files behind\n"
	"  --xenstored PATH  the C xenstored to use\n"
	"  --help, --version\n"
	"\n"
	"Exit status: run and guest: COMMAND's own (128 + N for signal N); "
	"otherwise 0 done,\n1 not done, 2 usage, 3 nothing to run, 4 the world "
	"failed.\n";

int command_run(int argc, char **argv)
{
	static const struct option options[] = {
		{"dir", required_argument, NULL, 'd'},
		{"keep", no_argument, NULL, 'k'},
		{"xenstored", required_argument, NULL, 'x'},
		{0},
	};
	struct run_options run = {0};
	int option;

	optind = 1;
	while ((option = getopt_long(argc, argv, "+", options, NULL)) != -1) {
		if (option == 'd')
			run.directory = optarg;
		else if (option == 'x')
			run.xenstored = optarg;
		else if (option == 'k')
			run.keep = true;
		else
			return EXIT_USAGE;
	}
	if (optind >= argc) {
		fprintf(stderr, "xenblk-sim: run: no command to run; write it "
				"after --\n");
		return EXIT_NOTHING;
	}
	run.command = argv + optind;
	return run_world(&run);
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		int (*command)(int argc, char **argv);
	} commands[] = {
		{"run", command_run},
		{"guest", command_guest},
		{"introduce", command_introduce},
		{"attach", command_attach},
		{"detach", command_detach},
		{"destroy", command_destroy},
		{"status", command_status},
	};

	if (argc >= 2 && !strcmp(argv[1], "--version")) {
		printf("xenblk-sim %s\n", XENBLK_VERSION);
		return EXIT_OK;
	}
	for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
		if (!strcmp(argv[i], "--help")) {
			fputs(help, stdout);
			return EXIT_OK;
		}
	for (size_t i = 0;
	     argc >= 2 && i < sizeof(commands) / sizeof(*commands); i++)
		if (!strcmp(argv[1], commands[i].name))
			return commands[i].command(argc - 1, argv + 1);
	if (argc >= 2)
		fprintf(stderr, "xenblk-sim: there is no command \"%s\"\n\n",
			argv[1]);
	fputs(help, stderr);
	return EXIT_USAGE;
}
