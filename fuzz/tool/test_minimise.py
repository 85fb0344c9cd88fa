#!/usr/bin/env python3
"""Proof that minimising loses nothing: seeds and regressions stay, names are
those of the contents, and a corpus that grows too large changes nothing."""

import os
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))

import minimise  # noqa: E402
import tree  # noqa: E402


def put(path, data):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as out:
        out.write(data)
    return path


def digest(data):
    with tempfile.NamedTemporaryFile() as file:
        file.write(data)
        file.flush()
        return minimise.digest_of(file.name)


class Minimise(unittest.TestCase):
    def setUp(self):
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        self.top = temporary.name
        self.corpora = os.path.join(self.top, "corpora")
        for name in ("build_dir", "merge", "TOTAL_MAX"):
            self.addCleanup(setattr, minimise, name, getattr(minimise, name))
        minimise.build_dir = lambda preset: os.path.join(self.top, preset)

    def merging(self, found):
        """A merge that keeps these inputs."""
        def fake(_name, merged, _sources):
            for name, data in found.items():
                put(os.path.join(merged, name), data)
            return sorted(found)
        minimise.merge = fake
        return minimise.minimise("ring", [], self.corpora)

    def files(self, *below):
        path = os.path.join(self.corpora, "ring", *below)
        return sorted(os.listdir(path)) if os.path.isdir(path) else []

    def test_seeds_and_regressions_stay_and_names_are_of_contents(self):
        put(f"{self.corpora}/ring/seeds/one.txt", b"device\n")
        put(f"{self.corpora}/ring/regressions/r", b"once")
        put(f"{self.corpora}/ring/corpus/{digest(b'old')}", b"old")
        put(f"{self.corpora}/ring/corpus/{digest(b'both')}", b"both")
        report = self.merging({"x": b"both", "y": b"fresh"})
        self.assertEqual((report["inputs"], report["bytes"]), (2, 9))
        self.assertEqual(self.files("corpus"),
                         sorted([digest(b"both"), digest(b"fresh")]))
        self.assertEqual(self.files("seeds"), ["one.txt"])
        self.assertEqual(self.files("regressions"), ["r"])

    def test_too_much_changes_nothing(self):
        put(f"{self.corpora}/link/corpus/a", bytes(60))
        put(f"{self.corpora}/ring/corpus/b", b"old")
        minimise.TOTAL_MAX = 100
        with self.assertRaisesRegex(tree.Trouble, "would have 101 bytes with "
                                    "the 41 of ring"):
            self.merging({"x": bytes(41)})
        self.assertEqual(self.files("corpus"), ["b"])
        self.assertEqual(self.merging({"x": bytes(40)})["bytes"], 40)

    def test_what_is_kept_anyway_comes_first(self):
        collected, merged = f"{self.top}/collected", f"{self.top}/merged"
        put(f"{collected}/corpus-1", b"c")
        put(f"{collected}/seeds-one", b"s")
        put(f"{collected}/regressions-two", b"r")
        put(f"{collected}/000-made-by-a-program", b"p")
        put(f"{merged}/left-over", b"l")
        names = minimise.begin(collected, merged)
        self.assertEqual(names, {digest(b) for b in (b"s", b"r", b"p")})
        self.assertEqual(names, set(os.listdir(merged)))

    def test_folders_of_the_command_line(self):
        put(f"{self.top}/many/ring/a", b"")
        put(f"{self.top}/plain/b", b"")
        sources = [f"{self.top}/many", f"{self.top}/plain"]
        self.assertEqual(minimise.named("ring", sources, True),
                         [f"{self.top}/many/ring", f"{self.top}/plain"])
        self.assertEqual(minimise.named("link", sources, False), [])
        with self.assertRaisesRegex(tree.Trouble, "is no folder"):
            minimise.named("ring", [f"{self.top}/none"], True)

    def test_both_engines_are_asked(self):
        put(f"{self.top}/fuzz/work/ring/libfuzzer-2/corpus/a", b"")
        put(f"{self.top}/afl/work/ring/afl/out/main/queue/id:0", b"")
        self.assertEqual([os.path.basename(p) for p in minimise.grown("ring")
                          if p.startswith(self.top)], ["corpus", "queue"])


if __name__ == "__main__":
    unittest.main()
