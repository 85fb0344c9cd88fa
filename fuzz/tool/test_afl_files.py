#!/usr/bin/env python3
"""Proof that AFL++'s rates are true: with files as afl-fuzz 4.04c writes them."""

import os
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))

import afl_files  # noqa: E402

HEAD = ("# relative_time, cycles_done, cur_item, corpus_count, pending_total, "
        "pending_favs, map_size, saved_crashes, saved_hangs, max_depth, "
        "execs_per_sec, total_execs, edges_found\n")


class Files(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory(prefix="xenblk-afl-")
        self.addCleanup(self.folder.cleanup)

    def instance(self, name, plot, stats=""):
        where = os.path.join(self.folder.name, name)
        os.mkdir(where)
        for file, text in (("plot_data", plot), ("fuzzer_stats", stats)):
            if text:
                with open(os.path.join(where, file), "w",
                          encoding="ascii") as out:
                    out.write(text)
        return where

    @staticmethod
    def row(seconds, execs, edges=70, corpus=9):
        return (f"{seconds}, 0, 1, {corpus}, 5, 2, 1.2%, 0, 0, 3, 999.9, "
                f"{execs}, {edges}\n")

    def test_a_rate_does_not_fall_while_stats_wait(self):
        """fuzzer_stats stands still at its first words; plot_data goes on."""
        plot, stats = HEAD, "run_time : 1\nexecs_done : 480\n"
        rates = []
        for i, seconds in enumerate((5, 10, 15, 20)):
            plot += self.row(seconds, 500 * seconds)
            where = self.instance(f"at{i}", plot, stats)
            rates.append(afl_files.together([where])["execs_per_s"])
        self.assertEqual(rates, [500, 500, 500, 500])

    def test_the_end_is_in_stats(self):
        where = self.instance(
            "main", HEAD + self.row(55, 5500),
            "run_time          : 60\nexecs_done        : 6600\n"
            "edges_found       : 81\ncorpus_count      : 12\n"
            "stability         : 100.00%\n")
        self.assertEqual(afl_files.together([where]), {
            "execs": 6600, "execs_per_s": 110, "edges": 81, "corpus": 12,
            "stability": "100.00%"})

    def test_instances_add_up_each_by_its_own_clock(self):
        wheres = [self.instance("main", HEAD + self.row(10, 1000, edges=5)),
                  self.instance("second1", HEAD + self.row(5, 1000, edges=8))]
        total = afl_files.together(wheres)
        self.assertEqual((total["execs"], total["execs_per_s"],
                          total["edges"]), (2000, 300, 8))

    def test_nothing_yet_is_nothing(self):
        wheres = [self.instance("none", ""), self.instance("head", HEAD),
                  self.instance("torn", HEAD + "5, 0, 1, 9")]
        self.assertEqual(afl_files.together(wheres)["execs_per_s"], 0)


if __name__ == "__main__":
    unittest.main()
