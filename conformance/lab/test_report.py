#!/usr/bin/env python3
"""ctest lab.report: verdicts, baselines, nights, text, JUnit and page from
made-up results; nothing is booted."""

import contextlib
import html.parser
import io
import json
import os
import sys
import tempfile
import unittest
import unittest.mock
import xml.etree.ElementTree
from pathlib import Path

from xenblk_lab import baseline, history, main, report, verdicts
from xenblk_lab.errors import LabError

EVIL = '<script>alert("x")</script> & \x1b[31m'
STARTED = "2026-11-25T01:00:00"


def row(guest, backend, check, verdict, **other):
    return {"guest": guest, "backend": backend, "check": check,
            "verdict": verdict, "reason": "", "seconds": 1.5, **other}


def case(name, verdict, **other):
    return {"id": name, "clause": "J1", "level": "MUST", "verdict": verdict,
            "reason": "", "repro": f"xenblk-conform run {name}", **other}


def suite(backend, verdict, *results, guest="linux-6.1"):
    return row(guest, backend, "conformance", verdict,
               details={"results": list(results)})


def document(*rows, planned=(), started=STARTED):
    return {"machine": {"qemu": "7.2"}, "commit": "abc1234",
            "started": started, "rows": list(rows),
            "planned": [dict(zip(("guest", "backend", "check"), p))
                        for p in planned]}


def words(results):
    return {v.key: v.verdict for v in verdicts.verdicts(results)}


class Place(unittest.TestCase):
    """Tests with a folder of their own, and no baseline but theirs."""

    def setUp(self):
        self.temporary = tempfile.TemporaryDirectory(prefix="xenblk-lab.")
        self.addCleanup(self.temporary.cleanup)
        self.place = Path(self.temporary.name)
        old = os.environ.get("XENBLK_LAB_CACHE")
        os.environ["XENBLK_LAB_CACHE"] = str(self.place / "cache")
        self.addCleanup(self._restore, old)
        self.public, self.private = self.place / "public", self.place / "private"

    @staticmethod
    def _restore(old):
        if old is None:
            del os.environ["XENBLK_LAB_CACHE"]
        else:
            os.environ["XENBLK_LAB_CACHE"] = old

    def judge(self, results, before=None, since=None):
        where = [self.public, self.private]
        return report.Report(results, where, before, since)

    def bless(self, results):
        said = []
        baseline.bless(verdicts.verdicts(results),
                       (self.public, self.private), said.append)
        return "\n".join(said)

    def expected(self, folder, backend):
        path = folder / f"{backend}.json"
        return json.loads(path.read_text())["expected"] if path.exists() else []


class Verdicts(unittest.TestCase):
    def test_what_was_planned_and_did_not_come_is_lost(self):
        found = words(document(
            row("a", "xenblkd", "io", "PASS"),
            planned=[("a", "xenblkd", "io"), ("a", "xenblkd", "flush")]))
        self.assertEqual(found, {("a", "xenblkd", "io", ""): "PASS",
                                 ("a", "xenblkd", "flush", ""): "LOST"})

    def test_cases_stand_for_their_row(self):
        found = words(document(
            suite("xenblkd", "FAIL", case("one", "PASS"), case("two", "FAIL"))))
        self.assertEqual(set(found.values()), {"PASS", "FAIL"})
        self.assertEqual(len(found), 2)

    def test_a_case_is_repeated_by_the_laboratory(self):
        one = suite("xenblkd", "FAIL", case("one", "FAIL"))
        for command in ("xenblk-conform run one", "xenblk-lab run conformance"):
            found = verdicts.verdicts(document(one))
            self.assertEqual([v.repro for v in found], [command])
            one["repro"] = "xenblk-lab run conformance"

    def test_a_runner_that_broke_is_not_hidden_by_its_cases(self):
        found = words(document(
            suite("xenblkd", "ERROR", case("one", "PASS"), case("two", "FAIL"))))
        self.assertEqual(found[("linux-6.1", "xenblkd", "conformance", "")],
                         "ERROR")

    def test_a_suite_without_results_is_a_row(self):
        found = words(document(suite("xenblkd", "PASS")))
        self.assertEqual(list(found.values()), ["PASS"])

    def test_an_unknown_word_of_the_suite_is_an_error(self):
        found = words(document(suite("xenblkd", "PASS", case("one", "MAYBE"))))
        self.assertEqual(list(found.values()), ["ERROR"])

    def test_malformed_documents_are_named(self):
        for broken, part in (
            ([], "no JSON object"),
            ({}, "rows"),
            (document({"guest": "a"}), "lacks backend"),
            (document(row("a", "b", "c", "GOOD")), "'GOOD' is no verdict"),
        ):
            with self.assertRaisesRegex(LabError, part):
                verdicts.checked(broken)


