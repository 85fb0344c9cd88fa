#!/usr/bin/env python3
"""ctest lab.packages: which version is taken, what is cached, what the errors
say.  apt is played by a table; nothing is fetched."""

import os
import shutil
import tempfile
import unittest
from pathlib import Path
from unittest import mock

from xenblk_lab import packages
from xenblk_lab.errors import LabError


class Apt:
    """apt with an index {name: [versions]} and a set of (name, version) that
    the mirror really has."""

    def __init__(self, index, there):
        self.index, self.there, self.calls = index, there, []

    def __call__(self, root, tool, *words, **_):
        self.calls.append(" ".join(map(str, words)))
        return getattr(self, words[0].replace("-", "_"))(root, *words[1:])

    def update(self, *_):
        return 0, ""

    def madison(self, _, name):
        lines = [f" {name} | {v} | http://mirror sid/main amd64 Packages"
                 for v in self.index.get(name, [])]
        return 0, "\n".join(lines)

    def pkgnames(self, _):
        return 0, "\n".join(self.index)

    def download(self, root, word):
        name, version = word.split("=")
        if (name, version) not in self.there:
            return 100, "E: Failed to fetch http://mirror/x.deb  404  Not Found"
        file = f"{name}_{version.replace(':', '%3a')}_amd64.deb"
        (root.files / file).write_text("deb")
        return 0, ""


class Case(unittest.TestCase):
    def setUp(self):
        folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, folder)
        keyring = Path(folder) / "keyring.gpg"
        keyring.touch()
        environment = {"XENBLK_LAB_CACHE": folder, "XENBLK_LAB_MIRROR": "http://m/debian/"}
        for patch in (mock.patch.dict(os.environ, environment),
                      mock.patch.object(packages, "KEYRING", keyring)):
            patch.start()
            self.addCleanup(patch.stop)

    def apt(self, index, there=()):
        played = Apt(index, set(there))
        patch = mock.patch.object(
            packages.Root, "apt", lambda root, *w, **k: played(root, *w, **k)
        )
        patch.start()
        self.addCleanup(patch.stop)
        return played


class Choice(Case):
    INDEX = {"k-9": ["5.9-1"], "k-10": ["5.10-1", "5.10-2~rc1", "5.10-2"]}

    def test_the_newest_version_wins(self):
        self.apt(self.INDEX, [("k-9", "5.9-1"), ("k-10", "5.10-2")])
        package = packages.fetch_first("sid", ["k-9", "k-10"], "kernel x")
        self.assertEqual(package[:2], ("k-10", "5.10-2"))

    def test_a_404_leads_to_the_next(self):
        apt = self.apt(self.INDEX, [("k-9", "5.9-1"), ("k-10", "5.10-1")])
        package = packages.fetch_first("sid", ["k-9", "k-10"], "kernel x")
        self.assertEqual(package[:2], ("k-10", "5.10-1"))
        tried = [c for c in apt.calls if c.startswith("download")]
        self.assertEqual(tried, [
            "download k-10=5.10-2", "download k-10=5.10-2~rc1", "download k-10=5.10-1",
        ])

    def test_an_epoch_is_part_of_the_file_s_name(self):
        self.apt({"b": ["1:1.3"]}, [("b", "1:1.3")])
        self.assertEqual(packages.fetch("sid", "b").path.name, "b_1%3a1.3_amd64.deb")


class Cache(Case):
    def test_nothing_is_fetched_twice(self):
        apt = self.apt({"b": ["1"]}, [("b", "1")])
        first = packages.fetch("sid", "b")
        calls = len(apt.calls)
        self.assertEqual(packages.fetch("sid", "b"), first)
        self.assertEqual(len(apt.calls), calls)

    def test_a_lost_file_is_fetched_again(self):
        self.apt({"b": ["1"]}, [("b", "1")])
        packages.fetch("sid", "b").path.unlink()
        self.assertTrue(packages.fetch("sid", "b").path.exists())

    def test_indexes_are_fetched_once_for_each_mirror(self):
        there = [("b", "1"), ("c", "1"), ("d", "1")]
        apt = self.apt({"b": ["1"], "c": ["1"], "d": ["1"]}, there)
        packages.fetch("sid", "b")
        packages.fetch("sid", "c")
        self.assertEqual(apt.calls.count("update"), 1)
        with mock.patch.dict(os.environ, XENBLK_LAB_MIRROR="http://other"):
            packages.fetch("sid", "d")
        self.assertEqual(apt.calls.count("update"), 2)


class Sentences(Case):
    def test_not_in_the_index(self):
        self.apt({})
        with self.assertRaisesRegex(
            LabError, "package b: none of b is in the index of Debian sid on http://m/debian"
        ):
            packages.fetch("sid", "b")

    def test_indexed_and_not_there(self):
        self.apt({"b": ["1"]})
        with self.assertRaisesRegex(LabError, r"tried b 1 \(E: Failed.*404"):
            packages.fetch("sid", "b")

    def test_no_name_fits(self):
        self.apt({})
        with self.assertRaisesRegex(LabError, "has no kernel x: its index lists no"):
            packages.fetch_first("sid", [], "kernel x")

    def test_an_update_that_failed_is_told_where_it_matters(self):
        apt = self.apt({})
        apt.update = lambda *_: (100, "Err:1 http://m sid\nE: Failed to fetch it")
        with self.assertRaisesRegex(LabError, "last update of its indexes: Err:1 http"):
            packages.fetch("sid", "b")

    def test_a_release_that_nobody_knows(self):
        with self.assertRaisesRegex(LabError, "'potato' is not a release"):
            packages.fetch("potato", "b")


class Mirrors(Case):
    def test_the_security_mirror_follows_unless_it_is_named(self):
        self.assertEqual(packages.mirrors(), ("http://m/debian", "http://m/debian-security"))
        with mock.patch.dict(os.environ, XENBLK_LAB_MIRROR="http://a http://b"):
            self.assertEqual(packages.mirrors(), ("http://a", "http://b"))
            text = packages.sources_list("bullseye", "/k.gpg")
            self.assertIn("deb [signed-by=/k.gpg] http://b bullseye-security main\n", text)
        with mock.patch.dict(os.environ, XENBLK_LAB_MIRROR="a b c"):
            with self.assertRaisesRegex(LabError, "holds 3 words"):
                packages.mirrors()


if __name__ == "__main__":
    unittest.main()
