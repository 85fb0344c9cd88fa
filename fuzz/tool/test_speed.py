#!/usr/bin/env python3
"""Proof that speeds are executions by seconds of the processor, round by round over
all harnesses, and medians beside the empty harness of the same engine."""

import argparse
import os
import subprocess
import sys
import tempfile
import unittest
from unittest import mock

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))

import processor  # noqa: E402
import speed  # noqa: E402
import tree  # noqa: E402

# Busy in a child of its own, until it is told to end.
BUSY = "sh -c 'while :; do :; done' & trap 'kill %1; exit 0' INT; wait"


class FakeEngine:
    """Of the real ones' shape; a process that is busy until it is stopped."""
    execs, found = 1000, ()
    words = ["bash", "-c", BUSY]

    def __init__(self, harness, binary, where, options):
        self.harness, self.where = harness, where
        FakeEngine.options = options
        process = subprocess.Popen(self.words, start_new_session=True)
        self.jobs = [(process, os.path.join(where, "log.0"))]

    def running(self):
        return self.jobs[0][0].poll() is None

    def stop(self):
        if self.running():
            self.jobs[0][0].send_signal(2)
        self.jobs[0][0].wait(20)

    def figures(self):
        return {"execs": self.execs}

    def finds(self):
        return [dict(f) for f in self.found]


class FakePlace:
    def __init__(self, where, engine="libfuzzer"):
        self.where, self.engine = where, engine

    def prepared(self, harness):
        return os.path.join(self.where, harness), self.where

    def inputs(self, harness):
        return os.path.join(self.where, "corpus-" + harness)


def arguments(**others):
    return argparse.Namespace(**dict(
        {"seconds": 0.2, "rounds": 2, "nice": 0, "small": False}, **others))


class Once(unittest.TestCase):
    def setUp(self):
        place = tempfile.TemporaryDirectory()
        self.addCleanup(place.cleanup)
        self.place = FakePlace(place.name)
        for patch in (
                mock.patch.dict(speed.MACHINES, libfuzzer=FakeEngine),
                mock.patch.object(speed, "say", lambda text: None)):
            patch.start()
            self.addCleanup(patch.stop)

    def once(self, **others):
        return speed.once(self.place, "ring", 7, arguments(**others))

    def test_the_time_of_children_counts(self):
        row = self.once()
        self.assertGreaterEqual(row["cpu_s"], 0.2)
        self.assertGreater(row["wall_s"], 0.1)
        self.assertAlmostEqual(row["per_cpu_s"], 1000 / row["cpu_s"])
        self.assertAlmostEqual(row["per_wall_s"], 1000 / row["wall_s"])

    def test_the_seed_and_the_corpus_are_those_of_the_round(self):
        self.once()
        self.assertEqual(FakeEngine.options.seed, 7)
        self.assertEqual(FakeEngine.options.inputs,
                         [self.place.inputs("ring")])
        self.once(small=True)
        self.assertEqual(FakeEngine.options.inputs, [])

    def test_an_engine_that_plays_nothing_is_no_figure(self):
        with mock.patch.object(FakeEngine, "execs", 0), \
             self.assertRaisesRegex(tree.Trouble, "ring under libfuzzer played "
                                    "nothing .*log.0"):
            self.once()

    def test_an_engine_that_gets_no_processor_is_given_up(self):
        with mock.patch.object(FakeEngine, "words", ["sleep", "600"]), \
             mock.patch.object(speed, "PATIENCE", 0.3), \
             self.assertRaisesRegex(tree.Trouble, "played nothing"):
            self.once()

    def test_a_find_is_kept_and_counted(self):
        find = {"input": "x", "oracle": "memory", "reason": "page 3"}
        kept = []
        with mock.patch.object(FakeEngine, "found", (find,)), \
             mock.patch.object(speed.finds, "keep",
                               lambda harness, f: kept.append((harness, f))):
            self.assertEqual(self.once()["finds"], 1)
        self.assertEqual(kept, [("ring", find)])


class Measure(unittest.TestCase):
    def test_rounds_go_over_all_before_the_next_begins(self):
        order = []

        def once(place, harness, seed, _args):
            order.append((seed, harness, place.engine))
            return {"per_cpu_s": 100.0, "per_wall_s": 50.0, "execs": 10,
                    "finds": 0}

        places = [FakePlace("/p", "libfuzzer"), FakePlace("/p", "afl")]
        with mock.patch.object(speed, "once", once), \
             mock.patch.object(speed, "say", lambda text: None):
            rows = speed.measure(places, ["ring", "daemon"], arguments())
        one = [("empty", "libfuzzer"), ("empty", "afl"), ("ring", "libfuzzer"),
               ("ring", "afl"), ("daemon", "libfuzzer")]
        self.assertEqual(order, [(n, *o) for n in (1, 2) for o in one])
        self.assertEqual(set(rows), set(one))

    def test_medians_beside_the_empty_harness_of_the_same_engine(self):
        def runs(*rates):
            return [{"per_cpu_s": r, "per_wall_s": r / 2, "execs": 5,
                     "finds": 0} for r in rates]

        rows = speed.summary({
            ("empty", "libfuzzer"): runs(90000.0, 100000.0, 400000.0),
            ("empty", "afl"): runs(20000.0),
            ("ring", "libfuzzer"): runs(1000.0, 3000.0, 2000.0),
            ("ring", "afl"): runs(1000.0)})
        self.assertEqual([(r["per_cpu_s"], r["lowest"], r["highest"],
                           r["per_wall_s"], r["times_empty"]) for r in rows[2:]],
                         [(2000, 1000, 3000, 1000, 50.0),
                          (1000, 1000, 1000, 500, 20.0)])
        lines = speed.table(rows, ["libfuzzer", "afl"])
        self.assertRegex(lines[3], r"^ring +2000 +1000-3000 +50.0 +1000 ")
        rows = [r for r in rows if (r["harness"], r["engine"]) != ("ring", "afl")]
        self.assertRegex(speed.table(rows, ["libfuzzer", "afl"])[3], r" - +-$")

    def test_a_harness_that_is_none(self):
        with mock.patch.object(speed, "say", lambda text: None):
            self.assertEqual(speed.do_speed(arguments(harnesses=["parade"])), 2)


class Processor(unittest.TestCase):
    def test_only_the_tree_counts(self):
        self.assertGreater(processor.cpu_of_tree(os.getpid()), 0)
        self.assertEqual(processor.cpu_of_tree(2 ** 30), 0)


if __name__ == "__main__":
    unittest.main()
