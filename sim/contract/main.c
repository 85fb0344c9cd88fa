/*
 * sim-contract: runs the cases of the library contract and prints TAP.
 *
 *   sim-contract [--list] [ID...]
 *
 * Exit: 0 all hold, 1 one does not, 2 usage, 3 nothing was run, 4 no peer.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/contract/peer.h"
#include "version.h"

static const struct contract_case *const tables[] = {
	contract_grants, contract_copies, contract_events, contract_store,
	NULL};

struct tally {
	unsigned int run, failed;
};

static bool selected(const char *id, char **wanted)
{
	if (*wanted == NULL)
		return true;
	for (; *wanted != NULL; wanted++)
		if (strcmp(id, *wanted) == 0)
			return true;
	return false;
}

/* A directory that the peer owns and that is empty. */
static bool prepare_store(struct contract *c)
{
	struct xs_permissions owner = {.id = c->peer, .perms = XS_PERM_NONE};

	snprintf(c->base, sizeof(c->base), "/local/domain/%u/contract",
		 c->peer);
	(void)xs_rm(c->xs, XBT_NULL, c->base);
	return xs_mkdir(c->xs, XBT_NULL, c->base) &&
	       xs_set_permissions(c->xs, XBT_NULL, c->base, &owner, 1);
}

static void run_case(struct contract *c, const struct contract_case *k)
{
	c->failed = NULL;
	c->gnttab = xengnttab_open(NULL, 0);
	c->evtchn = xenevtchn_open(NULL, 0);
	c->xs = xs_open(0);
	if (c->gnttab == NULL || c->evtchn == NULL || c->xs == NULL)
		contract_fail(c, "handles can be opened", __LINE__);
	else if (peer_restart(c) != 0)
		contract_fail(c, "the peer can begin anew", __LINE__);
	else if (!prepare_store(c))
		contract_fail(c, "the peer's directory can be made", __LINE__);
	else
		k->run(c);
	if (c->gnttab != NULL)
		xengnttab_close(c->gnttab);
	if (c->evtchn != NULL)
		xenevtchn_close(c->evtchn);
	xs_close(c->xs);
}

static void report(const struct contract *c, const struct contract_case *k,
		   struct tally *tally)
{
	tally->run++;
	printf("%s %u - %s %s\n", c->failed != NULL ? "not ok" : "ok",
	       tally->run, k->id, k->sentence);
	if (c->failed == NULL)
		return;
	tally->failed++;
	printf("# line %d expects: %s (errno %d, %s)\n", c->failed_line,
	       c->failed, c->failed_errno, strerror(c->failed_errno));
}

static void run_table(struct contract *c, const struct contract_case *k,
		      char **wanted, struct tally *tally)
{
	for (; k->id != NULL; k++) {
		if (!selected(k->id, wanted))
			continue;
		run_case(c, k);
		report(c, k, tally);
		fflush(stdout);
	}
}

static int run(char **wanted)
{
	struct contract c = {0};
	struct tally tally = {0};
	int error = transport_begin(&c);

	if (error < 0) {
		fprintf(stderr, "sim-contract: no peer domain: %s\n",
			strerror(-error));
		return 4;
	}
	for (size_t i = 0; tables[i] != NULL; i++)
		run_table(&c, tables[i], wanted, &tally);
	transport_end();
	printf("1..%u\n# %u passed, %u failed\n", tally.run,
	       tally.run - tally.failed, tally.failed);
	if (tally.run == 0) {
		fputs("sim-contract: no case has such an id; --list shows "
		      "them\n",
		      stderr);
		return 3;
	}
	return tally.failed > 0;
}

static int list(void)
{
	for (size_t i = 0; tables[i] != NULL; i++)
		for (const struct contract_case *k = tables[i]; k->id; k++)
			printf("%-10s %s\n", k->id, k->sentence);
	return 0;
}

int main(int argc, char **argv)
{
	const char *option = argc > 1 && argv[1][0] == '-' ? argv[1] : "";

	if (strcmp(option, "--peer") == 0)
		return transport_peer_main(argv + 2);
	if (strcmp(option, "--list") == 0)
		return list();
	if (strcmp(option, "--version") == 0)
		return puts("sim-contract " XENBLK_VERSION) < 0;
	if (strcmp(option, "--help") == 0)
		return puts("usage: sim-contract [--list] [ID...]\n"
			    "Runs the cases of the Xen libraries' contract "
			    "and prints TAP.\n"
			    "CONTRACT_PEER is the peer's domid (1), "
			    "CONTRACT_GUEST the command that\nruns another "
			    "in it (xenblk-sim guest 1 --), "
			    "CONTRACT_PEER_PROGRAM\nwhat this program is "
			    "called there, CONTRACT_NOBODY a domid that "
			    "nobody\nhas (60), CONTRACT_PATIENCE_MS and "
			    "CONTRACT_QUIET_MS how long to\nwait for what "
			    "must come (5000) and must not (20).") < 0;
	if (option[0] != '\0') {
		fprintf(stderr, "sim-contract: unknown option %s; try --help\n",
			option);
		return 2;
	}
	return run(argv + 1);
}
