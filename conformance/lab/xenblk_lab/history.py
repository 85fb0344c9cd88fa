"""Nights: what earlier runs found, and what is new since the last one.

A night is a folder of the results document, named by the time at which the run
started; names sort by time.  Two runs are compared as sets of verdicts, by
(guest, backend, check, case), never by their number: one mended and one broken
check are two changes, not none.
"""

import json
import re
import shutil
from dataclasses import dataclass, field
from pathlib import Path

from . import place, verdicts
from .errors import LabError

NAME = re.compile(r"\d{4}-\d\d-\d\dT\d{6}$")
RESULTS = "results.json"
KEPT_NIGHTS = 30


def folder():
    """Where nights are kept when nobody says otherwise."""
    return place.cache() / "nights"


def nights(where):
    """The folders of all nights with results, oldest first."""
    return sorted(
        path for path in Path(where).glob("*")
        if NAME.match(path.name) and (path / RESULTS).is_file()
    )


def last(where):
    """The document of the last night and its name, or (None, None)."""
    found = nights(where)
    if not found:
        return None, None
    return verdicts.load(found[-1] / RESULTS), found[-1].name


def name_of(document):
    """The name of the night of a document: the time at which it started."""
    digits = re.sub(r"[^0-9]", "", verdicts.started(document))[:14]
    if len(digits) != 14:
        raise LabError(
            f"the results say that they started at "
            f"{document.get('started')!r}: that is no time, so the night has "
            "no name. Write it as 2026-11-25T01:00:00."
        )
    return (f"{digits[:4]}-{digits[4:6]}-{digits[6:8]}T{digits[8:]}")


def keep(where, document, kept=KEPT_NIGHTS):
    """Store a night, forget all but the newest; the folder of this night."""
    path = Path(where) / name_of(document)
    path.mkdir(parents=True, exist_ok=True)
    new = path / f"{RESULTS}.new"
    new.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    new.replace(path / RESULTS)
    oldest = nights(where)[-kept:][0]
    for old in Path(where).iterdir():
        # A night that came to nothing left a folder as well.
        if NAME.match(old.name) and old.name < oldest.name:
            shutil.rmtree(old)
    return path


@dataclass
class Change:
    """One key whose verdict is not what it was; None: it was, or is, absent."""

    key: tuple
    before: verdicts.Verdict | None
    now: verdicts.Verdict | None

    @property
    def name(self):
        return " ".join(part for part in self.key if part)

    @property
    def words(self):
        return " -> ".join(
            v.verdict if v else "absent" for v in (self.before, self.now)
        )


@dataclass
class Changes:
    """What is new since a night, each kind in the order of its keys."""

    since: str
    broken: list = field(default_factory=list)  # bad now, and was not so
    silenced: list = field(default_factory=list)  # skipped, had a verdict
    mended: list = field(default_factory=list)
    other: list = field(default_factory=list)
    appeared: list = field(default_factory=list)
    disappeared: list = field(default_factory=list)

    KINDS = (
        ("broken", "New failures"),
        ("silenced", "Skipped, and had a verdict"),
        ("disappeared", "Disappeared"),
        ("mended", "Mended"),
        ("other", "Changed otherwise"),
        ("appeared", "Appeared"),
    )

    def kinds(self):
        """(heading, changes) of each kind that has any."""
        for attribute, heading in self.KINDS:
            if getattr(self, attribute):
                yield heading, getattr(self, attribute)

    @property
    def none(self):
        return not any(True for _ in self.kinds())


def compare(before, now, since):
    """Changes from one document to the next.

    A run of a part of the matrix says nothing about the rest: only what this
    run planned can have disappeared.
    """
    old, new = _by_key(before), _by_key(now)
    planned = _scope(now)
    changes = Changes(since)
    for key in sorted(set(old) | set(new)):
        change = Change(key, old.get(key), new.get(key))
        kind = _kind(change, planned)
        if kind:
            getattr(changes, kind).append(change)
    return changes


def _by_key(document):
    """One verdict per key: of several, a bad one."""
    found = sorted(verdicts.verdicts(document), key=lambda v: v.bad)
    return {v.key: v for v in found}


def _scope(document):
    rows = list(document["rows"]) + list(document.get("planned") or [])
    return {(row["guest"], row["backend"], row["check"]) for row in rows}


def _kind(change, planned):
    before, now = change.before, change.now
    if now is None:
        if change.key[:3] not in planned:
            return None
        # A whole check that had failed has cases of its own again.
        return "mended" if before.bad and not before.case else "disappeared"
    if before is None:
        return "broken" if now.bad else "appeared"
    if before.verdict == now.verdict:
        return None
    if now.bad:
        return "broken"
    if now.verdict == "SKIP":
        return "silenced"
    return "mended" if before.bad else "other"
