/* Verdicts from documents: see results.h. */
#include "conformance/results.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/base/check.h"
#include "conformance/case.h"

#define OURS "xenblk" /* how the titles of our own targets begin */

enum verdict verdict_parse(const char *name)
{
	enum verdict verdict = VERDICT_PASS;

	while (name != NULL && verdict < VERDICT_COUNT &&
	       strcmp(verdict_name(verdict), name) != 0)
		verdict++;
	return name == NULL ? VERDICT_COUNT : verdict;
}

struct column *results_column(struct results *results, const char *backend,
			      const char *place, bool ours)
{
	struct column *column;

	if (results->columns == RESULTS_COLUMNS)
		return NULL;
	column = &results->column[results->columns];
	memset(column, 0, sizeof(*column));
	column->result = calloc(case_count(), sizeof(*column->result));
	if (column->result == NULL)
		return NULL;
	snprintf(column->backend, sizeof(column->backend), "%.90s", backend);
	snprintf(column->place, sizeof(column->place), "%.90s", place);
	column->ours = ours;
	results->columns++;
	return column;
}

static void forget(struct result *result)
{
	if (result == NULL)
		return;
	free(result->text);
	free(result);
}

void results_put(struct column *column, unsigned int one,
		 const struct result *result)
{
	struct result *copy = calloc(1, sizeof(*copy));
	const char *reason = result->reason == NULL ? "" : result->reason;
	const char *repro = result->repro == NULL ? "" : result->repro;
	size_t first = strlen(reason) + 1;

	CHECK(copy != NULL && one < case_count());
	*copy = *result;
	copy->text = malloc(first + strlen(repro) + 1);
	CHECK(copy->text != NULL);
	memcpy(copy->text, reason, first);
	memcpy(copy->text + first, repro, strlen(repro) + 1);
	copy->reason = copy->text;
	copy->repro = copy->text + first;
	forget(column->result[one]);
	column->result[one] = copy;
}

void results_free(struct results *results)
{
	for (unsigned int c = 0; c < results->columns; c++) {
		for (unsigned int i = 0; i < case_count(); i++)
			forget(results->column[c].result[i]);
		free(results->column[c].result);
	}
	results->columns = 0;
}

bool results_sensitive(const struct column *column, unsigned int one)
{
	const struct result *result = column->result[one];
	const struct conform_case *about = case_at(one);

	if (column->ours || result == NULL || !verdict_is_bad(result->verdict))
		return false;
	return result->verdict == VERDICT_CRASH ||
	       result->verdict == VERDICT_WEDGED || about->level == ROBUST ||
	       strstr(about->id, ".hostile.") != NULL;
}

/* --- reading --- */

static unsigned int find_case(const char *id)
{
	unsigned int i = 0;

	while (id != NULL && i < case_count() &&
	       strcmp(case_at(i)->id, id) != 0)
		i++;
	return id == NULL ? case_count() : i;
}

static const char *text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text == NULL ? "" : text;
}

/* The repro of a laboratory's row is the laboratory's: a case's own works in a
 * guest only. */
static void take_results(struct column *column, const json_t *list,
			 const char *repro)
{
	size_t i;
	json_t *entry;

	json_array_foreach(list, i, entry)
	{
		unsigned int one = find_case(text_of(entry, "id"));
		json_t *attempts = json_object_get(entry, "attempts");
		struct result result = {
			.verdict = verdict_parse(text_of(entry, "verdict")),
			.reason = text_of(entry, "reason"),
			.repro =
				repro != NULL ? repro : text_of(entry, "repro"),
			.attempts = json_is_integer(attempts)
					    ? (unsigned int)json_integer_value(
						      attempts)
					    : 1,
		};

		if (one == case_count() || result.verdict == VERDICT_COUNT)
			column->unknown++;
		else
			results_put(column, one, &result);
	}
}

static bool is_ours(const char *backend)
{
	return strncmp(backend, OURS, strlen(OURS)) == 0;
}

static int take_run(struct results *results, const json_t *document)
{
	const char *backend = text_of(document, "backend");
	struct column *column =
		results_column(results, backend, text_of(document, "target"),
			       is_ours(backend));

	if (column == NULL)
		return -E2BIG;
	take_results(column, json_object_get(document, "results"), NULL);
	return 0;
}

/* Of a laboratory's rows those that hold the suite's own results. */
static int take_lab(struct results *results, const json_t *rows)
{
	size_t i;
	json_t *row;

	json_array_foreach(rows, i, row)
	{
		const json_t *list = json_object_get(
			json_object_get(row, "details"), "results");
		const char *backend = text_of(row, "backend");
		char place[96];
		struct column *column;

		if (strcmp(text_of(row, "check"), "conformance") != 0 ||
		    !json_is_array(list))
			continue;
		snprintf(place, sizeof(place), "Xen, %.80s",
			 text_of(row, "guest"));
		column = results_column(results, backend, place,
					is_ours(backend));
		if (column == NULL)
			return -E2BIG;
		take_results(column, list, text_of(row, "repro"));
	}
	return 0;
}

int results_load(struct results *results, const char *path, char *why,
		 size_t bytes)
{
	unsigned int before = results->columns;
	json_error_t error;
	json_t *document = json_load_file(path, 0, &error);
	int result = -EINVAL;

	if (document == NULL) {
		snprintf(why, bytes, "%s cannot be read: %s (line %d)", path,
			 error.text, error.line);
		return -EINVAL;
	}
	if (json_is_array(json_object_get(document, "results")))
		result = take_run(results, document);
	else if (json_is_array(json_object_get(document, "rows")))
		result = take_lab(results, json_object_get(document, "rows"));
	json_decref(document);
	if (result == -E2BIG)
		snprintf(why, bytes, "%s: more than %u backends", path,
			 RESULTS_COLUMNS);
	else if (result != 0 || results->columns == before)
		snprintf(why, bytes,
			 "%s holds no results of the suite: it is neither what "
			 "xenblk-conform run --json prints nor a document of "
			 "xenblk-lab with a row of the check conformance",
			 path);
	if (result == 0 && results->columns == before)
		result = -ENODATA;
	return result;
}
