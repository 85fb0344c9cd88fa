/* Expectations of another backend: see baseline.h. */
#include "conformance/baseline.h"

#include <errno.h>
#include <fnmatch.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "backend/base/check.h"
#include "conformance/case.h"

struct baseline {
	json_t *document;
};

static const char *text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text == NULL ? "" : text;
}

/* --- reading --- */

static bool entry_is_sound(const json_t *entry, bool expected)
{
	enum verdict verdict = verdict_parse(text_of(entry, "verdict"));

	return text_of(entry, "case")[0] != '\0' &&
	       text_of(entry, "why")[0] != '\0' &&
	       (!expected ||
		(verdict < VERDICT_COUNT && verdict_is_bad(verdict)));
}

static bool list_is_sound(const json_t *list, bool expected, char *why,
			  size_t bytes)
{
	size_t i;
	json_t *entry;

	json_array_foreach(list, i, entry)
	{
		if (entry_is_sound(entry, expected))
			continue;
		snprintf(why, bytes, "entry %zu of \"%s\" needs case%s and why",
			 i + 1, expected ? "expected" : "exclude",
			 expected ? ", a bad verdict" : "");
		return false;
	}
	return true;
}

int baseline_load(const char *path, struct baseline **baseline, char *why,
		  size_t bytes)
{
	char fault[160] = "it has no list \"expected\"";
	json_error_t error;
	json_t *document;

	*baseline = NULL;
	if (access(path, F_OK) != 0) {
		snprintf(why, bytes, "%s: %s", path, strerror(errno));
		return -ENOENT;
	}
	document = json_load_file(path, 0, &error);
	if (document == NULL) {
		snprintf(why, bytes, "%s is no JSON document: %s (line %d)",
			 path, error.text, error.line);
		return -EINVAL;
	}
	if (!json_is_array(json_object_get(document, "expected")) ||
	    !list_is_sound(json_object_get(document, "expected"), true, fault,
			   sizeof(fault)) ||
	    !list_is_sound(json_object_get(document, "exclude"), false, fault,
			   sizeof(fault))) {
		snprintf(why, bytes, "%s is no baseline: %s", path, fault);
		json_decref(document);
		return -EINVAL;
	}
	*baseline = calloc(1, sizeof(**baseline));
	CHECK(*baseline != NULL);
	(*baseline)->document = document;
	return 0;
}

void baseline_free(struct baseline *baseline)
{
	if (baseline == NULL)
		return;
	json_decref(baseline->document);
	free(baseline);
}

static const json_t *find(const struct baseline *baseline, const char *id)
{
	size_t i;
	json_t *entry;

	if (baseline == NULL)
		return NULL;
	json_array_foreach(json_object_get(baseline->document, "expected"), i,
			   entry)
	{
		if (strcmp(text_of(entry, "case"), id) == 0)
			return entry;
	}
	return NULL;
}

enum expectation baseline_judge(const struct baseline *baseline,
				const struct conform_case *one,
				enum verdict verdict, const char **why)
{
	const json_t *entry = find(baseline, one->id);

	*why = entry == NULL ? "" : text_of(entry, "why");
	/* A case that was not judged neither keeps the promise nor breaks it.
	 */
	if (entry == NULL || verdict == VERDICT_SKIP ||
	    verdict == VERDICT_ERROR)
		return EXPECTATION_NONE;
	if (verdict == verdict_parse(text_of(entry, "verdict")))
		return EXPECTATION_MET;
	return verdict_is_bad(verdict) ? EXPECTATION_OTHER : EXPECTATION_STALE;
}

const char *baseline_excludes(const struct baseline *baseline,
			      const struct conform_case *one)
{
	size_t i;
	json_t *entry;

	if (baseline == NULL)
		return NULL;
	json_array_foreach(json_object_get(baseline->document, "exclude"), i,
			   entry)
	{
		if (fnmatch(text_of(entry, "case"), one->id, 0) == 0)
			return text_of(entry, "why");
	}
	return NULL;
}

/* --- writing --- */

static json_t *expect(const struct baseline *old,
		      const struct conform_case *one,
		      const struct result *result)
{
	const char *why = "";

	if (baseline_judge(old, one, result->verdict, &why) !=
		    EXPECTATION_MET ||
	    why[0] == '\0')
		why = result->reason[0] != '\0' ? result->reason
						: "no reason was given";
	return json_pack("{s:s, s:s, s:s}", "case", one->id, "verdict",
			 verdict_name(result->verdict), "why", why);
}

static bool was_judged(const struct result *result)
{
	return result != NULL && result->verdict != VERDICT_SKIP &&
	       result->verdict != VERDICT_ERROR;
}

static json_t *expectations(const struct baseline *old,
			    const struct column *column, bool sensitive)
{
	json_t *list = json_array();

	for (unsigned int i = 0; i < case_count(); i++) {
		const struct conform_case *one = case_at(i);
		const struct result *result = column->result[i];
		const json_t *before = find(old, one->id);

		if (!was_judged(result) && before != NULL)
			json_array_append_new(list, json_deep_copy(before));
		else if (was_judged(result) &&
			 verdict_is_bad(result->verdict) &&
			 results_sensitive(column, i) == sensitive)
			json_array_append_new(list, expect(old, one, result));
	}
	return list;
}

int baseline_bless(const char *path, const struct baseline *old,
		   const struct column *column, bool sensitive)
{
	json_t *list = expectations(old, column, sensitive);
	json_t *exclude =
		old == NULL ? NULL : json_object_get(old->document, "exclude");
	json_t *document = json_pack("{s:s, s:o}", "backend", column->backend,
				     "expected", list);
	char new[4096];
	int count = (int)json_array_size(list), result = 0;

	CHECK(document != NULL);
	if (exclude != NULL)
		json_object_set(document, "exclude", exclude);
	snprintf(new, sizeof(new), "%.4080s.new", path);
	if (json_dump_file(document, new, JSON_INDENT(1)) != 0)
		result = errno != 0 ? -errno : -EIO;
	else if (rename(new, path) != 0)
		result = -errno;
	json_decref(document);
	return result != 0 ? result : count;
}
