"""xenblk-lab report and bless; and what matrix and ci/nightly do at their end.

Loads, judges against the baselines, compares with the last night, writes each
form that was asked for.  The exit status follows from what is not expected.
"""

import json
import os
import sys
from pathlib import Path

from . import baseline, history, junit, page, text, verdicts
from .errors import LabError

OK, FAILED, NOTHING = 0, 1, 3


class Report:
    """One run's document, judged and, if asked, compared."""

    def __init__(self, document, where=None, before=None, since=None):
        self.document = verdicts.checked(document)
        self.verdicts = verdicts.verdicts(document)
        expectations = baseline.load(where or baseline.folders())
        self.judged = baseline.judge(self.verdicts, expectations)
        self.compared = since is not None
        self.changes = (
            history.compare(before, document, since) if before else None
        )

    @property
    def status(self):
        """An exit status: a verdict that nobody expects makes it FAILED."""
        if not self.verdicts:
            return NOTHING
        return FAILED if any(j.fails for j in self.judged) else OK

    def new_and_bad(self):
        """What fails and did not in the last night, as (name, words)."""
        failing = {j.verdict.key: j for j in self.judged if j.fails}
        if self.changes is None:
            return [(j.verdict.name, j.verdict.verdict) for j in failing.values()]
        changes = self.changes
        found = [c for c in changes.broken if c.key in failing]
        found += changes.silenced + changes.disappeared
        known = {c.key for c in found}
        stale = [
            j for key, j in failing.items()
            if j.state == baseline.STALE and key not in known
            and any(c.key == key for _, group in changes.kinds() for c in group)
        ]
        return [(c.name, c.words) for c in found] + [
            (j.verdict.name, j.why) for j in stale
        ]

    def text(self):
        return "\n".join(
            text.report(self.document, self.judged, self.changes, self.compared)
        )

    def json(self):
        """What matrix --json prints; others rely on these keys."""
        keys = ("guest", "backend", "check", "verdict", "reason", "seconds")
        rows = verdicts.complete_rows(self.document)
        blank = {"reason": "", "seconds": 0.0}
        return {"rows": [
            {key: row.get(key) or blank.get(key, "") for key in keys}
            for row in rows
        ]}

    def write(self, html=None, junit_xml=None):
        """The forms that go into files, where a name was given."""
        if html:
            _write(html, page.page(
                self.document, self.judged, self.changes, self.compared))
        if junit_xml:
            _write(junit_xml, junit.document(self.document, self.judged))


def _write(path, words):
    """All of it or nothing: a reader never meets half a page."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(path.name + ".new")
    new.write_text(words, encoding="utf-8")
    os.replace(new, path)


def withhold(document):
    """A copy for publication: no word about a weakness of another's backend.

    Nor where this machine keeps what it kept.
    """
    why = ("withheld: this is told to those who maintain the backend before it "
           "is published")
    secret = {v.key for v in verdicts.verdicts(document) if verdicts.sensitive(v)}
    copy = json.loads(json.dumps(document))
    for row in copy["rows"]:
        key = (row["guest"], row["backend"], row["check"])
        hidden = 0
        for result in verdicts.results_of(row):
            if (*key, str(result.get("id", "?"))) in secret:
                result.update(verdict="SKIP", reason=why)
                hidden += 1
        if (*key, "") in secret or (hidden and row["verdict"] in
                                    ("CRASH", "WEDGED")):
            row.update(verdict="SKIP", reason=why)
            row.pop("details", None)
        if hidden:
            row.update(reason="")
        row.update(artifacts=[])
    return copy


def load(paths):
    """The documents at these paths as one, or the last night's without any."""
    if paths:
        return merged([verdicts.load(path) for path in paths])
    document, _ = history.last(history.folder())
    if document is None:
        raise LabError(
            f"{history.folder()} holds no night yet: name a results.json, or "
            "run ci/nightly first"
        )
    return document


def merged(documents):
    """One document of several: a row of a later one replaces an earlier one's."""
    first = documents[0]
    if len(documents) == 1:
        return first
    one = {**first, "rows": [], "planned": [], "troubles": [], "ledgers": []}
    rows, planned = {}, {}
    for document in documents:
        rows.update({(r["guest"], r["backend"], r["check"]): r for r in document["rows"]})
        planned.update({tuple(sorted(p.items())): p for p in document.get("planned", [])})
        for name in ("troubles", "ledgers"):
            one[name] += document.get(name, [])
    commits = dict.fromkeys(str(d.get("commit", "unknown")) for d in documents)
    one.update(rows=list(rows.values()), planned=list(planned.values()),
               commit=", ".join(commits))
    return one


def run(arguments):
    """xenblk-lab report."""
    document = load(arguments.results)
    where = arguments.baseline
    if arguments.public:
        document = withhold(document)
        # What is kept out of the repository tells what was withheld.
        where = where or baseline.folders()[:1]
    before = since = None
    if arguments.against:
        before, since = verdicts.load(arguments.against), arguments.against
    report = Report(document, where, before, since)
    report.write(arguments.html, arguments.junit)
    if arguments.json:
        json.dump(report.json(), sys.stdout, indent=1)
        print()
    else:
        print(report.text())
    return report.status


def run_bless(arguments):
    """xenblk-lab bless."""
    where = arguments.baseline or baseline.folders()
    if len(where) != 2:
        raise LabError(
            "bless needs two folders, --baseline for what may be published and "
            "--baseline for what may not; or none, for the usual ones"
        )
    found = verdicts.verdicts(load(arguments.results))
    baseline.bless(found, where, print)
    return OK


def register(commands):
    """Adds both commands to the parser's."""
    report = commands.add_parser(
        "report", help="judge and show the results of a run",
        description="Judges results against the baselines and shows them. Exit "
        "status 1 if a verdict is bad and not expected, or good and expected "
        "to be bad.",
    )
    report.add_argument("--html", metavar="FILE", help="write the page")
    report.add_argument("--junit", metavar="FILE", help="write JUnit XML")
    report.add_argument(
        "--json", action="store_true", help="print rows as JSON, no text")
    report.add_argument(
        "--against", metavar="FILE", help="earlier results to compare with")
    report.add_argument(
        "--public", action="store_true",
        help="for publication: leave out what may be a weakness of a backend "
        "that is not ours")
    report.set_defaults(run=run)
    bless = commands.add_parser(
        "bless", help="expect what other backends did in a run",
        description="Writes the baselines of backends that are not ours from "
        "the results of a run. What may tell of a weakness goes into a file "
        "beside the cache, not into the repository.",
    )
    bless.set_defaults(run=run_bless)
    for command in (report, bless):
        command.add_argument(
            "results", nargs="*", metavar="RESULTS",
            help="a results.json, or several as one: what a later one has "
            "replaces what an earlier one has; the last night's when none is given")
        command.add_argument(
            "--baseline", action="append", metavar="DIR",
            help="a folder of baselines instead of the usual ones (repeatable)")
