#!/usr/bin/env python3
"""Proof that xenblk-fuzz can run several times in one tree, and side by side."""

import argparse
import multiprocessing
import os
import subprocess
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))

import bank_patch  # noqa: E402
import campaign  # noqa: E402
import engines  # noqa: E402
import recorded  # noqa: E402
import tree  # noqa: E402


def make_many(path):
    """What eight runs that start at once do first."""
    for _ in range(200):
        tree.folder(path)


def append_alone(path):
    """Two writes that must not be torn apart."""
    for _ in range(50):
        with tree.alone(path, "appends"):
            with open(os.path.join(path, "log"), "a",
                      encoding="ascii") as log:
                log.write("begin ")
                log.flush()
                log.write("end\n")


class SideBySide(unittest.TestCase):
    def setUp(self):
        self.temporary = tempfile.TemporaryDirectory()
        self.addCleanup(self.temporary.cleanup)
        self.path = os.path.join(self.temporary.name, "work")

    def in_eight(self, function):
        all_of_them = [multiprocessing.Process(target=function,
                                               args=(self.path,))
                       for _ in range(8)]
        for process in all_of_them:
            process.start()
        for process in all_of_them:
            process.join()
        self.assertEqual([p.exitcode for p in all_of_them], [0] * 8)

    def test_a_folder_is_made_by_eight_at_once(self):
        self.in_eight(make_many)
        self.assertEqual(os.listdir(self.path), [])

    def test_only_one_is_inside(self):
        tree.say = lambda text: None
        self.in_eight(append_alone)
        with open(os.path.join(self.path, "log"), encoding="ascii") as log:
            self.assertEqual(set(log), {"begin end\n"})

    def test_each_run_has_a_folder_of_its_own(self):
        first, lock = tree.claim(self.path)
        second, other = tree.claim(self.path)
        self.assertEqual((first, second), (self.path, self.path + "-2"))
        lock.close()
        again, lock = tree.claim(self.path)
        self.assertEqual(again, self.path)
        lock.close()
        other.close()

    def test_an_engine_keeps_the_folder_when_we_are_gone(self):
        _, lock = tree.claim(self.path)
        child = subprocess.Popen(["cat"], stdin=subprocess.PIPE,
                                 pass_fds=[lock.fileno()])
        lock.close()
        second, other = tree.claim(self.path)
        self.assertEqual(second, self.path + "-2")
        other.close()
        child.communicate()
        first, lock = tree.claim(self.path)
        self.assertEqual(first, self.path)
        lock.close()

    def test_a_folder_that_cannot_be_is_a_sentence(self):
        with open(self.path, "wb"):
            pass
        with self.assertRaisesRegex(tree.Trouble, "cannot be written"):
            tree.folder(os.path.join(self.path, "below"))