class Baselines(Place):
    def test_a_difference_is_expected_after_the_blessing(self):
        results = document(
            row("a", "blkback", "discard", "FAIL", reason="none offered"),
            suite("blkback", "FAIL", case("one", "FAIL", reason="no")))
        self.assertEqual(self.judge(results).status, report.FAILED)
        self.bless(results)
        self.assertEqual(self.judge(results).status, report.OK)
        self.assertEqual(
            self.expected(self.public, "blkback"),
            [{"guests": ["*"], "check": "conformance", "case": "one",
              "verdict": "FAIL", "why": "no"},
             {"guests": ["a"], "check": "discard", "verdict": "FAIL",
              "why": "none offered"}])

    def test_another_verdict_than_expected_fails(self):
        self.bless(document(row("a", "qemu", "io", "FAIL", reason="slow")))
        now = self.judge(document(row("a", "qemu", "io", "REJECT")))
        self.assertEqual(now.status, report.FAILED)
        self.assertIn("FAIL was expected: slow", now.text())

    def test_an_expected_failure_that_passes_is_said_and_fails(self):
        self.bless(document(row("a", "qemu", "io", "FAIL", reason="slow")))
        now = self.judge(document(row("a", "qemu", "io", "PASS")))
        self.assertEqual(now.status, report.FAILED)
        self.assertIn("it is PASS now: xenblk-lab bless", now.text())
        skipped = self.judge(document(row("a", "qemu", "io", "SKIP")))
        self.assertEqual(skipped.status, report.OK)

    def test_ours_is_never_blessed(self):
        with self.assertRaisesRegex(LabError, "mended, not expected"):
            self.bless(document(row("a", "xenblkd", "io", "FAIL")))

    def test_the_labs_own_failures_are_never_blessed(self):
        results = document(row("a", "qemu", "io", "ERROR"),
                           row("a", "qemu", "flush", "FAIL"))
        self.assertIn("was not blessed", self.bless(results))
        self.assertEqual(self.judge(results).status, report.FAILED)

    def test_what_may_be_a_weakness_stays_out_of_the_repository(self):
        results = document(
            row("a", "qemu", "destroy", "CRASH", reason="gone"),
            suite("qemu", "FAIL",
                  case("blkif.hostile.x", "FAIL", level="ROBUST"),
                  case("plain", "FAIL")))
        self.bless(results)
        public = self.expected(self.public, "qemu")
        self.assertEqual([e.get("case") for e in public], ["plain"])
        self.assertEqual(len(self.expected(self.private, "qemu")), 2)
        self.assertEqual(self.judge(results).status, report.OK)

    def test_a_part_of_the_matrix_leaves_the_rest_as_it_was(self):
        self.bless(document(row("a", "qemu", "io", "FAIL", reason="first"),
                            row("b", "qemu", "io", "FAIL"),
                            row("a", "qemu", "flush", "FAIL"),
                            row("a", "qemu", "detach", "FAIL")))
        self.bless(document(row("b", "qemu", "io", "PASS"),
                            row("a", "qemu", "flush", "SKIP"),
                            row("a", "qemu", "detach", "ERROR")))
        self.assertEqual(
            [(e["guests"], e["check"]) for e in self.expected(self.public, "qemu")],
            [(["a"], "detach"), (["a"], "flush"), (["a"], "io")])

    def test_a_reason_that_somebody_wrote_is_kept(self):
        results = document(row("a", "qemu", "io", "FAIL", reason="said by it"))
        self.public.mkdir()
        (self.public / "qemu.json").write_text(json.dumps({"expected": [
            {"guests": ["*"], "check": "io", "verdict": "FAIL",
             "why": "by hand"}]}))
        self.bless(results)
        self.assertEqual(self.expected(self.public, "qemu")[0]["why"], "by hand")

    def test_a_malformed_baseline_is_named(self):
        self.public.mkdir()
        for bad in ("[]", '{"expected": [{"check": "io"}]}', "{",
                    json.dumps({"expected": [
                        {"guests": ["*"], "check": "io", "verdict": "PASS",
                         "why": "x"}]})):
            (self.public / "qemu.json").write_text(bad)
            with self.assertRaisesRegex(LabError, "qemu.json is no baseline"):
                self.judge(document(row("a", "qemu", "io", "PASS")))


