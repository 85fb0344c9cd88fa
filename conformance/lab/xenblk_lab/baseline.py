"""What is expected of a backend: conformance/lab/baseline/BACKEND.json.

A difference of a backend that is not ours is stated, not mended: its verdict
stands in a file, with the reason, and makes no run fail.  A verdict that is
not expected fails, and so does an expected one that no longer comes: then the
file is wrong.  The file is {"expected": [{"guests": [GLOB], "check", "case",
"verdict", "why"}]}.

A second folder of the same form, beside the cache and so outside the
repository, takes what must not be published (verdicts.sensitive).
"""

import fnmatch
import json
from dataclasses import dataclass
from pathlib import Path

from . import place, verdicts
from .errors import LabError

GOOD, EXPECTED, UNEXPECTED, STALE = "good", "expected", "unexpected", "stale"


def folders():
    """Where expectations are: the repository's, and those kept out of it."""
    return (place.LAB / "baseline", place.cache() / "baseline")


@dataclass(frozen=True)
class Expectation:
    """One line of a baseline file."""

    backend: str
    guests: tuple
    check: str
    case: str
    verdict: str
    why: str

    def concerns(self, verdict):
        return (
            self.backend == verdict.backend
            and self.check == verdict.check
            and self.case == verdict.case
            and any(fnmatch.fnmatch(verdict.guest, g) for g in self.guests)
        )


@dataclass
class Judged:
    """A verdict and what to think of it."""

    verdict: verdicts.Verdict
    state: str
    why: str = ""

    @property
    def fails(self):
        return self.state in (UNEXPECTED, STALE)


def load(paths):
    """All expectations in these folders; LabError for a malformed file."""
    found = []
    for folder in paths:
        for path in sorted(Path(folder).glob("*.json")):
            found += _load_file(path)
    return found


def _load_file(path):
    try:
        lines = json.loads(path.read_text(encoding="utf-8"))["expected"]
        return [
            Expectation(
                path.stem, tuple(e["guests"]), e["check"], e.get("case", ""),
                _word(e["verdict"]), _why(e["why"]),
            )
            for e in lines
        ]
    except (ValueError, KeyError, TypeError) as error:
        raise LabError(
            f"{path} is no baseline: {error!r}. Each entry of 'expected' has "
            "guests, check, verdict and why, and case if there is one."
        ) from None


def _word(word):
    if word not in verdicts.BAD or word in verdicts.LABS_OWN:
        raise ValueError(f"{word!r} cannot be expected")
    return word


def _why(why):
    if not why:
        raise ValueError("an empty why")
    return why


def judge(found, expectations):
    """What to think of each verdict, in the same order."""
    return [_judge(verdict, expectations) for verdict in found]


def _judge(verdict, expectations):
    mine = [e for e in expectations if e.concerns(verdict)]
    if not verdict.bad:
        # A skipped case neither keeps the promise nor breaks it.
        if not mine or verdict.verdict == "SKIP":
            return Judged(verdict, GOOD)
        return Judged(
            verdict, STALE,
            f"{mine[0].verdict} was expected ({mine[0].why}) and it is "
            f"{verdict.verdict} now: xenblk-lab bless, after a look",
        )
    for expectation in mine:
        if expectation.verdict == verdict.verdict:
            return Judged(verdict, EXPECTED, expectation.why)
    if mine:
        return Judged(
            verdict, UNEXPECTED, f"{mine[0].verdict} was expected: {mine[0].why}"
        )
    return Judged(verdict, UNEXPECTED)


class Blessing:
    """New baseline files from the verdicts of a run.

    Only backends that are not ours are blessed, and only where the run has a
    verdict: what it did not try stays as it was, and so does every "why" that
    somebody wrote.
    """

    def __init__(self, found, expectations):
        self.found = [v for v in found if not v.ours]
        self.old = expectations
        self.refused = [v for v in self.found if v.verdict in verdicts.LABS_OWN]

    def backends(self):
        return sorted({v.backend for v in self.found})

    def lines(self, backend, private):
        """The entries of one file, in a stable order."""
        entries = {}  # (check, case, verdict): [guests, why]
        for old in self.old:
            guests = self._untried(old) if old.backend == backend else []
            if guests:
                entries[(old.check, old.case, old.verdict)] = [guests, old.why]
        for v in self.found:
            if (
                v.backend == backend and v.bad
                and v.verdict not in verdicts.LABS_OWN
                and verdicts.sensitive(v) == private
            ):
                # A case tests the backend, whatever kernel the guest has.
                guest = "*" if v.case else v.guest
                key = (v.check, v.case, v.verdict)
                entry = entries.setdefault(key, [[], self._why(v)])
                if guest not in entry[0]:
                    entry[0].append(guest)
        return [_line(key, *entries[key]) for key in sorted(entries)]

    def _why(self, verdict):
        """What somebody wrote, else what the run said."""
        for old in self.old:
            if old.concerns(verdict) and old.verdict == verdict.verdict:
                return old.why
        return verdict.reason or "no reason was given"

    def _untried(self, old):
        """The guests of an expectation of which this run has no verdict."""
        tried = [v for v in self.found
                 if v.verdict not in ("SKIP", *verdicts.LABS_OWN)
                 and old.concerns(v)]
        return [g for g in old.guests
                if not any(fnmatch.fnmatch(v.guest, g) for v in tried)]


def _line(key, guests, why):
    check, case, word = key
    line = {"guests": sorted(guests), "check": check}
    if case:
        line["case"] = case
    return line | {"verdict": word, "why": why}


def bless(found, where, say):
    """Write the files of one run; say() is told what was written and why."""
    public, private = where
    both = [Blessing(found, load([folder])) for folder in where]
    if not both[0].backends():
        raise LabError(
            "these results have no backend but xenblkd, and what xenblkd does "
            "wrong is mended, not expected: nothing was written"
        )
    for backend in both[0].backends():
        for blessing, folder, hidden in zip(both, where, (False, True)):
            lines = blessing.lines(backend, hidden)
            path = Path(folder) / f"{backend}.json"
            if not lines and not path.exists():
                continue
            _write(path, lines)
            say(f"{path}: {len(lines)} expected verdicts"
                + (f"; these may tell of a weakness of {backend}: tell its "
                   "maintainers, publish nothing" if hidden and lines else ""))
    for verdict in both[0].refused:
        say(f"{verdict.name}: {verdict.verdict} is the laboratory's own "
            "failure and was not blessed")


def _write(path, lines):
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_suffix(".new")
    new.write_text(json.dumps({"expected": lines}, indent=1) + "\n",
                   encoding="utf-8")
    new.replace(path)
