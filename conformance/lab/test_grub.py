#!/usr/bin/env python3
"""ctest lab.grub: the menu and the disk that GRUB reads; nothing is fetched."""

import hashlib
import os
import shutil
import subprocess
import tempfile
import time
import unittest
from pathlib import Path
from unittest import mock

from xenblk_lab import grub, guests

MKE2FS = shutil.which("mke2fs", path="/usr/sbin:/sbin:/usr/bin:/bin")


class Menu(unittest.TestCase):
    def test_with_a_kernel_it_boots_after_the_comparison(self):
        lines = grub.menu("console=hvc0 a=b").splitlines()
        self.assertIn("linux /boot/kernel console=hvc0 a=b", lines)
        self.assertLess(lines.index("fi"), lines.index("boot"))

    def test_without_it_stays(self):
        text = grub.menu("")
        self.assertNotIn("linux", text)
        self.assertTrue(text.endswith("done\n"))

    def test_the_sample_is_the_same_each_time(self):
        data, line = grub.sample()
        self.assertEqual(data, grub.sample()[0])
        self.assertEqual(line, f"{hashlib.sha256(data).hexdigest()}  sample\n")


@unittest.skipUnless(MKE2FS, "there is no mke2fs here")
class Disk(unittest.TestCase):
    def setUp(self):
        self.folder = Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.folder)
        self.files = [self.folder / "vmlinux", self.folder / "ramdisk"]
        for path in self.files:
            path.write_bytes(path.name.encode() * 1000)

    def make(self, cache, arguments="x"):
        with mock.patch.dict(os.environ, XENBLK_LAB_CACHE=str(self.folder / cache)):
            return grub.disk("d", arguments, *self.files)

    def test_two_makers_make_the_same_bytes(self):
        first = self.make("a").read_bytes()
        time.sleep(1.1)
        self.assertEqual(first, self.make("b").read_bytes())

    def test_it_is_made_anew_only_for_new_contents(self):
        first = self.make("a").stat().st_ino
        self.assertEqual(self.make("a").stat().st_ino, first)
        self.assertNotEqual(self.make("a", "y").stat().st_ino, first)
        self.files[1].write_bytes(b"other")
        second = self.make("a").stat().st_mtime_ns
        self.assertEqual(self.make("a").stat().st_mtime_ns, second)

    def test_what_is_on_it(self):
        done = subprocess.run(
            [shutil.which("debugfs", path="/usr/sbin:/sbin") or "debugfs", "-R",
             "cat /boot/grub/grub.cfg", str(self.make("a"))],
            capture_output=True, text=True, check=True)
        self.assertEqual(done.stdout, grub.menu("x"))


class Rows(unittest.TestCase):
    def test_both_ends_know_the_same_words(self):
        there = (grub.place.LAB / "dom0" / "grub.py").read_text()
        self.assertIn(f'RIGHT, WRONG = "{grub.RIGHT}", "{grub.WRONG}"\n', there)

    def test_grub_s_rows_have_a_disk_and_no_ramdisk(self):
        for name, protocol in (("grub-64", "x86_64-abi"), ("grub-32", "x86_32-abi")):
            facts = guests.spec(name).for_dom0()
            self.assertTrue(facts["disk"])
            self.assertEqual(facts["protocol"], protocol)
            self.assertNotIn("ramdisk", facts["config"])
        self.assertFalse(guests.spec("grub-32").for_dom0()["agent"])


if __name__ == "__main__":
    unittest.main()
