"""The suite against one program: which cases see that it is wrong.

Reads TAP as it comes, so that a variant under which nothing works costs no more
than its time.
"""

import re
import subprocess

LINE = re.compile(r"(not )?ok \d+ - (\S+)(?: # SKIP (.*))?$")
# A variant that spins costs so much for each of its cases.
CASE_S = 5


class Run:
    """What came of a run: cases that passed, that were bad, and why."""

    def __init__(self):
        self.passed, self.skipped, self.bad = set(), set(), {}
        self.whole = False


def take_line(run, line, last):
    """One line of TAP; the id of the case that the next comment is about."""
    found = LINE.match(line)
    if not found:
        if last in run.bad and line.startswith("# ") and not run.bad[last]:
            run.bad[last] = line[2:].strip()
        return last
    bad, name, skip = found.groups()
    if bad:
        run.bad[name] = ""
    elif skip is not None:
        run.skipped.add(name)
    else:
        run.passed.add(name)
    return name


def play(program, cases, seconds, case_s=CASE_S):
    """A Run of these cases, or of all when there are none."""
    run, last = Run(), None
    words = [program, "run", *cases, "--target", "inprocess", "--tap",
             "--timeout", str(case_s)]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, text=True,
                               errors="replace", stderr=subprocess.DEVNULL,
                               stdin=subprocess.DEVNULL)
    try:
        out, _ = process.communicate(timeout=seconds)
        run.whole = True
    except subprocess.TimeoutExpired:
        # Its case dies with it: nobody else holds the pipe.
        process.kill()
        out, _ = process.communicate()
    for line in out.splitlines():
        last = take_line(run, line, last)
    return run
