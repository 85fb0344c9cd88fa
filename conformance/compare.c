/* diff and bless: see compare.h; matrix is in matrix.c. */
#include "conformance/compare.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "conformance/baseline.h"
#include "conformance/case.h"
#include "conformance/results.h"

#define WHY_BYTES 512u

static int load(struct results *results, const char *path)
{
	char why[WHY_BYTES] = "";
	int result = results_load(results, path, why, sizeof(why));

	if (result != 0)
		fprintf(stderr, "xenblk-conform: %s\n", why);
	return result;
}

/* --- diff --- */

struct change {
	const struct conform_case *one;
	const struct result *was, *is; /* NULL: not run */
	const char *word;
};

/* What is there to say of one case; NULL: nothing. */
static const char *word_of(const struct result *was, const struct result *is)
{
	if (was == NULL && is == NULL)
		return NULL;
	if (is == NULL)
		return "GONE";
	if (was != NULL && was->verdict == is->verdict)
		return NULL;
	if (verdict_is_bad(is->verdict))
		return "WORSE";
	if (was == NULL)
		return "NEW";
	/* what is skipped now was seen before: a loss */
	if (is->verdict == VERDICT_SKIP || is->verdict == VERDICT_ERROR)
		return "WORSE";
	return verdict_is_bad(was->verdict) ? "BETTER" : "OTHER";
}

static const char *name_of(const struct result *result)
{
	return result == NULL ? "-" : verdict_name(result->verdict);
}

static void tell(const struct column *column, const struct change *change,
		 json_t *list)
{
	const char *reason = change->is == NULL ? "" : change->is->reason;

	json_array_append_new(
		list, json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s}", "change",
				change->word, "backend", column->backend,
				"place", column->place, "case", change->one->id,
				"was", name_of(change->was), "is",
				name_of(change->is), "reason", reason));
}

/* A backend is compared with itself in the same place. */
static const struct column *counterpart(const struct results *results,
					const struct column *column)
{
	for (unsigned int c = 0; c < results->columns; c++) {
		const struct column *other = &results->column[c];

		if (strcmp(other->backend, column->backend) == 0 &&
		    strcmp(other->place, column->place) == 0)
			return other;
	}
	return NULL;
}

static json_t *changes(const struct results *old, const struct results *new)
{
	json_t *list = json_array();

	for (unsigned int c = 0; c < new->columns; c++) {
		const struct column *is = &new->column[c];
		const struct column *was = counterpart(old, is);

		for (unsigned int i = 0; was != NULL && i < case_count(); i++) {
			struct change change = {.one = case_at(i),
						.was = was->result[i],
						.is = is->result[i]};

			change.word = word_of(change.was, change.is);
			if (change.word != NULL)
				tell(is, &change, list);
		}
		if (was == NULL)
			fprintf(stderr,
				"xenblk-conform: the old results know no %s "
				"(%s)\n",
				is->backend, is->place);
	}
	return list;
}

static const char *field(const json_t *entry, const char *key)
{
	return json_string_value(json_object_get(entry, key));
}

static int print_changes(json_t *list, bool json)
{
	int worse = 0;
	size_t i;
	json_t *entry;

	json_array_foreach(list, i, entry)
	{
		const char *word = field(entry, "change");

		worse +=
			strcmp(word, "WORSE") == 0 || strcmp(word, "GONE") == 0;
		if (!json)
			printf("%-6s %s %s: %s, was %s%s%s\n", word,
			       field(entry, "backend"), field(entry, "case"),
			       field(entry, "is"), field(entry, "was"),
			       field(entry, "reason")[0] == '\0' ? "" : ": ",
			       field(entry, "reason"));
	}
	if (json)
		json_dumpf(list, stdout, JSON_INDENT(1));
	else
		printf("%zu verdicts are otherwise, %d of them worse", i,
		       worse);
	putchar('\n');
	return worse;
}

int compare_diff(const char *old_path, const char *new_path, bool json)
{
	struct results old = {0}, new = {0};
	int status = COMPARE_TOOL;

	if (load(&old, old_path) == 0 && load(&new, new_path) == 0) {
		json_t *list = changes(&old, &new);

		status = print_changes(list, json) > 0 ? COMPARE_BAD
						       : COMPARE_OK;
		json_decref(list);
	}
	results_free(&old);
	results_free(&new);
	return status;
}

/* --- bless --- */

static int bless_file(const char *path, const struct column *column,
		      bool sensitive)
{
	struct baseline *old;
	char why[WHY_BYTES] = "";
	int result = baseline_load(path, &old, why, sizeof(why));

	if (result != 0 && result != -ENOENT) {
		fprintf(stderr, "xenblk-conform: %s\n", why);
		return result;
	}
	result = baseline_bless(path, old, column, sensitive);
	baseline_free(old);
	if (result < 0)
		fprintf(stderr, "xenblk-conform: cannot write %s: %s\n", path,
			strerror(-result));
	else
		printf("%s expects %d bad verdicts of %s%s\n", path, result,
		       column->backend,
		       sensitive ? "; they may tell of a weakness: tell its "
				   "maintainers, publish nothing"
				 : "; give each a why that a reader "
				   "understands");
	return result < 0 ? result : 0;
}

static unsigned int count_sensitive(const struct column *column)
{
	unsigned int count = 0;

	for (unsigned int i = 0; i < case_count(); i++)
		count += results_sensitive(column, i);
	return count;
}

int compare_bless(const char *path, const char *baseline, const char *private)
{
	struct results results = {0};
	const struct column *column = &results.column[0];
	int status = COMPARE_OK;

	if (load(&results, path) != 0)
		return COMPARE_TOOL;
	if (results.columns != 1 || column->ours) {
		fprintf(stderr, "xenblk-conform: %s\n",
			column->ours ? "what xenblk does wrong is mended, not "
				       "expected: nothing was written"
				     : "bless takes the results of one "
				       "backend; xenblk-lab bless takes a "
				       "laboratory's");
		status = COMPARE_USAGE;
	} else {
		if (bless_file(baseline, column, false) != 0 ||
		    (private != NULL && bless_file(private, column, true) != 0))
			status = COMPARE_TOOL;
		if (private == NULL && count_sensitive(column) != 0)
			printf("%u verdicts that may tell of a weakness were "
			       "left out; --private FILE takes them\n",
			       count_sensitive(column));
	}
	results_free(&results);
	return status;
}
