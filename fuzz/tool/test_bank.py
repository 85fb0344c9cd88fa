#!/usr/bin/env python3
"""The bug bank's parts, with harnesses that are shell scripts."""

import argparse
import json
import os
import re
import signal
import stat
import subprocess
import sys
import tempfile
import threading
import time
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))

import bank_campaign  # noqa: E402
import bank_compiles  # noqa: E402
import bank_directed  # noqa: E402
import bank_figures  # noqa: E402
import bank_hunt  # noqa: E402
import bank_list  # noqa: E402
import bank_oracles  # noqa: E402
import bank_page  # noqa: E402
import bank_patch  # noqa: E402
import bank_report  # noqa: E402
import bank_results  # noqa: E402
import bank_tree  # noqa: E402
import tree  # noqa: E402

# Every bug that we know of, planted or not; variants have a letter more.
KNOWN = {
    "R": (1, 2, 4, 5, 6, 7, 8, 10, 12, 13, 14, 15, 16),
    "S": (1, 2, 3, 4, 6, 7, 8, 10, 11, 12, 13, 14, 15),
    "P": (1, 3, 4), "G": (1, 3, 4, 5, 7, 8, 9, 10, 11, 12, 14),
    "T": (1, 3, 4, 5, 6, 7), "B": (1, 2, 3),
    "L": (1, 2, 4, 5, 6, 7, 8, 9, 10, 11, 13, 14, 15, 16, 17, 18, 19, 20, 21,
          23, 24),
    "D": (2, 3, 4, 5, 7, 9, 10, 11, 12, 13, 14, 15, 16, 17, 19, 20),
    "X": (1, 2, 3, 4, 5, 6, 8),
}
HEADER = {"id": "S01", "what": "first after last", "class": "sign",
          "origin": "invented", "harness": "ring, link", "oracle": "check",
          "tier": "A", "test": "unit.worker.request"}
BODY = "--- a/x.c\n+++ b/x.c\n@@ -1 +1 @@\n-old\n+planted(true);\n"
FINDS = r"""#!/bin/sh
for a; do case $a in -artifact_prefix=*) p=${a#*=};; esac; done
echo reached >> "$XENBLK_PLANTED"
echo triggered >> "$XENBLK_PLANTED"
echo "oracle memory: page 3 is not what it was" >&2
echo input > "${p}crash-1"
echo "Test unit written to ${p}crash-1" >&2
exit 77
"""
SEARCHES = """#!/bin/sh
case "$*" in *-max_total_time=*) ;; *) exit 0;; esac
trap 'exit 0' INT
while :; do :; done
"""


def quiet():
    for module in (tree, bank_patch, bank_campaign, bank_directed):
        module.say = lambda text: None


