"""Scripts elsewhere: which are chosen, and what becomes of the verdicts."""

import json
import os
import tempfile
import unittest

import elsewhere
from tree import Trouble


def rows():
    return {f"{i:05}.tape": {"script": f"s{i}", "inprocess":
                             {"verdict": "PASS", "left_out": {"turns": i}}}
            for i in range(3)}


class Choice(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        for i in range(10):
            with open(os.path.join(self.folder.name, f"{i}"), "wb"):
                pass

    def test_all(self):
        self.assertEqual(len(elsewhere.scripts([self.folder.name], None)), 10)

    def test_sample_is_spread_and_the_same(self):
        found = elsewhere.scripts([self.folder.name], 5)
        self.assertEqual([os.path.basename(p) for p in found],
                         ["0", "2", "4", "6", "8"])

    def test_missing(self):
        with self.assertRaisesRegex(Trouble, "/no/file cannot be found"):
            elsewhere.scripts(["/no/file"], None)


class Verdicts(unittest.TestCase):
    def lines(self):
        return [json.dumps({"tape": "00000.tape", "verdict": "PASS",
                            "answered": 3, "okay": 2}),
                json.dumps({"tape": "00001.tape", "verdict": "FAIL",
                            "oracle": "memory", "reason": "why"})]

    def test_what_says_nothing_is_lost(self):
        found = rows()
        elsewhere.take(found, self.lines(), "sim")
        self.assertEqual([row["sim"]["verdict"] for row in found.values()],
                         ["PASS", "FAIL", "LOST"])

    def test_bad(self):
        found = rows()
        elsewhere.take(found, self.lines(), "sim")
        self.assertEqual([elsewhere.bad(row, "sim") for row in found.values()],
                         [False, True, True])

    def test_found_out_in_process_is_bad_without_a_tape(self):
        row = {"script": "s", "inprocess": {"verdict": "FAIL"}}
        self.assertTrue(elsewhere.bad(row, "sim"))

    def test_sums(self):
        found = rows()
        elsewhere.take(found, self.lines(), "sim")
        sums = elsewhere.sums(found.values(), "sim")
        self.assertEqual(sums["verdicts"], {"PASS": 1, "FAIL": 1, "LOST": 1})
        self.assertEqual((sums["totals"]["answered"], sums["left_out"]["turns"]),
                         (3, 3))


if __name__ == "__main__":
    unittest.main()
