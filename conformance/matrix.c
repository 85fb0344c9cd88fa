/*
 * The command "matrix": see compare.h.
 *
 * Without results it runs this program anew, once for each target that stands
 * on this machine, and takes what that prints.
 */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "conformance/case.h"
#include "conformance/catalogue/clause.h"
#include "conformance/compare.h"
#include "conformance/page.h"
#include "conformance/results.h"

#define WHY_BYTES 512u

static const char *const standing[] = {"inprocess", "sim", "qemu"};
#define STANDING (sizeof(standing) / sizeof(*standing))

/* --- getting results --- */

static _Noreturn void become_run(const char *target, const char *path)
{
	char self[4096];
	ssize_t got = readlink("/proc/self/exe", self, sizeof(self) - 1);

	if (got <= 0 || freopen(path, "w", stdout) == NULL ||
	    freopen("/dev/null", "w", stderr) == NULL)
		_exit(COMPARE_TOOL);
	self[got] = '\0';
	execl(self, self, "run", "--target", target, "--json", (char *)NULL);
	_exit(COMPARE_TOOL);
}

/* A target that cannot be run here costs its column, and a line. */
static int run_target(struct results *results, const char *target)
{
	char path[] = "/tmp/xenblk-conform-results-XXXXXX", why[WHY_BYTES];
	int fd = mkstemp(path), status = 0, result = 0;
	pid_t pid;

	if (fd < 0)
		return -errno;
	close(fd);
	fprintf(stderr, "running the suite on %s\n", target);
	fflush(NULL);
	pid = fork();
	if (pid == 0)
		become_run(target, path);
	if (pid < 0)
		result = -errno;
	while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
		continue;
	if (result == 0 && results_load(results, path, why, sizeof(why)) != 0)
		fprintf(stderr,
			"xenblk-conform: the target %s gave no results: "
			"xenblk-conform run --target %s says why\n",
			target, target);
	unlink(path);
	return result;
}

static int gather(struct results *results, const struct compare_matrix *matrix)
{
	char why[WHY_BYTES];

	for (unsigned int i = 0; i < matrix->count; i++) {
		if (results_load(results, matrix->paths[i], why, sizeof(why)) !=
		    0) {
			fprintf(stderr, "xenblk-conform: %s\n", why);
			return -EINVAL;
		}
	}
	for (unsigned int i = 0; i < STANDING && matrix->count == 0; i++) {
		int result = run_target(results, standing[i]);

		if (result != 0)
			return result;
	}
	return results->columns == 0 ? -ENODATA : 0;
}

/* --- telling --- */

static const char *cell(enum verdict verdict)
{
	return verdict == PAGE_NOT_RUN ? "-" : verdict_name(verdict);
}

static void print_text(const struct results *results)
{
	for (unsigned int c = 0; c < results->columns; c++)
		printf("%c: %s (%s)\n", (int)('A' + c),
		       results->column[c].backend, results->column[c].place);
	printf("\n%-5s", "");
	for (unsigned int c = 0; c < results->columns; c++)
		printf("%-10c", (int)('A' + c));
	putchar('\n');
	for (unsigned int i = 0; i < clause_count(); i++) {
		const struct clause *clause = clause_at(i);

		if (clause_standing(clause) != CLAUSE_COVERED)
			continue;
		printf("%-5s", clause->id);
		for (unsigned int c = 0; c < results->columns; c++)
			printf("%-10s",
			       cell(page_worst(&results->column[c], clause)));
		putchar('\n');
	}
}

static json_t *reasons_of(const struct column *column,
			  const struct clause *clause, bool public)
{
	json_t *list = json_array();

	for (unsigned int i = 0; i < case_count(); i++) {
		const struct result *result = column->result[i];

		if (result == NULL || result->verdict == VERDICT_PASS ||
		    !case_names(case_at(i)->clause, clause->id))
			continue;
		json_array_append_new(
			list, json_pack("{s:s, s:s, s:s, s:s}", "case",
					case_at(i)->id, "verdict",
					verdict_name(result->verdict), "reason",
					public && results_sensitive(column, i)
						? ""
						: result->reason,
					"repro", result->repro));
	}
	return list;
}

static void print_json(const struct results *results, bool public)
{
	json_t *rows = json_array();

	for (unsigned int i = 0; i < clause_count(); i++) {
		const struct clause *clause = clause_at(i);

		for (unsigned int c = 0; c < results->columns; c++) {
			const struct column *column = &results->column[c];

			if (clause_standing(clause) != CLAUSE_COVERED)
				continue;
			json_array_append_new(
				rows,
				json_pack("{s:s, s:s, s:s, s:s, s:o}", "clause",
					  clause->id, "backend",
					  column->backend, "place",
					  column->place, "verdict",
					  cell(page_worst(column, clause)),
					  "cases",
					  reasons_of(column, clause, public)));
		}
	}
	json_dumpf(rows, stdout, JSON_INDENT(1));
	putchar('\n');
	json_decref(rows);
}

/* Ours must have no bad verdict, wherever it ran. */
static bool ours_is_well(const struct results *results)
{
	for (unsigned int c = 0; c < results->columns; c++) {
		const struct column *column = &results->column[c];

		for (unsigned int i = 0; i < case_count(); i++) {
			if (column->ours && column->result[i] != NULL &&
			    verdict_is_bad(column->result[i]->verdict))
				return false;
		}
	}
	return true;
}

int compare_matrix(const struct compare_matrix *matrix)
{
	struct results results = {0};
	int result = gather(&results, matrix), status = COMPARE_TOOL;

	if (result == 0 && matrix->html != NULL)
		result = page_write(matrix->html, &results, matrix->public);
	if (result == 0) {
		if (matrix->json)
			print_json(&results, matrix->public);
		else
			print_text(&results);
		status = ours_is_well(&results) ? COMPARE_OK : COMPARE_BAD;
	} else if (matrix->html != NULL && results.columns != 0) {
		fprintf(stderr, "xenblk-conform: cannot write %s: %s\n",
			matrix->html, strerror(-result));
	}
	results_free(&results);
	return status;
}