class Whole(unittest.TestCase):
    """A harness that starts programs takes them along."""

    def setUp(self):
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        self.bins = os.path.join(temporary.name, "bin")
        os.mkdir(self.bins)
        for name in ("fuzz-ring", "fuzz-daemon", *tree.COMPANIONS["daemon"]):
            with open(os.path.join(self.bins, name), "w",
                      encoding="ascii") as out:
                out.write(name)
        self.path = os.path.join(temporary.name, "kept")

    def test_one_of_one_piece_is_a_file(self):
        self.assertEqual(tree.take(self.bins, "ring", self.path), self.path)
        self.assertFalse(os.path.exists(self.path + ".d"))

    def test_companions_lie_beside_it(self):
        for _ in range(2):  # also in the place of earlier ones
            tree.take(self.bins, "daemon", self.path)
        self.assertEqual(sorted(os.listdir(self.path + ".d")),
                         sorted(tree.COMPANIONS["daemon"]))

    def test_each_that_is_elsewhere_says_why_and_has_time(self):
        for harness, reason in tree.ELSEWHERE.items():
            self.assertIn(harness, tree.HARNESSES)
            self.assertTrue(reason)
            self.assertGreater(tree.timeout_of(harness), tree.TIMEOUT_S)

    def test_records_have_a_text_and_plain_bytes_none(self):
        for harness in ("ring", "io", "lifecycle", "handshake", "worker",
                        "records", "nbd", "blocks", "daemon"):
            self.assertTrue(tree.has_text(harness), harness)
        for harness in ("settings", "link", "no-such-harness", ""):
            self.assertFalse(tree.has_text(harness), harness)

    def test_whose_an_input_is_says_its_folder_or_a_word(self):
        args = argparse.Namespace(harness=None)
        self.assertEqual(tree.harness_of("corpora/ring/seeds/x", args), "ring")
        # The last one: a find of a mutant may lie below another's name.
        self.assertEqual(tree.harness_of("/ring/lifecycle/x", args),
                         "lifecycle")
        with self.assertRaisesRegex(tree.Trouble, "--harness NAME"):
            tree.harness_of("/nowhere/x", args)
        args.harness = "ops"
        self.assertEqual(tree.harness_of("/ring/x", args), "ops")

    def test_campaigns_leave_it_out(self):
        self.assertNotIn("daemon", campaign.harnesses_of([]))
        with self.assertRaisesRegex(tree.Trouble, "is for no campaign"):
            campaign.harnesses_of(["ring,daemon"])


class Nice(unittest.TestCase):
    def test_an_engine_and_its_group_stand_back(self):
        options = argparse.Namespace(nice=7, keep_open=[])
        with tempfile.NamedTemporaryFile() as log:
            child = engines.start(["sleep", "60"], log.name, options)
        self.addCleanup(child.wait)
        self.addCleanup(child.kill)
        self.assertEqual(os.getpriority(os.PRIO_PROCESS, child.pid), 7)
        group = f"/proc/{child.pid}/autogroup"
        if os.path.exists(group):
            with open(group, encoding="ascii") as text:
                self.assertIn("nice 7", text.read())

    def test_who_is_gone_is_no_error(self):
        child = subprocess.Popen(["true"])
        child.wait()
        engines.yield_to_others(child.pid, 7)


class Recorded(unittest.TestCase):
    def test_seeds_are_kept_once_under_the_name_of_their_contents(self):
        with tempfile.TemporaryDirectory() as where:
            seed = os.path.join(where, "0001")
            with open(seed, "wb") as out:
                out.write(b"abc")
            into = os.path.join(where, "corpora")
            self.assertTrue(recorded.keep(seed, "ring", into))
            self.assertFalse(recorded.keep(seed, "ring", into))
            self.assertEqual(os.listdir(os.path.join(into, "ring", "seeds")),
                             ["a9993e364706816aba3e25717850c26c9cd0d89d"])

    def test_a_recording_that_is_none_is_a_sentence(self):
        with self.assertRaisesRegex(tree.Trouble, "cannot open"):
            recorded.convert("/bin/sh", "/no/recording", "/no/folder")


class Bank(unittest.TestCase):
    def test_a_patch_that_does_not_fit_is_named(self):
        tree.say = bank_patch.say = lambda text: None
        with tempfile.NamedTemporaryFile("w", suffix=".patch") as file:
            file.write("--- a/README.md\n+++ b/README.md\n@@ -1,1 +1,1 @@\n"
                       "-no line of it\n+another\n")
            file.flush()
            bug = {"id": "X1", "file": file.name}
            self.assertEqual(bank_patch.applies([bug]), ["X1"])


class Output(unittest.TestCase):
    def test_who_reads_no_more_ends_it_without_a_trace(self):
        read, write = os.pipe()
        os.close(read)
        done = subprocess.run(
            [os.path.join(tree.ROOT, "fuzz", "xenblk-fuzz"), "bugbank",
             "--applies", "--json"],
            stdout=write, stderr=subprocess.PIPE, text=True, check=False,
            timeout=60)
        os.close(write)
        self.assertEqual((done.returncode, "Traceback" in done.stderr,
                          "Exception" in done.stderr), (141, False, False))


if __name__ == "__main__":
    unittest.main()
