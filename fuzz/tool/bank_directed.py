"""Directed tests: each bug of the bank is proven by a test that fails with it
and passes without.  A bug that no test kills may be no bug at all, and stands
in no rate.

What "# test:" may name:
  unit.FOLDER.NAME       a unit test, as ctest calls it
  blkif.TOPIC.CASE       a case of the conformance suite, played in process
  script.HARNESS.NAME    fuzz/bugbank/scripts/NAME.txt, played by a harness;
                         no corpus holds it, so that no fuzzer begins with it
"""

import contextlib
import os
import re
import subprocess
import tempfile
import time

from bank_patch import BANK
from tree import HARNESSES, REPLAYED, Trouble, say

LIMIT = 60
PRESETS = ("dev", "release", "asan-ubsan", "tsan", "msan")


def kind_of(test):
    word, _, rest = test.partition(".")
    if word == "unit" and re.fullmatch(r"\w+\.\w+", rest):
        return "unit"
    if word == "blkif":
        return "case"
    if word == "script" and \
       rest.partition(".")[0] in list(HARNESSES) + list(REPLAYED):
        return "script"
    raise Trouble(f"\"{test}\" is no directed test: unit.FOLDER.NAME, "
                  "blkif.TOPIC.CASE or script.HARNESS.NAME")


def script_path(test):
    return os.path.join(BANK, "scripts", test.split(".", 2)[2] + ".txt")


def check_tests(bugs):
    """Sentences about tests that are named and cannot be."""
    wrong = []
    for bug in bugs:
        for test in bug["tests"]:
            try:
                if kind_of(test) == "script" and \
                   not os.path.exists(script_path(test)):
                    raise Trouble(f"{script_path(test)} does not exist")
            except Trouble as trouble:
                wrong.append(f"{bug['file']}: {trouble}")
        if bug.get("preset", "dev") not in PRESETS:
            wrong.append(f"{bug['file']}: its preset is \"{bug['preset']}\"; "
                         f"it is one of {', '.join(PRESETS)}")
    return wrong


def targets_of(test):
    kind = kind_of(test)
    if kind == "unit":
        return ["test_" + test.split(".")[2]]
    if kind == "case":
        return ["xenblk-conform-inprocess"]
    return ["fuzz-" + test.split(".")[1], "xenblk-script"]


def words_of(test, objects, scratch):
    """The command that plays a test."""
    kind, bins = kind_of(test), os.path.join(objects, "bin")
    if kind == "unit":
        return [os.path.join(objects, "tests", "test_" + test.split(".")[2])]
    if kind == "case":
        return [os.path.join(bins, "xenblk-conform-inprocess"), "run", test,
                "--target", "inprocess"]
    data, harness = os.path.join(scratch, "script"), test.split(".")[1]
    subprocess.run([os.path.join(bins, "xenblk-script"), "encode", harness,
                    script_path(test), data], check=True)
    return [os.path.join(bins, "fuzz-" + harness), data]


def play(test, objects):
    """(whether it passes, the line that says most, seconds)"""
    begun = time.monotonic()
    with tempfile.TemporaryDirectory() as scratch:
        try:
            done = subprocess.run(
                words_of(test, objects, scratch), capture_output=True,
                check=False, timeout=LIMIT, stdin=subprocess.DEVNULL)
        except subprocess.TimeoutExpired:
            return False, f"did not end within {LIMIT} s", LIMIT
    text = (done.stdout + done.stderr).decode(errors="replace")
    return (done.returncode == 0, telling_line(text),
            round(time.monotonic() - begun, 1))


def telling_line(text):
    """Of a test's output: the failure, if there is one."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    for pattern in (r"^oracle \w+:", r"check failed|CHECK", r"ERROR: |runtime "
                    r"error", r" != |\.c:\d+: error|FAILED|FAIL\b"):
        for line in lines:
            if re.search(pattern, line):
                return line[:200]
    return lines[-1][:200] if lines else ""


class Prover:
    """Plays directed tests in one workshop for each preset."""

    def __init__(self, workshop_of, results):
        self.workshop_of = workshop_of  # preset -> Workshop
        self.results = results
        self.clean = {}  # (preset, test) -> passes

    def row_of(self, bug, test, shop):
        return {"bug": bug["id"], "harness": test, "start": "directed",
                "seed": 0, "budget": LIMIT, "patch": bug["sha"],
                "binary": shop.sources, "corpus": shop.preset}

    def passes_clean(self, shop, test):
        key = (shop.preset, test)
        if key not in self.clean:
            with shop.building(targets_of(test)):
                self.clean[key], says, _ = play(test, shop.objects)
            if not self.clean[key]:
                raise Trouble(f"{test} fails without any bug: {says}")
        return self.clean[key]

    def kills(self, bug, test):
        """A row: whether this test fails with this bug."""
        shop = self.workshop_of(bug.get("preset", "dev"))
        row = self.row_of(bug, test, shop)
        known = self.results.known(row)
        if known:
            return known
        self.passes_clean(shop, test)
        with contextlib.ExitStack() as stack:
            try:
                stack.enter_context(shop.planted(bug))
                stack.enter_context(shop.building(targets_of(test)))
            except Trouble as trouble:  # the other bugs do not wait for it
                return dict(row, killed=False, says=f"not tried: {trouble}",
                            seconds=0)
            passes, says, seconds = play(test, shop.objects)
        row.update(killed=not passes, says=says, seconds=seconds)
        self.results.add(row)
        return row


def prove(bugs, prover):
    """{id: True, False, or None when it names no test}"""
    proven = {}
    for bug in bugs:
        if not bug["tests"]:
            proven[bug["id"]] = None
            say(f"{bug['id']:5} names no test")
            continue
        rows = [prover.kills(bug, test) for test in bug["tests"]]
        proven[bug["id"]] = all(r["killed"] for r in rows)
        for row in rows:
            say(f"{bug['id']:5} {row['harness']:44} "
                f"{'fails: ' if row['killed'] else 'PASSES: '}{row['says']}")
    return proven


def known_proven(bugs, rows, sources):
    """What an earlier --directed has shown of these very patches in these
    very sources."""
    proven = {}
    for bug in bugs:
        own = {r["harness"]: r["killed"] for r in rows
               if r["bug"] == bug["id"] and r["patch"] == bug["sha"] and
               r["binary"] == sources}
        proven[bug["id"]] = (all(own.get(t, False) for t in bug["tests"])
                             if bug["tests"] and own else None)
    return proven
