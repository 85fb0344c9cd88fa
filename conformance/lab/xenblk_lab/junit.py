"""The report as JUnit XML, for build servers.

A suite per guest and backend, a test per verdict.  JUnit knows failure, error
and skipped; the lab's own words stand in the messages.  An expected failure
passes, and says so in system-out.
"""

import re
from xml.sax.saxutils import escape, quoteattr

from . import baseline, verdicts

# XML 1.0 cannot hold these at all, not even escaped.
FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def _text(words):
    return escape(FORBIDDEN.sub("?", str(words)))


def _attribute(words):
    return quoteattr(FORBIDDEN.sub("?", str(words)))


def _kind(judged):
    """The element that a verdict becomes; None for a plain pass."""
    if judged.fails:
        own = judged.verdict.verdict in verdicts.LABS_OWN
        return "error" if own else "failure"
    if judged.verdict.verdict == "SKIP":
        return "skipped"
    return None if judged.verdict.verdict == "PASS" else "system-out"


def _words(judged):
    v = judged.verdict
    parts = [v.reason, judged.why]
    if judged.state == baseline.EXPECTED:
        parts = ["expected: " + judged.why, v.reason]
    if judged.fails:
        parts += [f"repeat: {v.repro}" if v.repro else ""]
        parts += [f"kept: {path}" for path in v.artifacts]
    return "\n".join(dict.fromkeys(part for part in parts if part))


def _test(judged):
    v = judged.verdict
    head = (
        f"  <testcase classname={_attribute(f'{v.guest}.{v.backend}')} "
        f"name={_attribute(' '.join(filter(None, (v.check, v.case))))} "
        f'time="{v.seconds:.3f}">'
    )
    kind = _kind(judged)
    if kind is None:
        return f"{head}</testcase>"
    if kind == "system-out":
        body = f"<system-out>{_text(v.verdict)}: {_text(_words(judged))}"
    else:
        body = f"<{kind} message={_attribute(v.verdict)}>{_text(_words(judged))}"
    return f"{head}{body}</{kind}></testcase>"


def _suite(name, judged, started):
    kinds = [_kind(j) for j in judged]
    total = sum(j.verdict.seconds for j in judged)
    yield (
        f"<testsuite name={_attribute(name)} tests=\"{len(judged)}\" "
        f'failures="{kinds.count("failure")}" errors="{kinds.count("error")}" '
        f'skipped="{kinds.count("skipped")}" time="{total:.3f}" '
        f"timestamp={_attribute(started)}>"
    )
    yield from (_test(j) for j in judged)
    yield "</testsuite>"


def document(results, judged):
    """The XML, as one string."""
    suites = {}
    for j in judged:
        name = f"{j.verdict.guest} on {j.verdict.backend}"
        suites.setdefault(name, []).append(j)
    lines = ['<?xml version="1.0" encoding="UTF-8"?>', "<testsuites>"]
    for name, group in suites.items():
        lines += _suite(name, group, verdicts.started(results))
    return "\n".join([*lines, "</testsuites>", ""])
