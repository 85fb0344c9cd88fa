"""The suite, or the crash checker, against one program: which cases see that it
is wrong.

Reads TAP as it comes, so that a variant under which nothing works costs no more
than its time.
"""

import json
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


# "crash:500": so many histories, in which workers are killed or not.
CRASH = re.compile(r"crash(-deaths)?:(\d+)$")


def is_crash(case):
    return CRASH.match(case) is not None


def crash_words(program, case):
    deaths, count = CRASH.match(case).groups()
    return [program, "crash", "--histories", count, "--json"] + ["--deaths"] * bool(deaths)


def play_crash(run, program, case, seconds):
    """A case of the crash checker, into a Run: bad when a rule is broken."""
    try:
        done = subprocess.run(crash_words(program, case), stdout=subprocess.PIPE, text=True,
                              errors="replace", stderr=subprocess.DEVNULL,
                              stdin=subprocess.DEVNULL, timeout=seconds, check=False)
    except subprocess.TimeoutExpired:
        run.whole = False
        return
    if done.returncode == 1:
        run.bad[case] = crash_reason(done.stdout)
    elif done.returncode == 0:
        run.passed.add(case)


def crash_reason(text):
    """What the document says, in one line."""
    try:
        violation = json.loads(text)["violation"]
    except (ValueError, KeyError):
        return "a rule was broken that does not break alone"
    return f"seed {violation['seed']}, {violation['steps']} steps: {violation['rule']}"
