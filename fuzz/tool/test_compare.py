#!/usr/bin/env python3
"""Proof that two samples are compared as the books say, and that the two sides
of a comparison differ in nothing but the mutator."""

import math
import os
import sys
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))

import compare  # noqa: E402
import samples  # noqa: E402

NEVER = math.inf


class Samples(unittest.TestCase):
    def test_ranks_share_ties(self):
        self.assertEqual(samples.ranks([10, 20, 10, 5]), [2.5, 4, 2.5, 1])

    def test_u_counts_the_pairs_that_are_won(self):
        self.assertEqual(samples.u_of([1, 2, 3], [4, 5, 6]), 0)
        self.assertEqual(samples.u_of([4, 5, 6], [1, 2, 3]), 9)
        self.assertEqual(samples.u_of([1, 1], [1, 1]), 2)

    def test_a12_of_a_known_table(self):
        self.assertEqual(samples.a12([3, 4], [1, 2]), 1)
        self.assertEqual(samples.a12([1, 3], [2, 2]), 0.5)

    def test_p_of_samples_that_are_apart_and_of_equal_ones(self):
        apart = samples.p_value(range(10), range(100, 110))
        # The exact value is 2 / C(20, 10), about 1e-5.
        self.assertLess(apart, 0.0003)
        self.assertEqual(samples.p_value([1] * 10, [1] * 10), 1.0)
        self.assertGreater(samples.p_value(range(0, 20, 2), range(1, 21, 2)),
                           0.5)

    def test_what_was_never_found_loses(self):
        row = samples.compare([1] * 10, [NEVER] * 10, False)
        self.assertEqual((row["verdict"], row["ours"], row["theirs"]),
                         ("wins", 1, None))
        row = samples.compare([NEVER] * 10, [1] * 10, False)
        self.assertEqual((row["verdict"], row["a12"]), ("loses", 0))
        row = samples.compare([NEVER] * 10, [NEVER] * 10, False)
        self.assertEqual((row["verdict"], row["a12"]), ("even", 0.5))

    def test_more_edges_win(self):
        row = samples.compare(range(100, 110), range(10), True)
        self.assertEqual((row["verdict"], row["a12"]), ("wins", 1))


class Sides(unittest.TestCase):
    def test_both_run_at_once_with_one_seed(self):
        """A fake side is over after its seed's number of steps."""
        began = []

        class Fake:
            def __init__(self, engine, harness, binary, seed, share, budget):
                self.left, self.share = seed, share
                began.append((engine, harness, binary, seed, share, budget))

            def step(self):
                self.left -= 1
                return self.left > 0

            def end(self):
                return {"kill_s": float(self.share)}

        kept = compare.Side
        self.addCleanup(setattr, compare, "Side", kept)
        compare.Side = Fake
        rows = compare.measure("afl", "ring", "/b", 2, 7)
        self.assertEqual(began, [("afl", "ring", "/b", seed, share, 7)
                                 for seed in (1, 2) for share in ("50", "0")])
        self.assertEqual(compare.judge(rows, "kill_s", True)["verdict"],
                         "even")  # two are too few to say more
        self.assertEqual([r["kill_s"] for r in rows["mutator"]], [50, 50])

    def test_a_row_is_a_line(self):
        row = samples.compare([1.5] * 8, [NEVER] * 8, False)
        self.assertIn("mutator      1.5  havoc     none  A12 1.00",
                      compare.line("S13", row))


if __name__ == "__main__":
    unittest.main()
