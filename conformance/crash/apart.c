/* A process for some histories: see apart.h. */
#include "conformance/crash/apart.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "backend/base/check.h"
#include "backend/base/log.h"

/* As many share a process; what dead workers leave is bounded by it. */
#define BATCH	     250u
#define SECONDS_EACH 2u /* far more than any takes, sanitizers and all */
#define SECONDS_MORE 60u

/* Memory of both processes. */
struct shared {
	uint64_t seed; /* of the history under way */
	struct played outcome;
};

struct errand {
	struct shared *shared;
	const struct history *history; /* or: */
	struct history *room;
	uint64_t seed;
	uint64_t count;
	bool deaths;
	FILE *journal;
};

/* What a CHECK says belongs to the history that is told, and to no other. */
static void send_errors_to(FILE *journal)
{
	const int fd = journal != NULL
			       ? fileno(journal)
			       : open("/dev/null", O_WRONLY | O_CLOEXEC);

	if (fd >= 0)
		dup2(fd, STDERR_FILENO);
	if (journal != NULL)
		setvbuf(journal, NULL, _IOLBF, 0);
}

static void run_errand(const struct errand *errand)
{
	struct shared *shared = errand->shared;

	log_set_level(LOG_ERROR);
	if (errand->history != NULL) {
		send_errors_to(errand->journal);
		play_history(errand->history, errand->journal,
			     &shared->outcome);
		if (errand->journal)
			fflush(errand->journal);
		return;
	}
	for (uint64_t i = 0; i < errand->count && !shared->outcome.broken;
	     i++) {
		shared->seed = errand->seed + i;
		history_make(errand->room, shared->seed, errand->deaths);
		play_history(errand->room, NULL, &shared->outcome);
	}
}

static void judge_end(struct played *outcome, int status)
{
	if (outcome->broken || (WIFEXITED(status) && WEXITSTATUS(status) == 0))
		return;
	outcome->broken = true;
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM)
		snprintf(outcome->words, sizeof(outcome->words),
			 "the backend did not come back");
	else if (WIFSIGNALED(status))
		snprintf(outcome->words, sizeof(outcome->words),
			 "the backend ended with signal %d (%s)",
			 WTERMSIG(status), strsignal(WTERMSIG(status)));
	else
		snprintf(outcome->words, sizeof(outcome->words),
			 "the backend ended with status %d",
			 WEXITSTATUS(status));
}

/* The child does nothing but play: no buffer of ours may be written twice. */
static int send(const struct errand *errand)
{
	int status;
	pid_t pid;

	fflush(NULL);
	pid = fork();
	if (pid < 0)
		return -errno;
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		alarm((unsigned int)errand->count * SECONDS_EACH +
		      SECONDS_MORE);
		run_errand(errand);
		_exit(0);
	}
	while (waitpid(pid, &status, 0) < 0) {
		if (errno != EINTR)
			return -errno;
	}
	judge_end(&errand->shared->outcome, status);
	return 0;
}

static struct shared *share(void)
{
	struct shared *shared =
		mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
		     MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	return shared == MAP_FAILED ? NULL : shared;
}

int apart_play(const struct history *history, FILE *journal,
	       struct played *outcome)
{
	struct shared *shared = share();
	int error;

	if (shared == NULL)
		return -errno;
	error = send(&(struct errand){.shared = shared,
				      .history = history,
				      .count = 1,
				      .journal = journal});
	*outcome = shared->outcome;
	munmap(shared, sizeof(*shared));
	return error;
}

int apart_play_many(struct apart_many *many)
{
	struct shared *shared = share();
	static struct history room;
	uint64_t played = 0;
	int error = 0;

	if (shared == NULL)
		return -errno;
	while (error == 0 && played < many->count && !shared->outcome.broken) {
		const uint64_t left = many->count - played;
		const uint64_t batch = left < BATCH ? left : BATCH;

		error = send(&(struct errand){.shared = shared,
					      .room = &room,
					      .seed = many->seed + played,
					      .count = batch,
					      .deaths = many->deaths});
		played += batch;
	}
	many->outcome = shared->outcome;
	many->broken_seed = shared->seed;
	munmap(shared, sizeof(*shared));
	return error;
}
