"""The report as one static page: guests x backends x checks, cases x backends.

Every verdict is a word; colour and slant only repeat it.  A cell links to its
place in the list of all that is not PASS, where the reason and the command to
repeat it stand.
"""

from . import baseline, bench_table, text, verdicts
from .markup import Html, anchor, document, element, html, section, table

TITLE = "xenblk on real Xen"


def _first_seen(values):
    return list(dict.fromkeys(values))


def _class(judged):
    if judged.fails:
        return "fails"
    if judged.state == baseline.EXPECTED:
        return "expected"
    return "good" if judged.verdict.verdict == "PASS" else None


def _hover(judged):
    parts = (judged.verdict.reason, judged.why)
    return "; ".join(part for part in parts if part)


def _cell(judged, seconds=False):
    """A cell of a matrix: the word, linked to its reason."""
    v = judged.verdict
    words = html(v.verdict)
    if v.verdict != "PASS" or judged.fails:
        words = element("a", words, href=f"#{anchor(v.name)}")
    if judged.state == baseline.EXPECTED:
        words = Html(f"{words} (expected)")
    time = element("small", text.seconds(v.seconds)) if seconds else ""
    return element(
        "td", element("span", words, class_="word"), time,
        class_=_class(judged), title=_hover(judged),
    )


def _summary(judged):
    fails = sum(j.fails for j in judged)
    good = "Every verdict is a good or an expected one."
    bad = f"{fails} verdict{'s' if fails != 1 else ''} must be looked at."
    yield element(
        "p", element("strong", bad if fails else good), " ",
        text.counts(judged) + ".",
    )
    meanings = (f"{w}: {verdicts.MEANINGS[w]}" for w in verdicts.WORDS)
    yield element("p", "; ".join(meanings) + ".", class_="soft")


def _changes(changes, compared):
    if not compared:
        return Html("")
    return section(
        "New since the last night",
        element("pre", "\n".join(text.changes(changes))),
    )


# --- guests x backends x checks ---


def _whole(row, judged):
    """The verdict of a whole row as a judged one, for the matrix."""
    mine = [j for j in judged
            if j.verdict.key[:3] == (row["guest"], row["backend"], row["check"])]
    own = [j for j in mine if not j.verdict.case]
    if own:
        return own[0]
    # The row is the sum of its cases, and fails if one of them does.
    whole = verdicts.Verdict(
        row["guest"], row["backend"], row["check"], row["verdict"],
        reason=row.get("reason") or "", seconds=row.get("seconds") or 0.0,
        repro=row.get("repro") or "",
    )
    failing = [j for j in mine if j.fails]
    if failing:
        return baseline.Judged(
            whole, baseline.UNEXPECTED,
            f"{len(failing)} cases: " + ", ".join(
                j.verdict.case for j in failing[:5]),
        )
    state = baseline.EXPECTED if whole.bad else baseline.GOOD
    return baseline.Judged(whole, state, "all its failing cases are expected"
                           if whole.bad else "")


def _matrix(rows, judged):
    wholes = [_whole(row, judged) for row in rows]
    # Of a check that ran several times, the bad verdict is the one to see.
    by_key = {j.verdict.key[:3]: j
              for j in sorted(wholes, key=lambda j: j.verdict.bad)}
    checks = _first_seen(row["check"] for row in rows)
    lines = []
    for guest, backend in _first_seen((r["guest"], r["backend"]) for r in rows):
        cells = [by_key.get((guest, backend, check)) for check in checks]
        lines.append(
            (guest, element("td", backend),
             *(_cell(j, seconds=True) if j else "" for j in cells))
        )
    return section(
        "Guests, backends, checks",
        table("Empty: not planned for this guest and backend. Times are those "
              "of the emulated machine.",
              ("guest", "backend", *checks), lines),
    )


# --- cases x backends ---


def _conformance(judged):
    cases = [j for j in judged if j.verdict.case]
    if not cases:
        return Html("")
    columns = _first_seen((j.verdict.backend, j.verdict.guest) for j in cases)
    by_key = {(j.verdict.case, j.verdict.backend, j.verdict.guest): j
              for j in cases}
    lines = []
    for case in _first_seen(j.verdict.case for j in cases):
        here = [by_key.get((case, *column)) for column in columns]
        one = next(j.verdict for j in here if j)
        lines.append((
            element("code", case), one.clause, one.level,
            *(_cell(j) if j else element("td", "not run") for j in here),
            _reasons(here),
        ))
    heads = [f"{backend} ({guest})" for backend, guest in columns]
    return section(
        "Conformance",
        element("p", "The suite in a guest's userspace, against each backend. "
                "What another backend does otherwise is a difference, stated "
                "with its reason; clauses are those of doc/protocol.md."),
        table(f"{len(lines)} cases on {len(columns)} backends",
              ("case", "clause", "level", *heads, "reasons"), lines),
    )