class Nights(Place):
    def changes(self, before, now):
        changes = history.compare(document(*before), document(*now), "then")
        return {heading: [c.key[2] + c.key[3] for c in group]
                for heading, group in changes.kinds()}

    def test_sets_are_compared_not_their_number(self):
        found = self.changes(
            [row("a", "xenblkd", "one", "PASS"), row("a", "xenblkd", "two", "FAIL")],
            [row("a", "xenblkd", "one", "FAIL"), row("a", "xenblkd", "two", "PASS")])
        self.assertEqual(found, {"New failures": ["one"], "Mended": ["two"]})

    def test_each_kind_of_change(self):
        found = self.changes(
            [row("a", "qemu", "fail", "FAIL"), row("a", "qemu", "skip", "PASS"),
             row("a", "qemu", "info", "PASS"),
             suite("qemu", "PASS", case("gone", "PASS"), case("kept", "PASS"))],
            [row("a", "qemu", "fail", "CRASH"), row("a", "qemu", "skip", "SKIP"),
             row("a", "qemu", "info", "INFO"), row("a", "qemu", "new", "PASS"),
             row("a", "qemu", "newbad", "WEDGED"),
             suite("qemu", "PASS", case("kept", "PASS"))])
        self.assertEqual(found, {
            "New failures": ["fail", "newbad"],
            "Skipped, and had a verdict": ["skip"],
            "Disappeared": ["conformancegone"],
            "Changed otherwise": ["info"],
            "Appeared": ["new"],
        })

    def test_a_part_of_the_matrix_makes_nothing_disappear(self):
        self.assertEqual(self.changes(
            [row("a", "qemu", "io", "PASS"), row("b", "qemu", "io", "PASS")],
            [row("a", "qemu", "io", "PASS")]), {})

    def test_of_several_runs_a_bad_one_counts(self):
        self.assertEqual(self.changes(
            [row("a", "xenblkd", "io", "PASS")],
            [row("a", "xenblkd", "io", "FAIL"), row("a", "xenblkd", "io", "PASS")]),
            {"New failures": ["io"]})

    def test_a_suite_that_runs_again_is_mended(self):
        self.assertEqual(self.changes(
            [suite("qemu", "ERROR")], [suite("qemu", "PASS", case("a", "PASS"))]),
            {"Mended": ["conformance"], "Appeared": ["conformancea"]})

    def test_only_the_newest_are_kept_and_the_last_is_found(self):
        where = self.place / "nights"
        self.assertEqual(history.last(where), (None, None))
        for day in (3, 1, 2, 4):
            history.keep(where, document(started=f"2026-11-0{day}T01:00:00"), 3)
        for name in ("notes", "2026-11-01T020000"):
            (where / name).mkdir()
        history.keep(where, document(started="2026-11-04T01:00:00"), 3)
        self.assertEqual([n.name for n in history.nights(where)],
                         [f"2026-11-0{d}T010000" for d in (2, 3, 4)])
        self.assertEqual(len(list(where.iterdir())), 4)
        self.assertEqual(history.last(where)[1], "2026-11-04T010000")

    def test_a_run_without_a_time_has_no_night(self):
        with self.assertRaisesRegex(LabError, "is no time"):
            history.keep(self.place, document(started="yesterday"))

    def test_only_what_is_new_and_bad_counts_in_a_night(self):
        before = document(row("a", "xenblkd", "old", "FAIL"),
                          row("a", "xenblkd", "io", "PASS"))
        same = self.judge(before, before, "then")
        self.assertEqual((same.status, same.new_and_bad()), (report.FAILED, []))
        now = document(row("a", "xenblkd", "old", "FAIL"),
                       row("a", "xenblkd", "io", "FAIL"))
        self.assertEqual(self.judge(now, before, "then").new_and_bad(),
                         [("a xenblkd io", "PASS -> FAIL")])
        first = self.judge(now, None, "no night")
        self.assertEqual(len(first.new_and_bad()), 2)

    def test_a_verdict_that_vanishes_is_bad_and_a_blessed_one_is_not(self):
        before = document(row("a", "qemu", "io", "PASS"),
                          row("a", "qemu", "flush", "PASS"))
        now = document(row("a", "qemu", "io", "SKIP"),
                       row("a", "qemu", "flush", "FAIL", reason="late"))
        self.bless(now)
        self.assertEqual(self.judge(now, before, "then").new_and_bad(),
                         [("a qemu io", "PASS -> SKIP")])


