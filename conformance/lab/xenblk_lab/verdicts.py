"""A run's verdicts, one by one, from the document that the lab leaves.

The document is {"machine": {}, "commit", "started", "planned": [{"guest",
"backend", "check"}], "rows": [{"guest", "backend", "check", "verdict",
"reason", "seconds", "repro", "details": {}, "artifacts": []}]}.  A row of the
check "conformance" holds what xenblk-conform run --json printed in
details.results: each case is a verdict of its own here.  What was planned and
has no row is a verdict too: LOST.  Nothing here decides what is expected; that
is baseline.py.
"""

import datetime
import json
from dataclasses import dataclass, field

from .errors import LabError

OURS = "xenblkd"
WORDS = (
    "PASS", "FAIL", "REJECT", "NONSTRICT", "INFO", "WEDGED", "CRASH", "SKIP",
    "ERROR", "LOST",
)
BAD = ("FAIL", "REJECT", "WEDGED", "CRASH", "ERROR", "LOST")
# What the laboratory itself did wrong: no backend can be expected to.
LABS_OWN = ("ERROR", "LOST")

# For tables: what a word means, in the order of WORDS.
MEANINGS = {
    "PASS": "as it must be",
    "FAIL": "wrong",
    "REJECT": "refused a connection that it ought to serve",
    "NONSTRICT": "other than recommended",
    "INFO": "allowed either way",
    "WEDGED": "no longer serves, or never ended",
    "CRASH": "the backend or the guest died",
    "SKIP": "not offered, or not possible here",
    "ERROR": "the laboratory failed: no verdict",
    "LOST": "was planned and never came",
}


@dataclass
class Verdict:
    """One verdict; case is "" but for a case of the conformance suite."""

    guest: str
    backend: str
    check: str
    verdict: str
    case: str = ""
    reason: str = ""
    seconds: float = 0.0
    repro: str = ""
    level: str = ""
    clause: str = ""
    artifacts: list = field(default_factory=list)

    @property
    def key(self):
        return (self.guest, self.backend, self.check, self.case)

    @property
    def name(self):
        return " ".join(part for part in self.key if part)

    @property
    def bad(self):
        return self.verdict in BAD

    @property
    def ours(self):
        return self.backend == OURS


def load(path):
    """A document from a file; LabError if it is none."""
    try:
        with open(path, encoding="utf-8") as f:
            document = json.load(f)
    except OSError as error:
        raise LabError(f"{path} cannot be read: {error.strerror}") from None
    except ValueError as error:
        raise LabError(f"{path} is no JSON document: {error}") from None
    return checked(document, path)


def checked(document, name="the results document"):
    """The document, if it has the form described above; else LabError."""
    if not isinstance(document, dict):
        raise LabError(f"{name} is no results document: no JSON object")
    for part, keys in (
        ("rows", ("guest", "backend", "check", "verdict")),
        ("planned", ("guest", "backend", "check")),
    ):
        for row in document.get(part, [] if part == "planned" else [None]):
            missing = [k for k in keys if not isinstance(row, dict) or k not in row]
            if missing:
                raise LabError(
                    f"{name} is no results document: an entry of '{part}' "
                    f"lacks {', '.join(missing)}"
                )
            if part == "rows" and row["verdict"] not in WORDS:
                raise LabError(
                    f"{name}: {row['verdict']!r} is no verdict; they are "
                    f"{', '.join(WORDS)}"
                )
    return document


def started(document):
    """When the run started, as 2026-11-25T01:00:00; seconds become that too."""
    when = document.get("started") or ""
    if isinstance(when, (int, float)):
        when = datetime.datetime.fromtimestamp(when).isoformat(timespec="seconds")
    return when


def verdicts(document):
    """Every verdict of the document: rows, cases, and what was lost."""
    found = []
    for row in document["rows"]:
        cases = [_case(row, result) for result in results_of(row)]
        if not _is_sum(row, cases):
            found.append(_row(row))
        found += cases
    return found + list(_lost(document))


def results_of(row):
    """The results of xenblk-conform in a row: none but in a conformance row."""
    if row["check"] != "conformance":
        return []
    return (row.get("details") or {}).get("results") or []


def _row(row):
    return Verdict(
        guest=row["guest"],
        backend=row["backend"],
        check=row["check"],
        verdict=row["verdict"],
        reason=row.get("reason") or "",
        seconds=row.get("seconds") or 0.0,
        repro=row.get("repro") or "",
        artifacts=list(row.get("artifacts") or []),
    )


def _case(row, result):
    word = result.get("verdict")
    known = word in WORDS
    return Verdict(
        guest=row["guest"],
        backend=row["backend"],
        check=row["check"],
        case=str(result.get("id", "?")),
        verdict=word if known else "ERROR",
        reason=(result.get("reason") or "")
        if known
        else f"the suite answered {word!r}, which is no verdict",
        seconds=result.get("seconds") or 0.0,
        # The suite's own command works inside a guest only.
        repro=row.get("repro") or result.get("repro") or "",
        level=result.get("level") or "",
        clause=result.get("clause") or "",
        artifacts=list(row.get("artifacts") or []),
    )


def _is_sum(row, cases):
    """Whether the row says no more than its cases do.

    A row that says ERROR though no case does tells of the runner itself, and
    must not vanish behind the cases that came before.
    """
    if not cases:
        return False
    words = {case.verdict for case in cases}
    if row["verdict"] in words or row["verdict"] == "PASS":
        return True
    return row["verdict"] == "FAIL" and any(case.bad for case in cases)


def _lost(document):
    there = {(r["guest"], r["backend"], r["check"]) for r in document["rows"]}
    for plan in document.get("planned") or []:
        key = (plan["guest"], plan["backend"], plan["check"])
        if key not in there:
            there.add(key)
            yield Verdict(
                *key, "LOST",
                reason="was planned, and the run ended without a verdict",
                repro="xenblk-lab run {2} --guest {0} --backend {1}".format(*key),
            )


def complete_rows(document):
    """The rows, with one for each that was lost: what tables show."""
    lost = [
        {"guest": v.guest, "backend": v.backend, "check": v.check,
         "verdict": v.verdict, "reason": v.reason, "seconds": 0.0,
         "repro": v.repro}
        for v in _lost(document)
    ]
    return list(document["rows"]) + lost


def sensitive(verdict):
    """Whether it may tell of a weakness of a backend that is not ours.

    Such a thing is told to those who maintain the backend, not to everybody:
    a backend that dies or hangs, that lets a hostile guest do what it must not,
    or leaves something in dom0 after its guests.
    """
    if verdict.ours or not verdict.bad or verdict.verdict in LABS_OWN:
        return False
    hostile = verdict.level == "ROBUST" or ".hostile." in verdict.case
    return (hostile or verdict.verdict in ("CRASH", "WEDGED")
            or verdict.check == "leaks")