def _reasons(judged):
    """Why each that is not PASS is not, the same reason once."""
    reasons = {}
    for j in judged:
        if j and j.verdict.verdict != "PASS" and _hover(j):
            reasons.setdefault(_hover(j), []).append(j.verdict.backend)
    return element("td", *(
        element("div", f"{', '.join(_first_seen(names))}: {reason}")
        for reason, names in reasons.items()
    ))


# --- what is not PASS, and details ---


def _entry(judged):
    v = judged.verdict
    yield element(
        "dt", f"{v.name}: ", element("span", v.verdict, class_=_class(judged)),
        id=anchor(v.name),
    )
    yield element("dd", v.reason or "No reason was given.")
    if judged.why:
        label = "Expected: " if judged.state == baseline.EXPECTED else ""
        yield element("dd", label + judged.why)
    if v.repro:
        yield element("dd", "repeat: ", element("code", v.repro))
    if v.artifacts:
        yield element("dd", "kept: ", element("code", " ".join(map(str, v.artifacts))))


def _list(rows, judged):
    wholes = [_whole(row, judged) for row in rows]
    entries = {j.verdict.name: j for j in (*wholes, *judged)
               if j.verdict.verdict != "PASS" or j.fails}
    order = sorted(entries.values(), key=lambda j: not j.fails)
    parts = [part for j in order for part in _entry(j)]
    return section("All that is not PASS", element("dl", *parts) if parts else
                   element("p", "There is nothing."))


def _details(rows, key):
    """(row, its details under a key) where there are any."""
    found = ((row, (row.get("details") or {}).get(key)) for row in rows)
    return [(row, value) for row, value in found if value]


def _features(rows, key, caption):
    """A table of what xenstore held, by guest and backend."""
    found = {}
    for row, features in _details(rows, key):
        found.setdefault((row["guest"], row["backend"]), {}).update(features)
    if not found:
        return None
    names = _first_seen(name for features in found.values() for name in features)
    return table(caption, ("guest", "backend", *names), [
        (guest, element("td", backend), *(f.get(n, "-") for n in names))
        for (guest, backend), f in found.items()])


def _negotiated(rows):
    return section(
        "Negotiated features",
        _features(rows, "negotiated", "What each guest's frontend asked for."),
        _features(rows, "offered", "What each backend offered to it."))


def _bench(rows):
    parts = []
    for row, results in _details(rows, "bench"):
        for title, head, lines in bench_table.tables(results):
            parts.append(table(f"{row['guest']}: {title}", head, lines))
    return section("Bench", *parts)


def _ledger(results, rows):
    parts = []
    for row, lines in _details(rows, "ledger"):
        name = f"{row['guest']} {row['backend']} {row['check']}"
        if isinstance(lines, dict):
            lines = [f"{what}: {count}" for what, count in lines.items()]
        lines = [lines] if isinstance(lines, str) else map(str, lines)
        parts += [element("h3", name), element("pre", "\n".join(lines))]
    counts = results.get("ledgers") or []
    if counts:
        names = _first_seen(name for ledger in counts for name in ledger)
        parts.append(table(
            "Each machine of the run, before its first check and after its last.",
            ("dom0 holds", *(f"{n + 1}" for n in range(len(counts)))),
            [(name, *(ledger.get(name, "-") for ledger in counts))
             for name in names]))
    return section("What dom0 held", *parts)


def _troubles(results):
    return section("Troubles of the laboratory", *(
        element("p", words) for words in results.get("troubles") or []))


def _about(results):
    """Where and when; what the machine's description nests gets a line each."""
    machine = results.get("machine") or {}
    plain = [f"{k}: {v}" for k, v in machine.items() if not isinstance(v, dict)]
    nested = {k: v for k, v in machine.items() if isinstance(v, dict)}
    yield element(
        "p", f"Commit {results.get('commit') or '(none)'}, started "
        f"{verdicts.started(results) or '(no time)'}. ", "; ".join(plain),
        class_="soft",
    )
    for name, parts in nested.items():
        words = ", ".join(f"{k}: {v}" for k, v in parts.items() if v)
        yield element("p", f"{name}: {words}", class_="soft")


def page(results, judged, changes=None, compared=False):
    """The whole page, as one string."""
    rows = verdicts.complete_rows(results)
    return document(
        TITLE,
        (
            section("Summary", *_summary(judged)),
            _changes(changes, compared),
            _matrix(rows, judged),
            _list(rows, judged),
            _conformance(judged),
            _negotiated(rows),
            _bench(rows),
            _ledger(results, rows),
            _troubles(results),
        ),
        list(_about(results)),
    )