class Reader(html.parser.HTMLParser):
    """Checks that tags nest and ids are unique; gathers ids, links, words."""

    VOID = ("meta",)

    def __init__(self):
        super().__init__()
        self.open, self.ids, self.links, self.tags = [], [], [], set()
        self.words = ""

    def handle_starttag(self, tag, attributes):
        found = dict(attributes)
        self.tags.add(tag)
        if "id" in found:
            self.ids.append(found["id"])
        if "href" in found:
            self.links.append(found["href"])
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag, tag

    def handle_data(self, data):
        self.words += data


RICH = document(
    row("linux-6.1", "xenblkd", "smoke", "PASS",
        details={"negotiated": {"queues": 4, "persistent": EVIL},
                 "ledger": ["grants 0", EVIL]}),
    row("linux-6.1", "xenblkd", EVIL, "FAIL", reason=EVIL, repro=EVIL,
        artifacts=["build/lab/runs/x/console"]),
    row("linux-6.1", "qemu", "smoke", "PASS", details={
        "ledger": {"ports": 3}, "offered": {"max-ring-page-order": "4"}}),
    suite("xenblkd", "PASS", case("one", "PASS"), case("two", "INFO")),
    suite("qemu", "FAIL", case("one", "FAIL", reason=EVIL), case("two", "PASS")),
    row("linux-6.1", "all", "bench", "PASS", details={"bench": {"rows": [
        {"case": "randread", "backend": "xenblk", "queues": 1, "depth": 32,
         "block_bytes": 4096, "iops": 600.0, "cpu_us_per_io": 900.0},
        {"case": "randread", "backend": "qemu", "queues": 1, "depth": 32,
         "block_bytes": 4096, "iops": 300.0, "cpu_us_per_io": 1800.0}]}}),
    planned=[("linux-6.12", "xenblkd", "smoke")],
) | {
    "started": 1764032400.0,
    "machine": {"qemu": "7.2", "guests": {"linux-6.1": "6.1.192", "grub": None}},
    "ledgers": [{"zombies": 0}, {"zombies": 1}],
    "troubles": ["dom0 was silent"],
}


