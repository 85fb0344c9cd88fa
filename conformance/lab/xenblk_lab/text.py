"""The report as text: failures first, then the table, then what is new."""

from . import baseline, verdicts

LONGEST_LIST = 40


def grid(lines):
    """Lines of cells, aligned under each other."""
    widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]
    for line in lines:
        cells = (c.ljust(w) for c, w in zip(line, widths))
        yield "  ".join(cells).rstrip()


def seconds(value):
    return f"{value:.1f} s" if value else "-"


def counts(judged):
    """'12 PASS, 1 FAIL (1 expected)', in the order of the words."""
    parts = []
    for word in verdicts.WORDS:
        here = [j for j in judged if j.verdict.verdict == word]
        expected = sum(j.state == baseline.EXPECTED for j in here)
        if here:
            note = f" ({expected} expected)" if expected else ""
            parts.append(f"{len(here)} {word}{note}")
    return ", ".join(parts) or "no verdict"


def _failure(group):
    """Verdicts that fail for one reason: the first whole, the others by name."""
    first, *others = group
    v = first.verdict
    yield f"{v.verdict:<9} {v.name}"
    names = [j.verdict.name for j in others[:LONGEST_LIST]]
    more = len(others) - len(names)
    for label, words in (
        ("reason", v.reason or "none was given"),
        ("expected", first.why),
        ("clause", " ".join(filter(None, (v.clause, v.level)))),
        ("repeat", v.repro),
        ("kept", " ".join(map(str, v.artifacts))),
        ("also", "; ".join(names) + (f"; and {more} more" if more else "")),
    ):
        if words:
            yield f"  {label:<9}{words}"


def failures(judged):
    """Each verdict that makes the run fail, with the command to repeat it.

    A guest that cannot be built fails every check for one reason: said once.
    """
    groups = {}
    for j in judged:
        if j.fails:
            v = j.verdict
            own = None if v.reason and v.verdict in verdicts.LABS_OWN else v.key
            groups.setdefault((v.verdict, v.reason, j.why, own), []).append(j)
    for group in groups.values():
        yield from _failure(group)


def table(document):
    """guest, backend, check, verdict, seconds: the bad rows first."""
    rows = verdicts.complete_rows(document)
    rows.sort(key=lambda row: row["verdict"] not in verdicts.BAD)
    lines = [("guest", "backend", "check", "verdict", "time", "reason")]
    for row in rows:
        reason = " ".join((row.get("reason") or "").split())
        lines.append((
            row["guest"], row["backend"], row["check"], row["verdict"],
            seconds(row.get("seconds")),
            reason[:100] if row["verdict"] != "PASS" else "",
        ))
    return grid(lines)


def changes(found):
    """What is new since a night, as sentences and lists."""
    if found is None:
        yield "There is no earlier night to compare with."
        return
    if found.none:
        yield f"Nothing is new since {found.since}."
        return
    yield f"Since {found.since}:"
    for heading, group in found.kinds():
        yield f"  {heading}: {len(group)}"
        for change in group[:LONGEST_LIST]:
            yield f"    {change.name}: {change.words}"
            if change.now and change.now.bad and change.now.reason:
                yield f"      {change.now.reason}"
        if len(group) > LONGEST_LIST:
            yield f"    and {len(group) - LONGEST_LIST} more"


def report(document, judged, found=None, compared=False):
    """The whole report, as lines; compared says that changes belong to it."""
    machine = document.get("machine") or {}
    about = [f"{key} {value}" for key, value in machine.items()
             if isinstance(value, (str, int, float))]
    lines = [
        f"xenblk {document.get('commit') or '(no commit)'}, started "
        f"{verdicts.started(document) or '(no time)'}",
        *([", ".join(about)] if about else []),
        "",
        *failures(judged),
    ]
    if lines[-1]:
        lines.append("")
    lines += table(document)
    lines += [f"trouble: {words}" for words in document.get("troubles") or []]
    if compared:
        lines += ["", *changes(found)]
    return lines + ["", counts(judged)]
