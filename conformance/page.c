/*
 * The page of clauses by backends: see page.h.
 *
 * One file, no script, nothing fetched.  A cell is the worst of the verdicts of
 * the clause's cases; opened, it says which cases those are, and why.
 */
#include "conformance/page.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "conformance/case.h"
#include "conformance/catalogue/clause.h"

static const char head[] =
	"<!DOCTYPE html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n"
	"<title>Clauses by backends</title>\n<style>\n"
	"body{font:14px/1.4 sans-serif;margin:2em;max-width:110em}\n"
	"table{border-collapse:collapse}\n"
	"th,td{border:1px solid #ccc;padding:.25em .5em;vertical-align:top;"
	"text-align:left}\n"
	"thead th{position:sticky;top:0;background:#fff}\n"
	"details p{margin:.3em 0;max-width:40em}\ncode{font-size:90%}\n"
	".PASS{background:#e3f4e3}.FAIL,.REJECT,.CRASH,.WEDGED,.ERROR"
	"{background:#f8d4d0}\n"
	".NONSTRICT{background:#fcf0cf}.INFO{background:#e4eefb}"
	".SKIP,.none{background:#eee;color:#555}\n</style>\n"
	"<h1>Clauses by backends</h1>\n"
	"<p>What the cases of the conformance suite found. A cell is the worst "
	"verdict among the cases of its clause; opened, it gives the reason of "
	"each that did not simply pass, and the command that runs it "
	"again.</p>\n";

static void put(FILE *out, const char *text)
{
	for (; *text != '\0'; text++) {
		switch (*text) {
		case '<':
			fputs("&lt;", out);
			break;
		case '>':
			fputs("&gt;", out);
			break;
		case '&':
			fputs("&amp;", out);
			break;
		case '"':
			fputs("&quot;", out);
			break;
		default:
			fputc(*text, out);
		}
	}
}

/* From what matters least to what matters most. */
static unsigned int weight(enum verdict verdict)
{
	static const unsigned int weights[VERDICT_COUNT] = {
		[VERDICT_SKIP] = 1,  [VERDICT_PASS] = 2,
		[VERDICT_INFO] = 3,  [VERDICT_NONSTRICT] = 4,
		[VERDICT_ERROR] = 5, [VERDICT_REJECT] = 6,
		[VERDICT_FAIL] = 7,  [VERDICT_WEDGED] = 8,
		[VERDICT_CRASH] = 9,
	};

	return verdict < VERDICT_COUNT ? weights[verdict] : 0;
}

static bool is_about(unsigned int one, const struct clause *clause)
{
	return !case_at(one)->hidden &&
	       case_names(case_at(one)->clause, clause->id);
}

enum verdict page_worst(const struct column *column,
			const struct clause *clause)
{
	enum verdict worst = PAGE_NOT_RUN;

	for (unsigned int i = 0; i < case_count(); i++) {
		if (column->result[i] != NULL && is_about(i, clause) &&
		    weight(column->result[i]->verdict) > weight(worst))
			worst = column->result[i]->verdict;
	}
	return worst;
}

static void put_case(FILE *out, const struct column *column, unsigned int one,
		     bool public)
{
	const struct result *result = column->result[one];

	fprintf(out, "<p class=\"%s\"><b>%s</b> <code>%s</code> (%s): ",
		verdict_name(result->verdict), verdict_name(result->verdict),
		case_at(one)->id, case_level_name(case_at(one)->level));
	put(out, case_at(one)->sentence);
	if (public && results_sensitive(column, one)) {
		fputs("<br>Told to its maintainers, not here.</p>\n", out);
		return;
	}
	fputs("<br>", out);
	put(out, result->reason);
	if (result->attempts > 1)
		fprintf(out, "<br>After %u attempts.", result->attempts);
	if (result->repro[0] != '\0') {
		fputs("<br><code>", out);
		put(out, result->repro);
		fputs("</code>", out);
	}
	fputs("</p>\n", out);
}