class Forms(Place):
    def read(self, results=RICH, **other):
        path = self.place / "page.html"
        self.judge(results, **other).write(html=path)
        reader = Reader()
        reader.feed(path.read_text())
        self.assertEqual(reader.open, [])
        return reader

    def test_page_is_well_formed_and_every_link_has_its_end(self):
        reader = self.read()
        self.assertEqual(len(set(reader.ids)), len(reader.ids))
        for link in reader.links:
            self.assertIn(link.removeprefix("#"), reader.ids)
        self.assertFalse(reader.tags & {"script", "img", "link"})

    def test_page_says_everything_in_words(self):
        words = self.read().words
        for part in (EVIL, "LOST", "4 KiB random read", "grants 0", "ports: 3", "one", "zombies",
                     "max-ring-page-order",
                     "linux-6.1: 6.1.192", "dom0 was silent", "started 2025-11-2",
                     "2.00", "0.50", "must be looked at", "qemu (linux-6.1)"):
            self.assertIn(part, words)

    def test_page_of_nothing_and_of_only_good(self):
        self.assertIn("no verdict", self.read(document()).words)
        good = self.read(document(row("a", "xenblkd", "io", "PASS")))
        self.assertIn("There is nothing.", good.words)

    def test_page_shows_what_is_new(self):
        reader = self.read(
            document(row("a", "xenblkd", "io", "FAIL", reason="why not")),
            before=document(row("a", "xenblkd", "io", "PASS")), since="then")
        self.assertIn("a xenblkd io: PASS -> FAIL", reader.words)
        first = self.read(document(), before=None, since="no night")
        self.assertIn("There is no earlier night", first.words)

    def test_text_has_failures_first_with_reason_and_command(self):
        lines = self.judge(document(
            row("a", "xenblkd", "good", "PASS"),
            row("b", "xenblkd", "bad", "WEDGED", reason="it hangs",
                repro="xenblk-lab run bad"))).text().splitlines()
        first = lines.index("WEDGED    b xenblkd bad")
        self.assertIn("it hangs", lines[first + 1])
        self.assertIn("xenblk-lab run bad", lines[first + 2])
        table = [line for line in lines if line.startswith(("a  ", "b  "))]
        self.assertEqual([line[0] for line in table], ["b", "a"])
        self.assertEqual(lines[-1], "1 PASS, 1 WEDGED")

    def test_a_guest_that_cannot_be_built_is_one_failure(self):
        rows = [row("a", "qemu", f"check{n}", "ERROR", reason="no mirror")
                for n in range(60)] + [row("a", "qemu", "io", "FAIL", reason="x"),
                                       row("b", "qemu", "io", "FAIL", reason="x")]
        lines = self.judge(document(*rows)).text().splitlines()
        heads = [line for line in lines if line.startswith(("ERROR ", "FAIL "))]
        self.assertEqual([head.split()[1:] for head in heads],
                         [["a", "qemu", "check0"], ["a", "qemu", "io"],
                          ["b", "qemu", "io"]])
        also = next(line for line in lines if line.startswith("  also"))
        self.assertIn("a qemu check1; a qemu check2", also)
        self.assertTrue(also.endswith("and 19 more"), also)

    def test_junit_counts_and_holds_anything(self):
        path = self.place / "deep" / "junit.xml"
        self.bless(document(suite("qemu", "FAIL",
                                  case("one", "FAIL", reason="known"))))
        self.judge(RICH).write(junit_xml=path)
        root = xml.etree.ElementTree.parse(path).getroot()
        suites = {s.get("name"): s for s in root}
        ours = suites["linux-6.1 on xenblkd"]
        self.assertEqual((ours.get("failures"), ours.get("errors")), ("1", "0"))
        self.assertIn("<script>", ours.find(".//failure").text)
        self.assertEqual(suites["linux-6.12 on xenblkd"].get("errors"), "1")
        theirs = suites["linux-6.1 on qemu"]
        self.assertEqual(theirs.get("failures"), "0")
        self.assertIn("expected: known", theirs.find(".//system-out").text)

    def test_json_has_the_keys_that_others_rely_on(self):
        rows = self.judge(RICH).json()["rows"]
        keys = {"guest", "backend", "check", "verdict", "reason", "seconds"}
        self.assertTrue(all(set(r) == keys for r in rows))
        self.assertEqual(rows[-1]["verdict"], "LOST")

    def test_public_says_nothing_of_weaknesses(self):
        results = document(
            row("a", "qemu", "destroy", "CRASH", reason="secret one"),
            row("a", "qemu", "leaks", "FAIL", reason="secret four",
                artifacts=["secret five"]),
            row("a", "xenblkd", "destroy", "CRASH", reason="our own"),
            suite("qemu", "WEDGED",
                  case("x.hostile.y", "FAIL", reason="secret two"),
                  case("z", "WEDGED", reason="secret three")))
        self.bless(results)
        shown = self.judge(report.withhold(results))
        self.assertNotIn("secret", shown.text() + str(self.read(
            report.withhold(results)).words))
        self.assertIn("our own", shown.text())
        self.assertEqual(
            [j.verdict.backend for j in shown.judged if j.fails], ["xenblkd"])


