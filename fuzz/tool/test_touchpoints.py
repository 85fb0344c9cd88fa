"""The list of touchpoints: from sources, and from what a run wrote."""

import os
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import touchpoints  # noqa: E402
from tree import Trouble  # noqa: E402


class Sites(unittest.TestCase):
    def test_the_ring_is_listed(self):
        found = touchpoints.sites()
        ring = [s for s in found if s.startswith("backend/worker/ring.c:")]
        self.assertGreaterEqual(len(ring), 5)
        self.assertIn("shared_copy_out", {found[s] for s in ring})

    def test_accessors_and_tests_are_not(self):
        for site in touchpoints.sites():
            self.assertNotIn("shared.h", site)
            self.assertNotIn("test_", site)

    def test_no_sources(self):
        with tempfile.TemporaryDirectory() as where:
            with self.assertRaisesRegex(Trouble, "would be empty"):
                touchpoints.sites(where)


class Runs(unittest.TestCase):
    def write(self, text):
        with tempfile.NamedTemporaryFile("w", delete=False) as file:
            file.write(text)
        self.addCleanup(os.unlink, file.name)
        return file.name

    def test_counts(self):
        path = self.write("program /a b/fuzz-ring\n0x1f 3\n0x2a 70\n")
        self.assertEqual(touchpoints.read_run(path),
                         ("/a b/fuzz-ring", {31: 3, 42: 70}))

    def test_not_a_list(self):
        for text in ("", "program x\n0x1f\n", "program x\nhere 1\n"):
            with self.assertRaisesRegex(Trouble, "XENBLK_TOUCHPOINTS"):
                touchpoints.read_run(self.write(text))
        with self.assertRaisesRegex(Trouble, "no list of touchpoints"):
            touchpoints.read_run("/nonexistent/list")

    def test_place_skips_the_accessor(self):
        self.assertEqual(touchpoints.place_of(
            ["/x/backend/worker/shared.h:23:9", "/x/backend/worker/ring.c:124:2",
             "/x/backend/worker/queue.c:300:1"]), "backend/worker/ring.c:124")
        self.assertIsNone(touchpoints.place_of(["/x/fuzz/disk.c:168:4"]))


if __name__ == "__main__":
    unittest.main()