static void put_cell(FILE *out, const struct column *column,
		     const struct clause *clause, bool public)
{
	enum verdict worst = page_worst(column, clause);
	unsigned int passed = 0, run = 0;

	if (worst == PAGE_NOT_RUN) {
		fputs("<td class=\"none\">not run</td>", out);
		return;
	}
	for (unsigned int i = 0; i < case_count(); i++) {
		if (column->result[i] == NULL || !is_about(i, clause))
			continue;
		run++;
		passed += column->result[i]->verdict == VERDICT_PASS;
	}
	fprintf(out, "<td class=\"%s\"><details><summary>%s %u/%u</summary>\n",
		verdict_name(worst), verdict_name(worst), passed, run);
	for (unsigned int i = 0; i < case_count(); i++) {
		if (column->result[i] == NULL || !is_about(i, clause))
			continue;
		if (column->result[i]->verdict != VERDICT_PASS ||
		    column->result[i]->attempts > 1)
			put_case(out, column, i, public);
		else
			fprintf(out, "<p>PASS <code>%s</code></p>\n",
				case_at(i)->id);
	}
	fputs("</details></td>", out);
}

/* A row that has no case says why. */
static void put_reason(FILE *out, const struct clause *clause,
		       unsigned int columns)
{
	const char *why = clause_why_untestable(clause);

	fprintf(out, "<td class=\"none\" colspan=\"%u\">", columns);
	if (clause_standing(clause) == CLAUSE_UNTESTABLE) {
		fputs("no case: ", out);
		put(out, why);
	} else {
		fputs("no case yet", out);
	}
	fputs("</td>", out);
}

static void put_row(FILE *out, const struct results *results,
		    const struct clause *clause, bool public)
{
	fprintf(out, "<tr><th id=\"%s\">%s</th><td>%s</td><td>", clause->id,
		clause->id, clause->level);
	put(out, clause->statement);
	if (clause->decision[0] != '\0') {
		fputs(" <i>Our decision: ", out);
		put(out, clause->decision);
		fputs(".</i>", out);
	}
	fputs("</td>", out);
	if (clause_standing(clause) != CLAUSE_COVERED) {
		put_reason(out, clause, results->columns);
	} else {
		for (unsigned int c = 0; c < results->columns; c++)
			put_cell(out, &results->column[c], clause, public);
	}
	fputs("</tr>\n", out);
}

static void put_sums(FILE *out, const struct results *results)
{
	fputs("<tr><th></th><td></td><td>Cases</td>", out);
	for (unsigned int c = 0; c < results->columns; c++) {
		const struct column *column = &results->column[c];
		unsigned int counts[VERDICT_COUNT] = {0};

		for (unsigned int i = 0; i < case_count(); i++) {
			if (column->result[i] != NULL)
				counts[column->result[i]->verdict]++;
		}
		fputs("<td>", out);
		for (unsigned int v = 0; v < VERDICT_COUNT; v++) {
			if (counts[v] != 0)
				fprintf(out, "%u %s<br>", counts[v],
					verdict_name((enum verdict)v));
		}
		if (column->unknown != 0)
			fprintf(out, "%u cases of another version<br>",
				column->unknown);
		fputs("</td>", out);
	}
	fputs("</tr>\n", out);
}

int page_write(const char *path, const struct results *results, bool public)
{
	FILE *out = fopen(path, "w");

	if (out == NULL)
		return -errno;
	fputs(head, out);
	fputs("<table>\n<thead><tr><th>clause</th><th>level</th><th></th>",
	      out);
	for (unsigned int c = 0; c < results->columns; c++) {
		fputs("<th>", out);
		put(out, results->column[c].backend);
		fputs("<br><small>", out);
		put(out, results->column[c].place);
		fputs("</small></th>", out);
	}
	fputs("</tr></thead>\n<tbody>\n", out);
	put_sums(out, results);
	for (unsigned int i = 0; i < clause_count(); i++) {
		if (clause_binds_backend(clause_at(i)))
			put_row(out, results, clause_at(i), public);
	}
	fputs("</tbody></table>\n</html>\n", out);
	return fclose(out) == 0 ? 0 : -errno;
}