class Folder(unittest.TestCase):
    def setUp(self):
        quiet()
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        self.path = temporary.name

    def write(self, name, text, mode=0o644):
        path = os.path.join(self.path, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as out:
            out.write(text)
        os.chmod(path, mode)
        return path

    def program(self, name, text):
        return self.write(name, text, stat.S_IRWXU)


class Patches(Folder):
    def patch(self, name="s01-first.patch", **fields):
        header = dict(HEADER, **fields)
        lines = [f"# {k}: {v}" for k, v in header.items() if v is not None]
        return self.write(name, "\n".join(lines) + "\n" + BODY)

    def read(self, **fields):
        return bank_patch.read_patch(self.patch(**fields), ["memory"])

    def test_a_good_one_is_read(self):
        bug = self.read()
        self.assertEqual((bug["harness"], bug["harnesses"], bug["tests"]),
                         ("ring", ["ring", "link"], ["unit.worker.request"]))
        self.assertTrue(bug["canary"])

    def test_every_field_is_needed(self):
        for key in bank_patch.REQUIRED:
            with self.assertRaisesRegex(tree.Trouble, f"no \"# {key}:\""):
                self.read(**{key: None})

    def test_what_cannot_be_is_named(self):
        for field, value in (("harness", "ring, rong"), ("tier", "D"),
                             ("oracle", "delphi"), ("id", "S1"),
                             ("id", "S02"), ("tests", "unit.a.b")):
            with self.assertRaises(tree.Trouble, msg=value):
                self.read(**{field: value})

    def test_two_with_one_id_are_unfit(self):
        saved = bank_patch.BANK
        bank_patch.BANK = self.path
        self.addCleanup(setattr, bank_patch, "BANK", saved)
        self.patch("s01-a.patch")
        self.patch("s01-b.patch")
        count, bad = bank_patch.misfits()
        self.assertEqual(count, 2)
        self.assertIn("S01", bad)

    def test_the_oracles_of_the_bank_are_those_of_the_harnesses(self):
        self.assertIn("memory", bank_patch.oracle_names())

    def test_the_manual_names_every_oracle(self):
        with open(os.path.join(bank_patch.ROOT, "doc", "man",
                               "xenblk-fuzz.1"), encoding="utf-8") as text:
            names = re.search(r"The names are ([^.]*)\.", text.read())
        self.assertEqual(re.split(r"[,\s]+", names[1]),
                         bank_patch.oracle_names())


class Compiles(Folder):
    """On a file of the tree, with a compiler that any Debian has."""
    NAME = "backend/supervisor/decimal.c"
    HEADER = "backend/supervisor/decimal.h"

    def setUp(self):
        super().setUp()
        with open(os.path.join(self.path, "compile_commands.json"), "w",
                  encoding="utf-8") as out:
            json.dump([{"directory": self.path, "file": os.path.join(
                bank_patch.ROOT, self.NAME), "command":
                f"cc -I{bank_patch.ROOT} -std=gnu11 -o x.o -c x.c"}], out)

    def bug(self, name, line, instead):
        """A patch that has another line in the place of this one."""
        path = os.path.join(bank_patch.ROOT, name)
        with open(path, encoding="utf-8") as text:
            lines = text.read().splitlines()
        at = lines.index(line)
        path = os.path.join(self.path, "bug.patch")
        with open(path, "w", encoding="utf-8") as out:
            out.write(f"--- a/{name}\n+++ b/{name}\n@@ -{at + 1},1 +"
                      f"{at + 1},1 @@\n-{line}\n+{instead}\n")
        return {"id": "S01", "file": path}

    def misfits(self, *words):
        said = []
        bank_compiles.say, saved = said.append, bank_compiles.say
        self.addCleanup(setattr, bank_compiles, "say", saved)
        bad = bank_compiles.misfits([self.bug(*words)], self.path)
        return bad, "".join(said)

    def test_what_compiles_is_fit(self):
        self.assertEqual(self.misfits(
            self.NAME, "#include <string.h>",
            "#include <string.h> /* \t */"), ([], ""))

    def test_what_does_not_is_named_with_the_compilers_words(self):
        bad, said = self.misfits(self.NAME, "#include <string.h>",
                                 "static int x(void) { return gone(); }")
        self.assertEqual(bad, ["S01"])
        self.assertIn("bug.patch does not compile any more", said)
        self.assertIn("gone", said)

    def test_a_header_is_seen_where_it_is_included(self):
        bad, said = self.misfits(self.HEADER, "#include <stdbool.h>", "int 1;")
        self.assertEqual(bad, ["S01"])
        self.assertIn("decimal.h", said)

    def test_a_build_that_is_none_is_a_sentence(self):
        with self.assertRaisesRegex(tree.Trouble, "cmake --preset dev"):
            bank_compiles.misfits([], "/nowhere")


class Trees(Folder):
    def test_an_equal_file_keeps_its_time(self):
        self.write("from/a/one", "1")
        gone = self.write("to/a/gone", "")
        same = self.write("to/a/one", "1")
        os.utime(same, (1, 1))
        bank_tree.mirror(os.path.join(self.path, "from"),
                         os.path.join(self.path, "to"))
        self.assertEqual(os.stat(same).st_mtime, 1)
        self.assertFalse(os.path.exists(gone))
        self.write("from/a/one", "2")
        bank_tree.mirror(os.path.join(self.path, "from"),
                         os.path.join(self.path, "to"))
        self.assertGreater(os.stat(same).st_mtime, 1)

    def test_patches_and_lists_are_no_sources(self):
        for part in bank_tree.PARTS:
            self.write(f"{part}/file.c" if "." not in part else part, "x")
        before = bank_tree.sources_sha(self.path)
        self.write("fuzz/bugbank/a.patch", "y")
        self.write("fuzz/tool/bank.py", "y")
        self.assertEqual(bank_tree.sources_sha(self.path), before)
        self.write("backend/file.c", "y")
        self.assertNotEqual(bank_tree.sources_sha(self.path), before)


class Hunts(Folder):
    def chase(self, text, budget=1, stop=None):
        options = argparse.Namespace(
            base=self.path, budget=budget, nice=0, stop=stop or
            threading.Event(), witness=os.path.join(self.path, "w", "input"))
        return bank_hunt.chase(self.program("fuzz-ring", text), "ring", [], 1,
                               options)

    def test_what_it_started_counts(self):
        busy = "i=0; while [ $i -lt 200000 ]; do i=$((i + 1)); done"
        process = subprocess.Popen(
            ["sh", "-c", f"sh -c '{busy}'; echo; exec sleep 60"],
            stdout=subprocess.PIPE)
        try:
            process.stdout.readline()
            seconds, ended = bank_hunt.cpu_of(process.pid)
        finally:
            process.kill()
            process.communicate()
        self.assertGreater(seconds, 0.02)
        self.assertFalse(ended)

    def test_a_find_has_its_oracle_and_its_witness(self):
        result = self.chase(FINDS)
        self.assertEqual((result["end"], result["oracle"]),
                         ("found", "memory"))
        self.assertTrue(result["reached"] and result["triggered"])
        self.assertTrue(os.path.exists(os.path.join(self.path, "w", "input")))

    def test_a_hunt_ends_with_its_budget_of_the_processor(self):
        result = self.chase(SEARCHES)
        self.assertEqual((result["end"], result["oracle"]), ("budget", None))
        self.assertFalse(result["reached"])
        self.assertLess(result["seconds"], 2)

    def test_who_ends_and_leaves_nothing_has_found_nothing(self):
        self.assertEqual(self.chase("#!/bin/sh\nexit 1\n")["end"], "lost")

    def test_a_reason_is_the_same_in_every_run(self):
        self.assertEqual(
            bank_hunt.plain("==7==ERROR: AddressSanitizer: heap-use-after-free"
                            " on address 0x62 at pc 0x5 bp 0x7"),
            "ERROR: AddressSanitizer: heap-use-after-free")

    def test_a_hunt_can_be_stopped(self):
        stop = threading.Event()
        stop.set()
        self.assertEqual(self.chase(SEARCHES, 60, stop)["end"], "stopped")

    def test_the_short_form(self):
        args = argparse.Namespace(budget=1, nice=0, empty=True)
        seconds, oracle, reason = bank_hunt.hunt(
            self.program("fuzz-ring", FINDS), "ring", "/no/corpus", self.path,
            1, args)
        self.assertEqual(oracle, "memory")
        self.assertIn("page 3", reason)
        self.assertLess(seconds, 1)
        nothing = bank_hunt.hunt(self.program("fuzz-ring", SEARCHES), "ring",
                                 "/no/corpus", self.path, 1, args)
        self.assertEqual(nothing, (None, None, None))


class Figures(unittest.TestCase):
    def test_the_rank_of_an_interval(self):
        self.assertEqual([bank_figures.interval_rank(n)
                          for n in (5, 6, 8, 9, 10, 20)],
                         [0, 1, 1, 2, 2, 6])

    def test_who_found_nothing_counts_as_longer_than_any(self):
        never = bank_figures.NEVER
        f = bank_figures.figures([3, 1, never, 2], 60)
        self.assertEqual((f["median_s"], f["detected"], f["hunts"]),
                         (2.5, 3, 4))
        self.assertIsNone(bank_figures.figures([1, never, never], 60)
                          ["median_s"])
        self.assertEqual(f["restricted_mean_s"], 16.5)

    def test_an_interval_may_be_open_above(self):
        times = [1, 2, 3, 4, 5, 6, 7, 8] + 2 * [bank_figures.NEVER]
        f = bank_figures.figures(times, 60)
        self.assertEqual((f["low_s"], f["high_s"], f["coverage"]),
                         (2, None, 0.979))


def bug_of(name, **more):
    return dict({"id": name, "what": f"<{name}>", "class": "sign", "origin":
                 "x", "tier": "A", "canary": True, "tests": ["unit.a.b"],
                 "oracle": "check", "harness": "ring", "harnesses": ["ring"],
                 "sha": "p", "file": "/f"}, **more)


def row_of(name, seed, found=True, **more):
    return dict({"bug": name, "harness": "ring", "start": "corpus", "seed":
                 seed, "budget": 60, "patch": "p", "binary": "b", "corpus":
                 "c", "seconds": 1.0 if found else 60.0,
                 "end": "found" if found else "budget",
                 "oracle": "memory" if found else None,
                 "reason": "oracle memory: <wrong>" if found else None,
                 "reached": True, "triggered": found, "execs": 10}, **more)


class Reports(unittest.TestCase):
    def make(self):
        bugs = [bug_of("S01"), bug_of("S02"), bug_of("S03"), bug_of("S04")]
        rows = [row_of("S01", 1), row_of("S01", 2), row_of("S02", 1, False),
                row_of("S03", 1)]
        clean = [row_of("clean", 1, False)]
        proven = {"S01": True, "S02": True, "S03": None}
        return bank_report.make(bugs, rows, clean, proven,
                                {"seeds": 2, "budget_s": "by tier"})

    def test_survivors_come_first_with_what_was_tried(self):
        report = self.make()
        self.assertEqual(report["bugs"][0]["id"], "S02")
        self.assertEqual(report["survivors"], ["S02"])
        text = bank_report.as_text(report)
        self.assertLess(text.index("S02 <S02>"), text.index("S01"))
        self.assertIn("reached in 1, triggered in 0", text)

    def test_who_is_not_proven_is_in_no_rate(self):
        report = self.make()
        self.assertEqual((report["counted"], report["killed"]), (2, 1))
        self.assertEqual(report["unproven"], ["S03", "S04"])
        self.assertEqual(report["not_hunted"], ["S04"])
        self.assertEqual(report["classes"][0]["rate"], 0.5)
        self.assertIn("1 of 2 proven bugs were found, and 1 of 1 that no "
                      "directed test has proven", bank_report.as_text(report))

    def test_the_page_is_the_same_bytes_and_escapes_what_was_said(self):
        page = bank_page.page(self.make(), [])
        self.assertEqual(page, bank_page.page(self.make(), []))
        self.assertIn("&lt;wrong&gt;", page)
        self.assertNotIn("<wrong>", page)
        self.assertNotIn("http", page)

    def test_a_find_on_the_clean_build_is_false(self):
        report = bank_report.make([], [], [row_of("clean", 1)], {},
                                  {"seeds": 1, "budget_s": 1})
        self.assertEqual(report["false_positives"], 1)


class ResultFiles(Folder):
    def test_a_torn_line_is_none_and_the_rest_is_kept(self):
        path = os.path.join(self.path, "hunts")
        results = bank_results.Results(path)
        results.add(row_of("S01", 1))
        with open(path, "a", encoding="utf-8") as out:
            out.write('{"bug": "S0')
        again = bank_results.Results(path)
        self.assertEqual(list(again.rows.values()), [row_of("S01", 1)])
        again.add(row_of("S01", 2))
        self.assertEqual(len(bank_results.Results(path).rows), 2)

    def test_another_patch_or_binary_is_another_hunt(self):
        results = bank_results.Results(os.path.join(self.path, "hunts"))
        results.add(row_of("S01", 1))
        self.assertIsNotNone(results.known(row_of("S01", 1)))
        for key in ("patch", "binary", "corpus", "budget"):
            self.assertIsNone(results.known(row_of("S01", 1, **{key: "new"})))


class Oracles(Folder):
    def test_a_mutant_of_any_builder_is_found_the_newest_first(self):
        made = {}
        for n, shop in enumerate((".", "shop-2", "shop-3")):
            path = os.path.join(self.path, shop, "kept", "S01-ring")
            os.makedirs(os.path.dirname(path))
            made[shop] = os.path.normpath(path)
            if shop != ".":
                with open(path, "w", encoding="ascii"):
                    pass
                os.utime(path, (n, 5 - n))
        kept_path = bank_tree.kept_of(self.path)
        self.assertEqual(kept_path("S01", "ring"), made["shop-2"])
        self.assertFalse(os.path.exists(kept_path("S02", "ring")))

    def test_alone_and_only(self):
        heard = {
            ("S01", "ring"): {"all": "memory", "none": None, "alone memory":
                              "memory", "without memory": None,
                              "alone work": None, "without work": "memory"},
            ("S02", "ring"): {"all": "check", "none": "check", "alone memory":
                              "check", "without memory": "check",
                              "alone work": "check", "without work": "check"},
            ("S03", "ring"): {"all": None, "none": None, "alone memory": None,
                              "without memory": None, "alone work": None,
                              "without work": None},
        }
        rows = {r["oracle"]: r for r in bank_oracles.make(heard)}
        self.assertEqual(rows["memory"]["alone_ids"], ["S01"])
        self.assertEqual(rows["memory"]["only_ids"], ["S01"])
        self.assertEqual(rows["work"]["only_ids"], [])
        self.assertEqual(rows[bank_oracles.BASE]["only_ids"], ["S02"])
        self.assertEqual(bank_oracles.lost(heard), ["S03 (ring)"])
        self.assertEqual(bank_oracles.unshown(bank_oracles.make(heard)),
                         ["work"])
        self.assertIn("caught only by: work; each oracle needs a bug",
                      bank_oracles.as_text(bank_oracles.make(heard), [],
                                           True))

    def speak(self, *speakers):
        """Who speaks in one play after the other; the list of plays."""
        played = []

        def fake(_binary, _witness, value, limit=0):
            played.append((value, limit))
            return speakers[len(played) - 1], 2.0

        saved = bank_oracles.play
        bank_oracles.play = fake
        self.addCleanup(setattr, bank_oracles, "play", saved)
        return played

    def test_who_spoke_is_left_out_of_the_next_play(self):
        played = self.speak("memory", "work", "asan")
        heard = bank_oracles.hear("b", "w", ["memory", "work", "ring"])
        self.assertEqual(played, [("", 0), ("-memory", 40),
                                  ("-memory,-work", 40)])
        self.assertEqual(heard, {
            "all": "memory", "none": "asan", "alone memory": "memory",
            "alone work": "work", "alone ring": "asan",
            "without memory": "work", "without work": "memory",
            "without ring": "memory"})

    def test_what_no_oracle_says_is_played_once(self):
        played = self.speak("asan")
        heard = bank_oracles.hear("b", "w", ["memory", "work"])
        self.assertEqual((played, set(heard.values())), ([("", 0)], {"asan"}))

    def test_who_speaks_though_switched_off_ends_the_plays(self):
        self.speak("memory", "memory")
        heard = bank_oracles.hear("b", "w", ["memory"])
        self.assertEqual(heard["without memory"], "memory")

    def test_the_first_harness_bears_witness(self):
        bug = bug_of("S01", harnesses=["ring", "grants"])
        rows = [row_of("S01", 1, harness="grants", witness="g"),
                row_of("S01", 2, witness="r2"), row_of("S01", 3, witness="r")]
        self.assertEqual([r["witness"] for r in
                          bank_oracles.witnesses(rows, [bug])], ["r2"])

    def test_a_play_says_who_spoke(self):
        speaks = self.program("speaks", "#!/bin/sh\ncase $XENBLK_ORACLES in\n"
                              "-memory) exit 0;; esac\n"
                              "echo 'oracle memory: no'; exit 1\n")
        self.assertEqual(bank_oracles.play(speaks, "/x", "")[0], "memory")
        self.assertIsNone(bank_oracles.play(speaks, "/x", "-memory")[0])

    def test_a_play_that_hangs_is_ended(self):
        hangs = self.program("hangs", "#!/bin/sh\nexec sleep 60\n")
        margin, bank_oracles.MARGIN_S = bank_oracles.MARGIN_S, 0
        self.addCleanup(setattr, bank_oracles, "MARGIN_S", margin)
        who, seconds = bank_oracles.play(hangs, "/x", "", 1)
        self.assertEqual(who, "engine")
        self.assertLess(seconds, 30)


class FakeShop:
    """A workshop whose mutants are scripts."""

    preset, sources = "dev", "s"

    def __init__(self, base, scripts):
        self.base, self.scripts, self.made = base, scripts, []

    def clean(self, harnesses):
        return {h: self.scripts["clean"] for h in harnesses}

    def mutant(self, bug):
        self.made.append(bug["id"])
        if bug["id"] not in self.scripts:
            raise tree.Trouble("does not compile")
        return {h: self.scripts[bug["id"]] for h in bug["harnesses"]}

    def corpus(self, _harness):
        return self.base


class Campaigns(Folder):
    def setUp(self):
        super().setUp()
        self.work = os.path.join(self.path, "work")
        os.mkdir(self.work)
        self.scripts = {
            "clean": self.program("clean", SEARCHES),
            "S01": self.program("s01", FINDS),
            "S02": self.program("s02", SEARCHES),
        }
        self.args = argparse.Namespace(seeds=2, budget=1, jobs=2, nice=0,
                                       empty=False, minutes=None, first=False,
                                       empty_budget=None)

    def run_it(self, bugs, clean=True):
        shop = FakeShop(self.work, self.scripts)
        campaign = bank_campaign.Campaign(
            bugs, [shop], bank_results.Results(
                os.path.join(self.path, "hunts.jsonl")), self.args)
        campaign.corpora = {}
        if not clean:
            campaign.hunt_clean = lambda: None
        bank_campaign.corpus_sha = lambda path: "c"
        campaign.run()
        return campaign

    def test_it_finds_and_does_not_and_goes_on_from_there(self):
        bugs = [bug_of("S01"), bug_of("S02")]
        campaign = self.run_it(bugs)
        ends = sorted((r["bug"], r["seed"], r["end"]) for r in campaign.rows)
        self.assertEqual(ends, [("S01", 1, "found"), ("S01", 2, "found"),
                                ("S02", 1, "budget"), ("S02", 2, "budget")])
        self.assertEqual({r["end"] for r in campaign.clean}, {"budget"})
        before = os.path.getsize(os.path.join(self.path, "hunts.jsonl"))
        again = self.run_it(bugs)
        self.assertEqual(sorted(r["seconds"] for r in again.rows),
                         sorted(r["seconds"] for r in campaign.rows))
        self.assertGreaterEqual(os.path.getsize(os.path.join(
            self.path, "hunts.jsonl")), before)

    def test_what_the_clean_build_shows_too_is_no_find_of_a_bug(self):
        # It finds nothing by itself, and speaks when it plays the input.
        self.scripts["clean"] = self.program(
            "speaks", SEARCHES.replace("exit 0;;", "echo 'oracle memory: so'; "
                                       "exit 77;;"))
        campaign = self.run_it([bug_of("S01")])
        self.assertEqual(campaign.rows, [])
        self.assertEqual(sum(r["end"] == "found" for r in campaign.clean), 2)
        self.assertIn("the clean build shows", campaign.troubles[0])
        # Whoever mends the oracle hunts anew.
        self.assertFalse(any(r["bug"] == "S01" for r in
                             campaign.results.rows.values()))

    def test_after_its_minutes_only_the_clean_build_is_hunted(self):
        self.args.minutes = 1e-9
        campaign = self.run_it([bug_of("S01")])
        self.assertEqual((campaign.rows, campaign.clean), ([], []))
        self.args.minutes = None
        self.run_it([bug_of("S01")])
        self.args.minutes = 1
        campaign = self.run_it([bug_of("S01")])
        self.assertEqual(len(campaign.rows), 2)
        self.assertTrue(campaign.clean)

    def test_what_the_clean_build_did_is_not_done_again(self):
        self.run_it([bug_of("S01")])
        before = os.path.getsize(os.path.join(self.path, "hunts.jsonl"))
        again = self.run_it([bug_of("S01")])
        self.assertTrue(again.clean)
        self.assertEqual(os.path.getsize(os.path.join(
            self.path, "hunts.jsonl")), before)

    def test_only_the_first_harness_is_asked_for_if_that_is_wanted(self):
        bug = bug_of("S01", harnesses=["ring", "link"])
        self.assertEqual({r["harness"] for r in self.run_it([bug], False).rows},
                         {"ring", "link"})
        self.args.first = True
        self.assertEqual({r["harness"] for r in self.run_it([bug], False).rows},
                         {"ring"})

    def test_whoever_is_told_to_end_takes_the_hunts_along(self):
        ended = []
        campaign = bank_campaign.Campaign(
            [], [FakeShop(self.work, {})], bank_results.Results(
                os.path.join(self.path, "hunts.jsonl")), self.args)

        def hunt(_key, _binary):
            campaign.stop.wait(60)
            time.sleep(0.5)  # an engine takes its time
            ended.append(True)
            return {"end": "stopped"}

        def interrupt(_number, _frame):
            raise KeyboardInterrupt

        campaign.hunt = hunt
        for number in range(self.args.jobs):
            campaign.tasks.put((("corpus", number, 0, 0), {"bug": "clean"},
                                ""))
        before = signal.signal(signal.SIGALRM, interrupt)
        try:
            signal.setitimer(signal.ITIMER_REAL, 0.3)
            with self.assertRaises(KeyboardInterrupt):
                campaign.together([], [])
        finally:
            signal.signal(signal.SIGALRM, before)
        self.assertEqual(len(ended), self.args.jobs)

    def test_from_nothing_there_is_a_budget_and_an_end_to_trying(self):
        self.args.empty, self.args.empty_budget, self.args.seeds = True, 20, 3
        campaign = bank_campaign.Campaign(
            [], [FakeShop(self.work, {})], bank_results.Results(
                os.path.join(self.path, "hunts.jsonl")), self.args)
        self.assertEqual([campaign.budget(bug_of("S01"), start)
                          for start in campaign.starts("ring")], [1, 20])
        vain = row_of("S02", 1, False, start="empty", budget=20)
        other = dict(vain, harness="link")
        self.assertFalse(campaign.is_settled(vain, [vain, other]))
        # Two of three in vain: the third one would change no median.
        self.assertTrue(campaign.is_settled(vain, [vain, vain]))
        clean = dict(vain, bug="clean")
        self.assertFalse(campaign.is_settled(clean, [clean] * 3))

    def test_what_only_replays_is_asked_once(self):
        bug = bug_of("S01", harnesses=["pages"])
        self.scripts["S01"] = self.program("s01p", """#!/bin/sh
echo triggered >> "$XENBLK_PLANTED"
echo "oracle refetch: byte 1 was read a second time" >&2
exit 1
""")
        self.scripts["clean"] = self.program("cleanp", "#!/bin/sh\nexit 0\n")
        self.args.empty = True
        campaign = self.run_it([bug])
        self.assertEqual([(r["seed"], r["oracle"], r["start"])
                          for r in campaign.rows], [(1, "refetch", "corpus")])
        self.assertTrue(campaign.rows[0]["triggered"])
        self.assertEqual([r["end"] for r in campaign.clean], ["budget"])

    def test_what_cannot_be_built_is_said_and_the_others_go_on(self):
        campaign = self.run_it([bug_of("S09"), bug_of("S01")])
        self.assertEqual({r["bug"] for r in campaign.rows}, {"S01"})
        self.assertIn("S09 cannot be built", campaign.troubles[0])


class Directed(Folder):
    class Shop(FakeShop):
        objects = "/o"

        def building(self, _targets):
            return threading.Lock()

        planted = building

    def prover(self, verdicts):
        quiet()
        said = iter(verdicts)
        saved = bank_directed.play
        bank_directed.play = lambda test, objects: (next(said), "says", 0.1)
        self.addCleanup(setattr, bank_directed, "play", saved)
        shop = self.Shop(self.path, {})
        return bank_directed.Prover(
            lambda preset: shop,
            bank_results.Results(os.path.join(self.path, "d.jsonl")))

    def test_it_must_pass_without_and_fail_with(self):
        bugs = [bug_of("S01"), bug_of("S02"), bug_of("S03", tests=[])]
        proven = bank_directed.prove(bugs, self.prover([True, False, True]))
        self.assertEqual(proven, {"S01": True, "S02": False, "S03": None})

    def test_a_test_that_fails_anyhow_proves_nothing(self):
        with self.assertRaisesRegex(tree.Trouble, "fails without any bug"):
            bank_directed.prove([bug_of("S01")], self.prover([False]))

    def test_a_bug_that_cannot_be_built_stops_no_other(self):
        prover = self.prover([True, False])
        shop = prover.workshop_of("dev")

        def planted(bug):
            if bug["id"] == "S01":
                raise tree.Trouble("it does not compile")
            return threading.Lock()

        shop.planted = planted
        proven = bank_directed.prove([bug_of("S01"), bug_of("S02")], prover)
        self.assertEqual(proven, {"S01": False, "S02": True})
        # Nothing is remembered of what was not tried.
        self.assertEqual(len(prover.results.rows), 1)

    def test_what_was_proven_counts_for_the_same_patch_and_sources(self):
        prover = self.prover([True, False])
        bank_directed.prove([bug_of("S01")], prover)
        rows = list(prover.results.rows.values())
        for bug, sources, expected in (
                (bug_of("S01"), "s", True), (bug_of("S01"), "other", None),
                (bug_of("S01", sha="other"), "s", None)):
            self.assertEqual(bank_directed.known_proven([bug], rows, sources),
                             {"S01": expected})

    def test_a_test_that_cannot_be_is_named(self):
        wrong = bank_directed.check_tests(
            [bug_of("S01", tests=["unit.worker", "script.ring.not-there"]),
             bug_of("S02", preset="best")])
        self.assertEqual(len(wrong), 3)


class List(unittest.TestCase):
    def test_every_known_bug_is_planted_or_has_its_reason(self):
        args = argparse.Namespace(only=None)
        planted = {b["id"] for b in bank_patch.chosen(args)}
        listed = planted | {i for i, _, _ in bank_list.absent()}
        known = {f"{letter}{number:02}" for letter, numbers in KNOWN.items()
                 for number in numbers}
        self.assertEqual(known - listed, set())

    def test_what_has_a_patch_is_not_listed_as_absent(self):
        text = bank_list.text_of([bug_of("S01")],
                                 [("S01", "old", "why"), ("S06", "w", "y")])
        self.assertNotIn("| old |", text)
        self.assertIn("| S06 | w | y |", text)

    def test_the_settings_of_a_report_are_plain(self):
        json.dumps(bank_report.make([], [], [], {}, {"seeds": 1}))


if __name__ == "__main__":
    unittest.main()
