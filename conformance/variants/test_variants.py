#!/usr/bin/env python3
"""Faults as text, TAP as it comes, and what counts as seen failing."""

import importlib.machinery
import importlib.util
import os
import sys
import unittest

HERE = os.path.dirname(os.path.realpath(__file__))
sys.dont_write_bytecode = True
sys.path.insert(0, HERE)

from fault import Trouble, changed, parse  # noqa: E402
from suite import Run, crash_reason, crash_words, is_crash, take_line  # noqa: E402

TEXT = """# What the file is about.

## A01 blkif.a.b blkif.c.d
# Two
# lines.
--- x.c
 keep
-old
+new
@@
-gone
--- y.c
-y
+z
"""


def command():
    """xenblk-variants as a module: it has no .py."""
    path = os.path.join(HERE, "..", "xenblk-variants")
    loader = importlib.machinery.SourceFileLoader("variants", path)
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("variants", loader))
    loader.exec_module(module)
    return module


class Faults(unittest.TestCase):
    def test_a_fault_has_name_cases_and_hunks(self):
        fault, = parse(TEXT, "here")
        self.assertEqual((fault.name, fault.cases, fault.what),
                         ("A01", ["blkif.a.b", "blkif.c.d"], "Two lines."))
        self.assertEqual(fault.hunks, [("x.c", "keep\nold\n", "keep\nnew\n"), ("x.c", "gone\n", ""),
                                       ("y.c", "y\n", "z\n")])

    def test_all_hunks_are_applied(self):
        fault, = parse(TEXT, "here")
        files = {"x.c": "first\nkeep\nold\nmiddle\ngone\n", "y.c": "y\n"}
        self.assertEqual(changed(fault, files.get),
                         {"x.c": "first\nkeep\nnew\nmiddle\n", "y.c": "z\n"})

    def test_lines_must_stand_there_once(self):
        fault, = parse("## A01 c.d\n--- x.c\n-old\n+new\n", "here")
        for text in ("other\n", "old\nold\n", "very old\n"):
            with self.assertRaisesRegex(Trouble, "times in x.c, not once"):
                changed(fault, lambda path, text=text: text)

    def test_other_lines_are_no_fault(self):
        with self.assertRaisesRegex(Trouble, "here:2: "):
            parse("## A01 c.d\nfoo\n", "here")


class Tap(unittest.TestCase):
    def test_lines_become_verdicts(self):
        run, last = Run(), None
        for line in ("TAP version 13", "ok 1 - a.a", "not ok 2 - a.b", "# FAIL: it is so",
                     "ok 3 - a.c # SKIP not offered", "# SKIP: no"):
            last = take_line(run, line, last)
        self.assertEqual((run.passed, run.bad, run.skipped), ({"a.a"}, {"a.b": "FAIL: it is so"}, {"a.c"}))


class Crash(unittest.TestCase):
    def test_a_name_says_how_many_histories(self):
        self.assertEqual([is_crash(name) for name in ("crash:5", "crash-deaths:70", "blkif.crash", "crash:")],
                         [True, True, False, False])
        self.assertEqual(crash_words("p", "crash:5"), ["p", "crash", "--histories", "5", "--json"])
        self.assertEqual(crash_words("p", "crash-deaths:70")[3:], ["70", "--json", "--deaths"])

    def test_the_reason_is_the_rule(self):
        self.assertEqual(crash_reason('{"violation": {"seed": 3, "steps": 4, "rule": "it is so"}}'),
                         "seed 3, 4 steps: it is so")
        self.assertIn("alone", crash_reason(""))


class Seen(unittest.TestCase):
    def row(self, **more):
        return dict({"variant": "A01", "cases": ["a.a"], "caught_by": ["a.a", "a.b"], "blunt": False}, **more)

    def test_a_sharp_variant_counts_for_all_that_fail(self):
        self.assertEqual(set(command().seen_by([self.row()])), {"a.a", "a.b"})

    def test_a_blunt_one_counts_for_what_it_names(self):
        self.assertEqual(set(command().seen_by([self.row(blunt=True)])), {"a.a"})

    def test_what_passed_was_not_seen(self):
        self.assertEqual(command().seen_by([self.row(blunt=True, caught_by=["a.b"])]), {})


if __name__ == "__main__":
    unittest.main()