class Commands(Place):
    def call(self, *arguments):
        out, error = io.StringIO(), io.StringIO()
        old, sys.argv = sys.argv, ["xenblk-lab", *map(str, arguments)]
        try:
            with contextlib.redirect_stdout(out), contextlib.redirect_stderr(error):
                status = main.main("0")
        finally:
            sys.argv = old
        return status, out.getvalue(), error.getvalue()

    def store(self, results):
        path = self.place / "results.json"
        path.write_text(json.dumps(results))
        return path

    def options(self):
        return ("--baseline", self.public, "--baseline", self.private)

    def test_public_knows_only_the_public_expectations(self):
        self.private.mkdir()
        (self.private / "qemu.json").write_text(json.dumps({"expected": [
            {"guests": ["*"], "check": "conformance", "case": "z",
             "verdict": "CRASH", "why": "secret"}]}))
        path = self.store(document(suite("qemu", "INFO", case("z", "PASS"))))
        with unittest.mock.patch.object(
                baseline, "folders", return_value=(self.public, self.private)):
            _, told, _ = self.call("report", path)
            _, published, _ = self.call("report", path, "--public")
        self.assertIn("secret", told)
        self.assertNotIn("secret", published)

    def test_report_then_bless_then_report(self):
        path = self.store(document(row("a", "qemu", "io", "FAIL", reason="why")))
        status, out, _ = self.call("report", path, *self.options())
        self.assertEqual(status, report.FAILED)
        self.assertIn("FAIL      a qemu io", out)
        self.assertEqual(self.call("bless", path, *self.options())[0], 0)
        status, out, _ = self.call("report", path, "--json", *self.options())
        self.assertEqual(status, report.OK)
        self.assertEqual(json.loads(out)["rows"][0]["verdict"], "FAIL")

    def test_no_night_and_no_rows(self):
        status, _, error = self.call("report")
        self.assertEqual(status, 4)
        self.assertIn("holds no night yet", error)
        history.keep(history.folder(), document())
        self.assertEqual(self.call("report")[0], report.NOTHING)

    def test_no_file_and_no_document(self):
        status, _, error = self.call("report", self.place / "missing")
        self.assertEqual(status, 4)
        self.assertIn("missing cannot be read", error)
        path = self.place / "text"
        path.write_text("hello")
        self.assertIn("no JSON document", self.call("report", path)[2])


class Merged(unittest.TestCase):
    """Several runs as one: what a later one has counts."""

    def test_later_rows_replace_earlier_ones(self):
        def document(verdict, check, commit):
            row = {"guest": "g", "backend": "b", "check": check, "verdict": verdict}
            return {"rows": [row], "commit": commit,
                    "planned": [{"guest": "g", "backend": "b", "check": check}]}

        one = report.merged([document("FAIL", "x", "c1"), document("PASS", "y", "c1"),
                             document("PASS", "x", "c2")])
        self.assertEqual([(r["check"], r["verdict"]) for r in one["rows"]],
                         [("x", "PASS"), ("y", "PASS")])
        self.assertEqual(len(one["planned"]), 2)
        self.assertEqual(one["commit"], "c1, c2")


if __name__ == "__main__":
    sys.exit(unittest.main())
